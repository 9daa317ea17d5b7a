//! The entries of the final file system, numbered by path, with the facts and the owner of each.

use crate::analyze::{Dynamic, ElfFact, Load, Loads, Modules, References};
use crate::image::packages::InstalledPackages;
use crate::image::unneeded;
use crate::image::view::{Node, View};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath, split_first};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// Symlinks followed for one path, as Linux has it (`MAXSYMLINKS`).
const MAX_HOPS: usize = 40;

/// Steps for one image, each about a look into a table: large images take a hundredth of it.
const STEPS: usize = 10_000_000;

/// Bytes of a path that cost a step more.
const COST_OF_BYTES: usize = 64;

pub(super) struct Items<'a> {
    view: &'a View,
    elf: HashMap<Node, &'a ElfFact>,
    references: HashMap<Node, &'a References>,
    loads: HashMap<Node, (&'a Modules, &'a Loads)>,
    /// Of each the package that owns it, or [`NOBODY`].
    owners: Vec<u32>,
    /// Of each package what it is for.
    package_kinds: Vec<Option<&'static str>>,
    /// What may still be spent on names, globs and folders.
    steps: Cell<usize>,
}

const NOBODY: u32 = u32::MAX;

/// Where a path leads.
pub(super) struct Resolved {
    /// Symlinks on the way.
    pub links: Vec<u32>,
    pub path: LayerPath,
    /// `None` for a directory that no layer names.
    pub item: Option<u32>,
}

impl<'a> Items<'a> {
    pub fn new(view: &'a View, packages: &InstalledPackages) -> Self {
        let owner = |(path, _)| packages.system_owner_of(&path).map_or(NOBODY, |n| n as u32);
        let owners: Vec<u32> = view.iter().map(owner).collect();
        let package_kinds =
            packages.iter().map(|p| unneeded::kind_of_package(p.kind, &p.name)).collect();
        let mut elf = HashMap::new();
        let mut references = HashMap::new();
        let mut loads = HashMap::new();
        for layer in 0..view.layer_count() {
            let Some(index) = view.index(layer) else { continue };
            let node = |entry| Node { layer, entry };
            elf.extend(index.facts.elf.iter().map(|f| (node(f.entry), f)));
            references.extend(index.facts.references.iter().map(|f| (node(f.entry), f)));
            let modules = &index.facts.modules;
            loads.extend(modules.files.iter().map(|f| (node(f.entry), (modules, f))));
        }
        Self { view, elf, references, loads, owners, package_kinds, steps: Cell::new(STEPS) }
    }

