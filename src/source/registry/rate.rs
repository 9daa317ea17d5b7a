//! How slow a server may be. One that sends a byte now and then keeps no one waiting for ever.

use std::time::Duration;

/// The least that a server has to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinRate {
    /// Bytes a second; 0: it may take as long as it likes.
    pub bytes: u64,
    /// The time over which it counts. Only time that was spent waiting for the server does.
    pub over: Duration,
}

impl Default for MinRate {
    fn default() -> Self {
        Self { bytes: 1000, over: Duration::from_secs(30) }
    }
}

/// How many times that time the whole transfer may be too slow on average.
const WHOLE: u32 = 10;

/// What came so far of one transfer, and how long that was waited for.
#[derive(Debug)]
pub(super) struct Meter {
    least: MinRate,
    now: Span,
    whole: Span,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    waited: Duration,
    bytes: u64,
}

impl Span {
    fn add(&mut self, waited: Duration, bytes: u64) {
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Bytes a second.
    fn rate(self) -> u64 {
        (self.bytes as f64 / self.waited.as_secs_f64().max(f64::EPSILON)) as u64
    }
}

/// What a meter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Not clear yet.
    Unknown,
    Good,
    /// So many bytes a second: another connection may be better.
    Slow(u64),
    /// So many bytes a second from the beginning, over all connections.
    Hopeless(u64),
}

impl Meter {
    pub fn new(least: MinRate) -> Self {
        Self { least, now: Span::default(), whole: Span::default() }
    }

    /// So many bytes came after this time of waiting.
    pub fn took(&mut self, waited: Duration, bytes: u64) -> Pace {
        self.now.add(waited, bytes);
        self.whole.add(waited, bytes);
        if self.least.bytes == 0 || self.now.waited < self.least.over {
            return Pace::Unknown;
        }
        let now = std::mem::take(&mut self.now).rate();
        let whole = self.whole.rate();
        if self.whole.waited >= self.least.over.saturating_mul(WHOLE) && whole < self.least.bytes {
            return Pace::Hopeless(whole);
        }
        match now < self.least.bytes {
            true => Pace::Slow(now),
            false => Pace::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn meter(bytes: u64) -> Meter {
        Meter::new(MinRate { bytes, ..MinRate::default() })
    }

    #[test]
    fn a_byte_every_eight_seconds_is_too_slow_after_half_a_minute() {
        let mut m = meter(1000);
        let paces: Vec<Pace> = (0..4).map(|_| m.took(8 * SECOND, 1)).collect();
        assert_eq!(paces, [Pace::Unknown, Pace::Unknown, Pace::Unknown, Pace::Slow(0)]);
    }

    #[test]
    fn who_sends_enough_may_pause() {
        let mut m = meter(1000);
        assert_eq!(m.took(29 * SECOND, 0), Pace::Unknown);
        assert_eq!(m.took(2 * SECOND, 40_000), Pace::Good);
        for _ in 0..1000 {
            assert!(!matches!(m.took(SECOND, 1000), Pace::Slow(_) | Pace::Hopeless(_)));
        }
    }

    #[test]
    fn a_good_while_does_not_make_up_for_all_the_others() {
        let mut m = meter(1000);
        let mut last = Pace::Unknown;
        for n in 0..10 {
            last = m.took(30 * SECOND, if n % 2 == 0 { 31_000 } else { 0 });
        }
        assert_eq!(last, Pace::Hopeless(516));
    }

    #[test]
    fn none_is_no_least() {
        let mut m = meter(0);
        for _ in 0..100 {
            assert_eq!(m.took(600 * SECOND, 0), Pace::Unknown);
        }
    }
}
