//! An opaque value that is recognised by the name it stands beside (`ALGOLIA_API_KEY = …`).
//!
//! A regex for the value alone, tried at every token that begins behind the name; where the token
//! stands decides: what is assigned to what, on the same line or within the same few lines of a
//! structured file.

use super::evidence::{Alphabet, entropy, is_placeholder, is_scrambled};
use super::label::{Label, Role};
use super::name::Name;
use crate::analyze::Confidence;
use regex::bytes::Regex;
use std::collections::VecDeque;
use std::ops::Range;

/// How far behind the beginning of a name its value may begin, in bytes.
pub(super) const REACH: usize = 240;
/// How many line ends may lie between them: a key path of YAML or JSON.
const LINES: usize = 3;

/// What a pattern says of the surroundings.
#[derive(Debug)]
pub(super) struct Beside {
    /// The value is itself an id.
    ids: bool,
    /// Words that may not stand between, in lower case.
    not: Vec<String>,
    pub names: Vec<Name>,
}

impl Beside {
    pub fn new(names: Vec<Name>, ids: bool, not: Vec<String>) -> Self {
        Self { names, ids, not: not.into_iter().map(|w| w.to_ascii_lowercase()).collect() }
    }

    /// The values behind the name at `name`, each with how sure it is. `values`: those of this pattern in this
    /// buffer, as far as they were looked for; where names stand close, each value is looked for once.
    pub fn find(
        &self,
        buffer: &[u8],
        name: Range<usize>,
        value: &Regex,
        values: &mut Values,
    ) -> Vec<(Range<usize>, Confidence)> {
        let mut out = Vec::new();
        if !is_word_of_its_own(buffer, &name) {
            return out;
        }
        let limit = (name.start + REACH).min(buffer.len());
        values.look(buffer, name.end, limit, value);
        for found in values.found.iter().filter(|f| f.start >= name.end && f.start < limit) {
            let between = &buffer[name.end..=found.start];
            let lines = memchr::memchr_iter(b'\n', between).count();
            if lines > LINES {
                break;
            }
            if let Some(confidence) = self.judge(buffer, &name, found, lines) {
                out.push((found.clone(), confidence));
            }
        }
        out
    }

    fn judge(
        &self,
        buffer: &[u8],
        name: &Range<usize>,
        found: &Range<usize>,
        lines: usize,
    ) -> Option<Confidence> {
        let secret = &buffer[found.clone()];
        let between = buffer[name.end..found.start].to_ascii_lowercase();
        let holds = |w: &str| memchr::memmem::find(&between, w.as_bytes()).is_some();
        if self.not.iter().any(|w| holds(w)) || !is_random(secret) {
            return None;
        }
        if is_checksum_line(buffer, found) {
            return None;
        }
        let label = Label::before(buffer, found.start);
        let role = match label.role() {
            Role::Id if self.ids => Role::Secret,
            role => role,
        };
        let short = secret.len() < 16;
        let uuid = is_uuid(secret);
        match (role, label.assigned, lines) {
            (Role::Id | Role::Public, ..) => None,
            (Role::Secret, true, _) => Some(Confidence::Likely),
            (Role::Secret, false, 0) if !short => Some(Confidence::Likely),
            // Of another member of the same object or list, on one long line.
            (Role::Unknown, true, 0) if !label.listed && ends_a_member(&between) => {
                (!short).then_some(Confidence::Possible)
            }
            (Role::Unknown, true, 0) if !short && !uuid => Some(Confidence::Likely),
            (Role::Unknown, true, 0) if !short => Some(Confidence::Possible),
            (Role::Unknown, false, 0) if !short && says_secret(&between) => {
                Some(Confidence::Likely)
            }
            (Role::Unknown, false, 0) if !short && !uuid && between.len() <= 3 => {
                Some(Confidence::Likely)
            }
            (Role::Unknown, false, _) if !short && !uuid && says_secret(&between) => {
                Some(Confidence::Likely)
            }
            (_, _, 0 | 1) if !short => Some(Confidence::Possible),
            _ => None,
        }
    }
}

/// What looks like a value of one pattern, in one buffer.
#[derive(Default)]
pub(super) struct Values {
    found: VecDeque<Range<usize>>,
    /// Values that begin before this place are known.
    to: usize,
    /// How often the regex was asked.
    pub asked: usize,
}

