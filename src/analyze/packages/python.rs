//! Python distributions: `NAME.dist-info/METADATA` with `RECORD` beside it (the recording-installed-projects
//! specification), and the older `NAME.egg-info/PKG-INFO`.

use super::collect::{Database, File};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;

pub(super) struct Python;

#[derive(Clone, Copy)]
pub(super) enum Role {
    Metadata,
    Record,
}

impl Database for Python {
    const ID: (&'static str, u32) = ("packages/python", 1);
    type Role = Role;

    fn role(path: &LayerPath) -> Option<Role> {
        let parent = path.parent()?;
        let (dist, egg) = (
            parent.name().ends_with(b".dist-info"),
            parent.name().ends_with(b".egg-info"),
        );
        match path.name() {
            b"METADATA" if dist => Some(Role::Metadata),
            b"PKG-INFO" if egg => Some(Role::Metadata),
            b"RECORD" if dist => Some(Role::Record),
            // A single file in place of the directory.
            name if name.ends_with(b".egg-info") => Some(Role::Metadata),
            _ => None,
        }
    }

    fn limit(role: Role) -> u64 {
        match role {
            Role::Metadata => 4 << 20,
            Role::Record => 32 << 20,
        }
    }

    fn parse(role: Role, file: &File, facts: &mut Facts) -> Result<(), &'static str> {
        match role {
            Role::Metadata => metadata(file, facts),
            Role::Record => record(file, facts),
        }
        Ok(())
    }
}

fn metadata(file: &File, facts: &mut Facts) {
    let text = String::from_utf8_lossy(&file.bytes);
    // The headers end at the first empty line; the description may quote others.
    let headers = text.split("\n\n").next().unwrap_or_default();
    let field = |key: &str| {
        headers.lines().find_map(|l| {
            let (k, v) = l.split_once(':')?;
            k.eq_ignore_ascii_case(key).then(|| v.trim().to_owned())
        })
    };
    if let (Some(name), Some(version)) = (field("Name"), field("Version")) {
        facts.packages.push(PackageRecord {
            entry: file.entry,
            kind: PackageKind::Python,
            name,
            version,
            architecture: None,
            source: None,
            declared_bytes: None,
            root: None,
        });
    }
}

/// `path,hash,size` lines, relative to the folder that holds the `.dist-info`. The owner is named by
/// that folder, `NAME-VERSION.dist-info`: `RECORD` itself does not say.
fn record(file: &File, facts: &mut Facts) {
    let Some(dist_info) = file.path.parent() else {
        return;
    };
    let Some(site) = dist_info.parent() else {
        return;
    };
    let text = String::from_utf8_lossy(&file.bytes);
    let path = |line: &str| {
        let line = line.trim_end_matches('\r');
        let raw = match line.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => line.split(',').next(),
        }?;
        let absolute = raw.starts_with('/');
        (!raw.is_empty()).then(|| {
            if absolute {
                LayerPath::from(raw)
            } else {
                site.join(raw.as_bytes())
            }
        })
    };
    facts.owned.push(OwnedFiles {
        entry: file.entry,
        kind: PackageKind::Python,
        package: dist_info.to_text(),
        paths: text.lines().filter_map(path).collect(),
    });
}

#[cfg(test)]
mod tests {
    use super::super::collect::read;
    use super::*;

    #[test]
    fn name_and_version_come_from_the_headers_only() {
        let text = b"Metadata-Version: 2.1\nName: Flask\nVersion: 3.0.3\n\nVersion: 9\n";
        for path in [
            "s/Flask-3.0.3.dist-info/METADATA",
            "s/Flask.egg-info/PKG-INFO",
            "s/Flask.egg-info",
        ] {
            let facts = read::<Python>(path, text);
            assert_eq!(
                (
                    facts.packages[0].name.as_str(),
                    facts.packages[0].version.as_str()
                ),
                ("Flask", "3.0.3")
            );
        }
        assert!(read::<Python>("s/METADATA", text).packages.is_empty());
    }

    #[test]
    fn record_lists_files_beside_and_above() {
        let text = b"flask/__init__.py,sha256=x,10\n../../../bin/flask,,\n\"odd,name\",,\n";
        let facts = read::<Python>(
            "usr/lib/python3/site-packages/flask-3.dist-info/RECORD",
            text,
        );
        let want: Vec<LayerPath> = [
            "usr/lib/python3/site-packages/flask/__init__.py",
            "usr/bin/flask",
            "usr/lib/python3/site-packages/odd,name",
        ]
        .map(LayerPath::from)
        .into();
        assert_eq!(facts.owned[0].paths, want);
    }
}
