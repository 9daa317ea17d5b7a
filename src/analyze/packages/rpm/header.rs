//! rpm's package header as its databases store it: two counts, an index of 16-byte entries, and the
//! data they point into (rpm's documentation, "RPM Header Format"). All numbers are big-endian.

use crate::analyze::packages::collect::{Room, text};
use crate::analyze::{OwnedFiles, PackageKind, PackageRecord, Relations};
use crate::layer::LayerPath;

// Tags, from rpm's `rpmtag.h`.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SIZE: u32 = 1009;
const ARCH: u32 = 1022;
const SOURCE_RPM: u32 = 1044;
const PROVIDE_NAME: u32 = 1047;
const REQUIRE_NAME: u32 = 1049;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const LONG_SIZE: u32 = 5009;

/// Directories of one package; the kernel's sources have about 10,000.
const DIRECTORIES: usize = 200_000;

struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

/// The package a header describes, and its files. `None` if it is broken or names none. `room`: of the database.
pub(super) fn parse(
    entry: u32,
    blob: &[u8],
    room: &mut Room,
) -> Option<(PackageRecord, OwnedFiles)> {
    let entries = usize::try_from(number(blob)?).ok()?;
    let length = usize::try_from(number(blob.get(4..)?)?).ok()?;
    let rest = blob.get(8..)?;
    let cut = entries.checked_mul(16)?;
    let header = Header { index: rest.get(..cut)?, data: rest.get(cut..)?.get(..length)? };

    let name = header.word(NAME).filter(|n| !n.is_empty())?;
    let mut version = header.word(VERSION)?;
    if let Some(release) = header.word(RELEASE) {
        version = format!("{version}-{release}");
    }
    if let Some(epoch) = header.numbers(EPOCH).next().filter(|&e| e > 0) {
        version = format!("{epoch}:{version}");
    }
    room.take(std::mem::size_of::<PackageRecord>() + 2 * name.len() + version.len());
    let size = header.numbers(LONG_SIZE).next().or_else(|| header.numbers(SIZE).next());
    let owned = OwnedFiles {
        entry,
        kind: PackageKind::Rpm,
        package: name.clone(),
        paths: header.files(room),
    };
    let record = PackageRecord {
        entry,
        kind: PackageKind::Rpm,
        name,
        version,
        architecture: header.word(ARCH),
        source: header.word(SOURCE_RPM),
        declared_bytes: size,
        root: None,
        relations: Relations {
            // `rpmlib(…)` asks for a feature of rpm itself.
            needs: header
                .words(REQUIRE_NAME)
                .take_while(|w| room.take(w.len() + 32))
                .map(text)
                .filter(|n| !n.starts_with("rpmlib("))
                .map(|n| vec![n])
                .collect(),
            provides: header
                .words(PROVIDE_NAME)
                .take_while(|w| room.take(w.len()))
                .map(text)
                .collect(),
            essential: false,
        },
        ..PackageRecord::of(PackageKind::Rpm)
    };
    Some((record, owned))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|b| u32::from_be_bytes(*b))
}

impl<'a> Header<'a> {
    /// Type, count and data (to the end of the store) of a tag.
    fn find(&self, tag: u32) -> Option<(u32, usize, &'a [u8])> {
        self.index.chunks_exact(16).find_map(|e| {
            if number(e)? != tag {
                return None;
            }
            let data = self.data.get(usize::try_from(number(&e[8..])?).ok()?..)?;
            Some((number(&e[4..])?, usize::try_from(number(&e[12..])?).ok()?, data))
        })
    }

    fn words(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        // 6 string, 8 array of strings, 9 translated string.
        let found = self.find(tag).filter(|(kind, ..)| matches!(kind, 6 | 8 | 9));
        let (count, data) = found.map_or((0, &b""[..]), |(_, count, data)| (count, data));
        let mut left = (!data.is_empty()).then_some(data);
        std::iter::from_fn(move || {
            let data = left?;
            // A string without its end is none.
            let end = memchr::memchr(0, data)?;
            left = Some(&data[end + 1..]);
            Some(&data[..end])
        })
        .take(count)
    }

