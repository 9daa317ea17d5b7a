//! What the windows of all streams that are inflated at one time may take together: each says itself how large
//! its own is, and a few bytes of a layer may ask for 128 MiB.

use super::Stop;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of all windows; the largest alone takes all of it.
const TOTAL: u64 = 128 << 20;

/// How often those who wait look whether they are to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Those of the layers that this process inflates.
static LAYERS: Windows = Windows::new(TOTAL);

/// A sum of bytes that those who inflate share.
struct Windows {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Bytes that are taken until it is dropped.
pub(super) struct Held {
    of: &'static Windows,
    bytes: u64,
}

impl Windows {
    const fn new(total: u64) -> Self {
        Self { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until so many bytes are free. What is more than there are is given to one who is alone.
    fn take(&'static self, bytes: u64, stop: &Stop) -> io::Result<Held> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && used.saturating_add(bytes) > self.total {
            stop.check()?;
            let waited = self.freed.wait_timeout(used, LOOK);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used = used.saturating_add(bytes);
        Ok(Held { of: self, bytes })
    }
}

impl Held {
    /// Room for a window of a layer. Whoever holds some must not ask for more before it is given back.
    pub fn of_layers(bytes: u64, stop: &Stop) -> io::Result<Self> {
        LAYERS.take(bytes, stop)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut used = self.of.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        self.of.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn windows_together_stay_below_the_sum() {
        static SOME: Windows = Windows::new(100);
        static NOW: AtomicU64 = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for n in 0..8 {
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = [1, 30, 60, 100][(n + round) % 4];
                        let held = SOME.take(bytes, &Stop::default()).unwrap();
                        let now = NOW.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(now <= 100, "{now}");
                        NOW.fetch_sub(bytes, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        let large = SOME.take(1000, &Stop::default()).unwrap();
        assert_eq!(large.bytes(), 1000);
        let stop = Stop::default();
        stop.set();
        assert!(SOME.take(1, &stop).is_err());
    }
}
