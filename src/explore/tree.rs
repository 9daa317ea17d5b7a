//! A tree of files with what is in each folder summed up: of the final file system, or of one layer.
//!
//! Kept in the order of a walk, so that all that is below an entry is one range.

use crate::image::view::Node;
use crate::image::{EntryState, state_of};
use crate::index::EntryRef;
use crate::layer::{LayerPath, Whiteout};
use crate::pipeline::explore::OpenImage;
use crate::text::Sanitized;
use std::collections::{HashMap, HashSet};

/// A file of more than this is one to know about.
const BIG: u64 = 1_000_000;

const SETUID: u32 = 0o6000;

/// What is to be known of an entry, and of a folder by what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u16);

impl Marks {
    pub const FINDING: Self = Self(1);
    pub const UNNEEDED: Self = Self(2);
    pub const SETUID: Self = Self(4);
    pub const BIG: Self = Self(8);
    /// A later layer hides it.
    pub const HIDDEN: Self = Self(16);
    pub const ADDED: Self = Self(32);
    pub const CHANGED: Self = Self(64);
    pub const REMOVED: Self = Self(128);
    /// It is in what is looked at; without it, a later layer hides it there.
    pub const SHOWN: Self = Self(256);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Which entries are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    All,
    Findings,
    Unneeded,
    Hidden,
    Big,
    Setuid,
    Changed,
}

impl Filter {
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Findings,
        Self::Unneeded,
        Self::Hidden,
        Self::Big,
        Self::Setuid,
        Self::Changed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all files",
            Self::Findings => "with findings",
            Self::Unneeded => "not needed in production",
            Self::Hidden => "hidden later",
            Self::Big => "above 1 MB",
            Self::Setuid => "setuid or setgid",
            Self::Changed => "changed or removed here",
        }
    }

    fn marks(self) -> Marks {
        match self {
            Self::All => Marks::SHOWN,
            Self::Findings => Marks::FINDING,
            Self::Unneeded => Marks::UNNEEDED,
            Self::Hidden => Marks::HIDDEN,
            Self::Big => Marks::BIG,
            Self::Setuid => Marks::SETUID,
            Self::Changed => Marks(Marks::CHANGED.0 | Marks::REMOVED.0),
        }
    }
}

/// One line of a tree.
pub struct TreeEntry {
    /// Harmless on a terminal.
    pub name: Box<str>,
    pub parent: u32,
    /// The first entry that is not below this one.
    pub end: u32,
    pub depth: u16,
    pub is_dir: bool,
    /// `None` for a folder that no layer names.
    pub node: Option<Node>,
    /// Of the file, or of all that is below.
    pub bytes: u64,
    /// The same of what a later layer hides.
    pub hidden: u64,
    pub own: Marks,
    /// Its own and of all that is below.
    pub below: Marks,
}

pub struct Tree {
    /// The root first.
    entries: Vec<TreeEntry>,
}

/// What a tree is made of, before it is one.
struct Item {
    path: LayerPath,
    node: Node,
    is_dir: bool,
    bytes: u64,
    marks: Marks,
}

impl Tree {
    /// What a container shows. A file of several names counts at one of them.
    pub fn merged(open: &OpenImage) -> Self {
        let view = &open.facts.view;
        let findings = finding_places(open);
        let ghosts = open.facts.residue.iter().map(|r| {
            let mut marks = marks_of(view.entry(r.node));
            marks.add(Marks::HIDDEN);
            if findings.contains(&(r.node.layer, &view.entry(r.node).path())) {
                marks.add(Marks::FINDING);
            }
            Item { path: r.path.clone(), node: r.node, is_dir: false, bytes: r.bytes, marks }
        });
        let items = view.iter().map(|(path, node)| {
            let entry = view.entry(node);
            let mut marks = marks_of(entry);
            marks.add(Marks::SHOWN);
            if findings.contains(&(node.layer, &path)) {
                marks.add(Marks::FINDING);
            }
            Item { path, node, is_dir: entry.is_dir(), bytes: view.bytes_of(node), marks }
        });
        // What is hidden stands first: below a folder of the same path its files must follow at once.
        Self::build(ghosts.chain(items).collect(), &unneeded_paths(open))
    }

