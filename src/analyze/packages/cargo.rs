//! What a Rust program was built of, if `cargo auditable` built it: the section `.dep-v0` of the ELF file, JSON packed
//! by zlib (cargo-auditable's PARSING.md).
//!
//! The sections' names stand at the end of a file, behind what they name. So the data itself is looked for: a zlib
//! stream whose text begins as such a list does.

use super::capped::Most;
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, Unread};
use crate::layer::{Entry, Interest};
use flate2::{Decompress, FlushDecompress, Status};
use serde::Deserialize;

const ID: &str = "cargo";
/// Bytes of the JSON; cargo-auditable's own reader takes as many.
const JSON: usize = 8 << 20;
/// Crates of one program.
const CRATES: usize = 50_000;
/// Bytes that are inflated to see how a stream begins, and those that it takes to see it.
const TRY: usize = 16;
const AHEAD: usize = 512;
/// Streams of one file, and of one layer, whose beginning is looked at.
const TRIES: u32 = 50_000;
const LAYER: u32 = 1_000_000;

pub struct CargoAnalyzer {
    entry: u32,
    seen: u64,
    elf: bool,
    done: bool,
    tries: u32,
    left: u32,
    /// The last bytes, which a stream may begin in.
    carry: Vec<u8>,
    /// Of the stream that was found.
    json: Vec<u8>,
    found: bool,
    inflate: Decompress,
}

#[derive(Deserialize)]
struct List {
    packages: Most<Crate, CRATES>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    source: Option<String>,
    kind: Option<String>,
}

impl Default for CargoAnalyzer {
    fn default() -> Self {
        Self {
            entry: 0,
            seen: 0,
            elf: false,
            done: false,
            tries: 0,
            left: LAYER,
            carry: Vec::new(),
            json: Vec::new(),
            found: false,
            inflate: Decompress::new(true),
        }
    }
}

impl CargoAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for a stream that begins in `bytes`, and at least `ahead` bytes before their end: how many of them are
    /// done with.
    fn search(&mut self, bytes: &[u8], ahead: usize) -> usize {
        let end = bytes.len().saturating_sub(ahead);
        let mut from = 0;
        while let Some(at) = memchr::memchr(0x78, &bytes[from..end]).map(|at| from + at) {
            from = at + 1;
            if may_begin(&bytes[at..]) && self.begins(&bytes[at..]) {
                self.found = true;
                self.inflate.reset(true);
                return at;
            }
            if self.tries == 0 {
                self.done = true;
                return bytes.len();
            }
        }
        end
    }

    fn begins(&mut self, bytes: &[u8]) -> bool {
        self.tries = self.tries.saturating_sub(1);
        self.left = self.left.saturating_sub(1);
        let mut out = [0; TRY];
        self.inflate.reset(true);
        let ahead = &bytes[..bytes.len().min(AHEAD)];
        if self.inflate.decompress(ahead, &mut out, FlushDecompress::None).is_err() {
            return false;
        }
        let made = self.inflate.total_out() as usize;
        let Some((b'{', text)) = out[..made].split_first() else { return false };
        let text = text.trim_ascii_start();
        text.starts_with(b"\"packages\"") || text.starts_with(b"\"format\"")
    }

    fn gather(&mut self, mut bytes: &[u8]) {
        let mut out = vec![0; 16 << 10];
        while self.json.len() < JSON {
            let (before, made) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(bytes, &mut out, FlushDecompress::None);
            let taken = (self.inflate.total_in() - before) as usize;
            let made = (self.inflate.total_out() - made) as usize;
            self.json.extend_from_slice(&out[..made]);
            bytes = &bytes[taken..];
            match status {
                Ok(Status::StreamEnd) | Err(_) => break,
                Ok(_) if bytes.is_empty() && made < out.len() => return,
                Ok(_) if taken == 0 && made == 0 => break,
                Ok(_) => {}
            }
        }
        self.done = true;
    }

    fn list(&mut self, facts: &mut Facts) -> Result<(), String> {
        let json = std::mem::take(&mut self.json);
        let list: List = serde_json::from_slice(&json)
            .map_err(|e| format!("the list of what it was built of cannot be read: {e}"))?;
        for one in list.packages.list {
            // What only builds is not in the program.
            if one.name.is_empty() || one.kind.as_deref() == Some("build") {
                continue;
            }
            let own = |source: &String| source != "crates.io";
            facts.packages.push(PackageRecord {
                entry: self.entry,
                name: one.name,
                version: one.version,
                namespace: one.source.filter(own),
                ..PackageRecord::of(PackageKind::Rust)
            });
        }
        match list.packages.over {
            true => Err("more crates than are read of one program".to_owned()),
            false => Ok(()),
        }
    }
}

/// A zlib header without a dictionary (RFC 1950, 2.2) before a block that is packed (RFC 1951, 3.2.3).
fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, block, ..] if matches!(block >> 1 & 3, 0..=2))
}

