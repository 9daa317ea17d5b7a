//! Java archives, those in other archives too (`BOOT-INF/lib` of Spring Boot, `WEB-INF/lib` of a war): what each
//! is, by Maven's `pom.properties`, its manifest and its name.
//!
//! A jar into which others were merged ("shaded") has the properties of them all: each is a package. The archive
//! itself is the one that its name begins with.

mod said;

use super::collect::text;
use super::zip::{Archive, Walk, Want};
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, References, Unread};
use crate::layer::{Entry, Interest, LayerPath};
use said::Said;

const ID: &str = "java";
/// Bytes of a manifest or of properties.
const MEMBER: usize = 64 << 10;
/// Inflated bytes of one file: so many, and for each of its own so many more, but at most.
const INFLATED: u64 = 64 << 20;
const INFLATED_EACH: u64 = 20;
const INFLATED_MOST: u64 = 512 << 20;
/// Inflated bytes of one layer.
const LAYER: u64 = 1 << 30;
/// Packages of one file.
const PACKAGES: usize = 20_000;

/// Names of archives that are packages whatever is in them.
const ALWAYS: [&[u8]; 3] = [b".jar", b".war", b".ear"];
/// And of those that are where a manifest says that they are Java's: of application servers, Jenkins, Karaf, NiFi.
const WITH_MANIFEST: [&[u8]; 6] = [b".hpi", b".jpi", b".kar", b".nar", b".par", b".sar"];

pub struct JavaAnalyzer {
    entry: u32,
    path: LayerPath,
    walk: Option<Walk>,
    /// Inflated bytes that the layer may still have.
    budget: u64,
    taken: u64,
}

impl Default for JavaAnalyzer {
    fn default() -> Self {
        Self { entry: 0, path: LayerPath::default(), walk: None, budget: LAYER, taken: 0 }
    }
}

impl JavaAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

fn ending(name: &[u8]) -> Option<&'static [u8]> {
    let end = &name[name.len().saturating_sub(4)..];
    let mut known = ALWAYS.into_iter().chain(WITH_MANIFEST);
    known.find(|e| end.eq_ignore_ascii_case(e) && name.len() > e.len())
}

fn choose(name: &[u8]) -> Want {
    if name == b"META-INF/MANIFEST.MF" || name.ends_with(b"/pom.properties") {
        Want::Bytes
    } else if ending(name).is_some() {
        Want::Members
    } else {
        Want::Nothing
    }
}

impl Analyzer for JavaAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 3)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size == 0 || ending(entry.path.name()).is_none() {
            return Interest::Skip;
        }
        self.entry = number;
        self.path = entry.path.clone();
        let most = entry.size.saturating_mul(INFLATED_EACH).saturating_add(INFLATED);
        self.taken = most.min(INFLATED_MOST).min(self.budget);
        self.walk = Some(Walk::new(choose, MEMBER, self.taken));
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if let Some(walk) = &mut self.walk {
            walk.feed(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some(mut walk) = self.walk.take() else { return };
        let left = walk.end();
        self.budget -= self.taken - left;
        let mut gaps = std::mem::take(&mut walk.gaps);
        let mut packages = Vec::new();
        for archive in &walk.archives {
            let said = Said::of(&archive.kept);
            if archive.inside.is_empty() && !said.class_path.is_empty() {
                facts.references.push(References {
                    entry: self.entry,
                    includes: said.class_path.clone(),
                    ..References::default()
                });
            }
            self.packages(archive, said, &mut packages);
        }
        if packages.len() > PACKAGES {
            packages.truncate(PACKAGES);
            gaps.push((String::new(), "more packages than are read from one file"));
        }
        if walk.archives.first().is_none_or(|a| a.members == 0) {
            gaps.push((String::new(), "no archive, though its name says so"));
        }
        facts.packages.append(&mut packages);
        facts.unread.extend(gaps.into_iter().map(|(inside, why)| Unread {
            entry: self.entry,
            analyzer: ID.to_owned(),
            why: if inside.is_empty() { why.to_owned() } else { format!("{inside}: {why}") },
            within: true,
        }));
    }
}

