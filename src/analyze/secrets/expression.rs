//! A pattern's regex, compiled when its keyword is first met.
//!
//! Most patterns meet none of theirs in a whole image; compiling all of them would take longer than
//! looking at a small one.

use regex::bytes::{Regex, RegexBuilder};
use std::sync::OnceLock;

#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub regex: Regex,
    /// Number of the capture group that holds the secret.
    pub group: usize,
}

impl Expression {
    pub fn new(source: String) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// `None` if it does not compile, which [`Self::check`] tells beforehand.
    pub fn get(&self) -> Option<&Compiled> {
        self.compiled
            .get_or_init(|| {
                let regex = compile(&self.source).ok()?;
                let group = regex.capture_names().position(|n| n == Some("secret")).unwrap_or(0);
                Some(Compiled { regex, group })
            })
            .as_ref()
    }

    /// Whether it compiles, and within its bounds.
    pub fn check(&self) -> Result<(), String> {
        match self.get() {
            Some(_) => Ok(()),
            None => compile(&self.source).map(drop),
        }
    }
}

/// Bytes, not characters: `\w`, `\b` and `\s` are ASCII's; `^` and `$` are of lines.
pub(super) fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .unicode(false)
        .multi_line(true)
        .size_limit(4 << 20)
        .dfa_size_limit(4 << 20)
        .build()
        .map_err(|e| format!("regex: {e}"))
}
