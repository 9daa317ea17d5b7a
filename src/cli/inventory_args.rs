//! The arguments of `careen inventory`.

use super::sweep_args::StoreArgs;
use crate::oci::Platform;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen inventory secrets
  careen inventory places --fingerprint 3f1c        which tags carry this secret
  careen inventory images --root --repository 'team/*' --format csv -o root.csv
  careen inventory report -o fleet.html
  careen inventory sql 'SELECT COUNT(*) FROM layers'")]
pub struct Inventory {
    #[command(subcommand)]
    pub action: InventoryAction,
}

#[derive(Subcommand)]
pub enum InventoryAction {
    /// Distinct images: sizes, user, base, secrets
    Images(TableArgs),
    /// Distinct layers by what they cost: bytes, times the tags that have them
    Layers(TableArgs),
    /// Each leaked secret, and the layer and repository that brought it
    Secrets(TableArgs),
    /// Each tag with each of its secrets
    Places(TableArgs),
    /// What production does not need, by kind and package
    Tools(TableArgs),
    /// Base images in use
    Bases(TableArgs),
    /// Bytes that tags carry and never show
    Waste(TableArgs),
    /// Repositories: what they store, share, and make people pull
    Repositories(TableArgs),
    /// Layers that the same instruction made again and again, or the same content twice
    Duplicates(TableArgs),
    /// The few changes that do the most for all
    Advice(TableArgs),
    /// Tags that are new, have moved or are gone since the sweep before, and their secrets
    Changes(TableArgs),
    /// What the last sweep could not look at
    NotLookedAt(TableArgs),
    /// The sweeps so far
    Sweeps(TableArgs),
    /// All of it as one HTML page
    Report(ReportArgs),
    /// Ask in SQL; nothing can be changed
    Sql(Sql),
}

impl InventoryAction {
    /// The name of the table, and how it is wanted.
    pub fn view(&self) -> (&'static str, &TableArgs) {
        match self {
            Self::Images(a) => ("images", a),
            Self::Layers(a) => ("layers", a),
            Self::Secrets(a) => ("secrets", a),
            Self::Places(a) => ("places", a),
            Self::Tools(a) => ("tools", a),
            Self::Bases(a) => ("bases", a),
            Self::Waste(a) => ("waste", a),
            Self::Repositories(a) => ("repositories", a),
            Self::Duplicates(a) => ("duplicates", a),
            Self::Advice(a) => ("advice", a),
            Self::Changes(a) => ("changes", a),
            Self::NotLookedAt(a) => ("not-looked-at", a),
            Self::Sweeps(a) => ("sweeps", a),
            Self::Sql(a) => ("sql", &a.table),
            Self::Report(_) => unreachable!("a report is no table"),
        }
    }
}

#[derive(Args)]
pub struct TableArgs {
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Form of the table
    #[arg(long, value_enum, default_value_t = TableForm::Text)]
    pub format: TableForm,
    /// Most rows; 0 for all [default: 40 of a text, all of the others]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Write to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreArgs,
}

#[derive(Args)]
pub struct FilterArgs {
    /// Only repositories that match, such as 'team/*' or 'host/*'; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Filter")]
    pub repository: Vec<String>,
    /// Only tags that match; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Filter")]
    pub tag: Vec<String>,
    /// Only this platform; may be repeated
    #[arg(long, value_name = "PLATFORM", help_heading = "Filter")]
    pub platform: Vec<Platform>,
    /// Only images that run as root
    #[arg(long, help_heading = "Filter")]
    pub root: bool,
    /// Only images with this secret, by its fingerprint or the beginning of it
    #[arg(long, value_name = "FINGERPRINT", help_heading = "Filter")]
    pub fingerprint: Option<String>,
    /// Only images with this layer, by its digest or the beginning of it
    #[arg(long, value_name = "DIGEST", help_heading = "Filter")]
    pub layer: Option<String>,
}

#[derive(Args)]
pub struct ReportArgs {
    /// Write to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreArgs,
}

#[derive(Args)]
pub struct Sql {
    /// One SELECT; without it, it is read from standard input
    pub query: Option<String>,
    #[command(flatten)]
    pub table: TableArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableForm {
    Text,
    Json,
    /// A JSON object a line
    Jsonl,
    Csv,
    Parquet,
}
