//! Keeps small, well-known files that later stages read: users, groups, the OS release, and what was
//! installed by hand.
//!
//! The list is closed, and nothing that holds a secret is on it: never `etc/shadow`.

use super::{Analyzer, Facts, KeptFile};
use crate::layer::{Entry, Interest};

const SMALL: usize = 64 << 10;
const LARGE: usize = 1 << 20;

/// Path and the bytes kept at most.
const KEPT: [(&[u8], usize); 8] = [
    (b"etc/passwd", LARGE),
    (b"etc/group", LARGE),
    (b"etc/os-release", SMALL),
    (b"usr/lib/os-release", SMALL),
    (b"etc/alpine-release", SMALL),
    (b"etc/debian_version", SMALL),
    (b"etc/apk/world", SMALL),
    // Which packages apt pulled in by itself.
    (b"var/lib/apt/extended_states", LARGE),
];

#[derive(Default)]
pub struct RuntimeAnalyzer {
    entry: u32,
    cap: usize,
    truncated: bool,
    bytes: Vec<u8>,
}

impl RuntimeAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for RuntimeAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("runtime", 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let path = entry.path.as_bytes();
        let Some(&(_, cap)) = KEPT.iter().find(|(p, _)| entry.is_file() && *p == path) else {
            return Interest::Skip;
        };
        *self = Self { entry: number, cap, truncated: entry.size > cap as u64, bytes: Vec::new() };
        Interest::Head(cap as u64)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let room = self.cap.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, facts: &mut Facts) {
        facts.kept.push(KeptFile {
            entry: self.entry,
            bytes: std::mem::take(&mut self.bytes),
            truncated: self.truncated,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::feed;
    use super::*;

    #[test]
    fn keeps_what_is_known_and_nothing_secret() {
        let facts = feed(&mut RuntimeAnalyzer::new(), "etc/passwd", b"root:x:0:0::/:/bin/sh\n", 4);
        assert_eq!(facts.kept[0].bytes, b"root:x:0:0::/:/bin/sh\n");
        assert!(!facts.kept[0].truncated);
        for path in ["etc/shadow", "etc/gshadow", "app/etc/passwd"] {
            assert_eq!(
                feed(&mut RuntimeAnalyzer::new(), path, b"x", 4),
                Facts::default(),
                "{path}"
            );
        }
        assert!(KEPT.iter().all(|(p, _)| !p.ends_with(b"shadow")));
    }

    #[test]
    fn a_long_file_is_cut_and_says_so() {
        let long = vec![b'x'; SMALL + 1];
        let facts = feed(&mut RuntimeAnalyzer::new(), "etc/os-release", &long, 1000);
        assert_eq!((facts.kept[0].bytes.len(), facts.kept[0].truncated), (SMALL, true));
    }
}
