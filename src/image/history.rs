//! The build steps behind the layers, in a Dockerfile's words, from the history spellings of the
//! classic builder, BuildKit, buildah and kaniko. Other builders' text stays as it is.
//!
//! Reads the config only. Text from here is as hostile, and as secret, as the image made it.

use crate::oci::{HistoryEntry, ImageConfig};

/// One build step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// `RUN`, `COPY`, …; empty where the builder wrote free text (bazel, jib, ko).
    pub keyword: String,
    /// What stands behind the keyword.
    pub text: String,
    /// RFC 3339, as written.
    pub created: Option<String>,
    /// The step made no layer.
    pub empty_layer: bool,
    /// Values of build arguments that the step saw.
    pub args: Vec<(String, String)>,
    /// The history's comment.
    pub comment: String,
    /// The text as the config has it.
    pub raw: String,
}

/// All steps and the layers that they made.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Oldest first.
    pub steps: Vec<Instruction>,
    /// For each layer its step, as a place in `steps`; `None` for all where the numbers do not fit.
    pub of_layer: Vec<Option<usize>>,
    /// Why there is no mapping.
    pub remark: Option<String>,
    /// There are more steps than are read.
    pub is_cut: bool,
    /// Number of layers that look like the base image's: a guess.
    pub base_layers: Option<usize>,
}

const KEYWORDS: [&str; 19] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
    "COMMENT",
];

impl History {
    /// Reads the history of an image of this many layers.
    pub fn new(config: &ImageConfig, layers: usize) -> Self {
        let steps: Vec<Instruction> = config.history.iter().map(Instruction::parse).collect();
        let is_cut = config.history.is_cut();
        let made: Vec<usize> = (0..steps.len()).filter(|&i| !steps[i].empty_layer).collect();
        let (of_layer, remark) = if made.len() == layers {
            (made.iter().copied().map(Some).collect(), None)
        } else {
            let remark = (!steps.is_empty()).then(|| {
                format!(
                    "history tells of {} layers but there are {layers}: layers stand without instruction",
                    made.len()
                )
            });
            (vec![None; layers], remark)
        };
        let base_layers = match remark {
            None => base_layers(&steps).filter(|&n| n < layers),
            Some(_) => None,
        };
        Self { steps, of_layer, remark, is_cut, base_layers }
    }

    /// The step that made a layer.
    pub fn of_layer(&self, layer: usize) -> Option<&Instruction> {
        self.steps.get((*self.of_layer.get(layer)?)?)
    }

    /// The layer that a step made.
    pub fn layer_of(&self, step: usize) -> Option<usize> {
        // Steps stand in the order of their layers.
        self.of_layer.binary_search(&Some(step)).ok()
    }

    /// The base image's name, where the builder wrote it down.
    pub fn base_name(&self) -> Option<String> {
        let named = self.steps.iter().rev().find_map(|s| {
            let name = s.comment.strip_prefix("FROM ")?.trim();
            is_name(name).then_some(name)
        })?;
        Some(named.to_owned())
    }

    /// Whether a layer is the base image's, as far as it can be told.
    pub fn is_base(&self, layer: usize) -> bool {
        self.base_layers.is_some_and(|n| layer < n)
    }
}

/// No image id, and not the empty image.
fn is_name(name: &str) -> bool {
    !name.bytes().all(|b| b.is_ascii_hexdigit()) && name != "scratch"
}

/// Layers up to where the image's own build begins: buildah names the base in a comment; a base image
/// of a distribution ends with the `CMD` that starts its shell.
fn base_layers(steps: &[Instruction]) -> Option<usize> {
    let named = steps.iter().rposition(|s| s.comment.strip_prefix("FROM ").is_some_and(is_name));
    let shell = steps.iter().position(|s| {
        s.keyword == "CMD"
            && ["[\"bash\"]", "[\"/bin/bash\"]", "[\"sh\"]", "[\"/bin/sh\"]"]
                .contains(&s.text.as_str())
    });
    let end = match (named, shell) {
        (Some(n), _) => n,
        // The last step of all is the image's own.
        (None, Some(i)) if i + 1 < steps.len() => i + 1,
        _ => return None,
    };
    Some(steps[..end].iter().filter(|s| !s.empty_layer).count()).filter(|&n| n > 0)
}

impl Instruction {
    /// Reads one step.
    pub fn parse(entry: &HistoryEntry) -> Self {
        let raw = entry.created_by.as_str();
        let mut text = raw.trim();
        text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
        let mut args = Vec::new();
        let (mut keyword, mut rest) = keyword_of(text).unwrap_or(("", text));
        if keyword.is_empty() || keyword == "RUN" {
            let after = arguments(rest, &mut args);
            match shell_form(after) {
                Some(line) => match line.trim_start().strip_prefix("#(nop)") {
                    Some(nop) => {
                        (keyword, rest) = keyword_of(nop.trim()).unwrap_or(("", nop.trim()));
                    }
                    None => (keyword, rest) = ("RUN", line.trim()),
                },
                // `|1 A=b /usr/bin/env …`: arguments are only written for RUN.
                None if after.len() != rest.len() => (keyword, rest) = ("RUN", after),
                None => {}
            }
        } else if keyword == "COMMENT" {
            (keyword, rest) = ("", text);
        }
        Self {
            keyword: keyword.to_owned(),
            text: rest.trim().to_owned(),
            created: entry.created.clone(),
            empty_layer: entry.empty_layer,
            args,
            comment: entry.comment.clone(),
            raw: raw.to_owned(),
        }
    }

