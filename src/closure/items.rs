//! The entries of the final file system, numbered by path, with the facts and the owner of each.

use crate::analyze::{Dynamic, ElfFact, References};
use crate::image::packages::InstalledPackages;
use crate::image::unneeded;
use crate::image::view::{Node, View};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath};
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
    list: Vec<(&'a LayerPath, Node)>,
    numbers: HashMap<&'a [u8], u32>,
    elf: HashMap<Node, &'a ElfFact>,
    references: HashMap<Node, &'a References>,
    owners: Vec<Option<u32>>,
    package_kinds: Vec<Option<&'static str>>,
    /// What may still be spent on names, globs and folders.
    steps: Cell<usize>,
}

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
        let list: Vec<_> = view.iter().collect();
        let numbers = list.iter().enumerate().map(|(n, (p, _))| (p.as_bytes(), n as u32)).collect();
        let owners: Vec<Option<u32>> =
            list.iter().map(|(p, _)| packages.system_owner_of(p).map(|n| n as u32)).collect();
        let kinds: Vec<_> =
            packages.iter().map(|p| unneeded::kind_of_package(p.kind, &p.name)).collect();
        let package_kinds =
            owners.iter().map(|o: &Option<u32>| o.and_then(|n| kinds[n as usize])).collect();
        let mut elf = HashMap::new();
        let mut references = HashMap::new();
        let layers = list.iter().map(|(_, n)| n.layer + 1).max().unwrap_or(0);
        for layer in 0..layers {
            let Some(index) = view.index(layer) else { continue };
            let node = |entry| Node { layer, entry };
            elf.extend(index.facts.elf.iter().map(|f| (node(f.entry), f)));
            references.extend(index.facts.references.iter().map(|f| (node(f.entry), f)));
        }
        Self {
            view,
            list,
            numbers,
            elf,
            references,
            owners,
            package_kinds,
            steps: Cell::new(STEPS),
        }
    }

    pub fn view(&self) -> &'a View {
        self.view
    }

    pub fn list(&self) -> impl ExactSizeIterator<Item = (&'a LayerPath, Node)> {
        self.list.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn number(&self, path: &LayerPath) -> Option<u32> {
        self.numbers.get(path.as_bytes()).copied()
    }

    pub fn path(&self, item: u32) -> &'a LayerPath {
        self.list[item as usize].0
    }

    pub fn node(&self, item: u32) -> Node {
        self.list[item as usize].1
    }

    /// The package of the operating system that owns it: its place in the list of packages.
    pub fn owner(&self, item: u32) -> Option<usize> {
        self.owners[item as usize].map(|n| n as usize)
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

    /// A symlink's target as a path from the root.
    pub fn target(&self, item: u32) -> Option<LayerPath> {
        let node = self.content(item)?;
        let link = self.view.entry(node).link.as_deref()?;
        Some(match link.starts_with(b"/") {
            true => LayerPath::new(link),
            false => self.path(item).parent().unwrap_or_default().join(link),
        })
    }

    /// The items below a directory, and itself.
    pub fn below(&self, dir: &LayerPath) -> std::ops::Range<usize> {
        if dir.is_root() {
            return 0..self.list.len();
        }
        let mut first = dir.as_bytes().to_vec();
        first.push(b'/');
        let mut end = dir.as_bytes().to_vec();
        // `0` follows `/`.
        end.push(b'0');
        let from = self.list.partition_point(|(p, _)| p.as_bytes() < first.as_slice());
        let to = self.list.partition_point(|(p, _)| p.as_bytes() < end.as_slice());
        from..to.max(from)
    }

    /// Resolves as a process in the container would; `None` if nothing is there, if the path is longer than
    /// Linux opens any, or if all steps are spent.
    pub fn resolve(&self, path: &LayerPath) -> Option<Resolved> {
        let bytes = path.as_bytes();
        if bytes.len() > LONGEST_PATH || !self.spend(1 + bytes.len() / COST_OF_BYTES) {
            return None;
        }
        let mut at: Vec<u8> = Vec::with_capacity(bytes.len());
        let mut links = Vec::new();
        let mut todo = vec![bytes];
        while let Some(rest) = todo.pop() {
            let (part, rest) = match memchr::memchr(b'/', rest) {
                Some(i) => (&rest[..i], &rest[i + 1..]),
                None => (rest, &b""[..]),
            };
            if !rest.is_empty() {
                todo.push(rest);
            }
            let before = at.len();
            match part {
                b"" | b"." => continue,
                b".." => {
                    at.truncate(memchr::memrchr(b'/', &at).unwrap_or(0));
                    continue;
                }
                _ if before > 0 => at.push(b'/'),
                _ => {}
            }
            at.extend_from_slice(part);
            let Some(item) = self.numbers.get(at.as_slice()).copied() else {
                if !self.is_above(&mut at) {
                    return None;
                }
                continue;
            };
            if self.kind(item) != EntryKind::Symlink {
                continue;
            }
            links.push(item);
            let node = self.content(item)?;
            let target = self.view.entry(node).link.as_deref().unwrap_or_default();
            if links.len() > MAX_HOPS
                || target.len() > LONGEST_PATH
                || !self.spend(1 + target.len() / COST_OF_BYTES)
            {
                return None;
            }
            at.truncate(if target.starts_with(b"/") { 0 } else { before });
            todo.push(target);
        }
        let item = self.numbers.get(at.as_slice()).copied();
        (item.is_some() || !self.list.is_empty()).then(|| Resolved {
            links,
            path: LayerPath::new(&at),
            item,
        })
    }

    /// Whether anything lies below a path. It comes back as it was.
    fn is_above(&self, path: &mut Vec<u8>) -> bool {
        path.push(b'/');
        let first = self.list.partition_point(|(p, _)| p.as_bytes() < path.as_slice());
        let above = self.list.get(first).is_some_and(|(p, _)| p.as_bytes().starts_with(path));
        path.pop();
        above
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
        self.package_kinds[item as usize]
    }

    /// A small file that was kept aside.
    pub fn kept(&self, path: &str) -> Option<&'a [u8]> {
        let node = self.content(self.number(&LayerPath::from(path))?)?;
        let facts = &self.view.index(node.layer)?.facts;
        facts.kept.iter().find(|k| k.entry == node.entry).map(|k| k.bytes.as_slice())
    }

    /// The highest version of each family that these need, and who needs it.
    pub fn versions(&self, items: impl Iterator<Item = usize>) -> Vec<(String, LayerPath)> {
        let mut highest: BTreeMap<&str, (Vec<u32>, &str, &LayerPath)> = BTreeMap::new();
        for item in items {
            let Some(ElfFact { dynamic: Dynamic::Linked(linked), .. }) = self.elf(item as u32)
            else {
                continue;
            };
            for version in &linked.versions {
                let Some((family, number)) = version.rsplit_once('_') else { continue };
                let parts: Vec<u32> = number.split('.').map_while(|p| p.parse().ok()).collect();
                let known =
                    highest.entry(family).or_insert((Vec::new(), version, self.path(item as u32)));
                if parts > known.0 {
                    *known = (parts, version, self.path(item as u32));
                }
            }
        }
        highest.into_values().map(|(_, v, p)| (v.to_owned(), p.clone())).collect()
    }
}
