//! Manifests and indexes (manifest.md, image-index.md), OCI's and Docker's spelling alike.

use super::descriptor::null_is_default;
use super::{Descriptor, MediaKind, MediaType};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One image: a config and its layers, base first.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    #[serde(default)]
    pub media_type: Option<MediaType>,
    #[serde(default)]
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    #[serde(default, deserialize_with = "null_is_default")]
    pub layers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

/// A list of manifests or of further indexes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    #[serde(default)]
    pub media_type: Option<MediaType>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub manifests: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

/// What the bytes behind a tag turned out to be.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // one at a time, on its way to be taken apart
pub enum Document {
    Index(Index),
    Manifest(Manifest),
}

/// Why bytes are no manifest that careen reads.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("invalid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Docker schema 1 carries neither a config nor diff ids.
    #[error("docker schema 1 manifest is not supported")]
    Schema1,
    /// A document with both `layers` and `manifests` means different images to different readers
    /// (CVE-2021-41190), so it is refused.
    #[error("manifest has both `layers` and `manifests`")]
    Ambiguous,
    #[error("neither an image manifest nor an index (media type `{0}`)")]
    Unknown(String),
    #[error("media type `{claimed}` does not fit the content ({found})")]
    Mismatch { claimed: String, found: &'static str },
}

impl Document {
    /// Parses raw manifest bytes. `claimed` is the media type of the transport (a `Content-Type` or
    /// a descriptor), used only where the document does not name its own.
    pub fn parse(raw: &[u8], claimed: Option<&MediaType>) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Probe {
            #[serde(default)]
            schema_version: Option<u64>,
            #[serde(default)]
            media_type: Option<MediaType>,
            #[serde(default)]
            manifests: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            layers: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            config: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            fs_layers: Option<serde::de::IgnoredAny>,
        }
        let probe: Probe = serde_json::from_slice(raw)?;
        if probe.schema_version == Some(1) || probe.fs_layers.is_some() {
            return Err(DocumentError::Schema1);
        }
        if probe.manifests.is_some() && (probe.layers.is_some() || probe.config.is_some()) {
            return Err(DocumentError::Ambiguous);
        }
        let media_type = probe.media_type.as_ref().or(claimed);
        let kind = media_type.map(MediaType::kind);
        let claimed = || media_type.map(|m| m.0.clone()).unwrap_or_default();
        if probe.manifests.is_some() {
            return match kind {
                Some(MediaKind::Manifest) => {
                    Err(DocumentError::Mismatch { claimed: claimed(), found: "an index" })
                }
                _ => Ok(Self::Index(serde_json::from_slice(raw)?)),
            };
        }
        if probe.config.is_some() {
            return match kind {
                Some(MediaKind::Index) => {
                    Err(DocumentError::Mismatch { claimed: claimed(), found: "an image manifest" })
                }
                _ => Ok(Self::Manifest(serde_json::from_slice(raw)?)),
            };
        }
        match kind {
            // `"manifests": null` and an absent list are an empty index.
            Some(MediaKind::Index) => Ok(Self::Index(serde_json::from_slice(raw)?)),
            _ => Err(DocumentError::Unknown(claimed())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::media_type::{OCI_INDEX, OCI_MANIFEST};
    use super::*;

    const D: &str = r#"{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}"#;

    #[test]
    fn tells_an_index_from_a_manifest_by_content() {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{D}]}}"#);
        assert!(
            matches!(Document::parse(index.as_bytes(), None), Ok(Document::Index(i)) if i.manifests.len() == 1)
        );
        let manifest = format!(r#"{{"schemaVersion":2,"config":{D},"layers":null}}"#);
        assert!(
            matches!(Document::parse(manifest.as_bytes(), Some(&OCI_MANIFEST.into())), Ok(Document::Manifest(m)) if m.layers.is_empty())
        );
        assert!(matches!(
            Document::parse(manifest.as_bytes(), Some(&OCI_INDEX.into())),
            Err(DocumentError::Mismatch { .. })
        ));
    }

    #[test]
    fn refuses_a_document_that_is_both() {
        let both = format!(r#"{{"schemaVersion":2,"config":{D},"layers":[],"manifests":[{D}]}}"#);
        assert!(matches!(Document::parse(both.as_bytes(), None), Err(DocumentError::Ambiguous)));
    }

    #[test]
    fn refuses_schema_1_html_and_negative_sizes() {
        assert!(matches!(
            Document::parse(br#"{"schemaVersion":1,"fsLayers":[]}"#, None),
            Err(DocumentError::Schema1)
        ));
        assert!(matches!(Document::parse(b"<html>", None), Err(DocumentError::Json(_))));
        assert!(matches!(Document::parse(b"{}", None), Err(DocumentError::Unknown(_))));
        let negative =
            format!(r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#, D.replace(":0}", ":-1}"));
        assert!(matches!(Document::parse(negative.as_bytes(), None), Err(DocumentError::Json(_))));
    }
}
