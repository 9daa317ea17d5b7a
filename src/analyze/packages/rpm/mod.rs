//! rpm's database in its sqlite form (`rpmdb.sqlite`, rpm 4.16 and later).
//!
//! The Berkeley form (`Packages`, before) and the ndb form (`Packages.db`, SUSE's) are named as not read:
//! no reader of ours has been held against a real one.

mod header;

use super::collect::{Collect, unread};
use crate::analyze::{Analyzer, Facts};
use crate::layer::{Entry, Interest};
use rusqlite::{Connection, MAIN_DB};

const ID: &str = "rpm";
/// A full Fedora desktop has about 200 MB, a container image below 50 MB.
const CAP: usize = 96 << 20;

#[derive(Clone, Copy, Default)]
enum Form {
    #[default]
    Sqlite,
    Ndb,
    Berkeley,
}

#[derive(Default)]
pub struct RpmAnalyzer {
    form: Form,
    file: Collect,
}

impl RpmAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for RpmAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 2)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let path = entry.path.as_bytes();
        let name = path
            .strip_prefix(b"var/lib/rpm/")
            .or_else(|| path.strip_prefix(b"usr/lib/sysimage/rpm/"));
        self.form = match name {
            Some(b"rpmdb.sqlite") => Form::Sqlite,
            Some(b"Packages.db") => Form::Ndb,
            Some(b"Packages") => Form::Berkeley,
            _ => return Interest::Skip,
        };
        if !entry.is_file() || entry.size == 0 {
            return Interest::Skip;
        }
        let cap = if matches!(self.form, Form::Sqlite) { CAP } else { 0 };
        self.file.start(number, entry, cap)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.file.chunk(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        let why = match self.form {
            Form::Sqlite => None,
            Form::Ndb => Some("an rpm database in the ndb form, which careen cannot read"),
            Form::Berkeley => {
                Some("an rpm database in the Berkeley form, which careen cannot read")
            }
        };
        if let Some(why) = why {
            return unread(facts, self.file.entry(), ID, why);
        }
        let Some((entry, bytes)) = self.file.finish(ID, facts) else {
            return;
        };
        let mut bad = 0u32;
        let mut take = |blob: &[u8]| match header::parse(entry, blob) {
            Some((record, owned)) => {
                facts.packages.push(record);
                facts.owned.push(owned);
            }
            None => bad += 1,
        };
        let read = sqlite(&bytes, &mut take).map_err(|e| e.to_string());
        if let Err(e) = read {
            unread(facts, entry, ID, &format!("not a readable rpm database: {e}"));
        } else if bad > 0 {
            unread(facts, entry, ID, &format!("{bad} package headers that are broken"));
        }
    }
}

/// Shows every header of the table `Packages`, in the order of their numbers.
fn sqlite(bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> rusqlite::Result<()> {
    let mut image = bytes.to_vec();
    // rpm leaves the database in WAL mode (bytes 18 and 19 of the header are 2), which a database in
    // memory cannot have; the main file alone reads as a rollback-mode one.
    if let Some(versions) = image.get_mut(18..20) {
        versions.fill(1);
    }
    let mut db = Connection::open_in_memory()?;
    db.deserialize_read_exact(MAIN_DB, image.as_slice(), image.len(), true)?;
    drop(image);
    // The schema may be hostile: a view that recurses for ever, say.
    let mut ticks = 0u32;
    db.progress_handler(
        100_000,
        Some(move || {
            ticks += 1;
            ticks > 10_000
        }),
    )?;
    let mut select = db.prepare("SELECT blob FROM Packages ORDER BY hnum")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let rusqlite::types::ValueRef::Blob(blob) = row.get_ref(0)? {
            take(blob);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

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
