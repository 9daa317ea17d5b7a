//! One layer: from whichever repository has it, in one pass, to a sealed index.

use super::hosts::Hosts;
use super::store::{LayerJob, LayerResult};
use super::{Keys, SweepPlan};
use crate::index::FactsBudget;
use crate::index::build::{Expected, LayerError};
use crate::oci::{Descriptor, LayerKind, MediaKind, MediaType};
use crate::pipeline;
use crate::source::registry::RegistryError;
use crate::source::{BlobName, LayerRef, Source};
use crate::stream::StreamError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Begins what is said of a layer that no registry has to have.
pub(super) const FOREIGN: &str = "a foreign layer: its bytes are not in the registry";

/// More bytes than any blob has. The digest says which bytes are right; a size is what one manifest says,
/// and another manifest may be right where that one lies.
const ANY_SIZE: u64 = 1 << 40;

/// Why a layer was not read.
pub(super) struct Failed {
    pub why: String,
    pub is_worth_a_try: bool,
    pub fetched: u64,
}

impl Failed {
    /// A defect of careen's own.
    pub fn on_it() -> Self {
        Self { why: "careen failed on it".to_owned(), is_worth_a_try: false, fetched: 0 }
    }
}

/// Reads a layer. The repositories that have it are tried one after the other.
pub(super) fn read(
    plan: &SweepPlan,
    hosts: &Hosts,
    keys: &Keys,
    job: &LayerJob,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<LayerResult, Failed> {
    let fetched = AtomicU64::new(0);
    let told = |n: u64| {
        fetched.fetch_add(n, Ordering::Relaxed);
        progress(n);
    };
    let media_type = MediaType::from(job.media_type.as_str());
    let foreign = media_type.kind() == MediaKind::Layer(LayerKind::Foreign);
    let mut size = job.size;
    let mut failed = Failed {
        why: "no repository is known that has it".to_owned(),
        is_worth_a_try: false,
        fetched: 0,
    };
    let mut missing = 0;
    let mut sources = job.sources.iter();
    let mut next = sources.next();
    while let Some((host, repository)) = next {
        let layer = layer_ref(job, media_type.clone(), size);
        let known = (size != ANY_SIZE).then_some(size);
        let expected = Expected { digest: Some(job.digest), size: known };
        let opened = hosts.repository(host, repository).and_then(|s| s.open(&layer));
        let mut blob = match opened {
            Ok(blob) => blob,
            Err(e) => {
                failed.why = e.to_string();
                next = sources.next();
                continue;
            }
        };
        let name = job.digest.short();
        let built = pipeline::index_layer(
            &plan.inspect,
            &name,
            &mut blob,
            &expected,
            // The layer by itself: which images it is in, others judge.
            &FactsBudget::default(),
            &told,
        );
        match built {
            Ok(built) => {
                let fetched = fetched.load(Ordering::Relaxed);
                return match built.index.seal(&keys.index) {
                    Ok(Some(body)) => Ok(LayerResult {
                        index: built.index,
                        body,
                        size: built.compressed,
                        fetched,
                    }),
                    Ok(None) => Err(Failed {
                        why: "what was found in it is larger than what the store keeps".to_owned(),
                        is_worth_a_try: false,
                        fetched,
                    }),
                    Err(e) => Err(Failed { why: e.to_string(), is_worth_a_try: false, fetched }),
                };
            }
            // The same source once more, without a size.
            Err(e) if size != ANY_SIZE && is_of_the_size(&e) => {
                failed.why = e.to_string();
                size = ANY_SIZE;
            }
            Err(e) => {
                failed.why = e.to_string();
                failed.is_worth_a_try |= is_of_the_way(&e);
                missing += usize::from(is_missing(&e));
                if !is_of_the_way(&e) && !is_of_the_place(&e) {
                    break;
                }
                next = sources.next();
            }
        }
    }
    if foreign && missing == job.sources.len() {
        failed.why = FOREIGN.to_owned();
    }
    failed.fetched = fetched.load(Ordering::Relaxed);
    Err(failed)
}

fn layer_ref(job: &LayerJob, media_type: MediaType, size: u64) -> LayerRef {
    let descriptor = Descriptor::new(media_type, job.digest, size);
    LayerRef {
        blob: BlobName::Digest(job.digest),
        descriptor: Some(descriptor),
        declared_diff_id: None,
    }
}

/// Whether another try may well succeed: the bytes did not come, or came damaged.
fn is_of_the_way(e: &LayerError) -> bool {
    let LayerError::Stream { source, .. } = e else { return false };
    match source {
        StreamError::Source(e) => registry_error(e).is_none_or(RegistryError::is_transient),
        StreamError::Size { .. } | StreamError::TooLong { .. } | StreamError::Digest { .. } => true,
        _ => false,
    }
}

/// Whether there are more or fewer bytes than the manifest says.
fn is_of_the_size(e: &LayerError) -> bool {
    let LayerError::Stream { source, .. } = e else { return false };
    match source {
        StreamError::Size { .. } | StreamError::TooLong { .. } => true,
        StreamError::Source(e) => {
            matches!(registry_error(e), Some(RegistryError::TooLong { .. }))
        }
        _ => false,
    }
}

/// Whether the repository does not have it.
fn is_missing(e: &LayerError) -> bool {
    let LayerError::Stream { source: StreamError::Source(e), .. } = e else { return false };
    registry_error(e)
        .is_some_and(|e| e.status() == Some(404) || matches!(e, RegistryError::Foreign { .. }))
}

/// Whether another repository may have what this one refuses.
fn is_of_the_place(e: &LayerError) -> bool {
    let LayerError::Stream { source: StreamError::Source(e), .. } = e else { return false };
    registry_error(e).is_some()
}

fn registry_error(e: &std::io::Error) -> Option<&RegistryError> {
    e.get_ref().and_then(|inner| inner.downcast_ref())
}
