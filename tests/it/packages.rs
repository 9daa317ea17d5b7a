//! The package lists against the tools whose databases they come from.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use careen::analyze::packages::{DpkgAnalyzer, RpmAnalyzer};
use careen::analyze::{Analyzer, Facts};
use careen::layer::{Entry, Interest, LayerPath};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn feed(analyzer: &mut dyn Analyzer, number: u32, path: &str, bytes: &[u8], facts: &mut Facts) {
    let entry = Entry::file(LayerPath::from(path), bytes.len() as u64);
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

/// Two packages in a database of the given form, made by rpm itself; `convert` may write it anew from there.
fn rpm_says_the_same(form: &str, file: &str, convert: impl Fn(&str)) {
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
    convert(&db);
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
    rpm_says_the_same("sqlite", "rpmdb.sqlite", |_| ());
}

/// Debian's rpm is built without ndb, so the headers that it wrote are laid out as rpm's `rpmpkg.c` says.
#[test]
fn rpm_says_the_same_of_an_ndb_database() {
    rpm_says_the_same("sqlite", "Packages.db", |db| {
        let mut slots = [&b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x03\0\0\0"[..], &[0; 12]].concat();
        let mut blocks = Vec::new();
        for (n, header) in (1u32..).zip(headers(db)) {
            let length = (16 + header.len() + 12).div_ceil(16);
            let at = 256 + blocks.len() / 16;
            slots.extend(b"Slot");
            [n, at as u32, length as u32].iter().for_each(|n| slots.extend(n.to_le_bytes()));
            let end = blocks.len() + length * 16;
            blocks.extend(b"BlbS");
            [n, 1, header.len() as u32].iter().for_each(|n| blocks.extend(n.to_le_bytes()));
            blocks.extend(header);
            blocks.resize(end, 0);
        }
        while slots.len() < 4096 {
            slots.extend([&b"Slot"[..], &[0; 12]].concat());
        }
        std::fs::write(format!("{db}/Packages.db"), [slots, blocks].concat()).unwrap();
    });
}

/// The package headers of a database in the form of sqlite.
fn headers(db: &str) -> Vec<Vec<u8>> {
    let sqlite = rusqlite::Connection::open(Path::new(db).join("rpmdb.sqlite")).unwrap();
    let mut select = sqlite.prepare("SELECT blob FROM Packages ORDER BY hnum").unwrap();
    let blobs = select.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let blobs: Vec<_> = blobs.map(Result::unwrap).collect();
    assert_eq!(blobs.len(), 2);
    blobs
}

/// Today's rpm reads the Berkeley form and writes it no more, so Berkeley DB itself does (with Perl, as Debian
/// builds it), in pages so small that most headers go on elsewhere; rpm says the same of it before we do.
#[test]
fn rpm_says_the_same_of_a_berkeley_database() {
    const WRITE: &str = r#"use DB_File; my $hash = DB_File::HASHINFO->new; $hash->{bsize} = 512;
        tie(my %db, "DB_File", "$ARGV[0]/Packages", O_RDWR|O_CREAT, 0644, $hash) or die "$!";
        $db{pack("L", 0)} = pack("L", $#ARGV);
        for my $n (1 .. $#ARGV) { open(my $f, "<", $ARGV[$n]) or die "$!"; binmode $f; local $/;
            $db{pack("L", $n)} = <$f>; }"#;
    rpm_says_the_same("sqlite", "Packages", |db| {
        let mut arguments = vec!["-e".to_owned(), WRITE.to_owned(), db.to_owned()];
        for (n, blob) in headers(db).iter().enumerate() {
            let path = format!("{db}/{n}.header");
            std::fs::write(&path, blob).unwrap();
            arguments.push(path);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        output("perl", &arguments);
        let alone = format!("{db}/alone");
        std::fs::create_dir(&alone).unwrap();
        std::fs::copy(format!("{db}/Packages"), format!("{alone}/Packages")).unwrap();
        let format = ["-qa", "--qf", "%{NAME}\\n"];
        let backend = ["--define", "_db_backend bdb_ro", "--dbpath", &alone];
        let names = output("rpm", &[&backend[..], &format].concat());
        assert_eq!(names.lines().count(), 2, "{names}");
    });
}

/// What `--format FORMAT` says of an image.
fn report(image: ImageBuilder, format: &str) -> serde_json::Value {
    let dir = tempfile::tempdir().unwrap();
    let layout = image.write_layout(&dir.path().join("image"), "latest");
    let arguments = ["--no-cache", "--fail-on", "never", "--format", format];
    Home::new().run(&[&["inspect", &show(&layout)], &arguments[..]].concat()).json()
}

/// Name, version, bytes and state of each package.
fn listed(report: &serde_json::Value) -> Vec<(String, String, Option<u64>, String)> {
    let text = |p: &serde_json::Value, key: &str| p[key].as_str().unwrap_or_default().to_owned();
    let all = report["packages"].as_array().unwrap().iter();
    all.map(|p| (text(p, "name"), text(p, "version"), p["bytes"].as_u64(), text(p, "state")))
        .collect()
}

fn row(name: &str, version: &str, bytes: Option<u64>) -> (String, String, Option<u64>, String) {
    (name.to_owned(), version.to_owned(), bytes, String::new())
}

#[test]
fn files_of_a_package_without_dpkg_are_found_by_list_or_by_checksums() {
    let sums = |path: &str| format!("d41d8cd98f00b204e9800998ecf8427e  {path}\n");
    let stated = |name: &str| format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n");
    let layer = LayerBuilder::new()
        .file("etc/os-release", "ID=debian\n")
        .file("usr/bin/a", vec![b'a'; 100])
        .file("usr/bin/b", vec![b'b'; 200])
        .file("etc/b.conf", vec![b'b'; 7])
        .file("usr/bin/c", vec![b'c'; 300])
        .file("usr/bin/d", vec![b'd'; 400])
        .file("var/lib/dpkg/status.d/a", stated("a"))
        .file("var/lib/dpkg/status.d/a.md5sums", sums("usr/bin/a"))
        .file("var/lib/dpkg/status.d/b", stated("b"))
        // In this order the checksums come first, and the list still counts.
        .file("var/lib/dpkg/info/b.md5sums", sums("usr/bin/b"))
        .file("var/lib/dpkg/info/b.list", "/.\n/usr/bin/b\n/etc/b.conf\n")
        .file("var/lib/dpkg/status.d/c", stated("c"))
        .file("var/lib/dpkg/status.d/info/c.md5sums", sums("usr/bin/c"))
        .file("var/lib/dpkg/status.d/d", stated("d"))
        .file("var/lib/dpkg/info/d:amd64.list", "/usr/bin/d\n")
        .file("var/lib/dpkg/status", "Package: half\nStatus: install reinstreq half-configured\nVersion: 2\nInstalled-Size: 3\n");
    let mut wanted: Vec<_> = [("a", 100), ("b", 207), ("c", 300), ("d", 400)]
        .map(|(name, bytes)| row(name, "1", Some(bytes)))
        .to_vec();
    wanted.push(("half".into(), "2".into(), Some(3072), "half-configured".into()));
    assert_eq!(listed(&report(ImageBuilder::new().layer("x", layer), "json")), wanted);
}

#[test]
fn what_two_databases_of_a_system_tell_counts_once() {
    let wall = "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":3}\n\
        {\"kind\":\"content\",\"slice\":\"libc6_libs\",\"path\":\"/usr/lib/libc.so.6\"}\n\
        {\"kind\":\"package\",\"name\":\"libc6\",\"version\":\"2.39\",\"sha256\":\"00\",\"arch\":\"amd64\"}\n\
        {\"kind\":\"package\",\"name\":\"zlib1g\",\"version\":\"1:1.3\",\"sha256\":\"11\",\"arch\":\"amd64\"}\n";
    let layer = LayerBuilder::new()
        .file("etc/os-release", "ID=ubuntu\nVERSION_ID=24.04\n")
        .file("usr/lib/libc.so.6", vec![b'c'; 500])
        .file("var/lib/chisel/manifest.wall", zstd::encode_all(wall.as_bytes(), 3).unwrap())
        .file("var/lib/dpkg/status", "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.39\nInstalled-Size: 9000\n");
    let said = report(ImageBuilder::new().layer("x", layer), "json");
    assert_eq!(listed(&said), [row("libc6", "2.39", Some(500)), row("zlib1g", "1:1.3", None)]);

    let layer = LayerBuilder::new()
        .file("etc/os-release", "ID=azurelinux\nVERSION_ID=3.0\n")
        .file("var/lib/rpmmanifest/container-manifest-1", "openssl-libs-3.3.0-1.azl3.x86_64\n")
        .file("var/lib/rpmmanifest/container-manifest-2", "openssl-libs\t3.3.0-1.azl3\t1\t1\tMicrosoft\t(none)\t3200\tx86_64\t2\topenssl-3.3.0-1.azl3.src.rpm\n");
    let image = ImageBuilder::new().layer("x", layer);
    let said = report(image.clone(), "json");
    assert_eq!(listed(&said), [row("openssl-libs", "2:3.3.0-1.azl3", Some(3200))]);
    let bill = report(image, "cyclonedx");
    let purls: Vec<_> =
        bill["components"].as_array().unwrap().iter().filter_map(|c| c["purl"].as_str()).collect();
    assert_eq!(
        purls,
        [
            "pkg:rpm/azurelinux/openssl-libs@3.3.0-1.azl3?arch=x86_64&distro=azurelinux-3.0&epoch=2&upstream=openssl-3.3.0-1.azl3.src.rpm"
        ]
    );
    assert_eq!(bill["compositions"][0]["aggregate"], "unknown");
}

#[test]
fn a_bill_from_which_packages_may_be_missing_says_so_and_why() {
    let layer = LayerBuilder::new().file("app/lib/log4j-core-2.14.1.jar", "not what its name says");
    let image = ImageBuilder::new().layer("x", layer);
    let bill = report(image.clone(), "cyclonedx");
    assert_eq!(bill["compositions"][0]["aggregate"], "incomplete");
    assert!(bill["metadata"]["properties"].to_string().contains("log4j-core-2.14.1.jar"));
    let document = report(image.clone(), "spdx");
    assert!(document["comment"].as_str().unwrap().starts_with("incomplete: "), "{document}");
    let gap = &report(image, "json")["not_looked_at"][0];
    assert_eq!((&gap["hides_packages"], &gap["failed"]), (&true.into(), &false.into()));
}

#[test]
fn a_list_belongs_to_the_database_of_a_layer_above() {
    let stated = |names: &[&str]| -> String {
        let one = |n: &&str| format!("Package: {n}\nStatus: install ok installed\nVersion: 1\n\n");
        names.iter().map(one).collect()
    };
    let base = LayerBuilder::new()
        .file("usr/bin/a", vec![b'a'; 100])
        .file("var/lib/dpkg/info/a.list", "/usr/bin/a\n")
        .file("var/lib/dpkg/status", stated(&["a"]));
    let more = LayerBuilder::new().file("var/lib/dpkg/status", stated(&["a", "b"]));
    let image = ImageBuilder::new().layer("base", base).layer("more", more);
    assert_eq!(listed(&report(image, "json")), [row("a", "1", Some(100)), row("b", "1", None)]);
}
