use super::*;
use crate::analyze::{Confidence, Facts, SecretMatch};
use crate::layer::{ContentHash, Entry, EntryKind, LayerPath};
use crate::text::Redacted;
use proptest::prelude::*;

fn key(n: u8) -> IndexKey {
    IndexKey::new(&[], [n; 32])
}

fn entry(path: &str) -> Entry {
    Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size: 3,
        mode: 0o4755,
        uid: 1,
        gid: 2,
        mtime: -1,
        link: None,
        device: None,
        capability: Some(vec![0, 255]),
        content: Some(ContentHash([7; 32])),
    }
}

fn index(tar: &[u8]) -> LayerIndex {
    LayerIndex {
        diff_id: DiffId(Digest::sha256(tar)),
        tar_bytes: tar.len() as u64,
        content_bytes: 3,
        entries: [entry("a/b"), entry("c")].into_iter().collect(),
        facts: Facts {
            secrets: vec![SecretMatch {
                entry: 1,
                inside: None,
                pattern: "p".into(),
                line: Some(1),
                offset: 2,
                masked: "ab****".into(),
                fingerprint: "00".into(),
                confidence: Confidence::Likely,
                plain: None,
            }],
            ..Facts::default()
        },
        oddities: vec![super::super::Oddity::TrailingData { bytes: 4 }],
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("cache")).unwrap();
    (dir, store)
}

fn blob() -> Digest {
    Digest::sha256(b"blob")
}

#[test]
fn what_was_put_is_found_by_its_blob_and_by_its_tar() {
    let (_dir, store) = store();
    let index = index(b"tar");
    assert_eq!(store.get_by_digest(&blob(), &key(0)), None);
    store.put(&blob(), &index, &key(0)).unwrap();
    assert_eq!(store.get_by_digest(&blob(), &key(0)).as_ref(), Some(&index));
    assert_eq!(store.get(&index.diff_id, &key(0)), Some(index.clone()));
    assert_eq!(store.get_by_digest(&blob(), &key(1)), None, "other patterns");
    assert_eq!(store.get_by_digest(&index.diff_id.0, &key(0)), None);
}

#[test]
fn a_plain_secret_is_never_stored() {
    let (dir, store) = store();
    let mut index = index(b"tar");
    index.facts.secrets[0].plain = Some(Redacted::new(b"hunter2hunter2hunter2".to_vec()));
    store.put(&blob(), &index, &key(0)).unwrap();
    let back = store.get_by_digest(&blob(), &key(0)).unwrap();
    assert_eq!(back.facts.secrets[0].plain, None);
    let mut plain = Vec::new();
    codec::write_plain(&index, &mut plain).unwrap();
    assert!(memchr::memmem::find(&plain, b"hunter2").is_none());
    drop(dir);
}

#[cfg(unix)]
#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store();
    store.put(&blob(), &index(b"tar"), &key(0)).unwrap();
    let path = store.index_path(&index(b"tar").diff_id, &key(0));
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("cache")), 0o700);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn an_entry_cut_or_flipped_anywhere_is_a_miss() {
    let (_dir, store) = store();
    let index = index(b"tar");
    store.put(&blob(), &index, &key(0)).unwrap();
    for path in [store.index_path(&index.diff_id, &key(0)), store.blob_path(&blob())] {
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            fs::write(&path, &good[..at]).unwrap();
            assert_eq!(store.get_by_digest(&blob(), &key(0)), None, "cut at {at}");
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(store.get_by_digest(&blob(), &key(0)), None, "flipped at {at}");
        }
        fs::write(&path, &good).unwrap();
        assert!(store.get_by_digest(&blob(), &key(0)).is_some());
    }
}

#[test]
fn an_index_under_another_name_is_a_miss() {
    let (_dir, store) = store();
    let (clean, dirty) = (index(b"clean"), index(b"dirty"));
    store.put(&blob(), &clean, &key(0)).unwrap();
    store.put(&Digest::sha256(b"other"), &dirty, &key(0)).unwrap();
    let borrowed = fs::read(store.index_path(&clean.diff_id, &key(0))).unwrap();
    fs::write(store.index_path(&dirty.diff_id, &key(0)), &borrowed).unwrap();
    assert_eq!(store.get(&dirty.diff_id, &key(0)), None);
    fs::copy(store.blob_path(&blob()), store.blob_path(&Digest::sha256(b"third"))).unwrap();
    assert_eq!(store.get_by_digest(&Digest::sha256(b"third"), &key(0)), None);
}

