//! What is said of the chosen entry, in lines.

use super::explorer::Explorer;
use super::tree::Marks;
use crate::image::{EntryState, state_of};
use crate::layer::EntryKind;
use crate::report::why::WhyReport;
use crate::text::{Bytes, Sanitized};

fn clean(text: &str) -> String {
    Sanitized::from(text).to_string()
}

/// Up to five lines about the chosen entry: path; size and place; owner; build step; finding.
pub fn of_chosen(explorer: &Explorer) -> Vec<String> {
    let Some(number) = explorer.files.chosen_entry() else {
        return vec!["nothing here".to_owned()];
    };
    let tree = &explorer.files.tree;
    let entry = tree.get(number);
    // What is in a folder may come from anywhere: of the folder's own entry there is little to say.
    let is_folder = entry.is_dir && !entry.own.has(Marks::REMOVED);
    let slash = if entry.is_dir { "/" } else { "" };
    let mut lines = vec![format!("/{}{slash}", tree.path(number))];
    let Some(node) = entry.node else {
        lines.push(format!("{} below it; a folder that no layer names", Bytes(entry.bytes)));
        return lines;
    };
    let open = &explorer.open;
    let raw = open.facts.view.entry(node);
    if entry.own.has(Marks::REMOVED) {
        lines.push(format!("removed by layer {}", node.layer));
        lines.extend(step(explorer, node.layer));
        return lines;
    }
    let kind = match raw.kind {
        EntryKind::File | EntryKind::HardLink => "",
        EntryKind::Directory => "",
        EntryKind::Symlink => "link, ",
        EntryKind::CharDevice | EntryKind::BlockDevice => "device, ",
        EntryKind::Fifo => "pipe, ",
    };
    let size = open.facts.view.bytes_of(node);
    if is_folder {
        let (mode, layer) = (raw.mode & 0o7777, node.layer);
        lines.push(format!(
            "{} below it · {mode:04o} {}:{} · last written by layer {layer}",
            Bytes(entry.bytes),
            raw.uid,
            raw.gid
        ));
        return lines;
    }
    let state = match state_of(&open.facts.view, node) {
        EntryState::Visible => "visible".to_owned(),
        EntryState::Overwritten { by } => format!("overwritten by layer {by}, still downloaded"),
        EntryState::DeletedLater { by } => format!("deleted by layer {by}, still downloaded"),
        EntryState::HiddenByOpaque { by } => format!("hidden by layer {by}, still downloaded"),
    };
    let mut facts = format!(
        "{kind}{} · {:04o} {}:{} · layer {} · {state}",
        Bytes(size),
        raw.mode & 0o7777,
        raw.uid,
        raw.gid,
        node.layer
    );
    if let Some(target) = raw.link() {
        facts.push_str(&format!(" → {}", Sanitized(target)));
    }
    lines.push(facts);
    let mut why: Vec<String> = Vec::new();
    if let Some(package) = open.owner(&explorer.path_of(node)) {
        why.push(format!("of {}", clean(&package)));
    }
    if entry.own.has(Marks::UNNEEDED) {
        why.push("production does not need it".to_owned());
    }
    if !why.is_empty() {
        lines.push(why.join(" · "));
    }
    lines.extend(step(explorer, node.layer));
    for f in explorer.findings_of(node).take(2) {
        let masked = f.masked.as_deref().map(|m| format!(" {}", clean(m))).unwrap_or_default();
        lines.push(format!("! {}: {}{masked}", f.rule, clean(&f.message)));
    }
    lines
}

fn step(explorer: &Explorer, layer: usize) -> Option<String> {
    let instruction = explorer.open.report.layers.get(layer)?.instruction.as_deref()?;
    Some(format!("by {}", clean(&instruction.split_whitespace().collect::<Vec<_>>().join(" "))))
}

/// Why a file is kept, back to what starts.
pub fn why(report: &WhyReport) -> Vec<String> {
    let mut lines = vec![format!("/{}  {}", clean(&report.path), Bytes(report.bytes))];
    lines.extend(report.package.iter().map(|p| format!("of package {}", clean(p))));
    lines.push(String::new());
    match report.kept {
        None => lines.push("nothing that the image starts leads to it".to_owned()),
        Some(mode) => lines.push(format!("needed ({mode}):")),
    }
    for step in &report.chain {
        lines.push(format!("  /{}", clean(&step.path)));
        lines.push(format!("      {}", clean(&step.because)));
    }
    if !report.command.is_empty() {
        lines.push(String::new());
        lines.push(format!("the image starts: {}", clean(&report.command.join(" "))));
    }
    for unclear in &report.unclear {
        lines.push(format!("not to be told without running it: {}", clean(unclear)));
    }
    lines
}