impl Values {
    fn look(&mut self, buffer: &[u8], from: usize, limit: usize, value: &Regex) {
        while self.found.front().is_some_and(|f| f.start + 2 * REACH < from) {
            self.found.pop_front();
        }
        let mut at = self.to.max(from);
        while at < limit {
            let b = buffer[at];
            let begins = b.is_ascii_graphic() && !joins(buffer[at - 1]) && buffer[at - 1] != b'.';
            self.asked += usize::from(begins);
            if begins
                && let Some(m) = value.find(&buffer[at..])
                && ends_token(buffer, at + m.end())
            {
                self.found.push_back(at..at + m.end());
                at += m.end();
                continue;
            }
            at += 1;
        }
        self.to = self.to.max(at);
    }
}

fn joins(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn ends_token(buffer: &[u8], end: usize) -> bool {
    let next = |i: usize| buffer.get(end + i).copied().unwrap_or(b' ');
    match next(0) {
        b'_' | b'+' | b'=' => false,
        b if b.is_ascii_alphanumeric() => false,
        b'-' | b'.' | b'/' | b'(' => !next(1).is_ascii_alphanumeric(),
        _ => true,
    }
}

/// `lob` is a name in `lob_key` and `myLobKey`, not in `global` or `lobby`.
fn is_word_of_its_own(buffer: &[u8], name: &Range<usize>) -> bool {
    let first = buffer[name.start];
    let begins = match buffer[..name.start] {
        [.., b'\\', b'n' | b't' | b'r'] => true,
        [.., before] if before.is_ascii_lowercase() => first.is_ascii_uppercase(),
        [.., before] if before.is_ascii_uppercase() => false,
        _ => true,
    };
    let last = buffer[name.end - 1];
    let goes_on = buffer.get(name.end).is_some_and(|next| {
        next.is_ascii_alphabetic() && (next.is_ascii_lowercase() || last.is_ascii_uppercase())
    });
    begins
        && (name.len() >= 7
            || !goes_on
            || [
                &b"key"[..],
                b"token",
                b"secret",
                b"pass",
                b"pwd",
                b"api",
                b"auth",
                b"cred",
                b"app",
                b"client",
                b"access",
                b"id",
                b"io",
                b"dev",
                b"private",
                b"webhook",
                b"user",
                b"account",
            ]
            .iter()
            .any(|w| {
                buffer.get(name.end..name.end + w.len()).is_some_and(|b| b.eq_ignore_ascii_case(w))
            }))
}

/// `9e107d9d…  usr/share/x`: a line that `md5sum` and its like write.
fn is_checksum_line(buffer: &[u8], found: &Range<usize>) -> bool {
    let begins = found.start == 0 || buffer[found.start - 1] == b'\n';
    begins
        && matches!(buffer.get(found.end..found.end + 3), Some([b' ', b' ' | b'*', path]) if path.is_ascii_graphic())
}

/// A string has ended and the next member has begun: `"url": "https://acme.com/x", "head": "`.
fn ends_a_member(between: &[u8]) -> bool {
    let mut rest = between;
    while let Some(at) = memchr::memchr2(b'"', b'}', rest) {
        rest = &rest[at + 1..];
        if rest.first() == Some(&b',') {
            return true;
        }
    }
    false
}

/// A word for a secret anywhere in what stands between.
pub(super) fn says_secret(lower: &[u8]) -> bool {
    ["key", "token", "secret", "password", "credential", "auth", "bearer", "pat"]
        .iter()
        .any(|w| memchr::memmem::find(lower, w.as_bytes()).is_some())
}

pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.split(|&b| b == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12])
        && value.iter().all(|&b| b == b'-' || b.is_ascii_hexdigit())
}

/// `php-symfony-sms77-notifier`: words with a number here and there, as packages are named.
pub(super) fn is_dashed_words(value: &[u8]) -> bool {
    let parts = || value.split(|b| matches!(b, b'-' | b'_' | b'.'));
    let word = |part: &[u8]| {
        let letters = part.iter().take_while(|b| b.is_ascii_lowercase()).count();
        part[letters..].len() <= 3 && part[letters..].iter().all(u8::is_ascii_digit)
    };
    parts().count() >= 3 && parts().all(word) && parts().filter(|p| p.len() >= 4).count() >= 2
}

