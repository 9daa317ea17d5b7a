//! When to ask again, and how long to wait before it.

use super::error::{ConnectionCause, RegistryError};
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use std::time::{Duration, SystemTime};

/// A host that cannot be reached at all is not worth the whole patience: a wrong name would take as
/// long to report.
const CONNECT_RETRIES: u32 = 2;

/// Another connection may be faster; a server that wants to keep us waiting is not.
const SLOW_RETRIES: u32 = 1;

/// How often and how patiently.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Further tries after the first.
    pub retries: u32,
    /// The wait before the first further try; doubles with each, plus jitter.
    pub first_wait: Duration,
    /// Longest wait of our own choosing.
    pub longest_wait: Duration,
    /// Longest wait that a server may ask for by `Retry-After`.
    pub longest_retry_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 5,
            first_wait: Duration::from_millis(300),
            longest_wait: Duration::from_secs(10),
            longest_retry_after: Duration::from_secs(60),
        }
    }
}

impl Patience {
    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first_wait)
            .with_max_delay(self.longest_wait)
            .with_max_times(self.retries as usize)
            .with_jitter()
    }

    /// The waits of one series of tries.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        self.backoff().build()
    }

    /// Runs `action` until it succeeds, fails for good, or the patience ends; the last error is the
    /// result.
    pub(super) async fn run<T, F, Fut>(&self, action: F) -> Result<T, RegistryError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, RegistryError>>,
    {
        let (mut unreachable, mut slow) = (0, 0);
        action
            .retry(self.backoff())
            .when(|e| {
                if let RegistryError::Connection { cause: ConnectionCause::Connect, .. } = e {
                    unreachable += 1;
                    return unreachable <= CONNECT_RETRIES;
                }
                if let RegistryError::TooSlow { .. } = e {
                    slow += 1;
                    return slow <= SLOW_RETRIES;
                }
                e.is_transient()
            })
            .adjust(|e, own| own.map(|own| self.wait(own, e.retry_after())))
            .await
    }

    fn wait(&self, own: Duration, asked: Option<Duration>) -> Duration {
        own.max(asked.unwrap_or_default().min(self.longest_retry_after))
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds or an HTTP date.
pub(super) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit is a long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        let secs = |s| parse_retry_after(s, now).map(|d| d.as_secs());
        assert_eq!(secs("7"), Some(7));
        assert_eq!(secs("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(secs("Wed, 21 Oct 2026 07:28:09 GMT"), Some(9));
        assert_eq!(secs("Wed, 21 Oct 2020 07:28:09 GMT"), Some(0));
        assert_eq!(secs("soon"), None);
        assert_eq!(secs("-1"), None);
    }

    #[test]
    fn a_server_cannot_make_us_wait_for_ever() {
        let p = Patience::default();
        let own = Duration::from_secs(1);
        assert_eq!(p.wait(own, None), own);
        assert_eq!(p.wait(own, Some(Duration::from_millis(1))), own);
        assert_eq!(p.wait(own, Some(Duration::MAX)), Duration::from_secs(60));
    }

    #[test]
    fn the_number_of_waits_is_the_number_of_retries() {
        let p = Patience { retries: 3, ..Patience::default() };
        assert_eq!(p.waits().count(), 3);
    }
}
