//! rpm's Berkeley form (`Packages`, before rpm 4.16): a hash of package numbers to headers, in pages
//! (Berkeley DB's `dbinc/db_page.h`). Numbers are in the byte order of the machine that made it.

/// Of a page before its items.
const PAGE_HEADER: usize = 26;
const HASH_MAGIC: u32 = 0x0006_1561;
const META: u8 = 8;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
const ITEM_DATA: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    big: bool,
    /// Overflow pages that belong to an item already.
    used: Vec<bool>,
}

/// Shows every package header.
///
/// # Errors
/// It is no such database, or an item is broken.
pub(super) fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    let mut database = Database::new(bytes)?;
    let mut bad = 0u32;
    for number in 1..database.used.len() {
        let Some(page) = database.page(number) else { break };
        if !matches!(page[25], HASH | HASH_UNSORTED) {
            continue;
        }
        let mut items = database.items(page).into_iter();
        // Keys and values take turns.
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            match (key, value) {
                // Package 0 has the highest number that is in use.
                (Some([ITEM_DATA, 0, 0, 0, 0]), _) => {}
                (_, Some([ITEM_DATA, value @ ..])) => take(value),
                (_, Some([ITEM_OFF_PAGE, rest @ ..])) => match database.off_page(rest) {
                    Some(value) => take(&value),
                    None => bad += 1,
                },
                _ => bad += 1,
            }
        }
    }
    match bad {
        0 => Ok(()),
        n => Err(format!("{n} of its items are broken")),
    }
}

impl<'a> Database<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let meta = bytes.get(..72).ok_or("its first page is cut")?;
        let mut database = Self { bytes, page_size: 0, big: false, used: Vec::new() };
        if database.long(meta, 12) != Some(HASH_MAGIC) {
            database.big = true;
        }
        if database.long(meta, 12) != Some(HASH_MAGIC) || meta[25] != META {
            return Err("no hash of Berkeley DB".to_owned());
        }
        if meta[24] != 0 || meta[26] != 0 {
            return Err("it is encrypted, or its pages have checksums".to_owned());
        }
        let size = database.long(meta, 20).unwrap_or(0) as usize;
        if !(512..=65536).contains(&size) || !size.is_power_of_two() {
            return Err("no valid page size".to_owned());
        }
        database.page_size = size;
        database.used = vec![false; bytes.len() / size];
        let last = database.long(meta, 32).unwrap_or(0) as usize;
        match last < database.used.len() {
            true => Ok(database),
            false => Err("its last pages are missing".to_owned()),
        }
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let at = number.checked_mul(self.page_size)?;
        self.bytes.get(at..at + self.page_size)
    }

    /// What a hash page holds, each with its type before it; `None` for what is broken. Items lie one before the
    /// other from the page's end.
    fn items(&self, page: &'a [u8]) -> Vec<Option<&'a [u8]>> {
        let count = self.short(page, 20).unwrap_or(0);
        let mut end = page.len();
        let mut items = Vec::new();
        for i in 0..count {
            let Some(start) = self.short(page, PAGE_HEADER + 2 * i) else { break };
            let item = page.get(start..end).filter(|item| !item.is_empty());
            items.push(item);
            // Without order there is no end of the next one.
            if item.is_none() {
                break;
            }
            end = start;
        }
        items
    }

    /// A value in a chain of overflow pages: three bytes of padding, the first page, the length.
    fn off_page(&mut self, item: &[u8]) -> Option<Vec<u8>> {
        let mut number = self.long(item, 3)? as usize;
        let length = self.long(item, 7)? as usize;
        let mut value = Vec::new();
        while value.len() < length {
            // A page of two items, or twice of one, is a lie.
            if std::mem::replace(self.used.get_mut(number)?, true) {
                return None;
            }
            let page = self.page(number).filter(|p| p[25] == OVERFLOW)?;
            let here = self.short(page, 22)?;
            value.extend_from_slice(page.get(PAGE_HEADER..PAGE_HEADER.checked_add(here)?)?);
            number = self.long(page, 16)? as usize;
        }
        (value.len() == length).then_some(value)
    }

    fn long(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn short(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(usize::from(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: usize = 512;

    /// A meta page, a hash page with package 0 and the given values, and one chain of overflow pages.
    fn database(big: bool, small: &[u8], large: &[u8]) -> Vec<u8> {
        let long = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let short = |n: usize| {
            if big { (n as u16).to_be_bytes() } else { (n as u16).to_le_bytes() }
        };
        let chain: Vec<&[u8]> = large.chunks(SIZE - PAGE_HEADER).collect();
        let mut pages = vec![vec![0; SIZE]; 2 + chain.len()];
        pages[0][12..16].copy_from_slice(&long(HASH_MAGIC));
        pages[0][20..24].copy_from_slice(&long(SIZE as u32));
        pages[0][25] = META;
        pages[0][32..36].copy_from_slice(&long(1 + chain.len() as u32));
        let off = [&[ITEM_OFF_PAGE, 0, 0, 0], &long(2)[..], &long(large.len() as u32)].concat();
        let key = |n: u32| [&[ITEM_DATA][..], &long(n)].concat();
        let small = [&[ITEM_DATA][..], small].concat();
        let items = [key(0), key(2), key(1), small, key(2), off];
        let mut end = SIZE;
        for (i, item) in items.iter().enumerate() {
            pages[1][end - item.len()..end].copy_from_slice(item);
            end -= item.len();
            pages[1][PAGE_HEADER + 2 * i..PAGE_HEADER + 2 * i + 2].copy_from_slice(&short(end));
        }
        pages[1][20..22].copy_from_slice(&short(items.len()));
        pages[1][25] = HASH;
        for (i, part) in chain.iter().enumerate() {
            let page = &mut pages[2 + i];
            let next = if i + 1 == chain.len() { 0 } else { 3 + i as u32 };
            page[16..20].copy_from_slice(&long(next));
            page[22..24].copy_from_slice(&short(part.len()));
            page[25] = OVERFLOW;
            page[PAGE_HEADER..PAGE_HEADER + part.len()].copy_from_slice(part);
        }
        pages.concat()
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Result<(), String>) {
        let mut seen = Vec::new();
        let result = each(bytes, &mut |b| seen.push(b.to_vec()));
        (seen, result)
    }

    #[test]
    fn values_on_the_page_and_off_it_in_both_byte_orders() {
        let large = [b'y'; 1200];
        for big in [false, true] {
            let bytes = database(big, b"small", &large);
            assert_eq!(read(&bytes), (vec![b"small".to_vec(), large.to_vec()], Ok(())), "{big}");
        }
    }

    #[test]
    fn a_chain_in_a_circle_ends() {
        let mut bytes = database(false, b"small", &[b'y'; 1200]);
        bytes[4 * SIZE + 16] = 2;
        bytes[4 * SIZE + 22..4 * SIZE + 24].fill(0);
        let (seen, result) = read(&bytes);
        assert_eq!((seen.len(), result.is_err()), (1, true));
        let cut = &bytes[..3 * SIZE];
        assert_eq!(read(cut).1, Err("its last pages are missing".to_owned()));
    }

    proptest! {
        #[test]
        fn no_database_panics(at in 0usize..2560, byte: u8, cut in 0usize..2600, junk: Vec<u8>) {
            let mut bytes = database(false, b"small", &[b'y'; 1200]);
            bytes[at] = byte;
            bytes.truncate(cut);
            let _ = read(&bytes);
            let _ = read(&junk);
        }
    }
}
