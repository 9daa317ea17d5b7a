//! Accepted findings: what the owner of an image has looked at and lives with.
//!
//! Entries come from [`super::config`] and [`ignore_file`]; this is what they mean. Knows no file and no
//! clock: today's date is handed in.

pub mod ignore_file;

use super::Finding;
use super::name::NameGlob;
use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// One entry; a finding is accepted if all that the entry asks for is so.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Where the entry stands: `careen.toml:4`.
    pub place: String,
    pub rule: Option<NameGlob>,
    pub path: Option<PathGlob>,
    pub fingerprint: Option<String>,
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub expires: Option<Date>,
}

impl Allow {
    pub(super) fn new(place: String) -> Self {
        Self { place, rule: None, path: None, fingerprint: None, reason: None, expires: None }
    }

    fn fits(&self, finding: &Finding) -> bool {
        self.rule.as_ref().is_none_or(|r| r.matches(&finding.rule))
            && self.fingerprint.as_ref().is_none_or(|f| *f == finding.fingerprint)
            && self.path.as_ref().is_none_or(|p| p.holds(finding))
    }

    /// The entry in its own words.
    pub fn words(&self) -> String {
        let parts = [
            self.rule.as_ref().map(|r| format!("rule `{}`", r.text())),
            self.path.as_ref().map(|p| format!("path `{}`", p.text)),
            self.fingerprint.as_ref().map(|f| format!("fingerprint `{f}`")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A glob for paths of the image: without a `/` for the name, wherever it stands; with one for the
/// whole path, with or without the `/` at its start; with one at the end for all below.
#[derive(Clone, Debug)]
pub struct PathGlob {
    text: String,
    matcher: GlobMatcher,
}

impl PathGlob {
    pub fn new(text: &str) -> Result<Self, globset::Error> {
        let mut pattern = match text.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if text.contains('/') => text.to_owned(),
            None => format!("**/{text}"),
        };
        if pattern.ends_with('/') {
            pattern.push_str("**");
        }
        let matcher = GlobBuilder::new(&pattern).literal_separator(true).build()?.compile_matcher();
        Ok(Self { text: text.to_owned(), matcher })
    }

    /// Whether every place of the finding is here: a key that is accepted among the tests is not
    /// accepted where it lies a second time, nor in the environment.
    fn holds(&self, finding: &Finding) -> bool {
        std::iter::once(finding)
            .chain(&finding.also)
            .all(|f| f.path.as_ref().is_some_and(|p| self.matcher.is_match(p.to_text())))
    }
}

/// A fingerprint as careen writes it: 16 hexadecimal digits.
pub(super) fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// All entries, on one day.
#[derive(Clone, Debug, Default)]
pub struct Allows {
    entries: Vec<Allow>,
    today: Date,
}

impl Allows {
    pub fn new(entries: Vec<Allow>, today: Date) -> Self {
        Self { entries, today }
    }

    pub fn entries(&self) -> &[Allow] {
        &self.entries
    }

    fn holds_today(&self, entry: &Allow) -> bool {
        entry.expires.is_none_or(|last| self.today <= last)
    }

    /// The first entry that accepts the finding.
    pub fn accepts(&self, finding: &Finding) -> Option<&Allow> {
        self.entries.iter().find(|e| self.holds_today(e) && e.fits(finding))
    }

    /// The first entry that accepted the finding until it expired.
    pub fn accepted_once(&self, finding: &Finding) -> Option<&Allow> {
        self.entries.iter().find(|e| !self.holds_today(e) && e.fits(finding))
    }

    /// The numbers of the entries that fit a finding at all, expired or not.
    pub fn used_by(&self, findings: &[Finding]) -> BTreeSet<usize> {
        let used = |e: &Allow| findings.iter().any(|f| e.fits(f));
        self.entries.iter().enumerate().filter(|(_, e)| used(e)).map(|(i, _)| i).collect()
    }
}

#[cfg(test)]
mod tests;
