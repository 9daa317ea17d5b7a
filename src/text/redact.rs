//! Secrets stay secret: a wrapper that prints a mask, the mask itself, and the fingerprint by which
//! a secret is recognised without being known.

use std::fmt;

/// A value that no `{}` and no `{:?}` can leak.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value in clear. Each call is a place to think twice.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A proof that does not give the secret away: at most the first four and the last two bytes of a
/// value of 20 bytes or more, the first two of one of 12 or more, else nothing; always the length.
/// What is shown is printable ASCII, a `?` for every other byte.
pub fn mask(secret: &[u8]) -> String {
    let n = secret.len();
    let (head, tail) = shown_of(n);
    let show = |part: &[u8]| -> String { part.iter().map(|&b| char::from(shown_as(b))).collect() };
    format!("{}****{} ({})", show(&secret[..head]), show(&secret[n - tail..]), counted(secret))
}

/// `20 characters`; `7 characters, 9 bytes` where some take several; `9 bytes` where they are no text.
fn counted(secret: &[u8]) -> String {
    let bytes = secret.len();
    match std::str::from_utf8(secret).map(|text| text.chars().count()) {
        Ok(characters) if characters == bytes => format!("{bytes} characters"),
        Ok(characters) => format!("{characters} characters, {bytes} bytes"),
        Err(_) => format!("{bytes} bytes"),
    }
}

/// The number of bytes that [`counted`] tells.
fn bytes_of(counted: &str) -> Option<usize> {
    let number = |text: &str| text.parse().ok();
    if let Some(bytes) = counted.strip_suffix(" bytes") {
        return match bytes.split_once(" characters, ") {
            Some((characters, bytes)) => number(characters).and_then(|_: usize| number(bytes)),
            None => number(bytes),
        };
    }
    number(counted.strip_suffix(" characters")?)
}

/// The mask of a secret that is a part of a name: with its fingerprint, so that two names that differ
/// stay two names.
pub fn mask_in_name(mask: &str, fingerprint: &str) -> String {
    match mask.strip_suffix(')') {
        Some(open) => format!("{open}, {fingerprint})"),
        None => format!("{mask} ({fingerprint})"),
    }
}

/// How many bytes at the start of `text` are what a mask tells behind its stars: ` (20 characters)`, with a
/// fingerprint in a name.
pub fn length_told(text: &[u8]) -> Option<usize> {
    /// Two numbers of twenty digits, a fingerprint, and the words.
    const LONGEST: usize = 96;
    let inner = text.strip_prefix(b" (")?;
    let end = inner.iter().take(LONGEST).position(|b| *b == b')')?;
    let told = std::str::from_utf8(&inner[..end]).ok()?;
    let is_fingerprint = |t: &str| t.len() == 16 && t.bytes().all(|b| b.is_ascii_hexdigit());
    let counted = match told.rsplit_once(", ") {
        Some((counted, last)) if is_fingerprint(last) => counted,
        _ => told,
    };
    bytes_of(counted)?;
    Some(end + 3)
}

/// How many bytes of the head and of the tail a mask shows.
fn shown_of(length: usize) -> (usize, usize) {
    match length {
        20.. => (4, 2),
        12.. => (2, 0),
        _ => (0, 0),
    }
}

fn shown_as(byte: u8) -> u8 {
    if byte.is_ascii_graphic() { byte } else { b'?' }
}

/// What a mask tells of its secret: enough to see of most texts at once that they are not it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// In bytes.
    pub length: usize,
    /// The first bytes; none of a short secret.
    pub head: Vec<u8>,
    tail: Vec<u8>,
}

impl Shape {
    /// Reads what [`mask`] wrote; `None` for any other text.
    pub fn of_mask(mask: &str) -> Option<Self> {
        let (shown, length) = mask.strip_suffix(')')?.rsplit_once(" (")?;
        let length = bytes_of(length)?;
        let (head, tail) = shown_of(length);
        let shown = shown.as_bytes();
        let (head, rest) = shown.split_at_checked(head)?;
        let tail = rest.strip_prefix(b"****").filter(|rest| rest.len() == tail)?;
        Some(Self { length, head: head.to_vec(), tail: tail.to_vec() })
    }

