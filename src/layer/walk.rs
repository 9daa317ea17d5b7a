//! The tar walk, with the semantics of Go's `archive/tar`.
//!
//! containerd, Docker and Podman unpack with Go's reader, so careen sees what that reader yields:
//! header-only types have no data whatever their size says, the last of several long names or PAX keys
//! wins, a GNU long name beats a PAX path, a broken record is an error and not skipped. Where runtimes
//! refuse an entry (an unknown type), careen shows its bytes as a file: seeing more is the safe side.
//!
//! Must not know what visitors look for.

use super::blocks::{BLOCK, Block, Blocks};
use super::header::{self, Header};
use super::pax::{self, Records};
use super::sparse::{self, Map};
use super::{Entry, EntryKind, Interest, LONGEST_PATH, LayerPath, Visitor};
use std::io::BufRead;

/// Bounds of a walk that the stream's own limits do not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Entries in one layer.
    pub entries: u64,
    /// Bytes of holes in all sparse files of one layer that a visitor is shown as zeros: they cost nothing to
    /// write and much to read. More are passed over.
    pub holes: u64,
    /// Bytes of names and link targets for each entry of one layer, on the average of all; a megabyte
    /// more is free.
    pub names: u64,
    /// Folders that an entry names and the one before it does not, on the average of all; 65,536 more
    /// are free.
    pub folders: u64,
}

/// What a layer of few entries may spend on names and folders, whatever their average.
const FREE_NAMES: u64 = 1 << 20;
const FREE_FOLDERS: u64 = 1 << 16;

impl Default for WalkLimits {
    fn default() -> Self {
        Self { entries: 5_000_000, holes: 64 << 20, names: 512, folders: 16 }
    }
}

/// Bytes of holes in one layer, shown or passed over: 16 TiB, more than a disk image states.
const MOST_HOLES: u64 = 16 << 40;
/// Zeros that stand for a hole that is passed over, so that what is on its sides does not touch.
const GAP: u64 = 16;

/// Why a tar cannot be walked to its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    #[error("{0}")]
    Read(std::io::Error),
    #[error("tar header at byte {offset}: {why}")]
    Header { offset: u64, why: &'static str },
    #[error("the tar ends in the middle of an entry, at byte {offset}")]
    Truncated { offset: u64 },
    #[error("tar header at byte {offset}: a {what} of {size} bytes (at most 1 MiB)")]
    TooLong { offset: u64, what: &'static str, size: u64 },
    #[error("more than {limit} entries")]
    TooManyEntries { limit: u64 },
    #[error("sparse files with more than {MOST_HOLES} bytes of holes")]
    TooManyHoles,
    #[error("the names of its {entries} entries take {bytes} bytes")]
    TooLongNames { entries: u64, bytes: u64 },
    #[error("its {entries} entries lie in {folders} folders")]
    TooManyFolders { entries: u64, folders: u64 },
}

/// What a walk saw besides its entries. Entries are numbered from 0 in the order of the tar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    pub entries: u64,
    /// Sum of the files' sizes in bytes.
    pub content_bytes: u64,
    /// Entries whose name climbed out of the root with `..`.
    pub escaping: Vec<u32>,
    /// Entries whose name begins with a slash.
    pub rooted: Vec<u32>,
    /// Entries of a type that runtimes refuse to unpack.
    pub unknown_type: Vec<u32>,
    /// Entries whose path, or that of their link's target, is longer than Linux makes any.
    pub too_long: Vec<u32>,
    /// Bytes behind the tar's end, if any of them is not zero.
    pub trailing: Option<u64>,
}

/// Walks a whole uncompressed tar and reads the stream to its end.
pub fn walk(
    reader: &mut dyn BufRead,
    limits: &WalkLimits,
    visitor: &mut dyn Visitor,
) -> Result<WalkSummary, WalkError> {
    let mut walk = Walk {
        blocks: Blocks::new(reader),
        limits: *limits,
        holes: 0,
        names: 0,
        folders: 0,
        before: Vec::new(),
        summary: WalkSummary::default(),
    };
    while walk.entry(visitor)? {}
    let (trailing, dirty) = walk.blocks.drain()?;
    walk.summary.trailing = dirty.then_some(trailing);
    Ok(walk.summary)
}

struct Walk<'a> {
    blocks: Blocks<'a>,
    limits: WalkLimits,
    holes: u64,
    /// Bytes of names so far.
    names: u64,
    /// Folders so far, as far as they are not those of the entry before.
    folders: u64,
    /// The path of the entry before.
    before: Vec<u8>,
    summary: WalkSummary,
}

