//! Images in a registry, by the distribution spec.
//!
//! Async stays in here: each source owns a small runtime, its callers see `std::io::Read`. Neither a
//! source nor its readers may be used on a thread that runs async tasks itself.

mod allowed_host;
mod auth;
mod blob;
mod catalog;
mod challenge;
mod client;
mod credentials;
mod document;
mod error;
mod error_words;
mod helper;
mod host;
mod link;
mod listing;
mod names;
mod rate;
mod reach;
mod request_limits;
mod retry;
mod sent;
mod token;
mod transport;
mod zone;

pub use allowed_host::{AllowedHost, AllowedHostError};
pub use auth::TOKEN_LIMIT;
pub use catalog::TagList;
pub use credentials::{AuthSource, Credentials, FoundLogin, Helpers, Login};
pub use error::{ConnectionCause, Refusal, RegistryError};
pub use host::RegistryHost;
pub use listing::{ListedPage, Listing, ListingKind, ListingSettings};
pub use names::OddNames;
pub use rate::MinRate;
pub use request_limits::RequestLimits;
pub use retry::Patience;

use super::resolve::{DOCUMENT_LIMIT, DocumentStore, Root, descend};
use super::{BlobName, LayerRef, PlatformChoice, Resolution, Source, SourceError};
use crate::oci::media_type::ACCEPTED_MANIFESTS;
use crate::oci::{Descriptor, Digest, MediaKind, MediaType, Reference};
use client::{Ask, Client};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How to reach a registry: plain data, filled by the caller.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    pub credentials: Credentials,
    /// PEM bundles that are trusted beside the system's roots.
    pub ca_files: Vec<PathBuf>,
    /// Speak HTTP without TLS. For a host on this machine it is found out.
    pub plain_http: bool,
    /// Other hosts, with or without a port, that are asked without TLS: as registries, and as token
    /// servers, which get the password in clear.
    pub plain_http_hosts: Vec<String>,
    /// Where a registry may lead although that is more private than itself.
    pub allow_hosts: Vec<AllowedHost>,
    /// Believe any certificate.
    pub insecure_skip_verify: bool,
    /// Fetch a layer that the registry does not have from the URLs in its descriptor.
    pub follow_foreign_urls: bool,
    pub patience: Patience,
    pub manners: RequestLimits,
    pub timeouts: Timeouts,
    /// How slow a body may come.
    pub min_rate: MinRate,
    pub user_agent: String,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            ca_files: Vec::new(),
            plain_http: false,
            plain_http_hosts: Vec::new(),
            allow_hosts: Vec::new(),
            insecure_skip_verify: false,
            follow_foreign_urls: false,
            patience: Patience::default(),
            manners: RequestLimits::default(),
            timeouts: Timeouts::default(),
            min_rate: MinRate::default(),
            user_agent: concat!("careen/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl RegistrySettings {
    /// Whether the user has named the host of `url` as one that is asked without TLS.
    fn names_plain_http(&self, url: &Url) -> bool {
        self.plain_http_hosts.iter().any(|named| {
            // A scheme whose own port is another one: `:80` is told from none.
            let Ok(named) = Url::parse(&format!("ftp://{named}/")) else { return false };
            named.host_str() == url.host_str()
                && named.port().is_none_or(|port| url.port_or_known_default() == Some(port))
        })
    }
}

/// How long to wait.
#[derive(Clone, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// For the next bytes of any answer.
    pub read: Duration,
    /// For the whole body of a manifest, config, token or list.
    pub document: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            read: Duration::from_secs(30),
            document: Duration::from_secs(120),
        }
    }
}

/// Threads that talk to registries; one more looks up names.
const WORKERS: usize = 2;

