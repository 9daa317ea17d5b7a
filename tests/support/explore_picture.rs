//! The explorer's screen of an image as an SVG, for the README: `explore-picture REF KEYS OUT.svg`. KEYS are
//! words such as `right down ! enter`.

use careen::explore::{Effect, Explorer, Key};
use careen::pipeline::explore::open;
use careen::pipeline::{Plan, Silent};
use careen::source::locator::Locator;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::fmt::Write;
use std::sync::Arc;

const COLUMNS: u16 = 100;
const ROWS: u16 = 28;
/// Of a character, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const PAPER: &str = "#14181d";
const INK: &str = "#d5dae0";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reference, keys, out] = arguments.as_slice() else { panic!("REF KEYS OUT.svg") };
    let plan = Plan::new(Locator::parse(reference).unwrap());
    let mut explorer = Explorer::new(Arc::new(open(&plan, &Silent).unwrap()));
    for word in keys.split_whitespace() {
        let wish = explorer.key(match word {
            "down" => Key::Down,
            "right" => Key::Right,
            "enter" => Key::Enter,
            "tab" => Key::Tab,
            one => Key::Char(one.chars().next().unwrap()),
        });
        assert_eq!(wish, Effect::None, "{word} takes a thread beside");
    }
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).unwrap();
    terminal.draw(|frame| explorer.draw(frame, true)).unwrap();
    let buffer = terminal.backend().buffer();
    let (width, height) = (f32::from(COLUMNS) * WIDTH + 32.0, f32::from(ROWS) * HEIGHT + 32.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, \
         'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" \
         rx=\"10\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..ROWS {
        let mut x = 0;
        while x < COLUMNS {
            let cell = &buffer[(x, y)];
            let same = |c: &Cell| (c.fg, c.modifier) == (cell.fg, cell.modifier);
            let end = (x..COLUMNS).find(|&n| !same(&buffer[(n, y)])).unwrap_or(COLUMNS);
            let text: String = (x..end).map(|n| buffer[(n, y)].symbol()).collect();
            run(&mut svg, x, y, &text, cell);
            x = end;
        }
    }
    svg.push_str("</svg>\n");
    std::fs::write(out, svg).unwrap();
}

fn run(svg: &mut String, x: u16, y: u16, text: &str, cell: &Cell) {
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    if text.trim().is_empty() && !reversed {
        return;
    }
    let ink = match cell.fg {
        Color::Red => "#ff6b6b",
        Color::Yellow => "#e6b450",
        Color::Green => "#7fd962",
        Color::Blue => "#6cb6ff",
        Color::Cyan => "#39bae6",
        _ if cell.modifier.contains(Modifier::DIM) => "#8b949e",
        _ => INK,
    };
    let (left, top) = (16.0 + f32::from(x) * WIDTH, 16.0 + f32::from(y) * HEIGHT);
    let wide = text.chars().count() as f32 * WIDTH;
    if reversed {
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{HEIGHT}\" fill=\"{ink}\"/>"
        );
    }
    let fill = if reversed { PAPER } else { ink };
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let shown = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" xml:space=\"preserve\" fill=\"{fill}\"{weight}>{shown}</text>",
        top + 13.5
    );
}
