//! What an ELF file is, from one pass over it: type, machine, interpreter, what the dynamic linker is
//! told, the paths that it names, and how many of its bytes only a debugger reads.
//!
//! What is wanted stands in four places: the head, which grows to the end of the first segment if the
//! file is linked dynamically (its strings lie there), the dynamic section, a string table that a later tool
//! moved behind it, and the end of the file, where the section table is. Debug sections are known
//! without their names: data that is not loaded, and the symbol table with its strings.

mod dynamic;
mod header;
mod strings;

use super::{Analyzer, Facts, Unread};
use crate::layer::{Entry, Interest};
use header::{Elf, Part};
use strings::Strings;

const ID: &str = "elf";
const HEAD: usize = 64 << 10;
/// Of a first segment, at most. The largest seen has 5 MB (LLVM).
const LONG_HEAD: u64 = 8 << 20;
/// Of a dynamic section: 4,096 entries.
const DYNAMIC: u64 = 64 << 10;
/// Room for the section table, 64 bytes a section.
const TAIL: usize = 256 << 10;

#[derive(Default)]
pub struct ElfAnalyzer {
    entry: u32,
    size: u64,
    seen: u64,
    skip: bool,
    planned: bool,
    /// Bytes of the head that are wanted.
    wanted: usize,
    head: Vec<u8>,
    dynamic: Window,
    moved: Window,
    tail: Vec<u8>,
    strings: Option<Strings>,
}

/// Bytes of the file from `start` on, as far as they have come by.
#[derive(Default)]
struct Window {
    start: u64,
    length: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(start: u64, length: u64) -> Self {
        Self { start, length, bytes: Vec::new() }
    }

    /// `bytes` stand at `at` in the file.
    fn feed(&mut self, at: u64, bytes: &[u8]) {
        let next = self.start + self.bytes.len() as u64;
        let left = self.length - self.bytes.len() as u64;
        if left > 0
            && let Some(skip) = next.checked_sub(at)
            && let Some(part) = usize::try_from(skip).ok().and_then(|n| bytes.get(n..))
        {
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
            self.bytes.extend_from_slice(&part[..n]);
        }
    }

    fn is_full(&self) -> bool {
        self.length > 0 && self.bytes.len() as u64 == self.length
    }

    fn part(&self) -> Part<'_> {
        Part { start: self.start, bytes: &self.bytes }
    }
}

impl ElfAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    fn elf(&self) -> Option<Elf<'_>> {
        let head = Part { start: 0, bytes: &self.head };
        let start = self.size.saturating_sub(self.tail.len() as u64);
        let tail = Part { start, bytes: &self.tail };
        Elf::new([head, self.dynamic.part(), self.moved.part(), tail], self.size)
    }

    /// With the first bytes there: what else is wanted.
    fn plan(&mut self) {
        self.planned = true;
        let Some(elf) = self.elf() else { return };
        let Some(segment) = elf.dynamic_segment() else { return };
        let first = elf.segments().and_then(|all| all.into_iter().find(|s| s.is_loaded()));
        let end = first.map_or(0, |s| s.offset.saturating_add(s.length)).min(LONG_HEAD);
        let window = Window::new(segment.offset, segment.length.min(DYNAMIC));
        self.wanted = self.wanted.max(usize::try_from(end).unwrap_or(0));
        self.dynamic = window;
    }

    /// A string table behind the dynamic section: where a tool that changes the search path puts it.
    fn follow(&mut self) {
        let strings = self.elf().and_then(|elf| dynamic::string_table(&elf));
        if let Some((at, length)) = strings.filter(|(at, _)| *at >= self.seen) {
            self.moved = Window::new(at, length.min(LONG_HEAD));
        }
    }
}

