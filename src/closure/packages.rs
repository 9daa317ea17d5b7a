//! From files to whole packages: those that own a kept file, what they depend on, and for `sound` what the
//! system cannot be without and what the author asked for.

use super::items::Items;
use super::why::{Edge, Edges, Why};
use super::{Mode, is_system};
use crate::analyze::PackageKind;
use crate::image::packages::{InstalledPackage, InstalledPackages};
use crate::image::unneeded;
use crate::layer::{EntryKind, LayerPath};
use std::collections::{HashMap, HashSet, VecDeque};

/// Debian packages that others need to be installed, not to run.
const FOR_INSTALLING: [&str; 13] = [
    "adduser",
    "apt",
    "cdebconf",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "install-info",
    "insserv",
    "libdebconfclient0",
    "perl-base",
    "ucf",
    "usrmerge",
    "debianutils",
];
/// What a package may have that nothing reads at run time.
const NOT_RUN: [&str; 8] =
    ["doc", "man", "info", "locale", "cache", "header", "static-library", "debug"];
/// Packages that are asked for to build with, to look around or to install with.
const ASKED_TO_BUILD: [&str; 12] = [
    "build-tool",
    "header",
    "static-library",
    "package-manager",
    "network-tool",
    "shell",
    "doc",
    "man",
    "info",
    "debug",
    "vcs",
    "editor",
];

pub(super) fn add(
    items: &Items,
    installed: &InstalledPackages,
    edges: &mut Edges,
    modes: &mut [Option<Mode>],
) {
    let all: Vec<&InstalledPackage> = installed.iter().collect();
    let mut files: HashMap<usize, Vec<u32>> = HashMap::new();
    for item in 0..items.len() as u32 {
        if let Some(owner) = items.owner(item) {
            files.entry(owner).or_default().push(item);
        }
    }
    let provided = providers(items, &all);
    let mut taken: HashSet<usize> = HashSet::new();
    let mut queue: VecDeque<(usize, Mode, Option<u32>, Why)> = VecDeque::new();
    let mut maybe = VecDeque::new();
    for item in 0..items.len() as u32 {
        let directory = items.kind(item) == EntryKind::Directory;
        if edges.has(item)
            && !directory
            && let Some(owner) = items.owner(item)
            && is_more_than_fixed(edges.get(item))
        {
            let why = Why::Package(all[owner].name.clone());
            let later = modes[item as usize] > Some(Mode::Package);
            let queue = if later { &mut maybe } else { &mut queue };
            let mode = if later { Mode::Sound } else { Mode::Package };
            queue.push_back((owner, mode, Some(item), why));
        }
    }
    let asked = asked_for(items, &all);
    let sound = all.iter().enumerate().filter(|(_, p)| is_system(p.kind)).filter_map(|(n, p)| {
        if p.relations.essential {
            Some((n, Mode::Sound, None, Why::Essential(p.name.clone())))
        } else {
            asked.contains(&n).then(|| (n, Mode::Sound, None, Why::Asked(p.name.clone())))
        }
    });
    let mut later: VecDeque<_> = sound.collect();
    while let Some((number, mode, from, why)) =
        queue.pop_front().or_else(|| maybe.pop_front()).or_else(|| later.pop_front())
    {
        if !taken.insert(number) {
            continue;
        }
        for &item in files.get(&number).map(Vec::as_slice).unwrap_or_default() {
            let kind = unneeded::kind_of_path(&items.path(item));
            let known = modes[item as usize].is_some_and(|m| m <= mode);
            if !known && !kind.is_some_and(|k| NOT_RUN.contains(&k)) {
                edges.keep(item, from, &why);
                modes[item as usize] = Some(mode);
            }
        }
        let package = all[number];
        let from = files.get(&number).and_then(|all| all.iter().copied().find(|&n| edges.has(n)));
        for need in &package.relations.needs {
            let found = need.iter().find_map(|name| provided.get(name.as_str()));
            let Some(&needed) = found else { continue };
            let name = &all[needed].name;
            if package.kind == PackageKind::Dpkg && FOR_INSTALLING.contains(&name.as_str()) {
                continue;
            }
            let why = Why::Needed { package: name.clone(), by: package.name.clone() };
            // The needs of a package come before the next root, so that the mode is the least one.
            queue.push_back((needed, mode, from, why));
        }
    }
}

/// The files that every image keeps bring no package with them.
fn is_more_than_fixed(edge: Option<Edge>) -> bool {
    edge.is_some_and(|e| !(e.from.is_none() && matches!(e.why, Why::Family(_))))
}

/// What each name stands for: a package, what it provides, or a file.
fn providers<'a>(items: &Items<'a>, all: &[&'a InstalledPackage]) -> HashMap<String, usize> {
    let mut out = HashMap::new();
    for (number, package) in all.iter().enumerate().filter(|(_, p)| is_system(p.kind)) {
        out.insert(package.name.clone(), number);
    }
    for (number, package) in all.iter().enumerate().filter(|(_, p)| is_system(p.kind)) {
        for name in &package.relations.provides {
            out.entry(name.clone()).or_insert(number);
        }
        // rpm asks for files by their path.
        for name in package.relations.needs.iter().flatten().filter(|n| n.starts_with('/')) {
            let found = items.resolve(&LayerPath::from(name.as_str())).and_then(|r| r.item);
            if let Some(owner) = found.and_then(|n| items.owner(n)) {
                out.entry(name.clone()).or_insert(owner);
            }
        }
    }
    out
}

/// Packages that were named by hand, those that are for building left out.
fn asked_for(items: &Items, all: &[&InstalledPackage]) -> HashSet<usize> {
    let automatic = items.kept("var/lib/apt/extended_states").map(automatic).unwrap_or_default();
    let world: HashSet<String> = items
        .kept("etc/apk/world")
        .map(|bytes| String::from_utf8_lossy(bytes).split_whitespace().map(name_of).collect())
        .unwrap_or_default();
    // Where the base ends: its packages were asked for by its maker, not by the author.
    let base = all.iter().filter(|p| is_system(p.kind)).map(|p| p.layer).min().unwrap_or(0);
    all.iter()
        .enumerate()
        .filter(|(_, p)| match p.kind {
            PackageKind::Dpkg => p.layer > base && !automatic.contains(&p.name),
            PackageKind::Apk => world.contains(&p.name) && p.layer > base,
            _ => false,
        })
        .filter(|(_, p)| {
            !unneeded::kind_of_package(p.kind, &p.name).is_some_and(|k| ASKED_TO_BUILD.contains(&k))
        })
        .map(|(n, _)| n)
        .collect()
}

/// `nginx=1.2`, `nginx@edge`.
fn name_of(word: &str) -> String {
    word.split(['=', '<', '>', '~', '@']).next().unwrap_or_default().to_owned()
}

/// apt's list of what it installed for others (`Package:` and `Auto-Installed: 1` in a paragraph).
fn automatic(bytes: &[u8]) -> HashSet<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split("\n\n")
        .filter(|p| p.lines().any(|l| l.trim() == "Auto-Installed: 1"))
        .filter_map(|p| p.lines().find_map(|l| l.strip_prefix("Package:")))
        .map(|n| n.trim().to_owned())
        .collect()
}
