//! PHP's packages: `vendor/composer/installed.json`. Composer 1 writes an array, Composer 2 an object with the
//! array as `packages` and with each package's folder.

use super::capped::Most;
use super::whole::{Read, Stated, Statement};
use crate::analyze::{Facts, PackageKind, PackageRecord};
use crate::layer::LayerPath;
use serde::Deserialize;

/// Packages of one application.
const PACKAGES: usize = 20_000;

pub struct Composer;

#[derive(Deserialize)]
struct Installed {
    #[serde(default)]
    packages: Most<Package, PACKAGES>,
}

#[derive(Deserialize)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    /// Composer 2: from the folder of `installed.json`; null for what has no files.
    #[serde(rename = "install-path")]
    install_path: Option<String>,
}

impl Statement for Composer {
    const ID: &'static str = "composer";
    const VERSION: u32 = 1;
    const KIND: PackageKind = PackageKind::Composer;
    const CAP: usize = 16 << 20;

    fn is_one(path: &LayerPath) -> bool {
        path.name() == b"installed.json" && path.parent().is_some_and(|d| d.name() == b"composer")
    }
}

impl Read for Composer {
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String> {
        let wrong = |e| format!("not a list of Composer's packages: {e}");
        let first = file.bytes.trim_ascii_start().starts_with(b"[");
        let packages = match first {
            true => serde_json::from_slice(file.bytes).map_err(wrong)?,
            false => serde_json::from_slice::<Installed>(file.bytes).map_err(wrong)?.packages,
        };
        let dir = file.path.parent().unwrap_or_default();
        let vendor = dir.parent().unwrap_or_default();
        // Plugins put packages beside `vendor`, but none above the application.
        let application = vendor.parent().unwrap_or_default();
        for package in packages.list {
            let (Some(name), Some(version)) = (package.name, package.version) else { continue };
            if name.is_empty() {
                continue;
            }
            let root = match package.install_path {
                Some(path) => file.below(&dir, &path),
                None if first => file.below(&vendor, &name),
                None => None,
            };
            let own = |r: &LayerPath| {
                r.is_within(&application) && ![&application, &vendor, &dir].contains(&r)
            };
            facts.packages.push(PackageRecord {
                entry: file.entry,
                name,
                version,
                root: root.filter(own),
                ..PackageRecord::of(PackageKind::Composer)
            });
        }
        match packages.over {
            true => Err("more packages than are read from one list".to_owned()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::whole::Whole;
    use super::*;

    fn read(text: &str) -> Vec<(String, String, Option<LayerPath>)> {
        let path = "srv/app/vendor/composer/installed.json";
        let facts = feed(&mut Whole::<Composer>::default(), path, text.as_bytes(), 50);
        facts.packages.into_iter().map(|p| (p.name, p.version, p.root)).collect()
    }

    fn row(name: &str, version: &str, root: Option<&str>) -> (String, String, Option<LayerPath>) {
        (name.to_owned(), version.to_owned(), root.map(LayerPath::from))
    }

    #[test]
    fn both_forms_are_read() {
        let one = r#"[{"name": "psr/log", "version": "1.1.4", "type": "library"}]"#;
        assert_eq!(read(one), [row("psr/log", "1.1.4", Some("srv/app/vendor/psr/log"))]);
        let two = r#"{"packages": [
            {"name": "monolog/monolog", "version": "3.5.0", "install-path": "../monolog/monolog"},
            {"name": "drupal/core", "version": "10.2.0", "install-path": "../../web/core"},
            {"name": "meta/only", "version": "1.0", "install-path": null},
            {"name": "all/files", "version": "1.0", "install-path": "../../../.."},
            {"name": "the/app", "version": "1.0", "install-path": "../.."},
            {"version": "1.0"}], "dev": true, "dev-package-names": []}"#;
        assert_eq!(
            read(two),
            [
                row("monolog/monolog", "3.5.0", Some("srv/app/vendor/monolog/monolog")),
                row("drupal/core", "10.2.0", Some("srv/app/web/core")),
                row("meta/only", "1.0", None),
                row("all/files", "1.0", None),
                row("the/app", "1.0", None),
            ]
        );
    }
}
