//! Small known files whose content later stages read. A table, and nothing that may hold a secret:
//! `etc/shadow` is not in it.

use super::{Analyzer, Facts, KeptFile};
use crate::layer::{Entry, Interest};

/// Paths and how many bytes of each are kept.
const KEPT: &[(&[u8], u64)] = &[
    (b"etc/passwd", 1 << 20),
    (b"etc/group", 1 << 20),
    (b"etc/os-release", 64 << 10),
    (b"usr/lib/os-release", 64 << 10),
    (b"etc/alpine-release", 4 << 10),
    (b"etc/debian_version", 4 << 10),
    (b"var/lib/apt/extended_states", 1 << 20),
    (b"etc/apk/world", 64 << 10),
];

/// Keeps the files of the table.
#[derive(Default)]
pub struct RuntimeAnalyzer {
    current: Option<KeptFile>,
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
        self.current = None;
        let wanted = KEPT.iter().find(|(path, _)| *path == entry.path.as_bytes());
        let Some((_, limit)) = wanted.filter(|_| entry.is_file()) else {
            return Interest::Skip;
        };
        self.current = Some(KeptFile {
            entry: number,
            bytes: Vec::new(),
            truncated: entry.size > *limit,
        });
        Interest::Head(*limit)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.current {
            file.bytes.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        facts.kept.extend(self.current.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_hold_a_secret_is_kept() {
        for (path, _) in KEPT {
            let path = String::from_utf8_lossy(path);
            assert!(
                !path.contains("shadow") && !path.contains("auth") && !path.contains("cred"),
                "{path}"
            );
        }
    }
}
