//! The merge and the residue against a plain model that really applies the layers to a map.

use super::accounting::conserved;
use super::residue::{ResidueKind::DuplicateEntry, residue};
use super::testing::*;
use super::view::{Node, View};
use crate::layer::{Entry, EntryKind, LayerPath};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
        self.below(path).iter().any(|k| self.root[k].layer == self.layer)
    }

    fn apply(&mut self, number: u32, e: &Entry) {
        let node = Node { layer: self.layer, entry: number };
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
        let merges =
            e.is_dir() && self.root.get(&path).is_some_and(|t| t.kind == EntryKind::Directory);
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
                    thing = Thing { node: Some(node), layer: self.layer, ..t.clone() };
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
