//! Whether a value looks like a secret at all: entropy, placeholders, words.
//!
//! Judges a value by its bytes alone; must not know which pattern found it.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Deserialize;
use std::sync::OnceLock;

/// Over which characters entropy is counted; others are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    Any,
    Hex,
    Base62,
    /// Both the standard and the URL-safe form, without padding.
    Base64,
}

impl Alphabet {
    fn has(self, b: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Base62 => b.is_ascii_alphanumeric(),
            Self::Base64 => b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'),
        }
    }
}

/// Shannon entropy in bits per character, of the characters in `over`.
pub fn entropy(value: &[u8], over: Alphabet) -> f64 {
    let mut count = [0u32; 256];
    let mut total = 0u32;
    for &b in value.iter().filter(|&&b| over.has(b)) {
        count[b as usize] += 1;
        total += 1;
    }
    let n = f64::from(total);
    count.iter().filter(|&&c| c > 0).map(|&c| f64::from(c) / n).map(|p| -p * p.log2()).sum()
}

/// Parts of values that stand for a secret in examples. No random value of a token's length holds
/// one by chance often enough to matter.
const STAND_INS: [&str; 22] = [
    "example",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "replaceme",
    "replace_me",
    "replace-me",
    "insert_",
    "insert-",
    "your_",
    "your-",
    "yourtoken",
    "yourkey",
    "yoursecret",
    "yourpass",
    "xxxxxx",
    "redacted",
    "dummy",
    "notasecret",
    "******",
];

/// A value written to be replaced: a stand-in word, a template, one character over and over, or a
/// run along the alphabet or the digits.
pub fn is_placeholder(value: &[u8]) -> bool {
    // One automaton: this is asked of every match.
    static WORDS: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(STAND_INS)
            .ok()
    });
    words.as_ref().is_some_and(|w| w.is_match(value))
        || is_template(value)
        || is_monotonous(&value.to_ascii_lowercase())
}

const TEMPLATES: [&str; 8] = ["${", "$(", "{{", "%(", "#{", "<%", "{%", "$["];

/// `${VAR}`, `$VAR`, `$(cmd)`, `{{ x }}`, `<x>`, `%VAR%`, `%(x)s`, `#{x}`, `@x@`, `[x]`.
pub fn is_template(value: &[u8]) -> bool {
    // Each mark of two has one of these first.
    let marked = memchr::memchr3_iter(b'$', b'{', b'%', value)
        .chain(memchr::memchr2_iter(b'#', b'<', value))
        .any(|at| {
            let mark = value.get(at..at + 2).unwrap_or_default();
            TEMPLATES.iter().any(|m| m.as_bytes() == mark)
        });
    let framed = |open: u8, close: u8| {
        value.len() > 2 && value.first() == Some(&open) && value.last() == Some(&close)
    };
    marked
        || framed(b'<', b'>')
        || framed(b'%', b'%')
        || framed(b'@', b'@')
        || framed(b'[', b']')
        || framed(b'{', b'}')
        || framed(b'(', b')')
        || (value.first() == Some(&b'$')
            && value[1..].iter().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']' | b'\'' | b'"')
            }))
}

/// At least half of it, or ten bytes, is one run of equal or neighbouring characters; or it has fewer
/// than four different ones.
fn is_monotonous(lower: &[u8]) -> bool {
    let mut longest = 0;
    for step in [0i16, 1, -1] {
        let mut run = 1;
        for pair in lower.windows(2) {
            // After 9 comes 0, as on a keyboard.
            let next =
                i16::from(pair[1]) - i16::from(pair[0]) == step || (step == 1 && pair == b"90");
            run = if next { run + 1 } else { 1 };
            longest = longest.max(run);
        }
    }
    let mut seen = [false; 256];
    for &b in lower {
        seen[b as usize] = true;
    }
    let different = seen.iter().filter(|&&s| s).count();
    longest >= 10 || (lower.len() >= 4 && longest * 2 >= lower.len()) || different < 4
}

