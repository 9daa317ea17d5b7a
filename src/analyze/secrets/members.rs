//! The secrets of the files inside a file.
//!
//! A small container is opened where it was read; a large one streams through a bounded channel to a
//! thread of its own, because decoders pull and layers push. Either way the result is the same.

use super::form::Form;
use super::patterns::Patterns;
use super::place::Place;
use super::scan::{Found, Scan};
use crate::analyze::unpack::{HEAD, Kind, Visitor, unpack};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Containers of up to this many bytes are gathered and opened in place.
const SMALL: u64 = 1 << 20;
/// Chunks on their way to the thread.
const IN_FLIGHT: usize = 4;
/// Findings of all members of one file that are held; fewer are listed.
const MOST_KEPT: usize = 5000;
/// Notes on parts of one file that were not looked at.
const MOST_NOTES: usize = 20;

/// What the members of one file gave.
#[derive(Default)]
pub(super) struct Members {
    pub found: Vec<MemberFound>,
    /// Matches that are not kept, because there are many of their kind.
    pub more: u64,
    /// Parts that were not looked at, with their reasons.
    pub unread: Vec<String>,
}

/// Why a file was searched up to this byte only.
pub(super) fn too_slow(at: u64) -> String {
    format!("searched to byte {at} only: what follows was too much work")
}

pub(super) struct MemberFound {
    pub inside: String,
    pub form: Form,
    /// It stands in the container's own bytes, from this one of them on, not in a member.
    pub raw: Option<u64>,
    pub found: Found,
}

/// A container that is being fed.
pub(super) enum Opening {
    Gather { kind: Kind, bytes: Vec<u8>, path: Vec<u8>, claimed: bool },
    Stream { chunks: Sender<Vec<u8>>, thread: JoinHandle<Members> },
}

impl Opening {
    /// `size`: of the bytes that will come. `claimed`: the file begins with it, it was not met in its middle.
    pub fn new(
        kind: Kind,
        patterns: &Arc<Patterns>,
        path: &[u8],
        size: u64,
        claimed: bool,
        outer: &Scan,
    ) -> io::Result<Self> {
        if size <= SMALL {
            return Ok(Self::Gather {
                kind,
                bytes: Vec::with_capacity(size as usize),
                path: path.to_vec(),
                claimed,
            });
        }
        let (chunks, from) = bounded(IN_FLIGHT);
        let patterns = patterns.clone();
        let path = path.to_vec();
        let (work, allowance) = (outer.work.clone(), Arc::clone(&outer.allowance));
        let thread = std::thread::Builder::new().name("members".to_owned()).spawn(move || {
            let mut reader = Chunks { from, current: Vec::new(), at: 0 };
            let mut scan = Scan::new(&patterns);
            scan.work = work;
            scan.allowance = allowance;
            open(kind, &mut reader, &path, size, claimed, &patterns, &mut scan)
        })?;
        Ok(Self::Stream { chunks, thread })
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Gather { bytes: all, .. } => all.extend_from_slice(bytes),
            // A thread that has gone will say why when it is joined.
            Self::Stream { chunks, .. } => drop(chunks.send(bytes.to_vec())),
        }
    }

    pub fn end(self, patterns: &Patterns, scan: &mut Scan) -> Members {
        match self {
            Self::Gather { kind, bytes, path, claimed } => {
                let size = bytes.len() as u64;
                open(kind, &mut bytes.as_slice(), &path, size, claimed, patterns, scan)
            }
            Self::Stream { chunks, thread } => {
                drop(chunks);
                thread.join().unwrap_or_else(|_| Members {
                    unread: vec!["it could not be unpacked: a fault of careen's own".to_owned()],
                    ..Members::default()
                })
            }
        }
    }
}

/// Opens a container in memory; for what a text carries encoded.
pub(super) fn open(
    kind: Kind,
    reader: &mut dyn Read,
    path: &[u8],
    size: u64,
    claimed: bool,
    patterns: &Patterns,
    scan: &mut Scan,
) -> Members {
    let allowance = Arc::clone(&scan.allowance);
    let limits = allowance.limits(size);
    let mut gatherer = Gatherer {
        patterns,
        scan,
        outer: path,
        inside: String::new(),
        raw: None,
        members: Members::default(),
    };
    let mut head = [0; HEAD];
    let mut filled = 0;
    while let Ok(n @ 1..) = reader.read(&mut head[filled..]) {
        filled += n;
    }
    let left = unpack(kind, &head[..filled], reader, path, limits, claimed, &mut gatherer);
    allowance.settle(&limits, left);
    gatherer.members
}

/// Leaves one of several findings of the same secret: of those in a container's own bytes, only what no member
/// has, for the bytes before a fault are searched twice.
pub(super) fn without_echoes(found: Vec<MemberFound>) -> Vec<MemberFound> {
    if found.iter().all(|f| f.raw.is_none()) {
        return found;
    }
    let of = |f: &MemberFound| f.found.secret.clone();
    let known: HashSet<Vec<u8>> = found.iter().filter(|f| f.raw.is_none()).map(of).collect();
    found.into_iter().filter(|f| f.raw.is_none() || !known.contains(&f.found.secret)).collect()
}

struct Gatherer<'a> {
    patterns: &'a Patterns,
    scan: &'a mut Scan,
    /// Path of the file itself.
    outer: &'a [u8],
    inside: String,
    raw: Option<u64>,
    members: Members,
}

impl Visitor for Gatherer<'_> {
    fn begin(&mut self, inside: &str, path: &[u8], from: Option<u64>) {
        self.inside = inside.to_owned();
        self.raw = from;
        self.scan.begin(self.patterns, (!path.is_empty()).then_some(path), None);
        // Whose it is depends on where the container lies, too.
        let whole = [self.outer, b"/", if path.is_empty() { b"x" } else { path }].concat();
        self.scan.place =
            Place::of(Some(if self.outer.starts_with(path) { self.outer } else { &whole }));
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.scan.feed(self.patterns, bytes);
    }

    fn end(&mut self) {
        let outcome = self.scan.end(self.patterns);
        let inside = self.inside.clone();
        self.members.more += outcome.more;
        if let Some(at) = outcome.cut {
            self.unread(&inside, &too_slow(at));
        }
        let room = MOST_KEPT.saturating_sub(self.members.found.len());
        self.members.more += outcome.found.len().saturating_sub(room) as u64;
        let members = outcome.found.into_iter().take(room).map(|found| MemberFound {
            inside: self.inside.clone(),
            form: outcome.form,
            raw: self.raw,
            found,
        });
        self.members.found.extend(members);
    }

    fn unread(&mut self, inside: &str, why: &str) {
        let notes = &mut self.members.unread;
        let shown: String = inside.chars().take(200).collect();
        let note = match shown.is_empty() {
            true => why.to_owned(),
            false => format!("inside {shown}: {why}"),
        };
        match notes.len() {
            _ if notes.contains(&note) => {}
            0..MOST_NOTES => notes.push(note),
            MOST_NOTES => notes.push("more parts of it were not looked at".to_owned()),
            _ => {}
        }
    }
}

/// The chunks of a file as a reader.
struct Chunks {
    from: Receiver<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            let Ok(next) = self.from.recv() else { return Ok(0) };
            self.current = next;
            self.at = 0;
        }
        let n = buffer.len().min(self.current.len() - self.at);
        buffer[..n].copy_from_slice(&self.current[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
