//! How much work a search may be: the last defence against text that is made to be slow.
//!
//! Steps are counted, not time, so that the same bytes always give the same. Every byte that is searched earns
//! some, what ordinary text needs and more; what a stretch of text costs beyond that comes out of a reserve that
//! all files of a layer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A step is about a nanosecond of one core. Ordinary text needs 10 to 30 beside reading it.
const OF_A_BYTE: i64 = 100;
const RESERVE: i64 = 2_000_000_000;
/// Of weighing a match.
pub(super) const JUDGING: usize = 4000;
/// Of asking a regex at all.
pub(super) const ASKING: usize = 60;
/// Of beginning a search for a text within a text.
pub(super) const NESTING: usize = 1500;

#[derive(Clone, Debug)]
pub(super) struct Work(Arc<AtomicI64>);

impl Work {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(RESERVE)))
    }

    /// For texts that must be searched whatever it takes.
    pub fn endless() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX / 2)))
    }

    pub fn earn(&self, bytes: usize) {
        let more = |left: i64| {
            let most = RESERVE.max(left);
            Some((left + OF_A_BYTE * bytes as i64).min(most))
        };
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    pub fn spend(&self, steps: usize) {
        self.0.fetch_sub(steps as i64, Ordering::Relaxed);
    }

    /// Steps of the reserve that are gone.
    #[cfg(test)]
    pub fn spent(&self) -> i64 {
        RESERVE - self.0.load(Ordering::Relaxed)
    }

    /// Nothing is left.
    pub fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= 0
    }
}
