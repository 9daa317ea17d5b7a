//! `careen inspect`.

use super::args::Global;
use super::decisions::{self, Decisions};
use super::error::{self, CliError};
use super::formats::{Outputs, Written};
use super::inspect_args::{Inspect, JudgeArgs};
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{bases, pattern_files, plan, progress};
use crate::analyze::secrets::Patterns;
use crate::oci::without_password;
use crate::pipeline::{self, Inspection, Plan, Reach};
use crate::report::model::{JudgedBy, Report};
use crate::report::text::{self, Detail};
use crate::report::tree::FileTree;
use crate::report::unreadable::unreadable;
use crate::rules::gate::Gate;
use std::sync::Arc;

pub fn run(args: &Inspect, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let judge = &args.judge;
    let several = args.all_platforms || args.references.len() > 1;
    let outputs = Outputs::new(&judge.output, judge.reveal, several)?;
    let words: Vec<&str> = args.references.iter().map(String::as_str).collect();
    let judging = Judging::new(judge, args.all_platforms, &words)?.with_trees(&outputs);
    let (mut reports, mut trees) = (Vec::new(), Vec::new());
    let mut worst = Status::Clean;
    for reference in &args.references {
        match judging.look(reference, Reach::All, global, terminal) {
            Ok(inspection) => {
                worst = worst.max(status(&inspection, &judging.decisions.gate));
                reports.extend(inspection.reports);
                trees.extend(inspection.trees);
            }
            // Of several images, one that is not there keeps nobody from the others; but it was asked for.
            Err(e) if args.references.len() > 1 => {
                error::print(&e, terminal);
                worst = worst.max(e.status());
                reports.push(judging.unreadable(reference, &e));
                trees.extend(outputs.want_trees().then(FileTree::default));
            }
            Err(e) => return Err(e),
        }
    }
    let detail = detail(global);
    let text = &text::render_all;
    let written = Written { reports: &reports, trees: &trees, several, detail, text };
    outputs.write(&written, terminal)?;
    Ok(worst)
}

/// All that is decided before an image is looked at.
pub struct Judging<'a> {
    args: &'a JudgeArgs,
    settings: SourceSettings,
    pub decisions: Decisions,
    patterns: Arc<Patterns>,
    file_tree: bool,
}

impl<'a> Judging<'a> {
    pub fn new(
        args: &'a JudgeArgs,
        all_platforms: bool,
        references: &[&str],
    ) -> Result<Self, CliError> {
        let decisions = Decisions::read(&args.accept, &args.policy, &args.fail_on)?;
        let baseline = decisions.baseline_reference();
        let references: Vec<&str> = references.iter().copied().chain(baseline).collect();
        let settings = SourceSettings::new(&args.source, all_platforms, args.reveal, &references)?;
        let settings = SourceSettings { confidence: args.confidence.into(), ..settings };
        let patterns = pattern_files::load(&args.patterns)?;
        let decisions = decisions.fitting(&patterns)?;
        Ok(Self { args, settings, decisions, patterns, file_tree: false })
    }

    /// With what fills the image, if some form shows it.
    pub fn with_trees(self, outputs: &Outputs) -> Self {
        Self { file_tree: outputs.want_trees(), ..self }
    }

    /// What stands in a document for an image that could not be looked at.
    fn unreadable(&self, reference: &str, e: &CliError) -> Report {
        let judged_by = JudgedBy::new(&self.patterns, self.args.confidence.into());
        let mut report = unreadable(&without_password(reference), &error::in_words(e), judged_by);
        report.keep_only(&self.args.output.only);
        report
    }

    /// Judges one image. What its owner accepts and nothing in it fits is told on standard error if the
    /// user wants to know all.
    pub fn look(
        &self,
        reference: &str,
        reach: Reach,
        global: &Global,
        terminal: &Terminal,
    ) -> Result<Inspection, CliError> {
        let plan = |reference: &str| -> Result<Plan, CliError> {
            let plan = plan::plan(reference, &self.settings)?;
            bases::applied(&self.args.base, Plan { patterns: self.patterns.clone(), ..plan })
        };
        let against = self.decisions.against(&plan)?;
        let plan = self.decisions.applied_to(plan(reference)?);
        let advise = reach == Reach::All;
        let plan = Plan { advise, file_tree: self.file_tree, ..plan };
        let mut inspection = progress::during(terminal, global.quiet, |p| {
            pipeline::inspect_against(&plan, against, reach, p)
        })?;
        if !self.args.output.only.is_empty() {
            for report in &mut inspection.reports {
                report.keep_only(&self.args.output.only);
            }
        }
        if global.verbose {
            for entry in decisions::unused(&plan, &inspection) {
                error::note(&entry, terminal);
            }
        }
        Ok(inspection)
    }
}

pub fn detail(global: &Global) -> Detail {
    if global.verbose { Detail::Full } else { Detail::Compact }
}

/// A partial report never looks clean, nor like one that is merely full of findings.
pub fn status(inspection: &Inspection, gate: &Gate) -> Status {
    let failed = inspection.partial
        || inspection.reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.failed));
    if failed {
        return Status::NotLookedAt;
    }
    let mut findings = inspection.reports.iter().flat_map(|r| &r.findings);
    match findings.any(|f| gate.fails(&f.rule, f.category, f.severity)) {
        true => Status::Findings,
        false => Status::Clean,
    }
}
