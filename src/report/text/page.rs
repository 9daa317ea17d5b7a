//! The page that the report is written on: no line is wider than the paper, and nothing from an image
//! reaches it unsanitised.

use super::width::{columns, cut, wrap};
use crate::text::Sanitized;
use anstyle::{AnsiColor, Style};

/// Narrower than this no table is readable; what is narrower is treated as this wide.
const NARROWEST: usize = 60;

/// Wider than this no line is readable.
const WIDEST: usize = 140;

/// What the report is printed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    width: usize,
    colour: bool,
}

impl Paper {
    /// `columns` of a terminal (80 where there is none), and whether it takes colours.
    pub fn new(columns: usize, colour: bool) -> Self {
        Self { width: columns.clamp(NARROWEST, WIDEST), colour }
    }

    /// Columns that a line may take.
    pub fn width(self) -> usize {
        self.width
    }
}

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Quiet,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        let coloured = |c: AnsiColor| Style::new().fg_color(Some(c.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Good => coloured(AnsiColor::Green),
            Self::Warning => coloured(AnsiColor::Yellow),
            Self::Bad => coloured(AnsiColor::Red).bold(),
        }
    }
}

/// A piece of a line.
pub(crate) struct Span(Tone, String);

pub(crate) fn span(tone: Tone, text: impl Into<String>) -> Span {
    Span(tone, text.into())
}

pub(crate) struct Page {
    paper: Paper,
    out: String,
    lines: usize,
}

impl Page {
    pub(crate) fn new(paper: Paper) -> Self {
        Self { paper, out: String::new(), lines: 0 }
    }

    pub(crate) fn width(&self) -> usize {
        self.paper.width
    }

    /// Lines written so far.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// One line; what does not fit is cut off at its end.
    pub(crate) fn line(&mut self, spans: &[Span]) {
        let mut left = self.paper.width;
        let last = spans.iter().rposition(|s| !s.1.trim().is_empty()).map_or(0, |i| i + 1);
        for (i, Span(tone, text)) in spans[..last].iter().enumerate() {
            let mut text = cut(&clean(text), left);
            if i + 1 == last {
                text.truncate(text.trim_end().len());
            }
            left -= columns(&text);
            if self.paper.colour && *tone != Tone::Plain && !text.is_empty() {
                let style = tone.style();
                self.out.push_str(&format!("{style}{text}{style:#}"));
            } else {
                self.out.push_str(&text);
            }
        }
        self.out.push('\n');
        self.lines += 1;
    }

    pub(crate) fn plain(&mut self, text: impl Into<String>) {
        self.line(&[span(Tone::Plain, text)]);
    }

    pub(crate) fn blank(&mut self) {
        self.line(&[]);
    }

    /// An empty line and the title of a section, with a remark.
    pub(crate) fn heading(&mut self, title: &str, remark: &str) {
        self.blank();
        self.line(&[span(Tone::Strong, title), span(Tone::Quiet, "  "), span(Tone::Quiet, remark)]);
    }

    /// Running text below `indent` columns; `first` stands in the indent of the first line.
    pub(crate) fn paragraph(&mut self, first: &str, indent: usize, tone: Tone, text: &str) {
        for (i, line) in
            wrap(&clean(text), self.paper.width.saturating_sub(indent)).into_iter().enumerate()
        {
            let lead = if i == 0 { first } else { "" };
            self.line(&[span(Tone::Plain, format!("{lead:<indent$}")), span(tone, line)]);
        }
    }

    /// Says that a section shows `shown` of `all`.
    pub(crate) fn more(&mut self, indent: usize, shown: usize, all: usize) {
        if shown < all {
            self.line(&[span(
                Tone::Quiet,
                format!("{:indent$}… {} more (-v shows all)", "", all - shown),
            )]);
        }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// Harmless on a terminal.
pub(crate) fn clean(s: &str) -> String {
    Sanitized::from(s).to_string()
}
