//! What is wrong with a pattern, beyond what makes a file unreadable: samples, keywords, sources.

use super::pattern::{LONGEST_MATCH, Pattern, Sample};
use super::patterns::Patterns;
use super::text::scan_text;
use crate::analyze::Confidence;
use crate::layer::LayerPath;

/// A keyword of fewer bytes stands everywhere.
const SHORTEST_KEYWORD: usize = 4;

/// What is wrong with one of the patterns, a sentence each, beginning with its id. Rules that were
/// written for another tool have no samples and are not asked for any.
pub fn lint(all: &Patterns, pattern: &Pattern) -> Vec<String> {
    let mut wrong = Vec::new();
    let id = &pattern.id;
    if pattern.as_written {
        return wrong;
    }
    let mut say = |what: String| wrong.push(format!("{id}: {what}"));
    if pattern.should_match.is_empty() {
        say("it has no `should_match`".into());
    }
    if pattern.should_not_match.is_empty() {
        say("it has no `should_not_match`".into());
    }
    if !pattern.doc.starts_with("https://") {
        say("`doc` is no https address".into());
    }
    if pattern.longest > LONGEST_MATCH {
        say(format!("a match may have {} bytes", pattern.longest));
    }
    if pattern.path.is_none() {
        for keyword in pattern.keywords.iter().filter(|k| k.len() < SHORTEST_KEYWORD) {
            say(format!("the keyword `{keyword}` is short: it is met everywhere"));
        }
    }
    for sample in &pattern.should_match {
        if all.alone(id, sample).is_none() {
            say(format!("it should match {}", shown(sample)));
        } else if told(all, sample) == 0 {
            say(format!("nothing is told of {}", shown(sample)));
        }
    }
    for sample in &pattern.should_not_match {
        if all.alone(id, sample).is_some_and(|c| c >= Confidence::Likely) {
            say(format!("it must not match {}", shown(sample)));
        }
    }
    wrong
}

/// How many secrets all patterns together find.
fn told(all: &Patterns, sample: &Sample) -> usize {
    let path = sample.path.as_deref().map(LayerPath::from);
    scan_text(all, sample.text.as_bytes(), path.as_ref(), false).len()
}

fn shown(sample: &Sample) -> String {
    format!("`{}`", sample.text.escape_debug())
}
