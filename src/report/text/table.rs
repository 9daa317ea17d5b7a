//! Tables without lines: columns of one job each, the wide ones shortened to what is left.

use super::page::{Page, Tone, clean, span};
use super::width::{columns, cut, squeeze};
use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

const GAP: usize = 2;

/// What a column does when there is too little room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// A number: right-aligned, never shortened.
    Number,
    /// A short word: never shortened.
    Word,
    /// Loses its middle.
    Path,
    /// Loses its end.
    Sentence,
}

impl Fit {
    fn gives_way(self) -> bool {
        matches!(self, Self::Path | Self::Sentence)
    }
}

/// Writes `rows` below a quiet header, `indent` columns in.
pub(crate) fn write(page: &mut Page, indent: usize, head: &[(&str, Fit)], rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|c| clean(c)).collect()).collect();
    let widths = widths(page.width().saturating_sub(indent), head, &rows);

    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let align = |fit: Fit| match fit {
        Fit::Number => CellAlignment::Right,
        _ => CellAlignment::Left,
    };
    table.set_header(head.iter().map(|(title, fit)| Cell::new(title).set_alignment(align(*fit))));
    for row in &rows {
        table.add_row(row.iter().zip(head).zip(&widths).map(|((cell, (_, fit)), &width)| {
            Cell::new(shorten(cell, *fit, width)).set_alignment(align(*fit))
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    for (i, line) in table.lines().enumerate() {
        let tone = if i == 0 { Tone::Quiet } else { Tone::Plain };
        page.line(&[span(Tone::Plain, " ".repeat(indent)), span(tone, line.trim_end())]);
    }
}

fn shorten(cell: &str, fit: Fit, width: usize) -> String {
    match fit {
        Fit::Path => squeeze(cell, width),
        Fit::Sentence => cut(cell, width),
        Fit::Number | Fit::Word => cell.to_owned(),
    }
}

/// The width of each column: all that it wants, or an even share of what the fixed ones leave, where
/// one that wants less leaves the rest to the others.
fn widths(room: usize, head: &[(&str, Fit)], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(i, (title, _))| {
            rows.iter()
                .filter_map(|r| r.get(i))
                .map(|c| columns(c))
                .fold(columns(title), usize::max)
        })
        .collect();
    let gaps = GAP * head.len().saturating_sub(1);
    let fixed: usize = (0..head.len()).filter(|&i| !head[i].1.gives_way()).map(|i| widths[i]).sum();
    let mut left = room.saturating_sub(gaps + fixed);
    let mut waiting: Vec<usize> = (0..head.len()).filter(|&i| head[i].1.gives_way()).collect();
    waiting.sort_by_key(|&i| widths[i]);
    let mut count = waiting.len();
    for i in waiting {
        let share = left / count.max(1);
        widths[i] = widths[i].min(share).max(columns(head[i].0));
        left = left.saturating_sub(widths[i]);
        count -= 1;
    }
    widths
}
