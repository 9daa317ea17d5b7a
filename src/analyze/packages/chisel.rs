//! Ubuntu's chiselled images: `manifest.wall`, which chisel writes wherever a slice asks for it, most often to
//! `var/lib/chisel`.
//!
//! Zstandard around "jsonwall": a JSON object a line, the first of them the header. Lines of kind `package` name
//! what slices were cut from, those of kind `content` the paths of each slice, `PACKAGE_SLICE` (chisel's
//! documentation, "Chisel manifest").

use super::whole::{Read, Stated, Statement};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _};

/// Bytes of all lines.
const TEXT: u64 = 64 << 20;
/// Bytes of one line; a path and some checksums.
const LINE: u64 = 64 << 10;
/// Packages of one image.
const PACKAGES: usize = 20_000;
/// Binary logarithm of the largest window: what decompression may take of memory.
const WINDOW: u32 = 24;

pub struct Chisel;

#[derive(Deserialize)]
struct Line {
    jsonwall: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    slice: Option<String>,
    path: Option<String>,
}

impl Statement for Chisel {
    const ID: &'static str = "chisel";
    const VERSION: u32 = 1;
    const KIND: PackageKind = PackageKind::Dpkg;
    const CAP: usize = 16 << 20;

    fn is_one(path: &LayerPath) -> bool {
        path.name() == b"manifest.wall"
    }
}

impl Read for Chisel {
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String> {
        let wrong = |e: &dyn std::fmt::Display| format!("not a manifest of chisel: {e}");
        let mut decoder = zstd::stream::read::Decoder::new(file.bytes).map_err(|e| wrong(&e))?;
        decoder.window_log_max(WINDOW).map_err(|e| wrong(&e))?;
        let mut text = BufReader::new(decoder.take(TEXT));
        let mut owned: BTreeMap<String, Vec<LayerPath>> = BTreeMap::new();
        let mut packages = Vec::new();
        let (mut line, mut seen, mut result) = (Vec::new(), 0u64, Ok(()));
        let root = LayerPath::default();
        loop {
            line.clear();
            match text.by_ref().take(LINE).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) => {
                    result = Err(wrong(&e));
                    break;
                }
            }
            let said: Line = match serde_json::from_slice(&line) {
                Ok(said) => said,
                Err(_) if line.trim_ascii().is_empty() => continue,
                Err(e) => {
                    result = Err(wrong(&e));
                    break;
                }
            };
            seen += 1;
            if seen == 1 && said.jsonwall.is_none() {
                return Err(wrong(&"its first line is no header"));
            }
            match said.kind.as_deref() {
                Some("package") => {
                    let (Some(name), Some(version)) = (said.name, said.version) else { continue };
                    if packages.len() == PACKAGES {
                        result = Err("more packages than are read from one manifest".to_owned());
                        break;
                    }
                    packages.push(PackageRecord {
                        entry: file.entry,
                        name,
                        version,
                        architecture: said.arch,
                        ..PackageRecord::of(PackageKind::Dpkg)
                    });
                }
                Some("content") => {
                    let (Some(slice), Some(path)) = (said.slice, said.path) else { continue };
                    let package = slice.split('_').next().unwrap_or_default();
                    let Some(path) = file.below(&root, &path) else { continue };
                    if let Some(paths) = owned.get_mut(package) {
                        paths.push(path);
                    } else if owned.len() < PACKAGES {
                        owned.insert(package.to_owned(), vec![path]);
                    }
                }
                _ => {}
            }
        }
        if result.is_ok() && text.get_ref().limit() == 0 {
            result = Err(format!("it unpacks to more than the {TEXT} bytes that are read"));
        }
        facts.packages.append(&mut packages);
        facts.owned.extend(owned.into_iter().map(|(package, paths)| OwnedFiles {
            entry: file.entry,
            kind: PackageKind::Dpkg,
            package,
            paths,
        }));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::whole::Whole;
    use super::*;

    fn read(text: &str, cut: usize) -> Facts {
        let bytes = zstd::encode_all(text.as_bytes(), 3).unwrap();
        let path = "var/lib/chisel/manifest.wall";
        feed(&mut Whole::<Chisel>::default(), path, &bytes[..bytes.len() - cut], 40)
    }

    const WALL: &str = r#"{"jsonwall":"1.0","schema":"1.0","count":6}
{"kind":"content","slice":"base-files_base","path":"/etc/"}
{"kind":"content","slice":"libc6_libs","path":"/usr/lib/x86_64-linux-gnu/libc.so.6"}
{"kind":"package","name":"base-files","version":"13ubuntu10","sha256":"00","arch":"amd64"}
{"kind":"package","name":"libc6","version":"2.39-0ubuntu8","sha256":"11","arch":"amd64"}
{"kind":"path","path":"/etc/","mode":"0755","slices":["base-files_base"]}
{"kind":"slice","name":"libc6_libs"}
"#;

    #[test]
    fn packages_and_the_paths_of_their_slices() {
        let facts = read(WALL, 0);
        let seen: Vec<_> =
            facts.packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        assert_eq!(seen, [("base-files", "13ubuntu10"), ("libc6", "2.39-0ubuntu8")]);
        assert_eq!(facts.owned[1].package, "libc6");
        assert_eq!(facts.owned[1].paths, [LayerPath::from("usr/lib/x86_64-linux-gnu/libc.so.6")]);
        assert_eq!(facts.unread, []);
    }

    #[test]
    fn what_is_none_or_cut_is_named() {
        for (text, cut) in [("{\"a\": 1}\n", 0), ("no json\n", 0), (WALL, 9)] {
            let facts = read(text, cut);
            assert_eq!(facts.unread.len(), 1, "{text}");
            assert!(!facts.unread[0].within);
        }
        let bomb = format!("{}{}", WALL, " ".repeat(70 << 20));
        assert!(read(&bomb, 0).unread[0].why.contains("unpacks to more"));
    }
}