    /// What one layer brings, changes and removes.
    pub fn of_layer(open: &OpenImage, number: usize) -> Self {
        let view = &open.facts.view;
        let Some(index) = view.index(number) else {
            return Self::build(Vec::new(), &HashSet::new());
        };
        let lower: HashSet<LayerPath> = (0..number)
            .filter_map(|n| view.index(n))
            .flat_map(|l| l.entries.iter().map(|e| e.path()))
            .collect();
        let findings = finding_places(open);
        // Of an entry that stands twice in a tar the last one counts.
        let mut items: HashMap<LayerPath, Item> = HashMap::new();
        for (i, entry) in index.entries.iter().enumerate() {
            let node = Node { layer: number, entry: i as u32 };
            let (path, mut marks) = match entry.path().whiteout() {
                Some(Whiteout::Opaque(dir)) => (dir, Marks::REMOVED),
                Some(Whiteout::Of(path)) => (path, Marks::REMOVED),
                None => (entry.path(), marks_of(entry)),
            };
            let removed = marks.has(Marks::REMOVED);
            if !removed {
                marks.add(if lower.contains(&path) { Marks::CHANGED } else { Marks::ADDED });
                if !entry.is_dir() && state_of(view, node) != EntryState::Visible {
                    marks.add(Marks::HIDDEN);
                }
                if findings.contains(&(number, &path)) {
                    marks.add(Marks::FINDING);
                }
            }
            // A folder that is only passed through is no change.
            if entry.is_dir() && !removed {
                marks = Marks::default();
            }
            marks.add(Marks::SHOWN);
            let bytes = if entry.is_file() && !removed { entry.size } else { 0 };
            let is_dir = entry.is_dir() && !removed;
            items.insert(path.clone(), Item { path, node, is_dir, bytes, marks });
        }
        Self::build(items.into_values().collect(), &unneeded_paths(open))
    }

    fn build(mut items: Vec<Item>, unneeded: &HashSet<LayerPath>) -> Self {
        // `a/b` directly below `a`, before `a.b`: a slash comes before every other byte.
        fn key(path: &LayerPath) -> impl Iterator<Item = u16> {
            path.as_bytes().iter().map(|&b| if b == b'/' { 0 } else { u16::from(b) + 1 })
        }
        items.sort_by(|a, b| key(&a.path).cmp(key(&b.path)));
        let mut tree = Self { entries: vec![entry("", 0, 0, true, None, 0, Marks::SHOWN)] };
        // The folders that are open, from the root.
        let mut open: Vec<(u32, Vec<u8>, bool)> = vec![(0, Vec::new(), false)];
        for item in items {
            if item.path.is_root() {
                tree.entries[0].node = Some(item.node);
                continue;
            }
            let path = item.path.as_bytes();
            while open.len() > 1 && !is_below(path, &open[open.len() - 1].1) {
                tree.close(open.pop());
            }
            let known =
                open.last().map_or(0, |(_, p, _)| if p.is_empty() { 0 } else { p.len() + 1 });
            let mut from = known.min(path.len());
            let ends =
                memchr::memchr_iter(b'/', &path[from..]).map(|i| from + i).collect::<Vec<_>>();
            for end in ends.into_iter().chain([path.len()]) {
                let last = end == path.len();
                let (parent, _, within) =
                    open.last().map_or((0, &[][..], false), |(n, p, u)| (*n, p, *u));
                let here = LayerPath::new(&path[..end]);
                let is_unneeded = within || unneeded.contains(&here);
                let name = Sanitized(&path[from..end]).to_string();
                let depth = open.len() as u16;
                let number = tree.entries.len() as u32;
                let mut marks = if last { item.marks } else { Marks::default() };
                let is_dir = !last || item.is_dir;
                if is_unneeded && !is_dir && marks.has(Marks::SHOWN) && !marks.has(Marks::REMOVED) {
                    marks.add(Marks::UNNEEDED);
                }
                let node = last.then_some(item.node);
                let bytes = if last { item.bytes } else { 0 };
                tree.entries.push(entry(&name, parent, depth, is_dir, node, bytes, marks));
                open.push((number, path[..end].to_vec(), is_unneeded));
                from = (end + 1).min(path.len());
            }
        }
        while let Some(last) = open.pop() {
            tree.close(Some(last));
        }
        tree.sum();
        tree
    }

