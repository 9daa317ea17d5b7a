//! What the process is connected to.

use super::args::Color;
use std::io::IsTerminal;

#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Columns of standard output; 80 where it is no terminal.
    pub columns: usize,
    pub stdout_colour: bool,
    pub stderr_colour: bool,
    pub stderr_is_terminal: bool,
}

impl Terminal {
    pub fn of_this_process(choice: Color) -> Self {
        let stdout = std::io::stdout().is_terminal();
        let stderr = std::io::stderr().is_terminal();
        // <https://no-color.org>: set and not empty.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let colour = |terminal: bool| match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !refused,
        };
        let columns = match terminal_size::terminal_size() {
            Some((width, _)) if stdout => usize::from(width.0),
            _ => 80,
        };
        Self {
            columns,
            stdout_colour: colour(stdout),
            stderr_colour: colour(stderr),
            stderr_is_terminal: stderr,
        }
    }
}
