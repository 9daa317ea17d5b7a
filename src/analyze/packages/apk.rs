//! Alpine's database: `lib/apk/db/installed`, from apk v3 on `usr/lib/apk/db/installed`.
//!
//! One letter a field (apk's "installed database v2"): P name, V version, D needs, p provides, A architecture, o origin,
//! I installed size in bytes, F a directory, R a file in it; an empty line ends a package.

use super::collect::{Room, text};
use crate::analyze::{Analyzer, Facts, OwnedFiles, PackageKind, PackageRecord, Relations};
use crate::layer::{Entry, Interest, LayerPath};

const ID: &str = "apk";
const LINE_CAP: usize = 64 << 10;

#[derive(Default)]
pub struct ApkAnalyzer {
    entry: u32,
    line: Vec<u8>,
    now: Paragraph,
    room: Room,
    records: Vec<PackageRecord>,
    owned: Vec<OwnedFiles>,
}

#[derive(Default)]
struct Paragraph {
    name: String,
    /// There was room for one more package.
    kept: bool,
    version: String,
    architecture: Option<String>,
    origin: Option<String>,
    size: Option<u64>,
    relations: Relations,
    dir: Vec<u8>,
    paths: Vec<LayerPath>,
}

/// `so:libc.musl-x86_64.so.1 busybox>=1.2 !other`: names without versions; a conflict is no need.
fn names(value: &[u8], room: &mut Room) -> impl Iterator<Item = String> {
    value.split(|&b| b == b' ').filter(|w| !w.is_empty() && w[0] != b'!').map_while(|w| {
        let end = w.iter().position(|b| matches!(b, b'=' | b'<' | b'>' | b'~'));
        room.take(w.len()).then(|| text(&w[..end.unwrap_or(w.len())]))
    })
}

impl ApkAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LINE_CAP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        match line.as_slice() {
            [] => self.paragraph(),
            [letter, b':', value @ ..] => self.field(*letter, value),
            _ => {}
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, letter: u8, value: &[u8]) {
        let room = &mut self.room;
        match letter {
            b'P' => {
                self.now.name = text(value);
                self.now.kept = room.take(std::mem::size_of::<PackageRecord>() + 2 * value.len());
            }
            b'V' => self.now.version = text(value),
            b'A' => self.now.architecture = Some(text(value)),
            b'o' => self.now.origin = Some(text(value)),
            b'I' => self.now.size = text(value).parse().ok(),
            b'D' => self.now.relations.needs = names(value, room).map(|n| vec![n]).collect(),
            b'p' => self.now.relations.provides = names(value, room).collect(),
            b'F' => self.now.dir = value.to_vec(),
            b'R' => self.now.paths.extend(room.path(&self.now.dir, value)),
            _ => {}
        }
    }

    fn paragraph(&mut self) {
        let now = std::mem::take(&mut self.now);
        if now.name.is_empty() || !now.kept {
            return;
        }
        self.owned.push(OwnedFiles {
            entry: self.entry,
            kind: PackageKind::Apk,
            package: now.name.clone(),
            paths: now.paths,
        });
        self.records.push(PackageRecord {
            entry: self.entry,
            kind: PackageKind::Apk,
            source: now.origin.filter(|o| *o != now.name),
            name: now.name,
            version: now.version,
            architecture: now.architecture,
            declared_bytes: now.size,
            root: None,
            relations: now.relations,
            ..PackageRecord::of(PackageKind::Apk)
        });
    }
}

impl Analyzer for ApkAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 3)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let known: [&[u8]; 2] = [b"lib/apk/db/installed", b"usr/lib/apk/db/installed"];
        if !entry.is_file() || !known.contains(&entry.path.as_bytes()) {
            return Interest::Skip;
        }
        *self = Self { entry: number, ..Self::default() };
        Interest::All
    }

    fn chunk(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.push(&bytes[..end]);
            self.take_line();
            bytes = &bytes[end + 1..];
        }
        self.push(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        self.take_line();
        self.paragraph();
        self.room.tell(facts, self.entry, ID);
        facts.packages.append(&mut self.records);
        facts.owned.append(&mut self.owned);
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    // From an Alpine 3.23 image.
    const DB: &str = "C:Q1CY0E+BmyEgzSr8RD7r8LXNfGEzc=\nP:busybox-binsh\nV:1.37.0-r30\nA:x86_64\nS:1500\nI:12\nT:busybox ash /bin/sh\nU:https://busybox.net/\nL:GPL-2.0-only\no:busybox\nF:bin\nR:sh\na:0:0:777\nZ:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=\n\nP:musl\nV:1.2.5-r21\nA:x86_64\nI:667648\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\nF:\nR:root-file\n";

    #[test]
    fn packages_and_their_files() {
        for step in [1, 11, 4096] {
            let facts = feed(&mut ApkAnalyzer::new(), "lib/apk/db/installed", DB.as_bytes(), step);
            assert_eq!(facts.packages.len(), 2);
            assert_eq!(facts.packages[0].source.as_deref(), Some("busybox"));
            assert_eq!(facts.packages[0].declared_bytes, Some(12));
            assert_eq!(facts.packages[1].source, None);
            assert_eq!(facts.owned[0].paths, [LayerPath::from("bin/sh")]);
            assert_eq!(
                facts.owned[1].paths,
                [LayerPath::from("lib/ld-musl-x86_64.so.1"), LayerPath::from("root-file")]
            );
        }
    }

    #[test]
    fn a_long_directory_of_many_files_is_bounded_and_named() {
        let path = "lib/apk/db/installed";
        for (length, said) in [(65_000, "longer than 4095 bytes"), (4000, "more than is read")] {
            let db = format!("P:x\nV:1\nF:{}\n{}", "d".repeat(length), "R:a\n".repeat(50_000));
            let facts = feed(&mut ApkAnalyzer::new(), path, db.as_bytes(), 4096);
            let bytes: usize = facts.owned[0].paths.iter().map(|p| p.as_bytes().len()).sum();
            assert!(bytes < 64 << 20, "{bytes}");
            assert_eq!(facts.packages[0].name, "x", "what was read counts");
            assert!(facts.unread[0].why.contains(said), "{:?}", facts.unread);
        }
        let needs =
            format!("P:x\nV:1\n{}", format!("D:{}\n\nP:x\nV:1\n", "a ".repeat(30_000)).repeat(60));
        let facts = feed(&mut ApkAnalyzer::new(), path, needs.as_bytes(), 4096);
        assert!(facts.packages.iter().map(|p| p.relations.needs.len()).sum::<usize>() < 1_200_000);
        assert_eq!(facts.unread.len(), 1);
    }
}
