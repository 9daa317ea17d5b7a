//! tar inside a file, in one pull.
//!
//! As for layers, Go's reader decides: links, folders and devices have no data whatever their size says, so
//! that what follows them is a header. What readers of another kind would take for their data is seen all
//! the same: where it is no header, the archive is searched as it stands from there on. Holes of sparse
//! files are left out. Names of links and extended headers are text beside the members.

use super::archive::read_whole;
use super::replay::Replay;
use super::{Place, Unpacker};
use std::io::Read;

const BLOCK: usize = 512;
/// Of an extended header or a long name: as for layers.
const LONGEST: u64 = 1 << 20;
/// Text beside the members is handed over when there is this much of it.
const ENOUGH: usize = 64 << 10;

impl Unpacker<'_> {
    pub(super) fn tar(&mut self, source: &mut Replay, place: &Place) -> Result<(), String> {
        let mut beside = Vec::new();
        let outcome = self.tar_entries(source, place, &mut beside);
        self.text(&beside, &place.part("tar headers"));
        outcome
    }

    fn tar_entries(
        &mut self,
        source: &mut Replay,
        place: &Place,
        beside: &mut Vec<u8>,
    ) -> Result<(), String> {
        let mut pending = Pending::default();
        loop {
            let start = source.at();
            let mut block = [0; BLOCK];
            let read = read_whole(source, &mut block).unwrap_or_default();
            if read == 0 {
                return source.broken().map_or(Ok(()), |why| Err(format!("tar: {why}")));
            }
            if self.spent {
                return Ok(());
            }
            if block[..read].iter().all(|&b| b == 0) {
                continue;
            }
            let header = ::tar::Header::from_byte_slice(&block);
            if read < BLOCK || !is_sound(header, &block) {
                source.rewind(start);
                let why = if read < BLOCK { "it ends in a header" } else { "a header is broken" };
                return Err(format!("tar: {why}"));
            }
            let mut size = header.entry_size().map_err(|e| format!("tar: {e}"))?;
            let kind = block[156];
            match kind {
                b'x' | b'g' | b'X' | b'L' | b'K' => {
                    if size > LONGEST {
                        return Err(format!("tar: an extended header of {size} bytes"));
                    }
                    let mut data = Vec::new();
                    let _ = source.by_ref().take(size).read_to_end(&mut data);
                    if (data.len() as u64) < size || !skip_padding(source, size) {
                        return Err("tar: it ends in an extended header".to_owned());
                    }
                    pending.take(kind, &data);
                    if kind != b'L' {
                        push_line(beside, &data);
                    }
                }
                b'1'..=b'6' => {
                    push_line(beside, &header.link_name_bytes().unwrap_or_default());
                    pending = Pending::default();
                }
                _ => {
                    let now = std::mem::take(&mut pending);
                    size = now.size.unwrap_or(size);
                    if kind == b'S' && !skip_sparse_map(source, &block) {
                        return Err("tar: it ends in a sparse map".to_owned());
                    }
                    let member = place.member(&now.name.unwrap_or(header.path_bytes().into()));
                    let end = source.at().saturating_add(size);
                    self.content(&mut source.by_ref().take(size), &member);
                    if self.spent {
                        return Ok(());
                    }
                    if source.at() < end || !skip_padding(source, size) {
                        return Err("tar: it ends in a member".to_owned());
                    }
                }
            }
            if beside.len() > ENOUGH {
                self.text(beside, &place.part("tar headers"));
                beside.clear();
            }
        }
    }
}

/// What extended headers said about the next entry.
#[derive(Default)]
struct Pending {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Pending {
    fn take(&mut self, kind: u8, data: &[u8]) {
        match kind {
            b'L' => {
                self.name = Some(data.split(|&b| b == 0).next().unwrap_or_default().to_vec());
            }
            b'x' => {
                let mut rest = data;
                // `LENGTH KEY=VALUE\n`
                while let Some(space) = rest.iter().position(|&b| b == b' ')
                    && let Ok(digits) = std::str::from_utf8(&rest[..space])
                    && let Ok(length) = digits.parse::<usize>()
                    && length > space + 1
                    && let Some((record, after)) = rest.split_at_checked(length)
                {
                    let body = record[space + 1..].strip_suffix(b"\n").unwrap_or_default();
                    if let Some(name) = body.strip_prefix(b"path=") {
                        self.name = Some(name.to_vec());
                    } else if let Some(size) = body.strip_prefix(b"size=") {
                        self.size = std::str::from_utf8(size).ok().and_then(|s| s.parse().ok());
                    }
                    rest = after;
                }
            }
            _ => {}
        }
    }
}

/// Its checksum is right, over unsigned or signed bytes as old writers had it.
fn is_sound(header: &::tar::Header, block: &[u8; BLOCK]) -> bool {
    let sum = |value: fn(u8) -> i64| -> i64 {
        block
            .iter()
            .enumerate()
            .map(|(i, &b)| value(if (148..156).contains(&i) { b' ' } else { b }))
            .sum()
    };
    let stated = header.cksum().map(i64::from);
    stated.is_ok_and(|stated| stated == sum(i64::from) || stated == sum(|b| i64::from(b as i8)))
}

fn skip_padding(source: &mut Replay, size: u64) -> bool {
    let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    // The last block of an archive is often cut.
    super::skip(source, padding).is_ok_and(|whole| whole || source.peek(1).is_empty())
}

/// Old GNU sparse files have blocks of their map between header and data.
fn skip_sparse_map(source: &mut Replay, header: &[u8; BLOCK]) -> bool {
    let mut more = header[482] != 0;
    while more {
        let mut block = [0; BLOCK];
        if source.read_exact(&mut block).is_err() {
            return false;
        }
        more = block[504] != 0;
    }
    true
}

fn push_line(out: &mut Vec<u8>, text: &[u8]) {
    if super::holds_text(text) {
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}
