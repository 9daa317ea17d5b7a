//! Whatever a file of an image is made of, reading it costs time in proportion to its length: every reader of
//! documents, package databases, programs and archives, against good small files that were blown up to what is read
//! of one file. Words are in `hostile_words`.

use crate::support::effort::cpu_time;
use careen::analyze::elf::ElfAnalyzer;
use careen::analyze::references::ReferenceAnalyzer;
use careen::analyze::unpack::{HEAD, Kind, Limits, Visitor, unpack};
use careen::analyze::{Facts, packages};
use careen::image::history::History;
use careen::layer::walk::{WalkLimits, walk};
use careen::layer::{Entry, Interest, LayerPath};
use careen::oci::{Document, ImageConfig, Reference};
use careen::source::docker_manifest;
use proptest::prelude::*;
use std::time::Duration;

const WHOLE: usize = 256 << 10;

/// For a whole file, unoptimised; anything quadratic takes minutes.
const MOST: Duration = Duration::from_secs(4);

/// Bytes of memory that the facts of one file may take.
const MOST_FACTS: u64 = 64 << 20;

/// Where a file of a seed lies, for those who look for files by their place.
const PLACES: [(&str, &str); 21] = [
    ("dpkg/a", "var/lib/dpkg/status"),
    ("dpkg/a", "var/lib/dpkg/status.d/a"),
    ("dpkg-list/a", "var/lib/dpkg/info/p.list"),
    ("apk/a", "lib/apk/db/installed"),
    ("rpm/a", "var/lib/rpm/rpmdb.sqlite"),
    ("python/a", "usr/lib/python3/a-1.dist-info/METADATA"),
    ("python/a", "usr/lib/python3/a-1.egg-info/PKG-INFO"),
    ("python-record/a", "usr/lib/python3/a-1.dist-info/RECORD"),
    ("python-record/a", "usr/lib/python3/a-1.egg-info/installed-files.txt"),
    ("node/a", "app/node_modules/a/package.json"),
    ("npm-lock/a", "app/node_modules/.package-lock.json"),
    ("java/a", "app/lib/a-1.jar"),
    ("java/streamed", "app/lib/a-1.war"),
    ("gem/a", "usr/lib/gems/specifications/a-1.gemspec"),
    ("elf/program", "usr/bin/app"),
    ("elf/shared", "usr/lib/liba.so.1"),
    ("go/a", "usr/bin/app"),
    ("script/a", "entry.sh"),
    ("settings/a", "etc/nginx/nginx.conf"),
    ("module/a", "app/index.js"),
    ("settings/a", "etc/ld.so.conf"),
];

/// The same for those that no seed is of. Chisel's, Berkeley's and ndb's forms have tests beside their readers.
const WRITTEN: [(&str, &str); 4] = [
    (
        r#"{"name": "a", "version": "1", "channel": "x", "files": ["a", "b"]}"#,
        "o/conda-meta/a-1.json",
    ),
    (
        r#"{"packages": [{"name": "a/b", "version": "1", "install-path": "../a/b"}]}"#,
        "v/composer/installed.json",
    ),
    (
        r#"{"targets": {"t": {"A/1": {"runtime": {"lib/A.dll": {}}}}}, "libraries": {"A/1": {"type": "package"}}}"#,
        "a.deps.json",
    ),
    (
        "a\t1-1\t1\t1\tv\t(none)\t5\tx86_64\t0\ta-1-1.src.rpm\n",
        "var/lib/rpmmanifest/container-manifest-2",
    ),
];

/// Containers by the name that a file has.
const CONTAINERS: [(&str, &str); 15] = [
    ("zip/a", "a.zip"),
    ("zip/streamed", "a.zip"),
    ("nested-tar/gnu", "a.tar"),
    ("nested-tar/pax", "a.tar"),
    ("ar/a", "a.deb"),
    ("gzip/a", "a.gz"),
    ("bzip2/a", "a.bz2"),
    ("xz/a", "a.xz"),
    ("xz/delta", "a.xz"),
    ("zstd/a", "a.zst"),
    ("sqlite/a", "a.db"),
    ("sqlite-wal/a", "a.db-wal"),
    ("git-pack/a", "a.pack"),
    ("python-code/a", "a.pyc"),
    ("java-class/a", "A.class"),
];

/// What reads bytes.
type Reader = fn(&[u8]);