    /// What [`mask`] would tell of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let (head, tail) = shown_of(bytes.len());
        let shown = |part: &[u8]| part.iter().map(|&b| shown_as(b)).collect();
        Self {
            length: bytes.len(),
            head: shown(&bytes[..head]),
            tail: shown(&bytes[bytes.len() - tail..]),
        }
    }
}

/// Sixteen hex digits that are the same for the same secret wherever it is found: the head of
/// BLAKE3 under a key-derivation context of our own, so that no table made for another purpose fits.
pub fn fingerprint(secret: &[u8]) -> String {
    let hash = blake3::derive_key("careen 2026 secret fingerprint v1", secret);
    crate::oci::digest::hex(&hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_secret() {
        let r = Redacted::new("hunter2");
        assert_eq!(format!("{r} {r:?}"), "[redacted] [redacted]");
        assert_eq!(*r.reveal(), "hunter2");
    }

    #[test]
    fn a_mask_shows_little_of_a_long_secret_and_nothing_of_a_short_one() {
        assert_eq!(mask(b"hunter2"), "**** (7 characters)");
        assert_eq!(mask(b"hunter2hunter2"), "hu**** (14 characters)");
        assert_eq!(mask(b"AKIAFAKEFAKEFAKEFAKE"), "AKIA****KE (20 characters)");
        assert_eq!(mask(b"\x1b[2Jxxxxxxxxxxxxxxxxxx"), "?[2J****xx (22 characters)");
    }

    #[test]
    fn a_mask_counts_characters_where_it_says_characters() {
        assert_eq!(mask("Pässwörd9".as_bytes()), "**** (9 characters, 11 bytes)");
        let street = "Schlüssel-Straße-24";
        assert_eq!(mask(street.as_bytes()), "Schl****24 (19 characters, 21 bytes)");
        assert_eq!(mask(b"\xff\xfe\xfd-not-text"), "??**** (12 bytes)");
        for text in ["Pässwörd9", "Schlüssel-Straße-24"] {
            let text = text.as_bytes();
            assert_eq!(Shape::of_mask(&mask(text)), Some(Shape::of(text)));
        }
        assert_eq!(length_told(b" (9 characters, 11 bytes)/x"), Some(25));
        assert_eq!(length_told(b" (20 characters)"), Some(16));
        assert_eq!(length_told(b" (20 words)"), None);
        let named = mask_in_name(&mask(b"hunter2"), "0123456789abcdef");
        assert_eq!(named, "**** (7 characters, 0123456789abcdef)");
        assert_eq!(length_told(&named.as_bytes()[4..]), Some(named.len() - 4));
    }

    #[test]
    fn a_mask_tells_what_its_secret_looks_like() {
        for secret in
            ["hunter2", "hunter2hunter2", "AKIAFAKEFAKEFAKEFAKE", "\u{1b}[2Jxxxx\nxxxx****xx ("]
        {
            let shape = Shape::of_mask(&mask(secret.as_bytes())).unwrap();
            assert_eq!(shape.length, secret.len());
            assert_eq!(shape, Shape::of(secret.as_bytes()));
            assert_ne!(shape, Shape::of(&secret.as_bytes()[1..]));
        }
        let shape = Shape::of_mask(&mask(b"hunter2hunter2")).unwrap();
        assert_ne!(shape, Shape::of(b"Hunter2hunter2"));
        for text in
            ["", "****", "ab**** (7 characters)", "**** (x characters)", "a****b (20 characters)"]
        {
            assert_eq!(Shape::of_mask(text), None, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_stable() {
        assert_eq!(fingerprint(b"a"), fingerprint(b"a"));
        assert_ne!(fingerprint(b"a"), fingerprint(b"b"));
        assert_eq!(fingerprint(b"a").len(), 16);
    }
}
