//! What a layer's tar says of one name, and who is told.

use super::LayerPath;
use serde::{Deserialize, Serialize};

/// BLAKE3 of a file's bytes: says whether two files are the same, also on an image made to collide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ContentHash(pub [u8; 32]);

/// The type of an entry, after Go's reading of the header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum EntryKind {
    File,
    Directory,
    Symlink,
    /// Another name of a file that an earlier entry or a lower layer holds.
    HardLink,
    CharDevice,
    BlockDevice,
    Fifo,
}

/// One entry of one layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub path: LayerPath,
    pub kind: EntryKind,
    /// Bytes of content (for a sparse file: of the expanded file); 0 for everything but a file.
    pub size: u64,
    /// The twelve permission bits (setuid, setgid, sticky, rwxrwxrwx).
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Symlink: the target as written. Hard link: the target's normalised path.
    pub link: Option<Vec<u8>>,
    /// `major, minor` of a device.
    pub device: Option<(u32, u32)>,
    /// The raw `security.capability` attribute.
    pub capability: Option<Vec<u8>>,
    /// Filled when the file has been read to its end; always there for a file of an indexed layer.
    pub content: Option<ContentHash>,
}

impl Entry {
    /// An ordinary file of root's that anyone may read, whose bytes are still to come.
    pub fn file(path: LayerPath, size: u64) -> Self {
        Self {
            path,
            kind: EntryKind::File,
            size,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            link: None,
            device: None,
            capability: None,
            content: None,
        }
    }

    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    pub fn is_dir(&self) -> bool {
        self.kind == EntryKind::Directory
    }
}

/// How much of a file a visitor wants to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Nothing: neither `chunk` nor `end` is called.
    Skip,
    /// The first bytes; `end` comes as soon as they (or the whole file) were shown.
    Head(u64),
    /// Every byte, in chunks of any length.
    All,
}

/// Who is told of each entry, in the order of the tar. For each entry `begin` comes first; unless it
/// says [`Interest::Skip`], `chunk` follows any number of times and `end` once. An entry that stands
/// twice in the tar is told twice.
pub trait Visitor {
    fn begin(&mut self, entry: &Entry) -> Interest;
    fn chunk(&mut self, bytes: &[u8]);
    /// So many zero bytes of a sparse file stand here and are not shown.
    fn pass_over(&mut self, _zeros: u64) {}
    fn end(&mut self);
}
