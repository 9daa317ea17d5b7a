//! A secret pattern, checked and ready to be searched for.
//!
//! Must not know how files stream by, nor how a pattern file is written (`file`).

use super::allowlist::Allowlist;
use super::check::Check;
use super::evidence::Alphabet;
use super::expression::{Expression, compile};
use super::file::RawPattern;
use super::key;
use super::name::Name;
use super::vendor_value::{self, Beside};
use crate::analyze::Confidence;
use crate::text::fingerprint;
use globset::{Glob, GlobBuilder};
use regex::bytes::Regex;
use serde::Deserialize;
use thiserror::Error;

/// No match may be longer: it decides how much of a file overlaps from one block to the next.
pub const LONGEST_MATCH: usize = 16 * 1024;

/// Of a keyword, or of a name that one is a part of, in bytes.
pub(super) const LONGEST_KEYWORD: usize = 64;

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
    /// The file that it came from.
    pub file: String,
    pub check: Option<Check>,
    pub should_match: Vec<Sample>,
    pub should_not_match: Vec<Sample>,
    pub keywords: Vec<String>,
    /// Of any match, in bytes.
    pub longest: usize,
    /// Of any match, in bytes.
    pub(super) shortest: usize,
    /// Of the whole match; of the value alone if `beside` is given.
    pub(super) regex: Expression,
    pub(super) beside: Option<Beside>,
    pub(super) ignore_case: bool,
    pub(super) anchored: bool,
    pub(super) inside: bool,
    pub(super) text_only: bool,
    pub(super) placeholders: bool,
    /// A user's rule of another tool: no judgement but its own dismisses a match.
    pub(super) as_written: bool,
    /// A path that matches is itself the finding.
    pub(super) whole_file: bool,
    pub(super) entropy: Option<(f64, Alphabet)>,
    pub(super) path: Option<Vec<Glob>>,
    pub(super) path_regex: Option<Regex>,
    pub(super) allow: Allow,
    pub(super) sample_lengths: std::sync::OnceLock<Vec<usize>>,
}

/// What dismisses a match.
#[derive(Debug, Default)]
pub(super) struct Allow {
    pub regexes: Vec<Regex>,
    pub words: Vec<String>,
    pub stopwords: Vec<String>,
    pub fingerprints: Vec<String>,
    pub lists: Vec<Allowlist>,
}

impl Pattern {
    /// Whether it is looked for in files of some paths only, or has to be looked for everywhere.
    pub(super) fn is_bound(&self) -> bool {
        self.path.is_some() || self.path_regex.is_some() || self.keywords.is_empty()
    }

    /// Of a secret of this kind: two spellings of one key have the same.
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        match self.check {
            Some(Check::PemPrivateKey) => fingerprint(&key::essence(secret)),
            _ => fingerprint(secret),
        }
    }

    /// The lengths that tokens of this kind have in its samples, for matches that have no end of their own.
    pub(super) fn sample_lengths(&self) -> &[usize] {
        self.sample_lengths.get_or_init(|| {
            let Some(expression) = self.regex.get() else { return Vec::new() };
            let of = |sample: &Sample| {
                let text = sample.text.as_bytes();
                let key =
                    self.keywords.iter().find_map(|k| memchr::memmem::find(text, k.as_bytes()))?;
                expression.regex.find(&text[key..]).map(|m| m.len())
            };
            self.should_match.iter().filter_map(of).collect()
        })
    }

    pub(super) fn from_raw(raw: RawPattern) -> Result<Self, String> {
        let id = raw.id;
        let fail = |why: String| format!("pattern `{id}`: {why}");
        let well_named = !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !well_named {
            return Err(format!("id `{id}` may hold only lower-case letters, digits and `-`"));
        }
        let (source, keywords, beside) = match (raw.regex, raw.value) {
            (Some(regex), None) if raw.beside.is_empty() => (regex, raw.keywords, None),
            (None, Some(value)) if !raw.beside.is_empty() => {
                if !raw.keywords.is_empty() || raw.anchored || raw.inside || raw.longest.is_some() {
                    return Err(fail(
                        "with `beside` there is no `keywords`, `anchored`, `inside` or `longest`"
                            .into(),
                    ));
                }
                let names = Name::all(&raw.beside).map_err(fail)?;
                let keywords = names.iter().map(|n| n.keyword().to_owned()).collect();
                (value, keywords, Some(Beside::new(names, raw.ids, raw.not_beside)))
            }
            _ => return Err(fail("it needs either `regex`, or `beside` and `value`".into())),
        };
        if keywords.iter().any(|k| k.is_empty() || k.len() > LONGEST_KEYWORD) {
            return Err(fail("a keyword has 1 to 64 bytes".into()));
        }
        if keywords.is_empty() && (raw.path.is_empty() || raw.anchored) {
            return Err(fail(
                "without keywords a pattern needs `path` and cannot be anchored".into(),
            ));
        }
        let longest = longest_match(&source, raw.longest).map_err(fail)?
            + if beside.is_some() { vendor_value::REACH } else { 0 };
        let shortest = shortest_match(&source);
        let anchored = raw.anchored || beside.is_some();
        let regex = Expression::new(if anchored { format!(r"\A(?:{source})") } else { source });
        let mut allow = Allow {
            words: raw.allow.words,
            stopwords: raw.allow.stopwords,
            fingerprints: raw.allow.fingerprints,
            regexes: Vec::new(),
            lists: Vec::new(),
        };
        for w in allow.words.iter_mut().chain(&mut allow.stopwords) {
            w.make_ascii_lowercase();
        }
        for r in &raw.allow.regexes {
            allow.regexes.push(compile(r).map_err(fail)?);
        }
        let path = globs(&raw.path).map_err(fail)?;
        let default_rank = if beside.is_some() { Rank::Context } else { Rank::Specific };
        Ok(Self {
            description: raw.description,
            severity: raw.severity,
            confidence: raw.confidence,
            rank: raw.rank.unwrap_or(default_rank),
            doc: raw.doc,
            file: String::new(),
            check: raw.check,
            should_match: raw.should_match.into_iter().map(Sample::from).collect(),
            should_not_match: raw.should_not_match.into_iter().map(Sample::from).collect(),
            keywords,
            longest,
            shortest,
            regex,
            ignore_case: raw.ignore_case || beside.is_some(),
            anchored,
            inside: raw.inside,
            text_only: raw.text_only || beside.is_some(),
            placeholders: raw.placeholders,
            as_written: false,
            whole_file: false,
            entropy: raw.entropy.map(|e| (e.min, e.over)),
            path,
            path_regex: None,
            allow,
            beside,
            sample_lengths: std::sync::OnceLock::new(),
            id,
        })
    }
}

/// The length that no match exceeds: the regex's own, or the declared one where it has none.
pub(super) fn longest_match(source: &str, declared: Option<usize>) -> Result<usize, String> {
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

/// The length that no match falls below.
pub(super) fn shortest_match(source: &str) -> usize {
    let parser =
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(source);
    parser.ok().and_then(|hir| hir.properties().minimum_len()).unwrap_or(0)
}

fn globs(globs: &[String]) -> Result<Option<Vec<Glob>>, String> {
    // Paths are brought to lower case before, because a set of globs that ignore case is slow.
    let glob = |g: &String| {
        GlobBuilder::new(&g.to_ascii_lowercase())
            .literal_separator(true)
            .build()
            .map_err(|e| format!("path: {e}"))
    };
    let all: Vec<Glob> = globs.iter().map(glob).collect::<Result<_, _>>()?;
    Ok((!all.is_empty()).then_some(all))
}
