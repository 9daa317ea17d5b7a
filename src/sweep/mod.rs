//! Many images: a whole registry, each distinct layer read once, each distinct image judged from indexes
//! alone. What is known lies in a [`store`], so a sweep can be killed at any moment and goes on with the
//! next, and any number of workers can share it.
//!
//! Knows registries only through `source`, layers only as indexes. Must not print.

mod documents;
mod error;
pub mod export;
mod fleet;
mod hosts;
pub mod html;
mod image_work;
pub mod inventory;
mod kept_manifest;
mod layer_work;
mod planner;
mod selection;
pub mod store;
mod summary;
pub mod text;
mod worker;

pub use crate::stream::Stop;
pub use error::SweepError;
pub use selection::{Selection, TagChoice};
pub use summary::{Summary, summary};
pub use worker::Until;

use crate::analyze::secrets::{KnownSecrets, Masker, Patterns};
use crate::index::key::IndexKey;
use crate::pipeline::{self, Plan};
use crate::source::registry::ListingSettings;
use documents::Documents;
use hosts::Hosts;
use planner::Planner;
use std::time::Duration;
use store::{FleetFigures, Gap, NewProposal, PlanFigures, Store, StoreError, StorePlace, Use};
use worker::Worker;

/// What is swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All repositories of a registry below a prefix, which may be empty.
    Registry { host: String, prefix: String },
    /// These. `name` says where they come from.
    References { name: String, references: Vec<String> },
}

impl Target {
    /// What the run is called in the store.
    pub fn name(&self) -> String {
        match self {
            Self::Registry { host, prefix } if prefix.is_empty() => host.clone(),
            Self::Registry { host, prefix } => format!("{host}/{prefix}"),
            Self::References { name, .. } => name.clone(),
        }
    }
}

/// Every decision of one sweep, taken.
#[derive(Clone)]
pub struct SweepPlan {
    pub target: Target,
    /// How the registry names its repositories.
    pub listing: ListingSettings,
    pub selection: Selection,
    pub store: StorePlace,
    /// How an image is read and judged; its locator is not used.
    pub inspect: Plan,
    /// A tag that was asked for less than this ago is not asked for again.
    pub max_age: Option<Duration>,
    /// Most bytes of layers to fetch.
    pub budget: Option<u64>,
    /// How often a layer is tried before it is set aside.
    pub tries: u32,
    /// How long a silent worker keeps its jobs.
    pub lease: Duration,
    /// Names this process among all that work on the store.
    pub worker: String,
    /// Say what it would cost; nothing is queued.
    pub dry_run: bool,
    /// Leave the work to workers.
    pub plan_only: bool,
    /// The one host that the login, plain HTTP and untrusted certificates of the settings are for; other
    /// registries in the store are asked by the rules for everybody. `None`: nobody.
    pub registry_host: Option<String>,
}

/// Told of the sweep as it goes, from several threads.
pub trait SweepProgress: Sync {
    fn repository(&self);
    /// A tag was asked for.
    fn tag(&self);
    fn planned(&self, figures: &PlanFigures);
    /// Bytes of a layer have come.
    fn fetched(&self, bytes: u64);
    /// A layer is done, well or not.
    fn layer(&self);
    fn image(&self);
}

/// Under which names results are kept: a changed analyzer or rule makes others.
struct Keys {
    index: IndexKey,
    analysis: String,
    judgement: String,
}

impl Keys {
    fn of(plan: &Plan) -> Self {
        let index = IndexKey::new(&pipeline::analyzers(plan), plan.patterns.digest());
        let analysis = index.short();
        let mut hasher = blake3::Hasher::new_derive_key("careen 2026 judgement");
        let bases = format!("{:?}", plan.known_bases);
        let parts =
            [analysis.as_str(), env!("CARGO_PKG_VERSION"), plan.confidence.word(), bases.as_str()];
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let judgement = crate::oci::digest::hex(&hasher.finalize().as_bytes()[..16]);
        Self { index, analysis, judgement }
    }
}

/// What came of a sweep.
#[derive(Clone, Debug)]
pub struct Swept {
    pub run: i64,
    pub target: String,
    pub planned: PlanFigures,
    /// Bytes of layers that this process fetched.
    pub fetched: u64,
    pub fleet: FleetFigures,
    pub ending: Ending,
    /// What was not looked at, the worst first; not all of them.
    pub gaps: Vec<Gap>,
    /// How many there are that should have been looked at.
    pub failed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Only the plan was asked for.
    Planned,
    /// The work is left to workers.
    Queued,
    /// Everything was looked at.
    Complete,
    /// Something could not be looked at.
    Partial,
    /// The user stopped it, or the budget is spent.
    Stopped,
}

impl Ending {
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Queued => "queued",
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Stopped => "stopped",
        }
    }
}

/// Most gaps that are told.
const GAPS: u64 = 200;

