//! A secret pattern and the TOML form it is written in (`docs/secret-patterns.md`).
//!
//! Knows how a pattern is read and made ready; must not know how files stream by.

use super::check::Check;
use super::evidence::Alphabet;
use crate::analyze::Confidence;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use thiserror::Error;

/// No match may be longer: it decides how much of a file overlaps from one block to the next.
pub const LONGEST_MATCH: usize = 16 * 1024;

/// Why a pattern file is refused.
#[derive(Debug, Error)]
#[error("pattern file {file}{}: {message}", line.map(|l| format!(", line {l}")).unwrap_or_default())]
pub struct PatternError {
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
    pub message: String,
}

/// How bad a leak of such a secret is, as the pattern's author sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatternSeverity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// Who wins where two patterns match the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Any name beside any value.
    Generic,
    /// A known place or context, an unknown format of the value.
    Context,
    /// The value's own format says whose it is.
    #[default]
    Specific,
}

/// A test string in parts, so that no scanner takes this repository's own files for a leak.
#[derive(Clone, Debug)]
pub struct Sample {
    pub text: String,
    pub path: Option<String>,
}

/// One kind of secret, ready to be searched for.
#[derive(Debug)]
pub struct Pattern {
    pub id: String,
    pub description: String,
    pub severity: PatternSeverity,
    pub confidence: Confidence,
    pub rank: Rank,
    pub doc: String,
    pub check: Option<Check>,
    pub should_match: Vec<Sample>,
    pub should_not_match: Vec<Sample>,
    pub keywords: Vec<String>,
    /// Of any match, in bytes.
    pub longest: usize,
    pub(super) regex: Regex,
    /// Number of the capture group that holds the secret.
    pub(super) group: usize,
    pub(super) ignore_case: bool,
    pub(super) anchored: bool,
    pub(super) inside: bool,
    pub(super) text_only: bool,
    pub(super) placeholders: bool,
    pub(super) entropy: Option<(f64, Alphabet)>,
    pub(super) path: Option<GlobSet>,
    pub(super) allow: Allow,
}

