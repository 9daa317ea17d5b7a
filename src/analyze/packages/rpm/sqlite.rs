//! The rows of one table of an SQLite file, without SQL: a schema can hold views, generated columns and a million
//! tables, and an engine that opens it does what they say.
//!
//! <https://www.sqlite.org/fileformat2.html>, sections 1.3 (header), 1.6 (b-tree pages), 2.1 (records) and 2.6
//! (schema). Each page is visited once at most, so that the work is bounded by the file.

use crate::analyze::unpack::sqlite::varint;

/// Why a table cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TableError {
    #[error("it is no SQLite database")]
    NotADatabase,
    #[error("it has no table `{0}`")]
    NoTable(&'static str),
    #[error("its `{0}` is a view or made by a module, not a table with rows of its own")]
    NotATable(&'static str),
    #[error("a page of it is broken")]
    Broken,
}

const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;
/// SQLite's own bound of a cursor.
const DEEPEST: usize = 20;
/// Of one row: rpm's headers are below 20 MB.
const LONGEST_ROW: usize = 32 << 20;

/// Shows the first blob of each row of `table`, in the order of the row ids.
pub(super) fn blobs(
    file: &[u8],
    table: &'static str,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), TableError> {
    let pages = Pages::of(file).ok_or(TableError::NotADatabase)?;
    let mut root = Err(TableError::NoTable(table));
    walk(&pages, 1, &mut |row| {
        let named =
            |n| matches!(n, Some(Value::Text(name)) if name.eq_ignore_ascii_case(table.as_bytes()));
        let mut values = values(row);
        let kind = values.next();
        if !named(values.next()) {
            return;
        }
        match (kind, values.nth(1)) {
            (Some(Value::Text(b"table")), Some(Value::Number(page))) if page > 0 => root = Ok(page),
            // An index or a trigger may have the name of a table.
            (Some(Value::Text(b"view" | b"table")), _) if root.is_err() => {
                root = Err(TableError::NotATable(table));
            }
            _ => {}
        }
    })?;
    let root = usize::try_from(root?).map_err(|_| TableError::Broken)?;
    walk(&pages, root, &mut |row| {
        let blob = values(row).find_map(|v| match v {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        });
        if let Some(blob) = blob {
            take(blob);
        }
    })
}

struct Pages<'f> {
    file: &'f [u8],
    size: usize,
    /// Of a page, without what extensions reserve.
    usable: usize,
}

impl<'f> Pages<'f> {
    fn of(file: &'f [u8]) -> Option<Self> {
        let head = file.get(..100).filter(|h| h.starts_with(b"SQLite format 3\0"))?;
        let size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65536,
            n => usize::from(n),
        };
        let usable = size.checked_sub(head[20].into())?;
        (size >= 512 && size.is_power_of_two() && usable >= 480).then_some(Self {
            file,
            size,
            usable,
        })
    }

    /// A page by its number, from 1; the bytes that are in use.
    fn get(&self, number: usize) -> Option<&'f [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.size)?;
        self.file.get(start..start.checked_add(self.usable)?)
    }

    fn count(&self) -> usize {
        self.file.len() / self.size
    }
}

/// The pages that were visited.
struct Seen(Vec<bool>);

impl Seen {
    /// `false`: it was visited before, or there is no such page.
    fn first_time(&mut self, number: usize) -> bool {
        self.0.get_mut(number).is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// Shows the record of each row of the table whose b-tree begins at this page.
fn walk(pages: &Pages, root: usize, take: &mut dyn FnMut(&[u8])) -> Result<(), TableError> {
    let mut seen = Seen(vec![false; pages.count() + 1]);
    // Pages still to visit, the next one last, each with its depth.
    let mut ahead = vec![(root, 0)];
    let mut long = Vec::new();
    while let Some((number, depth)) = ahead.pop() {
        if depth > DEEPEST || !seen.first_time(number) {
            return Err(TableError::Broken);
        }
        let page = pages.get(number).ok_or(TableError::Broken)?;
        let head = if number == 1 { 100 } else { 0 };
        let cells = number_at(page, head + 3, 2).ok_or(TableError::Broken)?;
        match page.get(head) {
            Some(&INTERIOR) => {
                let from = ahead.len();
                for n in 0..cells {
                    let at = number_at(page, head + 12 + 2 * n, 2).ok_or(TableError::Broken)?;
                    ahead.push((number_at(page, at, 4).ok_or(TableError::Broken)?, depth + 1));
                }
                ahead.push((number_at(page, head + 8, 4).ok_or(TableError::Broken)?, depth + 1));
                ahead[from..].reverse();
            }
            Some(&LEAF) => {
                // Cells that share their bytes would be many times the page.
                let mut room = pages.usable;
                for n in 0..cells {
                    let at = number_at(page, head + 8 + 2 * n, 2).ok_or(TableError::Broken)?;
                    let row = row(pages, page, at, &mut seen, &mut long, &mut room);
                    take(row.ok_or(TableError::Broken)?);
                }
            }
            _ => return Err(TableError::Broken),
        }
    }
    Ok(())
}

/// The record of a cell, put together in `long` if it goes on at other pages. Takes the bytes that it has on its
/// own page off `room`.
fn row<'l, 'f: 'l>(
    pages: &Pages<'f>,
    page: &'f [u8],
    at: usize,
    seen: &mut Seen,
    long: &'l mut Vec<u8>,
    room: &mut usize,
) -> Option<&'l [u8]> {
    let mut at = at;
    let length = usize::try_from(varint(page, &mut at)?).ok()?;
    varint(page, &mut at)?;
    let most = pages.usable - 35;
    if length <= most {
        *room = room.checked_sub(length)?;
        return page.get(at..at.checked_add(length)?);
    }
    if length > LONGEST_ROW {
        return None;
    }
    let least = (pages.usable - 12) * 32 / 255 - 23;
    let kept = least + (length - least) % (pages.usable - 4);
    let local = if kept <= most { kept } else { least };
    *room = room.checked_sub(local)?;
    long.clear();
    long.extend_from_slice(page.get(at..at.checked_add(local)?)?);
    let mut next = number_at(page, at + local, 4)?;
    while long.len() < length {
        if !seen.first_time(next) {
            return None;
        }
        let page = pages.get(next)?;
        let part = (length - long.len()).min(pages.usable - 4);
        long.extend_from_slice(page.get(4..4 + part)?);
        next = number_at(page, 0, 4)?;
    }
    Some(long)
}

enum Value<'r> {
    Text(&'r [u8]),
    Blob(&'r [u8]),
    Number(u64),
    Other,
}

/// The values of a record, as far as it is whole.
fn values(record: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut kinds = 0;
    let header = varint(record, &mut kinds).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let header = header.min(record.len());
    let mut at = header;
    std::iter::from_fn(move || {
        let kind = varint(record.get(..header)?, &mut kinds)?;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            n => usize::try_from((n - 12) / 2).ok()?,
        };
        let bytes = record.get(at..at.checked_add(size)?)?;
        at += size;
        Some(match kind {
            n if n >= 13 && n % 2 == 1 => Value::Text(bytes),
            n if n >= 12 => Value::Blob(bytes),
            1..=6 => Value::Number(bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b))),
            9 => Value::Number(1),
            _ => Value::Other,
        })
    })
}

/// A big-endian number of so many bytes.
fn number_at(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().fold(0, |n, &b| n << 8 | usize::from(b)))
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