/// As random as a value of its length and alphabet has to be. The bounds are what one random value in
/// a thousand falls under.
pub(super) fn is_random(value: &[u8]) -> bool {
    if is_placeholder(value) || is_dashed_words(value) {
        return false;
    }
    let core = value.iter().filter(|b| b.is_ascii_alphanumeric());
    let digits = core.clone().filter(|b| b.is_ascii_digit()).count();
    let n = core.clone().count();
    if n < 6 {
        return false;
    }
    let hex = core.clone().all(u8::is_ascii_hexdigit);
    let bits = entropy(value, if hex { Alphabet::Hex } else { Alphabet::Base62 });
    if digits == n {
        return bits >= 1.8;
    }
    let least = match (hex, n) {
        (true, ..16) => 2.0,
        (true, 16..28) => 2.6,
        (true, _) => 3.0,
        (false, ..12) => 2.2,
        (false, 12..16) => 2.7,
        (false, 16..24) => 3.1,
        (false, 24..32) => 3.4,
        (false, _) => 3.7,
    };
    if bits < least {
        return false;
    }
    let mixed =
        value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    // Words have no digits; one random value in thirty has none either, but it mixes cases.
    digits > 0 && (n < 16 || digits > 1 || mixed || n < 24) || is_scrambled(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, name: &str, value: &str) -> Vec<(String, Confidence)> {
        let regex = regex::bytes::RegexBuilder::new(&format!(r"\A(?:{value})"))
            .unicode(false)
            .build()
            .unwrap();
        let beside = Beside::new(Vec::new(), false, vec!["nomatch".into()]);
        let at = text.to_ascii_lowercase().find(name).unwrap();
        beside
            .find(text.as_bytes(), at..at + name.len(), &regex, &mut Values::default())
            .into_iter()
            .map(|(r, c)| (text[r].to_owned(), c))
            .collect()
    }

    const V: &str = "8f14e45fceea167a5a36dedd4bea2543";

    #[test]
    fn a_value_is_found_wherever_its_name_assigns_it() {
        for text in [
            "ACME_API_KEY=@",
            "acme: { apiKey: '@' }",
            "\"acme\": {\n  \"app\": 1,\n  \"key\": \"@\"\n}",
            "<acmeToken>@</acmeToken>",
            "<acmeToken>\n  @\n</acmeToken>",
            "setAcmeKey(\"@\")",
            "client = Acme.new('@')",
            "https://api.acme.io/v1?api_key=@&x=1",
            "acme --token @",
            "the acme api key is @",
            "ACME_TOKEN ?= @",
            "acme.token := `@`",
            "{\\\"acme_key\\\": \\\"@\\\"}",
            "curl -H 'X-Acme-Token: @'",
            "ENV ACME_KEY @",
        ] {
            let got = find(&text.replace('@', V), "acme", "[0-9a-f]{32}");
            assert_eq!(got, [(V.to_owned(), Confidence::Likely)], "{text}");
        }
    }

    /// Lists of packages are full of vendors' names beside long words.
    #[test]
    fn names_of_packages_are_not_random() {
        for name in
            ["php-symfony-sms77-notifier", "libghc-http2-client-dev", "python3-sphinx-rtd-theme11"]
        {
            assert!(!is_random(name.as_bytes()), "{name}");
        }
        for value in [V, "123e4567-e89b-42d3-a456-426614174000", "k3jd-92ksl-q0x7-sd8sl-q1xz"] {
            assert!(is_random(value.as_bytes()), "{value}");
        }
        let line =
            "Breaks: php-symfony-acme-notifier (<< 5.3~~), php-symfony-sms77-notifier (<< 5.3~~)";
        assert!(find(line, "acme", "[A-Za-z0-9_-]{20,40}").is_empty());
    }

    #[test]
    fn what_only_stands_near_is_not_taken() {
        for text in [
            "ACME_APP_ID=@",
            "acme-1.2.tgz#@",
            "acme checksum: @",
            "\"acme\": {\n \"integrity\": \"@\"\n}",
            "acmé",
            "macmeister_key=@",
            "acme nomatch key=@",
            "acme_key=@a",
            "acme_key=a@",
            "acme_key=00000000000000000000000000000000",
            "acme\n\n\n\n\nkey=@",
            "\"url\": \"https://acme.com/k\", \"dist\": {\"shasum\": \"@\"",
            "\"url\": \"https://acme.com/k\", \"head\": \"@\"",
            "8f14e45fceea167a5a36dedd4bea2544  usr/share/acme/token.js\n@  usr/share/x/token.js",
        ] {
            let text = text.replace('@', V);
            if !text.contains("acme") {
                continue;
            }
            let got = find(&text, "acme", "[0-9a-f]{32}");
            assert!(got.iter().all(|g| g.1 < Confidence::Likely), "{text}: {got:?}");
        }
    }
}
