//! The arguments as clap knows them; completions and the man page come from here too.

use super::explore_args::Explore;
use super::inspect_args::{Check, Inspect};
use super::inventory_args::Inventory;
use super::patterns_args::PatternsAction;
use super::sweep_args::{Sweep, Worker};
use crate::analyze::Confidence;
use crate::oci::Platform;
use crate::rules::Severity;
use crate::source::registry::AllowedHost;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Looks inside container images and says how to make them small and safe.
#[derive(Parser)]
#[command(name = "careen", version, max_term_width = 100, after_help = STATUSES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const STATUSES: &str = "\
Examples:
  careen inspect debian:12                   an image in a registry
  careen inspect ./image.tar                 what `docker save` wrote
  careen cat debian:12 /etc/os-release       a file's bytes
  careen diff shop:1.4 shop:1.5              what changed
  careen check shop:1.5 --baseline shop:1.4  a gate for CI: only what is new

Exit status:
  0  clean
  1  findings at or above --fail-on
  2  wrong usage
  3  something could not be looked at; what there is of the report is still written";

#[derive(Args)]
pub struct Global {
    /// Show everything, not only the largest and worst
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// No progress display
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colours; NO_COLOR is honoured too
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub enum Command {
    /// Report on an image: sizes, waste, findings, packages, advice
    Inspect(Box<Inspect>),
    /// Judge an image by careen.toml and against a baseline: the gate of a pipeline
    Check(Box<Check>),
    /// Walk through an image's layers and files in the terminal
    Explore(Box<Explore>),
    /// Write a careen.toml to start from
    Init(Init),
    /// List the files of an image or of one layer
    Files(Files),
    /// Write a file's bytes, also of one that a later layer deleted
    Cat(Cat),
    /// Say what changed from one image to another
    Diff(Diff),
    /// Say how to make an image smaller and safer, with the whole Dockerfile and the size afterwards
    Advise(Advise),
    /// Say why what the image starts needs a file, or that it does not
    Why(Why),
    /// Explain a rule; without one, list them
    Explain(Explain),
    /// List the secrets that are looked for, try them on a file, check one's own
    #[command(subcommand)]
    Patterns(PatternsAction),
    /// Look into all images of a registry, each layer once
    Sweep(Box<Sweep>),
    /// Ask what sweeps have found: secrets, layers, bases, waste
    Inventory(Box<Inventory>),
    /// Work on what sweeps on other machines have planned
    Worker(Box<Worker>),
    /// Look after the cache of layers already read
    Cache(Cache),
    /// Print the JSON schema of the report
    Schema,
    /// Print the completions for a shell
    Completions(Completions),
    /// Print the man page, or that of a command
    Man(Man),
}

pub const REFERENCE: &str = "\
REF is an image in a registry (debian:12, ghcr.io/org/app@sha256:…), a file or folder (what \
`docker save`, skopeo or buildah wrote), or - for a tar on standard input. The prefixes docker://, \
oci:, oci-archive:, docker-archive: and docker-daemon: force one; path:tag picks one of several.";

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen files debian:12 --sort size
  careen files ./image.tar --layer 2 --filter '**/*.pem'")]
pub struct Files {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// A layer, numbered from 0, instead of the final file system
    #[arg(long, value_name = "N")]
    pub layer: Option<usize>,
    /// Only what the image's command needs: its files, with whole packages, or with all that a sound
    /// system has
    #[arg(long, value_enum, value_name = "MODE", conflicts_with = "layer")]
    pub needed: Option<Needed>,
    #[arg(long, value_enum, default_value_t = Sort::Path, help = "Order: the largest first, or by path")]
    pub sort: Sort,
    /// Only paths that match, such as '**/*.pem'; a pattern without / matches the name
    #[arg(long, value_name = "GLOB")]
    pub filter: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen cat debian:12 /etc/os-release
  careen cat ./image.tar /app/.env --layer 4      from a layer, deleted later or not")]
pub struct Cat {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// The file
    pub path: String,
    /// A layer, numbered from 0, instead of the final file system
    #[arg(long, value_name = "N")]
    pub layer: Option<usize>,
    /// Write to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub source: SourceArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen diff shop:1.4 shop:1.5
  careen diff --format json ./old.tar ./new.tar")]
pub struct Diff {
    /// The image before
    #[arg(value_name = "A", long_help = REFERENCE)]
    pub before: String,
    /// The image after
    #[arg(value_name = "B")]
    pub after: String,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen advise app:1.4 --dockerfile Dockerfile
  careen advise app:1.4 --emit needed-files > Dockerfile.small")]
pub struct Advise {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// What the image is built from; without it, the build is read from the image's history
    #[arg(long, value_name = "PATH")]
    pub dockerfile: Option<PathBuf>,
    /// The stage of it that the image is, where that is not the last
    #[arg(long, value_name = "STAGE", requires = "dockerfile")]
    pub target: Option<String>,
    /// Print only the Dockerfile of this proposal
    #[arg(long, value_name = "ID")]
    pub emit: Option<String>,
    /// Print it as a patch against --dockerfile
    #[arg(long, requires_all = ["emit", "dockerfile"])]
    pub patch: bool,
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}

/// How much of an image is needed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Needed {
    File,
    Package,
    Sound,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen why app:1.4 /usr/bin/perl
  careen files app:1.4 --needed sound --sort size    all that is needed")]
pub struct Why {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// A file or folder of it
    pub path: String,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen init                       careen.toml in the current folder
  careen init ci/careen.toml        then: careen check REF --config ci/careen.toml")]
pub struct Init {
    /// Where to
    #[arg(value_name = "FILE", default_value = "careen.toml")]
    pub path: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen explain                          all rules
  careen explain config/root-user
  careen explain secret/github-pat")]
pub struct Explain {
    /// Id of a rule, as a finding names it
    pub rule: Option<String>,
}

#[derive(Args)]
pub struct Cache {
    #[command(subcommand)]
    pub action: CacheAction,
}

#[derive(Subcommand)]
pub enum CacheAction {
    /// Say where it is and how large
    Info(CacheDir),
    /// Remove all of it
    Prune(CacheDir),
}

#[derive(Args)]
pub struct CacheDir {
    /// Folder of the cache
    #[arg(long, env = "CAREEN_CACHE_DIR", hide_env_values = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen completions bash > ~/.local/share/bash-completion/completions/careen
  careen completions zsh > \"${fpath[1]}/_careen\"
  careen completions fish > ~/.config/fish/completions/careen.fish")]
pub struct Completions {
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen man | man -l -
  careen man check | man -l -
  careen man --folder ~/.local/share/man/man1      then: man careen-check")]
pub struct Man {
    /// A command, such as check
    #[arg(conflicts_with = "folder")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Size,
    Path,
}

/// How sure a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sure {
    /// Anything that may be one
    Possible,
    /// Its format, place or name says so
    Likely,
    /// A checksum or structure in it is right
    VerifiedFormat,
}

impl From<Sure> for Confidence {
    fn from(sure: Sure) -> Self {
        match sure {
            Sure::Possible => Self::Possible,
            Sure::Likely => Self::Likely,
            Sure::VerifiedFormat => Self::VerifiedFormat,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl FailOn {
    /// The least severity that fails; `None` for never.
    pub fn threshold(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::Never => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Args)]
pub struct OutputArgs {
    /// Text for people, JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What is known of base images.
#[derive(Args)]
pub struct BaseArgs {
    /// Recognise these bases by their layers: a file of [[base]] tables with name and layers
    #[arg(long, value_name = "FILE", help_heading = "Base images")]
    pub bases: Option<PathBuf>,
    /// Ask the bases' registries for their manifests: sizes and digests of today
    #[arg(long, help_heading = "Base images")]
    pub resolve_bases: bool,
    /// Take bases from elsewhere, such as gcr.io=mirror.example.com/gcr; may be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = mirror, help_heading = "Base images")]
    pub base_mirror: Vec<(String, String)>,
}

fn mirror(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("expected FROM=TO, such as docker.io=mirror.example.com/hub".to_owned()),
    }
}

/// How an image is reached and read.
#[derive(Args)]
pub struct SourceArgs {
    /// os/architecture[/variant] of a multi-platform image [default: this machine's]
    #[arg(long, value_name = "PLATFORM", help_heading = "Image")]
    pub platform: Option<Platform>,
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where the local engine listens
    #[arg(
        long,
        env = "DOCKER_HOST",
        hide_env_values = true,
        value_name = "ADDRESS",
        help_heading = "Registry"
    )]
    pub docker_host: Option<String>,
    /// Neither read nor write the cache
    #[arg(long, help_heading = "Work")]
    pub no_cache: bool,
    /// Folder of the cache
    #[arg(
        long,
        env = "CAREEN_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Work"
    )]
    pub cache_dir: Option<PathBuf>,
    #[command(flatten)]
    pub work: WorkArgs,
}

/// How a registry is reached.
#[derive(Args)]
pub struct RegistryArgs {
    /// User name at the registry; the password comes from standard input
    #[arg(long, requires = "password_stdin", help_heading = "Registry", value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username", help_heading = "Registry")]
    pub password_stdin: bool,
    /// Credentials file, instead of docker's and podman's own
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    pub authfile: Option<PathBuf>,
    /// Trust the certificates in this PEM file too; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    pub ca_file: Vec<PathBuf>,
    /// Talk HTTP without TLS: to the registry, or to HOST, a token server or another registry; may be
    /// repeated
    #[arg(
        long,
        help_heading = "Registry",
        value_name = "HOST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub plain_http: Vec<String>,
    /// Let a registry lead here though it is in a private network or on this machine: a host, *.DOMAIN
    /// or a range of addresses; may be repeated
    #[arg(
        long,
        env = "CAREEN_ALLOW_HOST",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "HOST",
        help_heading = "Registry"
    )]
    pub allow_host: Vec<AllowedHost>,
    /// Give up on a transfer that is slower than this a second; 0: never
    #[arg(
        long,
        env = "CAREEN_MIN_RATE",
        hide_env_values = true,
        value_name = "SIZE",
        value_parser = super::number::size,
        default_value = "1kB",
        help_heading = "Registry"
    )]
    pub min_rate: u64,
    /// Trust any certificate: whoever is in between can read and change everything
    #[arg(long, help_heading = "Registry")]
    pub insecure_skip_verify: bool,
    /// Fetch layers from other hosts when the image says so
    #[arg(long, help_heading = "Registry")]
    pub follow_foreign_urls: bool,
}

impl RegistryArgs {
    /// Whether the registry itself is asked without TLS.
    pub fn is_plain_http(&self) -> bool {
        self.plain_http.iter().any(String::is_empty)
    }

    /// Whether there is what can be meant for one registry only.
    pub fn is_for_one(&self) -> bool {
        self.username.is_some() || self.is_plain_http() || self.insecure_skip_verify
    }
}

/// How much work is done at once, and how much of it is bearable.
#[derive(Args)]
pub struct WorkArgs {
    /// Layers worked on at the same time [default: the number of cores]
    #[arg(long, value_name = "N", help_heading = "Work")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Refuse a layer that unpacks to more, such as 20GB
    #[arg(long, value_name = "SIZE", value_parser = super::number::size, help_heading = "Work")]
    pub max_layer_bytes: Option<u64>,
    /// Refuse a layer that unpacks to more than N times its size
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    pub max_ratio: Option<u64>,
}
