//! Content identity. A [`Digest`] names bytes as stored (a blob), a [`DiffId`] the uncompressed tar
//! of one layer, a [`ChainId`] a stack of layers. They are the same bytes and never the same thing,
//! so they are different types.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

/// A registered digest of the image spec (descriptor.md, "Digests"): `sha256:` + 64 hex digits or
/// `sha512:` + 128, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

/// Why a string is not a digest that careen can verify.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DigestError {
    #[error("`{0}` is not a digest (expected `sha256:<64 hex digits>`)")]
    Malformed(String),
    #[error("digest algorithm `{0}` is not supported (only sha256 and sha512)")]
    Algorithm(String),
}

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// The name in front of the colon.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
        }
    }

    /// The raw digest bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(b) => b,
            Self::Sha512(b) => b,
        }
    }

    /// The part behind the colon, lower-case hex.
    pub fn hex(&self) -> String {
        hex(self.as_bytes())
    }

    /// `sha256:3f1c9ab04d12…`: enough to find it, short enough to read.
    pub fn short(&self) -> String {
        let full = self.hex();
        format!("{}:{}…", self.algorithm(), &full[..12])
    }

    /// A hasher of the same algorithm.
    pub fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::sha256(),
            Self::Sha512(_) => Hasher::Sha512(Box::default()),
        }
    }
}

/// A running digest computation.
#[derive(Clone)]
pub enum Hasher {
    Sha256(Box<sha2::Sha256>),
    Sha512(Box<sha2::Sha512>),
}

impl Hasher {
    pub fn sha256() -> Self {
        Self::Sha256(Box::default())
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(h) => Digest::Sha256(h.finalize().into()),
            Self::Sha512(h) => Digest::Sha512(h.finalize().into()),
        }
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

fn unhex<const N: usize>(s: &str) -> Option<[u8; N]> {
    let s = s.as_bytes();
    if s.len() != N * 2 {
        return None;
    }
    let nibble = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    for (o, pair) in out.iter_mut().zip(s.chunks_exact(2)) {
        *o = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(s: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError::Malformed(s.chars().take(160).collect());
        let (algorithm, rest) = s.split_once(':').ok_or_else(malformed)?;
        match algorithm {
            "sha256" => unhex(rest).map(Self::Sha256).ok_or_else(malformed),
            "sha512" => unhex(rest).map(Self::Sha512).ok_or_else(malformed),
            _ => Err(DigestError::Algorithm(algorithm.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = std::borrow::Cow::<'_, str>::deserialize(d)?;
        s.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Digest);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

identity! {
    /// Digest of a layer's uncompressed tar (config.md, "Layer DiffID").
    DiffId
}
identity! {
    /// Identity of a stack of layers (config.md, "Layer ChainID").
    ChainId
}

impl ChainId {
    /// The chain of the first layer alone.
    pub fn of(first: DiffId) -> Self {
        Self(first.0)
    }

    /// The chain with `next` applied on top.
    pub fn then(self, next: DiffId) -> Self {
        Self(Digest::sha256(format!("{self} {next}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parses_what_it_prints() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::sha256(b""));
        assert_eq!(Digest::sha256(b"").short(), "sha256:e3b0c44298fc…");
    }

    #[test]
    fn refuses_what_could_escape_a_path_or_hide_an_algorithm() {
        for bad in ["", "sha256:", "sha256:../../etc/passwd", "sha256:E3B0", "e3b0"] {
            assert!(matches!(bad.parse::<Digest>(), Err(DigestError::Malformed(_))), "{bad}");
        }
        assert!(matches!("md5:00".parse::<Digest>(), Err(DigestError::Algorithm(_))));
        assert!(EMPTY.to_uppercase().replace("SHA", "sha").parse::<Digest>().is_err());
    }

    #[test]
    fn chain_id_follows_the_spec() {
        let (a, b) = (DiffId(Digest::sha256(b"a")), DiffId(Digest::sha256(b"b")));
        let by_hand = Digest::sha256(format!("{} {}", a.0, b.0).as_bytes());
        assert_eq!(ChainId::of(a).then(b).0, by_hand);
    }
}
