//! What a rule is about, for people.

use super::page::{Page, Paper, Tone, span};
use super::table::{self, Fit};
use super::words;
use crate::rules::Severity;

/// A rule as it is explained.
pub struct RuleDoc<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub severity: Severity,
    /// Paragraphs, with an empty line between two.
    pub doc: &'a str,
}

/// All rules, one a line.
pub fn explain_list(rules: &[RuleDoc], paper: Paper) -> String {
    let mut page = Page::new(paper);
    let rows: Vec<Vec<String>> = rules
        .iter()
        .map(|r| vec![words::severity(r.severity).to_owned(), r.id.to_owned(), r.title.to_owned()])
        .collect();
    let head = [("severity", Fit::Word), ("rule", Fit::Word), ("what", Fit::Sentence)];
    table::write(&mut page, 0, &head, &rows);
    page.finish()
}

/// One rule, in full.
pub fn explain(rule: &RuleDoc, paper: Paper) -> String {
    let mut page = Page::new(paper);
    page.line(&[
        span(Tone::Strong, rule.id),
        span(Tone::Plain, "  "),
        span(words::severity_tone(rule.severity), words::severity(rule.severity)),
    ]);
    page.paragraph("", 0, Tone::Plain, rule.title);
    page.blank();
    for line in rule.doc.trim().lines() {
        match line.strip_prefix("## ") {
            Some(head) => page.line(&[span(Tone::Strong, head)]),
            None if line.is_empty() => page.blank(),
            None => page.paragraph("", 0, Tone::Plain, line),
        }
    }
    page.finish()
}
