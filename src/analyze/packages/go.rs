//! Go's build info in a binary: the main module and the modules it was linked with.
//!
//! Read is the inline form of Go 1.18 and later (2022): a magic, a byte of flags, then at offset 32
//! two length-prefixed strings, the Go version and the module list (Go's `debug/buildinfo`).

use super::collect::{text, unread};
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, Relations};
use crate::layer::{Entry, Interest};
use memchr::memmem;

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The linker aligns the section.
const INLINE: u8 = 2;
/// Bytes from the magic on that tell whether it is one: its head and the Go version, which is of a few words in
/// a development build.
const JUDGED: usize = 256;
/// Two strings of a large program; Kubernetes' are below 64 KiB.
const INFO_CAP: usize = 1 << 20;
/// Modules of one binary.
const MODULES: usize = 20_000;

#[derive(Default)]
pub struct GoAnalyzer {
    entry: u32,
    seen: u64,
    elf: bool,
    done: bool,
    /// From the magic on, once it is found; before that the last bytes that came by.
    window: Vec<u8>,
    found: bool,
}

impl GoAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for the magic, or gathers what stands behind it. Behind the text of the magic, in a tool that looks
    /// for it, the real one may follow; each candidate is judged where it lies, so that a file full of them
    /// costs one pass.
    fn search(&mut self, bytes: &[u8]) {
        if self.found {
            return self.gather(bytes);
        }
        // What came before, with enough behind it to judge every candidate in it.
        let before = self.window.len();
        let lent = bytes.len().min(JUDGED);
        self.window.extend_from_slice(&bytes[..lent]);
        if let Some(at) = first(&self.window, before) {
            self.window.drain(..at);
            self.found = true;
            return self.gather(&bytes[lent..]);
        }
        if let Some(at) = first(bytes, bytes.len()) {
            self.window.clear();
            self.found = true;
            return self.gather(&bytes[at..]);
        }
        if lent < bytes.len() {
            self.window.clear();
            self.window.extend_from_slice(&bytes[bytes.len() - lent..]);
        }
        // A candidate that begins before these has been judged with all that it needs.
        let extra = (self.window.len() + 1).saturating_sub(JUDGED);
        self.window.drain(..extra);
    }

    fn gather(&mut self, bytes: &[u8]) {
        let room = INFO_CAP.saturating_sub(self.window.len());
        self.window.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.done = self.window.len() >= INFO_CAP || strings(&self.window).is_some();
    }
}

/// The first build info that begins before `until`.
fn first(bytes: &[u8], until: usize) -> Option<usize> {
    // However much of it is there: a file is the same in one piece and in many.
    let judged = |at: usize| &bytes[at..bytes.len().min(at + JUDGED)];
    memmem::find_iter(bytes, MAGIC).take_while(|&at| at < until).find(|&at| may_be(judged(at)))
}

fn may_be(info: &[u8]) -> bool {
    info.get(15).is_some_and(|flags| flags & INLINE != 0)
        && string(info.get(32..).unwrap_or_default())
            .is_some_and(|(v, _)| v.starts_with(b"go") || v.starts_with(b"devel"))
}

/// The Go version and the module list.
fn strings(info: &[u8]) -> Option<(&[u8], &[u8])> {
    if !may_be(info) {
        return None;
    }
    let (version, rest) = string(info.get(32..)?)?;
    let (modules, _) = string(rest)?;
    Some((version, modules))
}

/// A string behind its length, a base-128 number with the low bits first.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (i, &b) in bytes.iter().take(4).enumerate() {
        length |= usize::from(b & 0x7f) << (7 * i);
        if b < 0x80 {
            let end = (i + 1).checked_add(length)?;
            return Some((bytes.get(i + 1..end)?, &bytes[end..]));
        }
    }
    None
}

impl Analyzer for GoAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("go", 3)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        // A Go program is executable and never below a megabyte; shared libraries are not searched.
        if !entry.is_file() || entry.mode & 0o111 == 0 || entry.size < 4096 {
            return Interest::Skip;
        }
        *self = Self { entry: number, ..Self::default() };
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.seen == 0 {
            self.elf = bytes.first() == Some(&0x7f);
        }
        self.seen += bytes.len() as u64;
        if self.elf && !self.done && !bytes.is_empty() {
            self.search(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let window = std::mem::take(&mut self.window);
        if !self.found || !self.elf {
            return;
        }
        match strings(&window) {
            Some((version, modules)) => packages(self.entry, version, modules, facts),
            None if may_be(&window) => unread(facts, self.entry, "go", "its Go build info is cut"),
            None => {}
        }
    }
}