/// Documents and other texts, by their own readers.
const DOCUMENTS: [(&str, Reader); 11] = [
    ("manifest/image", manifest),
    ("manifest/index", manifest),
    ("config/a", |data| {
        let Ok((config, _)) = ImageConfig::parse(data) else { return };
        let history = History::new(&config, 3);
        let _ = (history.base_name(), history.is_base(0), history.of_layer(2), config.platform());
    }),
    ("docker-manifest/a", |data| {
        let read = docker_manifest::parse("a.tar", data).unwrap_or_default();
        for image in read.images {
            let _ = image.claimed_config();
        }
    }),
    ("reference/0", |data| {
        let text = String::from_utf8_lossy(data);
        let _ = text.parse::<Reference>();
        let _ = careen::oci::without_password(&text);
    }),
    ("pods/a", |data| drop(careen::kube::images_of_pods(&String::from_utf8_lossy(data)))),
    ("gitleaks/a", |data| {
        let text = String::from_utf8_lossy(data);
        let _ = careen::analyze::secrets::gitleaks_extends(&text);
    }),
    ("tar/gnu", tar),
    ("tar/pax", tar),
    ("secrets/a", |data| {
        let patterns = careen::analyze::secrets::Patterns::builtin();
        // A quarter of it: unoptimised, it is the slowest of all.
        careen::analyze::secrets::scan_text(&patterns, &data[..data.len() / 4], None, false);
    }),
    ("dockerfile/a", |data| drop(careen::dockerfile::parse(&String::from_utf8_lossy(data)))),
];

fn manifest(data: &[u8]) {
    let _ = Document::parse(data, None);
}

struct Passed;

