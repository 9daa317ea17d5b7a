//! The build as it is, step by step as a careful author would write it, on the same base and in one stage.
//!
//! Nothing that the author asked for is left out; the size is that of the files that stay.

mod apt;
mod draft;
mod order;
mod secrets;

use super::dockerfile::{Final, start};
use super::effects::{Settles, fixes, removed, stays};
use super::estimate::{Estimate, Interval};
use super::leaked::{Leaked, ignore_line, is_brought, is_for_no_build};
use super::needed::is_compiled_python;
use super::ratio::Ratios;
use super::user_dockerfile::{Origin, origin};
use super::{Advice, Certainty, Evidence};
use crate::dockerfile::{Command, Joint, Kind};
use crate::image::NodeSet;
use crate::image::unneeded;
use crate::image::waste::{Residue, ResidueKind};
use crate::layer::LayerPath;
use crate::rules::{Category, State};
use draft::{Draft, Slot};
use std::collections::BTreeSet;

/// Another day's packages, and what an installation writes beside its files.
const DRIFT: f64 = 0.03;
/// The layers are packed anew, and not by their own ratio alone.
const COMPRESSED: f64 = 0.06;
/// Below this share of the image a rewrite of everything is not worth it.
const LEAST: u64 = 100;

pub(super) fn propose(evidence: &Evidence) -> Option<Advice> {
    let mut origin = origin(evidence).filter(|o| !o.is_image)?;
    let pin = pin(evidence, &mut origin);
    let mut draft = Draft::new(&origin.text)?;
    let base =
        evidence.facts.history.base_layers.filter(|n| *n < evidence.facts.image.layers.len());
    let mut changes: Vec<String> = pin.into_iter().collect();
    let leaked = evidence.closure.map(|c| Leaked::of(evidence, c)).unwrap_or_default();
    let (mounts, mounted) = secrets::rewrite(&mut draft, evidence, &leaked);
    changes.extend(mounts);
    let unneeded = secrets::ignore_deleted(&mut draft, evidence, &mounted);
    origin.remarks.retain(|r| !mounted.iter().any(|m| r.contains(m.as_str())));
    let mut apt = apt::rewrite(&mut draft, evidence, base);
    changes.append(&mut apt.changes);
    let mut order = order::rewrite(&mut draft, evidence);
    changes.append(&mut order.changes);
    let ignored = ignored(evidence, &leaked, &draft, unneeded);
    if !ignored.is_empty() {
        changes.push(format!("a .dockerignore keeps out {}", ignored.names.join(", ")));
    }

    let mut plan = Final::of(evidence);
    plan.on_a_system();
    let (text, end) = finish(evidence, &origin, &mut draft, &plan, &mut changes);
    let gone = |path: &LayerPath| {
        let bytes = path.as_bytes();
        let below = |dir: &str| {
            bytes.strip_prefix(dir.as_bytes()).is_some_and(|r| r.is_empty() || r[0] == b'/')
        };
        ignored.paths.iter().any(|p| below(&p.to_text()))
            || apt.cleaned
                && (["var/lib/apt/lists", "var/cache/apt/archives"].iter().any(|d| below(d))
                    || apt::is_apt_cache(bytes))
            || mounted.iter().any(|m| path == &LayerPath::from(m.as_str()))
            || order.caches.iter().any(|d| below(d))
            || evidence.facts.packages.owner_of(path).is_some_and(|p| {
                apt.without.contains(&p.name) && p.kind == crate::analyze::PackageKind::Dpkg
            })
    };
    let docs = |path: &LayerPath, layer: usize| {
        apt.without_docs
            && base.is_some_and(|b| layer >= b)
            && path.as_bytes().starts_with(b"usr/share/")
            && !path.as_bytes().ends_with(b"/copyright")
            && matches!(unneeded::kind_of_path(path), Some("doc" | "man" | "info" | "locale"))
    };
    let mut kept = NodeSet::default();
    for (path, node) in evidence.facts.view.iter() {
        if let Some(node) = evidence.facts.view.content_of(node)
            && evidence.facts.view.entry(node).is_file()
            && !gone(&path)
            && !docs(&path, node.layer)
        {
            kept.insert(node);
        }
    }
    let now: u64 = evidence.facts.view.on_disk_bytes();
    let estimate = estimate(evidence, &kept, base);
    let after = estimate.on_disk.map_or(now, |d| d.likely);
    let helps = now.saturating_sub(after) * LEAST > now || end.user || !changes.is_empty();
    if !helps {
        return None;
    }
    let stored = crate::image::compressed(&evidence.facts.image.layers);
    let saves = match (stored, estimate.compressed) {
        (Some(stored), Some(then)) => stored.saturating_sub(then.likely),
        _ => now.saturating_sub(after),
    };
    let stays = |path: &LayerPath| {
        let folder = evidence.facts.view.follow(path).is_some_and(|(real, node)| {
            evidence.facts.view.entry(node).is_dir()
                && evidence.facts.view.children(&real).next().is_none()
        });
        // A folder goes with what is in it, and stays where nothing is.
        folder && !gone(path) || stays(evidence, &kept, path)
    };
    let patch = origin.patch(evidence, &text);
    let owned = |r: &Residue| {
        let step = evidence.step(r.hidden_by).unwrap_or_default();
        r.kind == ResidueKind::MetadataOnly
            && step.contains("chown")
            && end.owned.iter().any(|dir| is_within(&r.path, dir))
    };
    let settles = Settles { user: end.user, health: end.health, hidden: &gone };
    let mut risks = leaked.risks();
    let comes_in = leaked.out.iter().filter(|path| !gone(path));
    risks.extend(comes_in.map(|path| {
        format!("{path} holds a secret and still comes in, since the build may read it: take it out there")
    }));
    risks.extend(hidden_secrets(evidence, &gone));
    risks.append(&mut apt.risks);
    Some(Advice {
        id: "same-base",
        kind: "same-base",
        title: "Keep the base and write the build better".to_owned(),
        possible: true,
        because: match origin.remarks.first() {
            Some(_) if evidence.dockerfile.is_none() => {
                "the build as its history tells it, step by step".to_owned()
            }
            _ => "your Dockerfile, step by step".to_owned(),
        },
        certainty: Certainty::Likely,
        basis: "the bytes of the files that stay; the base's layers as they are, others at their own ratio"
            .to_owned(),
        changes,
        risks,
        removes: removed(evidence, &kept, &|r| gone(&r.path) || owned(r)),
        fixes: fixes(evidence, &stays, settles),
        dockerfile: Some(text),
        patch: patch.text,
        no_patch: patch.refused,
        ignore: ignored.names,
        estimate,
        saves,
        ..Advice::default()
    })
}

