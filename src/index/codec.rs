//! An index as bytes in a file, and back: its entries in columns and the rest in postcard, in zstd behind a
//! header with a checksum.
//!
//! What comes back may be damaged or made by someone else. It is bounded before it is read, and checked
//! after: an index that is returned holds clean paths only, and its facts name entries that exist.

use super::key::IndexKey;
use super::{LayerIndex, Oddity, stored};
use crate::analyze::{Facts, Load};
use crate::layer::{EntryKind, LayerPath};
use crate::oci::{DiffId, Digest};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Bytes of a file; a larger one is not read.
pub(super) const FILE_LIMIT: u64 = 256 << 20;
/// Bytes that a file inflates to: about five million entries. A larger index is not cached.
const INDEX_LIMIT: u64 = 512 << 20;
/// Bytes of an entry of the Digest → DiffId table.
pub(super) const LINK_LIMIT: u64 = 1024;

const MAGIC: &[u8; 8] = b"careenIX";
const LINK_MAGIC: &[u8; 8] = b"careenDD";
const HASH: usize = 32;
/// Bytes that are inflated at a time.
const PIECE: usize = 64 << 10;

/// The checksum binds what follows to what it is filed under.
fn checksum(magic: &[u8], name: &[u8], body: &[u8]) -> [u8; HASH] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(magic);
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name);
    hasher.update(body);
    *hasher.finalize().as_bytes()
}

fn name_of(diff_id: &DiffId, key: &IndexKey) -> Vec<u8> {
    [diff_id.to_string().as_bytes(), key.as_bytes()].concat()
}

fn wrap(magic: &[u8; 8], name: &[u8], body: &[u8]) -> Vec<u8> {
    [&magic[..], &checksum(magic, name, body), body].concat()
}

fn unwrap<'a>(bytes: &'a [u8], magic: &[u8; 8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.strip_prefix(magic)?;
    let (sum, body) = rest.split_at_checked(HASH)?;
    (checksum(magic, name, body) == *sum).then_some(body)
}

/// What stands behind the entries.
#[derive(Serialize)]
struct Rest<'a> {
    diff_id: &'a DiffId,
    tar_bytes: u64,
    content_bytes: u64,
    facts: &'a Facts,
    oddities: &'a [Oddity],
}

/// The same, read back.
#[derive(Deserialize)]
struct OwnRest {
    diff_id: DiffId,
    tar_bytes: u64,
    content_bytes: u64,
    facts: Facts,
    oddities: Vec<Oddity>,
}

/// The file's bytes; `None` if the index is larger than what [`unseal`] reads.
pub(super) fn seal(index: &LayerIndex, key: &IndexKey) -> io::Result<Option<Vec<u8>>> {
    let file = [&MAGIC[..], &[0; HASH]].concat();
    let mut body = Counted { inner: zstd::Encoder::new(file, 3)?, bytes: 0 };
    write_plain(index, &mut body)?;
    if body.bytes > INDEX_LIMIT {
        return Ok(None);
    }
    let mut file = body.inner.finish()?;
    let (head, body) = file.split_at_mut(MAGIC.len() + HASH);
    let sum = checksum(MAGIC, &name_of(&index.diff_id, key), body);
    head[MAGIC.len()..].copy_from_slice(&sum);
    Ok((file.len() as u64 <= FILE_LIMIT).then_some(file))
}

/// What the body holds once it is inflated.
pub(super) fn write_plain(index: &LayerIndex, out: &mut dyn Write) -> io::Result<()> {
    stored::write(&index.entries, out)?;
    let rest = Rest {
        diff_id: &index.diff_id,
        tar_bytes: index.tar_bytes,
        content_bytes: index.content_bytes,
        facts: &index.facts,
        oddities: &index.oddities,
    };
    postcard::to_io(&rest, out).map_err(io::Error::other)?;
    Ok(())
}

/// Counts what goes through.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The index, if the bytes are whole, filed under this name, and make sense.
pub(super) fn unseal(bytes: &[u8], diff_id: &DiffId, key: &IndexKey) -> Option<LayerIndex> {
    let body = unwrap(bytes, MAGIC, &name_of(diff_id, key))?;
    let inflate = zstd::stream::read::Decoder::with_buffer(body).ok()?;
    let mut inflate = io::BufReader::with_capacity(PIECE, inflate.take(INDEX_LIMIT + 1));
    let entries = stored::read(&mut inflate, INDEX_LIMIT)?;
    let mut plain = Vec::new();
    inflate.read_to_end(&mut plain).ok()?;
    if inflate.get_ref().limit() == 0 {
        return None;
    }
    let (rest, end) = postcard::take_from_bytes::<OwnRest>(&plain).ok()?;
    let OwnRest { diff_id: own, tar_bytes, content_bytes, facts, oddities } = rest;
    let index = LayerIndex { diff_id: own, tar_bytes, content_bytes, entries, facts, oddities };
    (end.is_empty() && index.diff_id == *diff_id && makes_sense(&index)).then_some(index)
}

/// What the rest of careen relies on and a type cannot say.
fn makes_sense(index: &LayerIndex) -> bool {
    let count = index.entries.len() as u64;
    let exists = |entry: u32| u64::from(entry) < count;
    let facts = &index.facts;
    let entries = index.entries.iter().all(|e| match e.kind {
        EntryKind::HardLink => e.link().is_some_and(is_clean),
        EntryKind::File => e.content().is_some(),
        _ => true,
    });
    let path = |p: &LayerPath| is_clean(p.as_bytes());
    entries
        && facts.secrets.iter().all(|f| exists(f.entry))
        && facts.packages.iter().all(|f| exists(f.entry))
        && facts.packages.iter().all(|f| f.root.as_ref().is_none_or(path))
        && facts.owned.iter().all(|f| exists(f.entry) && f.paths.iter().all(path))
        && facts.elf.iter().all(|f| exists(f.entry))
        && facts.kept.iter().all(|f| exists(f.entry))
        && facts.unread.iter().all(|f| exists(f.entry))
        && facts.modules.files.iter().all(|f| {
            let named = |l: &Load| (l.name as usize) < facts.modules.names.len();
            exists(f.entry) && f.list.iter().all(named)
        })
        && index.oddities.iter().all(|o| match *o {
            Oddity::TrailingData { .. } => true,
            Oddity::EscapingPath { entry }
            | Oddity::UnknownType { entry }
            | Oddity::TooLongPath { entry }
            | Oddity::DuplicateEntry { entry } => exists(entry),
        })
}

/// Whether cleaning would change nothing.
fn is_clean(path: &[u8]) -> bool {
    path.is_empty() || path.split(|&b| b == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// An entry of the Digest → DiffId table.
pub(super) fn seal_link(digest: &Digest, diff_id: &DiffId) -> Vec<u8> {
    let (name, body) = (digest.to_string(), diff_id.to_string());
    wrap(LINK_MAGIC, name.as_bytes(), body.as_bytes())
}

pub(super) fn unseal_link(bytes: &[u8], digest: &Digest) -> Option<DiffId> {
    let body = unwrap(bytes, LINK_MAGIC, digest.to_string().as_bytes())?;
    std::str::from_utf8(body).ok()?.parse().ok().map(DiffId)
}

/// A file with a right checksum around any body.
#[cfg(test)]
pub(super) fn forge(body: &[u8], diff_id: &DiffId, key: &IndexKey) -> Vec<u8> {
    wrap(MAGIC, &name_of(diff_id, key), body)
}
