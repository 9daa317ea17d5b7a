//! A whole image from the indexes of its layers: the overlay merge ([`view`]), the bytes that later
//! layers hide ([`waste`]), the instructions behind the layers ([`history`]), the packages in force
//! ([`packages`]), what production does not need ([`unneeded`]): together its [`ImageFacts`].
//!
//! Computed from facts alone; reads no blob, holds no opinion.

pub mod base;
pub mod changed_below;
pub mod command;
mod facts;
pub mod history;
mod layers;
mod merge;
mod node_set;
pub mod packages;
mod paths;
mod records;
mod repeats;
mod tree;
pub mod unneeded;
pub mod view;
pub mod waste;

#[cfg(test)]
mod accounting;
#[cfg(test)]
mod model;
#[cfg(test)]
mod overlay_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use facts::ImageFacts;
pub use merge::Refusal;
pub use node_set::NodeSet;
pub use paths::Paths;
pub use view::{Node, Spot, View};
pub use waste::{Duplicate, EntryState, Residue, ResidueKind, duplicates, residue, state_of};

use crate::index::LayerIndex;
use crate::oci::{Descriptor, DiffId};
use crate::source::FoundImage;
use std::sync::Arc;

/// What became of one layer's bytes.
#[derive(Clone, Debug)]
pub enum LayerState {
    Indexed(Arc<LayerIndex>),
    /// Nothing is known of its content: foreign, or it failed. Whatever it would hide stays visible.
    NotLookedAt {
        why: String,
        /// It was tried and failed, as against: not to be looked at.
        failed: bool,
    },
}

impl ImageLayer {
    /// As computed from its bytes; `None` where it was not looked at.
    pub fn diff_id(&self) -> Option<DiffId> {
        match &self.state {
            LayerState::Indexed(index) => Some(index.diff_id),
            LayerState::NotLookedAt { .. } => None,
        }
    }
}

/// One layer of an image, base first.
#[derive(Clone, Debug)]
pub struct ImageLayer {
    pub descriptor: Option<Descriptor>,
    pub declared_diff_id: Option<DiffId>,
    /// Bytes as stored in the registry; `None` where the source stores it in another form.
    pub compressed: Option<u64>,
    pub state: LayerState,
}

/// Bytes that a registry stores and a client pulls for these layers; `None` where that of one is not known.
/// A layer that stands more than once is stored and pulled once.
pub fn compressed<'a>(layers: impl IntoIterator<Item = &'a ImageLayer>) -> Option<u64> {
    let mut met = std::collections::HashSet::new();
    let is_new = |l: &&ImageLayer| l.descriptor.as_ref().is_none_or(|d| met.insert(d.digest));
    layers.into_iter().filter(is_new).map(|l| l.compressed).sum()
}

/// An image as found, with what is known of each layer.
#[derive(Clone, Debug)]
pub struct ReadImage {
    pub found: FoundImage,
    /// As many as `found.layers`, in the same order.
    pub layers: Vec<ImageLayer>,
}

impl ReadImage {
    /// Layers beyond what one image may repeat are left out, and say so.
    pub fn new(found: FoundImage, mut layers: Vec<ImageLayer>) -> Self {
        repeats::bound(&mut layers);
        Self { found, layers }
    }
}