/// What `x`, `L` and `K` entries said about the next real one.
#[derive(Default)]
struct Pending {
    records: Records,
    name: Vec<u8>,
    link: Vec<u8>,
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

impl Walk<'_> {
    /// The next header, or `None` at the end: the stream's, or two blocks of zeros (one block and then
    /// the stream's end will do; one block and then anything else is broken).
    fn header(&mut self) -> Result<Option<(Header, Block)>, WalkError> {
        let offset = self.blocks.offset();
        let Some(block) = self.blocks.block()? else {
            return Ok(None);
        };
        if block == [0; BLOCK] {
            return match self.blocks.block()? {
                None => Ok(None),
                Some(second) if second == [0; BLOCK] => Ok(None),
                Some(_) => {
                    Err(WalkError::Header { offset, why: "one block of zeros and then more" })
                }
            };
        }
        let header = Header::parse(&block).map_err(|why| WalkError::Header { offset, why })?;
        Ok(Some((header, block)))
    }

    fn data_bytes(&self, header: &Header) -> Result<u64, WalkError> {
        if header::is_header_only(header.typeflag) {
            return Ok(0);
        }
        let offset = self.blocks.offset();
        u64::try_from(header.size).map_err(|_| WalkError::Header { offset, why: "a negative size" })
    }

    /// One real entry with all that precedes it; `false` at the end.
    fn entry(&mut self, visitor: &mut dyn Visitor) -> Result<bool, WalkError> {
        let mut pending = Pending::default();
        loop {
            let Some((mut header, block)) = self.header()? else {
                return Ok(false);
            };
            let size = self.data_bytes(&header)?;
            match header.typeflag {
                b'x' | b'g' => {
                    let data = self.blocks.special(size, "PAX header")?;
                    self.blocks.skip_padding(padding(size))?;
                    let offset = self.blocks.offset();
                    let records =
                        pax::parse(&data).map_err(|why| WalkError::Header { offset, why })?;
                    if header.typeflag == b'x' {
                        pending.records = records;
                    } else {
                        // Go yields a global header as an entry of its own, so what came before it is
                        // spent; and no runtime applies it to the files that follow.
                        pending = Pending::default();
                    }
                }
                b'L' | b'K' => {
                    let data = self.blocks.special(size, "long name")?;
                    self.blocks.skip_padding(padding(size))?;
                    let name = header::text(&data).to_vec();
                    match header.typeflag {
                        b'L' => pending.name = name,
                        _ => pending.link = name,
                    }
                }
                _ => {
                    self.merge(&mut header, &pending)?;
                    self.deliver(header, &pending.records, &block, visitor)?;
                    return Ok(true);
                }
            }
        }
    }

    fn merge(&self, header: &mut Header, pending: &Pending) -> Result<(), WalkError> {
        let offset = self.blocks.offset();
        pax::apply(header, &pending.records).map_err(|why| WalkError::Header { offset, why })?;
        if !pending.name.is_empty() {
            header.name.clone_from(&pending.name);
        }
        if !pending.link.is_empty() {
            header.link.clone_from(&pending.link);
        }
        if header.typeflag == 0 {
            header.typeflag = if header.name.ends_with(b"/") { b'5' } else { b'0' };
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        mut header: Header,
        records: &Records,
        block: &Block,
        visitor: &mut dyn Visitor,
    ) -> Result<(), WalkError> {
        if self.summary.entries >= self.limits.entries {
            return Err(WalkError::TooManyEntries { limit: self.limits.entries });
        }
        let number = self.summary.entries as u32;
        let total = self.data_bytes(&header)?;
        let mut stored = total;
        let map = sparse::map(&mut header, records, block, &mut self.blocks, &mut stored)?;
        let (kind, known) = kind_of(header.typeflag);
        let (path, escaping) = LayerPath::clean(&header.name);
        let (path, mut too_long) = shortened(path);
        let size = if kind == EntryKind::File { header.size.max(0) as u64 } else { 0 };
        let entry = Entry {
            path,
            kind,
            size,
            mode: (header.mode & 0o7777) as u32,
            uid: owner(header.uid),
            gid: owner(header.gid),
            mtime: header.mtime,
            link: match kind {
                EntryKind::Symlink => {
                    too_long |= header.link.len() > LONGEST_PATH;
                    // One byte more than any that is followed.
                    header.link.truncate(LONGEST_PATH + 1);
                    Some(header.link)
                }
                EntryKind::HardLink => {
                    let (target, long) = shortened(LayerPath::new(&header.link));
                    too_long |= long;
                    Some(target.as_bytes().to_vec())
                }
                _ => None,
            },
            device: matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice)
                .then_some((header.device.0 as u32, header.device.1 as u32)),
            capability: pax::capability(records),
            content: None,
        };
        self.summary.entries += 1;
        self.count_names(&entry)?;
        if too_long {
            self.summary.too_long.push(number);
        }
        self.summary.content_bytes = self.summary.content_bytes.saturating_add(size);
        if header.name.starts_with(b"/") {
            self.summary.rooted.push(number);
        }
        if escaping {
            self.summary.escaping.push(number);
        }
        if !known {
            self.summary.unknown_type.push(number);
        }
        let mut shown = Shown::new(visitor.begin(&entry), visitor);
        match map {
            None => self.blocks.pass(stored, &mut |bytes| shown.chunk(bytes))?,
            Some(map) => self.sparse(&map, size, stored, &mut shown)?,
        }
        shown.end();
        self.blocks.skip_padding(padding(total))
    }

