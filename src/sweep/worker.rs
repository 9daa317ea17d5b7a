//! Does the jobs of the queue: layers first, the heaviest first, then the images whose layers are done. As
//! many workers as there are machines may do so at once.

use super::documents::Documents;
use super::hosts::Hosts;
use super::image_work::Judge;
use super::layer_work::{self, Failed};
use super::store::{LayerJob, QueueState, Store, StoreError};
use super::{Keys, Stop, SweepError, SweepPlan, SweepProgress};
use crate::analyze::secrets::{KnownSecrets, Masker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait before looking for work again.
const IDLE: Duration = Duration::from_millis(250);

/// How long a layer may still take when the work is stopped; then it is given back.
const FINISH: Duration = Duration::from_secs(3);

/// When a worker goes home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing is left, nor under way anywhere.
    Empty,
    /// Nothing has been left for this long.
    Idle(Duration),
    /// It is stopped.
    Stopped,
}

pub(super) struct Worker<'a> {
    pub plan: &'a SweepPlan,
    pub store: &'a Store,
    pub hosts: &'a Hosts,
    pub documents: &'a Documents,
    pub keys: &'a Keys,
    pub stop: &'a Stop,
    pub progress: &'a dyn SweepProgress,
    /// Names each thread of this process among all that work on the store.
    names: Vec<String>,
    fatal: Mutex<Option<StoreError>>,
    /// Bytes of layers that came from registries.
    fetched: AtomicU64,
    busy: AtomicUsize,
    /// Bytes that may still be claimed.
    budget: Option<Mutex<u64>>,
    /// Done whenever the queue is found empty.
    finish: Option<&'a (dyn Fn() -> Result<(), StoreError> + Sync)>,
}

impl<'a> Worker<'a> {
    pub fn new(
        plan: &'a SweepPlan,
        store: &'a Store,
        hosts: &'a Hosts,
        documents: &'a Documents,
        keys: &'a Keys,
        stop: &'a Stop,
        progress: &'a dyn SweepProgress,
    ) -> Self {
        Self {
            plan,
            store,
            hosts,
            documents,
            keys,
            stop,
            progress,
            names: (0..plan.inspect.jobs.max(1)).map(|n| format!("{}/{n}", plan.worker)).collect(),
            fatal: Mutex::new(None),
            fetched: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
            budget: plan.budget.map(Mutex::new),
            finish: None,
        }
    }

    /// Lets `finish` run whenever there is nothing left to do.
    pub fn finishing(mut self, finish: &'a (dyn Fn() -> Result<(), StoreError> + Sync)) -> Self {
        self.finish = Some(finish);
        self
    }

