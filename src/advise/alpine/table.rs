//! What of Debian has a counterpart in Alpine (`alpine.toml`).

use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// As FROM has it.
    pub base: String,
    pub date: String,
    /// Of the base, on disk.
    pub bytes: u64,
    applets: String,
    package: Vec<Package>,
    library: Vec<Library>,
    build: Vec<Build>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    debian: Vec<String>,
    /// Empty where nothing has to be added.
    pub alpine: String,
    pub bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Library {
    name: String,
    pub alpine: String,
    pub bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    debian: String,
    alpine: String,
}

/// A table that does not parse cannot leave the tests.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../alpine.toml"))
        .expect("the embedded table is valid; a test says so")
});

impl Table {
    pub fn package(&self, debian: &str) -> Option<&Package> {
        self.package.iter().find(|p| p.debian.iter().any(|d| d == debian))
    }

    pub fn library(&self, name: &str) -> Option<&Library> {
        self.library.iter().find(|l| l.name == name)
    }

    pub fn has_applet(&self, name: &str) -> bool {
        self.applets.split_whitespace().any(|a| a == name)
    }

    /// The packages that a build installs instead of Debian's.
    pub fn for_build(&self, debian: &str) -> Option<&str> {
        self.build.iter().find(|b| b.debian == debian).map(|b| b.alpine.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_valid_and_says_nothing_twice() {
        assert!(TABLE.base.starts_with("alpine:3.") && TABLE.date.starts_with("20"));
        let mut seen = BTreeSet::new();
        let debian = TABLE.package.iter().flat_map(|p| &p.debian);
        assert!(debian.chain(TABLE.library.iter().map(|l| &l.name)).all(|name| seen.insert(name)));
        let mut seen = BTreeSet::new();
        assert!(TABLE.build.iter().all(|b| seen.insert(&b.debian) && !b.alpine.is_empty()));
        assert!(TABLE.has_applet("wc") && !TABLE.has_applet("httpd"));
        assert_eq!(TABLE.package("libpython3.11-stdlib").unwrap().alpine, "python3");
    }
}