fn packages(entry: u32, go: &[u8], modules: &[u8], facts: &mut Facts) {
    let mut push = |name: &[u8], version: &[u8]| {
        facts.packages.push(PackageRecord {
            entry,
            kind: PackageKind::Go,
            name: text(name),
            version: text(version),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: None,
            relations: Relations::default(),
            ..PackageRecord::of(PackageKind::Go)
        });
    };
    push(b"stdlib", go.strip_prefix(b"go").unwrap_or(go));
    // The list stands between two marks of 16 bytes.
    let list = modules.get(16..modules.len().saturating_sub(16)).unwrap_or_default();
    let mut lines = list.split(|&b| b == b'\n').take(MODULES).peekable();
    while let Some(line) = lines.next() {
        let mut words = line.split(|&b| b == b'\t');
        let (kind, mut name, mut version) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        if kind != b"mod" && kind != b"dep" {
            continue;
        }
        // `=>`: what was really linked in its place.
        if let Some(replaced) = lines.next_if(|l| l.starts_with(b"=>\t")) {
            let mut words = replaced.split(|&b| b == b'\t').skip(1);
            name = words.next().unwrap_or(name);
            version = words.next().unwrap_or(version);
        }
        if !name.is_empty() {
            push(name, version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    fn binary(list: &str) -> Vec<u8> {
        let mut out = b"\x7fELF".to_vec();
        out.resize(5000, 0);
        // A program that looks for the magic holds it too.
        out.extend([MAGIC, &[0; 100]].concat());
        out.extend(MAGIC);
        out.extend([8, INLINE]);
        out.resize(out.len() + 16, 0);
        out.push(8);
        out.extend(b"go1.21.3");
        let length = list.len() + 32;
        out.extend([(length & 0x7f | 0x80) as u8, (length >> 7) as u8]);
        out.extend([&[b'0'; 16][..], list.as_bytes(), &[b'1'; 16]].concat());
        out.resize(out.len() + 9000, 1);
        out
    }

    /// Found by fuzzing: in one piece a magic with a version of a thousand bytes was taken for the real one.
    #[test]
    fn a_candidate_is_judged_the_same_in_one_piece_and_in_many() {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend(MAGIC);
        bytes.extend([8, INLINE]);
        bytes.resize(bytes.len() + 16, 0);
        bytes.extend([0xe2, 8]);
        bytes.extend(b"go1.1");
        bytes.extend(&binary("mod\ta\tv1\n")[4..]);
        let seen = |step| feed(&mut GoAnalyzer::new(), "usr/bin/app", &bytes, step);
        assert_eq!(seen(13), seen(100_000));
        assert_eq!(seen(13).packages.len(), 2);
    }

    #[test]
    fn main_module_and_dependencies_in_chunks_of_any_size() {
        let list = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:x=\ndep\ta.b/c\tv1.0.0\n=>\td.e/f\tv2.0.0\th1:y=\nbuild\t-compiler=gc\n";
        for step in [1, 13, 5003, 100_000] {
            let facts = feed(&mut GoAnalyzer::new(), "usr/bin/app", &binary(list), step);
            let seen: Vec<_> =
                facts.packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
            assert_eq!(
                seen,
                [
                    ("stdlib", "1.21.3"),
                    ("example.com/app", "(devel)"),
                    ("golang.org/x/net", "v0.1.0"),
                    ("d.e/f", "v2.0.0")
                ],
                "{step}"
            );
        }
    }

    #[test]
    fn a_file_full_of_the_magic_is_one_pass() {
        let info = binary("mod\ta.b/c\tv1.0.0\n").split_off(5000 + MAGIC.len() + 100);
        let full = [&b"\x7fELF"[..], &MAGIC.repeat(400_000), &info].concat();
        for step in [1 << 18, 997] {
            let facts = feed(&mut GoAnalyzer::new(), "usr/bin/app", &full, step);
            assert_eq!(facts.packages.len(), 2, "{:?}", facts.packages);
        }
        let start = std::time::Instant::now();
        let only = [&b"\x7fELF"[..], &MAGIC.repeat(2 << 20)].concat();
        assert_eq!(feed(&mut GoAnalyzer::new(), "usr/bin/app", &only, 1 << 18), Facts::default());
        assert!(start.elapsed().as_secs() < 20, "every magic copied the rest of its chunk");
    }

    #[test]
    fn nothing_in_other_files() {
        let mut script = binary("mod\ta\tb\n");
        script[0] = b'#';
        assert_eq!(feed(&mut GoAnalyzer::new(), "usr/bin/app", &script, 100), Facts::default());
    }
}
