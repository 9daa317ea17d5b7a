//! Where images come from. Each medium is a sibling with the same face, [`Source`]; a tar that can be
//! read only once (stdin, a compressed archive, an engine's export) is a [`single_pass`] source.
//!
//! Yields manifests, configs and *raw* blob streams. Must not know what a layer holds.

use crate::oci::{Descriptor, DiffId, Digest, ImageConfig, Platform};
use std::io::Read;

/// Which platforms of a multi-platform image are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformChoice {
    /// One; an image that is not multi-platform is taken whatever its platform is, unless the user
    /// named one.
    One {
        platform: Platform,
        named_by_user: bool,
    },
    All,
}

/// The name of a blob within its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobName {
    /// Content-addressed: registry, OCI layout.
    Digest(Digest),
    /// A member of a docker-archive, by its path in the tar.
    Member(String),
}

/// One layer as its image names it; nothing of it has been read yet.
#[derive(Clone, Debug)]
pub struct LayerRef {
    pub blob: BlobName,
    /// What the manifest says of the stored blob; a docker-archive has none.
    pub descriptor: Option<Descriptor>,
    /// What the config says the tar hashes to: a claim, compared with what is computed.
    pub declared_diff_id: Option<DiffId>,
}

/// One image found, before any layer is read.
#[derive(Clone, Debug)]
pub struct FoundImage {
    /// What the user would call it: the normalised reference, or `path:tag` of an archive.
    pub reference: String,
    /// Digest of the raw manifest; `None` in a docker-archive of the old form.
    pub digest: Option<Digest>,
    pub platform: Platform,
    pub manifest_raw: Option<Vec<u8>>,
    pub config_raw: Vec<u8>,
    pub config: ImageConfig,
    /// Base first; as many as the manifest names.
    pub layers: Vec<LayerRef>,
    pub annotations: std::collections::BTreeMap<String, String>,
    /// Whether the words of the user pin the content (a digest) or only a name that can move (a tag).
    pub pinned: bool,
    /// Whether it lies in a file or a folder: then its name is no tag of a registry's.
    pub is_local: bool,
    /// Declared mismatches that do not stop the inspection (e.g. 3 layers but 2 diff ids).
    pub remarks: Vec<String>,
    /// Documents that mean something else to readers that take another one of equal keys.
    pub repeated: Vec<RepeatedKeys>,
}

/// Fields that stand more than once in a document, whatever their case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedKeys {
    /// `the manifest`.
    pub document: String,
    /// Such as `config.Env`.
    pub fields: Vec<String>,
}

impl RepeatedKeys {
    /// `None` where there are none.
    pub fn of(document: &str, fields: Vec<String>) -> Option<Self> {
        (!fields.is_empty()).then(|| Self { document: document.to_owned(), fields })
    }
}

/// Something that exists in the image and was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    pub what: String,
    pub why: String,
    /// By nature (attestations, foreign layers: exit status unaffected) or because it failed.
    pub failed: bool,
}

/// What a reference led to.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    pub images: Vec<FoundImage>,
    pub unseen: Vec<Unseen>,
}

/// A medium that can hand out any blob at any time, from several threads.
pub trait Source: Send + Sync {
    /// Finds the manifests and configs. Reads no layer.
    fn resolve(&self, choice: &PlatformChoice) -> Result<Resolution, SourceError>;

    /// Opens a layer's stored bytes, unverified: the caller checks digest and size.
    fn open(&self, layer: &LayerRef) -> Result<Box<dyn Read + Send>, SourceError>;
}

pub mod archive;
pub mod archive_compression;
pub mod daemon;
pub mod docker_manifest;
pub mod error;
pub mod header_fields;
pub mod headers;
pub mod layout;
pub mod locator;
pub mod members;
pub mod oci_index;
pub mod registry;
pub mod resolve;
#[cfg(test)]
mod sample;
pub mod select;
pub mod single_pass;
pub mod tar_image;

pub use error::SourceError;