/// Files with secrets that a later step still hides in place of keeping them out, a sentence each.
fn hidden_secrets(evidence: &Evidence, gone: &dyn Fn(&LayerPath) -> bool) -> Vec<String> {
    let all = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    let hidden = all.filter(|f| {
        let hides = [State::DeletedLater, State::Overwritten, State::HiddenByOpaque];
        f.category == Category::Secret && f.package.is_none() && hides.contains(&f.state)
    });
    let paths: BTreeSet<&LayerPath> = hidden.filter_map(|f| f.path.as_ref()).collect();
    let left = paths.into_iter().filter(|path| !gone(path));
    left.map(|path| {
        format!("{path} holds a secret and stays in a layer, though a later step hides it: keep it out of the build")
    })
    .collect()
}

/// Names the base by its digest, where its registry has told it. What an image says of itself is not taken:
/// buildah names the digest of the step before there.
fn pin(evidence: &Evidence, origin: &mut Origin) -> Option<String> {
    let base = origin.base().filter(|b| !b.contains('@'))?;
    let live = evidence.bases.live(&base)?.ok()?;
    origin.rebase(&format!("{}@{}", evidence.bases.name(&base), live.digest));
    Some("the base is named by its digest, as it is now".to_owned())
}

/// What must not be copied: version control and files of secrets.
#[derive(Default)]
struct Ignored {
    /// As `.dockerignore` has them.
    names: Vec<String>,
    paths: Vec<LayerPath>,
}

impl Ignored {
    fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn add(&mut self, name: String, path: LayerPath) {
        let whole = name.strip_prefix("**/").unwrap_or(&name);
        if !self.names.iter().any(|n| *n == name || n == whole) {
            self.names.push(name);
        }
        self.paths.push(path);
    }
}

