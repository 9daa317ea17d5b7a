//! Arguments of the commands that judge an image: `inspect` and `check`.

use super::args::{BaseArgs, REFERENCE, SourceArgs, Sure};
use super::formats::{ReportFormat, Target};
use crate::report::model::Section;
use crate::rules::gate::GateTerm;
use crate::rules::name::NameGlob;
use crate::rules::policy::{Budget, Forbid, Policy, Require};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen inspect debian:12
  careen inspect --only secrets,waste -v ./image.tar
  careen inspect shop:1.4 --output sarif=shop.sarif --output html=shop.html
  careen inspect --platform linux/arm64 --fail-on critical,config/root-user shop:1.4
  docker save shop | careen inspect -")]
pub struct Inspect {
    /// The image; several are looked at one after the other
    #[arg(value_name = "REF", long_help = REFERENCE, required = true)]
    pub references: Vec<String>,
    /// Report on every platform; as JSON, an array
    #[arg(long, conflicts_with = "platform")]
    pub all_platforms: bool,
    #[command(flatten)]
    pub judge: JudgeArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen check shop:1.5                                 against careen.toml
  careen check shop:1.5 --baseline shop:1.4             only what is new; reads only what changed
  careen check ./image.tar --baseline main.json --output sarif=new.sarif
  careen check shop:1.5 --max-compressed 150MB --forbid-tool build-tool

A baseline is an image, or the JSON report of one. Layers that both have are not read again where the \
verdict cannot depend on them (docs/ci.md).")]
pub struct Check {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// Read every layer, also those that the baseline has too
    #[arg(long, help_heading = "Accepted findings")]
    pub all_layers: bool,
    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// How an image is judged and reported.
#[derive(Args)]
pub struct JudgeArgs {
    /// End with status 1 on a finding of this severity or worse, or of this rule; never: on none;
    /// may be a list [default: high]
    #[arg(
        long,
        env = "CAREEN_FAIL_ON",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "WHAT"
    )]
    pub fail_on: Vec<GateTerm>,
    /// List secrets that are at least this sure
    #[arg(long, value_enum, default_value_t = Sure::Likely, value_name = "LEVEL")]
    pub confidence: Sure,
    /// Look for these secrets, too: a folder of pattern files, one of them, or a gitleaks
    /// configuration; may be repeated
    #[arg(long, value_name = "PATH")]
    pub patterns: Vec<PathBuf>,
    /// Show secrets in clear: the report is then a secret itself
    #[arg(long)]
    pub reveal: bool,
    #[command(flatten)]
    pub accept: AcceptArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub output: ReportArgs,
    #[command(flatten)]
    pub source: SourceArgs,
}

/// In what form, and where to.
#[derive(Args)]
pub struct ReportArgs {
    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write to a file, whole or not at all; with FORMAT=FILE beside what is printed; may be repeated
    #[arg(short, long, value_name = "[FORMAT=]FILE")]
    pub output: Vec<Target>,
    /// Only these parts of the report; only their findings count
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    pub only: Vec<Section>,
}

impl ValueEnum for Section {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Secrets, Self::Config, Self::Waste, Self::Tools, Self::Packages, Self::Advice]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.word()))
    }
}

/// Which findings do not count, and what the image's owner has decided.
#[derive(Args)]
pub struct AcceptArgs {
    /// The owner's decisions: accepted findings, budgets, demands [default: careen.toml, if there is
    /// one]
    #[arg(
        long,
        env = "CAREEN_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        help_heading = "Accepted findings"
    )]
    pub config: Option<PathBuf>,
    /// Accept what this file lists, one a line [default: .careenignore, if there is one]
    #[arg(long, value_name = "FILE", help_heading = "Accepted findings")]
    pub ignore_file: Option<PathBuf>,
    /// List only what this image, or this earlier JSON report, does not have
    #[arg(
        long,
        env = "CAREEN_BASELINE",
        hide_env_values = true,
        value_name = "REF|FILE",
        help_heading = "Accepted findings"
    )]
    pub baseline: Option<String>,
}

/// What the image must keep to; beside careen.toml, which these override.
#[derive(Args)]
pub struct PolicyArgs {
    /// Fail above this compressed size, such as 150MB
    #[arg(long, value_name = "SIZE", value_parser = super::number::size, help_heading = "Policy")]
    pub max_compressed: Option<u64>,
    /// Fail above this size on disk
    #[arg(long, value_name = "SIZE", value_parser = super::number::size, help_heading = "Policy")]
    pub max_on_disk: Option<u64>,
    /// Fail if later layers hide more than this
    #[arg(long, value_name = "SIZE", value_parser = super::number::size, help_heading = "Policy")]
    pub max_waste: Option<u64>,
    /// Fail if they hide more than this part of the content, and at least 1 MB
    #[arg(long, value_name = "PERCENT", value_parser = crate::rules::policy::percent, help_heading = "Policy")]
    pub max_waste_percent: Option<f64>,
    /// Fail if it is this much larger than the baseline
    #[arg(long, value_name = "SIZE", value_parser = super::number::size, help_heading = "Policy")]
    pub max_growth: Option<u64>,
    /// Fail if it is larger than the baseline by more than this
    #[arg(long, value_name = "PERCENT", value_parser = crate::rules::policy::percent, help_heading = "Policy")]
    pub max_growth_percent: Option<f64>,
    /// Fail on any other base image; a glob; may be a list
    #[arg(long, value_name = "NAME", value_parser = NameGlob::new, value_delimiter = ',', help_heading = "Policy")]
    pub require_base: Vec<NameGlob>,
    /// Fail if it runs as any other user; may be a list
    #[arg(long, value_name = "USER", value_parser = NameGlob::new, value_delimiter = ',', help_heading = "Policy")]
    pub require_user: Vec<NameGlob>,
    /// Fail if this package is installed; a glob; may be a list
    #[arg(long, value_name = "NAME", value_parser = NameGlob::new, value_delimiter = ',', help_heading = "Policy")]
    pub forbid_package: Vec<NameGlob>,
    /// Fail on this kind of tool (build-tool, package-manager…) or program (curl); may be a list
    #[arg(long, value_name = "NAME", value_parser = NameGlob::new, value_delimiter = ',', help_heading = "Policy")]
    pub forbid_tool: Vec<NameGlob>,
}

impl PolicyArgs {
    pub fn policy(&self) -> Policy {
        Policy {
            budget: Budget {
                compressed: self.max_compressed,
                on_disk: self.max_on_disk,
                waste: self.max_waste,
                waste_percent: self.max_waste_percent,
                waste_floor: None,
                growth: self.max_growth,
                growth_percent: self.max_growth_percent,
            },
            require: Require { base: self.require_base.clone(), user: self.require_user.clone() },
            forbid: Forbid {
                packages: self.forbid_package.clone(),
                tools: self.forbid_tool.clone(),
            },
        }
    }
}
