//! The picture: a line of sizes, the layers, the files, the chosen entry, a line of keys; and what lies
//! over them.

mod files;
mod layers;
mod over;
mod theme;

use super::details;
use super::explorer::{Explorer, Over};
use crate::text::{Bytes, Sanitized};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
pub use theme::Theme;

/// Smaller than this, nothing can be told apart.
const SMALLEST: (u16, u16) = (60, 15);

/// Lines about the chosen entry.
const DETAILS: u16 = 5;

impl Explorer {
    /// Draws all of it; `colour` as the terminal takes it.
    pub fn draw(&mut self, frame: &mut Frame, colour: bool) {
        let theme = Theme::new(colour);
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            let (width, height) = SMALLEST;
            let text = format!("careen needs {width} columns and {height} lines");
            frame.render_widget(Paragraph::new(text), area);
            return;
        }
        let [head, body, about, keys] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Min(5),
            Constraint::Length(DETAILS + 1),
            Constraint::Length(1),
        ])
        .areas(area);
        header(self, frame, head, theme);
        let side = if area.width < 100 { 27 } else { 44 };
        let [left, right] =
            Layout::horizontal([Constraint::Length(side), Constraint::Min(30)]).areas(body);
        layers::draw(self, frame, left, theme);
        match &self.over {
            Over::Nothing | Over::SaveAs { .. } | Over::Help | Over::Why(..) => {
                files::draw(self, frame, right, theme);
            }
            Over::Search { .. } => over::search(self, frame, right, theme),
            Over::Findings { .. } => over::findings(self, frame, right, theme),
            Over::View(_) => {}
        }
        chosen(self, frame, about, theme);
        status(self, frame, keys, theme);
        match &self.over {
            Over::View(viewer) => {
                let whole = Rect { y: head.height, height: area.height - head.height - 1, ..area };
                over::viewer(viewer, frame, whole, theme);
            }
            Over::Help => over::help(frame, area, theme),
            Over::Why(lines, top) => over::lines("Why", &lines[*top..], frame, area, theme),
            _ => {}
        }
    }
}

/// What it is and what it weighs.
fn header(explorer: &Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let report = &explorer.open.report;
    let size = |n: Option<u64>| n.map_or("?".to_owned(), |n| Bytes(n).to_string());
    let name = Sanitized::from(report.image.reference.as_str()).to_string();
    let platform = Sanitized::from(report.image.platform.as_str()).to_string();
    // Before all else that might be cut off: what is missing is not clean.
    let partial = report.not_looked_at.iter().any(|n| n.failed);
    let partial = if partial { "PARTIAL  " } else { "" };
    let room = usize::from(area.width).saturating_sub(partial.len() + columns(&platform) + 3);
    let first = Line::from(vec![
        Span::styled(partial, theme.bad()),
        Span::styled(squeeze(&name, room), theme.strong()),
        Span::styled(format!(" · {platform}"), theme.quiet()),
    ]);
    // Of the layer that is looked at, or of all of it.
    let layer = explorer.layer.and_then(|n| report.layers.get(n));
    let sizes = layer.map_or(report.size, |l| l.size);
    let waste = layer.map_or(report.waste.bytes, |l| l.waste);
    let here = |layer: Option<usize>| explorer.layer.is_none() || explorer.layer == layer;
    let findings = report.findings.iter();
    let findings =
        findings.filter(|f| here(f.layer) || f.also.iter().any(|a| here(a.layer))).count();
    let whose = explorer.layer.map_or(String::new(), |n| format!("layer {n}: "));
    let second = vec![
        Span::raw(whose),
        Span::styled(size(sizes.compressed), theme.strong()),
        Span::raw(" compressed  "),
        Span::styled(size(sizes.content), theme.strong()),
        Span::raw(" content  "),
        Span::styled(size(sizes.on_disk), theme.strong()),
        Span::raw(" on disk  "),
        Span::styled(
            size(waste),
            if waste.is_some_and(|n| n > 0) { theme.warning() } else { theme.strong() },
        ),
        Span::raw(" waste  "),
    ];
    let mut second = Line::from(second);
    if findings > 0 {
        let word =
            if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") };
        let fits = second.width() + word.len() <= usize::from(area.width);
        let word = if fits { word } else { format!("! {findings}") };
        second.push_span(Span::styled(word, theme.bad()));
    }
    frame.render_widget(Paragraph::new(vec![first, second]), area);
}

fn chosen(explorer: &Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let width = usize::from(area.width);
    let mut lines = vec![Line::styled("─".repeat(width), theme.quiet())];
    for (i, text) in details::of_chosen(explorer).into_iter().take(usize::from(DETAILS)).enumerate()
    {
        let style = match (i, text.starts_with('!')) {
            (_, true) => theme.bad(),
            (0, _) => theme.strong(),
            _ => theme.plain(),
        };
        let text = if i == 0 { squeeze(&text, width) } else { cut(&text, width) };
        lines.push(Line::styled(text, style));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn status(explorer: &Explorer, frame: &mut Frame, area: Rect, theme: Theme) {
    let keys = match &explorer.over {
        Over::Search { .. } => "type to search  ↑↓ choose  Enter go there  Esc back",
        Over::Findings { .. } => "↑↓ choose  Enter go to the file  Esc back",
        Over::View(_) => "↑↓ PgUp PgDn scroll  Tab text/bytes  x save  Esc back",
        Over::Why(..) => "↑↓ PgUp PgDn scroll  any other key goes back",
        Over::Help => "any key goes back",
        Over::SaveAs { .. } | Over::Nothing => {
            "? help  Tab layers/files  / search  f filter  ! findings  w why  x save  q quit"
        }
    };
    let width = usize::from(area.width);
    let line = match &explorer.over {
        Over::SaveAs { name, .. } => {
            let shown = Sanitized::from(name.as_str()).to_string();
            let (lead, end) = ("save in the current folder as: ", "   Enter  Esc");
            let room = width.saturating_sub(lead.len() + end.len() + 1);
            Line::from(vec![
                Span::styled(lead, theme.strong()),
                Span::raw(format!("{}▏", squeeze(&shown, room))),
                Span::styled(end, theme.quiet()),
            ])
        }
        _ if !explorer.message.is_empty() => {
            Line::styled(cut(&explorer.message, width), theme.warning())
        }
        _ => Line::styled(cut(keys, width), theme.quiet()),
    };
    frame.render_widget(Paragraph::new(line), area);
}

fn columns(text: &str) -> usize {
    crate::report::text::columns(text)
}

/// As many columns of a text as there are; the end is left out.
fn cut(text: &str, room: usize) -> String {
    crate::report::text::cut(text, room)
}

/// The same, with the middle left out: of a path the name counts.
fn squeeze(text: &str, room: usize) -> String {
    crate::report::text::squeeze(text, room)
}
