//! `careen diff`.

use super::args::{Diff, Format, Global};
use super::error::CliError;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{formats, inspect, output, plan, progress};
use crate::pipeline;
use crate::report::diff;
use crate::report::json;
use crate::report::text::Detail;

/// Changes of each kind that a compact difference shows.
const FEW: usize = 20;

pub fn run(args: &Diff, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.before, &args.after])?;
    let before = plan::plan(&args.before, &settings)?;
    let after = plan::plan(&args.after, &settings)?;
    let difference =
        progress::during(terminal, global.quiet, |p| pipeline::diff(&before, &after, p))?;
    let written = match args.output.format {
        Format::Text => {
            let few = (inspect::detail(global) == Detail::Compact).then_some(FEW);
            diff::text(&difference, formats::paper(terminal, path.is_some()), few)
        }
        Format::Json => json::pretty(&difference)?,
    };
    output::write(&written, path)?;
    Ok(if difference.partial { Status::NotLookedAt } else { Status::Clean })
}
