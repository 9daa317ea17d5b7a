//! Whether a program no longer starts for want of what stood behind a link.

use super::{Replaced, is_of_the_system};
use crate::analyze::Dynamic;
use crate::image::{EntryState, Node, View, state_of};
use crate::layer::{EntryKind, LayerPath};
use crate::rules::RuleContext;
use std::collections::HashSet;

/// Symlinks followed for one path, as Linux has it (`MAXSYMLINKS`).
const MAX_HOPS: usize = 40;

/// A program that does not start any more for want of what is lost, in words.
pub(super) fn broken(
    cx: &RuleContext,
    replaced: &Replaced,
    lost: &[(Node, LayerPath)],
) -> Option<String> {
    let view = &cx.facts.view;
    // Only what the link led to, and not what the image never had.
    let gone = |path: &LayerPath| {
        resolve(view, path, None).is_none() && resolve(view, path, Some(replaced)).is_some()
    };
    let config = &cx.facts.image.found.config.config;
    let starts = config.entrypoint.first().or_else(|| config.cmd.first());
    if let Some(program) = starts.filter(|p| p.starts_with('/'))
        && gone(&LayerPath::from(program.as_str()))
    {
        return Some(format!("{} is not found at its start", crate::rules::shown(program)));
    }
    let names: HashSet<&[u8]> = lost.iter().map(|(_, p)| p.name()).collect();
    let folders = library_folders(cx);
    let mut programs = false;
    for (layer, facts) in (0..view.layer_count()).filter_map(|l| Some((l, &view.index(l)?.facts))) {
        let is_seen = |entry| state_of(view, Node { layer, entry }) == EntryState::Visible;
        for script in &facts.references {
            let interpreter = script.interpreter.first().filter(|i| i.starts_with('/'));
            if let Some(interpreter) = interpreter
                && is_seen(script.entry)
                && gone(&LayerPath::from(interpreter.as_str()))
            {
                let path = view.path(Node { layer, entry: script.entry });
                let interpreter = crate::rules::shown(interpreter);
                return Some(format!("{path} no longer finds its interpreter {interpreter}"));
            }
        }
        for elf in facts.elf.iter().filter(|e| is_seen(e.entry)) {
            let path = view.path(Node { layer, entry: elf.entry });
            if let Some(loader) = &elf.interpreter {
                programs = true;
                if gone(&LayerPath::from(loader.as_str())) {
                    let loader = crate::rules::shown(loader);
                    return Some(format!("{path} no longer finds its interpreter {loader}"));
                }
            }
            let Dynamic::Linked(linked) = &elf.dynamic else { continue };
            let own = path.parent().unwrap_or_default();
            let own = linked.search.iter().map(|d| match d.strip_prefix("$ORIGIN") {
                Some(rest) => own.join(rest.as_bytes()),
                None => LayerPath::from(d.as_str()),
            });
            let folders: Vec<LayerPath> = own.chain(folders.iter().cloned()).collect();
            for library in linked.needed.iter().filter(|n| names.contains(n.as_bytes())) {
                let at = |with| {
                    folders
                        .iter()
                        .any(|d| resolve(view, &d.join(library.as_bytes()), with).is_some())
                };
                if !at(None) && at(Some(replaced)) {
                    let library = crate::rules::shown(library);
                    return Some(format!("{path} no longer finds its library {library}"));
                }
            }
        }
    }
    // Nothing is known of the programs: then these names say enough.
    let vital = (!programs).then(|| lost.iter().find(|(_, p)| is_of_the_system(p))).flatten();
    vital.map(|(_, path)| format!("programs that need {path} no longer start"))
}

/// Where the dynamic linker looks for every program (ld.so(8)).
fn library_folders(cx: &RuleContext) -> Vec<LayerPath> {
    let env = &cx.facts.image.found.config.config.env;
    let own = env.iter().find_map(|e| e.strip_prefix("LD_LIBRARY_PATH=")).unwrap_or_default();
    let mut out: Vec<LayerPath> =
        own.split(':').filter(|d| !d.is_empty()).map(LayerPath::from).collect();
    for (layer, facts) in
        (0..cx.facts.view.layer_count()).filter_map(|l| Some((l, &cx.facts.view.index(l)?.facts)))
    {
        for list in &facts.references {
            let path = cx.facts.view.path(Node { layer, entry: list.entry });
            let is_list = [&b"etc/ld.so.conf"[..], b"etc/ld-musl-"]
                .iter()
                .any(|p| path.as_bytes().starts_with(p));
            if is_list {
                out.extend(list.paths.iter().map(|p| LayerPath::from(p.as_str())));
            }
        }
    }
    for dir in ["lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib"] {
        let dir = LayerPath::from(dir);
        for triplet in ["x86_64", "aarch64", "i386", "arm", "powerpc64le", "s390x", "riscv64"] {
            for kind in ["linux-gnu", "linux-gnueabihf"] {
                out.push(dir.join(format!("{triplet}-{kind}").as_bytes()));
            }
        }
        out.push(dir);
    }
    out
}

/// Where a path leads; with `instead` as if the link were still there. `None` if nothing is there.
fn resolve(view: &View, path: &LayerPath, instead: Option<&Replaced>) -> Option<Node> {
    let mut at = LayerPath::default();
    let mut todo: Vec<Vec<u8>> = split(path.as_bytes());
    let mut hops = 0;
    while let Some(part) = todo.pop() {
        if part == b".." {
            at = at.parent().unwrap_or_default();
            continue;
        }
        let next = at.join(&part);
        if let Some(replaced) = instead
            && next == replaced.link
        {
            at = replaced.target.clone();
            continue;
        }
        let node = view.get(&next).and_then(|n| view.content_of(n)).map(|n| view.entry(n));
        match node.filter(|e| e.kind == EntryKind::Symlink) {
            Some(entry) => {
                hops += 1;
                let target = entry.link().unwrap_or_default();
                if hops > MAX_HOPS || target.len() > 4095 {
                    return None;
                }
                if target.starts_with(b"/") {
                    at = LayerPath::default();
                }
                todo.extend(split(target));
            }
            None => at = next,
        }
    }
    view.get(&at)
}

/// The parts of a path, the last one first.
fn split(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|b| *b == b'/').filter(|p| !matches!(*p, b"" | b"."));
    parts.rev().map(<[u8]>::to_vec).collect()
}
