//! What lies over the files: search, findings, a file's content, help.

use super::theme::Theme;
use super::{Explorer, cut, squeeze};
use crate::explore::explorer::Over;
use crate::explore::keys::HELP;
use crate::explore::tree::{Filter, Marks};
use crate::explore::viewer::Viewer;
use crate::rules::Severity;
use crate::text::{Bytes, Sanitized};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

pub fn search(explorer: &Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let Over::Search { query, hits, chosen } = &explorer.over else { return };
    let (width, height) = (usize::from(area.width), usize::from(area.height).saturating_sub(1));
    let shown = Sanitized::from(query.as_str()).to_string();
    let mut lines = vec![Line::from(vec![
        Span::styled("/", theme.strong()),
        Span::raw(format!("{}▏", squeeze(&shown, width.saturating_sub(20)))),
        Span::styled(format!("  {} hits", hits.len()), theme.quiet()),
    ])];
    let top = (chosen + 1).saturating_sub(height.max(1));
    for (row, &number) in hits.iter().enumerate().skip(top).take(height) {
        let entry = explorer.files.tree.get(number);
        let path = explorer.files.tree.path(number);
        let slash = if entry.is_dir { "/" } else { "" };
        let path = squeeze(&format!("{path}{slash}"), width.saturating_sub(11));
        let bytes = Bytes(explorer.files.tree.weight(number, Filter::All));
        let mark = if entry.below.has(Marks::SHOWN) { ' ' } else { 'x' };
        let line = Line::raw(format!("{bytes:>9}{mark}{path}"));
        lines.push(if row == *chosen { line.style(theme.chosen(true)) } else { line });
    }
    if hits.is_empty() && !query.is_empty() {
        lines.push(Line::styled("  nothing fits", theme.quiet()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

pub fn findings(explorer: &Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let Over::Findings { chosen } = explorer.over else { return };
    let all = &explorer.open.report.findings;
    let (width, height) = (usize::from(area.width), usize::from(area.height).saturating_sub(1));
    let mut lines =
        vec![Line::styled(format!("{} findings, the worst first", all.len()), theme.strong())];
    // Two lines each.
    let fit = (height / 2).max(1);
    let top = (chosen + 1).saturating_sub(fit);
    for (row, f) in all.iter().enumerate().skip(top).take(fit) {
        let style = match f.severity {
            Severity::Critical | Severity::High => theme.bad(),
            Severity::Medium => theme.warning(),
            Severity::Low | Severity::Info => theme.quiet(),
        };
        let what = match &f.masked {
            Some(masked) => format!("{}  {}", f.rule, Sanitized::from(masked.as_str())),
            None => f.message.clone(),
        };
        let what = Sanitized::from(what.as_str()).to_string();
        let word = crate::report::text::severity_word(f.severity);
        let line = Line::from(vec![
            Span::styled(format!("{word:<9}"), style),
            Span::raw(cut(&what, width.saturating_sub(10))),
        ]);
        lines.push(if row == chosen { line.style(theme.chosen(true)) } else { line });
        let state = |gap: &str| {
            let word = f.state.map(crate::report::text::state_word);
            word.map_or_else(String::new, |word| format!("{gap}{word}"))
        };
        let place = match (&f.path, f.layer) {
            (Some(path), Some(layer)) => {
                let path = Sanitized::from(path.as_str()).to_string();
                let rest = format!(" · layer {layer}{}", state(" · "));
                let room = width.saturating_sub(9 + rest.chars().count());
                format!("/{}{rest}", squeeze(&path, room.max(10)))
            }
            (_, Some(layer)) => {
                format!("layer {layer}{}", state(" · "))
            }
            _ => state(""),
        };
        lines.push(Line::styled(cut(&format!("         {place}"), width), theme.quiet()));
    }
    if all.is_empty() {
        lines.push(Line::styled("  none", theme.good()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

pub fn viewer(viewer: &Viewer, frame: &mut Frame, area: Rect, theme: Theme) {
    frame.render_widget(Clear, area);
    let (width, height) = (usize::from(area.width), usize::from(area.height).saturating_sub(1));
    let form = if viewer.as_hex { "bytes" } else { "text" };
    let note = format!("  {form}, {}", viewer.note);
    let room = width.saturating_sub(note.chars().count());
    let mut lines = vec![Line::from(vec![
        Span::styled(squeeze(&viewer.title, room), theme.strong()),
        Span::styled(note, theme.quiet()),
    ])];
    let text = viewer.lines().iter().skip(viewer.top).take(height);
    lines.extend(text.map(|l| Line::raw(cut(l, width))));
    frame.render_widget(Paragraph::new(lines), area);
}

pub fn help(frame: &mut Frame, area: Rect, theme: Theme) {
    let lines: Vec<Line> = HELP
        .iter()
        .map(|(key, what)| {
            Line::from(vec![Span::styled(format!("{key:<9}"), theme.strong()), Span::raw(*what)])
        })
        .collect();
    boxed("Keys", lines, frame, area, theme);
}

pub fn lines(title: &str, text: &[String], frame: &mut Frame, area: Rect, theme: Theme) {
    boxed(title, text.iter().map(|l| Line::raw(l.clone())).collect(), frame, area, theme);
}

fn boxed(title: &str, lines: Vec<Line>, frame: &mut Frame, area: Rect, theme: Theme) {
    let width = area.width.saturating_sub(4).min(100);
    let inner = usize::from(width.saturating_sub(2)).max(1);
    let rows: usize = lines.iter().map(|l| l.width().div_ceil(inner).max(1)).sum();
    let height = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    let title = Span::styled(format!(" {title} "), theme.strong());
    let text =
        Paragraph::new(lines).wrap(Wrap { trim: false }).block(Block::bordered().title(title));
    frame.render_widget(text, place);
}
