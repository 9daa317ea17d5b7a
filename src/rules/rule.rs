//! What a rule is, what it may look at, and how its findings are put in order.

use super::policy::{Before, Policy};
use super::{Category, Finding, Severity, State};
use crate::analyze::Confidence;
use crate::analyze::secrets::Patterns;
use crate::image::{EntryState, ImageFacts, Node, state_of};
use crate::index::EntryRef;
use crate::layer::LayerPath;
use crate::text::{Bytes, fingerprint};

/// All that a rule may look at.
pub struct RuleContext<'a> {
    pub facts: &'a ImageFacts,
    pub patterns: &'a Patterns,
    pub policy: &'a Policy,
    /// The sizes of the image that this one is compared with; none are known where there is no such image of
    /// this platform.
    pub before: Option<Before>,
    /// Whether findings may carry secrets in clear.
    pub reveal: bool,
}

/// One opinion.
pub struct Rule {
    /// Stable for ever.
    pub id: &'static str,
    pub title: &'static str,
    /// The most severe that it says.
    pub severity: Severity,
    pub category: Category,
    /// Markdown in the sections of [`SECTIONS`].
    pub doc: &'static str,
    pub check: fn(&RuleContext, &mut Vec<Finding>),
}

/// What every rule's text has, in this order.
pub const SECTIONS: [&str; 3] = ["## What it does", "## Why it matters", "## What to do"];

impl Rule {
    /// The one finding of this rule about an image as a whole, to be filled in by `..`. It is the same
    /// finding whatever its message counts or names: those change with every build.
    pub fn finding(&self, severity: Severity, message: String) -> Finding {
        Finding {
            rule: self.id.to_owned(),
            category: self.category,
            severity,
            confidence: Confidence::VerifiedFormat,
            state: State::Nowhere,
            path: None,
            inside: None,
            line: None,
            layer: None,
            step: None,
            masked: None,
            fingerprint: fingerprint(self.id.as_bytes()),
            message,
            advice: None,
            package: None,
            plain: None,
            members: Vec::new(),
            also: Vec::new(),
        }
    }

    /// One of several: `thing` is what tells it from the others, and stays as long as they do.
    pub fn about(&self, thing: &str, severity: Severity, message: String) -> Finding {
        Finding {
            fingerprint: fingerprint(format!("{} {thing}", self.id).as_bytes()),
            ..self.finding(severity, message)
        }
    }

    /// A finding of this rule about a visible entry.
    pub fn at(&self, cx: &RuleContext, node: Node, severity: Severity, message: String) -> Finding {
        let path = cx.facts.view.path(node);
        let key = [self.id.as_bytes(), b" ", path.as_bytes()].concat();
        Finding {
            state: State::Visible,
            path: Some(path),
            layer: Some(node.layer),
            fingerprint: fingerprint(&key),
            ..self.finding(severity, message)
        }
    }

    /// One finding of this rule about many visible entries, at least one, the most telling first. It is another one as
    /// soon as one more is there.
    pub fn at_all(
        &self,
        cx: &RuleContext,
        nodes: &[Node],
        severity: Severity,
        message: String,
    ) -> Finding {
        let members = members(nodes.iter().map(|n| cx.facts.view.path(*n).to_text()));
        Finding {
            state: State::Visible,
            path: Some(cx.facts.view.path(nodes[0])),
            layer: Some(nodes[0].layer),
            ..self.about_all(members, severity, message)
        }
    }

    /// The same about things of these names.
    pub fn about_all(&self, members: Vec<String>, severity: Severity, message: String) -> Finding {
        let thing = members.join("\n");
        Finding { members, ..self.about(&thing, severity, message) }
    }
}

/// More than these are not listed one by one.
const MEMBERS: usize = 1000;

/// The names of what a finding about many is about, in order. Of very many the last name stands for all
/// that are not listed.
pub fn members(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = names.collect();
    all.sort_unstable();
    all.dedup();
    if all.len() > MEMBERS {
        let rest = all.split_off(MEMBERS);
        all.push(format!("and {} more: {}", rest.len(), fingerprint(rest.join("\n").as_bytes())));
    }
    all
}

impl From<EntryState> for State {
    fn from(state: EntryState) -> Self {
        match state {
            EntryState::Visible => Self::Visible,
            EntryState::Overwritten { .. } => Self::Overwritten,
            EntryState::DeletedLater { .. } => Self::DeletedLater,
            EntryState::HiddenByOpaque { .. } => Self::HiddenByOpaque,
        }
    }
}

impl RuleContext<'_> {
    /// State of an entry, visible or not.
    pub fn state(&self, node: Node) -> State {
        state_of(&self.facts.view, node).into()
    }

    /// The kept bytes of a visible file; the flag says that they are not all.
    pub fn kept(&self, path: &str) -> Option<(&[u8], bool)> {
        let (_, node) = self.facts.view.follow(&LayerPath::from(path))?;
        let node = self.facts.view.content_of(node)?;
        let facts = &self.facts.view.index(node.layer)?.facts;
        let kept = facts.kept.iter().find(|k| k.entry == node.entry)?;
        Some((&kept.bytes, kept.truncated))
    }

    /// Visible entries that fit, with their nodes, by path.
    pub fn visible(&self, fits: impl Fn(&LayerPath, EntryRef) -> bool) -> Vec<Node> {
        let view = &self.facts.view;
        view.iter().filter(|(p, n)| fits(p, view.entry(*n))).map(|(_, n)| n).collect()
    }
}

/// The first few paths, and how many more there are.
pub fn some_paths(cx: &RuleContext, nodes: &[Node]) -> String {
    let shown: Vec<String> =
        nodes.iter().take(3).map(|n| cx.facts.view.path(*n).to_string()).collect();
    match nodes.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `12.3 MB in 40 files`.
pub fn amount(bytes: u64, files: usize) -> String {
    match files {
        1 => format!("{} in 1 file", Bytes(bytes)),
        n => format!("{} in {n} files", Bytes(bytes)),
    }
}

/// The worst and surest first; then by state and place, so that the same secret in several layers
/// stands together.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (b.severity, b.confidence)
            .cmp(&(a.severity, a.confidence))
            .then_with(|| (a.state.rank(), &a.path).cmp(&(b.state.rank(), &b.path)))
            .then_with(|| {
                (&a.rule, &a.fingerprint, a.layer, a.line).cmp(&(
                    &b.rule,
                    &b.fingerprint,
                    b.layer,
                    b.line,
                ))
            })
    });
}
