//! `careen.toml` as data: what its owner decided for good. Knows no file: the text is handed in.
//!
//! A key that nobody knows is an error, with its place and the nearest key that there is: a decision
//! that silently does not count is worse than none. A new table is a field of [`Config`], a name in
//! `TABLES` and an arm in [`Config::parse`].

mod allow;
mod policy;
mod table;

use super::allow::Allow;
use super::gate::Gate;
use super::policy::Policy;
use table::{File, Table};

/// What stands in the file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[[allow]]`: accepted findings.
    pub allow: Vec<Allow>,
    /// `fail-on`: what makes a run fail.
    pub fail_on: Option<Gate>,
    /// `[budget]`, `[require]`, `[forbid]`.
    pub policy: Policy,
}

const TABLES: [&str; 5] = ["fail-on", "budget", "require", "forbid", "allow"];

impl Config {
    /// Reads the file's text; `file` is its name for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let file = File { name: file, text };
        let document = file.parse()?;
        let root = Table::root(&file, &document);
        root.only(&TABLES)?;
        let allow = root.tables("allow")?.iter().map(allow::read).collect::<Result<_, _>>()?;
        let fail_on = policy::gate(&root)?;
        Ok(Self { allow, fail_on, policy: policy::read(&root)? })
    }
}

/// A place in a file, both from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// What is wrong in a file of decisions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{}:{}: {message}", at.line, at.column)]
pub struct ConfigError {
    pub file: String,
    pub at: Position,
    pub message: String,
    pub hint: Option<String>,
}

#[cfg(test)]
mod tests;
