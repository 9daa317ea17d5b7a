//! The layers of a random-access source to indexes: each distinct blob once, the largest first, several
//! side by side, from the cache where it has them.

use super::{Plan, Progress};
use crate::analyze::secrets::SecretAnalyzer;
use crate::analyze::{
    Analyzer, compressibility::PackingAnalyzer, elf::ElfAnalyzer, kept_files::RuntimeAnalyzer,
    modules::ModuleAnalyzer, packages, references::ReferenceAnalyzer,
};
use crate::image::LayerState;
use crate::index::FactsBudget;
use crate::index::build::{self, BuildSettings, Built, Expected, LayerError};
use crate::index::key::IndexKey;
use crate::index::store::Store;
use crate::oci::{Digest, LayerKind, MediaKind, MediaType};
use crate::report::growth;
use crate::source::{BlobName, LayerRef, Source};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// The analyzers of every pass, in the order in which they leave facts. Changing this list changes
/// the key of the cache by the analyzers' ids.
pub fn analyzers(plan: &Plan) -> Vec<Box<dyn Analyzer>> {
    let mut list: Vec<Box<dyn Analyzer>> = vec![
        Box::new(SecretAnalyzer::new(Arc::clone(&plan.patterns), plan.reveal)),
        Box::new(ElfAnalyzer::new()),
        Box::new(RuntimeAnalyzer::new()),
        Box::new(ReferenceAnalyzer::new()),
        Box::new(PackingAnalyzer::new()),
        Box::new(ModuleAnalyzer::new()),
    ];
    list.extend(packages::analyzers());
    list
}

/// The cache and the part of the key that is the same for all layers of a run.
pub(super) struct Cache {
    store: Store,
    key: IndexKey,
}

impl Cache {
    /// A cache that cannot be opened is no reason not to look at the image.
    pub fn open(plan: &Plan) -> Option<Self> {
        if plan.reveal {
            return None;
        }
        let store = Store::open(plan.cache_dir.as_deref()?).ok()?;
        Some(Self { store, key: IndexKey::new(&analyzers(plan), plan.patterns.digest()) })
    }

    /// `facts` is what is left for those of the image: a layer for whose there is no room is read again, and
    /// what does not fit is named.
    fn get(&self, layer: &LayerRef, facts: &FactsBudget) -> Option<LayerState> {
        let digest = layer.descriptor.as_ref()?.digest;
        let hit = self.store.get_by_digest(&digest, &self.key)?;
        if !facts.take(hit.facts_weight()) {
            return None;
        }
        Some(LayerState::Indexed(Arc::new(hit)))
    }

    fn put(&self, built: &Built) {
        if built.is_cut {
            return;
        }
        // A full disk costs the next run some time, not this one its report.
        let _ = self.store.put(&built.digest, &built.index, &self.key);
    }
}

