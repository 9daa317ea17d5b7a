//! Python's installed distributions: `NAME.dist-info/METADATA` with `RECORD`, and the older
//! `NAME.egg-info` (a directory with `PKG-INFO`, or that file itself). What setuptools installs notes its files in
//! `installed-files.txt`, and wheels unpacked under an older name have METADATA and RECORD.

use super::collect::{Collect, Room, text};
use crate::analyze::{Analyzer, Facts, OwnedFiles, PackageKind, PackageRecord, Relations};
use crate::layer::{Entry, Interest, LayerPath};

const ID: &str = "python";
/// Only the head of the metadata is needed: the long description follows it.
const METADATA_HEAD: usize = 256 << 10;
/// Other distributions that one may ask for.
const MOST_NEEDS: usize = 1000;
const RECORD_CAP: usize = 32 << 20;

#[derive(Default)]
pub struct PythonAnalyzer {
    /// The directory that paths in RECORD start from, while a RECORD is read.
    site: Option<LayerPath>,
    path: LayerPath,
    entry: u32,
    file: Collect,
    head: Vec<u8>,
}

impl PythonAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for PythonAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 4)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() {
            return Interest::Skip;
        }
        let name = entry.path.name();
        let lists = name == b"RECORD" || name == b"installed-files.txt";
        let wanted = name == b"METADATA" || lists || name == b"PKG-INFO";
        if !wanted && !name.ends_with(b".egg-info") {
            return Interest::Skip;
        }
        let Some(dir) = entry.path.parent() else {
            return Interest::Skip;
        };
        let fits = match name {
            b"METADATA" | b"RECORD" => is_info(dir.name()),
            b"installed-files.txt" => dir.name().ends_with(b".egg-info"),
            b"PKG-INFO" => dir.name().ends_with(b".egg-info") || dir.name() == b"EGG-INFO",
            _ => true,
        };
        if !fits {
            return Interest::Skip;
        }
        self.entry = number;
        self.path = entry.path.clone();
        self.head.clear();
        self.site = None;
        if lists {
            // Its names are from the folder itself.
            self.site = if name == b"RECORD" { dir.parent() } else { Some(dir) };
            return self.file.start(number, entry, RECORD_CAP);
        }
        Interest::Head(METADATA_HEAD as u64)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.site.is_some() {
            self.file.chunk(bytes);
        } else {
            let room = METADATA_HEAD.saturating_sub(self.head.len());
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some(site) = self.site.take() else {
            facts.packages.extend(metadata(&self.head, self.entry));
            return;
        };
        let Some((entry, bytes)) = self.file.finish(ID, facts) else {
            return;
        };
        let mut room = Room::default();
        let paths = bytes
            .split(|&b| b == b'\n')
            .filter_map(if self.path.name() == b"RECORD" { record_path } else { listed_path })
            .filter_map(|p| room.path(if p.starts_with(b"/") { b"" } else { site.as_bytes() }, &p))
            .collect();
        room.tell(facts, entry, ID);
        let dir = self.path.parent().unwrap_or_default();
        let name = dir.name();
        let stem = name.rsplitn(2, |&b| b == b'.').last().unwrap_or_default();
        let name = stem.split(|&b| b == b'-').next().unwrap_or_default();
        facts.owned.push(OwnedFiles {
            entry,
            kind: PackageKind::Python,
            package: text(name),
            paths,
        });
    }
}

/// Whether a folder is a distribution's own.
fn is_info(name: &[u8]) -> bool {
    name.ends_with(b".dist-info") || name.ends_with(b".egg-info")
}

/// The path of a line that is one.
fn listed_path(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii_end();
    (!line.is_empty()).then(|| line.to_vec())
}

/// The path of a RECORD line: CSV, quoted where it holds a comma or a quote (PEP 627).
fn record_path(line: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = memchr::memchr(b',', line)?;
        return (end > 0).then(|| line[..end].to_vec());
    };
    let mut out = Vec::new();
    let mut bytes = quoted.iter().peekable();
    while let Some(&b) = bytes.next() {
        if b == b'"' && bytes.next_if_eq(&&b'"').is_none() {
            return Some(out);
        }
        out.push(b);
    }
    None
}

pub(super) fn metadata(head: &[u8], entry: u32) -> Option<PackageRecord> {
    let (mut name, mut version) = (None, None);
    let mut relations = Relations::default();
    for line in head.split(|&b| b == b'\n') {
        // A line of spaces goes on with a licence text.
        if line.is_empty() || line == b"\r" {
            break;
        }
        let line = line.trim_ascii_end();
        if let Some(v) = line.strip_prefix(b"Name:") {
            name.get_or_insert_with(|| text(v));
        } else if let Some(v) = line.strip_prefix(b"Version:") {
            version.get_or_insert_with(|| text(v));
        } else if let Some(v) = line.strip_prefix(b"Requires-Dist:")
            && relations.needs.len() < MOST_NEEDS
        {
            relations.needs.extend(required(&text(v)).map(|name| vec![name]));
        }
    }
    Some(PackageRecord {
        entry,
        kind: PackageKind::Python,
        name: name.filter(|n| !n.is_empty())?,
        version: version?,
        architecture: None,
        source: None,
        declared_bytes: None,
        root: None,
        relations,
        ..PackageRecord::of(PackageKind::Python)
    })
}

