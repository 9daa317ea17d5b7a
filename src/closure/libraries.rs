//! Where the dynamic linker finds a library (ld.so(8)), from the files of the image alone.

use super::items::Items;
use crate::analyze::{ElfFact, Linked};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath};
use crate::oci::ContainerConfig;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Folders of the older kind of search path, of all objects on the way, the nearest first.
pub(super) type Inherited = Arc<[LayerPath]>;

pub(super) struct Libraries {
    /// The linker is musl's: every search path is of the older kind and comes behind the environment.
    musl: bool,
    /// `LD_LIBRARY_PATH`.
    environment: Vec<LayerPath>,
    /// Of `ld.so.conf`, musl's path file, and the linker's own.
    system: Vec<LayerPath>,
    /// Libraries by their name, for those that a program opens without saying where.
    by_name: HashMap<Vec<u8>, Vec<u32>>,
}

impl Libraries {
    pub fn new(items: &Items, config: &ContainerConfig) -> Self {
        let environment = config.env.iter().find_map(|e| e.strip_prefix("LD_LIBRARY_PATH="));
        let environment = environment.unwrap_or_default().split(':').filter(|d| !d.is_empty());
        let environment = environment.filter(|d| d.len() <= LONGEST_PATH).map(LayerPath::from);
        let environment: Vec<LayerPath> =
            environment.filter(|d| items.resolve(d).is_some()).collect();
        let mut known: HashSet<LayerPath> = HashSet::new();
        let mut system: Vec<LayerPath> = Vec::new();
        for (item, (path, _)) in items.list().enumerate() {
            let (item, path) = (item as u32, path.as_bytes());
            let lists = path == b"etc/ld.so.conf"
                || path.starts_with(b"etc/ld.so.conf.d/")
                || path.starts_with(b"etc/ld-musl-");
            if lists && let Some(found) = items.references(item) {
                let dirs = found.paths.iter().filter(|p| !p.contains('*'));
                system.extend(
                    dirs.map(|p| LayerPath::from(p.as_str())).filter(|d| known.insert(d.clone())),
                );
            }
        }
        let mut by_name: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        for item in 0..items.len() as u32 {
            let name = items.name(item);
            let kind = items.kind(item);
            if memchr::memmem::find(name, b".so").is_none()
                || !matches!(kind, EntryKind::File | EntryKind::Symlink)
            {
                continue;
            }
            by_name.entry(name.to_vec()).or_default().push(item);
            // The multiarch folders that are there.
            if let Some(dir) = items.path(item).parent().filter(is_system_dir)
                && known.insert(dir.clone())
            {
                system.push(dir);
            }
        }
        for dir in ["lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib"] {
            system.push(LayerPath::from(dir));
        }
        let musl = (0..items.len() as u32).any(|n| items.name(n).starts_with(b"ld-musl-"));
        Self { musl, environment, system, by_name }
    }

    /// The library's path as the linker would open it. `None` if it would not be found. `inherited`: the
    /// folders that the older kind of search path (`DT_RPATH`) gives to what is loaded for its object, of
    /// the objects that led to this one, the nearest first.
    pub fn find(
        &self,
        items: &Items,
        name: &str,
        of: u32,
        fact: &ElfFact,
        linked: &Linked,
        inherited: &[LayerPath],
    ) -> Option<LayerPath> {
        if !items.spend(1 + linked.search.len() + inherited.len()) {
            return None;
        }
        let fits = |path: &LayerPath| {
            let found = items.resolve(path).and_then(|r| r.item)?;
            let elf = items.elf(found)?;
            (elf.machine == fact.machine).then(|| path.clone())
        };
        if name.contains('/') {
            return fits(&LayerPath::from(name));
        }
        let own = own_folders(items, of, linked);
        let (own, environment) = (own.as_slice(), self.environment.as_slice());
        let dirs = match () {
            () if self.musl => [environment, own, inherited],
            () if linked.inherited => [own, inherited, environment],
            () if own.is_empty() => [inherited, environment, own],
            // The newer kind (`DT_RUNPATH`) comes behind the environment, and puts the others out of force.
            () => [environment, own, &[]],
        };
        let dirs = dirs.into_iter().flatten().chain(&self.system);
        dirs.map(|d| d.join(name.as_bytes())).find_map(|p| fits(&p))
    }

    /// The search path that an object gives to those which it loads.
    pub fn handed_down(&self, items: &Items, of: u32, linked: &Linked) -> Vec<LayerPath> {
        match self.musl || linked.inherited {
            true => own_folders(items, of, linked),
            false => Vec::new(),
        }
    }

    /// All libraries of this name, wherever they lie.
    pub fn named(&self, name: &str) -> &[u32] {
        self.by_name.get(name.as_bytes()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The search path that an object itself has.
fn own_folders(items: &Items, of: u32, linked: &Linked) -> Vec<LayerPath> {
    if linked.search.is_empty() {
        return Vec::new();
    }
    let origin = items.resolve(&items.path(of)).map(|r| r.path).unwrap_or_default();
    let origin = origin.parent().unwrap_or_default();
    linked.search.iter().map(|dir| from_origin(dir, &origin)).collect()
}

/// `$ORIGIN/../lib`.
fn from_origin(dir: &str, origin: &LayerPath) -> LayerPath {
    for word in ["$ORIGIN", "${ORIGIN}"] {
        if let Some(rest) = dir.strip_prefix(word) {
            return origin.join(rest.as_bytes());
        }
    }
    LayerPath::from(dir)
}

/// `lib`, `usr/lib`, `lib64` and the folders of Debian's multiarch below them.
fn is_system_dir(dir: &LayerPath) -> bool {
    let text = dir.as_bytes();
    let text = text.strip_prefix(b"usr/").unwrap_or(text);
    let text = text.strip_prefix(b"local/").unwrap_or(text);
    match text.strip_prefix(b"lib/") {
        Some(rest) => !rest.contains(&b'/') && memchr::memmem::find(rest, b"-linux-").is_some(),
        None => false,
    }
}
