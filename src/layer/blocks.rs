//! The tar stream as blocks and runs of bytes, with the place in it for error messages.

use super::walk::WalkError;
use std::io::BufRead;

pub(super) const BLOCK: usize = 512;

/// One header or map block.
pub(super) type Block = [u8; BLOCK];

/// Long names and PAX records are bounded as in Go (`maxSpecialFileSize`).
pub(super) const SPECIAL_LIMIT: u64 = 1 << 20;

/// A cursor over the uncompressed tar.
pub(super) struct Blocks<'a> {
    inner: &'a mut dyn BufRead,
    offset: u64,
}

impl<'a> Blocks<'a> {
    pub fn new(inner: &'a mut dyn BufRead) -> Self {
        Self { inner, offset: 0 }
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, at most `limit` of them; empty only at the end of the stream or for a limit
    /// of 0. They count as consumed.
    fn next(&mut self, limit: u64, sink: &mut dyn FnMut(&[u8])) -> Result<u64, WalkError> {
        if limit == 0 {
            return Ok(0);
        }
        let n = loop {
            match self.inner.fill_buf() {
                Ok(buf) => {
                    let n = buf.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
                    sink(&buf[..n]);
                    break n;
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(WalkError::Read(e)),
            }
        };
        self.inner.consume(n);
        self.offset += n as u64;
        Ok(n as u64)
    }

    /// Hands exactly `n` bytes to `sink`, in pieces as large as they come.
    pub fn pass(&mut self, mut n: u64, sink: &mut dyn FnMut(&[u8])) -> Result<(), WalkError> {
        while n > 0 {
            match self.next(n, sink)? {
                0 => {
                    return Err(WalkError::Truncated { offset: self.offset });
                }
                got => n -= got,
            }
        }
        Ok(())
    }

    /// Skips the padding behind an entry. A stream that ends in it ends well: Go's reader takes that
    /// for the end of the tar, and the entry has unpacked whole.
    pub fn skip_padding(&mut self, mut n: u64) -> Result<(), WalkError> {
        while n > 0 {
            match self.next(n, &mut |_| {})? {
                0 => break,
                got => n -= got,
            }
        }
        Ok(())
    }

    /// The next block, or `None` where the stream ends right here.
    pub fn block(&mut self) -> Result<Option<Block>, WalkError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let got = self.next((BLOCK - filled) as u64, &mut |bytes| {
                block[filled..filled + bytes.len()].copy_from_slice(bytes);
            })?;
            if got == 0 {
                return match filled {
                    0 => Ok(None),
                    _ => Err(WalkError::Truncated { offset: self.offset }),
                };
            }
            filled += got as usize;
        }
        Ok(Some(block))
    }

    /// A block that must be there.
    pub fn must_block(&mut self) -> Result<Block, WalkError> {
        self.block()?.ok_or(WalkError::Truncated { offset: self.offset })
    }

    /// The content of a long-name or PAX entry, refused above [`SPECIAL_LIMIT`] before it is held.
    pub fn special(&mut self, size: u64, what: &'static str) -> Result<Vec<u8>, WalkError> {
        if size > SPECIAL_LIMIT {
            return Err(WalkError::TooLong { offset: self.offset, what, size });
        }
        let mut out = Vec::with_capacity(size as usize);
        self.pass(size, &mut |bytes| out.extend_from_slice(bytes))?;
        Ok(out)
    }

    /// Reads to the end of the stream: `(bytes, whether any was not zero)`.
    pub fn drain(&mut self) -> Result<(u64, bool), WalkError> {
        let (mut total, mut dirty) = (0, false);
        loop {
            match self
                .next(u64::MAX, &mut |bytes| dirty = dirty || bytes.iter().any(|&b| b != 0))?
            {
                0 => return Ok((total, dirty)),
                n => total += n,
            }
        }
    }
}
