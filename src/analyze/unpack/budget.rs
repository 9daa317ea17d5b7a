//! What containers may unpack to: of one file, and of all files of a layer.
//!
//! The bound of a file grows with the bytes that are read of it, not with the size that it states: honest
//! archives stay below it. What a file takes beyond that comes out of what its layer has to spare, so that two
//! hundred small bombs cost no more than one.

use super::{Kind, Limits};
use std::cell::Cell;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Unpacked bytes for each byte that is read: text packs to a tenth, tables and logs to a twentieth; a pack of git
/// holds every version of a file as what has changed.
pub(super) fn honest(kind: Kind) -> u64 {
    if kind == Kind::GitPack { 100 } else { 20 }
}

/// For a file of a few bytes.
const FREE: u64 = 4096;
/// Bytes that all files of a layer may unpack to beyond what honest ones do.
const SPARE: u64 = 256 << 20;

/// What the files of one layer may unpack to beyond what honest ones do. Shared by all that unpack for one layer,
/// one after the other.
#[derive(Debug)]
pub struct Allowance {
    spare: AtomicU64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { spare: AtomicU64::new(SPARE) }
    }
}

impl Allowance {
    /// The bounds of the next file, of `size` bytes.
    pub fn limits(&self, size: u64) -> Limits {
        let limits = Limits::of(size);
        let spare = self.spare.load(Ordering::Relaxed);
        Limits { bytes: FREE + limits.bytes.min(spare), ..limits }
    }

    /// Takes off what a file has used up of its bounds. `left`: of its bytes, as [`super::unpack`] says it.
    pub fn settle(&self, limits: &Limits, left: u64) {
        let granted = limits.bytes - FREE.min(limits.bytes);
        let used = granted.saturating_sub(left);
        let spare = self.spare.load(Ordering::Relaxed);
        self.spare.store(spare.saturating_sub(used), Ordering::Relaxed);
    }
}

/// Bytes that may still be unpacked of one file, at all depths together.
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub fn new(bytes: u64) -> Self {
        Self(Cell::new(bytes))
    }

    pub fn left(&self) -> u64 {
        self.0.get()
    }

    pub fn is_spent(&self) -> bool {
        self.left() == 0
    }

    /// Takes bytes off; `false` when there are none left.
    pub fn spend(&self, bytes: u64) -> bool {
        self.0.set(self.left().saturating_sub(bytes));
        !self.is_spent()
    }
}

/// A reader of unpacked bytes: they come off the budget, and where it ends they end.
pub(super) struct Metered<'b, R> {
    pub inner: R,
    pub budget: &'b Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget.is_spent() {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        self.budget.spend(n as u64);
        Ok(n)
    }
}

/// The file itself: each byte of it allows for more.
pub(super) struct Source<'b, R> {
    pub inner: R,
    pub budget: &'b Budget,
    /// How many.
    pub worth: u64,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if !self.budget.is_spent() {
            let more = (n as u64).saturating_mul(self.worth);
            self.budget.0.set(self.budget.left().saturating_add(more));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_near_the_end_of_the_numbers_is_a_size() {
        for size in [0, 1, u64::MAX / 200, u64::MAX / 20 + 1, u64::MAX - 1, u64::MAX] {
            let limits = Limits::of(size);
            assert!((64 << 20..=4 << 30).contains(&limits.bytes), "{size}: {limits:?}");
        }
    }

    #[test]
    fn what_one_file_takes_beyond_the_honest_the_next_has_not() {
        let allowance = Allowance::default();
        let mut granted = 0;
        for _ in 0..200 {
            let limits = allowance.limits(225);
            granted += limits.bytes;
            allowance.settle(&limits, 0);
        }
        assert!(granted < SPARE + 200 * 2 * FREE, "{granted}");
        let last = allowance.limits(1000);
        assert_eq!(last.bytes, FREE, "an honest file is opened still");
        let fresh = Allowance::default();
        let limits = fresh.limits(1000);
        fresh.settle(&limits, limits.bytes - 100);
        assert_eq!(fresh.limits(1000), limits, "the free bytes are no one's");
    }
}
