//! Secrets in the files of every layer, in the environment, labels, build arguments and history.
//!
//! The ids of the findings are `secret/<pattern id>`; this rule stands for all of them.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity, State};
use crate::analyze::secrets::{TextMatch, scan_text};
use crate::analyze::{Confidence, ElfFact, PackageKind, SecretMatch};
use crate::image::Node;
use crate::image::packages::InstalledPackage;
use crate::index::LayerIndex;
use crate::layer::LayerPath;
use std::collections::HashSet;

pub const RULE: Rule = Rule {
    id: "secret",
    title: "a secret is in the image",
    severity: Severity::Critical,
    category: Category::Secret,
    doc: "## What it does\n\
        Looks for passwords, tokens and keys in the files of every layer (those that a later layer \
        deletes or overwrites too), in environment variables, labels, build arguments and the text of \
        build steps.\n\n\
        ## Why it matters\n\
        Whoever can pull the image can read them. A file that a later layer deletes is still \
        downloaded with the layer that holds it.\n\n\
        ## What to do\n\
        Revoke the secret and issue a new one: it must count as known. Build again without it; for \
        secrets that the build needs, `RUN --mount=type=secret` leaves nothing behind.\n",
    check,
};

fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    files(cx, out);
    let config = &cx.image.found.config.config;
    let mut known = HashSet::new();
    for variable in &config.env {
        let name = variable.split('=').next().unwrap_or_default();
        let place = format!("environment variable `{}`", super::shown(name));
        let before = out.len();
        text(cx, variable, &place, State::OnlyInConfig, None, &mut known, out);
        set_by(cx, "ENV", name, &mut out[before..]);
    }
    for (key, value) in &config.labels {
        let place = format!("label `{}`", super::shown(key));
        let both = format!("{key}={value}");
        let before = out.len();
        text(cx, &both, &place, State::OnlyInConfig, None, &mut known, out);
        set_by(cx, "LABEL", key, &mut out[before..]);
    }
    for line in [&config.entrypoint, &config.cmd] {
        text(cx, &line.join(" "), "the command line", State::OnlyInConfig, None, &mut known, out);
    }
    if let Some(check) = &config.healthcheck {
        text(
            cx,
            &check.test.join(" "),
            "the health check",
            State::OnlyInConfig,
            None,
            &mut known,
            out,
        );
    }
    for (number, step) in cx.history.steps.iter().enumerate() {
        let layer = cx.history.layer_of(number);
        let before = out.len();
        for (name, value) in &step.args {
            let place = format!("build argument `{}` in the history", super::shown(name));
            let both = format!("{name}={value}");
            text(cx, &both, &place, State::OnlyInHistory, layer, &mut known, out);
        }
        let place = format!("the history's `{}` step", step.keyword);
        let place = match step.keyword.as_str() {
            "" => "the history",
            _ => &place,
        };
        text(cx, &step.raw, place, State::OnlyInHistory, layer, &mut known, out);
        text(
            cx,
            &step.comment,
            "a comment in the history",
            State::OnlyInHistory,
            layer,
            &mut known,
            out,
        );
        out[before..].iter_mut().for_each(|f| f.step = Some(number));
    }
}

/// The last step of the history that set what these findings were found in.
fn set_by(cx: &RuleContext, keyword: &str, name: &str, found: &mut [Finding]) {
    if found.is_empty() {
        return;
    }
    let sets = |text: &str| {
        let pair = |word: &str| word.trim_start_matches('"').strip_prefix(name).map(str::to_owned);
        let mut words = text.split_whitespace();
        words.clone().next() == Some(name)
            || words.any(|w| pair(w).is_some_and(|rest| rest.starts_with(['=', '"'])))
    };
    let step = cx.history.steps.iter().rposition(|s| s.keyword == keyword && sets(&s.text));
    found.iter_mut().for_each(|f| f.step = step);
}

fn severity(cx: &RuleContext, pattern: &str) -> Severity {
    cx.patterns.get(pattern).map_or(Severity::High, |p| p.severity.into())
}

/// The package that ships this very file to everyone: an example key in a library is nobody's secret.
/// A file that a later layer changed is not the package's any more, and what lies in `etc` is made to
/// be filled in. A module of a programming language may be the image's own code: there only what no
/// check of its format confirms counts as an example.
fn shipped_by<'a>(
    cx: &'a RuleContext,
    node: Node,
    found: &SecretMatch,
) -> Option<(&'a InstalledPackage, Severity)> {
    let (path, _) = cx.view.follow(cx.view.path(node))?;
    if path.is_within(&LayerPath::from("etc")) {
        return None;
    }
    let package = cx.packages.owner_of(&path).filter(|p| p.layer == node.layer)?;
    match package.kind {
        PackageKind::Dpkg | PackageKind::Apk | PackageKind::Rpm => Some((package, Severity::Info)),
        _ if found.confidence < Confidence::VerifiedFormat => Some((package, Severity::Low)),
        _ => None,
    }
}

