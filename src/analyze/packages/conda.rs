//! Conda's packages: `PREFIX/conda-meta/NAME-VERSION-BUILD.json`, one a package, with the files from the prefix
//! (conda's documentation, "conda-meta directory").

use super::capped::Most;
use super::whole::{Read, Stated, Statement};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;
use serde::Deserialize;

/// Files of one package.
const FILES: usize = 300_000;

pub struct Conda;

#[derive(Deserialize)]
struct Meta {
    name: String,
    version: String,
    channel: Option<String>,
    subdir: Option<String>,
    #[serde(default)]
    files: Most<String, FILES>,
}

impl Statement for Conda {
    const ID: &'static str = "conda";
    const VERSION: u32 = 1;
    const KIND: PackageKind = PackageKind::Conda;
    const CAP: usize = 16 << 20;

    fn is_one(path: &LayerPath) -> bool {
        path.name().ends_with(b".json") && path.parent().is_some_and(|d| d.name() == b"conda-meta")
    }
}

impl Read for Conda {
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String> {
        let meta: Meta = serde_json::from_slice(file.bytes)
            .map_err(|e| format!("not the record of a conda package: {e}"))?;
        let prefix = file.path.parent().and_then(|d| d.parent()).unwrap_or_default();
        let listed = meta.files.list.iter();
        let paths = listed.filter_map(|f| file.below(&prefix, f)).collect();
        facts.owned.push(OwnedFiles {
            entry: file.entry,
            kind: PackageKind::Conda,
            package: meta.name.clone(),
            paths,
        });
        facts.packages.push(PackageRecord {
            entry: file.entry,
            namespace: meta.channel.as_deref().and_then(channel),
            architecture: meta.subdir.filter(|s| !s.is_empty()),
            name: meta.name,
            version: meta.version,
            ..PackageRecord::of(PackageKind::Conda)
        });
        match meta.files.over {
            true => Err("more files than are read of one package".to_owned()),
            false => Ok(()),
        }
    }
}

/// `https://conda.anaconda.org/conda-forge/linux-64` → `conda-forge`.
fn channel(text: &str) -> Option<String> {
    let is_subdir = |p: &&str| *p == "noarch" || p.contains("-64") || p.contains("-32");
    let mut parts = text.trim_end_matches('/').rsplit('/').peekable();
    if text.contains("://") && parts.peek().is_some_and(is_subdir) {
        parts.next();
    }
    parts.next().filter(|c| !c.is_empty() && *c != "<unknown>").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::whole::Whole;
    use super::*;

    const ZLIB: &str = r#"{"arch": "x86_64", "build": "hd590300_5", "build_number": 5,
        "channel": "https://conda.anaconda.org/conda-forge/linux-64", "depends": ["libgcc-ng >=12"],
        "files": ["lib/libz.so", "include/zlib.h", "../../outside"], "fn": "zlib-1.2.13-hd590300_5.conda",
        "name": "zlib", "subdir": "linux-64", "version": "1.2.13"}"#;
    const PATH: &str = "opt/conda/conda-meta/zlib-1.2.13-hd590300_5.json";

    #[test]
    fn a_record_is_a_package_with_files_below_the_prefix() {
        let facts = feed(&mut Whole::<Conda>::default(), PATH, ZLIB.as_bytes(), 50);
        let p = &facts.packages[0];
        assert_eq!((p.name.as_str(), p.version.as_str()), ("zlib", "1.2.13"));
        assert_eq!(p.namespace.as_deref(), Some("conda-forge"));
        assert_eq!(p.architecture.as_deref(), Some("linux-64"));
        assert_eq!(
            facts.owned[0].paths,
            ["opt/conda/lib/libz.so", "opt/conda/include/zlib.h", "outside"].map(LayerPath::from)
        );
        for (text, name) in [
            ("defaults", Some("defaults")),
            ("https://repo.anaconda.com/pkgs/main/noarch", Some("main")),
            ("https://repo.anaconda.com/pkgs/main", Some("main")),
            ("<unknown>", None),
        ] {
            assert_eq!(channel(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_record_is_named() {
        let facts = feed(&mut Whole::<Conda>::default(), PATH, b"{\"name\": 3}", 50);
        assert!(facts.packages.is_empty() && facts.unread[0].within);
        let other = "opt/conda/conda-meta/history";
        assert_eq!(feed(&mut Whole::<Conda>::default(), other, b"x", 50), Facts::default());
    }
}
