//! Layers as overlayfs shows them: links, deletions and what runtimes refuse.

use super::Refusal;
use super::accounting::check;
use super::testing::*;
use super::view::{Node, View};
use super::waste::ResidueKind::*;
use super::waste::{EntryState, state_of};
use crate::layer::{Entry, EntryKind};

fn refused(view: &View) -> Vec<(String, Refusal, u32)> {
    view.refused().map(|(n, why, count)| (view.entry(n).path().to_text(), why, count)).collect()
}

fn merged_usr() -> Vec<Entry> {
    vec![
        dir("usr/lib"),
        symlink("lib", "usr/lib"),
        sized("usr/lib/libc.so", 2000),
        symlink("abs", "/lib/../lib"),
    ]
}

#[test]
fn an_entry_below_a_link_of_its_own_layer_lands_at_its_target() {
    let mut entries = merged_usr();
    entries.extend([sized("lib/x", 10), sized("abs/y", 20), hard_link("abs/z", "lib/libc.so")]);
    let view = check(
        vec![entries],
        &[
            ("abs", 0),
            ("lib", 0),
            ("usr/lib/libc.so", 2000),
            ("usr/lib/x", 10),
            ("usr/lib/y", 20),
            ("usr/lib/z", 0),
        ],
        &[],
    );
    assert!(view.get(&"lib/x".into()).is_none());
    let (path, node) = view.follow(&"abs/x".into()).unwrap();
    assert_eq!((path.to_text().as_str(), view.bytes_of(node)), ("usr/lib/x", 10));
    assert_eq!(refused(&view), []);
}

#[test]
fn an_entry_below_a_link_of_a_lower_layer_replaces_the_link() {
    let view = check(
        vec![merged_usr(), vec![sized("lib/libnv.so", 300)]],
        &[("abs", 0), ("lib/libnv.so", 300), ("usr/lib/libc.so", 2000)],
        &[],
    );
    assert!(view.follow(&"lib/libc.so".into()).is_none());
    assert_eq!(state_of(&view, Node { layer: 0, entry: 1 }), EntryState::Overwritten { by: 1 });
}

#[test]
fn a_whiteout_below_a_link_of_a_lower_layer_deletes_nothing_and_replaces_the_link() {
    for name in ["lib/.wh.libc.so", "lib/.wh..wh..opq"] {
        let view = check(
            vec![merged_usr(), vec![file(name, b"")]],
            &[("abs", 0), ("usr/lib/libc.so", 2000)],
            &[],
        );
        assert!(view.follow(&"lib/libc.so".into()).is_none());
    }
}

#[test]
fn a_whiteout_below_a_link_of_its_own_layer_works_at_its_target() {
    for (name, kind) in [("lib/.wh.libc.so", Deleted), ("lib/.wh..wh..opq", Opaque)] {
        check(
            vec![merged_usr(), vec![dir("usr/lib"), symlink("lib", "usr/lib"), file(name, b"")]],
            &[("abs", 0), ("lib", 0)],
            &[("usr/lib/libc.so", 2000, kind, 1)],
        );
    }
}

#[test]
fn a_link_takes_the_place_of_a_folder_whose_files_were_deleted_before() {
    check(
        vec![
            vec![sized("app/a", 100), sized("app/b", 200), sized("keep", 7), sized("real/a", 1000)],
            vec![file("app/.wh.a", b""), file("app/.wh.b", b""), symlink("app", "real")],
        ],
        &[("app", 0), ("keep", 7), ("real/a", 1000)],
        &[("app/a", 100, Overwritten, 1), ("app/b", 200, Overwritten, 1)],
    );
}

#[test]
fn a_deletion_below_a_deletion_is_nothing() {
    let view = check(
        vec![
            vec![dir("test"), sized("test/test", 50), sized("keep", 2)],
            vec![
                dir(""),
                file(".wh.test", b""),
                file("test/.wh.test", b""),
                file("test/deep/.wh.x", b""),
                file("test/.wh..wh..opq", b""),
            ],
        ],
        &[("keep", 2)],
        &[("test/test", 50, Deleted, 1)],
    );
    assert_eq!(refused(&view), []);
}

#[test]
fn a_folder_made_again_after_its_deletion_shows_the_lower_one_again() {
    // Overlayfs keeps a deletion as a file at the same name; the folder takes its place.
    check(
        vec![
            vec![dir("d"), sized("d/old", 10)],
            vec![file(".wh.d", b""), dir("d"), sized("d/new", 5)],
        ],
        &[("d/new", 5), ("d/old", 10)],
        &[],
    );
}

#[test]
fn a_file_without_its_folders_makes_them() {
    check(
        vec![
            vec![sized("var/task/deep/app.py", 8)],
            vec![file("var/task/deep/.wh.app.py", b""), sized("opt/x/y", 9)],
        ],
        &[("opt/x/y", 9)],
        &[("var/task/deep/app.py", 8, Deleted, 1)],
    );
}