fn ignored(
    evidence: &Evidence,
    leaked: &Leaked,
    draft: &Draft,
    deleted: Vec<LayerPath>,
) -> Ignored {
    let mut out = Ignored::default();
    for item in evidence.facts.unneeded.iter().filter(|i| i.kind == "vcs" && i.owner.is_none()) {
        for path in &item.paths {
            let name = String::from_utf8_lossy(path.name()).into_owned();
            if [".git", ".hg", ".svn"].contains(&name.as_str()) {
                out.add(name, path.clone());
            }
        }
    }
    for path in &leaked.out {
        // A step that names a file would fail without it.
        let alone = is_for_no_build(path) && !is_compiled_python(path);
        if is_brought(evidence, path) && alone && !secrets::names(draft, path) {
            out.add(ignore_line(path), path.clone());
        }
    }
    for path in deleted {
        out.add(ignore_line(&path), path);
    }
    out
}

/// What the end of the rewritten build settles.
#[derive(Default)]
struct End {
    user: bool,
    health: bool,
    /// Folders whose files are copied with their owner, where a step of its own changed it before.
    owned: Vec<LayerPath>,
}

/// A user, a health check, and how the image starts where that is not in the text.
fn finish(
    evidence: &Evidence,
    origin: &Origin,
    draft: &mut Draft,
    plan: &Final,
    changes: &mut Vec<String>,
) -> (String, End) {
    let mut settles = End::default();
    let user = plan.user().filter(|_| evidence.config.user.is_empty() || is_root(evidence));
    let health = plan.health();
    let mut lines = Vec::new();
    if let Some(user) = user {
        settles.user = true;
        changes.push(format!("runs as {user} instead of root"));
        if let Some(dir) = plan.owned_dirs().first() {
            lines.push(format!("RUN chown {user} /{}", dir.to_text()));
            if owned_copies(draft, &user, &dir.to_text()) && without_chown(draft, &dir.to_text()) {
                changes.push("the owner is set while copying, not in a step of its own".to_owned());
                settles.owned.push(dir.clone());
            }
        }
    }
    if health.is_some() {
        settles.health = true;
        changes.push("a health check that the port is open, with what the image has".to_owned());
    }
    if evidence.dockerfile.is_some() {
        lines.extend(user_line(plan, &settles));
        lines.extend(health);
        place(draft, lines);
        (evidence.masked(&draft.render()), settles)
    } else {
        let mut text: Vec<String> =
            origin.remarks.iter().map(|r| format!("# {}", super::dockerfile::plain(r))).collect();
        text.push(draft.render().trim_end().to_owned());
        text.extend(lines);
        text.extend(start(evidence, plan).into_iter().filter(|l| !is_known(evidence, draft, l)));
        (evidence.masked(&text.join("\n")) + "\n", settles)
    }
}

/// What the base or the steps above say already.
fn is_known(evidence: &Evidence, draft: &Draft, line: &str) -> bool {
    let mut before = draft.slots.iter().filter(|s| !s.is_gone()).map(Slot::kind);
    if let Some(pair) = line.strip_prefix("ENV ") {
        let name = pair.split('=').next().unwrap_or_default();
        let sets = |text: &str| {
            text.split_whitespace().any(|w| w == name || w.starts_with(&format!("{name}=")))
        };
        let own = evidence.facts.history.steps.iter().any(|s| s.keyword == "ENV" && sets(&s.text));
        return !own || before.any(|k| matches!(k, Kind::Env(text) if sets(text)));
    }
    match line.strip_prefix("WORKDIR ") {
        Some(dir) => before.any(|k| matches!(k, Kind::Workdir(d) if d == dir)),
        None => line.starts_with("# "),
    }
}

fn is_root(evidence: &Evidence) -> bool {
    ["0", "root", "0:0"].contains(&evidence.config.user.as_str())
}

fn user_line(plan: &Final, settles: &End) -> Option<String> {
    plan.user().filter(|_| settles.user).map(|u| format!("USER {u}"))
}

/// The last lines stand before what starts the image.
fn place(draft: &mut Draft, lines: Vec<String>) {
    let at = draft
        .slots
        .iter()
        .position(|s| matches!(s.kind(), Kind::Cmd | Kind::Entrypoint) && !s.is_gone());
    match at {
        Some(at) => draft.slots[at].before.extend(lines),
        None => {
            if let Some(last) = draft.slots.last_mut() {
                last.after.extend(lines);
            }
        }
    }
}

