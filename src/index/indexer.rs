//! The visitor that fills an index: every entry with the hash of its content, and each analyzer shown as
//! much of a file as it wants.

use super::budget::{FACTS, FactsBudget};
use super::entries::{Entries, EntriesBuilder};
use crate::analyze::{Analyzer, Facts, Unread};
use crate::layer::{ContentHash, Entry, Interest, Visitor};

/// Files of one layer that are named because they could not be read.
const MOST_UNREAD: usize = 10_000;

pub(super) struct Indexer {
    entries: EntriesBuilder,
    facts: Ledger,
    analyzers: Vec<Watched>,
    hasher: blake3::Hasher,
    /// Zeros that were passed over: how many in all, and where and how many each time, as a hash.
    holes: Option<(u64, blake3::Hasher)>,
    shown: u64,
}

/// The content of a file whose holes were passed over, in a space of hashes of its own.
const HOLES: &[u8; 32] = b"careen: content hash with holes.";

/// An analyzer and how much of the current file it still wants; `None` when it is done with it.
struct Watched {
    analyzer: Box<dyn Analyzer>,
    left: Option<u64>,
}

impl Watched {
    fn chunk(&mut self, bytes: &[u8], facts: &mut Ledger) {
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

    fn end(&mut self, facts: &mut Ledger) {
        if self.left.take().is_some() {
            facts.take(self.analyzer.as_mut());
        }
    }
}

/// The facts, as far as there is room for them.
struct Ledger {
    facts: Facts,
    weight: u64,
    /// Of the whole image.
    budget: FactsBudget,
    /// Facts were left out for those of other layers.
    is_cut: bool,
    /// Enough files were named as not read.
    full: bool,
    /// The file that is read.
    entry: u32,
}

impl Ledger {
    /// Takes what an analyzer leaves of a file; a file that has too much of it is named instead.
    fn take(&mut self, analyzer: &mut dyn Analyzer) {
        let (mark, unread) = (self.facts.mark(), self.facts.unread.len());
        analyzer.end(&mut self.facts);
        let weight = self.facts.weight_since(&mark);
        if self.weight + weight > FACTS {
            self.facts.cut_back(&mark);
            self.name(analyzer.id().0, "the layer says more in all than is kept of one layer");
        } else if !self.budget.take(weight) {
            self.facts.cut_back(&mark);
            self.is_cut = true;
            self.name(analyzer.id().0, "the image says more in all than is kept of one image");
        } else {
            self.weight += weight;
        }
        if self.full {
            self.facts.unread.truncate(unread);
        } else if self.facts.unread.len() > MOST_UNREAD {
            self.facts.unread.truncate(unread);
            self.name("all", "it and more files of this layer were not read whole");
            self.full = true;
        }
    }

    /// It was zeros only: nothing is missed.
    fn pass_over(&mut self, zeros: u64) {
        self.name("all", &format!("{zeros} bytes of its holes were passed over: only what is stored of it was looked at"));
        if let Some(last) = self.facts.unread.last_mut() {
            last.within = true;
        }
    }

    fn name(&mut self, analyzer: &str, why: &str) {
        self.facts.unread.push(Unread {
            entry: self.entry,
            analyzer: analyzer.to_owned(),
            why: why.to_owned(),
            within: false,
        });
    }
}

impl Indexer {
    pub fn new(analyzers: Vec<Box<dyn Analyzer>>, budget: FactsBudget) -> Self {
        let watched = |analyzer| Watched { analyzer, left: None };
        Self {
            entries: EntriesBuilder::default(),
            facts: Ledger {
                facts: Facts::default(),
                weight: 0,
                budget,
                is_cut: false,
                full: false,
                entry: 0,
            },
            analyzers: analyzers.into_iter().map(watched).collect(),
            hasher: blake3::Hasher::new(),
            holes: None,
            shown: 0,
        }
    }

    /// Whether facts were left out for those of other layers.
    pub fn is_cut(&self) -> bool {
        self.facts.is_cut
    }

    /// The entries, the facts, and which entries have the name of one before them. `apart`: of two that are written
    /// apart, such as `/x` and `x`, each has a name of its own.
    pub fn finish(self, apart: impl Fn(u32) -> bool) -> (Entries, Facts, Vec<u32>) {
        let entries = self.entries.finish();
        let duplicates = entries.duplicates(apart);
        (entries, self.facts.facts, duplicates)
    }
}

impl Visitor for Indexer {
    fn begin(&mut self, entry: &Entry) -> Interest {
        let number = self.entries.len() as u32;
        self.entries.push(entry);
        self.facts.entry = number;
        for watched in &mut self.analyzers {
            watched.left = match watched.analyzer.begin(number, entry) {
                Interest::Skip => None,
                Interest::Head(n) => Some(n),
                Interest::All => Some(u64::MAX),
            };
        }
        self.hasher.reset();
        (self.holes, self.shown) = (None, 0);
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.shown += bytes.len() as u64;
        for watched in &mut self.analyzers {
            watched.chunk(bytes, &mut self.facts);
        }
    }

    fn pass_over(&mut self, zeros: u64) {
        let (sum, hasher) = self.holes.get_or_insert_with(|| (0, blake3::Hasher::new_keyed(HOLES)));
        *sum = sum.saturating_add(zeros);
        hasher.update(&self.shown.to_le_bytes());
        hasher.update(&zeros.to_le_bytes());
    }

    fn end(&mut self) {
        for watched in &mut self.analyzers {
            watched.end(&mut self.facts);
        }
        let mut content = self.hasher.finalize();
        if let Some((sum, mut holes)) = self.holes.take() {
            self.facts.pass_over(sum);
            holes.update(content.as_bytes());
            content = holes.finalize();
        }
        if self.entries.last_is_file() {
            self.entries.set_content(ContentHash(content.into()));
        }
    }
}
