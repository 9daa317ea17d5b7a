//! Secrets in what is no file: the image's configuration and its history.

use super::super::rule::RuleContext;
use super::super::{Category, Finding, State, shown};
use super::{RULE, known, severity, what};
use crate::analyze::Confidence;
use crate::analyze::secrets::TextScan;
use crate::text::Redacted;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

/// Secrets that are told of one image's configuration and history. What has more was not written by a person;
/// the rest of it is not looked at, and that is said.
const MOST_FOUND: usize = 1000;

/// One text and its place.
struct Text<'a> {
    text: Cow<'a, str>,
    place: Place<'a>,
    state: State,
    layer: Option<usize>,
    /// The build step that wrote it.
    step: Option<usize>,
}

/// Where a text stands, to be put into a sentence.
enum Place<'a> {
    Variable(&'a str),
    Label(&'a str),
    /// Of the manifest.
    Annotation(&'a str),
    CommandLine,
    HealthCheck,
    /// A part of the configuration by the instruction that sets it.
    Configuration(&'static str),
    Argument(&'a str),
    Step(&'a str),
    Comment,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable `{}`", shown(name)),
            Self::Label(key) => write!(f, "label `{}`", shown(key)),
            Self::Annotation(key) => write!(f, "annotation `{}` of the manifest", shown(key)),
            Self::CommandLine => f.write_str("the command line"),
            Self::HealthCheck => f.write_str("the health check"),
            Self::Configuration(what) => write!(f, "the image's configuration ({what})"),
            Self::Argument(name) => write!(f, "build argument `{}` in the history", shown(name)),
            Self::Step("") => f.write_str("the history"),
            Self::Step(keyword) => write!(f, "the history's `{keyword}` step"),
            Self::Comment => f.write_str("a comment in the history"),
        }
    }
}

pub(super) fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    let setters = Setters::new(cx);
    let mut told = Told::default();
    let mut scan = TextScan::new(cx.patterns);
    // Of the few texts that hold any: their number, and where in them secrets stand.
    let mut ranges: HashMap<usize, Vec<Range<usize>>> = HashMap::new();
    for (number, text) in texts(cx, &setters).enumerate() {
        let found = by_pattern(cx, &mut scan, &text, &mut told, out);
        if !found.is_empty() {
            ranges.insert(number, found);
        }
        if told.by_fingerprint.len() >= MOST_FOUND {
            return;
        }
    }
    copies(cx, &setters, &ranges, &mut told, out);
}

/// Whether there were so many that the rest was not looked at.
pub(super) fn is_cut(findings: &[Finding]) -> bool {
    let all = findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    let told: HashSet<(State, &str)> = all
        .filter(|f| matches!(f.state, State::OnlyInConfig | State::OnlyInHistory))
        .filter(|f| f.category == Category::Secret)
        .map(|f| (f.state, f.fingerprint.as_str()))
        .collect();
    told.len() >= MOST_FOUND
}

/// All texts of the configuration, then those of the history.
fn texts<'a>(cx: &'a RuleContext, setters: &'a Setters) -> impl Iterator<Item = Text<'a>> {
    config(cx, setters).chain(history(cx)).filter(|t| !t.text.is_empty())
}

fn config<'a>(cx: &'a RuleContext, setters: &'a Setters) -> impl Iterator<Item = Text<'a>> {
    let found = &cx.facts.image.found;
    let image = &found.config;
    let config = &image.config;
    let of = |text: Cow<'a, str>, place| Text {
        text,
        place,
        state: State::OnlyInConfig,
        layer: None,
        step: None,
    };
    let variables = config.env.iter().map(move |variable| {
        let name = variable.split('=').next().unwrap_or_default();
        let step = setters.variables.get(name).copied();
        Text { step, ..of(variable.into(), Place::Variable(name)) }
    });
    let labels = config.labels.iter().map(move |(key, value)| {
        let step = setters.labels.get(key.as_str()).copied();
        Text { step, ..of(format!("{key}={value}").into(), Place::Label(key)) }
    });
    let annotations = found
        .annotations
        .iter()
        .map(move |(key, value)| of(format!("{key}={value}").into(), Place::Annotation(key)));
    let lines = [&config.entrypoint, &config.cmd].into_iter();
    let lines = lines.map(move |line| of(line.join(" ").into(), Place::CommandLine));
    let check = config.healthcheck.iter();
    let check = check.map(move |check| of(check.test.join(" ").into(), Place::HealthCheck));
    let shell = std::iter::once_with(|| config.shell.join(" "));
    let shell = shell.map(move |text| of(text.into(), Place::Configuration("SHELL")));
    let rest = config.on_build.iter().map(|t| (t, "ONBUILD"));
    let rest = rest
        .chain(config.stop_signal.iter().map(|t| (t, "STOPSIGNAL")))
        .chain([(&config.user, "USER"), (&config.working_dir, "WORKDIR")])
        .chain(config.volumes.keys().map(|t| (t, "VOLUME")))
        .chain(config.exposed_ports.keys().map(|t| (t, "EXPOSE")))
        .chain(image.author.iter().map(|t| (t, "the author")))
        .chain(image.history.iter().map(|step| (&step.author, "the author of a step")))
        .chain(image.replaced.iter().map(|t| (t, "a value that a later equal key replaces")))
        .map(move |(text, what)| of(text.into(), Place::Configuration(what)));
    variables.chain(labels).chain(annotations).chain(lines).chain(check).chain(shell).chain(rest)
}

/// For each variable and label the last step of the history that set it.
struct Setters<'a> {
    variables: HashMap<&'a str, usize>,
    labels: HashMap<&'a str, usize>,
}

