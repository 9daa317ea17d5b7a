//! Debian's database: `var/lib/dpkg/status` with `info/*.list`, and the one file a package that
//! distroless images have in `status.d`.
//!
//! A package's files are in `NAME.list` and, without those of the configuration, in `NAME.md5sums`: in `info`,
//! or where there is a `status.d`, there or in its `info`. dpkg itself cannot work without the list, so that
//! checksums are read only where no list came before them.

use super::collect::{Collect, Room, text};
use crate::analyze::{
    Analyzer, Facts, OwnedFiles, PackageKind, PackageRecord, PackageState, Relations,
};
use crate::layer::{Entry, Interest};
use std::collections::HashSet;

const ID: &str = "dpkg";
/// The longest list seen in Debian (linux-headers, texlive) is below 4 MiB.
const LIST_CAP: usize = 32 << 20;
/// Longer lines are cut; no field that is read comes near.
const LINE_CAP: usize = 64 << 10;
/// Packages whose list is remembered; Debian has 65,000 in all.
const LISTED: usize = 70_000;

#[derive(Default)]
enum Reading {
    #[default]
    Nothing,
    Status,
    /// `.list` or `.md5sums` of this package.
    Owned {
        package: String,
        sums: bool,
    },
}

#[derive(Default)]
pub struct DpkgAnalyzer {
    reading: Reading,
    status: StatusReader,
    entry: u32,
    file: Collect,
    /// Packages whose list has been read.
    listed: HashSet<Vec<u8>>,
}

impl DpkgAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }

    /// What a file below `var/lib/dpkg` is.
    fn reading(&mut self, rest: &[u8]) -> Option<Reading> {
        if rest == b"status" {
            return Some(Reading::Status);
        }
        let own = rest.strip_prefix(b"status.d/");
        let name = own.unwrap_or(rest);
        let name = name.strip_prefix(b"info/").or(own).filter(|n| !n.contains(&b'/'))?;
        if let Some(package) = name.strip_suffix(b".list") {
            if self.listed.len() < LISTED && package.len() < 256 {
                self.listed.insert(package.to_vec());
            }
            return Some(Reading::Owned { package: text(package), sums: false });
        }
        if let Some(package) = name.strip_suffix(b".md5sums") {
            let wanted = !self.listed.contains(package);
            return wanted.then(|| Reading::Owned { package: text(package), sums: true });
        }
        // A package of `status.d` is there because it is installed and need not say so.
        own.filter(|n| !n.starts_with(b"info/")).map(|_| Reading::Status)
    }
}

impl Analyzer for DpkgAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 4)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        self.reading = Reading::Nothing;
        let path = entry.path.as_bytes();
        if !entry.is_file() || !path.starts_with(b"var/lib/dpkg/") {
            return Interest::Skip;
        }
        self.entry = number;
        let rest = &path[b"var/lib/dpkg/".len()..];
        let Some(reading) = self.reading(rest) else {
            return Interest::Skip;
        };
        self.reading = reading;
        if matches!(self.reading, Reading::Owned { .. }) {
            return self.file.start(number, entry, LIST_CAP);
        }
        self.status = StatusReader { implied: rest != b"status", ..Default::default() };
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        match self.reading {
            Reading::Nothing => {}
            Reading::Status => self.status.chunk(bytes),
            Reading::Owned { .. } => self.file.chunk(bytes),
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        match std::mem::take(&mut self.reading) {
            Reading::Nothing => {}
            Reading::Status => {
                let mut status = std::mem::take(&mut self.status);
                status.finish();
                status.room.tell(facts, self.entry, ID);
                facts.packages.extend(status.found.into_iter().map(|mut r| {
                    r.entry = self.entry;
                    r
                }));
            }
            Reading::Owned { package, sums } => {
                let Some((entry, bytes)) = self.file.finish(ID, facts) else {
                    return;
                };
                let mut room = Room::default();
                let paths = bytes
                    .split(|&b| b == b'\n')
                    .filter_map(|line| if sums { sum_path(line) } else { Some(line) })
                    .filter(|line| !line.is_empty())
                    .filter_map(|line| room.path(b"", line))
                    .collect();
                room.tell(facts, entry, ID);
                facts.owned.push(OwnedFiles { entry, kind: PackageKind::Dpkg, package, paths });
            }
        }
    }
}

/// What `want flag state` (dpkg(1)) says of the files: with `not-installed` and `config-files` there are none.
/// What waits for a trigger is unpacked and configured.
fn state(status: &str) -> Option<PackageState> {
    Some(match status.split_ascii_whitespace().nth(2)? {
        "installed" | "triggers-awaited" | "triggers-pending" => PackageState::Installed,
        "half-configured" => PackageState::HalfConfigured,
        "unpacked" => PackageState::Unpacked,
        "half-installed" => PackageState::HalfInstalled,
        _ => return None,
    })
}

