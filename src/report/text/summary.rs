//! The first screen: how bad, where, what to do. 25 lines of 80 columns.

use super::page::{Page, Span, Tone, clean, span};
use super::width::{columns, cut, squeeze};
use super::words;
use crate::report::model::{AdviceReport, EstimateReport, FindingReport, Report, Sizes, Waste};
use crate::report::verdict::Verdict;

/// Lines of a small terminal, less the one for the prompt.
const SCREEN: usize = 25;

/// Columns of the labels at the left.
const LABEL: usize = 10;

pub(super) fn write(page: &mut Page, report: &Report) {
    identity(page, report);
    page.blank();
    partial(page, report);
    verdict(page, report);
    sizes(page, report);
    runs(page, report);
    let advice: Vec<&AdviceReport> = report.advice.iter().filter(|a| a.possible).take(3).collect();
    let below = if advice.is_empty() { 0 } else { advice.len() + 2 };
    worst(page, report, below);
    if !advice.is_empty() {
        page.heading("Do first", "");
        for (i, a) in advice.into_iter().enumerate() {
            first_step(page, i + 1, a, &report.size);
        }
    }
}

/// What it is and what it weighs.
pub(super) fn image(page: &mut Page, report: &Report) {
    identity(page, report);
    page.blank();
    partial(page, report);
    sizes(page, report);
    runs(page, report);
}

/// All that there is of an image that could not be looked at.
pub(super) fn unreadable(page: &mut Page, report: &Report) {
    page.line(&[span(Tone::Strong, squeeze(&clean(&report.image.reference), page.width()))]);
    page.blank();
    for gap in &report.not_looked_at {
        let what = format!("could not be looked at: {}", gap.why);
        page.paragraph("Verdict   ", 10, Tone::Bad, &what);
    }
}

fn identity(page: &mut Page, report: &Report) {
    let image = &report.image;
    let platform = cut(&clean(&image.platform), page.width() / 3);
    let room = page.width().saturating_sub(columns(&platform) + 3);
    page.line(&[
        span(Tone::Strong, squeeze(&clean(&image.reference), room)),
        span(Tone::Plain, " · "),
        span(Tone::Plain, platform),
    ]);
    let mut facts: Vec<String> = Vec::new();
    facts.extend(image.os_release.as_deref().map(|os| cut(&clean(os), page.width() / 2)));
    facts.extend(image.digest.as_deref().map(short_digest));
    facts.extend(image.created.as_deref().map(|c| {
        // RFC 3339: the day is enough here.
        format!("created {}", c.split('T').next().unwrap_or(c))
    }));
    page.line(&[span(Tone::Quiet, facts.join(" · "))]);
}

/// Enough of a digest to recognise it by.
fn short_digest(d: &str) -> String {
    match d.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", cut(hex, 13)),
        None => cut(d, 20),
    }
}

fn partial(page: &mut Page, report: &Report) {
    let failed: Vec<_> = report.not_looked_at.iter().filter(|n| n.failed).collect();
    let Some(first) = failed.first() else { return };
    page.line(&[
        span(Tone::Bad, "PARTIAL"),
        span(
            Tone::Bad,
            format!(
                ": {} could not be looked at; all below is without it",
                match failed.len() {
                    1 => "something".to_owned(),
                    n => format!("{n} things"),
                }
            ),
        ),
    ]);
    let more = match failed.len() {
        1 => String::new(),
        n => format!(" (and {} more, see the end)", n - 1),
    };
    let room = page.width().saturating_sub(LABEL + columns(&more));
    page.plain(format!(
        "{:LABEL$}{}{more}",
        "",
        cut(&clean(&format!("{}: {}", first.what, first.why)), room)
    ));
}

fn labelled(page: &mut Page, label: &str, mut spans: Vec<Span>) {
    spans.insert(0, span(Tone::Plain, format!("{label:<LABEL$}")));
    page.line(&spans);
}

