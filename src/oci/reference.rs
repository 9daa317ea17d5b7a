//! `host[:port]/repository[:tag][@digest]`, in the grammar of the distribution spec, with Docker
//! Hub's short forms written out.

use super::{Digest, DigestError};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A normalised image reference. The parsing is `oci-spec`'s.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error("`{reference}` is not an image reference: {why}")]
    Grammar { reference: String, why: String },
    #[error("`{reference}`: {source}")]
    Digest { reference: String, source: DigestError },
}

impl Reference {
    /// The registry as named: `docker.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host (and port) that serves it: Docker Hub's API is not at `docker.io`.
    pub fn api_host(&self) -> &str {
        match self.registry.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            other => other,
        }
    }

    /// `library/debian`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What the manifest is asked by: the digest where there is one, else the tag.
    pub fn manifest_key(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(d), _) => d.to_string(),
            (None, Some(t)) => t.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(s: &str) -> Result<Self, ReferenceError> {
        let shown = || without_password(s).chars().take(300).collect::<String>();
        let (host, named) = split_ipv6(s);
        let parsed: oci_spec::distribution::Reference =
            named.parse().map_err(|e: oci_spec::distribution::ParseError| {
                ReferenceError::Grammar { reference: shown(), why: e.to_string() }
            })?;
        let digest = parsed
            .digest()
            .map(Digest::from_str)
            .transpose()
            .map_err(|source| ReferenceError::Digest { reference: shown(), source })?;
        let tag = match (parsed.tag(), digest) {
            // `repo@sha256:…` names no tag: none is made up for it.
            (tag, Some(_)) => tag.map(str::to_owned),
            (tag, None) => Some(tag.unwrap_or("latest").to_owned()),
        };
        let (registry, repository) = match parsed.repository().split_once('/') {
            // A repository has no capital letters: the first part is a host, as Docker takes it.
            Some((first, rest)) if first.bytes().any(|b| b.is_ascii_uppercase()) => (first, rest),
            _ => (parsed.registry(), parsed.repository()),
        };
        Ok(Self {
            registry: match host {
                Some(host) => registry.replacen(STAND_IN, host, 1),
                None => registry.to_owned(),
            },
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

/// A name that no host has (RFC 2606).
const STAND_IN: &str = "ipv6.invalid";

/// `[::1]` of `[::1]:5000/x`, which the crate's grammar lacks, and the text with [`STAND_IN`] in its place.
fn split_ipv6(s: &str) -> (Option<&str>, Cow<'_, str>) {
    let address = s.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match address {
        // Only where a repository follows, with or without a port, is it a host.
        Some((address, rest))
            if rest.starts_with([':', '/'])
                && rest.contains('/')
                && address.parse::<std::net::Ipv6Addr>().is_ok() =>
        {
            (Some(&s[..address.len() + 2]), Cow::Owned(format!("{STAND_IN}{rest}")))
        }
        _ => (None, Cow::Borrowed(s)),
    }
}

/// For an error: what stands before the `@` of a host, as people know it from other programs, may be a
/// password. What stands before a digest is the image's name.
pub fn without_password(text: &str) -> String {
    const ALGORITHMS: [&str; 5] = ["sha1:", "sha256:", "sha384:", "sha512:", "md5:"];
    let is_digest =
        |t: &str| !t.contains('/') && ALGORITHMS.iter().any(|algorithm| t.starts_with(algorithm));
    let (name, digest) = match text.rsplit_once('@') {
        Some((name, digest)) if is_digest(digest) => (name, &text[name.len()..]),
        _ => (text, ""),
    };
    let Some((user, host)) = name.rsplit_once('@') else { return text.to_owned() };
    let scheme = user.find("://").map_or("", |at| &text[..at + "://".len()]);
    format!("{scheme}***@{host}{digest}")
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(t) = &self.tag {
            write!(f, ":{t}")?;
        }
        if let Some(d) = &self.digest {
            write!(f, "@{d}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_part_with_a_capital_is_a_host() {
        let reference: Reference = "Registry/shop:1".parse().unwrap();
        assert_eq!((reference.registry(), reference.repository()), ("Registry", "shop"));
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
    }

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_forms_are_written_out() {
        for (given, full) in [
            ("debian", "docker.io/library/debian:latest"),
            ("debian:12", "docker.io/library/debian:12"),
            ("grafana/grafana", "docker.io/grafana/grafana:latest"),
            ("docker.io/debian", "docker.io/library/debian:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
            ("127.0.0.1:15000/app/x:fat", "127.0.0.1:15000/app/x:fat"),
            ("ghcr.io/o/r:v1", "ghcr.io/o/r:v1"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("[2001:db8::7]/a/b:1", "[2001:db8::7]/a/b:1"),
        ] {
            assert_eq!(given.parse::<Reference>().unwrap().to_string(), full);
        }
        let pinned: Reference = format!("debian@{D}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("docker.io/library/debian@{D}"));
        assert_eq!(pinned.api_host(), "registry-1.docker.io");
        let both: Reference = format!("ghcr.io/o/r:v1@{D}").parse().unwrap();
        assert_eq!((both.tag(), both.manifest_key().as_str()), (Some("v1"), D));
    }

    #[test]
    fn an_error_tells_no_password() {
        for (given, shown) in [
            ("bob:PW@127.0.0.1:9/x", "***@127.0.0.1:9/x"),
            ("https://bob:PW@host/x", "https://***@host/x"),
            ("bob:P@/W@host/x", "***@host/x"),
            ("bob:PW@host/x@sha256:12", "***@host/x@sha256:12"),
            ("PW@host/x:1", "***@host/x:1"),
            ("host:5000/X@md5:00", "host:5000/X@md5:00"),
            ("host.io/UPPER:1@sha256:12", "host.io/UPPER:1@sha256:12"),
        ] {
            let error = given.parse::<Reference>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{shown}`")), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_no_reference() {
        for bad in [
            "",
            "host.io/UPPER",
            "a b",
            "x@sha256:12",
            "x@md5:00",
            "https://host/x",
            "[::1]",
            "[::1]x/y",
            "[::g]:1/x",
            "[::1]:5000",
            "[::1]:x/y",
            "[fe80::1%eth0]/x",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }
}
