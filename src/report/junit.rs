//! JUnit XML, which nearly every CI system shows: a suite an image, a case a rule.
//!
//! A rule fails where it has findings, but for those that are only worth knowing: they stand in the output
//! of its case. It passes only where all that it looks at was looked at: else it is skipped, and what could
//! not be read is an error of its own. What is accepted or known from the
//! baseline is skipped with the reason. Secrets stand here masked only.

use super::error::FormatError;
use super::made::Made;
use super::model::{AcceptedFinding, FindingReport, Report, Section};
use super::rule_doc::RuleDoc;
use super::shown::{begun, shown};
use super::text::words;
use crate::rules::{self, Category, Severity};
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;

/// Characters of a name, and of a sentence.
const NAME: usize = 255;
const SENTENCE: usize = 1000;

/// Places of one rule that are listed.
const MOST_PLACES: usize = 200;

/// The reports as one document.
pub fn render(reports: &[Report], made: &Made) -> Result<String, FormatError> {
    let mut document = Document::new("careen");
    document.set_timestamp(made.date_time());
    for report in reports {
        document.add_test_suite(suite(report, made));
    }
    Ok(document.to_string()?)
}

fn suite(report: &Report, made: &Made) -> TestSuite {
    let image = &report.image;
    let name = xml(&shown(&format!("{} ({})", image.reference, image.platform), 2 * NAME));
    let mut suite = TestSuite::new(name.as_str());
    suite.set_timestamp(made.date_time());
    let sizes = [
        ("compressed_bytes", report.size.compressed),
        ("content_bytes", report.size.content),
        ("on_disk_bytes", report.size.on_disk),
    ];
    suite.add_property(("image", xml(&shown(&image.reference, NAME)).as_str()));
    suite.add_property(("platform", xml(&shown(&image.platform, NAME)).as_str()));
    if let Some(digest) = &image.digest {
        suite.add_property(("digest", xml(digest).as_str()));
    }
    if report.hidden.below_confidence > 0 {
        let number = report.hidden.below_confidence.to_string();
        suite.add_property(("less_sure_secrets_not_listed", number.as_str()));
    }
    for (key, bytes) in sizes {
        if let Some(bytes) = bytes {
            suite.add_property((key, bytes.to_string().as_str()));
        }
    }
    for mut case in cases(report) {
        case.set_classname(name.as_str());
        suite.add_test_case(case);
    }
    suite
}

fn cases(report: &Report) -> Vec<TestCase> {
    let mut out = Vec::new();
    let open = grouped(&report.findings);
    for rule in rules::all() {
        // A report does not tell which demands its owner makes, so no demand is said to be met.
        if rule.category != Category::Policy && !has_findings(report, rule.id) {
            out.push(TestCase::new(rule.id, without_failure(report, rule.category)));
        }
    }
    for (id, findings) in &open {
        out.push(with_findings(report, id, findings));
    }
    for (id, findings) in grouped(&report.known) {
        let mut status = TestCaseStatus::skipped();
        status
            .set_message("known from the baseline")
            .set_description(listed(&findings, |f| place(f)));
        out.push(TestCase::new(xml(&format!("{id} (known)")), status));
    }
    let mut accepted: BTreeMap<&str, Vec<&AcceptedFinding>> = BTreeMap::new();
    for one in &report.accepted {
        accepted.entry(&one.finding.rule).or_default().push(one);
    }
    for (id, findings) in accepted {
        let mut status = TestCaseStatus::skipped();
        let why = findings[0].reason.as_deref().unwrap_or("accepted without a reason");
        status.set_message(xml(&begun(why, SENTENCE))).set_description(listed(&findings, |a| {
            let until = a.expires.as_deref().map(|e| format!(" until {}", begun(e, NAME)));
            let until = until.unwrap_or_default();
            let by = shown(&a.accepted_by, NAME);
            let why = a.reason.as_deref().map(|r| format!(": {}", begun(r, SENTENCE)));
            format!("{}\n    {by}{until}{}", place(&a.finding), why.unwrap_or_default())
        }));
        out.push(TestCase::new(xml(&format!("{id} (accepted)")), status));
    }
    out.extend(report.not_looked_at.iter().map(|gap| {
        let what = format!("not looked at: {}", gap.what);
        let mut status = match gap.failed {
            true => TestCaseStatus::non_success(NonSuccessKind::Error),
            false => TestCaseStatus::skipped(),
        };
        status.set_message(xml(&begun(&gap.why, SENTENCE)));
        TestCase::new(xml(&shown(&what, NAME)), status)
    }));
    out
}

