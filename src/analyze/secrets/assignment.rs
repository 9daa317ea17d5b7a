//! What a value is worth that only the name beside it makes a secret: `password = …`.
//!
//! Weighs name, value and notation; must not know formats of providers.

use super::check::{Candidate, Verdict};
use super::evidence::{is_opaque, is_password, is_placeholder, is_template};
use super::label::{Label, Role};
use crate::analyze::Confidence;

/// The quote around the secret. `Some(false)`: it begins with one and does not end with it, so it is
/// cut or goes on as code.
fn quoted(c: &Candidate) -> Option<bool> {
    let quote =
        c.at.checked_sub(1)
            .and_then(|i| c.matched.get(i))
            .filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let after = &c.matched[c.at + c.secret.len()..];
    Some(after.first() == Some(quote) || after.starts_with(&[b'\\', *quote]))
}

/// Where a bare value stands: at the end of its line or before a separator, not inside code.
fn stands_alone(c: &Candidate) -> bool {
    let after = &c.matched[c.at + c.secret.len()..];
    matches!(
        after,
        [] | [
            b'\n'
                | b'\r'
                | b' '
                | b'\t'
                | b'"'
                | b'\''
                | b'&'
                | b';'
                | b','
                | b'<'
                | b'|'
                | b'}'
                | b']',
            ..
        ] | [b'\\', b'n' | b'r' | b'"' | b'\'', ..]
    )
}

/// The name may begin before the match, which begins with its keyword.
fn label(c: &Candidate) -> Label {
    let both = [c.before, &c.matched[..c.at]].concat();
    Label::before(&both, both.len())
}

/// A sample that was shortened: `eyJ2IjoiMSIs...`.
fn is_shortened(c: &Candidate) -> bool {
    let after = &c.matched[c.at + c.secret.len()..];
    c.secret.ends_with(b"..")
        || after.starts_with(b"..")
        || after.starts_with("\u{2026}".as_bytes())
}

pub(super) fn opaque_value(c: &Candidate) -> Verdict {
    let quoted = quoted(c);
    let well_placed = quoted.unwrap_or_else(|| stands_alone(c));
    let label = label(c);
    if !well_placed || !label.assigned || is_shortened(c) || label.role() != Role::Secret {
        return Verdict::Dismissed;
    }
    if !is_opaque(c.secret) {
        // Settings hold short secrets, too.
        return match c.place.config && is_password(c.secret) && is_strong(c.secret) {
            true => Verdict::Level(Confidence::Likely),
            false => Verdict::Dismissed,
        };
    }
    let code =
        c.secret.iter().any(|b| matches!(b, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b';' | b'*'));
    if quoted.is_none() && (code || c.place.program) {
        return Verdict::Dismissed;
    }
    if quoted.is_some() || c.place.config || !c.secret.contains(&b'.') {
        Verdict::Level(Confidence::Likely)
    } else {
        Verdict::Level(Confidence::Possible)
    }
}

/// Long and of several kinds of characters: no word with a digit behind it.
fn is_strong(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let digits = has(u8::is_ascii_digit);
    let kinds =
        [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), has(u8::is_ascii_punctuation)];
    let kinds = kinds.iter().filter(|&&k| k).count();
    digits && (kinds >= 2 && value.len() >= 8 || value.len() >= 10)
}

pub(super) fn password_value(c: &Candidate) -> Verdict {
    let quoted = quoted(c);
    let well_placed = quoted.unwrap_or_else(|| stands_alone(c));
    if is_template(c.secret) || is_stock_password(c.secret) || !well_placed {
        return Verdict::Dismissed;
    }
    if let v @ Verdict::Level(_) = opaque_value(c) {
        return v;
    }
    let label = label(c);
    if !is_password(c.secret) || label.role() != Role::Secret || is_shortened(c) {
        return Verdict::Dismissed;
    }
    let strong = is_strong(c.secret);
    if c.place.config || (quoted.is_some() && strong) {
        Verdict::Level(Confidence::Likely)
    } else if quoted.is_some() {
        Verdict::Level(Confidence::Possible)
    } else {
        Verdict::Dismissed
    }
}

pub(super) fn secret_field(c: &Candidate) -> Verdict {
    if is_template(c.secret) || is_stock_password(c.secret) || is_placeholder(c.secret) {
        return Verdict::Dismissed;
    }
    let has = |kind: fn(&u8) -> bool| c.secret.iter().any(kind);
    let kinds = u8::from(has(u8::is_ascii_lowercase))
        + u8::from(has(u8::is_ascii_uppercase))
        + u8::from(has(u8::is_ascii_digit));
    if is_password(c.secret) || (c.secret.len() >= 8 && kinds >= 2) {
        Verdict::Level(Confidence::Likely)
    } else {
        Verdict::Level(Confidence::Possible)
    }
}

/// Words that stand for a password in every manual.
pub(super) fn is_stock_password(value: &[u8]) -> bool {
    const STOCK: [&str; 27] = [
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "user",
        "username",
        "admin",
        "root",
        "test",
        "token",
        "mysecretpassword",
        "mypassword",
        "mypass",
        "guest",
        "foo",
        "bar",
        "baz",
        "foobar",
        "none",
        "null",
        "pw",
        "p",
        "x",
        "s3cr3t",
        "hunter2",
        "key",
    ];
    let lower = value.to_ascii_lowercase();
    STOCK.iter().any(|w| w.as_bytes() == lower)
        || lower.starts_with(b"password")
        || lower.starts_with(b"passw0rd")
}
