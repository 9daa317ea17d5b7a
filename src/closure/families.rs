//! The table of what is opened by name at run time (`families.toml`).

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    family: Vec<Raw>,
    always: Vec<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    #[serde(default)]
    when: Vec<String>,
    keep: Vec<String>,
}

/// The table, its globs compiled.
pub(super) struct Families {
    names: Vec<String>,
    when: GlobSet,
    when_family: Vec<usize>,
    keep: GlobSet,
    keep_family: Vec<usize>,
}

const LIBRARIES: &str = "{usr/,usr/local/,}{lib,lib64,lib/*-linux-gnu*}";

/// A table that does not compile cannot leave the tests.
pub(super) static FAMILIES: LazyLock<Families> = LazyLock::new(|| {
    Families::new(include_str!("families.toml"))
        .expect("the embedded table is valid; a test says so")
});

fn glob(text: &str) -> Result<Glob, globset::Error> {
    let text = match text.strip_prefix("LIB/") {
        Some(rest) => format!("{LIBRARIES}/{rest}"),
        None => text.to_owned(),
    };
    GlobBuilder::new(&text).literal_separator(true).empty_alternates(true).build()
}

impl Families {
    fn new(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let table: Table = toml::from_str(text)?;
        let (mut when, mut keep) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let (mut when_family, mut keep_family, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for raw in table.family.into_iter().chain(table.always) {
            for text in &raw.when {
                when.add(glob(text)?);
                when_family.push(names.len());
            }
            for text in &raw.keep {
                // `x/**` means the folder itself, too.
                let folder = text.strip_suffix("/**");
                for text in folder.into_iter().chain([text.as_str()]) {
                    keep.add(glob(text)?);
                    keep_family.push(names.len());
                }
            }
            names.push(raw.name);
        }
        Ok(Self { names, when: when.build()?, when_family, keep: keep.build()?, keep_family })
    }

    pub fn name(&self, family: usize) -> &str {
        self.names.get(family).map(String::as_str).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The families that a file of this name brings.
    pub fn of_name(&self, name: &str) -> Vec<usize> {
        self.when.matches(name).into_iter().map(|g| self.when_family[g]).collect()
    }

    /// Those that need no file to bring them.
    pub fn always(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|f| !self.when_family.contains(f))
    }

    /// The families that a path belongs to.
    pub fn of_path(&self, path: &str) -> Vec<usize> {
        let mut all: Vec<usize> =
            self.keep.matches(path).into_iter().map(|g| self.keep_family[g]).collect();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compiles_and_joins_names_with_paths() {
        let all = &*FAMILIES;
        let c = all.of_name("libc.so.6");
        assert_eq!(c.len(), 1);
        for path in [
            "usr/lib/x86_64-linux-gnu/libnss_files.so.2",
            "lib/x86_64-linux-gnu/libgcc_s.so.1",
            "lib64/libnss_dns.so.2",
        ] {
            assert_eq!(all.of_path(path), c, "{path}");
        }
        assert!(all.of_path("usr/lib/x86_64-linux-gnu/libfoo.so.2").is_empty());
        assert_eq!(all.name(all.of_name("python3.11")[0]), "Python");
        assert!(all.of_name("python3").is_empty());
        assert_eq!(all.always().count(), 1);
    }
}
