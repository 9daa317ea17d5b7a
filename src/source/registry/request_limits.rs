//! How hard one registry is asked: requests at the same time, and requests a second. A registry that
//! says "too many" is asked half as hard at once and a little harder again with each good answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What the user allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestLimits {
    /// Most requests that wait for an answer at the same time. At least 1.
    pub concurrent: usize,
    /// Most requests a second; `None`: as many as are answered.
    pub per_second: Option<f64>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { concurrent: 32, per_second: None }
    }
}

/// The door that every request to one registry goes through.
#[derive(Debug)]
pub(super) struct Gate {
    manners: RequestLimits,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    /// How many may be under way: falls by half, rises by one a round.
    limit: f64,
    busy: usize,
    /// Nobody asks before.
    pause_until: Option<Instant>,
    /// When the rate lets the next request begin.
    next: Option<Instant>,
}

impl Gate {
    pub fn new(manners: RequestLimits) -> Self {
        let limit = manners.concurrent.max(1) as f64;
        let state = State { limit, busy: 0, pause_until: None, next: None };
        Self { manners, state: Mutex::new(state), freed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn. It lasts until the pass is dropped.
    pub async fn enter(&self) -> Pass<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Listening before looking: a place that is freed in between is not missed.
            freed.as_mut().enable();
            match self.try_enter(Instant::now()) {
                Turn::Now => return Pass(self),
                Turn::After(wait) => tokio::time::sleep(wait).await,
                Turn::WhenFree => freed.await,
            }
        }
    }

    fn try_enter(&self, now: Instant) -> Turn {
        let mut state = self.state();
        if let Some(until) = state.pause_until.filter(|u| *u > now) {
            return Turn::After(until - now);
        }
        if let Some(next) = state.next.filter(|n| *n > now) {
            return Turn::After(next - now);
        }
        if state.busy as f64 >= state.limit.max(1.0).floor() {
            return Turn::WhenFree;
        }
        state.busy += 1;
        if let Some(rate) = self.manners.per_second.filter(|r| *r > 0.0) {
            state.next = Some(now + Duration::from_secs_f64(1.0 / rate));
        }
        Turn::Now
    }

    /// The registry has answered as it should.
    pub fn answered(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.manners.concurrent.max(1) as f64);
    }

    /// The registry has said that it is too much, and for how long.
    pub fn too_many(&self, wait: Option<Duration>, longest: Duration) {
        let mut state = self.state();
        state.limit = (state.limit / 2.0).max(1.0);
        if let Some(wait) = wait {
            let until = Instant::now() + wait.min(longest);
            state.pause_until = Some(state.pause_until.map_or(until, |u| u.max(until)));
        }
    }
}

enum Turn {
    Now,
    After(Duration),
    WhenFree,
}

/// The right to have one request under way.
pub(super) struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_says_too_many_is_asked_half_as_hard_and_slowly_harder_again() {
        let gate = Gate::new(RequestLimits { concurrent: 8, per_second: None });
        gate.too_many(None, Duration::from_secs(60));
        assert_eq!(gate.state().limit, 4.0);
        for _ in 0..4 {
            gate.answered();
        }
        assert!((4.9..5.1).contains(&gate.state().limit));
        for _ in 0..10 {
            gate.too_many(None, Duration::from_secs(60));
        }
        assert_eq!(gate.state().limit, 1.0);
        for _ in 0..1000 {
            gate.answered();
        }
        assert_eq!(gate.state().limit, 8.0);
    }

    #[test]
    fn nobody_asks_during_the_pause_that_the_registry_wants_nor_faster_than_the_rate() {
        let gate = Gate::new(RequestLimits { concurrent: 8, per_second: Some(10.0) });
        let now = Instant::now();
        assert!(matches!(gate.try_enter(now), Turn::Now));
        assert!(matches!(gate.try_enter(now), Turn::After(_)));
        assert!(matches!(gate.try_enter(now + Duration::from_millis(101)), Turn::Now));
        gate.too_many(Some(Duration::from_secs(7200)), Duration::from_secs(60));
        let Turn::After(wait) = gate.try_enter(Instant::now()) else { panic!("it may ask") };
        assert!(wait > Duration::from_secs(58) && wait <= Duration::from_secs(60), "{wait:?}");
    }

    #[test]
    fn a_place_that_is_freed_lets_the_next_one_in() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let gate =
            std::sync::Arc::new(Gate::new(RequestLimits { concurrent: 2, per_second: None }));
        let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let (gate, most) = (gate.clone(), most.clone());
                tasks.spawn(async move {
                    let _pass = gate.enter().await;
                    let busy = gate.state().busy;
                    most.fetch_max(busy, std::sync::atomic::Ordering::Relaxed);
                    tokio::task::yield_now().await;
                });
            }
            while tasks.join_next().await.is_some() {}
        });
        assert_eq!(most.load(std::sync::atomic::Ordering::Relaxed), 2);
        assert_eq!(gate.state().busy, 0);
    }
}
