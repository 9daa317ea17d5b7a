//! The syntax of a Dockerfile, as far as it takes to rewrite one: its instructions, each with its place in
//! the text, so that what is not changed stays as it is written.
//!
//! Must not know images, and judges nothing.

mod shell;

pub use shell::{Command, Joint, commands};

use parse_dockerfile as syntax;
use std::borrow::Cow;
use std::ops::Range;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its bytes, from the keyword to the end of its last line, without that line's end.
    pub range: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    From {
        image: String,
        stage: Option<String>,
    },
    /// `line`: what the shell gets, on one line; `None` for the exec form and here-documents.
    Run {
        options: Vec<String>,
        line: Option<String>,
    },
    /// COPY with files; ADD and here-documents are `Other`.
    Copy {
        options: Vec<String>,
        sources: Vec<String>,
        target: String,
    },
    Workdir(String),
    User(String),
    Env(String),
    Cmd,
    Entrypoint,
    Healthcheck,
    Shell,
    Other,
}

/// Why a text is no Dockerfile: what the parser says.
#[derive(Debug, thiserror::Error)]
#[error("not a Dockerfile: {0}")]
pub struct SyntaxError(String);

/// The text up to the end of a stage, by its name or number, as a build with `--target` reads it; `None` if no
/// stage is called so.
pub fn up_to_stage<'a>(text: &'a str, name: &str) -> Result<Option<&'a str>, SyntaxError> {
    let steps = parse(text)?;
    let stages: Vec<usize> =
        (0..steps.len()).filter(|&n| matches!(steps[n].kind, Kind::From { .. })).collect();
    let is_named = |at: usize| match &steps[at].kind {
        Kind::From { stage: Some(stage), .. } => stage.eq_ignore_ascii_case(name),
        _ => false,
    };
    let by_number = || name.parse::<usize>().ok().filter(|n| *n < stages.len());
    let Some(found) = stages.iter().position(|&at| is_named(at)).or_else(by_number) else {
        return Ok(None);
    };
    let end = match stages.get(found + 1) {
        Some(&next) => steps[next - 1].range.end,
        None => text.len(),
    };
    Ok(Some(&text[..end]))
}

/// The instructions of all stages.
pub fn parse(text: &str) -> Result<Vec<Step>, SyntaxError> {
    let readable = without_empty_lists(text);
    let file = syntax::parse(&readable).map_err(|e| SyntaxError(e.to_string()))?;
    // The parser counts from behind a mark of the byte order.
    let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let starts: Vec<usize> = file.instructions.iter().map(|i| mark + start(i)).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let ranges = starts.iter().zip(ends).map(|(&start, next)| start..end(text, start, next));
    Ok(file
        .instructions
        .iter()
        .zip(ranges)
        .map(|(i, range)| Step { range, kind: kind(i) })
        .collect())
}

