//! What a gate says: whether the image passes, why not, and what made it grow. Short enough for a log.

use super::page::{Page, Tone, clean, span};
use super::table::{self, Fit};
use super::width::squeeze;
use super::words;
use super::{Detail, Paper, findings, sections};
use crate::report::growth::{self, Growth};
use crate::report::model::{FindingReport, Report};
use crate::rules::Category;
use crate::rules::gate::Gate;

/// Rows of each kind of growth that a compact text has.
const FEW: usize = 5;

/// Columns of the labels at the left.
const LABEL: usize = 10;

pub(super) fn write(page: &mut Page, report: &Report, gate: &Gate, detail: Detail) {
    let failing: Vec<&FindingReport> =
        report.findings.iter().filter(|f| gate.fails(&f.rule, f.category, f.severity)).collect();
    let failed = report.not_looked_at.iter().filter(|n| n.failed).count();
    verdict(page, report, &failing, failed);
    sizes(page, report);
    broken(page, &failing);
    if let Some(growth) = &report.growth {
        grown(page, growth, detail);
    }
    let others = Report { findings: not_policy(&report.findings), ..report.clone() };
    findings::write(page, &others, detail);
    unread(page, report, detail);
}

fn verdict(page: &mut Page, report: &Report, failing: &[&FindingReport], failed: usize) {
    let (tone, word) = match (failing, failed) {
        ([], 0) => (Tone::Good, "PASS"),
        ([], _) => (Tone::Bad, "UNKNOWN"),
        _ => (Tone::Bad, "FAIL"),
    };
    let image = squeeze(&clean(&report.image.reference), page.width().saturating_sub(30));
    page.line(&[
        span(tone, format!("{word:<LABEL$}")),
        span(Tone::Strong, image),
        span(Tone::Plain, format!(" · {}", clean(&report.image.platform))),
    ]);
    if let Some(growth) = &report.growth {
        labelled(page, "against", &clean(&growth.baseline));
    }
    let new = if report.growth.is_some() { "new " } else { "" };
    let mut what = match (failing.len(), report.findings.len()) {
        (_, 0) => format!("no {new}findings"),
        (n, all) => format!("{n} of {all} {new}finding{} fail", if all == 1 { "" } else { "s" }),
    };
    if let Some(aside) = words::set_aside(&report.hidden) {
        what = format!("{what}; {aside}");
    }
    labelled(page, "findings", &what);
    if !report.only.is_empty() {
        let what = format!("{} alone: all else was left out as asked", report.parts());
        page.line(&[span(Tone::Warning, format!("{:<LABEL$}", "only")), span(Tone::Warning, what)]);
    }
    if failed > 0 {
        let n = words::count(failed, "thing");
        page.line(&[
            span(Tone::Bad, format!("{:<LABEL$}", "PARTIAL")),
            span(Tone::Bad, format!("{n} could not be looked at: this is no pass")),
        ]);
    }
}

fn labelled(page: &mut Page, label: &str, text: &str) {
    page.line(&[span(Tone::Quiet, format!("{label:<LABEL$}")), span(Tone::Plain, text)]);
}

fn sizes(page: &mut Page, report: &Report) {
    let before = report.growth.as_ref().map(|g| g.before);
    let rows = [
        ("compressed", report.size.compressed, before.and_then(|b| b.compressed)),
        ("on disk", report.size.on_disk, before.and_then(|b| b.on_disk)),
    ];
    for (word, now, before) in rows {
        let Some(now) = now else { continue };
        let more = match before {
            Some(b) => format!("{} ({} before)", words::difference(b, now), words::bytes(b)),
            None => String::new(),
        };
        page.line(&[
            span(Tone::Quiet, format!("{word:<LABEL$} ")),
            span(Tone::Strong, format!("{:>8}", words::bytes(now))),
            span(Tone::Plain, if more.is_empty() { more } else { format!("  {more}") }),
        ]);
    }
}

