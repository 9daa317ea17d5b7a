//! The merge itself: unpacks each layer into a folder tree of its own ([`unpack`]), as Docker's overlay2,
//! containerd's overlayfs snapshotter and Podman do, then lays the trees over each other ([`stack`]) as
//! overlayfs shows them, and writes down for each entry what became of it.
//!
//! A layer's tree has nothing of the layers below: a file `lib/x` above a base whose `/lib` is a link
//! replaces the link by a folder. Works on names and kinds only. Where runtimes would refuse a layer, the
//! newest entry wins, so that nothing can hide from the report, and the refusal is told.

mod stack;
mod unpack;

use super::residue::ResidueKind;
use crate::index::LayerIndex;
use crate::layer::{Entry, LayerPath};
use std::collections::HashMap;
use std::sync::Arc;

const NONE: u32 = u32::MAX;

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

/// Why runtimes do not unpack a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The root itself is something else than a directory.
    Root,
    /// An entry below a file, or below a name that the layer deletes.
    Parent,
    /// An entry below a link of the layer that leads to nothing in the layer, or in a circle. containerd
    /// makes the folder that it leads to.
    Link,
    /// A hard link to what is no file of the layer.
    HardLink,
    /// A whiteout of what the layer itself has, or of no name.
    Whiteout,
}

/// An entry that makes runtimes refuse its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub record: u32,
    pub why: Refusal,
    /// How many of this layer are refused for the same reason.
    pub count: u32,
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
    /// Of each layer the first entry of each reason.
    pub refused: Vec<Refused>,
}

/// What stands at a name of a layer's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeKind {
    /// With what becomes of a lower layer's directory at the same path.
    Directory(Below),
    Symlink,
    /// Anything else that is not a directory.
    Other,
    /// What lower layers have there is gone.
    Whiteout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Merges,
    /// The directory is opaque.
    Opaque,
    /// The layer deletes it and makes it anew.
    Deleted,
}

/// A path as the left part of another: a name of 100 kB may have 50,000 directories.
#[derive(Clone, Copy)]
struct PathPart {
    of: Carrier,
    length: u32,
}

#[derive(Clone, Copy)]
enum Carrier {
    /// Where this record landed.
    Record(u32),
    /// A place in `Names::own`.
    Own(u32),
}

/// One name of one layer's tree.
struct LayerNode {
    path: PathPart,
    layer: u32,
    /// The entry that stands here; `NONE` for an implied directory and for a whiteout.
    record: u32,
    kind: NodeKind,
}

/// The entries of all layers, and the paths that none of them names.
#[derive(Default)]
struct Names<'a> {
    entries: Vec<&'a Entry>,
    moved: HashMap<u32, LayerPath>,
    own: Vec<LayerPath>,
}

impl Names<'_> {
    fn landed(&self, record: u32) -> &LayerPath {
        if !self.moved.is_empty()
            && let Some(path) = self.moved.get(&record)
        {
            return path;
        }
        &self.entries[record as usize].path
    }

    fn path(&self, part: PathPart) -> &[u8] {
        let whole = match part.of {
            Carrier::Record(record) => self.landed(record),
            Carrier::Own(number) => &self.own[number as usize],
        };
        &whole.as_bytes()[..part.length as usize]
    }
}

/// Applies the layers, base first. A layer without an index changes nothing.
pub(super) fn merge(layers: &[Option<Arc<LayerIndex>>]) -> Merged {
    let total: usize = layers.iter().flatten().map(|l| l.entries.len()).sum();
    let mut unpacked = unpack::Unpacked::with_capacity(total);
    let mut starts = Vec::with_capacity(layers.len());
    for layer in layers {
        starts.push(unpacked.records.len() as u32);
        unpacked.layer(layer.as_deref().map_or(&[], |l| &l.entries));
    }
    let unpack::Unpacked { names, mut records, nodes, refused, .. } = unpacked;
    let visible = stack::stack(&names, nodes, &mut records);
    Merged { records, starts, visible, moved: names.moved, refused }
}
