//! Holds one small file while it streams by.

use crate::analyze::{Facts, Unread};
use crate::layer::{Entry, Interest};

/// One file, whole, up to a cap; a file over the cap becomes an [`Unread`], never silence.
#[derive(Default)]
pub(in crate::analyze) struct Collect {
    entry: u32,
    bytes: Vec<u8>,
    cap: usize,
    size: u64,
}

impl Collect {
    /// Starts on an entry. Over the cap only one byte is asked for, so that `end` comes.
    pub(in crate::analyze) fn start(&mut self, number: u32, entry: &Entry, cap: usize) -> Interest {
        self.entry = number;
        self.bytes.clear();
        self.cap = cap;
        self.size = entry.size;
        if self.fits() { Interest::All } else { Interest::Head(1) }
    }

    pub(in crate::analyze) fn chunk(&mut self, bytes: &[u8]) {
        let room = self.cap.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The entry's number and its bytes; `None`, with the reason left in `facts`, if it was too big.
    pub(in crate::analyze) fn finish(
        &mut self,
        analyzer: &str,
        facts: &mut Facts,
    ) -> Option<(u32, Vec<u8>)> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.fits() {
            return Some((self.entry, bytes));
        }
        let why = format!("{} bytes, more than the {} that are read", self.size, self.cap);
        unread(facts, self.entry, analyzer, &why);
        None
    }

    /// The entry that is being read.
    pub(in crate::analyze) fn entry(&self) -> u32 {
        self.entry
    }

    fn fits(&self) -> bool {
        self.size <= self.cap as u64
    }
}

pub(in crate::analyze) fn unread(facts: &mut Facts, entry: u32, analyzer: &str, why: &str) {
    facts.unread.push(Unread {
        entry,
        analyzer: analyzer.to_owned(),
        why: why.to_owned(),
        within: false,
    });
}

/// Text of a database, broken bytes replaced.
pub(in crate::analyze) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}
