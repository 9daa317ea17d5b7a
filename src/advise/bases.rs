//! Known base images and their sizes (`bases.toml`), each with its date.

use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    base: Vec<Base>,
}

/// One base image on a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Base {
    pub name: String,
    /// Of the sizes.
    pub date: String,
    /// MB (10^6 bytes).
    pub on_disk: Option<f64>,
    pub compressed: Option<f64>,
    /// The C library and its version.
    pub libc: String,
    /// The distribution whose packages it is made of: id and version as in os-release.
    pub release: Option<String>,
    /// The packages that it surely has; nothing where they are not known.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The one program that it is for.
    pub runs: Option<String>,
}

/// A base image as a registry has it today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveBase {
    /// Of the manifest of the image's platform, or of the index.
    pub digest: String,
    /// All layers.
    pub compressed: u64,
}

/// Where bases come from: what they are called where the image is built, and what a registry says of them.
pub trait BaseSource {
    /// The name to write into a Dockerfile.
    fn name(&self, name: &str) -> String;
    /// `None` where no registry may be asked; else why it did not tell.
    fn live(&self, name: &str) -> Option<Result<LiveBase, String>>;
}

/// Asks nobody.
pub struct Offline;

impl BaseSource for Offline {
    fn name(&self, name: &str) -> String {
        name.to_owned()
    }

    fn live(&self, _: &str) -> Option<Result<LiveBase, String>> {
        None
    }
}

/// A table that does not parse cannot leave the tests.
static BASES: LazyLock<Vec<Base>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("bases.toml"))
        .expect("the embedded table is valid; a test says so");
    table.base
});

pub(super) fn base(name: &str) -> Option<&'static Base> {
    BASES.iter().find(|b| b.name == name)
}

impl Base {
    /// The newest glibc whose symbols it has.
    pub fn glibc(&self) -> Option<(u32, u32)> {
        version(self.libc.strip_prefix("glibc ")?)
    }
}

/// `2.36`.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_valid_and_dated() {
        assert!(BASES.len() >= 8);
        for b in BASES.iter() {
            assert!(b.date.starts_with("20") && (b.on_disk.is_some() || b.compressed.is_some()));
        }
        assert_eq!(base("gcr.io/distroless/cc-debian12").and_then(Base::glibc), Some((2, 36)));
    }
}
