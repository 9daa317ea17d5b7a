//! What a token server answers (the distribution project's token protocol).

use super::any_case::fields;
use crate::text::Redacted;
use serde::Deserialize;
use std::time::Duration;

/// What the protocol assumes where `expires_in` is absent.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// A token is not used in its last moments.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// The longest life that is believed.
const LONGEST_LIFE: f64 = 365.0 * 86_400.0;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    /// Seconds. Servers write whole numbers, fractions and text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

/// A token and how long it lives. The error says nothing of the answer: it could hold a token.
pub(super) fn read_token(body: &[u8]) -> Result<(Redacted<String>, Duration), &'static str> {
    let answer: Answer = serde_json::from_slice(body)
        .and_then(|v| serde_json::from_value(fields(v, &["token", "access_token", "expires_in"])))
        .map_err(|_| "the answer is not the expected JSON")?;
    let token = [answer.token, answer.access_token]
        .into_iter()
        .flatten()
        .find(|t| !t.is_empty())
        .ok_or("the answer holds no token")?;
    Ok((Redacted::new(token), life(&answer.expires_in)))
}

/// What makes no sense counts as absent: the token is good, and an early end costs one more login.
fn life(expires_in: &serde_json::Value) -> Duration {
    let seconds = match expires_in {
        serde_json::Value::Number(n) => n.as_f64(),
        serde_json::Value::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    match seconds.filter(|s: &f64| *s > 0.0) {
        Some(seconds) => Duration::from_secs_f64(seconds.min(LONGEST_LIFE)),
        None => DEFAULT_LIFE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life_of(expires_in: &str) -> u64 {
        let body = format!(r#"{{"token":"t","expires_in":{expires_in}}}"#);
        read_token(body.as_bytes()).unwrap().1.as_secs()
    }

    #[test]
    fn expires_in_is_a_number_of_any_form_or_the_minute_of_the_protocol() {
        for (text, seconds) in [
            ("300", 300),
            ("300.9", 300),
            ("3e2", 300),
            ("\"300\"", 300),
            ("null", 60),
            ("0", 60),
            ("-1", 60),
            ("\"soon\"", 60),
            ("{}", 60),
            ("99999999999999999999999", 31_536_000),
            ("\"inf\"", 31_536_000),
            ("\"nan\"", 60),
        ] {
            assert_eq!(life_of(text), seconds, "{text}");
        }
        assert_eq!(read_token(br#"{"access_token":"t"}"#).unwrap().1, DEFAULT_LIFE);
    }

    #[test]
    fn either_name_and_nothing_of_it_in_an_error() {
        let token = |body: &str| read_token(body.as_bytes()).map(|(t, _)| t.reveal().clone());
        assert_eq!(token(r#"{"token":"","access_token":"b"}"#).as_deref(), Ok("b"));
        assert_eq!(token(r#"{"token":null,"access_token":"b"}"#).as_deref(), Ok("b"));
        assert_eq!(token(r#"{"Token":"a","TOKEN":"b"}"#).as_deref(), Ok("b"));
        for bad in [r#"{"token":{"hunter2":1}}"#, "{}", "[]", "hunter2"] {
            assert!(!token(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
