//! What the entry point of an image really needs, computed from its files alone, and for each kept file the
//! edge that keeps it, back to the entry point.
//!
//! Three sets, each within the next: `file` (what links, scripts, settings and imports lead to),
//! `package` (the whole packages of those files and what they depend on), `sound` (also what a system
//! cannot be without and what the author asked for). Only `sound` claims that nothing is missing. Knows no
//! size of another image and writes no Dockerfile.

mod application;
mod command;
mod development;
mod families;
mod hints;
mod items;
mod java;
mod libraries;
mod linking;
mod node;
mod packages;
mod python;
mod reach;
mod ruby;
mod units;
mod waiting;
mod why;
mod words;

#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod python_tests;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod tests;

pub use why::{Step, Why};

use crate::analyze::{Dynamic, Linked, PackageKind};
use crate::image::ImageFacts;
use crate::image::packages::{InstalledPackage, InstalledPackages};
use crate::image::view::Node;
use crate::layer::LayerPath;
use crate::oci::ContainerConfig;
use items::Items;
use reach::Reach;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use why::Edges;

const CUT: &str = "its command, scripts and settings name more than is looked for";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Heuristic: to be verified by the application's own tests.
    File,
    Package,
    Sound,
}

impl Mode {
    /// As the user writes and reads it.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Package => "package",
            Self::Sound => "sound",
        }
    }
}

/// A library, or the loader by its path, that a kept program needs and the image does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    pub library: String,
    pub needed_by: LayerPath,
}

/// The closure of one image.
pub struct Closure<'a> {
    items: Items<'a>,
    packages: &'a InstalledPackages,
    edges: Edges,
    named_by: HashMap<u32, u32>,
    modes: Vec<Option<Mode>>,
    /// What cannot be told without running the image, in words.
    pub unclear: Vec<String>,
    pub missing: Vec<Missing>,
    /// A shell is started, or a script that needs one.
    pub starts_shell: bool,
    /// Scripts of a shell that only such files name of which nothing was seen to run them.
    pub idle_scripts: BTreeSet<LayerPath>,
    /// The folders of Python's sources that a start loads for sure; `None` if that is not known.
    started: Option<HashSet<LayerPath>>,
}

impl<'a> Closure<'a> {
    /// What an image needs that is run as `config` says.
    pub fn of(facts: &'a ImageFacts, config: &'a ContainerConfig) -> Self {
        let items = Items::new(&facts.view, &facts.packages);
        let mut reach = Reach::new(&items, config, &facts.packages);
        reach.always();
        command::start(&mut reach);
        reach.start_python();
        reach.start_node();
        reach.start_ruby();
        application::keep(&mut reach);
        reach.run();
        let unknown = reach.python_tells && !reach.python.followed;
        if reach.waits && (unknown || items.is_spent()) {
            // Too little is known to leave anything out.
            reach.release_rest(&|name| Why::Package(name.to_owned()));
            reach.run();
        }
        let surely: Vec<bool> = (0..items.len() as u32).map(|n| reach.edges.has(n)).collect();
        let (unclear, missing) = (reach.unclear.len(), reach.missing.len());
        let (shell, scripts) = (reach.shell, reach.shell_scripts.len());
        reach.release_rest(&|name| Why::Unseen(name.to_owned()));
        reach.run();
        reach.unclear.truncate(unclear);
        reach.missing.truncate(missing);
        reach.shell_scripts.truncate(scripts);
        let whole: Vec<(usize, u32)> = reach.of_family("@whole").collect();
        let missing: BTreeSet<Missing> = reach.missing().collect();
        let Reach { mut edges, named_by, unclear, shell_scripts, python, python_tells, .. } = reach;
        // What only a file of the application names, and nothing was seen to run that file.
        let (idle, run): (Vec<u32>, Vec<u32>) =
            shell_scripts.into_iter().partition(|n| why::is_idle(&edges, *n));
        let idle_scripts = idle.into_iter().map(|n| items.path(n)).collect();
        let mode = |n: u32| if surely[n as usize] { Mode::File } else { Mode::Sound };
        let mut modes: Vec<Option<Mode>> =
            (0..items.len() as u32).map(|n| edges.has(n).then(|| mode(n))).collect();
        packages::add(&items, &facts.packages, &mut edges, &mut modes);
        development::lift(&items, &edges, &mut modes);
        for (family, item) in whole {
            if edges.keep(item, None, &Why::Family(family)) {
                modes[item as usize] = Some(Mode::Package);
            }
        }
        let mut unclear: BTreeSet<String> = unclear.into_iter().collect();
        if items.is_spent() {
            unclear.insert(CUT.to_owned());
        }
        let started = python_tells.then(|| python.started(&items));
        Self {
            items,
            packages: &facts.packages,
            edges,
            named_by,
            modes,
            unclear: unclear.into_iter().collect(),
            missing: missing.into_iter().collect(),
            starts_shell: shell || !run.is_empty(),
            idle_scripts,
            started,
        }
    }

