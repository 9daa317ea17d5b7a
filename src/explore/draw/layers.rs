//! The layers: what each weighs and which build step made it.

use super::theme::Theme;
use super::{Explorer, cut};
use crate::explore::explorer::Pane;
use crate::text::{Bytes, Sanitized};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

pub fn draw(explorer: &mut Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let width = usize::from(area.width).saturating_sub(1);
    let height = usize::from(area.height).saturating_sub(1);
    let active = explorer.pane == Pane::Layers;
    let chosen = explorer.layer.map_or(0, |n| n + 1);
    explorer.layer_top =
        explorer.layer_top.min(chosen).max((chosen + 1).saturating_sub(height.max(1)));
    explorer.layers_at = [area.y + 1, area.x, height as u16, width as u16];
    let report = &explorer.open.report;
    let title = if active { theme.strong() } else { theme.quiet() };
    // Where there is room, what is pulled as well.
    let wide = width >= 40;
    let head = if wide { " #  on disk   compressed  built by" } else { " #  on disk  built by" };
    let pulled = |n: Option<u64>| match n.filter(|_| wide) {
        Some(n) => format!("{:>10}  ", Bytes(n)),
        None if wide => format!("{:>10}  ", "?"),
        None => String::new(),
    };
    let mut lines = vec![Line::styled(cut(head, width), title)];
    let all = (0..=report.layers.len()).skip(explorer.layer_top).take(height);
    for row in all {
        let mut spans = Vec::new();
        let text = match row.checked_sub(1).and_then(|n| report.layers.get(n)) {
            None => {
                let size = report.size.on_disk.map_or("?".to_owned(), |n| Bytes(n).to_string());
                format!(" a {size:>8}  {}all layers together", pulled(report.size.compressed))
            }
            Some(l) => {
                let size = l.size.on_disk.map_or("?".to_owned(), |n| Bytes(n).to_string());
                let step = l.instruction.as_deref().unwrap_or("–");
                let step = step.split_whitespace().collect::<Vec<_>>().join(" ");
                // Much of what it brings is never seen: worth a mark.
                let wasteful =
                    l.waste.zip(l.size.content).is_some_and(|(w, c)| w > 0 && w * 10 >= c);
                let mark = if wasteful { "x" } else { " " };
                let step = Sanitized::from(step.as_str());
                format!("{:>2} {size:>8}{mark} {}{step}", l.number, pulled(l.size.compressed))
            }
        };
        let mut text = cut(&text, width);
        if row == chosen {
            text = format!("{text:<width$}");
            spans.push(Span::styled(text, theme.chosen(active)));
        } else {
            spans.push(Span::raw(text));
        }
        lines.push(Line::from(spans));
    }
    frame.render_widget(Paragraph::new(lines), area);
}
