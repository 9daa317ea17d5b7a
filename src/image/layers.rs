//! The entries of all layers of an image, numbered through: a record is the number of one.

use super::view::Node;
use crate::index::{EntryRef, LayerIndex};
use std::sync::Arc;

/// The indexes of the layers, base first.
pub(super) struct Layers {
    list: Vec<Option<Arc<LayerIndex>>>,
    /// The record of each layer's first entry.
    starts: Vec<u32>,
    total: u32,
}

impl Layers {
    pub fn new(list: Vec<Option<Arc<LayerIndex>>>) -> Self {
        let mut total = 0u32;
        let mut starts = Vec::with_capacity(list.len());
        for layer in &list {
            starts.push(total);
            total += layer.as_ref().map_or(0, |l| l.entries.len()) as u32;
        }
        Self { list, starts, total }
    }

    /// How many layers there are, looked at or not.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Entries of all layers.
    pub fn total(&self) -> usize {
        self.total as usize
    }

    /// Names of all layers, folders that no entry names among them; those of several layers more than once.
    pub fn names(&self) -> usize {
        self.list.iter().flatten().map(|l| l.entries.len() + l.entries.folders()).sum()
    }

    pub fn index(&self, layer: usize) -> Option<&LayerIndex> {
        self.list.get(layer)?.as_deref()
    }

    /// The layer and entry of a record.
    pub fn node(&self, record: u32) -> Node {
        let layer = self.starts.partition_point(|&s| s <= record) - 1;
        Node { layer, entry: record - self.starts[layer] }
    }

    /// The record of an entry.
    pub fn record(&self, node: Node) -> Option<u32> {
        let entries = &self.index(node.layer)?.entries;
        let start = *self.starts.get(node.layer)?;
        ((node.entry as usize) < entries.len()).then(|| start + node.entry)
    }

    pub fn entry_of(&self, node: Node) -> EntryRef<'_> {
        self.index(node.layer)
            .and_then(|l| l.entries.get(node.entry))
            .expect("a node of this image names an entry of its layers")
    }

    pub fn entry(&self, record: u32) -> EntryRef<'_> {
        self.entry_of(self.node(record))
    }

    /// The last part of the path of a record.
    pub fn name(&self, record: u32) -> &[u8] {
        let Node { layer, entry } = self.node(record);
        self.index(layer).map(|l| l.entries.name(entry)).unwrap_or_default()
    }
}
