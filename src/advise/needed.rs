//! The proposal that this tool exists for: build as now, then copy what the entry point needs into an empty
//! image.
//!
//! The size is not guessed: it is that of the files that the written Dockerfile copies.

use super::copy_list::{Cover, Item, cover};
use super::dockerfile::{COMPILED, Final, dockerfile, has_tools};
use super::effects::{Settles, fixes, removed, stays};
use super::estimate::{Estimate, Interval};
use super::leaked::{Leaked, ignored_files};
use super::ratio::Ratios;
use super::user_dockerfile::origin;
use super::{Advice, Certainty, Evidence};
use crate::closure::{Closure, Mode};
use crate::image::{Node, NodeSet};
use crate::layer::{EntryKind, LayerPath};
use std::collections::BTreeSet;

/// A packed layer of other files than the one it is judged by is this much smaller or larger.
const COMPRESSED_LOW: f64 = 0.88;
const COMPRESSED_HIGH: f64 = 1.15;
/// What tar and a few small programs may add.
const COMPRESSED_MORE: u64 = 150_000;
/// The same build on another day brings other versions of packages.
const DRIFT: f64 = 0.03;
pub(super) fn propose(evidence: &Evidence, mode: Mode) -> Option<Advice> {
    let closure = evidence.closure?;
    let leaked = Leaked::of(evidence, closure);
    let kept = covered(evidence, closure, mode, &leaked.out, &|_, _| false)?;
    if kept.files == 0 || kept.bytes() * 10 > evidence.facts.view.on_disk_bytes() * 9 {
        return None;
    }
    let origin = origin(evidence)?;
    let plan = Final::of(evidence);
    let dockerfile = dockerfile(evidence, &origin, &kept, &plan, &leaked, None);
    let estimate = estimate(evidence, kept.nodes.iter(), DRIFT);
    let now = estimate.now;
    let (id, title) = match mode {
        Mode::Sound => {
            ("needed-sound", "Copy only the packages that are needed into an empty image")
        }
        _ => ("needed-files", "Copy only what runs into an empty image"),
    };
    let stays = |path: &LayerPath| stays(evidence, &kept.nodes, path);
    let settles = Settles {
        user: evidence.config.user.is_empty() && plan.user().is_some(),
        health: plan.health().is_some(),
        // Every layer is made anew.
        hidden: &|_| true,
    };
    let patch = origin.patch(evidence, &dockerfile);
    Some(Advice {
        id,
        kind: "multi-stage",
        title: title.to_owned(),
        possible: true,
        because: because(mode, &kept),
        certainty: if mode == Mode::Sound { Certainty::Sound } else { Certainty::Heuristic },
        basis: "the bytes of the files copied; compressed as its layers are, by kind of file"
            .to_owned(),
        changes: changes(&plan, &leaked, evidence.shortened),
        risks: risks(closure, mode, &leaked),
        removes: removed(evidence, &kept.nodes, &|_| true),
        fixes: fixes(evidence, &stays, settles),
        dockerfile: Some(dockerfile),
        patch: patch.text,
        no_patch: patch.refused,
        ignore: ignored_files(evidence, &leaked, &origin.text),
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
        _ => "what the entry point leads to by links, scripts, settings and imports",
    };
    format!("{} files: {what}; `careen why` says for any file why it is kept or not", kept.files)
}

pub(super) fn changes(plan: &Final, leaked: &Leaked, shortened: Option<&str>) -> Vec<String> {
    let mut out: Vec<String> = shortened.map(str::to_owned).into_iter().collect();
    let named = leaked.named();
    if !named.is_empty() {
        let names: Vec<String> = named.iter().take(3).map(|p| p.to_string()).collect();
        let more = match named.len() {
            0..=3 => String::new(),
            n => format!(" and {} more", n - 3),
        };
        out.push(format!("left out for the secrets in it: {}{more}", names.join(", ")));
    }
    out.extend(plan.as_root.as_ref().map(|why| format!("it stays root: {why}")));
    out
}

pub(super) fn risks(closure: &Closure, mode: Mode, leaked: &Leaked) -> Vec<String> {
    let mut out = leaked.risks();
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

/// More lines of COPY than this are no Dockerfile that anyone reads.
pub(super) const MOST_COPIES: usize = 100;

/// `provided`: what another base has already. `None` where it takes too many lines.
pub(super) fn covered(
    evidence: &Evidence,
    closure: &Closure,
    mode: Mode,
    secrets: &BTreeSet<LayerPath>,
    provided: &dyn Fn(&LayerPath, Node) -> bool,
) -> Option<Cover> {
    let tools = has_tools(evidence);
    let view = &evidence.facts.view;
    let compiles = compiles(closure);
    let twin = |path: &LayerPath| {
        kept_source(closure, mode, compiles, path)
            .is_some_and(|source| view.get(&source).is_some_and(|node| !provided(&source, node)))
    };
    // One pattern leaves out all compiled twins of Python's sources.
    let twins = tools && !compiles && closure.files(mode).all(|(p, _)| !is_compiled_python(&p));
    let items = view.iter().enumerate();
    let items = items.filter(|(_, (path, _))| !(twins && is_compiled_python(path)));
    let mut all = cover(
        view,
        items.map(|(number, (path, node))| {
            let kind = view.content_of(node).map_or(view.entry(node).kind, |n| view.entry(n).kind);
            let forbidden = secrets.contains(&path);
            Item {
                number: number as u32,
                directory: kind == EntryKind::Directory,
                kept: (closure.keeps_entry(number as u32, mode) || twin(&path))
                    && !forbidden
                    && is_writable(&path, tools)
                    && !provided(&path, node),
                forbidden,
            }
        }),
        tools,
    );
    if !tools && all.include.len() > MOST_COPIES {
        return None;
    }
    if twins && view.iter().any(|(path, _)| is_compiled_python(&path)) {
        all.exclude.insert(0, LayerPath::from(COMPILED));
    }
    Some(all)
}

/// The program's user can write no compiled module: without those that are there, every start compiles.
fn compiles(closure: &Closure) -> bool {
    closure.runs("python3") || closure.runs("python")
}

/// The source that a compiled module is kept beside: of those that a start does not load only `sound` has one.
fn kept_source(
    closure: &Closure,
    mode: Mode,
    compiles: bool,
    path: &LayerPath,
) -> Option<LayerPath> {
    let source = compiles.then(|| source(path)).flatten();
    source.filter(|s| closure.keeps(s, mode) && (mode == Mode::Sound || closure.starts(s)))
}

/// The files of a mode, with the compiled twins that are kept beside them.
pub(super) fn kept_nodes(evidence: &Evidence, closure: &Closure, mode: Mode) -> NodeSet {
    let view = &evidence.facts.view;
    let compiles = compiles(closure);
    let twin = |path: &LayerPath| kept_source(closure, mode, compiles, path).is_some();
    let entries = view.iter().enumerate();
    let kept = entries.filter(|(n, (path, _))| closure.keeps_entry(*n as u32, mode) || twin(path));
    kept.filter_map(|(_, (_, node))| view.content_of(node)).collect()
}

/// The source of a compiled module that Python uses without being asked to optimise (PEP 3147):
/// `a/b.py` of `a/__pycache__/b.cpython-311.pyc`.
fn source(path: &LayerPath) -> Option<LayerPath> {
    let folder = path.parent().filter(|f| f.name() == b"__pycache__")?.parent()?;
    let name = std::str::from_utf8(path.name()).ok()?.strip_suffix(".pyc")?;
    let (module, tag) = name.rsplit_once('.')?;
    tag.starts_with("cpython-").then(|| folder.join(format!("{module}.py").as_bytes()))
}

pub(super) fn is_compiled_python(path: &LayerPath) -> bool {
    path.as_bytes().split(|&b| b == b'/').any(|part| part == b"__pycache__")
}

/// Names that a Dockerfile's shell line can say, or its COPY; others (a line break in a name) are not copied.
fn is_writable(path: &LayerPath, tools: bool) -> bool {
    let bad: &[u8] = if tools { b"'" } else { b"\"\\*?[$" };
    path.as_bytes().iter().all(|b| *b >= b' ' && !bad.contains(b) && *b != 0x7f)
}

pub(super) struct After {
    pub after: Estimate,
    /// Compressed, else on disk.
    pub now: u64,
}

/// Of an image of these files, and the image's size now.
pub(super) fn estimate(
    evidence: &Evidence,
    nodes: impl Iterator<Item = Node> + Clone,
    drift: f64,
) -> After {
    let bytes: u64 = nodes.clone().map(|n| evidence.facts.view.entry(n).size).sum();
    let scale = |n: u64, by: f64| (n as f64 * by) as u64;
    let on_disk =
        Interval { low: scale(bytes, 1.0 - drift), likely: bytes, high: scale(bytes, 1.0 + drift) };
    let ratios = Ratios::new(&evidence.facts.image.layers);
    let compressed: Option<f64> = nodes.map(|n| ratios.compressed(&evidence.facts.view, n)).sum();
    let compressed = compressed.map(|likely| Interval {
        low: (likely * COMPRESSED_LOW) as u64,
        likely: likely as u64 + COMPRESSED_MORE,
        high: (likely * COMPRESSED_HIGH) as u64 + 2 * COMPRESSED_MORE,
    });
    let now = crate::image::compressed(&evidence.facts.image.layers);
    let after = Estimate { compressed, on_disk: Some(on_disk) };
    After { after, now: now.unwrap_or_else(|| evidence.facts.view.on_disk_bytes()) }
}
