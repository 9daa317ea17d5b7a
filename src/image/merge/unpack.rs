//! One layer as it is unpacked into an empty folder: the semantics of Go's unpackers (`Unpack` of Docker
//! and containers/storage, `Apply` of containerd) with the whiteouts of overlayfs.

use super::standing::{Below, Kind, Standing};
use super::{Refusal, Refused};
use crate::image::layers::Layers;
use crate::image::records::{NONE, Records};
use crate::image::tree::{ROOT, Tree};
use crate::image::view::Node;
use crate::image::waste::ResidueKind;
use crate::index::{EntryRef, LayerIndex};
use crate::layer::{EntryKind, LONGEST_PATH, split_first};

/// Symlinks followed for one path, as containerd has it.
const MAX_HOPS: u32 = 255;

/// Steps taken and path bytes made for entries below links of their own layer, in one image. Real images
/// need some thousands; without it a few links could make a merge run for days. Beyond it an entry lands
/// at the path that it names.
const LINK_BUDGET: u64 = 16 << 20;

/// The trees of the layers so far.
pub(super) struct Unpacked<'a> {
    layers: &'a Layers,
    pub tree: Tree,
    pub records: Records,
    pub standing: Standing,
    pub refused: Vec<Refused>,
    layer: u32,
    budget: u64,
    /// The folder of the entry before, as the index numbers it, and where it stands: the next entry mostly
    /// lies in the same.
    last: Option<(u32, u32)>,
}

/// A directory as far as it exists, and the parts below that do not.
struct Resolved {
    at: u32,
    missing: Vec<Vec<u8>>,
    through_link: bool,
    /// A link on the way leads to nothing, or in a circle.
    dangling: bool,
}

/// `path` as directory and last part; the directory of a top-level name is empty.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"", path),
    }
}

impl<'a> Unpacked<'a> {
    pub fn new(layers: &'a Layers) -> Self {
        let (entries, names) = (layers.total(), layers.names());
        Self {
            layers,
            tree: Tree::with_capacity(names),
            records: Records::with_capacity(entries),
            standing: Standing::with_capacity(names),
            refused: Vec::new(),
            layer: 0,
            budget: LINK_BUDGET,
            last: None,
        }
    }

    /// Unpacks the next layer.
    pub fn layer(&mut self, number: usize) {
        self.layer = number as u32;
        self.last = None;
        self.standing.begin(ROOT);
        let first_refused = self.refused.len();
        if let Some(index) = self.layers.index(number) {
            let mut folder = Vec::new();
            for entry in 0..index.entries.len() as u32 {
                let record = self.records.push(self.layer);
                if let Err(why) = self.apply(index, entry, record, &mut folder) {
                    self.refuse(first_refused, record, why);
                }
            }
        }
        let (standing, records) = (&mut self.standing, &mut self.records);
        let by = (self.layer, ResidueKind::DuplicateEntry);
        standing.end(|record| records.hide(record, by));
    }

    fn refuse(&mut self, from: usize, record: u32, why: Refusal) {
        match self.refused[from..].iter_mut().find(|r| r.why == why) {
            Some(known) => known.count += 1,
            None => self.refused.push(Refused { record, why, count: 1 }),
        }
    }

    /// `folder` is room for a path.
    fn apply(
        &mut self,
        index: &'a LayerIndex,
        number: u32,
        record: u32,
        folder: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let node = Node { layer: self.layer as usize, entry: number };
        let entry = self.layers.entry_of(node);
        let name = entry.name();
        if name.is_empty() {
            if !entry.is_dir() {
                return Err(Refusal::Root);
            }
            self.stand(self.standing.root(), record, Kind::Directory(Below::Merges));
            return Ok(());
        }
        let in_folder = index.entries.folder(number);
        let resolved = match self.last {
            Some((last, at)) if last == in_folder => {
                Resolved { at, missing: Vec::new(), through_link: false, dangling: false }
            }
            _ => {
                folder.clear();
                index.entries.write_folder(in_folder, folder);
                self.resolve(folder)
            }
        };
        self.last = None;
        match name.strip_prefix(b".wh.") {
            Some(hidden) => self.whiteout(&resolved, name, hidden),
            None => self.add(entry, record, &resolved, in_folder),
        }
    }

