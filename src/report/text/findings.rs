//! The findings, the worst first, those of one rule together.

use super::Detail;
use super::page::{Page, Tone, clean, span};
use super::width::{columns, squeeze};
use super::words;
use crate::report::model::{AcceptedFinding, FindingReport, Report};
use std::collections::BTreeMap;

/// Rules, and places of one rule, that a compact report shows.
const FEW_RULES: usize = 12;
const FEW_PLACES: usize = 3;

/// Columns of the severity.
const WORD: usize = 10;

pub(super) fn write(page: &mut Page, report: &Report, detail: Detail) {
    if report.findings.is_empty() {
        unlisted(page, report, detail);
        return;
    }
    let (samples, own): (Vec<&FindingReport>, Vec<&FindingReport>) =
        report.findings.iter().partition(|f| detail == Detail::Compact && words::is_of_package(f));
    let groups = group(&own);
    page.heading(
        "Findings",
        &format!("{}, {}", words::count(own.len(), "place"), words::count(groups.len(), "rule")),
    );
    let shown = detail.limit(FEW_RULES, groups.len());
    for g in &groups[..shown] {
        rule(page, g, detail);
    }
    page.more(2, shown, groups.len());
    of_packages(page, &samples);
    unlisted(page, report, detail);
}

/// What everyone who installs the packages has: one line.
fn of_packages(page: &mut Page, samples: &[&FindingReport]) {
    if samples.is_empty() {
        return;
    }
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for f in samples {
        *count.entry(f.package.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut packages: Vec<(&str, usize)> = count.into_iter().collect();
    packages.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let named: Vec<String> =
        packages.iter().take(FEW_PLACES).map(|(name, n)| format!("{} {n}", clean(name))).collect();
    let more = match packages.len().saturating_sub(FEW_PLACES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let text = format!(
        "{} that packages ship to everyone: {}{more}; -v lists them",
        words::count(samples.len(), "secret"),
        named.join(", ")
    );
    page.paragraph("", 2, Tone::Quiet, &text);
}

/// What is counted and not listed, and what is listed though it once was accepted.
fn unlisted(page: &mut Page, report: &Report, detail: Detail) {
    let n = report.hidden.below_confidence;
    if n > 0 {
        let what = words::count(n, "less sure secret");
        page.paragraph("", 2, Tone::Quiet, &format!("{what} not listed: --confidence possible"));
    }
    if let Some(counts) = words::set_aside(&report.hidden) {
        let fate = match detail {
            Detail::Compact => "not listed",
            Detail::Full => "do not count",
        };
        page.paragraph("", 2, Tone::Quiet, &format!("{counts} {fate}"));
    }
    if detail == Detail::Full {
        for a in &report.accepted {
            accepted(page, a);
        }
    }
    for e in &report.expired {
        let again = match e.findings {
            1 => "its finding counts again".to_owned(),
            n => format!("its {n} findings count again"),
        };
        let mut text = format!("the acceptance at {} has expired", e.accepted_by);
        text.extend(e.expires.iter().map(|day| format!(" on {day}")));
        text.push_str(&format!(", {again}"));
        text.extend(e.reason.iter().map(|why| format!(": {why}")));
        page.paragraph("", 2, Tone::Warning, &text);
    }
}

fn accepted(page: &mut Page, a: &AcceptedFinding) {
    let f = &a.finding;
    let place = words::place(f).map(|p| format!(" · {p}")).unwrap_or_default();
    page.paragraph("", 4, Tone::Quiet, &format!("accepted: {}{place}", f.rule));
    let mut why: Vec<String> = a.reason.iter().cloned().collect();
    why.extend(a.expires.iter().map(|day| format!("until {day}")));
    why.push(a.accepted_by.clone());
    page.paragraph("", 6, Tone::Quiet, &why.join(" · "));
}

/// Findings of the same rule and severity, in the order of their first.
fn group<'r>(findings: &[&'r FindingReport]) -> Vec<Vec<&'r FindingReport>> {
    let mut sorted: Vec<&FindingReport> = findings.to_vec();
    sorted.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let mut groups: Vec<Vec<&FindingReport>> = Vec::new();
    let mut place = std::collections::HashMap::new();
    for f in sorted {
        let at = *place.entry((f.severity, f.rule.as_str())).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(f);
    }
    groups
}

