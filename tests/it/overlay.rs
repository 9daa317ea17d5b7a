//! The final file system against what overlayfs really shows: Podman's storage library (through `buildah`)
//! unpacks each layer into a folder of its own and mounts them over each other.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A store of images and containers that nobody else has. Needs root, for the mounts.
struct Store(TempDir);

impl Store {
    fn new() -> Self {
        static STORES: AtomicU32 = AtomicU32::new(0);
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        let name = format!("careen-store-{}-{number}", std::process::id());
        Self(tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir().unwrap())
    }

    fn buildah(&self, args: &[&str]) -> Output {
        Command::new("buildah")
            .args(["--storage-driver", "overlay", "--root"])
            .arg(self.0.path().join("root"))
            .arg("--runroot")
            .arg(self.0.path().join("run"))
            .args(args)
            .output()
            .expect("buildah is needed (Debian: buildah)")
    }

    /// What a container of an image sees, or why a layer is refused.
    fn shown(&self, image: &ImageBuilder) -> Result<Files, String> {
        static IMAGES: AtomicU32 = AtomicU32::new(0);
        // The layout's path becomes the image's name: small letters, and another one each time.
        let number = IMAGES.fetch_add(1, Ordering::Relaxed);
        let folder = self.0.path().join(format!("image-{number}"));
        let layout = image.write_layout(&folder, "1");
        let made = self.buildah(&["from", &format!("oci:{}:1", show(&layout))]);
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr).into_owned();
            assert!(why.contains("processing tar file"), "{why}");
            return Err(why);
        }
        let text = String::from_utf8(made.stdout).unwrap();
        let container = text.lines().last().unwrap();
        let mounted = self.buildah(&["mount", container]);
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        let root = PathBuf::from(String::from_utf8(mounted.stdout).unwrap().trim());
        let mut files = Files::new();
        read(&root, &root, &mut files);
        self.buildah(&["rm", container]);
        Ok(files)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Nothing of it stays mounted.
        self.buildah(&["rm", "--all"]);
    }
}

/// Path → kind, size, mode; the size of a file with several names stands at each.
type Files = BTreeMap<String, (char, u64, u32)>;

fn read(root: &Path, at: &Path, out: &mut Files) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        // A deletion in a folder that only one layer has is listed and cannot be opened.
        let Ok(meta) = path.symlink_metadata() else { continue };
        let (kind, size) = match () {
            () if meta.is_dir() => ('d', 0),
            () if meta.is_symlink() => ('l', 0),
            () if meta.is_file() => ('-', meta.len()),
            () => ('?', 0),
        };
        let name = path.strip_prefix(root).unwrap().display().to_string();
        out.insert(name, (kind, size, meta.mode() & 0o7777));
        if meta.is_dir() {
            read(root, &path, out);
        }
    }
}

/// The same from careen. A further name of a file has no size of its own: 'h'.
fn listed(home: &Home, layout: &Path) -> Files {
    let rows = home.run(&["files", &show(layout), "--format", "json"]).json();
    let mut seen = Files::new();
    for row in rows.as_array().unwrap() {
        let kind = row["kind"].as_str().unwrap().chars().next().unwrap();
        let path = row["path"].as_str().unwrap().to_owned();
        let size = row["size"].as_u64().unwrap();
        seen.insert(path, (kind, size, row["mode"].as_u64().unwrap() as u32));
    }
    seen.remove("");
    seen
}

