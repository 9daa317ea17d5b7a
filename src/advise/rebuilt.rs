//! The build of an image in a Dockerfile's words, from its history and what its layers hold.
//!
//! What is written builds with the author's build context, or with the image itself; where the history tells no
//! build that surely does, it is the image itself that is begun with.

use super::Evidence;
use super::context::{Context, Placed, work};
use super::copied::Copied;
use super::leaked::{Leaked, is_store};
use super::present::present;
use super::sources::Sources;
use crate::image::base::How;
use crate::image::history::Instruction;
use crate::layer::LayerPath;
use crate::oci::ImageConfig;
use crate::rules::{Category, State};
use std::collections::BTreeSet;

/// A build, from history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rebuilt {
    pub text: String,
    /// What had to be guessed or taken from elsewhere.
    pub remarks: Vec<String>,
    /// It is no build: it begins with the image as it is.
    pub is_image: bool,
}

/// Commands with which official language images end; what follows is the author's.
const LAST_OF_OFFICIAL: [&str; 9] = [
    "[\"python3\"]",
    "[\"python2\"]",
    "[\"node\"]",
    "[\"irb\"]",
    "[\"bash\"]",
    "[\"/bin/bash\"]",
    "[\"jshell\"]",
    "[\"php\" \"-a\"]",
    "[\"/bin/sh\"]",
];
/// The variable in which an official image names its version, and the image.
const OFFICIAL: [(&str, &str); 6] = [
    ("PYTHON_VERSION", "python"),
    ("NODE_VERSION", "node"),
    ("GOLANG_VERSION", "golang"),
    ("RUBY_VERSION", "ruby"),
    ("PHP_VERSION", "php"),
    ("RUST_VERSION", "rust"),
];

/// `None` where not even the image can be begun with, since its own triggers would run.
pub(super) fn rebuilt(evidence: &Evidence) -> Option<Rebuilt> {
    reconstructed(evidence).or_else(|| image_itself(evidence))
}

/// The image as it is.
pub(super) fn image_itself(evidence: &Evidence) -> Option<Rebuilt> {
    let config = &evidence.facts.image.found.config.config;
    if !config.on_build.is_empty() {
        return None;
    }
    let present = present(evidence);
    let mut remarks = vec![
        "the history does not tell the build: this begins with the image as it is, so put your own build in its place"
            .to_owned(),
    ];
    remarks.extend(present.remark);
    Some(Rebuilt { text: format!("FROM {}", present.name), remarks, is_image: true })
}

fn reconstructed(evidence: &Evidence) -> Option<Rebuilt> {
    let steps = &evidence.facts.history.steps;
    let config = &evidence.facts.image.found.config;
    let proven = evidence.facts.base.as_ref().filter(|b| b.how == How::Layers);
    let proven = proven.and_then(|b| Some((b.name.clone()?, after_layer(steps, b.layers?))));
    let (base, first) =
        proven.or_else(|| base_of(steps, config, evidence.facts.os_release.as_deref()))?;
    let placed = placed(evidence, first)?;
    let sources = Sources {
        evidence,
        context: Context::of(evidence, &placed),
        present: present(evidence),
        secrets: secrets(evidence),
    };
    let mut remarks = vec!["written from the image's history: compare it with your own".to_owned()];
    let mut lines = vec![format!("FROM {base}")];
    let mut takes = false;
    for (number, step) in steps.iter().enumerate().skip(first) {
        match step.keyword.as_str() {
            "RUN" => lines.push(run(&step.text)),
            "COPY" | "ADD" => {
                let placed = placed.iter().find(|p| p.number == number)?;
                let written = sources.written(step, placed)?;
                lines.extend(written.lines);
                remarks.extend(written.remarks);
                takes |= written.takes;
            }
            "ENV" => lines.push(environment(&step.text, &config.config.env)),
            "SHELL" => lines.push(shell(&step.text)),
            "ARG" | "WORKDIR" | "USER" => lines.push(step.line()),
            // What has no effect on files belongs to the last stage; a text that is no instruction cannot
            // be written again.
            "" => return None,
            _ => {}
        }
    }
    remarks.extend(sources.present.remark.filter(|_| takes));
    Some(Rebuilt { text: lines.join("\n"), remarks, is_image: false })
}

