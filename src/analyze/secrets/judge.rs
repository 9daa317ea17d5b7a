//! Whether a match is a secret, and which of several matches of the same bytes is told.
//!
//! Weighs the evidence of one match; must not know how it was found.

use super::check::{Candidate, Check, Verdict};
use super::evidence::{entropy, is_camel_case, is_opaque, is_placeholder, is_scrambled};
use super::pattern::{Pattern, PatternSeverity, Rank};
use super::scan::Found;
use crate::analyze::Confidence;
use std::collections::HashSet;

/// Whether a token may begin at `at`: no letter, digit or `_` stands before it, other than the end of
/// an escape (`\n`, `\t`, `%3D`, `\u003d`).
pub(super) fn begins_token(buffer: &[u8], at: usize) -> bool {
    let before = &buffer[at.saturating_sub(6)..at];
    match before {
        [.., b'\\', b'n' | b't' | b'r'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [b'\\', b'u', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit) => true,
        _ if !buffer.get(at).is_some_and(u8::is_ascii_alphanumeric) => true,
        [.., last] => !(last.is_ascii_alphanumeric() || *last == b'_'),
        [] => true,
    }
}

pub(super) fn continues_token(text: &[u8], end: usize) -> bool {
    text.get(end).is_some_and(u8::is_ascii_alphanumeric)
        && text.get(end - 1).is_some_and(u8::is_ascii_alphanumeric)
}

/// How sure a match is; `None` if it is no secret.
pub(super) fn judge(
    pattern: &Pattern,
    c: &Candidate,
    published: &HashSet<String>,
) -> Option<Confidence> {
    let allow = &pattern.allow;
    if pattern.as_written {
        let low = pattern.entropy.is_some_and(|(least, over)| entropy(c.secret, over) <= least);
        if low || allow.lists.iter().any(|list| list.dismisses(c)) {
            return None;
        }
        let level =
            if is_placeholder(c.secret) { Confidence::Possible } else { pattern.confidence };
        return Some(level);
    }
    if pattern.placeholders && (is_placeholder(c.secret) || is_words(c.secret) && !c.generic) {
        return None;
    }
    // In the documentation of many providers; by chance in no value.
    if memchr::memmem::find(c.secret, b"EXAMPLE").is_some() {
        return None;
    }
    if let Some((least, over)) = pattern.entropy
        && entropy(c.secret, over) < least
    {
        return None;
    }
    if !allow.words.is_empty() || !allow.stopwords.is_empty() {
        let lower = c.secret.to_ascii_lowercase();
        let holds = |w: &String| memchr::memmem::find(&lower, w.as_bytes()).is_some();
        if allow.words.iter().any(|w| w.as_bytes() == lower) || allow.stopwords.iter().any(holds) {
            return None;
        }
    }
    if allow.regexes.iter().any(|r| r.is_match(c.secret)) {
        return None;
    }
    if !allow.fingerprints.is_empty() && allow.fingerprints.contains(&pattern.fingerprint(c.secret))
    {
        return None;
    }
    let confidence = match pattern.check.map(|check| check.run(c)) {
        None => pattern.confidence,
        Some(Verdict::Verified) => Confidence::VerifiedFormat,
        Some(Verdict::Level(level)) => level,
        // A failed check never hides a match on its own; beside a place of samples it does.
        Some(Verdict::Failed) if c.place.library || c.place.sample => Confidence::Possible,
        Some(Verdict::Failed) => Confidence::Likely,
        Some(Verdict::Dismissed) => return None,
    };
    let doubtful = confidence > Confidence::Possible
        && (is_out_of_place(pattern, c)
            || !published.is_empty() && published.contains(&pattern.fingerprint(c.secret)));
    Some(if doubtful { Confidence::Possible } else { confidence })
}

/// Whether a match of this kind is worth little at such a place: samples of other people's code show
/// what a secret looks like, and their code is full of names beside values. What a format or a
/// credential file proves stays what it is.
fn is_out_of_place(pattern: &Pattern, c: &Candidate) -> bool {
    let place = c.place;
    if place.library && place.sample {
        return true;
    }
    if place.library && pattern.severity <= PatternSeverity::Low {
        // Ids and publishable keys that a library carries are its own.
        return true;
    }
    if pattern.check == Some(Check::PemPrivateKey)
        && (c.binary && (place.library || place.system)
            || place.library && place.program && !place.settings)
    {
        // The keys of self-tests and of documentation within programs.
        return true;
    }
    let weighed = pattern.check.is_some_and(Check::weighs_words);
    match pattern.rank {
        Rank::Specific if !weighed => false,
        Rank::Specific | Rank::Context => place.template || (place.library && !place.settings),
        Rank::Generic if place.library => place.sample || !place.settings || place.program,
        // In one's own tests a value that no one would make up by hand may be a real one.
        Rank::Generic => place.sample && (place.template || !is_opaque(c.secret)),
    }
}

/// Camel case or plain words behind a prefix: a name in a program, not a token. A random value of this
/// length without a digit mixes its cases.
fn is_words(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    value.len() >= 16
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && match digits {
            0 => !is_scrambled(value),
            1 | 2 => is_camel_case(value),
            _ => false,
        }
}

/// One match a place: the most telling one.
pub(super) fn without_overlaps(mut found: Vec<Found>, list: &[Pattern]) -> Vec<Found> {
    if found.len() < 2 {
        return found;
    }
    let weight = |f: &Found| -> (Rank, Confidence, u64) {
        (list[f.pattern].rank, f.confidence, f.range.end - f.range.start)
    };
    found.sort_by(|a, b| {
        weight(b)
            .cmp(&weight(a))
            .then(a.range.start.cmp(&b.range.start))
            .then(a.inside.is_some().cmp(&b.inside.is_some()))
            .then(a.pattern.cmp(&b.pattern))
    });
    let mut kept: std::collections::BTreeMap<u64, Found> = std::collections::BTreeMap::new();
    for f in found {
        // Kept ranges are disjoint, so only the last one that begins before our end can touch us.
        let touched =
            kept.range(..f.range.end).next_back().is_some_and(|(_, k)| k.range.end > f.range.start);
        if !touched {
            kept.insert(f.range.start, f);
        }
    }
    kept.into_values().collect()
}
