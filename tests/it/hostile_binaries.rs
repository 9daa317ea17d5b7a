//! Small images made to cost much: programs, databases and packed files that say with a few bytes what would take
//! gigabytes or hours. Each ends soon, in little memory, and with a word about what was not looked at.

use crate::support::fleet::store_in;
use crate::support::image_builder::{Compression, ImageBuilder, LayerBuilder, compress};
use crate::support::program::{Home, show};
use crate::support::registry::{Auth, Registry};
use serde_json::Value;

/// The report of an image of this layer, made under limits of memory (1.5 GB of addresses, which the build for tests
/// and its threads take a part of) and of time.
fn inspect(layer: LayerBuilder) -> Value {
    inspect_image(ImageBuilder::new().layer("COPY . .", layer))
}

fn inspect_image(image: ImageBuilder) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let layout = image.write_layout(folder.path(), "1");
    let limits = "ulimit -v 1500000; ulimit -t 120; exec \"$@\"";
    let home = Home::new();
    let run = std::process::Command::new("sh")
        .args(["-c", limits, "sh"])
        .arg(env!("CARGO_BIN_EXE_careen"))
        .args(["inspect", &show(&layout), "--format", "json", "--no-cache", "--fail-on", "never"])
        .env_clear()
        .env("HOME", home.0.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(matches!(run.status.code(), Some(0 | 3)), "{:?}: {said}", run.status);
    serde_json::from_slice(&run.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// Whether something was not looked at, with these words in what and why.
#[track_caller]
fn named(report: &Value, what: &str, why: &str) {
    let gaps = report["not_looked_at"].as_array().unwrap();
    let hit = |g: &Value| {
        g["what"].as_str().unwrap().contains(what) && g["why"].as_str().unwrap().contains(why)
    };
    assert!(gaps.iter().any(hit), "{what}: {why}: {gaps:#?}");
}

/// A program of which 64 lists of 65,535 version needs lie over each other.
fn version_needs() -> Vec<u8> {
    let (lists, length) = (64u64, 65_535u64);
    let (dynamic, heads) = (176, 256);
    let (list, strings) = (heads + 16 * lists, heads + 16 * (lists + length));
    let mut bytes = vec![0; strings as usize + 8192];
    let mut put = |at: u64, value: u64, width: usize| {
        bytes[at as usize..][..width].copy_from_slice(&value.to_le_bytes()[..width]);
    };
    put(0, u64::from_le_bytes(*b"\x7fELF\x02\x01\x01\0"), 8);
    for (at, value, width) in [(16, 3, 2), (18, 62, 2), (32, 64, 8), (54, 56, 2), (56, 2, 2)] {
        put(at, value, width);
    }
    for (at, value, width) in [(64, 1, 4), (96, strings + 8192, 8), (120, 2, 4)] {
        put(at, value, width);
    }
    for (at, value) in [(128, dynamic), (136, dynamic), (152, 80)] {
        put(at, value, 8);
    }
    let entries = [(5, strings), (10, 8000), (0x6fff_fffe, heads), (0x6fff_ffff, lists), (0, 0)];
    for (n, (tag, value)) in (0u64..).zip(entries) {
        put(dynamic + 16 * n, tag, 8);
        put(dynamic + 16 * n + 8, value, 8);
    }
    for n in 0..lists {
        let at = heads + 16 * n;
        put(at + 2, length, 2);
        put(at + 8, list - at, 4);
        put(at + 12, 16, 4);
    }
    for n in 0..length {
        put(list + 16 * n + 12, 16, 4);
    }
    bytes[strings as usize..][..4090].fill(b'A');
    bytes[strings as usize + 1] = b'_';
    bytes
}

/// An xz file of one stored block that asks for a dictionary of 3 GiB.
fn greedy_xz() -> Vec<u8> {
    let sum = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    };
    let with_sum = |bytes: &[u8]| [bytes, &sum(bytes)].concat();
    let text = b"hello\n";
    let stream = [&b"\xfd7zXZ\0"[..], &with_sum(&[0, 0])[..2], &sum(&[0, 0])].concat();
    let head = with_sum(&[2, 0, 0x21, 1, 39, 0, 0, 0]);
    let block = [&[1, 0, text.len() as u8 - 1], &text[..], &[0]].concat();
    let unpadded = (head.len() + block.len()) as u8;
    let padding = vec![0; block.len().wrapping_neg() % 4];
    let index = with_sum(&[0, 1, unpadded, text.len() as u8]);
    let foot = [1, 0, 0, 0, 0, 0];
    [stream, head, block, padding, index, sum(&foot).to_vec(), foot.to_vec(), b"YZ".to_vec()]
        .concat()
}

/// An rpm database whose table is a view that never ends.
fn endless_view() -> Vec<u8> {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c) \
         SELECT zeroblob(1000000) AS blob, -x AS hnum FROM c",
    )
    .unwrap();
    db.serialize(rusqlite::MAIN_DB).unwrap().to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    compress(bytes, Compression::Gzip)
}

fn program(bytes: &[u8]) -> LayerBuilder {
    LayerBuilder::new().file_as("bin/x", 0o755, 0, bytes)
}