/// A value that no one made up from words: long enough, letters and digits well mixed.
pub fn is_opaque(value: &[u8]) -> bool {
    let n = value.len();
    if n < 16 || is_placeholder(value) || looks_like_a_name(value) {
        return false;
    }
    let core: Vec<u8> = value.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let letters = core.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let digits = core.len() - letters;
    if core.len() * 10 < n * 7 || letters == 0 {
        return false;
    }
    if digits == 0 {
        return is_scrambled(&core);
    }
    if core.len() == n && core.iter().all(u8::is_ascii_hexdigit) {
        return n >= 24 && entropy(&core, Alphabet::Hex) >= 3.0;
    }
    let least = if n < 20 { 3.2 } else { 3.5 };
    entropy(value, Alphabet::Any) >= least && mixing(&core) >= 0.24
}

/// How often the class of a character (upper, lower, digit) changes from one to the next, the step
/// from a capital into its word left out: 0.47 in random base62, under 0.23 in identifiers and words.
fn mixing(core: &[u8]) -> f64 {
    let class = |b: u8| (b.is_ascii_lowercase() as u8) + 2 * (b.is_ascii_uppercase() as u8);
    let changes = core
        .windows(2)
        .filter(|p| class(p[0]) != class(p[1]) && (class(p[0]), class(p[1])) != (2, 1))
        .count();
    changes as f64 / core.len().max(2).saturating_sub(1) as f64
}

/// Its characters change their class as often as no word's do.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    let core: Vec<u8> = value.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    mixing(&core) >= 0.24
}

/// Whether letters alone are no words: both cases in good numbers, as few vowels as by chance (five
/// letters of 26; in words two of five), capitals beside capitals.
pub(super) fn is_scrambled(value: &[u8]) -> bool {
    let letters: Vec<u8> = value.iter().copied().filter(u8::is_ascii_alphabetic).collect();
    let n = letters.len();
    let upper = letters.iter().filter(|b| b.is_ascii_uppercase()).count();
    let vowel = |b: &&u8| matches!(b.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u');
    let vowels = letters.iter().filter(vowel).count();
    n >= 12
        && upper * 5 >= n
        && upper * 5 <= n * 4
        && vowels * 10 <= n * 3
        && mixing(&letters) >= 0.12
        && entropy(&letters, Alphabet::Any) >= 3.2
        && !is_camel_case(value)
}

/// Nearly all of it are words of camel case, whatever digits and separators stand between them. One in a
/// hundred random values of twenty letters looks so, and almost none that is longer.
pub(super) fn is_camel_case(value: &[u8]) -> bool {
    let (mut letters, mut within, mut run, mut words, mut before) = (0, 0, 0, 0, 0u8);
    for &b in value.iter().chain([&b' ']) {
        letters += usize::from(b.is_ascii_alphabetic());
        if b.is_ascii_lowercase() && before.is_ascii_alphabetic() {
            run += 1;
        } else {
            if run >= 3 {
                within += run;
                words += 1;
            }
            run = usize::from(b.is_ascii_alphabetic());
        }
        before = b;
    }
    letters >= 16
        && words >= 3
        && within * 10 >= letters * 9
        && value.iter().any(u8::is_ascii_uppercase)
}

/// Identifiers, paths, URLs, versions, UUIDs, digests with their algorithm in front.
fn looks_like_a_name(value: &[u8]) -> bool {
    let has = |mark: &str| memchr::memmem::find(value, mark.as_bytes()).is_some();
    if has("://") || has("->") || has("::") || has("()") {
        return true;
    }
    for algorithm in [
        "sha1-", "sha256-", "sha384-", "sha512-", "sha1:", "sha256:", "sha384:", "sha512:", "md5:",
        "sha1=", "sha256=", "sha384=", "sha512=", "md5=",
    ] {
        if value.starts_with(algorithm.as_bytes()) {
            return true;
        }
    }
    // Parts between separators: a secret has one of some length, a name has none.
    let longest = value
        .split(|b| matches!(b, b'.' | b'-' | b'_' | b'/' | b':' | b',' | b' '))
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0);
    let uuid =
        value.len() == 36 && value.split(|&b| b == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12]);
    if longest < 8 || uuid {
        return true;
    }
    let slashes = memchr::memchr_iter(b'/', value).count();
    value.first() == Some(&b'/') || (slashes >= 3 && slashes * 12 > value.len())
}

