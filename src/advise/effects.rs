//! What an image has no more after a rewrite, by what it was, and the findings that go with it.
//!
//! Works from the set of files that stay; must not know how it came about.

use super::Evidence;
use crate::image::NodeSet;
use crate::image::unneeded;
use crate::image::waste::Residue;
use crate::layer::LayerPath;
use crate::rules::{Category, Finding, State};
use std::collections::{BTreeMap, HashMap};

/// Bytes that are gone, and what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// In words: `build tools`, `caches`, `hidden by later layers`.
    pub what: &'static str,
    /// Content. Of files that a container shows, also bytes on disk.
    pub bytes: u64,
}

/// Everything that `kept` does not name, and of what later layers hide that for which `gone` speaks. The most
/// comes first.
pub(super) fn removed(
    evidence: &Evidence,
    kept: &NodeSet,
    gone: &dyn Fn(&Residue) -> bool,
) -> Vec<Removed> {
    let mut sums: HashMap<&'static str, u64> = HashMap::new();
    let mut seen = NodeSet::default();
    for (path, node) in evidence.facts.view.iter() {
        let Some(node) = evidence.facts.view.content_of(node) else { continue };
        let entry = evidence.facts.view.entry(node);
        if entry.is_file() && !kept.contains(&node) && seen.insert(node) {
            *sums.entry(kind(evidence, &path)).or_default() += entry.size;
        }
    }
    let hidden: u64 = evidence.facts.residue.iter().filter(|r| gone(r)).map(|r| r.bytes).sum();
    sums.insert("hidden by later layers", hidden);
    let mut out: Vec<Removed> = sums
        .into_iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(what, bytes)| Removed { what, bytes })
        .collect();
    out.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.what.cmp(b.what)));
    out
}

fn kind(evidence: &Evidence, path: &LayerPath) -> &'static str {
    let owner = evidence.facts.packages.owner_of(path);
    let of_path = unneeded::kind_of_path(path);
    let of_package = || owner.and_then(|p| unneeded::kind_of_package(p.kind, &p.name));
    match of_path.or_else(of_package) {
        Some("doc" | "man" | "info" | "locale") => "documentation and locales",
        Some("cache") => "caches",
        Some("build-tool" | "header" | "static-library" | "debug") => "build tools",
        Some("vcs") => "version control",
        Some("package-manager") => "package managers",
        Some("editor" | "shell" | "network-tool") => "interactive tools",
        Some("test") => "tests",
        _ if owner.is_some() => "packages that nothing reaches",
        _ => "files that nothing reaches",
    }
}

/// Whether anything at a path or below it is among the files that stay.
pub(super) fn stays(evidence: &Evidence, kept: &NodeSet, path: &LayerPath) -> bool {
    let view = &evidence.facts.view;
    let real = view.follow(path).map_or_else(|| path.clone(), |(p, _)| p);
    view.within(&real).any(|(_, n)| view.content_of(n).is_some_and(|n| kept.contains(&n)))
}

/// What else a rewrite changes.
#[derive(Clone, Copy)]
pub(super) struct Settles<'a> {
    pub user: bool,
    pub health: bool,
    /// Whether a file that later layers hide is in no layer any more.
    pub hidden: &'a dyn Fn(&LayerPath) -> bool,
}

/// Rules and how many of their findings are settled, in the order of the findings.
pub(super) fn fixes(
    evidence: &Evidence,
    stays: &dyn Fn(&LayerPath) -> bool,
    settles: Settles<'_>,
) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let settled = |f: &Finding| match (f.rule.as_str(), f.state, &f.path) {
        ("config/root-user", ..) => settles.user,
        ("config/no-healthcheck", ..) => settles.health,
        ("build/timestamps" | "build/unpinned-base" | "config/mutable-tag", ..) => false,
        (_, State::Visible, Some(path)) => !stays(path),
        (_, State::OnlyInConfig | State::OnlyInHistory, _) => f.category == Category::Secret,
        (_, State::Overwritten | State::DeletedLater | State::HiddenByOpaque, path) => {
            path.as_ref().is_some_and(settles.hidden)
        }
        _ => false,
    };
    // One secret at several places is gone when it is gone from all of them.
    let all_settled = |f: &&Finding| settled(f) && f.also.iter().all(&settled);
    for finding in evidence.findings.iter().filter(all_settled) {
        // All kinds of secrets are one thing here.
        let rule = match finding.category {
            Category::Secret => "secret",
            _ => finding.rule.as_str(),
        };
        *counts.entry(rule).or_default() += 1;
    }
    counts.into_iter().map(|(rule, n)| (rule.to_owned(), n)).collect()
}