/// Reads a layer to its end: its facts, with no secret in clear. `facts` is what all layers of the image may
/// take for them.
///
/// # Errors
///
/// As [`build::build`].
pub fn index_layer(
    plan: &Plan,
    name: &str,
    blob: &mut dyn Read,
    expected: &Expected,
    facts: &FactsBudget,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Built, LayerError> {
    let settings = BuildSettings { facts: facts.clone(), ..plan.build.clone() };
    let mut built = build::build(name, blob, expected, analyzers(plan), &settings, progress)?;
    built.index.mask_names(&plan.patterns);
    Ok(built)
}

/// How a layer is called in errors and on the progress display.
pub(super) fn name_of(layer: &LayerRef) -> String {
    match &layer.blob {
        BlobName::Digest(d) => d.short(),
        BlobName::Member(path) => path.clone(),
    }
}

/// Whether a member of an archive is this layer's blob.
pub(super) fn is_member(layer: &LayerRef, member: &str) -> bool {
    match &layer.blob {
        BlobName::Member(path) => path == member,
        BlobName::Digest(d) => member.ends_with(&format!("blobs/{}/{}", d.algorithm(), d.hex())),
    }
}

/// What the stored bytes must come to, where the manifest says it.
pub(super) fn expected(layer: &LayerRef) -> Expected {
    Expected {
        digest: layer.descriptor.as_ref().map(|d| d.digest),
        size: layer.descriptor.as_ref().map(|d| d.size),
    }
}

/// Turns a finished or failed pass into what is known of the layer.
pub(super) fn state_of(built: Result<Built, LayerError>, cache: Option<&Cache>) -> LayerState {
    match built {
        Ok(built) => {
            if let Some(cache) = cache {
                cache.put(&built);
            }
            LayerState::Indexed(Arc::new(built.index))
        }
        Err(e) => failure(e.to_string()),
    }
}

fn failure(why: String) -> LayerState {
    LayerState::NotLookedAt { why, failed: true }
}

/// Why a layer was not read, by what its media type says of it. The bytes of a foreign one may be there or
/// not, and those of one that is called encrypted may be in clear: runtimes unpack what they can, so both
/// are tried like any other.
pub fn unread(media_type: &MediaType, why: &str) -> String {
    match media_type.kind() {
        MediaKind::Layer(LayerKind::Foreign) => format!(
            "a foreign layer, whose bytes may lie elsewhere (`--follow-foreign-urls` fetches them): {why}"
        ),
        MediaKind::Layer(LayerKind::Encrypted) => {
            format!(
                "an encrypted layer (media type `{media_type}`), which only its receivers can read: {why}"
            )
        }
        _ => why.to_owned(),
    }
}

/// What this image's own manifest makes of what became of a layer; `None` where an archive has no such
/// member.
pub(super) fn own_state(layer: &LayerRef, state: Option<&LayerState>) -> LayerState {
    let (why, failed) = match state {
        Some(LayerState::NotLookedAt { why, failed }) => (why.as_str(), *failed),
        Some(indexed) => return indexed.clone(),
        None => ("its bytes are not in the archive", true),
    };
    let why = match &layer.descriptor {
        Some(d) if failed => unread(&d.media_type, why),
        _ => why.to_owned(),
    };
    LayerState::NotLookedAt { why, failed }
}

/// Why a layer need not be fetched.
fn held(layer: &LayerRef, held: &HashSet<Digest>) -> Option<LayerState> {
    let digest = layer.descriptor.as_ref()?.digest;
    held.contains(&digest)
        .then(|| LayerState::NotLookedAt { why: growth::HELD.to_owned(), failed: false })
}

/// Whether it was only left out.
fn is_held(state: &LayerState) -> bool {
    matches!(state, LayerState::NotLookedAt { why, failed: false } if why == growth::HELD)
}

/// What became of the layers of a source.
pub(super) type States = HashMap<BlobName, LayerState>;

/// Indexes every layer of `wanted`, each distinct blob once; not again those that `done` has, and not those
/// of `left_out`, unless the cache has them.
pub(super) fn index_all(
    source: &dyn Source,
    wanted: Vec<LayerRef>,
    left_out: &HashSet<Digest>,
    mut done: States,
    facts: &FactsBudget,
    plan: &Plan,
    progress: &dyn Progress,
) -> States {
    let cache = Cache::open(plan);
    done.retain(|_, state| !is_held(state));
    for state in done.values() {
        if let LayerState::Indexed(index) = state {
            facts.take(index.facts_weight());
        }
    }
    let mut queue: Vec<LayerRef> = Vec::new();
    for layer in wanted {
        if done.contains_key(&layer.blob) || queue.iter().any(|q| q.blob == layer.blob) {
            continue;
        }
        let known =
            cache.as_ref().and_then(|c| c.get(&layer, facts)).or_else(|| held(&layer, left_out));
        if let Some(known) = known {
            done.insert(layer.blob, known);
            continue;
        }
        progress.layer_found(&name_of(&layer), layer.descriptor.as_ref().map(|d| d.size));
        queue.push(layer);
    }
    // The largest first: it decides when the last one ends.
    queue.sort_by_key(|l| std::cmp::Reverse(l.descriptor.as_ref().map(|d| d.size)));
    let workers = plan.jobs.clamp(1, queue.len().max(1));
    let queue = Mutex::new(VecDeque::from(queue));
    let done = Mutex::new(done);
    let work = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(layer) = next else { break };
            let result = index_one(source, &layer, plan, cache.as_ref(), facts, progress);
            progress.layer_done(&name_of(&layer));
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(layer.blob, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            // With fewer threads than were asked for it takes longer, and that is all.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn index_one(
    source: &dyn Source,
    layer: &LayerRef,
    plan: &Plan,
    cache: Option<&Cache>,
    facts: &FactsBudget,
    progress: &dyn Progress,
) -> LayerState {
    let mut blob = match source.open(layer) {
        Ok(blob) => blob,
        Err(e) => return failure(e.to_string()),
    };
    let built = index_layer(plan, &name_of(layer), &mut blob, &expected(layer), facts, &|n| {
        progress.advanced(n);
    });
    state_of(built, cache)
}
