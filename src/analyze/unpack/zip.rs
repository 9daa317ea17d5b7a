//! zip, by its local headers: the directory at the end would need the whole file.
//!
//! APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor), 4.3.12 (directory), 4.3.16 (end
//! record), 4.4.4 (flags), 4.4.5 (methods), 4.5.3 (zip64). Crates that stream zip refuse members whose size
//! only a descriptor behind them tells, which is what Java's `jar` writes.
//!
//! What stands between the members and behind the directory is searched as it stands, and read on where the
//! next header begins: an end record that comes early ends nothing. The directory is held against what was met.

use super::budget::Metered;
use super::directory::{Directory, ENTRY, Met};
use super::replay::Replay;
use super::zip_header::{LOCAL, Local, TELLING, UNKNOWN32, is_member};
use super::{Place, Unpacker, WINDOW_LOG};
use std::io::{self, BufRead, Read};

const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
const LISTED: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
/// Members that break; then the rest is searched as it stands.
const MOST_FAULTS: u32 = 100;
/// Text beside the members is handed over when there is this much of it.
const ENOUGH: usize = 64 << 10;

impl Unpacker<'_> {
    pub(super) fn zip(&mut self, source: &mut Replay, place: &Place) -> Result<(), String> {
        let mut beside = Vec::new();
        let outcome = self.zip_parts(source, place, &mut beside);
        self.text(&beside, &place.part("zip comments"));
        outcome
    }

    fn zip_parts(
        &mut self,
        source: &mut Replay,
        place: &Place,
        beside: &mut Vec<u8>,
    ) -> Result<(), String> {
        let mut directory = Directory::default();
        let mut whole = 0u64;
        let mut faults = 0;
        while !self.spent {
            let at = source.at();
            let signature = source.peek(4);
            if signature.is_empty() {
                break;
            }
            let notes = self.notes;
            let mut known = <[u8; 4]>::try_from(signature).unwrap_or_default();
            // Text may have a header's signature, and then would be skipped as a member's data.
            if known == LOCAL && !is_member(source.peek(TELLING)) {
                known = [0; 4];
            }
            let outcome = match known {
                LOCAL => self.zip_local(source, place, &mut directory, beside),
                _ if whole == 0 && known != END => {
                    return Err("zip: no header where one should be".to_owned());
                }
                LISTED => directory_entry(source, &mut directory, beside),
                END => end_record(source, &mut directory, beside).map(|(hidden, is_one)| {
                    if is_one {
                        self.proven();
                    }
                    if hidden > 0 {
                        let why =
                            "zip: the directory names members that do not stand where it says";
                        self.unread(place, why);
                    }
                }),
                END64 => end64_record(source, &mut directory, beside),
                LOCATOR => super::skip(source, 20).map(drop),
                _ => {
                    self.gap(source, place);
                    continue;
                }
            };
            match outcome {
                Ok(()) => whole += 1,
                Err(e) => {
                    let why = format!("zip: {e}");
                    faults += 1;
                    if whole == 0 || faults > MOST_FAULTS {
                        return Err(why);
                    }
                    if known == LOCAL && self.notes == notes {
                        self.unread(place, &why);
                    }
                    // Behind the signature, so that it goes on.
                    let again = source.rewind(at);
                    self.spend(again as usize);
                    self.gap(source, place);
                }
            }
            if beside.len() > ENOUGH {
                self.text(beside, &place.part("zip comments"));
                beside.clear();
            }
        }
        match source.broken() {
            Some(why) if !self.spent => Err(format!("zip: {why}")),
            _ => Ok(()),
        }
    }

    /// Bytes up to the next header, at least one.
    fn gap(&mut self, source: &mut Replay, place: &Place) {
        let mut begun = false;
        let mut first = true;
        loop {
            let ahead = source.ahead();
            let Some(&byte) = ahead.first() else { break };
            let next = memchr::memchr(b'P', &ahead[usize::from(first)..])
                .map_or(ahead.len(), |i| i + usize::from(first));
            if next == 0 {
                let head = source.peek(TELLING);
                let goes_on = is_member(head)
                    || head.starts_with(&LISTED) && head.len() >= 46
                    || head.starts_with(&END) && head.len() >= 22;
                if goes_on {
                    break;
                }
                first = true;
                continue;
            }
            first = false;
            let only_zeros = byte == 0 && ahead[..next].iter().all(|&b| b == 0);
            if !begun && only_zeros {
                source.consume(next);
                continue;
            }
            if !begun {
                self.visitor.begin(&place.below("bytes between members"), b"", None);
                begun = true;
            }
            let part = source.ahead();
            let next = next.min(part.len());
            self.visitor.chunk(&part[..next]);
            source.consume(next);
        }
        if begun {
            self.visitor.end();
        }
    }

    fn zip_local(
        &mut self,
        source: &mut Replay,
        place: &Place,
        directory: &mut Directory,
        beside: &mut Vec<u8>,
    ) -> io::Result<()> {
        let at = source.at();
        super::skip(source, 4)?;
        let local = Local::read(source)?;
        keep(beside, &local.extra);
        let member = place.member(&local.name);
        let method = local.method;
        // Before it is read: one that breaks has been met, too.
        directory.meet(at, Met { method, compressed: local.compressed });
        let compressed = self.zip_member(source, &local, &member)?;
        directory.meet(at, Met { method, compressed });
        Ok(())
    }

    /// Reads a member and what stands behind it; the bytes of its data.
    fn zip_member(
        &mut self,
        source: &mut Replay,
        local: &Local,
        member: &Place,
    ) -> io::Result<u64> {
        if local.described() {
            if local.encrypted() || local.method != 8 {
                self.unread(
                    member,
                    "zip: its size is not stated; the rest is looked at as it stands",
                );
                self.plain(source, member, None);
                return Ok(local.compressed);
            }
            let mut deflate = flate2::bufread::DeflateDecoder::new(&mut *source);
            self.content(&mut deflate, member);
            if self.spent {
                return Ok(0);
            }
            let mut rest = Metered { inner: &mut deflate, budget: self.budget };
            io::copy(&mut rest, &mut io::sink())?;
            let compressed = deflate.total_in();
            descriptor(source, compressed, local.zip64)?;
            self.proven();
            return Ok(compressed);
        }
        let end = source.at().saturating_add(local.compressed);
        let data = &mut source.by_ref().take(local.compressed);
        let mut fault = None;
        if local.encrypted() {
            self.unread(member, "zip: it is encrypted");
        } else {
            fault = match local.method {
                0 => self.watched(data, member, local.checksum),
                8 => {
                    let decoder = flate2::bufread::DeflateDecoder::new(data);
                    self.watched(decoder, member, local.checksum)
                }
                12 => self.watched(bzip2::bufread::BzDecoder::new(data), member, local.checksum),
                93 => {
                    let mut decoder = zstd::stream::read::Decoder::with_buffer(data)?;
                    decoder.window_log_max(WINDOW_LOG)?;
                    self.watched(decoder, member, local.checksum)
                }
                other => {
                    self.unread(member, &format!("zip: method {other} is not known"));
                    None
                }
            };
        }
        if let Some(why) = fault {
            return Err(io::Error::other(why));
        }
        let left = end.saturating_sub(source.at());
        if self.spent || super::skip(source, left)? {
            return Ok(local.compressed);
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// A member's content. What has the checksum that the header says is one.
    fn watched(&mut self, decoder: impl Read, member: &Place, checksum: u32) -> Option<String> {
        let mut watched = super::Watched { inner: decoder, fault: None };
        if self.doubted.is_none() {
            self.content(&mut watched, member);
            return watched.fault;
        }
        let mut summed = Summed { inner: &mut watched, sum: flate2::Crc::new() };
        self.content(&mut summed, member);
        let mut rest = Metered { inner: &mut summed, budget: self.budget };
        let whole = !self.spent && io::copy(&mut rest, &mut io::sink()).is_ok();
        if whole && summed.sum.amount() > 0 && summed.sum.sum() == checksum {
            self.proven();
        }
        watched.fault
    }
}

/// Adds up what is read.
struct Summed<R> {
    inner: R,
    sum: flate2::Crc,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(&buffer[..read]);
        Ok(read)
    }
}