/// Whether so many more threads can be had at once.
fn spare_threads(count: usize) -> std::io::Result<()> {
    let (hold, wait) = crossbeam_channel::bounded::<()>(0);
    let mut threads = Vec::with_capacity(count);
    for _ in 0..count {
        let wait = wait.clone();
        threads.push(std::thread::Builder::new().spawn(move || wait.recv().is_ok())?);
    }
    drop(hold);
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// A runtime that can be dropped anywhere and waits for nobody.
pub(super) struct OwnRuntime(Option<tokio::runtime::Runtime>, tokio::runtime::Handle);

impl OwnRuntime {
    fn new() -> std::io::Result<Self> {
        // Where its second worker cannot be had, tokio waits for its first one for ever.
        spare_threads(WORKERS + 1)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("registry")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    fn handle(&self) -> &tokio::runtime::Handle {
        &self.1
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// One image reference in a registry.
pub struct RegistrySource {
    runtime: Arc<OwnRuntime>,
    client: Arc<Client>,
    follow_foreign_urls: bool,
}

impl RegistrySource {
    /// Nothing is asked of the registry yet.
    pub fn new(reference: Reference, settings: RegistrySettings) -> Result<Self, SourceError> {
        Ok(RegistryHost::of(&reference, settings)?.source(reference))
    }

    /// The repository's tags, every page of them.
    ///
    /// # Errors
    /// Where not even the first page came; a later one that is missing is in the list's `broken`.
    pub fn tags(&self) -> Result<TagList, RegistryError> {
        let tags = self.runtime.handle().block_on(catalog::tags(&self.client))?;
        let sent = &self.client.connection.sent;
        Ok(TagList { broken: tags.broken.map(|e| sent.error(e)), ..tags })
    }

    /// What was found, or why not, without a password or a token that the registry wrote into its
    /// documents: both quote them.
    pub fn without_secrets(
        &self,
        found: Result<Resolution, SourceError>,
    ) -> Result<Resolution, SourceError> {
        let sent = &self.client.connection.sent;
        match found {
            Ok(mut resolution) => {
                for unseen in &mut resolution.unseen {
                    unseen.what = sent.without(&unseen.what);
                    unseen.why = sent.without(&unseen.why);
                }
                Ok(resolution)
            }
            Err(e) => {
                let text = e.to_string();
                match sent.is_in(&text) {
                    false => Err(e),
                    true => Err(SourceError::Malformed {
                        what: self.client.reference.to_string(),
                        why: sent.without(&text),
                    }),
                }
            }
        }
    }

    /// The manifest or index that `reference` names, an image of this repository; `None` where it is
    /// still the one that is `known`.
    pub fn root_of(
        &self,
        reference: &Reference,
        known: Option<&Digest>,
    ) -> Result<Option<Root>, RegistryError> {
        let key = reference.manifest_key();
        let mut ask = manifest_ask(&key);
        ask.unless = known.map(|d| format!("\"{d}\""));
        let (raw, headers, url) =
            self.runtime.handle().block_on(self.client.document(&ask, DOCUMENT_LIMIT))?;
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        // Only an answer without a body can be a 304.
        if known.is_some() && raw.is_empty() {
            return Ok(None);
        }
        // Both are claims about the same bytes; the user's own digest comes first.
        let claimed: Option<Digest> =
            header("docker-content-digest").and_then(|d| d.trim().parse().ok());
        for expected in [reference.digest(), claimed].into_iter().flatten() {
            let mut hasher = expected.hasher();
            hasher.update(&raw);
            let actual = hasher.finish();
            if actual != expected {
                return Err(RegistryError::WrongDigest {
                    host: transport::host_of(&url),
                    what: ask.what,
                    expected,
                    actual,
                });
            }
        }
        Ok(Some(Root {
            reference: reference.to_string(),
            pinned: reference.digest().is_some(),
            is_local: false,
            media_type: header("content-type").map(MediaType::from),
            raw,
            repeated: Vec::new(),
        }))
    }
}

fn manifest_ask(key: &str) -> Ask {
    Ask {
        accept: Some(ACCEPTED_MANIFESTS.join(", ")),
        ..Ask::new(format!("manifest {key}"), format!("manifests/{key}"))
    }
}

impl DocumentStore for RegistrySource {
    fn document(&self, d: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let ask = match d.media_type.kind() {
            MediaKind::Index | MediaKind::Manifest => manifest_ask(&d.digest.to_string()),
            _ => Ask::new(format!("blob {}", d.digest), format!("blobs/{}", d.digest)),
        };
        let (raw, _, _) =
            self.runtime.handle().block_on(self.client.document(&ask, DOCUMENT_LIMIT))?;
        Ok(raw)
    }
}

impl Source for RegistrySource {
    fn resolve(&self, choice: &PlatformChoice) -> Result<Resolution, SourceError> {
        let root = self
            .root_of(&self.client.reference, None)?
            .ok_or_else(|| SourceError::NotFound { what: self.client.reference.to_string() })?;
        self.without_secrets(descend(root, self, choice))
    }

    /// The first request is made by the reader's task: what fails, fails on reading, as an
    /// `io::Error` around a [`RegistryError`].
    fn open(&self, layer: &LayerRef) -> Result<Box<dyn Read + Send>, SourceError> {
        let descriptor = match (&layer.descriptor, &layer.blob) {
            (Some(d), BlobName::Digest(name)) if d.digest == *name => d.clone(),
            _ => {
                return Err(SourceError::Malformed {
                    what: format!("layer {:?}", layer.blob),
                    why: "has no descriptor of its own in this registry".to_owned(),
                });
            }
        };
        Ok(Box::new(blob::BlobReader::spawn(
            self.runtime.clone(),
            self.client.clone(),
            descriptor,
            self.follow_foreign_urls,
        )))
    }
}
