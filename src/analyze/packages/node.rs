//! Node packages: the `package.json` of each folder directly below a `node_modules` (or below a scope in
//! it). The folder is the package's own, nested packages apart.

use super::collect::{Database, File};
use crate::analyze::{Facts, PackageKind, PackageRecord};
use crate::layer::LayerPath;
use serde::Deserialize;

pub(super) struct Node;

impl Database for Node {
    const ID: (&'static str, u32) = ("packages/node", 1);
    type Role = ();

    fn role(path: &LayerPath) -> Option<()> {
        if path.name() != b"package.json" {
            return None;
        }
        let package = path.parent()?;
        let above = package.parent()?;
        let installed = above.name() == b"node_modules"
            || (above.name().starts_with(b"@") && above.parent()?.name() == b"node_modules");
        installed.then_some(())
    }

    fn limit((): ()) -> u64 {
        4 << 20
    }

    fn parse((): (), file: &File, facts: &mut Facts) -> Result<(), &'static str> {
        #[derive(Deserialize)]
        struct Manifest {
            name: String,
            version: String,
        }
        // Tests of packages ship broken ones on purpose: no package, not an unread one.
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&file.bytes) else {
            return Ok(());
        };
        facts.packages.push(PackageRecord {
            entry: file.entry,
            kind: PackageKind::Node,
            name: manifest.name,
            version: manifest.version,
            architecture: None,
            source: None,
            declared_bytes: None,
            root: file.path.parent(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::collect::read;
    use super::*;

    #[test]
    fn installed_packages_only() {
        let json = br#"{"name":"express","version":"4.19.2"}"#;
        for path in [
            "app/node_modules/express/package.json",
            "app/node_modules/@x/express/package.json",
        ] {
            let facts = read::<Node>(path, json);
            assert_eq!(facts.packages[0].root, LayerPath::from(path).parent());
        }
        for path in [
            "app/package.json",
            "app/node_modules/express/test/package.json",
        ] {
            assert!(read::<Node>(path, json).packages.is_empty(), "{path}");
        }
        assert_eq!(
            read::<Node>("node_modules/x/package.json", b"{"),
            Facts::default()
        );
    }
}
