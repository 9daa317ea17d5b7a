//! The build as now, and what the entry point needs copied onto a small base that has part of it already:
//! distroless, or the slim form of the image's own base.
//!
//! What the evidence forbids has its blockers and no estimate.

use super::bases::{self, Base};
use super::dockerfile::{Final, dockerfile};
use super::effects::{Settles, fixes, removed, stays};
use super::estimate::{Estimate, Interval};
use super::leaked::{Leaked, ignored_files};
use super::needed::{changes, covered, estimate, risks};
use super::user_dockerfile::{Origin, origin};
use super::{Advice, Certainty, Evidence};
use crate::analyze::PackageKind;
use crate::closure::{Closure, Mode};
use crate::image::unneeded;
use crate::image::{Node, NodeSet};
use crate::layer::{EntryKind, LayerPath};
use std::collections::HashSet;

const DRIFT: f64 = 0.04;
/// A base changes from month to month.
const BASE_DRIFT: f64 = 0.08;
/// On disk to compressed, where a base's table has one of the two: measured on Debian's slim images.
const RATIO: f64 = 2.7;

/// Each has all of the one before it.
const DISTROLESS: [&str; 4] = [
    "gcr.io/distroless/static-debian12",
    "gcr.io/distroless/base-debian12",
    "gcr.io/distroless/cc-debian12",
    "gcr.io/distroless/python3-debian12",
];

/// Whether a base has what lies at a path of the image.
type Has<'a> = Box<dyn Fn(&LayerPath, Node) -> bool + 'a>;

/// What a base brings, and what it weighs.
struct Target<'a> {
    id: &'static str,
    kind: &'static str,
    name: String,
    has: Has<'a>,
    on_disk: Option<u64>,
    compressed: Option<u64>,
    /// Where the figures come from.
    source: String,
    /// To pin it by.
    digest: Option<String>,
    /// Why the registry did not tell its size.
    fault: Option<String>,
}

impl Target<'_> {
    /// Takes the name from where bases are pulled from, and the size from there if it may be asked.
    fn settled(mut self, evidence: &Evidence) -> Self {
        let live = evidence.bases.live(&self.name);
        self.name = evidence.bases.name(&self.name);
        match live {
            None => {}
            Some(Err(why)) => self.fault = Some(why),
            Some(Ok(live)) => {
                let ratio = match (self.on_disk, self.compressed) {
                    (Some(on_disk), Some(stored)) if stored > 0 => on_disk as f64 / stored as f64,
                    _ => RATIO,
                };
                self.on_disk = Some((live.compressed as f64 * ratio) as u64);
                self.compressed = Some(live.compressed);
                self.source =
                    "the base's compressed size is from its manifest as it is now".to_owned();
                self.digest = Some(live.digest);
            }
        }
        self
    }

    /// As FROM has it.
    fn reference(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The smallest image on a distroless base, or why there can be none.
pub(super) fn distroless(evidence: &Evidence) -> Option<Advice> {
    let closure = evidence.closure?;
    let found: Vec<&'static Base> = DISTROLESS.iter().filter_map(|n| bases::base(n)).collect();
    let blockers = blockers(evidence, closure, found.get(1)?);
    if !blockers.is_empty() {
        return Some(Advice {
            id: "distroless",
            kind: "distroless",
            title: "Start from distroless".to_owned(),
            because: blockers.join("; "),
            blockers,
            ..Advice::default()
        });
    }
    let origin = origin(evidence)?;
    let base = chosen(closure, &found)?;
    let packages: HashSet<&str> = base.packages.iter().map(String::as_str).collect();
    let has = move |path: &LayerPath, _: Node| {
        let owner = evidence.facts.packages.owner_of(path);
        owner.is_some_and(|p| p.kind == PackageKind::Dpkg && packages.contains(p.name.as_str()))
    };
    let target = Target {
        id: "distroless",
        kind: "distroless",
        name: base.name.clone(),
        has: Box::new(has),
        on_disk: base.on_disk.map(|mb| (mb * 1e6) as u64),
        compressed: base.compressed.map(|mb| (mb * 1e6) as u64),
        source: format!("the base's size is of {}", base.date),
        digest: None,
        fault: None,
    };
    propose(evidence, closure, &origin, target.settled(evidence))
}

/// The one whose packages are those that the program is linked to, or runs on.
fn chosen<'a>(closure: &Closure, all: &[&'a Base]) -> Option<&'a Base> {
    let libraries = closure.libraries();
    let links = |names: &[&str]| libraries.iter().any(|(l, _)| names.contains(&l.as_str()));
    let runs = |b: &&&Base| {
        b.runs.as_ref().is_some_and(|p| closure.keeps(&LayerPath::from(p.as_str()), Mode::File))
    };
    let level = match () {
        () if links(&["libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1"]) => 2,
        () if !libraries.is_empty() => 1,
        () => 0,
    };
    all.iter().find(runs).or(all.get(level)).copied()
}

