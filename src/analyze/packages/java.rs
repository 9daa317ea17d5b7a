//! Java archives: name and version from `META-INF/MANIFEST.MF` or `pom.properties` where they stand
//! in the head of the archive (where `jar` and Maven put them), else from the file's name.

use super::collect::text;
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, References, Relations};
use crate::layer::{Entry, Interest};
use flate2::read::DeflateDecoder;
use std::io::Read;

const HEAD: usize = 256 << 10;
/// Bytes of one member that are inflated.
const MEMBER: u64 = 64 << 10;
/// Bytes that are inflated of the head of one archive, to find the members' ends: four times what honest classes
/// and texts come to.
const INFLATED: u64 = 4 << 20;
/// Archives that one manifest may name.
const CLASS_PATH: usize = 500;

#[derive(Default)]
pub struct JavaAnalyzer {
    entry: u32,
    stem: String,
    root: Option<crate::layer::LayerPath>,
    head: Vec<u8>,
}

impl JavaAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for JavaAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("java", 2)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let name = entry.path.name();
        let stem = [&b".jar"[..], b".war", b".ear"].iter().find_map(|e| name.strip_suffix(*e));
        let Some(stem) = stem.filter(|s| entry.is_file() && !s.is_empty()) else {
            return Interest::Skip;
        };
        self.entry = number;
        self.stem = text(stem);
        // The archive itself is what belongs to the package.
        self.root = Some(entry.path.clone());
        self.head.clear();
        Interest::Head(HEAD as u64)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, facts: &mut Facts) {
        let head = std::mem::take(&mut self.head);
        if !head.starts_with(b"PK") {
            return;
        }
        let said = Said::read(&head);
        if !said.class_path.is_empty() {
            facts.references.push(References {
                entry: self.entry,
                includes: said.class_path,
                ..References::default()
            });
        }
        let (stem, stem_version) = split_name(&self.stem);
        // A jar may hold the properties of several artifacts (a shaded one does): only the one that
        // its own name starts with is it.
        let pom = said.poms.iter().find(|(artifact, _)| stem.starts_with(artifact.as_str()));
        let (name, version) = match pom.or(said.poms.first().filter(|_| said.poms.len() == 1)) {
            Some((artifact, version)) => (artifact.clone(), Some(version.clone())),
            None => (stem.to_owned(), stem_version.map(str::to_owned).or(said.manifest_version)),
        };
        facts.packages.push(PackageRecord {
            entry: self.entry,
            kind: PackageKind::Java,
            name,
            version: version.unwrap_or_default(),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: self.root.take(),
            relations: Relations::default(),
        });
    }
}

/// `name-1.2.3` → name and version.
fn split_name(stem: &str) -> (&str, Option<&str>) {
    let bytes = stem.as_bytes();
    let dash = (1..bytes.len()).find(|&i| bytes[i - 1] == b'-' && bytes[i].is_ascii_digit());
    match dash {
        Some(i) if i > 1 => (&stem[..i - 1], Some(&stem[i..])),
        _ => (stem, None),
    }
}

#[derive(Default)]
struct Said {
    manifest_version: Option<String>,
    /// Other archives beside it, as the manifest names them (JAR file specification, `Class-Path`).
    class_path: Vec<String>,
    /// Artifact and version of each `pom.properties`.
    poms: Vec<(String, String)>,
}

