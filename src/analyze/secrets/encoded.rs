//! Text that is written in another way: base64, hexadecimal, percent and backslash escapes.
//!
//! Finds and decodes the runs of a block; must not know what is searched for in them.

use std::ops::Range;

/// Shorter runs hold no secret: twelve bytes of text.
pub(super) const SHORTEST: usize = 16;
/// Of a word with escapes, in bytes.
const LONGEST_WORD: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Base64,
    Hex,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// Characters that make a whole number of bytes.
    pub fn unit(self) -> usize {
        match self {
            Self::Base64 => 4,
            Self::Hex => 2,
        }
    }

    /// Decodes whole units; a last, shorter one of base64 gives the bytes that it has.
    pub fn decode(self, chars: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chars.len() * 3 / 4 + 3);
        match self {
            Self::Hex => {
                out.extend(
                    chars
                        .chunks_exact(2)
                        .map(|c| (VALUE[c[0] as usize].1 << 4) | VALUE[c[1] as usize].1),
                );
            }
            Self::Base64 => {
                for unit in chars.chunks(4) {
                    let bits =
                        unit.iter().fold(0u32, |b, &c| b << 6 | u32::from(VALUE[c as usize].0));
                    match unit.len() {
                        4 => out.extend_from_slice(&bits.to_be_bytes()[1..]),
                        3 => out.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
                        2 => out.push((bits << 12).to_be_bytes()[1]),
                        _ => {}
                    }
                }
            }
        }
        out
    }
}

/// Not in the alphabet.
const NONE: u8 = 0xff;

/// Of each byte, its digit in base64 (both alphabets of RFC 4648) and in hexadecimal.
static VALUE: [(u8, u8); 256] = {
    let mut table = [(NONE, NONE); 256];
    let mut i = 0;
    while i < 64 {
        let c = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i];
        table[c as usize].0 = i as u8;
        i += 1;
    }
    table[b'-' as usize].0 = 62;
    table[b'_' as usize].0 = 63;
    let mut i = 0;
    while i < 16 {
        table[b"0123456789abcdef"[i] as usize].1 = i as u8;
        table[b"0123456789ABCDEF"[i] as usize].1 = i as u8;
        i += 1;
    }
    table
};

pub(super) fn is_base64(b: u8) -> bool {
    VALUE[b as usize].0 != NONE
}

/// The next run of at least [`SHORTEST`] characters of base64 that begins in `from..until`. One byte in
/// [`SHORTEST`] is looked at where there is none.
pub(super) fn next_run(buffer: &[u8], from: usize, until: usize) -> Option<Range<usize>> {
    let mut floor = from;
    let mut probe = from + SHORTEST - 1;
    while probe < buffer.len() {
        if !is_base64(buffer[probe]) {
            floor = probe + 1;
            probe = floor + SHORTEST - 1;
            continue;
        }
        let back = buffer[floor..probe].iter().rev().take_while(|&&b| is_base64(b)).count();
        let start = probe - back;
        if start >= until {
            return None;
        }
        let end = probe + buffer[probe..].iter().take_while(|&&b| is_base64(b)).count();
        if end - start >= SHORTEST {
            return Some(start..end);
        }
        floor = end + 1;
        probe = floor + SHORTEST - 1;
    }
    None
}

/// The characters of a run and of the lines that go on with it, and where it ends. `true`: it may go
/// on behind the buffer.
pub(super) fn gather(buffer: &[u8], run: Range<usize>) -> (Vec<u8>, usize, bool) {
    let mut chars = buffer[run.clone()].to_vec();
    let line = run.len();
    let mut end = run.end;
    // Wrapped text has lines of one length, a multiple of four.
    while line >= 40 && line.is_multiple_of(4) && chars.len().is_multiple_of(line) {
        let Some(next) = next_line(buffer, end) else { break };
        let more = buffer[next..].iter().take(line).take_while(|&&b| is_base64(b)).count();
        if more < 2 || buffer.get(next + more).is_some_and(|&b| is_base64(b)) {
            break;
        }
        chars.extend_from_slice(&buffer[next..next + more]);
        end = next + more;
    }
    (chars, end, end == buffer.len())
}

/// Where the text of the next line begins: behind a line end, real or written `\n`, and an indent.
fn next_line(buffer: &[u8], end: usize) -> Option<usize> {
    let rest = &buffer[end..];
    let mut skip = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        [b'\\', b'n', ..] => 2,
        _ => return None,
    };
    skip += rest[skip..].iter().take(40).take_while(|b| matches!(b, b' ' | b'\t')).count();
    rest.get(skip).is_some_and(|&b| is_base64(b)).then_some(end + skip)
}

/// How a run is written, and where it begins, if its head decodes to something: a name may be glued in
/// front of the run by a character of the alphabet.
pub(super) fn code_of(run: &[u8]) -> Option<(usize, Code)> {
    let head = &run[..run.len().min(40)];
    if run.len() >= 2 * SHORTEST
        && head[..32].iter().all(|&b| VALUE[b as usize].1 != NONE)
        && is_meaningful(&Code::Hex.decode(&head[..32]))
    {
        return Some((0, Code::Hex));
    }
    let seams = head
        .iter()
        .enumerate()
        .filter(|(_, b)| matches!(b, b'-' | b'_' | b'/' | b'+'))
        .map(|(i, _)| i + 1);
    std::iter::once(0)
        .chain(seams)
        .take(4)
        .find(|&at| {
            run.len() - at >= SHORTEST
                && is_meaningful(&Code::Base64.decode(&run[at..at + SHORTEST]))
        })
        .map(|at| (at, Code::Base64))
}