fn blockers(evidence: &Evidence, closure: &Closure, base: &Base) -> Vec<String> {
    let mut out = Vec::new();
    if closure.starts_shell {
        out.push("the image's command or a script needs a shell, and it has none".to_owned());
    }
    let release = evidence.facts.os_release.as_deref().and_then(super::rebuilt::release);
    if release != base.release {
        let release = release.unwrap_or_else(|| "no known distribution".to_owned());
        out.push(format!("its files are those of debian 12, the image's of {release}"));
    }
    for (version, by) in closure.versions() {
        let needed = version.strip_prefix("GLIBC_").and_then(bases::version);
        if let (Some(needed), Some(has)) = (needed, base.glibc())
            && needed > has
        {
            out.push(format!("{by} needs {version}, and it has {}", base.libc));
        }
    }
    out
}

/// The slim form of the base, from the image's own layers: the distribution's first layer without its
/// documentation, and what the base put beside packages (`/usr/local`).
pub(super) fn slim(evidence: &Evidence) -> Option<Advice> {
    let closure = evidence.closure?;
    let origin = origin(evidence)?;
    let base =
        evidence.facts.history.base_layers.filter(|n| *n < evidence.facts.image.layers.len())?;
    let name = slim_name(&origin.base()?)?;
    let has = move |path: &LayerPath, node: Node| is_in_slim(evidence, base, path, node);
    let table = bases::base(&name);
    let counted = || {
        let view = &evidence.facts.view;
        let nodes: NodeSet = view
            .iter()
            .filter(|(path, node)| is_in_slim(evidence, base, path, *node))
            .filter_map(|(_, node)| view.content_of(node))
            .filter(|n| view.entry(*n).is_file())
            .collect();
        nodes.iter().map(|n| view.entry(n).size).sum::<u64>()
    };
    let (on_disk, compressed, source) = match table {
        Some(b) => (
            b.on_disk.map(|mb| (mb * 1e6) as u64),
            b.compressed.map(|mb| (mb * 1e6) as u64),
            format!("the base's size is of {}", b.date),
        ),
        None => (Some(counted()), None, "the base's size is counted from this image".to_owned()),
    };
    let target = Target {
        id: "slim",
        kind: "slim",
        name,
        has: Box::new(has),
        on_disk,
        compressed,
        source,
        digest: None,
        fault: None,
    };
    propose(evidence, closure, &origin, target.settled(evidence))
}

/// `debian:12-slim` of `debian:12`; `None` where there is no such variant, or where what it holds is not
/// known: of another registry's `debian` nothing is.
fn slim_name(name: &str) -> Option<String> {
    let (image, tag) = name.rsplit_once(':')?;
    let short = ["docker.io/library/", "library/", "docker.io/"]
        .iter()
        .find_map(|prefix| image.strip_prefix(prefix))
        .unwrap_or(image);
    let variants = ["debian", "python", "node", "ruby", "perl"];
    let known = variants.contains(&short) && !tag.contains("slim") && !tag.contains("alpine");
    (known && !tag.contains('@')).then(|| format!("{name}-slim"))
}

fn is_in_slim(evidence: &Evidence, base: usize, path: &LayerPath, node: Node) -> bool {
    if node.layer >= base {
        return false;
    }
    if matches!(unneeded::kind_of_path(path), Some("doc" | "man" | "info" | "locale" | "cache")) {
        return false;
    }
    match evidence.facts.packages.owner_of(path) {
        Some(p) if p.kind == PackageKind::Dpkg => p.layer == 0,
        // The database itself, accounts and the like.
        _ => node.layer == 0 || path.as_bytes().starts_with(b"usr/local/"),
    }
}

