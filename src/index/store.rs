//! The cache of indexes: one file an index, one small file a stored blob that says which tar it holds.
//!
//! Indexes are filed under the diff id that careen computed, and found by a blob's digest only through
//! careen's own passes; a *declared* diff id is never looked up. Any number of processes may share a
//! folder: a file is written beside its place, synced and renamed, so it is whole or not there. What
//! is damaged, foreign or of another version is a miss. Must not know of images or sources.

use super::LayerIndex;
use super::codec;
use super::key::IndexKey;
use crate::oci::{DiffId, Digest, digest};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Holds the indexes, in folders named by the first two digits of their diff id.
const INDEXES: &str = "indexes";
/// Holds the Digest → DiffId table.
const BLOBS: &str = "blobs";
/// In front of the name of a file that is being written.
const UNFINISHED: &str = ".writing-";
/// A file in the making that is older than this was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder of indexes.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
}

/// What the cache holds, or what was taken out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreInfo {
    /// Indexes.
    pub entries: u64,
    /// Of all files, the Digest → DiffId table included.
    pub bytes: u64,
}

/// What to take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    All,
    /// What was last used longer ago than this.
    OlderThan(Duration),
}

impl Store {
    /// Opens the folder, and creates it for its owner alone where it is not there.
    pub fn open(dir: &Path) -> io::Result<Self> {
        for sub in [INDEXES, BLOBS] {
            create_private(&dir.join(sub))?;
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// The index of a stored blob that careen has read to its end before.
    pub fn get_by_digest(&self, digest: &Digest, key: &IndexKey) -> Option<LayerIndex> {
        let path = self.blob_path(digest);
        let diff_id = codec::unseal_link(&read_whole(&path, codec::LINK_LIMIT)?, digest)?;
        let index = self.get(&diff_id, key)?;
        touch(&path);
        Some(index)
    }

    /// The index of a tar. `diff_id` must be one that careen computed.
    pub fn get(&self, diff_id: &DiffId, key: &IndexKey) -> Option<LayerIndex> {
        let path = self.index_path(diff_id, key);
        let index = codec::unseal(&read_whole(&path, codec::FILE_LIMIT)?, diff_id, key)?;
        touch(&path);
        Some(index)
    }

    /// Files `index`, which a pass over the blob `digest` has made. An index that is larger than the
    /// cache reads back is left out; that is no error.
    pub fn put(&self, digest: &Digest, index: &LayerIndex, key: &IndexKey) -> io::Result<()> {
        let Some(bytes) = codec::seal(index, key)? else {
            return Ok(());
        };
        // The index first: a table entry without an index would be a miss, but a useless one.
        write_whole(&self.index_path(&index.diff_id, key), &bytes)?;
        write_whole(&self.blob_path(digest), &codec::seal_link(digest, &index.diff_id))
    }

    pub fn info(&self) -> io::Result<StoreInfo> {
        let mut info = StoreInfo::default();
        self.each_file(|file| {
            info.entries += u64::from(file.is_index);
            info.bytes += file.bytes;
            Ok(())
        })?;
        Ok(info)
    }

    /// Takes entries out, and what dead processes left. Touches no file that is not the cache's own.
    pub fn prune(&self, what: Prune) -> io::Result<StoreInfo> {
        let now = SystemTime::now();
        let mut gone = StoreInfo::default();
        self.each_file(|file| {
            // A time in the future counts as just used.
            let age = now.duration_since(file.used).unwrap_or_default();
            let old = match what {
                Prune::All if !file.unfinished => true,
                Prune::OlderThan(limit) if !file.unfinished => age > limit,
                _ => age > ABANDONED,
            };
            if old && removed(fs::remove_file(&file.path))? {
                gone.entries += u64::from(file.is_index);
                gone.bytes += file.bytes;
            }
            Ok(())
        })?;
        Ok(gone)
    }

    fn index_path(&self, diff_id: &DiffId, key: &IndexKey) -> PathBuf {
        let hex = diff_id.0.hex();
        let key = digest::hex(&key.as_bytes()[..16]);
        self.dir
            .join(INDEXES)
            .join(hex.get(..2).unwrap_or_default())
            .join(format!("{}-{hex}-{key}", diff_id.0.algorithm()))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let name = format!("{}-{}", digest.algorithm(), digest.hex());
        self.dir.join(BLOBS).join(name)
    }

    /// Every file of the cache. One that vanishes meanwhile was pruned by another process.
    fn each_file(&self, mut f: impl FnMut(OwnFile) -> io::Result<()>) -> io::Result<()> {
        let mut folders = vec![(self.dir.join(BLOBS), false)];
        for sub in list(&self.dir.join(INDEXES))? {
            if sub.file_type()?.is_dir() {
                folders.push((sub.path(), true));
            }
        }
        for (folder, indexes) in folders {
            for entry in list(&folder)? {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let unfinished = name.starts_with(UNFINISHED);
                let own = unfinished || name.starts_with("sha256-") || name.starts_with("sha512-");
                let meta = match entry.metadata() {
                    Ok(meta) if own && meta.is_file() => meta,
                    Ok(_) => continue,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                    Err(e) => return Err(e),
                };
                f(OwnFile {
                    path: entry.path(),
                    is_index: indexes && !unfinished,
                    unfinished,
                    bytes: meta.len(),
                    used: meta.modified()?,
                })?;
            }
        }
        Ok(())
    }
}

struct OwnFile {
    path: PathBuf,
    is_index: bool,
    unfinished: bool,
    bytes: u64,
    used: SystemTime,
}

fn list(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Whether it was this process that removed it.
fn removed(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A regular file of at most `limit` bytes; everything else is a miss.
fn read_whole(path: &Path, limit: u64) -> Option<Vec<u8>> {
    // Looked at before it is opened: a pipe would wait for a writer.
    let meta = fs::symlink_metadata(path).ok()?;
    if !meta.is_file() || meta.len() > limit {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// Writes beside the place, syncs, renames: the name never stands for half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    create_private(dir)?;
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The name itself, where the system lets a folder be synced.
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
    Ok(())
}

/// Notes the use, for `prune`. A read-only cache works without.
fn touch(path: &Path) {
    if let Ok(file) = File::options().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
