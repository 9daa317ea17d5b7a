use super::super::header_fields::begins_tar;
use super::super::sample::{Tar, header};
use super::*;

fn all(tar: &[u8]) -> io::Result<Vec<(String, Kind, Vec<u8>)>> {
    let mut headers = Headers::new(Forward(tar));
    let mut out = Vec::new();
    while let Some(h) = headers.next_member()? {
        assert!(h.kind != Kind::File || h.offset.is_multiple_of(512));
        let mut body = Vec::new();
        headers.body().read_to_end(&mut body)?;
        out.push((String::from_utf8_lossy(&h.name).into_owned(), h.kind, body));
    }
    Ok(out)
}

fn names(tar: &[u8]) -> Vec<String> {
    all(tar).unwrap().into_iter().map(|m| m.0).collect()
}

#[test]
fn reads_members_in_order_with_or_without_end_blocks() {
    let mut tar = Tar::new().file("a", b"one").file("b/c", &[7; 513]);
    let expected = vec![
        ("a".to_owned(), Kind::File, b"one".to_vec()),
        ("b/c".to_owned(), Kind::File, vec![7; 513]),
    ];
    assert_eq!(all(&tar.bytes).unwrap(), expected);
    tar = tar.end();
    assert_eq!(all(&tar.bytes).unwrap(), expected);
}

#[test]
fn a_link_has_no_content_whatever_its_size_says() {
    let mut tar = Tar::new();
    tar.bytes.extend(header("l", b'2', 512, "a"));
    let tar = tar.file("a", b"x").end();
    assert_eq!(names(&tar.bytes), ["l", "a"]);
}

#[test]
fn the_last_long_name_wins_and_beats_pax() {
    let tar = Tar::new()
        .raw("././@LongLink", b'L', b"first\0")
        .raw("././@LongLink", b'L', b"second\0")
        .raw("pax", b'x', b"13 path=third\n14 path=fourth\n")
        .file("short", b"")
        .raw("pax", b'x', b"14 path=fourth\n13 path=fifth\n")
        .file("short", b"")
        .file("short", b"")
        .end();
    // 14 bytes: `13 path=third` is one short of its record.
    assert!(all(&tar.bytes).is_err());
    let tar = Tar::new()
        .raw("././@LongLink", b'L', b"first\0")
        .raw("././@LongLink", b'L', b"second\0")
        .raw("pax", b'x', b"14 path=third\n")
        .file("short", b"")
        .raw("pax", b'x', b"15 path=fourth\n14 path=fifth\n")
        .file("short", b"")
        .file("short", b"")
        .end();
    assert_eq!(names(&tar.bytes), ["second", "fifth", "short"]);
}

#[test]
fn a_pax_size_counts_and_a_pax_sparse_file_is_no_plain_file() {
    let mut tar = Tar::new().raw("pax", b'x', b"9 size=3\n");
    tar.bytes.extend(header("a", b'0', 0, ""));
    tar.bytes.extend(b"abc");
    tar.bytes.extend([0; 509]);
    let tar = tar.raw("pax", b'x', b"22 GNU.sparse.major=1\n").file("s", b"x").end();
    let found = all(&tar.bytes).unwrap();
    assert_eq!(found[0].2, b"abc");
    assert_eq!(found[1].1, Kind::Other);
}

#[test]
fn hostile_numbers_and_extensions_are_errors() {
    for size in [[0xff; 12], *b"-0000000001\0", [0x80, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]] {
        let mut block = header("a", b'0', 0, "");
        block[124..136].copy_from_slice(&size);
        super::super::sample::sum(&mut block);
        assert!(all(&block).is_err(), "{size:?}");
    }
    let long = header("././@LongLink", b'L', 64 << 20, "");
    assert!(all(&long).unwrap_err().to_string().contains("1 MiB"));
    let mut gap = Tar::new().file("a", b"").bytes;
    gap.extend([0; 512]);
    gap.extend(Tar::new().file("b", b"").bytes);
    assert!(all(&gap).is_err());
}

#[test]
fn a_cut_member_is_an_error_and_an_empty_size_is_zero() {
    let tar = Tar::new().file("a", &[1; 600]).bytes;
    for cut in [100, 512 + 10, 512 + 700] {
        let e = all(&tar[..cut]).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
    }
    let mut block = header("a", b'0', 0, "");
    block[124..136].fill(0);
    super::super::sample::sum(&mut block);
    assert_eq!(names(&block), ["a"]);
}

#[test]
fn a_tar_is_known_by_its_first_header() {
    assert!(begins_tar(&Tar::new().file("a", b"").bytes));
    assert!(!begins_tar(&[0; 512]));
    assert!(!begins_tar(b"{\"a\":1}"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn what_another_writer_wrote_is_read_back(
        members in proptest::collection::vec(("([a-z]{1,60}/){0,6}[a-z]{1,60}", 0..2000_usize), 0..6),
    ) {
        let mut tar = tar::Builder::new(Vec::new());
        let mut expected = Vec::new();
        for (i, (name, size)) in members.into_iter().enumerate() {
            let content = vec![i as u8; size];
            let mut header = tar::Header::new_gnu();
            header.set_size(size as u64);
            tar.append_data(&mut header, &name, content.as_slice()).unwrap();
            expected.push((name, Kind::File, content));
        }
        proptest::prop_assert_eq!(all(&tar.into_inner().unwrap()).unwrap(), expected);
    }
}
