//! The rules of a run: those that it has results of, each with careen's own words about it.

use super::result::level;
use super::{bag, message};
use crate::analyze::Confidence;
use crate::report::model::{FindingReport, Report};
use crate::report::rule_doc::RuleDoc;
use crate::report::text::words;
use crate::rules::{Category, Severity};
use serde_json::{Value, json};
use serde_sarif::sarif::{
    MultiformatMessageString, PropertyBag, ReportingConfiguration, ReportingDescriptor,
};
use std::collections::HashMap;

/// Characters of a text that GitHub shows.
const LONGEST: usize = 1024;

/// What the findings of a rule come to.
struct Findings<'a> {
    of: &'a FindingReport,
    /// The worst among them: a rule of which only harmless cases were found is harmless here.
    severity: Severity,
    confidence: Confidence,
}

/// Rules in the order in which results name them.
pub(super) struct Rules<'a> {
    found: HashMap<&'a str, Findings<'a>>,
    numbers: HashMap<&'a str, i64>,
    out: Vec<ReportingDescriptor>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let accepted = report.accepted.iter().map(|a| &a.finding);
        let mut found: HashMap<&str, Findings> = HashMap::new();
        for f in report.findings.iter().chain(&report.known).chain(accepted) {
            let of_rule = found.entry(&f.rule).or_insert(Findings {
                of: f,
                severity: f.severity,
                confidence: f.confidence,
            });
            of_rule.severity = of_rule.severity.max(f.severity);
            of_rule.confidence = of_rule.confidence.max(f.confidence);
        }
        Self { found, numbers: HashMap::new(), out: Vec::new() }
    }

    /// The number of a finding's rule, which is described from now on.
    pub(super) fn number(&mut self, finding: &'a FindingReport) -> i64 {
        let next = self.out.len() as i64;
        let number = *self.numbers.entry(&finding.rule).or_insert(next);
        if number == next
            && let Some(found) = self.found.get(finding.rule.as_str())
        {
            self.out.push(descriptor(found));
        }
        number
    }

    pub(super) fn finish(self) -> Vec<ReportingDescriptor> {
        self.out
    }
}

fn descriptor(found: &Findings) -> ReportingDescriptor {
    let id = &found.of.rule;
    let doc = RuleDoc::of(id, found.of.category);
    let text = |t: &str| {
        let cut: String = message::literal(t).chars().take(LONGEST).collect();
        MultiformatMessageString::builder().text(cut).build()
    };
    let help = MultiformatMessageString::builder()
        .text(message::literal(&doc.text))
        .markdown(doc.text.clone())
        .build();
    let mut rule = ReportingDescriptor::builder()
        .id(id.clone())
        .name(pascal(id))
        .short_description(text(&doc.title))
        .full_description(text(doc.summary()))
        .help(help)
        .default_configuration(
            ReportingConfiguration::builder()
                .level(json!(level(found.severity).to_string()))
                .build(),
        )
        .properties(properties(found, doc.category))
        .build();
    rule.help_uri = doc.url;
    rule
}

/// What GitHub sorts and filters by.
fn properties(found: &Findings, category: Category) -> PropertyBag {
    let score = security_severity(found.severity);
    let kind = match category {
        Category::Secret => "secret",
        Category::Config => "configuration",
        Category::Integrity => "integrity",
        Category::Policy => "policy",
    };
    let mut tags = vec!["container".to_owned(), kind.to_owned()];
    if score.is_some() {
        tags.push("security".to_owned());
    }
    let precision = match found.confidence {
        Confidence::VerifiedFormat => "very-high",
        Confidence::Likely => "high",
        Confidence::Possible => "low",
    };
    let mut properties = bag([
        ("precision", json!(precision)),
        ("problem.severity", json!(problem(found.severity))),
        ("security-severity", score.map_or(Value::Null, |s| json!(s))),
        ("careen-severity", json!(words::severity(found.severity))),
    ]);
    properties.tags = Some(tags);
    properties
}

/// A number as a string, in GitHub's bands: critical from 9.0, high from 7.0, medium from 4.0, low from
/// 0.1. What is only worth knowing has none.
fn security_severity(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Info => None,
    }
}

fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// `secret/aws-access-key` → `SecretAwsAccessKey`, as 3.49.7 wants names.
fn pascal(id: &str) -> String {
    id.split(|c: char| !c.is_alphanumeric())
        .flat_map(|word| {
            let mut chars = word.chars();
            chars.next().into_iter().flat_map(char::to_uppercase).chain(chars.collect::<Vec<_>>())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_put_together() {
        assert_eq!(pascal("secret/aws-access-key"), "SecretAwsAccessKey");
        assert_eq!(pascal("root-user"), "RootUser");
    }

    #[test]
    fn each_severity_falls_into_its_band() {
        for (severity, from, below) in [
            (Severity::Critical, 9.0, 10.1),
            (Severity::High, 7.0, 9.0),
            (Severity::Medium, 4.0, 7.0),
            (Severity::Low, 0.1, 4.0),
        ] {
            let score: f64 = security_severity(severity).unwrap().parse().unwrap();
            assert!((from..below).contains(&score), "{score}");
        }
        assert_eq!(security_severity(Severity::Info), None);
    }
}
