//! Manifests and indexes (manifest.md, image-index.md), OCI's and Docker's spelling alike.

use super::descriptor::Written;
use super::go_json::{self, JsonError, Present, go_struct};
use super::{Descriptor, DigestError, MediaKind, MediaType};
use std::collections::BTreeMap;

/// One image: a config and its layers, base first.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub media_type: Option<MediaType>,
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: BTreeMap<String, String>,
    /// What had to be put right.
    pub remarks: Vec<String>,
    /// Fields that stand more than once.
    pub repeated: Vec<String>,
}

/// A list of manifests or of further indexes.
#[derive(Clone, Debug)]
pub struct Index {
    pub media_type: Option<MediaType>,
    pub manifests: Vec<Descriptor>,
    pub annotations: BTreeMap<String, String>,
    /// Elements of `manifests` that name no blob, and why: no reader can follow them.
    pub nameless: Vec<String>,
    /// What had to be put right.
    pub remarks: Vec<String>,
    /// Fields that stand more than once.
    pub repeated: Vec<String>,
}

/// What the bytes behind a tag turned out to be.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // one at a time, on its way to be taken apart
pub enum Document {
    Index(Index),
    Manifest(Manifest),
    /// An artifact manifest (OCI's until 1.1, and ORAS's before), by its type: it has blobs, and neither a
    /// config nor layers.
    Artifact(String),
}

