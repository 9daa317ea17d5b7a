//! Where a token begins and ends in a program whose strings stand side by side.
//!
//! Go and Rust write the lengths of strings elsewhere, with nothing between one and the next. A token there
//! has letters of its neighbours on both sides. Its own prefix, alphabet, length and checksum tell where it is.

use super::check::{Check, Verdict};
use super::judge::continues_token;
use super::pattern::Pattern;
use super::vendor_value::is_random;
use std::ops::Range;

/// ELF, Windows, macOS (both byte orders and universal), WebAssembly.
pub(super) fn is_program(head: &[u8]) -> bool {
    let marks: [&[u8]; 6] = [
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xfe\xed\xfa\xcf",
        b"\xca\xfe\xba\xbe\0\0\0",
        b"\0asm",
    ];
    marks.iter().any(|mark| head.starts_with(mark))
}

/// Letters that are asked whether they are words or noise.
const NEIGHBOUR: usize = 32;

/// Whether a text ends in a long run of characters as random as a token's: the middle of encoded data, where
/// every prefix stands by chance.
pub(super) fn ends_in_noise(text: &[u8]) -> bool {
    let inner =
        |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=');
    let run = text.iter().rev().take(2 * NEIGHBOUR).take_while(inner).count();
    run >= NEIGHBOUR && is_random(&text[text.len() - NEIGHBOUR..])
}

/// Where a match really ends; `None` if it is no token. `free`: it begins as a word does.
pub(super) fn end(
    pattern: &Pattern,
    buffer: &[u8],
    whole: Range<usize>,
    free: bool,
) -> Option<usize> {
    let text = &buffer[whole.clone()];
    let closed = matches!(
        buffer.get(whole.end),
        None | Some(
            0 | b'"'
                | b'\''
                | b'`'
                | b'\n'
                | b'\r'
                | b'\\'
                | b'<'
                | b'&'
                | b';'
                | b','
                | b')'
                | b'}'
                | b']'
        )
    );
    if free && closed {
        return Some(whole.end);
    }
    let fixed = pattern.shortest == pattern.longest;
    let length = if closed || fixed { text.len() } else { length_of(pattern, text) };
    let token = &text[..length];
    let behind = &buffer[whole.start + length..];
    let glued = continues_token(buffer, whole.start + length);
    if (glued || !free) && !is_telling(pattern, token) {
        return None;
    }
    if !free && !is_proven(pattern, token) && is_in_symbol(&buffer[..whole.start]) {
        return None;
    }
    let whose = !glued || fixed || is_proven(pattern, token) || !begins_in_noise(behind);
    whose.then_some(whole.start + length)
}

/// The longest beginning of a symbol's name that is looked for.
const SYMBOL: usize = 512;

/// Whether a text ends within the name of a symbol as compilers of C++ and Rust write it: words and numbers without
/// an end, which stand for themselves and never beside a string.
fn is_in_symbol(text: &[u8]) -> bool {
    let inner = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.');
    let run = text.iter().rev().take(SYMBOL).take_while(inner).count();
    let name = &text[text.len() - run..];
    let digit = |at: usize| name.get(at).is_some_and(u8::is_ascii_digit);
    let name_of_rust = name.starts_with(b"_RN") || name.starts_with(b"_RI");
    name.starts_with(b"_ZN")
        || name.starts_with(b"_ZT")
        || name.starts_with(b"_Z") && digit(2)
        || name_of_rust
}

/// The same as [`ends_in_noise`] for what follows.
fn begins_in_noise(text: &[u8]) -> bool {
    let inner =
        |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=');
    let run = text.iter().take(2 * NEIGHBOUR).take_while(inner).count();
    run >= NEIGHBOUR && is_random(&text[..NEIGHBOUR])
}

/// Whether a token can be told from its neighbours: by its checksum, or as a prefix and as many random
/// characters as no chance makes.
fn is_telling(pattern: &Pattern, token: &[u8]) -> bool {
    if is_proven(pattern, token) {
        return true;
    }
    let prefix = pattern
        .keywords
        .iter()
        .filter(|k| token.len() >= k.len() && token[..k.len()].eq_ignore_ascii_case(k.as_bytes()))
        .map(String::len)
        .max()
        .unwrap_or(0);
    let (mark, rest) = token.split_at(prefix);
    // Three letters stand in every encoded picture, and base64 writes zeros as a row of A.
    let marked = matches!(mark.last(), Some(b'_' | b'-' | b'.'))
        || mark.len() >= 4 && pattern.shortest == pattern.longest && !mark.ends_with(b"AAA");
    marked
        && prefix + rest.len() / 8 >= 6
        && rest.len() >= 12
        && longest_word(rest) <= LONGEST_WORD
        && is_random(rest)
}

/// Lower-case letters in a row: one random token in twenty has more, and nearly every name of C++ does.
const LONGEST_WORD: usize = 7;

fn longest_word(text: &[u8]) -> usize {
    text.split(|b| !b.is_ascii_lowercase()).map(<[u8]>::len).max().unwrap_or(0)
}

fn is_proven(pattern: &Pattern, token: &[u8]) -> bool {
    pattern.check.is_some_and(|c| c.proves(token) == Some(Verdict::Verified))
}

/// How much of a match of variable length is the token: a length that its kind is known to have, or else all
/// but the word that follows.
fn length_of(pattern: &Pattern, text: &[u8]) -> usize {
    if pattern.check == Some(Check::Jwt) {
        return jwt_length(text);
    }
    let known = pattern.sample_lengths();
    let fits = |l: &usize| *l <= text.len() && !is_random(&text[*l..]);
    if let Some(length) = known.iter().copied().filter(fits).max() {
        return length;
    }
    let kept = without_last_word(text);
    if kept >= pattern.shortest.max(16) && is_random(&text[..kept]) { kept } else { text.len() }
}

/// RFC 7518: signatures of HMAC, ECDSA and RSA with their usual keys.
fn jwt_length(text: &[u8]) -> usize {
    let start = memchr::memrchr(b'.', text).map_or(0, |at| at + 1);
    let signature = text.len() - start;
    [683, 512, 342, 176, 128, 86, 64, 43]
        .iter()
        .find(|&&l| l <= signature)
        .map_or(text.len(), |l| start + l)
}

/// What stands before the word at the end, as prose and messages begin.
fn without_last_word(text: &[u8]) -> usize {
    let lower = text.iter().rev().take_while(|b| b.is_ascii_lowercase()).count();
    let word = match text.len().checked_sub(lower + 1).map(|at| text[at]) {
        Some(b) if b.is_ascii_uppercase() && lower >= 2 => lower + 1,
        _ => lower,
    };
    if word >= 3 { text.len() - word } else { text.len() }
}
