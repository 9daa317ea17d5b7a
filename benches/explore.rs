//! The explorer on an image of 300,000 files: the first screen after the index, and a key press with its
//! picture. `cargo bench --bench explore`; each should be far below the 100 ms that a person notices.

use careen::explore::{Explorer, Key};
use careen::pipeline::explore::{OpenImage, open};
use careen::pipeline::{Plan, Silent};
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sha2::Digest as _;
use std::path::Path;
use std::sync::Arc;

const FILES: usize = 300_000;

fn blob(folder: &Path, bytes: &[u8]) -> (String, usize) {
    let hex: String = sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(&hex), bytes).unwrap();
    (format!("sha256:{hex}"), bytes.len())
}

/// An OCI layout of one layer.
fn layout(folder: &Path) {
    let mut tar = tar::Builder::new(Vec::new());
    for n in 0..FILES {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        let path = format!("usr/lib/d{}/e{}/module_{n}.py", n % 300, n % 7);
        tar.append_data(&mut header, path, &[][..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let (diff_id, size) = blob(folder, &tar);
    let os = format!(
        "\"architecture\":\"{}\",\"os\":\"linux\"",
        careen::oci::Platform::host().architecture
    );
    let config = format!(
        "{{{os},\"config\":{{}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{diff_id}\"]}}}}"
    );
    let (config, config_size) = blob(folder, config.as_bytes());
    let kind = "application/vnd.oci.image";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{kind}.manifest.v1+json\",\"config\":{{\"mediaType\":\
         \"{kind}.config.v1+json\",\"digest\":\"{config}\",\"size\":{config_size}}},\"layers\":[{{\
         \"mediaType\":\"{kind}.layer.v1.tar\",\"digest\":\"{diff_id}\",\"size\":{size}}}]}}"
    );
    let (manifest, manifest_size) = blob(folder, manifest.as_bytes());
    let index = format!(
        "{{\"schemaVersion\":2,\"manifests\":[{{\"mediaType\":\"{kind}.manifest.v1+json\",\
         \"digest\":\"{manifest}\",\"size\":{manifest_size}}}]}}"
    );
    std::fs::write(folder.join("index.json"), index).unwrap();
    std::fs::write(folder.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
}

fn image() -> Arc<OpenImage> {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path());
    let locator = format!("oci:{}", folder.path().display());
    let plan = Plan::new(careen::source::locator::Locator::parse(&locator).unwrap());
    Arc::new(open(&plan, &Silent).unwrap())
}

fn explore(c: &mut Criterion) {
    let image = image();
    let mut screen = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let mut group = c.benchmark_group("explore, 300,000 files");
    group.sample_size(10);
    group.bench_function("first screen", |b| {
        b.iter(|| {
            let mut explorer = Explorer::new(Arc::clone(&image));
            screen.draw(|f| explorer.draw(f, true)).unwrap();
        });
    });
    let mut explorer = Explorer::new(Arc::clone(&image));
    for key in [Key::Right, Key::Right, Key::Right, Key::Right] {
        explorer.key(key);
    }
    let mut press = |name: &str, keys: &[Key]| {
        group.bench_function(name, |b| {
            b.iter(|| {
                for key in keys {
                    explorer.key(*key);
                }
                screen.draw(|f| explorer.draw(f, true)).unwrap();
            });
        });
    };
    press("down and up", &[Key::Down, Key::Up]);
    press("order, twice", &[Key::Char('s'), Key::Char('s')]);
    press("a filter and back", &[Key::Char('f'), Key::Char('F')]);
    press(
        "search for three letters",
        &[Key::Char('/'), Key::Char('m'), Key::Char('9'), Key::Char('y'), Key::Esc],
    );
    press("another layer and back", &[Key::Char('0'), Key::Char('a')]);
    group.finish();
}

criterion_group!(benches, explore);
criterion_main!(benches);