/// Holds one against the other; says whether the layers can be unpacked.
#[track_caller]
fn compare(home: &Home, store: &Store, name: &str, image: &ImageBuilder) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let layout = image.write_layout(&folder.path().join("layout"), "1");
    let report = home.report(&show(&layout), &[]);
    let refused = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|f| f["rule"] == "integrity/refused-entry");
    let mut expected = match store.shown(image) {
        Ok(files) => files,
        // A folder's time is set at the end, when it may be gone: a fault of this unpacker.
        Err(why) => {
            assert!(refused || why.contains("(chtimes "), "{name}: {why}");
            return false;
        }
    };
    assert!(!refused, "{name}: it can be unpacked: {:#}", report["findings"]);
    let mut seen = listed(home, &layout);
    for (path, row) in &mut seen {
        // A hard link has the kind, size and mode of its file.
        if row.0 == 'h'
            && let Some(real) = expected.get(path)
        {
            *row = *real;
        }
    }
    // Folders that no layer names are made by the runtime; one of a lower layer that an upper one only
    // passes through gets its mode from the runtime.
    expected.retain(|path, (kind, ..)| *kind != 'd' || seen.contains_key(path));
    for (_, _, mode) in expected.values_mut().chain(seen.values_mut()).filter(|f| f.0 != '-') {
        *mode = 0;
    }
    assert_eq!(seen, expected, "{name}");
    true
}

fn tricky() -> ImageBuilder {
    with_changes(|change| change)
}

fn with_changes(more: impl FnOnce(LayerBuilder) -> LayerBuilder) -> ImageBuilder {
    let l = LayerBuilder::new;
    ImageBuilder::new()
        .layer(
            "base",
            l().dir("usr")
                .dir("usr/lib")
                .symlink("lib", "usr/lib")
                .symlink("lib64", "usr/lib")
                .file("lib64/same-layer", "through")
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
            more(
                l().whiteout("gone")
                    .whiteout("never-there")
                    .file("opaque/new", "n")
                    .opaque("opaque")
                    .file("was-file/now-a-dir", "d")
                    .whiteout("was-dir")
                    .file("was-dir", "now a file")
                    .file("grows", vec![b'b'; 9000])
                    .file("target", "replaced")
                    .file("lib/replaces-link", "t")
                    .file("twice", "second"),
            ),
        )
        .layer("again", l().file("gone/back", "r").file_as("grows", 0o600, 5, &vec![b'b'; 9000]))
}

#[test]
fn the_final_files_are_those_that_overlayfs_shows() {
    let (home, store, folder) = (Home::new(), Store::new(), tempfile::tempdir().unwrap());
    assert!(compare(&home, &store, "tricky", &tricky()));
    let layout = tricky().write_layout(&folder.path().join("layout"), "1");
    let shown = store.shown(&tricky()).unwrap();
    let on_disk: u64 = shown.values().map(|(_, size, _)| size).sum();
    let report = home.report(&show(&layout), &[]);
    assert_eq!(report["size"]["on_disk"].as_u64(), Some(on_disk));
}

#[test]
fn hidden_bytes_have_a_kind_and_a_place() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    // Podman and Docker refuse a name that stands twice in a tar; containerd takes the last one.
    let twice = with_changes(|change| change.file("twice", "third time"));
    let layout = twice.write_layout(&folder.path().join("layout"), "1");
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
            row("was-dir/z", 6, "overwritten", 0, 1),
            row("was-file", 5, "overwritten", 0, 1),
        ]
    );
    let size = &report["size"];
    let waste = report["waste"]["bytes"].as_u64().unwrap();
    assert_eq!(size["content"].as_u64().unwrap(), size["on_disk"].as_u64().unwrap() + waste);
}

fn stack(layers: Vec<LayerBuilder>) -> ImageBuilder {
    layers.into_iter().fold(ImageBuilder::new(), |image, l| image.layer("COPY . /", l))
}

/// A base of merged `/usr`.
fn merged() -> LayerBuilder {
    LayerBuilder::new()
        .dir("usr/")
        .dir("usr/lib/")
        .dir("usr/lib/x86_64-linux-gnu/")
        .symlink("lib", "usr/lib")
        .file("usr/lib/x86_64-linux-gnu/libc.so.6", vec![b'c'; 2000])
}

