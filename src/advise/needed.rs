//! The proposal that this tool exists for: build as now, then copy what the entry point needs into an empty
//! image.
//!
//! The size is not guessed: it is that of the files that the written Dockerfile copies.

use super::cover::{Cover, Item, cover};
use super::dockerfile::{Final, dockerfile};
use super::estimate::{Estimate, Interval};
use super::origin::origin;
use super::ratio::Ratios;
use super::removes::{Settles, fixes, removed, stays};
use super::{Advice, Certainty, Evidence};
use crate::closure::{Closure, Mode};
use crate::image::Node;
use crate::layer::{EntryKind, LayerPath};
use crate::rules::{Category, State};
use std::collections::{BTreeSet, HashSet};

/// A packed layer of other files than the one it is judged by is this much smaller or larger.
const COMPRESSED_LOW: f64 = 0.88;
const COMPRESSED_HIGH: f64 = 1.15;
/// What tar and a few small programs may add.
const COMPRESSED_MORE: u64 = 150_000;
/// The same build on another day brings other versions of packages.
const DRIFT: f64 = 0.03;
/// Names of files that hold nothing but secrets for a developer's machine.
const DEVELOPERS: [&str; 8] = [
    ".npmrc",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "id_dsa",
];

pub(super) fn propose(evidence: &Evidence, mode: Mode) -> Option<Advice> {
    let closure = evidence.closure?;
    let secrets = secret_files(evidence, closure);
    let kept = covered(evidence, closure, mode, &secrets, &|_, _| false);
    if kept.files == 0 || kept.bytes() * 10 > evidence.view.on_disk_bytes() * 9 {
        return None;
    }
    let origin = origin(evidence)?;
    let plan = Final::of(evidence);
    let dockerfile = dockerfile(evidence, &origin, &kept, &plan, &secrets, None);
    let estimate = estimate(evidence, &kept.nodes, DRIFT);
    let now = estimate.now;
    let (id, title) = match mode {
        Mode::Sound => {
            ("needed-sound", "Copy only the packages that are needed into an empty image")
        }
        _ => ("needed-files", "Copy only what runs into an empty image"),
    };
    let nodes: HashSet<Node> = kept.nodes.iter().copied().collect();
    let stays = |path: &LayerPath| stays(evidence, &nodes, path);
    let settles = Settles {
        user: evidence.config.user.is_empty() && plan.user().is_some(),
        health: plan.health().is_some(),
        all_layers: true,
    };
    let patch = origin.patch(&dockerfile);
    Some(Advice {
        id,
        kind: "multi-stage",
        title: title.to_owned(),
        possible: true,
        because: because(mode, &kept),
        certainty: if mode == Mode::Sound { Certainty::Sound } else { Certainty::Heuristic },
        basis: "the bytes of the files copied; compressed as its layers are, by kind of file"
            .to_owned(),
        changes: changes(&plan, &secrets, evidence.shortened),
        risks: risks(closure, mode),
        removes: removed(evidence, &nodes),
        fixes: fixes(evidence, &stays, settles),
        dockerfile: Some(dockerfile),
        patch,
        saves: now.saturating_sub(estimate.after.compressed.map_or(0, |c| c.likely)),
        estimate: estimate.after,
        ..Advice::default()
    })
}

fn because(mode: Mode, kept: &Cover) -> String {
    let what = match mode {
        Mode::Sound => {
            "the whole packages that the entry point leads to, what they depend on and what the system \
             cannot be without"
        }
        _ => "what the entry point leads to by links, scripts, settings and language trees",
    };
    format!("{} files: {what}; `careen why` says for any file why it is kept or not", kept.files)
}

pub(super) fn changes(
    plan: &Final,
    secrets: &BTreeSet<LayerPath>,
    shortened: Option<&str>,
) -> Vec<String> {
    let mut out: Vec<String> = shortened.map(str::to_owned).into_iter().collect();
    if !secrets.is_empty() {
        let names: Vec<String> = secrets.iter().take(3).map(|p| p.to_string()).collect();
        out.push(format!("left out for the secrets in it: {}", names.join(", ")));
    }
    out.extend(plan.as_root.as_ref().map(|why| format!("it stays root: {why}")));
    out
}