fn verdict(page: &mut Page, report: &Report) {
    let (word, what) = words::verdict(report);
    let tone = match word {
        Verdict::ActNow => Tone::Bad,
        Verdict::CouldBeBetter | Verdict::Unknown | Verdict::NotJudged => Tone::Warning,
        Verdict::Good => Tone::Good,
    };
    labelled(
        page,
        "Verdict",
        vec![span(tone, word.word()), span(Tone::Plain, format!(": {what}"))],
    );
    if !report.only.is_empty() {
        let what = format!("only {}: all else was left out as asked", report.parts());
        labelled(page, "", vec![span(Tone::Warning, what)]);
    }
}

fn sizes(page: &mut Page, report: &Report) {
    let size = |n| format!("{:>8}", words::maybe_bytes(n));
    let rows = [
        ("Size", report.size.compressed, "compressed", "what is pulled and stored in a registry"),
        ("", report.size.content, "content", "the files of all layers, hidden ones too"),
        ("", report.size.on_disk, "on disk", "what a container shows"),
    ];
    for (label, n, name, meaning) in rows {
        labelled(
            page,
            label,
            vec![
                span(Tone::Strong, size(n)),
                span(Tone::Plain, format!(" {name:<12}")),
                span(Tone::Quiet, meaning),
            ],
        );
    }
    base(page, report);
    unreached(page, report);
    waste(page, &report.waste);
}

/// The sum of what is not needed, what it rests on, and what most of it is.
fn unreached(page: &mut Page, report: &Report) {
    let Some(unreached) = report.unreached.as_ref().filter(|u| u.bytes > 0) else { return };
    let sure = format!("the start does not lead to it; {} surely", words::bytes(unreached.sure));
    labelled(
        page,
        "Unneeded",
        vec![
            span(Tone::Strong, format!("{:>8}", words::bytes(unreached.bytes))),
            span(Tone::Plain, format!(" {:<12}", "on disk")),
            span(Tone::Quiet, sure),
        ],
    );
    let most = unreached.kinds.iter().take(3);
    let most: Vec<String> = most.map(|k| format!("{} {}", words::bytes(k.bytes), k.what)).collect();
    let room = page.width().saturating_sub(LABEL + 1);
    labelled(page, "", vec![span(Tone::Quiet, format!(" {}", cut(&most.join(", "), room)))]);
}

fn waste(page: &mut Page, waste: &Waste) {
    let (size, meaning) = match waste.bytes.zip(waste.efficiency) {
        Some((n, ratio)) => {
            (words::bytes(n), format!("hidden by later layers; efficiency {}", percent(ratio)))
        }
        None if waste.at_least > 0 => {
            ("unknown".to_owned(), format!("{} hidden by later layers", words::hidden(waste)))
        }
        None => ("unknown".to_owned(), "not all layers were looked at".to_owned()),
    };
    labelled(
        page,
        "Waste",
        vec![
            span(Tone::Strong, format!("{size:>8}")),
            span(Tone::Plain, format!(" {:<12}", "of content")),
            span(Tone::Quiet, meaning),
        ],
    );
}

/// Rounded down, so that 100 % means no waste at all.
fn percent(ratio: f64) -> String {
    let tenths = (ratio.clamp(0.0, 1.0) * 1000.0).floor() / 10.0;
    format!("{tenths} %")
}

/// How much of it came with the base.
fn base(page: &mut Page, report: &Report) {
    let Some(base) = report.base.as_ref().filter(|b| b.size.compressed.is_some()) else { return };
    let name = base.name.as_deref().map_or("the base image".to_owned(), clean);
    let how = match base.how.as_str() {
        "layers" => "known by its layers",
        "annotation" => "as the image says",
        _ => "a guess from the history",
    };
    let room = page.width().saturating_sub(LABEL + 22 + columns(how) + 5);
    labelled(
        page,
        "Base",
        vec![
            span(Tone::Strong, format!("{:>8}", words::maybe_bytes(base.size.compressed))),
            span(Tone::Plain, format!(" {:<12}", "compressed")),
            span(Tone::Quiet, format!("are {}; {how}", squeeze(&name, room))),
        ],
    );
}

