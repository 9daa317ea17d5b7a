//! `.careenignore`: one entry a line, the reason behind a `#`.
//!
//! An entry is a fingerprint, the id of a rule, `RULE:PATH`, or a path. A path that reads like the id of
//! a rule is written with a `/` at its start.

use super::{Allow, PathGlob, is_fingerprint};
use crate::rules::config::{ConfigError, Position};
use crate::rules::name::NameGlob;

/// Reads the file's text; `file` is its name for messages.
pub fn parse(file: &str, text: &str) -> Result<Vec<Allow>, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (entry, reason) = split(line);
        if entry.is_empty() {
            continue;
        }
        let place = format!("{file}:{}", number + 1);
        let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
        let wrong = |e: globset::Error| ConfigError {
            file: file.to_owned(),
            at: Position { line: number + 1, column },
            message: format!("`{entry}`: {}", e.kind()),
            hint: None,
        };
        out.push(allow(place, entry, reason).map_err(wrong)?);
    }
    Ok(out)
}

/// The entry and the comment behind it. A `#` within a word is part of it.
fn split(line: &str) -> (&str, Option<&str>) {
    let mut before = ' ';
    let start = line.char_indices().find(|&(_, c)| {
        let comment = c == '#' && before.is_whitespace();
        before = c;
        comment
    });
    match start {
        None => (line.trim(), None),
        Some((at, _)) => {
            let reason = line[at..].trim_start_matches('#').trim();
            (line[..at].trim(), Some(reason).filter(|r| !r.is_empty()))
        }
    }
}

fn allow(place: String, entry: &str, reason: Option<&str>) -> Result<Allow, globset::Error> {
    let is_rule = |id: &str| crate::rules::rule(id).is_some();
    let mut out = Allow { reason: reason.map(str::to_owned), ..Allow::new(place) };
    if is_fingerprint(entry) {
        out.fingerprint = Some(entry.to_ascii_lowercase());
    } else if is_rule(entry) && !entry.contains(':') {
        out.rule = Some(NameGlob::of_rules(entry)?);
    } else if let Some((rule, path)) = entry.split_once(':').filter(|(rule, _)| is_rule(rule)) {
        out.rule = Some(NameGlob::of_rules(rule)?);
        out.path = Some(PathGlob::new(path.trim_start())?);
    } else {
        out.path = Some(PathGlob::new(entry)?);
    }
    Ok(out)
}