/// Plans, and does all that is to be done.
pub fn sweep(
    plan: &SweepPlan,
    stop: &Stop,
    progress: &dyn SweepProgress,
) -> Result<Swept, SweepError> {
    let plan = &with_own_end(plan);
    let store = Store::open(&plan.store, Use::Sweep)?;
    let hosts = Hosts::new(plan.inspect.registry.clone(), plan.registry_host.clone());
    let keys = Keys::of(&plan.inspect);
    // In a file nobody else works: what a killed sweep held is free.
    store.reclaim(!store.is_shared())?;
    let target = plan.target.name();
    let run = store.begin_run(&target)?;
    let documents = Documents::new();
    Planner::new(plan, &store, &hosts, &documents, run, stop, progress).plan()?;
    let platforms = plan.selection.platforms.as_slice();
    let platforms = match platforms {
        [] => None,
        wanted => {
            let have = store.platforms()?;
            let accepted = |have: &String| {
                have.parse().is_ok_and(|have| wanted.iter().any(|p| p.accepts(&have)))
            };
            let accepted: Vec<String> = have.into_iter().filter(accepted).collect();
            if accepted.is_empty() {
                let why = "no image is for the platform that is wanted".to_owned();
                let what = "the platform".to_owned();
                store.gap(run, &Gap { reference: target.clone(), what, why, failed: true })?;
            }
            Some(accepted)
        }
    };
    store.analyze()?;
    let (analysis, judgement) = (&keys.analysis, &keys.judgement);
    let planned = match stop.is_set() {
        true => PlanFigures::default(),
        false => store.enqueue(run, platforms.as_deref(), analysis, judgement, !plan.dry_run)?,
    };
    store.analyze()?;
    store.run_planned(run, &planned)?;
    progress.planned(&planned);
    let mut fetched = 0;
    let ending = if stop.is_set() {
        Ending::Stopped
    } else if plan.dry_run {
        Ending::Planned
    } else if plan.plan_only {
        Ending::Queued
    } else {
        let worker = Worker::new(plan, &store, &hosts, &documents, &keys, stop, progress);
        fetched = worker.work(Until::Empty)?;
        match store.unfinished(run, judgement)? {
            0 => Ending::Complete,
            _ => Ending::Stopped,
        }
    };
    let Ended { ending, fleet, gaps, failed } = end(&store, run, ending, fetched)?;
    Ok(Swept { run, target, planned, fetched, fleet, ending, gaps, failed })
}

/// The same plan, whose layers are let go by this sweep alone.
fn with_own_end(plan: &SweepPlan) -> SweepPlan {
    let mut plan = plan.clone();
    plan.inspect.build.stop = Stop::default();
    plan
}

/// What a run comes to at its end.
struct Ended {
    ending: Ending,
    fleet: FleetFigures,
    gaps: Vec<Gap>,
    failed: u64,
}

/// Keeps what a run came to. What was complete but for something that failed is partial.
fn end(store: &Store, run: i64, ending: Ending, fetched: u64) -> Result<Ended, StoreError> {
    store.analyze()?;
    let (gaps, failed) = store.gaps(run, GAPS)?;
    let ending = match ending {
        Ending::Complete if failed > 0 => Ending::Partial,
        other => other,
    };
    if !matches!(ending, Ending::Planned | Ending::Queued) {
        let mut proposals = fleet::proposals(store)?;
        mask(&mut proposals);
        store.put_proposals(run, &proposals)?;
    }
    let fleet = store.fleet_figures(run)?;
    match ending {
        Ending::Queued => store.run_queued(run)?,
        _ => store.end_run(run, ending.word(), fetched, &fleet)?,
    }
    Ok(Ended { ending, fleet, gaps, failed })
}

/// A repository's name may hold a secret; in a proposal it is for people, and nothing is asked by it.
fn mask(proposals: &mut [NewProposal]) {
    let patterns = Patterns::builtin();
    let masker = Masker::new(&patterns, KnownSecrets::default());
    for NewProposal { subject, title, advice, basis, .. } in proposals {
        for text in [subject, title, advice, basis] {
            *text = masker.mask_sure(text);
        }
    }
}

/// Does jobs that others planned; returns the bytes that were fetched.
pub fn work(
    plan: &SweepPlan,
    stop: &Stop,
    progress: &dyn SweepProgress,
    until: Until,
) -> Result<u64, SweepError> {
    let plan = &with_own_end(plan);
    let store = Store::open(&plan.store, Use::Work)?;
    let hosts = Hosts::new(plan.inspect.registry.clone(), plan.registry_host.clone());
    let keys = Keys::of(&plan.inspect);
    let finish = || finish_queued(&store, &keys);
    let documents = Documents::new();
    Worker::new(plan, &store, &hosts, &documents, &keys, stop, progress)
        .finishing(&finish)
        .work(until)
}

/// Ends the runs whose work was left to workers and is done. Several workers may come to it at once; they
/// write the same.
fn finish_queued(store: &Store, keys: &Keys) -> Result<(), StoreError> {
    for run in store.queued_runs()? {
        if store.unfinished(run, &keys.judgement)? > 0 {
            continue;
        }
        end(store, run, Ending::Complete, store.fetched_of(run, &keys.analysis)?)?;
    }
    Ok(())
}
