//! The final file system of an image: what overlayfs shows of its layers, each unpacked into a folder of its
//! own (Docker's overlay2, containerd's overlayfs snapshotter, Podman), each entry with the layer that
//! brought it.
//!
//! Holds no content and no opinion.

use super::layers::Layers;
use super::merge::{Merged, Refusal, Refused, merge};
use super::paths::Paths;
use super::records::{NONE, Records};
use super::tree::{ROOT, Tree};
use super::{ImageLayer, LayerState};
use crate::index::{EntryRef, LayerIndex};
use crate::layer::{EntryKind, LayerPath};
use std::ops::Range;

/// One entry of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Place in `ReadImage::layers`, base 0.
    pub layer: usize,
    /// Place in `LayerIndex::entries`.
    pub entry: u32,
}

/// A place in the final file system: what a layer names or what is implied by it. It need not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot(pub(super) u32);

impl Spot {
    /// Its number among all places of its view.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub fn of_index(index: usize) -> Self {
        Self(index as u32)
    }
}

/// The merged layers.
pub struct View {
    pub(super) layers: Layers,
    pub(super) tree: Tree,
    records: Records,
    /// The visible records, by path.
    visible: Vec<u32>,
    /// Of each place of the tree the number in `visible`, or [`NONE`].
    numbers: Vec<u32>,
    /// Of each place of the tree whether something below it is visible.
    above: Vec<bool>,
    refused: Vec<Refused>,
    on_disk: Vec<u64>,
}

impl View {
    /// Merges the layers, base first. A layer that was not looked at changes nothing: what it hides
    /// stays visible.
    pub fn merge(layers: &[ImageLayer]) -> Self {
        let index = |l: &ImageLayer| match &l.state {
            LayerState::Indexed(index) => Some(index.clone()),
            LayerState::NotLookedAt { .. } => None,
        };
        let layers = Layers::new(layers.iter().map(index).collect());
        let Merged { tree, records, visible, refused } = merge(&layers);
        let mut numbers = vec![NONE; tree.len()];
        for (number, &record) in visible.iter().enumerate() {
            if let Some(place) = records.place_of(record) {
                numbers[place as usize] = number as u32;
            }
        }
        let mut above = vec![false; tree.len()];
        // What is in a folder has a higher number than the folder.
        for place in (1..tree.len()).rev() {
            let seen = above[place] || numbers[place] != NONE;
            above[tree.parent(place as u32) as usize] |= seen;
        }
        let on_disk = vec![0; layers.len()];
        let mut view = Self { layers, tree, records, visible, numbers, above, refused, on_disk };
        for number in 0..view.visible.len() {
            let record = view.visible[number];
            let bytes = view.bytes_at(record);
            let content = view.layers.node(view.records.content(record));
            if let Some(sum) = view.on_disk.get_mut(content.layer) {
                *sum = sum.saturating_add(bytes);
            }
        }
        view
    }

    /// The entry at a path as it stands: symlinks are not followed. `None` also for a directory that
    /// no layer names and that is only implied by what is in it.
    pub fn get(&self, path: &LayerPath) -> Option<Node> {
        self.number_of(path).map(|number| self.node_at(number))
    }