/// The application's files belong to its user. Whether a copy brings any of them.
fn owned_copies(draft: &mut Draft, user: &str, dir: &str) -> bool {
    let mut folder = String::new();
    let mut owned = false;
    for n in 0..draft.slots.len() {
        match draft.slots[n].kind().clone() {
            Kind::Workdir(d) => folder = d,
            Kind::Copy { options, target, .. } => {
                let target = match target.starts_with('/') {
                    true => target,
                    false => format!("{}/{target}", folder.trim_end_matches('/')),
                };
                let inside = is_within(&LayerPath::from(target.as_str()), &LayerPath::from(dir));
                owned |= inside;
                if inside
                    && !options.iter().any(|o| o.starts_with("--chown"))
                    && !draft.slots[n].is_gone()
                {
                    draft.add_option(n, &format!("--chown={user}"));
                }
            }
            _ => {}
        }
        // A COPY that was put behind an installation.
        let slot: &mut Slot = &mut draft.slots[n];
        for line in &mut slot.after {
            if let Some(rest) = line.strip_prefix("COPY ").filter(|r| !r.contains("--chown")) {
                *line = format!("COPY --chown={user} {rest}");
            }
        }
    }
    owned
}

/// Takes away commands that do nothing but give a folder, or what is in it, to a user. Whether there were any.
fn without_chown(draft: &mut Draft, dir: &str) -> bool {
    let dir = LayerPath::from(dir);
    let mut folder = LayerPath::default();
    let mut found = false;
    for n in 0..draft.slots.len() {
        if let Kind::Workdir(path) = draft.slots[n].kind() {
            folder = LayerPath::from(path.as_str());
        }
        let Some(commands) = draft.slots[n].commands() else { continue };
        let gives = |command: &Command| {
            let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
            let ["chown", rest @ ..] = words.as_slice() else { return false };
            let recursive = rest.iter().any(|w| matches!(*w, "-R" | "--recursive"));
            let mut paths = rest.iter().filter(|w| !w.starts_with('-')).skip(1).peekable();
            recursive
                && paths.peek().is_some()
                && paths.all(|p| match *p {
                    "." | "./" => is_within(&folder, &dir),
                    p => p.starts_with('/') && is_within(&LayerPath::from(p), &dir),
                })
        };
        let (gone, mut rest): (Vec<Command>, Vec<Command>) = commands.into_iter().partition(gives);
        if gone.is_empty() {
            continue;
        }
        found = true;
        match rest.first_mut() {
            Some(first) => {
                first.joint = Joint::First;
                let options = draft.slots[n].options().to_vec();
                draft.slots[n].set_run(options, &rest);
            }
            None => draft.slots[n].remove(),
        }
    }
    found
}

fn is_within(path: &LayerPath, dir: &LayerPath) -> bool {
    path.as_bytes()
        .strip_prefix(dir.as_bytes())
        .is_some_and(|r| dir.is_root() || r.is_empty() || r[0] == b'/')
}

fn estimate(evidence: &Evidence, kept: &NodeSet, base: Option<usize>) -> Estimate {
    let scale = |n: u64, by: f64| (n as f64 * by) as u64;
    let bytes: u64 = kept.iter().map(|n| evidence.facts.view.entry(n).size).sum();
    let now = evidence.facts.view.on_disk_bytes();
    let on_disk = Interval {
        low: scale(bytes, 1.0 - DRIFT),
        likely: bytes,
        high: scale(bytes, 1.0 + DRIFT).min(now).max(bytes),
    };
    let ratios = Ratios::new(&evidence.facts.image.layers);
    let base = base.unwrap_or(0);
    let below = crate::image::compressed(&evidence.facts.image.layers[..base]);
    let above: Option<f64> = kept
        .iter()
        .filter(|n| n.layer >= base)
        .map(|n| ratios.whole(&evidence.facts.view, n))
        .sum();
    let compressed = below.zip(above).map(|(below, above)| {
        let likely = below + above as u64;
        Interval {
            low: scale(below, 0.99) + scale(above as u64, 1.0 - COMPRESSED - DRIFT),
            likely,
            high: scale(below, 1.01) + scale(above as u64, 1.0 + COMPRESSED + DRIFT),
        }
    });
    Estimate { compressed, on_disk: Some(on_disk) }
}
