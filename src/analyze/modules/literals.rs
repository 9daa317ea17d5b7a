//! Texts in the application's own Python sources that read like a module's name: with dots, or as part of a
//! list of applications, plugins and their like. No other text is kept.

use super::names::Sink;
use super::python::{behind_text, is_module};
use crate::analyze::How;

/// Of one file.
const MOST: usize = 2000;
/// What the name of a list of modules has in it.
const LISTS: [&str; 14] = [
    "APP",
    "PLUGIN",
    "MODULE",
    "EXTENSION",
    "MIDDLEWARE",
    "PACKAGE",
    "IMPORT",
    "BACKEND",
    "INCLUDE",
    "COMPONENT",
    "PROVIDER",
    "DRIVER",
    "ADDON",
    "BLUEPRINT",
];
/// What the name of a secret has in it.
const SECRETS: [&str; 8] =
    ["PASS", "SECRET", "TOKEN", "KEY", "PWD", "CREDENTIAL", "AUTH=", "PRIVATE"];

/// Whether a line speaks of a secret.
pub(super) fn is_secret(line: &[u8]) -> bool {
    let upper = line.to_ascii_uppercase();
    SECRETS.iter().any(|s| memchr::memmem::find(&upper, s.as_bytes()).is_some())
}

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    let mut state = State { depth: 0, list: false, found: 0 };
    let (mut at, mut line, mut start) = (0, 1, 0);
    while at < text.len() {
        match text[at] {
            b'\n' => {
                (at, line) = (at + 1, line + 1);
                start = at;
            }
            b'#' => at += memchr::memchr(b'\n', &text[at..]).unwrap_or(text.len() - at),
            b'(' | b'[' | b'{' => {
                if state.depth == 0 {
                    state.list = is_list(&text[start..at]);
                }
                (state.depth, at) = (state.depth + 1, at + 1);
            }
            b')' | b']' | b'}' => {
                (state.depth, at) = (state.depth.saturating_sub(1), at + 1);
                state.list &= state.depth > 0;
            }
            quote @ (b'"' | b'\'') => {
                let end = behind_text(text, at, quote).min(text.len());
                let content = text.get(at + 1..end - 1).unwrap_or_default();
                let before = &text[start..at];
                if content.len() <= 100 && state.wants(content) && !is_secret(before) {
                    // `a.b:name` is a module and what it has.
                    let name = content.split(|&b| b == b':').next().unwrap_or_default();
                    let name = std::str::from_utf8(name).unwrap_or_default();
                    if is_module(name) {
                        state.found += 1;
                        sink.add(name, line, How::Text);
                    }
                }
                line += memchr::memchr_iter(b'\n', &text[at..end]).count();
                at = end.max(at + 1);
            }
            _ => at += 1,
        }
    }
}

struct State {
    depth: usize,
    /// Within a list of modules.
    list: bool,
    found: usize,
}

impl State {
    fn wants(&self, content: &[u8]) -> bool {
        let name = content.split(|&b| b == b':').next().unwrap_or_default();
        self.found < MOST && (self.list || memchr::memchr(b'.', name).is_some())
    }
}

/// `INSTALLED_APPS = `, `plugins += `, before its bracket.
fn is_list(before: &[u8]) -> bool {
    let upper = String::from_utf8_lossy(before).to_ascii_uppercase();
    LISTS.iter().any(|l| upper.contains(l))
}