fn apk(dir: usize, files: usize) -> LayerBuilder {
    let db = format!("P:x\nV:1\nF:{}\n{}\n", "d".repeat(dir), "R:a\n".repeat(files));
    LayerBuilder::new().file("lib/apk/db/installed", db)
}

/// A file of one byte and a hole.
fn sparse(size: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let map = [("GNU.sparse.size", size), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,1")];
    tar.append_pax_extensions(map.iter().map(|(k, v)| (*k, v.as_bytes()))).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "var/log/lastlog", &b"x"[..]).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn version_needs_that_lie_over_each_other() {
    let report = inspect(program(&version_needs()));
    named(&report, "/bin/x in layer 0, by elf", "more libraries and versions");
}

#[test]
fn a_program_full_of_the_mark_of_go() {
    let mut bytes = b"\x7fELF".to_vec();
    bytes.extend(b"\xff Go buildinf:".repeat(4 << 20));
    let report = inspect(program(&bytes));
    assert_eq!(report["packages"], serde_json::json!([]), "it is no program of Go's");
}

#[test]
fn an_rpm_database_that_is_a_view_is_unreadable() {
    let db = endless_view();
    let report = inspect(LayerBuilder::new().file("var/lib/rpm/rpmdb.sqlite", db));
    named(&report, "rpmdb.sqlite in layer 0, by rpm", "`Packages` is a view");
}

#[test]
fn lists_of_files_below_long_paths() {
    let record = |parts: usize, length: usize| {
        let path = format!("{}/x-1.dist-info/RECORD", vec!["s".repeat(length); parts].join("/"));
        LayerBuilder::new().file(&path, "a,,\n".repeat(20_000))
    };
    // The end of so long a name, with the reader's, is cut.
    named(&inspect(record(18, 199)), "/sss", "more than is read of one file");
    // A path that no runtime makes: whatever it is called here, the list is small or named.
    let report = inspect(record(1, 1_000_000));
    assert!(report["packages"].as_array().unwrap().len() < 2);
    named(&inspect(apk(65_000, 200_000)), "by apk", "longer than 4095 bytes");
    named(&inspect(apk(4000, 200_000)), "by apk", "more than is read of one file");
}

#[test]
fn a_dictionary_of_gigabytes_is_refused() {
    let xz = greedy_xz();
    let layer = (0..8).fold(LayerBuilder::new(), |l, n| l.file(&format!("x/{n}.xz"), &xz));
    let report = inspect(layer);
    named(&report, "/x/7.xz in layer 0", "a dictionary of 3072 MiB");
}

#[test]
fn what_the_files_of_a_layer_unpack_to_has_one_budget() {
    // A tar of one file and 60 MB of nothing behind it, packed twice: 300 bytes.
    let mut tar = LayerBuilder::new().file("a", "hello").finish();
    tar.resize(60 << 20, 0);
    let bomb = gzip(&gzip(&tar));
    let layer = (0..6).fold(LayerBuilder::new(), |l, n| l.file(&format!("b/{n}.gz"), &bomb));
    let report = inspect(layer.file("z.gz", gzip(b"hello")));
    named(&report, "/b/5.gz in layer 0", "unpacks to too many bytes");
    let gaps = report["not_looked_at"].as_array().unwrap();
    let cut = |path: &str| gaps.iter().any(|g| g["what"].as_str().unwrap().starts_with(path));
    assert!(
        !cut("/b/0.gz") && !cut("/z.gz"),
        "one alone is opened, and so is a small one behind them: {gaps:?}"
    );
}

#[test]
fn holes_are_passed_over() {
    let report =
        inspect_image(ImageBuilder::new().raw_layer("RUN useradd x", sparse("300000000000")));
    named(&report, "/var/log/lastlog in layer 0", "of its holes were passed over");
    assert_eq!(report["not_looked_at"][0]["failed"], false, "they are zeros: nothing is missed");
    assert_eq!(report["layers"][0]["files"], 1);
}

#[test]
fn a_sweep_ends_with_all_of_them_told() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let images = [
        ("elf", program(&version_needs())),
        ("rpm", LayerBuilder::new().file("var/lib/rpm/rpmdb.sqlite", endless_view())),
        ("apk", apk(65_000, 200_000)),
        ("xz", LayerBuilder::new().file("a.xz", greedy_xz())),
        ("good", LayerBuilder::new().file("etc/hostname", "x\n")),
    ];
    let names = images.iter().map(|(n, _)| *n).collect::<Vec<_>>();
    for (name, layer) in images {
        let layout = folder.path().join(name);
        ImageBuilder::new().layer("COPY . .", layer).write_layout(&layout, "1");
        registry.push_as(&layout, &format!("{name}:1"), None);
    }
    let store = store_in(folder.path());
    let run = home.run(&["sweep", &registry.host, "--store", &store, "--format", "json"]);
    assert!(matches!(run.status, 1 | 3), "{}: {}", run.status, run.stderr);
    let images = home.run(&["inventory", "images", "--store", &store, "--format", "json"]).json();
    let all = images["rows"].to_string();
    for name in names {
        assert!(all.contains(name), "{name}: {all}");
    }
}