/// Each with whether it can be unpacked.
#[test]
fn what_builders_write_is_shown_as_overlayfs_shows_it() {
    let l = LayerBuilder::new;
    let app = || l().dir("app/").file("app/a", "1").file("app/b", "22").file("keep", "k");
    let char_device = |path| l().entry(tar::EntryType::Char, path, "");
    let (home, store) = (Home::new(), Store::new());
    for (name, unpacks, layers) in [
        (
            "a library below a link of the base",
            true,
            vec![merged(), l().file("lib/x86_64-linux-gnu/libnv.so.1", vec![b'n'; 300])],
        ),
        (
            "a library below a link of its own layer",
            true,
            vec![merged().file("lib/x86_64-linux-gnu/libnv.so.1", vec![b'n'; 300])],
        ),
        ("a whiteout below a link of the base", true, vec![merged(), l().whiteout("lib/x")]),
        ("an opaque mark at a link of the base", true, vec![merged(), l().opaque("lib")]),
        (
            "a link over a folder whose files are deleted first",
            true,
            vec![
                app().file("real/a", "333"),
                l().whiteout("app/a").whiteout("app/b").symlink("app", "real"),
            ],
        ),
        (
            "a deletion below a deletion",
            true,
            vec![
                l().dir("test/").file("test/test", "t").file("keep", "k"),
                l().dir("./").whiteout("test").whiteout("test/test").opaque("test"),
            ],
        ),
        (
            "the root as a hard link",
            false,
            vec![app(), l().entry(tar::EntryType::Link, "/", ".").symlink("link", "nowhere")],
        ),
        (
            "files without their folders",
            true,
            vec![
                l().file("var/task/deep/app.py", "print(1)"),
                l().whiteout("var/task/deep/app.py").file("opt/x/y", "y"),
            ],
        ),
        (
            "hard links with a slash before them, and the first name deleted",
            true,
            vec![
                l().file("usr/bin/gawk", vec![b'g'; 500])
                    .hardlink("usr/bin/awk", "/usr/bin/gawk")
                    .hardlink("usr/bin/gawk-5", "usr/bin/gawk"),
                l().whiteout("usr/bin/gawk"),
            ],
        ),
        ("a folder deleted and made anew", true, vec![app(), l().whiteout("app").dir("app/")]),
        ("an opaque mark before its folder", true, vec![app(), l().opaque("app").dir("app/")]),
        ("an opaque mark after a file", true, vec![app(), l().file("app/c", "").opaque("app")]),
        ("an opaque root", true, vec![app(), l().file(".wh..wh..opq", "").file("new", "")]),
        ("a folder over a file", true, vec![app(), l().file("keep/x", "1")]),
        ("a file over a folder", true, vec![app(), l().file("app", "1")]),
        ("a folder over a link", true, vec![merged(), l().dir("lib/")]),
        (
            "the books of aufs",
            true,
            vec![
                app(),
                l().dir(".wh..wh.plnk/")
                    .file(".wh..wh.plnk/1.2", "xyz")
                    .hardlink("h", ".wh..wh.plnk/1.2")
                    .file("app/.wh..wh.aufs", "abcd")
                    .file("app/.wh..wh.orph/z", "zz"),
            ],
        ),
        ("a deletion kept as a device", true, vec![app(), char_device("app")]),
        (
            "a hard link to a deletion",
            true,
            vec![app(), l().whiteout("keep").hardlink("app", "keep")],
        ),
        ("a hard link to a lower layer", false, vec![app(), l().hardlink("c", "app/a")]),
        ("a file below a file", false, vec![l().file("f", "1").file("f/x", "2")]),
        ("a file below a deletion", false, vec![app(), l().whiteout("app").file("app/c", "1")]),
        (
            "a whiteout of the own file",
            false,
            vec![app(), l().file("app/c", "1").whiteout("app/c")],
        ),
        ("a whiteout of no name", false, vec![app(), l().file("app/.wh.", "")]),
        ("a link to nothing", false, vec![l().symlink("l", "nowhere").file("l/x", "1")]),
        ("a file that stands twice", false, vec![app(), l().file("f", "1").file("f", "22")]),
        (
            "a folder that stands twice",
            false,
            vec![app(), l().dir("d/").file("d/x", "1").dir("d/")],
        ),
        (
            "a name that stands twice, once with a dot",
            false,
            vec![app(), l().entry(tar::EntryType::Directory, "./d", "").dir("d/")],
        ),
        (
            "a name that stands twice, once with a slash before it",
            true,
            vec![app(), l().entry(tar::EntryType::Directory, "/d", "").dir("d/").file("d/x", "1")],
        ),
        ("a whiteout that stands twice", false, vec![app(), l().whiteout("keep").whiteout("keep")]),
    ] {
        assert_eq!(compare(&home, &store, name, &stack(layers)), unpacks, "{name}");
    }
}

