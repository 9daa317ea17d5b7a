//! How bad it is, in one word: the same in every form of the report.

use super::model::Report;
use crate::rules::Severity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    ActNow,
    CouldBeBetter,
    /// Nothing was found in what was looked at, and something was not.
    Unknown,
    Good,
}

impl Verdict {
    pub fn of(report: &Report) -> Self {
        let partial = report.not_looked_at.iter().any(|n| n.failed);
        match report.findings.iter().map(|f| f.severity).max() {
            Some(Severity::Critical | Severity::High) => Self::ActNow,
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
            Self::Good => "good",
        }
    }
}
