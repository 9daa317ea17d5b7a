//! How bad it is, in one word: the same in every form of the report.

use super::model::{Report, Section};
use crate::rules::Severity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    ActNow,
    CouldBeBetter,
    /// Nothing was found in what was looked at, and something was not.
    Unknown,
    /// Findings that would count were left out as asked.
    NotJudged,
    Good,
}

impl Verdict {
    pub fn of(report: &Report) -> Self {
        let partial = report.not_looked_at.iter().any(|n| n.failed);
        match report.findings.iter().map(|f| f.severity).max() {
            // What is left out can make it no better than that.
            Some(Severity::Critical | Severity::High) => Self::ActNow,
            _ if !report.is_judged() => Self::NotJudged,
            Some(Severity::Medium | Severity::Low) => Self::CouldBeBetter,
            _ if partial => Self::Unknown,
            Some(Severity::Info) | None => Self::Good,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::ActNow => "act now",
            Self::CouldBeBetter => "could be better",
            Self::Unknown => "unknown",
            Self::NotJudged => "not judged",
            Self::Good => "good",
        }
    }
}

impl Report {
    /// Whether it has all kinds of findings, so that what it does not list is not there.
    pub fn is_judged(&self) -> bool {
        self.unjudged().is_empty()
    }

    /// The kinds of findings that it was cut down by.
    pub fn unjudged(&self) -> Vec<&'static str> {
        let kinds = [Section::Secrets, Section::Config].into_iter();
        kinds.filter(|s| !self.has(*s)).map(Section::word).collect()
    }
}