    pub fn view(&self) -> &'a View {
        self.view
    }

    pub fn list(&self) -> impl ExactSizeIterator<Item = (LayerPath, Node)> + use<'a> {
        self.view.iter()
    }

    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> {
        self.view.nodes()
    }

    pub fn len(&self) -> usize {
        self.view.len()
    }

    pub fn number(&self, path: &LayerPath) -> Option<u32> {
        self.view.number_of(path)
    }

    pub fn path(&self, item: u32) -> LayerPath {
        self.view.path_at(item)
    }

    /// The last part of its path.
    pub fn name(&self, item: u32) -> &'a [u8] {
        self.view.name_at(item)
    }

    pub fn node(&self, item: u32) -> Node {
        self.view.node_at(item)
    }

    /// The package of the operating system that owns it: its place in the list of packages.
    pub fn owner(&self, item: u32) -> Option<usize> {
        let owner = self.owners[item as usize];
        (owner != NOBODY).then_some(owner as usize)
    }

    fn content(&self, item: u32) -> Option<Node> {
        self.view.content_of(self.node(item))
    }

    pub fn kind(&self, item: u32) -> EntryKind {
        let node = self.content(item).unwrap_or(self.node(item));
        self.view.entry(node).kind
    }

    pub fn is_file(&self, item: u32) -> bool {
        self.kind(item) == EntryKind::File
    }

    pub fn mode(&self, item: u32) -> u32 {
        self.view.entry(self.content(item).unwrap_or(self.node(item))).mode
    }

    pub fn elf(&self, item: u32) -> Option<&'a ElfFact> {
        self.elf.get(&self.content(item)?).copied()
    }

    pub fn references(&self, item: u32) -> Option<&'a References> {
        self.references.get(&self.content(item)?).copied()
    }

    /// The modules that a source names, with where.
    pub fn loads(&self, item: u32) -> impl Iterator<Item = (&'a str, Load)> + use<'a> {
        let found = self.content(item).and_then(|n| self.loads.get(&n).copied());
        found.into_iter().flat_map(|(modules, loads)| {
            let named = |l: &'a Load| Some((modules.names.get(l.name as usize)?.as_str(), *l));
            loads.list.iter().filter_map(named)
        })
    }

    /// A symlink's target as a path from the root.
    pub fn target(&self, item: u32) -> Option<LayerPath> {
        let node = self.content(item)?;
        let link = self.view.entry(node).link()?;
        Some(match link.starts_with(b"/") {
            true => LayerPath::new(link),
            false => self.path(item).parent().unwrap_or_default().join(link),
        })
    }

    /// The items below a directory; of the root all.
    pub fn below(&self, dir: &LayerPath) -> std::ops::Range<usize> {
        self.view.range_below(dir)
    }

    /// Resolves as a process in the container would; `None` if nothing is there, if the path is longer than
    /// Linux opens any, or if all steps are spent.
    pub fn resolve(&self, path: &LayerPath) -> Option<Resolved> {
        let bytes = path.as_bytes();
        if bytes.len() > LONGEST_PATH || !self.spend(1 + bytes.len() / COST_OF_BYTES) {
            return None;
        }
        let mut at = self.view.root_spot();
        let mut links = Vec::new();
        let mut todo = vec![bytes];
        while let Some(rest) = todo.pop() {
            let (part, rest) = split_first(rest);
            if !rest.is_empty() {
                todo.push(rest);
            }
            match part {
                b"" | b"." => continue,
                b".." => {
                    at = self.view.spot_above(at);
                    continue;
                }
                _ => {}
            }
            let found = self.view.spot_in(at, part)?;
            let Some(item) = self.view.number_at(found) else {
                at = found;
                continue;
            };
            if self.kind(item) != EntryKind::Symlink {
                at = found;
                continue;
            }
            links.push(item);
            let target = self.view.entry(self.content(item)?).link().unwrap_or_default();
            if links.len() > MAX_HOPS
                || target.len() > LONGEST_PATH
                || !self.spend(1 + target.len() / COST_OF_BYTES)
            {
                return None;
            }
            if target.starts_with(b"/") {
                at = self.view.root_spot();
            }
            todo.push(target);
        }
        let item = self.view.number_at(at);
        (item.is_some() || !self.view.is_empty()).then(|| Resolved {
            links,
            path: self.view.path_of(at),
            item,
        })
    }

    /// Takes so many of the steps that there are; `false` where they are spent.
    pub fn spend(&self, steps: usize) -> bool {
        let left = self.steps.get().saturating_sub(steps);
        self.steps.set(left);
        left > 0
    }

    /// Whether something was left out because it would have cost too much.
    pub fn is_spent(&self) -> bool {
        self.steps.get() == 0
    }

    /// What a package is for, by the table of what production does not need.
    pub fn package_kind(&self, item: u32) -> Option<&'static str> {
        self.package_kinds[self.owner(item)?]
    }

    /// A small file that was kept aside.
    pub fn kept(&self, path: &str) -> Option<&'a [u8]> {
        let node = self.content(self.number(&LayerPath::from(path))?)?;
        let facts = &self.view.index(node.layer)?.facts;
        facts.kept.iter().find(|k| k.entry == node.entry).map(|k| k.bytes.as_slice())
    }

    /// The highest version of each family that these need, and who needs it.
    pub fn versions(&self, items: impl Iterator<Item = usize>) -> Vec<(String, LayerPath)> {
        let mut highest: BTreeMap<&str, (Vec<u32>, &str, u32)> = BTreeMap::new();
        for item in items {
            let Some(ElfFact { dynamic: Dynamic::Linked(linked), .. }) = self.elf(item as u32)
            else {
                continue;
            };
            for version in &linked.versions {
                let Some((family, number)) = version.rsplit_once('_') else { continue };
                let parts: Vec<u32> = number.split('.').map_while(|p| p.parse().ok()).collect();
                let known = highest.entry(family).or_insert((Vec::new(), version, item as u32));
                if parts > known.0 {
                    *known = (parts, version, item as u32);
                }
            }
        }
        highest.into_values().map(|(_, v, item)| (v.to_owned(), self.path(item))).collect()
    }
}
