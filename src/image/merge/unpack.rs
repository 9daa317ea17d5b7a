//! One layer as it is unpacked into an empty folder: the semantics of Go's unpackers (`Unpack` of Docker
//! and containers/storage, `Apply` of containerd) with the whiteouts of overlayfs.

use super::{Below, Carrier, LayerNode, NONE, Names, NodeKind, PathPart, Record, Refusal, Refused};
use crate::image::residue::ResidueKind;
use crate::layer::{Entry, EntryKind, LayerPath};
use std::collections::HashMap;

/// Symlinks followed for one path, as containerd has it.
const MAX_HOPS: u32 = 255;

/// A longer target cannot be made on Linux (`PATH_MAX` less the end mark).
const MAX_TARGET: usize = 4095;

/// Steps taken and path bytes made for entries below links of their own layer, in one image. Real images
/// need some thousands; without it a few links could make a merge run for days. Beyond it an entry lands
/// at the path that it names.
const LINK_BUDGET: u64 = 64 << 20;

const ROOT: u32 = 0;

/// The trees of the layers so far.
pub(super) struct Unpacked<'a> {
    pub names: Names<'a>,
    pub records: Vec<Record>,
    pub nodes: Vec<LayerNode>,
    pub refused: Vec<Refused>,
    layers: u32,
    budget: u64,
}

/// One name of the tree.
struct Place {
    /// Made before its children.
    parent: u32,
    path: PathPart,
    record: u32,
    kind: NodeKind,
    /// Another one stands at its path, and nothing of it or below it is left.
    replaced: bool,
}

struct Tree<'a> {
    places: Vec<Place>,
    children: HashMap<(u32, &'a [u8]), u32>,
}

/// A directory as far as it exists, and the parts below that do not.
struct Resolved<'a> {
    at: u32,
    missing: Vec<&'a [u8]>,
    through_link: bool,
}

/// `path` as directory and last part; the directory of a top-level name is empty.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"", path),
    }
}

impl<'a> Unpacked<'a> {
    pub fn with_capacity(entries: usize) -> Self {
        let mut names = Names::default();
        names.entries.reserve(entries);
        Self {
            names,
            records: Vec::with_capacity(entries),
            nodes: Vec::with_capacity(entries),
            refused: Vec::new(),
            layers: 0,
            budget: LINK_BUDGET,
        }
    }

    /// Unpacks the next layer.
    pub fn layer(&mut self, entries: &'a [Entry]) {
        let mut tree = Tree::new(entries.len());
        let first_refused = self.refused.len();
        for entry in entries {
            let record = self.records.len() as u32;
            self.names.entries.push(entry);
            self.records.push(Record {
                content: record,
                links: 0,
                counted_at: record,
                // Until it is placed: bytes that no runtime unpacks.
                gone: Some((ResidueKind::Deleted, self.layers)),
            });
            if let Err(why) = self.apply(&mut tree, entry, record) {
                self.refuse(first_refused, record, why);
            }
        }
        self.keep(tree);
        self.layers += 1;
    }

    fn refuse(&mut self, from: usize, record: u32, why: Refusal) {
        match self.refused[from..].iter_mut().find(|r| r.why == why) {
            Some(known) => known.count += 1,
            None => self.refused.push(Refused { record, why, count: 1 }),
        }
    }

    fn apply(&mut self, tree: &mut Tree<'a>, entry: &'a Entry, record: u32) -> Result<(), Refusal> {
        let (directory, name) = split(entry.path.as_bytes());
        if entry.path.is_root() {
            if !entry.is_dir() {
                return Err(Refusal::Root);
            }
            self.stand(tree, ROOT, record, NodeKind::Directory(Below::Merges));
            return Ok(());
        }
        let resolved = self.resolve(tree, directory);
        match name.strip_prefix(b".wh.") {
            Some(hidden) => self.whiteout(tree, record, resolved, name, hidden),
            None => self.add(tree, entry, record, resolved, name),
        }
    }

