//! Debian's database: `var/lib/dpkg/status`, or a file a package in `status.d` as distroless images have
//! it, and the lists of files beside them (deb-control(5), dpkg-query(1)).

use super::collect::{Database, File};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;

pub(super) struct Dpkg;

#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Paragraphs, each with a `Status` of its own.
    Status,
    /// One paragraph a file; being there means installed.
    StatusD,
    /// `info/NAME.list`: absolute paths, one a line.
    List,
    /// `NAME.md5sums`: the only file list of distroless images.
    Sums,
}

impl Database for Dpkg {
    const ID: (&'static str, u32) = ("packages/dpkg", 1);
    type Role = Role;

    fn role(path: &LayerPath) -> Option<Role> {
        let rest = path.as_bytes().strip_prefix(b"var/lib/dpkg/")?;
        if rest == b"status" {
            return Some(Role::Status);
        }
        if let Some(name) = rest.strip_prefix(b"status.d/") {
            let sums = name.ends_with(b".md5sums");
            return Some(if sums { Role::Sums } else { Role::StatusD });
        }
        (rest.starts_with(b"info/") && rest.ends_with(b".list")).then_some(Role::List)
    }

    fn limit(role: Role) -> u64 {
        match role {
            Role::Status => 64 << 20,
            Role::StatusD => 1 << 20,
            Role::List | Role::Sums => 32 << 20,
        }
    }

    fn parse(role: Role, file: &File, facts: &mut Facts) -> Result<(), &'static str> {
        match role {
            Role::Status | Role::StatusD => {
                let text = String::from_utf8_lossy(&file.bytes);
                for paragraph in text.split("\n\n") {
                    facts.packages.extend(record(
                        paragraph,
                        matches!(role, Role::Status),
                        file.entry,
                    ));
                }
            }
            Role::List => {
                let lines = file.bytes.split(|&b| b == b'\n');
                let paths = lines
                    .filter(|l| !l.is_empty() && *l != b"/.")
                    .map(LayerPath::new);
                own(file, b".list", paths.collect(), facts);
            }
            Role::Sums => {
                // `<md5>  <path>`.
                let lines = file.bytes.split(|&b| b == b'\n');
                let paths = lines.filter_map(|l| l.get(34..)).map(LayerPath::new);
                own(file, b".md5sums", paths.collect(), facts);
            }
        }
        Ok(())
    }
}

fn own(file: &File, suffix: &[u8], paths: Vec<LayerPath>, facts: &mut Facts) {
    let stem = file.path.name().strip_suffix(suffix).unwrap_or_default();
    // `libc6:amd64.list` where several architectures can be installed side by side.
    let name = stem.split(|&b| b == b':').next().unwrap_or_default();
    facts.owned.push(OwnedFiles {
        entry: file.entry,
        kind: PackageKind::Dpkg,
        package: String::from_utf8_lossy(name).into_owned(),
        paths,
    });
}

/// One paragraph; `None` for one that is no installed package.
fn record(paragraph: &str, needs_status: bool, entry: u32) -> Option<PackageRecord> {
    let field = |name: &str| {
        paragraph.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if needs_status && field("Status")?.split_whitespace().next_back() != Some("installed") {
        return None;
    }
    Some(PackageRecord {
        entry,
        kind: PackageKind::Dpkg,
        name: field("Package")?.to_owned(),
        version: field("Version")?.to_owned(),
        architecture: field("Architecture").map(str::to_owned),
        source: field("Source").map(str::to_owned),
        // In units of 1024 bytes.
        declared_bytes: field("Installed-Size")
            .and_then(|s| s.parse::<u64>().ok()?.checked_mul(1024)),
        root: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::collect::read;
    use super::*;

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nInstalled-Size: 10\nArchitecture: amd64\n\
        Source: glibc\nVersion: 2.36-9\nDescription: GNU C Library\n Version: not a field\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: half\nStatus: install ok half-configured\nVersion: 1\n";

    #[test]
    fn only_installed_packages_count() {
        let facts = read::<Dpkg>("var/lib/dpkg/status", STATUS.as_bytes());
        let [p] = facts.packages.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(
            (p.name.as_str(), p.version.as_str(), p.declared_bytes),
            ("libc6", "2.36-9", Some(10240))
        );
        assert_eq!(p.source.as_deref(), Some("glibc"));
    }

    #[test]
    fn distroless_has_a_file_a_package() {
        let facts = read::<Dpkg>(
            "var/lib/dpkg/status.d/tzdata",
            b"Package: tzdata\nVersion: 2025b\n",
        );
        assert_eq!(facts.packages[0].name, "tzdata");
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n";
        let facts = read::<Dpkg>("var/lib/dpkg/status.d/tzdata.md5sums", sums);
        assert_eq!(facts.owned[0].package, "tzdata");
        assert_eq!(
            facts.owned[0].paths,
            [LayerPath::from("usr/share/zoneinfo/UTC")]
        );
        assert!(facts.packages.is_empty());
    }

    #[test]
    fn lists_name_their_package_without_its_architecture() {
        let facts = read::<Dpkg>(
            "var/lib/dpkg/info/libc6:amd64.list",
            b"/.\n/lib\n/lib/libc.so.6\n",
        );
        assert_eq!(facts.owned[0].package, "libc6");
        assert_eq!(
            facts.owned[0].paths,
            [LayerPath::from("lib"), LayerPath::from("lib/libc.so.6")]
        );
        assert_eq!(
            read::<Dpkg>("var/lib/dpkg/status-old", STATUS.as_bytes()),
            Facts::default()
        );
    }
}
