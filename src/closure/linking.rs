//! What an object is linked to, and what those libraries are linked to, as the dynamic linker loads them.

use super::Missing;
use super::libraries::{Libraries, Loading, names_origin};
use super::reach::{Follow, MOST_SAID, Reach};
use super::why::Why;
use crate::analyze::Dynamic;
use crate::layer::LayerPath;
use std::sync::Arc;

/// Search paths that one object is loaded with, and folders in one.
const MOST_INHERITED: usize = 16;
const MOST_FOLDERS: usize = 256;

impl Reach<'_, '_> {
    /// The libraries of an object and theirs, with the search paths that they inherit. An object may be
    /// loaded by several that give it different ones.
    pub(super) fn keep_libraries(&mut self, start: u32) {
        let mut todo: Vec<(u32, Loading)> = match self.items.elf(start) {
            Some(elf) if !self.loaded.contains_key(&start) => {
                vec![(start, self.libraries.start(self.items, start, elf))]
            }
            _ => Vec::new(),
        };
        while let Some((item, mut loading)) = todo.pop() {
            let Some(elf) = self.items.elf(item) else { continue };
            let Dynamic::Linked(linked) = &elf.dynamic else { continue };
            if !names_origin(linked) {
                loading.origin = LayerPath::default();
            }
            let seen = self.loaded.entry(item).or_default();
            if seen.contains(&loading) {
                continue;
            }
            if seen.len() == MOST_INHERITED {
                let path = self.items.path(item);
                self.say_unclear(format!("{path} is loaded with too many search paths"));
                continue;
            }
            seen.push(loading.clone());
            let mut next = Libraries::handed_down(linked, &loading);
            next.extend(loading.inherited.iter().cloned());
            next.truncate(MOST_FOLDERS);
            let next: Arc<[LayerPath]> = next.into();
            for name in &linked.needed {
                let found = self.libraries.find(self.items, name, elf, linked, &loading);
                let Some(path) = found else {
                    self.without(item, name);
                    continue;
                };
                self.found.insert((item, name.clone()));
                let why = Why::Library(name.clone());
                // Before it is looked at for itself, with no search path that it inherits.
                if let Some(library) = self.items.resolve(&path).and_then(|r| r.item) {
                    // A link to the library stays one, those on the way to its folder do not.
                    let folder = path.parent().and_then(|folder| self.items.resolve(&folder));
                    let origin = folder.map(|r| r.path).unwrap_or_default();
                    let inherited = next.clone();
                    todo.push((library, Loading { musl: loading.musl, origin, inherited }));
                }
                self.keep_path(&path, Some(item), why, Follow::Linked);
            }
        }
    }

    /// A library that is found nowhere on the search path.
    fn without(&mut self, item: u32, name: &str) {
        if self.is_libc(name) {
        } else if self.libraries.named(name).is_empty() {
            self.lacks(item, name);
        } else {
            // Its place is told to the loader while it runs (`libjvm.so`).
            self.keep_named_libraries(name, item, &Why::Library(name.to_owned()));
        }
    }

    pub(super) fn lacks(&mut self, item: u32, name: &str) {
        // Where nothing is looked for any more, nothing is missing.
        if !self.items.is_spent() && self.missing.len() < MOST_SAID {
            self.missing.push((item, name.to_owned()));
        }
    }

    /// What no way of loading an object finds.
    pub fn missing(&self) -> impl Iterator<Item = Missing> {
        let missing = self.missing.iter().filter(|m| !self.found.contains(*m));
        missing.map(|(item, library)| Missing {
            library: library.clone(),
            needed_by: self.items.path(*item),
        })
    }

    fn is_libc(&self, name: &str) -> bool {
        // The vDSO and the loader by its own name.
        name.starts_with("linux-vdso") || name.starts_with("ld-linux")
    }
}
