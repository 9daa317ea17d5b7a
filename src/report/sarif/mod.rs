//! SARIF 2.1.0 (OASIS), as GitHub's code scanning and other viewers read it: one run an image.
//!
//! It is made to be uploaded, so a secret stands in it masked only, also where the report carries it in
//! clear.

mod message;
mod place;
mod result;
mod rules;

use super::error::FormatError;
use super::json;
use super::made::Made;
use super::model::Report;
use super::purl::{Repository, repository};
use super::shown::{begun, shown};
use result::{NAME, Standing};
use rules::Rules;
use serde_json::{Value, json};
use serde_sarif::sarif::{
    Invocation, Message, Notification, PropertyBag, Run, RunAutomationDetails, Sarif, Tool,
    ToolComponent,
};
use std::collections::HashSet;

/// Results of one run that GitHub takes in; it shows the 5,000 worst of them.
const MOST_RESULTS: usize = 25_000;

/// Runs of one log that GitHub takes in; it refuses a longer one.
const MOST_RUNS: usize = 20;

/// The reports as one log.
pub fn render(reports: &[Report], made: &Made) -> Result<String, FormatError> {
    let runs: Vec<_> = reports
        .iter()
        .zip(categories(reports))
        .map(|(report, category)| run(report, made, category, reports.len()))
        .collect();
    let log = Sarif::builder()
        .schema("https://json.schemastore.org/sarif-2.1.0.json")
        .version(json!("2.1.0"))
        .runs(runs)
        .build();
    Ok(json::pretty(&log)?)
}

/// `of`: the runs of the whole log.
fn run(report: &Report, made: &Made, category: String, of: usize) -> Run {
    let news = (!report.known.is_empty()).then_some("new");
    let mut rules = Rules::new(report);
    let open = report.findings.iter().map(|f| (f, Standing::Open { news }));
    let known = report.known.iter().map(|f| (f, Standing::Known));
    let accepted = report.accepted.iter().map(|a| (&a.finding, Standing::Accepted(a)));
    let all: Vec<_> = open.chain(known).chain(accepted).collect();
    let kept = &all[..all.len().min(MOST_RESULTS)];
    let results: Vec<_> =
        kept.iter().map(|(f, s)| result::result(report, f, s, &mut rules)).collect();
    let mut driver = ToolComponent::builder()
        .name("careen")
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules.finish())
        .build();
    driver.information_uri =
        Some(env!("CARGO_PKG_REPOSITORY").to_owned()).filter(|uri| !uri.is_empty());
    Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .automation_details(RunAutomationDetails::builder().id(category).build())
        .invocations(vec![invocation(report, made, all.len() - kept.len(), of)])
        .column_kind(json!("utf16CodeUnits"))
        .results(results)
        .properties(about(report))
        .build()
}

/// A category for each report, each another. Of several images of one repository each has its tag in
/// it, the first too: which is which must not hang on the order of the arguments.
fn categories(reports: &[Report]) -> Vec<String> {
    let firsts: Vec<String> = reports.iter().map(category).collect();
    let mut taken = HashSet::new();
    let mut all = Vec::with_capacity(reports.len());
    for (report, first) in reports.iter().zip(&firsts) {
        let mut base = first.clone();
        if firsts.iter().filter(|f| *f == first).count() > 1 {
            let Repository { tag, .. } = repository(&report.image.reference);
            let name = tag.or(report.image.digest.as_deref()).unwrap_or("untagged");
            base = format!("{first}tag-{}/", shown(name, NAME));
        }
        let mut category = base.clone();
        let mut number = 2;
        while !taken.insert(category.clone()) {
            category = format!("{base}{number}/");
            number += 1;
        }
        all.push(category);
    }
    all
}

/// What stays the same from one build of an image to the next, so that a viewer can tell which findings
/// are gone: neither tag nor digest. A report without some kinds of findings has a category of its own: in
/// that of the whole one, all that it leaves out would be gone.
fn category(report: &Report) -> String {
    let Repository { path, name, .. } = repository(&report.image.reference);
    let image = shown(path.unwrap_or(name), NAME);
    let platform = shown(&report.image.platform, NAME);
    let parts = match report.is_judged() {
        true => String::new(),
        false => format!("only-{}/", report.parts().replace(", ", "-")),
    };
    format!("careen/{image}/{platform}/{parts}")
}

/// How the run went. What was not looked at is said here. An image of which a part could not be read has
/// not been looked at successfully, nor one of which no findings were asked for: no results would look
/// clean.
fn invocation(report: &Report, made: &Made, left_out: usize, runs: usize) -> Invocation {
    let mut told: Vec<Notification> = Vec::new();
    for gap in &report.not_looked_at {
        let text = format!("not looked at: {}: {}", gap.what, gap.why);
        told.push(notification(if gap.failed { "error" } else { "note" }, &text));
    }
    if !report.only.is_empty() {
        let text = format!("only {}: all else was left out as asked", report.parts());
        told.push(notification(if report.is_judged() { "note" } else { "warning" }, &text));
    }
    if report.hidden.below_confidence > 0 {
        let text = format!("{} less sure secrets are not listed", report.hidden.below_confidence);
        told.push(notification("note", &text));
    }
    for expired in &report.expired {
        let text = format!("{} has expired: its findings count again", expired.accepted_by);
        told.push(notification("warning", &text));
    }
    if left_out > 0 {
        let text = format!("{left_out} findings are left out: a run may have {MOST_RESULTS}");
        told.push(notification("warning", &text));
    }
    if runs > MOST_RUNS {
        let text = format!("{runs} runs are in this file: GitHub takes {MOST_RUNS} of an upload");
        told.push(notification("warning", &text));
    }
    let failed = report.not_looked_at.iter().any(|n| n.failed);
    Invocation::builder()
        .execution_successful(!failed && report.unjudged().len() < 2)
        .end_time_utc(made.utc())
        .tool_execution_notifications(told)
        .build()
}

fn notification(level: &str, text: &str) -> Notification {
    let text = message::literal(&begun(text, result::SENTENCE));
    Notification::builder()
        .level(json!(level))
        .message(Message::builder().text(text).build())
        .build()
}

/// The image itself.
fn about(report: &Report) -> PropertyBag {
    let (image, size) = (&report.image, &report.size);
    bag([
        ("image", json!(shown(&image.reference, NAME))),
        ("digest", json!(image.digest)),
        ("platform", json!(shown(&image.platform, NAME))),
        ("compressedBytes", json!(size.compressed)),
        ("contentBytes", json!(size.content)),
        ("onDiskBytes", json!(size.on_disk)),
        ("wasteBytes", json!(report.waste.bytes)),
    ])
}

/// Properties with a value.
fn bag<const N: usize>(pairs: [(&str, Value); N]) -> PropertyBag {
    let pairs = pairs.into_iter().filter(|(_, v)| !v.is_null());
    let all = pairs.map(|(k, v)| (k.to_owned(), v));
    PropertyBag::builder()
        .additional_properties(all.collect::<std::collections::BTreeMap<_, _>>())
        .build()
}