impl JavaAnalyzer {
    /// The packages that one archive is and has.
    fn packages(&self, archive: &Archive, mut said: Said, out: &mut Vec<PackageRecord>) {
        let outer = archive.inside.is_empty();
        let name = match archive.inside.rsplit(['/', '!']).next() {
            Some(name) if !outer => name.as_bytes(),
            _ => self.path.name(),
        };
        let Some(ending) = ending(name).filter(|_| archive.members > 0) else { return };
        if !said.manifest && said.poms.is_empty() && WITH_MANIFEST.contains(&ending) {
            return;
        }
        let stem = text(&name[..name.len() - ending.len()]);
        let (stem, stem_version) = split_name(&stem);
        let blank = || PackageRecord { entry: self.entry, ..PackageRecord::of(PackageKind::Java) };
        let fits = said.poms.iter().enumerate().filter(|(_, p)| stem.starts_with(&p.artifact));
        let own = fits.max_by_key(|(_, p)| p.artifact.len()).map(|(n, _)| n);
        let own = own.or((said.poms.len() == 1).then_some(0)).map(|n| said.poms.remove(n));
        let (group, name, version) = match own {
            Some(pom) => (pom.group, pom.artifact, Some(pom.version)),
            None => {
                let version = stem_version.map(str::to_owned).or(said.manifest_version);
                (None, stem.to_owned(), version)
            }
        };
        out.push(PackageRecord {
            name,
            version: version.unwrap_or_default(),
            namespace: group,
            // The archive itself is what belongs to the package.
            root: outer.then(|| self.path.clone()),
            declared_bytes: (!outer).then_some(archive.packed),
            inside: (!outer).then(|| archive.inside.clone()),
            ..blank()
        });
        for pom in said.poms {
            let inside = match outer {
                true => pom.path,
                false => format!("{}!/{}", archive.inside, pom.path),
            };
            out.push(PackageRecord {
                name: pom.artifact,
                version: pom.version,
                namespace: pom.group,
                inside: Some(inside),
                ..blank()
            });
        }
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

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::zip::tests::{How, archive, member};
    use super::*;

    fn manifest(more: &str) -> Vec<u8> {
        let text = format!("Manifest-Version: 1.0\r\n{more}");
        member("META-INF/MANIFEST.MF", text.as_bytes(), How::Described)
    }

    fn pom(group: &str, artifact: &str, version: &str) -> Vec<u8> {
        let path = format!("META-INF/maven/{group}/{artifact}/pom.properties");
        let text = format!("#x\ngroupId={group}\nartifactId={artifact}\nversion={version}\n");
        member(&path, text.as_bytes(), How::Deflated)
    }

    fn class() -> Vec<u8> {
        member("x.class", &[b'c'; 5000], How::Described)
    }

    fn read(path: &str, bytes: &[u8]) -> Facts {
        feed(&mut JavaAnalyzer::new(), path, bytes, 13)
    }

    type Row<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

    fn rows(facts: &Facts) -> Vec<Row<'_>> {
        let all = facts.packages.iter();
        all.map(|p| (&*p.name, &*p.version, p.namespace.as_deref(), p.inside.as_deref())).collect()
    }

    #[test]
    fn the_manifest_names_other_archives() {
        let bytes = archive(&[manifest("Class-Path: a.jar lib/b.j\r\n ar http://x/c.jar ./\r\n")]);
        assert_eq!(read("x/app.jar", &bytes).references[0].includes, ["a.jar", "lib/b.jar"]);
    }

