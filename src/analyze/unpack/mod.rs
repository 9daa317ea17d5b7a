//! Files inside a file: archives, compressed text, git objects, SQLite pages, string constants.
//!
//! A container is read as a stream and its members are handed to a [`Visitor`], containers among them
//! opened in turn, within a depth and a budget of bytes and members. Knows formats; must not know what
//! is looked for in the members. What is given up on is said, with its reason.
//!
//! A few bytes at the beginning are a claim, no proof. Every byte of a file is handed over in one of three
//! ways: as a member's content, as text beside the members (comments, extended headers, gaps, what stands
//! behind the end), or, from a fault on and `replay`'s window before it, as it stands. What counts as proof
//! is that a format's own structure goes on for that window without a fault: checksums of gzip, bzip2, xz and
//! zstd; the checksum of each tar header; zip's header, data and directory telling the same; valid pages of
//! SQLite, of which bytes outside the rows are handed over, too.

mod archive;
mod budget;
mod constants;
mod directory;
mod frames;
mod git;
mod kind;
mod python;
mod replay;
pub(in crate::analyze) mod sqlite;
mod tar;
mod zip;
mod zip_header;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_claims;

pub use budget::Allowance;
pub use kind::{HEAD, Kind};

use crate::stream::XzReader;
use budget::{Budget, Metered, Source, honest};
use frames::{Frames, Zstd};
use replay::Replay;
use std::io::{self, BufRead, Read};

/// Bounds of one file of a layer: it cannot make a scan endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers in containers.
    pub depth: u8,
    /// Decompressed bytes in all, beside what honest archives hold for each byte that is read.
    pub bytes: u64,
    pub members: u64,
}

impl Limits {
    /// For a file of `size` bytes: what no honest archive exceeds.
    pub fn of(size: u64) -> Self {
        Self {
            depth: 4,
            bytes: size.saturating_mul(180).saturating_add(64 << 20).min(4 << 30),
            members: 100_000,
        }
    }
}

/// Takes the members, one after the other.
pub trait Visitor {
    /// `inside`: the member's place below the file, `!/` between containers. `path`: its own path, as
    /// far as it has one. `from`: what follows is no member but the bytes of the container at `inside`
    /// as they stand, from this one of its bytes on.
    fn begin(&mut self, inside: &str, path: &[u8], from: Option<u64>);
    fn chunk(&mut self, bytes: &[u8]);
    fn end(&mut self);
    /// A part was not looked at.
    fn unread(&mut self, inside: &str, why: &str);
}

/// Bytes of dictionaries and windows that the decoders of one file may hold, all depths together.
const DICTIONARIES: u64 = 80 << 20;
/// Of one: what `xz -9` and `zstd -19` write and more.
const DICTIONARY: u64 = 64 << 20;
/// The same as zstd counts it, in bits.
const WINDOW_LOG: u32 = 26;
const TOO_MANY: &str = "it unpacks to too many bytes";

/// Opens a container whose first bytes are `head` (they are part of `reader` no more). `claimed`: the file
/// begins with it; otherwise it was met somewhere in a file, and is none if nothing in it opens. How many bytes
/// are left of those that it may unpack to.
pub fn unpack(
    kind: Kind,
    head: &[u8],
    reader: &mut dyn Read,
    path: &[u8],
    limits: Limits,
    claimed: bool,
    visitor: &mut dyn Visitor,
) -> u64 {
    let budget = Budget::new(limits.bytes);
    let mut unpacker = Unpacker {
        visitor,
        limits,
        budget: &budget,
        dictionaries: DICTIONARIES,
        spent: false,
        notes: 0,
        opened: 0,
        claimed,
        doubted: in_doubt(kind, claimed),
    };
    let mut whole = Source { inner: head.chain(reader), budget: &budget, worth: honest(kind) };
    unpacker.open(
        kind,
        &mut whole,
        &Place { inside: String::new(), path: path.to_vec(), depth: 1 },
    );
    // Whoever feeds the bytes waits until they are read.
    let _ = io::copy(&mut whole.inner, &mut io::sink());
    budget.left()
}

/// Notes of a container that may be none; of more than these the first ones are kept.
const MOST_DOUBTED: usize = 20;

