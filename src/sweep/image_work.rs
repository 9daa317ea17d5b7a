//! One image, from the indexes of its layers alone: merged, judged, and what is worth to be found again kept.

use super::documents::Documents;
use super::hosts::Hosts;
use super::kept_manifest;
use super::layer_work::FOREIGN;
use super::planner::seconds;
use super::store::{FindingRow, ImageJob, ImageResult, Store, StoreError, UnneededRow};
use super::{Keys, SweepPlan};
use crate::analyze::secrets::{KnownSecrets, Masker};
use crate::image::{ImageLayer, LayerState, ReadImage};
use crate::index::{FactsBudget, LayerIndex};
use crate::oci::{LayerKind, MediaKind, Reference};
use crate::pipeline;
use crate::report::model::{FindingReport, Report};
use crate::rules::user;
use crate::source::resolve::{Root, descend};
use crate::source::{LayerRef, PlatformChoice, SourceError};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of indexes, as they lie in memory, that wait for the next image with the same layers.
const WAITING: usize = 32 << 20;
/// Why a layer is left out of an image.
const TOO_MUCH: &str = "the image says more in all than is kept of one image";

pub(super) struct Judge<'a> {
    plan: &'a SweepPlan,
    store: &'a Store,
    keys: &'a Keys,
    hosts: &'a Hosts,
    documents: &'a Documents,
    recent: Mutex<Recent>,
}

/// Indexes that were used last.
#[derive(Default)]
struct Recent {
    indexes: HashMap<i64, (Arc<LayerIndex>, usize, u64)>,
    bytes: usize,
    clock: u64,
}

impl Recent {
    fn get(&mut self, layer: i64) -> Option<Arc<LayerIndex>> {
        self.clock += 1;
        let (index, _, used) = self.indexes.get_mut(&layer)?;
        *used = self.clock;
        Some(index.clone())
    }

    fn put(&mut self, layer: i64, index: Arc<LayerIndex>) {
        let size = index.entries.weight() + index.facts_weight() as usize;
        if size > WAITING / 2 {
            return;
        }
        self.clock += 1;
        let clock = self.clock;
        if let Some((_, old, _)) = self.indexes.insert(layer, (index, size, clock)) {
            self.bytes -= old;
        }
        self.bytes += size;
        while self.bytes > WAITING {
            let oldest = self.indexes.iter().min_by_key(|(_, v)| v.2).map(|(k, _)| *k);
            let Some((_, size, _)) = oldest.and_then(|k| self.indexes.remove(&k)) else { break };
            self.bytes -= size;
        }
    }
}

impl<'a> Judge<'a> {
    pub fn new(
        plan: &'a SweepPlan,
        store: &'a Store,
        keys: &'a Keys,
        hosts: &'a Hosts,
        documents: &'a Documents,
    ) -> Self {
        Self { plan, store, keys, hosts, documents, recent: Mutex::default() }
    }

    /// Judges an image and keeps what came of it.
    pub fn judge(&self, job: &ImageJob) -> Result<(), StoreError> {
        let mut layers = Vec::with_capacity(job.layers.len());
        let facts = FactsBudget::default();
        for layer in &job.layers {
            let state = match &layer.failed {
                Some(why) => LayerState::NotLookedAt { why: why.clone(), failed: true },
                None => match self.index(layer.layer)? {
                    Some(index) if facts.take(index.facts_weight()) => LayerState::Indexed(index),
                    Some(_) => LayerState::NotLookedAt { why: TOO_MUCH.to_owned(), failed: true },
                    // Damaged: the layer is read again, and the image judged then.
                    None => {
                        let analysis = &self.keys.analysis;
                        return self.store.layer_again(layer.layer, analysis, job.image);
                    }
                },
            };
            layers.push(state);
        }
        let report = catch_unwind(AssertUnwindSafe(|| {
            let image = self.found(job, layers)?;
            Ok(pipeline::report_on(&self.plan.inspect, image))
        }));
        match report {
            Ok(Err(e)) => self.failed(job.image, &e),
            Ok(Ok(report)) => {
                let result = kept(&report, job);
                match self.store.image_judged(job.image, &self.keys.judgement, &result) {
                    // One image that the store refuses is not the end of all.
                    Err(e @ StoreError::Sql { .. }) => {
                        self.store.image_failed(job.image, &e.to_string())
                    }
                    other => other,
                }
            }
            Err(_) => self.store.image_failed(job.image, "careen failed on it"),
        }
    }

    fn failed(&self, image: i64, e: &SourceError) -> Result<(), StoreError> {
        let masker = Masker::new(&self.plan.inspect.patterns, KnownSecrets::default());
        self.store.image_failed(image, &masker.mask_sentence(&e.to_string()))
    }

    fn index(&self, layer: i64) -> Result<Option<Arc<LayerIndex>>, StoreError> {
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = recent().get(layer) {
            return Ok(Some(index));
        }
        let Some((diff_id, body)) = self.store.index(layer, &self.keys.analysis)? else {
            return Ok(None);
        };
        let Some(index) = LayerIndex::unseal(&body, &diff_id, &self.keys.index) else {
            return Ok(None);
        };
        let index = Arc::new(index);
        recent().put(layer, index.clone());
        Ok(Some(index))
    }

