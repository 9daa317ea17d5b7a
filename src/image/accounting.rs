//! The cases of the merge and of the accounting that are easy to get wrong.

use super::testing::*;
use super::view::{Node, View};
use super::waste::{EntryState, ResidueKind, duplicates, residue, state_of};
use super::{ImageLayer, LayerState};
use crate::layer::Entry;

pub(super) fn shown(view: &View) -> Vec<(String, u64)> {
    view.iter()
        .filter(|(_, n)| !view.entry(*n).is_dir())
        .map(|(p, n)| (p.to_text(), view.bytes_of(n)))
        .collect()
}

fn hidden(view: &View) -> Vec<(String, u64, ResidueKind, usize)> {
    let mut all: Vec<_> = residue(view)
        .into_iter()
        .map(|r| (r.path.to_text(), r.bytes, r.kind, r.hidden_by))
        .collect();
    all.sort();
    all
}

#[track_caller]
pub(super) fn check(
    layers: Vec<Vec<Entry>>,
    want: &[(&str, u64)],
    waste: &[(&str, u64, ResidueKind, usize)],
) -> View {
    let layers: Vec<ImageLayer> = layers.into_iter().map(layer).collect();
    let view = View::merge(&layers);
    let want: Vec<_> = want.iter().map(|(p, n)| (p.to_string(), *n)).collect();
    assert_eq!(shown(&view), want);
    let waste: Vec<_> = waste.iter().map(|(p, n, k, l)| (p.to_string(), *n, *k, *l)).collect();
    assert_eq!(hidden(&view), waste);
    conserved(&view);
    view
}

/// What is in the layers is either on disk or hidden, and each layer's share adds up.
pub(super) fn conserved(view: &View) {
    let content: u64 =
        (0..view.layer_count()).filter_map(|l| view.index(l)).map(|l| l.content_bytes).sum();
    let gone: u64 = residue(view).iter().map(|r| r.bytes).sum();
    assert_eq!(content, view.on_disk_bytes() + gone);
    let by_path: u64 = view.iter().map(|(_, n)| view.bytes_of(n)).sum();
    assert_eq!(by_path, view.on_disk_bytes());
    for number in 0..view.layer_count() {
        let Some(index) = view.index(number) else {
            continue;
        };
        let gone: u64 =
            residue(view).iter().filter(|r| r.node.layer == number).map(|r| r.bytes).sum();
        assert_eq!(index.content_bytes, view.on_disk_of_layer(number) + gone);
    }
}

use ResidueKind::*;

#[test]
fn every_byte_below_a_deleted_directory_counts() {
    check(
        vec![
            vec![dir("d"), sized("d/a", 10), sized("d/e/b", 20), sized("k", 1)],
            vec![file(".wh.d", b"")],
        ],
        &[("k", 1)],
        &[("d/a", 10, Deleted, 1), ("d/e/b", 20, Deleted, 1)],
    );
}

#[test]
fn an_opaque_directory_hides_lower_layers_wherever_it_stands_in_the_tar() {
    for at in 0..3 {
        let mut upper = vec![dir("d"), sized("d/new", 5)];
        upper.insert(at, file("d/.wh..wh..opq", b""));
        check(
            vec![vec![dir("d"), sized("d/a", 10), sized("d/e/b", 20)], upper],
            &[("d/new", 5)],
            &[("d/a", 10, Opaque, 1), ("d/e/b", 20, Opaque, 1)],
        );
    }
}

#[test]
fn a_whiteout_spares_its_own_layer() {
    for after in [false, true] {
        let mut upper = vec![sized("d/new", 5)];
        upper.insert(after as usize, file(".wh.d", b""));
        check(
            vec![vec![dir("d"), sized("d/old", 10)], upper],
            &[("d/new", 5)],
            &[("d/old", 10, Deleted, 1)],
        );
    }
}

#[test]
fn a_chown_counts_once_and_is_named() {
    let view = check(
        vec![vec![file("f", b"0123456789")], vec![Entry { uid: 7, ..file("f", b"0123456789") }]],
        &[("f", 10)],
        &[("f", 10, MetadataOnly, 1)],
    );
    assert_eq!(view.get(&"f".into()).unwrap().layer, 1);
}

#[test]
fn a_deletion_and_a_rewrite_in_one_layer_is_a_replacement() {
    for after in [false, true] {
        let mut upper = vec![file("f", b"same"), sized("g", 3)];
        let at = if after { 2 } else { 0 };
        upper.insert(at, file(".wh.f", b""));
        upper.insert(at, file(".wh.g", b""));
        check(
            vec![vec![file("f", b"same"), sized("g", 9)], upper],
            &[("f", 4), ("g", 3)],
            &[("f", 4, MetadataOnly, 1), ("g", 9, Overwritten, 1)],
        );
    }
}

#[test]
fn a_small_file_under_a_big_one_counts_as_the_small_one() {
    check(
        vec![vec![sized("f", 3)], vec![sized("f", 1000)]],
        &[("f", 1000)],
        &[("f", 3, Overwritten, 1)],
    );
}

#[test]
fn a_dangling_whiteout_is_nothing() {
    check(
        vec![
            vec![sized("a", 1)],
            vec![file(".wh.no", b""), file("x/y/.wh.z", b""), file("q/.wh..wh..opq", b"")],
        ],
        &[("a", 1)],
        &[],
    );
}

