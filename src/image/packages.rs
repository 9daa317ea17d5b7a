//! The packages in force and who owns a file.
//!
//! A record is in force where the file that states it is the visible one. Of the operating system's packages
//! several databases may tell (dpkg's and chisel's, the two manifests of Azure Linux): each counts once. Holds
//! no opinion.

use super::view::{Node, View};
use crate::analyze::{OwnedFiles, PackageKind, PackageRecord, PackageState, Relations};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// One package of the final file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPackage {
    pub kind: PackageKind,
    pub name: String,
    pub version: String,
    pub architecture: Option<String>,
    /// The source package, where it differs.
    pub source: Option<String>,
    /// Bytes of its files in the final file system, a file with several names once; as the database
    /// declares where it lists no files.
    pub bytes: Option<u64>,
    /// Place in the layers of the first that states this version, base 0.
    pub layer: usize,
    /// The file that states it.
    pub database: LayerPath,
    /// The directory or archive that is the package as a whole.
    pub root: Option<LayerPath>,
    pub relations: Relations,
    /// As in [`PackageRecord::namespace`].
    pub namespace: Option<String>,
    /// As in [`PackageRecord::inside`].
    pub inside: Option<String>,
    pub state: PackageState,
}

/// All packages of a view.
#[derive(Debug, Default)]
pub struct InstalledPackages {
    /// By kind, name, version.
    packages: Vec<InstalledPackage>,
    /// Non-directories that a list names, by the place where they really are.
    files: HashMap<LayerPath, u32>,
    roots: HashMap<LayerPath, u32>,
    /// Paths of lists that are too long to exist.
    too_long: usize,
    /// More paths were listed than were looked for.
    cut: bool,
}

/// Steps for the folders of listed paths in one image: a folder of a list is looked for once, and even the
/// largest images list some hundred thousand.
const STEPS: u64 = 4 << 20;

/// Folders whose real place is remembered at one time.
const REMEMBERED: usize = 100_000;

/// Where folders that lists name really are (`bin` may be a link to `usr/bin`).
struct Folders<'a> {
    view: &'a View,
    real: HashMap<LayerPath, LayerPath>,
    steps: u64,
}

impl Folders<'_> {
    fn real(&mut self, folder: LayerPath) -> &LayerPath {
        if self.real.len() >= REMEMBERED {
            self.real.clear();
        }
        let (view, steps) = (self.view, &mut self.steps);
        self.real.entry(folder).or_insert_with_key(|f| view.real(f, steps))
    }
}

/// What joins a list of files with its package.
#[derive(PartialEq, Eq, Hash)]
enum ListKey {
    /// `info/NAME.list`, `info/NAME:ARCH.list`.
    Dpkg(String),
    /// A record and its list lie side by side (`status.d/NAME` and `NAME.md5sums`, a `.dist-info`).
    Beside(LayerPath),
    /// In one database the lists stand in the order of the packages: name and how many of that name
    /// came before.
    Within(LayerPath, String, usize),
}

/// What finds a package again.
#[derive(Default)]
struct Known {
    lists: HashMap<ListKey, u32>,
    /// Of the operating system: kind, name, architecture, version without epoch. Of Python, whose folder of a
    /// package may say it twice: kind, name, folder, version.
    same: HashMap<(PackageKind, String, Option<String>, String), u32>,
}

impl Known {
    /// The package that a list belongs to.
    fn of_list(&self, owned: &OwnedFiles, path: &LayerPath, nth: usize) -> Option<u32> {
        let within = || ListKey::Within(path.clone(), owned.package.clone(), nth);
        let key = match owned.kind {
            PackageKind::Dpkg if is_chisel(path) => within(),
            PackageKind::Dpkg => {
                let record = path.as_bytes().rsplitn(2, |&b| b == b'.').last().map(LayerPath::new);
                let beside = record.and_then(|r| self.lists.get(&ListKey::Beside(r)));
                if let Some(&package) = beside {
                    return Some(package);
                }
                ListKey::Dpkg(owned.package.clone())
            }
            PackageKind::Python => ListKey::Beside(path.parent().unwrap_or_default()),
            _ => within(),
        };
        self.lists.get(&key).copied()
    }
}

