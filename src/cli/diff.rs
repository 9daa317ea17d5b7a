//! `careen diff`.

use super::args::{Diff, Format, Global};
use super::error::CliError;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{inspect, output, plan, progress};
use crate::pipeline;
use crate::report::diff::{self, diff_reports};
use crate::report::json;
use crate::report::text::Detail;

/// Changes of each kind that a compact difference shows.
const FEW: usize = 20;

pub fn run(args: &Diff, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.before, &args.after])?;
    let mut sides = Vec::new();
    for reference in [&args.before, &args.after] {
        if reference == "-" {
            return Err(CliError::Usage(
                "diff reads each image twice: save what comes on standard input to a file"
                    .to_owned(),
            ));
        }
        let plan = plan::plan(reference, &settings)?;
        let side = progress::during(terminal, global.quiet, |p| {
            let inspection = pipeline::inspect(&plan, p)?;
            let files = pipeline::list_files(&plan, None, p)?;
            Ok::<_, CliError>((inspection.reports.into_iter().next(), files))
        })?;
        sides.push(side);
    }
    let [(Some(a), a_files), (Some(b), b_files)] = sides.as_slice() else {
        return Err(CliError::Usage("diff compares two images".to_owned()));
    };
    let difference = diff_reports(a, b, a_files, b_files);
    let written = match args.output.format {
        Format::Text => {
            let few = (inspect::detail(global) == Detail::Compact).then_some(FEW);
            diff::text(&difference, inspect::paper(terminal, path.is_some()), few)
        }
        Format::Json => json::pretty(&difference)?,
    };
    output::write(&written, path)?;
    Ok(if difference.partial {
        Status::NotLookedAt
    } else {
        Status::Clean
    })
}
