//! git objects: loose ones, and packs as a stream.
//!
//! gitformat-pack(5): objects follow each other, a delta names its base by the distance back. Bases are
//! kept within a bound so that a changed file is seen whole; without its base only what a delta inserts
//! is seen, and that is said.

use super::archive::read_whole;
use super::budget::Metered;
use super::{Place, Unpacker};
use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, Read};
use std::sync::Arc;

/// Larger objects are streamed and serve as no base.
const LARGEST_BASE: u64 = 1 << 20;
/// Of all bases kept, in bytes.
const BASES: usize = 24 << 20;

impl Unpacker<'_> {
    pub(super) fn git_object(
        &mut self,
        reader: &mut dyn BufRead,
        place: &Place,
    ) -> Result<(), String> {
        let mut inflated = io::BufReader::new(flate2::bufread::ZlibDecoder::new(reader));
        let mut header = Vec::new();
        let head = inflated.by_ref().take(64).read_until(0, &mut header);
        if head.is_err() || header.last() != Some(&0) {
            return Err("git: no object's head".to_owned());
        }
        let kind = header.split(|&b| b == b' ').next().unwrap_or_default().to_vec();
        self.stream(&mut inflated, &place.member(&[b"git ", kind.as_slice()].concat()), "git")
    }

    pub(super) fn git_pack(&mut self, reader: &mut dyn BufRead, place: &Place) -> io::Result<()> {
        let mut header = [0; 12];
        reader.read_exact(&mut header)?;
        let count = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let mut reader = Counted { inner: reader, at: 12 };
        let mut bases = Bases::default();
        let mut partial = 0u32;
        for _ in 0..count {
            if self.spent {
                return Ok(());
            }
            let offset = reader.at;
            let (kind, size) = object_head(&mut reader)?;
            let member = place.member(format!("git object at {offset}").as_bytes());
            let base = match kind {
                1..=4 => None,
                6 => Some(offset.checked_sub(distance(&mut reader)?)),
                7 => {
                    reader.read_exact(&mut [0; 20])?;
                    Some(None)
                }
                _ => return Err(io::Error::other("an object of unknown type")),
            };
            let mut inflated = flate2::bufread::ZlibDecoder::new(&mut reader);
            if size > LARGEST_BASE {
                match base {
                    None => self.content(&mut inflated, &member),
                    Some(_) => partial += 1,
                }
                let limit = self.budget.left().min(size.saturating_add(1));
                let mut rest = Metered { inner: inflated.take(limit), budget: self.budget };
                if io::copy(&mut rest, &mut io::sink())? == limit && limit > 0 {
                    return Err(io::Error::other("an object is larger than it says"));
                }
                continue;
            }
            let mut bytes = Vec::with_capacity(size as usize);
            inflated.by_ref().take(size + 1).read_to_end(&mut bytes)?;
            self.spend(bytes.len());
            if bytes.len() as u64 != size {
                return Err(io::Error::other("an object's size is wrong"));
            }
            // Reads the checksum behind the data.
            let _ = inflated.read(&mut [0]);
            let whole = match base {
                None => Some(bytes),
                Some(at) => {
                    match at.and_then(|at| bases.get(at)).and_then(|base| apply(&base, &bytes)) {
                        Some(whole) => Some(whole),
                        None => {
                            partial += 1;
                            let inserted = inserted(&bytes);
                            self.text(&inserted, &member);
                            None
                        }
                    }
                }
            };
            if let Some(whole) = whole {
                let whole = Arc::new(whole);
                self.content(&mut whole.as_slice(), &member);
                bases.keep(offset, whole);
            }
        }
        // Of the pack itself.
        super::skip(&mut reader, 20)?;
        if partial > 0 {
            let why = format!(
                "git pack: of {partial} changed objects only what they insert was looked at"
            );
            self.unread(place, &why);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Bases {
    by_offset: HashMap<u64, Arc<Vec<u8>>>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Bases {
    fn get(&self, offset: u64) -> Option<Arc<Vec<u8>>> {
        self.by_offset.get(&offset).cloned()
    }

    fn keep(&mut self, offset: u64, object: Arc<Vec<u8>>) {
        self.bytes += object.len();
        self.by_offset.insert(offset, object);
        self.order.push_back(offset);
        while self.bytes > BASES
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.by_offset.remove(&oldest).map_or(0, |o| o.len());
        }
    }
}

struct Counted<'r> {
    inner: &'r mut dyn BufRead,
    at: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.at += n as u64;
        self.inner.consume(n);
    }
}