fn rule(page: &mut Page, group: &[&FindingReport], detail: Detail) {
    let Some(first) = group.first() else { return };
    let times = match group.len() {
        1 => String::new(),
        n => format!("  {n} times"),
    };
    page.line(&[
        span(Tone::Plain, "  "),
        span(
            words::severity_tone(first.severity),
            format!("{:<WORD$}", words::severity(first.severity)),
        ),
        span(Tone::Strong, first.rule.clone()),
        span(Tone::Quiet, times),
    ]);
    let same = |pick: fn(&FindingReport) -> &str| group.iter().all(|f| pick(f) == pick(first));
    let one_message = same(|f| &f.message);
    if one_message {
        page.paragraph("", WORD + 2, Tone::Plain, &first.message);
    }
    let shown = detail.limit(FEW_PLACES, group.len());
    for f in &group[..shown] {
        if !one_message {
            page.paragraph("", WORD + 2, Tone::Plain, &f.message);
        }
        place(page, f, detail);
    }
    page.more(WORD + 2, shown, group.len());
    if let Some(advice) = &first.advice
        && same(|f| f.advice.as_deref().unwrap_or_default())
    {
        page.paragraph(&format!("{:w$}→", "", w = WORD + 2), WORD + 4, Tone::Plain, advice);
    }
}

fn place(page: &mut Page, f: &FindingReport, detail: Detail) {
    const INDENT: usize = WORD + 2;
    let mut facts = Vec::new();
    facts.extend(f.layer.map(|n| format!("layer {n}")));
    if f.path.is_some() || f.masked.is_some() {
        facts.extend(f.state.map(|s| words::state(s).to_owned()));
    }
    let facts = facts.join(" · ");
    if let Some(path) = words::place(f) {
        let room = page.width().saturating_sub(INDENT + columns(&facts) + 3);
        line(page, &format!("{} · {facts}", squeeze(&clean(&path), room.max(10))));
    } else if !facts.is_empty() {
        line(page, &facts);
    }
    if let Some(inside) = &f.inside {
        line(
            page,
            &format!("inside {}", squeeze(&clean(inside), page.width().saturating_sub(INDENT + 7))),
        );
    }
    if let Some(masked) = &f.masked {
        line(page, masked);
    }
    if !f.also.is_empty() {
        also(page, f, detail);
    }
    // In clear because the user asked for it; never without.
    if let Some(plain) = &f.plain {
        page.paragraph("", INDENT, Tone::Bad, &format!("in clear: {plain}"));
    }
    if let (Some(recover), Some(_)) = (&f.recover, &f.masked) {
        labelled(page, "get it:", recover);
    }
    if detail == Detail::Full {
        if let Some(instruction) = &f.instruction {
            labelled(page, "from:", instruction);
        }
        if let Some(digest) = &f.layer_digest {
            labelled(page, "layer:", digest);
        }
        labelled(page, "finding:", &f.fingerprint);
    }
}

/// The other places of the same secret.
fn also(page: &mut Page, f: &FindingReport, detail: Detail) {
    line(page, &format!("+ {}", words::count(f.also.len(), "more place")));
    let shown = detail.limit(FEW_PLACES, f.also.len());
    for other in &f.also[..shown] {
        let mut facts: Vec<String> = Vec::new();
        facts.extend(other.layer.map(|n| format!("layer {n}")));
        facts.push(words::state(other.state).to_owned());
        let facts = facts.join(" · ");
        let place = [&other.path, &other.inside].into_iter().flatten().map(|p| clean(p));
        let place = place.collect::<Vec<_>>().join("!/");
        let room = page.width().saturating_sub(WORD + 7 + columns(&facts));
        let gap = if place.is_empty() { "" } else { " · " };
        line(page, &format!("  {}{gap}{facts}", squeeze(&place, room.max(10))));
    }
    page.more(WORD + 4, shown, f.also.len());
}

fn line(page: &mut Page, text: &str) {
    page.line(&[span(Tone::Plain, " ".repeat(WORD + 2)), span(Tone::Plain, text)]);
}

fn labelled(page: &mut Page, label: &str, text: &str) {
    page.paragraph(&format!("{:w$}{label}", "", w = WORD + 2), WORD + 12, Tone::Quiet, text);
}
