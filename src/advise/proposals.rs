//! The proposals. Each looks at the evidence for itself and says nothing where there is nothing to gain.

use super::estimate::{Removal, after};
use super::owner_steps::changes_owner;
use super::{Advice, Estimate, Evidence};
use crate::image::waste::{Residue, ResidueKind};
use crate::rules::{Category, Finding, Severity, State};
use crate::text::{Bytes, Sanitized};
use std::collections::{BTreeMap, BTreeSet};

/// Below this many bytes a proposal is not worth a line.
const FLOOR: u64 = 100_000;

type Proposal = fn(&Evidence) -> Option<Advice>;

/// Those that are about size.
pub(super) const SIZED: &[Proposal] =
    &[multi_stage, clean_in_step, copy_with_owner, without_docs, ignore_vcs];

const TOOLS: &[&str] = &["build-tool", "header", "static-library"];
const DOCS: &[&str] = &["doc", "man", "info", "locale"];

/// Bytes of unneeded items of these kinds, by layer.
fn unneeded(evidence: &Evidence, kinds: &[&str]) -> Removal {
    let mut removal = Removal::default();
    for item in evidence.facts.unneeded.iter().filter(|i| kinds.contains(&i.kind.as_str())) {
        for (layer, bytes) in &item.layers {
            *removal.visible.entry(*layer).or_default() += bytes;
        }
    }
    removal
}

/// Bytes that later layers hide in these ways, by the layer that holds them.
fn hidden(evidence: &Evidence, kinds: &[ResidueKind]) -> BTreeMap<usize, u64> {
    let mut by_layer = BTreeMap::new();
    for r in evidence.facts.residue.iter().filter(|r| kinds.contains(&r.kind)) {
        *by_layer.entry(r.node.layer).or_default() += r.bytes;
    }
    by_layer
}

