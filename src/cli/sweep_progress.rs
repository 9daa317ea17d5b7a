//! How far a sweep is, on standard error: a line that moves on a terminal, nothing elsewhere.

use super::terminal::Terminal;
use crate::sweep::SweepProgress;
use crate::sweep::store::PlanFigures;
use crate::sweep::text::plan_line;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub struct SweepBar {
    bar: ProgressBar,
    shown: bool,
    quiet: bool,
    repositories: AtomicU64,
    tags: AtomicU64,
    layers: AtomicU64,
    all_layers: AtomicU64,
    images: AtomicU64,
    all_images: AtomicU64,
}

impl SweepBar {
    pub fn start(terminal: &Terminal, quiet: bool) -> Self {
        let shown = !quiet && terminal.stderr_is_terminal;
        let bar = match shown {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            bar,
            shown,
            quiet,
            repositories: AtomicU64::new(0),
            tags: AtomicU64::new(0),
            layers: AtomicU64::new(0),
            all_layers: AtomicU64::new(0),
            images: AtomicU64::new(0),
            all_images: AtomicU64::new(0),
        }
    }

    /// A line that stays.
    fn say(&self, line: &str) {
        use std::io::Write;
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }

    fn planning(&self) {
        let (r, t) = (&self.repositories, &self.tags);
        self.bar.set_message(format!(
            "planning: {} repositories, {} tags",
            r.load(Ordering::Relaxed),
            t.load(Ordering::Relaxed)
        ));
    }

    fn working(&self) {
        let n = |v: &AtomicU64| v.load(Ordering::Relaxed);
        self.bar.set_message(format!(
            "layers {}/{}  images {}/{}",
            n(&self.layers),
            n(&self.all_layers),
            n(&self.images),
            n(&self.all_images)
        ));
    }
}

impl SweepProgress for SweepBar {
    fn repository(&self) {
        self.repositories.fetch_add(1, Ordering::Relaxed);
        self.planning();
    }

    fn tag(&self) {
        self.tags.fetch_add(1, Ordering::Relaxed);
        self.planning();
    }

    fn planned(&self, figures: &PlanFigures) {
        if !self.quiet {
            self.say(&plan_line(figures));
        }
        self.all_layers.store(figures.layers_to_fetch, Ordering::Relaxed);
        self.all_images.store(figures.images_to_judge, Ordering::Relaxed);
        if self.shown {
            self.bar.set_length(figures.bytes_to_fetch);
            let template = "{bar:16} {decimal_bytes:>9}/{decimal_total_bytes:<9} \
                            {decimal_bytes_per_sec:>11} {eta:>4}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.reset_elapsed();
        }
        self.working();
    }

    fn fetched(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn layer(&self) {
        self.layers.fetch_add(1, Ordering::Relaxed);
        self.working();
    }

    fn image(&self) {
        self.images.fetch_add(1, Ordering::Relaxed);
        self.working();
    }
}

impl Drop for SweepBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