/// `ENTRYPOINT []` and `CMD []` undo what a base says, and the parser takes no empty list: a word of as many bytes
/// stands in.
fn without_empty_lists(text: &str) -> Cow<'_, str> {
    if !text.contains('[') {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let list = line.split_once(char::is_whitespace).filter(|(keyword, rest)| {
            let keyword = keyword.to_ascii_uppercase();
            let inside = rest.trim().strip_prefix('[').and_then(|r| r.strip_suffix(']'));
            ["ENTRYPOINT", "CMD"].contains(&keyword.as_str())
                && inside.is_some_and(|i| i.trim().is_empty())
        });
        match list {
            Some(_) => line.replace(['[', ']'], "x"),
            None => line.to_owned(),
        }
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

/// Blank lines and comments before the next instruction belong to that one.
fn end(text: &str, start: usize, next: usize) -> usize {
    let mut end = start;
    let mut at = start;
    for line in text[start..next].split_inclusive('\n') {
        at += line.len();
        let bare = line.trim();
        if !bare.is_empty() && !bare.starts_with('#') {
            end = at - (line.len() - line.trim_end().len());
        }
    }
    end
}

fn start(instruction: &syntax::Instruction) -> usize {
    use syntax::Instruction as I;
    let keyword = match instruction {
        I::Add(i) => &i.add,
        I::Arg(i) => &i.arg,
        I::Cmd(i) => &i.cmd,
        I::Copy(i) => &i.copy,
        I::Entrypoint(i) => &i.entrypoint,
        I::Env(i) => &i.env,
        I::Expose(i) => &i.expose,
        I::From(i) => &i.from,
        I::Healthcheck(i) => &i.healthcheck,
        I::Label(i) => &i.label,
        I::Maintainer(i) => &i.maintainer,
        I::Onbuild(i) => &i.onbuild,
        I::Run(i) => &i.run,
        I::Shell(i) => &i.shell,
        I::Stopsignal(i) => &i.stopsignal,
        I::User(i) => &i.user,
        I::Volume(i) => &i.volume,
        I::Workdir(i) => &i.workdir,
        _ => return 0,
    };
    keyword.span.start
}

fn kind(instruction: &syntax::Instruction) -> Kind {
    use syntax::Instruction as I;
    match instruction {
        I::From(i) => Kind::From {
            image: i.image.value.to_string(),
            stage: i.as_.as_ref().map(|(_, name)| name.value.to_string()),
        },
        I::Run(i) => Kind::Run {
            options: i.options.iter().map(flag).collect(),
            line: match &i.arguments {
                syntax::Command::Shell(text) if i.here_docs.is_empty() => Some(joined(text.value)),
                _ => None,
            },
        },
        I::Copy(i) => {
            let sources: Option<Vec<String>> = i
                .src
                .iter()
                .map(|source| match source {
                    syntax::Source::Path(path) => Some(path.value.to_string()),
                    _ => None,
                })
                .collect();
            sources.map_or(Kind::Other, |sources| Kind::Copy {
                options: i.options.iter().map(flag).collect(),
                sources,
                target: i.dest.value.to_string(),
            })
        }
        I::Workdir(i) => Kind::Workdir(i.arguments.value.to_string()),
        I::User(i) => Kind::User(i.arguments.value.to_string()),
        I::Env(i) => Kind::Env(i.arguments.value.to_string()),
        I::Cmd(_) => Kind::Cmd,
        I::Entrypoint(_) => Kind::Entrypoint,
        I::Healthcheck(_) => Kind::Healthcheck,
        I::Shell(_) => Kind::Shell,
        _ => Kind::Other,
    }
}

/// `--name=value`.
fn flag(flag: &syntax::Flag) -> String {
    match &flag.value {
        Some(value) => format!("--{}={}", flag.name.value, value.value),
        None => format!("--{}", flag.name.value),
    }
}

/// The lines of one instruction as one, without the comment lines between them.
fn joined(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        let part = match line.strip_suffix('\\') {
            Some(part) => part.trim_end(),
            None => line,
        };
        if !out.is_empty() && !part.is_empty() {
            out.push(' ');
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_their_place() {
        let text = "# syntax=docker/dockerfile:1\nFROM a AS b\n\n# why\nRUN one \\\n  # note\n  && two\n\nCOPY --chown=1:1 x y /z/\nCMD [\"q\"]\n";
        let steps = parse(text).unwrap();
        let texts: Vec<&str> = steps.iter().map(|s| &text[s.range.clone()]).collect();
        assert_eq!(
            texts,
            [
                "FROM a AS b",
                "RUN one \\\n  # note\n  && two",
                "COPY --chown=1:1 x y /z/",
                "CMD [\"q\"]"
            ]
        );
        assert_eq!(steps[1].kind, Kind::Run { options: vec![], line: Some("one && two".into()) });
        assert_eq!(
            steps[2].kind,
            Kind::Copy {
                options: vec!["--chown=1:1".into()],
                sources: vec!["x".into(), "y".into()],
                target: "/z/".into()
            }
        );
        assert_eq!(steps[0].kind, Kind::From { image: "a".into(), stage: Some("b".into()) });
    }

    /// Editors of Windows write one. Found by fuzzing: each place was three bytes early.
    #[test]
    fn a_mark_of_the_byte_order_moves_no_place() {
        let text = "\u{feff}FROM a AS bas\u{feff}e\nRUN one\n";
        let steps = parse(text).unwrap();
        let texts: Vec<&str> = steps.iter().map(|s| &text[s.range.clone()]).collect();
        assert_eq!(texts, ["FROM a AS bas\u{feff}e", "RUN one"]);
    }

    #[test]
    fn what_no_shell_splits_has_no_line() {
        let text = "FROM a\nRUN [\"a\", \"b\"]\nRUN <<EOF\n# in it\nx\nEOF\nRUN --mount=type=cache,target=/c a\n";
        let steps = parse(text).unwrap();
        assert_eq!(steps[1].kind, Kind::Run { options: vec![], line: None });
        assert_eq!(steps[2].kind, Kind::Run { options: vec![], line: None });
        assert_eq!(&text[steps[2].range.clone()], "RUN <<EOF\n# in it\nx\nEOF");
        let options = vec!["--mount=type=cache,target=/c".to_owned()];
        assert_eq!(steps[3].kind, Kind::Run { options, line: Some("a".into()) });
    }

    #[test]
    fn a_stage_is_found_by_its_name_or_number() {
        let text = "FROM a AS one\nRUN x\n\n# two\nFROM b AS two\nRUN y\n";
        let of = |name| up_to_stage(text, name).unwrap();
        assert_eq!(of("ONE"), Some("FROM a AS one\nRUN x"));
        assert_eq!((of("0"), of("two"), of("1")), (of("one"), Some(text), Some(text)));
        assert_eq!((of("three"), of("2")), (None, None));
    }

    #[test]
    fn an_empty_list_undoes_what_a_base_says() {
        let text = "FROM a\nENTRYPOINT []\ncmd [ ]\nRUN x\n";
        let steps = parse(text).unwrap();
        assert_eq!((&steps[1].kind, &steps[2].kind), (&Kind::Entrypoint, &Kind::Cmd));
        assert_eq!(&text[steps[2].range.clone()], "cmd [ ]");
    }

    #[test]
    fn what_is_no_dockerfile_is_said() {
        assert!(parse("FRM a\n").unwrap_err().to_string().starts_with("not a Dockerfile: "));
    }
}
