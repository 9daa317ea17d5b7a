//! `careen cat`: bytes as they are, to a pipe or a file.

use super::args::{Cat, Global};
use super::error::CliError;
use super::settings::SourceSettings;
use super::status::Status;
use super::{output, plan};
use crate::pipeline;

pub fn run(args: &Cat, _: &Global) -> Result<Status, CliError> {
    let path = args.output.as_deref();
    output::check(path)?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.reference])?;
    let plan = plan::plan(&args.reference, &settings)?;
    output::with(path, |out| Ok(pipeline::cat(&plan, &args.path, args.layer, out)?))?;
    Ok(Status::Clean)
}
