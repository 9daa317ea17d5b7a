//! What careen ends with.

use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    Usage = 2,
    /// Something could not be looked at.
    NotLookedAt = 3,
}

impl From<Status> for ExitCode {
    fn from(s: Status) -> Self {
        ExitCode::from(s as u8)
    }
}
