//! Yarn's cache of packages as zip archives, from which programs run as they are (Plug'n'Play):
//! `.yarn/cache/NAME-npm-VERSION-HASH.zip` with `node_modules/NAME` in it.

use super::node::{manifest, module};
use super::zip::{Walk, Want};
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, Unread};
use crate::layer::{Entry, Interest, LayerPath};

const ID: &str = "yarn";
/// Bytes of a `package.json`.
const MEMBER: usize = 1 << 20;
/// Inflated bytes of one archive, and of one layer's.
const INFLATED: u64 = 256 << 20;
const LAYER: u64 = 1 << 30;

pub struct YarnAnalyzer {
    entry: u32,
    path: LayerPath,
    walk: Option<Walk>,
    budget: u64,
    taken: u64,
}

impl Default for YarnAnalyzer {
    fn default() -> Self {
        Self { entry: 0, path: LayerPath::default(), walk: None, budget: LAYER, taken: 0 }
    }
}

impl YarnAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

fn choose(name: &[u8]) -> Want {
    match module(&LayerPath::new(name)) {
        Some(_) => Want::Bytes,
        None => Want::Nothing,
    }
}

/// In a project's `.yarn/cache`, or in the `.yarn/berry/cache` of a user.
fn is_cached(path: &LayerPath) -> bool {
    let folder = path.parent().unwrap_or_default();
    let mut parts = folder.as_bytes().rsplit(|&b| b == b'/');
    let cache = parts.next() == Some(b"cache");
    let above = parts.next();
    let yarn = above == Some(b".yarn") || above == Some(b"berry");
    path.name().ends_with(b".zip") && cache && yarn
}

impl Analyzer for YarnAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size == 0 || !is_cached(&entry.path) {
            return Interest::Skip;
        }
        self.entry = number;
        self.path = entry.path.clone();
        self.taken = INFLATED.min(self.budget);
        self.walk = Some(Walk::new(choose, MEMBER, self.taken));
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if let Some(walk) = &mut self.walk {
            walk.feed(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some(mut walk) = self.walk.take() else { return };
        self.budget -= self.taken - walk.end();
        let mut gap = |why: String| {
            facts.unread.push(Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why,
                within: true,
            });
        };
        for (inside, why) in &walk.gaps {
            gap(format!("{inside}: {why}"));
        }
        if walk.archives.first().is_none_or(|a| a.members == 0) {
            gap("no archive, though its name says so".to_owned());
        }
        for kept in walk.archives.iter().flat_map(|a| &a.kept) {
            match manifest(&kept.bytes) {
                Err(()) => gap(format!("{}: not valid JSON", kept.name)),
                Ok(None) => {}
                Ok(Some((name, version))) => {
                    // The innermost of bundled modules is no archive of its own.
                    let own = kept.name.matches("node_modules/").count() == 1;
                    facts.packages.push(PackageRecord {
                        entry: self.entry,
                        name,
                        version,
                        root: own.then(|| self.path.clone()),
                        inside: Some(kept.name.clone()),
                        ..PackageRecord::of(PackageKind::Node)
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::zip::tests::{How, archive, member};
    use super::*;

    #[test]
    fn a_cached_archive_is_a_module() {
        let json = |name: &str| format!("{{\"name\": \"{name}\", \"version\": \"1.2.3\"}}");
        let bytes = archive(&[
            member("node_modules/", b"", How::Stored),
            member("node_modules/@a/b/package.json", json("@a/b").as_bytes(), How::Deflated),
            member("node_modules/@a/b/lib/package.json", json("no").as_bytes(), How::Stored),
            member(
                "node_modules/@a/b/node_modules/c/package.json",
                json("c").as_bytes(),
                How::Stored,
            ),
        ]);
        let cached = "app/.yarn/cache/@a-b-npm-1.2.3-0011223344-5566.zip";
        let facts = feed(&mut YarnAnalyzer::new(), cached, &bytes, 11);
        let seen: Vec<_> =
            facts.packages.iter().map(|p| (p.name.as_str(), p.root.is_some())).collect();
        assert_eq!(seen, [("@a/b", true), ("c", false)]);
        assert_eq!(facts.unread, []);
        let other = feed(&mut YarnAnalyzer::new(), "app/cache/x.zip", &bytes, 11);
        assert_eq!(other, Facts::default());
        let broken = feed(&mut YarnAnalyzer::new(), cached, b"git-lfs", 11);
        assert_eq!((broken.packages.len(), broken.unread.len()), (0, 1));
    }
}
