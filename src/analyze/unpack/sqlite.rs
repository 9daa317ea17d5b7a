//! SQLite database files, page by page.
//!
//! <https://www.sqlite.org/fileformat2.html>: the rows of a table lie in the cells of its leaf pages, the
//! values of a row one behind the other without anything between, so a token would run into the next
//! value. Each row becomes a line of its text values; where the page is a table's root, which page 1
//! tells of small tables, each value stands behind the name of its column. What of a page no row has, free
//! space with deleted rows before all, follows as it stands, so that nothing hides in a page that is none.

use super::archive::read_whole;
use super::replay::Replay;
use super::{Place, TOO_MANY, Unpacker};
use std::collections::HashMap;
use std::ops::Range;

const LEAF_TABLE: u8 = 0x0d;
const LEAF_INDEX: u8 = 0x0a;
/// What a page may come to, in times of its size: rows have the names of their columns beside them. Cells can share
/// their bytes, so that a page of 64 KiB may state a gigabyte.
const PAGE: usize = 8;
/// Columns of a table, and of all.
const COLUMNS: usize = 2000;
const ALL_COLUMNS: usize = 100_000;

#[derive(Default)]
struct Database {
    page_size: usize,
    /// Of a page, without what extensions reserve.
    usable: usize,
    wide: Option<bool>,
    /// Columns of the table whose root page has this number.
    columns: HashMap<u32, Vec<String>>,
    /// How many columns these are.
    named: usize,
    /// A page came to more than is looked at.
    cut: bool,
}

impl Unpacker<'_> {
    pub(super) fn sqlite(&mut self, source: &mut Replay, place: &Place) -> Result<(), String> {
        let head = <[u8; 100]>::try_from(source.peek(100));
        let head = head.map_err(|_| "sqlite: the header is cut".to_owned())?;
        let database = Database::new(&head);
        let mut database = database.ok_or_else(|| "sqlite: no valid page size".to_owned())?;
        self.pages(source, place, &mut database, 0)
    }

    pub(super) fn sqlite_wal(&mut self, source: &mut Replay, place: &Place) -> Result<(), String> {
        let mut head = [0; 32];
        let size = match read_whole(source, &mut head) {
            Ok(32) => u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize,
            _ => 0,
        };
        if !(512..=65536).contains(&size) || !size.is_power_of_two() {
            return Err("sqlite: no valid page size".to_owned());
        }
        let mut database = Database { page_size: size, usable: size, ..Database::default() };
        self.pages(source, place, &mut database, 24)
    }

    /// Reads page by page, each with so many bytes of a header before it.
    fn pages(
        &mut self,
        source: &mut Replay,
        place: &Place,
        database: &mut Database,
        header: usize,
    ) -> Result<(), String> {
        let member = place.member(b"sqlite");
        self.visitor.begin(&member.inside, b"", None);
        self.opened += 1;
        let mut frame = vec![0; header + database.page_size];
        let mut outcome = Ok(());
        for number in 1u32.. {
            let start = source.at();
            match read_whole(source, &mut frame).unwrap_or_default() {
                0 => break,
                n if n == frame.len() => {}
                _ => {
                    source.rewind(start);
                    outcome = Err("sqlite: the last page is cut".to_owned());
                    break;
                }
            }
            let number = match header {
                0 => number,
                _ => u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]),
            };
            let text = database.page(&frame[header..], number);
            if !self.spend(text.len() + 1) {
                break;
            }
            self.visitor.chunk(&text);
        }
        if database.cut {
            self.unread(&member, "sqlite: pages whose rows lie over each other");
        }
        self.visitor.end();
        if self.budget.is_spent() {
            self.give_up(&member, TOO_MANY);
        }
        outcome
    }
}