/// Why bytes are no manifest that careen reads.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("invalid JSON: {0}")]
    Json(#[from] JsonError),
    #[error("{place}: {source}")]
    Digest { place: String, source: DigestError },
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

/// All fields that any of these documents has.
#[derive(Default)]
struct Fields {
    schema_version: i64,
    media_type: String,
    artifact_type: String,
    config: Option<Written>,
    layers: Option<Vec<Written>>,
    manifests: Option<Vec<Written>>,
    blobs: Option<Present>,
    fs_layers: Option<Present>,
    annotations: BTreeMap<String, String>,
}

go_struct!(Fields {
    "schemaVersion" => schema_version,
    "mediaType" => media_type,
    "artifactType" => artifact_type,
    "config" => config,
    "layers" => layers,
    "manifests" => manifests,
    "blobs" => blobs,
    "fsLayers" => fs_layers,
    "annotations" => annotations,
});

impl Document {
    /// Parses raw manifest bytes. `claimed` is the media type of the transport (a `Content-Type` or
    /// a descriptor), used only where the document does not name its own.
    ///
    /// # Errors
    /// Where the bytes are none of these documents, or mean different things to different readers.
    pub fn parse(raw: &[u8], claimed: Option<&MediaType>) -> Result<Self, DocumentError> {
        let read: go_json::Unmarshalled<Fields> = go_json::unmarshal(raw)?;
        let (remarks, repeated) = (read.remarks(), read.repeated);
        let fields = read.value;
        let own = Some(MediaType(fields.media_type)).filter(|m| !m.as_str().is_empty());
        let media_type = own.as_ref().or(claimed).cloned().unwrap_or_default();
        let kind = media_type.kind();
        let mismatch = |found| DocumentError::Mismatch { claimed: media_type.to_string(), found };
        if fields.schema_version == 1 || fields.fs_layers.is_some() {
            return Err(DocumentError::Schema1);
        }
        match (fields.manifests, fields.config) {
            (Some(_), Some(_)) => Err(DocumentError::Ambiguous),
            (Some(_), None) if fields.layers.is_some() => Err(DocumentError::Ambiguous),
            (Some(_), None) if kind == MediaKind::Manifest => Err(mismatch("an index")),
            (None, Some(_)) if kind == MediaKind::Index => Err(mismatch("an image manifest")),
            (None, Some(config)) => {
                let artifact_type = Some(fields.artifact_type).filter(|t| !t.is_empty());
                let layers = fields.layers.unwrap_or_default().into_iter().enumerate();
                let layers = layers.map(|(n, d)| descriptor(&format!("layers[{n}]"), d));
                Ok(Self::Manifest(Manifest {
                    media_type: own,
                    artifact_type,
                    config: descriptor("config", config)?,
                    layers: layers.collect::<Result<_, _>>()?,
                    annotations: fields.annotations,
                    remarks,
                    repeated,
                }))
            }
            (None, None) if kind == MediaKind::Artifact || fields.blobs.is_some() => {
                let named =
                    [fields.artifact_type, media_type.0].into_iter().find(|t| !t.is_empty());
                Ok(Self::Artifact(named.unwrap_or_default()))
            }
            // `"manifests": null` and an absent list are an empty index.
            (None, None) if kind != MediaKind::Index => {
                Err(DocumentError::Unknown(media_type.to_string()))
            }
            (manifests, None) => {
                let mut index = Index {
                    media_type: own,
                    manifests: Vec::new(),
                    annotations: fields.annotations,
                    nameless: Vec::new(),
                    remarks,
                    repeated,
                };
                // One that cannot be followed must not hide the others.
                for (n, written) in manifests.into_iter().flatten().enumerate() {
                    match descriptor(&format!("manifests[{n}]"), written) {
                        Ok(d) => index.manifests.push(d),
                        Err(e) => index.nameless.push(e.to_string()),
                    }
                }
                Ok(Self::Index(index))
            }
        }
    }
}

fn descriptor(place: &str, written: Written) -> Result<Descriptor, DocumentError> {
    let of = |source| DocumentError::Digest { place: format!("{place}.digest"), source };
    Descriptor::try_from(written).map_err(of)
}

impl Manifest {
    /// What it is where it is no image: a signature, an attestation, a bill of materials, a chart, a
    /// WebAssembly module. Some of these have the config of an image and layers of types of their own.
    pub fn artifact_kind(&self) -> Option<&str> {
        let config = &self.config.media_type;
        if !config.is_image_config() {
            return Some(self.artifact_type.as_deref().unwrap_or(config.as_str()));
        }
        let first = self.layers.first()?;
        let none = self.layers.iter().all(|l| !l.media_type.may_be_layer());
        none.then(|| self.artifact_type.as_deref().unwrap_or(first.media_type.as_str()))
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
        let e = Document::parse(negative.as_bytes(), None).unwrap_err();
        assert!(
            matches!(e, DocumentError::Json(_)) && e.to_string().contains("config.size"),
            "{e}"
        );
    }

    /// Runtimes unpack the last list of them, however its key is written.
    #[test]
    fn the_last_of_equal_keys_counts() {
        let other = D.replace("e3b0", "0000");
        let text = format!(r#"{{"config":{D},"layers":[{D},{D}],"Layers":[{other}]}}"#);
        let Ok(Document::Manifest(m)) = Document::parse(text.as_bytes(), None) else {
            panic!("a manifest")
        };
        assert_eq!(m.layers.len(), 1);
        assert!(m.layers[0].digest.hex().starts_with("0000"));
        assert_eq!(m.repeated, ["layers"]);
        let both = format!(r#"{{"config":{D},"Layers":[],"MANIFESTS":[{D}]}}"#);
        assert!(matches!(Document::parse(both.as_bytes(), None), Err(DocumentError::Ambiguous)));
    }

    #[test]
    fn an_element_that_names_no_blob_hides_no_other() {
        let odd = D.replace("sha256", "blake3");
        let text = format!(r#"{{"manifests":[null,{odd},{D}],"annotations":{{"a":null}}}}"#);
        let Ok(Document::Index(i)) = Document::parse(text.as_bytes(), None) else {
            panic!("an index")
        };
        assert_eq!((i.manifests.len(), i.nameless.len()), (1, 2));
        assert!(i.nameless[1].contains("manifests[1]") && i.nameless[1].contains("blake3"));
        let text = format!(r#"{{"config":{D},"layers":[{odd}]}}"#);
        let e = Document::parse(text.as_bytes(), None).unwrap_err();
        assert!(e.to_string().contains("layers[0].digest"), "{e}");
    }

    fn manifest(config: &str, more: &str, layers: &[&str]) -> Manifest {
        let of = |kind: &str| D.replacen('{', &format!(r#"{{"mediaType":"{kind}","#), 1);
        let layers: Vec<String> = layers.iter().map(|l| of(l)).collect();
        let text = format!(r#"{{"config":{},"layers":[{}]{more}}}"#, of(config), layers.join(","));
        match Document::parse(text.as_bytes(), None) {
            Ok(Document::Manifest(m)) => m,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_image_is_told_from_an_artifact() {
        use super::super::media_type::{DOCKER_LAYER_GZIP, OCI_CONFIG, OCI_LAYER};
        for config in [OCI_CONFIG, "application/octet-stream", "application/json", "text/html", ""]
        {
            for layers in [&[OCI_LAYER][..], &[DOCKER_LAYER_GZIP, "x/y"], &[""], &[]] {
                let m = manifest(config, r#","artifactType":"a/b""#, layers);
                assert_eq!(m.artifact_kind(), None, "{config} {layers:?}");
            }
        }
        let cosign = "application/vnd.dev.cosign.simplesigning.v1+json";
        assert_eq!(manifest(OCI_CONFIG, "", &[cosign]).artifact_kind(), Some(cosign));
        let wasm = "application/vnd.wasm.content.layer.v1+wasm";
        assert_eq!(manifest("", r#","artifactType":"a/b""#, &[wasm]).artifact_kind(), Some("a/b"));
        let helm = "application/vnd.cncf.helm.config.v1+json";
        assert_eq!(manifest(helm, "", &[OCI_LAYER]).artifact_kind(), Some(helm));
        for text in [
            r#"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"a/b"}"#,
            r#"{"artifactType":"a/b","blobs":[{"x":1}],"subject":{}}"#,
        ] {
            let document = Document::parse(text.as_bytes(), None);
            assert!(matches!(document, Ok(Document::Artifact(kind)) if kind == "a/b"));
        }
    }
}
