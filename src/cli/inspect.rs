//! `careen inspect`.

use super::accepting::{self, Accepting};
use super::args::{Format, Global, Inspect};
use super::error::{self, CliError};
use super::output::Readers;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{bases, output, pattern_files, plan, progress};
use crate::pipeline::{self, Inspection, Plan};
use crate::report::text::{Detail, Paper};
use crate::report::{json, text};
use crate::rules::Severity;

pub fn run(args: &Inspect, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let settings =
        SourceSettings::new(&args.source, args.all_platforms, args.reveal, &[&args.reference])?;
    let settings = SourceSettings { confidence: args.confidence.into(), ..settings };
    let patterns = pattern_files::load(&args.patterns)?;
    let plan = Plan { patterns, ..plan::plan(&args.reference, &settings)? };
    let plan = bases::applied(&args.base, Accepting::read(&args.accept)?.applied_to(plan))?;
    let inspection = progress::during(terminal, global.quiet, |p| pipeline::inspect(&plan, p))?;
    let written = match args.output.format {
        Format::Text => {
            let paper = paper(terminal, path.is_some());
            text::render_all(&inspection.reports, paper, detail(global))
        }
        Format::Json if args.all_platforms => json::all(&inspection.reports)?,
        Format::Json => match inspection.reports.as_slice() {
            [one] => json::one(one)?,
            several => json::all(several)?,
        },
    };
    let readers = if args.reveal { Readers::Owner } else { Readers::Everyone };
    output::write_for(readers, &written, path)?;
    if global.verbose {
        for entry in accepting::unused(&plan, &inspection) {
            error::note(&entry, terminal);
        }
    }
    Ok(status(&inspection, args.fail_on.threshold()))
}

/// A file gets neither colours nor the width of the terminal.
pub fn paper(terminal: &Terminal, to_file: bool) -> Paper {
    if to_file {
        Paper::new(80, false)
    } else {
        Paper::new(terminal.columns, terminal.stdout_colour)
    }
}

pub fn detail(global: &Global) -> Detail {
    if global.verbose { Detail::Full } else { Detail::Compact }
}

/// A partial report never looks clean, nor like one that is merely full of findings.
fn status(inspection: &Inspection, threshold: Option<Severity>) -> Status {
    let failed = inspection.partial
        || inspection.reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.failed));
    if failed {
        return Status::NotLookedAt;
    }
    let worst = inspection.reports.iter().flat_map(|r| &r.findings).map(|f| f.severity).max();
    match (worst, threshold) {
        (Some(worst), Some(threshold)) if worst >= threshold => Status::Findings,
        _ => Status::Clean,
    }
}
