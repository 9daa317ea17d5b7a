//! Numbers out of the parts of an ELF file that were kept. Every one of them may lie.

use super::super::ElfFact;
use super::dynamic;

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const SHT_PROGBITS: u64 = 1;
const SHT_SYMTAB: u64 = 2;
const SHF_ALLOC: u64 = 2;
const MOST_SECTIONS: u64 = 1 << 20;

/// A run of the file's bytes.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub start: u64,
    pub bytes: &'a [u8],
}

/// The parts of the file that were kept.
pub(super) struct Elf<'a> {
    parts: [Part<'a>; 4],
    size: u64,
    pub wide: bool,
    big: bool,
}

/// A program header's place in the file and in memory.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    pub kind: u64,
    pub offset: u64,
    pub address: u64,
    pub length: u64,
}

impl Segment {
    pub fn is_loaded(&self) -> bool {
        self.kind == PT_LOAD
    }
}

impl<'a> Elf<'a> {
    /// `parts`: the head of the file first.
    pub fn new(parts: [Part<'a>; 4], size: u64) -> Option<Self> {
        let head = parts[0].bytes;
        if !head.starts_with(b"\x7fELF") {
            return None;
        }
        let (wide, big) = match head.get(4..6)? {
            [wide @ 1..=2, big @ 1..=2] => (*wide == 2, *big == 2),
            _ => return None,
        };
        Some(Self { parts, size, wide, big })
    }

    pub fn bytes(&self, at: u64, length: u64) -> Option<&'a [u8]> {
        self.parts.iter().find_map(|part| {
            let from = usize::try_from(at.checked_sub(part.start)?).ok()?;
            part.bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
        })
    }

    /// The string that begins at `at`, if its end was kept too.
    pub fn string(&self, at: u64) -> Option<String> {
        self.parts.iter().find_map(|part| {
            let from = usize::try_from(at.checked_sub(part.start)?).ok()?;
            let rest = part.bytes.get(from..)?;
            let rest = &rest[..rest.len().min(4096)];
            let end = memchr::memchr(0, rest)?;
            Some(String::from_utf8_lossy(&rest[..end]).into_owned())
        })
    }

    pub fn number(&self, at: u64, width: u64) -> Option<u64> {
        let bytes = self.bytes(at, width)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// A field at one of two offsets, by the class of the file.
    pub fn field(&self, base: u64, narrow: (u64, u64), wide: (u64, u64)) -> Option<u64> {
        let (at, width) = if self.wide { wide } else { narrow };
        self.number(base.checked_add(at)?, width)
    }

    /// What it is, and whether more is said in it than is read.
    pub fn fact(&self, entry: u32) -> Option<(ElfFact, bool)> {
        let (dynamic, cut) = dynamic::read(self);
        let fact = ElfFact {
            entry,
            elf_type: u16::try_from(self.number(16, 2)?).ok()?,
            machine: u16::try_from(self.number(18, 2)?).ok()?,
            debug_bytes: self.debug_bytes(),
            interpreter: self.interpreter(),
            dynamic,
            strings: Vec::new(),
        };
        Some((fact, cut))
    }

    /// At most 512: no linker makes as many.
    pub fn segments(&self) -> Option<Vec<Segment>> {
        let table = self.field(0, (28, 4), (32, 8))?;
        let size = self.field(0, (42, 2), (54, 2))?;
        let count = self.field(0, (44, 2), (56, 2))?.min(512);
        (0..count)
            .map(|i| {
                let base = table.checked_add(i.checked_mul(size)?)?;
                Some(Segment {
                    kind: self.number(base, 4)?,
                    offset: self.field(base, (4, 4), (8, 8))?,
                    address: self.field(base, (8, 4), (16, 8))?,
                    length: self.field(base, (16, 4), (32, 8))?,
                })
            })
            .collect()
    }

    pub fn dynamic_segment(&self) -> Option<Segment> {
        self.segments()?.into_iter().find(|s| s.kind == PT_DYNAMIC)
    }

    /// Where the file has what stands at an address in memory.
    pub fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments()?.into_iter().filter(Segment::is_loaded).find_map(|s| {
            let within = address.checked_sub(s.address)?;
            (within < s.length).then(|| s.offset.checked_add(within))?
        })
    }

    fn interpreter(&self) -> Option<String> {
        let segment = self.segments()?.into_iter().find(|s| s.kind == PT_INTERP)?;
        let raw = self.bytes(segment.offset, segment.length.min(4096))?;
        let end = memchr::memchr(0, raw).unwrap_or(raw.len());
        Some(String::from_utf8_lossy(&raw[..end]).into_owned())
    }

    fn debug_bytes(&self) -> Option<u64> {
        let table = self.field(0, (32, 4), (40, 8))?;
        if table == 0 {
            return Some(0);
        }
        let size = self.field(0, (46, 2), (58, 2))?;
        let mut count = self.field(0, (48, 2), (60, 2))?;
        if count == 0 {
            // More than 65,279 sections: the count stands in the first one.
            count = self.field(table, (20, 4), (32, 8))?;
        }
        // Headers of less than their size would overlap; nor does any program have a million sections.
        if size < if self.wide { 64 } else { 40 } || count > MOST_SECTIONS {
            return None;
        }
        let section = |i: u64| table.checked_add(i.checked_mul(size)?);
        let length = |base| self.field(base, (20, 4), (32, 8));
        let mut sum = 0u64;
        for i in 0..count {
            let base = section(i)?;
            let loaded = self.field(base, (8, 4), (8, 8))? & SHF_ALLOC != 0;
            match self.number(base.checked_add(4)?, 4)? {
                SHT_PROGBITS if !loaded => sum = sum.saturating_add(length(base)?),
                SHT_SYMTAB => {
                    let names = section(self.field(base, (24, 4), (40, 4))?)?;
                    sum = sum.saturating_add(length(base)?).saturating_add(length(names)?);
                }
                _ => {}
            }
        }
        Some(sum.min(self.size))
    }
}
