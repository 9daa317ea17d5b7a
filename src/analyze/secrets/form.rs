//! How a file is read: as text, as binary, or as UTF-16.
//!
//! Looks at a head of bytes; must not know what is searched for.

/// A file is judged by this much of its head.
pub(super) const HEAD: usize = 8 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    Binary,
    /// Little or big endian. Searched as one byte a unit; what is not ASCII becomes 0xff.
    Utf16 {
        big: bool,
    },
}

impl Form {
    pub fn of(head: &[u8]) -> Self {
        match utf16_of(head) {
            Some(big) => Self::Utf16 { big },
            None if is_binary(head) => Self::Binary,
            None => Self::Text,
        }
    }
}

/// A NUL byte, as `grep` and `git` have it, and more of what is no text: a single one behind an archive's mark
/// makes no text a program.
fn is_binary(head: &[u8]) -> bool {
    let odd = |b: &&u8| matches!(b, 0..=7 | 14..=26 | 28..=31 | 127);
    memchr::memchr(0, head).is_some() && head.iter().filter(odd).count() > (head.len() / 20).max(2)
}

/// UTF-16 by its mark, or by ASCII in every other byte of the head; `true` for big endian.
fn utf16_of(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None, // UTF-32
        [0xff, 0xfe, ..] => return Some(false),
        [0xfe, 0xff, ..] => return Some(true),
        _ => {}
    }
    let units = head.len() / 2;
    if units < 16 {
        return None;
    }
    let text = |a: usize, b: usize| {
        let good = head
            .chunks_exact(2)
            .filter(|u| u[a] == 0 && (u[b].is_ascii_graphic() || u[b].is_ascii_whitespace()))
            .count();
        good * 100 >= units * 95
    };
    if text(1, 0) {
        Some(false)
    } else if text(0, 1) {
        Some(true)
    } else {
        None
    }
}
