//! How much a piece of work costs, told apart from how busy the machine is.

use std::time::{Duration, Instant};

/// The CPU time that this thread spends in `work`; where the kernel does not count it, the time on the clock.
pub fn cpu_time(work: impl FnOnce()) -> Duration {
    let (before, clock) = (spent(), Instant::now());
    work();
    match (before, spent()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => clock.elapsed(),
    }
}

/// What this thread has spent so far (proc(5), `schedstat`).
fn spent() -> Option<Duration> {
    // Makes the kernel count up to now.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