/// `a (>= 1) | b:any, c` (deb-control(5)): what must be there, each in one of its alternatives.
fn alternatives(field: &str, room: &mut Room) -> Vec<Vec<String>> {
    let name = |word: &str| {
        let end = word.find([' ', '(', ':', '[']).unwrap_or(word.len());
        word[..end].to_owned()
    };
    let mut all = Vec::new();
    for one in field.split(',') {
        let names: Vec<String> =
            one.split('|').map(|w| name(w.trim())).filter(|n| !n.is_empty()).collect();
        if !names.iter().all(|n| room.take(n.len())) {
            break;
        }
        if !names.is_empty() {
            all.push(names);
        }
    }
    all
}

/// `HASH  path`, as md5sum(1) prints it.
fn sum_path(line: &[u8]) -> Option<&[u8]> {
    let space = memchr::memchr(b' ', line)?;
    Some(line[space..].trim_ascii_start())
}

/// Paragraphs of `Field: value` (deb-control(5)), read line by line.
#[derive(Default)]
struct StatusReader {
    line: Vec<u8>,
    implied: bool,
    room: Room,
    fields: Fields,
    found: Vec<PackageRecord>,
}

#[derive(Default)]
struct Fields {
    package: Option<String>,
    /// There was room for one more package.
    kept: bool,
    version: Option<String>,
    status: Option<String>,
    architecture: Option<String>,
    source: Option<String>,
    installed_size: Option<u64>,
    relations: Relations,
}

