//! Manifests and configs as they came, for as long as this process lives. A config may hold secrets that
//! nobody knows for secrets before the layers are read, so that none is ever written to the store: what is
//! not here any more is fetched again.

use crate::oci::{Descriptor, Digest};
use crate::source::SourceError;
use crate::source::registry::RegistrySource;
use crate::source::resolve::{DOCUMENT_LIMIT, DocumentStore, verify_document};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Packed bytes that are held: the configs of some ten thousand images.
const MOST: usize = 32 << 20;
/// Locks by which a document is fetched once though several ask for it at once.
const STRIPES: usize = 64;

/// The documents that were read last.
pub(super) struct Documents {
    held: Mutex<Held>,
    stripes: Vec<Mutex<()>>,
}

#[derive(Default)]
struct Held {
    packed: HashMap<Digest, Vec<u8>>,
    /// The oldest first.
    order: VecDeque<Digest>,
    bytes: usize,
}

impl Documents {
    pub fn new() -> Self {
        Self { held: Mutex::default(), stripes: (0..STRIPES).map(|_| Mutex::new(())).collect() }
    }

    fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        zstd::bulk::decompress(held.packed.get(digest)?, DOCUMENT_LIMIT as usize).ok()
    }

    /// Holds a document that another way has led to; `raw` must hash to `digest`.
    pub fn put(&self, digest: &Digest, raw: &[u8]) {
        let Ok(packed) = zstd::bulk::compress(raw, 3) else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += packed.len();
        match held.packed.insert(*digest, packed) {
            Some(old) => held.bytes -= old.len(),
            None => held.order.push_back(*digest),
        }
        while held.bytes > MOST {
            let Some(oldest) = held.order.pop_front() else { break };
            let gone = held.packed.remove(&oldest).map_or(0, |packed| packed.len());
            held.bytes -= gone;
        }
    }

    /// A document from here, or from the first of `sources` that has it.
    fn fetch(
        &self,
        d: &Descriptor,
        sources: &mut dyn Iterator<Item = Result<Arc<RegistrySource>, SourceError>>,
    ) -> Result<Vec<u8>, SourceError> {
        let stripe = d.digest.as_bytes().first().map_or(0, |b| usize::from(*b) % STRIPES);
        let _alone = self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(raw) = self.get(&d.digest) {
            return Ok(raw);
        }
        let mut failed = SourceError::NotFound { what: d.digest.short() };
        for source in sources {
            let raw = source.and_then(|source| source.document(d));
            match raw.and_then(|raw| verify_document(&d.digest.short(), d, &raw).map(|()| raw)) {
                Ok(raw) => {
                    self.put(&d.digest, &raw);
                    return Ok(raw);
                }
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }

    /// These documents, fetched from one of `sources` where they are not here.
    pub fn from<'a, I, S>(&'a self, sources: S) -> Fetching<'a, S>
    where
        S: Fn() -> I,
        I: Iterator<Item = Result<Arc<RegistrySource>, SourceError>>,
    {
        Fetching { documents: self, sources }
    }
}

/// Documents, and where they are fetched from.
pub(super) struct Fetching<'a, S> {
    documents: &'a Documents,
    sources: S,
}

impl<S, I> DocumentStore for Fetching<'_, S>
where
    S: Fn() -> I,
    I: Iterator<Item = Result<Arc<RegistrySource>, SourceError>>,
{
    fn document(&self, d: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.documents.fetch(d, &mut (self.sources)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let documents = Documents::new();
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        let all: Vec<Vec<u8>> = (0..10).map(|_| (0..4 << 20).map(|_| noise()).collect()).collect();
        for raw in &all {
            documents.put(&Digest::sha256(raw), raw);
        }
        let here = |raw: &Vec<u8>| documents.get(&Digest::sha256(raw)).as_ref() == Some(raw);
        assert!(!here(&all[0]) && here(&all[9]));
        assert!(documents.held.lock().unwrap().bytes <= MOST);
    }
}
