//! Alpine's database: one file of paragraphs with one-letter fields, files included (apk-package(5),
//! "installed database").

use super::collect::{Database, File};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;

pub(super) struct Apk;

impl Database for Apk {
    const ID: (&'static str, u32) = ("packages/apk", 1);
    type Role = ();

    fn role(path: &LayerPath) -> Option<()> {
        matches!(
            path.as_bytes(),
            b"lib/apk/db/installed" | b"usr/lib/apk/db/installed"
        )
        .then_some(())
    }

    fn limit((): ()) -> u64 {
        64 << 20
    }

    fn parse((): (), file: &File, facts: &mut Facts) -> Result<(), &'static str> {
        let text = String::from_utf8_lossy(&file.bytes);
        for paragraph in text.split("\n\n") {
            let field = |key: &str| {
                paragraph
                    .lines()
                    .find_map(|l| l.strip_prefix(key))
                    .map(str::to_owned)
            };
            let (Some(name), Some(version)) = (field("P:"), field("V:")) else {
                continue;
            };
            facts.owned.push(OwnedFiles {
                entry: file.entry,
                kind: PackageKind::Apk,
                package: name.clone(),
                paths: files(paragraph),
            });
            facts.packages.push(PackageRecord {
                entry: file.entry,
                kind: PackageKind::Apk,
                name,
                version,
                architecture: field("A:"),
                source: field("o:"),
                declared_bytes: field("I:").and_then(|s| s.parse().ok()),
                root: None,
            });
        }
        Ok(())
    }
}

/// `F:` names a directory, `R:` a file in it.
fn files(paragraph: &str) -> Vec<LayerPath> {
    let mut directory = LayerPath::default();
    let mut out = Vec::new();
    for line in paragraph.lines() {
        match line.split_once(':') {
            Some(("F", path)) => directory = LayerPath::new(path.as_bytes()),
            Some(("R", name)) => out.push(directory.join(name.as_bytes())),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::collect::read;
    use super::*;

    #[test]
    fn packages_and_their_files() {
        let db = b"C:Q1abc=\nP:musl\nV:1.2.5-r1\nA:x86_64\nS:400\nI:650\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\
            F:\nR:top\n\nP:busybox\nV:1.37\nI:9\n";
        let facts = read::<Apk>("lib/apk/db/installed", db);
        let names: Vec<_> = facts
            .packages
            .iter()
            .map(|p| (p.name.as_str(), p.declared_bytes))
            .collect();
        assert_eq!(names, [("musl", Some(650)), ("busybox", Some(9))]);
        assert_eq!(
            facts.owned[0].paths,
            [
                LayerPath::from("lib/ld-musl-x86_64.so.1"),
                LayerPath::from("top")
            ]
        );
    }
}
