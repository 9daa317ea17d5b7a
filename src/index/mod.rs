//! The facts of one layer, without opinion, severity or plain secrets: the unit of caching and of
//! distribution.
//!
//! Of a secret in a file it holds a mask and a fingerprint. In paths, in what packages say of themselves and in
//! the few small files that are kept whole (`/etc/passwd`, `os-release`) a secret is masked too, the same in all
//! layers ([`LayerIndex::mask_names`]), so that what is looked up by name is still found.

mod budget;
pub mod build;
mod codec;
pub mod entries;
mod indexer;
pub mod key;
mod names;
mod paths;
mod pipe;
pub mod store;
mod stored;

pub use budget::FactsBudget;
pub use entries::{Entries, EntryRef};
pub use names::Names;

use crate::analyze::Facts;
use crate::analyze::secrets::Patterns;
use crate::oci::DiffId;
use serde::{Deserialize, Serialize};

/// Everything careen knows of one layer from one pass over its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerIndex {
    /// Computed from the bytes by our own pass, never the declared one.
    pub diff_id: DiffId,
    /// Length of the uncompressed tar in bytes.
    pub tar_bytes: u64,
    /// Bytes of file content in the tar; a hard link adds none.
    pub content_bytes: u64,
    /// In the order of the tar; a path may stand several times, the last one is what unpacks.
    pub entries: Entries,
    pub facts: Facts,
    /// What is odd about the tar itself.
    pub oddities: Vec<Oddity>,
}

impl LayerIndex {
    /// Puts a mask and a fingerprint in the place of each secret that stands in a name.
    pub fn mask_names(&mut self, patterns: &Patterns) {
        names::mask(self, patterns);
    }

    /// Bytes of memory that its facts take, roughly.
    pub fn facts_weight(&self) -> u64 {
        self.facts.weight_since(&Facts::default().mark())
    }

    /// Compact bytes with a checksum that binds them to what they are filed under; `None` where the index
    /// is larger than what [`LayerIndex::unseal`] reads.
    pub fn seal(&self, key: &key::IndexKey) -> std::io::Result<Option<Vec<u8>>> {
        codec::seal(self, key)
    }

    /// The index of `diff_id`, if the bytes are whole and were sealed under this name.
    pub fn unseal(bytes: &[u8], diff_id: &DiffId, key: &key::IndexKey) -> Option<Self> {
        codec::unseal(bytes, diff_id, key)
    }
}

/// Things in the stream that a runtime lets pass and a reader should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oddity {
    /// Non-zero bytes behind the tar's end: they are in the blob, and nobody unpacks them.
    TrailingData { bytes: u64 },
    /// A name with `..` that climbs out of the root (clamped to it).
    EscapingPath { entry: u32 },
    /// A type that no runtime unpacks; its bytes were looked at as a file.
    UnknownType { entry: u32 },
    /// Its path or its link's target is longer than Linux makes any (4,095 bytes, 255 for one name): no
    /// runtime unpacks it. A whole path of more bytes has a stand-in, see [`crate::layer::LayerPath::stand_in`].
    TooLongPath { entry: u32 },
    /// Its name stands before it in the tar: not every runtime unpacks the layer, and the earlier content is
    /// still in the blob.
    DuplicateEntry { entry: u32 },
}
