//! Programs and package databases, each as a file at the place where it is looked for.

use crate::Target;
use careen::analyze::elf::ElfAnalyzer;
use careen::analyze::packages;
use careen::analyze::references::ReferenceAnalyzer;
use careen::analyze::{Analyzer, Facts};
use careen::layer::{Entry, Interest, LayerPath};

pub const TARGETS: &[(&str, Target)] = &[
    ("elf", |data| feed(&mut ElfAnalyzer::new(), "usr/bin/app", data)),
    ("go", |data| package("usr/bin/app", data)),
    ("dpkg", |data| package("var/lib/dpkg/status", data)),
    ("dpkg-list", |data| package("var/lib/dpkg/info/p.list", data)),
    ("apk", |data| package("lib/apk/db/installed", data)),
    ("rpm", |data| package("var/lib/rpm/rpmdb.sqlite", data)),
    ("rpm-berkeley", |data| package("var/lib/rpm/Packages", data)),
    ("rpm-ndb", |data| package("usr/lib/sysimage/rpm/Packages.db", data)),
    ("python", |data| package("usr/lib/python3/a-1.dist-info/METADATA", data)),
    ("python-record", |data| package("usr/lib/python3/a-1.dist-info/RECORD", data)),
    ("node", |data| package("app/node_modules/a/package.json", data)),
    ("npm-lock", |data| package("app/node_modules/.package-lock.json", data)),
    ("java", |data| package("app/lib/a-1.jar", data)),
    ("gem", |data| package("usr/lib/gems/specifications/a-1.gemspec", data)),
    ("script", |data| feed(&mut ReferenceAnalyzer::new(), "entry.sh", data)),
    ("settings", |data| feed(&mut ReferenceAnalyzer::new(), "etc/nginx/nginx.conf", data)),
    ("module", |data| feed(&mut ReferenceAnalyzer::new(), "app/index.js", data)),
];

/// Bytes of memory that the facts of one file may take.
const MOST: u64 = 64 << 20;

fn package(path: &str, data: &[u8]) -> bool {
    packages::analyzers().iter_mut().fold(false, |any, a| feed(a.as_mut(), path, data) | any)
}

/// Shows the file in one piece and in many: the facts are the same, and no more than a layer keeps.
fn feed(analyzer: &mut dyn Analyzer, path: &str, data: &[u8]) -> bool {
    let Some(whole) = facts(analyzer, path, data, data.len()) else { return false };
    assert!(whole.weight_since(&Facts::default().mark()) < MOST);
    let pieces = facts(analyzer, path, data, 61);
    assert!(data.len() > 4096 || pieces.as_ref() == Some(&whole), "{whole:?} {pieces:?}");
    true
}

fn facts(analyzer: &mut dyn Analyzer, path: &str, data: &[u8], step: usize) -> Option<Facts> {
    let entry = Entry { mode: 0o755, ..Entry::file(LayerPath::from(path), data.len() as u64) };
    let wanted = match analyzer.begin(0, &entry) {
        Interest::Skip => return None,
        Interest::Head(n) => data.len().min(usize::try_from(n).unwrap_or(usize::MAX)),
        Interest::All => data.len(),
    };
    let mut found = Facts::default();
    data[..wanted].chunks(step.max(1)).for_each(|chunk| analyzer.chunk(chunk));
    analyzer.end(&mut found);
    Some(found)
}
