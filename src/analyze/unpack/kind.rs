//! What a file is, by its first bytes.

use super::frames::is_skippable;
use super::zip_header::{TELLING, is_member};

/// Bytes of a head that tell a container: up to the mark of a tar.
pub const HEAD: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// The older form of xz, `.lzma`.
    Lzma,
    Zip,
    Tar,
    Ar,
    /// Loose; its path tells it, because zlib's head is two bytes only.
    GitObject,
    GitPack,
    Sqlite,
    SqliteWal,
    PythonCode,
    JavaClass,
    /// Known and not opened.
    Closed(&'static str),
}

impl Kind {
    /// `None` for what is no container, and for what merely begins alike.
    pub fn of(path: &[u8], head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => {
                Some(Self::Bzip2)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip),
            [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => Some(Self::GitPack),
            [0x37, 0x7f, 0x06, 0x82 | 0x83, ..] => Some(Self::SqliteWal),
            [0xca, 0xfe, 0xba, 0xbe, 0, 0..=3, 0, 45..=99, ..] => Some(Self::JavaClass),
            [_, _, b'\r', b'\n', ..] if path.ends_with(b".pyc") || path.ends_with(b".pyo") => {
                Some(Self::PythonCode)
            }
            _ if head.starts_with(b"SQLite format 3\0") => Some(Self::Sqlite),
            _ if head.starts_with(b"!<arch>\n") => Some(Self::Ar),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            [0x78, flags, ..]
                if (0x7800 | u16::from(*flags)) % 31 == 0 && is_loose_object(path) =>
            {
                Some(Self::GitObject)
            }
            _ if is_skippable(head) => Some(Self::Zstd),
            _ if is_lzma(head) => Some(Self::Lzma),
            _ => closed(head).map(Self::Closed),
        }
    }
}

/// Archives that are known by their first bytes and that nothing here opens.
fn closed(head: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 11] = [
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"xar!\0\x1c\0\x01", "xar"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"MSCF\0\0\0\0", "cabinet"),
        (b"LZIP\x01", "lzip"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x89LZO\0\r\n\x1a\n", "lzop"),
        (b"\xed\xab\xee\xdb\x03", "rpm"),
        (b"hsqs", "squashfs"),
        (b"070701", "cpio"),
        (b"070702", "cpio"),
    ];
    let marked = MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, name)| *name);
    // The third byte has the widest code, and whether the table is cleared.
    let compress = || matches!(head, [0x1f, 0x9d, bits, _, ..] if bits & 0x60 == 0 && (9..=16).contains(&(bits & 0x1f)));
    marked.or_else(|| compress().then_some("compress (.Z)"))
}

/// The 13 bytes of its header have no mark: usual properties, a dictionary of a power of two or one and a half
/// of it, a size that is unknown or sane, and a first byte of data that is always zero.
fn is_lzma(head: &[u8]) -> bool {
    let Some((&[0x5d, a, b, c, d], rest)) = head.split_first_chunk::<5>() else { return false };
    let Some((size, [0, ..])) = rest.split_first_chunk::<8>() else { return false };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let round = dictionary >= 1 << 12
        && (dictionary.is_power_of_two()
            || dictionary % 3 == 0 && (dictionary / 3).is_power_of_two());
    let size = u64::from_le_bytes(*size);
    round && (size == u64::MAX || size < 1 << 40)
}

/// `…/objects/3f/` and 38 or 62 hex digits.
fn is_loose_object(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&b| b == b'/');
    let hex = |part: &[u8], n: usize| part.len() == n && part.iter().all(u8::is_ascii_hexdigit);
    let (rest, fan, objects) = (parts.next(), parts.next(), parts.next());
    rest.is_some_and(|r| hex(r, 38) || hex(r, 62))
        && fan.is_some_and(|f| hex(f, 2))
        && objects == Some(b"objects")
}

/// Where a container begins behind other bytes: a zip anywhere, a compressed stream at the beginning of a line
/// of a script. `script`: the file begins with `#!`. `whole`: nothing follows `bytes`.
///
/// The place may be one where more bytes are needed to tell; then there is no kind.
pub(super) fn embedded(bytes: &[u8], script: bool, whole: bool) -> Option<(usize, Option<Kind>)> {
    let zip = memchr::memmem::find_iter(bytes, b"PK\x03\x04").find_map(|at| {
        if is_member(&bytes[at..]) {
            Some((at, Some(Kind::Zip)))
        } else {
            (bytes.len() - at < TELLING && !whole).then_some((at, None))
        }
    });
    if !script {
        return zip;
    }
    const MARKS: [&[u8]; 4] = [b"\n\x1f\x8b\x08", b"\nBZh", b"\n\xfd7zXZ\0", b"\n\x28\xb5\x2f\xfd"];
    let packed = MARKS.iter().filter_map(|mark| {
        memchr::memmem::find_iter(bytes, mark)
            .find_map(|at| Some((at + 1, Some(Kind::of(b"", &bytes[at + 1..])?))))
    });
    packed.chain(zip).min_by_key(|found| found.0)
}
