//! Offline checks: what a format itself says about whether a match is real.
//!
//! A check sees the match and the file's name; it never goes to the network.

use super::assignment::{self, is_stock_password};
use super::evidence::{is_opaque, is_password, is_template};
use super::key;
use super::place::Place;
use crate::analyze::Confidence;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

/// A match on its way to being reported.
pub(super) struct Candidate<'a> {
    /// Of the file; empty where there is none.
    pub path: &'a [u8],
    /// The lines that the match stands on; the match alone if no one asks.
    pub line: &'a [u8],
    /// Of the match, at the beginning of `matched`.
    pub length: usize,
    pub secret: &'a [u8],
    /// A few bytes before the match: the beginning of a name whose end is the keyword.
    pub before: &'a [u8],
    /// The whole match, and a little of what follows.
    pub matched: &'a [u8],
    /// Of the secret in `matched`.
    pub at: usize,
    pub place: Place,
    /// It stands in a program or data file, not in a text.
    pub binary: bool,
    /// The pattern is of any name beside any value: the name has to be weighed, too.
    pub generic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The format proves itself.
    Verified,
    /// As sure as this.
    Level(Confidence),
    /// It should prove itself and does not: no surer than likely, and only possible among samples.
    Failed,
    /// No secret.
    Dismissed,
}

/// The checks by their name in a pattern file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Six base62 digits at the end are the CRC-32 of what stands between prefix and them.
    GithubCrc32,
    /// Eight hex digits at the end are the CRC-32 of the part before.
    GrafanaCrc32,
    /// The header is JSON with an `alg`, the payload is JSON.
    Jwt,
    /// A base64 body whose DER, or OpenSSH, structure is a private key's.
    PemPrivateKey,
    /// The 16 characters are base32 and give an account number.
    AwsKeyId,
    /// A macaroon made by pypi.org.
    PypiMacaroon,
    /// Base64 of `user:password`.
    BasicAuth,
    /// A password in a URL: no template, no example host.
    UrlPassword,
    /// An opaque value beside a telling name.
    OpaqueValue,
    /// A password beside its name: likely if opaque, possible if only a person's choice.
    PasswordValue,
    /// The value of a field that only ever holds a secret: anything but a template or placeholder.
    SecretField,
    /// Base64 that decodes to a PEM private key.
    Base64Pem,
}

impl Check {
    /// It judges a value that has no format of its own.
    pub(super) fn weighs_words(self) -> bool {
        matches!(
            self,
            Self::UrlPassword | Self::OpaqueValue | Self::PasswordValue | Self::SecretField
        )
    }

    /// What a token alone proves; `None` if this check needs more than it.
    pub(super) fn proves(self, token: &[u8]) -> Option<Verdict> {
        Some(match self {
            Self::GithubCrc32 => proven(crc32_base62(token)),
            Self::GrafanaCrc32 => proven(crc32_hex(token)),
            Self::PypiMacaroon => proven(pypi(token)),
            _ => return None,
        })
    }

    pub(super) fn run(self, c: &Candidate) -> Verdict {
        match self {
            Self::GithubCrc32 => proven(crc32_base62(c.secret)),
            Self::GrafanaCrc32 => proven(crc32_hex(c.secret)),
            Self::Jwt => jwt(c),
            Self::PemPrivateKey => key::pem(c.secret),
            Self::Base64Pem => base64_pem(c.secret),
            Self::AwsKeyId => aws_key_id(c.secret),
            Self::PypiMacaroon => proven(pypi(c.secret)),
            Self::BasicAuth => basic_auth(c.secret),
            Self::UrlPassword => url_password(c),
            Self::OpaqueValue => assignment::opaque_value(c),
            Self::PasswordValue => assignment::password_value(c),
            Self::SecretField => assignment::secret_field(c),
        }
    }
}

fn proven(yes: bool) -> Verdict {
    if yes { Verdict::Verified } else { Verdict::Failed }
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// GitHub, "Behind GitHub's new authentication token formats": CRC-32 in the last six characters, in
/// base62 (digits, upper, lower) with leading zeros. npm uses the same.
fn crc32_base62(token: &[u8]) -> bool {
    let Some(under) = token.iter().position(|&b| b == b'_') else {
        return false;
    };
    let body = &token[under + 1..];
    let Some(split) = body.len().checked_sub(6) else {
        return false;
    };
    let (random, sum) = body.split_at(split);
    let mut value = 0u64;
    for &b in sum {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A' + 10,
            b'a'..=b'z' => b - b'a' + 36,
            _ => return false,
        };
        value = value * 62 + u64::from(digit);
    }
    value == u64::from(crc32(random))
}

fn crc32_hex(token: &[u8]) -> bool {
    let mut parts = token.rsplitn(2, |&b| b == b'_');
    let (Some(sum), Some(rest)) = (parts.next(), parts.next()) else {
        return false;
    };
    let Some(random) = rest.splitn(2, |&b| b == b'_').nth(1) else {
        return false;
    };
    let Some(sum) = std::str::from_utf8(sum).ok().and_then(|s| u32::from_str_radix(s, 16).ok())
    else {
        return false;
    };
    let own = crc32(random);
    sum == own || sum == own.swap_bytes()
}