impl Analyzer for CargoAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let name = entry.path.name();
        let library = || memchr::memmem::find(name, b".so").is_some() || name.ends_with(b".node");
        if !entry.is_file() || entry.size < 128 || (entry.mode & 0o111 == 0 && !library()) {
            return Interest::Skip;
        }
        self.entry = number;
        self.seen = 0;
        self.elf = false;
        self.done = false;
        self.found = false;
        self.tries = TRIES.min(self.left);
        self.carry.clear();
        self.json.clear();
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.seen == 0 {
            self.elf = bytes.first() == Some(&0x7f);
        }
        self.seen += bytes.len() as u64;
        if !self.elf || self.done || bytes.is_empty() {
            return;
        }
        if self.found {
            return self.gather(bytes);
        }
        // What begins in the bytes before these is looked at with these behind it.
        let carried = self.carry.len();
        let mut joined = std::mem::take(&mut self.carry);
        joined.extend_from_slice(&bytes[..bytes.len().min(AHEAD)]);
        let ahead = joined.len().saturating_sub(carried).min(joined.len());
        let short = bytes.len() <= AHEAD;
        let at = self.search(&joined, if short { AHEAD } else { ahead });
        if self.found {
            self.gather(&joined[at..]);
            if !self.done {
                self.gather(&bytes[bytes.len().min(AHEAD)..]);
            }
            return;
        }
        if short {
            self.carry = joined.split_off(at.min(joined.len()));
            return;
        }
        let at = self.search(bytes, AHEAD);
        match self.found {
            true => self.gather(&bytes[at..]),
            false => self.carry = bytes[at.min(bytes.len())..].to_vec(),
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.elf && !self.found && !self.done {
            let rest = std::mem::take(&mut self.carry);
            let at = self.search(&rest, 0);
            if self.found {
                self.gather(&rest[at..]);
            }
        }
        let why = match (self.found, self.elf && self.tries == 0) {
            (true, _) => self.list(facts).err(),
            (_, true) => Some("more in it that looks packed than is looked into".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            facts.unread.push(Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why,
                within: true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn program(json: &str, before: usize) -> Vec<u8> {
        let mut out = b"\x7fELF".to_vec();
        out.extend((0..before).map(|i| ((i * i) >> 3) as u8 ^ 0x78));
        // Others pack things too.
        for text in [&b"x\x9cnothing"[..], b"[1, 2, 3]", json.as_bytes()] {
            let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
            zlib.write_all(text).unwrap();
            out.extend(zlib.finish().unwrap());
        }
        out.extend([0; 700]);
        out
    }

    const LIST: &str = r#"{"packages":[{"name":"adler","version":"1.0.2","source":"crates.io"},
        {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
        {"name":"shop","version":"0.1.0","source":"local","dependencies":[0],"root":true}]}"#;

    #[test]
    fn crates_of_a_program_in_chunks_of_any_size() {
        for before in [100, 511, 5000] {
            for step in [1, 13, 512, 1000, 100_000] {
                let bytes = program(LIST, before);
                let facts = feed(&mut CargoAnalyzer::new(), "usr/bin/shop", &bytes, step);
                let seen: Vec<_> = facts
                    .packages
                    .iter()
                    .map(|p| (p.name.as_str(), p.version.as_str(), p.namespace.as_deref()))
                    .collect();
                let wanted = [("adler", "1.0.2", None), ("shop", "0.1.0", Some("local"))];
                assert_eq!(seen, wanted, "{before} {step}");
                assert_eq!(facts.unread, []);
            }
        }
    }

    #[test]
    fn a_list_that_is_cut_is_named_and_other_files_have_none() {
        let mut bytes = program(LIST, 90);
        bytes.truncate(bytes.len() - 730);
        let facts = feed(&mut CargoAnalyzer::new(), "usr/bin/shop", &bytes, 100);
        assert_eq!((facts.packages.len(), facts.unread.len()), (0, 1));
        let mut script = program(LIST, 90);
        script[0] = b'#';
        assert_eq!(feed(&mut CargoAnalyzer::new(), "usr/bin/x", &script, 100), Facts::default());
    }

    #[test]
    fn what_looks_like_streams_everywhere_ends() {
        let bytes = [&b"\x7fELF"[..], &b"\x78\x9c\x03".repeat(2 << 20)].concat();
        let mut cargo = CargoAnalyzer::new();
        assert_eq!(feed(&mut cargo, "usr/bin/x", &bytes, 64 << 10).unread.len(), 1);
        assert!(cargo.left >= LAYER - TRIES);
    }

    proptest! {
        #[test]
        fn no_program_panics(at in 0usize..900, byte: u8, step in 1usize..2000, junk: Vec<u8>) {
            let mut bytes = program(LIST, 60);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = feed(&mut CargoAnalyzer::new(), "a.so", &bytes, step);
            let _ = feed(&mut CargoAnalyzer::new(), "a.so", &[&b"\x7fELF"[..], &junk].concat(), step);
        }
    }
}
