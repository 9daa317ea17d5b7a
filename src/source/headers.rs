//! The headers of an image archive: which members there are, and where their bytes lie.
//!
//! Reads names the way Go's `archive/tar` does, because `docker load` and `podman load` do: a reader
//! that disagrees could be shown another image than the engine. Knows nothing of images. Layers are
//! not walked here.

use super::header_fields::{Pax, check_sum, invalid, number, short_name, until_nul};
use std::io::{self, Read};

/// Headers are one block, content is padded to blocks.
pub const BLOCK: usize = 512;

/// Longest GNU long name or PAX header, in bytes (Go's limit too).
const MAX_EXTENSION: u64 = 1 << 20;

/// A stream that can leave bytes out. Skipping past the end is an error.
pub trait Skip: Read {
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

/// Skips by reading.
pub struct Forward<R>(pub R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<R: Read> Skip for Forward<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.0).take(bytes), &mut io::sink())?;
        if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// What a member is, as far as an image archive uses it. Link targets are as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Symlink(Vec<u8>),
    Hardlink(Vec<u8>),
    Directory,
    /// Devices, FIFOs, sparse files, unknown types.
    Other,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As written.
    pub name: Vec<u8>,
    pub kind: Kind,
    /// Bytes of content that follow.
    pub size: u64,
    /// Where the content begins, in bytes from the start of the tar.
    pub offset: u64,
}

/// The members of a tar in order. The content of the current one is read through [`Headers::body`].
pub struct Headers<R> {
    inner: R,
    position: u64,
    /// Content of the current member not yet read, and the padding behind it.
    content: u64,
    padding: u64,
    ended: bool,
}

impl<R: Skip> Headers<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, position: 0, content: 0, padding: 0, ended: false }
    }

    /// The next member; skips what is left of the current one. After an error or the end: `None`.
    pub fn next_member(&mut self) -> io::Result<Option<Header>> {
        if self.ended {
            return Ok(None);
        }
        let found = self.advance();
        if !matches!(found, Ok(Some(_))) {
            self.ended = true;
        }
        found
    }

    /// The content of the current member.
    pub fn body(&mut self) -> Body<'_, R> {
        Body(self)
    }

    /// What lies behind the end of the tar.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn advance(&mut self) -> io::Result<Option<Header>> {
        let mut long_name = None;
        let mut long_link = None;
        let mut pax = Pax::default();
        loop {
            self.skip_rest()?;
            let Some(block) = self.block()? else {
                return Ok(None);
            };
            if block.iter().all(|&b| b == 0) {
                return match self.block()? {
                    Some(second) if second.iter().any(|&b| b != 0) => {
                        Err(invalid("a zero block stands between two members"))
                    }
                    _ => Ok(None),
                };
            }
            check_sum(&block)?;
            let mut size = number(&block[124..136])?;
            match block[156] {
                b'x' => pax = Pax::parse(&self.extension(size)?)?,
                b'L' => long_name = Some(until_nul(&self.extension(size)?).to_vec()),
                b'K' => long_link = Some(until_nul(&self.extension(size)?).to_vec()),
                // Go hands a global header out as a member of its own, which ends the extensions
                // that were read so far.
                b'g' => {
                    self.start(size);
                    (long_name, long_link, pax) = (None, None, Pax::default());
                }
                b'S' => return Err(invalid("a sparse member (old GNU format)")),
                flag => {
                    if let Some(s) = pax.size {
                        size = s;
                    }
                    // A GNU long name counts more than a PAX path.
                    let name = long_name
                        .filter(|n| !n.is_empty())
                        .or(pax.path)
                        .unwrap_or_else(|| short_name(&block));
                    let link = long_link
                        .filter(|n| !n.is_empty())
                        .or(pax.linkpath)
                        .unwrap_or_else(|| until_nul(&block[157..257]).to_vec());
                    let kind = match flag {
                        0 if name.ends_with(b"/") => Kind::Directory,
                        0 | b'0' | b'7' if !pax.sparse => Kind::File,
                        b'1' => Kind::Hardlink(link),
                        b'2' => Kind::Symlink(link),
                        b'5' => Kind::Directory,
                        _ => Kind::Other,
                    };
                    // These have no content, whatever their size says.
                    let headless = matches!(flag, b'1'..=b'6') || kind == Kind::Directory;
                    if headless {
                        size = 0;
                    }
                    self.start(size);
                    return Ok(Some(Header { name, kind, size, offset: self.position }));
                }
            }
        }
    }

    fn start(&mut self, size: u64) {
        self.content = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        // Sizes are below 2^63, so the sum cannot wrap.
        let n = self.content + self.padding;
        if n > 0 {
            self.inner.skip(n)?;
            self.position = self.position.saturating_add(n);
            (self.content, self.padding) = (0, 0);
        }
        Ok(())
    }

    /// The content of an extension header, in memory.
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(invalid("a name or PAX header of more than 1 MiB"));
        }
        self.start(size);
        let mut bytes = Vec::new();
        self.body().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// One block; `None` at the end of the stream.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.position = self.position.saturating_add(BLOCK as u64);
        Ok(Some(block))
    }
}

/// Reads the current member to its end; a stream that ends before is an error, not an end.
pub struct Body<'a, R>(&'a mut Headers<R>);

impl<R: Skip> Read for Body<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.0.content).map_or(buf.len(), |left| left.min(buf.len()));
        if want == 0 {
            return Ok(0);
        }
        let n = self.0.inner.read(&mut buf[..want])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.0.content -= n as u64;
        self.0.position = self.0.position.saturating_add(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
