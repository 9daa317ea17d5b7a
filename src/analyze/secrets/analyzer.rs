//! The secret engine as an analyzer of a layer's files.

use super::form::Form;
use super::patterns::Patterns;
use super::scan::{MOST_MATCHES, Scan};
use crate::analyze::{Analyzer, Facts, SecretMatch, Unread};
use crate::layer::{Entry, Interest};
use crate::text::{Redacted, fingerprint, mask};
use std::sync::Arc;

const ID: &str = "secrets";
/// Raise it when the same patterns give other results.
const VERSION: u32 = 1;

/// Fills `Facts::secrets` from the content of every file.
pub struct SecretAnalyzer {
    patterns: Arc<Patterns>,
    reveal: bool,
    scan: Scan,
    entry: u32,
}

impl SecretAnalyzer {
    /// `reveal`: keep each secret in clear beside its mask, in memory only.
    pub fn new(patterns: Arc<Patterns>, reveal: bool) -> Self {
        let scan = Scan::new(&patterns);
        Self { patterns, reveal, scan, entry: 0 }
    }
}

impl Analyzer for SecretAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, VERSION)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        if !entry.is_file() || entry.size == 0 {
            return Interest::Skip;
        }
        self.entry = number;
        self.scan.begin(&self.patterns, Some(entry.path.as_bytes()), None);
        Interest::All
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.scan.feed(&self.patterns, bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        let outcome = self.scan.end(&self.patterns);
        let wide = matches!(outcome.form, Form::Utf16 { .. });
        for found in outcome.found {
            facts.secrets.push(SecretMatch {
                entry: self.entry,
                inside: found.inside,
                pattern: self.patterns.list()[found.pattern].id.clone(),
                line: (outcome.form != Form::Binary).then_some(found.line),
                offset: found.range.start * if wide { 2 } else { 1 },
                masked: mask(&found.secret),
                fingerprint: fingerprint(&found.secret),
                confidence: found.confidence,
                plain: self.reveal.then(|| Redacted::new(found.secret)),
            });
        }
        if outcome.capped {
            facts.unread.push(Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why: format!(
                    "more than {MOST_MATCHES} secrets of one kind; the rest is not listed"
                ),
            });
        }
    }
}
