//! A list of files as data: what `careen files` prints and `careen diff` compares.

use schemars::JsonSchema;
use serde::Serialize;

/// One entry of a layer or of the final file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileRow {
    /// Without a leading `/`; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// As `ls -l` marks it: `-`, `d`, `l`, `h` (hard link), `c`, `b`, `p`.
    pub kind: char,
    /// Bytes of content.
    pub size: u64,
    /// The twelve permission bits.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// The layer that holds the entry, base 0.
    pub layer: usize,
    /// Target of a link.
    pub link: Option<String>,
    /// What became of it; `visible` in the final file system.
    pub state: &'static str,
    /// BLAKE3 of the content, for comparison; not printed.
    #[serde(skip)]
    pub content: Option<[u8; 32]>,
}
