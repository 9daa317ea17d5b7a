//! Node modules: `package.json` directly in `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
//!
//! Any other `package.json` is not an installed package: deeper ones choose a module format or are
//! test fixtures, and one outside of `node_modules` is the application itself.
//!
//! pnpm keeps the files of all packages in a store, by their checksums, and links them into `node_modules`. Where
//! the store comes first in the layer, `package.json` is a hard link to what was seen without a name.

use super::collect::{Collect, text, unread};
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord};
use crate::layer::{Entry, EntryKind, Interest, LayerPath};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;

const ID: &str = "node";
const CAP: usize = 4 << 20;

/// Files of a store that may get a name later, and the bytes of what they say.
const STORED: usize = 200_000;
const STORED_WORD: usize = 300;
/// A larger file of a store is no `package.json`.
const STORED_CAP: u64 = 256 << 10;

#[derive(Default)]
pub struct NodeAnalyzer {
    file: Collect,
    root: LayerPath,
    reading: Reading,
    /// Name and version by the path in a store.
    stored: HashMap<LayerPath, (String, String)>,
}

#[derive(Default, PartialEq, Eq)]
enum Reading {
    /// `root` is the module.
    #[default]
    Module,
    /// `root` is the file of a store.
    Stored,
    /// `root` is the module, and this what its `package.json` is.
    Linked(String, String),
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
        (ID, 3)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if entry.is_file() && entry.size <= STORED_CAP && is_stored(entry.path.as_bytes()) {
            if self.stored.len() >= STORED {
                return Interest::Skip;
            }
            self.reading = Reading::Stored;
            self.root = entry.path.clone();
            return self.file.start(number, entry, CAP);
        }
        let Some(root) = module(&entry.path) else {
            return Interest::Skip;
        };
        self.root = root;
        if entry.kind == EntryKind::HardLink {
            let target = entry.link.as_deref().unwrap_or_default();
            let Some((name, version)) = self.stored.get(target) else {
                return Interest::Skip;
            };
            self.reading = Reading::Linked(name.clone(), version.clone());
            self.file.start(number, entry, CAP);
            return Interest::Head(0);
        }
        if !entry.is_file() {
            return Interest::Skip;
        }
        self.reading = Reading::Module;
        self.file.start(number, entry, CAP)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        // Most of a store are sources.
        if self.reading != Reading::Stored || self.file.may_begin(b"{", bytes) {
            self.file.chunk(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let root = std::mem::take(&mut self.root);
        match std::mem::take(&mut self.reading) {
            Reading::Module => {
                let Some((entry, bytes)) = self.file.finish(ID, facts) else {
                    return;
                };
                match manifest(&bytes) {
                    Ok(Some((name, version))) => push(entry, name, version, root, facts),
                    Ok(None) => {}
                    Err(()) => unread(facts, entry, ID, "not valid JSON"),
                }
            }
            Reading::Stored => {
                let Some((_, bytes)) = self.file.finish(ID, facts) else {
                    return;
                };
                if let Ok(Some((name, version))) = manifest(&bytes)
                    && name.len() + version.len() <= STORED_WORD
                {
                    self.stored.insert(root, (name, version));
                }
            }
            Reading::Linked(name, version) => push(self.file.entry(), name, version, root, facts),
        }
    }
}

/// The module that this is the `package.json` of.
pub(super) fn module(path: &LayerPath) -> Option<LayerPath> {
    if path.name() != b"package.json" {
        return None;
    }
    let root = path.parent()?;
    let mut above = root.as_bytes().rsplit(|&b| b == b'/').skip(1);
    match above.next()? {
        b"node_modules" => Some(root),
        scope if scope.starts_with(b"@") && above.next() == Some(b"node_modules") => Some(root),
        _ => None,
    }
}

/// `…/v3/files/3f/` and the rest of a checksum; `-exec` behind it marks programs, `-index.json` a package's list.
fn is_stored(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&b| b == b'/');
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let (Some(rest), Some(fan)) = (parts.next(), parts.next()) else { return false };
    let version =
        |part: &[u8]| part.first() == Some(&b'v') && part[1..].iter().all(u8::is_ascii_digit);
    fan.len() == 2
        && rest.len() >= 60
        && hex(fan)
        && hex(rest)
        && parts.next() == Some(b"files")
        && parts.next().is_some_and(version)
}

/// Name and version; none where it only chooses a module format.
pub(super) fn manifest(bytes: &[u8]) -> Result<Option<(String, String)>, ()> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|_| ())?;
    let both = manifest.name.0.zip(manifest.version.0);
    Ok(both.filter(|(name, _)| !name.is_empty()))
}

fn push(entry: u32, name: String, version: String, root: LayerPath, facts: &mut Facts) {
    facts.packages.push(PackageRecord {
        entry,
        name,
        version,
        root: Some(root),
        ..PackageRecord::of(PackageKind::Node)
    });
}

#[cfg(test)]
mod tests {
    use super::super::{feed, link};
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

    #[test]
    fn a_module_that_is_linked_to_pnpms_store() {
        let mut node = NodeAnalyzer::new();
        let rest = "0".repeat(126);
        let stored = format!("pnpm/store/v3/files/3f/{rest}");
        let source = format!("pnpm/store/v3/files/aa/{rest}");
        let json = br#"{"name": "express", "version": "4.18.2"}"#;
        assert_eq!(feed(&mut node, &stored, json, 9), Facts::default());
        assert_eq!(feed(&mut node, &source, b"'use strict'", 9), Facts::default());
        let module = "app/node_modules/.pnpm/express@4.18.2/node_modules/express";
        let facts = link(&mut node, &format!("{module}/package.json"), &stored);
        let p = &facts.packages[0];
        assert_eq!((p.entry, p.name.as_str(), p.version.as_str()), (9, "express", "4.18.2"));
        assert_eq!(p.root, Some(LayerPath::from(module)));
        for (path, target) in [
            (format!("{module}/package.json"), &source),
            (format!("{module}/lib/package.json"), &stored),
        ] {
            assert_eq!(link(&mut node, &path, target), Facts::default());
        }
    }
}
