//! The packages in force: those whose record is visible in the merged image, what their files weigh
//! there, which layer brought them, and who owns a file.
//!
//! A database is rewritten by every layer that installs, so only the visible copy counts; the copies
//! below say since when a package is there.

use super::view::{Node, View};
use super::{ImageLayer, LayerState};
use crate::analyze::{OwnedFiles, PackageKind, PackageRecord};
use crate::index::LayerIndex;
use crate::layer::LayerPath;
use std::collections::{HashMap, HashSet};

/// One package of the final image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPackage {
    pub kind: PackageKind,
    pub name: String,
    pub version: String,
    pub architecture: Option<String>,
    /// Bytes of its files in the final view; as declared where no list names its files.
    pub bytes: Option<u64>,
    /// The first layer that has this version.
    pub layer: Option<usize>,
    /// The file that states it.
    pub path: LayerPath,
}

/// All packages in force, by kind and name.
#[derive(Clone, Debug, Default)]
pub struct InstalledPackages {
    list: Vec<InstalledPackage>,
    /// Files that a list names.
    owners: HashMap<Node, usize>,
    /// Folders that belong to a package as a whole.
    roots: HashMap<LayerPath, usize>,
}

impl InstalledPackages {
    pub fn from_view(view: &View, layers: &[ImageLayer]) -> Self {
        let visible: HashSet<Node> = view.iter().map(|(_, node)| node).collect();
        let indexes = || indexed(layers);
        let mut since: HashMap<(PackageKind, &str, &str), usize> = HashMap::new();
        let mut records: Vec<(usize, &LayerIndex, &PackageRecord)> = Vec::new();
        for (layer, index) in indexes() {
            for record in &index.facts.packages {
                since
                    .entry((record.kind, &record.name, &record.version))
                    .or_insert(layer);
                if visible.contains(&Node {
                    layer,
                    entry: record.entry,
                }) {
                    records.push((layer, index, record));
                }
            }
        }
        records.sort_by(|a, b| {
            let key = |r: &PackageRecord| (r.kind, r.name.clone(), r.version.clone());
            key(a.2).cmp(&key(b.2))
        });
        let mut all = Self::default();
        let mut by_name: HashMap<(PackageKind, String), Vec<usize>> = HashMap::new();
        for (_, index, record) in records {
            let Some(entry) = index.entries.get(record.entry as usize) else {
                continue;
            };
            let number = all.list.len();
            by_name
                .entry((record.kind, list_name(record, &entry.path)))
                .or_default()
                .push(number);
            if let Some(root) = &record.root {
                all.roots.insert(root.clone(), number);
            }
            all.list.push(InstalledPackage {
                kind: record.kind,
                name: record.name.clone(),
                version: record.version.clone(),
                architecture: record.architecture.clone(),
                bytes: record.declared_bytes,
                layer: since
                    .get(&(record.kind, &*record.name, &*record.version))
                    .copied(),
                path: entry.path.clone(),
            });
        }
        let lists = indexes().flat_map(|(layer, index)| {
            let in_force = |o: &&OwnedFiles| {
                visible.contains(&Node {
                    layer,
                    entry: o.entry,
                })
            };
            index
                .facts
                .owned
                .iter()
                .filter(in_force)
                .collect::<Vec<_>>()
        });
        let mut listed: Vec<Option<u64>> = vec![None; all.list.len()];
        for owned in lists {
            let Some(numbers) = by_name.get(&(owned.kind, owned.package.clone())) else {
                continue;
            };
            let nodes: HashSet<Node> = owned.paths.iter().filter_map(|p| landed(view, p)).collect();
            let bytes: u64 = nodes.iter().map(|&n| view.bytes_of(n)).sum();
            for &number in numbers {
                *listed[number].get_or_insert(0) += bytes;
            }
            for node in nodes {
                // A folder is shared by all who put something into it.
                if !view.entry(node).is_dir() {
                    all.owners.entry(node).or_insert(numbers[0]);
                }
            }
        }
        if !all.roots.is_empty() {
            for (path, node) in view.iter() {
                if let Some(number) = all.root_of(path) {
                    *listed[number].get_or_insert(0) += view.bytes_of(node);
                }
            }
        }
        for (package, bytes) in all.list.iter_mut().zip(listed) {
            package.bytes = bytes.or(package.bytes);
        }
        all
    }

    pub fn iter(&self) -> impl Iterator<Item = &InstalledPackage> {
        self.list.iter()
    }

    /// Who put the visible file here; a file that two packages list belongs to the system's.
    pub fn owner_of(&self, path: &LayerPath, node: Node) -> Option<&InstalledPackage> {
        let number = self
            .owners
            .get(&node)
            .copied()
            .or_else(|| self.root_of(path))?;
        self.list.get(number)
    }

    /// The package of the nearest folder above that is a package's own.
    fn root_of(&self, path: &LayerPath) -> Option<usize> {
        if self.roots.is_empty() {
            return None;
        }
        let bytes = path.as_bytes();
        let ends = (0..bytes.len()).rev().filter(|&i| bytes[i] == b'/');
        ends.map(|i| &bytes[..i])
            .find_map(|dir| self.roots.get(dir).copied())
    }
}

fn indexed(layers: &[ImageLayer]) -> impl Iterator<Item = (usize, &LayerIndex)> {
    layers
        .iter()
        .enumerate()
        .filter_map(|(number, layer)| match &layer.state {
            LayerState::Indexed(index) => Some((number, index.as_ref())),
            LayerState::NotLookedAt { .. } => None,
        })
}

/// How a file list names this package: Python's lists know only their own folder.
fn list_name(record: &PackageRecord, stated_in: &LayerPath) -> String {
    match record.kind {
        PackageKind::Python => stated_in.parent().unwrap_or_default().to_text(),
        _ => record.name.clone(),
    }
}

/// Where a listed path is in the view. Debian's lists say `/bin/ls` where `/bin` links to `usr/bin`.
fn landed(view: &View, path: &LayerPath) -> Option<Node> {
    if let Some(node) = view.get(path) {
        return Some(node);
    }
    let (parent, _) = view.follow(&path.parent()?)?;
    view.get(&parent.join(path.name()))
}