#[test]
fn an_index_that_makes_no_sense_is_a_miss_though_its_checksum_is_right() {
    let (_dir, store) = store();
    let spoil: [fn(&mut LayerIndex); 4] = [
        |i| i.facts.secrets[0].entry = 2,
        |i| i.entries = [Entry { content: None, ..entry("a") }, entry("c")].into_iter().collect(),
        |i| i.oddities.push(super::super::Oddity::EscapingPath { entry: 9 }),
        |i| {
            let link = Some(b"../etc/shadow".to_vec());
            let hard = Entry { kind: EntryKind::HardLink, link, ..entry("a") };
            i.entries = [hard, entry("c")].into_iter().collect();
        },
    ];
    for (n, spoil) in spoil.iter().enumerate() {
        let mut index = index(b"tar");
        spoil(&mut index);
        store.put(&blob(), &index, &key(0)).unwrap();
        assert_eq!(store.get_by_digest(&blob(), &key(0)), None, "{n}");
    }
}

#[test]
fn a_folder_or_a_link_in_the_place_of_an_entry_is_a_miss() {
    let (_dir, store) = store();
    fs::create_dir(store.blob_path(&blob())).unwrap();
    assert_eq!(store.get_by_digest(&blob(), &key(0)), None);
}

#[test]
fn info_counts_and_prune_takes_only_its_own() {
    let (dir, store) = store();
    assert_eq!(store.info().unwrap(), StoreInfo::default());
    store.put(&blob(), &index(b"tar"), &key(0)).unwrap();
    store.put(&blob(), &index(b"tar"), &key(1)).unwrap();
    let foreign = dir.path().join("cache").join(BLOBS).join("notes.txt");
    fs::write(&foreign, "mine").unwrap();
    let info = store.info().unwrap();
    assert_eq!(info.entries, 2);
    let none = store.prune(Prune::OlderThan(Duration::from_secs(60))).unwrap();
    assert_eq!(none, StoreInfo::default());
    let old = store.index_path(&index(b"tar").diff_id, &key(0));
    let long_ago = SystemTime::now() - Duration::from_secs(600);
    File::options().append(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(store.prune(Prune::OlderThan(Duration::from_secs(60))).unwrap().entries, 1);
    assert!(store.get_by_digest(&blob(), &key(1)).is_some());
    assert_eq!(store.prune(Prune::All).unwrap().entries, 1);
    assert_eq!(store.info().unwrap(), StoreInfo::default());
    assert!(foreign.exists());
}

#[test]
fn a_hit_counts_as_a_use() {
    let (_dir, store) = store();
    store.put(&blob(), &index(b"tar"), &key(0)).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(600);
    for path in [store.index_path(&index(b"tar").diff_id, &key(0)), store.blob_path(&blob())] {
        File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    store.get_by_digest(&blob(), &key(0)).unwrap();
    let gone = store.prune(Prune::OlderThan(Duration::from_secs(60))).unwrap();
    assert_eq!(gone, StoreInfo::default());
}

#[test]
fn prune_leaves_what_another_process_is_writing() {
    let (_dir, store) = store();
    let (fresh, dead) =
        (store.dir.join(BLOBS).join(".writing-fresh"), store.dir.join(BLOBS).join(".writing-dead"));
    fs::write(&fresh, "x").unwrap();
    let file = File::create(&dead).unwrap();
    file.set_modified(SystemTime::now() - ABANDONED * 2).unwrap();
    store.prune(Prune::All).unwrap();
    assert!(fresh.exists() && !dead.exists());
}

#[test]
fn ten_writers_readers_and_a_pruner_never_see_half_an_entry() {
    let (_dir, store) = store();
    let index = index(b"tar");
    std::thread::scope(|scope| {
        for n in 0..10 {
            let (store, index) = (&store, &index);
            scope.spawn(move || {
                for round in 0..20 {
                    // Only the prune may meet a folder that has just changed; a put must not fail.
                    store.put(&blob(), index, &key(0)).unwrap();
                    if let Some(found) = store.get_by_digest(&blob(), &key(0)) {
                        assert_eq!(found, *index);
                    }
                    if n == 0 && round % 5 == 0 {
                        store.prune(Prune::All).unwrap();
                    }
                }
            });
        }
    });
    store.put(&blob(), &index, &key(0)).unwrap();
    assert_eq!(store.get_by_digest(&blob(), &key(0)), Some(index));
    assert_eq!(store.info().unwrap().entries, 1);
}

proptest! {
    /// With a right checksum, so that the bytes get as far as the decoder.
    #[test]
    fn hostile_bytes_never_panic(plain in proptest::collection::vec(any::<u8>(), 0..600)) {
        let (diff_id, key) = (DiffId(Digest::sha256(b"tar")), key(0));
        let mut forged = Vec::new();
        codec::write_plain(&index(b"tar"), &mut forged).unwrap();
        let at = forged.len().min(plain.len());
        forged.splice(73..(73 + at).min(forged.len()), plain.iter().copied());
        for body in [plain, forged] {
            let file = codec::forge(&zstd::bulk::compress(&body, 1).unwrap(), &diff_id, &key);
            let _ = codec::unseal(&file, &diff_id, &key);
        }
    }
}
