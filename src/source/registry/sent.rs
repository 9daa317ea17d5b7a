//! What was sent to prove who we are, and must come back in no text: a server may repeat it, by mistake
//! or not.

use super::error::RegistryError;
use crate::text::Redacted;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many passwords and tokens are remembered, the newest ones.
const REMEMBERED: usize = 1024;

/// Shorter ones cannot be told from ordinary words, in bytes.
const SHORTEST: usize = 4;

/// So much of the beginning of one gives it away, in bytes: a server may cut what it repeats.
const HEAD: usize = 8;

/// Passwords and tokens that were sent to one registry and its token servers.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<VecDeque<Redacted<String>>>);

impl Sent {
    /// Remembers a password or a token, and the form that it has in a URL.
    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret, encoded.as_str()] {
            if known.iter().all(|k| k.reveal() != form) {
                known.push_back(Redacted::new(form.to_owned()));
            }
        }
        while known.len() > REMEMBERED {
            known.pop_front();
        }
    }

    /// The text, with `[redacted]` in the place of what was sent, or of its beginning.
    pub fn without(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = text.to_owned();
        for secret in known.iter() {
            // A host name comes back in small letters.
            let secret = secret.reveal().to_ascii_lowercase();
            let head = floor(&secret, HEAD);
            let small = out.to_ascii_lowercase();
            if !small.contains(head) {
                continue;
            }
            let mut clean = String::with_capacity(out.len());
            let mut done = 0;
            while let Some(at) = small[done..].find(head).map(|at| done + at) {
                clean.push_str(&out[done..at]);
                clean.push_str("[redacted]");
                let both = small[at..].chars().zip(secret.chars());
                let same = both.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8());
                done = at + same.sum::<usize>();
            }
            clean.push_str(&out[done..]);
            out = clean;
        }
        out
    }

    pub fn is_in(&self, text: &str) -> bool {
        self.without(text) != text
    }

    /// The error, with nothing of what was sent in any of its words.
    pub fn error(&self, e: RegistryError) -> RegistryError {
        e.map_words(&|text| self.without(&text))
    }
}

/// The first `n` bytes, or fewer: up to a whole character.
fn floor(text: &str, n: usize) -> &str {
    let end = (0..=n.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(secrets: &[&str]) -> Sent {
        let sent = Sent::default();
        secrets.iter().for_each(|s| sent.add(s));
        sent
    }

    #[test]
    fn what_was_sent_is_in_no_text() {
        let s = sent(&["Hunter2hunter2", "p/w+d é", "abc"]);
        assert_eq!(s.without("no hunter2hunter2, hunter2hunter2!"), "no [redacted], [redacted]!");
        assert_eq!(s.without("cut: hunter2hun"), "cut: [redacted]");
        assert_eq!(s.without("p%2Fw%2Bd+%C3%A9 p/w+d é"), "[redacted] [redacted]");
        assert_eq!(s.without("https://HUNTER2hunter2.x/"), "https://[redacted].x/");
        assert_eq!(s.without("abc hunter"), "abc hunter", "a word is a word");
        assert!(s.is_in("xhunter2hunter2x") && !s.is_in("nothing"));
        let debug = format!("{s:?}");
        assert!(!debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn the_newest_are_remembered() {
        let s = Sent::default();
        (0..3000).for_each(|n| s.add(&format!("{n:08}-token")));
        assert!(s.is_in("00002999-token") && s.0.lock().unwrap().len() <= REMEMBERED);
    }

    #[test]
    fn secrets_of_many_bytes_a_character() {
        let s = sent(&["ééééé", "日本語日本語"]);
        assert_eq!(s.without("ééééé 日本語日本"), "[redacted] [redacted]");
    }
}
