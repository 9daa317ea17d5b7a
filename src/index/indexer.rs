//! The visitor that fills an index: every entry with the hash of its content, and each analyzer shown as
//! much of a file as it wants.

use crate::analyze::{Analyzer, Facts};
use crate::layer::{ContentHash, Entry, Interest, Visitor};

pub(super) struct Indexer {
    entries: Vec<Entry>,
    facts: Facts,
    analyzers: Vec<Watched>,
    hasher: blake3::Hasher,
}

/// An analyzer and how much of the current file it still wants; `None` when it is done with it.
struct Watched {
    analyzer: Box<dyn Analyzer>,
    left: Option<u64>,
}

impl Watched {
    fn chunk(&mut self, bytes: &[u8], facts: &mut Facts) {
        let Some(left) = self.left else { return };
        let n = (bytes.len() as u64).min(left);
        if n > 0 {
            self.analyzer.chunk(&bytes[..n as usize]);
        }
        self.left = Some(left - n);
        if left == n {
            self.end(facts);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.left.take().is_some() {
            self.analyzer.end(facts);
        }
    }
}

impl Indexer {
    pub fn new(analyzers: Vec<Box<dyn Analyzer>>) -> Self {
        let watched = |analyzer| Watched { analyzer, left: None };
        Self {
            entries: Vec::new(),
            facts: Facts::default(),
            analyzers: analyzers.into_iter().map(watched).collect(),
            hasher: blake3::Hasher::new(),
        }
    }

    /// The entries, the facts, and which entries stand where a later one of the same path does.
    pub fn finish(self) -> (Vec<Entry>, Facts, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        // A stable sort keeps the entries of one path in the order of the tar.
        order.sort_by(|&a, &b| self.entries[a as usize].path.cmp(&self.entries[b as usize].path));
        let path = |i: u32| &self.entries[i as usize].path;
        // A directory named twice is usual and hides nothing.
        let is_dir = |i: u32| self.entries[i as usize].is_dir();
        let mut duplicates: Vec<u32> = order
            .windows(2)
            .filter(|w| path(w[0]) == path(w[1]) && !(is_dir(w[0]) && is_dir(w[1])))
            .map(|w| w[0])
            .collect();
        duplicates.sort_unstable();
        (self.entries, self.facts, duplicates)
    }
}

impl Visitor for Indexer {
    fn begin(&mut self, entry: &Entry) -> Interest {
        let number = self.entries.len() as u32;
        self.entries.push(entry.clone());
        for watched in &mut self.analyzers {
            watched.left = match watched.analyzer.begin(number, entry) {
                Interest::Skip => None,
                Interest::Head(n) => Some(n),
                Interest::All => Some(u64::MAX),
            };
        }
        self.hasher.reset();
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        for watched in &mut self.analyzers {
            watched.chunk(bytes, &mut self.facts);
        }
    }

    fn end(&mut self) {
        for watched in &mut self.analyzers {
            watched.end(&mut self.facts);
        }
        if let Some(entry) = self.entries.last_mut()
            && entry.is_file()
        {
            entry.content = Some(ContentHash(self.hasher.finalize().into()));
        }
    }
}
