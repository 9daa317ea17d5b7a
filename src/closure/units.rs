//! Distributions of a language: what is kept or left out as a whole. Its files wait until something that is
//! needed is seen to load one of them.

use super::hints::Hint;
use super::items::Items;
use super::reach::Follow;
use super::why::Why;
use crate::analyze::packages::normal_name;
use crate::analyze::{How, PackageKind};
use crate::image::packages::{InstalledPackage, InstalledPackages};
use crate::layer::{EntryKind, LayerPath};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Folders within one another before there is a file.
const FOLDERS: usize = 64;
const NONE: u32 = u32::MAX;

/// Whose distribution it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Node,
    Ruby,
}

/// One distribution.
pub(super) struct Unit {
    pub language: Language,
    pub name: String,
    /// The others that it says it needs.
    pub requires: Vec<u32>,
    /// Someone asked for it by name, or no other that is there needs it.
    pub asked: bool,
    /// The file that asks for it.
    pub asked_by: Option<u32>,
    /// No other that is there needs it.
    pub is_root: bool,
    pub hint: Option<Hint>,
    /// The groups of plugins that it belongs to.
    groups: Vec<String>,
    /// How a group may name it.
    tops: HashSet<String>,
    pub bytes: u64,
}

/// Why a unit is kept: the item that leads to it, and what a file of it says of that.
#[derive(Clone)]
pub(super) struct Opened {
    pub from: Option<u32>,
    pub why: Why,
}

#[derive(Default)]
pub(super) struct Units {
    of: Vec<u32>,
    /// By the system's package that brings it.
    of_package: HashMap<usize, u32>,
    pub list: Vec<Unit>,
    opened: Vec<Option<Opened>>,
    waiting: Vec<Vec<(u32, Follow)>>,
    /// Files that a kept unit was built from, and that nothing loads.
    /// Each with how far it would have led, once something would have kept it.
    sources: BTreeMap<u32, Option<Follow>>,
    pub pending: VecDeque<u32>,
    /// Where libraries of Ruby are looked for.
    pub ruby_folders: Vec<LayerPath>,
}

/// Where a path lies below a folder of installed modules: what it is below it.
pub(super) fn in_site(path: &[u8]) -> Option<(&[u8], &[u8])> {
    ["/site-packages/", "/dist-packages/"].iter().find_map(|mark| {
        let at = memchr::memmem::rfind(path, mark.as_bytes())?;
        Some((&path[..at + mark.len() - 1], &path[at + mark.len()..]))
    })
}

impl Units {
    pub fn new(items: &Items) -> Self {
        Self { of: vec![NONE; items.len()], ..Self::default() }
    }

    /// Adds the distributions of Python.
    pub fn add_python(&mut self, items: &Items, packages: &InstalledPackages) {
        let all: Vec<&InstalledPackage> = packages.iter().collect();
        let mut by_package: HashMap<usize, u32> = HashMap::new();
        for item in 0..items.len() as u32 {
            let path = items.path(item);
            let system = items.owner(item);
            let Some(package) = system.or_else(|| packages.number_of(&path)) else {
                continue;
            };
            let here = all[package];
            let listed = here.kind == PackageKind::Python && here.root.is_none();
            if !listed && (system.is_none() || in_site(path.as_bytes()).is_none()) {
                continue;
            }
            let unit =
                *by_package.entry(package).or_insert_with(|| self.add(here, Language::Python));
            if system.is_some() {
                self.set_package(package, unit);
            }
            self.put(items, item, unit);
            let unit = &mut self.list[unit as usize];
            let top = in_site(path.as_bytes())
                .and_then(|(_, below)| below.split(|b| matches!(b, b'/' | b'.')).next());
            let top = top.filter(|t| t.len() < 100 && unit.tops.len() < 100);
            unit.tops.extend(top.map(|t| String::from_utf8_lossy(t).into_owned()));
        }
        if by_package.is_empty() {
            return;
        }
        self.put_folders(items);
        self.join(items, &all, &by_package);
    }