/// RFC 7519: three base64url parts, the first a JSON object with `alg`, the second a JSON object.
fn jwt(c: &Candidate) -> Verdict {
    let json = |part: &[u8]| -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&BASE64_URL.decode(part).ok()?).ok()
    };
    let mut parts = c.secret.split(|&b| b == b'.');
    let header = parts.next().and_then(json);
    let payload = parts.next().and_then(json);
    let signature = parts.next().unwrap_or_default();
    match (header, payload) {
        (Some(h), Some(claims)) if h.contains_key("alg") && !signature.is_empty() => {
            // jwt.io's own sample, on a thousand pages.
            let sample = claims.get("sub").is_some_and(|s| s == "1234567890")
                && claims.get("name").is_some_and(|s| s == "John Doe");
            // RFC 7519, section 4.1: a token that someone issued for a use names at least one.
            let registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
            let used = registered.iter().any(|claim| claims.contains_key(*claim));
            match (sample, used) {
                (true, _) => Verdict::Level(Confidence::Possible),
                (_, true) => Verdict::Verified,
                _ if c.place.library || c.place.sample => Verdict::Failed,
                _ => Verdict::Level(Confidence::Likely),
            }
        }
        _ => Verdict::Dismissed,
    }
}

/// The account number is in the key id: base32, 40 bits from the second on. An id whose account is
/// impossible is another word that begins alike.
fn aws_key_id(id: &[u8]) -> Verdict {
    let mut bits = 0u128;
    for &b in id.get(4..).unwrap_or_default() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'2'..=b'7' => b - b'2' + 26,
            _ => return Verdict::Failed,
        };
        bits = bits << 5 | u128::from(digit);
    }
    // Sixteen characters are 80 bits; bit 0 is not the account's, nor are the last 39.
    let account = (bits >> 39) & ((1 << 40) - 1);
    if account > 0 && account < 1_000_000_000_000 {
        Verdict::Level(Confidence::Likely)
    } else {
        Verdict::Failed
    }
}

/// A macaroon, version 2, whose location field is `pypi.org`.
fn pypi(token: &[u8]) -> bool {
    let body = token.strip_prefix(b"pypi-").unwrap_or(token);
    BASE64_URL.decode(body).is_ok_and(|raw| {
        raw.starts_with(b"\x02\x01\x08pypi.org") || raw.starts_with(b"\x02\x01\x0dtest.pypi.org")
    })
}

fn basic_auth(value: &[u8]) -> Verdict {
    let Ok(raw) = BASE64.decode(value) else {
        return Verdict::Dismissed;
    };
    let Some(colon) = raw.iter().position(|&b| b == b':') else {
        return Verdict::Dismissed;
    };
    let (user, password) = (&raw[..colon], &raw[colon + 1..]);
    let printable = raw.iter().all(|b| (b' '..=b'~').contains(b));
    if user.is_empty()
        || password.len() < 4
        || !printable
        || super::evidence::is_placeholder(password)
        || is_stock_password(password)
    {
        return Verdict::Dismissed;
    }
    Verdict::Verified
}

fn base64_pem(value: &[u8]) -> Verdict {
    match BASE64.decode(value) {
        Ok(raw) => match memchr::memmem::find(&raw, b"-----BEGIN ") {
            Some(at) => key::pem(&raw[at..]),
            None => Verdict::Failed,
        },
        Err(_) => Verdict::Failed,
    }
}

/// `scheme://user:password@host`.
fn url_password(c: &Candidate) -> Verdict {
    let host_start = c.at + c.secret.len() + 1;
    let host = c.matched.get(host_start..).unwrap_or_default();
    let host = host
        .split(|b| matches!(b, b'/' | b'?' | b':' | b'"' | b'\'' | b' '))
        .next()
        .unwrap_or_default();
    let host = host.to_ascii_lowercase();
    if is_template(c.secret)
        || super::evidence::is_placeholder(c.secret)
        || is_stock_password(c.secret)
        || c.secret
            .iter()
            .any(|b| matches!(b, b'{' | b'}' | b'<' | b'>' | b'$' | b'*' | b'|' | b'\\' | b'`'))
        || c.secret.starts_with(b"%s")
        || c.secret.starts_with(b"%d")
    {
        return Verdict::Dismissed;
    }
    let documented = [
        "example.com",
        "example.org",
        "example.net",
        "host",
        "hostname",
        "server",
        "domain.com",
        "foo.com",
        "foo",
        "host.com",
        "site.com",
    ];
    if is_opaque(c.secret) {
        return Verdict::Level(Confidence::Likely);
    }
    if documented.iter().any(|d| host == d.as_bytes() || host.ends_with(format!(".{d}").as_bytes()))
    {
        return Verdict::Dismissed;
    }
    let mixed =
        c.secret.iter().any(u8::is_ascii_digit) && c.secret.iter().any(u8::is_ascii_alphabetic);
    if c.secret.len() >= 10 && mixed && is_password(c.secret) {
        Verdict::Level(Confidence::Likely)
    } else if is_password(c.secret) || c.place.config {
        Verdict::Level(Confidence::Possible)
    } else {
        Verdict::Dismissed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_proves_and_a_changed_digit_fails() {
        let random = b"FAKEFAKEFAKEFAKEFAKEFAKEFAKEFA";
        let mut sum = crc32(random);
        let mut digits = [b'0'; 6];
        for d in digits.iter_mut().rev() {
            *d = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                [(sum % 62) as usize];
            sum /= 62;
        }
        let mut token = [b"ghp_".as_slice(), random, &digits].concat();
        assert!(crc32_base62(&token));
        token[10] ^= 1;
        assert!(!crc32_base62(&token));
        for short in [b"ghp_".as_slice(), b"", b"ghp_12345"] {
            assert!(!crc32_base62(short));
        }
    }

    #[test]
    fn basic_auth_needs_a_user_and_a_password() {
        let verdict = |plain: &[u8]| basic_auth(BASE64.encode(plain).as_bytes());
        assert_eq!(verdict(b"deploy:FAKELsc7qxQl"), Verdict::Verified);
        for none in [b"deploy".as_slice(), b":secret", b"user:password", b"a:b\x00cdefg"] {
            assert_eq!(verdict(none), Verdict::Dismissed);
        }
    }
}
