//! `careen explain`.

use super::args::Explain;
use super::error::CliError;
use super::output;
use super::status::Status;
use super::terminal::Terminal;
use crate::analyze::secrets::{Pattern, Patterns};
use crate::report::text::Paper;
use crate::report::text::{RuleDoc, explain, explain_list};
use crate::rules::{self, Severity};

pub fn run(args: &Explain, terminal: &Terminal) -> Result<Status, CliError> {
    let paper = Paper::new(terminal.columns, terminal.stdout_colour);
    let patterns = Patterns::builtin();
    let secrets: Vec<Secret> = patterns.iter().map(Secret::new).collect();
    let mut all: Vec<RuleDoc> = rules::all()
        .iter()
        .map(|r| RuleDoc { id: r.id, title: r.title, severity: r.severity, doc: r.doc })
        .collect();
    all.extend(secrets.iter().map(Secret::doc));
    let text = match &args.rule {
        None => explain_list(&all, paper),
        Some(id) => match all.iter().find(|r| r.id == id) {
            Some(rule) => explain(rule, paper),
            None => return Err(unknown(id, &all)),
        },
    };
    output::write(&text, None)?;
    Ok(Status::Clean)
}

/// What is said of a pattern: its own words, and what holds for every secret.
struct Secret {
    id: String,
    title: String,
    severity: Severity,
    doc: String,
}

impl Secret {
    fn new(pattern: &Pattern) -> Self {
        Self {
            id: format!("secret/{}", pattern.id),
            title: pattern.description.clone(),
            severity: pattern.severity.into(),
            doc: format!("{ABOUT_SECRETS}\n\n{}", pattern.doc),
        }
    }

    fn doc(&self) -> RuleDoc<'_> {
        RuleDoc { id: &self.id, title: &self.title, severity: self.severity, doc: &self.doc }
    }
}

const ABOUT_SECRETS: &str = "Whoever can pull the image has it, also from a layer whose file a later layer deletes.\n\n\
    Revoke it at its provider first. Then pass its successor at run time, or at build time with \
    `RUN --mount=type=secret`, and build again from before the step that brought it.";

fn unknown(id: &str, all: &[RuleDoc]) -> CliError {
    let near: Vec<String> = all
        .iter()
        .filter(|r| r.id.contains(id) || id.contains(r.id))
        .take(3)
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