    fn found(&self, job: &ImageJob, states: Vec<LayerState>) -> Result<ReadImage, SourceError> {
        let not_found = || SourceError::NotFound { what: format!("image {}", job.digest) };
        let hosts = self.hosts;
        let sources = || job.sources.iter().map(move |(host, name)| hosts.repository(host, name));
        let root = match &job.manifest {
            Some(kept) => Root {
                reference: job.reference.clone(),
                pinned: false,
                is_local: false,
                raw: kept.clone().into_bytes(),
                media_type: None,
                repeated: Vec::new(),
            },
            None => self.root(job)?.ok_or_else(not_found)?,
        };
        let documents = self.documents.from(sources);
        let mut resolution = descend(root, &documents, &PlatformChoice::All)?;
        let mut found = resolution.images.pop().ok_or_else(not_found)?;
        // What is kept of a manifest has another digest.
        found.digest = Some(job.digest);
        if let Some(kept) = &job.manifest {
            let (remarks, repeated) = kept_manifest::said(kept);
            found.remarks.extend(remarks);
            found.repeated.splice(0..0, repeated);
        }
        if found.layers.len() != states.len() {
            return Err(not_found());
        }
        let layers = found.layers.iter().zip(states).zip(&job.layers);
        let layers = layers.map(|((layer, state), known)| ImageLayer {
            descriptor: layer.descriptor.clone(),
            declared_diff_id: layer.declared_diff_id,
            compressed: layer.descriptor.as_ref().map(|d| d.size),
            state: own_state(layer, state, known.size),
        });
        let layers = layers.collect();
        Ok(ReadImage::new(found, layers))
    }

    /// The manifest itself, where nothing of it is kept.
    fn root(&self, job: &ImageJob) -> Result<Option<Root>, SourceError> {
        let mut failed = None;
        for (host, name) in &job.sources {
            let reference: Reference = format!("{host}/{name}@{}", job.digest).parse()?;
            match self.hosts.repository(host, name).and_then(|s| Ok(s.root_of(&reference, None)?)) {
                Ok(Some(root)) => {
                    let reference = job.reference.clone();
                    return Ok(Some(Root { reference, pinned: false, ..root }));
                }
                Ok(None) => {}
                Err(e) => failed = Some(e),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

/// What this image's own manifest makes of what is known of a layer that many manifests name.
fn own_state(layer: &LayerRef, state: LayerState, size: u64) -> LayerState {
    let Some(d) = &layer.descriptor else { return state };
    match state {
        LayerState::NotLookedAt { why, .. } => {
            let foreign = d.media_type.kind() == MediaKind::Layer(LayerKind::Foreign);
            if foreign && why == FOREIGN {
                return LayerState::NotLookedAt { why, failed: false };
            }
            LayerState::NotLookedAt { why: pipeline::unread(&d.media_type, &why), failed: true }
        }
        LayerState::Indexed(_) if d.size != size => LayerState::NotLookedAt {
            why: format!("layer {}: expected {} bytes, got {size}", d.digest.short(), d.size),
            failed: true,
        },
        known => known,
    }
}

/// The rows that a report leaves.
fn kept(report: &Report, job: &ImageJob) -> ImageResult {
    let layer_id = |n: Option<usize>| n.and_then(|n| job.layers.get(n)).map(|l| l.layer);
    let base = report.base.as_ref();
    let base_layers = base.and_then(|b| b.layers).filter(|n| *n > 0);
    let base_created = base_layers
        .and_then(|n| report.layers.get(n - 1))
        .and_then(|l| l.created.as_deref())
        .and_then(seconds);
    let mut findings = Vec::new();
    for f in &report.findings {
        findings.push(finding(f, layer_id(f.layer)));
        findings.extend(f.also.iter().map(|place| FindingRow {
            main: false,
            state: word(&place.state),
            path: place.path.clone(),
            inside: place.inside.clone(),
            line: place.line,
            layer: layer_id(place.layer),
            message: place.message.clone(),
            of_base: place.layer.and_then(|n| base_layers.map(|b| n < b)),
            ..finding(f, None)
        }));
    }
    let mut unneeded: Vec<UnneededRow> = Vec::new();
    for u in &report.unneeded {
        unneeded.push(UnneededRow {
            kind: u.kind.clone(),
            owner: u.owner.clone().unwrap_or_default(),
            bytes: u.bytes,
        });
    }
    let gaps = report.not_looked_at.iter().map(|n| (n.what.clone(), n.why.clone(), n.failed));
    // Not from the image: there it may hold a secret.
    let run_as = report.image.user.as_str();
    ImageResult {
        partial: report.not_looked_at.iter().any(|n| n.failed),
        content: report.size.content,
        on_disk: report.size.on_disk,
        waste: report.waste.bytes,
        unneeded,
        packages: report.packages.len() as u64,
        run_as: if run_as.is_empty() { "root".to_owned() } else { run_as.to_owned() },
        root: report.findings.iter().any(|f| f.rule == user::ROOT.id),
        healthcheck: report.image.healthcheck.is_some(),
        os: report.image.os_release.clone(),
        base: base.and_then(|b| b.name.clone()),
        base_how: base.map(|b| b.how.clone()),
        base_layers: base_layers.map(|n| n as u64),
        base_compressed: base.and_then(|b| b.size.compressed),
        base_created,
        base_unneeded: base.map(|b| b.unneeded),
        layers: report
            .layers
            .iter()
            .map(|l| (l.instruction.clone(), l.waste, l.unneeded))
            .collect(),
        findings,
        gaps: gaps.collect(),
    }
}

fn finding(f: &FindingReport, layer: Option<i64>) -> FindingRow {
    FindingRow {
        main: true,
        rule: f.rule.clone(),
        category: word(&f.category),
        severity: word(&f.severity),
        confidence: word(&f.confidence),
        state: word(&f.state),
        path: f.path.clone(),
        inside: f.inside.clone(),
        line: f.line,
        layer,
        of_base: f.of_base,
        fingerprint: f.fingerprint.clone(),
        masked: f.masked.clone(),
        message: f.message.clone(),
    }
}

/// As the JSON report writes it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(s)) => s,
        _ => String::new(),
    }
}
