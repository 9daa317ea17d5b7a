//! The compression of a whole archive, recognised by its first bytes. Not that of the layers in it.

use super::header_fields::begins_tar;
use crate::stream::Decompress;
use std::io::{self, BufReader, Cursor, Read};

/// Bytes that tell what a file is.
pub const HEAD: usize = 512;

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Tar,
    Unknown,
}

/// Recognises the first [`HEAD`] bytes of a file.
pub fn sniff(head: &[u8]) -> Wrapping {
    match head {
        [0x1f, 0x8b, ..] => Wrapping::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Wrapping::Zstd,
        _ if begins_tar(head) => Wrapping::Tar,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Wrapping::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Wrapping::Bzip2,
        _ => Wrapping::Unknown,
    }
}

/// Reads the first bytes, fewer only at the end of the stream.
pub fn head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The tar inside of what may be compressed. Several members, frames or streams are one.
pub fn unwrap<'a, R: Read + 'a>(mut reader: R) -> io::Result<(Wrapping, Box<dyn Read + 'a>)> {
    let head = head(&mut reader)?;
    let wrapping = sniff(&head);
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(head).chain(reader));
    Ok((
        wrapping,
        match wrapping {
            Wrapping::Gzip | Wrapping::Zstd | Wrapping::Xz | Wrapping::Bzip2 => {
                Box::new(Decompress::new(whole)?)
            }
            _ => Box::new(whole),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::sample::Tar;
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    pub fn gzip(raw: &[u8]) -> Vec<u8> {
        let mut e = GzEncoder::new(Vec::new(), Compression::fast());
        e.write_all(raw).unwrap();
        e.finish().unwrap()
    }

    #[test]
    fn every_wrapping_gives_the_same_tar() {
        let tar = Tar::new().file("a", b"x").end().bytes;
        let (one, two) = tar.split_at(300);
        let members = [gzip(one), gzip(two)].concat();
        let frames =
            [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 1).unwrap()].concat();
        for (bytes, wrapping) in
            [(tar.clone(), Wrapping::Tar), (members, Wrapping::Gzip), (frames, Wrapping::Zstd)]
        {
            let (found, mut reader) = unwrap(bytes.as_slice()).unwrap();
            assert_eq!(found, wrapping);
            let mut out = Vec::new();
            reader.read_to_end(&mut out).unwrap();
            assert_eq!(out, tar);
        }
        assert_eq!(sniff(b"\xfd7zXZ\0"), Wrapping::Xz);
        assert_eq!(sniff(b""), Wrapping::Unknown);
    }
}