    /// What the layer's tar says of it. A hard link's entry has neither size nor content: see
    /// [`View::content_of`].
    pub fn entry(&self, node: Node) -> EntryRef<'_> {
        self.layers.entry_of(node)
    }

    /// All visible entries, by the bytes of the path where they landed (an entry `lib/x` below a
    /// symlink `lib -> usr/lib` of the same layer lands at `usr/lib/x`).
    pub fn iter(&self) -> Paths<'_> {
        Paths::new(self, 0..self.visible.len())
    }

    /// The same without the paths.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> {
        self.visible.iter().map(|&record| self.layers.node(record))
    }

    /// Entries directly in a directory, by name.
    pub fn children(&self, dir: &LayerPath) -> impl Iterator<Item = (LayerPath, Node)> {
        let place = self.tree.at(&self.layers, dir.as_bytes());
        let is_child = move |number: &usize| {
            let own = self.place_at(*number as u32);
            Some(self.tree.parent(own)) == place && own != ROOT
        };
        let children = self.range_below(dir).filter(is_child);
        children.map(|n| (self.path_at(n as u32), self.node_at(n as u32)))
    }

    /// Visible entries at or below a path, by path.
    pub fn within(&self, dir: &LayerPath) -> impl Iterator<Item = (LayerPath, Node)> {
        let own = self.get(dir).filter(|_| !dir.is_root()).map(|node| (dir.clone(), node));
        own.into_iter().chain(Paths::new(self, self.range_below(dir)))
    }

    /// The numbers of the entries below a directory; of all, the root's own too, for the root.
    pub fn range_below(&self, dir: &LayerPath) -> Range<usize> {
        if dir.is_root() {
            return 0..self.visible.len();
        }
        let mut bound = dir.as_bytes().to_vec();
        bound.push(b'/');
        let from = self.first_from(&bound);
        // `0` follows `/`.
        bound.pop();
        bound.push(b'0');
        from..self.first_from(&bound).max(from)
    }

    /// The number of the first entry whose path is not before this one.
    fn first_from(&self, path: &[u8]) -> usize {
        let mut own = Vec::new();
        self.visible.partition_point(|&record| {
            own.clear();
            self.tree.write_path(&self.layers, self.place_of(record), &mut own);
            own.as_slice() < path
        })
    }

    /// The path where a node landed.
    pub fn path(&self, node: Node) -> LayerPath {
        match self.layers.record(node).and_then(|record| self.records.place_of(record)) {
            Some(place) => self.tree.path(&self.layers, place),
            None => self.entry(node).path(),
        }
    }

    /// The last part of the path where a node landed.
    pub fn name(&self, node: Node) -> &[u8] {
        // Links in its folder do not change its own name.
        self.layers.index(node.layer).map(|l| l.entries.name(node.entry)).unwrap_or_default()
    }

    /// The place of a path.
    pub fn spot(&self, path: &LayerPath) -> Option<Spot> {
        self.tree.at(&self.layers, path.as_bytes()).map(Spot)
    }

    pub fn root_spot(&self) -> Spot {
        Spot(ROOT)
    }

    /// How many places there are: those of a folder's inside come behind it.
    pub fn spots(&self) -> usize {
        self.tree.len()
    }

    /// The place of the entry of a number.
    pub fn spot_of(&self, number: u32) -> Spot {
        Spot(self.place_at(number))
    }

    /// The folder of a place; the root's own is itself.
    pub fn spot_above(&self, spot: Spot) -> Spot {
        Spot(self.tree.parent(spot.0))
    }

    /// The place of a name in a folder; `None` where neither it nor anything below it is seen.
    pub fn spot_in(&self, folder: Spot, name: &[u8]) -> Option<Spot> {
        let place = self.tree.child(&self.layers, folder.0, name)?;
        let at = place as usize;
        (self.numbers[at] != NONE || self.above[at]).then_some(Spot(place))
    }

    /// The path of a place.
    pub fn path_of(&self, spot: Spot) -> LayerPath {
        self.tree.path(&self.layers, spot.0)
    }

    /// The number of the entry that is seen at a place.
    pub fn number_at(&self, spot: Spot) -> Option<u32> {
        self.numbers.get(spot.0 as usize).copied().filter(|&n| n != NONE)
    }

    /// The number of the entry at a path, in the order of [`View::iter`].
    pub fn number_of(&self, path: &LayerPath) -> Option<u32> {
        self.number_at(self.spot(path)?)
    }

    /// The entry of a number.
    pub fn node_at(&self, number: u32) -> Node {
        self.layers.node(self.visible[number as usize])
    }

    /// The path of the entry of a number.
    pub fn path_at(&self, number: u32) -> LayerPath {
        self.tree.path(&self.layers, self.place_at(number))
    }

    /// The last part of the path of the entry of a number.
    pub fn name_at(&self, number: u32) -> &[u8] {
        self.layers.name(self.visible[number as usize])
    }

    pub(super) fn place_at(&self, number: u32) -> u32 {
        self.place_of(self.visible[number as usize])
    }

    /// The place of a record that is visible.
    fn place_of(&self, record: u32) -> u32 {
        self.records.place_of(record).unwrap_or(ROOT)
    }

    /// The entry that holds a node's content: the file that a hard link names, else itself. `None`
    /// for a hard link to nothing.
    pub fn content_of(&self, node: Node) -> Option<Node> {
        let content = self.layers.node(self.records.content(self.layers.record(node)?));
        (self.entry(content).kind != EntryKind::HardLink).then_some(content)
    }

    /// Bytes that the node takes on disk: a file's size; 0 for any other kind, and for a hard link to
    /// a file that is counted at another of its names.
    pub fn bytes_of(&self, node: Node) -> u64 {
        self.layers.record(node).map_or(0, |record| self.bytes_at(record))
    }

    pub fn index(&self, layer: usize) -> Option<&LayerIndex> {
        self.layers.index(layer)
    }

    /// How many layers there are, looked at or not.
    pub fn layer_count(&self) -> usize {
        self.layers.len()
    }

    /// Bytes of all visible files, each counted once however many names it has.
    pub fn on_disk_bytes(&self) -> u64 {
        self.on_disk.iter().fold(0, |a, &b| a.saturating_add(b))
    }

    /// Bytes of the visible files whose content this layer holds.
    pub fn on_disk_of_layer(&self, layer: usize) -> u64 {
        self.on_disk.get(layer).copied().unwrap_or(0)
    }

    /// Number of visible entries.
    pub fn len(&self) -> usize {
        self.visible.len()
    }

    pub fn is_empty(&self) -> bool {
        self.visible.is_empty()
    }

    /// What makes runtimes refuse to unpack a layer: of each layer and reason the first entry, and how many
    /// entries there are.
    pub fn refused(&self) -> impl Iterator<Item = (Node, Refusal, u32)> {
        self.refused.iter().map(|r| (self.layers.node(r.record), r.why, r.count))
    }

    /// How a file's content went, and the layer that took its last name away; `None` while it is seen.
    pub(super) fn gone(&self, node: Node) -> Option<(super::ResidueKind, u32)> {
        let record = self.layers.record(node)?;
        let (by, kind) = self.records.gone(record)?;
        (self.records.links(record) == 0).then_some((kind, by))
    }

    fn bytes_at(&self, record: u32) -> u64 {
        let content = self.records.content(record);
        if self.records.gone(record).is_some() || self.records.counted_at(content) != record {
            return 0;
        }
        self.layers.entry(content).size
    }
}
