//! Modules that npm has marked as needed for development only, where nothing was seen to use one of them.

use super::Mode;
use super::items::Items;
use super::why::{Edges, is_idle};
use crate::image::unneeded;
use crate::layer::LayerPath;
use std::collections::HashSet;

/// Such files are not kept for themselves, but with what the application is as a whole.
pub(super) fn lift(items: &Items, edges: &Edges, modes: &mut [Option<Mode>]) {
    for lock in 0..items.len() as u32 {
        let Some(found) = items.references(lock).filter(|r| !r.development.is_empty()) else {
            continue;
        };
        if !items.spend(found.development.len()) {
            return;
        }
        let root = items.path(lock).parent().and_then(|modules| modules.parent());
        let Some(root) = root else { continue };
        if !items.spend(items.below(&root).len()) {
            return;
        }
        let folders: HashSet<&str> = found.development.iter().map(String::as_str).collect();
        if imports(items, edges, &root)
            .any(|name| folders.contains(format!("node_modules/{name}").as_str()))
        {
            continue;
        }
        let files: Vec<usize> = found
            .development
            .iter()
            .flat_map(|folder| items.below(&root.join(folder.as_bytes())))
            .collect();
        if !items.spend(files.len()) {
            return;
        }
        let run = |n: &usize| edges.has(*n as u32) && !is_idle(edges, *n as u32);
        if files.iter().any(run) {
            continue;
        }
        for n in files {
            if modes[n] == Some(Mode::File) {
                modes[n] = Some(Mode::Package);
            }
        }
    }
}

/// What the application's own sources name, other than its tests and the settings of its build.
fn imports<'a>(
    items: &'a Items,
    edges: &'a Edges,
    root: &'a LayerPath,
) -> impl Iterator<Item = &'a String> {
    items
        .below(root)
        .filter(move |&n| {
            let path = items.path(n as u32).to_text();
            let name = path.rsplit('/').next().unwrap_or_default();
            let of_build = name.contains(".config.") || name.ends_with("file.js");
            let test = unneeded::kind_of_path(&items.path(n as u32)) == Some("test");
            edges.has(n as u32) && !of_build && !test && !path.contains("node_modules/")
        })
        .filter_map(|n| items.references(n as u32))
        .flat_map(|r| &r.imports)
}