    /// A marker. Its own name is never unpacked, whatever it is: `.wh..wh.plnk` is a whiteout of `.wh.plnk`.
    fn whiteout(
        &mut self,
        tree: &mut Tree<'a>,
        record: u32,
        resolved: Resolved<'a>,
        name: &'a [u8],
        hidden: &'a [u8],
    ) -> Result<(), Refusal> {
        if let Some(first) = resolved.missing.first()
            && let Some(id) = tree.child(resolved.at, first)
        {
            // Below a name that the layer deletes there is nothing to delete (`.wh.a`, then `a/.wh.b`).
            return match tree.kind(id) {
                NodeKind::Symlink => Err(Refusal::Link),
                // The mark is set on a folder, and there can be none.
                _ if name == b".wh..wh..opq" && resolved.missing.len() > 1 => Err(Refusal::Parent),
                _ => Ok(()),
            };
        }
        let done = match resolved.through_link && !resolved.missing.is_empty() {
            true => Err(Refusal::Link),
            false => Ok(()),
        };
        let directory = self.path_of(tree, &resolved, None);
        let carrier = match resolved.through_link {
            true => self.own(directory.clone()),
            false => Carrier::Record(record),
        };
        let (at, _) = tree.make_directories(&resolved, carrier);
        if name == b".wh..wh..opq" {
            // The root of a layer cannot be opaque: overlayfs takes it as it is.
            if let NodeKind::Directory(below) = &mut tree.places[at as usize].kind
                && at != ROOT
            {
                *below = Below::Opaque;
            }
            return done;
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(Refusal::Whiteout);
        }
        match tree.child(at, hidden) {
            Some(id) => {
                // What the layer itself has stays (layer.md, "Whiteouts").
                if let NodeKind::Directory(below @ Below::Merges) =
                    &mut tree.places[id as usize].kind
                {
                    *below = Below::Deleted;
                }
                Err(Refusal::Whiteout)
            }
            None => {
                let path = LayerPath::new(&directory).join(hidden);
                let length = path.as_bytes().len() as u32;
                let of = self.own(path.as_bytes().to_vec());
                tree.make(at, hidden, PathPart { of, length }, NodeKind::Whiteout);
                done
            }
        }
    }

    fn add(
        &mut self,
        tree: &mut Tree<'a>,
        entry: &'a Entry,
        record: u32,
        resolved: Resolved<'a>,
        name: &'a [u8],
    ) -> Result<(), Refusal> {
        let mut result = Ok(());
        if resolved.through_link {
            let landed = LayerPath::new(&self.path_of(tree, &resolved, Some(name)));
            self.budget = self.budget.saturating_sub(landed.as_bytes().len() as u64);
            if landed != entry.path {
                self.names.moved.insert(record, landed);
            }
            if !resolved.missing.is_empty() {
                result = Err(Refusal::Link);
            }
        }
        let carrier = Carrier::Record(record);
        let (parent, in_the_way) = tree.make_directories(&resolved, carrier);
        if let Some((before, why)) = in_the_way {
            self.replaced(before);
            result = Err(why);
        }
        let length = self.names.landed(record).as_bytes().len() as u32;
        let path = PathPart { of: carrier, length };
        let known = tree.child(parent, name);
        let merges = entry.is_dir()
            && known.is_some_and(|id| matches!(tree.kind(id), NodeKind::Directory(_)));
        let known = match known {
            Some(id) if !merges && matches!(tree.kind(id), NodeKind::Directory(_)) => {
                tree.remove(id, name);
                None
            }
            Some(id) if !merges => {
                // Gone before the new one is made: a hard link to itself finds nothing.
                let before = std::mem::replace(&mut tree.places[id as usize].record, NONE);
                self.replaced(before);
                tree.places[id as usize].kind = NodeKind::Whiteout;
                Some(id)
            }
            known => known,
        };
        let kind = match entry.kind {
            EntryKind::Directory => NodeKind::Directory(match known.map(|id| tree.kind(id)) {
                Some(NodeKind::Directory(below)) => below,
                _ => Below::Merges,
            }),
            EntryKind::Symlink => NodeKind::Symlink,
            // What overlayfs keeps a deletion as.
            EntryKind::CharDevice if entry.device == Some((0, 0)) => NodeKind::Whiteout,
            EntryKind::HardLink => match self.link(tree, entry, record, known) {
                Ok(kind) => kind,
                Err(why) => {
                    result = Err(why);
                    NodeKind::Other
                }
            },
            _ => NodeKind::Other,
        };
        let id = match known {
            Some(id) => id,
            None => tree.make(parent, name, path, kind),
        };
        tree.places[id as usize].path = path;
        match kind {
            NodeKind::Whiteout => tree.places[id as usize].kind = kind,
            _ => self.stand(tree, id, record, kind),
        }
        result
    }

    /// Ties a hard link to its content. The last part of the target is not followed.
    fn link(
        &mut self,
        tree: &Tree<'a>,
        entry: &'a Entry,
        record: u32,
        own: Option<u32>,
    ) -> Result<NodeKind, Refusal> {
        let (directory, name) = split(entry.link.as_deref().unwrap_or_default());
        let resolved = self.resolve(tree, directory);
        let target = match resolved.missing.is_empty() {
            true => tree.child(resolved.at, name),
            false => None,
        };
        let target = target.filter(|id| Some(*id) != own).ok_or(Refusal::HardLink)?;
        let of = tree.places[target as usize].record;
        match tree.kind(target) {
            NodeKind::Directory(_) => Err(Refusal::HardLink),
            NodeKind::Whiteout => Ok(NodeKind::Whiteout),
            kind => {
                self.records[record as usize].content = self.records[of as usize].content;
                Ok(kind)
            }
        }
    }

    /// Puts an entry at a place.
    fn stand(&mut self, tree: &mut Tree<'a>, id: u32, record: u32, kind: NodeKind) {
        let place = &mut tree.places[id as usize];
        place.kind = kind;
        let before = std::mem::replace(&mut place.record, record);
        if id == ROOT {
            place.path = PathPart { of: Carrier::Record(record), length: 0 };
        }
        self.replaced(before);
        self.records[record as usize].gone = None;
    }

