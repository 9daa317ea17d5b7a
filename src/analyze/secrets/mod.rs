//! The secret engine: patterns as data, one pass over every file.
//!
//! A literal prefilter finds the patterns' keywords; a pattern's regex runs only around its own
//! keyword; evidence (entropy, placeholders, offline checks) decides what is reported and how sure
//! it is. Must not know of layers above or below, nor of how bad a finding is in the end.

mod allowlist;
mod analyzer;
mod assignment;
mod builtin;
mod check;
mod decode;
mod echo;
mod encoded;
mod evidence;
mod expression;
mod file;
mod form;
mod gitleaks;
mod go_regex;
mod judge;
mod key;
mod known;
mod label;
mod lint;
mod masker;
mod matching;
mod members;
mod name;
mod pattern;
mod patterns;
mod place;
mod prefilter;
mod scan;
mod seam;
mod text;
mod vendor_value;
mod work;

#[cfg(test)]
mod notation_tests;
#[cfg(test)]
mod tests;

pub use analyzer::SecretAnalyzer;
pub use builtin::BUILTIN;
pub use check::Check;
pub use evidence::Alphabet;
pub use gitleaks::extends as gitleaks_extends;
pub use known::{KnownMatch, KnownSecrets};
pub use lint::lint;
pub use masker::Masker;
pub use pattern::{LONGEST_MATCH, Pattern, PatternError, PatternSeverity, Rank, Sample};
pub use patterns::Patterns;
pub use text::{TextMatch, TextScan, redact_text, scan_text};
