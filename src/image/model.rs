//! The merge and the residue against a plain model that really applies the layers to a map, and the
//! cases of the accounting that are easy to get wrong.

use super::residue::{EntryState, ResidueKind, duplicates, residue, state_of};
use super::testing::*;
use super::view::{Node, View};
use super::{ImageLayer, LayerState};
use crate::layer::{Entry, EntryKind, LayerPath};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn shown(view: &View) -> Vec<(String, u64)> {
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

fn check(
    layers: Vec<Vec<Entry>>,
    want: &[(&str, u64)],
    waste: &[(&str, u64, ResidueKind, usize)],
) -> View {
    let layers: Vec<ImageLayer> = layers.into_iter().map(layer).collect();
    let view = View::merge(&layers);
    let want: Vec<_> = want.iter().map(|(p, n)| (p.to_string(), *n)).collect();
    assert_eq!(shown(&view), want);
    let waste: Vec<_> = waste
        .iter()
        .map(|(p, n, k, l)| (p.to_string(), *n, *k, *l))
        .collect();
    assert_eq!(hidden(&view), waste);
    conserved(&view);
    view
}

/// What is in the layers is either on disk or hidden, and each layer's share adds up.
fn conserved(view: &View) {
    let content: u64 = (0..view.layer_count())
        .filter_map(|l| view.index(l))
        .map(|l| l.content_bytes)
        .sum();
    let gone: u64 = residue(view).iter().map(|r| r.bytes).sum();
    assert_eq!(content, view.on_disk_bytes() + gone);
    let by_path: u64 = view.iter().map(|(_, n)| view.bytes_of(n)).sum();
    assert_eq!(by_path, view.on_disk_bytes());
    for number in 0..view.layer_count() {
        let Some(index) = view.index(number) else {
            continue;
        };
        let gone: u64 = residue(view)
            .iter()
            .filter(|r| r.node.layer == number)
            .map(|r| r.bytes)
            .sum();
        assert_eq!(index.content_bytes, view.on_disk_of_layer(number) + gone);
    }
}

use ResidueKind::*;

#[test]
fn every_byte_below_a_deleted_directory_counts() {
    check(
        vec![
            vec![
                dir("d"),
                sized("d/a", 10),
                sized("d/e/b", 20),
                sized("k", 1),
            ],
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
fn an_opaque_root_hides_all_lower_layers() {
    check(
        vec![
            vec![sized("a", 1), sized("b/c", 2)],
            vec![sized("b/d", 4), file(".wh..wh..opq", b"")],
        ],
        &[("b/d", 4)],
        &[("a", 1, Opaque, 1), ("b/c", 2, Opaque, 1)],
    );
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
        vec![
            vec![file("f", b"0123456789")],
            vec![Entry {
                uid: 7,
                ..file("f", b"0123456789")
            }],
        ],
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
            vec![
                file(".wh.no", b""),
                file("x/y/.wh.z", b""),
                file("q/.wh..wh..opq", b""),
            ],
        ],
        &[("a", 1)],
        &[],
    );
}

#[test]
fn a_hard_link_counts_its_bytes_once() {
    let view = check(
        vec![vec![
            sized("b", 10),
            hard_link("a", "b"),
            hard_link("c", "a"),
        ]],
        &[("a", 0), ("b", 10), ("c", 0)],
        &[],
    );
    let c = view.get(&"c".into()).unwrap();
    assert_eq!(view.content_of(c), view.get(&"b".into()));
}

#[test]
fn a_hard_link_keeps_the_content_when_its_target_is_replaced() {
    let view = check(
        vec![
            vec![sized("a", 10), hard_link("z", "a"), hard_link("y", "a")],
            vec![sized("a", 3)],
        ],
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
fn a_hard_link_to_a_lower_layer_copies_nothing() {
    check(
        vec![
            vec![sized("a", 10)],
            vec![hard_link("b", "a"), file(".wh.a", b"")],
        ],
        &[("b", 10)],
        &[],
    );
}

#[test]
fn a_hard_link_to_nothing_or_to_itself_takes_nothing() {
    let view = check(
        vec![
            vec![sized("a", 10)],
            vec![hard_link("a", "a"), hard_link("b", "no")],
        ],
        &[("a", 0), ("b", 0)],
        &[("a", 10, Overwritten, 1)],
    );
    assert_eq!(view.content_of(view.get(&"b".into()).unwrap()), None);
}

#[test]
fn the_same_content_at_two_paths_is_a_duplicate_and_no_waste() {
    let view = check(
        vec![
            vec![file("a", b"0123456789")],
            vec![
                file("b", b"0123456789"),
                hard_link("c", "b"),
                file("d", b"no"),
            ],
        ],
        &[("a", 10), ("b", 10), ("c", 0), ("d", 2)],
        &[],
    );
    let found = duplicates(&view, 1);
    assert_eq!(found.len(), 1);
    let paths: Vec<_> = found[0]
        .nodes
        .iter()
        .map(|n| view.path(*n).to_text())
        .collect();
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
            vec![
                dir("a"),
                sized("a/x", 1),
                sized("b", 2),
                dir("c"),
                sized("c/x", 4),
            ],
            vec![
                sized("a", 8),
                dir("b"),
                sized("b/y", 16),
                dir("c"),
                sized("c/y", 32),
            ],
        ],
        &[("a", 8), ("b/y", 16), ("c/x", 4), ("c/y", 32)],
        &[("a/x", 1, Overwritten, 1), ("b", 2, Overwritten, 1)],
    );
}

#[test]
fn an_entry_below_a_symlink_lands_at_its_target() {
    let view = check(
        vec![
            vec![
                dir("usr/lib"),
                symlink("lib", "usr/lib"),
                sized("usr/lib/old", 1),
                symlink("abs", "/lib/../lib"),
            ],
            vec![
                sized("lib/x", 10),
                sized("abs/y", 20),
                file("lib/.wh.old", b""),
            ],
        ],
        &[("abs", 0), ("lib", 0), ("usr/lib/x", 10), ("usr/lib/y", 20)],
        &[("usr/lib/old", 1, Deleted, 1)],
    );
    assert!(view.get(&"lib/x".into()).is_none());
    let (path, node) = view.follow(&"abs/x".into()).unwrap();
    assert_eq!(
        (path.to_text().as_str(), view.bytes_of(node)),
        ("usr/lib/x", 10)
    );
}

#[test]
fn a_directory_entry_replaces_a_symlink() {
    check(
        vec![
            vec![dir("usr/lib"), symlink("lib", "usr/lib")],
            vec![dir("lib"), sized("lib/x", 10)],
        ],
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
}

#[test]
fn a_loop_of_links_resolves_to_nothing() {
    let view = View::merge(&[layer(vec![symlink("l", "m"), symlink("m", "l")])]);
    assert_eq!(view.follow(&"l".into()), None);
}

#[test]
fn bytes_that_no_runtime_unpacks_are_residue() {
    check(
        vec![vec![
            sized(".wh..wh.plnk/1.2", 5),
            sized(".wh.x", 7),
            sized("a/.wh..wh.aufs", 11),
        ]],
        &[],
        &[
            (".wh..wh.plnk/1.2", 5, Deleted, 0),
            (".wh.x", 7, Deleted, 0),
            ("a/.wh..wh.aufs", 11, Deleted, 0),
        ],
    );
}

#[test]
fn a_layer_that_was_not_looked_at_changes_nothing() {
    let unseen = ImageLayer {
        descriptor: None,
        declared_diff_id: None,
        compressed: None,
        state: LayerState::NotLookedAt {
            why: "foreign".into(),
            failed: true,
        },
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
    let view = View::merge(&[
        layer(vec![sized(&format!("{deep}f"), 1)]),
        layer(vec![file(".wh.d", b"")]),
    ]);
    assert!(view.is_empty());
}

/// The plain model: a map from path to what stands there, changed entry by entry.
#[derive(Clone, Debug, PartialEq)]
struct Thing {
    /// `None`: an implied directory.
    node: Option<Node>,
    kind: EntryKind,
    link: Vec<u8>,
    /// Where the content is.
    inode: Option<Node>,
    layer: usize,
}

#[derive(Default)]
struct Model {
    root: BTreeMap<Vec<String>, Thing>,
    layer: usize,
}

impl Model {
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let mut todo: Vec<String> = path.iter().rev().cloned().collect();
        let mut at: Vec<String> = vec![];
        let mut hops = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    at.pop();
                    continue;
                }
                _ => {}
            }
            at.push(part);
            if let Some(t) = self.root.get(&at)
                && t.kind == EntryKind::Symlink
                && hops < 255
            {
                hops += 1;
                at.pop();
                let target = String::from_utf8(t.link.clone()).unwrap();
                if target.starts_with('/') {
                    at.clear();
                }
                todo.extend(target.split('/').rev().map(str::to_owned));
            }
        }
        at
    }

    fn below(&self, path: &[String]) -> Vec<Vec<String>> {
        self.root
            .keys()
            .filter(|k| k.len() >= path.len() && k[..path.len()] == *path)
            .cloned()
            .collect()
    }

    fn remove(&mut self, path: &[String]) {
        for k in self.below(path) {
            self.root.remove(&k);
        }
    }

    /// A thing of this layer, or a directory with one below.
    fn upper(&self, path: &[String]) -> bool {
        self.below(path)
            .iter()
            .any(|k| self.root[k].layer == self.layer)
    }

    fn apply(&mut self, number: u32, e: &Entry) {
        let node = Node {
            layer: self.layer,
            entry: number,
        };
        let text = e.path.to_text();
        let mut parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let name = parts.pop().unwrap();
        let parent = self.resolve(&parts);
        if let Some(hidden) = name.strip_prefix(".wh.") {
            let opaque = name == ".wh..wh..opq";
            let mut top = parent.clone();
            if !opaque {
                top.push(hidden.to_owned());
            }
            for k in self.below(&top) {
                if (!opaque || k != top) && !self.upper(&k) {
                    self.root.remove(&k);
                }
            }
            return;
        }
        for n in 1..=parent.len() {
            let dir = parent[..n].to_vec();
            let is_dir = |t: &Thing| t.kind == EntryKind::Directory;
            if !self.root.get(&dir).is_some_and(is_dir) {
                self.remove(&dir);
                let layer = self.layer;
                self.root.insert(
                    dir,
                    Thing {
                        node: None,
                        kind: EntryKind::Directory,
                        link: vec![],
                        inode: None,
                        layer,
                    },
                );
            }
        }
        let mut path = parent;
        path.push(name);
        let merges = e.is_dir()
            && self
                .root
                .get(&path)
                .is_some_and(|t| t.kind == EntryKind::Directory);
        if !merges {
            self.remove(&path);
        }
        let link = e.link.clone().unwrap_or_default();
        let mut thing = Thing {
            node: Some(node),
            kind: e.kind,
            link,
            inode: e.is_file().then_some(node),
            layer: self.layer,
        };
        if e.kind == EntryKind::HardLink {
            let text = String::from_utf8(thing.link.clone()).unwrap();
            let mut parts: Vec<String> = text.split('/').map(str::to_owned).collect();
            let name = parts.pop().unwrap();
            let mut target = self.resolve(&parts);
            target.push(name);
            match self.root.get(&target) {
                Some(t) if t.kind != EntryKind::Directory => {
                    thing = Thing {
                        node: Some(node),
                        layer: self.layer,
                        ..t.clone()
                    };
                }
                _ => thing.link.clear(),
            }
        }
        self.root.insert(path, thing);
    }

    fn inodes(&self) -> BTreeSet<Node> {
        self.root.values().filter_map(|t| t.inode).collect()
    }
}

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 1..4)
        .prop_map(|p| p.join("/"))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let target = prop_oneof![
        any_path(),
        any_path().prop_map(|p| format!("/{p}")),
        any_path().prop_map(|p| format!("../{p}")),
        Just("..".to_owned()),
    ];
    prop_oneof![
        6 => (any_path(), 0u64..5).prop_map(|(p, n)| sized(&p, n * 10)),
        // The same content again and again.
        3 => any_path().prop_map(|p| file(&p, b"same")),
        3 => any_path().prop_map(|p| dir(&p)),
        3 => (any_path(), target).prop_map(|(p, t)| symlink(&p, &t)),
        3 => (any_path(), any_path()).prop_map(|(p, t)| hard_link(&p, &t)),
        1 => any_path().prop_map(|p| entry(&p, EntryKind::Fifo, None)),
        3 => any_path().prop_map(|p| {
            let p = LayerPath::from(p.as_str());
            let name = [b".wh.", p.name()].concat();
            entry(&p.parent().unwrap_or_default().join(&name).to_text(), EntryKind::File, None)
        }),
        1 => any_path().prop_map(|p| file(&format!("{p}/.wh..wh..opq"), b"")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_view_is_what_really_applying_the_layers_gives(
        layers in prop::collection::vec(prop::collection::vec(any_entry(), 0..12), 1..5)
    ) {
        let mut model = Model::default();
        let mut hidden_by: BTreeMap<Node, usize> = BTreeMap::new();
        for (number, entries) in layers.iter().enumerate() {
            model.layer = number;
            let mut before = model.inodes();
            for (i, e) in entries.iter().enumerate() {
                model.apply(i as u32, e);
                if e.is_file() && e.path.whiteout().is_none() {
                    before.insert(Node { layer: number, entry: i as u32 });
                }
            }
            for gone in before.difference(&model.inodes()) {
                hidden_by.insert(*gone, number);
            }
        }
        let view = View::merge(&layers.iter().cloned().map(layer).collect::<Vec<_>>());

        let got: BTreeMap<String, Node> = view.iter().map(|(p, n)| (p.to_text(), n)).collect();
        let want: BTreeMap<String, Node> = model.root.iter()
            .filter_map(|(p, t)| Some((p.join("/"), t.node?)))
            .collect();
        prop_assert_eq!(&got, &want);
        for (path, thing) in &model.root {
            if let Some(node) = thing.node {
                let content = view.content_of(node).filter(|n| view.entry(*n).is_file());
                prop_assert_eq!(content, thing.inode);
                prop_assert_eq!(view.get(&LayerPath::from(path.join("/").as_str())), Some(node));
            }
        }
        let on_disk: u64 = model.inodes().iter().map(|n| view.entry(*n).size).sum();
        prop_assert_eq!(view.on_disk_bytes(), on_disk);

        let got: BTreeMap<Node, usize> = residue(&view).iter().map(|r| (r.node, r.hidden_by)).collect();
        hidden_by.retain(|n, _| view.entry(*n).size > 0);
        prop_assert_eq!(got, hidden_by);
        for r in residue(&view) {
            prop_assert_eq!(r.kind == DuplicateEntry, r.hidden_by == r.node.layer);
        }
        conserved(&view);
    }
}
