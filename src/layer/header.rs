//! One 512-byte header block, read as Go's `archive/tar` reads it.
//!
//! The layouts are those of POSIX ustar, star and GNU tar; where readers differ, Go decides, because
//! containerd, Docker and Podman unpack with it.

use super::blocks::{BLOCK, Block};

/// Which header layout a block follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// The fields that careen needs, before PAX and GNU extensions are applied.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub layout: Layout,
    pub typeflag: u8,
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub size: i64,
    pub mode: i64,
    pub uid: i64,
    pub gid: i64,
    pub mtime: i64,
    pub device: (i64, i64),
}

/// Types that have no data whatever their size field says: the next header follows directly. Readers
/// that skip `size` bytes here do not see what a runtime unpacks.
pub(super) fn is_header_only(typeflag: u8) -> bool {
    matches!(typeflag, b'1'..=b'6')
}

/// Up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// A number: base-256 with the top bit set, else octal; an empty field is 0.
pub(super) fn numeric(field: &[u8]) -> Result<i64, &'static str> {
    let Some(&first) = field.first() else {
        return Ok(0);
    };
    if first & 0x80 == 0 {
        return octal(field);
    }
    // Two's complement, big-endian, with the top bit only as the mark.
    let invert = if first & 0x40 != 0 { 0xff } else { 0 };
    let mut x: u64 = 0;
    for (i, &b) in field.iter().enumerate() {
        let b = b ^ invert;
        let b = if i == 0 { b & 0x7f } else { b };
        if x >> 56 != 0 {
            return Err("a number is too large");
        }
        x = x << 8 | u64::from(b);
    }
    let x = i64::try_from(x).map_err(|_| "a number is too large")?;
    Ok(if invert == 0 { x } else { !x })
}

fn octal(field: &[u8]) -> Result<i64, &'static str> {
    let pad = |b: &u8| *b == b' ' || *b == 0;
    let Some(start) = field.iter().position(|b| !pad(b)) else {
        return Ok(0);
    };
    let end = field.iter().rposition(|b| !pad(b)).map_or(start, |i| i + 1);
    // A NUL inside ends the digits.
    let digits = text(&field[start..end]);
    let digits = std::str::from_utf8(digits).map_err(|_| "a number is not octal")?;
    if digits.starts_with('+') {
        return Err("a number is not octal");
    }
    let x = u64::from_str_radix(digits, 8).map_err(|_| "a number is not octal")?;
    Ok(x as i64)
}

/// The sum over the block with its own field as spaces, of unsigned and of signed bytes: old writers
/// used either.
fn checksums(block: &Block) -> (i64, i64) {
    let mut sums = (0, 0);
    for (i, &b) in block.iter().enumerate() {
        let b = if (148..156).contains(&i) { b' ' } else { b };
        sums.0 += i64::from(b);
        sums.1 += i64::from(b as i8);
    }
    sums
}

/// The layout, or `None` where the checksum is wrong.
pub(super) fn layout(block: &Block) -> Option<Layout> {
    let stored = octal(&block[148..156]).ok()?;
    let (unsigned, signed) = checksums(block);
    if stored != unsigned && stored != signed {
        return None;
    }
    Some(match (&block[257..263], &block[263..265], &block[508..512]) {
        (b"ustar\0", _, b"tar\0") => Layout::Star,
        (b"ustar\0", ..) => Layout::Ustar,
        (b"ustar ", b" \0", _) => Layout::Gnu,
        _ => Layout::V7,
    })
}

impl Header {
    pub fn parse(block: &Block) -> Result<Self, &'static str> {
        debug_assert_eq!(block.len(), BLOCK);
        let layout = layout(block).ok_or("the header's checksum is wrong")?;
        let mut header = Self {
            layout,
            typeflag: block[156],
            name: text(&block[..100]).to_vec(),
            link: text(&block[157..257]).to_vec(),
            size: numeric(&block[124..136])?,
            mode: numeric(&block[100..108])?,
            uid: numeric(&block[108..116])?,
            gid: numeric(&block[116..124])?,
            mtime: numeric(&block[136..148])?,
            device: (0, 0),
        };
        if layout == Layout::V7 {
            return Ok(header);
        }
        header.device = (numeric(&block[329..337])?, numeric(&block[337..345])?);
        let prefix = match layout {
            Layout::Ustar => text(&block[345..500]),
            Layout::Star => {
                // Access and change time behind a shorter prefix; malformed ones spoil the header.
                numeric(&block[476..488])?;
                numeric(&block[488..500])?;
                text(&block[345..476])
            }
            // GNU keeps times where ustar keeps the prefix. Old Go writers did write a prefix there:
            // if the times do not parse and the bytes are ASCII, they are one.
            Layout::Gnu => {
                let time = |field: &[u8]| field[0] == 0 || numeric(field).is_ok();
                let prefix = text(&block[345..500]);
                let is_prefix = !(time(&block[345..357]) && time(&block[357..369]));
                if is_prefix && prefix.is_ascii() { prefix } else { &[] }
            }
            Layout::V7 => &[],
        };
        if !prefix.is_empty() {
            header.name = [prefix, b"/", &header.name].concat();
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_reads_them() {
        assert_eq!(numeric(b"0000644\0"), Ok(0o644));
        assert_eq!(numeric(b" \0 644 \0"), Ok(0o644));
        assert_eq!(numeric(b"\0\0\0\0"), Ok(0), "an empty field is 0");
        assert_eq!(numeric(b"12\x00345"), Ok(0o12));
        assert!(numeric(b"9").is_err() && numeric(b"-1").is_err() && numeric(b"+1").is_err());
        assert_eq!(numeric(&[0x80, 0, 0, 1, 0]), Ok(256));
        assert_eq!(numeric(&[0xff; 12]), Ok(-1));
        assert!(numeric(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "overflow");
    }
}
