//! The customary proposal: the build stage keeps the tools, the last stage has the same base, the packages that
//! run, and the application.
//!
//! Needs a package manager whose packages are known; the size is that of the base, the packages and the files.

use super::copy_list::{Cover, Item, cover};
use super::dockerfile::{Final, head, start};
use super::leaked::{Leaked, ignored_files};
use super::needed::{estimate, is_compiled_python};
use super::requires::Graph;
use super::user_dockerfile::origin;
use super::{Advice, Evidence};
use crate::analyze::PackageKind;
use crate::closure::{Closure, Mode};
use crate::image::NodeSet;
use crate::image::packages::InstalledPackage;
use crate::layer::{EntryKind, LayerPath};
use std::collections::{BTreeSet, HashSet};

/// Another day brings other versions, and an installation leaves files of its own.
const DRIFT: f64 = 0.05;
/// More lines of COPY than this are no help.
const MOST_COPIES: usize = 30;

pub(super) fn propose(evidence: &Evidence) -> Option<Advice> {
    let closure = evidence.closure?;
    let base =
        evidence.facts.history.base_layers.filter(|n| *n < evidence.facts.image.layers.len())?;
    let origin = origin(evidence)?;
    let name = origin.base()?;
    let packages: Vec<&InstalledPackage> =
        closure.packages(Mode::Package).into_iter().filter(|p| p.layer >= base).collect();
    let kind = packages.first().map(|p| p.kind);
    let install = match kind {
        Some(PackageKind::Dpkg) => {
            "apt-get update && apt-get install -y --no-install-recommends {} && rm -rf /var/lib/apt/lists/*"
        }
        Some(PackageKind::Apk) => "apk add --no-cache {}",
        None => "",
        Some(_) => return None,
    };
    let leaked = Leaked::of(evidence, closure);
    let own = own_files(evidence, closure, base, &leaked.out);
    if own.include.len() > MOST_COPIES || own.bytes() > evidence.facts.view.on_disk_bytes() {
        return None;
    }
    let nodes = nodes(evidence, &packages, &own, base);
    let figures = estimate(evidence, nodes.iter(), DRIFT);
    let on_disk = figures.after.on_disk?;
    if on_disk.likely * 10 > evidence.facts.view.on_disk_bytes() * 9 {
        return None;
    }
    let mut plan = Final::of(evidence);
    plan.on_a_system();
    let mut lines = head(evidence, &origin, &leaked);
    lines.push(
        "# What the entry point needs, by `careen`; the rest stays in the first stage.".to_owned(),
    );
    lines.push(format!("FROM {name}"));
    let wanted = asked(&packages);
    if !wanted.is_empty() {
        lines.push(format!("RUN {}", install.replace("{}", &wanted.join(" "))));
    }
    let owner = plan.owner();
    for path in &own.include {
        let owned = plan.owns(path);
        let flag =
            owner.as_ref().filter(|_| owned).map_or(String::new(), |o| format!("--chown={o} "));
        lines.push(format!("COPY --from={} {flag}[\"{path}\", \"{path}\"]", origin.stage()));
    }
    lines.extend(start(evidence, &plan));
    let text = evidence.masked(&lines.join("\n")) + "\n";
    let patch = origin.patch(evidence, &text);
    let what = match wanted.len() {
        0 => "no package on top of the base".to_owned(),
        n => format!("{n} packages on top of the base bring {} with them", packages.len()),
    };
    Some(Advice {
        id: "runtime-packages",
        kind: "multi-stage",
        title: "Build in one stage, install only what runs in another".to_owned(),
        possible: true,
        because: format!(
            "{what}; {} files of the application are copied; size: base, packages and files as they are in \
             this image",
            own.files
        ),
        risks: leaked.risks(),
        dockerfile: Some(text),
        patch: patch.text,
        no_patch: patch.refused,
        ignore: ignored_files(evidence, &leaked, &origin.text),
        saves: figures.now.saturating_sub(figures.after.compressed.map_or(0, |c| c.likely)),
        estimate: figures.after,
        ..Advice::default()
    })
}

/// The fewest packages that bring all of them.
fn asked(packages: &[&InstalledPackage]) -> Vec<String> {
    let asked = Graph::new(packages).asked();
    let mut names: Vec<String> = asked.into_iter().map(|n| packages[n].name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The application's files above the base: owned by no package, or changed since its package brought them.
pub(super) fn own_files(
    evidence: &Evidence,
    closure: &Closure,
    base: usize,
    secrets: &BTreeSet<LayerPath>,
) -> Cover {
    let view = &evidence.facts.view;
    let installs = |layer: usize| {
        view.index(layer).is_some_and(|i| {
            i.facts.packages.iter().any(|p| matches!(p.kind, PackageKind::Dpkg | PackageKind::Apk))
        })
    };
    let items = view.iter().enumerate().map(|(number, (path, node))| {
        let number = number as u32;
        let kind = view.content_of(node).map_or(view.entry(node).kind, |n| view.entry(n).kind);
        let forbidden = secrets.contains(&path);
        let own = closure.owner(&path).is_none()
            && !path.as_bytes().starts_with(b"etc/ld.so.cache")
            && !is_alternative(path.as_bytes(), view.entry(node).link())
            || !installs(node.layer);
        Item {
            number,
            directory: kind == EntryKind::Directory,
            kept: node.layer >= base
                && own
                && !forbidden
                && kind != EntryKind::Directory
                // Compiled modules come along: COPY cannot leave them out.
                && (closure.keeps_entry(number, Mode::File) && closure.is_own(&path)
                    || is_compiled_python(&path))
                && path.as_bytes().iter().all(|b| *b >= b' ' && !b"\"\\*?[".contains(b)),
            forbidden,
        }
    });
    cover(view, items, false)
}

/// A link of update-alternatives(1): the package's own script makes it again, and COPY would put the program in its
/// place, from where it does not find its libraries.
fn is_alternative(path: &[u8], link: Option<&[u8]>) -> bool {
    const FOLDER: &[u8] = b"etc/alternatives/";
    let leads_there =
        link.and_then(|l| l.strip_prefix(b"/")).is_some_and(|l| l.starts_with(FOLDER));
    path.starts_with(FOLDER) || leads_there
}

/// All files of the image afterwards, as they are in this one.
fn nodes(evidence: &Evidence, packages: &[&InstalledPackage], own: &Cover, base: usize) -> NodeSet {
    let names: HashSet<(&str, &str)> =
        packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
    let view = &evidence.facts.view;
    view.iter()
        .filter(|(path, node)| {
            let of_base = node.layer < base;
            let of_package = evidence
                .closure
                .and_then(|c| c.owner(path))
                .is_some_and(|p| names.contains(&(p.name.as_str(), p.version.as_str())));
            of_base || of_package || own.nodes.contains(&view.content_of(*node).unwrap_or(*node))
        })
        .filter_map(|(_, node)| view.content_of(node))
        .filter(|n| view.entry(*n).is_file())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::is_alternative;

    #[test]
    fn links_of_alternatives_are_left_to_the_package() {
        assert!(is_alternative(b"usr/bin/java", Some(b"/etc/alternatives/java")));
        assert!(is_alternative(b"etc/alternatives/java", Some(b"/usr/lib/jvm/j/bin/java")));
        assert!(!is_alternative(b"usr/local/bin/java", Some(b"/opt/jdk/bin/java")));
        assert!(!is_alternative(b"app/run", None));
    }
}