fn is_chisel(path: &LayerPath) -> bool {
    path.name().ends_with(b".wall")
}

/// Checksums instead of a list: without the configuration's files.
fn is_sums(path: &LayerPath) -> bool {
    path.name().ends_with(b".md5sums")
}

/// In which order lists are believed: where Debian ships a Python module, Debian owns it, and conda likewise.
fn rank(kind: PackageKind) -> (bool, bool, PackageKind) {
    (!kind.is_of_the_system(), kind != PackageKind::Conda, kind)
}

impl InstalledPackages {
    pub fn from_view(view: &View) -> Self {
        let mut found = Self::default();
        let mut known = Known::default();
        let mut lists = Vec::new();
        let stated = visible_statements(view);
        let first = first_layers(view);
        let mut layer = 0;
        while let Some(index) = stated.layers.get(layer).copied().and_then(|l| view.index(l)) {
            let at = |entry| stated.paths.get(&Node { layer: stated.layers[layer], entry });
            let mut before: HashMap<(&str, u32), usize> = HashMap::new();
            for record in &index.facts.packages {
                if let Some(path) = at(record.entry) {
                    let nth = before.entry((&record.name, record.entry)).or_default();
                    // A statement of a lower layer at another name of the database is not known as such.
                    let since = first.get(&statement(record, path)).copied();
                    let since = since.unwrap_or(stated.layers[layer]);
                    found.add(record, path, *nth, since, &mut known);
                    *nth += 1;
                }
            }
            let mut before: HashMap<(&str, u32), usize> = HashMap::new();
            for owned in &index.facts.owned {
                if let Some(path) = at(owned.entry) {
                    let nth = before.entry((&owned.package, owned.entry)).or_default();
                    lists.push((owned, path, *nth));
                    *nth += 1;
                }
            }
            layer += 1;
        }
        lists.sort_by_key(|&(owned, path, _)| (rank(owned.kind), is_sums(path)));
        // Only now, for the database that names a package is often in a layer above its list.
        let lists = lists.into_iter().filter_map(|(owned, path, nth)| {
            Some((known.of_list(owned, path, nth)?, is_sums(path), owned))
        });
        let mut folders = Folders { view, real: HashMap::new(), steps: STEPS };
        let mut listed = HashSet::new();
        for (package, sums, owned) in lists {
            let first = listed.insert(package);
            if first || !sums {
                found.own(view, package, owned, first, &mut folders);
            }
        }
        found.cut = folders.steps == 0;
        found.measure_roots(view);
        found.sort();
        found
    }

    /// What of the lists of files was not looked for, and why.
    pub fn gaps(&self) -> Vec<String> {
        let long = match self.too_long {
            0 => None,
            n => {
                Some(format!("{n} of their paths are longer than 4,095 bytes: no such file can be"))
            }
        };
        let cut = self.cut.then(|| "they name more folders than are looked for".to_owned());
        long.into_iter().chain(cut).collect()
    }

    /// By kind, name and version.
    pub fn iter(&self) -> impl Iterator<Item = &InstalledPackage> {
        self.packages.iter()
    }

