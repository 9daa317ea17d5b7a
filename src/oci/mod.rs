//! Nouns of the OCI image and distribution specifications.
//!
//! Types and their parsing only: nothing here reads a file, a socket or a clock.

pub mod config;
pub mod descriptor;
pub mod digest;
pub mod go_json;
pub mod manifest;
pub mod media_type;
pub mod platform;
pub mod reference;
mod steps;

pub use config::{ContainerConfig, HealthcheckConfig, HistoryEntry, ImageConfig};
pub use descriptor::Descriptor;
pub use digest::{ChainId, DiffId, Digest, DigestError};
pub use manifest::{Document, DocumentError, Index, Manifest};
pub use media_type::{LayerKind, MediaKind, MediaType};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError, without_password};
pub use steps::Steps;
