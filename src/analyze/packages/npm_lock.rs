//! npm's own record of what it installed, `node_modules/.package-lock.json`: the folders that only
//! development needs (npm's documentation of package-lock.json, `dev`).

use super::collect::{Collect, text};
use crate::analyze::{Analyzer, Facts, References};
use crate::layer::{Entry, Interest};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};

const ID: &str = "npm-lock";
const CAP: usize = 16 << 20;
/// Folders of one record.
const MOST: usize = 20_000;

#[derive(Default)]
pub struct NpmLockAnalyzer {
    file: Collect,
}

impl NpmLockAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default, deserialize_with = "for_development")]
    packages: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    dev: bool,
}

/// Of the folders of a record those that only development needs; the others are not held.
fn for_development<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Folders;
    impl<'de> Visitor<'de> for Folders {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("the packages by their folders")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let inside = |name: &str| {
                name.starts_with("node_modules/") && !name.split('/').any(|part| part == "..")
            };
            let mut found = Vec::new();
            while let Some((name, package)) = map.next_entry::<String, Package>()? {
                if package.dev && found.len() < MOST && inside(&name) {
                    found.push(name);
                }
            }
            found.sort();
            found.dedup();
            Ok(found)
        }
    }
    from.deserialize_map(Folders)
}

impl Analyzer for NpmLockAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let path = entry.path.as_bytes();
        if !entry.is_file() || !path.ends_with(b"node_modules/.package-lock.json") {
            return Interest::Skip;
        }
        self.file.start(number, entry, CAP)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.file.chunk(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        // A record that cannot be read says of nothing that it is not needed.
        let Some((entry, bytes)) = self.file.finish(ID, facts) else { return };
        let Ok(lock) = serde_json::from_str::<Lock>(&text(&bytes)) else { return };
        let development = lock.packages;
        if !development.is_empty() {
            facts.references.push(References { entry, development, ..References::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    #[test]
    fn folders_for_development_are_told() {
        let text = r#"{"packages": {"node_modules/a": {"dev": true}, "node_modules/b": {"version": "1"},
            "node_modules/../../etc": {"dev": true}, "x": {"dev": true}}}"#;
        let path = "app/node_modules/.package-lock.json";
        let facts = feed(&mut NpmLockAnalyzer::new(), path, text.as_bytes(), 7);
        assert_eq!(facts.references[0].development, ["node_modules/a"]);
        let broken = feed(&mut NpmLockAnalyzer::new(), path, &text.as_bytes()[..40], 7);
        assert!(broken.references.is_empty());
    }
}
