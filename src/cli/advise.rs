//! `careen advise`.

use super::args::{Advise, Format, Global};
use super::error::CliError;
use super::formats::paper;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{bases, output, plan, progress};
use crate::dockerfile;
use crate::pipeline::{self, Plan};
use crate::report::json;
use crate::report::model::{AdviceReport, Report};
use crate::report::text::advise;

pub fn run(args: &Advise, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.reference])?;
    let mut dockerfile = args.dockerfile.as_deref().map(read).transpose()?;
    if let (Some(text), Some(target)) = (&mut dockerfile, &args.target) {
        *text = up_to(text, target, args.patch)?;
    }
    let plan = Plan { dockerfile, all_advice: true, ..plan::plan(&args.reference, &settings)? };
    let plan = bases::applied(&args.base, plan)?;
    let inspection = progress::during(terminal, global.quiet, |p| pipeline::inspect(&plan, p))?;
    let Some(report) = inspection.reports.first() else { return Ok(Status::Clean) };
    let written = match (&args.emit, args.output.format) {
        (Some(id), _) => emitted(report, id, args.patch)?,
        (None, Format::Text) => advise(report, paper(terminal, path.is_some())),
        (None, Format::Json) => json::pretty(&serde_json::json!({
            "image": report.image.reference,
            "size": report.size,
            "advice": report.advice,
        }))?,
    };
    output::write(&written, path)?;
    Ok(if inspection.partial { Status::NotLookedAt } else { Status::Clean })
}

fn read(path: &std::path::Path) -> Result<String, CliError> {
    let fail = |why: String| CliError::Usage(format!("--dockerfile {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
    dockerfile::parse(&text).map_err(|e| fail(e.to_string()))?;
    Ok(text)
}

/// What a build of this stage reads.
fn up_to(text: &str, target: &str, patch: bool) -> Result<String, CliError> {
    let fail = |why: &str| CliError::Usage(format!("--target {target}: {why}"));
    let found = dockerfile::up_to_stage(text, target).map_err(|e| fail(&e.to_string()))?;
    let cut = found.ok_or_else(|| fail("the Dockerfile has no such stage"))?;
    if patch && !text[cut.len()..].trim().is_empty() {
        return Err(fail(
            "other stages follow it, which a patch would leave behind the new one: leave out --patch",
        ));
    }
    Ok(cut.to_owned())
}

/// One proposal's Dockerfile, as it stands, or as a patch.
fn emitted(report: &Report, id: &str, patch: bool) -> Result<String, CliError> {
    let text = |a: &'_ AdviceReport| if patch { a.patch.clone() } else { a.dockerfile.clone() };
    let with: Vec<_> = report.advice.iter().filter_map(|a| Some((&a.id, text(a)?))).collect();
    match with.iter().find(|(name, _)| *name == id) {
        Some((_, text)) => Ok(text.clone()),
        None => {
            let refused =
                report.advice.iter().find(|a| a.id == id).and_then(|a| a.no_patch.as_deref());
            if let Some(why) = refused.filter(|_| patch) {
                return Err(CliError::Usage(format!("--patch: there is none for `{id}`: {why}")));
            }
            let names: Vec<&str> = with.iter().map(|(name, _)| name.as_str()).collect();
            let what = if patch { "patch" } else { "Dockerfile" };
            let there = match names.as_slice() {
                [] => "there is none".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            Err(CliError::Usage(format!("--emit: no {what} `{id}` for this image; {there}")))
        }
    }
}