    fn close(&mut self, folder: Option<(u32, Vec<u8>, bool)>) {
        if let Some((number, _, _)) = folder {
            self.entries[number as usize].end = self.entries.len() as u32;
        }
    }

    /// Folders by what is in them: children stand behind their parents.
    fn sum(&mut self) {
        for i in (1..self.entries.len()).rev() {
            let TreeEntry { bytes, hidden, below: marks, parent, .. } = self.entries[i];
            let parent = &mut self.entries[parent as usize];
            parent.bytes = parent.bytes.saturating_add(bytes);
            parent.hidden = parent.hidden.saturating_add(hidden);
            parent.below.add(marks);
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.len() <= 1
    }

    pub fn get(&self, number: u32) -> &TreeEntry {
        &self.entries[number as usize]
    }

    pub fn children(&self, of: u32) -> impl Iterator<Item = u32> {
        let end = self.get(of).end;
        let mut at = of + 1;
        std::iter::from_fn(move || {
            let here = at;
            (here < end).then(|| {
                at = self.get(here).end;
                here
            })
        })
    }

    /// With its folders, harmless on a terminal, without a leading `/`.
    pub fn path(&self, number: u32) -> String {
        let mut names = Vec::new();
        let mut at = number;
        while at != 0 {
            names.push(&*self.get(at).name);
            at = self.get(at).parent;
        }
        names.reverse();
        names.join("/")
    }

    /// The entry of a layer's entry.
    pub fn find(&self, node: Node) -> Option<u32> {
        self.entries.iter().position(|e| e.node == Some(node)).map(|i| i as u32)
    }

    /// Bytes of what a filter shows of an entry.
    pub fn weight(&self, number: u32, filter: Filter) -> u64 {
        let entry = self.get(number);
        if filter == Filter::Hidden || !entry.below.has(Marks::SHOWN) {
            entry.hidden
        } else {
            entry.bytes
        }
    }

    /// Whether an entry, or something below it, is shown.
    pub fn fits(&self, number: u32, filter: Filter) -> bool {
        self.get(number).below.has(filter.marks())
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn entry(
    name: &str,
    parent: u32,
    depth: u16,
    is_dir: bool,
    node: Option<Node>,
    bytes: u64,
    own: Marks,
) -> TreeEntry {
    let shown = own.has(Marks::SHOWN) || node.is_none();
    TreeEntry {
        name: name.into(),
        parent,
        end: 0,
        depth,
        is_dir,
        node,
        bytes: if shown { bytes } else { 0 },
        hidden: if own.has(Marks::HIDDEN) { bytes } else { 0 },
        own,
        below: own,
    }
}

fn marks_of(entry: EntryRef) -> Marks {
    let mut marks = Marks::default();
    if entry.is_file() && entry.mode & SETUID != 0 {
        marks.add(Marks::SETUID);
    }
    if entry.is_file() && entry.size >= BIG {
        marks.add(Marks::BIG);
    }
    marks
}

/// Layer and path of every finding that is a file, other places of the same secret too.
fn finding_places(open: &OpenImage) -> FindingPlaces {
    let mut places = FindingPlaces::default();
    for f in &open.report.findings {
        let also = f.also.iter().map(|a| (a.layer, &a.path));
        for (layer, path) in std::iter::once((f.layer, &f.path)).chain(also) {
            if let (Some(layer), Some(path)) = (layer, path) {
                places.0.entry(layer).or_default().insert(LayerPath::from(path.as_str()));
            }
        }
    }
    places
}

#[derive(Default)]
struct FindingPlaces(HashMap<usize, HashSet<LayerPath>>);

impl FindingPlaces {
    fn contains(&self, (layer, path): &(usize, &LayerPath)) -> bool {
        self.0.get(layer).is_some_and(|paths| paths.contains(*path))
    }
}

fn unneeded_paths(open: &OpenImage) -> HashSet<LayerPath> {
    open.facts.unneeded.iter().flat_map(|u| u.paths.iter().cloned()).collect()
}