fn propose(
    evidence: &Evidence,
    closure: &Closure,
    origin: &Origin,
    target: Target,
) -> Option<Advice> {
    let view = &evidence.facts.view;
    let leaked = Leaked::of(evidence, closure);
    // A link at the top (`lib` to `usr/lib`) must not meet a folder of the base.
    let has = |path: &LayerPath, node: Node| {
        let top = !path.as_bytes().contains(&b'/');
        (target.has)(path, node) || top && view.entry(node).kind == EntryKind::Symlink
    };
    let kept = covered(evidence, closure, Mode::File, &leaked.out, &has)?;
    let mut plan = Final::of(evidence);
    plan.on_a_system();
    let text = dockerfile(evidence, origin, &kept, &plan, &leaked, Some(&target.reference()));
    let copied = estimate(evidence, kept.nodes.iter(), DRIFT);
    let on_disk = sum(
        copied.after.on_disk?,
        target.on_disk.or_else(|| target.compressed.map(|c| (c as f64 * RATIO) as u64))?,
    );
    let compressed = copied.after.compressed.and_then(|own| {
        Some(sum(
            own,
            target.compressed.or_else(|| target.on_disk.map(|d| (d as f64 / RATIO) as u64))?,
        ))
    });
    if on_disk.likely * 10 > view.on_disk_bytes() * 9 {
        return None;
    }
    let nodes: NodeSet = view
        .iter()
        .filter(|(path, node)| (target.has)(path, *node))
        .filter_map(|(_, node)| view.content_of(node))
        .chain(kept.nodes.iter())
        .collect();
    let stays = |path: &LayerPath| stays(evidence, &nodes, path);
    let settles = Settles {
        user: evidence.config.user.is_empty() && plan.user().is_some(),
        health: plan.health().is_some(),
        // Every layer is made anew.
        hidden: &|_| true,
    };
    let mut risks = risks(closure, Mode::File, &leaked);
    let lacking: Vec<(String, LayerPath)> = closure
        .libraries()
        .into_iter()
        // The loader comes with the C library.
        .filter(|(name, _)| !name.starts_with("ld-"))
        .filter(|(name, _)| kept.nodes.iter().any(|n| view.entry(n).name() == name.as_bytes()))
        .collect();
    if let Some((library, by)) = lacking.first() {
        let more = match lacking.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        risks.push(format!("{library}{more}, needed by {by}: the base lacks it, it is copied"));
    }
    if let Some(why) = &target.fault {
        risks.push(format!("the base's size is not of today: {why}"));
    }
    if let Some(script) = closure.idle_scripts.first().filter(|_| target.kind == "distroless") {
        risks.push(format!("{script} needs a shell, and it has none; nothing was seen to run it"));
    }
    let patch = origin.patch(evidence, &text);
    Some(Advice {
        id: target.id,
        kind: target.kind,
        title: format!("Copy what runs onto {}", target.name),
        possible: true,
        because: format!(
            "{} files that the entry point needs and the base does not have",
            kept.files
        ),
        certainty: Certainty::Heuristic,
        basis: format!("the bytes of the files copied and of the base; {}", target.source),
        changes: changes(&plan, &leaked, evidence.shortened),
        risks,
        removes: removed(evidence, &nodes, &|_| true),
        fixes: fixes(evidence, &stays, settles),
        dockerfile: Some(text),
        patch: patch.text,
        no_patch: patch.refused,
        ignore: ignored_files(evidence, &leaked, &origin.text),
        saves: copied.now.saturating_sub(compressed.map_or(on_disk.likely, |c| c.likely)),
        estimate: Estimate { compressed, on_disk: Some(on_disk) },
        ..Advice::default()
    })
}

fn sum(own: Interval, base: u64) -> Interval {
    let drift = (base as f64 * BASE_DRIFT) as u64;
    Interval {
        low: own.low + base - drift,
        likely: own.likely + base,
        high: own.high + base + drift,
    }
}

#[cfg(test)]
mod tests {
    use super::slim_name;

    #[test]
    fn only_an_official_image_has_a_slim_form_that_is_known() {
        assert_eq!(slim_name("debian:12").as_deref(), Some("debian:12-slim"));
        let long = "docker.io/library/python:3.12";
        assert_eq!(slim_name(long), Some(format!("{long}-slim")));
        for name in [
            "localhost/debian:12",
            "registry.example.com/base/python:3.12",
            "debian:12-slim",
            "nginx:1",
        ] {
            assert_eq!(slim_name(name), None, "{name}");
        }
    }
}