impl StatusReader {
    fn chunk(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.push(&bytes[..end]);
            self.take_line();
            bytes = &bytes[end + 1..];
        }
        self.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LINE_CAP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.trim_ascii().is_empty() {
            self.paragraph();
        } else if !line[0].is_ascii_whitespace()
            && let Some(colon) = memchr::memchr(b':', &line)
        {
            let value = || Some(text(&line[colon + 1..]));
            let fields = &mut self.fields;
            match line[..colon].to_ascii_lowercase().as_slice() {
                b"package" => {
                    fields.package = value();
                    let size = std::mem::size_of::<PackageRecord>() + line.len();
                    fields.kept = self.room.take(size);
                }
                b"version" => fields.version = value(),
                b"status" => fields.status = value(),
                b"architecture" => fields.architecture = value(),
                b"source" => fields.source = value(),
                b"depends" | b"pre-depends" => {
                    let all = alternatives(&text(&line[colon + 1..]), &mut self.room);
                    fields.relations.needs.extend(all);
                }
                b"provides" => {
                    let all = alternatives(&text(&line[colon + 1..]), &mut self.room);
                    fields.relations.provides.extend(all.into_iter().flatten());
                }
                b"essential" => {
                    fields.relations.essential = line[colon + 1..].trim_ascii() == b"yes";
                }
                b"installed-size" => fields.installed_size = value().and_then(|v| v.parse().ok()),
                _ => {}
            }
        }
        // Keeps the allocation.
        self.line = line;
        self.line.clear();
    }

    fn paragraph(&mut self) {
        let fields = std::mem::take(&mut self.fields);
        let (Some(name), Some(version)) = (fields.package, fields.version) else {
            return;
        };
        let state = match &fields.status {
            Some(status) => state(status),
            None => self.implied.then_some(PackageState::Installed),
        };
        let Some(state) = state.filter(|_| !name.is_empty()) else {
            return;
        };
        if !fields.kept {
            return;
        }
        // `glibc (2.36-9)` where the source's version differs.
        let source = fields.source.as_deref().and_then(|s| s.split_ascii_whitespace().next());
        let source = source.filter(|s| *s != name).map(str::to_owned);
        self.found.push(PackageRecord {
            entry: 0,
            kind: PackageKind::Dpkg,
            source,
            name,
            version,
            architecture: fields.architecture,
            // deb-control(5): in units of 1024 bytes.
            declared_bytes: fields.installed_size.and_then(|k| k.checked_mul(1024)),
            root: None,
            relations: fields.relations,
            state,
            ..PackageRecord::of(PackageKind::Dpkg)
        });
    }

    fn finish(&mut self) {
        self.take_line();
        self.paragraph();
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;
    use crate::layer::LayerPath;

    const STATUS: &str = "Package: adduser\nStatus: install ok installed\nInstalled-Size: 686\nArchitecture: all\nVersion: 3.134\nConffiles:\n /etc/adduser.conf cc3493ecd2d0\nDescription: add users\n .\n Package: not-a-field\n\nPackage: libc6\nStatus: hold ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+deb12u14\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n";

    #[test]
    fn only_what_is_installed_in_chunks_of_any_size() {
        for step in [1, 7, 4096] {
            let facts =
                feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/status", STATUS.as_bytes(), step);
            let seen: Vec<_> = facts
                .packages
                .iter()
                .map(|p| {
                    (p.name.as_str(), p.version.as_str(), p.source.as_deref(), p.declared_bytes)
                })
                .collect();
            assert_eq!(
                seen,
                [
                    ("adduser", "3.134", None, Some(686 * 1024)),
                    ("libc6", "2.36-9+deb12u14", Some("glibc"), None),
                ]
            );
            assert!(facts.packages.iter().all(|p| p.entry == 7));
        }
    }

    #[test]
    fn words_without_end_are_bounded_and_named() {
        let line = format!("Depends: {}\n", "a,".repeat(32_000));
        let status =
            format!("Package: p\nVersion: 1\nStatus: install ok installed\n{}", line.repeat(60));
        let facts =
            feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/status", status.as_bytes(), 1 << 18);
        assert!((1000..1_100_000).contains(&facts.packages[0].relations.needs.len()));
        assert!(facts.unread[0].why.contains("more than is read"), "{:?}", facts.unread);
        let list = format!("/{}f\n/usr/bin/p\n", "a/".repeat(4000));
        let facts =
            feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/info/p.list", list.as_bytes(), 512);
        assert_eq!(facts.owned[0].paths, [LayerPath::from("usr/bin/p")]);
        assert!(facts.unread[0].why.starts_with("1 of its paths"), "{:?}", facts.unread);
    }

    #[test]
    fn distroless_has_a_file_a_package() {
        let record = b"Package: tzdata\nVersion: 2024a\nArchitecture: all\n";
        let facts = feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/status.d/tzdata", record, 5);
        assert_eq!(facts.packages[0].name, "tzdata");
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/share/zone info/UTC\n";
        let facts = feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/status.d/tzdata.md5sums", sums, 5);
        assert!(facts.packages.is_empty());
        assert_eq!(facts.owned[0].paths, [LayerPath::from("usr/share/zone info/UTC")]);
    }

    #[test]
    fn every_state_with_files_is_told() {
        let states = [
            ("install ok installed", Some(PackageState::Installed)),
            ("hold ok installed", Some(PackageState::Installed)),
            ("deinstall ok installed", Some(PackageState::Installed)),
            ("install ok triggers-awaited", Some(PackageState::Installed)),
            ("install ok triggers-pending", Some(PackageState::Installed)),
            ("install ok unpacked", Some(PackageState::Unpacked)),
            ("install reinstreq half-configured", Some(PackageState::HalfConfigured)),
            ("install reinstreq half-installed", Some(PackageState::HalfInstalled)),
            ("deinstall ok config-files", None),
            ("install ok not-installed", None),
            ("install ok", None),
        ];
        for (status, wanted) in states {
            let text = format!("Package: x\nStatus: {status}\nVersion: 1\n");
            let path = "var/lib/dpkg/status";
            let facts = feed(&mut DpkgAnalyzer::new(), path, text.as_bytes(), 9);
            assert_eq!(facts.packages.first().map(|p| p.state), wanted, "{status}");
        }
    }

    #[test]
    fn checksums_are_read_where_no_list_was() {
        let mut dpkg = DpkgAnalyzer::new();
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n";
        for (path, owned) in [
            ("var/lib/dpkg/info/a.md5sums", 1),
            ("var/lib/dpkg/info/b.list", 1),
            ("var/lib/dpkg/info/b.md5sums", 0),
            ("var/lib/dpkg/status.d/info/c.md5sums", 1),
            ("var/lib/dpkg/status.d/info/d.list", 1),
            ("var/lib/dpkg/info/e.conffiles", 0),
            ("var/lib/dpkg/status.d/info/e.conffiles", 0),
            ("var/lib/dpkg/info/deeper/f.list", 0),
        ] {
            assert_eq!(feed(&mut dpkg, path, sums, 9).owned.len(), owned, "{path}");
        }
    }

    #[test]
    fn lists_are_owned_files_without_the_root() {
        let facts = feed(
            &mut DpkgAnalyzer::new(),
            "var/lib/dpkg/info/libc6:amd64.list",
            b"/.\n/lib\n/lib/x\n",
            3,
        );
        assert_eq!(facts.owned[0].package, "libc6:amd64");
        assert_eq!(facts.owned[0].paths, [LayerPath::from("lib"), LayerPath::from("lib/x")]);
        let facts =
            feed(&mut DpkgAnalyzer::new(), "var/lib/dpkg/status-old", STATUS.as_bytes(), 64);
        assert_eq!(facts, Facts::default());
    }
}
