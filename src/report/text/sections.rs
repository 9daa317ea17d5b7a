//! The tables below the first screen.

use super::Detail;
use super::page::{Page, Tone};
use super::table::{self, Fit};
use super::words;
use crate::report::model::{Report, Unneeded};
use std::collections::BTreeMap;

const FEW: usize = 10;

/// Layers beyond this are rare; all others belong to the picture.
const FEW_LAYERS: usize = 30;

pub(super) fn layers(page: &mut Page, report: &Report, detail: Detail) {
    let all = &report.layers;
    if all.is_empty() {
        return;
    }
    page.heading("Layers", "the first is the base");
    let shown = detail.limit(FEW_LAYERS, all.len());
    let rows: Vec<Vec<String>> = all[..shown]
        .iter()
        .map(|l| {
            vec![
                l.number.to_string(),
                words::maybe_bytes(l.size.compressed),
                words::maybe_bytes(l.size.content),
                words::maybe_number(l.files),
                words::maybe_bytes(l.waste),
                l.instruction.as_deref().map_or_else(|| "–".to_owned(), words::step),
            ]
        })
        .collect();
    table::write(
        page,
        2,
        &[
            ("#", Fit::Number),
            ("compressed", Fit::Number),
            ("content", Fit::Number),
            ("files", Fit::Number),
            ("waste", Fit::Number),
            ("built by", Fit::Sentence),
        ],
        &rows,
    );
    page.more(2, shown, all.len());
    if detail == Detail::Full {
        page.blank();
        for l in all {
            let digest = l.digest.as_deref().unwrap_or("–");
            page.paragraph(
                &format!("  {}", l.number),
                6,
                Tone::Quiet,
                &format!("digest  {digest}"),
            );
            if let Some(diff_id) = &l.diff_id {
                page.paragraph("", 6, Tone::Quiet, &format!("diff id {diff_id}"));
            }
            if let Some(instruction) = &l.instruction {
                page.paragraph("", 6, Tone::Plain, instruction);
            }
        }
    }
}

pub(super) fn waste(page: &mut Page, report: &Report, detail: Detail) {
    let all = &report.waste.paths;
    if all.is_empty() {
        return;
    }
    page.heading(
        "Waste",
        &format!("{} of content that later layers hide", words::hidden(&report.waste)),
    );
    let shown = detail.limit(FEW, all.len());
    let rows: Vec<Vec<String>> = all[..shown]
        .iter()
        .map(|w| {
            vec![
                words::bytes(w.bytes),
                words::waste(w.kind).to_owned(),
                // Both are base 0, as in the table of layers.
                if w.layer == w.hidden_by {
                    w.layer.to_string()
                } else {
                    format!("{} by {}", w.layer, w.hidden_by)
                },
                words::path(&w.path),
                w.instruction.as_deref().map_or_else(|| "–".to_owned(), words::step),
            ]
        })
        .collect();
    table::write(
        page,
        2,
        &[
            ("content", Fit::Number),
            ("how", Fit::Word),
            ("in layer", Fit::Word),
            ("path", Fit::Path),
            ("hidden by", Fit::Sentence),
        ],
        &rows,
    );
    page.more(2, shown, all.len());
}

pub(super) fn unneeded(page: &mut Page, report: &Report, detail: Detail) {
    let mut all: Vec<&Unneeded> = report.unneeded.iter().collect();
    if all.is_empty() {
        return;
    }
    all.sort_by_key(|u| std::cmp::Reverse(u.bytes));
    page.heading("Not needed in production", "on disk");
    let shown = detail.limit(FEW, all.len());
    let rows: Vec<Vec<String>> = all[..shown]
        .iter()
        .map(|u| {
            let more = match u.paths.len() {
                0 | 1 => String::new(),
                n => format!("+{}", n - 1),
            };
            vec![
                words::bytes(u.bytes),
                u.kind.clone(),
                u.owner.clone().unwrap_or_else(|| "–".to_owned()),
                u.paths.first().map(|p| words::path(p)).unwrap_or_default(),
                more,
            ]
        })
        .collect();
    table::write(
        page,
        2,
        &[
            ("on disk", Fit::Number),
            ("what", Fit::Sentence),
            ("package", Fit::Path),
            ("path", Fit::Path),
            ("more", Fit::Number),
        ],
        &rows,
    );
    page.more(2, shown, all.len());
    if detail == Detail::Full {
        for u in all.iter().filter(|u| u.paths.len() > 1) {
            page.blank();
            page.plain(format!("  {}, {}", u.kind, words::bytes(u.bytes)));
            for p in &u.paths {
                page.paragraph("", 4, Tone::Quiet, &words::path(p));
            }
        }
    }
}

