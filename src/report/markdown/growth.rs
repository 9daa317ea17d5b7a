//! What made the image grow: the question of a pull request.

use super::escape::{literal, prose};
use super::room::Room;
use crate::report::growth::Growth;
use crate::report::model::Report;
use crate::report::shown::{begun, shown};
use crate::report::text::words;

/// Rows of each kind, and characters of a step and of a name.
const FEW: usize = 5;
const STEP: usize = 160;
const NAME: usize = 120;

/// One sentence, and a table if there is something to blame.
pub(super) fn write(room: &mut Room, report: &Report) {
    let Some(growth) = &report.growth else { return };
    let sizes = [
        ("compressed", growth.before.compressed, growth.after.compressed),
        ("on disk", growth.before.on_disk, growth.after.on_disk),
    ];
    let changes = sizes.iter().filter_map(|(word, before, after)| {
        let (before, after) = before.zip(*after)?;
        Some(format!("{} {word}", words::difference(before, after)))
    });
    let changes = changes.collect::<Vec<_>>().join(", ");
    let against = literal(&shown(&growth.baseline, NAME));
    let mut out = format!("**Against** {against}: {changes}\n\n");
    let rows = rows(growth);
    if !rows.is_empty() {
        out.push_str(&format!("| more | what |\n|---|---|\n{rows}\n"));
    }
    room.whole("what made it grow", &out);
}

fn rows(growth: &Growth) -> String {
    let mut out = String::new();
    for s in growth.steps.iter().filter(|s| s.more() > 0).take(FEW) {
        let step = s.instruction.as_deref().map_or_else(|| "a step".to_owned(), words::step);
        let what = literal(&begun(&step, STEP));
        out.push_str(&format!("| {} as stored | {what} |\n", words::signed(s.more())));
    }
    for p in growth.packages.iter().filter(|p| p.more() > 0).take(FEW) {
        let versions = |v: &[String]| match v {
            [] => "–".to_owned(),
            some => begun(&some.join(", "), NAME),
        };
        let change = prose(&format!("{} → {}", versions(&p.before), versions(&p.after)));
        let name = literal(&shown(&p.name, NAME));
        let kind = words::package(p.kind);
        out.push_str(&format!(
            "| {} on disk | {kind} package {name} {change} |\n",
            words::signed(p.more())
        ));
    }
    for f in growth.files.iter().take(FEW) {
        let path = literal(&shown(&format!("/{}", f.path), STEP));
        out.push_str(&format!("| {} on disk | {path} |\n", words::signed(f.more())));
    }
    out
}
