//! Secrets in a short text that is no file: an environment variable, a label, a build step.

use super::form::Form;
use super::known::KnownSecrets;
use super::masker::Masker;
use super::patterns::Patterns;
use super::scan::Scan;
use super::work::Work;
use crate::analyze::Confidence;
use crate::layer::LayerPath;
use crate::text::{Redacted, mask};
use std::ops::Range;

/// A secret at one place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMatch {
    /// Id of the pattern.
    pub pattern: String,
    /// Of the secret, in bytes of the text.
    pub range: Range<usize>,
    /// From 1.
    pub line: u32,
    pub masked: String,
    pub fingerprint: String,
    pub confidence: Confidence,
    /// Only on request.
    pub plain: Option<Redacted<Vec<u8>>>,
}

/// The secrets of a text, in order, no two on the same bytes. `path`: the file it comes from, if any;
/// without one, patterns that are bound to a path stay out. An environment variable is given as
/// `NAME=value`, a label as `key=value`, a build step as it stands.
pub fn scan_text(
    patterns: &Patterns,
    text: &[u8],
    path: Option<&LayerPath>,
    reveal: bool,
) -> Vec<TextMatch> {
    scan_with(&mut Scan::new(patterns), patterns, text, path, reveal)
}

/// Looks for secrets in many short texts, one after another.
pub struct TextScan<'a> {
    patterns: &'a Patterns,
    scan: Scan,
}

impl<'a> TextScan<'a> {
    pub fn new(patterns: &'a Patterns) -> Self {
        Self { patterns, scan: Scan::new(patterns) }
    }

    /// As [`scan_text`] without a path.
    pub fn matches(&mut self, text: &[u8], reveal: bool) -> Vec<TextMatch> {
        scan_with(&mut self.scan, self.patterns, text, None, reveal)
    }
}

/// The same with a scan that was used before: making one takes longer than a short text.
pub(super) fn scan_with(
    scan: &mut Scan,
    patterns: &Patterns,
    text: &[u8],
    path: Option<&LayerPath>,
    reveal: bool,
) -> Vec<TextMatch> {
    // What is masked must not end early.
    scan.work = Work::endless();
    scan.begin(patterns, path.map(LayerPath::as_bytes), Some(Form::Text));
    scan.feed(patterns, text);
    let found = scan.end(patterns).found;
    found
        .into_iter()
        .map(|f| TextMatch {
            pattern: patterns.list()[f.pattern].id.clone(),
            range: f.range.start as usize..f.range.end as usize,
            line: f.line,
            masked: mask(&f.secret),
            fingerprint: patterns.list()[f.pattern].fingerprint(&f.secret),
            confidence: f.confidence,
            plain: reveal.then(|| Redacted::new(f.secret)),
        })
        .collect()
}

/// The text with its mask in the place of each secret, however unsure.
pub fn redact_text(patterns: &Patterns, text: &str) -> String {
    Masker::new(patterns, KnownSecrets::default()).mask(text)
}