/// The name in a requirement, as PyPI has it; `None` for what only an extra asks for.
fn required(requirement: &str) -> Option<String> {
    let (what, condition) = requirement.split_once(';').unwrap_or((requirement, ""));
    if condition.split_whitespace().any(|w| w.trim_start_matches('(').starts_with("extra")) {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let end = what.trim_start().find(|c| !plain(c)).unwrap_or(what.trim_start().len());
    let name = normal_name(&what.trim_start()[..end]);
    (!name.is_empty()).then_some(name)
}

/// A distribution's name in the form that names are compared in (PEP 503).
pub fn normal_name(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|p| !p.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    #[test]
    fn metadata_and_record() {
        let dir = "usr/lib/python3/site-packages/Flask-2.0.dist-info";
        let meta = b"Metadata-Version: 2.1\r\nName: Flask\r\nVersion: 2.0\r\n\r\nName: no\r\n";
        let facts = feed(&mut PythonAnalyzer::new(), &format!("{dir}/METADATA"), meta, 9);
        assert_eq!(
            (facts.packages[0].name.as_str(), facts.packages[0].version.as_str()),
            ("Flask", "2.0")
        );
        let record = b"../../../bin/flask,sha256=x,9\r\nflask/app.py,sha256=y,8\n\"flask/a,\"\"b.py\",,\n,,\n";
        let facts = feed(&mut PythonAnalyzer::new(), &format!("{dir}/RECORD"), record, 9);
        assert_eq!(
            facts.owned[0].paths,
            [
                "usr/bin/flask",
                "usr/lib/python3/site-packages/flask/app.py",
                "usr/lib/python3/site-packages/flask/a,\"b.py"
            ]
            .map(LayerPath::from)
        );
    }

    #[test]
    fn what_a_distribution_asks_for_is_told_without_its_extras() {
        let meta = b"Name: a\nVersion: 1\nLicense: B\n        \n        All rights\nRequires-Dist: Zope.Interface>=5\nRequires-Dist: numpy (<2,>=1.2); python_version < \"3.12\"\n\
            Requires-Dist: pandas>=1 ; extra == 'frames'\nRequires-Dist: x[y]~=1.0; (extra == \"z\")\nRequires-Dist: uvicorn[standard]\n";
        let facts = feed(&mut PythonAnalyzer::new(), "s/a-1.dist-info/METADATA", meta, 9);
        let needs = &facts.packages[0].relations.needs;
        assert_eq!(needs.concat(), ["zope-interface", "numpy", "uvicorn"]);
    }

    #[test]
    fn a_record_below_a_long_path_is_bounded_and_named() {
        for (length, said) in [(1_000_000, "longer than 4095 bytes"), (4000, "more than is read")] {
            let path = format!("{}/x-1.dist-info/RECORD", "s".repeat(length));
            let facts = feed(&mut PythonAnalyzer::new(), &path, &b"a,,\n".repeat(20_000), 1 << 16);
            let bytes: usize = facts.owned[0].paths.iter().map(|p| p.as_bytes().len()).sum();
            assert!(bytes < 64 << 20, "{bytes}");
            assert!(facts.unread[0].why.contains(said), "{:?}", facts.unread);
        }
    }

    #[test]
    fn an_egg_is_a_file_or_a_directory() {
        let meta = b"Name: six\nVersion: 1.16.0\n";
        for path in ["x/six-1.16.0.egg-info", "x/six-1.16.0.egg-info/PKG-INFO"] {
            assert_eq!(
                feed(&mut PythonAnalyzer::new(), path, meta, 99).packages.len(),
                1,
                "{path}"
            );
        }
        assert!(feed(&mut PythonAnalyzer::new(), "x/PKG-INFO", meta, 99).packages.is_empty());
    }

    #[test]
    fn an_egg_with_a_wheels_files_and_one_of_setuptools() {
        let dir = "opt/dist/cryptography-3.3.2-py3.8.egg-info";
        let meta = b"Metadata-Version: 2.1\nName: cryptography\nVersion: 3.3.2\n\nx\n";
        let facts = feed(&mut PythonAnalyzer::new(), &format!("{dir}/METADATA"), meta, 9);
        assert_eq!(facts.packages[0].version, "3.3.2");
        for (file, text) in [
            ("RECORD", &b"cryptography/x.so,,\n"[..]),
            ("installed-files.txt", b"../cryptography/x.so\n\n"),
        ] {
            let facts = feed(&mut PythonAnalyzer::new(), &format!("{dir}/{file}"), text, 9);
            assert_eq!(facts.owned[0].paths, [LayerPath::from("opt/dist/cryptography/x.so")]);
            assert_eq!(facts.owned[0].package, "cryptography");
        }
        let wheel = "x/y-1.dist-info/installed-files.txt";
        assert_eq!(feed(&mut PythonAnalyzer::new(), wheel, b"a\n", 9), Facts::default());
    }
}