    /// Another entry of the same layer stands at its path.
    fn replaced(&mut self, record: u32) {
        if record != NONE {
            self.records[record as usize].gone = Some((ResidueKind::DuplicateEntry, self.layers));
        }
    }

    fn own(&mut self, path: Vec<u8>) -> Carrier {
        self.names.own.push(LayerPath::new(&path));
        Carrier::Own(self.names.own.len() as u32 - 1)
    }

    /// The path of what stands at `resolved`, and of a name in it.
    fn path_of(&self, tree: &Tree<'a>, resolved: &Resolved<'a>, name: Option<&[u8]>) -> Vec<u8> {
        let at = &tree.places[resolved.at as usize];
        let mut path = match resolved.at {
            ROOT => Vec::new(),
            _ => self.names.path(at.path).to_vec(),
        };
        for part in resolved.missing.iter().copied().chain(name) {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
        }
        path
    }

    /// Finds a directory of the layer, its own symlinks in every part followed inside the root.
    fn resolve(&mut self, tree: &Tree<'a>, path: &'a [u8]) -> Resolved<'a> {
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
                        out.at = tree.places[out.at as usize].parent;
                    }
                    continue;
                }
                _ => {}
            }
            let found = match out.missing.is_empty() {
                true => tree.child(out.at, part),
                false => None,
            };
            match found.map(|id| (id, tree.kind(id))) {
                Some((id, NodeKind::Directory(_))) => out.at = id,
                Some((id, NodeKind::Symlink)) if hops < MAX_HOPS && self.budget > 0 => {
                    let record = tree.places[id as usize].record as usize;
                    let content = self.records[record].content as usize;
                    let target = self.names.entries[content].link.as_deref().unwrap_or_default();
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

    /// What is left when the layer is unpacked.
    fn keep(&mut self, mut tree: Tree<'a>) {
        drop(std::mem::take(&mut tree.children));
        for id in 0..tree.places.len() {
            let parent = tree.places[id].parent as usize;
            let lost = tree.places[parent].replaced;
            let place = &mut tree.places[id];
            place.replaced |= lost;
            let (record, kind, path) = (place.record, place.kind, place.path);
            if place.replaced {
                self.replaced(record);
            } else if record != NONE || self.layers > 0 && id as u32 != ROOT {
                // Below the first layer there is nothing that an implied directory could replace.
                self.nodes.push(LayerNode { path, layer: self.layers, record, kind });
            }
        }
    }
}

impl<'a> Tree<'a> {
    fn new(entries: usize) -> Self {
        let root = Place {
            parent: ROOT,
            path: PathPart { of: Carrier::Record(0), length: 0 },
            record: NONE,
            kind: NodeKind::Directory(Below::Merges),
            replaced: false,
        };
        let mut places = Vec::with_capacity(entries + 1);
        places.push(root);
        Self { places, children: HashMap::with_capacity(entries) }
    }

    fn kind(&self, id: u32) -> NodeKind {
        self.places[id as usize].kind
    }

    fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        self.children.get(&(parent, name)).copied()
    }

    fn make(&mut self, parent: u32, name: &'a [u8], path: PathPart, kind: NodeKind) -> u32 {
        let id = self.places.len() as u32;
        self.places.push(Place { parent, path, record: NONE, kind, replaced: false });
        self.children.insert((parent, name), id);
        id
    }

    /// Makes what is missing. With what stood in the way: only the first of what is missing can be there, as
    /// something else.
    fn make_directories(
        &mut self,
        resolved: &Resolved<'a>,
        of: Carrier,
    ) -> (u32, Option<(u32, Refusal)>) {
        let mut at = resolved.at;
        let mut in_the_way = None;
        for &name in &resolved.missing {
            let above = self.places[at as usize].path.length;
            let length = above + (above > 0) as u32 + name.len() as u32;
            let path = PathPart { of, length };
            let directory = |below| NodeKind::Directory(below);
            at = match self.child(at, name) {
                None => self.make(at, name, path, directory(Below::Merges)),
                Some(id) => {
                    let place = &mut self.places[id as usize];
                    let (kind, why) = match place.kind {
                        NodeKind::Whiteout => (directory(Below::Deleted), Refusal::Parent),
                        NodeKind::Symlink => (directory(Below::Merges), Refusal::Link),
                        _ => (directory(Below::Merges), Refusal::Parent),
                    };
                    in_the_way = Some((std::mem::replace(&mut place.record, NONE), why));
                    (place.kind, place.path) = (kind, path);
                    id
                }
            };
        }
        (at, in_the_way)
    }

    /// A place goes, with all below it: nothing finds them any more.
    fn remove(&mut self, id: u32, name: &'a [u8]) {
        let place = &mut self.places[id as usize];
        place.replaced = true;
        self.children.remove(&(place.parent, name));
    }
}
