//! `careen check`: the gate of a pipeline.

use super::args::Global;
use super::error::CliError;
use super::formats::{Outputs, Written};
use super::inspect::{self, Judging};
use super::inspect_args::Check;
use super::status::Status;
use super::terminal::Terminal;
use crate::pipeline::Reach;
use crate::report::text;

pub fn run(args: &Check, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let outputs = Outputs::new(&args.judge.output, args.judge.reveal, false)?;
    let judging = Judging::new(&args.judge, false, &[&args.reference])?;
    let judging = judging.with_trees(&outputs);
    let all = args.all_layers || outputs.take_every_layer();
    let reach = if all { Reach::All } else { Reach::Changed };
    let inspection = judging.look(&args.reference, reach, global, terminal)?;
    let gate = &judging.decisions.gate;
    let written = Written {
        reports: &inspection.reports,
        trees: &inspection.trees,
        several: false,
        detail: inspect::detail(global),
        text: &|reports, paper, detail| text::check_all(reports, gate, paper, detail),
    };
    outputs.write(&written, terminal)?;
    Ok(inspect::status(&inspection, gate))
}
