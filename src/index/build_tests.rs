use super::*;
use crate::analyze::{Facts, KeptFile, Unread};
use crate::layer::{Entry, Interest};
use std::io::Write;

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *data).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

/// Keeps the first bytes of every file.
#[derive(Default)]
struct Keep(u32, Vec<u8>);

impl Analyzer for Keep {
    fn id(&self) -> (&'static str, u32) {
        ("keep", 1)
    }
    fn begin(&mut self, number: u32, _: &Entry) -> Interest {
        *self = Self(number, Vec::new());
        Interest::Head(3)
    }
    fn chunk(&mut self, bytes: &[u8]) {
        assert_ne!(bytes, b"pan", "told to");
        self.1.extend(bytes);
    }
    fn end(&mut self, facts: &mut Facts) {
        facts.kept.push(KeptFile { entry: self.0, bytes: self.1.clone(), truncated: false });
    }
}

fn run(stored: &[u8], expected: &Expected) -> Result<Built, LayerError> {
    let settings = BuildSettings::default();
    build("l1", &mut &stored[..], expected, vec![Box::<Keep>::default()], &settings, &|_| {})
}

#[test]
fn one_pass_gives_identity_entries_and_facts() {
    let tar = tar(&[("a", b"hello"), ("b", b""), ("a", b"again")]);
    let stored = gzip(&tar);
    let expected =
        Expected { digest: Some(Digest::sha256(&stored)), size: Some(stored.len() as u64) };
    let built = run(&stored, &expected).unwrap();
    assert_eq!(built.digest, Digest::sha256(&stored));
    assert_eq!(built.compressed, stored.len() as u64);
    assert_eq!(built.index.diff_id, DiffId(Digest::sha256(&tar)));
    assert_eq!((built.index.tar_bytes, built.index.content_bytes), (tar.len() as u64, 10));
    let hash = |b: &[u8]| Some(crate::layer::ContentHash(*blake3::hash(b).as_bytes()));
    let content: Vec<_> = built.index.entries.iter().map(|e| e.content()).collect();
    assert_eq!(content, [hash(b"hello"), hash(b""), hash(b"again")]);
    let kept: Vec<_> =
        built.index.facts.kept.iter().map(|k| (k.entry, k.bytes.as_slice())).collect();
    assert_eq!(kept, [(0, &b"hel"[..]), (1, b""), (2, b"aga")]);
    assert_eq!(built.index.oddities, [Oddity::DuplicateEntry { entry: 2 }]);
}

/// Podman, and Docker's own store, refuse a name that stands twice as it is written, a folder's too.
#[test]
fn a_name_is_the_same_as_it_is_written_without_dots() {
    let twice = |names: &[&str]| {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(1);
            header.set_cksum();
            builder.append(&header, &b"x"[..]).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        run(&tar, &Expected::default()).unwrap().index.oddities
    };
    for names in [&["a", "a"][..], &["./a", "a"], &["/a", "//a"], &["d/a", "d/./a"]] {
        assert_eq!(twice(names), [Oddity::DuplicateEntry { entry: 1 }], "{names:?}");
    }
    for names in [&["/a", "a"][..], &["a", "b"], &["d/a", "a"]] {
        assert_eq!(twice(names), [], "{names:?}");
    }
    assert_eq!(twice(&["/a", "a", "/a"]), [Oddity::DuplicateEntry { entry: 2 }]);
}

#[test]
fn the_diff_id_covers_what_lies_behind_the_tars_end() {
    let dirty = [tar(&[("a", b"x")]), b"hidden".to_vec()].concat();
    let built = run(&dirty, &Expected::default()).unwrap();
    assert_eq!(built.index.diff_id, DiffId(Digest::sha256(&dirty)));
    assert_eq!(built.index.oddities, [Oddity::TrailingData { bytes: 6 }]);
}

#[test]
fn a_wrong_digest_is_the_error_even_where_the_tar_breaks_first() {
    let mut bad = tar(&[("a", b"x")]);
    let expected = Expected { digest: Some(Digest::sha256(&bad)), size: None };
    bad[0] ^= 1;
    let e = run(&bad, &expected).unwrap_err();
    assert!(matches!(e, LayerError::Stream { source: StreamError::Digest { .. }, .. }), "{e}");
    assert!(e.to_string().starts_with("layer l1: expected digest sha256:"), "{e}");
    let e = run(&bad, &Expected::default()).unwrap_err();
    assert!(matches!(e, LayerError::Tar { .. }), "{e}");
}

#[test]
fn a_cut_layer_is_an_error_at_every_byte() {
    let whole = gzip(&tar(&[("a", b"hello"), ("b", b"world")]));
    let expected = Expected { digest: None, size: Some(whole.len() as u64) };
    for cut in 0..whole.len() {
        assert!(run(&whole[..cut], &expected).is_err(), "{cut}");
        assert!(
            cut == 0 || run(&whole[..cut], &Expected::default()).is_err(),
            "{cut} of unknown size"
        );
    }
}

#[test]
fn a_panic_stays_in_its_layer() {
    let e = run(&tar(&[("a", b"panic")]), &Expected::default()).unwrap_err();
    assert!(matches!(e, LayerError::Panic { .. }), "{e}");
}

#[test]
fn an_empty_blob_is_an_empty_layer() {
    let built = run(b"", &Expected::default()).unwrap();
    assert!(built.index.entries.is_empty());
}

/// Says of every file as much as its first byte, in MiB, and names it.
#[derive(Default)]
struct Talk(u32, usize);