/// Where code and text may have what tells a member's header, only what stands in the container proves it.
fn in_doubt(kind: Kind, claimed: bool) -> Option<Vec<(String, String)>> {
    (kind == Kind::Zip && !claimed).then(Vec::new)
}

/// Looks for containers that begin behind other bytes, in a file that comes in chunks.
#[derive(Default)]
pub struct Seeker {
    script: bool,
    /// The end of what came, if a container may begin in it.
    kept: Vec<u8>,
    /// Place of the first byte that is kept.
    at: u64,
}

/// A container that begins behind other bytes.
pub struct Embedded {
    pub kind: Kind,
    /// Of its first byte in the file.
    pub at: u64,
    /// Its bytes that came already.
    pub head: Vec<u8>,
}

impl Seeker {
    /// Takes the next bytes of the file; none: the file has ended.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Embedded> {
        let whole = bytes.is_empty();
        let joined;
        let all = if self.kept.is_empty() {
            bytes
        } else {
            joined = [self.kept.as_slice(), bytes].concat();
            &joined
        };
        if self.at == 0 {
            self.script = all.starts_with(b"#!");
        }
        let found = kind::embedded(all, self.script, whole);
        if let Some((at, Some(kind))) = found {
            return Some(Embedded { kind, at: self.at + at as u64, head: all[at..].to_vec() });
        }
        // A mark may be cut by the end.
        let keep = found.map_or(all.len().saturating_sub(11), |f| f.0.min(all.len()));
        let kept = all[keep..].to_vec();
        self.at += keep as u64;
        self.kept = kept;
        None
    }
}

/// Where a member stands.
struct Place {
    inside: String,
    path: Vec<u8>,
    depth: u8,
}

/// Names of members are kept to this many bytes.
const LONGEST_NAME: usize = 512;

impl Place {
    /// A member by its name in this container.
    fn member(&self, name: &[u8]) -> Self {
        let name = &name[..name.len().min(LONGEST_NAME)];
        let shown: String = String::from_utf8_lossy(name).into_owned();
        Self {
            inside: self.below(&shown),
            path: name.strip_prefix(b"./").unwrap_or(name).to_vec(),
            depth: self.depth,
        }
    }

    /// Bytes of this container that are no member of it.
    fn part(&self, what: &str) -> Self {
        Self { inside: self.below(what), path: self.path.clone(), depth: self.depth }
    }

    /// What a stream of one file holds: the same path without the ending of its compression.
    fn decompressed(&self, by: &str) -> Self {
        let path = match self.path.iter().rposition(|&b| b == b'.') {
            Some(dot) if !self.path[dot..].contains(&b'/') => self.path[..dot].to_vec(),
            _ => self.path.clone(),
        };
        Self { inside: self.below(by), path, depth: self.depth }
    }

    fn deeper(&self) -> Self {
        Self { inside: self.inside.clone(), path: self.path.clone(), depth: self.depth + 1 }
    }

    fn below(&self, name: &str) -> String {
        if self.inside.is_empty() { name.to_owned() } else { format!("{}!/{name}", self.inside) }
    }
}

struct Unpacker<'v> {
    visitor: &'v mut dyn Visitor,
    limits: Limits,
    budget: &'v Budget,
    /// Bytes of dictionaries that may still be held.
    dictionaries: u64,
    /// The budget is used up, and it has been said.
    spent: bool,
    /// How often something was said.
    notes: u64,
    /// Members that were handed over.
    opened: u64,
    claimed: bool,
    /// What was not looked at in a container that has not proven itself: it may be none. Place and reason.
    doubted: Option<Vec<(String, String)>>,
}

