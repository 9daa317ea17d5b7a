//! `careen explain`.

use super::args::Explain;
use super::error::CliError;
use super::output;
use super::status::Status;
use super::terminal::Terminal;
use crate::report::text::Paper;
use crate::report::text::{RuleDoc, explain, explain_list};
use crate::rules::Severity;

/// Stands in for the list of rules until there is one, to be dropped.
const RULES: &[RuleDoc] = &[RuleDoc {
    id: "root-user",
    title: "The image runs as root",
    severity: Severity::Medium,
    doc: "A process that breaks out of its container as root has more to break.\n\nSet a `USER` that is not root, by number.",
}];

pub fn run(args: &Explain, terminal: &Terminal) -> Result<Status, CliError> {
    let paper = Paper::new(terminal.columns, terminal.stdout_colour);
    let text = match &args.rule {
        None => explain_list(RULES, paper),
        Some(id) => match RULES.iter().find(|r| r.id == id) {
            Some(rule) => explain(rule, paper),
            None => return Err(unknown(id)),
        },
    };
    output::write(&text, None)?;
    Ok(Status::Clean)
}

fn unknown(id: &str) -> CliError {
    let near: Vec<String> = RULES
        .iter()
        .filter(|r| r.id.contains(id) || id.contains(r.id))
        .map(|r| format!("`{}`", r.id))
        .collect();
    CliError::UsageWithHint {
        what: format!("there is no rule `{id}`"),
        hint: match near.as_slice() {
            [] => "`careen explain` lists the rules".to_owned(),
            near => format!("perhaps {}", near.join(" or ")),
        },
    }
}
