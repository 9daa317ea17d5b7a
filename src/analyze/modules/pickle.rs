//! The modules that a stored Python object names: what loads it imports them (`pickle`, `joblib`).

use super::names::Sink;
use super::python::is_module;
use crate::analyze::How;
use std::collections::BTreeSet;

/// Names of one file.
const MOST: usize = 400;
const LONGEST: usize = 100;

/// Reads it as it streams by. Looks for names, and is no interpreter of the format.
#[derive(Default)]
pub(super) struct Reader {
    word: Vec<u8>,
    found: BTreeSet<String>,
    head: Vec<u8>,
}

impl Reader {
    pub fn read(&mut self, bytes: &[u8]) {
        if self.head.len() < 2 {
            self.head.extend(bytes.iter().take(2 - self.head.len()));
        }
        if self.found.len() >= MOST {
            return;
        }
        for &b in bytes {
            if b.is_ascii_alphanumeric() || b == b'_' || b == b'.' {
                if self.word.len() <= LONGEST {
                    self.word.push(b);
                }
            } else {
                self.take();
            }
        }
    }

    /// A name stands behind its length, or behind the `c` of an older form.
    fn take(&mut self) {
        if self.word.len() > 3
            && self.word.len() <= LONGEST
            && memchr::memchr(b'.', &self.word).is_some()
            && self.found.len() < MOST
        {
            let word = String::from_utf8_lossy(&self.word);
            let word = word.trim_matches('.');
            if is_module(word) {
                self.found.insert(word.to_owned());
            }
            if let Some(rest) = word.strip_prefix('c').filter(|w| is_module(w)) {
                self.found.insert(rest.to_owned());
            }
        }
        self.word.clear();
    }

    pub fn end(&mut self, sink: &mut Sink) {
        self.take();
        for name in &self.found {
            sink.add(name, 1, How::Text);
        }
        // Packed, so that its names cannot be read.
        let packed = [&b"\x78"[..], b"\x1f\x8b", b"BZ", b"\xfd7", b"\x04\x22"];
        if packed.iter().any(|p| self.head.starts_with(p)) {
            for word in super::WORDS {
                sink.add(word, 1, How::Word);
            }
        }
    }
}