    /// A marker. Its own name is never unpacked, whatever it is: `.wh..wh.plnk` is a whiteout of `.wh.plnk`.
    fn whiteout(&mut self, resolved: &Resolved, name: &[u8], hidden: &[u8]) -> Result<(), Refusal> {
        if let Some(first) = resolved.missing.first()
            && let Some(id) = self.child(resolved.at, first)
        {
            // Below a name that the layer deletes there is nothing to delete (`.wh.a`, then `a/.wh.b`).
            return match self.standing.kind(id) {
                Kind::Symlink => Err(Refusal::Link),
                // The mark is set on a folder, and there can be none.
                _ if name == b".wh..wh..opq" && resolved.missing.len() > 1 => Err(Refusal::Parent),
                _ => Ok(()),
            };
        }
        let done = match resolved.dangling {
            true => Err(Refusal::Link),
            false => Ok(()),
        };
        let (at, _) = self.make_directories(resolved);
        if name == b".wh..wh..opq" {
            // The root of a layer cannot be opaque: overlayfs takes it as it is.
            let root = self.standing.root();
            if let Kind::Directory(below) = &mut self.standing.get_mut(at).kind
                && at != root
            {
                *below = Below::Opaque;
            }
            return done;
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(Refusal::Whiteout);
        }
        match self.child(at, hidden) {
            Some(id) => {
                // What the layer itself has stays (layer.md, "Whiteouts").
                if let Kind::Directory(below @ Below::Merges) = &mut self.standing.get_mut(id).kind
                {
                    *below = Below::Deleted;
                }
                Err(Refusal::Whiteout)
            }
            None => {
                let place = self.place(at, hidden, None);
                self.standing.make(place, at, NONE, Kind::Whiteout);
                done
            }
        }
    }

    /// `folder`: the number of the folder that the entry names.
    fn add(
        &mut self,
        entry: EntryRef<'a>,
        record: u32,
        resolved: &Resolved,
        folder: u32,
    ) -> Result<(), Refusal> {
        let mut result = Ok(());
        let name = entry.name();
        if resolved.dangling {
            result = Err(Refusal::Link);
        }
        let (parent, in_the_way) = self.make_directories(resolved);
        let mut is_plain = !resolved.through_link && in_the_way.is_none();
        if let Some((before, why)) = in_the_way {
            self.replaced(before);
            result = Err(why);
        }
        let place = self.place(parent, name, Some(record));
        if resolved.through_link {
            let landed = self.tree.path(self.layers, place);
            self.budget = self.budget.saturating_sub(landed.as_bytes().len() as u64);
        }
        let known = self.standing.child(parent, place);
        let is_directory = |id: &u32| matches!(self.standing.kind(*id), Kind::Directory(_));
        let merges = entry.is_dir() && known.as_ref().is_some_and(is_directory);
        is_plain &= known.is_none() || merges;
        let known = match known {
            Some(id) if !merges && is_directory(&id) => {
                self.standing.get_mut(id).replaced = true;
                None
            }
            Some(id) if !merges => {
                // Gone before the new one is made: a hard link to itself finds nothing.
                let stand = self.standing.get_mut(id);
                let before = std::mem::replace(&mut stand.record, NONE);
                stand.kind = Kind::Whiteout;
                self.replaced(before);
                Some(id)
            }
            known => known,
        };
        let kind = match entry.kind {
            EntryKind::Directory => Kind::Directory(match known.map(|id| self.standing.kind(id)) {
                Some(Kind::Directory(below)) => below,
                _ => Below::Merges,
            }),
            EntryKind::Symlink => Kind::Symlink,
            // What overlayfs keeps a deletion as.
            EntryKind::CharDevice if entry.device() == Some((0, 0)) => Kind::Whiteout,
            EntryKind::HardLink => match self.link(entry, record, known) {
                Ok(kind) => kind,
                Err(why) => {
                    result = Err(why);
                    Kind::Other
                }
            },
            _ => Kind::Other,
        };
        let id = known.unwrap_or_else(|| self.standing.make(place, parent, NONE, kind));
        match kind {
            Kind::Whiteout => {
                self.standing.get_mut(id).kind = kind;
                self.records.landed(record, place);
            }
            _ => self.stand(id, record, kind),
        }
        // Nothing on the way to the folder has changed.
        self.last = is_plain.then_some((folder, parent));
        result
    }