/// The largest owners among unneeded items, for a sentence.
fn largest_owners(evidence: &Evidence, kinds: &[&str]) -> String {
    let mut items: Vec<_> =
        evidence.facts.unneeded.iter().filter(|i| kinds.contains(&i.kind.as_str())).collect();
    items.sort_by_key(|i| std::cmp::Reverse(i.bytes));
    let mut names = Vec::new();
    for item in items {
        let name = match (&item.owner, item.paths.first()) {
            (Some(owner), _) => Sanitized::from(owner.as_str()).to_string(),
            (None, Some(path)) => path.to_string(),
            (None, None) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == 3 {
            break;
        }
    }
    names.join(", ")
}

/// `layer 3 (RUN apt-get …)`.
fn blame(evidence: &Evidence, layer: usize) -> String {
    match evidence.step(layer) {
        Some(step) => {
            let step = Sanitized::from(step).to_string();
            let short: String = step.chars().take(60).collect();
            let dots = if short.len() < step.len() { "…" } else { "" };
            format!("layer {layer} ({short}{dots})")
        }
        None => format!("layer {layer}"),
    }
}

fn worst(by_layer: &BTreeMap<usize, u64>) -> Option<usize> {
    by_layer.iter().max_by_key(|(_, bytes)| **bytes).map(|(layer, _)| *layer)
}

fn sized(
    evidence: &Evidence,
    removal: &Removal,
    sure: bool,
    make: impl FnOnce(Estimate, u64) -> Advice,
) -> Option<Advice> {
    if removal.bytes() < FLOOR {
        return None;
    }
    let (estimate, saves) = after(evidence, removal, sure);
    let basis = "compressed sizes at each layer's own ratio".to_owned();
    Some(Advice { basis, ..make(estimate, saves) })
}

fn multi_stage(evidence: &Evidence) -> Option<Advice> {
    let removal = unneeded(evidence, TOOLS);
    let bytes = Bytes(removal.bytes());
    let names = largest_owners(evidence, TOOLS);
    sized(evidence, &removal, false, |estimate, saves| Advice {
        id: "multi-stage",
        kind: "multi-stage",
        title: "Build in one stage, run in another".to_owned(),
        possible: true,
        because: format!(
            "{bytes} on disk are compilers, headers and other build tools (most: {names}); \
             tools that the program does call at run time have to stay"
        ),
        dockerfile: Some(
            "FROM <your base> AS build\n# install the build tools and build here\n\n\
             FROM <your base>\n# install only what runs\nCOPY --from=build <result> <result>\n"
                .to_owned(),
        ),
        estimate,
        saves,
        ..Advice::default()
    })
}

fn clean_in_step(evidence: &Evidence) -> Option<Advice> {
    let mut removal = unneeded(evidence, &["cache"]);
    removal.hidden = hidden(evidence, &[ResidueKind::Deleted, ResidueKind::Opaque]);
    let deleted: u64 = removal.hidden.values().sum();
    let cached: u64 = removal.visible.values().sum();
    let mut facts = Vec::new();
    if deleted > 0 {
        let place = worst(&removal.hidden).map(|l| blame(evidence, l)).unwrap_or_default();
        facts.push(format!(
            "{} are deleted by a later step but still downloaded, most of them in {place}",
            Bytes(deleted)
        ));
    }
    if cached > 0 {
        let place = worst(&removal.visible).map(|l| blame(evidence, l)).unwrap_or_default();
        facts.push(format!(
            "{} of package lists and caches stay in the image, most of them in {place}",
            Bytes(cached)
        ));
    }
    sized(evidence, &removal, true, |estimate, saves| Advice {
        id: "clean-in-step",
        kind: "same-base",
        title: "Delete in the step that creates, not in a later one".to_owned(),
        possible: true,
        because: facts.join("; "),
        dockerfile: Some(
            "RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\\n    \
             apt-get update && apt-get install -y --no-install-recommends <packages> \\\n \
             && rm -rf /var/lib/apt/lists/*\n"
                .to_owned(),
        ),
        estimate,
        saves,
        ..Advice::default()
    })
}

fn copy_with_owner(evidence: &Evidence) -> Option<Advice> {
    // What no COPY brought can be given no owner by one.
    let is_copied = |layer| {
        let step = evidence.step(layer);
        step.is_none_or(|s| s.starts_with("COPY ") || s.starts_with("ADD "))
    };
    let changes = |r: &&Residue| {
        let step = evidence.step(r.hidden_by);
        r.kind == ResidueKind::MetadataOnly
            && is_copied(r.node.layer)
            && step.is_none_or(|s| changes_owner(s, &r.path))
    };
    let mut removal = Removal::default();
    let mut culprits = BTreeSet::new();
    for r in evidence.facts.residue.iter().filter(changes) {
        *removal.hidden.entry(r.node.layer).or_default() += r.bytes;
        culprits.insert(r.hidden_by);
    }
    let by = culprits.iter().take(2).map(|&l| blame(evidence, l)).collect::<Vec<_>>().join(" and ");
    sized(evidence, &removal, true, |estimate, saves| Advice {
        id: "copy-with-owner",
        kind: "same-base",
        title: "Set owner and mode while copying".to_owned(),
        possible: true,
        because: format!(
            "{} are stored twice because {by} changed only owner, mode or time",
            Bytes(removal.bytes())
        ),
        dockerfile: Some("COPY --chown=10001:10001 --chmod=a+rX <source> <target>\n".to_owned()),
        estimate,
        saves,
        ..Advice::default()
    })
}

fn without_docs(evidence: &Evidence) -> Option<Advice> {
    let removal = unneeded(evidence, DOCS);
    sized(evidence, &removal, true, |estimate, saves| Advice {
        id: "without-docs",
        kind: "same-base",
        title: "Leave out documentation, manual pages and locales".to_owned(),
        possible: true,
        because: format!(
            "{} on disk are read by people, not by the program (most: {}); those of the base image go only \
             with another base",
            Bytes(removal.bytes()),
            largest_owners(evidence, DOCS)
        ),
        dockerfile: Some(
            "RUN printf 'path-exclude=/usr/share/%s/*\\n' doc man info locale \\\n    \
             > /etc/dpkg/dpkg.cfg.d/no-docs\n"
                .to_owned(),
        ),
        estimate,
        saves,
        ..Advice::default()
    })
}

fn ignore_vcs(evidence: &Evidence) -> Option<Advice> {
    let removal = unneeded(evidence, &["vcs"]);
    sized(evidence, &removal, true, |estimate, saves| Advice {
        id: "ignore-vcs",
        kind: "same-base",
        title: "Keep the repository's history out with a .dockerignore".to_owned(),
        possible: true,
        because: format!(
            "{} on disk are version control data ({}), with every secret ever committed",
            Bytes(removal.bytes()),
            largest_owners(evidence, &["vcs"])
        ),
        dockerfile: Some("# .dockerignore\n.git\n.env*\n".to_owned()),
        estimate,
        saves,
        ..Advice::default()
    })
}

/// The image as it is now.
fn unchanged(evidence: &Evidence) -> Estimate {
    after(evidence, &Removal::default(), true).0
}

pub(super) fn secrets(evidence: &Evidence) -> Option<Advice> {
    let leaked: Vec<&Finding> = evidence
        .findings
        .iter()
        .filter(|f| f.category == Category::Secret && f.severity >= Severity::High)
        .collect();
    if leaked.is_empty() {
        return None;
    }
    let distinct = leaked.iter().map(|f| f.fingerprint.as_str()).collect::<BTreeSet<_>>().len();
    let gone = leaked.iter().filter(|f| f.state != State::Visible).count();
    let noun = if distinct == 1 { "secret" } else { "secrets" };
    let hidden = match gone {
        0 => String::new(),
        n => format!(
            "; {n} of the places {} not visible in a container and still in what is pulled",
            if n == 1 { "is" } else { "are" }
        ),
    };
    Some(Advice {
        id: "remove-secrets",
        kind: "secret",
        title: format!(
            "Revoke {distinct} leaked {noun} and pass {} at build or run time",
            if distinct == 1 { "it" } else { "them" }
        ),
        possible: true,
        because: format!(
            "whoever can pull the image has {}{hidden}",
            if distinct == 1 { "it" } else { "them" }
        ),
        dockerfile: Some(
            "RUN --mount=type=secret,id=token,env=TOKEN <command that needs it>\n".to_owned(),
        ),
        estimate: unchanged(evidence),
        saves: 0,
        ..Advice::default()
    })
}

pub(super) fn user(evidence: &Evidence) -> Option<Advice> {
    evidence.findings.iter().find(|f| f.rule == "config/root-user")?;
    Some(Advice {
        id: "run-as-user",
        kind: "config",
        title: "Run as a user of its own".to_owned(),
        possible: true,
        because:
            "the process runs as root: a hole in it is a hole with root's rights in the container"
                .to_owned(),
        dockerfile: Some("USER 10001:10001\n".to_owned()),
        estimate: unchanged(evidence),
        saves: 0,
        ..Advice::default()
    })
}