    /// The step as a Dockerfile would have it, in one line.
    pub fn line(&self) -> String {
        let text: Vec<&str> = self.text.split_whitespace().collect();
        let text = text.join(" ");
        if self.keyword.is_empty() {
            text
        } else {
            format!("{} {text}", self.keyword).trim_end().to_owned()
        }
    }
}

fn keyword_of(text: &str) -> Option<(&'static str, &str)> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let keyword = KEYWORDS.into_iter().find(|k| *k == first)?;
    Some((keyword, rest.trim_start()))
}

/// `|2 A=1 B=two words /bin/sh -c …`: the count, the values, the command. A value may hold blanks, so
/// the last one ends where the command begins: at a blank before `/`.
fn arguments<'a>(text: &'a str, out: &mut Vec<(String, String)>) -> &'a str {
    let Some((count, mut rest)) = text
        .strip_prefix('|')
        .and_then(|t| t.split_once(' '))
        .and_then(|(n, r)| Some((n.parse::<usize>().ok()?, r)))
    else {
        return text;
    };
    for left in (0..count.min(1000)).rev() {
        let end = if left == 0 {
            [" /bin/sh -c ", " /bin/bash ", " /"].iter().find_map(|s| rest.find(s))
        } else {
            before_name(rest)
        };
        let Some(end) = end else {
            return rest;
        };
        if let Some((name, value)) = rest[..end].split_once('=') {
            out.push((name.to_owned(), value.to_owned()));
        }
        rest = rest[end..].trim_start();
    }
    rest
}

/// The first blank that a `NAME=` follows.
fn before_name(text: &str) -> Option<usize> {
    let mut blank = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b' ' => blank = Some(at),
            b'=' if blank.is_some_and(|blank| blank + 1 < at) => return blank,
            b if b.is_ascii_alphanumeric() || b == b'_' => {}
            _ => blank = None,
        }
    }
    None
}

/// The line that a shell is given.
fn shell_form(text: &str) -> Option<&str> {
    let (shell, rest) = text.split_once(char::is_whitespace)?;
    let name = shell.rsplit('/').next()?;
    if !["sh", "bash", "ash", "dash", "zsh"].contains(&name) || !shell.starts_with('/') {
        return None;
    }
    let mut rest = rest.trim_start();
    // `/bin/bash -o pipefail -c …`, `/bin/bash -euxo pipefail -c …`.
    loop {
        let (flag, after) = rest.split_once(char::is_whitespace)?;
        let after = after.trim_start();
        match flag {
            f if f.starts_with('-') && f.ends_with('c') => return Some(after),
            f if f.starts_with('-') && f.ends_with('o') => {
                rest = after.split_once(char::is_whitespace)?.1.trim_start();
            }
            f if f.starts_with('-') => rest = after,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(created_by: &str) -> Instruction {
        Instruction::parse(&HistoryEntry { created_by: created_by.into(), ..Default::default() })
    }

    #[test]
    fn spellings_of_builders() {
        for (raw, line) in [
            ("/bin/sh -c #(nop) COPY file:ab12 in /app ", "COPY file:ab12 in /app"),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            (
                "/bin/sh -c apt-get update &&     apt-get install -y x",
                "RUN apt-get update && apt-get install -y x",
            ),
            ("RUN /bin/sh -c make\n  install # buildkit", "RUN make install"),
            ("COPY . . # buildkit", "COPY . ."),
            ("RUN |2 A=1 B=two words /bin/sh -c echo $A # buildkit", "RUN echo $A"),
            ("|1 TOKEN=x /bin/sh -c ./b", "RUN ./b"),
            ("/bin/bash -o pipefail -c curl x | sh", "RUN curl x | sh"),
            ("RUN apk add x", "RUN apk add x"),
            ("bazel build ...", "bazel build ..."),
            ("jib-maven-plugin:3.4", "jib-maven-plugin:3.4"),
            ("ENV A=1", "ENV A=1"),
            ("", ""),
        ] {
            assert_eq!(step(raw).line(), line, "{raw}");
        }
    }

    #[test]
    fn values_of_build_arguments() {
        let s = step("RUN |2 A=1 B=two words /bin/sh -c echo # buildkit");
        assert_eq!(s.args, [("A".into(), "1".into()), ("B".into(), "two words".into())]);
        for odd in ["|x A=1", "|9 A=1", "|1", "|1 ", "|99999999999999999999 A=1 /bin/sh -c x"] {
            step(odd);
        }
    }

    fn config(steps: &[(&str, bool)]) -> ImageConfig {
        ImageConfig {
            history: steps
                .iter()
                .map(|(s, empty)| HistoryEntry {
                    created_by: (*s).into(),
                    empty_layer: *empty,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn layers_get_their_steps_or_none_at_all() {
        let c = config(&[
            ("/bin/sh -c #(nop) ADD file:1 in / ", false),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", true),
            ("RUN /bin/sh -c make # buildkit", false),
        ]);
        let h = History::new(&c, 2);
        assert_eq!(h.of_layer(1).unwrap().line(), "RUN make");
        assert_eq!((h.base_layers, h.is_base(0), h.is_base(1)), (Some(1), true, false));
        assert_eq!(h.layer_of(2), Some(1));
        let wrong = History::new(&c, 3);
        assert!(wrong.of_layer(1).is_none() && wrong.remark.is_some());
    }
}
