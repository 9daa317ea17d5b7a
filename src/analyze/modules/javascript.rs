//! The packages that the application's own JavaScript and TypeScript name in `import` and `require`.

use super::names::Sink;
use crate::analyze::How;

/// Before a quote as far as it is looked at.
const BEFORE: usize = 64;
const LONGEST: usize = 120;

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    let (mut line, mut counted) = (1, 0);
    for at in memchr::memchr3_iter(b'"', b'\'', b'`', text) {
        let before = text[at.saturating_sub(BEFORE)..at].trim_ascii_end();
        let asks = [&b"require("[..], b"import(", b"require.resolve(", b"from", b"import"];
        if !asks.iter().any(|w| before.ends_with(w)) || is_no_code(text, at) {
            continue;
        }
        let rest = &text[at + 1..text.len().min(at + 1 + LONGEST)];
        let name =
            memchr::memchr(text[at], rest).and_then(|end| std::str::from_utf8(&rest[..end]).ok());
        if let Some(package) = name.and_then(package) {
            line += memchr::memchr_iter(b'\n', &text[counted..at]).count();
            counted = at;
            sink.add(package, line, How::Always);
        }
    }
}

/// Whether the line up to here is a comment, or an import of types only.
fn is_no_code(text: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(4 * BEFORE);
    let start = memchr::memrchr(b'\n', &text[from..at]).map_or(from, |n| from + n + 1);
    let line = text[start..at].trim_ascii_start();
    [&b"//"[..], b"*", b"/*", b"import type ", b"export type "].iter().any(|p| line.starts_with(p))
}

/// `@scope/name` of `@scope/name/lib/x.js`; nothing relative and nothing of Node's own.
pub fn package(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-".contains(c);
    if name.is_empty() || name.starts_with(['.', '/', '#']) || !name.chars().all(plain) {
        return None;
    }
    let parts = if name.starts_with('@') { 2 } else { 1 };
    match name.match_indices('/').nth(parts - 1) {
        Some((end, _)) => Some(&name[..end]),
        None => Some(name),
    }
}
