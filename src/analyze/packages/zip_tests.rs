use super::*;
use proptest::prelude::*;
use std::io::Write;

/// How a member is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analyze::packages) enum How {
    Stored,
    Deflated,
    /// Deflated, its sizes behind it.
    Described,
}

/// A member as it stands in an archive, its local header before it.
pub(in crate::analyze::packages) fn member(name: &str, data: &[u8], how: How) -> Vec<u8> {
    let packed = match how {
        How::Stored => data.to_vec(),
        _ => {
            let mut out = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
            out.write_all(data).unwrap();
            out.finish().unwrap()
        }
    };
    let mut sizes = vec![0; 4];
    sizes.extend((packed.len() as u32).to_le_bytes());
    sizes.extend((data.len() as u32).to_le_bytes());
    let mut out = LOCAL.to_vec();
    out.extend([20, 0]);
    out.extend(if how == How::Described { [8, 0] } else { [0, 0] });
    out.extend(if how == How::Stored { [0, 0] } else { [8, 0] });
    out.extend([0; 4]);
    out.extend(if how == How::Described { &[0; 12][..] } else { &sizes });
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    out.extend(name.as_bytes());
    out.extend(packed);
    if how == How::Described {
        out.extend(b"PK\x07\x08");
        out.extend(sizes);
    }
    out
}

/// Members and the beginning of a directory.
pub(in crate::analyze::packages) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [&members.concat()[..], b"PK\x01\x02", &[0; 60]].concat()
}

fn choose(name: &[u8]) -> Want {
    match name {
        n if n.ends_with(b".txt") => Want::Bytes,
        n if n.ends_with(b".zip") => Want::Members,
        _ => Want::Nothing,
    }
}

fn walk(bytes: &[u8], step: usize) -> Walk {
    let mut walk = Walk::new(choose, 1000, 10 << 20);
    bytes.chunks(step).for_each(|c| walk.feed(c));
    walk.end();
    walk
}

fn seen(walk: &Walk) -> Vec<(String, String)> {
    let of = |a: &Archive| {
        let inside = a.inside.clone();
        a.kept
            .iter()
            .map(move |k| {
                (format!("{inside}:{}", k.name), String::from_utf8_lossy(&k.bytes).into_owned())
            })
            .collect::<Vec<_>>()
    };
    walk.archives.iter().flat_map(of).collect()
}

#[test]
fn members_of_archives_within_archives_in_chunks_of_any_size() {
    let junk = b"abcdefg ".repeat(5000);
    let deep =
        archive(&[member("c.txt", b"c", How::Described), member("x", &junk, How::Described)]);
    let middle = archive(&[
        member("x", &junk, How::Deflated),
        member("deep.zip", &deep, How::Deflated),
        member("b.txt", b"b", How::Stored),
    ]);
    for how in [How::Stored, How::Deflated, How::Described] {
        let whole = archive(&[
            member("dir/", b"", How::Described),
            member("x", &junk, how),
            member("a.txt", b"a", how),
            member("in/middle.zip", &middle, how),
            member("z.txt", b"z", how),
        ]);
        // A start script may stand before it.
        for before in [&b""[..], b"#!/bin/sh\nPK\x03exec java -jar \"$0\"\n"] {
            let whole = [before, &whole].concat();
            for step in [1, 3, 1000, 1 << 20] {
                let walk = walk(&whole, step);
                assert_eq!(walk.gaps, [], "{how:?} {step}");
                let rows = seen(&walk);
                let rows: Vec<_> = rows.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
                assert_eq!(
                    rows,
                    [
                        (":a.txt", "a"),
                        (":z.txt", "z"),
                        ("in/middle.zip:b.txt", "b"),
                        ("in/middle.zip!/deep.zip:c.txt", "c"),
                    ],
                    "{how:?} {step}"
                );
                assert!(walk.archives[1].packed > 0);
            }
        }
    }
}

#[test]
fn what_is_not_looked_at_is_told() {
    let mut nested = archive(&[member("a.txt", b"a", How::Stored)]);
    for _ in 0..6 {
        nested = archive(&[member("n.zip", &nested, How::Deflated)]);
    }
    let mut encrypted = member("a.txt", b"a", How::Stored);
    encrypted[6] = 1;
    let mut method = member("a.txt", b"a", How::Stored);
    method[8] = 99;
    let mut sizeless = member("a.txt", b"a", How::Stored);
    sizeless[6] = 8;
    sizeless[18..22].fill(0);
    let mut broken = member("a.txt", &[b'a'; 500], How::Deflated);
    let at = broken.len() - 5;
    broken[at - 2..].fill(0xff);
    let good = member("b.txt", b"b", How::Stored);
    for (bytes, why) in [
        (archive(&[nested]), "too many archives within one another"),
        (archive(&[encrypted, good.clone()]), "it is encrypted"),
        (archive(&[method, good.clone()]), "packed by a method that is not known"),
        (archive(&[sizeless, good.clone()]), "its size is not stated"),
        (
            archive(&[member("x.zip", b"no archive", How::Stored), good.clone()]),
            "no archive, though its name says so",
        ),
        (member("a.txt", b"abcdef", How::Stored)[..38].to_vec(), "it is cut"),
    ] {
        let walk = walk(&bytes, 7);
        assert_eq!(walk.gaps.iter().map(|(_, w)| *w).collect::<Vec<_>>(), [why]);
        let rest = seen(&walk).iter().any(|(n, _)| n == ":b.txt");
        assert!(rest || !why.contains("ed by") && !why.contains("size"), "{why}");
    }
    let whole = archive(&[broken, good]);
    assert!(seen(&walk(&whole, 9)).iter().any(|(n, _)| n == ":b.txt"));
}

#[test]
fn bombs_end_with_the_budget() {
    let bomb = member("x", &vec![0; 30 << 20], How::Described);
    let walk = walk(&archive(&[bomb]), 1000);
    assert_eq!(walk.gaps[0].1, "it unpacks to more bytes than are looked at");
    let names: Vec<Vec<u8>> =
        (0..40_000).map(|i| member(&format!("{i}.txt"), &[b'x'; 1000], How::Stored)).collect();
    let walk = super::tests::walk(&archive(&names), 1 << 20);
    assert_eq!(walk.gaps[0].1, "more of its members are wanted than are kept");
}

proptest! {
    #[test]
    fn no_archive_panics_or_hangs(
        at in 0usize..400, byte: u8, cut in 0usize..500, step in 1usize..90, junk: Vec<u8>,
    ) {
        let deep = archive(&[member("c.txt", b"cccc", How::Described)]);
        let mut bytes = archive(&[
            member("a.txt", b"aaaa", How::Deflated),
            member("m.zip", &deep, How::Deflated),
            member("b.txt", &junk, How::Stored),
        ]);
        if let Some(b) = bytes.get_mut(at) { *b = byte; }
        bytes.truncate(cut);
        walk(&bytes, step);
        walk(&[LOCAL, &junk].concat(), step);
    }
}
