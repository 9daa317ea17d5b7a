//! A Dockerfile without the secrets that stand in it: variables that held one are gone, steps that used one
//! get it from the builder, and what can be written in no other way is left out and said.
//!
//! A mask of the report never becomes a value.

use super::Evidence;
use super::build_secret::{Mounted, exported, mounted, option};
use super::dockerfile::plain;
use crate::dockerfile::{self, Kind, Step};
use std::collections::BTreeSet;

/// A build without secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CleanBuild {
    pub text: String,
    /// What was done and what the author has to do, a sentence each.
    pub remarks: Vec<String>,
}

/// Programs that take a build argument from their environment.
const READ_ENVIRONMENT: [&str; 14] = [
    "npm", "yarn", "pnpm", "pip", "pip3", "poetry", "uv", "bundle", "gem", "composer", "mvn",
    "gradle", "cargo", "go",
];
/// Programs that set the password of an account.
const SET_PASSWORDS: [&str; 3] = ["chpasswd", "passwd", "usermod"];

/// The same build without its secrets. `None` if it is no Dockerfile, or a secret stands where it cannot be
/// left out.
pub(super) fn clean_build(evidence: &Evidence, text: &str) -> Option<CleanBuild> {
    let arguments = secret_arguments(evidence);
    let mut remarks = Vec::new();
    let mut out = String::new();
    let mut at = 0;
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for step in dockerfile::parse(text).ok()? {
        out.push_str(&text[at..step.range.start]);
        at = step.range.end;
        let own = &text[step.range.clone()];
        if matches!(step.kind, Kind::From { .. }) {
            open.clear();
        }
        if let Some(name) = argument(own)
            && let Some(name) = arguments.get(name)
        {
            open.insert(name);
            remarks
                .push(format!("{} held a secret: build with --secret id={0},env={0}", plain(name)));
            continue;
        }
        out.push_str(&clean(evidence, &step, own, &open, &mut remarks));
    }
    out.push_str(&text[at..]);
    Some(CleanBuild { text: checked(evidence, out)?, remarks })
}

/// Names of build arguments whose values the history tells.
fn secret_arguments(evidence: &Evidence) -> BTreeSet<String> {
    let args = evidence.facts.history.steps.iter().flat_map(|s| &s.args);
    args.filter(|(name, value)| {
        is_name(name)
            && !value.is_empty()
            && !(evidence.secrets_in)(&format!("{name}={value}")).is_empty()
    })
    .map(|(name, _)| name.clone())
    .collect()
}

fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty()
}

/// The name that an `ARG` declares.
fn argument(own: &str) -> Option<&str> {
    let (keyword, rest) = own.split_once(char::is_whitespace)?;
    let name = rest.trim().split('=').next()?;
    keyword.eq_ignore_ascii_case("ARG").then_some(name)
}

/// One instruction as it is to be; empty where nothing is left of it.
fn clean(
    evidence: &Evidence,
    step: &Step,
    own: &str,
    open: &BTreeSet<&str>,
    remarks: &mut Vec<String>,
) -> String {
    if let Kind::Run { options, line: Some(line) } = &step.kind {
        let wanted: Vec<&str> = open.iter().copied().filter(|name| reads(line, name)).collect();
        let held = !(evidence.secrets_in)(own).is_empty();
        if !held && wanted.is_empty() {
            return own.to_owned();
        }
        return run(evidence, options, line, held, &wanted, remarks);
    }
    if (evidence.secrets_in)(own).is_empty() {
        return own.to_owned();
    }
    let keyword = own.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    match keyword.as_str() {
        "ENV" | "ARG" | "LABEL" => pairs(evidence, &keyword, own, remarks),
        _ => {
            let remark = match keyword.as_str() {
                "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => {
                    format!(
                        "{keyword} held a secret and is left out: pass it when the container starts"
                    )
                }
                _ => format!("a {} step holds a secret and is left out", plain(&keyword)),
            };
            remarks.push(remark.clone());
            format!("# {remark}")
        }
    }
}

fn run(
    evidence: &Evidence,
    options: &[String],
    line: &str,
    held: bool,
    wanted: &[&str],
    remarks: &mut Vec<String>,
) -> String {
    let left_out = |remarks: &mut Vec<String>, why: &str| {
        remarks.push(why.to_owned());
        format!("# {why}")
    };
    let mut new = Mounted { line: line.to_owned(), ids: Vec::new() };
    if held {
        if SET_PASSWORDS.iter().any(|p| has_word(line, p)) {
            return left_out(
                remarks,
                "a RUN step that sets a password is left out: no container needs one",
            );
        }
        match mounted(line, &(evidence.secrets_in)(line)) {
            Some(mounted) => new = mounted,
            None => {
                return left_out(
                    remarks,
                    "a RUN step that holds a secret is left out: write it with RUN --mount=type=secret",
                );
            }
        }
        remarks.extend(new.ids.iter().map(|id| {
            format!(
                "a RUN step held a secret: build with --secret id={id},src=<file that holds it>"
            )
        }));
    }
    for name in wanted {
        new.line = exported(name, &new.line);
        if !options.contains(&option(name)) && !new.ids.iter().any(|id| id == name) {
            new.ids.push((*name).to_owned());
        }
    }
    new.instruction(options)
}

/// Whether a line uses a variable, or runs what may.
fn reads(line: &str, name: &str) -> bool {
    line.contains(&format!("${name}"))
        || line.contains(&format!("${{{name}"))
        || READ_ENVIRONMENT.iter().any(|program| has_word(line, program))
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| c.is_whitespace() || "&|;()/".contains(c)).any(|w| w == word)
}

/// `ENV` and the like with the pairs that hold no secret.
fn pairs(evidence: &Evidence, keyword: &str, own: &str, remarks: &mut Vec<String>) -> String {
    let text = own.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    let text = text.replace("\\\n", " ");
    let words = shlex::split(&text).unwrap_or_default();
    let old = words.first().is_none_or(|w| !w.contains('=')) || text.contains('$');
    let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let mut kept = Vec::new();
    for word in if old { &words[..words.len().min(1)] } else { &words[..] } {
        if old || !(evidence.secrets_in)(word).is_empty() {
            let name = evidence.masked(&plain(&name(word)));
            remarks.push(format!("{name} held a secret: pass it when the container starts"));
        } else if let Some((name, value)) = word.split_once('=') {
            kept.push(format!("{name}={}", serde_json::to_string(value).unwrap_or_default()));
        }
    }
    if kept.is_empty() { String::new() } else { format!("{keyword} {}", kept.join(" ")) }
}

/// The text with masks in comments only; `None` if one would stand in an instruction.
fn checked(evidence: &Evidence, text: String) -> Option<String> {
    let masked = evidence.masked(&text);
    if masked == text {
        return Some(text);
    }
    let instructions = |text: &str| -> Option<Vec<String>> {
        let steps = dockerfile::parse(text).ok()?;
        Some(steps.into_iter().map(|s| text[s.range].to_owned()).collect())
    };
    (instructions(&text)? == instructions(&masked)?).then_some(masked)
}
