//! Node modules: `package.json` directly in `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
//!
//! Any other `package.json` is not an installed package: deeper ones choose a module format or are
//! test fixtures, and one outside of `node_modules` is the application itself.

use super::collect::{Collect, text, unread};
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, Relations};
use crate::layer::{Entry, Interest, LayerPath};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

const ID: &str = "node";
const CAP: usize = 4 << 20;

#[derive(Default)]
pub struct NodeAnalyzer {
    file: Collect,
    root: LayerPath,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Word,
    #[serde(default)]
    version: Word,
}

/// A text; anything else is passed over, however large, without being kept.
#[derive(Default)]
struct Word(Option<String>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Word;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_str<E>(self, s: &str) -> Result<Word, E> {
                Ok(Word(Some(text(s.as_bytes()))))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Word, E> {
                Ok(Word(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Word, E> {
                Ok(Word(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Word, E> {
                Ok(Word(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Word, E> {
                Ok(Word(None))
            }
            fn visit_unit<E>(self) -> Result<Word, E> {
                Ok(Word(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Word, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Word(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Word(None))
            }
        }
        from.deserialize_any(Any)
    }
}

impl NodeAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for NodeAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.path.name() != b"package.json" {
            return Interest::Skip;
        }
        let Some(root) = entry.path.parent() else {
            return Interest::Skip;
        };
        let mut above = root.as_bytes().rsplit(|&b| b == b'/').skip(1);
        let module = match above.next() {
            Some(b"node_modules") => true,
            Some(scope) if scope.starts_with(b"@") => above.next() == Some(b"node_modules"),
            _ => false,
        };
        if !module {
            return Interest::Skip;
        }
        self.root = root;
        self.file.start(number, entry, CAP)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.file.chunk(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some((entry, bytes)) = self.file.finish(ID, facts) else {
            return;
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let manifest: Manifest = match serde_json::from_slice(bytes) {
            Ok(m) => m,
            Err(_) => return unread(facts, entry, ID, "not valid JSON"),
        };
        let (Word(Some(name)), Word(Some(version))) = (manifest.name, manifest.version) else {
            return;
        };
        if name.is_empty() {
            return;
        }
        facts.packages.push(PackageRecord {
            entry,
            kind: PackageKind::Node,
            name,
            version,
            architecture: None,
            source: None,
            declared_bytes: None,
            root: Some(self.root.clone()),
            relations: Relations::default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    #[test]
    fn only_modules() {
        let json = br#"{"name": "@babel/core", "version": "7.1.0", "main": {}}"#;
        for (path, root) in [
            ("app/node_modules/@babel/core/package.json", Some("app/node_modules/@babel/core")),
            ("app/node_modules/core/package.json", Some("app/node_modules/core")),
            ("app/package.json", None),
            ("app/node_modules/core/test/x/package.json", None),
            ("node_modules/package.json", None),
        ] {
            let facts = feed(&mut NodeAnalyzer::new(), path, json, 10);
            assert_eq!(
                facts.packages.first().and_then(|p| p.root.clone()),
                root.map(LayerPath::from),
                "{path}"
            );
        }
    }

    #[test]
    fn bad_json_is_named_and_half_a_manifest_is_nothing() {
        let path = "node_modules/x/package.json";
        assert_eq!(feed(&mut NodeAnalyzer::new(), path, b"{", 1).unread.len(), 1);
        for half in [
            r#"{"type":"module"}"#,
            r#"{"name":["a",1],"version":"1"}"#,
            r#"{"name":"a","version":{"major":[1.5,null,true]}}"#,
            r#"{"name":-1,"version":null}"#,
        ] {
            let facts = feed(&mut NodeAnalyzer::new(), path, half.as_bytes(), 1);
            assert_eq!(facts, Facts::default(), "{half}");
        }
    }
}
