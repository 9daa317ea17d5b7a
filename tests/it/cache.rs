//! The cache from outside: what has been read is not read again, many may share a folder, and what is
//! damaged in it changes no report.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use crate::support::registry::{Auth, Registry};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn image() -> ImageBuilder {
    // Assembled, so that this file holds no token.
    let token = ["ghp_", "FAKE0FAKE0FAKE0FAKE0FAKE0FAKE0", "2u3rZN"].concat();
    ImageBuilder::new()
        .layer("COPY . .", LayerBuilder::new().file("app/.env", format!("TOKEN={token}\n")))
        .layer("RUN make", LayerBuilder::new().file("app/data", vec![b'x'; 200_000]))
        .layer("RUN rm", LayerBuilder::new().whiteout("app/.env"))
}

fn digests(report: &Value) -> Vec<String> {
    let layers = report["layers"].as_array().unwrap();
    layers.iter().map(|l| l["digest"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the registry's log has this many requests for `end`; it is written after the answer.
#[track_caller]
fn wait_for(registry: &Registry, end: &str, count: usize) {
    let begun = Instant::now();
    while registry.sent(end) < count {
        assert!(begun.elapsed() < Duration::from_secs(10), "{end}: {}", registry.sent(end));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What is done to a cache entry's bytes.
type Damage<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn a_registry_is_asked_for_a_layer_once() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    registry.push(&image().write_layout(folder.path(), "1"), None);
    let name = format!("{}/app/x:1", registry.host);
    let manifest = |n| wait_for(&registry, "/manifests/1", n);

    let before = registry.sent("/manifests/1");
    let cold = home.report(&name, &[]);
    let layers = digests(&cold);
    assert_eq!(layers.len(), 3);
    let blob = |digest: &String| format!("/blobs/{digest}");
    for digest in &layers {
        wait_for(&registry, &blob(digest), 1);
    }
    assert_eq!(home.report(&name, &[]), cold, "the report is the same");
    manifest(before + 2);
    let sent: Vec<usize> = layers.iter().map(|d| registry.sent(&blob(d))).collect();
    assert_eq!(sent, [1, 1, 1], "the second run fetched no layer");

    assert_eq!(home.report(&name, &["--no-cache"]), cold);
    for digest in &layers {
        wait_for(&registry, &blob(digest), 2);
    }
    // A folder named by option is another cache.
    let other = folder.path().join("other-cache");
    assert_eq!(home.report(&name, &["--cache-dir", &show(&other)]), cold);
    for digest in &layers {
        wait_for(&registry, &blob(digest), 3);
    }
    assert!(!files(&other).is_empty());
}

#[test]
fn no_cache_leaves_nothing_behind() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(folder.path(), "1"));
    home.report(&layout, &["--no-cache"]);
    assert_eq!(files(&home.cache()), Vec::<PathBuf>::new());
    // What is in clear in a report must not outlive it.
    home.report(&layout, &["--reveal"]);
    assert_eq!(files(&home.cache()), Vec::<PathBuf>::new());
}

/// Every file at or below a path.
fn files(at: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(at).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out
}

#[test]
fn ten_at_once_share_a_folder() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(folder.path(), "1"));
    let expected = home.report(&layout, &["--no-cache"]);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..10).map(|_| scope.spawn(|| home.report(&layout, &[]))).collect();
        for run in runs {
            assert_eq!(run.join().unwrap(), expected);
        }
    });
    let left = files(&home.cache());
    assert_eq!(left.len(), 6, "an index and a table entry a layer, nothing unfinished: {left:?}");
    assert_eq!(home.report(&layout, &[]), expected, "what they left is whole");
}

#[test]
fn a_damaged_cache_is_a_miss_and_is_mended() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(folder.path(), "1"));
    let expected = home.report(&layout, &[]);
    let cached = files(&home.cache());
    assert_eq!(cached.len(), 6);
    let whole: Vec<Vec<u8>> = cached.iter().map(|f| std::fs::read(f).unwrap()).collect();
    let flipped = |b: &[u8], at: usize| {
        let mut b = b.to_vec();
        b[at] ^= 0x40;
        b
    };
    let damages: [(&str, Damage); 6] = [
        ("emptied", &|_| Vec::new()),
        ("cut", &|b| b[..b.len() / 2].to_vec()),
        ("longer", &|b| [b, b"x"].concat()),
        ("one bit at the end", &|b| flipped(b, b.len() - 1)),
        ("one bit in the middle", &|b| flipped(b, b.len() / 2)),
        ("noise", &|b| vec![0xa5; b.len()]),
    ];
    for (what, damage) in damages {
        for (file, bytes) in cached.iter().zip(&whole) {
            std::fs::write(file, damage(bytes)).unwrap();
        }
        assert_eq!(home.report(&layout, &[]), expected, "{what}");
        let mended: Vec<Vec<u8>> = cached.iter().map(|f| std::fs::read(f).unwrap()).collect();
        assert!(mended == whole, "{what}: written anew");
    }
    // One layer's index under another's name: whole, but not what it is filed as.
    let indexes: Vec<&PathBuf> =
        cached.iter().filter(|f| f.components().any(|c| c.as_os_str() == "indexes")).collect();
    let [first, second, _] = indexes.as_slice() else { panic!("{indexes:?}") };
    std::fs::copy(first, second).unwrap();
    assert_eq!(home.report(&layout, &[]), expected, "swapped");
}

#[test]
fn a_cache_that_cannot_be_used_costs_no_report() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(&folder.path().join("layout"), "1"));
    let expected = home.report(&layout, &["--no-cache"]);
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(home.report(&layout, &["--cache-dir", &show(&file)]), expected);
    assert_eq!(std::fs::read(&file).unwrap(), b"", "what is not ours is left alone");
}

#[test]
fn info_and_prune_say_what_there_is() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = show(&image().write_layout(folder.path(), "1"));
    home.report(&layout, &[]);
    let foreign = home.cache().join("not-ours");
    std::fs::write(&foreign, "keep").unwrap();
    let info = home.run(&["cache", "info"]);
    assert!(info.status == 0 && info.text().contains(&show(&home.cache())), "{}", info.text());
    assert!(info.text().contains("layers   3\n"), "{}", info.text());
    assert_eq!(home.run(&["cache", "prune"]).status, 0);
    assert_eq!(files(&home.cache()), [foreign]);
}
