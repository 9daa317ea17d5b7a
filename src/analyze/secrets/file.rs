//! The TOML form of a pattern file (`docs/secret-patterns.md`), as it is written.
//!
//! Knows keys and samples; what a pattern means is `pattern`'s.

use super::check::Check;
use super::evidence::Alphabet;
use super::pattern::{Pattern, PatternError, PatternSeverity, Rank, Sample};
use crate::analyze::Confidence;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    pattern: Vec<toml::Spanned<RawPattern>>,
    #[serde(default)]
    published: Vec<RawPublished>,
}

/// A value that stands in public packages or documentation: it is no one's secret any more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPublished {
    fingerprint: String,
    /// Where it is published.
    #[serde(rename = "where")]
    _where: String,
}

/// What one file holds.
#[derive(Default)]
pub(super) struct Parsed {
    /// In its order.
    pub patterns: Vec<Pattern>,
    /// Fingerprints of published values.
    pub published: Vec<String>,
    /// Ids of patterns of other files that shall not be searched for.
    pub disabled: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPattern {
    pub id: String,
    pub description: String,
    pub severity: PatternSeverity,
    /// Either this, or `beside` and `value`.
    pub regex: Option<String>,
    #[serde(default)]
    pub beside: Vec<String>,
    #[serde(default)]
    pub not_beside: Vec<String>,
    pub value: Option<String>,
    #[serde(default)]
    pub ids: bool,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub ignore_case: bool,
    #[serde(default)]
    pub anchored: bool,
    #[serde(default)]
    pub inside: bool,
    #[serde(default)]
    pub text_only: bool,
    #[serde(default = "yes")]
    pub placeholders: bool,
    pub longest: Option<usize>,
    pub entropy: Option<RawEntropy>,
    #[serde(default)]
    pub path: Vec<String>,
    #[serde(default)]
    pub allow: RawAllow,
    pub check: Option<Check>,
    #[serde(default = "likely")]
    pub confidence: Confidence,
    pub rank: Option<Rank>,
    pub doc: String,
    #[serde(default)]
    pub should_match: Vec<RawSample>,
    #[serde(default)]
    pub should_not_match: Vec<RawSample>,
}

fn yes() -> bool {
    true
}

fn likely() -> Confidence {
    Confidence::Likely
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntropy {
    pub min: f64,
    pub over: Alphabet,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAllow {
    #[serde(default)]
    pub regexes: Vec<String>,
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub stopwords: Vec<String>,
    #[serde(default)]
    pub fingerprints: Vec<String>,
}

/// Stands in samples where nothing does, so that no scanner takes a pattern file for a leak.
const BREAK: char = '¦';

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawSample {
    Text(String),
    At(RawSampleAt),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSampleAt {
    path: String,
    text: String,
}

impl From<RawSample> for Sample {
    fn from(raw: RawSample) -> Self {
        let (text, path) = match raw {
            RawSample::Text(text) => (text, None),
            RawSample::At(at) => (at.text, Some(at.path)),
        };
        let text = text.replace(BREAK, "");
        Self { text, path }
    }
}

/// Reads one file.
pub(super) fn parse_file(file: &str, text: &str) -> Result<Parsed, PatternError> {
    let line_of = |at: usize| Some(memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1);
    let raw: RawFile = toml::from_str(text).map_err(|e| PatternError {
        file: file.to_owned(),
        line: e.span().and_then(|s| line_of(s.start.min(text.len()))),
        message: e.message().to_owned(),
    })?;
    let published = raw.published.into_iter().map(|p| p.fingerprint).collect();
    let patterns = raw
        .pattern
        .into_iter()
        .map(|spanned| {
            let at = spanned.span().start.min(text.len());
            Pattern::from_raw(spanned.into_inner()).map_err(|message| PatternError {
                file: file.to_owned(),
                line: line_of(at),
                message,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Parsed { patterns, published, ..Parsed::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[pattern]]\nid = \"a\"\ndescription = \"d\"\nseverity = \"low\"\nregex = 'abcd[0-9]{4}'\nkeywords = [\"abcd\"]\ndoc = \"https://example.org\"\n";

    fn message(text: &str) -> String {
        parse_file("x.toml", text).err().expect(text).to_string()
    }

    #[test]
    fn a_mistake_is_named_with_file_and_line() {
        assert_eq!(parse_file("x.toml", GOOD).expect("good").patterns.len(), 1);
        let unknown = format!("{GOOD}colour = 1\n");
        let m = message(&unknown);
        assert!(m.starts_with("pattern file x.toml, line 8: unknown field `colour`"), "{m}");
        let m = message(&format!("\n{}", GOOD.replace("{4}", "+")));
        assert!(m.contains("line 2") && m.contains("no upper length"), "{m}");
        for (from, to, says) in [
            ("{4}", "{4", "regex"),
            ("{4}", "{20000}", "more than 16384"),
            ("abcd[0-9]{4}", "(?:abcd)?", "empty string"),
            ("[\"abcd\"]", "[]", "needs `path`"),
            ("id = \"a\"", "id = \"A b\"", "lower-case"),
            ("\"low\"", "\"bad\"", "unknown variant"),
        ] {
            let m = message(&GOOD.replace(from, to));
            assert!(m.contains(says), "{m}");
        }
    }
}