    /// An empty folder could be imported, too: those of a distribution come and go with it.
    fn put_folders(&mut self, items: &Items) {
        for item in 0..items.len() as u32 {
            let path = items.path(item);
            let inner = in_site(path.as_bytes()).is_some_and(|(_, below)| !below.is_empty());
            if !inner || items.kind(item) != EntryKind::Directory {
                continue;
            }
            let mut below = items.below(&path).map(|n| n as u32).take(FOLDERS);
            let first = below.find(|n| items.kind(*n) != EntryKind::Directory);
            if let Some(unit) = first.and_then(|f| self.of(f)) {
                self.of[item as usize] = unit;
            }
        }
    }

    /// Says whose file an item is.
    pub fn put(&mut self, items: &Items, item: u32, unit: u32) {
        self.of[item as usize] = unit;
        let bytes = &mut self.list[unit as usize].bytes;
        *bytes = bytes.saturating_add(items.view().bytes_of(items.node(item)));
    }

    /// Says which unit a package of the system brings.
    pub fn set_package(&mut self, package: usize, unit: u32) {
        self.of_package.insert(package, unit);
    }

    /// Says that a file is one that nothing loads.
    pub fn set_source(&mut self, item: u32) {
        self.sources.insert(item, None);
    }

    /// Whether a file is one that nothing loads: it is remembered then.
    pub fn leaves(&mut self, item: u32, follow: Follow) -> bool {
        let Some(left) = self.sources.get_mut(&item) else { return false };
        *left = (*left).max(Some(follow));
        true
    }

    /// What was left out of units that are kept.
    pub fn take_left(&mut self) -> Vec<(u32, Follow)> {
        let left = std::mem::take(&mut self.sources).into_iter();
        left.filter_map(|(item, follow)| Some((item, follow?))).collect()
    }

    /// Says what a unit needs.
    pub fn require(&mut self, unit: u32, others: Vec<u32>) {
        for other in &others {
            self.list[*other as usize].is_root = false;
        }
        self.list[unit as usize].requires = others;
    }

    pub fn add(&mut self, package: &InstalledPackage, language: Language) -> u32 {
        let name = match language {
            Language::Python => normal_name(&package.name),
            Language::Node | Language::Ruby => package.name.clone(),
        };
        self.list.push(Unit {
            language,
            asked_by: None,
            hint: Hint::of(&name, language),
            tops: HashSet::from([name.replace('-', "_")]),
            name: package.name.clone(),
            requires: Vec::new(),
            asked: false,
            is_root: true,
            groups: Vec::new(),
            bytes: 0,
        });
        self.opened.push(None);
        self.waiting.push(Vec::new());
        self.list.len() as u32 - 1
    }

    /// Who needs whom, who was asked for, and whose plugin one is.
    fn join(&mut self, items: &Items, all: &[&InstalledPackage], by_package: &HashMap<usize, u32>) {
        let key = |p: &InstalledPackage| (p.kind, normal_name(&p.name));
        let mut named: HashMap<(PackageKind, String), Vec<u32>> = HashMap::new();
        for (&package, &unit) in by_package {
            named.entry(key(all[package])).or_default().push(unit);
        }
        for (&package, &unit) in by_package {
            let here = all[package];
            let mut requires: Vec<u32> = Vec::new();
            for need in here.relations.needs.iter().flatten() {
                let found = named.get(&(here.kind, normal_name(need))).into_iter().flatten();
                requires.extend(found.filter(|&&u| u != unit));
            }
            requires.sort_unstable();
            requires.dedup();
            self.require(unit, requires);
        }
        for (&package, &unit) in by_package {
            let info = all[package].database.parent().unwrap_or_default();
            let requested = items.number(&info.join(b"REQUESTED")).is_some();
            let groups = items.number(&info.join(b"entry_points.txt"));
            let unit = &mut self.list[unit as usize];
            unit.asked = requested || unit.is_root;
            unit.groups = groups
                .into_iter()
                .flat_map(|item| items.loads(item))
                .filter(|(_, load)| load.how == How::Group)
                .map(|(name, _)| name.to_ascii_lowercase())
                .collect();
        }
    }