    #[test]
    fn the_pom_then_the_name_then_the_manifest() {
        let with = manifest("Implementation-Version: 9\r\n\r\nName: x\r\nBundle-Version: 3\r\n");
        let guava = archive(&[with.clone(), class(), pom("com.google.guava", "guava", "31.1-jre")]);
        let bare = archive(&[with]);
        for (path, bytes, row) in [
            ("a/guava.jar", &guava, ("guava", "31.1-jre", Some("com.google.guava"), None)),
            ("a/log4j-core-2.14.jar", &bare, ("log4j-core", "2.14", None, None)),
            ("a/app.JAR", &bare, ("app", "9", None, None)),
            ("a/app.hpi", &bare, ("app", "9", None, None)),
        ] {
            assert_eq!(rows(&read(path, bytes)), [row]);
        }
        let facts = read("a/app.jar", b"not a zip");
        assert_eq!((facts.packages.len(), facts.unread.len()), (0, 1));
        assert!(facts.unread[0].within);
        let perl = archive(&[member("META.yml", b"x", How::Stored)]);
        assert_eq!(read("a/app.par", &perl), Facts::default());
    }

    #[test]
    fn jars_in_an_archive_behind_a_start_script() {
        let core = archive(&[
            manifest(""),
            class(),
            pom("org.apache.logging.log4j", "log4j-core", "2.14.1"),
        ]);
        let spring = archive(&[manifest("Implementation-Version: 5.3\r\n"), class()]);
        let boot = archive(&[
            manifest(""),
            pom("com.x", "shop", "1.0"),
            member("BOOT-INF/lib/", b"", How::Stored),
            member("BOOT-INF/classes/App.class", &[b'c'; 900], How::Deflated),
            member("BOOT-INF/lib/log4j-core-2.14.1.jar", &core, How::Stored),
            member("BOOT-INF/lib/spring-core-5.3.jar", &spring, How::Deflated),
        ]);
        let bytes = [&b"#!/bin/bash\nexec java -jar \"$0\"\nexit 0\n"[..], &boot].concat();
        let facts = read("app/shop.jar", &bytes);
        assert_eq!(facts.unread, []);
        assert_eq!(
            rows(&facts),
            [
                ("shop", "1.0", Some("com.x"), None),
                (
                    "log4j-core",
                    "2.14.1",
                    Some("org.apache.logging.log4j"),
                    Some("BOOT-INF/lib/log4j-core-2.14.1.jar")
                ),
                ("spring-core", "5.3", None, Some("BOOT-INF/lib/spring-core-5.3.jar")),
            ]
        );
        assert_eq!(facts.packages[0].root, Some(LayerPath::from("app/shop.jar")));
        assert_eq!(facts.packages[1].root, None);
        assert_eq!(facts.packages[1].declared_bytes, Some(core.len() as u64));
    }

    #[test]
    fn everything_that_was_merged_into_a_jar() {
        let bytes = archive(&[
            manifest(""),
            pom("com.x", "agent", "2"),
            pom("com.x", "agent-core", "3"),
            pom("org.y", "gson", "2.8"),
            pom("org.y", "gson", "2.8"),
        ]);
        let gson = Some("META-INF/maven/org.y/gson/pom.properties");
        assert_eq!(
            rows(&read("a/agent-core-shaded.jar", &bytes)),
            [
                ("agent-core", "3", Some("com.x"), None),
                ("agent", "2", Some("com.x"), Some("META-INF/maven/com.x/agent/pom.properties")),
                ("gson", "2.8", Some("org.y"), gson),
            ]
        );
        let other =
            rows(&read("a/all-7.jar", &bytes)).iter().map(|r| r.0.to_owned()).collect::<Vec<_>>();
        assert_eq!(other, ["all", "agent", "agent-core", "gson"]);
    }

    #[test]
    fn a_layer_of_bombs_ends_with_the_layers_budget() {
        let bomb = archive(&[member("x", &vec![0; 9 << 20], How::Described)]);
        let mut java = JavaAnalyzer { budget: 20 << 20, ..JavaAnalyzer::new() };
        let gaps = [0, 0, 1, 1];
        let seen = gaps.map(|_| feed(&mut java, "x.jar", &bomb, 1 << 20).unread.len());
        assert_eq!(seen, gaps);
        assert_eq!(java.budget, 0);
    }
}