/// The copies of the author, each with the folder that it works in.
fn placed(evidence: &Evidence, first: usize) -> Option<Vec<Placed>> {
    let mut folder = LayerPath::default();
    let mut out = Vec::new();
    for (number, step) in evidence.facts.history.steps.iter().enumerate() {
        work(&mut folder, step);
        if number >= first && ["COPY", "ADD"].contains(&step.keyword.as_str()) {
            let copied = Copied::parse(step)?;
            let destination = copied.destination(&folder);
            let layer = evidence.facts.history.layer_of(number);
            out.push(Placed { number, copied, destination, layer });
        }
    }
    Some(out)
}

/// Files that no step is to take from the present image: with secrets, and not read by the program.
fn secrets(evidence: &Evidence) -> BTreeSet<LayerPath> {
    let found = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    let found = found.filter(|f| f.category == Category::Secret && f.package.is_none());
    let visible = found.filter(|f| f.state == State::Visible).filter_map(|f| f.path.clone());
    let stores = evidence.facts.view.iter().map(|(path, _)| path).filter(is_store);
    match evidence.closure {
        Some(closure) => Leaked::of(evidence, closure).out.into_iter().chain(stores).collect(),
        None => visible.chain(stores).collect(),
    }
}

/// A RUN. What stands on several lines was a here-document, which older builders do not read: the shell gets
/// it as one word.
fn run(text: &str) -> String {
    let text = text.trim();
    match text.contains('\n') {
        false => format!("RUN {text}"),
        true => format!("RUN {}", exec(&["/bin/sh", "-c", text])),
    }
}

fn exec(words: &[&str]) -> String {
    let words: Vec<String> =
        words.iter().map(|w| serde_json::to_string(w).unwrap_or_default()).collect();
    format!("[{}]", words.join(", "))
}

/// BuildKit's history has `SHELL [/bin/bash -c]`, without the quotes that a Dockerfile needs.
fn shell(text: &str) -> String {
    let text = text.trim();
    if serde_json::from_str::<Vec<String>>(text).is_ok() {
        return format!("SHELL {text}");
    }
    let inside = text.trim_start_matches('[').trim_end_matches(']').replace(['"', ','], " ");
    format!("SHELL {}", exec(&inside.split_whitespace().collect::<Vec<_>>()))
}

/// BuildKit's history has no quotes around a value either: with blanks, it is looked up in the configuration.
fn environment(text: &str, env: &[String]) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let as_is = format!("ENV {one_line}");
    let words = shlex::split(text);
    let quoted = text.contains(['"', '\'', '\\']);
    let is_pair = |w: &String| w.split_once('=').is_some_and(|(name, _)| is_name(name));
    if quoted || words.is_some_and(|w| w.iter().all(is_pair)) {
        return as_is;
    }
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let known = env.iter().filter(|e| {
            rest.strip_prefix(e.as_str()).is_some_and(|r| r.is_empty() || r.starts_with(' '))
        });
        let Some(pair) = known.max_by_key(|e| e.len()) else { break };
        pairs.push(pair.as_str());
        rest = rest[pair.len()..].trim_start();
    }
    // A value that a later step sets anew: all up to the end is its own.
    if rest.split_once('=').is_some_and(|(name, _)| is_name(name)) {
        pairs.push(rest);
    } else if !rest.is_empty() {
        // `ENV NAME value`.
        return as_is;
    }
    let pairs: Vec<String> = pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let value = serde_json::to_string(value).unwrap_or_default().replace('$', "\\$");
            format!("{name}={value}")
        })
        .collect();
    format!("ENV {}", pairs.join(" "))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The first step behind this many layers and what belongs to the last of them.
