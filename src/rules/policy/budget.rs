//! Budgets: what the image may weigh.

use super::super::rule::{Rule, RuleContext};
use super::super::{Category, Finding, Severity};
use super::WASTE_FLOOR;
use crate::text::Bytes;

pub const COMPRESSED: Rule = Rule {
    id: "policy/compressed-size",
    title: "more to pull than the budget allows",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares the compressed size of all layers with `compressed` in the `[budget]` of careen.toml, \
        or with `--max-compressed`.\n\n\
        ## Why it matters\n\
        The owner of the image has set this limit: every machine that starts it pulls these bytes.\n\n\
        ## What to do\n\
        `careen advise` says what to leave out and how much smaller that makes it. If the image has to \
        grow, raise the budget where everybody sees it.\n",
    check: compressed,
};

pub const ON_DISK: Rule = Rule {
    id: "policy/on-disk-size",
    title: "more on disk than the budget allows",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares what the final file system shows with `on-disk` in the `[budget]` of careen.toml, or \
        with `--max-on-disk`.\n\n\
        ## Why it matters\n\
        The owner of the image has set this limit: every machine that runs it keeps these bytes.\n\n\
        ## What to do\n\
        `careen advise` says what to leave out and how much smaller that makes it.\n",
    check: on_disk,
};

pub const WASTE: Rule = Rule {
    id: "policy/waste",
    title: "more waste than the budget allows",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares the bytes that later layers hide with `waste` (bytes) and `waste-percent` (of all \
        content) in the `[budget]` of careen.toml, or with `--max-waste` and `--max-waste-percent`. In \
        percent, waste below `waste-floor` (1 MB if it is not set) never counts.\n\n\
        ## Why it matters\n\
        These bytes are pulled and stored, and no container shows them.\n\n\
        ## What to do\n\
        Delete in the same step that creates; the report lists the largest hidden files with the step \
        that hides them.\n",
    check: waste,
};

pub const GROWTH: Rule = Rule {
    id: "policy/growth",
    title: "grew more than the budget allows",
    severity: Severity::High,
    category: Category::Policy,
    doc: "## What it does\n\
        Compares the size with the baseline's (`--baseline`), compressed where both are known and else \
        on disk, with `growth` and `growth-percent` in the `[budget]` of careen.toml, or with \
        `--max-growth` and `--max-growth-percent`.\n\n\
        ## Why it matters\n\
        Images grow a little with every change, and nobody sees the change that did it.\n\n\
        ## What to do\n\
        `careen check --baseline` names the step, the packages and the files that made it grow.\n",
    check: growth,
};

fn compressed(cx: &RuleContext, out: &mut Vec<Finding>) {
    let size = compressed_size(cx);
    if let Some((size, most)) = size.zip(cx.policy.budget.compressed).filter(|(s, m)| s > m) {
        let message = format!(
            "{} compressed, {} more than the budget of {}",
            Bytes(size),
            Bytes(size - most),
            Bytes(most)
        );
        out.push(COMPRESSED.finding(COMPRESSED.severity, message));
    }
}

fn on_disk(cx: &RuleContext, out: &mut Vec<Finding>) {
    let size = on_disk_size(cx);
    if let Some((size, most)) = size.zip(cx.policy.budget.on_disk).filter(|(s, m)| s > m) {
        let message = format!(
            "{} on disk, {} more than the budget of {}",
            Bytes(size),
            Bytes(size - most),
            Bytes(most)
        );
        out.push(ON_DISK.finding(ON_DISK.severity, message));
    }
}

fn waste(cx: &RuleContext, out: &mut Vec<Finding>) {
    let budget = &cx.policy.budget;
    let bytes: u64 = cx.facts.residue.iter().map(|r| r.bytes).sum();
    let content: u64 = (0..cx.facts.view.layer_count())
        .filter_map(|l| cx.facts.view.index(l))
        .map(|i| i.content_bytes)
        .sum();
    let percent = if content == 0 { 0.0 } else { bytes as f64 * 100.0 / content as f64 };
    let floor = budget.waste_floor.unwrap_or(WASTE_FLOOR);
    let message = if budget.waste.is_some_and(|most| bytes > most) {
        let most = budget.waste.unwrap_or_default();
        format!("{} are hidden by later layers, the budget is {}", Bytes(bytes), Bytes(most))
    } else if budget.waste_percent.is_some_and(|most| percent > most) && bytes >= floor {
        let most = budget.waste_percent.unwrap_or_default();
        format!(
            "{}, {percent:.1} % of the content, are hidden by later layers, the budget is {most} %",
            Bytes(bytes)
        )
    } else {
        return;
    };
    out.push(WASTE.finding(WASTE.severity, message));
}

fn growth(cx: &RuleContext, out: &mut Vec<Finding>) {
    let budget = &cx.policy.budget;
    let Some((word, before, now)) = sizes(cx) else { return };
    let Some(more) = now.checked_sub(before).filter(|m| *m > 0) else { return };
    let percent = if before == 0 { f64::INFINITY } else { more as f64 * 100.0 / before as f64 };
    let limit = match (budget.growth, budget.growth_percent) {
        (Some(most), _) if more > most => Bytes(most).to_string(),
        (_, Some(most)) if percent > most => format!("{most} %"),
        _ => return,
    };
    let message = format!(
        "grew by {} {word}, from {} to {}; the budget is {limit}",
        Bytes(more),
        Bytes(before),
        Bytes(now)
    );
    out.push(GROWTH.finding(GROWTH.severity, message));
}

/// The baseline's and this image's, compressed if both are known, else on disk.
fn sizes(cx: &RuleContext) -> Option<(&'static str, u64, u64)> {
    let before = cx.before?;
    let pair = |word, a: Option<u64>, b: Option<u64>| Some((word, a?, b?));
    pair("compressed", before.compressed, compressed_size(cx))
        .or_else(|| pair("on disk", before.on_disk, on_disk_size(cx)))
}

fn compressed_size(cx: &RuleContext) -> Option<u64> {
    crate::image::compressed(&cx.facts.image.layers)
}

fn on_disk_size(cx: &RuleContext) -> Option<u64> {
    cx.facts.has_every_layer().then(|| cx.facts.view.on_disk_bytes())
}

/// Budgets that could not be judged, each with the reason and whether it should have been possible.
pub fn unjudged(cx: &RuleContext) -> Vec<(&'static str, &'static str, bool)> {
    const NO_COMPRESSED: &str =
        "this form of the image does not tell how large its layers are compressed";
    const NOT_ALL: &str = "not every layer was looked at";
    const NO_BASELINE: &str = "there is no baseline to compare with";
    let budget = &cx.policy.budget;
    let mut out = Vec::new();
    if budget.compressed.is_some() && compressed_size(cx).is_none() {
        out.push((COMPRESSED.id, NO_COMPRESSED, true));
    }
    if budget.on_disk.is_some() && !cx.facts.has_every_layer() {
        out.push((ON_DISK.id, NOT_ALL, true));
    }
    if (budget.waste.is_some() || budget.waste_percent.is_some()) && !cx.facts.has_every_layer() {
        out.push((WASTE.id, NOT_ALL, true));
    }
    if budget.growth.is_some() || budget.growth_percent.is_some() {
        match cx.before {
            None => out.push((GROWTH.id, NO_BASELINE, false)),
            Some(_) if sizes(cx).is_none() => {
                out.push((
                    GROWTH.id,
                    "the baseline tells no size of an image of this platform that this one has too",
                    true,
                ));
            }
            Some(_) => {}
        }
    }
    out
}
