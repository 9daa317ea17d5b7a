//! `os/architecture[/variant]`.

use super::go_json::go_struct;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A platform in Go's words (`linux/amd64`, `linux/arm/v7`), as image-index.md has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

go_struct!(Platform {
    "os" => os,
    "architecture" => architecture,
    "variant" => variant,
    "os.version" => os_version,
});

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

    /// Whether an image of platform `have` satisfies this wish.
    pub fn accepts(&self, have: &Platform) -> bool {
        self.rank(have).is_some()
    }

    /// How well an image of platform `have` satisfies this wish: 0 is best, `None` does not run.
    ///
    /// As runtimes order them: a machine runs what is made for itself and, where there is none of that,
    /// what is made for older ones (`arm/v7` before `v6` before `v5`). A wish without a variant means the
    /// one that every such machine runs (`amd64/v1`, `arm64/v8`) or, for `arm`, the common one (`v7`); it
    /// takes a newer one where there is nothing else.
    pub fn rank(&self, have: &Platform) -> Option<u32> {
        let (wish, found) = (self.normal(), have.normal());
        if wish.0 != found.0 || wish.1 != found.1 {
            return None;
        }
        if wish.2 == found.2 {
            return Some(0);
        }
        let named = self.variant.as_deref().is_some_and(|v| !v.is_empty());
        match (level(wish.2), level(found.2)) {
            (Some(wish), Some(found)) if found < wish => Some(1 + wish - found),
            (Some(wish), Some(found)) if !named => Some(NEWER + found - wish),
            _ if !named => Some(u32::MAX),
            _ => None,
        }
    }

    /// Operating system, architecture and variant, the variant that is meant where there is none written
    /// out.
    fn normal(&self) -> (&str, &str, &str) {
        let (architecture, implied) = match self.architecture.as_str() {
            "x86_64" | "x86-64" | "amd64" => ("amd64", "v1"),
            "aarch64" | "arm64" => ("arm64", "v8"),
            "armhf" | "arm" => ("arm", "v7"),
            other => (other, ""),
        };
        let variant = match (architecture, self.variant.as_deref()) {
            (_, None | Some("")) => implied,
            ("arm64", Some("8")) => "v8",
            ("arm", Some("8")) => "v8",
            ("arm", Some("7")) => "v7",
            ("arm", Some("6")) => "v6",
            ("arm", Some("5")) => "v5",
            (_, Some(v)) => v,
        };
        (&self.os, architecture, variant)
    }

    /// `unknown/unknown` marks a manifest that is no image (attestations).
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }
}

/// Ranks after all that surely run.
const NEWER: u32 = 1 << 20;

/// The number of a variant such as `v7` or `v8.2`: a machine runs what has its own or a lower one.
fn level(variant: &str) -> Option<u32> {
    let (major, minor) = match variant.strip_prefix('v')?.split_once('.') {
        Some((major, minor)) => (major, minor.parse::<u8>().ok()?),
        None => (variant.strip_prefix('v')?, 0),
    };
    Some(u32::from(major.parse::<u8>().ok()?) << 8 | u32::from(minor))
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
        fn shown(part: &str) -> &str {
            if part.is_empty() { "unknown" } else { part }
        }
        write!(f, "{}/{}", shown(&self.os), shown(&self.architecture))?;
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
        assert!(!p("linux/arm/v6").accepts(&p("linux/arm/v7")));
        assert!(!p("linux/amd64/v2").accepts(&p("linux/amd64/v3")));
        assert!(!p("linux/riscv64/a").accepts(&p("linux/riscv64/b")));
        assert!(!p("linux/amd64").accepts(&p("windows/amd64")));
    }

    #[test]
    fn the_best_that_runs_comes_first() {
        let p = |s: &str| s.parse::<Platform>().unwrap();
        for (wish, order) in [
            ("linux/arm", &["linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm/v8"][..]),
            ("linux/arm/v6", &["linux/arm/v6", "linux/arm/v5"]),
            ("linux/arm/v8", &["linux/arm/v8", "linux/arm", "linux/arm/6"]),
            ("linux/amd64", &["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/amd64/x"]),
            ("linux/amd64/v3", &["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"]),
            ("linux/arm64", &["linux/arm64/v8", "linux/arm64/v8.2", "linux/arm64/v9"]),
            ("linux/riscv64", &["linux/riscv64", "linux/riscv64/rva23"]),
        ] {
            let ranks: Vec<u32> = order.iter().map(|o| p(wish).rank(&p(o)).unwrap()).collect();
            assert!(ranks.is_sorted_by(|a, b| a < b) && ranks[0] == 0, "{wish}: {ranks:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_platform() {
        for bad in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd64\u{1b}[31m"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad:?}");
        }
    }
}
