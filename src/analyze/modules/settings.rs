//! What reads like a module's name in the application's settings and scripts: `a.b.Class`, `a.b:app`, the word
//! behind `-m`.

use super::literals::is_secret;
use super::names::Sink;
use super::python::is_module;
use crate::analyze::How;

/// Of one file.
const MOST: usize = 1000;
const LONGEST_LINE: usize = 4096;

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    let mut found = 0;
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = &line[..line.len().min(LONGEST_LINE)];
        if is_secret(line) {
            continue;
        }
        let mut module = false;
        for word in line.split(|b| !(b.is_ascii_alphanumeric() || b"._-/".contains(b))) {
            let name = std::str::from_utf8(word).unwrap_or_default();
            let dotted = name.contains('.') && !name.starts_with('.');
            if (dotted || module) && is_module(name) && found < MOST {
                found += 1;
                sink.add(name, number + 1, How::Text);
            }
            module = name == "-m" || module && name.is_empty();
        }
    }
}