    pub fn len(&self) -> usize {
        self.packages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The package that lists this file, else the innermost module or gem that it lies in. `path` is
    /// where the file really is, as [`View::iter`] says it.
    pub fn owner_of(&self, path: &LayerPath) -> Option<&InstalledPackage> {
        self.packages.get(self.number_of(path)?)
    }

    /// The same as its place in [`Self::iter`].
    pub fn number_of(&self, path: &LayerPath) -> Option<usize> {
        let number = self.files.get(path).copied().or_else(|| self.root_of(path))? as usize;
        (number < self.packages.len()).then_some(number)
    }

    /// The package of the operating system that lists this file: its place in [`Self::iter`].
    pub fn system_owner_of(&self, path: &LayerPath) -> Option<usize> {
        let number = *self.files.get(path)? as usize;
        self.packages.get(number).filter(|p| p.kind.is_of_the_system()).map(|_| number)
    }

    fn root_of(&self, path: &LayerPath) -> Option<u32> {
        if self.roots.is_empty() {
            return None;
        }
        let bytes = path.as_bytes();
        // The innermost of the directories above, and the path itself; no package lies deeper than this,
        // and a name of 100 kB may have 50,000 directories.
        let ends: Vec<usize> = memchr::memchr_iter(b'/', bytes).take(128).collect();
        let ends = std::iter::once(bytes.len()).chain(ends.into_iter().rev());
        ends.into_iter().find_map(|end| self.roots.get(&bytes[..end]).copied())
    }

    fn add(
        &mut self,
        record: &PackageRecord,
        path: &LayerPath,
        nth: usize,
        layer: usize,
        known: &mut Known,
    ) {
        let number = self.same(record, path, known);
        let keys = &mut known.lists;
        match record.kind {
            PackageKind::Dpkg if !is_chisel(path) => {
                if path.name() != b"status" {
                    keys.insert(ListKey::Beside(path.clone()), number);
                }
                if let Some(arch) = &record.architecture {
                    keys.insert(ListKey::Dpkg(format!("{}:{arch}", record.name)), number);
                }
                keys.entry(ListKey::Dpkg(record.name.clone())).or_insert(number);
            }
            PackageKind::Python => {
                keys.insert(ListKey::Beside(path.parent().unwrap_or_default()), number);
            }
            _ => {
                let key = ListKey::Within(path.clone(), record.name.clone(), nth);
                keys.insert(key, number);
            }
        }
        if let Some(root) = &record.root {
            self.roots.insert(root.clone(), number);
        }
        if let Some(known) = self.packages.get_mut(number as usize) {
            return known.add(record);
        }
        self.packages.push(InstalledPackage {
            kind: record.kind,
            name: record.name.clone(),
            version: record.version.clone(),
            architecture: record.architecture.clone(),
            source: record.source.clone(),
            bytes: record.declared_bytes,
            layer,
            database: path.clone(),
            root: record.root.clone(),
            relations: record.relations.clone(),
            namespace: record.namespace.clone(),
            inside: record.inside.clone(),
            state: record.state,
        });
    }

    /// The number of the package that another database of the system tells of too, else the next one.
    fn same(&self, record: &PackageRecord, path: &LayerPath, known: &mut Known) -> u32 {
        let next = u32::try_from(self.packages.len()).unwrap_or(u32::MAX);
        let place = match record.kind {
            PackageKind::Python => path.parent().map(|dir| dir.to_text()),
            kind if kind.is_of_the_system() => record.architecture.clone(),
            _ => return next,
        };
        let version = record.version.split_once(':').map_or(record.version.as_str(), |(_, v)| v);
        let key = (record.kind, record.name.clone(), place, version.to_owned());
        let number = *known.same.entry(key).or_insert(next);
        match self.packages.get(number as usize) {
            Some(other) if other.database != *path => number,
            _ => next,
        }
    }

    /// `first`: no other list told of it.
    fn own(
        &mut self,
        view: &View,
        package: u32,
        owned: &OwnedFiles,
        first: bool,
        folders: &mut Folders,
    ) {
        let (mut bytes, mut counted) = (0u64, HashSet::new());
        for path in &owned.paths {
            if path.as_bytes().len() > LONGEST_PATH {
                self.too_long += 1;
                continue;
            }
            let Some(parent) = path.parent() else {
                continue;
            };
            let real = folders.real(parent).join(path.name());
            let Some(node) =
                view.get(&real).filter(|&n| view.entry(n).kind != EntryKind::Directory)
            else {
                continue;
            };
            if counted.insert(node) {
                bytes = bytes.saturating_add(view.bytes_of(node));
            }
            self.files.entry(real).or_insert(package);
        }
        if let Some(p) = self.packages.get_mut(package as usize) {
            p.bytes = Some(if first { bytes } else { bytes.max(p.bytes.unwrap_or(0)) });
        }
    }

    /// Each file below a root counts for the innermost.
    fn measure_roots(&mut self, view: &View) {
        if self.roots.is_empty() {
            return;
        }
        let mut sums: HashMap<u32, u64> = self.roots.values().map(|&n| (n, 0)).collect();
        for (path, node) in view.iter() {
            if let Some(sum) = self.root_of(&path).and_then(|n| sums.get_mut(&n)) {
                *sum = sum.saturating_add(view.bytes_of(node));
            }
        }
        for (number, sum) in sums {
            if let Some(p) = self.packages.get_mut(number as usize) {
                p.bytes = Some(sum);
            }
        }
    }

    fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.packages.len() as u32).collect();
        let key = |&n: &u32| {
            let p = &self.packages[n as usize];
            (p.kind, &p.name, &p.version, &p.architecture, &p.database)
        };
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut place = vec![0u32; order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old as usize] = new as u32;
        }
        self.packages = order.iter().map(|&n| self.packages[n as usize].clone()).collect();
        let numbers = self.files.values_mut().chain(self.roots.values_mut());
        numbers.for_each(|n| *n = place[*n as usize]);
    }
}

