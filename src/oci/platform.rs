//! `os/architecture[/variant]`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A platform in Go's words (`linux/amd64`, `linux/arm/v7`), as image-index.md has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a platform (expected `os/architecture[/variant]`, such as `linux/arm64/v8`)")]
pub struct PlatformError(String);

impl Platform {
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.filter(|v| !v.is_empty()).map(str::to_owned),
            os_version: None,
        }
    }

    /// What this program runs on, with `linux` for every system: containers on a Mac are Linux too.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "loongarch64" => "loong64",
            other => other,
        };
        Self::new("linux", architecture, None)
    }

    /// Whether an image of platform `have` satisfies this wish. A wish without a variant takes any;
    /// `arm64` and `arm64/v8`, `arm` and `arm/v7` are the same (Go's defaults).
    pub fn accepts(&self, have: &Platform) -> bool {
        let (w, h) = (self.normal(), have.normal());
        w.0 == h.0 && w.1 == h.1 && (self.variant.is_none() || w.2 == h.2)
    }

    fn normal(&self) -> (&str, &str, Option<&str>) {
        let arch = match self.architecture.as_str() {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            "armhf" => "arm",
            a => a,
        };
        let variant = match (arch, self.variant.as_deref()) {
            ("arm64", None | Some("" | "8" | "v8")) => None,
            ("arm", None | Some("" | "7")) => Some("v7"),
            ("amd64", Some("" | "v1")) => None,
            (_, Some("")) => None,
            (_, v) => v,
        };
        (&self.os, arch, variant)
    }

    /// `unknown/unknown` marks a manifest that is no image (attestations).
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(s: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = s.split('/').collect();
        let ok = |p: &&str| {
            !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match parts.as_slice() {
            _ if !parts.iter().all(ok) => Err(PlatformError(s.to_owned())),
            [os, arch] => Ok(Self::new(os, arch, None)),
            [os, arch, variant] => Ok(Self::new(os, arch, Some(variant))),
            _ => Err(PlatformError(s.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(v) => write!(f, "/{v}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_without_variant_takes_the_default_one() {
        let p = |s: &str| s.parse::<Platform>().unwrap();
        assert!(p("linux/arm64").accepts(&p("linux/arm64/v8")));
        assert!(p("linux/arm64/v8").accepts(&p("linux/arm64")));
        assert!(p("linux/arm").accepts(&p("linux/arm/v6")));
        assert!(!p("linux/arm/v7").accepts(&p("linux/arm/v6")));
        assert!(!p("linux/amd64").accepts(&p("windows/amd64")));
    }

    #[test]
    fn refuses_what_is_no_platform() {
        for bad in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd64\u{1b}[31m"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad:?}");
        }
    }
}
