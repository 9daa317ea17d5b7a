//! The parts of the Markdown report, in the order in which they are needed.

use super::escape::{fenced, literal, prose};
use super::room::Room;
use crate::report::model::{AdviceReport, FindingReport, Interval, Report, Section};
use crate::report::shown::{begun, shown};
use crate::report::text::words;

/// Characters of a name, a path, and a sentence, in a table.
const NAME: usize = 120;
const PATH: usize = 160;
const SENTENCE: usize = 240;

/// Findings that are told at once, and first steps.
const WORST: usize = 5;
const STEPS: usize = 3;

/// What it is, how it is, what it weighs.
pub(super) fn head(report: &Report) -> String {
    let image = &report.image;
    let (verdict, what) = words::verdict(report);
    let mut out = format!(
        "### {}: {}\n\n{} ({})",
        words::capital(verdict.word()),
        what,
        literal(&shown(&image.reference, NAME)),
        literal(&shown(&image.platform, NAME)),
    );
    if let Some(digest) = &image.digest {
        out.push_str(&format!(" {}", literal(&begun(digest, 20))));
    }
    out.push_str("\n\n");
    if report.is_unreadable() {
        out.push_str(&partial(report));
        return out;
    }
    out.push_str(&format!(
        "**{}** compressed · **{}** on disk · {}\n\n",
        words::maybe_bytes(report.size.compressed),
        words::maybe_bytes(report.size.on_disk),
        match (report.waste.bytes, report.waste.at_least) {
            (None, 0) => "waste unknown".to_owned(),
            _ => format!("{} of content hidden by later layers", words::hidden(&report.waste)),
        },
    ));
    out.push_str(&partial(report));
    let expired: usize = report.expired.iter().map(|e| e.findings).sum();
    let less_sure = report.hidden.below_confidence;
    let counts = [
        words::set_aside(&report.hidden),
        (expired > 0)
            .then(|| format!("acceptances of {} have expired", words::count(expired, "finding"))),
        (less_sure > 0)
            .then(|| format!("{} not listed", words::count(less_sure, "less sure secret"))),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    if !counts.is_empty() {
        out.push_str(&format!("{}.\n\n", words::capital(&counts.join("; "))));
    }
    out
}

/// That the report is not whole, which nobody may have to unfold.
fn partial(report: &Report) -> String {
    let mut out = String::new();
    let failed: Vec<_> = report.not_looked_at.iter().filter(|n| n.failed).collect();
    if let Some(first) = failed.first() {
        let what = begun(&format!("{}: {}", first.what, first.why), SENTENCE);
        let more = match failed.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        out.push_str(&format!(
            "**Partial**: could not look at {}{more}; all here is without it.\n\n",
            literal(&what)
        ));
    }
    if !report.only.is_empty() {
        out.push_str(&format!("**Only {}**: all else was left out as asked.\n\n", report.parts()));
    }
    out
}

fn sorted(report: &Report) -> Vec<&FindingReport> {
    let mut all: Vec<&FindingReport> = report.findings.iter().collect();
    // Stable: within a severity the report's own order counts.
    all.sort_by_key(|f| std::cmp::Reverse(f.severity));
    all
}

const FINDINGS: &str = "| | finding | where |\n|---|---|---|\n";

pub(super) fn worst(room: &mut Room, report: &Report) {
    let all = sorted(report);
    if all.is_empty() {
        return;
    }
    let rows: String = all.iter().take(WORST).map(|f| row(f)).collect();
    room.whole("the worst findings", &format!("{FINDINGS}{rows}\n"));
}

/// One line of the table of findings.
fn row(f: &FindingReport) -> String {
    let what = match &f.masked {
        Some(masked) => format!("{} {}", literal(&f.rule), literal(&begun(masked, NAME))),
        None => format!("{} {}", literal(&f.rule), prose(&begun(&f.message, SENTENCE))),
    };
    let mut place: Vec<String> = Vec::new();
    place.extend(words::place(f).map(|p| literal(&shown(&p, PATH))));
    place.extend(f.inside.as_deref().map(|i| format!("inside {}", literal(&shown(i, PATH)))));
    place.extend(f.layer.map(|n| format!("layer {n}")));
    place.extend(f.state.map(|s| words::state(s).to_owned()));
    if !f.also.is_empty() {
        place.push(format!("and {}", words::count(f.also.len(), "more place")));
    }
    format!("| {} | {what} | {} |\n", words::severity(f.severity), place.join(", "))
}

/// What to do first, with the sizes before and after.
pub(super) fn first_steps(room: &mut Room, report: &Report) {
    let possible: Vec<&AdviceReport> =
        report.advice.iter().filter(|a| a.possible).take(STEPS).collect();
    if possible.is_empty() {
        return;
    }
    let mut text = "**Do first**\n\n".to_owned();
    for (i, advice) in possible.iter().enumerate() {
        let gains: Vec<String> = [
            ("compressed", report.size.compressed, advice.estimate.compressed),
            ("on disk", report.size.on_disk, advice.estimate.on_disk),
        ]
        .into_iter()
        .filter_map(|(word, now, then)| gain(word, now, then?))
        .collect();
        let gap = if gains.is_empty() { "" } else { ": " };
        let title = prose(&begun(&advice.title, SENTENCE));
        text.push_str(&format!("{}. {title}{gap}{}\n", i + 1, gains.join(", ")));
    }
    text.push('\n');
    room.whole("what to do first", &text);
}

/// `on disk 1.24 GB → 180 MB`; what stays as it is needs no words.
fn gain(word: &str, now: Option<u64>, then: Interval) -> Option<String> {
    if then.low == then.high && now == Some(then.likely) {
        return None;
    }
    Some(format!("{word} {} → {}", words::maybe_bytes(now), words::interval(then)))
}

pub(super) fn findings(room: &mut Room, report: &Report) {
    let all = sorted(report);
    // The few worst stand above already.
    if all.len() <= WORST {
        return;
    }
    let rows: Vec<String> = all.iter().map(|f| row(f)).collect();
    let title = format!("All {}", words::count(all.len(), "finding"));
    room.folded("the other findings", &title, FINDINGS, &rows);
}

pub(super) fn not_looked_at(room: &mut Room, report: &Report) {
    let rows: Vec<String> = report
        .not_looked_at
        .iter()
        .map(|gap| {
            let failed = if gap.failed { "failed" } else { "" };
            let what = literal(&shown(&gap.what, PATH));
            format!("| {failed} | {what} | {} |\n", literal(&begun(&gap.why, SENTENCE)))
        })
        .collect();
    if !rows.is_empty() {
        let title = format!("Not looked at ({})", rows.len());
        let above = "| | what | why |\n|---|---|---|\n";
        room.folded("what was not looked at", &title, above, &rows);
    }
}

/// The first proposal that is a whole Dockerfile: some are only the lines that matter.
pub(super) fn dockerfile(room: &mut Room, report: &Report) {
    let whole = |text: &str| text.lines().any(|l| l.starts_with("FROM "));
    let mut proposed = report.advice.iter().filter(|a| a.possible).filter_map(|a| {
        let text = a.dockerfile.as_deref().filter(|t| whole(t))?;
        Some((a, text))
    });
    if let Some((advice, text)) = proposed.next() {
        let title = "The proposed Dockerfile";
        let above = format!("{}\n\n", prose(&begun(&advice.title, SENTENCE)));
        room.folded("the proposed Dockerfile", title, &above, &[fenced("dockerfile", text)]);
    }
}

pub(super) fn layers(room: &mut Room, report: &Report) {
    let rows: Vec<String> = report
        .layers
        .iter()
        .map(|l| {
            let what = l.instruction.as_deref().map(|i| literal(&begun(&words::step(i), NAME)));
            format!(
                "| {} | {} | {} | {} | {} |\n",
                l.number,
                what.unwrap_or_default(),
                words::maybe_bytes(l.size.compressed),
                words::maybe_bytes(l.size.on_disk),
                words::maybe_bytes(l.waste),
            )
        })
        .collect();
    if !rows.is_empty() {
        let title = words::count(rows.len(), "layer");
        let above = "| | step | compressed | on disk | waste |\n|--:|---|--:|--:|--:|\n";
        room.folded("the layers", &title, above, &rows);
    }
}

pub(super) fn waste(room: &mut Room, report: &Report) {
    if !report.has(Section::Waste) || report.waste.paths.is_empty() {
        return;
    }
    let rows: Vec<String> = report
        .waste
        .paths
        .iter()
        .map(|w| {
            format!(
                "| {} | {} | {} in layer {} | {} |\n",
                literal(&shown(&words::path(&w.path), PATH)),
                words::bytes(w.bytes),
                words::waste(w.kind),
                w.hidden_by,
                w.layer,
            )
        })
        .collect();
    let title = format!("Waste: {} of content", words::hidden(&report.waste));
    let above = "| path | bytes | why | layer |\n|---|--:|---|--:|\n";
    room.folded("the waste", &title, above, &rows);
}