impl<'a> Setters<'a> {
    fn new(cx: &'a RuleContext) -> Self {
        let mut out = Self { variables: HashMap::new(), labels: HashMap::new() };
        for (number, step) in cx.facts.history.steps.iter().enumerate() {
            let set = match step.keyword.as_str() {
                "ENV" => &mut out.variables,
                "LABEL" => &mut out.labels,
                _ => continue,
            };
            let mut words = step.text.split_whitespace();
            // `ENV NAME value`, `ENV A=1 B=2`, `LABEL "a"="b"`.
            set.extend(words.clone().next().map(|name| (name, number)));
            let names = words.by_ref().filter_map(|word| {
                let word = word.trim_start_matches('"');
                Some((&word[..word.find(['=', '"'])?], number))
            });
            set.extend(names);
        }
        out
    }
}

fn history<'a>(cx: &'a RuleContext) -> impl Iterator<Item = Text<'a>> {
    cx.facts.history.steps.iter().enumerate().flat_map(move |(number, step)| {
        let layer = cx.facts.history.layer_of(number);
        let of = move |text: Cow<'a, str>, place| Text {
            text,
            place,
            state: State::OnlyInHistory,
            layer,
            step: Some(number),
        };
        let arguments = step.args.iter();
        let arguments = arguments
            .map(move |(name, value)| of(format!("{name}={value}").into(), Place::Argument(name)));
        let raw = of(step.raw.as_str().into(), Place::Step(&step.keyword));
        let comment = of(step.comment.as_str().into(), Place::Comment);
        arguments.chain([raw, comment])
    })
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
    scan: &mut TextScan,
    text: &Text,
    told: &mut Told,
    out: &mut Vec<Finding>,
) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for m in scan.matches(text.text.as_bytes(), cx.reveal) {
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
    setters: &Setters,
    ranges: &HashMap<usize, Vec<Range<usize>>>,
    told: &mut Told,
    out: &mut Vec<Finding>,
) {
    // What a package ships to everyone is an example, and its like may stand anywhere.
    let own: Vec<Finding> = out.iter().filter(|f| f.package.is_none()).cloned().collect();
    let known = known(&own, Confidence::Likely, std::iter::empty());
    let first: HashMap<&str, &Finding> =
        own.iter().rev().map(|f| (f.fingerprint.as_str(), f)).collect();
    for (number, text) in texts(cx, setters).enumerate() {
        let ranges = ranges.get(&number).map(Vec::as_slice).unwrap_or_default();
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
                ..finding(cx, pattern, &text)
            });
        }
        if told.by_fingerprint.len() >= MOST_FOUND {
            return;
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