    /// Works; returns the bytes that were fetched.
    pub fn work(&self, until: Until) -> Result<u64, SweepError> {
        let judge = Judge::new(self.plan, self.store, self.keys, self.hosts, self.documents);
        let threads = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for name in &self.names {
                let judge = &judge;
                let threads = &threads;
                threads.fetch_add(1, Ordering::SeqCst);
                let worker = std::thread::Builder::new().name("worker".to_owned());
                let spawned = worker.spawn_scoped(scope, move || {
                    // Also when it panics: nobody must wait for it, nor renew what it held.
                    let _leaving = Leaving(threads);
                    if let Err(e) = self.work_on(name, judge, until) {
                        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                    }
                });
                if let Err(e) = spawned {
                    // Those that there are do the work of all.
                    if threads.fetch_sub(1, Ordering::SeqCst) == 1 && *name == self.names[0] {
                        return Err(SweepError::Thread(e));
                    }
                    break;
                }
            }
            self.stay_alive(&threads);
            Ok(())
        })?;
        if let Some(e) = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(e.into());
        }
        for name in &self.names {
            self.store.release(name)?;
        }
        Ok(self.fetched.load(Ordering::Relaxed))
    }

    /// Renews the leases as long as somebody works, and frees those of the dead.
    fn stay_alive(&self, threads: &AtomicUsize) {
        let every = self.plan.lease / 3;
        let mut last = Instant::now();
        let mut stopped: Option<Instant> = None;
        let mut given_back = false;
        while threads.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(20));
            if self.stop.is_set() {
                let since = stopped.get_or_insert_with(Instant::now).elapsed();
                if since > FINISH {
                    self.cut().set();
                }
                // What does not even heed that (it waits for a registry, perhaps) is given back all the same:
                // whoever does it again comes to the same.
                if since > 2 * FINISH && !std::mem::replace(&mut given_back, true) {
                    let _ = self.names.iter().try_for_each(|name| self.store.release(name));
                }
                continue;
            }
            if last.elapsed() < every {
                continue;
            }
            last = Instant::now();
            // A store that is away now is asked again by those who work.
            let lease = self.plan.lease.as_secs() as i64;
            let renewed = self.names.iter().try_for_each(|name| self.store.renew(name, lease));
            let _ = renewed.and_then(|()| self.store.reclaim(false));
        }
    }

    /// Ends the layers under way, too.
    fn cut(&self) -> &Stop {
        &self.plan.inspect.build.stop
    }

    fn is_over(&self) -> bool {
        self.stop.is_set() || self.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn work_on(&self, name: &str, judge: &Judge, until: Until) -> Result<(), StoreError> {
        let mut idle = Instant::now();
        while !self.is_over() {
            if let Some(job) = self.claim_layer(name)? {
                self.layer(name, &job)?;
                self.busy.fetch_sub(1, Ordering::SeqCst);
                idle = Instant::now();
                continue;
            }
            let lease = self.plan.lease.as_secs() as i64;
            let Keys { analysis, judgement, .. } = self.keys;
            if let Some(job) = self.store.claim_image(analysis, judgement, name, lease)? {
                judge.judge(&job)?;
                self.progress.image();
                idle = Instant::now();
                continue;
            }
            let left = self.store.queue_state(analysis, judgement)?;
            if left.is_empty()
                && let Some(finish) = self.finish
            {
                finish()?;
            }
            match until {
                Until::Empty if left.is_empty() || self.is_spent(&left)? => break,
                Until::Idle(limit) if left.is_empty() && idle.elapsed() > limit => break,
                _ => std::thread::sleep(IDLE),
            }
        }
        Ok(())
    }

    /// Whether all that is left is beyond the budget.
    fn is_spent(&self, left: &QueueState) -> Result<bool, StoreError> {
        let Some(budget) = &self.budget else { return Ok(false) };
        if left.layers_left == 0 || self.busy.load(Ordering::SeqCst) > 0 {
            return Ok(false);
        }
        let most = *budget.lock().unwrap_or_else(PoisonError::into_inner);
        // One that waits for its next try still fits.
        Ok(!self.store.has_pending(&self.keys.analysis, most)?)
    }

    fn claim_layer(&self, name: &str) -> Result<Option<LayerJob>, StoreError> {
        let mut budget =
            self.budget.as_ref().map(|b| b.lock().unwrap_or_else(PoisonError::into_inner));
        let most = budget.as_ref().map_or(i64::MAX as u64, |b| **b);
        let lease = self.plan.lease.as_secs() as i64;
        self.busy.fetch_add(1, Ordering::SeqCst);
        let claimed = self.store.claim_layer(&self.keys.analysis, name, lease, most);
        match &claimed {
            Ok(Some(job)) => {
                if let Some(budget) = budget.as_mut() {
                    **budget = budget.saturating_sub(job.size);
                }
            }
            _ => {
                self.busy.fetch_sub(1, Ordering::SeqCst);
            }
        }
        claimed
    }

    fn layer(&self, name: &str, job: &LayerJob) -> Result<(), StoreError> {
        let read = || {
            layer_work::read(self.plan, self.hosts, self.keys, job, &|n| {
                self.fetched.fetch_add(n, Ordering::Relaxed);
                self.progress.fetched(n);
            })
        };
        // One layer on which careen fails is not the end of the sweep.
        let done = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(Failed::on_it()));
        let analysis = &self.keys.analysis;
        match done {
            // It is given back with all else that this worker holds.
            Err(_) if self.cut().is_set() => return Ok(()),
            Ok(result) => self.store.layer_done(job, analysis, &result)?,
            Err(failed) => {
                let again = failed.is_worth_a_try && job.tries < self.plan.tries;
                let wait = again.then(|| 1i64 << job.tries.min(8));
                let why = {
                    let patterns = &self.plan.inspect.patterns;
                    Masker::new(patterns, KnownSecrets::default()).mask_sentence(&failed.why)
                };
                self.store.layer_failed(job, analysis, name, &why, wait, failed.fetched)?;
                if again {
                    return Ok(());
                }
            }
        }
        self.progress.layer();
        Ok(())
    }
}

/// Counts a thread out.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
