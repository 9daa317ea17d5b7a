//! A pointer to a blob (descriptor.md).

use super::go_json::go_struct;
use super::{Digest, DigestError, MediaType, Platform};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a manifest says of a blob: its type, digest and size in bytes as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    /// Bytes of the blob as stored. A negative size does not parse.
    pub size: u64,
    /// Other places of the bytes; never followed unless the user asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// A descriptor as a document has it: everything may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    media_type: String,
    digest: String,
    size: u64,
    urls: Vec<String>,
    annotations: BTreeMap<String, String>,
    platform: Option<Platform>,
    artifact_type: Option<String>,
}

go_struct!(Written {
    "mediaType" => media_type,
    "digest" => digest,
    "size" => size,
    "urls" => urls,
    "annotations" => annotations,
    "platform" => platform,
    "artifactType" => artifact_type,
});

impl TryFrom<Written> for Descriptor {
    type Error = DigestError;

    fn try_from(w: Written) -> Result<Self, DigestError> {
        Ok(Self {
            media_type: MediaType(w.media_type),
            digest: w.digest.parse()?,
            size: w.size,
            urls: w.urls,
            annotations: w.annotations,
            platform: w.platform,
            artifact_type: w.artifact_type.filter(|t| !t.is_empty()),
        })
    }
}

impl Descriptor {
    /// A descriptor with nothing but the three required properties.
    pub fn new(media_type: impl Into<MediaType>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    /// The tag that a layout's index gives it (`org.opencontainers.image.ref.name`).
    pub fn ref_name(&self) -> Option<&str> {
        self.annotations.get("org.opencontainers.image.ref.name").map(String::as_str)
    }

    /// Whether its platform is that of BuildKit's attestations, `unknown/unknown`. Runtimes choose by
    /// platform alone: one that can be run is an image, whatever its annotations say.
    pub fn is_attestation(&self) -> bool {
        self.platform.as_ref().is_some_and(Platform::is_unknown)
    }
}
