//! Sparse files: which runs of the expanded file are stored, and where.
//!
//! Old GNU (`S`), and the PAX formats 0.0, 0.1 and 1.0. What unpacks is the expanded file, so that is
//! what visitors see.

use super::blocks::{BLOCK, Block, Blocks, SPECIAL_LIMIT};
use super::header::{self, Header, Layout};
use super::pax::{self, Records};
use super::walk::WalkError;

/// A stored run: bytes `offset..offset + length` of the expanded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub offset: u64,
    pub length: u64,
}

/// The stored runs in order, none overlapping, all inside the file.
pub(super) type Map = Vec<Run>;

/// The sparse map of this entry, if it has one: fixes `header.size` to the expanded size and the name
/// where the format hides it. `stored` is how many data bytes are left; a map stored in front of the
/// data is taken off it.
pub(super) fn map(
    header: &mut Header,
    records: &Records,
    block: &Block,
    blocks: &mut Blocks,
    stored: &mut u64,
) -> Result<Option<Map>, WalkError> {
    let offset = blocks.offset();
    let bad = |why| WalkError::Header { offset, why };
    let pairs = if header.typeflag == b'S' {
        if header.layout != Layout::Gnu {
            return Err(bad("a sparse file in a format other than GNU"));
        }
        header.size = header::numeric(&block[483..495]).map_err(bad)?;
        old_gnu(block, blocks)?
    } else {
        let get = |key: &str| records.get(key.as_bytes()).map_or(&[][..], Vec::as_slice);
        let stored_in_data = match (get("GNU.sparse.major"), get("GNU.sparse.minor")) {
            (b"0", b"0" | b"1") => false,
            (b"1", b"0") => true,
            (b"", b"") if !get("GNU.sparse.map").is_empty() => false,
            _ => return Ok(None),
        };
        if !get("GNU.sparse.name").is_empty() {
            header.name = get("GNU.sparse.name").to_vec();
        }
        let size = match get("GNU.sparse.size") {
            b"" => get("GNU.sparse.realsize"),
            size => size,
        };
        if !size.is_empty() {
            header.size = pax::decimal(size).ok_or_else(|| bad("a sparse size is broken"))?;
        }
        if stored_in_data {
            in_data(blocks, stored)?
        } else {
            in_records(records).ok_or_else(|| bad("a PAX sparse map is broken"))?
        }
    };
    if header::is_header_only(header.typeflag) {
        return Err(bad("a sparse entry that is no file"));
    }
    checked(&pairs, header.size).map(Some).ok_or_else(|| bad("a sparse map does not fit its file"))
}

/// Go's rules: nothing negative, nothing overlapping or out of order, nothing beyond the end.
fn checked(pairs: &[(i64, i64)], size: i64) -> Option<Map> {
    let size = u64::try_from(size).ok()?;
    let mut end = 0;
    let mut map = Map::with_capacity(pairs.len());
    for &(offset, length) in pairs {
        let run = Run { offset: u64::try_from(offset).ok()?, length: u64::try_from(length).ok()? };
        let run_end = run.offset.checked_add(run.length)?;
        if run.offset < end || run_end > size {
            return None;
        }
        end = run_end;
        map.push(run);
    }
    Some(map)
}

/// Four pairs in the header, 21 in each extension block; an empty offset ends a block's pairs.
fn old_gnu(block: &Block, blocks: &mut Blocks) -> Result<Vec<(i64, i64)>, WalkError> {
    let mut pairs = Vec::new();
    let mut area = block[386..483].to_vec();
    let mut total = area.len() as u64;
    loop {
        let (entries, extended) = area.split_at(area.len() / 24 * 24);
        for entry in entries.chunks_exact(24).take_while(|e| e[0] != 0) {
            let offset = blocks.offset();
            let bad = |why| WalkError::Header { offset, why };
            pairs.push((
                header::numeric(&entry[..12]).map_err(bad)?,
                header::numeric(&entry[12..]).map_err(bad)?,
            ));
        }
        if extended.first().is_none_or(|&b| b == 0) {
            return Ok(pairs);
        }
        area = blocks.must_block()?[..505].to_vec();
        total += BLOCK as u64;
        too_long(total, blocks)?;
    }
}

/// Format 1.0: decimal lines in front of the data: how many pairs, then the pairs; padded to a block.
fn in_data(blocks: &mut Blocks, stored: &mut u64) -> Result<Vec<(i64, i64)>, WalkError> {
    let mut numbers: Vec<i64> = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    let mut total = 0;
    let bad = |blocks: &Blocks| WalkError::Header {
        offset: blocks.offset(),
        why: "a sparse map in front of the data is broken",
    };
    loop {
        total += BLOCK as u64;
        too_long(total, blocks)?;
        *stored = stored.checked_sub(BLOCK as u64).ok_or_else(|| bad(blocks))?;
        for b in blocks.must_block()? {
            if b != b'\n' {
                line.push(b);
                continue;
            }
            if numbers.first().is_some_and(|&n| numbers.len() as i64 > n.saturating_mul(2)) {
                break;
            }
            numbers.push(pax::decimal(&line).ok_or_else(|| bad(blocks))?);
            line.clear();
        }
        if let Some((&count, pairs)) = numbers.split_first() {
            if count < 0 {
                return Err(bad(blocks));
            }
            if pairs.len() as i64 == count.saturating_mul(2) {
                return Ok(pairs.chunks_exact(2).map(|p| (p[0], p[1])).collect());
            }
        }
    }
}

fn in_records(records: &Records) -> Option<Vec<(i64, i64)>> {
    let count = pax::decimal(records.get(&b"GNU.sparse.numblocks"[..])?)?;
    let map = records.get(pax::SPARSE_MAP).map_or(&[][..], Vec::as_slice);
    let numbers: Vec<i64> = match map {
        b"" => Vec::new(),
        map => map.split(|&b| b == b',').map(pax::decimal).collect::<Option<_>>()?,
    };
    (i64::try_from(numbers.len()).ok()? == count.checked_mul(2)?)
        .then(|| numbers.chunks_exact(2).map(|p| (p[0], p[1])).collect())
}

fn too_long(total: u64, blocks: &Blocks) -> Result<(), WalkError> {
    match total > SPECIAL_LIMIT {
        true => {
            Err(WalkError::TooLong { offset: blocks.offset(), what: "sparse map", size: total })
        }
        false => Ok(()),
    }
}
