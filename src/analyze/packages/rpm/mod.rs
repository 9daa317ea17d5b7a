//! rpm's database in its sqlite form (`rpmdb.sqlite`, rpm 4.16 and later).
//!
//! Its table is read page by page: the engine would run what a hostile schema says.
//! The Berkeley form (`Packages`, before) and the ndb form (`Packages.db`, SUSE's) are named as not read:
//! no reader of ours has been held against a real one.

mod header;
mod sqlite;

use super::collect::{Collect, Room, unread};
use crate::analyze::{Analyzer, Facts};
use crate::layer::{Entry, Interest};

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
        (ID, 3)
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
        let (mut bad, mut room) = (0u32, Room::default());
        let read = sqlite::blobs(&bytes, "Packages", &mut |blob| {
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
        });
        if let Err(e) = read {
            unread(facts, entry, ID, &format!("not a readable rpm database: {e}"));
        } else if bad > 0 {
            unread(facts, entry, ID, &format!("{bad} package headers that are broken"));
        }
        room.tell(facts, entry, ID);
    }
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
