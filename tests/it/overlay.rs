//! The final file system against what `umoci` really unpacks.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

fn tricky() -> ImageBuilder {
    let l = LayerBuilder::new;
    ImageBuilder::new()
        .layer(
            "base",
            l().dir("usr")
                .dir("usr/lib")
                .symlink("lib", "usr/lib")
                .file("usr/lib/a", "1")
                .file("gone/deep/x", "22")
                .file("gone/y", "333")
                .file("opaque/old", "4444")
                .file("was-file", "55555")
                .file("was-dir/z", "666666")
                .file("grows", "s")
                .file("target", "content")
                .hardlink("other-name", "target")
                .file("twice", "first"),
        )
        .layer(
            "change",
            l().whiteout("gone")
                .whiteout("never-there")
                .file("opaque/new", "n")
                .opaque("opaque")
                .whiteout("was-file")
                .file("was-file/now-a-dir", "d")
                .whiteout("was-dir")
                .file("was-dir", "now a file")
                .file("grows", vec![b'b'; 9000])
                .file("target", "replaced")
                .file("lib/through-link", "t")
                .file("twice", "second")
                .file("twice", "third time"),
        )
        .layer("again", l().file("gone/back", "r").file_as("grows", 0o600, 5, &vec![b'b'; 9000]))
}

/// Path → kind, size, mode; the size of a file with several names stands at each.
fn unpacked(root: &Path, at: &Path, out: &mut BTreeMap<String, (char, u64, u32)>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let (kind, size) = match () {
            () if meta.is_dir() => ('d', 0),
            () if meta.is_symlink() => ('l', 0),
            () => ('-', meta.len()),
        };
        let name = path.strip_prefix(root).unwrap().display().to_string();
        out.insert(name, (kind, size, meta.mode() & 0o7777));
        if meta.is_dir() {
            unpacked(root, &path, out);
        }
    }
}

#[test]
fn the_final_files_are_those_that_umoci_unpacks() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = tricky().write_layout(&folder.path().join("layout"), "1");
    let bundle = folder.path().join("bundle");
    let out = Command::new("umoci")
        .args(["unpack", "--image", &format!("{}:1", show(&layout)), &show(&bundle)])
        .output()
        .expect("umoci is needed (Debian: umoci)");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let root = bundle.join("rootfs");
    let mut expected = BTreeMap::new();
    unpacked(&root, &root, &mut expected);

    let rows = home.run(&["files", &show(&layout), "--format", "json"]).json();
    let mut seen = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let kind = row["kind"].as_str().unwrap().chars().next().unwrap();
        let path = row["path"].as_str().unwrap().to_owned();
        let size = row["size"].as_u64().unwrap();
        seen.insert(path, (kind, size, row["mode"].as_u64().unwrap() as u32));
    }
    // The other name of a file counts no bytes of its own.
    let link = seen.get_mut("other-name").unwrap();
    assert_eq!(link.0, 'h');
    *link = ('-', "content".len() as u64, link.2);
    // Directories that no layer names are made by the runtime, not by the image.
    expected.retain(|path, (kind, ..)| *kind != 'd' || seen.contains_key(path));
    assert_eq!(seen, expected);

    let on_disk: u64 = expected.values().map(|(_, size, _)| size).sum();
    let report = home.report(&show(&layout), &[]);
    assert_eq!(report["size"]["on_disk"].as_u64(), Some(on_disk));
}

#[test]
fn hidden_bytes_have_a_kind_and_a_place() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let layout = tricky().write_layout(&folder.path().join("layout"), "1");
    let report = home.report(&show(&layout), &[]);
    let mut paths: Vec<(String, u64, String, u64, u64)> = report["waste"]["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let number = |key: &str| p[key].as_u64().unwrap();
            let word = |key: &str| p[key].as_str().unwrap().to_owned();
            (word("path"), number("bytes"), word("kind"), number("layer"), number("hidden_by"))
        })
        .collect();
    paths.sort();
    let row = |path: &str, bytes, kind: &str, layer, by| {
        (path.to_owned(), bytes, kind.to_owned(), layer, by)
    };
    assert_eq!(
        paths,
        [
            row("gone/deep/x", 2, "deleted", 0, 1),
            row("gone/y", 3, "deleted", 0, 1),
            row("grows", 1, "overwritten", 0, 1),
            row("grows", 9000, "metadata-only", 1, 2),
            row("opaque/old", 4, "opaque", 0, 1),
            row("twice", 5, "overwritten", 0, 1),
            row("twice", 6, "duplicate-entry", 1, 1),
            row("was-dir/z", 6, "deleted", 0, 1),
            row("was-file", 5, "deleted", 0, 1),
        ]
    );
    let size = &report["size"];
    let waste = report["waste"]["bytes"].as_u64().unwrap();
    assert_eq!(size["content"].as_u64().unwrap(), size["on_disk"].as_u64().unwrap() + waste);
}