fn keep(beside: &mut Vec<u8>, text: &[u8]) {
    if super::holds_text(text) {
        beside.extend_from_slice(text);
        beside.push(b'\n');
    }
}

fn directory_entry(
    source: &mut Replay,
    directory: &mut Directory,
    beside: &mut Vec<u8>,
) -> io::Result<()> {
    let at = source.at();
    super::skip(source, 4)?;
    let mut fixed = [0; ENTRY];
    source.read_exact(&mut fixed)?;
    let u16_at = |i: usize| u64::from(u16::from_le_bytes([fixed[i], fixed[i + 1]]));
    super::skip(source, u16_at(24))?;
    let mut extra = vec![0; u16_at(26) as usize];
    source.read_exact(&mut extra)?;
    let mut comment = vec![0; u16_at(28) as usize];
    source.read_exact(&mut comment)?;
    directory.list(at, &fixed, &extra);
    keep(beside, &extra);
    keep(beside, &comment);
    Ok(())
}

/// How many members the directory leads to that were not met; and whether it is the end of a zip for itself.
fn end_record(
    source: &mut Replay,
    directory: &mut Directory,
    beside: &mut Vec<u8>,
) -> io::Result<(usize, bool)> {
    let at = source.at();
    super::skip(source, 4)?;
    let mut record = [0; 18];
    source.read_exact(&mut record)?;
    let mut comment = Vec::new();
    let length = u16::from_le_bytes([record[16], record[17]]);
    // Behind the record other bytes may stand that its length does not count: they are a gap.
    let there = source.peek(usize::from(length).min(4096)).len();
    let marked = memchr::memmem::find(source.peek(there), b"PK").unwrap_or(there);
    source.take(marked as u64).read_to_end(&mut comment)?;
    keep(beside, &comment);
    let is_one = directory.is_end(at, &record);
    Ok((directory.end(at, &record), is_one))
}

