//! `careen why`.

use super::args::{Format, Global, Why};
use super::error::CliError;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{output, plan, progress};
use crate::pipeline;
use crate::report::json;
use crate::report::text::why;

pub fn run(args: &Why, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.reference])?;
    let plan = plan::plan(&args.reference, &settings)?;
    let report = progress::during(terminal, global.quiet, |p| pipeline::why(&plan, &args.path, p))?;
    let written = match args.output.format {
        Format::Text => why(&report),
        Format::Json => json::pretty(&report)?,
    };
    output::write(&written, path)?;
    Ok(Status::Clean)
}