impl Analyzer for ElfAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 5)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size < 52 {
            return Interest::Skip;
        }
        let mut head = std::mem::take(&mut self.head);
        let mut tail = std::mem::take(&mut self.tail);
        head.clear();
        head.shrink_to(4 * HEAD);
        tail.clear();
        *self = Self {
            entry: number,
            size: entry.size,
            wanted: HEAD,
            head,
            tail,
            strings: Strings::of(entry.path.as_bytes()),
            ..Self::default()
        };
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.skip {
            return;
        }
        let at = self.seen;
        let mut rest = bytes;
        if !self.planned {
            let (first, behind) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
            self.head.extend_from_slice(first);
            rest = behind;
            if self.head.len() >= 4 && !self.head.starts_with(b"\x7fELF") {
                self.skip = true;
                return;
            }
            if self.head.len() == HEAD {
                self.plan();
            }
        }
        let room = self.wanted.saturating_sub(self.head.len());
        self.head.extend_from_slice(&rest[..rest.len().min(room)]);
        if self.planned {
            let full = self.dynamic.is_full();
            self.dynamic.feed(at, bytes);
            self.moved.feed(at, bytes);
            if !full && self.dynamic.is_full() {
                self.follow();
                self.moved.feed(at, bytes);
            }
        }
        let start = self.size.saturating_sub(TAIL as u64);
        let from = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(part) = bytes.get(from..) {
            let room = TAIL.saturating_sub(self.tail.len());
            self.tail.extend_from_slice(&part[..part.len().min(room)]);
        }
        if let Some(strings) = &mut self.strings {
            strings.feed(bytes);
        }
        self.seen += bytes.len() as u64;
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.skip {
            return;
        }
        let fact = self.elf().and_then(|e| e.fact(self.entry));
        if let Some((mut fact, cut)) = fact {
            if cut {
                facts.unread.push(Unread {
                    entry: self.entry,
                    analyzer: ID.to_owned(),
                    why: "it names more libraries and versions than are read of one file"
                        .to_owned(),
                    within: false,
                });
            }
            if let Some(strings) = self.strings.take() {
                fact.strings = strings.finish();
            }
            facts.elf.push(fact);
        }
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
            let crate::analyze::Dynamic::Linked(linked) = &elf.dynamic else {
                panic!("{:?}", elf.dynamic)
            };
            assert!(linked.needed.iter().any(|n| n == "libc.so.6"), "{linked:?}");
            assert!(linked.versions.iter().any(|v| v.starts_with("GLIBC_2.")), "{linked:?}");
        }
    }

    #[test]
    fn nothing_of_other_files() {
        assert_eq!(feed(&mut ElfAnalyzer::new(), "x", &[b'#'; 100], 3), Facts::default());
        assert_eq!(feed(&mut ElfAnalyzer::new(), "x", b"\x7fELF", 3), Facts::default());
    }

    /// A program of which only the version needs are true: `lists` of them share one list of `length`.
    fn overlapping_needs(lists: u64, length: u64) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        let mut put = |at: u64, value: u64, width: usize| {
            let at = at as usize;
            if bytes.len() < at + width {
                bytes.resize(at + width, 0);
            }
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        };
        let (dynamic, heads) = (176, 176 + 5 * 16);
        let (list, strings) = (heads + 16 * lists, heads + 16 * (lists + length));
        for (at, value, width) in [(16, 3, 2), (18, 62, 2), (32, 64, 8), (54, 56, 2), (56, 2, 2)] {
            put(at, value, width);
        }
        // Everything is loaded at 0; then the dynamic section.
        for (at, value, width) in [(64, 1, 4), (96, strings + 8192, 8)] {
            put(at, value, width);
        }
        for (at, value, width) in [(120, 2, 4), (128, dynamic, 8), (136, dynamic, 8), (152, 80, 8)]
        {
            put(at, value, width);
        }
        let entries =
            [(5, strings), (10, 8192), (0x6fff_fffe, heads), (0x6fff_ffff, lists), (0, 0)];
        for (n, (tag, value)) in (0u64..).zip(entries) {
            put(dynamic + 16 * n, tag, 8);
            put(dynamic + 16 * n + 8, value, 8);
        }
        for n in 0..lists {
            let at = heads + 16 * n;
            put(at + 2, length, 2);
            put(at + 8, list - at, 4);
            put(at + 12, 16, 4);
        }
        for n in 0..length {
            put(list + 16 * n + 12, 16, 4);
        }
        put(strings, u64::from_le_bytes(*b"A_1\0\0\0\0\0"), 8);
        put(strings + 8191, 0, 1);
        bytes
    }

    #[test]
    fn version_needs_that_overlap_end_at_a_budget_and_are_named() {
        let read = |lists, length| {
            let bytes = overlapping_needs(lists, length);
            feed(&mut ElfAnalyzer::new(), "bin/x", &bytes, 1 << 18)
        };
        let few = read(2, 5);
        let crate::analyze::Dynamic::Linked(linked) = &few.elf[0].dynamic else {
            panic!("{few:?}")
        };
        assert_eq!((linked.versions.as_slice(), few.unread.len()), (&["A_1".to_owned()][..], 0));
        let many = read(64, 65_535);
        let crate::analyze::Dynamic::Linked(linked) = &many.elf[0].dynamic else {
            panic!("{many:?}")
        };
        assert_eq!(linked.versions, ["A_1"], "what was read counts");
        assert!(many.unread[0].why.contains("more libraries and versions"), "{:?}", many.unread);
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
