//! Python's eggs that are archives: `NAME.egg` with `EGG-INFO/PKG-INFO` in it (setuptools' documentation, "The
//! Internal Structure of Python Eggs").

use super::python::metadata;
use super::zip::{Walk, Want};
use crate::analyze::{Analyzer, Facts, PackageRecord, Unread};
use crate::layer::{Entry, Interest, LayerPath};

const ID: &str = "egg";
/// Bytes of the metadata before the description.
const MEMBER: usize = 64 << 10;
/// Inflated bytes of one archive, and of one layer's.
const INFLATED: u64 = 256 << 20;
const LAYER: u64 = 1 << 30;

pub struct EggAnalyzer {
    entry: u32,
    path: LayerPath,
    walk: Option<Walk>,
    budget: u64,
    taken: u64,
}

impl Default for EggAnalyzer {
    fn default() -> Self {
        Self { entry: 0, path: LayerPath::default(), walk: None, budget: LAYER, taken: 0 }
    }
}

impl EggAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

fn choose(name: &[u8]) -> Want {
    if name == b"EGG-INFO/PKG-INFO" { Want::Bytes } else { Want::Nothing }
}

impl Analyzer for EggAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || !entry.path.name().ends_with(b".egg") {
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
        let kept = walk.archives.iter().flat_map(|a| &a.kept).next();
        let record = kept.and_then(|kept| metadata(&kept.bytes, self.entry));
        match record {
            Some(record) => {
                facts.packages.push(PackageRecord { root: Some(self.path.clone()), ..record })
            }
            // Others use this ending for other things.
            None => facts.unread.extend(walk.gaps.first().map(|(inside, why)| Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why: format!("{inside}: {why}"),
                within: true,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::zip::tests::{How, archive, member};
    use super::*;

    #[test]
    fn an_egg_is_a_package() {
        let meta = b"Metadata-Version: 1.0\nName: six\nVersion: 1.16.0\n";
        let bytes = archive(&[
            member("six.py", b"x", How::Deflated),
            member("EGG-INFO/PKG-INFO", meta, How::Deflated),
        ]);
        let path = "usr/lib/python2.7/site-packages/six-1.16.0-py2.7.egg";
        let facts = feed(&mut EggAnalyzer::new(), path, &bytes, 10);
        assert_eq!((facts.packages[0].name.as_str(), facts.unread.len()), ("six", 0));
        assert_eq!(facts.packages[0].root, Some(LayerPath::from(path)));
        assert_eq!(feed(&mut EggAnalyzer::new(), "a/b.egg", b"chicken", 10), Facts::default());
    }
}
