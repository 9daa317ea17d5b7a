//! What an ELF file is, from one pass over it: type, machine, interpreter, and how many of its bytes
//! only a debugger reads.
//!
//! The section table stands at the end of the file, so the last part of the file is kept while it
//! streams by. The names of the sections may be anywhere; debug sections are known without them: data
//! that is not loaded, and the symbol table with its strings. Every number in a header may lie.

use super::{Analyzer, ElfFact, Facts};
use crate::layer::{Entry, Interest};

const HEAD: usize = 64 << 10;
/// Room for the section table, 64 bytes a section.
const TAIL: usize = 256 << 10;
const PT_INTERP: u64 = 3;
const SHT_PROGBITS: u64 = 1;
const SHT_SYMTAB: u64 = 2;
const SHF_ALLOC: u64 = 2;
const MOST_SECTIONS: u64 = 1 << 20;

#[derive(Default)]
pub struct ElfAnalyzer {
    entry: u32,
    size: u64,
    seen: u64,
    skip: bool,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl ElfAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for ElfAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("elf", 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size < 52 {
            return Interest::Skip;
        }
        *self = Self {
            entry: number,
            size: entry.size,
            head: std::mem::take(&mut self.head),
            tail: std::mem::take(&mut self.tail),
            ..Self::default()
        };
        self.head.clear();
        self.tail.clear();
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.skip {
            return;
        }
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.head.len() >= 4 && !self.head.starts_with(b"\x7fELF") {
            self.skip = true;
            return;
        }
        let start = self.size.saturating_sub(TAIL as u64);
        let from = usize::try_from(start.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        self.seen += bytes.len() as u64;
        if let Some(part) = bytes.get(from..) {
            let room = TAIL.saturating_sub(self.tail.len());
            self.tail.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.skip || !self.head.starts_with(b"\x7fELF") {
            return;
        }
        facts
            .elf
            .extend(Elf::new(&self.head, &self.tail, self.size).and_then(|e| e.fact(self.entry)));
    }
}

/// The parts of the file that were kept.
struct Elf<'a> {
    head: &'a [u8],
    tail: &'a [u8],
    tail_start: u64,
    wide: bool,
    big: bool,
}

impl<'a> Elf<'a> {
    fn new(head: &'a [u8], tail: &'a [u8], size: u64) -> Option<Self> {
        let wide = match head.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let big = match head.get(5)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        Some(Self { head, tail, tail_start: size.saturating_sub(tail.len() as u64), wide, big })
    }

    fn bytes(&self, at: u64, length: u64) -> Option<&'a [u8]> {
        let cut = |part: &'a [u8], from: u64| {
            let from = usize::try_from(from).ok()?;
            part.get(from..from.checked_add(usize::try_from(length).ok()?)?)
        };
        cut(self.head, at).or_else(|| cut(self.tail, at.checked_sub(self.tail_start)?))
    }

    fn number(&self, at: u64, width: u64) -> Option<u64> {
        let bytes = self.bytes(at, width)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// A field at one of two offsets, by the class of the file.
    fn field(&self, base: u64, narrow: (u64, u64), wide: (u64, u64)) -> Option<u64> {
        let (at, width) = if self.wide { wide } else { narrow };
        self.number(base.checked_add(at)?, width)
    }

    fn fact(&self, entry: u32) -> Option<ElfFact> {
        Some(ElfFact {
            entry,
            elf_type: u16::try_from(self.number(16, 2)?).ok()?,
            machine: u16::try_from(self.number(18, 2)?).ok()?,
            debug_bytes: self.debug_bytes(),
            interpreter: self.interpreter(),
        })
    }

    fn interpreter(&self) -> Option<String> {
        let table = self.field(0, (28, 4), (32, 8))?;
        let size = self.field(0, (42, 2), (54, 2))?;
        let count = self.field(0, (44, 2), (56, 2))?;
        for i in 0..count {
            let base = table.checked_add(i.checked_mul(size)?)?;
            if self.number(base, 4)? != PT_INTERP {
                continue;
            }
            let at = self.field(base, (4, 4), (8, 8))?;
            let length = self.field(base, (16, 4), (32, 8))?.min(4096);
            let raw = self.bytes(at, length)?;
            let end = memchr::memchr(0, raw).unwrap_or(raw.len());
            return Some(String::from_utf8_lossy(&raw[..end]).into_owned());
        }
        None
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
        // A header of zero size would never end; nor does any program have a million sections.
        if size == 0 || count > MOST_SECTIONS {
            return None;
        }
        let section = |i: u64| table.checked_add(i.checked_mul(size)?);
        let length = |base| self.field(base, (20, 4), (32, 8));
        let (file, mut sum) = (self.tail_start + self.tail.len() as u64, 0u64);
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
        Some(sum.min(file))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::feed;
    use super::*;
    use proptest::prelude::*;

    /// The test program itself: an executable with an interpreter and debug sections.
    fn me() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn reads_a_real_program_as_a_full_parser_does() {
        use object::read::elf::{ElfFile64, FileHeader};
        use object::{Object, ObjectSection};
        let bytes = me();
        let file = ElfFile64::<object::Endianness>::parse(bytes.as_slice()).unwrap();
        let wanted: u64 = file
            .sections()
            .filter(|s| {
                let name = s.name().unwrap();
                name.starts_with(".debug_") || name == ".symtab" || name == ".strtab"
            })
            .map(|s| s.file_range().map_or(0, |r| r.1))
            .sum();
        for step in [1 << 12, 1_000_003, usize::MAX] {
            let facts = feed(&mut ElfAnalyzer::new(), "app", &bytes, step);
            let elf = &facts.elf[0];
            // Notes such as `.comment` are not loaded either.
            assert!(
                elf.debug_bytes.unwrap().abs_diff(wanted) < 10_000,
                "{:?} {wanted}",
                elf.debug_bytes
            );
            assert!(wanted > 0);
            assert!(elf.interpreter.as_deref().is_some_and(|i| i.starts_with('/')));
            assert_eq!(elf.machine, file.elf_header().e_machine(file.endian()).0);
        }
    }

    #[test]
    fn nothing_of_other_files() {
        assert_eq!(feed(&mut ElfAnalyzer::new(), "x", &[b'#'; 100], 3), Facts::default());
        assert_eq!(feed(&mut ElfAnalyzer::new(), "x", b"\x7fELF", 3), Facts::default());
    }

    proptest! {
        #[test]
        fn lying_headers_are_harmless(changes in prop::collection::vec((4usize..64, any::<u8>()), 0..12), rest: Vec<u8>) {
            let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
            bytes.resize(64, 0);
            for (at, byte) in changes { bytes[at] = byte; }
            bytes.extend(rest);
            feed(&mut ElfAnalyzer::new(), "x", &bytes, 17);
        }
    }
}
