//! What a value is worth that only the name beside it makes a secret: `password = …`.
//!
//! Weighs name, value and notation; must not know formats of providers.

use super::check::{Candidate, Verdict};
use super::evidence::{is_mixed, is_opaque, is_password, is_placeholder, is_template};
use super::label::{Label, Role};
use super::vendor_value::{is_dashed_words, is_random, is_uuid};
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

/// What is known of name, notation and value before the value is weighed; `None` if they are no
/// assignment of a secret.
fn assigned(c: &Candidate) -> Option<Assigned> {
    let quoted = quoted(c);
    if !c.generic {
        let well_placed = quoted.unwrap_or_else(|| stands_alone(c));
        return (well_placed && !is_shortened(c)).then_some(Assigned { quoted: quoted.is_some() });
    }
    let label = label(c);
    let well_placed = match quoted {
        Some(closed) => closed,
        // A bare word is a name in a program; after a comma or a bracket it is one anywhere.
        None => {
            stands_alone(c) && !c.place.program && !label.listed && (!label.tag || is_closed(c))
        }
    };
    let good = well_placed && label.assigned && label.role() == Role::Secret && !is_shortened(c);
    // The end of an element is as good as a quote.
    good.then_some(Assigned { quoted: quoted.is_some() || label.tag })
}

/// `<token>x</token>`.
fn is_closed(c: &Candidate) -> bool {
    c.matched[c.at + c.secret.len()..].trim_ascii_start().starts_with(b"</")
}

struct Assigned {
    quoted: bool,
}

pub(super) fn opaque_value(c: &Candidate) -> Verdict {
    let Some(assigned) = assigned(c) else { return Verdict::Dismissed };
    if !is_opaque(c.secret) {
        // Settings hold short secrets, too.
        let short = c.place.settings
            && is_password(c.secret)
            && is_strong(c.secret)
            && !is_hyphenated(c.secret)
            && !is_version(c.secret);
        let delimited = assigned.quoted || !c.place.program;
        let random = c.secret.len() >= 12
            && is_strong(c.secret)
            && is_random(c.secret)
            && is_mixed(c.secret);
        let taken = short || delimited && (is_uuid(c.secret) || random && !is_hyphenated(c.secret));
        return if taken { Verdict::Level(Confidence::Likely) } else { Verdict::Dismissed };
    }
    let code = |b: &u8| matches!(b, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b';' | b'*');
    if assigned.quoted || c.place.config {
        Verdict::Level(Confidence::Likely)
    } else if c.secret.iter().any(code) {
        Verdict::Dismissed
    } else if c.secret.contains(&b'.') {
        Verdict::Level(Confidence::Possible)
    } else {
        Verdict::Level(Confidence::Likely)
    }
}

/// Long and of several kinds of characters: no word with a digit behind it.
fn is_strong(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let digits = has(u8::is_ascii_digit);
    let kinds =
        [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), has(u8::is_ascii_punctuation)];
    let kinds = kinds.iter().filter(|&&k| k).count();
    let two = value.iter().filter(|b| b.is_ascii_digit()).count() > 1;
    digits && value.len() >= 8 && (kinds >= 2 || two && value.len() >= 10)
}

pub(super) fn password_value(c: &Candidate) -> Verdict {
    if is_template(c.secret) || is_stock_password(c.secret) || is_word_list(c.secret) {
        return Verdict::Dismissed;
    }
    if let v @ Verdict::Level(_) = opaque_value(c) {
        return v;
    }
    let Some(assigned) = assigned(c) else { return Verdict::Dismissed };
    if !is_password(c.secret) || is_version(c.secret) {
        return Verdict::Dismissed;
    }
    if is_hyphenated(c.secret) {
        return Verdict::Level(Confidence::Possible);
    }
    match (assigned.quoted, is_strong(c.secret)) {
        _ if c.place.settings => Verdict::Level(Confidence::Likely),
        (_, true) => Verdict::Level(Confidence::Likely),
        (false, false) if !c.place.config => Verdict::Dismissed,
        _ => Verdict::Level(Confidence::Possible),
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

/// `^4.0.23`, `>=1.2`, `~> 3.1`: a package that is named for passwords.
fn is_version(value: &[u8]) -> bool {
    let rest = value.trim_ascii_start();
    let number = rest.iter().position(u8::is_ascii_digit).unwrap_or(rest.len());
    rest[..number].iter().all(|b| matches!(b, b'^' | b'~' | b'>' | b'<' | b'=' | b'v' | b' '))
        && rest[number..].split(|b| *b == b'.').count() >= 2
        && rest[number..].iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'*' | b'x'))
}

/// `softfail:neutral:permerror`: what a rule lets pass, not a password.
fn is_word_list(value: &[u8]) -> bool {
    value.contains(&b':')
        && value.split(|&b| b == b':').all(|w| w.len() > 2 && w.iter().all(u8::is_ascii_lowercase))
}

/// `scram-sha-256`: words and a number, the name of a method.
fn is_hyphenated(value: &[u8]) -> bool {
    let parts = || value.split(|b| *b == b'-' || *b == b'_');
    // `v3-gradle-wrapper-linux-x64`: the key of a cache.
    if is_dashed_words(value) {
        return true;
    }
    parts().count() >= 2
        && parts().all(|p| {
            p.len() > 1
                && (p.iter().all(u8::is_ascii_lowercase) || p.iter().all(u8::is_ascii_digit))
        })
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
