//! What a file is, by its first bytes.

/// Bytes of a head that tell a container: up to the mark of a tar.
pub const HEAD: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
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
            _ => None,
        }
    }
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
