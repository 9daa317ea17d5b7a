//! The fields of a tar header: numbers, names, checksum, and the records of a PAX header.

use super::headers::BLOCK;
use std::io;

/// The records of a PAX header that say where a member is and what it is called.
#[derive(Default)]
pub struct Pax {
    pub path: Option<Vec<u8>>,
    pub linkpath: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub sparse: bool,
}

impl Pax {
    /// `LENGTH KEY=VALUE\n` again and again; of a key that stands twice the last one counts, an empty
    /// value means that the header's own field counts.
    pub fn parse(mut rest: &[u8]) -> io::Result<Self> {
        let broken = || invalid("a broken PAX record");
        let mut pax = Self::default();
        while !rest.is_empty() {
            let space = rest.iter().position(|&b| b == b' ').ok_or_else(broken)?;
            let length: usize =
                decimal(&rest[..space]).and_then(|n| usize::try_from(n).ok()).ok_or_else(broken)?;
            if length > rest.len() || length < space + 2 {
                return Err(broken());
            }
            let (record, after) = rest.split_at(length);
            rest = after;
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(broken)?;
            let equals = record.iter().position(|&b| b == b'=').ok_or_else(broken)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let text = || (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" => pax.path = text(),
                b"linkpath" => pax.linkpath = text(),
                b"size" if value.is_empty() => pax.size = None,
                b"size" => {
                    let n = decimal(value).filter(|&n| n <= i64::MAX as u64);
                    pax.size = Some(n.ok_or_else(|| invalid("an impossible size"))?);
                }
                k if k.starts_with(b"GNU.sparse.") => pax.sparse = true,
                _ => {}
            }
        }
        Ok(pax)
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A numeric field: octal digits, or base 256 when the first bit is set. An empty field is 0.
pub fn number(field: &[u8]) -> io::Result<u64> {
    let impossible = || invalid("an impossible number in a header");
    let Some(&first) = field.first() else {
        return Ok(0);
    };
    if first & 0x80 != 0 {
        // The next bit is the sign.
        if first & 0x40 != 0 {
            return Err(impossible());
        }
        let mut n = u64::from(first & 0x3f);
        for &b in &field[1..] {
            n = n.checked_mul(256).ok_or_else(impossible)? | u64::from(b);
        }
        return i64::try_from(n).map(|_| n).map_err(|_| impossible());
    }
    let blank = |b: &u8| *b == b' ' || *b == 0;
    let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
    let digits = until_nul(&field[start..]).trim_ascii_end();
    digits.iter().try_fold(0_u64, |n, &b| match b {
        b'0'..=b'7' => n
            .checked_mul(8)
            .and_then(|n| n.checked_add(u64::from(b - b'0')))
            .filter(|&n| n <= i64::MAX as u64)
            .ok_or_else(impossible),
        _ => Err(impossible()),
    })
}

/// The sum over the header with its own field as spaces; old writers summed signed bytes.
pub fn check_sum(block: &[u8; BLOCK]) -> io::Result<()> {
    let wrong = || invalid("not a tar header (wrong checksum)");
    let declared = number(&block[148..156]).map_err(|_| wrong())? as i64;
    let bytes =
        || block.iter().enumerate().map(|(i, &b)| if (148..156).contains(&i) { b' ' } else { b });
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|b| i64::from(b as i8)).sum();
    if declared == unsigned || declared == signed { Ok(()) } else { Err(wrong()) }
}

/// Whether these bytes begin a tar: the first header adds up.
pub fn begins_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>().is_some_and(|block| block[0] != 0 && check_sum(block).is_ok())
}

/// Name and, in a POSIX header, its prefix. With GNU's magic the prefix bytes mean other things.
pub fn short_name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    let prefix = until_nul(&block[345..500]);
    if &block[257..263] == b"ustar\0" && !prefix.is_empty() {
        [prefix, b"/", name].concat()
    } else {
        name.to_vec()
    }
}

/// The bytes before the first NUL.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

/// An error of the archive itself.
pub fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