fn after_layer(steps: &[Instruction], layers: usize) -> usize {
    let mut made = 0;
    let end = steps.iter().position(|s| {
        made += usize::from(!s.empty_layer);
        made > layers
    });
    // Of the steps between that make no layer, those up to the base's command are the base's.
    let end = end.unwrap_or(steps.len());
    let last = steps[..end].iter().rposition(|s| !s.empty_layer).map_or(0, |n| n + 1);
    let command = steps[last..end].iter().position(|s| s.keyword == "CMD");
    command.filter(|_| end < steps.len()).map_or(last, |n| last + n + 1)
}

/// The base image's name and the first step that is the author's.
fn base_of(
    steps: &[Instruction],
    config: &ImageConfig,
    os_release: Option<&str>,
) -> Option<(String, usize)> {
    // buildah: `FROM name` in the comment of the first step above it.
    let named = steps.iter().rposition(|s| {
        s.comment
            .strip_prefix("FROM ")
            .is_some_and(|n| n != "scratch" && !n.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if let Some(at) = named {
        let name = steps[at].comment.strip_prefix("FROM ")?.trim();
        return Some((name.to_owned(), at));
    }
    let end = steps
        .iter()
        .rposition(|s| s.keyword == "CMD" && LAST_OF_OFFICIAL.contains(&s.text.as_str()))
        .filter(|&i| i + 1 < steps.len())?;
    let official = OFFICIAL.iter().find_map(|(variable, image)| {
        let step =
            steps[..end].iter().find(|s| s.keyword == "ENV" && s.text.starts_with(variable))?;
        let version = step.text.split_once('=')?.1.trim_matches('"');
        Some(format!("{image}:{version}"))
    });
    let name = official.or_else(|| distribution(os_release?))?;
    let _ = config;
    Some((name, end + 1))
}

/// `debian 12` from os-release.
pub(super) fn release(os_release: &str) -> Option<String> {
    distribution(os_release).map(|name| name.replace(':', " "))
}

/// `debian:12` from os-release.
pub(super) fn distribution(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    let (id, version) = (value("ID")?, value("VERSION_ID")?);
    match id.as_str() {
        // Three parts name a release, two its branch.
        "alpine" => {
            let branch: Vec<&str> = version.split('.').take(2).collect();
            Some(format!("alpine:{}", branch.join(".")))
        }
        "debian" | "ubuntu" | "fedora" | "rockylinux" | "almalinux" => {
            Some(format!("{id}:{version}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builders_write_without_quotes_gets_them_back() {
        let env = ["A=1".to_owned(), "TITLE=two words".to_owned(), "COST=$5 each".to_owned()];
        for (text, want) in [
            ("A=1", "ENV A=1"),
            ("A=1 B=2", "ENV A=1 B=2"),
            ("TITLE=two words", "ENV TITLE=\"two words\""),
            ("A=1 TITLE=two words", "ENV A=\"1\" TITLE=\"two words\""),
            ("COST=$5 each", "ENV COST=\"\\$5 each\""),
            ("OLD=of another time", "ENV OLD=\"of another time\""),
            ("NAME the old form", "ENV NAME the old form"),
            ("TITLE=\"two words\"", "ENV TITLE=\"two words\""),
        ] {
            assert_eq!(environment(text, &env), want, "{text}");
        }
        assert_eq!(
            shell("[/bin/bash -o pipefail -c]"),
            r#"SHELL ["/bin/bash", "-o", "pipefail", "-c"]"#
        );
        assert_eq!(shell(r#"["/bin/sh", "-c"]"#), r#"SHELL ["/bin/sh", "-c"]"#);
    }

    #[test]
    fn a_script_on_several_lines_is_one_instruction() {
        let text = run("set -e\napt-get update\necho \"$x\"\n");
        assert_eq!(text, r#"RUN ["/bin/sh", "-c", "set -e\napt-get update\necho \"$x\""]"#);
        assert_eq!(crate::dockerfile::parse(&format!("FROM a\n{text}")).unwrap().len(), 2);
        assert_eq!(run("make"), "RUN make");
    }
}
