use super::*;
use proptest::prelude::*;

fn any_entry() -> impl Strategy<Value = Entry> {
    let kinds = [
        EntryKind::File,
        EntryKind::Directory,
        EntryKind::Symlink,
        EntryKind::HardLink,
        EntryKind::CharDevice,
        EntryKind::BlockDevice,
        EntryKind::Fifo,
    ];
    let edges =
        prop::sample::select(vec![0, 1, u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::MAX]);
    let times = prop::sample::select(vec![-1, 0, 1_700_000_000, i64::from(u32::MAX), i64::MIN]);
    let link = prop::option::of(prop::collection::vec(1u8..255, 0..6));
    let capability = prop::option::of(prop::sample::select(vec![vec![1, 0], vec![2]]));
    (
        ("([ab]/){0,3}[abc]|", prop::sample::select(kinds.to_vec()), edges, times),
        (0u32..0o10000, any::<u32>(), 0u64..3, link),
        (prop::option::of(any::<(u32, u32)>()), capability, prop::option::of(1u8..9)),
    )
        .prop_map(
            |((path, kind, size, mtime), (mode, uid, gid, link), (device, capability, content))| {
                let is_file = kind == EntryKind::File;
                let is_link = matches!(kind, EntryKind::Symlink | EntryKind::HardLink);
                let is_device = matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice);
                Entry {
                    path: LayerPath::from(path.as_str()),
                    kind,
                    size: if is_file { size } else { 0 },
                    mode,
                    uid: u64::from(uid),
                    gid,
                    mtime,
                    link: link.filter(|_| is_link),
                    device: device.filter(|_| is_device),
                    capability,
                    content: content.filter(|_| is_file).map(|n| ContentHash([n; 32])),
                }
            },
        )
}

proptest! {
    #[test]
    fn entries_come_back_as_they_went_in(list in prop::collection::vec(any_entry(), 0..20)) {
        let entries: Entries = list.iter().cloned().collect();
        let back: Vec<Entry> = entries.iter().map(|e| e.to_entry()).collect();
        prop_assert_eq!(&back, &list);
        for (n, entry) in list.iter().enumerate() {
            let n = n as u32;
            prop_assert_eq!(entries.name(n), entry.path.name());
            prop_assert_eq!(entries.path(n), entry.path.clone());
            let mut folder = Vec::new();
            entries.write_folder(entries.folder(n), &mut folder);
            prop_assert_eq!(LayerPath::new(&folder), entry.path.parent().unwrap_or_default());
        }
        let mut stored = Vec::new();
        crate::index::stored::write(&entries, &mut stored).unwrap();
        let read = crate::index::stored::read(&mut stored.as_slice(), 1 << 20);
        prop_assert!(read.as_ref() == Some(&entries));
    }

    #[test]
    fn duplicates_are_those_that_a_plain_search_finds(list in prop::collection::vec(any_entry(), 0..20)) {
        let entries: Entries = list.iter().cloned().collect();
        let apart = |n: u32| n.is_multiple_of(3);
        let plain: Vec<u32> = (0..list.len())
            .filter(|&n| {
                let of = |n: usize| (&list[n].path, apart(n as u32));
                (0..n).any(|before| of(before) == of(n))
            })
            .map(|n| n as u32)
            .collect();
        prop_assert_eq!(entries.duplicates(apart), plain);
    }

    #[test]
    fn spoilt_columns_are_refused_or_make_sense(
        list in prop::collection::vec(any_entry(), 1..8),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let entries: Entries = list.into_iter().collect();
        let mut stored = Vec::new();
        crate::index::stored::write(&entries, &mut stored).unwrap();
        let at = at.index(stored.len());
        stored[at] = byte;
        if let Some(read) = crate::index::stored::read(&mut stored.as_slice(), 1 << 20) {
            // No number leads nowhere.
            for entry in read.iter() {
                entry.to_entry();
            }
            read.duplicates(|_| false);
        }
    }
}
