//! The merge itself: unpacks each layer into a folder tree of its own ([`unpack`]), as Docker's overlay2,
//! containerd's overlayfs snapshotter and Podman do, then lays the trees over each other ([`stack`]) as
//! overlayfs shows them, and writes down for each entry what became of it.
//!
//! A layer's tree has nothing of the layers below: a file `lib/x` above a base whose `/lib` is a link
//! replaces the link by a folder. Works on names and kinds only. Where runtimes would refuse a layer, the
//! newest entry wins, so that nothing can hide from the report, and the refusal is told.

mod order;
mod refusal;
mod stack;
mod standing;
mod unpack;

pub use refusal::Refusal;
pub(super) use refusal::Refused;

use super::layers::Layers;
use super::records::Records;
use super::tree::Tree;

/// The outcome of a merge.
pub(super) struct Merged {
    pub tree: Tree,
    pub records: Records,
    /// Records that are visible, by path.
    pub visible: Vec<u32>,
    /// Of each layer the first entry of each reason.
    pub refused: Vec<Refused>,
}

/// Applies the layers, base first. A layer without an index changes nothing.
pub(super) fn merge(layers: &Layers) -> Merged {
    let mut unpacked = unpack::Unpacked::new(layers);
    for layer in 0..layers.len() {
        unpacked.layer(layer);
    }
    let unpack::Unpacked { mut tree, mut records, standing, refused, .. } = unpacked;
    tree.shrink();
    let visible = stack::stack(layers, &tree, standing, &mut records);
    Merged { tree, records, visible, refused }
}
