//! The lists that Azure Linux leaves in place of rpm's database (`var/lib/rpmmanifest`): `container-manifest-2`
//! with ten columns, and `container-manifest-1` with `NAME-VERSION-RELEASE.ARCH` alone. An image has both.

use crate::analyze::packages::whole::{Read, Stated, Statement};
use crate::analyze::{Facts, PackageKind, PackageRecord};
use crate::layer::LayerPath;

/// Packages of one image.
const PACKAGES: usize = 100_000;

pub struct RpmManifest;

impl Statement for RpmManifest {
    const ID: &'static str = "rpm-manifest";
    const VERSION: u32 = 1;
    const KIND: PackageKind = PackageKind::Rpm;
    const CAP: usize = 16 << 20;

    fn is_one(path: &LayerPath) -> bool {
        matches!(
            path.as_bytes(),
            b"var/lib/rpmmanifest/container-manifest-1"
                | b"var/lib/rpmmanifest/container-manifest-2"
        )
    }
}

impl Read for RpmManifest {
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String> {
        let (mut bad, mut left) = (0u32, PACKAGES);
        for line in file.bytes.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()) {
            let line = String::from_utf8_lossy(line);
            let record = match line.contains('\t') {
                true => columns(&line),
                false => name_of_file(line.trim()),
            };
            let Some(record) = record else {
                bad += 1;
                continue;
            };
            let Some(rest) = left.checked_sub(1) else {
                return Err("more packages than are read from one list".to_owned());
            };
            left = rest;
            facts.packages.push(PackageRecord { entry: file.entry, ..record });
        }
        match bad {
            0 => Ok(()),
            n => Err(format!("{n} lines that are no package")),
        }
    }
}

/// Name, version and release, times of installation and of build, vendor, epoch, size, architecture, epoch as a
/// number, source package.
fn columns(line: &str) -> Option<PackageRecord> {
    let all: Vec<&str> = line.splitn(11, '\t').map(str::trim).collect();
    let [name, version, _, _, _, epoch, size, arch, number, source, ..] = all.as_slice() else {
        return None;
    };
    let said = |word: &str| Some(word.to_owned()).filter(|w| !w.is_empty() && w != "(none)");
    let epoch = [number, epoch].into_iter().find_map(|e| e.parse().ok()).unwrap_or(0u32);
    let version = said(version)?;
    Some(PackageRecord {
        name: said(name)?,
        version: if epoch > 0 { format!("{epoch}:{version}") } else { version },
        architecture: said(arch),
        source: said(source),
        declared_bytes: size.parse().ok(),
        ..PackageRecord::of(PackageKind::Rpm)
    })
}

fn name_of_file(line: &str) -> Option<PackageRecord> {
    let (rest, arch) = match line.rsplit_once('.') {
        Some((rest, arch)) if !arch.contains('-') => (rest, Some(arch)),
        _ => (line, None),
    };
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-').filter(|(name, _)| !name.is_empty())?;
    Some(PackageRecord {
        name: name.to_owned(),
        version: format!("{version}-{release}"),
        architecture: arch.filter(|a| *a != "(none)").map(str::to_owned),
        ..PackageRecord::of(PackageKind::Rpm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::packages::feed;
    use crate::analyze::packages::whole::Whole;

    type Row<'a> = (&'a str, &'a str, Option<&'a str>, Option<u64>);

    fn read(number: u8, text: &str, wanted: &[Row], gaps: usize) {
        let path = format!("var/lib/rpmmanifest/container-manifest-{number}");
        let facts = feed(&mut Whole::<RpmManifest>::default(), &path, text.as_bytes(), 30);
        let seen: Vec<Row> = facts
            .packages
            .iter()
            .map(|p| {
                (p.name.as_str(), p.version.as_str(), p.architecture.as_deref(), p.declared_bytes)
            })
            .collect();
        assert_eq!((seen.as_slice(), facts.unread.len()), (wanted, gaps));
    }

    #[test]
    fn both_lists_are_read() {
        let two = "mariner-release\t2.0-12.cm2\t1653816591\t1653753130\tMicrosoft\t(none)\t580\tnoarch\t0\tmariner-release-2.0-12.cm2.src.rpm\nopenssl-libs\t1.1.1k-17.cm2\t1\t1\tM\t1\t3200\tx86_64\t1\topenssl-1.1.1k-17.cm2.src.rpm\n";
        read(
            2,
            two,
            &[
                ("mariner-release", "2.0-12.cm2", Some("noarch"), Some(580)),
                ("openssl-libs", "1:1.1.1k-17.cm2", Some("x86_64"), Some(3200)),
            ],
            0,
        );
        let one = "mariner-release-2.0-12.cm2.noarch\ngpg-pubkey-3135ce90-5e6fda74\nnonsense\n";
        read(
            1,
            one,
            &[
                ("mariner-release", "2.0-12.cm2", Some("noarch"), None),
                ("gpg-pubkey", "3135ce90-5e6fda74", None, None),
            ],
            1,
        );
    }
}
