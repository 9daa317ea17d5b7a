//! rpm's database: sqlite (`rpmdb.sqlite`, rpm 4.16 and later), Berkeley DB (`Packages`, before) and ndb
//! (`Packages.db`, SUSE's).
//!
//! The table of sqlite is read page by page: the engine would run what a hostile schema says.
//!
//! Images of OSTree have each file as an object, and the names below `usr` are hard links to them. What looks like
//! a database among the objects is read, and counts once a database's name is linked to it.

mod berkeley;
mod header;
mod manifest;
mod ndb;
mod sqlite;

pub use manifest::RpmManifest;

use super::collect::{Collect, Room, unread};
use crate::analyze::{Analyzer, Facts};
use crate::layer::{Entry, EntryKind, Interest, LayerPath};
use std::collections::HashMap;

const ID: &str = "rpm";
/// A full Fedora desktop has about 200 MB, a container image below 50 MB.
const CAP: usize = 96 << 20;

/// Where rpm keeps its database; `var/lib/rpm` is often a link to one of the others.
const FOLDERS: [&[u8]; 3] = [b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/"];
/// rpm-ostree's copy of what the base had, and OSTree's objects: databases if one of the names above is a hard link
/// to them.
const UNNAMED: [&[u8]; 2] =
    [b"usr/lib/sysimage/rpm-ostree-base-db/", b"sysroot/ostree/repo/objects/"];
/// Databases of one layer that may get a name later.
const KEPT: usize = 2;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Sqlite,
    Ndb,
    Berkeley,
    /// Perhaps a sqlite database, which has no database's name yet.
    Unnamed,
    /// A database's name for what came before.
    Linked,
}

#[derive(Default)]
pub struct RpmAnalyzer {
    form: Form,
    file: Collect,
    path: LayerPath,
    /// What was read of `UNNAMED` files.
    unnamed: HashMap<LayerPath, Facts>,
}

/// The form that a database of this name is in.
fn form_of(path: &[u8]) -> Option<Form> {
    match FOLDERS.iter().find_map(|folder| path.strip_prefix(*folder))? {
        b"rpmdb.sqlite" => Some(Form::Sqlite),
        b"Packages.db" => Some(Form::Ndb),
        b"Packages" => Some(Form::Berkeley),
        _ => None,
    }
}

impl RpmAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for RpmAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 4)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let path = entry.path.as_bytes();
        let form = form_of(path);
        if entry.kind == EntryKind::HardLink && form.is_some() {
            self.form = Form::Linked;
            self.path = LayerPath::new(entry.link.as_deref().unwrap_or_default());
            // Read under that name.
            if form_of(self.path.as_bytes()).is_some() {
                return Interest::Skip;
            }
            self.file.start(number, entry, CAP);
            return Interest::Head(0);
        }
        if !entry.is_file() || entry.size == 0 {
            return Interest::Skip;
        }
        self.form = match form {
            Some(form) => form,
            None if UNNAMED.iter().any(|folder| path.starts_with(folder))
                && entry.size <= CAP as u64
                && self.unnamed.len() < KEPT =>
            {
                Form::Unnamed
            }
            None => return Interest::Skip,
        };
        self.path = entry.path.clone();
        self.file.start(number, entry, CAP)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.form == Form::Unnamed && !self.file.may_begin(b"SQLite format 3\0", bytes) {
            return;
        }
        self.file.chunk(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        match self.form {
            Form::Unnamed => {
                let Some((entry, bytes)) = self.file.finish(ID, &mut Facts::default()) else {
                    return;
                };
                let head = &bytes[..bytes.len().min(SCHEMA)];
                if memchr::memmem::find(head, b"hnum INTEGER PRIMARY KEY").is_some() {
                    let mut said = Facts::default();
                    read(Form::Sqlite, entry, &bytes, &mut said);
                    self.unnamed.insert(self.path.clone(), said);
                }
            }
            Form::Linked => {
                let entry = self.file.entry();
                match self.unnamed.get(&self.path) {
                    Some(said) => named(said, entry, facts),
                    None => unread(
                        facts,
                        entry,
                        ID,
                        "a hard link to a file that was not taken for a database",
                    ),
                }
            }
            form => {
                if let Some((entry, bytes)) = self.file.finish(ID, facts) {
                    read(form, entry, &bytes, facts);
                }
            }
        }
    }
}

