//! One bar for all layers, on standard error, only on a terminal.

use super::terminal::Terminal;
use crate::pipeline::{Progress, Silent};
use crate::text::Sanitized;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub struct Bar {
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    found: usize,
    done: usize,
}

impl Bar {
    /// A bar where there is somebody to look at it.
    pub fn start(terminal: &Terminal, quiet: bool) -> Option<Self> {
        if quiet || !terminal.stderr_is_terminal {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
        let template = "{bar:20} {decimal_bytes:>9} of {decimal_total_bytes:<9}  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(Self { bar, state: Mutex::default() })
    }

    fn say(&self, name: &str, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let name: String = Sanitized::from(name).to_string().chars().take(19).collect();
        self.bar.set_message(format!("{} of {} layers  {name}", state.done, state.found));
    }
}

impl Progress for Bar {
    fn layer_found(&self, name: &str, bytes: Option<u64>) {
        self.bar.inc_length(bytes.unwrap_or(0));
        self.say(name, |s| s.found += 1);
    }

    fn advanced(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn layer_done(&self, name: &str) {
        self.say(name, |s| s.done += 1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Runs `work` with a bar or in silence; the bar is gone when the work is done.
pub fn during<T>(terminal: &Terminal, quiet: bool, work: impl FnOnce(&dyn Progress) -> T) -> T {
    match Bar::start(terminal, quiet) {
        Some(bar) => work(&bar),
        None => work(&Silent),
    }
}
