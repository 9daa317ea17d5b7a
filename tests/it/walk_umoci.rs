//! The walk against a real unpacker: what `umoci unpack` puts on disk is what careen lists, on tars that
//! other readers read differently. umoci reads with Go's `archive/tar`, as containerd and Docker do.

use careen::index::build::{BuildSettings, Expected, build};
use careen::layer::EntryKind;
use careen::oci::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Raw blocks, so that headers can be what no library would write.
#[derive(Default, Clone)]
struct Raw(Vec<u8>);

impl Raw {
    fn with(mut self, kind: u8, name: &str, data: &[u8], change: impl FnOnce(&mut [u8])) -> Self {
        self.head(kind, name, data.len(), change);
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn head(&mut self, kind: u8, name: &str, size: usize, change: impl FnOnce(&mut [u8])) {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[108..116].copy_from_slice(b"0000000\0");
        block[116..124].copy_from_slice(b"0000000\0");
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        block[136..148].copy_from_slice(b"00000000001\0");
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut block);
        seal(&mut block, i64::from);
        self.0.extend(block);
    }

    fn add(self, kind: u8, name: &str, data: &[u8]) -> Self {
        self.with(kind, name, data, |_| {})
    }

    /// A header that claims data and has none.
    fn bare(mut self, kind: u8, name: &str, link: &str, size: usize) -> Self {
        self.head(kind, name, size, |b| {
            b[157..157 + link.len()].copy_from_slice(link.as_bytes());
        });
        self
    }

    fn pax(self, records: &[(&str, &str)]) -> Self {
        let record = |(key, value): &(&str, &str)| {
            let body = format!(" {key}={value}\n");
            let digits = (1..).find(|d| (body.len() + d).to_string().len() == *d);
            format!("{}{body}", body.len() + digits.unwrap())
        };
        let data: String = records.iter().map(record).collect();
        self.add(b'x', "pax", data.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// Writes the checksum, with bytes counted by `value`.
fn seal(block: &mut [u8], value: fn(u8) -> i64) {
    block[148..156].fill(b' ');
    let sum: i64 = block.iter().map(|&b| value(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn gnu(block: &mut [u8]) {
    block[257..265].copy_from_slice(b"ustar  \0");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> serde_json::Value {
    let digest = Digest::sha256(bytes);
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    serde_json::json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// Files with their sizes as umoci unpacks them, or its complaint.
fn unpacked(tar: &[u8], stored: &[u8]) -> Result<BTreeMap<String, u64>, String> {
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let oci = |kind: &str| format!("application/vnd.oci.image.{kind}");
    let layer = blob(&layout, &oci("layer.v1.tar+gzip"), stored);
    let config = serde_json::to_vec(&serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [Digest::sha256(tar)] },
    }));
    let config = blob(&layout, &oci("config.v1+json"), &config.unwrap());
    let manifest = serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2, "mediaType": oci("manifest.v1+json"),
        "config": config, "layers": [layer],
    }));
    let mut manifest = blob(&layout, &oci("manifest.v1+json"), &manifest.unwrap());
    manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "t" });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let bundle = dir.path().join("bundle");
    let run = Command::new("umoci")
        .args(["unpack", "--rootless", "--image"])
        .arg(format!("{}:t", layout.display()))
        .arg(&bundle)
        .output()
        .expect("umoci is installed by tests/setup");
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned());
    }
    let mut files = BTreeMap::new();
    let root = bundle.join("rootfs");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() {
                let path = entry.path();
                let path = path.strip_prefix(&root).unwrap().display().to_string();
                files.insert(path, meta.len());
            }
        }
    }
    Ok(files)
}

/// The same from careen's index: the last entry of a path counts, a hard link has its file's size.
fn listed(stored: &[u8]) -> Result<BTreeMap<String, u64>, String> {
    let settings = BuildSettings::default();
    let expected =
        Expected { digest: Some(Digest::sha256(stored)), size: Some(stored.len() as u64) };
    let built = build("t", &mut &stored[..], &expected, Vec::new(), &settings, &|_| {});
    let mut files = BTreeMap::new();
    for entry in built.map_err(|e| e.to_string())?.index.entries.iter() {
        let path = entry.path().to_text();
        match entry.kind {
            EntryKind::File => drop(files.insert(path, entry.size)),
            EntryKind::HardLink => {
                let target = String::from_utf8(entry.link().unwrap().to_vec()).unwrap();
                files.insert(path, files[&target]);
            }
            _ => drop(files.remove(&path)),
        }
    }
    Ok(files)
}

