//! What an API says of its own errors, each in a form of its own.

use super::super::error::own_words;

/// A code and a message. Most give a `message`; Harbor's errors are like a registry's.
pub(super) fn words(body: &[u8]) -> (Option<String>, Option<String>) {
    let (code, message) = own_words(body);
    if code.is_some() || message.is_some() {
        return (code, message);
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return (None, None) };
    let message = ["message", "error_message", "error_description", "detail", "error"]
        .iter()
        .find_map(|name| value.get(name)?.as_str().filter(|m| !m.is_empty()));
    (None, message.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_each_api_are_found() {
        for body in [
            r#"{"message":"no"}"#,
            r#"{"errors":[{"message":"no"}]}"#,
            r#"{"detail":"no","status":403}"#,
            r#"{"error":"no"}"#,
            r#"{"message":{"a":1},"error":"no"}"#,
        ] {
            assert_eq!(words(body.as_bytes()).1.as_deref(), Some("no"), "{body}");
        }
        for body in ["", "[]", "<html>", r#"{"message":3}"#] {
            assert_eq!(words(body.as_bytes()), (None, None), "{body}");
        }
    }
}
