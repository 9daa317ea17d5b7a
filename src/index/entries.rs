//! The entries of one layer in few bytes each: what most of them have in columns, what few of them have
//! beside them.

use super::paths::{Folders, Paths};
use crate::layer::{ContentHash, Entry, EntryKind, LayerPath};
use crate::text::Strings;
use std::collections::HashMap;
use std::fmt;

/// No link, device or capability.
pub(super) const NONE: u32 = u32::MAX;
/// Stands for a number that is larger than the column holds.
pub(super) const WIDE: u32 = u32::MAX;
/// The content of what has none. No file hashes to it.
pub(super) const NOTHING: ContentHash = ContentHash([0; 32]);

/// The entries of a layer, in the order of the tar.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entries {
    pub(super) paths: Paths,
    pub(super) rows: Vec<Row>,
    /// Of each entry; of one that is no file [`NOTHING`].
    pub(super) contents: Vec<ContentHash>,
    /// Each combination once.
    pub(super) attributes: Vec<Attributes>,
    /// Targets of links.
    pub(super) links: Strings,
    /// Numbers of devices.
    pub(super) devices: Vec<(u32, u32)>,
    /// Raw `security.capability` attributes, each once.
    pub(super) capabilities: Strings,
    /// Sizes and times that are too large for a row, by the number of the entry.
    pub(super) wide_sizes: Vec<(u32, u64)>,
    pub(super) wide_times: Vec<(u32, i64)>,
}

/// What an entry has of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// A file's bytes, or [`WIDE`]; of a link and of a device the place in its list, or [`NONE`]; else 0.
    pub value: u32,
    /// Seconds since 1970, or [`WIDE`].
    pub time: u32,
    /// Place in `attributes`.
    pub attributes: u32,
}

/// What many entries have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attributes {
    pub kind: EntryKind,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    /// Place in `capabilities`, or [`NONE`].
    pub capability: u32,
}

/// One entry of an indexed layer: what its tar says of it.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    entries: &'a Entries,
    number: u32,
    value: u32,
    capability: u32,
    pub kind: EntryKind,
    /// Bytes of content; 0 for everything but a file.
    pub size: u64,
    /// The twelve permission bits.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
}

impl<'a> EntryRef<'a> {
    pub fn path(&self) -> LayerPath {
        self.entries.paths.path(self.number)
    }

    /// The last part of its path; empty for the root.
    pub fn name(&self) -> &'a [u8] {
        self.entries.name(self.number)
    }

    /// Symlink: the target as written. Hard link: the target's normalised path.
    pub fn link(&self) -> Option<&'a [u8]> {
        let is_link = matches!(self.kind, EntryKind::Symlink | EntryKind::HardLink);
        (is_link && self.value != NONE).then(|| self.entries.links.get(self.value))
    }

    /// `major, minor` of a device.
    pub fn device(&self) -> Option<(u32, u32)> {
        let is_device = matches!(self.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        is_device.then(|| self.entries.devices.get(self.value as usize).copied()).flatten()
    }

    /// The raw `security.capability` attribute.
    pub fn capability(&self) -> Option<&'a [u8]> {
        (self.capability != NONE).then(|| self.entries.capabilities.get(self.capability))
    }

    /// Of a file's bytes.
    pub fn content(&self) -> Option<ContentHash> {
        let content = self.entries.contents.get(self.number as usize).copied();
        content.filter(|c| *c != NOTHING)
    }

    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    pub fn is_dir(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// With a path and a link of its own.
    pub fn to_entry(&self) -> Entry {
        Entry {
            path: self.path(),
            kind: self.kind,
            size: self.size,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            mtime: self.mtime,
            link: self.link().map(<[u8]>::to_vec),
            device: self.device(),
            capability: self.capability().map(<[u8]>::to_vec),
            content: self.content(),
        }
    }
}

