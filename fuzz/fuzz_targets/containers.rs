//! Files inside files.

use crate::Target;
use careen::analyze::unpack::{HEAD, Kind, Limits, Visitor, unpack};

pub const TARGETS: &[(&str, Target)] = &[
    ("zip", |data| open("a.zip", Kind::Zip, data)),
    ("nested-tar", |data| open("a.tar", Kind::Tar, data)),
    ("ar", |data| open("a.deb", Kind::Ar, data)),
    ("gzip", |data| open("a.gz", Kind::Gzip, data)),
    ("bzip2", |data| open("a.bz2", Kind::Bzip2, data)),
    ("xz", |data| open("a.xz", Kind::Xz, data)),
    ("zstd", |data| open("a.zst", Kind::Zstd, data)),
    ("sqlite", |data| open("a.db", Kind::Sqlite, data)),
    ("sqlite-wal", |data| open("a.db-wal", Kind::SqliteWal, data)),
    ("git-pack", |data| open("a.pack", Kind::GitPack, data)),
    ("git-object", |data| open(OBJECT, Kind::GitObject, data)),
    ("python-code", |data| open("a.pyc", Kind::PythonCode, data)),
    ("lzma", |data| open("a.lzma", Kind::Lzma, data)),
    ("java-class", |data| open("A.class", Kind::JavaClass, data)),
];

const OBJECT: &str = ".git/objects/00/00000000000000000000000000000000000000";

/// Bytes beside those that the file's own allow for.
const FREE: u64 = 4 << 20;

/// The budget holds, and what is begun is ended.
#[derive(Default)]
struct Seen {
    bytes: u64,
    open: bool,
}

impl Visitor for Seen {
    fn begin(&mut self, _: &str, _: &[u8], _: Option<u64>) {
        assert!(!std::mem::replace(&mut self.open, true));
    }
    fn chunk(&mut self, bytes: &[u8]) {
        assert!(self.open);
        self.bytes += bytes.len() as u64;
    }
    fn end(&mut self) {
        assert!(std::mem::replace(&mut self.open, false));
    }
    fn unread(&mut self, _: &str, _: &str) {}
}

fn open(path: &str, kind: Kind, data: &[u8]) -> bool {
    let head = &data[..data.len().min(HEAD)];
    if Kind::of(path.as_bytes(), head) != Some(kind) {
        return false;
    }
    let mut seen = Seen::default();
    let limits = Limits { bytes: FREE, ..Limits::of(data.len() as u64) };
    unpack(kind, head, &mut &data[head.len()..], path.as_bytes(), limits, true, &mut seen);
    assert!(!seen.open);
    // A page of a database is looked at whole, and an object of git.
    assert!(seen.bytes <= FREE + 104 * data.len() as u64 + (2 << 20), "{}", seen.bytes);
    true
}