#[test]
fn careen_lists_what_umoci_unpacks_from_tricky_tars() {
    let tar = Raw::default()
        .bare(b'2', "link", "nowhere", 1024)
        .add(b'0', "behind-a-symlink-with-a-size", b"12345")
        .bare(b'1', "hard", "behind-a-symlink-with-a-size", 512)
        .add(b'0', "behind-a-hard-link-with-a-size", b"1")
        .bare(b'5', "dir", "", 512)
        .add(b'0', "dir/behind-a-directory-with-a-size", b"12")
        .bare(0, "old-directory/", "", 0)
        .add(0, "old-directory/old-file", b"123")
        .with(b'L', "l", b"long-first\0", gnu)
        .with(b'L', "l", b"long-last\0", gnu)
        .with(b'0', "short", b"1234", gnu)
        .pax(&[("path", "pax-first")])
        .pax(&[("path", "pax-twice-a"), ("path", "pax-twice-b")])
        .add(b'0', "short", b"12345")
        .with(b'L', "l", b"long-beats-pax\0", gnu)
        .pax(&[("path", "pax-loses")])
        .add(b'0', "short", b"123456")
        .with(b'0', "gnu-has-no-prefix", b"1", |b| {
            gnu(b);
            b[345..357].copy_from_slice(b"00000000001\0");
        })
        .with(b'0', "with", b"1", |b| b[345..351].copy_from_slice(b"prefix"))
        .with(b'0', "old-gnu-prefix", b"1", |b| {
            gnu(b);
            b[345..350].copy_from_slice(b"go1.7");
        })
        .with(b'0', "empty-size", b"", |b| b[124..136].fill(0))
        .with(b'0', "binary-size", b"1234567", |b| {
            b[124..136].fill(0);
            (b[124], b[135]) = (0x80, 7);
        })
        .pax(&[("size", "9")])
        .with(b'0', "pax-size", b"123456789", |b| {
            b[124..136].copy_from_slice(b"00000000000\0");
        })
        .pax(&[
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "sparse-1.0"),
            ("GNU.sparse.realsize", "3000"),
        ])
        .add(b'0', "hidden", &{
            let mut data = b"1\n1000\n5\n".to_vec();
            data.resize(512, 0);
            data.extend(b"12345");
            data
        })
        .pax(&[
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.map", "10,5"),
            ("GNU.sparse.size", "2000"),
            ("GNU.sparse.name", "sparse-0.1"),
        ])
        .add(b'0', "hidden", b"12345")
        .pax(&[
            ("GNU.sparse.size", "1000"),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.offset", "20"),
            ("GNU.sparse.numbytes", "5"),
        ])
        .add(b'0', "sparse-0.0", b"12345")
        .add(b'0', "twice", b"12345678")
        .add(b'0', "twice", b"1")
        .add(b'0', "../../climbs", b"12")
        .end();
    let stored = gzip(&tar);
    let listed = listed(&stored).unwrap();
    assert_eq!(listed, unpacked(&tar, &stored).unwrap());
    let wanted = [
        ("behind-a-symlink-with-a-size", 5),
        ("hard", 5),
        ("behind-a-hard-link-with-a-size", 1),
        ("dir/behind-a-directory-with-a-size", 2),
        ("old-directory/old-file", 3),
        ("long-last", 4),
        ("pax-twice-b", 5),
        ("long-beats-pax", 6),
        ("gnu-has-no-prefix", 1),
        ("prefix/with", 1),
        ("go1.7/old-gnu-prefix", 1),
        ("empty-size", 0),
        ("binary-size", 7),
        ("pax-size", 9),
        ("sparse-1.0", 3000),
        ("sparse-0.1", 2000),
        ("sparse-0.0", 1000),
        ("twice", 1),
        ("climbs", 2),
    ];
    let wanted: BTreeMap<_, _> = wanted.map(|(p, n)| (p.to_owned(), n)).into();
    assert_eq!(listed, wanted);
}

#[test]
fn several_gzip_members_and_an_end_in_the_last_padding_unpack() {
    let whole = Raw::default().add(b'0', "a", b"1").add(b'0', "b", b"12").0;
    let tar = &whole[..whole.len() - 100];
    let stored = [gzip(&tar[..700]), gzip(&tar[700..])].concat();
    let listed = listed(&stored).unwrap();
    assert_eq!(listed, unpacked(tar, &stored).unwrap());
    assert_eq!(listed.len(), 2);
}

#[test]
fn a_signed_checksum_unpacks() {
    let mut tar = Raw::default().add(b'0', "n\u{e4}me", b"1");
    seal(&mut tar.0[..512], |b| i64::from(b as i8));
    let tar = tar.end();
    let stored = gzip(&tar);
    let listed = listed(&stored).unwrap();
    assert_eq!(listed, unpacked(&tar, &stored).unwrap());
    assert_eq!(listed, BTreeMap::from([("n\u{e4}me".to_owned(), 1)]));
}

#[test]
fn what_umoci_refuses_careen_refuses_and_says_where() {
    let ok = Raw::default().add(b'0', "a", b"1");
    let mut zero_then_more = ok.clone();
    zero_then_more.0.extend([0; 512]);
    for (what, tar) in [
        ("tar header at byte 1024", zero_then_more.add(b'0', "b", b"").end()),
        ("PAX record", ok.clone().add(b'x', "p", b"9 pathAa\n").add(b'0', "b", b"").end()),
        ("negative", ok.clone().with(b'0', "b", b"", |b| b[124..136].fill(0xff)).end()),
        ("middle of an entry", ok.clone().0[..512].to_vec()),
    ] {
        let stored = gzip(&tar);
        let error = listed(&stored).unwrap_err();
        assert!(error.starts_with("layer t: ") && error.contains(what), "{what}: {error}");
        assert!(unpacked(&tar, &stored).is_err(), "{what}");
    }
    let followed = [gzip(&ok.clone().end()), b"garbage".to_vec()].concat();
    assert!(listed(&followed).unwrap_err().contains("gzip"));
    assert!(unpacked(&ok.end(), &followed).is_err());
}
