//! The header before each member of a zip.
//!
//! APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.5.3.

use std::io::{self, Read};

pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// A size that stands in the extra field.
pub(super) const UNKNOWN32: u64 = 0xffff_ffff;
/// How many bytes have to be there to tell whether a member begins: a header with a name.
pub(super) const TELLING: usize = 30 + 1024;

pub(super) struct Local {
    pub flags: u16,
    pub method: u16,
    pub checksum: u32,
    pub compressed: u64,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
    pub zip64: bool,
}

impl Local {
    /// The header behind its signature.
    pub fn read(reader: &mut dyn Read) -> io::Result<Self> {
        let mut fixed = [0; 26];
        reader.read_exact(&mut fixed)?;
        let u16_at = |i: usize| u16::from_le_bytes([fixed[i], fixed[i + 1]]);
        let u32_at =
            |i: usize| u32::from_le_bytes([fixed[i], fixed[i + 1], fixed[i + 2], fixed[i + 3]]);
        let mut name = vec![0; u16_at(22).into()];
        reader.read_exact(&mut name)?;
        let mut extra = vec![0; u16_at(24).into()];
        reader.read_exact(&mut extra)?;
        let mut compressed = u64::from(u32_at(14));
        let large = zip64_fields(&extra);
        if compressed == UNKNOWN32
            && let Some(sizes) = large
        {
            // The uncompressed size stands first if it is large, too.
            let skip = if u64::from(u32_at(18)) == UNKNOWN32 { 8 } else { 0 };
            if let Some(b) = sizes.get(skip..skip + 8).and_then(|b| b.try_into().ok()) {
                compressed = u64::from_le_bytes(b);
            }
        }
        let zip64 = large.is_some();
        let checksum = u32_at(10);
        Ok(Self { flags: u16_at(2), method: u16_at(4), checksum, compressed, name, extra, zip64 })
    }

    pub fn encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Its sizes stand behind the data.
    pub fn described(&self) -> bool {
        self.flags & 8 != 0 && self.compressed == 0
    }
}

/// The sizes and the offset of an extra field, those that are too large for their own.
pub(super) fn zip64_fields(extra: &[u8]) -> Option<&[u8]> {
    let mut rest = extra;
    while let [a, b, c, d, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let body = after.get(..length)?;
        if u16::from_le_bytes([*a, *b]) == 1 {
            return Some(body);
        }
        rest = &after[length..];
    }
    None
}

/// Whether a member begins here: its header says what a writer of zip would say. By chance it is so once in
/// many gigabytes.
pub(super) fn is_member(bytes: &[u8]) -> bool {
    let Some((fixed, rest)) = bytes.split_first_chunk::<30>() else { return false };
    let u16_at = |i: usize| u16::from_le_bytes([fixed[i], fixed[i + 1]]);
    let name = rest.get(..u16_at(26).into()).unwrap_or_default();
    fixed.starts_with(&LOCAL)
        && fixed[4] <= 63
        && u16_at(6) & 0xd000 == 0
        && matches!(u16_at(8), 0..=19 | 93..=99)
        && (1..=1024).contains(&name.len())
        && name.iter().all(|&b| b >= b' ' && b != 0x7f)
}
