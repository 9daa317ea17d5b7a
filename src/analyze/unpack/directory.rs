//! zip's directory against the members that were met before it.
//!
//! Readers of zip find members by the directory at the end, a stream by the headers before the data. Where
//! both do not tell the same, a reader sees members that the stream did not.

use super::zip_header::{UNKNOWN32, zip64_fields};
use std::collections::HashMap;

/// What a header before the data says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    pub method: u16,
    pub compressed: u64,
}

struct Listed {
    /// Of the header, as the directory counts.
    offset: u64,
    met: Met,
}

#[derive(Default)]
pub(super) struct Directory {
    met: HashMap<u64, Met>,
    listed: Vec<Listed>,
    /// Of the first entry.
    begins: Option<u64>,
    /// Where zip64's record says that the directory begins, and its size.
    wide: Option<(u64, u64)>,
}

/// Fixed part of an entry behind its signature.
pub(super) const ENTRY: usize = 42;

impl Directory {
    pub fn meet(&mut self, at: u64, met: Met) {
        self.met.insert(at, met);
    }

    /// An entry at this place: its fixed part and its extra field.
    pub fn list(&mut self, at: u64, fixed: &[u8; ENTRY], extra: &[u8]) {
        let u16_at = |i: usize| u16::from_le_bytes([fixed[i], fixed[i + 1]]);
        let u32_at = |i: usize| {
            u64::from(u32::from_le_bytes([fixed[i], fixed[i + 1], fixed[i + 2], fixed[i + 3]]))
        };
        self.begins.get_or_insert(at);
        let mut wide = zip64_fields(extra).unwrap_or_default().chunks_exact(8);
        let mut field = |narrow: u64| match narrow {
            UNKNOWN32 => {
                wide.next().and_then(|b| b.try_into().ok()).map_or(UNKNOWN32, u64::from_le_bytes)
            }
            n => n,
        };
        let _uncompressed = field(u32_at(20));
        let compressed = field(u32_at(16));
        let offset = field(u32_at(38));
        self.listed.push(Listed { offset, met: Met { method: u16_at(6), compressed } });
    }

    /// Whether an end record at this place, behind its signature, belongs to a zip: it counts one disk, and as many
    /// entries as were met, or so many that the directory's size can hold them.
    pub fn is_end(&self, at: u64, record: &[u8; 18]) -> bool {
        let u16_at = |i: usize| u64::from(u16::from_le_bytes([record[i], record[i + 1]]));
        let u32_at = |i: usize| u16_at(i) | u16_at(i + 2) << 16;
        let (here, all) = (u16_at(4), u16_at(6));
        let counted = all == self.listed.len() as u64 & 0xffff;
        let fits = u32_at(8) / 46 >= all && u32_at(8) <= at;
        u32_at(0) == 0 && here == all && all > 0 && (counted || fits)
    }

    /// zip64's end record, behind its size.
    pub fn end64(&mut self, record: &[u8]) {
        let u64_at =
            |i: usize| record.get(i..i + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        self.wide = u64_at(36).zip(u64_at(28));
    }

    /// The end record at this place, behind its signature: how many members the directory leads to that do
    /// not stand where a header was met. Begins anew.
    pub fn end(&mut self, at: u64, record: &[u8; 18]) -> usize {
        let u32_at = |i: usize| {
            u64::from(u32::from_le_bytes([record[i], record[i + 1], record[i + 2], record[i + 3]]))
        };
        let (mut size, mut offset) = (u32_at(8), u32_at(12));
        if let Some((wide_offset, wide_size)) = self.wide.take()
            && (size == UNKNOWN32 || offset == UNKNOWN32)
        {
            (size, offset) = (wide_size, wide_offset);
        }
        let listed = std::mem::take(&mut self.listed);
        let Some(begins) = self.begins.take() else {
            // Readers look for the directory right before its end, or where it is said to be.
            return usize::from(size > 0);
        };
        // Bytes before the archive move it as a whole.
        let moved = begins.wrapping_sub(offset);
        let elsewhere = at.checked_sub(size).is_none_or(|from| from < begins);
        let hidden = listed
            .iter()
            .filter(|l| self.met.get(&l.offset.wrapping_add(moved)) != Some(&l.met))
            .count();
        hidden + usize::from(elsewhere && hidden == 0)
    }
}
