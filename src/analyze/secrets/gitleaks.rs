//! A gitleaks configuration, read as it is: many teams have one.
//!
//! The format is that of its README (version 8): rules with `regex`, `secretGroup`, `entropy`,
//! `keywords`, `path`, and allowlists for one rule or for all. Its rules become [`Pattern`]s that
//! careen's own judgement does not overrule. `commits` have no meaning in an image. Must not read
//! files: what `extend.path` names is the caller's to read.

use super::allowlist::{Allowlist, Target};
use super::evidence::Alphabet;
use super::expression::{Expression, Group, compile_lenient};
use super::file::Parsed;
use super::go_regex;
use super::pattern::{Allow, Pattern, PatternError, PatternSeverity, Rank, longest_match};
use crate::analyze::Confidence;
use serde::Deserialize;

/// Of a match whose regex has no upper length, in bytes: it is seen this far around its keyword.
const UNBOUNDED: usize = 4096;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    title: Option<String>,
    extend: Extend,
    rules: Vec<toml::Spanned<Rule>>,
    /// Before version 8.25.
    allowlist: Option<RawAllowlist>,
    allowlists: Vec<RawAllowlist>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Extend {
    path: Option<String>,
    disabled_rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    #[serde(default)]
    description: String,
    regex: Option<String>,
    #[serde(default)]
    secret_group: usize,
    entropy: Option<f64>,
    #[serde(default)]
    keywords: Vec<String>,
    path: Option<String>,
    allowlist: Option<RawAllowlist>,
    #[serde(default)]
    allowlists: Vec<RawAllowlist>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(default, rename_all = "camelCase")]
struct RawAllowlist {
    condition: String,
    paths: Vec<String>,
    regex_target: String,
    regexes: Vec<String>,
    stopwords: Vec<String>,
    target_rules: Vec<String>,
}

/// Whether a pattern file is of this kind.
pub(super) fn is_config(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|t| {
        !t.contains_key("pattern")
            && ["rules", "allowlist", "allowlists", "extend"].iter().any(|k| t.contains_key(*k))
    })
}

/// The configuration that this one builds upon, as it names it.
pub fn extends(text: &str) -> Option<String> {
    is_config(text).then(|| toml::from_str::<Config>(text).ok()?.extend.path).flatten()
}

pub(super) fn parse(file: &str, text: &str) -> Result<Parsed, PatternError> {
    let line_of = |at: usize| {
        let at = at.min(text.len());
        Some(memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1)
    };
    let fail = |line, message| PatternError { file: file.to_owned(), line, message };
    let config: Config = toml::from_str(text)
        .map_err(|e| fail(e.span().and_then(|s| line_of(s.start)), e.message().to_owned()))?;
    let title = config.title.unwrap_or_else(|| file.to_owned());
    let global: Vec<RawAllowlist> = config.allowlist.into_iter().chain(config.allowlists).collect();
    let mut patterns = Vec::new();
    for rule in config.rules {
        let line = line_of(rule.span().start);
        let rule = rule.into_inner();
        let id = rule.id.clone();
        let pattern = pattern(rule, &global, &title)
            .map_err(|why| fail(line, format!("rule `{id}`: {why}")))?;
        patterns.push(pattern);
    }
    Ok(Parsed { patterns, disabled: config.extend.disabled_rules, ..Parsed::default() })
}

fn pattern(rule: Rule, global: &[RawAllowlist], title: &str) -> Result<Pattern, String> {
    let path = rule.path.as_deref().map(regex).transpose()?;
    let (regex, longest) = match &rule.regex {
        Some(source) => {
            let source = go_regex::translate(source);
            // Some rules match the empty text, too; a secret is never empty.
            let longest = longest_match(&source, None).unwrap_or(UNBOUNDED);
            let group = match rule.secret_group {
                0 => Group::First,
                n => Group::Number(n),
            };
            let expression = Expression::lenient(source, group);
            expression.check()?;
            (expression, longest)
        }
        None if path.is_some() => (Expression::lenient("a".to_owned(), Group::First), 1),
        None => return Err("it has neither `regex` nor `path`".to_owned()),
    };
    let own = rule.allowlist.into_iter().chain(rule.allowlists);
    let for_all = global
        .iter()
        .filter(|a| a.target_rules.is_empty() || a.target_rules.contains(&rule.id))
        .cloned();
    let lists = own.chain(for_all).map(allowlist).collect::<Result<_, _>>()?;
    let keyword = |k: &String| k.trim().to_ascii_lowercase();
    Ok(Pattern {
        id: identifier(&rule.id),
        description: match rule.description.is_empty() {
            true => format!("rule {} of {title}", rule.id),
            false => rule.description,
        },
        severity: PatternSeverity::High,
        confidence: Confidence::Likely,
        rank: Rank::Specific,
        doc: String::new(),
        file: String::new(),
        check: None,
        should_match: Vec::new(),
        should_not_match: Vec::new(),
        keywords: rule.keywords.iter().map(keyword).filter(|k| !k.is_empty()).collect(),
        longest: longest.min(UNBOUNDED),
        shortest: 0,
        sample_lengths: std::sync::OnceLock::new(),
        whole_file: rule.regex.is_none(),
        regex,
        beside: None,
        ignore_case: true,
        anchored: false,
        inside: true,
        text_only: false,
        placeholders: false,
        as_written: true,
        entropy: rule.entropy.filter(|e| *e > 0.0).map(|e| (e, Alphabet::Any)),
        path: None,
        path_regex: path,
        allow: Allow { lists, ..Allow::default() },
    })
}

fn regex(source: &str) -> Result<regex::bytes::Regex, String> {
    compile_lenient(&go_regex::translate(source))
}

fn allowlist(raw: RawAllowlist) -> Result<Allowlist, String> {
    let all = match raw.condition.to_ascii_uppercase().as_str() {
        "" | "OR" | "||" => false,
        "AND" | "&&" => true,
        other => return Err(format!("allowlist: unknown condition `{other}`")),
    };
    let target = match raw.regex_target.to_ascii_lowercase().as_str() {
        "" | "secret" => Target::Secret,
        "match" => Target::Match,
        "line" => Target::Line,
        other => return Err(format!("allowlist: unknown regexTarget `{other}`")),
    };
    let regexes =
        |list: &[String]| list.iter().map(|r| regex(r)).collect::<Result<Vec<_>, String>>();
    Ok(Allowlist {
        all,
        target,
        paths: regexes(&raw.paths)?,
        regexes: regexes(&raw.regexes)?,
        stopwords: raw.stopwords.iter().map(|w| w.to_ascii_lowercase()).collect(),
    })
}

/// As careen writes ids: `My_Rule.1` is `my-rule-1`.
fn identifier(id: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    };
    id.chars().map(plain).collect()
}

#[cfg(test)]
mod tests;