/// A password that a person may have chosen: at least two kinds of characters, no plain word, no
/// template, no call.
pub fn is_password(value: &[u8]) -> bool {
    if value.len() < 6 || is_placeholder(value) {
        return false;
    }
    let kinds = [
        value.iter().any(u8::is_ascii_lowercase),
        value.iter().any(u8::is_ascii_uppercase),
        value.iter().any(u8::is_ascii_digit),
        value.iter().any(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'.' | b'/')),
    ];
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let lower = value.to_ascii_lowercase();
    let word = |w: &str| memchr::memmem::find(&lower, w.as_bytes()).is_some();
    let names_itself =
        ["password", "passwd", "secret", "token", "test", "null", "none", "true", "false"]
            .iter()
            .any(|w| word(w));
    let code = value
        .iter()
        .any(|b| matches!(b, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'`' | b'\\'));
    kinds.iter().filter(|&&k| k).count() >= 2
        && (kinds[2] || kinds[3])
        && digits < value.len()
        && !names_itself
        && !code
        && !word("://")
        && value.first() != Some(&b'/')
        && value.first() != Some(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_seen() {
        for p in [
            "changeme",
            "your-api-key-here",
            "xxxxxxxxxxxxxxxx",
            "${TOKEN}",
            "{{ token }}",
            "$TOKEN",
            "<token>",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "1234567890123456",
            "%(pass)s",
            "0000000000000000000000000000000000000000",
            "wJalrXUtnFEMIEXAMPLEKEY",
        ] {
            assert!(is_placeholder(p.as_bytes()), "{p}");
        }
        for s in ["Tr0ub4dor&3", "FAKE7TtnDIWLvcz4hxwr", "hV3kq9ZpLw2N"] {
            assert!(!is_placeholder(s.as_bytes()), "{s}");
        }
    }

    #[test]
    fn opaque_is_neither_word_nor_name() {
        for s in [
            "FAKE7TtnDIWLvcz4hxwr",
            "FAKELsc7qxQlsoVi",
            "9f86d081884c7d659a2feaa0c55ad015",
            "FAKEq09o24Td07FVOwdT3XjKl7uoPurGzquECYvMwGPFU3mk",
            "k3Jd-92ksLq0_sKd8sLq1Xz",
        ] {
            assert!(is_opaque(s.as_bytes()), "{s}");
        }
        for s in [
            "sha256WithRSAEncryption",
            "application/x-www-form-urlencoded",
            "my-app-token-12345",
            "getUserTokenFromRequest2",
            "/usr/lib/x86_64-linux-gnu/libssl.so.3",
            "https://example.org/a1b2c3d4",
            "sha512-9f86d081884c7d659a2feaa0c55ad015",
            "short1",
            "123e4567-e89b-12d3-a456-426614174000",
            "2024-01-01T00:00:00.000Z",
        ] {
            assert!(!is_opaque(s.as_bytes()), "{s}");
        }
    }

    #[test]
    fn camel_case_is_no_token() {
        for s in
            ["NextPartNumberMarker", "Sam3TrackerVideoModelOutputItems", "getUserTokenFromPage2"]
        {
            assert!(is_camel_case(s.as_bytes()), "{s}");
        }
        for s in ["FAKELsc7qxQlsoViTbKd", "gCNBzlDYXPOQqpwTzuAb", "correcthorse", "kqzwvbnmtrpl1"] {
            assert!(!is_camel_case(s.as_bytes()), "{s}");
        }
    }

    #[test]
    fn passwords_are_no_words() {
        for s in ["Tr0ub4dor&3", "hunter2", "s3cr3t!x"] {
            assert!(is_password(s.as_bytes()), "{s}");
        }
        for s in ["postgres", "changeme", "getpass()", "$DB_PASS", "12345678", "password123", "str"]
        {
            assert!(!is_password(s.as_bytes()), "{s}");
        }
    }

    #[test]
    fn entropy_counts_its_alphabet_only() {
        assert_eq!(entropy(b"abababab", Alphabet::Any), 1.0);
        assert_eq!(entropy(b"a-b-a-b-", Alphabet::Hex), 1.0);
        assert_eq!(entropy(b"", Alphabet::Any), 0.0);
    }
}
