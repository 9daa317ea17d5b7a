//! The string constants of compiled Python and Java.
//!
//! Both write a string's length before it. A length that happens to be a letter would glue itself to a
//! token, and the next constant's mark would, too; so each string becomes a line of its own.

use super::{Kind, Place, Unpacker};
use std::io::Read;

/// Larger files of this kind are looked at as they stand.
const LARGEST: u64 = 8 << 20;

impl Unpacker<'_> {
    pub(super) fn constants(&mut self, kind: Kind, reader: &mut dyn Read, place: &Place) {
        let mut bytes = Vec::new();
        if let Err(e) = reader.take(LARGEST).read_to_end(&mut bytes) {
            self.visitor.unread(&place.inside, &e.to_string());
        }
        if bytes.len() as u64 == LARGEST {
            return self.plain(&mut bytes.as_slice().chain(reader), place);
        }
        let (name, text) = match kind {
            Kind::JavaClass => ("class", java(&bytes).unwrap_or_else(|| bytes.clone())),
            _ => ("pyc", python(&bytes)),
        };
        self.text(&text, &place.member(name.as_bytes()));
    }
}

/// The strings of a marshalled code object, by their marks: CPython's `marshal.c`, versions 0 to 5.
fn python(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2);
    // Magic, flags and date or hash (PEP 552).
    let mut at = 16.min(bytes.len());
    while let Some(&mark) = bytes.get(at) {
        let string = match mark & 0x7f {
            // Short ASCII, and short ASCII interned.
            b'z' | b'Z' => bytes.get(at + 1).map(|&n| (at + 2, usize::from(n))),
            b'a' | b'A' | b'u' | b't' | b's' => bytes
                .get(at + 1..at + 5)
                .map(|n| (at + 5, u32::from_le_bytes([n[0], n[1], n[2], n[3]]) as usize)),
            _ => None,
        };
        let text = string
            .and_then(|(start, n)| Some((bytes.get(start..start.checked_add(n)?)?, start + n)));
        match text {
            Some((text, end)) if !text.is_empty() && is_readable(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
                at = end;
            }
            _ => at += 1,
        }
    }
    out
}

fn is_readable(text: &[u8]) -> bool {
    text.iter().all(|&b| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..))
}

/// The Utf8 entries of a class file's constant pool: JVMS, section 4.4. `None` if it is none.
fn java(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let u16_at =
        |i: usize| bytes.get(i..i + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let count = u16_at(8)?;
    let mut at = 10;
    let mut number = 1;
    while number < count {
        at += match bytes.get(at)? {
            1 => {
                let n = u16_at(at + 1)?;
                out.extend_from_slice(bytes.get(at + 3..at + 3 + n)?);
                out.push(b'\n');
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
    Some(out)
}