impl Database {
    fn new(head: &[u8; 100]) -> Option<Self> {
        let page_size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65536,
            n => usize::from(n),
        };
        let usable = page_size.checked_sub(head[20].into())?;
        let wide = match head[59] {
            2 => Some(false),
            3 => Some(true),
            _ => None,
        };
        (page_size >= 512 && page_size.is_power_of_two() && usable >= 480).then(|| Self {
            page_size,
            usable,
            wide,
            ..Self::default()
        })
    }

    /// What a page says, as text.
    fn page(&mut self, page: &[u8], number: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rows: Vec<Range<usize>> = Vec::new();
        let start = if number == 1 && page.starts_with(b"SQLite format 3\0") { 100 } else { 0 };
        let kind = page.get(start).copied().unwrap_or_default();
        let u16_at =
            |i: usize| page.get(i..i + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
        let cells = match kind {
            LEAF_TABLE | LEAF_INDEX => u16_at(start + 3).unwrap_or_default(),
            // The rest of a long value, a page of the tree, or one that is free now.
            _ => 0,
        };
        let array = start + 8;
        let most = PAGE * self.page_size;
        let mut left = most;
        let columns = self.columns.get(&number).cloned();
        for cell in 0..cells {
            let Some(at) = u16_at(array + 2 * cell).filter(|&at| at >= array) else { break };
            let values = self.row(page, at, kind == LEAF_TABLE, &mut left);
            if left == 0 || out.len() > most {
                self.cut = true;
                break;
            }
            let Some((values, end)) = values else { continue };
            rows.push(at..end);
            if number == 1 {
                self.learn(&values);
            }
            match &columns {
                Some(names) if names.len() == values.len() => {
                    for (name, value) in names.iter().zip(&values) {
                        if let Value::Text(text) = value {
                            out.extend_from_slice(name.as_bytes());
                            out.extend_from_slice(b" = ");
                            push_line(&mut out, text);
                        }
                    }
                }
                _ => {
                    let texts: Vec<&[u8]> = values.iter().filter_map(Value::text).collect();
                    push_line(&mut out, &texts.join(&b" = "[..]));
                }
            }
            out.push(b'\n');
        }
        rows.sort_unstable_by_key(|r| r.start);
        let mut at = start;
        for row in rows.into_iter().chain(std::iter::once(page.len()..page.len())) {
            let between = page.get(at..row.start).unwrap_or_default();
            for text in between.split(|&b| b == 0).filter(|t| t.len() >= 8) {
                push_line(&mut out, text);
            }
            at = at.max(row.end);
        }
        out
    }

    /// The values of a cell, those that lie on its page, and where they end. What they come to is taken off
    /// `left`.
    fn row(
        &self,
        page: &[u8],
        at: usize,
        table: bool,
        left: &mut usize,
    ) -> Option<(Vec<Value>, usize)> {
        let mut cursor = at;
        let payload = varint(page, &mut cursor)?;
        if table {
            varint(page, &mut cursor)?;
        }
        // Section 1.6: what is longer than this goes on at an overflow page.
        let most = if table { self.usable - 35 } else { (self.usable - 12) * 64 / 255 - 23 } as u64;
        let least = ((self.usable as u64 - 12) * 32 / 255).saturating_sub(23);
        let local = if payload <= most {
            payload
        } else {
            let kept = least + (payload - least) % (self.usable as u64 - 4);
            if kept <= most { kept } else { least }
        };
        let body = page.get(cursor..cursor.checked_add(local as usize)?)?;
        let begins = cursor;
        let mut cursor = 0;
        let header = varint(body, &mut cursor)? as usize;
        let mut types = Vec::new();
        while cursor < header && types.len() < COLUMNS {
            types.push(varint(body, &mut cursor)?);
        }
        *left = left.saturating_sub(types.len() + body.len());
        let mut at = header;
        let mut values = Vec::with_capacity(types.len());
        for kind in types {
            let size = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind as usize,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                n => usize::try_from((n - 12) / 2).ok()?,
            };
            let to = at.saturating_add(size).min(body.len());
            let bytes = body.get(at..to).unwrap_or_default();
            at = to;
            values.push(match kind {
                n if n >= 13 && n % 2 == 1 => Value::Text(self.narrow(bytes)),
                n if n >= 12 => Value::Text(bytes.to_vec()),
                1..=4 => Value::Number(bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b))),
                9 => Value::Number(1),
                _ => Value::Other,
            });
        }
        // What a row's own list of values leaves out is no row's.
        Some((values, begins + at.min(body.len())))
    }

    /// UTF-16 text as one byte a character.
    fn narrow(&self, text: &[u8]) -> Vec<u8> {
        let Some(big) = self.wide else { return text.to_vec() };
        text.chunks_exact(2)
            .map(|u| {
                let (high, low) = if big { (u[0], u[1]) } else { (u[1], u[0]) };
                if high == 0 && low < 0x80 { low } else { 0xff }
            })
            .collect()
    }

    /// A row of `sqlite_schema`: type, name, table, root page, SQL.
    fn learn(&mut self, values: &[Value]) {
        if let [Value::Text(kind), _, _, Value::Number(root), Value::Text(sql)] = values
            && kind == b"table"
            && let Ok(root) = u32::try_from(*root)
            && self.named < ALL_COLUMNS
        {
            let mut names = column_names(&String::from_utf8_lossy(sql));
            names.truncate(COLUMNS);
            self.named += names.len() + 1;
            self.columns.insert(root, names);
        }
    }
}

enum Value {
    Text(Vec<u8>),
    Number(u64),
    Other,
}

impl Value {
    fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(t) => Some(t),
            _ => None,
        }
    }
}

fn push_line(out: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() {
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}

/// A number of one to nine bytes, the highest bits first (SQLite's file format, 1.6).
pub(in crate::analyze) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..9 {
        let b = *bytes.get(*at)?;
        *at += 1;
        if i == 8 {
            return Some(value << 8 | u64::from(b));
        }
        value = value << 7 | u64::from(b & 0x7f);
        if b & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The first word of each part of `CREATE TABLE t (a TEXT, b INT, PRIMARY KEY (a))` that is no
/// constraint.
fn column_names(sql: &str) -> Vec<String> {
    let Some(open) = sql.find('(') else { return Vec::new() };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in sql[open + 1..].chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let constraint = ["primary", "unique", "check", "foreign", "constraint"];
    parts
        .iter()
        .filter_map(|p| p.split_whitespace().next())
        .map(|w| w.trim_matches(['"', '`', '[', ']', '\'']).to_owned())
        .filter(|w| !constraint.contains(&w.to_ascii_lowercase().as_str()))
        .collect()
}
