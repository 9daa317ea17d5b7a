//! Properties of the layer path: any tar of a well-known writer walks to the list it was made from,
//! however its bytes arrive; a broken one is an error or something, never a panic.

use careen::index::build::{BuildSettings, Built, Expected, LayerError, build};
use careen::index::{LayerIndex, Oddity};
use careen::layer::{ContentHash, EntryKind, LayerPath};
use careen::oci::Digest;
use proptest::prelude::*;
use std::io::{self, Read, Write};

#[derive(Clone, Debug)]
enum Thing {
    File(Vec<u8>),
    Directory,
    Symlink(String),
    HardLink(String),
}

fn name() -> impl Strategy<Value = String> {
    let part =
        prop_oneof!["[a-z]{1,8}", "[a-zäöü. -]{1,20}x", "[a-z]{90,130}", "\\.wh\\.[a-z]{1,4}"];
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Thing::File),
        1 => Just(Thing::Directory),
        1 => name().prop_map(Thing::Symlink),
        1 => name().prop_map(Thing::HardLink),
    ]
}

/// Each entry with a name and, for some, PAX records in front of it.
fn things() -> impl Strategy<Value = Vec<(String, Thing, bool)>> {
    proptest::collection::vec((name(), thing(), any::<bool>()), 0..12)
}