/// Bytes of a database that hold its schema, in so small a one.
const SCHEMA: usize = 64 << 10;

/// What was read before, as stated by the entry `number`.
fn named(said: &Facts, number: u32, facts: &mut Facts) {
    let (packages, owned, gaps) = (&said.packages, &said.owned, &said.unread);
    facts.packages.extend(packages.iter().cloned().map(|mut p| {
        p.entry = number;
        p
    }));
    facts.owned.extend(owned.iter().cloned().map(|mut o| {
        o.entry = number;
        o
    }));
    facts.unread.extend(gaps.iter().cloned().map(|mut u| {
        u.entry = number;
        u
    }));
}

fn read(form: Form, entry: u32, bytes: &[u8], facts: &mut Facts) {
    let (mut bad, mut room) = (0u32, Room::default());
    let mut take = |blob: &[u8]| {
        if room.is_spent() {
            return;
        }
        match header::parse(entry, blob, &mut room) {
            Some((record, owned)) => {
                facts.packages.push(record);
                facts.owned.push(owned);
            }
            None => bad += 1,
        }
    };
    let read = match form {
        Form::Ndb => ndb::each(bytes, &mut take),
        Form::Berkeley => berkeley::each(bytes, &mut take),
        _ => sqlite::blobs(bytes, "Packages", &mut take).map_err(|e| e.to_string()),
    };
    if let Err(e) = read {
        unread(facts, entry, ID, &format!("not a readable rpm database: {e}"));
    } else if bad > 0 {
        unread(facts, entry, ID, &format!("{bad} package headers that are broken"));
    }
    room.tell(facts, entry, ID);
}

#[cfg(test)]
mod tests {
    use super::super::{feed, link};
    use super::*;
    use rusqlite::{Connection, MAIN_DB};

    /// A database of one package, as rpm writes its tables.
    fn database(header: &[u8]) -> Vec<u8> {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)",
        )
        .unwrap();
        db.execute("INSERT INTO Packages (blob) VALUES (?)", [header]).unwrap();
        db.serialize(MAIN_DB).unwrap().to_vec()
    }

    #[test]
    fn a_database_is_read_wherever_rpm_keeps_it() {
        let bytes = database(&header::tests::full());
        for (path, packages) in [
            ("usr/share/rpm/rpmdb.sqlite", 1),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite", 1),
            ("usr/share/rpm/Packages.bak", 0),
            ("usr/lib/sysimage/rpm-ostree-base-db/rpmdb.sqlite", 0),
        ] {
            let facts = feed(&mut RpmAnalyzer::new(), path, &bytes, 1000);
            assert_eq!((facts.packages.len(), facts.unread.len()), (packages, 0), "{path}");
        }
    }

    #[test]
    fn an_object_of_ostree_counts_under_the_name_that_is_linked_to_it() {
        let mut rpm = RpmAnalyzer::new();
        let object = "sysroot/ostree/repo/objects/ab/cd.file";
        assert_eq!(
            feed(&mut rpm, object, &database(&header::tests::full()), 700),
            Facts::default()
        );
        let other = "sysroot/ostree/repo/objects/ab/ef.file";
        assert_eq!(feed(&mut rpm, other, &[b'x'; 5000], 700), Facts::default());
        let facts = link(&mut rpm, "usr/share/rpm/rpmdb.sqlite", object);
        assert_eq!((facts.packages[0].name.as_str(), facts.packages[0].entry), ("bash", 9));
        assert_eq!((facts.owned[0].entry, facts.unread.len()), (9, 0));
        let facts = link(&mut rpm, "usr/share/rpm/rpmdb.sqlite", other);
        assert_eq!((facts.packages.len(), facts.unread.len()), (0, 1));
        let facts = link(&mut rpm, "usr/share/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite");
        assert_eq!(facts, Facts::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (path, bytes) in [
            ("var/lib/rpm/Packages", &b"\0\x05\x31\x62"[..]),
            ("var/lib/rpm/rpmdb.sqlite", b"no database at all, but long enough"),
            ("usr/lib/sysimage/rpm/Packages.db", b"RpmX"),
        ] {
            let facts = feed(&mut RpmAnalyzer::new(), path, bytes, 3);
            assert_eq!((facts.unread.len(), facts.packages.len()), (1, 0), "{path}");
        }
    }
}
