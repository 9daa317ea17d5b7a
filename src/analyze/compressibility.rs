//! How well large files pack, told by small samples: what part of a layer takes in its compressed form can
//! then be said without compressing it again.
//!
//! Knows nothing of what the file is.

use super::{Analyzer, Facts, Packing};
use crate::layer::{Entry, Interest};
use flate2::{Compress, Compression, FlushCompress};

/// Smaller files are too many, and too little of a layer.
const FLOOR: u64 = 64 << 10;
/// Bytes of one sample, and from the begin of one to that of the next: 1.6 % of a file is packed.
const SAMPLE: usize = 8 << 10;
const EVERY: u64 = 512 << 10;

pub struct PackingAnalyzer {
    entry: u32,
    /// Of the file, so far.
    at: u64,
    /// Where the sample that is taken or comes next begins.
    from: u64,
    sample: Vec<u8>,
    taken: u64,
    packed: u64,
    deflate: Compress,
    out: Vec<u8>,
}

impl Default for PackingAnalyzer {
    fn default() -> Self {
        Self {
            entry: 0,
            at: 0,
            from: 0,
            sample: Vec::with_capacity(SAMPLE),
            taken: 0,
            packed: 0,
            deflate: Compress::new(Compression::new(2), false),
            out: vec![0; 2 * SAMPLE],
        }
    }
}

impl PackingAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    fn pack(&mut self) {
        self.deflate.reset();
        let done = self.deflate.compress(&self.sample, &mut self.out, FlushCompress::Finish);
        if done.is_ok() {
            self.taken += self.sample.len() as u64;
            self.packed += self.deflate.total_out();
        }
        self.sample.clear();
        self.from += EVERY;
    }
}

impl Analyzer for PackingAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("packing", 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size < FLOOR {
            return Interest::Skip;
        }
        self.entry = number;
        // The head of a file is like no other part of it.
        self.from = if entry.size < EVERY { entry.size / 2 } else { EVERY / 4 };
        (self.at, self.taken, self.packed) = (0, 0, 0);
        self.sample.clear();
        Interest::All
    }

    fn chunk(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skip = (self.from + self.sample.len() as u64).saturating_sub(self.at);
            let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            self.at += skip as u64;
            bytes = &bytes[skip..];
            let take = bytes.len().min(SAMPLE - self.sample.len());
            self.sample.extend_from_slice(&bytes[..take]);
            self.at += take as u64;
            bytes = &bytes[take..];
            if self.sample.len() == SAMPLE {
                self.pack();
            }
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.taken == 0 {
            return;
        }
        let percent = (self.packed * 100 / self.taken).clamp(1, 100) as u8;
        facts.packing.push(Packing { entry: self.entry, percent });
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::feed;
    use super::*;

    fn percent(bytes: &[u8], step: usize) -> Option<u8> {
        feed(&mut PackingAnalyzer::new(), "x", bytes, step).packing.first().map(|p| p.percent)
    }

    #[test]
    fn noise_does_not_pack_and_zeros_do() {
        let mut state = 1u32;
        let noise: Vec<u8> = (0..1_500_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        assert_eq!(percent(&noise, 1 << 16), Some(100));
        assert_eq!(percent(&vec![0; 1_500_000], 1 << 16), Some(1));
        assert_eq!(percent(&noise[..60_000], 1 << 16), None, "too small");
        // Half of the samples of each.
        let mixed: Vec<u8> = noise[..600_000].iter().copied().chain(vec![0; 500_000]).collect();
        let got = percent(&mixed, 1 << 16).unwrap();
        assert!((45..=55).contains(&got), "{got}");
    }

    #[test]
    fn chunks_do_not_matter() {
        let text: Vec<u8> = (0..700_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let whole = percent(&text, usize::MAX >> 1);
        assert!(whole.is_some());
        for step in [1000, 8191, 8192, 8193, 1 << 19] {
            assert_eq!(percent(&text, step), whole, "{step}");
        }
    }
}