fn tar_of(things: &[(String, Thing, bool)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, thing, pax) in things {
        if *pax {
            tar.append_pax_extensions([("comment", &b"x"[..])]).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o640);
        header.set_mtime(7);
        let (kind, bytes) = match thing {
            Thing::File(bytes) => (tar::EntryType::Regular, &bytes[..]),
            Thing::Directory => (tar::EntryType::Directory, &[][..]),
            Thing::Symlink(_) => (tar::EntryType::Symlink, &[][..]),
            Thing::HardLink(_) => (tar::EntryType::Link, &[][..]),
        };
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        match thing {
            Thing::Symlink(to) | Thing::HardLink(to) => {
                tar.append_link(&mut header, name, to).unwrap();
            }
            _ => tar.append_data(&mut header, name, bytes).unwrap(),
        }
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

fn index(blob: &mut dyn Read, expected: Expected) -> Result<Built, LayerError> {
    build("t", blob, &expected, Vec::new(), &BuildSettings::default(), &|_| {})
}

fn plainly(stored: &[u8]) -> Result<LayerIndex, LayerError> {
    index(&mut &stored[..], Expected::default()).map(|b| b.index)
}

/// Gives as many bytes as the next number says, and is interrupted where it is 0.
struct Chunks<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1);
        if size == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = size.min(buf.len()).min(self.bytes.len());
        buf[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_tar_walks_to_what_it_was_made_from(things in things()) {
        let tar = tar_of(&things);
        let index = plainly(&gzip(&tar)).unwrap();
        prop_assert_eq!(index.diff_id.0, Digest::sha256(&tar));
        prop_assert_eq!(index.tar_bytes, tar.len() as u64);
        prop_assert_eq!(index.entries.len(), things.len());
        let mut content = 0;
        for (entry, (name, thing, _)) in index.entries.iter().zip(&things) {
            prop_assert_eq!(&entry.path(), &LayerPath::from(name.as_str()));
            prop_assert_eq!((entry.mode, entry.mtime), (0o640, 7));
            let (kind, size, link, hash) = match thing {
                Thing::File(b) => {
                    let hash = ContentHash(*blake3::hash(b).as_bytes());
                    (EntryKind::File, b.len() as u64, None, Some(hash))
                }
                Thing::Directory => (EntryKind::Directory, 0, None, None),
                Thing::Symlink(to) => (EntryKind::Symlink, 0, Some(to), None),
                Thing::HardLink(to) => (EntryKind::HardLink, 0, Some(to), None),
            };
            content += size;
            prop_assert_eq!((entry.kind, entry.size, entry.content()), (kind, size, hash));
            prop_assert_eq!(entry.link(), link.map(|to| to.as_bytes()));
        }
        prop_assert_eq!(index.content_bytes, content);
    }

    #[test]
    fn how_the_bytes_arrive_and_are_stored_changes_nothing(
        things in things(),
        sizes in proptest::collection::vec(0usize..2000, 1..20),
    ) {
        let sizes: Vec<usize> = sizes.into_iter().chain([1]).collect();
        let tar = tar_of(&things);
        let want = plainly(&tar).unwrap();
        for stored in [tar.clone(), gzip(&tar), zstd::encode_all(&tar[..], 1).unwrap()] {
            let expected = Expected {
                digest: Some(Digest::sha256(&stored)),
                size: Some(stored.len() as u64),
            };
            let mut chunks = Chunks { bytes: &stored, sizes: sizes.iter().cycle() };
            let built = index(&mut chunks, expected).unwrap();
            prop_assert_eq!(&built.index, &want);
            prop_assert_eq!(built.compressed, stored.len() as u64);
            prop_assert_eq!(Some(built.digest), expected.digest);
        }
    }

    #[test]
    fn flipped_bytes_never_panic_and_never_pass_for_the_right_ones(
        things in things(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..8),
    ) {
        let tar = tar_of(&things);
        for stored in [tar.clone(), gzip(&tar), zstd::encode_all(&tar[..], 1).unwrap()] {
            let expected = Expected { digest: Some(Digest::sha256(&stored)), size: None };
            let mut bad = stored.clone();
            for (at, by) in &flips {
                bad[at.index(stored.len())] ^= by;
            }
            if bad == stored {
                continue;
            }
            let result = index(&mut &bad[..], expected);
            prop_assert!(!matches!(result, Ok(_) | Err(LayerError::Panic { .. })), "{:?}", result);
            let unverified = plainly(&bad);
            prop_assert!(!matches!(unverified, Err(LayerError::Panic { .. })), "{:?}", unverified);
        }
    }
}

#[test]
fn a_layer_cut_at_any_byte_is_an_error() {
    let things = [
        ("a".to_owned(), Thing::File(b"some content".repeat(40)), true),
        ("d".to_owned(), Thing::Directory, false),
        ("n".repeat(200), Thing::Symlink("a".into()), false),
    ];
    let tar = tar_of(&things);
    for stored in [tar.clone(), gzip(&tar), zstd::encode_all(&tar[..], 1).unwrap()] {
        let expected =
            Expected { digest: Some(Digest::sha256(&stored)), size: Some(stored.len() as u64) };
        for cut in 0..stored.len() {
            let result = index(&mut &stored[..cut], expected);
            assert!(
                matches!(result, Err(LayerError::Stream { .. } | LayerError::Tar { .. })),
                "{cut}"
            );
            // Without a digest a compressed stream still knows its own end.
            if cut > 3 && stored != tar {
                assert!(plainly(&stored[..cut]).is_err(), "{cut}");
            }
        }
    }
}

#[test]
fn a_hundred_thousand_entries_and_names_of_100_kb_are_walked() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    for n in 0..100_000 {
        tar.append_data(&mut header, format!("{n}"), &[][..]).unwrap();
    }
    let long = "x/".repeat(50_000) + "y";
    tar.append_data(&mut header, &long, &[][..]).unwrap();
    let index = plainly(&gzip(&tar.into_inner().unwrap())).unwrap();
    assert_eq!(index.entries.len(), 100_001);
    // No runtime makes such a file: it is called by a short name that tells how long the true one is.
    let path = index.entries.path(100_000);
    let path = path.as_bytes();
    assert!(path.starts_with(b"x/x/") && path.len() < 4096, "{}", path.len());
    assert!(String::from_utf8_lossy(path).contains("100001-byte"));
    let told = |o: &Oddity| matches!(o, Oddity::TooLongPath { entry: 100_000 });
    assert!(index.oddities.iter().any(told), "{:?}", index.oddities);
}
