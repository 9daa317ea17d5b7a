//! Where the dynamic linker finds a library (ld.so(8)), from the files of the image alone.

use super::items::Items;
use crate::analyze::{ElfFact, Linked};
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath};
use crate::oci::ContainerConfig;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How an object is loaded.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Loading {
    /// By musl's linker: every search path is of the older kind and comes behind the environment.
    pub musl: bool,
    /// The folder that `$ORIGIN` stands for, if it matters: that of the name by which a library was found, be it a
    /// link, and that of a program itself.
    pub origin: LayerPath,
    /// Folders of the older kind of search path (`DT_RPATH`), of all objects on the way, the nearest first.
    pub inherited: Arc<[LayerPath]>,
}

pub(super) struct Libraries {
    /// Some linker of the image is musl's.
    musl: bool,
    /// `LD_LIBRARY_PATH`.
    environment: Vec<LayerPath>,
    /// Of `ld.so.conf` and of glibc's linker itself.
    system: Vec<LayerPath>,
    /// Of musl's path file, or of its linker itself.
    system_of_musl: Vec<LayerPath>,
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
        let mut system_of_musl: Vec<LayerPath> = Vec::new();
        for (item, (path, _)) in items.list().enumerate() {
            let (item, path) = (item as u32, path.as_bytes());
            let of_musl = path.starts_with(b"etc/ld-musl-");
            let lists = path == b"etc/ld.so.conf" || path.starts_with(b"etc/ld.so.conf.d/");
            if (lists || of_musl)
                && let Some(found) = items.references(item)
            {
                let dirs = found.paths.iter().filter(|p| !p.contains('*'));
                let dirs = dirs.map(|p| LayerPath::from(p.as_str()));
                match of_musl {
                    true => system_of_musl.extend(dirs),
                    false => system.extend(dirs.filter(|d| known.insert(d.clone()))),
                }
            }
        }
        if system_of_musl.is_empty() {
            system_of_musl = ["lib", "usr/local/lib", "usr/lib"].map(LayerPath::from).to_vec();
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
        Self { musl, environment, system, system_of_musl, by_name }
    }

    /// How a program is loaded, or a library that is opened by itself.
    pub fn start(&self, items: &Items, of: u32, fact: &ElfFact) -> Loading {
        let musl = fact.interpreter.as_ref().map_or(self.musl, |i| i.contains("ld-musl-"));
        let origin = items.resolve(&items.path(of)).and_then(|r| r.path.parent());
        Loading { musl, origin: origin.unwrap_or_default(), inherited: Arc::default() }
    }

    /// The library's path as the linker would open it for an object that is loaded so. `None` if it would not be
    /// found.
    pub fn find(
        &self,
        items: &Items,
        name: &str,
        fact: &ElfFact,
        linked: &Linked,
        loading: &Loading,
    ) -> Option<LayerPath> {
        let inherited: &[LayerPath] = &loading.inherited;
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
        let own = own_folders(linked, loading);
        let (own, environment) = (own.as_slice(), self.environment.as_slice());
        let dirs = match () {
            () if loading.musl => [environment, own, inherited],
            () if linked.inherited => [own, inherited, environment],
            () if own.is_empty() => [inherited, environment, own],
            // The newer kind (`DT_RUNPATH`) comes behind the environment, and puts the others out of force.
            () => [environment, own, &[]],
        };
        let system = if loading.musl { &self.system_of_musl } else { &self.system };
        let dirs = dirs.into_iter().flatten().chain(system);
        dirs.map(|d| d.join(name.as_bytes())).find_map(|p| fits(&p))
    }

    /// The search path that an object which is loaded so gives to those which it loads.
    pub fn handed_down(linked: &Linked, loading: &Loading) -> Vec<LayerPath> {
        match loading.musl || linked.inherited {
            true => own_folders(linked, loading),
            false => Vec::new(),
        }
    }

    /// All libraries of this name, wherever they lie.
    pub fn named(&self, name: &str) -> &[u32] {
        self.by_name.get(name.as_bytes()).map(Vec::as_slice).unwrap_or_default()
    }
}

const ORIGIN: [&str; 2] = ["$ORIGIN", "${ORIGIN}"];

/// The search path that an object itself has, `$ORIGIN/../lib` among it.
fn own_folders(linked: &Linked, loading: &Loading) -> Vec<LayerPath> {
    let dirs: Vec<LayerPath> =
        linked.search.iter().filter_map(|dir| from_origin(dir, &loading.origin)).collect();
    // Where musl does not know a variable it leaves the whole path out.
    match loading.musl && dirs.len() < linked.search.len() {
        true => Vec::new(),
        false => dirs,
    }
}

/// Whether it matters where an object lies.
pub(super) fn names_origin(linked: &Linked) -> bool {
    linked.search.iter().any(|dir| ORIGIN.iter().any(|word| dir.contains(word)))
}

/// `None` where it has another variable: what glibc puts for `$LIB` and `$PLATFORM` is of its own making.
fn from_origin(dir: &str, origin: &LayerPath) -> Option<LayerPath> {
    for word in ORIGIN {
        if let Some(rest) = dir.strip_prefix(word) {
            return (!rest.contains('$')).then(|| origin.join(rest.as_bytes()));
        }
    }
    if !dir.contains('$') {
        return Some(LayerPath::from(dir));
    }
    let origin = format!("/{}", origin.to_text());
    let dir = ORIGIN.iter().fold(dir.to_owned(), |dir, word| dir.replace(word, &origin));
    (!dir.contains('$') && dir.len() <= LONGEST_PATH).then(|| LayerPath::from(dir.as_str()))
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
