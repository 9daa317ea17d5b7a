//! Secrets in what is no file: the image's configuration and its history.

use super::super::rule::RuleContext;
use super::super::{Finding, State, shown};
use super::{RULE, known, severity, what};
use crate::analyze::Confidence;
use crate::analyze::secrets::scan_text;
use crate::text::Redacted;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// One text and what is said of its place.
struct Text {
    text: String,
    place: String,
    state: State,
    layer: Option<usize>,
    /// The build step that wrote it.
    step: Option<usize>,
}

pub(super) fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    let mut texts = config(cx);
    history(cx, &mut texts);
    let mut told = Told::default();
    let mut ranges: Vec<Vec<Range<usize>>> = Vec::with_capacity(texts.len());
    for text in &texts {
        ranges.push(by_pattern(cx, text, &mut told, out));
    }
    copies(cx, &texts, &ranges, &mut told, out);
}

fn config(cx: &RuleContext) -> Vec<Text> {
    let config = &cx.image.found.config.config;
    let of = |text: String, place: String| Text {
        text,
        place,
        state: State::OnlyInConfig,
        layer: None,
        step: None,
    };
    let mut out = Vec::new();
    for variable in &config.env {
        let name = variable.split('=').next().unwrap_or_default();
        let place = format!("environment variable `{}`", shown(name));
        out.push(Text { step: set_by(cx, "ENV", name), ..of(variable.clone(), place) });
    }
    for (key, value) in &config.labels {
        let place = format!("label `{}`", shown(key));
        let text = format!("{key}={value}");
        out.push(Text { step: set_by(cx, "LABEL", key), ..of(text, place) });
    }
    for line in [&config.entrypoint, &config.cmd] {
        out.push(of(line.join(" "), "the command line".to_owned()));
    }
    if let Some(check) = &config.healthcheck {
        out.push(of(check.test.join(" "), "the health check".to_owned()));
    }
    let rest = |text: String, what: &str| of(text, format!("the image's configuration ({what})"));
    out.extend(config.on_build.iter().map(|t| rest(t.clone(), "ONBUILD")));
    out.push(rest(config.shell.join(" "), "SHELL"));
    out.extend(config.stop_signal.iter().map(|t| rest(t.clone(), "STOPSIGNAL")));
    out.push(rest(config.user.clone(), "USER"));
    out.push(rest(config.working_dir.clone(), "WORKDIR"));
    out.extend(config.volumes.keys().map(|t| rest(t.clone(), "VOLUME")));
    out.extend(config.exposed_ports.keys().map(|t| rest(t.clone(), "EXPOSE")));
    out
}

/// The last step of the history that set this variable or label.
fn set_by(cx: &RuleContext, keyword: &str, name: &str) -> Option<usize> {
    let sets = |text: &str| {
        let pair = |word: &str| word.trim_start_matches('"').strip_prefix(name).map(str::to_owned);
        let mut words = text.split_whitespace();
        words.clone().next() == Some(name)
            || words.any(|w| pair(w).is_some_and(|rest| rest.starts_with(['=', '"'])))
    };
    cx.history.steps.iter().rposition(|s| s.keyword == keyword && sets(&s.text))
}

fn history(cx: &RuleContext, out: &mut Vec<Text>) {
    for (number, step) in cx.history.steps.iter().enumerate() {
        let layer = cx.history.layer_of(number);
        let of = |text: String, place: String| Text {
            text,
            place,
            state: State::OnlyInHistory,
            layer,
            step: Some(number),
        };
        for (name, value) in &step.args {
            let place = format!("build argument `{}` in the history", shown(name));
            out.push(of(format!("{name}={value}"), place));
        }
        let place = match step.keyword.as_str() {
            "" => "the history".to_owned(),
            keyword => format!("the history's `{keyword}` step"),
        };
        out.push(of(step.raw.clone(), place));
        out.push(of(step.comment.clone(), "a comment in the history".to_owned()));
    }
}

/// What has been told: a secret that stands in several steps (an argument is written into each that sees
/// it) is told once for the config and once for the history.
#[derive(Default)]
struct Told {
    /// With the pattern and the fingerprint.
    by_pattern: HashSet<(State, String, String)>,
    by_fingerprint: HashSet<(State, String)>,
}

/// Returns where in the text secrets stand, those that were told before too.
fn by_pattern(
    cx: &RuleContext,
    text: &Text,
    told: &mut Told,
    out: &mut Vec<Finding>,
) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for m in scan_text(cx.patterns, text.text.as_bytes(), None, cx.reveal) {
        ranges.push(m.range);
        told.by_fingerprint.insert((text.state, m.fingerprint.clone()));
        if told.by_pattern.insert((text.state, m.pattern.clone(), m.fingerprint.clone())) {
            let found = Finding {
                rule: format!("secret/{}", m.pattern),
                confidence: m.confidence,
                masked: Some(m.masked),
                fingerprint: m.fingerprint,
                plain: m.plain,
                ..finding(cx, &m.pattern, text)
            };
            out.push(found);
        }
    }
    ranges
}

/// Copies of secrets that were found elsewhere in the image, where nothing around them gives them away.
fn copies(
    cx: &RuleContext,
    texts: &[Text],
    ranges: &[Vec<Range<usize>>],
    told: &mut Told,
    out: &mut Vec<Finding>,
) {
    // What a package ships to everyone is an example, and its like may stand anywhere.
    let own: Vec<Finding> = out.iter().filter(|f| f.package.is_none()).cloned().collect();
    let known = known(&own, Confidence::Likely, std::iter::empty());
    let first: HashMap<&str, &Finding> =
        own.iter().rev().map(|f| (f.fingerprint.as_str(), f)).collect();
    for (text, ranges) in texts.iter().zip(ranges) {
        for m in known.find(text.text.as_bytes()) {
            let overlaps = |r: &Range<usize>| r.start < m.range.end && m.range.start < r.end;
            let Some(first) = first.get(m.fingerprint).filter(|_| !ranges.iter().any(overlaps))
            else {
                continue;
            };
            if !told.by_fingerprint.insert((text.state, m.fingerprint.to_owned())) {
                continue;
            }
            let pattern = first.rule.strip_prefix("secret/").unwrap_or(&first.rule);
            let bytes = &text.text.as_bytes()[m.range];
            out.push(Finding {
                rule: first.rule.clone(),
                confidence: first.confidence,
                masked: Some(m.mask.to_owned()),
                fingerprint: m.fingerprint.to_owned(),
                plain: cx.reveal.then(|| Redacted::new(bytes.to_vec())),
                ..finding(cx, pattern, text)
            });
        }
    }
}

fn finding(cx: &RuleContext, pattern: &str, text: &Text) -> Finding {
    let message = format!("{} in {}", what(cx, pattern), text.place);
    Finding {
        state: text.state,
        layer: text.layer,
        step: text.step,
        advice: Some(match text.state {
            State::OnlyInHistory => {
                "Revoke it, and hand it to the build with `RUN --mount=type=secret`.".to_owned()
            }
            _ => "Revoke it, and give it to the container when it starts.".to_owned(),
        }),
        ..RULE.finding(severity(cx, pattern), message)
    }
}
