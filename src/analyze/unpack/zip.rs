//! zip, by its local headers: the directory at the end would need the whole file.
//!
//! APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor), 4.4.4 (flags), 4.4.5
//! (methods), 4.5.3 (zip64). Crates that stream zip refuse members whose size only a descriptor behind
//! them tells, which is what Java's `jar` writes.

use super::archive::read_whole;
use super::budget::Metered;
use super::{Place, Unpacker, WINDOW_LOG};
use std::io::{self, BufRead, Read};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
const UNKNOWN32: u64 = 0xffff_ffff;

struct Local {
    flags: u16,
    method: u16,
    compressed: u64,
    name: Vec<u8>,
    zip64: bool,
}

impl Local {
    /// The header behind its signature.
    fn read(reader: &mut dyn Read) -> io::Result<Self> {
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
        let large = zip64_sizes(&extra);
        if compressed == UNKNOWN32
            && let Some(sizes) = large
        {
            // The uncompressed size stands first if it is large, too.
            let skip = if u64::from(u32_at(18)) == UNKNOWN32 { 8 } else { 0 };
            if let Some(b) = sizes.get(skip..skip + 8).and_then(|b| b.try_into().ok()) {
                compressed = u64::from_le_bytes(b);
            }
        }
        Ok(Self { flags: u16_at(2), method: u16_at(4), compressed, name, zip64: large.is_some() })
    }

    fn encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Its sizes stand behind the data.
    fn described(&self) -> bool {
        self.flags & 8 != 0 && self.compressed == 0
    }
}

fn zip64_sizes(extra: &[u8]) -> Option<&[u8]> {
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

impl Unpacker<'_> {
    pub(super) fn zip(&mut self, reader: &mut dyn BufRead, place: &Place) {
        loop {
            let mut signature = [0; 4];
            match read_whole(reader, &mut signature) {
                Ok(4) if signature == LOCAL => {}
                // The directory: all members are behind us.
                Ok(4) if signature.starts_with(b"PK") => return,
                Ok(0) => return,
                Ok(_) => {
                    return self
                        .visitor
                        .unread(&place.inside, "zip: no header where one should be");
                }
                Err(e) => return self.visitor.unread(&place.inside, &e.to_string()),
            }
            let local = match Local::read(reader) {
                Ok(local) => local,
                Err(e) => return self.visitor.unread(&place.inside, &format!("zip: {e}")),
            };
            let member = place.member(&local.name);
            if let Err(e) = self.zip_member(reader, &local, &member) {
                return self.visitor.unread(&member.inside, &format!("zip: {e}"));
            }
            if self.spent {
                return;
            }
        }
    }

    /// Reads a member and what stands behind it.
    fn zip_member(
        &mut self,
        reader: &mut dyn BufRead,
        local: &Local,
        member: &Place,
    ) -> io::Result<()> {
        if local.described() {
            if local.encrypted() || local.method != 8 {
                self.visitor.unread(
                    &member.inside,
                    "zip: its size is not stated; the rest is looked at as it stands",
                );
                self.plain(reader, member);
                return Ok(());
            }
            let mut deflate = flate2::bufread::DeflateDecoder::new(&mut *reader);
            self.content(&mut deflate, member);
            if self.spent {
                return Ok(());
            }
            let mut rest = Metered { inner: &mut deflate, budget: self.budget };
            io::copy(&mut rest, &mut io::sink())?;
            let compressed = deflate.total_in();
            return descriptor(reader, compressed, local.zip64);
        }
        let mut data = reader.take(local.compressed);
        if local.encrypted() {
            self.visitor.unread(&member.inside, "zip: it is encrypted");
        } else {
            match local.method {
                0 => self.content(&mut data, member),
                8 => self.content(&mut flate2::bufread::DeflateDecoder::new(&mut data), member),
                12 => self.content(&mut bzip2::bufread::BzDecoder::new(&mut data), member),
                93 => match zstd::stream::read::Decoder::with_buffer(&mut data) {
                    Ok(mut decoder) => {
                        let _ = decoder.window_log_max(WINDOW_LOG);
                        self.content(&mut decoder, member);
                    }
                    Err(e) => self.visitor.unread(&member.inside, &e.to_string()),
                },
                other => self
                    .visitor
                    .unread(&member.inside, &format!("zip: method {other} is not known")),
            }
        }
        let left = data.limit();
        match io::copy(&mut data, &mut io::sink())? == left || left == 0 {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
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
