//! The arguments of the commands that look at many images.

use super::args::{FailOn, OutputArgs, RegistryArgs, Sure, WorkArgs};
use super::number;
use crate::oci::Platform;
use crate::source::registry::ListingKind;
use crate::sweep::TagChoice;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen sweep registry.example.com                       all repositories
  careen sweep registry.example.com/team --tags newest:3 --dry-run
  kubectl get pods -A -o json | careen sweep --from-kubernetes -
  careen sweep registry.example.com --store postgres://careen@db/careen --plan-only")]
pub struct Sweep {
    /// The registry, with or without the beginning of its repositories' names
    #[arg(value_name = "HOST[/PREFIX]", required_unless_present_any = ["from", "from_kubernetes"])]
    pub target: Option<String>,
    /// References, one a line; - is standard input; repository:* stands for all its tags
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "from_kubernetes"])]
    pub from: Option<PathBuf>,
    /// The images that run, by what `kubectl get pods -A -o json` writes; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub from_kubernetes: Option<PathBuf>,
    /// Say what it will cost, and stop there
    #[arg(long)]
    pub dry_run: bool,
    /// Leave the work to `careen worker`
    #[arg(long, conflicts_with = "dry_run")]
    pub plan_only: bool,
    /// End with status 1 on a finding of this severity or worse
    #[arg(long, value_enum, default_value_t = FailOn::High, value_name = "SEVERITY")]
    pub fail_on: FailOn,
    #[command(flatten)]
    pub listing: ListingArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub manners: MannersArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub work: WorkArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen worker --store postgres://careen@db/careen
  careen worker --store postgres://careen@db/careen --idle 5m      goes home when all is done")]
pub struct Worker {
    /// Go home when there has been no work for this long, such as 5m [default: never]
    #[arg(long, value_name = "TIME", value_parser = number::duration)]
    pub idle: Option<Duration>,
    /// The registry that --username, --plain-http and --insecure-skip-verify are for
    #[arg(long, value_name = "HOST", help_heading = "Registry")]
    pub registry_host: Option<String>,
    /// Free a layer when its worker has been silent for this long
    #[arg(long, value_name = "TIME", value_parser = number::duration, default_value = "60s")]
    pub lease: Duration,
    #[command(flatten)]
    pub manners: MannersArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub work: WorkArgs,
}

/// How the registry names its repositories.
#[derive(Args)]
pub struct ListingArgs {
    /// Whose API lists the repositories [default: by the host, else the catalog]
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Selection")]
    pub listing: Option<Listing>,
    /// Where that API is, such as https://gitlab.example.com
    #[arg(long, value_name = "URL", help_heading = "Selection")]
    pub listing_api: Option<url::Url>,
    /// A file with a token for that API
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub listing_token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// The standard catalog
    Catalog,
    /// Docker Hub: all repositories of a user or organisation
    DockerHub,
    /// GitHub: the container packages of a user or organisation
    Github,
    /// GitLab: the registries of a group or project
    Gitlab,
    /// Quay: the repositories of a namespace
    Quay,
    /// Harbor: the repositories of a project, or of all
    Harbor,
}

impl From<Listing> for ListingKind {
    fn from(l: Listing) -> Self {
        match l {
            Listing::Catalog => Self::Catalog,
            Listing::DockerHub => Self::DockerHub,
            Listing::Github => Self::GitHub,
            Listing::Gitlab => Self::GitLab,
            Listing::Quay => Self::Quay,
            Listing::Harbor => Self::Harbor,
        }
    }
}

/// Which images.
#[derive(Args)]
pub struct SelectArgs {
    /// Only repositories that match, such as 'team/*'; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub repository: Vec<String>,
    /// Only tags that match; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub tag: Vec<String>,
    /// Not what matches, a repository or repository:tag; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub exclude: Vec<String>,
    /// Of each repository: all, newest:N or semver:latest
    #[arg(long, value_name = "CHOICE", default_value = "all", help_heading = "Selection")]
    pub tags: TagChoice,
    /// Only images created since a day, or a time ago: 2026-05-01, 30d
    #[arg(long, value_name = "WHEN", value_parser = number::moment, help_heading = "Selection")]
    pub since: Option<i64>,
    /// Only this platform; may be repeated [default: all]
    #[arg(long, value_name = "PLATFORM", help_heading = "Selection")]
    pub platform: Vec<Platform>,
}

/// How the registry is treated.
#[derive(Args)]
pub struct MannersArgs {
    /// Requests that wait for an answer at the same time
    #[arg(long, value_name = "N", default_value = "16", help_heading = "RequestLimits")]
    pub concurrency: std::num::NonZeroUsize,
    /// Most requests a second
    #[arg(long, value_name = "N", value_parser = number::rate, help_heading = "RequestLimits")]
    pub rate: Option<f64>,
    /// Fetch no more bytes of layers than this, such as 50GB
    #[arg(long, value_name = "SIZE", value_parser = number::size, help_heading = "RequestLimits")]
    pub budget: Option<u64>,
    /// Believe for this long that a tag has not moved, such as 12h
    #[arg(long, value_name = "TIME", value_parser = number::duration, help_heading = "RequestLimits")]
    pub max_age: Option<Duration>,
}

/// Where what is known is kept.
#[derive(Args)]
pub struct StoreArgs {
    /// A file, or postgres://user@host/database [default: inventory.db in the data folder]
    #[arg(
        long,
        env = "CAREEN_STORE",
        hide_env_values = true,
        value_name = "PLACE",
        help_heading = "Store"
    )]
    pub store: Option<String>,
}

/// What counts.
#[derive(Args)]
pub struct JudgeArgs {
    /// Keep secrets that are at least this sure
    #[arg(long, value_enum, default_value_t = Sure::Likely, value_name = "LEVEL")]
    pub confidence: Sure,
    /// Look for these secrets, too: a folder of pattern files, one of them, or a gitleaks
    /// configuration; may be repeated
    #[arg(long, value_name = "PATH")]
    pub patterns: Vec<PathBuf>,
    /// Recognise these bases by their layers: a file of [[base]] tables with name and layers
    #[arg(long, value_name = "FILE")]
    pub bases: Option<PathBuf>,
}
