//! The dynamic section: what a program needs of others (gABI, "Dynamic Section"; the symbol versions after
//! the Linux Standard Base, "Symbol Versioning").

use super::super::{Dynamic, Linked};
use super::header::Elf;
use std::collections::BTreeMap;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
/// Entries of the section, and files that versions are needed of.
const MOST: u64 = 4096;
/// Version needs of all files together. Their lists may overlap, so that 1 MB can state millions.
const MOST_NEEDS: u32 = 16_384;
/// Bytes of all names that are kept of one file. Names may overlap, too: thousands of entries can name the same
/// string of 4 kB. The largest program seen (LLVM's tools, Chromium) is below 16 kB.
const NAMES: usize = 128 << 10;

/// What one file may still cost.
struct Budget {
    names: usize,
    needs: u32,
    spent: bool,
}

impl Budget {
    fn new() -> Self {
        Self { names: NAMES, needs: MOST_NEEDS, spent: false }
    }

    /// Takes a name in; `None` when there is no room for it.
    fn name(&mut self, name: String) -> Option<String> {
        let left = self.names.checked_sub(name.len());
        self.spent |= left.is_none();
        self.names = left?;
        Some(name)
    }

    /// One more version need; `false` when enough were read.
    fn need(&mut self) -> bool {
        self.spent |= self.needs == 0;
        self.needs = self.needs.saturating_sub(1);
        !self.spent
    }
}

/// Tag and value of each entry.
fn entries(elf: &Elf) -> Option<Vec<(u64, u64)>> {
    let segment = elf.dynamic_segment()?;
    let width = if elf.wide { 16 } else { 8 };
    let count = (segment.length / width).min(MOST);
    let mut out = Vec::new();
    for i in 0..count {
        let base = segment.offset.checked_add(i * width)?;
        let tag = elf.field(base, (0, 4), (0, 8))?;
        if tag == 0 {
            break;
        }
        out.push((tag, elf.field(base, (4, 4), (8, 8))?));
    }
    Some(out)
}

fn value(entries: &[(u64, u64)], tag: u64) -> Option<u64> {
    entries.iter().find(|e| e.0 == tag).map(|e| e.1)
}

/// Offset and length of the string table in the file.
pub(super) fn string_table(elf: &Elf) -> Option<(u64, u64)> {
    let entries = entries(elf)?;
    let at = elf.offset_of(value(&entries, DT_STRTAB)?)?;
    Some((at, value(&entries, DT_STRSZ)?))
}

/// What the linker is told, and whether some of it was left out because it is more than is read.
pub(super) fn read(elf: &Elf) -> (Dynamic, bool) {
    let mut budget = Budget::new();
    let dynamic = match elf.segments() {
        None => Dynamic::Unknown,
        Some(_) if elf.dynamic_segment().is_none() => Dynamic::None,
        Some(_) => linked(elf, &mut budget).map_or(Dynamic::Unknown, Dynamic::Linked),
    };
    (dynamic, budget.spent)
}

fn linked(elf: &Elf, budget: &mut Budget) -> Option<Linked> {
    let entries = entries(elf)?;
    let Some((table, length)) = string_table(elf) else {
        // A static program that relocates itself has a dynamic section that needs nothing.
        let needs = value(&entries, DT_NEEDED).is_some();
        return (!needs).then(Linked::default);
    };
    let string = |at: u64| (at < length).then(|| elf.string(table.checked_add(at)?))?;
    let needed: Option<Vec<String>> = entries
        .iter()
        .filter(|e| e.0 == DT_NEEDED)
        .map(|e| string(e.1).and_then(|name| budget.name(name)))
        .collect();
    let (path, inherited) = match (value(&entries, DT_RUNPATH), value(&entries, DT_RPATH)) {
        (Some(at), _) => (Some(at), false),
        (None, Some(at)) => (Some(at), true),
        (None, None) => (None, false),
    };
    let search = match path {
        Some(at) => string(at)?.split(':').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let all = elf.bytes(table, length).unwrap_or_default();
    let calls = |name: &[u8]| memchr::memmem::find(all, name).is_some();
    Some(Linked {
        needed: needed?,
        search,
        inherited,
        versions: versions(elf, &entries, table, budget).unwrap_or_default(),
        opens: calls(b"\0dlopen\0"),
        converts: calls(b"\0iconv_open\0"),
        zones: [&b"\0tzset\0"[..], b"\0localtime\0", b"\0localtime_r\0", b"\0mktime\0"]
            .iter()
            .any(|n| calls(n)),
    })
}

/// The highest of each family, `GLIBC_2.34` of `GLIBC`.
fn versions(
    elf: &Elf,
    entries: &[(u64, u64)],
    strings: u64,
    budget: &mut Budget,
) -> Option<Vec<String>> {
    let count = value(entries, DT_VERNEEDNUM)?.min(MOST);
    let mut at = elf.offset_of(value(entries, DT_VERNEED)?)?;
    let mut highest: BTreeMap<String, (Vec<u32>, String)> = BTreeMap::new();
    'files: for _ in 0..count {
        let files = elf.number(at.checked_add(2)?, 2)?;
        let mut aux = at.checked_add(elf.number(at.checked_add(8)?, 4)?)?;
        for _ in 0..files {
            if !budget.need() {
                break 'files;
            }
            let name = elf.number(aux.checked_add(8)?, 4)?;
            if let Some(version) = elf.string(strings.checked_add(name)?)
                && let Some((family, number)) = version.rsplit_once('_')
            {
                let parts: Vec<u32> = number.split('.').map_while(|p| p.parse().ok()).collect();
                match highest.get_mut(family) {
                    Some(known) if parts > known.0 => *known = (parts, version),
                    Some(_) => {}
                    // `GLIBC_PRIVATE` has no number.
                    None if parts.is_empty() => {}
                    None => {
                        let family = family.to_owned();
                        match budget.name(version) {
                            Some(version) => drop(highest.insert(family, (parts, version))),
                            None => break 'files,
                        }
                    }
                }
            }
            match elf.number(aux.checked_add(12)?, 4)? {
                0 => break,
                step => aux = aux.checked_add(step)?,
            }
        }
        match elf.number(at.checked_add(12)?, 4)? {
            0 => break,
            step => at = at.checked_add(step)?,
        }
    }
    Some(highest.into_values().map(|(_, v)| v).collect())
}
