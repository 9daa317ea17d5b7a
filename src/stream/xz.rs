//! xz, block by block (<https://tukaani.org/xz/xz-file-format.txt>).
//!
//! The crate's own readers of the whole format give each block the dictionary that it asks for, 4 GiB at most, and
//! clear it: a file of tiny blocks costs seconds a kilobyte. Here a dictionary has a bound and a price. The checks
//! behind the blocks are skipped: nothing is done with the content but to look at it.

use lzma_rust2::{Action, FilterConfig, FilterType, Lzma2Stream, Status};
use std::io::{self, BufRead, Read};

const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
/// To clear a dictionary costs as much as to unpack a 64th of it.
const PRICE: u64 = 64;

/// The decoder of any number of streams, one behind the other.
pub struct XzReader<R, F> {
    inner: R,
    /// Is told the price of each dictionary, in bytes that could be unpacked for it; `false` ends the reading.
    spend: F,
    /// Bytes of the largest dictionary that is given.
    dictionary: u64,
    state: State,
    /// Bytes of the check behind each block.
    check: usize,
}

enum State {
    Stream,
    Header,
    Block {
        lzma: Box<Lzma2Stream>,
        /// Bytes of it so far, as stored.
        read: u64,
    },
    Index,
    Ended,
}

fn bad(why: &str) -> io::Error {
    io::Error::other(format!("xz: {why}"))
}

impl<R: BufRead, F: FnMut(u64) -> bool> XzReader<R, F> {
    /// `dictionary`: bytes of the largest one that is given.
    pub fn new(inner: R, dictionary: u64, spend: F) -> Self {
        Self { inner, spend, dictionary, state: State::Stream, check: 0 }
    }

    /// What is behind the last stream, once that has been read.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Section 2.1.1.
    fn stream(&mut self) -> io::Result<State> {
        let head: [u8; 12] = self.bytes()?;
        if !head.starts_with(&MAGIC) || head[6] != 0 || head[7] > 15 {
            return Err(bad("a stream's header is broken"));
        }
        self.check = match head[7] {
            0 => 0,
            id => 4 << ((id - 1) / 3),
        };
        Ok(State::Header)
    }

    /// Section 3.1.
    fn header(&mut self) -> io::Result<State> {
        let [size] = self.bytes()?;
        if size == 0 {
            return Ok(State::Index);
        }
        let mut head = vec![0; usize::from(size) * 4 + 3];
        self.inner.read_exact(&mut head)?;
        let block = Block::parse(&head).ok_or_else(|| bad("a block's header is broken"))?;
        let wanted = u64::from(block.dictionary).min(block.unpacked.unwrap_or(u64::MAX).max(4096));
        if wanted > self.dictionary {
            return Err(bad(&format!(
                "it asks for a dictionary of {} MiB, more than the {} MiB that are given",
                wanted >> 20,
                self.dictionary >> 20
            )));
        }
        if !(self.spend)(wanted / PRICE) {
            return Err(bad("its many blocks ask for too many dictionaries"));
        }
        let mut lzma = Lzma2Stream::new(u32::try_from(wanted).unwrap_or(u32::MAX));
        lzma.set_filters(block.filter.as_slice())?;
        Ok(State::Block { lzma: Box::new(lzma), read: 0 })
    }

    /// Behind the last bytes of a block: its padding and its check.
    fn close(&mut self, read: u64) -> io::Result<()> {
        let padding = read.wrapping_neg() as usize % 4;
        self.inner.read_exact(&mut [0; 64 + 3][..padding + self.check])
    }

    /// Sections 4 and 2.1.2, and the padding behind a stream.
    fn index(&mut self) -> io::Result<State> {
        let mut read = 1;
        let records = self.number(&mut read)?;
        for _ in 0..records.saturating_mul(2) {
            self.number(&mut read)?;
        }
        let padding = read.wrapping_neg() % 4;
        self.inner.read_exact(&mut [0; 4 + 12 + 3][..padding + 4 + 12])?;
        loop {
            let ahead = self.inner.fill_buf()?;
            match ahead.iter().position(|&b| b != 0) {
                Some(at) => {
                    let more = ahead[at] == MAGIC[0];
                    self.inner.consume(at);
                    return Ok(if more { State::Stream } else { State::Ended });
                }
                None if ahead.is_empty() => return Ok(State::Ended),
                None => {
                    let zeros = ahead.len();
                    self.inner.consume(zeros);
                }
            }
        }
    }

    fn number(&mut self, read: &mut usize) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let [b] = self.bytes()?;
            *read += 1;
            value |= u64::from(b & 0x7f) << shift;
            if b & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(bad("its index is broken"))
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match &mut self.state {
                State::Ended => return Ok(0),
                State::Stream => self.stream()?,
                State::Header => self.header()?,
                State::Index => self.index()?,
                State::Block { lzma, read } => {
                    let input = self.inner.fill_buf()?;
                    let action = if input.is_empty() { Action::Finish } else { Action::Run };
                    let done = lzma.process(input, buffer, action)?;
                    let stuck = done.bytes_consumed + done.bytes_produced == 0;
                    self.inner.consume(done.bytes_consumed);
                    *read += done.bytes_consumed as u64;
                    match done.status {
                        Status::StreamEnd => {
                            let read = *read;
                            self.close(read)?;
                            self.state = State::Header;
                        }
                        Status::Ok if stuck => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Status::Ok => {}
                    }
                    match done.bytes_produced {
                        0 => continue,
                        n => return Ok(n),
                    }
                }
            };
        }
    }
}

