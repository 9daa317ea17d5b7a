//! Whether a PEM block really holds a private key.
//!
//! Reads the lead of the structure only: enough to tell a key from a marker in a program or manual.

use super::check::{BASE64, Verdict};
use crate::analyze::Confidence;
use base64::Engine as _;

/// A block from `-----BEGIN` to `-----END …`, possibly with its line breaks written as `\n`.
pub(super) fn pem(block: &[u8]) -> Verdict {
    let Some((label, body)) = split(block) else {
        return Verdict::Dismissed;
    };
    let encrypted_body = memchr::memmem::find(body, b"ENCRYPTED").is_some();
    let text = base64_text(body);
    if text.len() < 40 || super::evidence::is_placeholder(&text[..40]) {
        return Verdict::Dismissed;
    }
    let Ok(raw) = BASE64.decode(&text) else {
        return Verdict::Failed;
    };
    if encrypted_body {
        // Legacy encryption hides the structure (RFC 1421 headers).
        return Verdict::Level(Confidence::Likely);
    }
    match label {
        b"OPENSSH" => openssh(&raw),
        b"ENCRYPTED" if der_lead(&raw) == Some(Lead::Sequence) => {
            Verdict::Level(Confidence::Likely)
        }
        b"RSA" | b"DSA" | b"EC" | b"" if is_key(label, &raw) => Verdict::Verified,
        b"PGP" => Verdict::Level(Confidence::Likely),
        _ => Verdict::Failed,
    }
}

/// What makes two blocks the same key: the base64 text alone, however its lines are broken.
pub(super) fn essence(block: &[u8]) -> Vec<u8> {
    split(block).map_or_else(|| block.to_vec(), |(_, body)| base64_text(body))
}

/// The word between `BEGIN` and `PRIVATE KEY`, and what stands between the two marks.
fn split(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = block.strip_prefix(b"-----BEGIN ")?;
    let private = memchr::memmem::find(rest, b"PRIVATE KEY")?;
    let label = rest[..private].trim_ascii_end();
    let after = &rest[private..];
    let open = memchr::memmem::find(after, b"-----")?;
    let body = &after[open + 5..];
    let end = memchr::memmem::find(body, b"-----END")?;
    Some((label, &body[..end]))
}

/// The base64 characters of a body: no headers, quotes, line breaks or their escapes, no checksum.
fn base64_text(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body;
    // RFC 1421 headers end with an empty line; a base64 body has no colon.
    if let Some(colon) = memchr::memrchr(b':', bytes) {
        let line_end = bytes[colon..].iter().position(|&b| b == b'\n' || b == b'\\');
        bytes = line_end.map_or(&[][..], |e| &bytes[colon + e..]);
    }
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        match b {
            b'\\' => i += 1,
            b'+' if bytes.get(i + 1).is_some_and(|n| matches!(n, b'\n' | b'\r'))
                && out.len() % 4 == 0
                && preceded_by_quote(bytes, i) => {}
            b'=' => break,
            b if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/') => out.push(b),
            _ => {}
        }
        i += 1;
    }
    out
}

/// `"…\n" +`: a string put together from lines in a program.
fn preceded_by_quote(bytes: &[u8], plus: usize) -> bool {
    bytes[..plus].trim_ascii_end().last().is_some_and(|b| matches!(b, b'"' | b'\''))
}

#[derive(PartialEq, Eq, Debug)]
enum Lead {
    Integer(u8),
    Sequence,
}

/// The first element inside the outer SEQUENCE, whose length must be the whole of `der` (X.690).
fn der_lead(der: &[u8]) -> Option<Lead> {
    let (0x30, inner) = element(der)? else {
        return None;
    };
    match element(inner)? {
        (0x02, [n]) => Some(Lead::Integer(*n)),
        (0x30, _) => Some(Lead::Sequence),
        _ => None,
    }
}

/// Tag and content of the first element of `der`.
fn element(der: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let n = usize::from(first & 0x7f);
        if n == 0 || n > 3 || rest.len() < n {
            return None;
        }
        let len = rest[..n].iter().fold(0usize, |l, &b| l << 8 | usize::from(b));
        (len, &rest[n..])
    };
    Some((tag, rest.get(..len)?))
}

/// PKCS#1 and DSA keys begin with version 0, an EC key with 1 (RFC 8017, RFC 5915), PKCS#8 with 0 or
/// 1 and then the algorithm (RFC 5958).
fn is_key(label: &[u8], der: &[u8]) -> bool {
    let Some((0x30, inner)) = element(der) else {
        return false;
    };
    let Some((0x02, &[version])) = element(inner) else {
        return false;
    };
    let second = element(&inner[3..]).map(|(tag, _)| tag);
    match label {
        b"EC" => version == 1 && second == Some(0x04),
        b"" => version <= 1 && second == Some(0x30),
        _ => version <= 1 && second == Some(0x02),
    }
}

/// `openssh-key-v1`, then the cipher's name (PROTOCOL.key of OpenSSH).
fn openssh(raw: &[u8]) -> Verdict {
    let Some(rest) = raw.strip_prefix(b"openssh-key-v1\0") else {
        return Verdict::Failed;
    };
    if rest.starts_with(b"\0\0\0\x04none") {
        Verdict::Verified
    } else {
        Verdict::Level(Confidence::Likely)
    }
}