impl InstalledPackage {
    /// What another database says of the same package.
    fn add(&mut self, record: &PackageRecord) {
        // One of the two may write no epoch.
        if record.version.len() > self.version.len() {
            self.version.clone_from(&record.version);
        }
        if self.source.is_none() {
            self.source.clone_from(&record.source);
        }
        if self.relations == Relations::default() {
            self.relations.clone_from(&record.relations);
        }
        self.bytes = self.bytes.or(record.declared_bytes);
    }
}

/// Files that state something and are visible.
struct Visible {
    layers: Vec<usize>,
    paths: HashMap<Node, Rc<LayerPath>>,
}

fn visible_statements(view: &View) -> Visible {
    let mut stating = HashSet::new();
    let layers: Vec<usize> = (0..layer_count(view)).filter(|&l| view.index(l).is_some()).collect();
    for &layer in &layers {
        let Some(index) = view.index(layer) else {
            continue;
        };
        let packages = index.facts.packages.iter().map(|p| p.entry);
        let entries = packages.chain(index.facts.owned.iter().map(|o| o.entry));
        stating.extend(entries.map(|entry| Node { layer, entry }));
    }
    let paths = view.nodes().filter(|n| stating.contains(n)).map(|n| (n, Rc::new(view.path(n))));
    Visible { layers, paths: paths.collect() }
}

/// One above the highest layer that anything visible lies in.
fn layer_count(view: &View) -> usize {
    view.nodes().map(|n| n.layer + 1).max().unwrap_or(0)
}

type Statement<'a> = (PackageKind, &'a str, &'a str, Option<&'a str>, Rc<LayerPath>);

fn statement<'a>(record: &'a PackageRecord, path: &Rc<LayerPath>) -> Statement<'a> {
    let arch = record.architecture.as_deref();
    (record.kind, &record.name, &record.version, arch, Rc::clone(path))
}

/// The first layer that states each package at each path.
fn first_layers(view: &View) -> HashMap<Statement<'_>, usize> {
    let mut first = HashMap::new();
    for layer in 0..layer_count(view) {
        let Some(index) = view.index(layer) else {
            continue;
        };
        let mut stating: Option<(u32, Rc<LayerPath>)> = None;
        for record in &index.facts.packages {
            let known = stating.take().filter(|(entry, _)| *entry == record.entry);
            let (_, path) = stating.insert(
                known.unwrap_or_else(|| (record.entry, Rc::new(index.entries.path(record.entry)))),
            );
            first.entry(statement(record, path)).or_insert(layer);
        }
    }
    first
}