/// containerd, and umoci, which follows links as it does within one layer, take the last of two of one name.
#[test]
fn of_two_of_one_name_the_last_is_shown_as_umoci_unpacks_it() {
    let l = LayerBuilder::new;
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    for (number, layer) in [
        l().file("f", "1").file("f", "22"),
        l().dir("d/").file("d/x", "1").dir("d/"),
        l().dir("d/").file("d/x", "1").file("d", "a file"),
        l().file("d", "a file").dir("d/").file("d/x", "1"),
        l().file("f", "1").hardlink("h", "f").file("f", "22"),
        l().file("f", "1").hardlink("f", "f").file("g", "1"),
        l().file("f", "1").symlink("f", "g").file("g", "22"),
        l().dir("r/").symlink("d", "r").file("d/x", "1").dir("d/").file("d/y", "22"),
    ]
    .into_iter()
    .enumerate()
    {
        let at = folder.path().join(number.to_string());
        let layout = ImageBuilder::new().layer("COPY . /", layer).write_layout(&at.join("l"), "1");
        let bundle = at.join("bundle");
        let umoci = Command::new("umoci")
            .args(["unpack", "--image", &format!("{}:1", show(&layout)), &show(&bundle)])
            .output()
            .expect("umoci is installed by tests/setup");
        let mut seen = listed(&home, &layout);
        if !umoci.status.success() {
            // A hard link to itself is none once the name is free.
            assert_eq!(number, 5, "{}", String::from_utf8_lossy(&umoci.stderr));
            continue;
        }
        let (mut shown, root) = (Files::new(), bundle.join("rootfs"));
        read(&root, &root, &mut shown);
        for (path, row) in &mut seen {
            let real = shown.get_mut(path).unwrap_or_else(|| panic!("{number}: {path}"));
            // A further name of a file.
            if row.0 == 'h' {
                *row = *real;
            }
            (row.2, real.2) = (0, 0);
        }
        assert_eq!(seen, shown, "{number}");
    }
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    fn path(&mut self) -> String {
        let parts = 1 + self.below(3);
        let names: Vec<&str> =
            (0..parts).map(|_| ["a", "b", "c", "d"][self.below(4) as usize]).collect();
        names.join("/")
    }

    fn layer(&mut self) -> LayerBuilder {
        let mut layer = LayerBuilder::new();
        let mut files = Vec::new();
        let mut names = BTreeSet::new();
        for _ in 0..2 + self.below(6) {
            let path = self.path();
            // Podman refuses a name that stands twice in a tar: not in every layer.
            if !names.insert(path.clone()) && self.below(8) > 0 {
                continue;
            }
            layer = match self.below(16) {
                0..=5 => {
                    let size = self.below(50) as usize;
                    files.push(path.clone());
                    layer.file(&path, vec![b'x'; size])
                }
                6..=8 => layer.dir(&format!("{path}/")),
                9..=10 => {
                    let target = ["a", "/b", "../c", "c/d"][self.below(4) as usize];
                    layer.symlink(&path, target)
                }
                11 if !files.is_empty() => {
                    let of = files[self.below(files.len() as u64) as usize].clone();
                    layer.hardlink(&path, &of)
                }
                12 => layer.opaque(&path),
                _ => layer.whiteout(&path),
            };
        }
        layer
    }
}

#[test]
fn random_layers_are_shown_as_overlayfs_shows_them() {
    let (home, store) = (Home::new(), Store::new());
    let mut numbers = Numbers(7);
    let mut unpacked = 0;
    for number in 0..60 {
        let layers = 2 + numbers.below(3);
        let image = stack((0..layers).map(|_| numbers.layer()).collect());
        unpacked += u32::from(compare(&home, &store, &format!("stack {number}"), &image));
    }
    assert!(unpacked >= 15, "{unpacked}");
}