/// The owner's demands that are not met.
fn broken(page: &mut Page, failing: &[&FindingReport]) {
    let ours: Vec<_> = failing.iter().filter(|f| f.category == Category::Policy).collect();
    if ours.is_empty() {
        return;
    }
    page.heading("Policy", "");
    for f in ours {
        page.line(&[span(Tone::Bad, "  ✗ "), span(Tone::Strong, f.rule.clone())]);
        page.paragraph("", 4, Tone::Plain, &f.message);
        if let Some(instruction) = &f.instruction {
            page.paragraph("", 4, Tone::Quiet, &words::step(instruction));
        }
    }
}

fn not_policy(findings: &[FindingReport]) -> Vec<FindingReport> {
    findings.iter().filter(|f| f.category != Category::Policy).cloned().collect()
}

/// Which steps, packages and files made it grow.
pub(super) fn grown(page: &mut Page, growth: &Growth, detail: Detail) {
    if growth.steps.is_empty() && growth.packages.is_empty() {
        page.heading("Growth", "the same layers and packages");
        return;
    }
    page.heading("Growth", "by build step, as stored");
    let signed = words::signed;
    let rows: Vec<Vec<String>> = growth
        .steps
        .iter()
        .map(|s| {
            let step = s.instruction.as_deref().map_or_else(|| "–".to_owned(), words::step);
            let mark = match (s.before, s.after) {
                (None, _) => "new",
                (_, None) => "gone",
                _ => "changed",
            };
            vec![signed(s.more()), mark.to_owned(), step]
        })
        .collect();
    let head = [("bytes", Fit::Number), ("step", Fit::Word), ("built by", Fit::Sentence)];
    some(page, &head, rows, detail);
    let rows: Vec<Vec<String>> = growth
        .packages
        .iter()
        .map(|p| {
            let versions =
                |v: &[String]| if v.is_empty() { "–".to_owned() } else { v.join(", ") };
            vec![
                signed(p.more()),
                words::package(p.kind).to_owned(),
                p.name.clone(),
                format!("{} → {}", versions(&p.before), versions(&p.after)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.heading("", "by package, on disk");
        let head = [
            ("bytes", Fit::Number),
            ("kind", Fit::Word),
            ("name", Fit::Path),
            ("version", Fit::Sentence),
        ];
        some(page, &head, rows, detail);
    }
    let rows: Vec<Vec<String>> = growth
        .files
        .iter()
        .map(|f| {
            let mark = match f.new {
                Some(true) => "new",
                Some(false) => "larger",
                None => "",
            };
            vec![signed(f.more()), mark.to_owned(), f.layer.to_string(), words::path(&f.path)]
        })
        .collect();
    if !rows.is_empty() {
        page.heading("", "by file of the changed layers, on disk");
        let head =
            [("bytes", Fit::Number), ("", Fit::Word), ("layer", Fit::Number), ("path", Fit::Path)];
        some(page, &head, rows, detail);
    }
}

fn some(page: &mut Page, head: &[(&str, Fit)], rows: Vec<Vec<String>>, detail: Detail) {
    let shown = detail.limit(FEW, rows.len());
    table::write(page, 2, head, &rows[..shown]);
    page.more(2, shown, rows.len());
}

/// Layers that the baseline has too are one line, not one each.
fn unread(page: &mut Page, report: &Report, detail: Detail) {
    let mut rest = report.clone();
    rest.not_looked_at.retain(|n| n.failed || n.why != growth::HELD);
    let held = report.not_looked_at.len() - rest.not_looked_at.len();
    if held > 0 {
        let bytes = report.growth.as_ref().and_then(|g| g.shared_bytes);
        let size = bytes.map(|b| format!(" ({} compressed)", words::bytes(b))).unwrap_or_default();
        page.blank();
        let what = format!(
            "{}{size} not read: the baseline has the same (--all-layers reads them)",
            words::count(held, "layer")
        );
        page.paragraph("", 0, Tone::Quiet, &what);
    }
    sections::not_looked_at(page, &rest, detail);
}

/// The reports of several platforms, one after the other.
pub fn check_all(reports: &[Report], gate: &Gate, paper: Paper, detail: Detail) -> String {
    let mut page = Page::new(paper);
    for (i, report) in reports.iter().enumerate() {
        if i > 0 {
            page.blank();
        }
        write(&mut page, report, gate, detail);
    }
    page.finish()
}
