//! The table of what production does not need, read from `table.toml`.

use crate::analyze::PackageKind;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) kind: Vec<Kind>,
}

/// One kind of thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) name: String,
    /// Why production does not need it, one line.
    pub(super) why: String,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Paths that are not meant after all.
    #[serde(default)]
    pub(super) not: Vec<String>,
    /// Package names by database.
    #[serde(default)]
    pub(super) packages: BTreeMap<PackageKind, Vec<String>>,
}

/// The table, its globs compiled.
pub(super) struct Matcher {
    pub(super) kinds: Vec<Kind>,
    paths: GlobSet,
    /// Glob number in `paths` → place in `kinds`.
    path_kinds: Vec<usize>,
    not: Vec<GlobSet>,
    packages: BTreeMap<PackageKind, (GlobSet, Vec<usize>)>,
}

/// The embedded table. A table that does not compile cannot leave the tests.
pub(super) static MATCHER: LazyLock<Matcher> = LazyLock::new(|| {
    Matcher::new(include_str!("table.toml")).expect("the embedded table is valid; a test says so")
});

impl Matcher {
    pub(super) fn new(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let kinds = toml::from_str::<Table>(text)?.kind;
        let mut paths = GlobSetBuilder::new();
        let (mut path_kinds, mut not) = (Vec::new(), Vec::new());
        let mut names: BTreeMap<PackageKind, (GlobSetBuilder, Vec<usize>)> = BTreeMap::new();
        for (number, kind) in kinds.iter().enumerate() {
            for glob in &kind.paths {
                paths.add(path_glob(glob)?);
                path_kinds.push(number);
            }
            let mut without = GlobSetBuilder::new();
            for glob in &kind.not {
                without.add(path_glob(glob)?);
            }
            not.push(without.build()?);
            for (database, globs) in &kind.packages {
                let (set, places) =
                    names.entry(*database).or_insert_with(|| (GlobSetBuilder::new(), Vec::new()));
                for glob in globs {
                    set.add(GlobBuilder::new(glob).build()?);
                    places.push(number);
                }
            }
        }
        let mut packages = BTreeMap::new();
        for (database, (set, places)) in names {
            packages.insert(database, (set.build()?, places));
        }
        Ok(Self { kinds, paths: paths.build()?, path_kinds, not, packages })
    }

    /// The first kind that a path matches.
    pub(super) fn of_path(&self, path: &[u8]) -> Option<usize> {
        let path = as_path(path);
        let mut kinds: Vec<usize> =
            self.paths.matches(&*path).into_iter().map(|g| self.path_kinds[g]).collect();
        kinds.sort_unstable();
        kinds.into_iter().find(|&k| !self.not[k].is_match(&*path))
    }

    /// Whether a path is taken out of a kind.
    pub(super) fn excepts(&self, kind: usize, path: &[u8]) -> bool {
        self.not[kind].is_match(&*as_path(path))
    }

    /// The first kind that a package name matches.
    pub(super) fn of_package(&self, database: PackageKind, name: &str) -> Option<usize> {
        let (set, places) = self.packages.get(&database)?;
        set.matches(name).into_iter().map(|g| places[g]).min()
    }
}

fn path_glob(glob: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(glob).literal_separator(true).empty_alternates(true).build()
}

fn as_path(path: &[u8]) -> std::borrow::Cow<'_, std::path::Path> {
    match String::from_utf8_lossy(path) {
        std::borrow::Cow::Borrowed(s) => std::path::Path::new(s).into(),
        std::borrow::Cow::Owned(s) => std::path::PathBuf::from(s).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_compiles_and_says_nothing_twice() {
        let matcher = Matcher::new(include_str!("table.toml")).unwrap();
        let (mut names, mut paths, mut packages) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for kind in &matcher.kinds {
            assert!(names.insert(&kind.name), "{} twice", kind.name);
            assert!(kind.why.len() > 20 && !kind.why.contains('\n'), "{}: why?", kind.name);
            assert!(!kind.paths.is_empty() || !kind.packages.is_empty(), "{} is empty", kind.name);
            for glob in &kind.paths {
                assert!(paths.insert(glob), "{glob} twice");
                assert!(!glob.starts_with('/'), "{glob}: paths have no leading slash");
            }
            for (database, globs) in &kind.packages {
                for glob in globs {
                    assert!(packages.insert((database, glob)), "{database:?} {glob} twice");
                }
            }
        }
    }

    #[test]
    fn what_programs_run_on_is_needed() {
        let m = &*MATCHER;
        for (database, name) in [
            (PackageKind::Dpkg, "libc6"),
            (PackageKind::Dpkg, "libgcc-s1"),
            (PackageKind::Dpkg, "libstdc++6"),
            (PackageKind::Dpkg, "gcc-12-base"),
            (PackageKind::Dpkg, "libcurl4"),
            (PackageKind::Dpkg, "python3"),
            (PackageKind::Dpkg, "python3.11-minimal"),
            (PackageKind::Dpkg, "nodejs"),
            (PackageKind::Dpkg, "openjdk-17-jre-headless"),
            (PackageKind::Dpkg, "ca-certificates"),
            (PackageKind::Apk, "musl"),
            (PackageKind::Apk, "libgcc"),
            (PackageKind::Apk, "busybox"),
            (PackageKind::Rpm, "glibc"),
            (PackageKind::Rpm, "libcurl"),
        ] {
            let kind = m.of_package(database, name).map(|k| &m.kinds[k].name);
            assert_eq!(kind, None, "{database:?} {name}");
        }
        for path in [
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            "usr/bin/python3.11",
            "usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc",
            "etc/ssl/certs/ca-certificates.crt",
            "usr/share/doc/bash/copyright",
            "usr/share/zoneinfo/UTC",
        ] {
            assert_eq!(m.of_path(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn kinds_by_package_and_path() {
        let m = &*MATCHER;
        let package = |d, n| m.of_package(d, n).map(|k| m.kinds[k].name.as_str());
        assert_eq!(package(PackageKind::Dpkg, "gcc-12"), Some("build-tool"));
        assert_eq!(package(PackageKind::Dpkg, "libssl-dev"), Some("header"));
        assert_eq!(package(PackageKind::Apk, "apk-tools"), Some("package-manager"));
        assert_eq!(package(PackageKind::Rpm, "bash"), Some("shell"));
        assert_eq!(package(PackageKind::Python, "pip"), Some("package-manager"));
        let path = |p: &str| m.of_path(p.as_bytes()).map(|k| m.kinds[k].name.as_str());
        assert_eq!(path("app/.git/HEAD"), Some("vcs"));
        assert_eq!(path("usr/lib/x86_64-linux-gnu/libc.a"), Some("static-library"));
        assert_eq!(path("var/lib/apt/lists/x_Packages"), Some("cache"));
        assert_eq!(path("usr/share/man/de/man1/ls.1.gz"), Some("man"));
        assert_eq!(path("usr/share/doc/gcc/README"), Some("doc"));
        assert_eq!(path("bin/sh"), Some("shell"));
    }
}