/// Whether it found anything, accepted and known things too.
fn has_findings(report: &Report, rule: &str) -> bool {
    let accepted = report.accepted.iter().map(|a| &a.finding);
    let mut all = report.findings.iter().chain(&report.known).chain(accepted);
    all.any(|f| rules::rule(&f.rule).is_some_and(|r| r.id == rule))
}

fn grouped(findings: &[FindingReport]) -> BTreeMap<&str, Vec<&FindingReport>> {
    let mut all: BTreeMap<&str, Vec<&FindingReport>> = BTreeMap::new();
    for f in findings {
        all.entry(&f.rule).or_default().push(f);
    }
    all
}

/// Nothing bad was found: a pass only where the rule could look at everything.
fn without_failure(report: &Report, category: Category) -> TestCaseStatus {
    let section = if category == Category::Secret { Section::Secrets } else { Section::Config };
    let mut skipped = TestCaseStatus::skipped();
    if !report.has(section) {
        skipped.set_message("left out as asked");
    } else if report.not_looked_at.iter().any(|gap| gap.failed) {
        skipped.set_message("nothing bad found in what was looked at, but not all could be");
    } else {
        return TestCaseStatus::success();
    }
    skipped
}

/// An image with nothing but infos is good, and fails nobody's pipeline.
fn with_findings(report: &Report, id: &str, findings: &[&FindingReport]) -> TestCase {
    if findings.iter().any(|f| f.severity > Severity::Info) {
        return TestCase::new(xml(id), failed(id, findings));
    }
    let category = findings.first().map_or(Category::Config, |f| f.category);
    let mut case = TestCase::new(xml(id), without_failure(report, category));
    case.set_system_out(listed(findings, |f| place(f)));
    case
}

fn failed(id: &str, findings: &[&FindingReport]) -> TestCaseStatus {
    let worst = findings.iter().max_by_key(|f| f.severity);
    let (category, severity) =
        worst.map_or((Category::Config, "info"), |f| (f.category, words::severity(f.severity)));
    let doc = RuleDoc::of(id, category);
    let title = format!("{}: {}", words::count(findings.len(), "finding"), doc.title);
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(severity).set_message(xml(&begun(&title, SENTENCE))).set_description(format!(
        "{}\n\n{}\n",
        listed(findings, |f| place(f)),
        xml(&doc.text)
    ));
    status
}

fn listed<T>(all: &[T], line: impl Fn(&T) -> String) -> String
where
    T: Copy,
{
    let mut lines: Vec<String> = all.iter().take(MOST_PLACES).map(|f| xml(&line(f))).collect();
    if all.len() > MOST_PLACES {
        lines.push(format!("and {} more", all.len() - MOST_PLACES));
    }
    lines.join("\n")
}

/// `high  /app/.env:3 · layer 2 · deleted later, still downloadable · AKIA****QQ (20 characters)`, and
/// below it what it is and what to do.
fn place(f: &FindingReport) -> String {
    let parts = [
        words::place(f).map(|p| shown(&p, SENTENCE)),
        f.inside.as_deref().map(|i| format!("inside {}", shown(i, NAME))),
        f.layer.map(|n| format!("layer {n}")),
        f.state.map(|s| words::state(s).to_owned()),
        f.masked.as_deref().map(|m| begun(m, NAME)),
    ];
    let facts = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let mut text =
        format!("{}  {facts}\n    {}", words::severity(f.severity), begun(&f.message, SENTENCE));
    let more = [("", &f.advice), ("get it: ", &f.recover), ("from: ", &f.instruction)];
    for (label, what) in more {
        if let Some(what) = what {
            text.push_str(&format!("\n    {label}{}", begun(what, SENTENCE)));
        }
    }
    if !f.also.is_empty() {
        text.push_str(&format!("\n    and {}", words::count(f.also.len(), "more place")));
    }
    text
}

/// Without the characters that no XML document may hold (XML 1.0, 2.2), however they are written.
fn xml(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(
            xml("a\0b\u{1b}\u{ffff}\n<日\u{1f600}"),
            "a\u{fffd}b\u{fffd}\u{fffd}\n<日\u{1f600}"
        );
    }
}
