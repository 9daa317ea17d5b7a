//! Media types as registries and layouts write them, and what careen makes of each.
//!
//! A media type is a claim. The compression of a layer is sniffed from its first bytes, never taken
//! from here; only the *role* of a blob (index, manifest, layer that may not be distributed…) is.

use serde::{Deserialize, Serialize};
use std::fmt;

pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// An artifact manifest of the image specification before 1.1.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// ORAS's, from before that.
pub const ORAS_ARTIFACT: &str = "application/vnd.cncf.oras.artifact.manifest.v1+json";
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The manifest types that careen asks a registry for, in the order of preference.
pub const ACCEPTED_MANIFESTS: [&str; 6] =
    [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, ORAS_ARTIFACT];

/// A media type, kept as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(pub String);

/// What a blob is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A list of manifests, one a platform.
    Index,
    /// One image.
    Manifest,
    /// Docker's signed schema 1: no config, no diff ids; long deprecated.
    Schema1,
    /// An artifact manifest, OCI's until 1.1 or ORAS's before.
    Artifact,
    /// An image's configuration.
    Config,
    /// A file-system change set.
    Layer(LayerKind),
    /// Anything else: nothing said, signatures, attestations, Helm charts, WebAssembly…
    Other,
}

/// Whether a layer's bytes are meant to be in the registry at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    Distributable,
    /// `nondistributable` in OCI, `foreign` in Docker: the bytes may lie behind the descriptor's `urls`
    /// instead. Where they are there, runtimes unpack them.
    Foreign,
    /// Encrypted for some receivers (ocicrypt, `+encrypted`).
    Encrypted,
}

impl MediaType {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its parameters (`; charset=…`), in lower case: types are the same in any case (RFC 6838).
    fn bare(&self) -> String {
        self.0.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The role, by the type without its parameters.
    pub fn kind(&self) -> MediaKind {
        let bare = self.bare();
        match bare.as_str() {
            OCI_INDEX | DOCKER_LIST => MediaKind::Index,
            OCI_MANIFEST | DOCKER_MANIFEST => MediaKind::Manifest,
            OCI_CONFIG | DOCKER_CONFIG => MediaKind::Config,
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => MediaKind::Schema1,
            OCI_ARTIFACT | ORAS_ARTIFACT => MediaKind::Artifact,
            _ if !LAYERS.iter().any(|head| bare.starts_with(head)) => MediaKind::Other,
            _ if bare.ends_with("+encrypted") => MediaKind::Layer(LayerKind::Encrypted),
            _ if bare.contains(".nondistributable.") || bare.contains(".foreign.") => {
                MediaKind::Layer(LayerKind::Foreign)
            }
            _ => MediaKind::Layer(LayerKind::Distributable),
        }
    }

    /// Whether a manifest with a config of this type is an image to the clients that run images: beside the
    /// two proper types, those that registries and pushers made of them when schema 2 was young.
    pub fn is_image_config(&self) -> bool {
        const VAGUE: [&str; 4] = ["", "application/octet-stream", "application/json", "text/html"];
        self.kind() == MediaKind::Config || VAGUE.contains(&self.bare().as_str())
    }

    /// Whether a blob of this type may be a layer: a layer's type, or one that tells no more than that
    /// there are bytes, or a tar.
    pub fn may_be_layer(&self) -> bool {
        const VAGUE: [&str; 8] = [
            "",
            "application/octet-stream",
            "application/tar",
            "application/x-tar",
            "application/gzip",
            "application/x-gzip",
            "application/tar+gzip",
            "application/zstd",
        ];
        matches!(self.kind(), MediaKind::Layer(_)) || VAGUE.contains(&self.bare().as_str())
    }
}

/// What the types of layers begin with, as containerd tells them from others.
const LAYERS: [&str; 2] =
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

impl From<&str> for MediaType {
    fn from(s: &str) -> Self {
        Self(s.to_owned())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_has_its_role() {
        use LayerKind::*;
        for (text, kind) in [
            (OCI_INDEX, MediaKind::Index),
            (DOCKER_LIST, MediaKind::Index),
            ("application/vnd.oci.image.manifest.v1+json; charset=utf-8", MediaKind::Manifest),
            (OCI_LAYER, MediaKind::Layer(Distributable)),
            (OCI_LAYER_ZSTD, MediaKind::Layer(Distributable)),
            (DOCKER_LAYER_GZIP, MediaKind::Layer(Distributable)),
            (
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                MediaKind::Layer(Foreign),
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                MediaKind::Layer(Foreign),
            ),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", MediaKind::Layer(Encrypted)),
            ("Application/vnd.OCI.image.layer.v1.TAR", MediaKind::Layer(Distributable)),
            ("application/vnd.oci.artifact.manifest.v1+json", MediaKind::Artifact),
            ("application/vnd.in-toto+json", MediaKind::Other),
            ("", MediaKind::Other),
        ] {
            assert_eq!(MediaType::from(text).kind(), kind, "{text}");
        }
    }
}