    fn word(&self, tag: u32) -> Option<String> {
        self.words(tag).next().map(text)
    }

    fn numbers(&self, tag: u32) -> impl Iterator<Item = u64> + use<'a> {
        let (width, count, data) = match self.find(tag) {
            Some((4, count, data)) => (4, count, data),
            Some((5, count, data)) => (8, count, data),
            _ => (4, 0, &b""[..]),
        };
        data.chunks_exact(width)
            .take(count)
            .map(|b| b.iter().fold(0u64, |n, &b| n << 8 | u64::from(b)))
    }

    fn files(&self, room: &mut Room) -> Vec<LayerPath> {
        let dirs: Vec<&[u8]> = self.words(DIR_NAMES).take(DIRECTORIES).collect();
        let mut paths = Vec::new();
        for (name, dir) in self.words(BASE_NAMES).zip(self.numbers(DIR_INDEXES)) {
            if room.is_spent() {
                break;
            }
            let dir = usize::try_from(dir).ok().and_then(|dir| dirs.get(dir));
            paths.extend(dir.and_then(|dir| room.path(dir, name)));
        }
        paths
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header of strings (type 8) and numbers (type 4).
    fn header(tags: &[(u32, &[&str], &[u32])]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, words, numbers) in tags {
            let (kind, count) =
                if words.is_empty() { (4, numbers.len()) } else { (8, words.len()) };
            for n in [*tag, kind, data.len() as u32, count as u32] {
                index.extend(n.to_be_bytes());
            }
            words.iter().for_each(|w| data.extend([w.as_bytes(), b"\0"].concat()));
            numbers.iter().for_each(|n| data.extend(n.to_be_bytes()));
        }
        let counts = [tags.len() as u32, data.len() as u32].map(u32::to_be_bytes).concat();
        [counts, index, data].concat()
    }

    pub(in super::super) fn full() -> Vec<u8> {
        header(&[
            (NAME, &["bash"], &[]),
            (VERSION, &["5.2"], &[]),
            (RELEASE, &["3.fc40"], &[]),
            (EPOCH, &[], &[1]),
            (SIZE, &[], &[8000]),
            (DIR_INDEXES, &[], &[0, 1, 9]),
            (BASE_NAMES, &["bash", "README", "lost"], &[]),
            (DIR_NAMES, &["/usr/bin/", "/usr/share/doc/bash/"], &[]),
        ])
    }

    #[test]
    fn a_header_is_a_package_with_files() {
        let (record, owned) = parse(3, &full(), &mut Room::default()).unwrap();
        assert_eq!((record.name.as_str(), record.version.as_str()), ("bash", "1:5.2-3.fc40"));
        assert_eq!(record.declared_bytes, Some(8000));
        assert_eq!(owned.paths, ["usr/bin/bash", "usr/share/doc/bash/README"].map(LayerPath::from));
    }

    #[test]
    fn words_and_directories_that_are_used_over_and_over_are_bounded() {
        let long = "d".repeat(4000);
        let names = vec!["a"; 50_000];
        let numbers = vec![0; 50_000];
        let blob = header(&[
            (NAME, &["x"], &[]),
            (VERSION, &["1"], &[]),
            (DIR_INDEXES, &[], &numbers),
            (BASE_NAMES, &names, &[]),
            (DIR_NAMES, &[&long], &[]),
        ]);
        let mut room = Room::default();
        let mut bytes = 0;
        for _ in 0..3 {
            let (_, owned) = parse(0, &blob, &mut room).unwrap();
            bytes += owned.paths.iter().map(|p| p.as_bytes().len()).sum::<usize>();
        }
        assert!(bytes < 64 << 20 && room.is_spent(), "{bytes}");
    }

    proptest! {
        #[test]
        fn no_header_panics(at in 0usize..200, byte: u8, cut in 0usize..300, junk: Vec<u8>) {
            let mut bytes = full();
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            bytes.truncate(cut);
            let _ = parse(0, &bytes, &mut Room::default());
            let _ = parse(0, &junk, &mut Room::default());
        }
    }
}