    /// The unit of an item.
    pub fn of(&self, item: u32) -> Option<u32> {
        self.of.get(item as usize).copied().filter(|u| *u != NONE)
    }

    pub fn of_package(&self, package: usize) -> Option<u32> {
        self.of_package.get(&package).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn opened(&self, unit: u32) -> Option<&Opened> {
        self.opened[unit as usize].as_ref()
    }

    /// Keeps a unit, from now on; `false` if it was already.
    pub fn open(&mut self, unit: u32, from: Option<u32>, why: Why) -> bool {
        let opened = &mut self.opened[unit as usize];
        if opened.is_some() {
            return false;
        }
        *opened = Some(Opened { from, why });
        self.pending.push_back(unit);
        true
    }

    /// Remembers a file of a unit that nothing has led to yet.
    pub fn wait(&mut self, unit: u32, item: u32, follow: Follow) {
        self.waiting[unit as usize].push((item, follow));
    }

    pub fn take_waiting(&mut self, unit: u32) -> Vec<(u32, Follow)> {
        std::mem::take(&mut self.waiting[unit as usize])
    }

    pub fn unopened(&self) -> impl Iterator<Item = u32> {
        (0..self.list.len() as u32).filter(|u| self.opened[*u as usize].is_none())
    }

    /// Those that are not kept yet and say that they are plugins of this one.
    pub fn plugins_of(&self, unit: u32) -> Vec<u32> {
        let tops = &self.list[unit as usize].tops;
        let is_plugin = |group: &String| {
            tops.iter().any(|top| {
                let rest = group.strip_prefix(top.to_ascii_lowercase().as_str());
                top.len() > 2
                    && rest.is_some_and(|r| r.is_empty() || r.starts_with(['.', '_', '-']))
            })
        };
        self.unopened()
            .filter(|&u| self.list[u as usize].hint.is_none())
            .filter(|&u| self.list[u as usize].groups.iter().any(is_plugin))
            .collect()
    }

    /// Those that belong to a group of plugins that is named.
    pub fn of_group(&self, name: &str) -> Vec<u32> {
        let name = name.to_ascii_lowercase();
        self.unopened().filter(|&u| self.list[u as usize].groups.contains(&name)).collect()
    }

    /// Bytes of a unit and of those not kept yet that it needs.
    pub fn cost(&self, unit: u32) -> u64 {
        let mut seen = HashSet::from([unit]);
        let mut todo = vec![unit];
        let mut bytes = 0u64;
        while let Some(u) = todo.pop() {
            bytes = bytes.saturating_add(self.list[u as usize].bytes);
            let needs = self.list[u as usize].requires.iter();
            todo.extend(needs.filter(|&&n| self.opened(n).is_none() && seen.insert(n)));
        }
        bytes
    }
}

/// The folders that installed modules lie in.
pub(super) fn sites(items: &Items, packages: &InstalledPackages) -> Vec<LayerPath> {
    let mut found: HashSet<LayerPath> = HashSet::new();
    for package in packages.iter().filter(|p| p.kind == PackageKind::Python) {
        let info = package
            .database
            .parent()
            .filter(|d| [&b".dist-info"[..], b".egg-info"].iter().any(|e| d.name().ends_with(e)));
        found.extend(info.and_then(|d| d.parent()));
    }
    for item in 0..items.len() as u32 {
        if found.len() > 64 {
            break;
        }
        let path = items.path(item);
        if let Some((site, _)) = in_site(path.as_bytes())
            && !found.iter().any(|f| f.as_bytes() == site)
        {
            found.insert(LayerPath::new(site));
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort();
    found.truncate(64);
    found
}
