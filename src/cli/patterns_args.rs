//! The arguments of `careen patterns`.

use super::args::{Format, Sure};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  careen patterns test .env config/               is there a secret in these files?
  careen patterns list --format json
  careen patterns lint our-patterns/")]
pub enum PatternsAction {
    /// List all kinds of secrets
    List(PatternsList),
    /// Look for secrets in local files and folders; status 1 if there are some
    Test(PatternsTest),
    /// Check pattern files: their samples, keywords and sources
    Lint(PatternsLint),
}

#[derive(Args)]
pub struct PatternsList {
    /// A folder of pattern files, one of them, or a gitleaks configuration; may be repeated
    #[arg(long, value_name = "PATH")]
    pub patterns: Vec<PathBuf>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Args)]
pub struct PatternsTest {
    /// Files and folders to look at; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A folder of pattern files, one of them, or a gitleaks configuration; may be repeated
    #[arg(long, value_name = "PATH")]
    pub patterns: Vec<PathBuf>,
    /// List what is at least this sure
    #[arg(long, value_enum, default_value_t = Sure::Likely, value_name = "LEVEL")]
    pub confidence: Sure,
}

#[derive(Args)]
pub struct PatternsLint {
    /// A folder of pattern files, one of them, or a gitleaks configuration
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}
