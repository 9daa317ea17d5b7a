//! Stops a decompression bomb: by the bytes that a layer inflates to, and by how many times more they
//! are than what is stored.

use super::StreamError;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one layer may inflate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed tar.
    pub total: u64,
    /// Times its stored bytes. Applies from [`RATIO_FROM`] on.
    pub ratio: u64,
}

/// Below this many inflated bytes a ratio means nothing: a short layer of zeros is harmless.
pub const RATIO_FROM: u64 = 256 << 20;

impl Default for Limits {
    /// 64 GiB; 2000 times. Deflate cannot exceed 1032, so every gzip layer passes the ratio, a zeroed
    /// disk image included, and only the total stops it; zstd can exceed it by far.
    fn default() -> Self {
        Self { total: 64 << 30, ratio: 2000 }
    }
}

/// A reader of inflated bytes that stops at the limits.
pub struct LimitedReader<R> {
    inner: R,
    limits: Limits,
    stored: Arc<AtomicU64>,
    inflated: u64,
}

impl<R: Read> LimitedReader<R> {
    /// `stored` counts the compressed bytes read so far.
    pub fn new(inner: R, limits: Limits, stored: Arc<AtomicU64>) -> Self {
        Self { inner, limits, stored, inflated: 0 }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.inflated += n as u64;
        if self.inflated > self.limits.total {
            return Err(StreamError::TooLarge { limit: self.limits.total }.into());
        }
        let stored = self.stored.load(Ordering::Relaxed);
        if self.inflated > RATIO_FROM && self.inflated / self.limits.ratio.max(1) > stored {
            return Err(StreamError::Ratio { limit: self.limits.ratio }.into());
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decompress, VerifyReader};
    use super::*;

    fn inflate(stored: &[u8], limits: Limits) -> Result<u64, StreamError> {
        let mut verify = VerifyReader::new(stored, None, None);
        let counter = verify.counter();
        let inflate = Decompress::new(&mut verify).unwrap();
        io::copy(&mut LimitedReader::new(inflate, limits, counter), &mut io::sink())
            .map_err(|e| StreamError::from_io(e, "test", 0))
    }

    #[test]
    fn a_bomb_stops_at_the_total_and_at_the_ratio() {
        let bomb = zstd::encode_all(io::repeat(0).take(RATIO_FROM * 2), 1).unwrap();
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        let strict = Limits { total: u64::MAX, ratio: 2000 };
        assert!(matches!(inflate(&bomb, strict), Err(StreamError::Ratio { limit: 2000 })));
        let small = Limits { total: 1 << 20, ratio: u64::MAX };
        assert!(matches!(inflate(&bomb, small), Err(StreamError::TooLarge { .. })));
        let open = Limits { total: u64::MAX, ratio: u64::MAX };
        assert_eq!(inflate(&bomb, open).unwrap(), RATIO_FROM * 2);
    }
}
