//! rpm's "ndb" container (`Packages.db`, as SUSE uses it): a table of 16-byte slots, each naming the
//! place of one blob, in blocks of 16 bytes. All numbers are little-endian (rpm's `rpmpkg.c`).

const BLOCK: usize = 16;
const PAGE: usize = 4096;
/// The file's header takes the place of the first two slots.
const HEADER: usize = 32;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes
        .get(at..end)?
        .first_chunk()
        .map(|b| u32::from_le_bytes(*b))
}

/// Shows every package header of the database, by the packages' numbers.
pub(super) fn each(db: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
    if !db.starts_with(b"RpmP") {
        return Err("no ndb magic");
    }
    if number(db, 4) != Some(0) {
        return Err("an ndb version other than 0");
    }
    let pages = number(db, 12).ok_or("cut in its header")?;
    let table = (pages as usize)
        .checked_mul(PAGE)
        .and_then(|end| db.get(HEADER..end));
    let table = table.ok_or("its slot table is longer than the file")?;
    let mut slots = Vec::new();
    for slot in table.chunks_exact(BLOCK) {
        let (Some(package), Some(block)) = (number(slot, 4), number(slot, 8)) else {
            continue;
        };
        if !slot.starts_with(b"Slot") {
            return Err("a slot without its magic");
        }
        if block != 0 {
            slots.push((package, block));
        }
    }
    slots.sort_unstable();
    for (package, block) in slots {
        take(blob(db, package, block).ok_or("a blob that is not where its slot says")?);
    }
    Ok(())
}

fn blob(db: &[u8], package: u32, block: u32) -> Option<&[u8]> {
    let blob = db.get((block as usize).checked_mul(BLOCK)?..)?;
    if !blob.starts_with(b"BlbS") || number(blob, 4)? != package {
        return None;
    }
    blob.get(BLOCK..)?.get(..number(blob, 12)? as usize)
}