impl Unpacker<'_> {
    /// Content that may be a container or not.
    fn content(&mut self, reader: &mut dyn Read, place: &Place) {
        if self.spent {
            return;
        }
        let Some(left) = self.limits.members.checked_sub(1) else {
            return self.give_up(place, "too many members in one file");
        };
        self.limits.members = left;
        let reader = &mut Metered { inner: reader, budget: self.budget };
        let mut head = [0; HEAD];
        let mut filled = 0;
        let mut broken = false;
        while filled < HEAD {
            match reader.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.unread(place, &e.to_string());
                    broken = true;
                    break;
                }
            }
        }
        let head = &head[..filled];
        // A decoder that has failed once says the same again.
        let mut whole = head.chain(reader.take(if broken { 0 } else { u64::MAX }));
        match Kind::of(&place.path, head) {
            Some(kind) if place.depth < self.limits.depth => {
                self.open(kind, &mut whole, &place.deeper());
            }
            other => {
                if other.is_some() {
                    self.unread(place, "nested too deep; looked at as it stands");
                }
                self.plain(&mut whole, place, None);
            }
        }
        if self.budget.is_spent() {
            self.give_up(place, TOO_MANY);
        }
    }

    /// Reads a container, and what of it is none.
    fn open(&mut self, kind: Kind, reader: &mut dyn Read, place: &Place) {
        let mut source = Replay::new(reader);
        let notes = self.notes;
        let outcome = self.decode(kind, &mut source, place);
        if self.spent && place.depth > 1 {
            return;
        }
        match outcome {
            // Its own bytes cost no more than those of any file.
            _ if self.spent => self.as_it_stands(&mut source, place),
            Ok(()) => self.behind(&mut source, place),
            Err(why) => {
                if self.notes == notes && (self.claimed || self.opened > 0) {
                    self.unread(place, &why);
                }
                let again = source.rewind(0);
                if self.spend(again as usize) {
                    self.as_it_stands(&mut source, place);
                }
            }
        }
    }

    /// The rest of a container that did not open, or that the budget closed.
    fn as_it_stands(&mut self, source: &mut Replay, place: &Place) {
        let from = source.at();
        if source.peek(1).is_empty() {
            return;
        }
        self.plain(source, place, Some(from));
    }

    /// What stands behind the end of a container.
    fn behind(&mut self, source: &mut Replay, place: &Place) {
        if source.skip_zeros() {
            self.content(source, &place.part("bytes behind it"));
        }
    }

    /// Hands over what is in a container. `Err`: it is none, or not to its end.
    fn decode(&mut self, kind: Kind, source: &mut Replay, place: &Place) -> Result<(), String> {
        match kind {
            Kind::Gzip => self.frames::<flate2::bufread::GzDecoder<_>>(source, place, "gzip"),
            Kind::Bzip2 => self.frames::<bzip2::bufread::BzDecoder<_>>(source, place, "bzip2"),
            Kind::Zstd => self.frames::<Zstd>(source, place, "zstd"),
            Kind::Xz => {
                let granted = self.dictionaries.min(DICTIONARY);
                self.dictionaries -= granted;
                let budget = self.budget;
                let spend = |price| {
                    budget.spend(price);
                    true
                };
                let xz = XzReader::new(source, granted, spend);
                let outcome = self.stream(xz, place, "xz");
                self.dictionaries += granted;
                outcome
            }
            Kind::Lzma => {
                let granted = self.dictionaries.min(DICTIONARY);
                // The tables beside the dictionary are small.
                let most = u32::try_from((granted >> 10) + 64).unwrap_or(u32::MAX);
                let lzma = lzma_rust2::LzmaReader::new_mem_limit(source, most, None)
                    .map_err(|e| format!("lzma: {e}"))?;
                self.budget.spend(granted / 64);
                self.dictionaries -= granted;
                let outcome = self.stream(lzma, place, "lzma");
                self.dictionaries += granted;
                outcome
            }
            Kind::Zip => self.zip(source, place),
            Kind::Tar => self.tar(source, place),
            Kind::Ar => self.ar(source, place),
            Kind::GitObject => self.git_object(source, place),
            Kind::GitPack => self.git_pack(source, place).map_err(|e| format!("git pack: {e}")),
            Kind::Sqlite => self.sqlite(source, place),
            Kind::SqliteWal => self.sqlite_wal(source, place),
            Kind::PythonCode | Kind::JavaClass => self.constants(kind, source, place),
            Kind::Closed(name) => Err(format!("{name}: this kind of archive is not opened")),
        }
    }

    fn frames<'s, 'r, F: frames::Frame<'s, 'r>>(
        &mut self,
        source: &'s mut Replay<'r>,
        place: &Place,
        by: &str,
    ) -> Result<(), String> {
        let mut frames: Frames<F> = Frames::new(source);
        self.content(&mut frames, &place.decompressed(by));
        let beside = std::mem::take(&mut frames.beside);
        let fault = frames.fault.take();
        drop(frames);
        self.text(&beside, &place.part(&format!("{by} header")));
        fault.map_or(Ok(()), |why| Err(format!("{by}: {why}")))
    }

    fn stream(&mut self, reader: impl Read, place: &Place, by: &str) -> Result<(), String> {
        let mut watched = Watched { inner: reader, fault: None };
        self.content(&mut watched, &place.decompressed(by));
        watched.fault.map_or(Ok(()), |why| Err(format!("{by}: {why}")))
    }

    /// A member that is no container, or bytes as they stand. A container may begin in the middle of it.
    fn plain(&mut self, reader: &mut dyn Read, place: &Place, from: Option<u64>) {
        let seeks = place.depth < self.limits.depth && !self.spent;
        let mut seeker = seeks.then(Seeker::default);
        // What did not open does not open from its first byte.
        let mut skip = usize::from(from.is_some());
        self.visitor.begin(&place.inside, &place.path, from);
        self.opened += u64::from(from.is_none());
        let mut buffer = vec![0; 32 << 10];
        let mut found = None;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    self.unread(place, &e.to_string());
                    break;
                }
            };
            // Before the bytes are handed over, so that a member is not searched twice.
            found = seeker.as_mut().and_then(|s| s.feed(&buffer[skip.min(read)..read]));
            skip = 0;
            if read == 0 {
                break;
            }
            self.visitor.chunk(&buffer[..read]);
            if found.is_some() {
                break;
            }
        }
        self.visitor.end();
        if let Some(found) = found {
            let claimed = std::mem::replace(&mut self.claimed, false);
            let opened = std::mem::take(&mut self.opened);
            let doubted = std::mem::replace(&mut self.doubted, in_doubt(found.kind, false));
            self.open(found.kind, &mut found.head.chain(reader), &place.deeper());
            self.doubted = doubted;
            self.opened += opened;
            self.claimed = claimed;
        }
    }

    /// Text made from a container's own structure.
    fn text(&mut self, text: &[u8], place: &Place) {
        if !text.is_empty() && !self.spent && self.spend(text.len()) {
            self.visitor.begin(&place.inside, b"", None);
            self.visitor.chunk(text);
            self.visitor.end();
        }
    }

    /// Takes bytes off the budget; `false` when there is none left.
    fn spend(&self, bytes: usize) -> bool {
        self.budget.spend(bytes as u64)
    }

    fn unread(&mut self, place: &Place, why: &str) {
        // What breaks then is not the container's fault.
        if self.budget.is_spent() {
            return self.give_up(place, TOO_MANY);
        }
        self.notes += 1;
        match &mut self.doubted {
            Some(held) if held.len() < MOST_DOUBTED => {
                held.push((place.inside.clone(), why.to_owned()));
            }
            Some(_) => {}
            None => self.visitor.unread(&place.inside, why),
        }
    }

    /// The container is one: what was not looked at in it is told.
    fn proven(&mut self) {
        for (inside, why) in self.doubted.take().into_iter().flatten() {
            self.visitor.unread(&inside, &why);
        }
    }

    fn give_up(&mut self, place: &Place, why: &str) {
        if !std::mem::replace(&mut self.spent, true) {
            self.notes += 1;
            self.visitor.unread(&place.inside, why);
        }
    }
}

/// A decoder that remembers why it failed.
struct Watched<R> {
    inner: R,
    fault: Option<String>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if let Err(e) = &read
            && e.kind() != io::ErrorKind::Interrupted
        {
            self.fault = Some(e.to_string());
        }
        read
    }
}

/// Whether a text is worth being searched: bytes between the parts of a structure are mostly none.
fn holds_text(bytes: &[u8]) -> bool {
    bytes.split(|b| !matches!(b, b' '..=b'~')).any(|run| run.len() >= 8)
}

/// Reads and drops what is left of a member.
fn skip(reader: &mut dyn BufRead, bytes: u64) -> io::Result<bool> {
    Ok(io::copy(&mut reader.take(bytes), &mut io::sink())? == bytes)
}
