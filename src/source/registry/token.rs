//! What a token server answers (the distribution project's token protocol).

use crate::oci::go_json::{self, Reading, Unmarshal, go_struct};
use crate::text::Redacted;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::time::Duration;

/// What the protocol assumes where `expires_in` is absent.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// A token is not used in its last moments.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// The longest life that is believed.
const LONGEST_LIFE: f64 = 365.0 * 86_400.0;

#[derive(Default)]
struct Answer {
    token: String,
    access_token: String,
    expires_in: Seconds,
}

go_struct!(Answer {
    "token" => token,
    "access_token" => access_token,
    "expires_in" => expires_in,
});

/// Servers write whole numbers, fractions and text; of anything else nothing is said. Zero where nothing is.
#[derive(Default)]
struct Seconds(f64);

impl Unmarshal for Seconds {
    const BELONGS: &'static str = "a number";

    fn boolean(&mut self, _: bool) -> bool {
        self.other_number(0.0)
    }

    fn integer(&mut self, v: i64) -> bool {
        self.other_number(v as f64)
    }

    fn other_number(&mut self, v: f64) -> bool {
        self.0 = v;
        true
    }

    fn string(&mut self, v: &str) -> bool {
        self.other_number(v.trim().parse().unwrap_or_default())
    }

    fn array<'de, A: SeqAccess<'de>>(&mut self, mut v: A, _: &Reading) -> Result<bool, A::Error> {
        while v.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.other_number(0.0))
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, mut v: A, _: &Reading) -> Result<bool, A::Error> {
        while v.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.other_number(0.0))
    }
}

/// A token and how long it lives. The error says nothing of the answer: it could hold a token.
pub(super) fn read_token(body: &[u8]) -> Result<(Redacted<String>, Duration), &'static str> {
    let answer: Answer =
        go_json::unmarshal(body).map_err(|_| "the answer is not the expected JSON")?.value;
    let token = [answer.token, answer.access_token]
        .into_iter()
        .find(|t| !t.is_empty())
        .ok_or("the answer holds no token")?;
    Ok((Redacted::new(token), life(answer.expires_in)))
}

/// What makes no sense counts as absent: the token is good, and an early end costs one more login.
fn life(Seconds(seconds): Seconds) -> Duration {
    match seconds > 0.0 {
        true => Duration::from_secs_f64(seconds.min(LONGEST_LIFE)),
        false => DEFAULT_LIFE,
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
        assert_eq!(token(r#"{"Token":"a","TOKEN":"b","to\u212aen":null}"#).as_deref(), Ok("b"));
        assert_eq!(token(r#"{"TO\u212aEN":"c","expires_in":[{"a":1}]}"#).as_deref(), Ok("c"));
        for bad in [r#"{"token":{"hunter2":1}}"#, "{}", "[]", "hunter2"] {
            assert!(!token(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
