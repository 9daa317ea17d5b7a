//! One test a choice: what Go's reader yields, and so what a runtime unpacks.

use super::*;

/// A tar from raw headers.
#[derive(Default)]
struct Raw(Vec<u8>);

impl Raw {
    fn header(typeflag: u8, name: &str, size: u64, change: impl FnOnce(&mut Block)) -> Block {
        let mut b = [0; BLOCK];
        b[..name.len()].copy_from_slice(name.as_bytes());
        b[100..107].copy_from_slice(b"0000644");
        b[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        b[156] = typeflag;
        b[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut b);
        b[148..156].fill(b' ');
        let sum: u32 = b.iter().map(|&x| u32::from(x)).sum();
        b[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        b
    }

    fn with(
        mut self,
        typeflag: u8,
        name: &str,
        data: &[u8],
        change: impl FnOnce(&mut Block),
    ) -> Self {
        self.0.extend(Self::header(typeflag, name, data.len() as u64, change));
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    fn add(self, typeflag: u8, name: &str, data: &[u8]) -> Self {
        self.with(typeflag, name, data, |_| {})
    }

    /// A header that claims `size` bytes of data and has none.
    fn bare(mut self, typeflag: u8, name: &str, size: u64) -> Self {
        self.0.extend(Self::header(typeflag, name, size, |_| {}));
        self
    }

    fn pax(self, records: &[(&str, &str)]) -> Self {
        let data: String = records
            .iter()
            .map(|(k, v)| {
                let body = k.len() + v.len() + 3;
                let mut length = body + 1;
                while length != body + length.to_string().len() {
                    length = body + length.to_string().len();
                }
                format!("{length} {k}={v}\n")
            })
            .collect();
        self.add(b'x', "pax", data.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK]);
        self.0
    }
}

#[derive(Default)]
struct Seen {
    entries: Vec<(Entry, Vec<u8>)>,
    ends: usize,
}

impl Visitor for Seen {
    fn begin(&mut self, entry: &Entry) -> Interest {
        self.entries.push((entry.clone(), Vec::new()));
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.entries.last_mut().unwrap().1.extend(bytes);
    }

    fn end(&mut self) {
        self.ends += 1;
    }
}

fn try_walk(tar: &[u8]) -> Result<(Seen, WalkSummary), WalkError> {
    let mut seen = Seen::default();
    // Three bytes at a time: nothing may depend on where a buffer ends.
    let mut reader = std::io::BufReader::with_capacity(3, tar);
    let summary = walk(&mut reader, &WalkLimits::default(), &mut seen)?;
    assert_eq!(seen.ends, seen.entries.len());
    Ok((seen, summary))
}

/// `NAME:KIND:CONTENT` of each entry.
fn listing(tar: &[u8]) -> Vec<String> {
    let (seen, _) = try_walk(tar).unwrap();
    let line = |(e, data): &(Entry, Vec<u8>)| {
        assert_eq!(e.size, data.len() as u64);
        let name = String::from_utf8_lossy(e.path.as_bytes()).into_owned();
        format!("{name}:{:?}:{}", e.kind, String::from_utf8_lossy(data).replace('\0', "."))
    };
    seen.entries.iter().map(line).collect()
}

fn why(tar: &[u8]) -> String {
    try_walk(tar).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_link_with_a_size_is_followed_directly_by_the_next_header() {
    for typeflag in b'1'..=b'6' {
        let tar = Raw::default().bare(typeflag, "link", 512).add(b'0', "hidden", b"secret").end();
        assert_eq!(listing(&tar)[1], "hidden:File:secret", "type {}", typeflag as char);
    }
}

#[test]
fn an_old_nul_type_is_a_file_or_with_a_slash_a_directory_without_data() {
    let tar = Raw::default().add(0, "file", b"x").bare(0, "dir/", 0).add(b'0', "next", b"y").end();
    assert_eq!(listing(&tar), ["file:File:x", "dir:Directory:", "next:File:y"]);
    // The slash is looked at after the long name is known, and the data goes with the directory.
    let tar =
        Raw::default().add(b'L', "", b"long/\0").bare(0, "short", 512).add(b'0', "n", b"").end();
    assert_eq!(listing(&tar), ["long:Directory:", "n:File:"]);
}

#[test]
fn the_last_of_several_long_names_wins() {
    let tar =
        Raw::default().add(b'L', "", b"one\0").add(b'L', "", b"two\0").add(b'0', "x", b"").end();
    assert_eq!(listing(&tar), ["two:File:"]);
    let tar =
        Raw::default().pax(&[("path", "one")]).pax(&[("path", "two")]).add(b'0', "x", b"").end();
    assert_eq!(listing(&tar), ["two:File:"]);
    // The second PAX header replaces the first as a whole.
    let tar = Raw::default().pax(&[("path", "one")]).pax(&[("uid", "7")]).add(b'0', "x", b"").end();
    assert_eq!(listing(&tar), ["x:File:"]);
}

#[test]
fn a_gnu_long_name_beats_a_pax_path() {
    for long_first in [true, false] {
        let mut raw = Raw::default();
        raw = if long_first { raw.add(b'L', "", b"gnu\0").pax(&[("path", "pax")]) } else { raw };
        raw = if long_first { raw } else { raw.pax(&[("path", "pax")]).add(b'L', "", b"gnu\0") };
        assert_eq!(listing(&raw.add(b'0', "x", b"").end()), ["gnu:File:"]);
    }
}

#[test]
fn an_empty_pax_value_keeps_the_header_and_long_links_apply() {
    let tar =
        Raw::default().pax(&[("path", "")]).add(b'K', "", b"far/away\0").bare(b'2', "l", 0).end();
    let (seen, _) = try_walk(&tar).unwrap();
    assert_eq!(seen.entries[0].0.path, LayerPath::from("l"));
    assert_eq!(seen.entries[0].0.link.as_deref(), Some(&b"far/away"[..]));
}

#[test]
fn a_pax_size_overrides_and_other_fields_arrive() {
    let mut raw = Raw::default().pax(&[
        ("size", "5"),
        ("uid", "4000000000"),
        ("mtime", "1700000000.25"),
        ("SCHILY.xattr.security.capability", "caps"),
    ]);
    raw.0.extend(Raw::header(b'0', "f", 0, |_| {}));
    raw.0.extend(b"hello");
    raw.0.resize(raw.0.len().next_multiple_of(BLOCK), 0);
    let (seen, _) = try_walk(&raw.end()).unwrap();
    let (entry, data) = &seen.entries[0];
    assert_eq!(
        (data.as_slice(), entry.uid, entry.mtime),
        (&b"hello"[..], 4_000_000_000, 1_700_000_000)
    );
    assert_eq!(entry.capability.as_deref(), Some(&b"caps"[..]));
}

/// `chown` leaves what is there where it is given -1, and that is root, who unpacks; of a larger number it takes 32
/// bits. So buildah and umoci unpack them.
#[test]
fn owners_are_those_that_an_unpacker_sets() {
    let owned = |number: i64| {
        let tar = Raw::default().with(b'0', "f", b"", |b| {
            let bytes = number.to_be_bytes();
            b[108..116].copy_from_slice(&bytes);
            b[116..124].copy_from_slice(&bytes);
            if number >= 0 {
                (b[108], b[116]) = (0x80, 0x80);
            }
        });
        let (seen, _) = try_walk(&tar.end()).unwrap();
        let entry = &seen.entries[0].0;
        assert_eq!(entry.uid, entry.gid);
        entry.uid
    };
    for (written, set) in [
        (-1, 0),
        (0xffff_ffff, 0),
        (-2, 0xffff_fffe),
        (0x1_0000_0005, 5),
        (65_534, 65_534),
        (0x00ff_ffff_ffff_ffff, 0),
    ] {
        assert_eq!(owned(written), set, "{written}");
    }
    let pax = Raw::default().pax(&[("uid", "-1"), ("gid", "-2")]).add(b'0', "f", b"").end();
    let (seen, _) = try_walk(&pax).unwrap();
    assert_eq!((seen.entries[0].0.uid, seen.entries[0].0.gid), (0, 0xffff_fffe));
}

#[test]
fn a_global_header_is_ignored_and_ends_what_was_pending() {
    let tar = Raw::default()
        .pax(&[("path", "lost")])
        .add(b'g', "", b"14 path=evil1\n")
        .add(b'0', "kept", b"")
        .end();
    assert_eq!(listing(&tar), ["kept:File:"]);
}

#[test]
fn a_prefix_is_read_by_the_headers_layout() {
    let prefixed = |b: &mut Block| b[345..348].copy_from_slice(b"dir");
    let tar = Raw::default().with(b'0', "f", b"", prefixed).end();
    assert_eq!(listing(&tar), ["dir/f:File:"]);
    // GNU has times there: octal ones are times, other ASCII is the prefix that old writers made.
    let gnu = |b: &mut Block| b[257..265].copy_from_slice(b"ustar  \0");
    let tar = Raw::default()
        .with(b'0', "a", b"", |b| {
            gnu(b);
            b[345..356].copy_from_slice(b"14000000000");
        })
        .with(b'0', "b", b"", |b| {
            gnu(b);
            prefixed(b);
        })
        .end();
    assert_eq!(listing(&tar), ["a:File:", "dir/b:File:"]);
    let v7 = Raw::default()
        .with(b'0', "f", b"", |b| {
            b[257..265].fill(0);
            prefixed(b);
        })
        .end();
    assert_eq!(listing(&v7), ["f:File:"]);
}

#[test]
fn sizes_empty_binary_and_negative() {
    let tar = Raw::default().with(b'0', "empty", b"", |b| b[124..136].fill(0)).end();
    assert_eq!(listing(&tar), ["empty:File:"]);
    let tar = Raw::default()
        .with(b'0', "binary", b"abc", |b| {
            b[124..136].fill(0);
            (b[124], b[135]) = (0x80, 3);
        })
        .end();
    assert_eq!(listing(&tar), ["binary:File:abc"]);
    let tar = Raw::default().with(b'0', "negative", b"", |b| b[124..136].fill(0xff)).end();
    assert!(why(&tar).contains("negative size"), "{}", why(&tar));
}

#[test]
fn the_end_is_two_zero_blocks_or_the_streams_own() {
    let body = Raw::default().add(b'0', "f", b"x").0;
    assert_eq!(listing(&body), ["f:File:x"]);
    assert_eq!(listing(&[body.clone(), vec![0; BLOCK]].concat()), ["f:File:x"]);
    let then_more =
        [body.clone(), vec![0; BLOCK], Raw::default().add(b'0', "g", b"").end()].concat();
    assert!(why(&then_more).contains("one block of zeros and then more"));
    // Go takes the end inside the last padding for the end of the tar; inside data it does not.
    for cut in [body.len() - 1, BLOCK + 1] {
        assert_eq!(listing(&body[..cut]), ["f:File:x"], "{cut}");
    }
    assert!(why(&body[..BLOCK]).contains("ends in the middle"));
    assert!(why(&body[..100]).contains("ends in the middle"));
}

#[test]
fn bytes_behind_the_end_are_counted_when_they_are_not_zero() {
    let tar = Raw::default().add(b'0', "f", b"x").end();
    let padded = [tar.clone(), vec![0; 9216]].concat();
    assert_eq!(try_walk(&padded).unwrap().1.trailing, None);
    let dirty = [tar, b"hidden".to_vec()].concat();
    assert_eq!(try_walk(&dirty).unwrap().1.trailing, Some(6));
}

#[test]
fn a_wrong_checksum_or_a_broken_pax_record_is_an_error() {
    let mut tar = Raw::default().add(b'0', "f", b"x").end();
    tar[0] = b'g';
    assert!(why(&tar).contains("at byte 0: the header's checksum"));
    let tar = Raw::default().add(b'x', "", b"999 path=a\n").add(b'0', "f", b"").end();
    assert!(why(&tar).contains("PAX record"));
}

#[test]
fn a_long_name_of_more_than_a_mebibyte_is_refused_unread() {
    let tar = Raw::default().bare(b'L', "", 64 << 20).end();
    assert!(why(&tar).contains("long name of 67108864 bytes"), "{}", why(&tar));
}

#[test]
fn a_name_of_100_kb_and_names_that_climb_are_walked() {
    let long = "d/".repeat(50_000) + "f";
    let tar = Raw::default().add(b'L', "", long.as_bytes()).add(b'0', "x", b"").end();
    let entry = &try_walk(&tar).unwrap().0.entries[0].0;
    assert_eq!(entry.path, LayerPath::from(long.as_str()).stand_in());
    let tar = Raw::default().add(b'0', "../../etc/passwd", b"").add(b'0', "/abs", b"").end();
    assert_eq!(listing(&tar), ["etc/passwd:File:", "abs:File:"]);
    assert_eq!(try_walk(&tar).unwrap().1.escaping, [0]);
}

#[test]
fn sparse_files_show_what_unpacks() {
    let sparse_1_0 = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "s"),
        ("GNU.sparse.realsize", "10"),
    ];
    let mut data = b"2\n2\n3\n8\n2\n".to_vec();
    data.resize(BLOCK, 0);
    data.extend(b"abcde");
    let tar = Raw::default()
        .pax(&sparse_1_0)
        .add(b'0', "GNUSparseFile.0/s", &data)
        .add(b'0', "n", b"y")
        .end();
    assert_eq!(listing(&tar), ["s:File:..abc...de", "n:File:y"]);

    let sparse_0_1 =
        [("GNU.sparse.size", "6"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "1,2")];
    let tar = Raw::default().pax(&sparse_0_1).add(b'0', "s", b"ab").end();
    assert_eq!(listing(&tar), ["s:File:.ab..."]);

    let old = |b: &mut Block| {
        b[257..265].copy_from_slice(b"ustar  \0");
        b[386..397].copy_from_slice(b"00000000002");
        b[398..409].copy_from_slice(b"00000000003");
        b[483..494].copy_from_slice(b"00000000006");
    };
    let tar = Raw::default().with(b'S', "s", b"abc", old).add(b'0', "n", b"y").end();
    assert_eq!(listing(&tar), ["s:File:..abc.", "n:File:y"]);
}

#[test]
fn holes_beyond_the_budget_are_passed_over() {
    #[derive(Default)]
    struct Holes(Vec<u8>, Vec<u64>);
    impl Visitor for Holes {
        fn begin(&mut self, _: &Entry) -> Interest {
            Interest::All
        }
        fn chunk(&mut self, bytes: &[u8]) {
            self.0.extend(bytes);
        }
        fn pass_over(&mut self, zeros: u64) {
            self.1.push(zeros);
        }
        fn end(&mut self) {}
    }
    let sparse = [
        ("GNU.sparse.size", "3000000000001"),
        ("GNU.sparse.numblocks", "3"),
        ("GNU.sparse.map", "100,1,200,1,2000000000000,1"),
    ];
    let tar = Raw::default().pax(&sparse).add(b'0', "s", b"abc").end();
    let limits = WalkLimits { holes: 150, ..WalkLimits::default() };
    let mut seen = Holes::default();
    let summary = walk(&mut &tar[..], &limits, &mut seen).unwrap();
    let zeros = |n: usize| vec![0; n];
    let shown = [&zeros(100)[..], b"a", &zeros(50), b"b", &zeros(16), b"c", &zeros(16)].concat();
    assert!(seen.0 == shown, "{:?}", seen.0);
    assert_eq!(seen.1.iter().sum::<u64>() + seen.0.len() as u64, 3_000_000_000_001);
    assert_eq!(summary.content_bytes, 3_000_000_000_001);
}

#[test]
fn a_sparse_map_that_lies_is_an_error() {
    for map in ["1,9", "3,1,0,1", "-1,2", "1,2,3"] {
        let records =
            [("GNU.sparse.size", "6"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", map)];
        let tar = Raw::default().pax(&records).add(b'0', "s", b"ab").end();
        assert!(why(&tar).contains("sparse map"), "{map}");
    }
    let huge = [
        ("GNU.sparse.size", "9000000000000000000"),
        ("GNU.sparse.numblocks", "1"),
        ("GNU.sparse.map", "0,2"),
    ];
    assert!(why(&Raw::default().pax(&huge).add(b'0', "s", b"ab").end()).contains("holes"));
}

#[test]
fn an_unknown_type_is_shown_and_told() {
    let tar = Raw::default().add(b'Q', "odd", b"secret").end();
    assert_eq!(listing(&tar), ["odd:File:secret"]);
    assert_eq!(try_walk(&tar).unwrap().1.unknown_type, [0]);
}

#[test]
fn an_entry_seen_twice_is_told_twice() {
    let tar = Raw::default().add(b'0', "f", b"old").add(b'0', "f", b"new").end();
    assert_eq!(listing(&tar), ["f:File:old", "f:File:new"]);
}

#[test]
fn a_visitor_gets_what_it_asks_for() {
    struct Head(Vec<u8>, usize);
    impl Visitor for Head {
        fn begin(&mut self, entry: &Entry) -> Interest {
            if entry.path.as_bytes() == b"no" { Interest::Skip } else { Interest::Head(3) }
        }
        fn chunk(&mut self, bytes: &[u8]) {
            self.0.extend(bytes);
        }
        fn end(&mut self) {
            self.1 += 1;
        }
    }
    let tar =
        Raw::default().add(b'0', "a", b"12345").add(b'0', "no", b"x").add(b'0', "b", b"67").end();
    let mut head = Head(Vec::new(), 0);
    walk(&mut &tar[..], &WalkLimits::default(), &mut head).unwrap();
    assert_eq!((head.0.as_slice(), head.1), (&b"12367"[..], 2));
}

#[test]
fn too_many_entries_is_an_error() {
    let tar = Raw::default().add(b'0', "a", b"").add(b'0', "b", b"").end();
    let limits = WalkLimits { entries: 1, ..WalkLimits::default() };
    let e = walk(&mut &tar[..], &limits, &mut Seen::default()).unwrap_err();
    assert_eq!(e.to_string(), "more than 1 entries");
}

#[test]
fn a_path_that_linux_cannot_make_is_told_and_called_by_a_short_one() {
    let deep = format!("q{}/x.key", "/a".repeat(50_000));
    let far = "t/".repeat(3000);
    let tar = Raw::default()
        .add(b'L', "", deep.as_bytes())
        .add(b'0', "", b"key")
        .add(b'K', "", far.as_bytes())
        .add(b'2', "soft", b"")
        .add(b'K', "", far.as_bytes())
        .add(b'1', "hard", b"")
        .add(b'0', &format!("{}/y", "n".repeat(95)), b"short")
        .end();
    let (seen, summary) = try_walk(&tar).unwrap();
    assert_eq!(summary.too_long, [0, 1, 2]);
    let lengths: Vec<usize> = seen.entries.iter().map(|(e, _)| e.path.as_bytes().len()).collect();
    assert!(lengths.iter().all(|&l| l < 300), "{lengths:?}");
    assert!(seen.entries[0].0.path.to_text().ends_with("/x.key"));
    assert_eq!(seen.entries[0].1, b"key");
    let links: Vec<usize> =
        seen.entries[1..3].iter().map(|(e, _)| e.link.as_ref().unwrap().len()).collect();
    assert!(links[0] == 4096 && links[1] < 300, "{links:?}");
}

#[test]
fn a_layer_of_nothing_but_names_ends() {
    let long = |n: usize, part: &str| format!("{n}/{}", part.repeat(4000 / part.len()));
    for (part, words) in [("a/", "folders"), ("long/name/of/some/folder/here/", "entries take")] {
        let mut raw = Raw::default();
        for n in 0..400 {
            // The deep ones differ at the top, the long ones share their folders.
            let name = match words {
                "folders" => long(n, part),
                _ => format!("{}{n}", long(0, part)),
            };
            raw = raw.add(b'L', "", name.as_bytes()).add(b'0', "", b"");
        }
        let why = why(&raw.end());
        assert!(why.contains(words), "{why}");
    }
}