fn byte(reader: &mut dyn Read) -> io::Result<u8> {
    let mut b = [0];
    match read_whole(reader, &mut b)? {
        1 => Ok(b[0]),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Type and size of an object.
fn object_head(reader: &mut dyn Read) -> io::Result<(u8, u64)> {
    let first = byte(reader)?;
    let mut size = u64::from(first & 15);
    let mut shift = 4;
    let mut b = first;
    while b & 0x80 != 0 {
        b = byte(reader)?;
        if shift > 56 {
            return Err(io::Error::other("an object's size is too large"));
        }
        size |= u64::from(b & 0x7f) << shift;
        shift += 7;
    }
    Ok(((first >> 4) & 7, size))
}

/// How far back the base of an `ofs-delta` is.
fn distance(reader: &mut dyn Read) -> io::Result<u64> {
    let mut b = byte(reader)?;
    let mut value = u64::from(b & 0x7f);
    while b & 0x80 != 0 {
        b = byte(reader)?;
        value = value
            .checked_add(1)
            .and_then(|v| v.checked_mul(128))
            .ok_or_else(|| io::Error::other("a delta's base is too far away"))?
            | u64::from(b & 0x7f);
    }
    Ok(value)
}

/// One step of a delta.
enum Step<'d> {
    Copy { from: usize, length: usize },
    Insert(&'d [u8]),
}

struct Steps<'d>(&'d [u8]);

impl<'d> Steps<'d> {
    /// The steps, and the sizes that a delta states of its base and result.
    fn new(delta: &'d [u8]) -> Option<(Self, u64, u64)> {
        let mut rest = delta;
        let mut number = || {
            let mut value = 0u64;
            for shift in (0..63).step_by(7) {
                let (&b, after) = rest.split_first()?;
                rest = after;
                value |= u64::from(b & 0x7f) << shift;
                if b & 0x80 == 0 {
                    return Some(value);
                }
            }
            None
        };
        let (base, result) = (number()?, number()?);
        Some((Self(rest), base, result))
    }

    /// `None`: broken or at the end.
    fn next(&mut self) -> Option<Step<'d>> {
        let (&code, rest) = self.0.split_first()?;
        self.0 = rest;
        if code & 0x80 == 0 {
            let n = usize::from(code);
            let (text, after) = self.0.split_at_checked(n).filter(|_| n > 0)?;
            self.0 = after;
            return Some(Step::Insert(text));
        }
        let mut field = |bits: std::ops::Range<u8>| {
            let mut value = 0usize;
            for (place, bit) in bits.enumerate() {
                if code & (1 << bit) != 0 {
                    let (&b, after) = self.0.split_first()?;
                    self.0 = after;
                    value |= usize::from(b) << (8 * place);
                }
            }
            Some(value)
        };
        let (from, length) = (field(0..4)?, field(4..7)?);
        Some(Step::Copy { from, length: if length == 0 { 0x10000 } else { length } })
    }
}

fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (mut steps, of_base, size) = Steps::new(delta)?;
    if of_base != base.len() as u64 || size > LARGEST_BASE {
        return None;
    }
    let mut out = Vec::with_capacity(size as usize);
    while !steps.0.is_empty() {
        match steps.next()? {
            Step::Copy { from, length } => {
                out.extend_from_slice(base.get(from..from.checked_add(length)?)?)
            }
            Step::Insert(text) => out.extend_from_slice(text),
        }
        if out.len() as u64 > size {
            return None;
        }
    }
    (out.len() as u64 == size).then_some(out)
}

/// The text that a delta brings along.
fn inserted(delta: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some((mut steps, ..)) = Steps::new(delta) {
        while let Some(step) = steps.next() {
            if let Step::Insert(text) = step {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
        }
    }
    out
}
