//! Files inside a file: archives, compressed text, git objects, SQLite pages, string constants.
//!
//! A container is read as a stream and its members are handed to a [`Visitor`], containers among them
//! opened in turn, within a depth and a budget of bytes and members. Knows formats; must not know what
//! is looked for in the members. What is given up on is said, with its reason.

mod archive;
mod budget;
mod constants;
mod git;
mod kind;
mod sqlite;
mod xz;
mod zip;

#[cfg(test)]
mod tests;

pub use budget::Allowance;
pub use kind::{HEAD, Kind};

use budget::{Budget, Metered, Source};
use std::io::{self, Read};
use xz::XzReader;

/// Bounds of one file of a layer: it cannot make a scan endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers in containers.
    pub depth: u8,
    /// Decompressed bytes in all, beside twenty for each byte that is read.
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
    /// far as it has one.
    fn begin(&mut self, inside: &str, path: &[u8]);
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

/// Opens a container whose first bytes are `head` (they are part of `reader` no more). How many bytes are left of
/// those that it may unpack to.
pub fn unpack(
    kind: Kind,
    head: &[u8],
    reader: &mut dyn Read,
    path: &[u8],
    limits: Limits,
    visitor: &mut dyn Visitor,
) -> u64 {
    let budget = Budget::new(limits.bytes);
    let mut unpacker =
        Unpacker { visitor, limits, budget: &budget, dictionaries: DICTIONARIES, spent: false };
    let mut whole = Source { inner: head.chain(reader), budget: &budget };
    unpacker.open(
        kind,
        &mut whole,
        &Place { inside: String::new(), path: path.to_vec(), depth: 1 },
    );
    // The file has bytes behind what the container needed; whoever feeds them waits until they are read.
    let _ = io::copy(&mut whole.inner, &mut io::sink());
    budget.left()
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

    /// What a stream of one file holds: the same path without the ending of its compression.
    fn decompressed(&self, by: &str) -> Self {
        let path = match self.path.iter().rposition(|&b| b == b'.') {
            Some(dot) if !self.path[dot..].contains(&b'/') => self.path[..dot].to_vec(),
            _ => self.path.clone(),
        };
        Self { inside: self.below(by), path, depth: self.depth }
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
                    self.visitor.unread(&place.inside, &e.to_string());
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
                let deeper = Place {
                    inside: place.inside.clone(),
                    path: place.path.clone(),
                    depth: place.depth + 1,
                };
                self.open(kind, &mut whole, &deeper);
            }
            other => {
                if other.is_some() {
                    self.visitor.unread(&place.inside, "nested too deep; looked at as it stands");
                }
                self.plain(&mut whole, place);
            }
        }
        if self.budget.is_spent() {
            self.give_up(place, TOO_MANY);
        }
    }

    fn open(&mut self, kind: Kind, reader: &mut dyn Read, place: &Place) {
        let buffered = &mut io::BufReader::with_capacity(32 << 10, reader);
        match kind {
            Kind::Gzip => {
                self.content(
                    &mut flate2::bufread::MultiGzDecoder::new(buffered),
                    &place.decompressed("gzip"),
                );
            }
            Kind::Bzip2 => {
                self.content(
                    &mut bzip2::bufread::MultiBzDecoder::new(buffered),
                    &place.decompressed("bzip2"),
                );
            }
            Kind::Xz => {
                let granted = self.dictionaries.min(DICTIONARY);
                self.dictionaries -= granted;
                self.content(
                    &mut XzReader::new(buffered, granted, self.budget),
                    &place.decompressed("xz"),
                );
                self.dictionaries += granted;
            }
            Kind::Zstd => match zstd::stream::read::Decoder::with_buffer(buffered) {
                Ok(mut decoder) => {
                    // A larger window would be memory of the image's choosing.
                    let _ = decoder.window_log_max(WINDOW_LOG);
                    self.content(&mut decoder, &place.decompressed("zstd"));
                }
                Err(e) => self.visitor.unread(&place.inside, &e.to_string()),
            },
            Kind::Zip => self.zip(buffered, place),
            Kind::Tar => self.tar(buffered, place),
            Kind::Ar => self.ar(buffered, place),
            Kind::GitObject => self.git_object(buffered, place),
            Kind::GitPack => self.git_pack(buffered, place),
            Kind::Sqlite => self.sqlite(buffered, place),
            Kind::SqliteWal => self.sqlite_wal(buffered, place),
            Kind::PythonCode | Kind::JavaClass => self.constants(kind, buffered, place),
        }
    }

    /// A member that is no container.
    fn plain(&mut self, reader: &mut dyn Read, place: &Place) {
        self.visitor.begin(&place.inside, &place.path);
        let mut buffer = vec![0; 32 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => self.visitor.chunk(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.visitor.unread(&place.inside, &e.to_string());
                    break;
                }
            }
        }
        self.visitor.end();
    }

    /// Text made from a container's own structure.
    fn text(&mut self, text: &[u8], place: &Place) {
        if !self.spent && self.spend(text.len()) {
            self.visitor.begin(&place.inside, b"");
            self.visitor.chunk(text);
            self.visitor.end();
        }
    }

    /// Takes bytes off the budget; `false` when there is none left.
    fn spend(&self, bytes: usize) -> bool {
        self.budget.spend(bytes as u64)
    }

    fn give_up(&mut self, place: &Place, why: &str) {
        if !std::mem::replace(&mut self.spent, true) {
            self.visitor.unread(&place.inside, why);
        }
    }
}
