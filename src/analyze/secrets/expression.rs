//! A pattern's regex, compiled when its keyword is first met.
//!
//! Most patterns meet none of theirs in a whole image; compiling all of them would take longer than
//! looking at a small one.

use regex::bytes::{Captures, Match, Regex, RegexBuilder};
use std::sync::OnceLock;

/// Which part of a match is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// The one named `secret`; without one, the whole match.
    Named,
    /// The first one that takes part; without one, the whole match.
    First,
    Number(usize),
}

#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    group: Group,
    /// Characters beyond ASCII may be asked for.
    lenient: bool,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub regex: Regex,
    /// `None`: the first group that takes part.
    group: Option<usize>,
}

impl Compiled {
    pub fn secret<'t>(&self, captures: &Captures<'t>) -> Option<Match<'t>> {
        match self.group {
            Some(group) => captures.get(group),
            None => captures.iter().skip(1).flatten().find(|m| !m.is_empty()).or(captures.get(0)),
        }
        .filter(|m| !m.is_empty())
    }
}

impl Expression {
    pub fn new(source: String) -> Self {
        Self { source, group: Group::Named, lenient: false, compiled: OnceLock::new() }
    }

    /// One that was not written for careen.
    pub fn lenient(source: String, group: Group) -> Self {
        Self { source, group, lenient: true, compiled: OnceLock::new() }
    }

    /// `None` if it does not compile, which [`Self::check`] tells beforehand.
    pub fn get(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| self.compile().ok()).as_ref()
    }

    /// Whether it compiles, and within its bounds.
    pub fn check(&self) -> Result<(), String> {
        match self.get() {
            Some(_) => Ok(()),
            None => self.compile().map(drop),
        }
    }

    fn compile(&self) -> Result<Compiled, String> {
        let regex =
            if self.lenient { compile_lenient(&self.source) } else { compile(&self.source) }?;
        let group = match self.group {
            Group::First => None,
            Group::Named => {
                Some(regex.capture_names().position(|n| n == Some("secret")).unwrap_or(0))
            }
            Group::Number(n) if n < regex.captures_len() => Some(n),
            Group::Number(n) => {
                let there = regex.captures_len() - 1;
                return Err(format!("it has no group {n}, only {there}"));
            }
        };
        Ok(Compiled { regex, group })
    }
}

/// Bytes, not characters: `\w`, `\b` and `\s` are ASCII's; `^` and `$` are of lines.
pub(super) fn compile(source: &str) -> Result<Regex, String> {
    build(source, false)
}

/// The same, and if that is not possible with Unicode's classes.
pub(super) fn compile_lenient(source: &str) -> Result<Regex, String> {
    build(source, false).or_else(|_| build(source, true))
}

fn build(source: &str, unicode: bool) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .unicode(unicode)
        .multi_line(true)
        .size_limit(4 << 20)
        .dfa_size_limit(4 << 20)
        .build()
        .map_err(|e| match e {
            regex::Error::CompiledTooBig(most) => {
                format!("regex: compiled it takes more than {most} bytes; shorten its repetitions")
            }
            e => format!("regex: {e}"),
        })
}