fn end64_record(
    source: &mut Replay,
    directory: &mut Directory,
    beside: &mut Vec<u8>,
) -> io::Result<()> {
    let mut head = [0; 12];
    source.read_exact(&mut head)?;
    let size = u64::from_le_bytes([
        head[4], head[5], head[6], head[7], head[8], head[9], head[10], head[11],
    ]);
    if !(44..=64 << 10).contains(&size) {
        return Err(io::Error::other("a zip64 record of wrong size"));
    }
    let mut record = vec![0; size as usize];
    source.read_exact(&mut record)?;
    directory.end64(&record);
    keep(beside, &record[44..]);
    Ok(())
}

/// Skips a data descriptor. Its signature is optional and the width of its sizes is not stated where
/// it stands: what follows tells.
fn descriptor(reader: &mut dyn BufRead, compressed: u64, zip64: bool) -> io::Result<()> {
    let mut start = [0; 8];
    reader.read_exact(&mut start)?;
    // Signature, checksum; or checksum, compressed size.
    let signed = start[..4] == DESCRIPTOR;
    let mut size = [0; 4];
    if signed {
        reader.read_exact(&mut size)?;
    } else {
        size.copy_from_slice(&start[4..]);
    }
    if u64::from(u32::from_le_bytes(size)) != compressed & UNKNOWN32 {
        return Err(io::Error::other("the sizes behind a member are wrong"));
    }
    let mut rest = [0; 12];
    let wide = zip64 || compressed > UNKNOWN32;
    reader.read_exact(&mut rest[..if wide { 12 } else { 4 }])
}
