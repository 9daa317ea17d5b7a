//! The tree of files: what is large and what is wrong at a glance.

use super::theme::Theme;
use super::{Explorer, columns, cut};
use crate::explore::explorer::Pane;
use crate::explore::listing::Order;
use crate::explore::tree::{Filter, Marks, TreeEntry};
use crate::text::Bytes;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Columns of the bar that shows an entry's share.
const BAR: usize = 6;

pub fn draw(explorer: &mut Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let width = usize::from(area.width);
    let height = usize::from(area.height).saturating_sub(1);
    explorer.files.scroll_to(height);
    explorer.files_at = [area.y + 1, area.x, height as u16, area.width];
    let active = explorer.pane == Pane::Files;
    let files = &explorer.files;
    let place = match explorer.layer {
        None => "all layers together".to_owned(),
        Some(n) => format!("layer {n}"),
    };
    let filter = match files.filter {
        Filter::All => String::new(),
        other => format!(" · only {}", other.word()),
    };
    let order = if files.order == Order::Size { "largest first" } else { "by name" };
    let title = cut(&format!("{place}{filter} · {order}"), width);
    let style = if active { theme.strong() } else { theme.quiet() };
    let mut lines = vec![Line::styled(title, style)];
    if files.rows.is_empty() {
        let what = match (files.filter, explorer.layer) {
            (Filter::All, Some(_)) => "  this layer has no files, or was not looked at",
            (Filter::All, None) => "  no files",
            _ => "  none here (f shows something else)",
        };
        lines.push(Line::styled(what, theme.quiet()));
    }
    let total = files.tree.weight(0, files.filter).max(1);
    let rows = files.rows.iter().enumerate().skip(files.top).take(height);
    for (row, &number) in rows {
        let entry = files.tree.get(number);
        let open = entry.is_dir && files.is_open(number);
        let bytes = files.tree.weight(number, files.filter);
        let line = line(entry, bytes, open, total, width, theme);
        lines.push(if row == files.chosen { line.style(theme.chosen(active)) } else { line });
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(
    entry: &TreeEntry,
    bytes: u64,
    open: bool,
    total: u64,
    width: usize,
    theme: Theme,
) -> Line<'static> {
    // A closed folder tells what is in it.
    let marks = if open { entry.own } else { entry.below };
    let change = match () {
        () if entry.own.has(Marks::REMOVED) => ("-", theme.bad()),
        () if entry.own.has(Marks::CHANGED) => ("~", theme.warning()),
        () if entry.own.has(Marks::ADDED) => ("+", theme.good()),
        () => (" ", theme.plain()),
    };
    let mark = |of, letter: &'static str, style| {
        if marks.has(of) { Span::styled(letter, style) } else { Span::raw(" ") }
    };
    let share = (u128::from(bytes) * BAR as u128 * 2 / u128::from(total)) as usize;
    let bar = format!("{}{}", "█".repeat(share / 2), if share % 2 == 1 { "▌" } else { "" });
    let depth = usize::from(entry.depth).saturating_sub(1);
    // A path of 200 folders still shows its name.
    let indent = depth.min(width.saturating_sub(45) / 2) * 2;
    let sign = match (entry.is_dir, open) {
        (true, true) => "▾ ",
        (true, false) => "▸ ",
        _ => "  ",
    };
    let slash = if entry.is_dir { "/" } else { "" };
    let room = width.saturating_sub(4 + 1 + 9 + 1 + BAR + 1 + indent + 2);
    let style = match entry.is_dir {
        true => theme.folder(),
        false if entry.own.has(Marks::FINDING) => theme.bad(),
        false if entry.own.has(Marks::HIDDEN) => theme.quiet(),
        false => theme.plain(),
    };
    let name = cut(&format!("{}{slash}", entry.name), room);
    // The chosen line is marked to its end.
    let rest = room.saturating_sub(columns(&name));
    Line::from(vec![
        Span::styled(change.0, change.1),
        mark(Marks::FINDING, "!", theme.bad()),
        mark(Marks::UNNEEDED, "u", theme.warning()),
        mark(Marks::HIDDEN, "x", theme.warning()),
        mark(Marks::SETUID, "s", theme.warning()),
        Span::raw(format!("{:>9} ", Bytes(bytes))),
        Span::styled(format!("{bar:<BAR$}"), theme.bar()),
        Span::raw(" "),
        Span::raw(" ".repeat(indent)),
        Span::raw(sign),
        Span::styled(name, style),
        Span::raw(" ".repeat(rest)),
    ])
}
