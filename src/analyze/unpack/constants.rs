//! The string constants of compiled Python and Java.
//!
//! Both write a string's length before it. A length that happens to be a letter would glue itself to a
//! token, and the next constant's mark would, too; so each string becomes a line of its own, and so does what
//! can be read between them.

use super::python::{self, is_readable};
use super::replay::Replay;
use super::{Kind, Place, Unpacker};
use std::io::Read;
use std::ops::Range;

/// Larger files of this kind are looked at as they stand.
const LARGEST: u64 = 8 << 20;

impl Unpacker<'_> {
    pub(super) fn constants(
        &mut self,
        kind: Kind,
        source: &mut Replay,
        place: &Place,
    ) -> Result<(), String> {
        let mut bytes = Vec::new();
        let _ = source.by_ref().take(LARGEST).read_to_end(&mut bytes);
        if bytes.len() as u64 == LARGEST {
            self.plain(&mut bytes.as_slice().chain(source), place, Some(0));
            return Ok(());
        }
        let (name, mut text, strings) = match kind {
            Kind::JavaClass => ("class", Vec::new(), java(&bytes)),
            _ => ("pyc", python::assignments(&bytes), python::strings(&bytes)),
        };
        lines(&bytes, &strings, &mut text);
        self.text(&text, &place.member(name.as_bytes()));
        source.broken().map_or(Ok(()), |why| Err(why.to_owned()))
    }
}

/// Each string and each readable stretch between them as a line.
fn lines(bytes: &[u8], strings: &[Range<usize>], out: &mut Vec<u8>) {
    let mut at = 0;
    for string in strings.iter().cloned().chain(std::iter::once(bytes.len()..bytes.len())) {
        for run in bytes[at..string.start].split(|&b| !is_readable(b)).filter(|r| r.len() >= 6) {
            out.extend_from_slice(run);
            out.push(b'\n');
        }
        if !string.is_empty() {
            out.extend_from_slice(&bytes[string.clone()]);
            out.push(b'\n');
        }
        at = string.end;
    }
}

/// The Utf8 entries of a class file's constant pool, as far as it is one: JVMS, section 4.4.
fn java(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let _ = java_pool(bytes, &mut out);
    out
}

fn java_pool(bytes: &[u8], out: &mut Vec<Range<usize>>) -> Option<()> {
    let u16_at =
        |i: usize| bytes.get(i..i + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let count = u16_at(8)?;
    let mut at = 10;
    let mut number = 1;
    while number < count {
        at += match bytes.get(at)? {
            1 => {
                let n = u16_at(at + 1)?;
                bytes.get(at + 3..at + 3 + n)?;
                out.push(at + 3..at + 3 + n);
                3 + n
            }
            3 | 4 | 9..=12 | 17 | 18 => 5,
            5 | 6 => {
                number += 1;
                9
            }
            7 | 8 | 16 | 19 | 20 => 3,
            15 => 4,
            _ => return None,
        };
        number += 1;
    }
    Some(())
}