/// What dismisses a match.
#[derive(Debug, Default)]
pub(super) struct Allow {
    pub regexes: Vec<Regex>,
    pub words: Vec<String>,
    pub stopwords: Vec<String>,
    pub fingerprints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    pattern: Vec<toml::Spanned<RawPattern>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPattern {
    id: String,
    description: String,
    severity: PatternSeverity,
    regex: String,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    anchored: bool,
    #[serde(default)]
    inside: bool,
    #[serde(default)]
    text_only: bool,
    #[serde(default = "yes")]
    placeholders: bool,
    longest: Option<usize>,
    entropy: Option<RawEntropy>,
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    allow: RawAllow,
    check: Option<Check>,
    #[serde(default = "likely")]
    confidence: Confidence,
    #[serde(default)]
    rank: Rank,
    doc: String,
    #[serde(default)]
    should_match: Vec<RawSample>,
    #[serde(default)]
    should_not_match: Vec<RawSample>,
}

fn yes() -> bool {
    true
}

fn likely() -> Confidence {
    Confidence::Likely
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntropy {
    min: f64,
    over: Alphabet,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(default)]
    fingerprints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawSample {
    Text(String),
    Parts(Vec<String>),
    At(RawSampleAt),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSampleAt {
    path: String,
    parts: Vec<String>,
}

impl From<RawSample> for Sample {
    fn from(raw: RawSample) -> Self {
        let (text, path) = match raw {
            RawSample::Text(text) => (text, None),
            RawSample::Parts(parts) => (parts.concat(), None),
            RawSample::At(at) => (at.parts.concat(), Some(at.path)),
        };
        Self { text, path }
    }
}

/// The patterns of one file, in its order.
pub(super) fn parse_file(file: &str, text: &str) -> Result<Vec<Pattern>, PatternError> {
    let line_of = |at: usize| Some(memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1);
    let raw: RawFile = toml::from_str(text).map_err(|e| PatternError {
        file: file.to_owned(),
        line: e.span().and_then(|s| line_of(s.start.min(text.len()))),
        message: e.message().to_owned(),
    })?;
    raw.pattern
        .into_iter()
        .map(|spanned| {
            let at = spanned.span().start.min(text.len());
            Pattern::from_raw(spanned.into_inner()).map_err(|message| PatternError {
                file: file.to_owned(),
                line: line_of(at),
                message,
            })
        })
        .collect()
}

impl Pattern {
    fn from_raw(raw: RawPattern) -> Result<Self, String> {
        let id = raw.id;
        let fail = |why: String| format!("pattern `{id}`: {why}");
        let well_named = !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !well_named {
            return Err(format!("id `{id}` may hold only lower-case letters, digits and `-`"));
        }
        if raw.keywords.iter().any(|k| k.is_empty() || k.len() > 64) {
            return Err(fail("a keyword has 1 to 64 bytes".into()));
        }
        if raw.keywords.is_empty() && (raw.path.is_empty() || raw.anchored) {
            return Err(fail(
                "without keywords a pattern needs `path` and cannot be anchored".into(),
            ));
        }
        let longest = longest_match(&raw.regex, raw.longest).map_err(fail)?;
        let source = if raw.anchored { format!(r"\A(?:{})", raw.regex) } else { raw.regex };
        let regex = compile(&source).map_err(fail)?;
        let group = regex.capture_names().position(|n| n == Some("secret")).unwrap_or(0);
        let mut allow = Allow {
            words: raw.allow.words,
            stopwords: raw.allow.stopwords,
            fingerprints: raw.allow.fingerprints,
            regexes: Vec::new(),
        };
        for w in allow.words.iter_mut().chain(&mut allow.stopwords) {
            w.make_ascii_lowercase();
        }
        for r in &raw.allow.regexes {
            allow.regexes.push(compile(r).map_err(fail)?);
        }
        let path = globs(&raw.path).map_err(fail)?;
        Ok(Self {
            description: raw.description,
            severity: raw.severity,
            confidence: raw.confidence,
            rank: raw.rank,
            doc: raw.doc,
            check: raw.check,
            should_match: raw.should_match.into_iter().map(Sample::from).collect(),
            should_not_match: raw.should_not_match.into_iter().map(Sample::from).collect(),
            keywords: raw.keywords,
            longest,
            regex,
            group,
            ignore_case: raw.ignore_case,
            anchored: raw.anchored,
            inside: raw.inside,
            text_only: raw.text_only,
            placeholders: raw.placeholders,
            entropy: raw.entropy.map(|e| (e.min, e.over)),
            path,
            allow,
            id,
        })
    }
}

/// Bytes, not characters: `\w`, `\b` and `\s` are ASCII's; `^` and `$` are of lines.
fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .unicode(false)
        .multi_line(true)
        .size_limit(4 << 20)
        .dfa_size_limit(4 << 20)
        .build()
        .map_err(|e| format!("regex: {e}"))
}

/// The length that no match exceeds: the regex's own, or the declared one where it has none.
fn longest_match(source: &str, declared: Option<usize>) -> Result<usize, String> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .multi_line(true)
        .build()
        .parse(source)
        .map_err(|e| format!("regex: {e}"))?;
    let properties = hir.properties();
    if properties.minimum_len().unwrap_or(0) == 0 {
        return Err("regex: it matches the empty string".into());
    }
    let own = properties.maximum_len();
    match own.or(declared) {
        None => Err("regex: it has no upper length; bound it or state `longest`".into()),
        Some(n) if n > LONGEST_MATCH => {
            Err(format!("regex: a match may have {n} bytes, more than {LONGEST_MATCH}"))
        }
        Some(_) if own.is_some() && declared.is_some() => {
            Err("`longest` is only for a regex without an upper length".into())
        }
        Some(n) => Ok(n),
    }
}

fn globs(globs: &[String]) -> Result<Option<GlobSet>, String> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = GlobBuilder::new(glob)
            .literal_separator(true)
            .case_insensitive(true)
            .build()
            .map_err(|e| format!("path: {e}"))?;
        set.add(glob);
    }
    set.build().map(Some).map_err(|e| format!("path: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[pattern]]\nid = \"a\"\ndescription = \"d\"\nseverity = \"low\"\nregex = 'abcd[0-9]{4}'\nkeywords = [\"abcd\"]\ndoc = \"https://example.org\"\n";

    fn message(text: &str) -> String {
        parse_file("x.toml", text).expect_err(text).to_string()
    }

    #[test]
    fn a_mistake_is_named_with_file_and_line() {
        assert_eq!(parse_file("x.toml", GOOD).expect("good").len(), 1);
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
