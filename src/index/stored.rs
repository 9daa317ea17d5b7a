//! The entries of a layer as a stream of bytes, column by column, and back: neither way needs more memory
//! than the entries themselves.

use super::entries::{Attributes, Entries, Row};
use super::paths::Paths;
use crate::layer::{ContentHash, EntryKind};
use crate::text::Strings;
use std::io::{self, Read, Write};

/// In the order of their numbers in the stored form.
const KINDS: [EntryKind; 7] = [
    EntryKind::File,
    EntryKind::Directory,
    EntryKind::Symlink,
    EntryKind::HardLink,
    EntryKind::CharDevice,
    EntryKind::BlockDevice,
    EntryKind::Fifo,
];

/// Bits of a mode; the kind stands above them.
const MODE_BITS: u32 = 16;

/// Numbers that go through one buffer.
const PIECE: usize = 4096;

pub(super) fn write(entries: &Entries, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Columns(out);
    out.numbers(entries.paths.parents.iter().copied())?;
    out.strings(&entries.paths.folder_names)?;
    out.numbers(entries.paths.folders.iter().copied())?;
    out.strings(&entries.paths.names)?;
    out.numbers(entries.rows.iter().map(|r| r.value))?;
    out.numbers(entries.rows.iter().map(|r| r.time))?;
    out.numbers(entries.rows.iter().map(|r| r.attributes))?;
    out.length(entries.contents.len())?;
    for content in &entries.contents {
        out.0.write_all(&content.0)?;
    }
    let attributes = || entries.attributes.iter();
    out.numbers(attributes().map(|a| number_of(a.kind) << MODE_BITS | u32::from(a.mode)))?;
    out.numbers(attributes().map(|a| a.uid))?;
    out.numbers(attributes().map(|a| a.gid))?;
    out.numbers(attributes().map(|a| a.capability))?;
    out.strings(&entries.links)?;
    out.numbers(entries.devices.iter().map(|d| d.0))?;
    out.numbers(entries.devices.iter().map(|d| d.1))?;
    out.strings(&entries.capabilities)?;
    out.wide(entries.wide_sizes.iter().copied())?;
    out.wide(entries.wide_times.iter().map(|&(n, time)| (n, time as u64)))
}

/// The entries, if the bytes make sense: each number that stands for something else does so.
pub(super) fn read(input: &mut dyn Read, limit: u64) -> Option<Entries> {
    let mut input = Input { inner: input, left: limit };
    let paths = Paths {
        parents: input.numbers()?,
        folder_names: input.strings()?,
        folders: input.numbers()?,
        names: input.strings()?,
    };
    let values = input.numbers()?;
    let times = input.numbers()?;
    let of = input.numbers()?;
    let count = values.len();
    if times.len() != count || of.len() != count || paths.folders.len() != count {
        return None;
    }
    let row = |((value, time), attributes)| Row { value, time, attributes };
    let rows = values.into_iter().zip(times).zip(of).map(row).collect();
    let contents = input.contents(count)?;
    let attributes = input.attributes()?;
    let links = input.strings()?;
    let (majors, minors) = (input.numbers()?, input.numbers()?);
    if majors.len() != minors.len() {
        return None;
    }
    let entries = Entries {
        paths,
        rows,
        contents,
        attributes,
        links,
        devices: majors.into_iter().zip(minors).collect(),
        capabilities: input.strings()?,
        wide_sizes: input.wide()?,
        wide_times: input.wide()?.into_iter().map(|(n, time)| (n, time as i64)).collect(),
    };
    let has_attributes = |r: &Row| (r.attributes as usize) < entries.attributes.len();
    (entries.rows.iter().all(has_attributes) && entries.paths.make_sense()).then_some(entries)
}

fn number_of(kind: EntryKind) -> u32 {
    KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u32
}

struct Columns<'a>(&'a mut dyn Write);

