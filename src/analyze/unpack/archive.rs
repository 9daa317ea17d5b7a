//! ar(5), as Debian packages and static libraries are.

use super::replay::Replay;
use super::{Place, Unpacker};
use std::io::{self, Read};

impl Unpacker<'_> {
    pub(super) fn ar(&mut self, source: &mut Replay, place: &Place) -> Result<(), String> {
        let mut magic = [0; 8];
        if source.read_exact(&mut magic).is_err() {
            return Err("ar: it ends in its mark".to_owned());
        }
        loop {
            let start = source.at();
            let mut header = [0; 60];
            match read_whole(source, &mut header).unwrap_or_default() {
                0 => return Ok(()),
                60 => {}
                _ => return Err("ar: it ends in a header".to_owned()),
            }
            let size = std::str::from_utf8(&header[48..58])
                .ok()
                .and_then(|s| s.trim().parse::<u64>().ok());
            let (Some(size), b"`\n") = (size, &header[58..]) else {
                source.rewind(start);
                return Err("ar: a header is broken".to_owned());
            };
            let name = header[..16].trim_ascii_end();
            let name = name.strip_suffix(b"/").unwrap_or(name);
            let end = source.at() + size + size % 2;
            self.content(&mut source.by_ref().take(size + size % 2), &place.member(name));
            if self.spent {
                return Ok(());
            }
            if source.at() < end {
                return Err("ar: it ends in a member".to_owned());
            }
        }
    }
}

/// Fills the buffer as far as there are bytes.
pub(super) fn read_whole(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
