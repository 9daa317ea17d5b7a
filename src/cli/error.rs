//! What went wrong, for the user: one line, its causes, and what to do.

use super::status::Status;
use super::terminal::Terminal;
use crate::analyze::secrets::{KnownSecrets, Masker, PatternError, Patterns};
use crate::pipeline::PipelineError;
use crate::report::FormatError;
use crate::report::baseline::BaselineError;
use crate::rules::config::ConfigError;
use crate::sweep::SweepError;
use crate::sweep::export::ExportError;
use crate::text::Sanitized;
use anstyle::{AnsiColor, Style};
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{what}; {hint}")]
    UsageWithHint { what: String, hint: String },
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("cannot write the output")]
    Stdout(#[source] io::Error),
    #[error("cannot write {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot read {}", path.display())]
    Input { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("--baseline {}", path.display())]
    Baseline { path: PathBuf, source: BaselineError },
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),
    #[error("cannot read the cache at {}", path.display())]
    Cache { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("the system gives no more threads or open files: {0}")]
    Exhausted(String),
    #[error("careen failed: {0}")]
    Defect(String),
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
}

impl CliError {
    pub fn status(&self) -> Status {
        match self {
            Self::Usage(_) | Self::UsageWithHint { .. } => Status::Usage,
            Self::Input { .. } | Self::Config(_) | Self::Baseline { .. } | Self::Pattern(_) => {
                Status::Usage
            }
            Self::Pipeline(e) if e.is_usage() => Status::Usage,
            Self::Sweep(e) if e.is_usage() => Status::Usage,
            _ => Status::NotLookedAt,
        }
    }

    /// The reader went away: it has seen enough.
    pub fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = match self {
            Self::Stdout(e) => Some(e),
            Self::Pipeline(e) => Some(e),
            _ => None,
        };
        while let Some(e) = cause {
            if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
            {
                return true;
            }
            cause = e.source();
        }
        false
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UsageWithHint { hint, .. } => Some(hint.clone()),
            Self::Pipeline(e) => e.hint(),
            Self::Sweep(e) => e.hint(),
            Self::Config(e) => e.hint.clone(),
            Self::Baseline { source, .. } => Some(source.hint()),
            Self::Exhausted(_) => Some(
                "raise the limits (`ulimit -u`, `ulimit -n`, the container's `pids`), or use fewer \
                 `--jobs`"
                    .to_owned(),
            ),
            Self::Defect(_) => Some("please report it, with the image if it is public".to_owned()),
            _ => None,
        }
    }

    fn headline(&self) -> String {
        match self {
            Self::UsageWithHint { what, .. } => what.clone(),
            other => other.to_string(),
        }
    }
}

/// `error: …`, its causes and `hint: …` on standard error; harmless whatever an image or a registry
/// put into it.
pub fn print(e: &CliError, terminal: &Terminal) {
    let mut stderr = io::stderr().lock();
    // There is nobody left to tell when this fails.
    let _ = write(&mut stderr, e, terminal.stderr_colour);
}

/// `note: …` on standard error, for what is no error.
pub fn note(text: &str, terminal: &Terminal) {
    let _ = label(&mut io::stderr().lock(), "note", AnsiColor::Cyan, text, terminal.stderr_colour);
}

/// What went wrong and why, in one line. It may repeat words of an image or a registry: no secret of theirs
/// that a built-in pattern knows stands in it.
pub fn in_words(e: &CliError) -> String {
    without_secrets(&plain_words(e))
}

fn without_secrets(text: &str) -> String {
    Masker::new(&Patterns::builtin(), KnownSecrets::default()).mask_sentence(text)
}

fn plain_words(e: &CliError) -> String {
    let mut text = e.headline();
    let mut cause = e.source();
    while let Some(c) = cause {
        let words = c.to_string();
        // Many errors already say their cause.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = c.source();
    }
    text
}

fn write(out: &mut dyn Write, e: &CliError, colour: bool) -> io::Result<()> {
    label(out, "error", AnsiColor::Red, &in_words(e), colour)?;
    if let Some(hint) = e.hint() {
        label(out, "hint", AnsiColor::Cyan, &without_secrets(&hint), colour)?;
    }
    Ok(())
}

fn label(
    out: &mut dyn Write,
    word: &str,
    colour: AnsiColor,
    text: &str,
    on: bool,
) -> io::Result<()> {
    let style = if on { Style::new().bold().fg_color(Some(colour.into())) } else { Style::new() };
    writeln!(out, "{style}{word}:{style:#} {}", Sanitized::from(text))
}