    /// Names cost nothing to pack and much to hold: a layer of nothing but long or deep ones ends here.
    fn count_names(&mut self, entry: &Entry) -> Result<(), WalkError> {
        let entries = self.summary.entries;
        let bytes = entry.path.as_bytes().len() + entry.link.as_ref().map_or(0, Vec::len);
        self.names += bytes as u64;
        if self.names > FREE_NAMES + entries.saturating_mul(self.limits.names) {
            return Err(WalkError::TooLongNames { entries, bytes: self.names });
        }
        self.folders += entry.path.parts_beyond(&self.before) as u64;
        if self.folders > FREE_FOLDERS + entries.saturating_mul(self.limits.folders) {
            return Err(WalkError::TooManyFolders { entries, folders: self.folders });
        }
        self.before.clear();
        self.before.extend_from_slice(entry.path.as_bytes());
        Ok(())
    }

    /// Shows a sparse file as it unpacks: stored runs, and zeros between them.
    fn sparse(
        &mut self,
        map: &Map,
        size: u64,
        mut stored: u64,
        shown: &mut Shown,
    ) -> Result<(), WalkError> {
        let mut at = 0;
        for run in map {
            self.hole(run.offset - at, shown)?;
            stored = stored.checked_sub(run.length).ok_or(WalkError::Header {
                offset: self.blocks.offset(),
                why: "a sparse map names more data than is stored",
            })?;
            self.blocks.pass(run.length, &mut |bytes| shown.chunk(bytes))?;
            at = run.offset + run.length;
        }
        self.hole(size - at, shown)?;
        match stored {
            0 => Ok(()),
            _ => Err(WalkError::Header {
                offset: self.blocks.offset(),
                why: "a sparse map names less data than is stored",
            }),
        }
    }

    fn hole(&mut self, bytes: u64, shown: &mut Shown) -> Result<(), WalkError> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let before = self.holes;
        self.holes = self.holes.saturating_add(bytes);
        if self.holes > MOST_HOLES {
            return Err(WalkError::TooManyHoles);
        }
        let mut visible = bytes;
        if bytes > GAP && self.holes > self.limits.holes {
            // As far as the budget goes, and from then on the gap only.
            visible = self.limits.holes.saturating_sub(before).clamp(GAP, bytes);
            shown.pass_over(bytes - visible);
        }
        while visible > 0 {
            let n = visible.min(ZEROS.len() as u64);
            shown.chunk(&ZEROS[..n as usize]);
            visible -= n;
        }
        Ok(())
    }
}

/// A path that can be held, and whether it or one of its names is too long for Linux. No runtime unpacks
/// such an entry, so it lands where nothing else is; its bytes are looked at all the same.
fn shortened(path: LayerPath) -> (LayerPath, bool) {
    match path.as_bytes().len() > LONGEST_PATH {
        true => (path.stand_in(), true),
        false => {
            let too_long = !path.can_be_made();
            (path, too_long)
        }
    }
}

/// The owner as `chown` sets it: 32 bits of the number; with all of them set it leaves what is there, and that
/// is root, who unpacks.
fn owner(id: i64) -> u64 {
    match id as u32 {
        u32::MAX => 0,
        id => u64::from(id),
    }
}

/// The kind, and whether runtimes unpack the type at all. `7` (contiguous) and `S` (old GNU sparse) are
/// files to Go's reader, but containerd and Docker refuse them like any type they do not name.
fn kind_of(typeflag: u8) -> (EntryKind, bool) {
    match typeflag {
        b'1' => (EntryKind::HardLink, true),
        b'2' => (EntryKind::Symlink, true),
        b'3' => (EntryKind::CharDevice, true),
        b'4' => (EntryKind::BlockDevice, true),
        b'5' => (EntryKind::Directory, true),
        b'6' => (EntryKind::Fifo, true),
        b'0' => (EntryKind::File, true),
        _ => (EntryKind::File, false),
    }
}

/// Keeps to what the visitor asked for.
struct Shown<'v> {
    visitor: &'v mut dyn Visitor,
    /// Bytes still wanted; `None` once `end` was called or nothing was wanted.
    left: Option<u64>,
}

impl<'v> Shown<'v> {
    fn new(interest: Interest, visitor: &'v mut dyn Visitor) -> Self {
        let left = match interest {
            Interest::Skip => None,
            Interest::Head(n) => Some(n),
            Interest::All => Some(u64::MAX),
        };
        Self { visitor, left }
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let Some(left) = self.left else { return };
        let n = (bytes.len() as u64).min(left);
        if n > 0 {
            self.visitor.chunk(&bytes[..n as usize]);
        }
        self.left = Some(left - n);
        if left == n {
            self.end();
        }
    }

    fn pass_over(&mut self, zeros: u64) {
        let Some(left) = self.left else { return };
        self.visitor.pass_over(zeros.min(left));
        self.left = Some(left.saturating_sub(zeros));
        if left <= zeros {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.left.take().is_some() {
            self.visitor.end();
        }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