#[test]
fn what_runtimes_refuse_is_told_and_hides_nothing() {
    for (entries, path, why, shown) in [
        (vec![hard_link("", "a")], "", Refusal::Root, vec![]),
        (vec![sized("f", 1), sized("f/x", 2)], "f/x", Refusal::Parent, vec![("f/x", 2)]),
        (vec![file(".wh.d", b""), sized("d/x", 2)], "d/x", Refusal::Parent, vec![("d/x", 2)]),
        (
            vec![symlink("l", "nowhere"), sized("l/x", 2)],
            "l/x",
            Refusal::Link,
            vec![("l", 0), ("nowhere/x", 2)],
        ),
        (vec![sized("d/x", 2), file(".wh.d", b"")], ".wh.d", Refusal::Whiteout, vec![("d/x", 2)]),
        (
            vec![symlink("l", "nowhere"), file("l/.wh.x", b"")],
            "l/.wh.x",
            Refusal::Link,
            vec![("l", 0)],
        ),
        (
            vec![sized("f", 1), file("f/d/.wh..wh..opq", b"")],
            "f/d/.wh..wh..opq",
            Refusal::Parent,
            vec![("f", 1)],
        ),
        (vec![file("k/.wh.", b"")], "k/.wh.", Refusal::Whiteout, vec![]),
    ] {
        let view = View::merge(&[layer(vec![sized("a", 1)]), layer(entries)]);
        assert_eq!(refused(&view), [(path.to_owned(), why, 1)]);
        let mut shown: Vec<(String, u64)> =
            shown.into_iter().map(|(p, n)| (p.to_owned(), n)).collect();
        shown.insert(0, ("a".to_owned(), 1));
        assert_eq!(super::accounting::shown(&view), shown, "{path}");
    }
}

#[test]
fn a_directory_entry_replaces_a_symlink() {
    check(
        vec![vec![dir("usr/lib"), symlink("lib", "usr/lib")], vec![dir("lib"), sized("lib/x", 10)]],
        &[("lib/x", 10)],
        &[],
    );
}

#[test]
fn links_cannot_leave_the_root_or_run_for_ever() {
    let view = check(
        vec![vec![
            symlink("up", "../../.."),
            sized("up/f", 1),
            symlink("l", "m"),
            symlink("m", "l"),
            sized("l/g", 2),
        ]],
        // 255 hops end at `m`; a runtime would refuse the image.
        &[("f", 1), ("l", 0), ("m/g", 2), ("up", 0)],
        &[],
    );
    assert!(view.follow(&"m/l/m/nothing".into()).is_none());
    assert_eq!(refused(&view), [("l/g".to_owned(), Refusal::Link, 1)]);
}

#[test]
fn a_hard_link_finds_only_files_of_its_own_layer() {
    let layers = vec![
        vec![sized("a", 10)],
        vec![sized("c", 5), hard_link("b", "a"), hard_link("d", "c"), file(".wh.a", b"")],
    ];
    let view = check(layers, &[("b", 0), ("c", 5), ("d", 0)], &[("a", 10, Deleted, 1)]);
    assert_eq!(view.content_of(view.get(&"b".into()).unwrap()), None);
    assert_eq!(refused(&view), [("b".to_owned(), Refusal::HardLink, 1)]);
}

#[test]
fn a_hard_link_to_nothing_or_to_itself_takes_nothing() {
    let view = check(
        vec![vec![sized("a", 10)], vec![sized("a", 3), hard_link("a", "a"), hard_link("b", "no")]],
        &[("a", 0), ("b", 0)],
        &[("a", 3, DuplicateEntry, 1), ("a", 10, Overwritten, 1)],
    );
    assert_eq!(view.content_of(view.get(&"b".into()).unwrap()), None);
    assert_eq!(refused(&view), [("a".to_owned(), Refusal::HardLink, 2)]);
}

#[test]
fn a_hard_link_to_a_deletion_is_one() {
    let view = check(
        vec![vec![sized("a", 10), sized("b", 20)], vec![file(".wh.a", b""), hard_link("b", "a")]],
        &[],
        &[("a", 10, Deleted, 1), ("b", 20, Deleted, 1)],
    );
    assert_eq!(refused(&view), []);
}

#[test]
fn a_device_of_number_0_0_is_a_deletion() {
    let device = |path: &str, number| Entry {
        device: Some(number),
        ..entry(path, EntryKind::CharDevice, None)
    };
    check(
        vec![
            vec![sized("a/x", 10), sized("b", 20)],
            vec![device("a", (0, 0)), device("b", (1, 3))],
        ],
        &[("b", 0)],
        &[("a/x", 10, Deleted, 1), ("b", 20, Overwritten, 1)],
    );
}

#[test]
fn the_first_name_of_a_file_goes_and_the_others_keep_its_bytes() {
    check(
        vec![
            vec![
                sized("usr/bin/gawk", 500),
                hard_link("usr/bin/awk", "/usr/bin/gawk"),
                hard_link("usr/bin/gawk-5", "usr/bin/gawk"),
            ],
            vec![file("usr/bin/.wh.gawk", b"")],
        ],
        &[("usr/bin/awk", 500), ("usr/bin/gawk-5", 0)],
        &[],
    );
}

#[test]
fn the_root_of_a_layer_cannot_be_opaque() {
    check(
        vec![
            vec![sized("a", 1), sized("b/c", 2)],
            vec![sized("b/d", 4), file(".wh..wh..opq", b"")],
        ],
        &[("a", 1), ("b/c", 2), ("b/d", 4)],
        &[],
    );
}

#[test]
fn an_opaque_mark_alone_empties_its_folder() {
    check(
        vec![vec![dir("d"), sized("d/a", 10)], vec![file("d/.wh..wh..opq", b"")]],
        &[],
        &[("d/a", 10, Opaque, 1)],
    );
}

/// buildah makes the folder: the link itself leads to one.
#[test]
fn an_entry_below_a_link_to_a_folder_may_need_a_folder_there() {
    let view = View::merge(&[layer(vec![dir("b"), symlink("a", "b"), sized("a/x/f", 1)])]);
    assert_eq!(refused(&view), []);
    assert!(view.get(&"b/x/f".into()).is_some());
}