    /// What of the image's words was not followed, and why.
    pub fn gap(&self) -> Option<&'static str> {
        self.items.is_spent().then_some(CUT)
    }

    /// The smallest mode that may be relied upon: nothing but `sound` where something is unclear.
    pub fn advised(&self) -> Mode {
        if self.unclear.is_empty() && self.missing.is_empty() { Mode::Package } else { Mode::Sound }
    }

    fn kept(&self, number: usize, mode: Mode) -> bool {
        self.modes.get(number).copied().flatten().is_some_and(|m| m <= mode)
    }

    /// Whether a path of the final file system, as it really is, is kept.
    pub fn keeps(&self, path: &LayerPath, mode: Mode) -> bool {
        self.items.number(path).is_some_and(|n| self.kept(n as usize, mode))
    }

    /// Whether the entry of a number in the view is kept.
    pub fn keeps_entry(&self, number: u32, mode: Mode) -> bool {
        self.kept(number as usize, mode)
    }

    /// What is kept, by path; directories stand for nothing but themselves.
    pub fn files(&self, mode: Mode) -> impl Iterator<Item = (LayerPath, Node)> {
        self.items.list().enumerate().filter(move |(n, _)| self.kept(*n, mode)).map(|(_, i)| i)
    }

    /// On disk.
    pub fn bytes(&self, mode: Mode) -> u64 {
        let kept = self.items.nodes().enumerate().filter(|(n, _)| self.kept(*n, mode));
        kept.map(|(_, node)| self.items.view().bytes_of(node)).sum()
    }

    /// The packages of the operating system that own something kept, by name.
    pub fn packages(&self, mode: Mode) -> Vec<&'a InstalledPackage> {
        let kept: BTreeSet<usize> = (0..self.modes.len())
            .filter(|&n| self.kept(n, mode))
            .filter_map(|n| self.items.owner(n as u32))
            .collect();
        let all: Vec<&InstalledPackage> = self.packages.iter().collect();
        kept.into_iter().filter_map(|n| all.get(n).copied()).collect()
    }

    /// The package that owns a path.
    pub fn owner(&self, path: &LayerPath) -> Option<&'a InstalledPackage> {
        let owner = self.items.owner(self.items.number(path)?)?;
        self.packages.iter().nth(owner)
    }

    /// Kept by no package: the application's own files, and settings made by the build.
    pub fn own_files(&self) -> impl Iterator<Item = (LayerPath, Node)> {
        self.items
            .list()
            .enumerate()
            .filter(|(n, _)| {
                let edge = self.edges.get(*n as u32);
                self.items.owner(*n as u32).is_none()
                    && edge.is_some_and(|e| !matches!(e.why, Why::Family(_)))
            })
            .map(|(_, item)| item)
    }

    /// Whether a start may load a source of Python, or one beside it: their compiled forms go together, so that
    /// few words say which are copied.
    pub fn starts(&self, source: &LayerPath) -> bool {
        let Some(started) = &self.started else { return true };
        source.parent().is_some_and(|dir| started.contains(&dir))
    }

    /// From the path back to what starts; empty if it is not kept.
    pub fn why(&self, path: &LayerPath) -> Vec<Step> {
        let real = self.items.resolve(path).and_then(|r| r.item);
        let Some(start) = self.items.number(path).or(real) else { return Vec::new() };
        why::chain(&self.items, &self.edges, &self.modes, start)
    }

    /// What a kept program needs of the C library and its like: the highest version of each family.
    pub fn versions(&self) -> Vec<(String, LayerPath)> {
        self.items.versions((0..self.modes.len()).filter(|&n| self.edges.has(n as u32)))
    }

    /// Kept for its own sake or by what names it, not by a row of the table.
    pub fn is_own(&self, path: &LayerPath) -> bool {
        let edge = self.items.number(path).and_then(|n| self.edges.get(n));
        edge.is_some_and(|e| !matches!(e.why, Why::Family(_)) || e.from.is_some())
    }

    /// Kept for nothing but being there: no file names it, nothing starts it.
    pub fn is_only_there(&self, path: &LayerPath) -> bool {
        let edge = self.items.number(path).and_then(|n| self.edges.get(n));
        self.named_by(path).is_none()
            && edge.is_none_or(|e| {
                matches!(
                    e.why,
                    Why::Application | Why::WorkingDir | Why::Environment(_) | Why::Volume
                )
            })
    }

    /// A needed file that names this one, whatever else it is kept for.
    pub fn named_by(&self, path: &LayerPath) -> Option<LayerPath> {
        let item = self.items.number(path)?;
        Some(self.items.path(*self.named_by.get(&item)?))
    }

    /// The libraries that needed files are linked to, each with one that needs it.
    pub fn libraries(&self) -> Vec<(String, LayerPath)> {
        let mut out = BTreeMap::new();
        for (item, linked) in self.linked() {
            for name in &linked.needed {
                out.entry(name.clone()).or_insert_with(|| self.items.path(item));
            }
        }
        out.into_iter().collect()
    }

    /// The needed files that are linked to a library.
    pub fn linked_to(&self, library: &str) -> Vec<LayerPath> {
        self.linked()
            .filter(|(_, l)| l.needed.iter().any(|n| n == library))
            .map(|(item, _)| self.items.path(item))
            .collect()
    }

    /// Whether a program of this name, or with a version behind it, is needed.
    pub fn runs(&self, name: &str) -> bool {
        (0..self.modes.len()).filter(|&n| self.kept(n, Mode::File)).any(|n| {
            let file = self.items.name(n as u32);
            let rest = file.strip_prefix(name.as_bytes());
            self.items.elf(n as u32).is_some_and(|e| e.interpreter.is_some())
                && rest.is_some_and(|r| r.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
        })
    }

    fn linked(&self) -> impl Iterator<Item = (u32, &'a Linked)> {
        // What is only opened by name brings what it needs itself.
        let runs = |n: &u32| {
            let edge = self.edges.get(*n);
            self.kept(*n as usize, Mode::File)
                && edge.is_some_and(|e| !matches!(e.why, Why::Family(_)))
        };
        (0..self.modes.len() as u32).filter(runs).filter_map(|n| {
            match &self.items.elf(n)?.dynamic {
                Dynamic::Linked(linked) => Some((n, linked)),
                _ => None,
            }
        })
    }
}

/// Whether a package is one of an operating system.
fn is_system(kind: PackageKind) -> bool {
    matches!(kind, PackageKind::Dpkg | PackageKind::Apk | PackageKind::Rpm)
}
