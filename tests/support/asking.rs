//! How the tests ask a registry: without helpers, and with little patience.

use super::fake_registry::FakeRegistry;
use careen::oci::{Descriptor, Digest};
use careen::source::registry::{
    Credentials, Helpers, Login, Patience, RegistryError, RegistrySettings, RegistrySource,
    Timeouts,
};
use careen::source::{BlobName, LayerRef, PlatformChoice, Source, SourceError};
use std::io::Read;
use std::time::Duration;

pub const USER: &str = "anna";
pub const PASSWORD: &str = "hunter2hunter2";

pub fn settings() -> RegistrySettings {
    RegistrySettings {
        credentials: Credentials { helpers: Helpers::Never, ..Credentials::default() },
        plain_http: true,
        patience: Patience {
            retries: 3,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(5),
            longest_retry_after: Duration::from_millis(300),
        },
        // A busy machine must not look like a silent server.
        timeouts: Timeouts { read: Duration::from_secs(15), ..Timeouts::default() },
        ..RegistrySettings::default()
    }
}

pub fn with_login() -> RegistrySettings {
    let mut s = settings();
    s.credentials.explicit = Some(Login::password(USER, PASSWORD));
    s
}

/// `app/x:1` of a registry.
pub fn source(registry: &FakeRegistry, settings: RegistrySettings) -> RegistrySource {
    let reference = format!("{}/app/x:1", registry.host).parse().unwrap();
    RegistrySource::new(reference, settings).unwrap()
}

pub fn resolve(source: &RegistrySource) -> Result<(), SourceError> {
    source.resolve(&PlatformChoice::All).map(|_| ())
}

/// Why it cannot be resolved.
pub fn refused(source: &RegistrySource) -> RegistryError {
    match resolve(source) {
        Err(SourceError::Registry(e)) => e,
        other => panic!("{other:?}"),
    }
}

/// A layer of these bytes.
pub fn layer(bytes: &[u8]) -> LayerRef {
    let digest = Digest::sha256(bytes);
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    LayerRef {
        blob: BlobName::Digest(digest),
        descriptor: Some(Descriptor::new(media_type, digest, bytes.len() as u64)),
        declared_diff_id: None,
    }
}

/// The layer's bytes, or why not.
pub fn read(source: &RegistrySource, layer: &LayerRef) -> Result<Vec<u8>, RegistryError> {
    let mut out = Vec::new();
    match source.open(layer).unwrap().read_to_end(&mut out) {
        Ok(_) => Ok(out),
        Err(e) => Err(e
            .into_inner()
            .and_then(|e| e.downcast::<RegistryError>().ok())
            .map(|e| *e)
            .expect("an error of the registry")),
    }
}