/// A head of text, of UTF-16 text, or of a packed file.
fn is_meaningful(head: &[u8]) -> bool {
    is_packed(head) || head.iter().all(|&b| is_text(b)) || {
        let zeros = head.iter().skip(1).step_by(2).filter(|&&b| b == 0).count();
        zeros * 2 == head.len() && head.iter().step_by(2).all(|&b| is_text(b))
    }
}

fn is_text(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

/// gzip or zip, as base64 often carries them.
pub(super) fn is_packed(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8]) || head.starts_with(b"PK\x03\x04")
}

/// A word with its escapes undone.
pub(super) struct Word {
    pub range: Range<usize>,
    pub plain: Vec<u8>,
    /// For each byte of `plain` and its end, where it stood, in bytes behind the beginning of `range`.
    pub places: Vec<u16>,
}

/// The next word with `%41`, `\x41` or `\u0041` in it that begins in `from..until`.
pub(super) fn next_word(buffer: &[u8], from: usize, until: usize) -> Option<Word> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'%', b'\\', buffer.get(at..until)?)?;
        if escape(&buffer[at..]).is_some() {
            break;
        }
        at += 1;
    }
    let inside = |b: &&u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`');
    let low = at.saturating_sub(LONGEST_WORD / 2).max(from);
    let start = at - buffer[low..at].iter().rev().take_while(inside).count();
    let end = at + buffer[at..].iter().take(LONGEST_WORD / 2).take_while(inside).count();
    let word = &buffer[start..end];
    let mut plain = Vec::with_capacity(word.len());
    let mut places = Vec::with_capacity(word.len() + 1);
    let mut i = 0;
    while i < word.len() {
        let (byte, length) = escape(&word[i..]).unwrap_or((word[i], 1));
        plain.push(byte);
        places.push(i as u16);
        i += length;
    }
    places.push(word.len() as u16);
    Some(Word { range: start..end, plain, places })
}

/// The byte that an escape at the beginning stands for, and the escape's length.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |a: u8, b: u8| {
        let (a, b) = (VALUE[a as usize].1, VALUE[b as usize].1);
        (a != NONE && b != NONE).then_some(a << 4 | b)
    };
    match text {
        [b'%', a, b, ..] => Some((hex(*a, *b)?, 3)),
        [b'\\', b'x', a, b, ..] => Some((hex(*a, *b)?, 4)),
        [b'\\', b'u', b'0', b'0', a, b, ..] => Some((hex(*a, *b)?, 6)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base64_and_hex_decode_as_the_crate_does(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for engine in [&base64::engine::general_purpose::STANDARD_NO_PAD, &base64::engine::general_purpose::URL_SAFE_NO_PAD] {
                prop_assert_eq!(&Code::Base64.decode(engine.encode(&bytes).as_bytes()), &bytes);
            }
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            prop_assert_eq!(Code::Hex.decode(hex.as_bytes()), bytes);
        }

        #[test]
        fn runs_are_those_of_a_plain_search(text in "[ab/ \n=]{0,200}", from in 0usize..40, cut in 0usize..40) {
            let text = text.as_bytes();
            let from = from.min(text.len());
            let until = text.len().saturating_sub(cut).max(from);
            let mut got = Vec::new();
            let mut at = from;
            while let Some(run) = next_run(text, at, until) {
                at = run.end;
                got.push(run);
            }
            let mut want = Vec::new();
            let mut at = from;
            while at < until {
                let n = text[at..].iter().take_while(|&&b| is_base64(b)).count();
                if n >= SHORTEST {
                    want.push(at..at + n);
                }
                at += n.max(1);
            }
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn wrapped_lines_are_one_run() {
        let plain =
            b"a long text that is written over several lines, as base64(1) and MIME do it, and on";
        let text = base64::engine::general_purpose::STANDARD.encode(plain);
        let wrapped = format!("  {}\n  {}\n  {}\n", &text[..44], &text[44..88], &text[88..]);
        let run = next_run(wrapped.as_bytes(), 0, wrapped.len()).unwrap();
        assert_eq!(code_of(&wrapped.as_bytes()[run.clone()]), Some((0, Code::Base64)));
        let (chars, _, open) = gather(wrapped.as_bytes(), run);
        assert_eq!((Code::Base64.decode(&chars), open), (plain.to_vec(), false));
    }

    #[test]
    fn ordinary_words_and_digests_are_not_decoded() {
        for text in [
            "application_name_of_the_thing",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
            "iVBORw0KGgoAAAANSUhEUgAAAAUA",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(code_of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_and_placed() {
        let text = b"a=b u=%70w%3Dx\\x41\\u0042&c d";
        let word = next_word(text, 0, text.len()).unwrap();
        assert_eq!(word.plain, b"u=pw=xAB&c");
        assert_eq!(&text[word.range.clone()], b"u=%70w%3Dx\\x41\\u0042&c");
        assert_eq!(word.places, [0, 1, 2, 5, 6, 9, 10, 14, 20, 21, 22]);
        assert!(next_word(b"100% of %d \\n", 0, 13).is_none());
    }
}
