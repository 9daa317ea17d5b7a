//! The merge itself: applies the entries of each layer, in the order of its tar, to a tree of names,
//! and writes down for each entry what became of it.
//!
//! Works on names and kinds only. Every choice is what containerd and umoci do when they unpack; where
//! they would refuse an image (a parent that is a file, a link loop) the newest entry wins, so that
//! nothing can hide from the report.

mod removal;

use super::residue::ResidueKind;
use crate::index::LayerIndex;
use crate::layer::{Entry, EntryKind, LayerPath};
use std::collections::HashMap;
use std::sync::Arc;

/// Symlinks followed for one path, as `securejoin` has it.
const MAX_HOPS: u32 = 255;

/// A longer target cannot be made on Linux (`PATH_MAX` less the end mark).
const MAX_TARGET: usize = 4095;

/// Steps taken and path bytes made for entries whose parents are symlinks, in one image. Real images
/// need some millions; without it a few links could make a merge run for days. Beyond it an entry
/// lands at the path that it names.
const LINK_BUDGET: u64 = 64 << 20;

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// What became of one entry.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The record that holds the content: itself, or the file that a hard link names.
    pub content: u32,
    /// Names that the content has now.
    pub links: u32,
    /// The record at whose path the content's bytes are counted.
    pub counted_at: u32,
    /// How it went and the layer that did it; `None` while it is visible.
    pub gone: Option<(ResidueKind, u32)>,
}

/// The outcome of a merge.
pub(super) struct Merged {
    /// One for each entry of each layer, in order.
    pub records: Vec<Record>,
    /// The record number of each layer's first entry.
    pub starts: Vec<u32>,
    /// Records that are visible, by path.
    pub visible: Vec<u32>,
    /// Where an entry landed, if not at the path that it names.
    pub moved: HashMap<u32, LayerPath>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PlaceKind {
    Absent,
    Directory,
    Symlink,
    Other,
}

/// One name in the tree. It stays for ever, so that the same path is always the same place.
struct Place<'a> {
    parent: u32,
    name: &'a [u8],
    kind: PlaceKind,
    /// The entry that stands here; `NONE` for an implied directory.
    record: u32,
    /// 1 + the last layer that wrote here or below.
    touched: u32,
    /// 1 + the last layer in which everything of lower layers below was removed: no second look.
    cleared: u32,
    /// The present children, as a list through `next` and `previous`.
    child: u32,
    next: u32,
    previous: u32,
}

struct Tree<'a> {
    places: Vec<Place<'a>>,
    names: HashMap<(u32, &'a [u8]), u32>,
    records: Vec<Record>,
    entries: Vec<&'a Entry>,
    moved: HashMap<u32, LayerPath>,
    /// 1 + the number of the layer being applied.
    stamp: u32,
    /// Its first record.
    start: u32,
    /// Place and content of each name that went in this layer.
    deaths: Vec<(u32, u32)>,
    budget: u64,
}

/// A directory as far as it exists, and the parts below that do not.
struct Resolved<'a> {
    at: u32,
    missing: Vec<&'a [u8]>,
    through_link: bool,
}

/// Applies the layers, base first. A layer without an index changes nothing.
pub(super) fn merge(layers: &[Option<Arc<LayerIndex>>]) -> Merged {
    let total: usize = layers.iter().flatten().map(|l| l.entries.len()).sum();
    let mut tree = Tree {
        places: Vec::with_capacity(total + 1),
        names: HashMap::with_capacity(total),
        records: Vec::with_capacity(total),
        entries: Vec::with_capacity(total),
        moved: HashMap::new(),
        stamp: 0,
        start: 0,
        deaths: Vec::new(),
        budget: LINK_BUDGET,
    };
    tree.places.push(Place::new(ROOT, b""));
    tree.places[0].kind = PlaceKind::Directory;
    let mut starts = Vec::with_capacity(layers.len());
    for layer in layers {
        tree.stamp += 1;
        tree.start = tree.records.len() as u32;
        starts.push(tree.start);
        for entry in layer.iter().flat_map(|l| &l.entries) {
            tree.apply(entry);
        }
        tree.name_the_deaths();
    }
    tree.finish(starts)
}

impl<'a> Place<'a> {
    fn new(parent: u32, name: &'a [u8]) -> Self {
        Self {
            parent,
            name,
            kind: PlaceKind::Absent,
            record: NONE,
            touched: 0,
            cleared: 0,
            child: NONE,
            next: NONE,
            previous: NONE,
        }
    }
}

