//! The package lists against the tools whose databases they come from.

use careen::analyze::packages::{DpkgAnalyzer, RpmAnalyzer};
use careen::analyze::{Analyzer, Facts};
use careen::layer::{Entry, EntryKind, Interest, LayerPath};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn feed(analyzer: &mut dyn Analyzer, number: u32, path: &str, bytes: &[u8], facts: &mut Facts) {
    let entry = Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        link: None,
        device: None,
        capability: None,
        content: None,
    };
    if analyzer.begin(number, &entry) == Interest::Skip {
        return;
    }
    bytes.chunks(10_007).for_each(|c| analyzer.chunk(c));
    analyzer.end(facts);
}

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let run = run.unwrap_or_else(|e| panic!("{program}: {e} (tests/run installs it)"));
    assert!(run.status.success(), "{program}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn dpkg_says_the_same_of_this_machine() {
    let mut facts = Facts::default();
    let mut dpkg = DpkgAnalyzer::new();
    let status = std::fs::read("/var/lib/dpkg/status").unwrap();
    feed(&mut dpkg, 0, "var/lib/dpkg/status", &status, &mut facts);
    for file in std::fs::read_dir("/var/lib/dpkg/info").unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "list") {
            let bytes = std::fs::read(&path).unwrap();
            feed(&mut dpkg, 1, path.to_str().unwrap(), &bytes, &mut facts);
        }
    }
    assert_eq!(facts.unread, []);

    let format = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n";
    let wanted: BTreeSet<String> = output("dpkg-query", &["-W", "-f", format])
        .lines()
        .filter_map(|l| l.strip_prefix("installed\t").map(str::to_owned))
        .collect();
    let seen: BTreeSet<String> = facts
        .packages
        .iter()
        .map(|p| format!("{}\t{}\t{}", p.name, p.version, p.architecture.as_deref().unwrap()))
        .collect();
    assert!(wanted.len() > 50);
    assert_eq!(seen, wanted);

    let lists: BTreeMap<&str, BTreeSet<&LayerPath>> =
        facts.owned.iter().map(|o| (o.package.as_str(), o.paths.iter().collect())).collect();
    // One that is named with its architecture, and two that are not.
    for package in ["libc6:amd64", "libc6:arm64", "coreutils", "dpkg"] {
        let Some(seen) = lists.get(package) else {
            assert!(package.starts_with("libc6"), "{package}");
            continue;
        };
        let text = output("dpkg", &["-L", package]);
        let wanted: Vec<LayerPath> = text
            .lines()
            .filter(|l| l.starts_with('/'))
            .map(LayerPath::from)
            .filter(|p| !p.is_root())
            .collect();
        assert!(wanted.len() > 20, "{package}");
        assert_eq!(*seen, wanted.iter().collect::<BTreeSet<_>>(), "{package}");
    }
}

const SPEC: &str = "Name: careen-probe\nVersion: 1.2\nRelease: 3\nEpoch: 4\nSummary: probe\nLicense: MIT\nBuildArch: noarch\n%description\nprobe\n%install\nmkdir -p %{buildroot}/opt/probe/deep\necho hello > %{buildroot}/opt/probe/a\necho world > %{buildroot}/opt/probe/deep/b\n%files\n/opt/probe\n";

/// Two packages in a database of the given form, made by rpm itself.
fn rpm_says_the_same(form: &str, file: &str) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let at = |p: &Path| p.to_str().unwrap().to_owned();
    let top = format!("_topdir {}", at(&root.join("top")));
    for (name, spec) in [
        ("one", SPEC.to_owned()),
        ("two", SPEC.replace("probe", "second").replace("Epoch: 4\n", "")),
    ] {
        let path = root.join(format!("{name}.spec"));
        std::fs::write(&path, spec).unwrap();
        output("rpmbuild", &["-bb", "--quiet", "--define", &top, &at(&path)]);
    }
    let db = at(&root.join("db"));
    let backend = format!("_db_backend {form}");
    output("rpm", &["--define", &backend, "--initdb", "--dbpath", &db]);
    let rpms = root.join("top/RPMS/noarch");
    let mut install =
        vec!["--define", &backend, "--dbpath", &db, "-i", "--justdb", "--nodeps", "--ignoreos"];
    let files: Vec<String> =
        std::fs::read_dir(rpms).unwrap().map(|f| at(&f.unwrap().path())).collect();
    install.extend(files.iter().map(String::as_str));
    output("rpm", &install);

    let query = |format: &str| {
        output("rpm", &["--define", &backend, "--dbpath", &db, "-qa", "--qf", format])
    };
    let wanted: BTreeSet<String> =
        query("%{NAME} %{EPOCH} %{VERSION}-%{RELEASE} %{ARCH} %{SIZE} %{SOURCERPM}\n")
            .lines()
            .map(|l| l.replace(" (none) ", " ").replace(" 4 ", " 4:"))
            .collect();
    let mut facts = Facts::default();
    let bytes = std::fs::read(Path::new(&db).join(file)).unwrap();
    feed(&mut RpmAnalyzer::new(), 0, &format!("usr/lib/sysimage/rpm/{file}"), &bytes, &mut facts);
    assert_eq!(facts.unread, []);
    let seen: BTreeSet<String> = facts
        .packages
        .iter()
        .map(|p| {
            let (arch, source) = (p.architecture.as_deref().unwrap(), p.source.as_deref().unwrap());
            format!("{} {} {arch} {} {source}", p.name, p.version, p.declared_bytes.unwrap())
        })
        .collect();
    assert_eq!(wanted.len(), 2);
    assert_eq!(seen, wanted);
    let wanted: BTreeSet<LayerPath> =
        query("[%{FILENAMES}\n]").lines().map(LayerPath::from).collect();
    let seen: BTreeSet<LayerPath> = facts.owned.iter().flat_map(|o| o.paths.clone()).collect();
    assert!(wanted.len() >= 8);
    assert_eq!(seen, wanted);
}

#[test]
fn rpm_says_the_same_of_a_sqlite_database() {
    rpm_says_the_same("sqlite", "rpmdb.sqlite");
}