fn runs(page: &mut Page, report: &Report) {
    let image = &report.image;
    let user = image.user.split(':').next().unwrap_or_default();
    let (tone, who) = match user {
        "" => (Tone::Warning, "root (no USER set)".to_owned()),
        "root" | "0" => (Tone::Warning, "root".to_owned()),
        _ => (Tone::Plain, squeeze(&clean(&image.user), page.width() / 3)),
    };
    let health = match image.healthcheck.as_deref() {
        None | Some([]) => "no health check",
        Some([none, ..]) if none == "NONE" => "health check off",
        Some(_) => "health check set",
    };
    let command = if image.command.is_empty() {
        "starts nothing by itself".to_owned()
    } else {
        format!("starts {}", image.command.join(" "))
    };
    labelled(
        page,
        "Runs as",
        vec![span(tone, who), span(Tone::Plain, format!(" · {health} · {command}"))],
    );
}

/// The worst findings: at least two, at most five, as many as the screen holds above `below` lines.
fn worst(page: &mut Page, report: &Report, below: usize) {
    if report.findings.is_empty() {
        return;
    }
    let mut findings: Vec<&FindingReport> = report.findings.iter().collect();
    // Stable: within a severity the report's own order counts.
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    page.heading("Worst findings", "");
    for (i, f) in findings.iter().take(5).enumerate() {
        let left = SCREEN.saturating_sub(page.lines() + below);
        if i >= 2 && left < lines_of(f) {
            break;
        }
        finding(page, f);
    }
}

fn lines_of(f: &FindingReport) -> usize {
    1 + usize::from(where_is(f).is_some())
}

fn where_is(f: &FindingReport) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(f.layer.map(|n| format!("layer {n}")));
    if f.path.is_some() || f.masked.is_some() {
        parts.extend(f.state.map(|s| words::state(s).to_owned()));
    }
    (f.path.is_some() || f.masked.is_some()).then(|| parts.join(" · "))
}

fn finding(page: &mut Page, f: &FindingReport) {
    const WORD: usize = 10;
    let what = match &f.masked {
        Some(masked) => format!("{}  {masked}", f.rule),
        None => f.message.clone(),
    };
    page.line(&[
        span(Tone::Plain, "  "),
        span(words::severity_tone(f.severity), format!("{:<WORD$}", words::severity(f.severity))),
        span(Tone::Plain, what),
    ]);
    if let Some(rest) = where_is(f) {
        let indent = " ".repeat(WORD + 2);
        let place = words::place(f).map(|p| clean(&p)).unwrap_or_default();
        let gap = if place.is_empty() { "" } else { " · " };
        let room = page.width().saturating_sub(indent.len() + columns(gap) + columns(&rest));
        page.line(&[
            span(Tone::Plain, indent),
            span(Tone::Plain, squeeze(&place, room)),
            span(Tone::Quiet, format!("{gap}{rest}")),
        ]);
    }
}

fn first_step(page: &mut Page, number: usize, advice: &AdviceReport, now: &Sizes) {
    // Advice that makes nothing smaller says what to do over the whole line.
    let gain = gain(&advice.estimate, now).unwrap_or_default();
    let gap = if gain.is_empty() { 0 } else { 2 };
    let room = page.width().saturating_sub(5 + columns(&gain) + gap);
    let title = cut(&clean(&advice.title), room);
    let gap = room.saturating_sub(columns(&title)) + gap;
    page.line(&[
        span(Tone::Plain, format!("  {number}. ")),
        span(Tone::Plain, title),
        span(Tone::Plain, " ".repeat(gap)),
        span(Tone::Good, gain),
    ]);
}

/// `on disk 1.24 GB → 180 MB`.
fn gain(estimate: &EstimateReport, now: &Sizes) -> Option<String> {
    let (word, before, after) = match (estimate.on_disk, estimate.compressed) {
        (Some(i), _) => ("on disk", now.on_disk, i.likely),
        (None, Some(i)) => ("compressed", now.compressed, i.likely),
        (None, None) => return None,
    };
    if before == Some(after) {
        return None;
    }
    Some(format!("{word} {} → {}", words::maybe_bytes(before), words::bytes(after)))
}