impl<R: BufRead, F: FnMut(u64) -> bool> Read for XzReader<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.step(buffer);
        if read.is_err() {
            self.state = State::Ended;
        }
        read
    }
}

/// What a block's header says.
struct Block {
    unpacked: Option<u64>,
    filter: Option<FilterConfig>,
    dictionary: u32,
}

impl Block {
    /// `head`: behind the byte of its size.
    fn parse(head: &[u8]) -> Option<Self> {
        let (&flags, mut rest) = head.split_first()?;
        if flags & 0x40 != 0 {
            number(&mut rest)?;
        }
        let unpacked = if flags & 0x80 != 0 { Some(number(&mut rest)?) } else { None };
        let mut filter = None;
        for _ in 0..flags & 3 {
            let kind = FilterType::try_from(number(&mut rest)?).ok()?;
            let properties = properties(&mut rest)?;
            // One filter before the compression; more are not read.
            if kind == FilterType::Lzma2 || filter.is_some() {
                return None;
            }
            let property = match (kind, properties) {
                (FilterType::Delta, &[distance]) => u32::from(distance) + 1,
                (FilterType::Delta, _) => return None,
                (_, []) => 0,
                (_, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
                _ => return None,
            };
            filter = Some(FilterConfig { filter_type: kind, property });
        }
        let last = FilterType::try_from(number(&mut rest)?).ok()?;
        let dictionary = match *properties(&mut rest)? {
            [40] => u32::MAX,
            [bits @ 0..40] => (2 | u32::from(bits & 1)) << (bits / 2 + 11),
            _ => return None,
        };
        (last == FilterType::Lzma2).then_some(Self { unpacked, filter, dictionary })
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&b, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(b & 0x7f) << shift;
        if b & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn properties<'h>(rest: &mut &'h [u8]) -> Option<&'h [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (properties, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(script: &str) -> Vec<u8> {
        let run = std::process::Command::new("python3").args(["-c", script]).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        run.stdout
    }

    fn read(bytes: &[u8], dictionary: u64, budget: u64) -> (io::Result<Vec<u8>>, u64) {
        let mut left = budget;
        let spend = |price| {
            left = left.saturating_sub(price);
            left > 0
        };
        let mut out = Vec::new();
        // A byte at a time, as a bad source may give them.
        let source = io::BufReader::with_capacity(1, bytes);
        let done = XzReader::new(source, dictionary, spend).read_to_end(&mut out);
        (done.map(|_| out), left)
    }

    #[test]
    fn what_xz_writes_is_read() {
        let script = "import lzma,sys\nt=bytes(range(256))*40+b'text '*900\nf=[None,[{'id':lzma.FILTER_X86},{'id':lzma.FILTER_LZMA2}],[{'id':lzma.FILTER_DELTA,'dist':4},{'id':lzma.FILTER_LZMA2}]]\no=b''\nfor c in (0,1,4,10):\n  for x in f: o+=lzma.compress(t,check=c,filters=x)+bytes(8)\nsys.stdout.buffer.write(o)";
        let text = [(0..=255).collect::<Vec<u8>>().repeat(40), b"text ".repeat(900)].concat();
        let (all, _) = read(&python(script), 64 << 20, 1 << 40);
        assert!(all.unwrap() == text.repeat(12));
        let one = python("import lzma,sys;sys.stdout.buffer.write(lzma.compress(b'text'*999))");
        for cut in 13..one.len() - 1 {
            assert!(read(&one[..cut], 64 << 20, 1 << 40).0.is_err(), "{cut}");
        }
    }

    #[test]
    fn a_dictionary_has_a_bound_and_a_price() {
        let script = "import lzma,sys\nb=bytearray(lzma.compress(b'hello',filters=[{'id':lzma.FILTER_LZMA2,'dict_size':1<<20}]))\nb[b.index(b'\\x21\\x01')+2]=%d\nsys.stdout.buffer.write(b)";
        let (large, _) = read(&python(&script.replace("%d", "39")), 64 << 20, 1 << 40);
        let said = large.unwrap_err().to_string();
        assert_eq!(
            said,
            "xz: it asks for a dictionary of 3072 MiB, more than the 64 MiB that are given"
        );
        let (small, left) = read(&python(&script.replace("%d", "28")), 64 << 20, 1 << 40);
        assert_eq!((small.unwrap().as_slice(), left), (&b"hello"[..], (1 << 40) - (1 << 20)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>, at in 0usize..40, byte: u8) {
            let _ = read(&[&MAGIC[..], &[0, 1, 0, 0, 0, 0], &bytes].concat(), 1 << 20, 1 << 20);
            let mut whole = EMPTY.to_vec();
            whole.append(&mut bytes);
            whole[at % EMPTY.len()] = byte;
            let _ = read(&whole, 1 << 20, 1 << 20);
        }
    }

    /// A stream of one block with the letter a.
    const EMPTY: [u8; 40] = [
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0x69, 0x22, 0xde, 0x36, 2, 0, 0x21, 1, 0x10, 0, 0,
        0, 0, 0, 0, 0, 1, 0, 0, b'a', 0, 0, 0, 0, 1, 2, 3, 4, 0, 1, 9, 1,
    ];
}
