//! The merge and the residue against a plain model that really unpacks each layer into a map of its own and
//! lays these over each other.

use super::accounting::conserved;
use super::testing::*;
use super::view::{Node, View};
use super::waste::{ResidueKind::DuplicateEntry, residue};
use crate::layer::{Entry, EntryKind, LayerPath};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The plain model: a map from path to what stands there. One for each layer, changed entry by entry; then
/// they are laid over each other.
#[derive(Clone, Debug, PartialEq)]
struct Thing {
    /// `None`: an implied directory or a deletion.
    node: Option<Node>,
    what: What,
    /// Where the content is.
    inode: Option<Node>,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    /// Whether lower layers are seen in it.
    Directory(bool),
    Link(String),
    Other,
    Gone,
}

type Folder = BTreeMap<Vec<String>, Thing>;

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// Everything at and below a path.
fn below(folder: &Folder, path: &[String]) -> Vec<Vec<String>> {
    folder.keys().filter(|k| k.starts_with(path)).cloned().collect()
}

fn remove(folder: &mut Folder, path: &[String]) {
    for k in below(folder, path) {
        folder.remove(&k);
    }
}

/// One layer in a folder of its own.
#[derive(Default)]
struct Unpacked {
    folder: Folder,
    layer: usize,
}

impl Unpacked {
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
            if let Some(Thing { what: What::Link(target), .. }) = self.folder.get(&at)
                && hops < 255
            {
                hops += 1;
                at.pop();
                if target.starts_with('/') {
                    at.clear();
                }
                todo.extend(target.split('/').rev().map(str::to_owned));
            }
        }
        at
    }

    fn is_dir(&self, path: &[String]) -> bool {
        path.is_empty()
            || matches!(self.folder.get(path), Some(Thing { what: What::Directory(_), .. }))
    }

    /// Makes a path of directories, whatever stands there.
    fn make(&mut self, path: &[String]) {
        for n in 1..=path.len() {
            let dir = path[..n].to_vec();
            if !self.is_dir(&dir) {
                let deleted = matches!(self.folder.get(&dir), Some(Thing { what: What::Gone, .. }));
                self.put(dir, None, What::Directory(!deleted), None);
            }
        }
    }

    fn put(&mut self, path: Vec<String>, node: Option<Node>, what: What, inode: Option<Node>) {
        if !matches!(what, What::Directory(_)) || !self.is_dir(&path) {
            remove(&mut self.folder, &path);
        }
        self.folder.insert(path, Thing { node, what, inode });
    }

    fn apply(&mut self, number: u32, e: &Entry) {
        let node = Node { layer: self.layer, entry: number };
        let mut path = parts(&e.path.to_text());
        let name = path.pop().unwrap();
        let parent = self.resolve(&path);
        let mut path = parent.clone();
        if let Some(hidden) = name.strip_prefix(".wh.") {
            let blocked = (1..=parent.len()).any(|n| {
                let dir = &parent[..n];
                self.folder.contains_key(dir) && !self.is_dir(dir)
            });
            if blocked {
                return;
            }
            self.make(&parent);
            if name != ".wh..wh..opq" {
                path.push(hidden.to_owned());
                self.folder.entry(path.clone()).or_insert(Thing {
                    node: None,
                    what: What::Gone,
                    inode: None,
                });
            }
            if let Some(Thing { what: What::Directory(merges), .. }) = self.folder.get_mut(&path) {
                *merges = false;
            }
            return;
        }
        self.make(&parent);
        path.push(name);
        let merges = match self.folder.get(&path) {
            Some(Thing { what: What::Directory(merges), .. }) => *merges,
            _ => true,
        };
        if !(e.is_dir() && self.is_dir(&path)) {
            remove(&mut self.folder, &path);
        }
        let (what, inode) = match e.kind {
            EntryKind::Directory => (What::Directory(merges), None),
            EntryKind::Symlink => {
                (What::Link(String::from_utf8(e.link.clone().unwrap()).unwrap()), None)
            }
            EntryKind::CharDevice => (What::Gone, None),
            EntryKind::HardLink => {
                let mut of = parts(std::str::from_utf8(e.link.as_ref().unwrap()).unwrap());
                let name = of.pop().unwrap();
                let mut target = self.resolve(&of);
                target.push(name);
                match self.folder.get(&target) {
                    Some(t) if !self.is_dir(&target) => (t.what.clone(), t.inode),
                    _ => (What::Other, None),
                }
            }
            _ => (What::Other, e.is_file().then_some(node)),
        };
        let node = (what != What::Gone).then_some(node);
        self.put(path, node, what, inode);
    }
}

