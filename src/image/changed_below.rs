//! How much a layer changes of those below it: what it deletes or replaces (also a link, by an entry below
//! it), and directories that it gives other rights. A layer that only adds has none.

use super::layers::Layers;
use super::records::NONE;
use super::tree::{ROOT, Tree};
use super::{ImageLayer, LayerState};
use crate::index::{EntryRef, LayerIndex};
use crate::layer::EntryKind;

/// What may differ of an entry without a word on its content.
type Rights = (EntryKind, u32, u64, u64);

fn rights(entry: &EntryRef) -> Rights {
    (entry.kind, entry.mode, entry.uid, entry.gid)
}

/// What the layers so far have at each path.
struct Below<'a> {
    layers: &'a Layers,
    tree: Tree,
    /// Of each place of the tree the record of the highest layer, or [`NONE`].
    records: Vec<u32>,
}

impl Below<'_> {
    fn rights(&self, place: u32) -> Option<Rights> {
        let record = self.records.get(place as usize).copied().filter(|&r| r != NONE)?;
        Some(rights(&self.layers.entry(record)))
    }

    /// Whether a place is there and no folder.
    fn is_other(&self, place: u32) -> bool {
        self.rights(place).is_some_and(|(kind, ..)| kind != EntryKind::Directory)
    }

    /// How many entries of a layer change something of what is below it.
    fn changes(&self, index: &LayerIndex) -> u64 {
        let mut folder = Folder::default();
        let mut path = Vec::new();
        let mut count = 0;
        for (number, entry) in index.entries.iter().enumerate() {
            let name = entry.name();
            let marks = name.starts_with(b".wh.") && entry.path().whiteout().is_some();
            let number = index.entries.folder(number as u32);
            if folder.number != Some(number) {
                path.clear();
                index.entries.write_folder(number, &mut path);
                folder = self.folder(number, &path);
            }
            let place = match name.is_empty() {
                true => Some(ROOT),
                false => folder.place.and_then(|f| self.tree.child(self.layers, f, name)),
            };
            let was = place.and_then(|place| self.rights(place));
            let changes = marks
                || was.is_some_and(|was| !entry.is_dir() || was != rights(&entry))
                || folder.replaces;
            count += u64::from(changes);
        }
        count
    }

    fn folder(&self, number: u32, path: &[u8]) -> Folder {
        let mut folder = Folder { number: Some(number), place: Some(ROOT), replaces: false };
        for part in path.split(|&b| b == b'/').filter(|part| !part.is_empty()) {
            folder.place = folder.place.and_then(|at| self.tree.child(self.layers, at, part));
            let Some(place) = folder.place else { break };
            folder.replaces |= self.is_other(place);
        }
        folder
    }

    /// Adds a layer, whose first record this is.
    fn add(&mut self, index: &LayerIndex, first: u32) {
        let mut last = None;
        let mut path = Vec::new();
        for (number, entry) in index.entries.iter().enumerate() {
            let record = first + number as u32;
            let folder = index.entries.folder(number as u32);
            let place = match last {
                Some((known, place)) if known == folder => place,
                _ => {
                    path.clear();
                    index.entries.write_folder(folder, &mut path);
                    let parts = path.split(|&b| b == b'/').filter(|part| !part.is_empty());
                    parts.fold(ROOT, |at, part| self.tree.make_in(self.layers, at, part, None))
                }
            };
            last = Some((folder, place));
            let place = match entry.name() {
                b"" => ROOT,
                name => self.tree.make_in(self.layers, place, name, Some(record)),
            };
            self.records.resize(self.tree.len(), NONE);
            self.records[place as usize] = record;
        }
    }
}

/// The folder of the last entry: the next one is mostly in the same.
#[derive(Default)]
struct Folder {
    number: Option<u32>,
    /// Where it is in the layers below, if it is there.
    place: Option<u32>,
    /// It or a folder above it is no folder in the layers below.
    replaces: bool,
}

/// For each layer the number of such entries; `None` from the first layer on that was not read. A whiteout
/// counts whatever it meets.
pub fn hides(layers: &[ImageLayer]) -> Vec<Option<u64>> {
    let read = |l: &ImageLayer| match &l.state {
        LayerState::Indexed(index) => Some(index.clone()),
        LayerState::NotLookedAt { .. } => None,
    };
    let known: Vec<_> = layers.iter().map_while(read).collect();
    let count = known.len();
    let known = Layers::new(known.into_iter().map(Some).collect());
    // Nothing lies above the last one.
    let under = (0..count.saturating_sub(1)).filter_map(|n| known.index(n));
    let places = under.map(|index| index.entries.len()).sum();
    let mut below =
        Below { layers: &known, tree: Tree::with_capacity(places), records: Vec::new() };
    let mut out = Vec::with_capacity(layers.len());
    let mut first = 0;
    for number in 0..count {
        let Some(index) = known.index(number) else { break };
        out.push(Some(below.changes(index)));
        if number + 1 < count {
            below.add(index, first);
        }
        first += index.entries.len() as u32;
    }
    out.resize(layers.len(), None);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::{dir, file, layer, symlink};

    #[test]
    fn a_layer_that_adds_hides_nothing() {
        let mut open = dir("srv");
        open.mode = 0o777;
        let layers = [
            layer(vec![dir("srv"), dir("etc"), file("etc/a", b"1"), file("etc/empty", b"")]),
            layer(vec![dir("etc"), file("etc/b", b"1")]),
            layer(vec![dir("etc"), file("etc/empty", b""), symlink("etc/a", "b")]),
            layer(vec![open]),
            layer(vec![file("etc/.wh.none", b"")]),
        ];
        assert_eq!(hides(&layers), [Some(0), Some(0), Some(2), Some(1), Some(1)]);
        let unread = ImageLayer {
            state: LayerState::NotLookedAt { why: "x".to_owned(), failed: true },
            ..layer(vec![])
        };
        let all = [unread, layer(vec![file("a", b"1")])];
        assert_eq!(hides(&all), [None, None]);
    }

    #[test]
    fn an_entry_below_a_link_of_a_lower_layer_replaces_it() {
        let layers = [
            layer(vec![dir("usr/lib"), symlink("lib", "usr/lib"), dir("opt")]),
            layer(vec![file("opt/x", b"1"), file("usr/lib/x", b"1")]),
            layer(vec![file("lib/x", b"1"), file("lib/y", b"1"), file("opt/y", b"1")]),
        ];
        assert_eq!(hides(&layers), [Some(0), Some(0), Some(2)]);
    }
}