/// `path` as directory and last part; the directory of a top-level name is empty.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"", path),
    }
}

impl<'a> Tree<'a> {
    fn place(&mut self, id: u32) -> &mut Place<'a> {
        &mut self.places[id as usize]
    }

    fn kind(&self, id: u32) -> PlaceKind {
        self.places[id as usize].kind
    }

    fn apply(&mut self, entry: &'a Entry) {
        let record = self.records.len() as u32;
        self.entries.push(entry);
        self.records.push(Record {
            content: record,
            links: 0,
            counted_at: record,
            // Until it is placed: bytes that no runtime unpacks.
            gone: Some((ResidueKind::Deleted, self.stamp - 1)),
        });
        let path = entry.path.as_bytes();
        let (directory, name) = split(path);
        // aufs keeps its books at the root; containerd skips all that is below, too.
        let top = path.split(|&b| b == b'/').next().unwrap_or_default();
        let aufs = top.starts_with(b".wh..wh.") && top != b".wh..wh..opq";
        if path.is_empty() {
            // A root that is no directory is refused or ignored everywhere.
            if entry.is_dir() {
                self.stand(ROOT, record, PlaceKind::Directory);
            }
        } else if aufs || entry.path.is_aufs_metadata() {
        } else if let Some(hidden) = name.strip_prefix(b".wh.") {
            self.whiteout(directory, name, hidden);
        } else {
            self.add(entry, record, directory, name);
        }
    }

    fn whiteout(&mut self, directory: &'a [u8], name: &[u8], hidden: &'a [u8]) {
        let resolved = self.resolve(directory);
        if !resolved.missing.is_empty() {
            return;
        }
        if name == b".wh..wh..opq" {
            self.clear_below(vec![resolved.at], ResidueKind::Opaque);
        } else if !matches!(hidden, b"" | b"." | b"..")
            && let Some(id) = self.child(resolved.at, hidden)
        {
            self.clear(id, ResidueKind::Deleted);
        }
    }

    fn add(&mut self, entry: &'a Entry, record: u32, directory: &'a [u8], name: &'a [u8]) {
        let resolved = self.resolve(directory);
        let parent = self.make_directories(resolved.at, &resolved.missing);
        let id = self.intern(parent, name);
        let merges = entry.is_dir() && self.kind(id) == PlaceKind::Directory;
        if !merges && self.kind(id) != PlaceKind::Absent {
            self.remove(id, ResidueKind::Overwritten);
        }
        let kind = match entry.kind {
            EntryKind::Directory => PlaceKind::Directory,
            EntryKind::Symlink => PlaceKind::Symlink,
            EntryKind::HardLink => self.link(entry, record),
            _ => PlaceKind::Other,
        };
        if self.kind(id) == PlaceKind::Absent {
            self.appear(id, kind);
        }
        self.stand(id, record, kind);
        if resolved.through_link {
            let landed = self.path(id);
            self.budget = self.budget.saturating_sub(landed.as_bytes().len() as u64);
            if landed != entry.path {
                self.moved.insert(record, landed);
            }
        }
    }

    /// Ties a hard link to its content. The last part of the target is not followed.
    fn link(&mut self, entry: &'a Entry, record: u32) -> PlaceKind {
        let (directory, name) = split(entry.link.as_deref().unwrap_or_default());
        let resolved = self.resolve(directory);
        let target = match resolved.missing.is_empty() {
            true => self.child(resolved.at, name),
            false => None,
        };
        let Some(target) = target else {
            return PlaceKind::Other;
        };
        let of = self.places[target as usize].record;
        match self.kind(target) {
            kind @ (PlaceKind::Symlink | PlaceKind::Other) if of != NONE => {
                self.records[record as usize].content = self.records[of as usize].content;
                kind
            }
            _ => PlaceKind::Other,
        }
    }

    /// Puts an entry at a present place.
    fn stand(&mut self, id: u32, record: u32, kind: PlaceKind) {
        let before = std::mem::replace(&mut self.place(id).record, record);
        if before != NONE {
            self.release(id, before, ResidueKind::Overwritten);
        }
        self.place(id).kind = kind;
        let content = self.records[record as usize].content as usize;
        self.records[record as usize].gone = None;
        self.records[content].links += 1;
        let stamp = self.stamp;
        let mut up = id;
        while self.places[up as usize].touched != stamp {
            self.place(up).touched = stamp;
            up = self.places[up as usize].parent;
        }
    }

    fn child(&self, parent: u32, name: &'a [u8]) -> Option<u32> {
        let id = *self.names.get(&(parent, name))?;
        (self.kind(id) != PlaceKind::Absent).then_some(id)
    }

    fn intern(&mut self, parent: u32, name: &'a [u8]) -> u32 {
        let next = self.places.len() as u32;
        let id = *self.names.entry((parent, name)).or_insert(next);
        if id == next {
            self.places.push(Place::new(parent, name));
        }
        id
    }

    /// Makes an absent place present, without an entry yet.
    fn appear(&mut self, id: u32, kind: PlaceKind) {
        let parent = self.places[id as usize].parent;
        let first = std::mem::replace(&mut self.place(parent).child, id);
        if first != NONE {
            self.place(first).previous = id;
        }
        let stamp = self.stamp;
        let place = self.place(id);
        place.kind = kind;
        place.next = first;
        place.previous = NONE;
        place.child = NONE;
        // Nothing of a lower layer is below a directory that this layer makes.
        place.cleared = stamp;
    }

    fn make_directories(&mut self, mut at: u32, missing: &[&'a [u8]]) -> u32 {
        for name in missing {
            let id = self.intern(at, name);
            if !matches!(self.kind(id), PlaceKind::Absent | PlaceKind::Directory) {
                self.remove(id, ResidueKind::Overwritten);
            }
            if self.kind(id) == PlaceKind::Absent {
                self.appear(id, PlaceKind::Directory);
            }
            at = id;
        }
        at
    }

    /// Finds a directory, symlinks in every part followed inside the root.
    fn resolve(&mut self, path: &'a [u8]) -> Resolved<'a> {
        let mut out = Resolved { at: ROOT, missing: Vec::new(), through_link: false };
        let mut hops = 0;
        let mut todo = vec![path];
        while let Some(path) = todo.pop() {
            let (part, rest) = match memchr::memchr(b'/', path) {
                Some(i) => (&path[..i], &path[i + 1..]),
                None => (path, &b""[..]),
            };
            if !rest.is_empty() {
                todo.push(rest);
            }
            if hops > 0 {
                self.budget = self.budget.saturating_sub(1);
            }
            match part {
                b"" | b"." => continue,
                b".." => {
                    if out.missing.pop().is_none() {
                        out.at = self.places[out.at as usize].parent;
                    }
                    continue;
                }
                _ => {}
            }
            let found = match out.missing.is_empty() {
                true => self.child(out.at, part),
                false => None,
            };
            match found.map(|id| (id, self.kind(id))) {
                Some((id, PlaceKind::Directory)) => out.at = id,
                Some((id, PlaceKind::Symlink)) if hops < MAX_HOPS && self.budget > 0 => {
                    let target = self.target(id);
                    if target.len() > MAX_TARGET {
                        out.missing.push(part);
                        continue;
                    }
                    hops += 1;
                    out.through_link = true;
                    if target.starts_with(b"/") {
                        out.at = ROOT;
                    }
                    todo.push(target);
                }
                _ => out.missing.push(part),
            }
        }
        out
    }

    fn target(&self, id: u32) -> &'a [u8] {
        let record = self.places[id as usize].record as usize;
        let content = self.records[record].content as usize;
        self.entries[content].link.as_deref().unwrap_or_default()
    }

    fn path(&self, id: u32) -> LayerPath {
        let mut parts = Vec::new();
        let mut up = id;
        while up != ROOT {
            let place = &self.places[up as usize];
            parts.push(place.name);
            up = place.parent;
        }
        parts.reverse();
        LayerPath::new(&parts.join(&b'/'))
    }

    fn finish(mut self, starts: Vec<u32>) -> Merged {
        let mut paths: Vec<(&[u8], u32)> = Vec::with_capacity(self.records.len());
        for place in &self.places {
            if place.kind != PlaceKind::Absent && place.record != NONE {
                let path = match self.moved.get(&place.record) {
                    Some(p) => p.as_bytes(),
                    None => self.entries[place.record as usize].path.as_bytes(),
                };
                paths.push((path, place.record));
            }
        }
        paths.sort_unstable();
        // Bytes are counted where the file itself stands, else at the first of its names.
        for &(_, record) in paths.iter().rev() {
            let content = self.records[record as usize].content;
            if self.records[content as usize].gone.is_some() {
                self.records[content as usize].counted_at = record;
            }
        }
        Merged {
            visible: paths.into_iter().map(|(_, r)| r).collect(),
            records: self.records,
            starts,
            moved: std::mem::take(&mut self.moved),
        }
    }
}
