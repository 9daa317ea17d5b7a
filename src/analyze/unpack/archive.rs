//! tar and ar.

use super::{Place, Unpacker};
use std::io::{self, Read};

impl Unpacker<'_> {
    pub(super) fn tar(&mut self, reader: &mut dyn Read, place: &Place) {
        let mut archive = tar::Archive::new(reader);
        archive.set_ignore_zeros(true);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(e) => return self.visitor.unread(&place.inside, &e.to_string()),
        };
        for entry in entries {
            if self.spent {
                return;
            }
            match entry {
                Ok(mut entry)
                    if entry.header().entry_type().is_file()
                        || entry.header().entry_type().is_gnu_sparse() =>
                {
                    let member = place.member(&entry.path_bytes());
                    self.content(&mut entry, &member);
                }
                Ok(_) => {}
                Err(e) => return self.visitor.unread(&place.inside, &e.to_string()),
            }
        }
    }

    /// ar(5), as Debian packages and static libraries are.
    pub(super) fn ar(&mut self, reader: &mut dyn Read, place: &Place) {
        let mut magic = [0; 8];
        if reader.read_exact(&mut magic).is_err() {
            return;
        }
        loop {
            let mut header = [0; 60];
            match read_whole(reader, &mut header) {
                Ok(0) => return,
                Ok(60) => {}
                Ok(_) => return self.visitor.unread(&place.inside, "ar: it ends in a header"),
                Err(e) => return self.visitor.unread(&place.inside, &e.to_string()),
            }
            let size = std::str::from_utf8(&header[48..58])
                .ok()
                .and_then(|s| s.trim().parse::<u64>().ok());
            let (Some(size), b"`\n") = (size, &header[58..]) else {
                return self.visitor.unread(&place.inside, "ar: a header is broken");
            };
            let name = header[..16].trim_ascii_end();
            let name = name.strip_suffix(b"/").unwrap_or(name);
            let mut member = reader.take(size + size % 2);
            self.content(&mut member, &place.member(name));
            if io::copy(&mut member, &mut io::sink()).is_err() || self.spent {
                return;
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
