//! rpm's ndb form (`Packages.db`, SUSE's): pages of slots, each with the place of a header in blocks of 16 bytes
//! (rpm's `lib/backend/ndb/rpmpkg.c`). All numbers are little-endian.

const HEADER: usize = 32;
const PAGE: usize = 4096;
const BLOCK: usize = 16;
const SLOT: usize = 16;
const BLOB_HEAD: usize = 16;
const BLOB_TAIL: usize = 12;

/// Shows every package header.
///
/// # Errors
/// It is no such database, or a slot is broken.
pub(super) fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    let header = bytes.get(..HEADER).filter(|h| h.starts_with(b"RpmP"));
    let header = header.ok_or("it does not begin as one")?;
    if number(header, 4) != Some(0) {
        return Err("of a version that is not known".to_owned());
    }
    let pages = number(header, 12).unwrap_or(0) as usize;
    let end = pages.saturating_mul(PAGE);
    let slots = bytes.get(HEADER..end).ok_or("its slots are cut")?;
    let mut bad = 0u32;
    // Headers do not lie within each other: together they are not larger than the file.
    let mut left = bytes.len();
    for slot in slots.chunks_exact(SLOT) {
        if !slot.starts_with(b"Slot") {
            bad += 1;
            continue;
        }
        // Free.
        if number(slot, 4) == Some(0) {
            continue;
        }
        match blob(bytes, slot) {
            Some(blob) => {
                let Some(rest) = left.checked_sub(blob.len()) else {
                    return Err("its headers lie within each other".to_owned());
                };
                left = rest;
                take(blob);
            }
            None => bad += 1,
        }
    }
    match bad {
        0 => Ok(()),
        n => Err(format!("{n} of its slots are broken")),
    }
}

fn blob<'a>(bytes: &'a [u8], slot: &[u8]) -> Option<&'a [u8]> {
    let at = (number(slot, 8)? as usize).checked_mul(BLOCK)?;
    let room = (number(slot, 12)? as usize).checked_mul(BLOCK)?;
    let blocks = bytes.get(at..at.checked_add(room)?)?;
    let same = blocks.starts_with(b"BlbS") && number(blocks, 4) == number(slot, 4);
    let length = number(blocks, 12)? as usize;
    let room = blocks.get(BLOB_HEAD..blocks.len().checked_sub(BLOB_TAIL)?)?;
    room.get(..length).filter(|_| same)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A database of one page of slots.
    fn database(blobs: &[&[u8]]) -> Vec<u8> {
        let mut out = b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x09\0\0\0".to_vec();
        out.resize(HEADER, 0);
        let mut at = PAGE / BLOCK;
        let mut body = Vec::new();
        for (i, blob) in (1u32..).zip(blobs) {
            let blocks = (BLOB_HEAD + blob.len() + BLOB_TAIL).div_ceil(BLOCK);
            out.extend(b"Slot");
            [i, at as u32, blocks as u32].iter().for_each(|n| out.extend(n.to_le_bytes()));
            let start = body.len();
            body.extend(b"BlbS");
            [i, 1, blob.len() as u32].iter().for_each(|n| body.extend(n.to_le_bytes()));
            body.extend(*blob);
            body.resize(start + blocks * BLOCK, 0);
            at += blocks;
        }
        while out.len() < PAGE {
            out.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
        }
        [out, body].concat()
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Result<(), String>) {
        let mut seen = Vec::new();
        let result = each(bytes, &mut |b| seen.push(b.to_vec()));
        (seen, result)
    }

    #[test]
    fn headers_in_their_slots() {
        let bytes = database(&[b"first", b"the second header"]);
        assert_eq!(read(&bytes), (vec![b"first".to_vec(), b"the second header".to_vec()], Ok(())));
        assert_eq!(read(&bytes[..PAGE - 1]).1, Err("its slots are cut".to_owned()));
        assert_eq!(read(&bytes[..PAGE + 50]).0.len(), 1);
    }

    #[test]
    fn slots_that_name_one_header_many_times_end() {
        let mut bytes = database(&[&[b'x'; 60_000]]);
        let slot = bytes[HEADER..HEADER + SLOT].to_vec();
        for at in (HEADER..PAGE).step_by(SLOT) {
            bytes[at..at + SLOT].copy_from_slice(&slot);
        }
        let (seen, result) = read(&bytes);
        assert_eq!(seen.len(), 1);
        assert!(result.unwrap_err().contains("within each other"));
    }

    proptest! {
        #[test]
        fn no_database_panics(at in 0usize..4200, byte: u8, cut in 0usize..5000, junk: Vec<u8>) {
            let mut bytes = database(&[b"first", b"second"]);
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            bytes.truncate(cut);
            let _ = read(&bytes);
            let _ = read(&[&b"RpmP\0\0\0\0"[..], &junk].concat());
        }
    }
}
