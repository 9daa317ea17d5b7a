//! Readers of files that are read whole: what every one of them must heed stands here once.

use super::collect::{Collect, Room, unread};
use crate::analyze::{Analyzer, Facts, PackageKind, Unread};
use crate::layer::{Entry, Interest, LayerPath};
use std::marker::PhantomData;

/// Bytes of all such files of one layer that one reader reads.
const LAYER: u64 = 256 << 20;

/// A kind of file that states packages.
pub trait Statement: Send {
    const ID: &'static str;
    const VERSION: u32;
    const KIND: PackageKind;
    /// Bytes of the largest file that is read.
    const CAP: usize;

    /// Whether a file of this name is one.
    fn is_one(path: &LayerPath) -> bool;
}

/// Reads a [`Statement`].
pub(super) trait Read: Statement {
    /// Adds what it says to `facts`.
    ///
    /// # Errors
    /// What of it could not be read, in words; what could be stands in `facts`.
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String>;
}

/// One file, whole.
pub(super) struct Stated<'a> {
    /// Its place in `LayerIndex::entries`.
    pub entry: u32,
    pub path: &'a LayerPath,
    pub bytes: &'a [u8],
    room: Room,
}

impl Stated<'_> {
    /// A file of a package, `name` from `dir` unless it is absolute. `None` for what no file can be at.
    pub fn below(&mut self, dir: &LayerPath, name: &str) -> Option<LayerPath> {
        let dir = if name.starts_with('/') { b"" } else { dir.as_bytes() };
        self.room.path(dir, name.as_bytes())
    }
}

/// The analyzer of one kind of statement.
pub struct Whole<S> {
    file: Collect,
    path: LayerPath,
    left: u64,
    kind: PhantomData<S>,
}

impl<S> Default for Whole<S> {
    fn default() -> Self {
        Self {
            file: Collect::default(),
            path: LayerPath::default(),
            left: LAYER,
            kind: PhantomData,
        }
    }
}

impl<S: Statement> Whole<S> {
    fn gap(&self, facts: &mut Facts, entry: u32, why: &str) {
        if S::KIND.is_of_the_system() {
            return unread(facts, entry, S::ID, why);
        }
        // One of many of its kind: the secrets in it were searched for all the same.
        facts.unread.push(Unread {
            entry,
            analyzer: S::ID.to_owned(),
            why: why.to_owned(),
            within: true,
        });
    }
}

impl<S: Read> Analyzer for Whole<S> {
    fn id(&self) -> (&'static str, u32) {
        (S::ID, S::VERSION)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size == 0 || !S::is_one(&entry.path) {
            return Interest::Skip;
        }
        self.path = entry.path.clone();
        let cap = S::CAP.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.file.start(number, entry, cap)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.file.chunk(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        let mut big = Facts::default();
        let Some((entry, bytes)) = self.file.finish(S::ID, &mut big) else {
            for gap in big.unread {
                self.gap(facts, gap.entry, &gap.why);
            }
            return;
        };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        let mut file = Stated { entry, path: &self.path, bytes: &bytes, room: Room::default() };
        if let Err(why) = S::read(&mut file, facts) {
            self.gap(facts, entry, &why);
        }
        file.room.tell(facts, entry, S::ID);
    }
}