impl Entries {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn get(&self, number: u32) -> Option<EntryRef<'_>> {
        let row = self.rows.get(number as usize)?;
        let of = self.attributes.get(row.attributes as usize)?;
        let size = match (of.kind, row.value) {
            (EntryKind::File, WIDE) => wide(&self.wide_sizes, number),
            (EntryKind::File, size) => u64::from(size),
            _ => 0,
        };
        let mtime = match row.time {
            WIDE => wide(&self.wide_times, number),
            time => i64::from(time),
        };
        Some(EntryRef {
            entries: self,
            number,
            value: row.value,
            capability: of.capability,
            kind: of.kind,
            size,
            mode: u32::from(of.mode),
            uid: u64::from(of.uid),
            gid: u64::from(of.gid),
            mtime,
        })
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = EntryRef<'_>> + DoubleEndedIterator {
        let entry = |n| self.get(n).expect("each row has its attributes");
        (0..self.rows.len() as u32).map(entry)
    }

    /// The path of an entry; the root's where there is none.
    pub fn path(&self, number: u32) -> LayerPath {
        self.paths.path(number)
    }

    /// The last part of an entry's path.
    pub fn name(&self, number: u32) -> &[u8] {
        self.paths.names.get(number)
    }

    /// Folders that hold entries or other folders, the root among them.
    pub fn folders(&self) -> usize {
        self.paths.parents.len()
    }

    /// The number of the folder that an entry lies in: the same for all that lie in it.
    pub fn folder(&self, number: u32) -> u32 {
        self.paths.folder(number)
    }

    /// Puts the path of a folder into `out`, which is empty.
    pub fn write_folder(&self, folder: u32, out: &mut Vec<u8>) {
        self.paths.write_folder(folder, out);
    }

    /// Bytes of memory that they hold.
    pub fn weight(&self) -> usize {
        self.paths.weight()
            + self.rows.capacity() * size_of::<Row>()
            + self.contents.capacity() * size_of::<ContentHash>()
            + self.links.weight()
    }

    /// Entries whose path one before them has. `apart`: whether a path is written otherwise than most, so that one which
    /// is not has another name.
    pub fn duplicates(&self, apart: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let key = |n: u32| (self.folder(n), self.name(n), apart(n));
        order.sort_unstable_by(|&a, &b| (key(a), a).cmp(&(key(b), b)));
        let twice = order.windows(2).filter(|w| key(w[0]) == key(w[1]));
        let mut duplicates: Vec<u32> = twice.map(|w| w[1]).collect();
        duplicates.sort_unstable();
        duplicates
    }
}

fn wide<T: Copy + Default>(list: &[(u32, T)], entry: u32) -> T {
    let place = list.binary_search_by_key(&entry, |(n, _)| *n);
    place.map(|p| list[p].1).unwrap_or_default()
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut builder = EntriesBuilder::default();
        for entry in entries {
            builder.push(&entry);
        }
        builder.finish()
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|e| e.to_entry())).finish()
    }
}

impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_entry().fmt(f)
    }
}

/// Takes entries in, one after another.
#[derive(Default)]
pub struct EntriesBuilder {
    entries: Entries,
    folders: Folders,
    attributes: HashMap<Attributes, u32>,
    capabilities: HashMap<Vec<u8>, u32>,
}

impl EntriesBuilder {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn push(&mut self, entry: &Entry) {
        let out = &mut self.entries;
        let number = out.rows.len() as u32;
        self.folders.push(&mut out.paths, &entry.path);
        let value = match entry.kind {
            EntryKind::File => u32::try_from(entry.size).unwrap_or(WIDE),
            EntryKind::Symlink | EntryKind::HardLink => match &entry.link {
                Some(link) => out.links.push(link),
                None => NONE,
            },
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                let place = out.devices.len() as u32;
                out.devices.extend(entry.device);
                if entry.device.is_some() { place } else { NONE }
            }
            EntryKind::Directory | EntryKind::Fifo => 0,
        };
        if entry.kind == EntryKind::File && value == WIDE {
            out.wide_sizes.push((number, entry.size));
        }
        let time = u32::try_from(entry.mtime).unwrap_or(WIDE);
        if time == WIDE {
            out.wide_times.push((number, entry.mtime));
        }
        let capability = match &entry.capability {
            None => NONE,
            Some(raw) => match self.capabilities.get(raw) {
                Some(&known) => known,
                None => {
                    let place = out.capabilities.push(raw);
                    self.capabilities.insert(raw.clone(), place);
                    place
                }
            },
        };
        let attributes = Attributes {
            kind: entry.kind,
            mode: entry.mode as u16,
            // A number of 32 bits, as the walk has it.
            uid: entry.uid as u32,
            gid: entry.gid as u32,
            capability,
        };
        let attributes = *self.attributes.entry(attributes).or_insert_with(|| {
            out.attributes.push(attributes);
            out.attributes.len() as u32 - 1
        });
        out.rows.push(Row { value, time, attributes });
        out.contents.push(entry.content.unwrap_or(NOTHING));
    }

    /// The content of the entry that came last.
    pub fn set_content(&mut self, content: ContentHash) {
        if let Some(last) = self.entries.contents.last_mut() {
            *last = content;
        }
    }

    /// Whether the entry that came last is a file.
    pub fn last_is_file(&self) -> bool {
        let last = self.entries.len().wrapping_sub(1);
        self.entries.get(last as u32).is_some_and(|e| e.is_file())
    }

    pub fn finish(self) -> Entries {
        let mut entries = self.entries;
        entries.paths.shrink();
        entries.links.shrink();
        entries.rows.shrink_to_fit();
        entries.contents.shrink_to_fit();
        entries
    }
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