impl Said {
    /// Walks the local headers (APPNOTE.TXT 4.3.7) from the start of the archive.
    fn read(head: &[u8]) -> Self {
        let mut said = Self::default();
        let mut at = 0usize;
        let mut left = INFLATED;
        while let Some(header) = head.get(at..at + 30).filter(|h| h.starts_with(b"PK\x03\x04")) {
            let short = |i: usize| usize::from(u16::from_le_bytes([header[i], header[i + 1]]));
            let long = |i: usize| short(i) | short(i + 2) << 16;
            let (flags, method, packed) = (short(6), short(8), long(18));
            let name_end = at + 30 + short(26);
            let data = name_end + short(28);
            let (Some(name), Some(rest)) = (head.get(at + 30..name_end), head.get(data..)) else {
                break;
            };
            let wanted = name == b"META-INF/MANIFEST.MF" || name.ends_with(b"/pom.properties");
            // Bit 3: the size follows the data. Only inflating finds the end, and `jar` writes so.
            let streamed = flags & 8 != 0;
            let mut used = packed;
            if method == 8 && (wanted || streamed) {
                let mut inflate = DeflateDecoder::new(rest);
                let mut member = Vec::new();
                if (&mut inflate).take(MEMBER).read_to_end(&mut member).is_err() {
                    break;
                }
                if streamed {
                    // The rest of a long member, unread but for its end.
                    let rest = std::io::copy(&mut (&mut inflate).take(left), &mut std::io::sink());
                    if rest.is_err() {
                        break;
                    }
                    used = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
                }
                said.take(name, &member, wanted);
                left = left.saturating_sub(inflate.total_out());
                if left == 0 {
                    break;
                }
            } else if streamed && !(method == 0 && packed == 0) {
                break;
            } else if method == 0 {
                said.take(name, &rest[..packed.min(rest.len())], wanted);
            }
            let Some(mut next) = data.checked_add(used) else {
                break;
            };
            if streamed {
                // The descriptor, with or without its signature.
                let signed = head.get(next..).is_some_and(|d| d.starts_with(b"PK\x07\x08"));
                next += if signed { 16 } else { 12 };
            }
            at = next;
            if at >= head.len() {
                break;
            }
        }
        said
    }

    fn take(&mut self, name: &[u8], member: &[u8], wanted: bool) {
        if !wanted {
            return;
        }
        let text = text(member);
        let value = |key: &str, mark: char| {
            text.lines().find_map(|l| {
                let (k, v) = l.split_once(mark)?;
                (k.trim() == key).then(|| v.trim().to_owned())
            })
        };
        if name.ends_with(b"/pom.properties") {
            if let (Some(a), Some(v)) = (value("artifactId", '='), value("version", '=')) {
                self.poms.push((a, v));
            }
        } else {
            // A line that begins with a blank goes on with the one before.
            let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
            let archives = unfolded.lines().find_map(|l| l.strip_prefix("Class-Path:"));
            let archives = archives.unwrap_or_default().split_whitespace();
            self.class_path = archives
                .filter(|a| a.ends_with(".jar") && !a.contains(':') && a.len() < 200)
                .take(CLASS_PATH)
                .map(str::to_owned)
                .collect();
            self.manifest_version =
                value("Implementation-Version", ':').or_else(|| value("Bundle-Version", ':'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;

    fn stored(name: &str, data: &[u8]) -> Vec<u8> {
        let mut out = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        out.extend((data.len() as u32).to_le_bytes());
        out.extend((data.len() as u32).to_le_bytes());
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn the_manifest_names_other_archives() {
        let manifest =
            "Manifest-Version: 1.0\r\nClass-Path: a.jar lib/b.j\r\n ar http://x/c.jar ./\r\n";
        let bytes = stored("META-INF/MANIFEST.MF", manifest.as_bytes());
        let facts = feed(&mut JavaAnalyzer::new(), "x/app.jar", &bytes, 13);
        assert_eq!(facts.references[0].includes, ["a.jar", "lib/b.jar"]);
    }

    fn jar(name: &str, bytes: &[u8]) -> Option<(String, String)> {
        let facts = feed(&mut JavaAnalyzer::new(), name, bytes, 13);
        facts.packages.into_iter().next().map(|p| (p.name, p.version))
    }

    #[test]
    fn the_pom_then_the_name_then_the_manifest() {
        let manifest = stored(
            "META-INF/MANIFEST.MF",
            b"Manifest-Version: 1.0\r\nImplementation-Version: 9\r\n",
        );
        let pom = stored(
            "META-INF/maven/g/guava/pom.properties",
            b"artifactId=guava\nversion=31.1-jre\n",
        );
        let is = |n: &str, v: &str| Some((n.to_owned(), v.to_owned()));
        assert_eq!(jar("a/guava.jar", &[manifest.clone(), pom].concat()), is("guava", "31.1-jre"));
        assert_eq!(jar("a/log4j-core-2.14.jar", &manifest), is("log4j-core", "2.14"));
        assert_eq!(jar("a/app.jar", &manifest), is("app", "9"));
        assert_eq!(jar("a/app.jar", b"not a zip"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_archive_panics(at in 0usize..60, byte: u8, tail: Vec<u8>) {
            let mut bytes = stored("META-INF/MANIFEST.MF", &tail);
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            let _ = jar("x.jar", &bytes);
        }
    }
}
