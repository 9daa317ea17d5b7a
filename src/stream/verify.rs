//! Counts and hashes stored bytes, and does not say end-of-file until size *and* digest match.

use super::StreamError;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A reader whose end of file means "all of it, and it is right". What is not expected is computed.
pub struct VerifyReader<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected_digest: Option<Digest>,
    expected_size: Option<u64>,
    read: Arc<AtomicU64>,
    verified: Option<Digest>,
}

impl<R: Read> VerifyReader<R> {
    pub fn new(inner: R, digest: Option<Digest>, size: Option<u64>) -> Self {
        Self {
            inner,
            hasher: Some(digest.map_or_else(Hasher::sha256, |d| d.hasher())),
            expected_digest: digest,
            expected_size: size,
            read: Arc::default(),
            verified: None,
        }
    }

    /// Bytes read so far, shared with whoever compares them with what they inflate to.
    pub fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// The digest, once the end was reached and everything matched.
    pub fn verified(&self) -> Option<Digest> {
        self.verified
    }

    fn finish(&mut self) -> Result<(), StreamError> {
        let actual_size = self.read.load(Ordering::Relaxed);
        if let Some(expected) = self.expected_size
            && expected != actual_size
        {
            return Err(StreamError::Size { expected, actual: actual_size });
        }
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        let actual = hasher.finish();
        match self.expected_digest {
            Some(expected) if expected != actual => {
                // A second read must fail as well, not look like a good end.
                self.expected_size = Some(u64::MAX);
                Err(StreamError::Digest { expected, actual })
            }
            _ => {
                self.verified = Some(actual);
                Ok(())
            }
        }
    }
}

impl<R: Read> Read for VerifyReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = loop {
            match self.inner.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(StreamError::Source(e).into()),
                Ok(n) => break n,
            }
        };
        if n == 0 {
            self.finish()?;
            return Ok(0);
        }
        let total = self.read.fetch_add(n as u64, Ordering::Relaxed) + n as u64;
        if let Some(expected) = self.expected_size
            && total > expected
        {
            return Err(StreamError::TooLong { expected }.into());
        }
        if let Some(h) = &mut self.hasher {
            h.update(&buf[..n]);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        bytes: &[u8],
        digest: Option<Digest>,
        size: Option<u64>,
    ) -> Result<Vec<u8>, StreamError> {
        let mut out = Vec::new();
        let mut r = VerifyReader::new(bytes, digest, size);
        match r.read_to_end(&mut out) {
            Ok(_) => Ok(out),
            Err(e) => Err(StreamError::from_io(e, "test", 0)),
        }
    }

    #[test]
    fn says_end_of_file_only_when_size_and_digest_match() {
        let d = Some(Digest::sha256(b"abc"));
        assert_eq!(read(b"abc", d, Some(3)).unwrap(), b"abc");
        assert!(matches!(
            read(b"abc", d, Some(4)),
            Err(StreamError::Size { expected: 4, actual: 3 })
        ));
        assert!(matches!(read(b"abc", d, Some(2)), Err(StreamError::TooLong { expected: 2 })));
        assert!(matches!(read(b"abd", d, Some(3)), Err(StreamError::Digest { .. })));
        assert!(matches!(read(b"abcd", d, None), Err(StreamError::Digest { .. })));
        assert_eq!(read(b"abc", None, None).unwrap(), b"abc");
    }

    #[test]
    fn a_failed_end_stays_failed() {
        let mut r = VerifyReader::new(&b"abd"[..], Some(Digest::sha256(b"abc")), None);
        let mut buf = [0; 8];
        assert_eq!(r.read(&mut buf).unwrap(), 3);
        assert!(r.read(&mut buf).is_err());
        assert!(r.read(&mut buf).is_err());
        assert_eq!(r.verified(), None);
    }

    #[test]
    fn computes_what_nobody_expected() {
        let mut r = VerifyReader::new(&b"abc"[..], None, None);
        io::copy(&mut r, &mut io::sink()).unwrap();
        assert_eq!(r.verified(), Some(Digest::sha256(b"abc")));
    }
}