pub(super) fn packages(page: &mut Page, report: &Report, detail: Detail) {
    let all = &report.packages;
    if all.is_empty() {
        return;
    }
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    for p in all {
        *kinds.entry(p.kind).or_default() += 1;
    }
    let kinds: Vec<String> =
        kinds.iter().map(|(k, n)| format!("{n} {}", words::package(*k))).collect();
    page.heading("Packages", &kinds.join(" · "));
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(all[i].bytes));
    let shown = detail.limit(FEW, all.len());
    let rows: Vec<Vec<String>> = order[..shown]
        .iter()
        .map(|&i| {
            let p = &all[i];
            vec![
                words::maybe_bytes(p.bytes),
                words::package(p.kind).to_owned(),
                p.layer.map_or("–".to_owned(), |n| n.to_string()),
                p.name.clone(),
                p.version.clone(),
            ]
        })
        .collect();
    table::write(
        page,
        2,
        &[
            ("on disk", Fit::Number),
            ("kind", Fit::Word),
            ("layer", Fit::Number),
            ("name", Fit::Path),
            ("version", Fit::Sentence),
        ],
        &rows,
    );
    page.more(2, shown, all.len());
}

pub(super) fn duplicates(page: &mut Page, report: &Report) {
    if report.duplicates.is_empty() {
        return;
    }
    page.heading("Same content at several paths", "apart from waste");
    for d in &report.duplicates {
        page.plain(format!("  {} content, {} copies", words::bytes(d.bytes), d.paths.len()));
        for p in &d.paths {
            page.paragraph("", 4, Tone::Quiet, &words::path(p));
        }
    }
}

pub(super) fn configuration(page: &mut Page, report: &Report) {
    let image = &report.image;
    let mut rows: Vec<(&str, String)> = Vec::new();
    rows.extend(image.digest.iter().map(|d| ("digest", d.clone())));
    rows.extend(image.created.iter().map(|c| ("created", c.clone())));
    rows.push(("command", image.command.join(" ")));
    rows.push(("folder", image.working_dir.clone()));
    rows.extend(image.env.iter().map(|e| ("env", format!("{}={}", e.name, e.value))));
    rows.extend(image.labels.iter().map(|(k, v)| ("label", format!("{k}={v}"))));
    rows.extend(image.exposed_ports.iter().map(|p| ("port", p.clone())));
    rows.extend(image.volumes.iter().map(|v| ("volume", v.clone())));
    rows.extend(image.healthcheck.iter().map(|h| ("health", h.join(" "))));
    page.heading("Configuration", "");
    for (name, value) in rows.iter().filter(|(_, v)| !v.is_empty()) {
        page.paragraph(&format!("  {name}"), 11, Tone::Plain, value);
    }
}

/// Parts of files that a compact report names.
const FEW_SKIPPED: usize = 5;

pub(super) fn not_looked_at(page: &mut Page, report: &Report, detail: Detail) {
    let all = &report.not_looked_at;
    if all.is_empty() {
        return;
    }
    page.heading("Not looked at", "");
    for failed in [true, false] {
        let these: Vec<_> = all.iter().filter(|n| n.failed == failed).collect();
        let shown = if failed { these.len() } else { detail.limit(FEW_SKIPPED, these.len()) };
        for n in &these[..shown] {
            let (lead, tone) =
                if failed { ("  FAILED", Tone::Bad) } else { ("  skipped", Tone::Plain) };
            page.paragraph(lead, 11, tone, &format!("{}: {}", n.what, n.why));
        }
        page.more(2, shown, these.len());
    }
}