impl Analyzer for Talk {
    fn id(&self) -> (&'static str, u32) {
        ("talk", 1)
    }
    fn begin(&mut self, number: u32, _: &Entry) -> Interest {
        *self = Self(number, 0);
        Interest::Head(1)
    }
    fn chunk(&mut self, bytes: &[u8]) {
        self.1 = bytes[0].into();
    }
    fn end(&mut self, facts: &mut Facts) {
        facts.kept.push(KeptFile { entry: self.0, bytes: vec![0; self.1 << 20], truncated: false });
        let analyzer = "talk".to_owned();
        facts.unread.push(Unread {
            entry: self.0,
            analyzer,
            why: "as it is".to_owned(),
            within: true,
        });
    }
}

fn told(files: &[(&str, &[u8])]) -> Facts {
    let settings = BuildSettings::default();
    let talk: Vec<Box<dyn Analyzer>> = vec![Box::<Talk>::default()];
    let tar = tar(files);
    build("l1", &mut &tar[..], &Expected::default(), talk, &settings, &|_| {}).unwrap().index.facts
}

#[test]
fn a_layer_that_says_too_much_is_bounded_and_the_files_are_named() {
    let facts = told(&[("a", &[60]), ("b", &[60]), ("c", &[1])]);
    let kept: Vec<u32> = facts.kept.iter().map(|k| k.entry).collect();
    assert_eq!(kept, [0, 2], "there is room for a small one behind it");
    let said: Vec<&Unread> = facts.unread.iter().filter(|u| !u.within).collect();
    assert_eq!((said.len(), said[0].entry, said[0].analyzer.as_str()), (1, 1, "talk"));
    let names: Vec<String> = (0..10_100).map(|n| n.to_string()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &[0u8][..])).collect();
    let facts = told(&files);
    assert_eq!((facts.kept.len(), facts.unread.len()), (10_100, 10_001));
    assert!(facts.unread[10_000].why.contains("more files"));
}

#[test]
fn holes_that_are_passed_over_are_named_and_count_for_the_content() {
    let sparse = |name: &str, size: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let map =
            [("GNU.sparse.size", size), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,2")];
        builder.append_pax_extensions(map.iter().map(|(k, v)| (*k, v.as_bytes()))).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &b"ab"[..]).unwrap();
        builder.into_inner().unwrap()
    };
    let content = |size: &str| {
        let built = run(&sparse("s", size), &Expected::default()).unwrap().index;
        let entry = built.entries.get(0).unwrap();
        assert_eq!(entry.size.to_string(), size);
        (entry.content(), built.facts.unread)
    };
    let (small, none) = content("1000");
    let (large, named) = content("900000000000");
    assert!(none.is_empty() && small != large && large == content("900000000000").0);
    assert_ne!(large, content("900000000001").0);
    assert!(named[0].within && named[0].why.contains("bytes of its holes"), "{named:?}");
}

/// Takes its time with every chunk.
struct Slow;

impl Analyzer for Slow {
    fn id(&self) -> (&'static str, u32) {
        ("slow", 1)
    }

    fn begin(&mut self, _: u32, _: &Entry) -> Interest {
        Interest::All
    }

    fn chunk(&mut self, _: &[u8]) {
        std::thread::sleep(std::time::Duration::from_secs(30));
    }

    fn end(&mut self, _: &mut Facts) {}
}

#[test]
fn a_stop_is_heeded_within_a_file() {
    let blob = tar(&[("x", &vec![7; 4 << 20])]);
    let settings = BuildSettings::default();
    let stop = settings.stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        stop.set();
    });
    let start = std::time::Instant::now();
    let built = build(
        "x",
        &mut blob.as_slice(),
        &Expected::default(),
        vec![Box::new(Slow)],
        &settings,
        &|_| {},
    );
    assert!(matches!(built, Err(LayerError::Stopped { .. })), "{built:?}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// Leaves a fact of a thousand bytes of every file.
struct Wordy(u32);

impl Analyzer for Wordy {
    fn id(&self) -> (&'static str, u32) {
        ("wordy", 1)
    }

    fn begin(&mut self, entry: u32, _: &Entry) -> Interest {
        self.0 = entry;
        Interest::All
    }

    fn chunk(&mut self, _: &[u8]) {}

    fn end(&mut self, facts: &mut Facts) {
        facts.kept.push(KeptFile { entry: self.0, bytes: vec![0; 1000], truncated: false });
    }
}

#[test]
fn layers_of_one_image_share_what_their_facts_may_take() {
    let settings = BuildSettings { facts: FactsBudget::of(5000), ..BuildSettings::default() };
    let layer = |names: &[&str]| {
        let files: Vec<(&str, &[u8])> = names.iter().map(|n| (*n, &b"x"[..])).collect();
        let (blob, expected) = (tar(&files), Expected::default());
        let analyzers: Vec<Box<dyn Analyzer>> = vec![Box::new(Wordy(0))];
        build("x", &mut blob.as_slice(), &expected, analyzers, &settings, &|_| {}).unwrap()
    };
    let (first, second) = (layer(&["a", "b"]), layer(&["c", "d", "e"]));
    assert!(!first.is_cut && first.index.facts.unread.is_empty());
    assert_eq!((first.index.facts.kept.len(), second.index.facts.kept.len()), (2, 2));
    // Named, and not to be kept as all that is in it.
    let unread = &second.index.facts.unread;
    assert!(second.is_cut && unread.len() == 1 && unread[0].why.contains("image"), "{unread:?}");
}