/// Lays a layer over what is there.
fn over(image: &mut Folder, layer: &Folder) {
    for (path, thing) in layer {
        match thing.what {
            What::Gone => remove(image, path),
            What::Directory(merges) => {
                let is_dir = |t: &Thing| matches!(t.what, What::Directory(_));
                if !image.get(path).is_some_and(is_dir) {
                    remove(image, path);
                } else if !merges {
                    let own = image.remove(path).unwrap();
                    remove(image, path);
                    image.insert(path.clone(), own);
                }
                if thing.node.is_some() || !image.contains_key(path) {
                    image.insert(path.clone(), thing.clone());
                }
            }
            _ => {
                remove(image, path);
                image.insert(path.clone(), thing.clone());
            }
        }
    }
}

fn inodes(folder: &Folder) -> BTreeSet<Node> {
    folder.values().filter_map(|t| t.inode).collect()
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
        1 => any_path().prop_map(|p| Entry {
            device: Some((0, 0)),
            ..entry(&p, EntryKind::CharDevice, None)
        }),
        3 => any_path().prop_map(|p| {
            let p = LayerPath::from(p.as_str());
            let name = [b".wh.", p.name()].concat();
            entry(&p.parent().unwrap_or_default().join(&name).to_text(), EntryKind::File, None)
        }),
        1 => any_path().prop_map(|p| file(&format!("{p}/.wh..wh..opq"), b"")),
        1 => any_path().prop_map(|p| sized(&format!(".wh..wh.x/{p}"), 7)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_view_is_what_really_applying_the_layers_gives(
        layers in prop::collection::vec(prop::collection::vec(any_entry(), 0..12), 1..5)
    ) {
        let mut image = Folder::new();
        let mut hidden_by: BTreeMap<Node, usize> = BTreeMap::new();
        for (number, entries) in layers.iter().enumerate() {
            let mut layer = Unpacked { layer: number, ..Unpacked::default() };
            let mut before = inodes(&image);
            for (i, e) in entries.iter().enumerate() {
                layer.apply(i as u32, e);
                if e.is_file() && !e.path.is_marker() {
                    before.insert(Node { layer: number, entry: i as u32 });
                }
            }
            over(&mut image, &layer.folder);
            for gone in before.difference(&inodes(&image)) {
                hidden_by.insert(*gone, number);
            }
        }
        let view = View::merge(&layers.iter().cloned().map(layer).collect::<Vec<_>>());

        let got: BTreeMap<String, Node> = view.iter().map(|(p, n)| (p.to_text(), n)).collect();
        let want: BTreeMap<String, Node> = image.iter()
            .filter_map(|(p, t)| Some((p.join("/"), t.node?)))
            .collect();
        prop_assert_eq!(&got, &want);
        for (path, thing) in &image {
            if let Some(node) = thing.node {
                let content = view.content_of(node).filter(|n| view.entry(*n).is_file());
                prop_assert_eq!(content, thing.inode);
                prop_assert_eq!(view.get(&LayerPath::from(path.join("/").as_str())), Some(node));
            }
        }
        let on_disk: u64 = inodes(&image).iter().map(|n| view.entry(*n).size).sum();
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
