//! Files that no package owns: the application, unless they are known junk of a build or what a package's
//! installation left.

use super::items::Items;
use super::reach::{Follow, Reach};
use super::why::Why;
use crate::analyze::PackageKind;
use crate::image::Node;
use crate::image::unneeded;
use crate::layer::{EntryKind, LayerPath};
use std::collections::HashSet;

/// Where installations of packages leave files that no list names.
const OF_PACKAGES: [&str; 14] = [
    "usr/bin/",
    "usr/sbin/",
    "usr/lib/",
    "usr/lib64/",
    "usr/share/",
    "usr/libexec/",
    "usr/include/",
    "etc/",
    "var/lib/",
    "var/cache/",
    "lib/",
    "bin/",
    "sbin/",
    "lib64/",
];
/// Never an application's.
const NEVER: [&str; 14] = [
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/cache/",
    "var/log/",
    "lib/apk/",
    "usr/lib/apk/",
    "etc/apk/",
    "var/lib/rpm/",
    "usr/lib/sysimage/",
    "etc/alternatives/",
    "proc/",
    "sys/",
    "dev/",
    "run/",
];
/// What a build leaves and nothing runs.
const JUNK: [&str; 4] = ["vcs", "cache", "build-tool", "debug"];

pub(super) fn keep(reach: &mut Reach) {
    let items = reach.items;
    let installing = installing_layers(reach);
    let go = go_programs(reach);
    for (item, (path, _)) in items.list().enumerate() {
        let item = item as u32;
        let kind = items.kind(item);
        if kind == EntryKind::Directory || items.owner(item).is_some() {
            continue;
        }
        let text = path.to_text();
        let left_by_packages = installing.contains(&items.node(item).layer)
            && OF_PACKAGES.iter().any(|p| text.starts_with(p));
        if left_by_packages || NEVER.iter().any(|p| text.starts_with(p)) || is_junk(items, &path) {
            continue;
        }
        reach.keep(item, None, &Why::Application, Follow::Linked);
        if go.contains(&items.node(item)) {
            // Its library looks for certificates and time zones by itself, linked to a C library or not.
            reach.keep_families("@static", Some(item));
        }
    }
}

/// Programs that Go built.
fn go_programs(reach: &Reach) -> HashSet<Node> {
    let mut out = HashSet::new();
    let count = reach.items.view().layer_count();
    for layer in 0..count {
        let Some(index) = reach.items.view().index(layer) else { continue };
        let go = index.facts.packages.iter().filter(|p| p.kind == PackageKind::Go);
        out.extend(go.map(|p| Node { layer, entry: p.entry }));
    }
    out
}

/// Layers in which a package manager worked.
fn installing_layers(reach: &Reach) -> HashSet<usize> {
    let mut layers = HashSet::new();
    let count = reach.items.view().layer_count();
    for layer in 0..count {
        let Some(index) = reach.items.view().index(layer) else { continue };
        let system = |k| super::is_system(k);
        if index.facts.packages.iter().any(|p| system(p.kind)) {
            layers.insert(layer);
        }
    }
    layers
}

pub(super) fn is_junk(items: &Items, path: &LayerPath) -> bool {
    if unneeded::kind_of_path(path).is_some_and(|k| JUNK.contains(&k)) {
        return true;
    }
    let text = path.to_text();
    // Rust's build folder lies beside its Cargo.toml.
    if let Some((before, _)) = text.split_once("target/") {
        let manifest = LayerPath::from(format!("{before}Cargo.toml").as_str());
        if items.number(&manifest).is_some() {
            return true;
        }
    }
    is_twin(items, &text) && items.number(path).is_some()
}

/// A compiled Python module beside its source: made again when it is missing.
pub(super) fn is_compiled_twin(items: &Items, item: u32) -> bool {
    is_twin(items, &items.path(item).to_text())
}

fn is_twin(items: &Items, path: &str) -> bool {
    let Some((before, cached)) = path.split_once("__pycache__/") else { return false };
    let module = cached.split('.').next().unwrap_or_default();
    items.number(&LayerPath::from(format!("{before}{module}.py").as_str())).is_some()
}