#[test]
fn a_hard_link_counts_its_bytes_once() {
    let view = check(
        vec![vec![sized("b", 10), hard_link("a", "b"), hard_link("c", "a")]],
        &[("a", 0), ("b", 10), ("c", 0)],
        &[],
    );
    let c = view.get(&"c".into()).unwrap();
    assert_eq!(view.content_of(c), view.get(&"b".into()));
}

#[test]
fn a_hard_link_keeps_the_content_when_its_target_is_replaced() {
    let view = check(
        vec![vec![sized("a", 10), hard_link("z", "a"), hard_link("y", "a")], vec![sized("a", 3)]],
        &[("a", 3), ("y", 10), ("z", 0)],
        &[],
    );
    // The first content is still there, under another name.
    let first = Node { layer: 0, entry: 0 };
    assert_eq!(state_of(&view, first), EntryState::Visible);
    check(
        vec![
            vec![sized("a", 10), hard_link("z", "a")],
            vec![sized("a", 3)],
            vec![file(".wh.z", b"")],
        ],
        &[("a", 3)],
        &[("a", 10, Deleted, 2)],
    );
}

#[test]
fn the_same_content_at_two_paths_is_a_duplicate_and_no_waste() {
    let view = check(
        vec![
            vec![file("a", b"0123456789")],
            vec![file("b", b"0123456789"), hard_link("c", "b"), file("d", b"no")],
        ],
        &[("a", 10), ("b", 10), ("c", 0), ("d", 2)],
        &[],
    );
    let found = duplicates(&view, 1);
    assert_eq!(found.len(), 1);
    let paths: Vec<_> = found[0].nodes.iter().map(|n| view.path(*n).to_text()).collect();
    assert_eq!((found[0].bytes, paths), (10, vec!["a".into(), "b".into()]));
    assert!(duplicates(&view, 11).is_empty());
}

#[test]
fn a_later_entry_of_the_same_tar_replaces_an_earlier_one() {
    let view = check(
        vec![vec![sized("f", 10), sized("f", 4)]],
        &[("f", 4)],
        &[("f", 10, DuplicateEntry, 0)],
    );
    let first = Node { layer: 0, entry: 0 };
    assert_eq!(state_of(&view, first), EntryState::Overwritten { by: 0 });
}

#[test]
fn kinds_replace_each_other_and_directories_merge() {
    check(
        vec![
            vec![dir("a"), sized("a/x", 1), sized("b", 2), dir("c"), sized("c/x", 4)],
            vec![sized("a", 8), dir("b"), sized("b/y", 16), dir("c"), sized("c/y", 32)],
        ],
        &[("a", 8), ("b/y", 16), ("c/x", 4), ("c/y", 32)],
        &[("a/x", 1, Overwritten, 1), ("b", 2, Overwritten, 1)],
    );
}

#[test]
fn a_loop_of_links_resolves_to_nothing() {
    let view = View::merge(&[layer(vec![symlink("l", "m"), symlink("m", "l")])]);
    assert_eq!(view.follow(&"l".into()), None);
}

#[test]
fn a_marker_is_never_a_file_and_what_is_below_one_is() {
    check(
        vec![vec![
            dir(".wh..wh.plnk"),
            sized(".wh..wh.plnk/1.2", 5),
            hard_link("h", ".wh..wh.plnk/1.2"),
            sized(".wh.x", 7),
            sized("a/.wh..wh.aufs", 11),
            sized("a/.wh.d/y", 13),
        ]],
        &[(".wh..wh.plnk/1.2", 5), ("a/.wh.d/y", 13), ("h", 0)],
        &[(".wh.x", 7, Deleted, 0), ("a/.wh..wh.aufs", 11, Deleted, 0)],
    );
}

#[test]
fn a_layer_that_was_not_looked_at_changes_nothing() {
    let unseen = ImageLayer {
        descriptor: None,
        declared_diff_id: None,
        compressed: None,
        state: LayerState::NotLookedAt { why: "foreign".into(), failed: true },
    };
    let view = View::merge(&[
        unseen.clone(),
        layer(vec![sized("a", 1)]),
        unseen.clone(),
        layer(vec![]),
        layer(vec![sized("a", 2)]),
        unseen,
    ]);
    assert_eq!(shown(&view), [("a".to_string(), 2)]);
    assert_eq!(hidden(&view), [("a".to_string(), 1, Overwritten, 4)]);
    assert!(view.index(0).is_none() && view.index(9).is_none());
}

#[test]
fn children_are_those_directly_below() {
    let view = View::merge(&[layer(vec![
        dir(""),
        dir("a"),
        sized("a/x", 1),
        sized("a-b", 1),
        sized("a/y/z", 1),
        sized("a0", 1),
        sized("i/j/k", 1),
    ])]);
    let names =
        |p: &str| -> Vec<String> { view.children(&p.into()).map(|(p, _)| p.to_text()).collect() };
    assert_eq!(names(""), ["a", "a-b", "a0"]);
    assert_eq!(names("a"), ["a/x"]);
    assert_eq!(names("a/y"), ["a/y/z"]);
    assert!(names("i").is_empty() && names("nothing").is_empty());
    let below: Vec<_> = view.within(&"a".into()).map(|(p, _)| p.to_text()).collect();
    assert_eq!(below, ["a", "a/x", "a/y/z"]);
    assert_eq!(view.within(&"".into()).count(), view.len());
}

#[test]
fn a_tower_of_directories_does_not_overflow_the_stack() {
    let deep = "d/".repeat(40_000);
    let view =
        View::merge(&[layer(vec![sized(&format!("{deep}f"), 1)]), layer(vec![file(".wh.d", b"")])]);
    assert!(view.is_empty());
}
