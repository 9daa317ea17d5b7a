//! Every way in which finding an image can fail.

use crate::oci::{Digest, DigestError, DocumentError, PlatformError, Reference, ReferenceError};

/// Kinds are added by each medium; each names the thing and may carry a hint for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("{what}: {source}")]
    Document { what: String, source: DocumentError },
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("{what}: {why}")]
    Malformed { what: String, why: String },
    /// A chart, a signature, an attestation.
    #[error("{what}: an artifact of type `{kind}`, not a container image")]
    NoImage { what: String, kind: String },
    /// An index or an archive in which there is nothing to look at.
    #[error("{what}: holds no image")]
    Empty { what: String },
    /// The files of a container, without what makes an image of them.
    #[error(
        "{what}: the root file system of a container (as `docker export` and buildx's `type=tar` write it), not an image: it has no configuration and no layers"
    )]
    RootFileSystem { what: String },
    #[error("{what} is larger than the {limit} bytes that careen reads of a manifest or config")]
    TooLarge { what: String, limit: u64 },
    #[error("{what}: expected digest {expected}, got {actual}")]
    WrongDigest { what: String, expected: Digest, actual: Digest },
    #[error("{what}: expected {expected} bytes, got {actual}")]
    WrongSize { what: String, expected: u64, actual: u64 },
    #[error("{reference} has no image for platform {wanted} (it has: {})", available.join(", "))]
    NoPlatform { reference: String, wanted: String, available: Vec<String> },
    #[error("{what} not found")]
    NotFound { what: String },
    #[error("{what} holds {} images; name one of them: {}", names.len(), names.join(", "))]
    Ambiguous { what: String, names: Vec<String> },
    #[error(transparent)]
    Registry(#[from] super::registry::RegistryError),
    /// A single-pass source met a form that needs a second pass.
    #[error("{what}: {why}")]
    NeedsSecondPass { what: String, why: String },
    /// Words that can only be a path, and nothing is there.
    #[error("no such file or directory: {path}")]
    NoSuchFile { path: String },
    /// A directory that is no OCI layout.
    #[error("{path}: a directory, but no OCI layout (there is no index.json)")]
    NoLayout { path: String },
    #[error("`{text}`: transport `{transport}` is not supported")]
    UnsupportedTransport { text: String, transport: String },
    #[error("no container engine found (looked at: {})", tried.join(", "))]
    NoEngine { tried: Vec<String> },
    #[error("the engine at {engine} has no image `{image}`")]
    NoSuchImage { image: String, engine: String },
    #[error("the engine at {engine}: {why}")]
    Engine { engine: String, why: String },
}

impl SourceError {
    /// Whether the words themselves were wrong, rather than what they name.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Reference(_)
                | Self::Digest(_)
                | Self::Platform(_)
                | Self::Ambiguous { .. }
                | Self::NeedsSecondPass { .. }
                | Self::UnsupportedTransport { .. }
        )
    }

    /// Whether there is nothing that anybody could run or look at: an artifact, an empty index, a manifest
    /// of Docker's schema 1. In a fleet that is no failure.
    pub fn is_no_image(&self) -> bool {
        matches!(
            self,
            Self::NoImage { .. }
                | Self::Empty { .. }
                | Self::Document { source: DocumentError::Schema1, .. }
        )
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPlatform { available, .. } if !available.is_empty() => Some(format!(
                "try `--platform {}` or `--all-platforms`",
                available[0]
            )),
            Self::Ambiguous { what, names } => names.first().map(|n| format!("try `{what}:{n}`")),
            Self::NeedsSecondPass { .. } => Some("save it to a file and name the file".to_owned()),
            Self::NoSuchFile { .. } => Some(
                "check the path; to ask a registry write `docker://` in front of the name".to_owned(),
            ),
            Self::NoLayout { path } if path.parse::<Reference>().is_ok() => {
                Some(format!("to ask a registry write `docker://{path}`"))
            }
            Self::RootFileSystem { .. } => Some(
                "save the image that it was made of (`docker save`), or make one of it (`docker import`)"
                    .to_owned(),
            ),
            Self::UnsupportedTransport { .. } => Some(
                "use docker://, oci:, oci-archive:, docker-archive: or docker-daemon:, or `skopeo copy` it to one of them"
                    .to_owned(),
            ),
            Self::NoEngine { .. } => Some(
                "start Docker or Podman's socket (`systemctl --user start podman.socket`), or name the socket in DOCKER_HOST"
                    .to_owned(),
            ),
            Self::NoSuchImage { image, .. } => Some(format!(
                "see `docker images`; to ask a registry write `docker://{image}`"
            )),
            Self::Engine { .. } => Some(
                "see whether it runs and lets you in (`docker version`), or save the image to a file"
                    .to_owned(),
            ),
            Self::Registry(e) => e.hint(),
            _ => None,
        }
    }
}