    /// Ties a hard link to its content. The last part of the target is not followed.
    fn link(
        &mut self,
        entry: EntryRef<'a>,
        record: u32,
        own: Option<u32>,
    ) -> Result<Kind, Refusal> {
        let (directory, name) = split(entry.link().unwrap_or_default());
        let resolved = self.resolve(directory);
        let target = match resolved.missing.is_empty() {
            true => self.child(resolved.at, name),
            false => None,
        };
        let target = target.filter(|id| Some(*id) != own).ok_or(Refusal::HardLink)?;
        match self.standing.kind(target) {
            Kind::Directory(_) => Err(Refusal::HardLink),
            Kind::Whiteout => Ok(Kind::Whiteout),
            kind => {
                self.records.link(record, self.standing.get(target).record);
                Ok(kind)
            }
        }
    }

    /// Puts an entry at a place.
    fn stand(&mut self, id: u32, record: u32, kind: Kind) {
        let stand = self.standing.get_mut(id);
        stand.kind = kind;
        let place = stand.place;
        let before = std::mem::replace(&mut stand.record, record);
        self.replaced(before);
        self.records.place(record, place);
    }

    /// Another entry of the same layer stands at its path.
    fn replaced(&mut self, record: u32) {
        if record != NONE {
            self.records.hide(record, (self.layer, ResidueKind::DuplicateEntry));
        }
    }

    /// What the layer has at a name in one of its folders.
    fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let place = self.tree.child(self.layers, self.standing.get(parent).place, name)?;
        self.standing.child(parent, place)
    }

    /// The place of a name in a folder of the layer, made where there is none.
    fn place(&mut self, parent: u32, name: &[u8], record: Option<u32>) -> u32 {
        let folder = self.standing.get(parent).place;
        self.tree.make_in(self.layers, folder, name, record)
    }

    /// Makes what is missing. With what stood in the way: only the first of what is missing can be there, as
    /// something else.
    fn make_directories(&mut self, resolved: &Resolved) -> (u32, Option<(u32, Refusal)>) {
        let mut at = resolved.at;
        let mut in_the_way = None;
        for name in &resolved.missing {
            let place = self.place(at, name, None);
            at = match self.standing.child(at, place) {
                None => self.standing.make(place, at, NONE, Kind::Directory(Below::Merges)),
                Some(id) => {
                    let stand = self.standing.get_mut(id);
                    let (below, why) = match stand.kind {
                        Kind::Whiteout => (Below::Deleted, Refusal::Parent),
                        Kind::Symlink => (Below::Merges, Refusal::Link),
                        _ => (Below::Merges, Refusal::Parent),
                    };
                    in_the_way = Some((std::mem::replace(&mut stand.record, NONE), why));
                    stand.kind = Kind::Directory(below);
                    id
                }
            };
        }
        (at, in_the_way)
    }

    /// Finds a directory of the layer, its own symlinks in every part followed inside the root.
    fn resolve(&mut self, path: &[u8]) -> Resolved {
        let layers = self.layers;
        let root = self.standing.root();
        let mut out =
            Resolved { at: root, missing: Vec::new(), through_link: false, dangling: false };
        let mut hops = 0;
        // Each with whether a link has it.
        let mut todo = vec![(path, false)];
        while let Some((path, of_link)) = todo.pop() {
            let (part, rest) = split_first(path);
            if !rest.is_empty() {
                todo.push((rest, of_link));
            }
            if hops > 0 {
                self.budget = self.budget.saturating_sub(1);
            }
            match part {
                b"" | b"." => continue,
                b".." => {
                    if out.missing.pop().is_none() {
                        out.at = self.standing.get(out.at).parent;
                    }
                    continue;
                }
                _ => {}
            }
            let found = match out.missing.is_empty() {
                true => self.child(out.at, part),
                false => None,
            };
            match found.map(|id| (id, self.standing.kind(id))) {
                Some((id, Kind::Directory(_))) => out.at = id,
                Some((id, Kind::Symlink)) if hops < MAX_HOPS && self.budget > 0 => {
                    let content = self.records.content(self.standing.get(id).record);
                    let target = layers.entry(content).link().unwrap_or_default();
                    if target.len() > LONGEST_PATH {
                        // Linux makes no such link.
                        out.dangling = true;
                        out.missing.push(part.to_vec());
                        continue;
                    }
                    hops += 1;
                    out.through_link = true;
                    if target.starts_with(b"/") {
                        out.at = root;
                    }
                    todo.push((target, true));
                }
                found => {
                    out.dangling |= of_link || matches!(found, Some((_, Kind::Symlink)));
                    out.missing.push(part.to_vec());
                }
            }
        }
        out
    }
}
