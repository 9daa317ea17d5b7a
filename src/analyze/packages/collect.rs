//! Holds one small file while it streams by.

use crate::analyze::{Facts, Unread};
use crate::layer::{Entry, Interest, LayerPath};

/// One file, whole, up to a cap; a file over the cap becomes an [`Unread`], never silence.
#[derive(Default)]
pub(in crate::analyze) struct Collect {
    entry: u32,
    bytes: Vec<u8>,
    cap: usize,
    size: u64,
}

impl Collect {
    /// Starts on an entry. Over the cap only one byte is asked for, so that `end` comes.
    pub(in crate::analyze) fn start(&mut self, number: u32, entry: &Entry, cap: usize) -> Interest {
        self.entry = number;
        self.bytes.clear();
        self.cap = cap;
        self.size = entry.size;
        if self.fits() { Interest::All } else { Interest::Head(1) }
    }

    pub(in crate::analyze) fn chunk(&mut self, bytes: &[u8]) {
        let room = self.cap.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Whether the file may begin with `magic`, as far as it was shown; `bytes` come next.
    pub(in crate::analyze) fn may_begin(&self, magic: &[u8], bytes: &[u8]) -> bool {
        let mut begun = self.bytes.iter().chain(bytes);
        magic.iter().all(|m| begun.next().is_none_or(|b| b == m))
    }

    /// The entry's number and its bytes; `None`, with the reason left in `facts`, if it was too big.
    pub(in crate::analyze) fn finish(
        &mut self,
        analyzer: &str,
        facts: &mut Facts,
    ) -> Option<(u32, Vec<u8>)> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.fits() {
            return Some((self.entry, bytes));
        }
        let why = format!("{} bytes, more than the {} that are read", self.size, self.cap);
        unread(facts, self.entry, analyzer, &why);
        None
    }

    /// The entry that is being read.
    pub(in crate::analyze) fn entry(&self) -> u32 {
        self.entry
    }

    fn fits(&self) -> bool {
        self.size <= self.cap as u64
    }
}

/// Bytes of a path at most: Linux takes 4,096 with the NUL (path_resolution(7)), so that no runtime makes a longer one.
const LONGEST_PATH: usize = 4095;
/// What one file may fill, in bytes with the overhead of each part: some 400,000 paths. A full Fedora desktop owns
/// as many, an image a tenth of them.
const ROOM: usize = 48 << 20;
/// Of a string or a path on the heap, with its place in a list.
const OVERHEAD: usize = 48;

/// The room for what one database says. A few bytes of it can ask for thousands: a long directory stands
/// once and each of its files is a path, a list names the empty word a million times.
pub(in crate::analyze) struct Room {
    left: usize,
    spent: bool,
    too_long: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: ROOM, spent: false, too_long: 0 }
    }
}

impl Room {
    /// Takes a part of so many bytes in; `false` once there is no room.
    pub(in crate::analyze) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes.saturating_add(OVERHEAD)).filter(|_| !self.spent) {
            Some(left) => self.left = left,
            None => self.spent = true,
        }
        !self.spent
    }

    pub(in crate::analyze) fn is_spent(&self) -> bool {
        self.spent
    }

    /// `name` in `dir`; `None` for the root, for a path that cannot be made, and once there is no room.
    pub(in crate::analyze) fn path(&mut self, dir: &[u8], name: &[u8]) -> Option<LayerPath> {
        let length = dir.len().saturating_add(name.len() + 1);
        if length > LONGEST_PATH {
            self.too_long += 1;
            return None;
        }
        // By what is written: `./././` is work, too, however short the path.
        if !self.take(length) {
            return None;
        }
        let path = LayerPath::new(&[dir, b"/", name].concat());
        (!path.is_root()).then_some(path)
    }

    /// Says what was left out.
    pub(in crate::analyze) fn tell(&self, facts: &mut Facts, entry: u32, analyzer: &str) {
        if self.spent {
            unread(
                facts,
                entry,
                analyzer,
                "it says more than is read of one file; the rest is not read",
            );
        }
        if self.too_long > 0 {
            facts.unread.push(Unread {
                entry,
                analyzer: analyzer.to_owned(),
                why: format!(
                    "{} of its paths are longer than {LONGEST_PATH} bytes, which no runtime can make",
                    self.too_long
                ),
                within: true,
            });
        }
    }
}

pub(in crate::analyze) fn unread(facts: &mut Facts, entry: u32, analyzer: &str, why: &str) {
    facts.unread.push(Unread {
        entry,
        analyzer: analyzer.to_owned(),
        why: why.to_owned(),
        within: false,
    });
}

/// Text of a database, broken bytes replaced.
pub(in crate::analyze) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}