impl careen::layer::Visitor for Passed {
    fn begin(&mut self, _: &Entry) -> Interest {
        Interest::All
    }
    fn chunk(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

fn tar(mut data: &[u8]) {
    let _ = walk(&mut data, &WalkLimits::default(), &mut Passed);
}

impl Visitor for Passed {
    fn begin(&mut self, _: &str, _: &[u8], _: Option<u64>) {}
    fn chunk(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
    fn unread(&mut self, _: &str, _: &str) {}
}

fn open(path: &str, data: &[u8]) {
    let head = &data[..data.len().min(HEAD)];
    if let Some(kind) = Kind::of(path.as_bytes(), head) {
        // Budgets of what it unpacks to have tests of their own: what is read here is the form.
        let limits = Limits { bytes: 1 << 20, ..Limits::of(data.len() as u64) };
        let rest = &mut &data[head.len()..];
        unpack(kind, head, rest, path.as_bytes(), limits, true, &mut Passed);
    }
}

/// What is kept of a file at this place, in bytes.
fn place(path: &str, data: &[u8]) -> u64 {
    let entry = Entry { mode: 0o755, ..Entry::file(LayerPath::from(path), data.len() as u64) };
    let mut all = packages::analyzers();
    all.push(Box::new(ElfAnalyzer::new()));
    all.push(Box::new(ReferenceAnalyzer::new()));
    let mut kept = 0;
    for analyzer in &mut all {
        let mut facts = Facts::default();
        let wanted = match analyzer.begin(0, &entry) {
            Interest::Skip => continue,
            Interest::Head(n) => data.len().min(usize::try_from(n).unwrap_or(usize::MAX)),
            Interest::All => data.len(),
        };
        data[..wanted].chunks(64 << 10).for_each(|chunk| analyzer.chunk(chunk));
        analyzer.end(&mut facts);
        let weight = facts.weight_since(&Facts::default().mark());
        assert!(weight < MOST_FACTS, "{path}: {} keeps {weight} bytes", analyzer.id().0);
        kept += weight;
    }
    kept
}

/// The same with a place.
type Placed = Box<dyn Fn(&[u8])>;

/// One reader with a good file of its sort.
struct Case {
    name: String,
    seed: Vec<u8>,
    read: Placed,
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (from, path) in PLACES {
        let read = Box::new(move |data: &[u8]| {
            place(path, data);
        });
        all.push(Case { name: path.to_owned(), seed: seed(from), read });
    }
    for (text, path) in WRITTEN {
        let read = Box::new(move |data: &[u8]| {
            place(path, data);
        });
        all.push(Case { name: path.to_owned(), seed: text.as_bytes().to_vec(), read });
    }
    for (from, path) in CONTAINERS {
        let read = Box::new(move |data: &[u8]| open(path, data));
        all.push(Case { name: format!("{path} in a file"), seed: seed(from), read });
    }
    for (from, read) in DOCUMENTS {
        all.push(Case { name: from.to_owned(), seed: seed(from), read: Box::new(read) });
    }
    all
}

/// Otherwise the others would try nothing.
#[test]
fn every_good_file_is_taken_for_what_it_is() {
    for (from, path) in PLACES {
        assert!(place(path, &seed(from)) > 0, "{from} at {path}");
    }
    for (text, path) in WRITTEN {
        assert!(place(path, text.as_bytes()) > 0, "{path}");
    }
    for (from, path) in CONTAINERS {
        assert!(Kind::of(path.as_bytes(), &seed(from)).is_some(), "{from}");
    }
}

fn seed(name: &str) -> Vec<u8> {
    let path = format!("{}/fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// How a good file is blown up.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// What stands between two of its places, again and again.
    Repeated,
    /// Something opened at a place and never closed, or one byte without end.
    Filled(&'static [u8]),
    /// Both: what stands there, and behind each the filling.
    Between(&'static [u8]),
    /// Numbers at their largest from a place on, once.
    Largest,
}

const FILLINGS: [&[u8]; 14] = [
    b"[", b"{\"a\":", b"{", b"a/", b"../", b"a", b"9", b"\n", b"\n\n", b",", b"\"a\",", b"\0",
    b"\xff", b"a: b\n",
];

fn blown_up(seed: &[u8], form: Form, from: usize, to: usize) -> Vec<u8> {
    let (before, rest) = seed.split_at(from.min(seed.len()));
    let (part, after) = rest.split_at(to.saturating_sub(from).min(rest.len()));
    let unit = match form {
        Form::Repeated if part.is_empty() => b"x".to_vec(),
        Form::Repeated => part.to_vec(),
        Form::Filled(filling) => filling.to_vec(),
        Form::Between(filling) => [part, filling].concat(),
        Form::Largest => {
            let many = [0xff; 8].repeat(part.len().div_ceil(8));
            return [before, &many, after].concat();
        }
    };
    let room = WHOLE.saturating_sub(seed.len());
    let mut out = [before, part].concat();
    out.extend(unit.repeat(room / unit.len().max(1)));
    out.extend(after);
    out
}

#[track_caller]
fn read_in_time(case: &Case, data: &[u8], how: &dyn std::fmt::Debug) {
    let spent = cpu_time(|| (case.read)(data));
    assert!(spent < MOST, "{}: {spent:?} for {} bytes, {how:?}", case.name, data.len());
}

/// The whole file, its lines, its middle, and whatever without end in the middle of a line.
#[test]
fn every_reader_takes_every_form_in_time() {
    for case in cases() {
        let (seed, length) = (&case.seed, case.seed.len());
        let longest = seed.split_inclusive(|&b| b == b'\n').max_by_key(|l| l.len()).unwrap();
        let line = longest.as_ptr() as usize - seed.as_ptr() as usize;
        let forms = [
            (Form::Repeated, 0, length),
            (Form::Repeated, line, line + longest.len()),
            (Form::Repeated, length / 3, length / 2),
            (Form::Between(b"{\"a\":["), length / 2, length / 2),
        ];
        let middle = line + longest.len() / 2;
        let filled = FILLINGS.iter().map(|f| (Form::Filled(f), middle, middle));
        for (form, from, to) in forms.into_iter().chain(filled) {
            let data = blown_up(seed, form, from, to);
            read_in_time(&case, &data, &(form, from, to));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_form_takes_longer_than_its_length_asks_for(
        case in any::<prop::sample::Index>(),
        filling in prop::sample::select(FILLINGS.as_slice()),
        how in 0..8u8,
        from in any::<prop::sample::Index>(),
        length in prop_oneof![0..64usize, 0..4096usize],
    ) {
        let cases = cases();
        let case = case.get(&cases);
        let form = match how {
            0..=2 => Form::Repeated,
            3 | 4 => Form::Filled(filling),
            5 | 6 => Form::Between(filling),
            _ => Form::Largest,
        };
        let from = from.index(case.seed.len() + 1);
        read_in_time(case, &blown_up(&case.seed, form, from, from + length), &(form, from, length));
    }
}
