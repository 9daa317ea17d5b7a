//! A link to a folder that a later layer replaces by a folder of its own: what stood behind the link is no
//! longer at that path (`lib/x` above a base whose `/lib` is a link to `usr/lib`).

mod broken;

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity};
use crate::image::{EntryState, Node, View, state_of};
use crate::index::EntryRef;
use crate::layer::{EntryKind, LayerPath};
use std::collections::BTreeMap;

/// Links that are looked at in one image, and files behind them: beyond, the numbers are the least.
const MOST_LINKS: usize = 64;
const MOST_FILES: usize = 2_000_000;

pub const RULE: Rule = Rule {
    id: "build/replaced-link",
    title: "a layer replaces a link by a folder",
    severity: Severity::High,
    category: Category::Config,
    doc: "## What it does\n\
        Looks for links to folders (`/lib` to `usr/lib` in Debian, Fedora and distroless images) above which \
        a later layer has a folder or a file below that path, and tells what is no longer there.\n\n\
        ## Why it matters\n\
        Docker, containerd and Podman unpack each layer into a folder of its own, where the links of lower \
        layers are not. A file `lib/x` then makes a folder `/lib` with this one file in it, which hides the \
        link: programs that name `/lib/…` or `/lib64/…` find nothing, often not even the loader that starts \
        them. Other tools, and a build on a plain file system, follow the link and show no fault.\n\n\
        ## What to do\n\
        Put the files where the link leads: `COPY … /usr/lib/`, not `/lib/`. A `RUN` step goes through the \
        link by itself; archives and packages made outside of the image do not.\n",
    check,
};

/// A link that is gone, and the folder that took its place.
struct Replaced {
    link: LayerPath,
    by: usize,
    target: LayerPath,
}

fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    let mut left = MOST_FILES;
    for replaced in replaced_links(&cx.facts.view).into_iter().take(MOST_LINKS) {
        let lost = lost(&cx.facts.view, &replaced, &mut left);
        if !lost.is_empty() {
            out.push(finding(cx, &replaced, &lost, left == 0));
        }
    }
}

/// Each once, by path.
fn replaced_links(view: &View) -> Vec<Replaced> {
    let mut out: BTreeMap<LayerPath, Replaced> = BTreeMap::new();
    for layer in 0..view.layer_count() {
        let Some(index) = view.index(layer) else { continue };
        for (number, entry) in index.entries.iter().enumerate() {
            if entry.kind != EntryKind::Symlink {
                continue;
            }
            let node = Node { layer, entry: number as u32 };
            // Gone within its own layer it was never there.
            let EntryState::Overwritten { by } = state_of(view, node) else { continue };
            let link = view.path(node);
            if by == layer || !is_folder(view, &link) {
                continue;
            }
            let Some(target) = target(view, &link, entry) else { continue };
            // The topmost link is the one that was seen last.
            out.insert(link.clone(), Replaced { link, by, target });
        }
    }
    out.into_values().collect()
}

fn is_folder(view: &View, path: &LayerPath) -> bool {
    match view.get(path) {
        Some(node) => view.entry(node).is_dir(),
        // Made for what is in it, or for a deletion in it.
        None => true,
    }
}

/// The folder that a link led to, where it is one and not around the link itself.
fn target(view: &View, link: &LayerPath, entry: EntryRef) -> Option<LayerPath> {
    let text = entry.link()?;
    let path = match text.starts_with(b"/") {
        true => LayerPath::new(text),
        false => link.parent()?.join(text),
    };
    let path = match view.follow(&path) {
        Some((path, node)) if view.entry(node).is_dir() => path,
        Some(_) => return None,
        None => path,
    };
    let nested = path.is_within(link) || link.is_within(&path);
    (!nested).then_some(path)
}

/// What was reached through the link and is not at its path any more: where it is, and where it was.
fn lost(view: &View, replaced: &Replaced, left: &mut usize) -> Vec<(Node, LayerPath)> {
    let prefix = replaced.target.as_bytes().len() + 1;
    let mut out = Vec::new();
    for (path, node) in view.within(&replaced.target).skip_while(|(p, _)| *p == replaced.target) {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let was = replaced.link.join(path.as_bytes().get(prefix..).unwrap_or_default());
        if !view.entry(node).is_dir() && view.get(&was).is_none() {
            out.push((node, was));
        }
    }
    out
}

fn finding(
    cx: &RuleContext,
    replaced: &Replaced,
    lost: &[(Node, LayerPath)],
    at_least: bool,
) -> Finding {
    let broken = broken::broken(cx, replaced, lost);
    let severity = match broken {
        Some(_) => Severity::High,
        None if lost.iter().any(|(n, p)| is_code(cx.facts.view.entry(*n), p)) => Severity::Medium,
        None => Severity::Low,
    };
    let (link, target) = (&replaced.link, &replaced.target);
    let files = match lost.len() {
        1 if !at_least => "1 file is".to_owned(),
        n if at_least => format!("at least {n} files are"),
        n => format!("{n} files are"),
    };
    let mut message = format!(
        "layer {} replaces the link {link} to {target} by a folder: {files} no longer there, as {}",
        replaced.by,
        examples(lost)
    );
    if let Some(broken) = broken {
        message.push_str("; ");
        message.push_str(&broken);
    }
    Finding {
        path: Some(link.clone()),
        layer: Some(replaced.by),
        state: super::State::Visible,
        advice: Some(format!(
            "Put the files of this layer where the link leads: `COPY … {target}/`, not {link}/."
        )),
        ..RULE.about(&link.to_text(), severity, message)
    }
}

/// The loader and the C library first, then what is nearest to the root.
fn examples(lost: &[(Node, LayerPath)]) -> String {
    let mut all: Vec<&LayerPath> = lost.iter().map(|(_, p)| p).collect();
    let rank = |p: &LayerPath| {
        let depth = p.as_bytes().iter().filter(|b| **b == b'/').count();
        (!is_of_the_system(p), depth)
    };
    all.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    let shown: Vec<String> = all.iter().take(3).map(|p| p.to_string()).collect();
    shown.join(", ")
}

fn is_code(entry: EntryRef, path: &LayerPath) -> bool {
    entry.mode & 0o111 != 0 && entry.is_file() || is_library(path)
}

fn is_library(path: &LayerPath) -> bool {
    memchr::memmem::find(path.name(), b".so").is_some()
}

/// Without these hardly a program starts.
fn is_of_the_system(path: &LayerPath) -> bool {
    let name = path.name();
    [&b"ld-linux"[..], b"ld-musl-", b"ld64.so", b"libc.so.6", b"libc.musl-"]
        .iter()
        .any(|n| name.starts_with(n))
        || name == b"sh"
}

#[cfg(test)]
mod tests;
