//! What the database readers share: a file is gathered up to a limit, then parsed as a whole. Databases
//! are small beside what they describe; one above its limit is said to be unread.

use crate::analyze::{Analyzer, Facts, Unread};
use crate::layer::{Entry, Interest, LayerPath};
use std::marker::PhantomData;

/// One kind of database: which files are its own, and what they say.
pub(super) trait Database: Send {
    /// Id and version of the analyzer.
    const ID: (&'static str, u32);
    /// What a file of this database is; decided by its path alone.
    type Role: Copy + Send;

    fn role(path: &LayerPath) -> Option<Self::Role>;

    /// Bytes up to which a file is read.
    fn limit(role: Self::Role) -> u64;

    fn parse(role: Self::Role, file: &File, facts: &mut Facts) -> Result<(), &'static str>;
}

/// A gathered file.
pub(super) struct File {
    pub entry: u32,
    pub path: LayerPath,
    pub bytes: Vec<u8>,
}

pub(super) struct Collector<D: Database> {
    current: Option<(D::Role, File, u64)>,
    database: PhantomData<D>,
}

impl<D: Database> Collector<D> {
    pub fn new() -> Self {
        Self {
            current: None,
            database: PhantomData,
        }
    }
}

impl<D: Database> Analyzer for Collector<D> {
    fn id(&self) -> (&'static str, u32) {
        D::ID
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        self.current = None;
        if !entry.is_file() {
            return Interest::Skip;
        }
        let Some(role) = D::role(&entry.path) else {
            return Interest::Skip;
        };
        let limit = D::limit(role);
        let file = File {
            entry: number,
            path: entry.path.clone(),
            bytes: Vec::new(),
        };
        self.current = Some((role, file, entry.size));
        // Nothing of a file that is too large is gathered.
        Interest::Head(if entry.size > limit { 0 } else { entry.size })
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if let Some((_, file, _)) = &mut self.current {
            file.bytes.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some((role, file, size)) = self.current.take() else {
            return;
        };
        let result = if size > D::limit(role) {
            Err("is larger than any such file should be")
        } else {
            D::parse(role, &file, facts)
        };
        if let Err(why) = result {
            facts.unread.push(Unread {
                entry: file.entry,
                analyzer: D::ID.0.to_owned(),
                why: why.to_owned(),
            });
        }
    }
}

/// Shows one file to a database's reader, as a walk would.
#[cfg(test)]
pub(super) fn read<D: Database>(path: &str, bytes: &[u8]) -> Facts {
    let mut analyzer = Collector::<D>::new();
    let mut facts = Facts::default();
    let entry = Entry {
        path: LayerPath::from(path),
        kind: crate::layer::EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: None,
        device: None,
        capability: None,
        content: None,
    };
    if analyzer.begin(7, &entry) != Interest::Skip {
        analyzer.chunk(bytes);
        analyzer.end(&mut facts);
    }
    facts
}