pub(super) fn risks(closure: &Closure, mode: Mode) -> Vec<String> {
    let mut out = Vec::new();
    if mode == Mode::Sound {
        return out;
    }
    out.push("worked out from the files alone: verify it with your tests".to_owned());
    out.extend(closure.unclear.iter().take(3).map(|u| format!("unclear without running it: {u}")));
    out.extend(closure.missing.first().map(|missing| {
        format!("{} needs {}, which the image lacks today", missing.needed_by, missing.library)
    }));
    out
}

/// Files that a developer's copy brought along and that hold secrets; what the program names stays.
pub(super) fn secret_files(evidence: &Evidence, closure: &Closure) -> BTreeSet<LayerPath> {
    let all = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    all.filter(|f| f.category == Category::Secret && f.state == State::Visible)
        .filter_map(|f| f.path.clone())
        .filter(|path| {
            let name = String::from_utf8_lossy(path.name()).into_owned();
            let developers = name.starts_with(".env") || DEVELOPERS.contains(&name.as_str());
            developers && closure.is_only_there(path)
        })
        .collect()
}

/// `provided`: what another base has already.
pub(super) fn covered(
    evidence: &Evidence,
    closure: &Closure,
    mode: Mode,
    secrets: &BTreeSet<LayerPath>,
    provided: &dyn Fn(&LayerPath, Node) -> bool,
) -> Cover {
    let kept: HashSet<&LayerPath> = closure.files(mode).map(|(p, _)| p).collect();
    let view = evidence.view;
    // One pattern leaves out all compiled twins of Python's sources.
    let twins = kept.iter().all(|p| !is_compiled_python(p));
    let items = view.iter().filter(|(path, _)| !(twins && is_compiled_python(path)));
    let mut all = cover(
        items.map(|(path, node)| {
            let kind = view.content_of(node).map_or(view.entry(node).kind, |n| view.entry(n).kind);
            let forbidden = secrets.contains(path);
            Item {
                path,
                node: view.content_of(node).unwrap_or(node),
                bytes: view.bytes_of(node),
                directory: kind == EntryKind::Directory,
                kept: kept.contains(path)
                    && !forbidden
                    && is_writable(path)
                    && !provided(path, node),
                forbidden,
            }
        }),
        true,
    );
    if twins && view.iter().any(|(path, _)| is_compiled_python(path)) {
        all.exclude.insert(0, LayerPath::from("__pycache__"));
    }
    all
}

pub(super) fn is_compiled_python(path: &LayerPath) -> bool {
    path.as_bytes().split(|&b| b == b'/').any(|part| part == b"__pycache__")
}

/// Names that a Dockerfile's shell line can say; others (a line break in a name) are not copied.
fn is_writable(path: &LayerPath) -> bool {
    path.as_bytes().iter().all(|b| *b >= b' ' && *b != b'\'' && *b != 0x7f)
}

pub(super) struct After {
    pub after: Estimate,
    /// Compressed, else on disk.
    pub now: u64,
}

/// Of an image of these files, and the image's size now.
pub(super) fn estimate(evidence: &Evidence, nodes: &[Node], drift: f64) -> After {
    let bytes: u64 = nodes.iter().map(|n| evidence.view.entry(*n).size).sum();
    let scale = |n: u64, by: f64| (n as f64 * by) as u64;
    let on_disk =
        Interval { low: scale(bytes, 1.0 - drift), likely: bytes, high: scale(bytes, 1.0 + drift) };
    let ratios = Ratios::new(&evidence.image.layers);
    let compressed: Option<f64> = nodes.iter().map(|n| ratios.compressed(evidence.view, *n)).sum();
    let compressed = compressed.map(|likely| Interval {
        low: (likely * COMPRESSED_LOW) as u64,
        likely: likely as u64 + COMPRESSED_MORE,
        high: (likely * COMPRESSED_HIGH) as u64 + 2 * COMPRESSED_MORE,
    });
    let now = crate::image::compressed(&evidence.image.layers);
    let after = Estimate { compressed, on_disk: Some(on_disk) };
    After { after, now: now.unwrap_or_else(|| evidence.view.on_disk_bytes()) }
}
