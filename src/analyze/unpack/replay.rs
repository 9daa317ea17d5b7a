//! A stream whose last bytes can be read once more.
//!
//! A container is believed as long as it is read without fault. At a fault the bytes up to [`WINDOW`] before
//! it are given again, so that what did not open is searched as it stands: a container of fewer bytes from
//! its first one on.

use std::io::{self, BufRead, Read};

/// Bytes that have proven themselves: a decoder that got this far behind some text did not take it for its
/// own. Text is no valid stream of any format for a tenth as long.
const WINDOW: usize = 128 << 10;
const BUFFER: usize = 32 << 10;
/// Of a look ahead.
const LONGEST_PEEK: usize = 4 << 10;

pub(super) struct Replay<'r> {
    inner: &'r mut dyn Read,
    /// `done..next` was read, `next..` is ahead.
    buffer: Vec<u8>,
    next: usize,
    /// Place of `buffer[next]` in the stream.
    at: u64,
    /// The stream itself has failed or ended.
    ended: bool,
    broken: Option<String>,
}

impl<'r> Replay<'r> {
    pub fn new(inner: &'r mut dyn Read) -> Self {
        Self { inner, buffer: Vec::new(), next: 0, at: 0, ended: false, broken: None }
    }

    /// Bytes that were read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Why the stream below ended early.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The next bytes, `n` of them unless the stream ends before; at most 4 KiB.
    pub fn peek(&mut self, n: usize) -> &[u8] {
        let n = n.min(LONGEST_PEEK);
        while self.buffer.len() - self.next < n && !self.ended {
            self.more();
        }
        let end = (self.next + n).min(self.buffer.len());
        &self.buffer[self.next..end]
    }

    /// Goes back to this place, or as far towards it as bytes are kept; how many are read again.
    pub fn rewind(&mut self, to: u64) -> u64 {
        let back = self.at.saturating_sub(to).min(self.next.min(WINDOW) as u64);
        self.next -= back as usize;
        self.at -= back;
        back
    }

    /// Skips zero bytes; `false` if nothing else follows.
    pub fn skip_zeros(&mut self) -> bool {
        loop {
            let ahead = self.ahead();
            if ahead.is_empty() {
                return false;
            }
            let zeros = ahead.iter().take_while(|&&b| b == 0).count();
            let all = zeros == ahead.len();
            self.consume(zeros);
            if !all {
                return true;
            }
        }
    }

    /// What is ready to be read; empty at the end only.
    pub fn ahead(&mut self) -> &[u8] {
        while self.next == self.buffer.len() && !self.ended {
            self.more();
        }
        &self.buffer[self.next..]
    }

    /// Reads on from the stream below.
    fn more(&mut self) {
        if self.next > 2 * WINDOW {
            let drop = self.next - WINDOW;
            self.buffer.drain(..drop);
            self.next = WINDOW;
        }
        let filled = self.buffer.len();
        self.buffer.resize(filled + BUFFER, 0);
        let read = loop {
            match self.inner.read(&mut self.buffer[filled..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = read.unwrap_or_else(|e| {
            self.broken = Some(e.to_string());
            0
        });
        self.buffer.truncate(filled + read);
        self.ended = read == 0;
    }
}

impl Read for Replay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len();
        let ahead = self.ahead();
        let n = n.min(ahead.len());
        buffer[..n].copy_from_slice(&ahead[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Replay<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.ahead())
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.buffer.len() - self.next);
        self.next += n;
        self.at += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_given_again() {
        let all: Vec<u8> = (0..600_000u32).map(|i| (i % 251) as u8).collect();
        let mut from = all.as_slice();
        let mut replay = Replay::new(&mut from);
        let mut some = vec![0; 1000];
        replay.read_exact(&mut some).unwrap();
        assert_eq!((replay.rewind(0), replay.at()), (1000, 0));
        assert_eq!(replay.peek(3), &all[..3]);
        let mut some = vec![0; 500_000];
        replay.read_exact(&mut some).unwrap();
        assert_eq!(some, all[..500_000]);
        let back = replay.rewind(0);
        assert_eq!((back, replay.at()), (WINDOW as u64, 500_000 - WINDOW as u64));
        let mut rest = Vec::new();
        replay.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, all[500_000 - WINDOW..]);
        assert!(replay.peek(9).is_empty() && !replay.skip_zeros());
    }
}