fn what(cx: &RuleContext, pattern: &str) -> String {
    let description = cx.patterns.get(pattern).map(|p| p.description.as_str());
    super::shown(description.filter(|d| !d.is_empty()).unwrap_or(pattern))
}

/// A private key among the constants of a shared library: the keys with which TLS libraries test
/// themselves stand there, and they travel to images that know no package.
fn is_in_library(index: &LayerIndex, found: &SecretMatch) -> bool {
    const SHARED: u16 = 3;
    let library =
        |e: &&ElfFact| e.entry == found.entry && e.elf_type == SHARED && e.interpreter.is_none();
    found.pattern.ends_with("private-key") && index.facts.elf.iter().any(|e| library(&e))
}

fn files(cx: &RuleContext, out: &mut Vec<Finding>) {
    for layer in 0..cx.view.layer_count() {
        let Some(index) = cx.view.index(layer) else {
            continue;
        };
        for found in &index.facts.secrets {
            let node = Node { layer, entry: found.entry };
            if index.entries.get(found.entry as usize).is_none() {
                continue;
            }
            let state = cx.state(node);
            let path = cx.view.path(node);
            let fate = match state {
                State::Visible => "",
                State::Overwritten => ", overwritten later but still downloadable",
                State::HiddenByOpaque => ", hidden by an opaque directory but still downloadable",
                _ => ", deleted later but still downloadable",
            };
            let package = shipped_by(cx, node, found).filter(|_| state == State::Visible);
            let whose =
                package.map(|(p, _)| format!(", shipped by package {}", super::shown(&p.name)));
            let compiled_in = is_in_library(index, found);
            let whose = whose.unwrap_or_else(|| match compiled_in {
                true => ", compiled into a shared library".to_owned(),
                false => String::new(),
            });
            let inside = match &found.inside {
                Some(inside) => format!(" (inside {})", super::shown(inside)),
                None => String::new(),
            };
            let message = format!("{} in {path}{inside}{fate}{whose}", what(cx, &found.pattern));
            let severity = match package {
                Some((_, most)) => severity(cx, &found.pattern).min(most),
                None if compiled_in => severity(cx, &found.pattern).min(Severity::Low),
                None => severity(cx, &found.pattern),
            };
            out.push(Finding {
                rule: format!("secret/{}", found.pattern),
                confidence: found.confidence,
                state,
                path: Some(path.clone()),
                inside: found.inside.clone(),
                line: found.line,
                layer: Some(layer),
                masked: Some(found.masked.clone()),
                fingerprint: found.fingerprint.clone(),
                advice: Some(match state {
                    _ if package.is_some() => {
                        "Everyone who installs the package has it: check that nothing of yours trusts it."
                            .to_owned()
                    }
                    State::Visible => "Revoke it, and build again without the file.".to_owned(),
                    _ => "Revoke it, and build again so that no layer ever holds the file."
                        .to_owned(),
                }),
                package: package.map(|(p, _)| p.name.clone()),
                plain: found.plain.clone().filter(|_| cx.reveal),
                ..RULE.finding(severity, message)
            });
        }
    }
}

/// A secret that stands in several steps (an argument is written into each that sees it) is told once
/// for the config and once for the history.
fn text(
    cx: &RuleContext,
    text: &str,
    place: &str,
    state: State,
    layer: Option<usize>,
    known: &mut HashSet<(State, String, String)>,
    out: &mut Vec<Finding>,
) {
    for TextMatch { pattern, masked, fingerprint, confidence, plain, .. } in
        scan_text(cx.patterns, text.as_bytes(), None, cx.reveal)
    {
        if !known.insert((state, pattern.clone(), fingerprint.clone())) {
            continue;
        }
        let message = format!("{} in {place}", what(cx, &pattern));
        out.push(Finding {
            rule: format!("secret/{pattern}"),
            confidence,
            state,
            layer,
            masked: Some(masked),
            fingerprint,
            advice: Some(match state {
                State::OnlyInHistory => {
                    "Revoke it, and hand it to the build with `RUN --mount=type=secret`.".to_owned()
                }
                _ => "Revoke it, and give it to the container when it starts.".to_owned(),
            }),
            plain,
            ..RULE.finding(severity(cx, &pattern), message)
        });
    }
}