impl Columns<'_> {
    fn length(&mut self, length: usize) -> io::Result<()> {
        self.0.write_all(&(length as u64).to_le_bytes())
    }

    fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u32>) -> io::Result<()> {
        self.length(numbers.len())?;
        let mut buffer = Vec::with_capacity(PIECE * size_of::<u32>());
        for number in numbers {
            buffer.extend(number.to_le_bytes());
            if buffer.len() == buffer.capacity() {
                self.0.write_all(&buffer)?;
                buffer.clear();
            }
        }
        self.0.write_all(&buffer)
    }

    fn strings(&mut self, strings: &Strings) -> io::Result<()> {
        let (bytes, ends) = strings.parts();
        self.numbers(ends.iter().copied())?;
        self.length(bytes.len())?;
        self.0.write_all(bytes)
    }

    fn wide(&mut self, list: impl ExactSizeIterator<Item = (u32, u64)> + Clone) -> io::Result<()> {
        self.numbers(list.clone().map(|(n, _)| n))?;
        self.numbers(list.clone().map(|(_, wide)| wide as u32))?;
        self.numbers(list.map(|(_, wide)| (wide >> 32) as u32))
    }
}

struct Input<'a> {
    inner: &'a mut dyn Read,
    /// Bytes that may still come.
    left: u64,
}

impl Input<'_> {
    /// How many come next, each of so many bytes.
    fn length(&mut self, each: usize) -> Option<usize> {
        let mut length = [0; 8];
        self.inner.read_exact(&mut length).ok()?;
        let length = u64::from_le_bytes(length);
        let bytes = length.checked_mul(each as u64)?;
        self.left = self.left.checked_sub(bytes.checked_add(8)?)?;
        usize::try_from(length).ok()
    }

    fn numbers(&mut self) -> Option<Vec<u32>> {
        let count = self.length(size_of::<u32>())?;
        let mut out = Vec::with_capacity(count);
        let mut buffer = [0; PIECE * size_of::<u32>()];
        while out.len() < count {
            let bytes = PIECE.min(count - out.len()) * size_of::<u32>();
            self.inner.read_exact(&mut buffer[..bytes]).ok()?;
            let numbers = buffer[..bytes].as_chunks().0;
            out.extend(numbers.iter().map(|b| u32::from_le_bytes(*b)));
        }
        Some(out)
    }

    fn strings(&mut self) -> Option<Strings> {
        let ends = self.numbers()?;
        let length = self.length(1)?;
        let mut bytes = vec![0; length];
        self.inner.read_exact(&mut bytes).ok()?;
        Strings::from_parts(bytes, ends)
    }

    fn contents(&mut self, count: usize) -> Option<Vec<ContentHash>> {
        let length = self.length(size_of::<ContentHash>())?;
        let mut out = Vec::with_capacity(length);
        for _ in 0..length {
            let mut content = [0; 32];
            self.inner.read_exact(&mut content).ok()?;
            out.push(ContentHash(content));
        }
        (length == count).then_some(out)
    }

    fn attributes(&mut self) -> Option<Vec<Attributes>> {
        let (kinds, uids) = (self.numbers()?, self.numbers()?);
        let (gids, capabilities) = (self.numbers()?, self.numbers()?);
        let count = kinds.len();
        if [uids.len(), gids.len(), capabilities.len()] != [count; 3] {
            return None;
        }
        let attributes = |n: usize| {
            Some(Attributes {
                kind: *KINDS.get((kinds[n] >> MODE_BITS) as usize)?,
                mode: kinds[n] as u16,
                uid: uids[n],
                gid: gids[n],
                capability: capabilities[n],
            })
        };
        (0..count).map(attributes).collect()
    }

    fn wide(&mut self) -> Option<Vec<(u32, u64)>> {
        let (numbers, low, high) = (self.numbers()?, self.numbers()?, self.numbers()?);
        if [low.len(), high.len()] != [numbers.len(); 2] {
            return None;
        }
        let wide = |n: usize| (numbers[n], u64::from(low[n]) | u64::from(high[n]) << 32);
        Some((0..numbers.len()).map(wide).collect())
    }
}
