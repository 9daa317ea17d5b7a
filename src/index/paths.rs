//! The paths of one layer as a tree: each folder once, and of each entry its folder and its own name.

use crate::layer::LayerPath;
use crate::text::Strings;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// The folder that all others lie in.
pub(super) const ROOT: u32 = 0;

/// The paths of the entries, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    /// Of each folder the one that it lies in, which has a smaller number. The root's own is itself.
    pub parents: Vec<u32>,
    /// The last part of each folder's path; the root's is empty.
    pub folder_names: Strings,
    /// Of each entry the folder that it lies in.
    pub folders: Vec<u32>,
    /// The last part of each entry's path; empty for the root alone.
    pub names: Strings,
}

impl Default for Paths {
    fn default() -> Self {
        let mut folder_names = Strings::default();
        folder_names.push(b"");
        Self { parents: vec![ROOT], folder_names, folders: Vec::new(), names: Strings::default() }
    }
}

/// `path` as directory and last part; the directory of a top-level name is empty.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"", path),
    }
}

impl Paths {
    /// Puts the path of an entry into `out`, which is empty.
    pub fn write(&self, entry: u32, out: &mut Vec<u8>) {
        self.write_folder(self.folder(entry), out);
        let name = self.names.get(entry);
        if !out.is_empty() && !name.is_empty() {
            out.push(b'/');
        }
        out.extend_from_slice(name);
    }

    /// Puts the path of a folder into `out`, which is empty.
    pub fn write_folder(&self, mut folder: u32, out: &mut Vec<u8>) {
        // From the last part to the first, then turned round.
        while folder != ROOT {
            if !out.is_empty() {
                out.push(b'/');
            }
            out.extend(self.folder_names.get(folder).iter().rev());
            folder = self.parents[folder as usize];
        }
        out.reverse();
    }

    pub fn path(&self, entry: u32) -> LayerPath {
        let mut out = Vec::new();
        self.write(entry, &mut out);
        LayerPath::of_clean(out)
    }

    pub fn folder(&self, entry: u32) -> u32 {
        self.folders.get(entry as usize).copied().unwrap_or(ROOT)
    }

    /// Whether the paths are those that an honest writer leaves: clean, and no folder within itself.
    pub fn make_sense(&self) -> bool {
        let part = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/');
        let folders = self.parents.len();
        folders == self.folder_names.len()
            && self.folders.len() == self.names.len()
            && self.parents.first() == Some(&ROOT)
            && self.folder_names.get(ROOT).is_empty()
            && (1..folders).all(|n| self.parents[n] < n as u32)
            && self.folder_names.iter().skip(1).all(part)
            && self.folders.iter().all(|&f| (f as usize) < folders)
            && self
                .folders
                .iter()
                .zip(self.names.iter())
                .all(|(&folder, name)| part(name) || name.is_empty() && folder == ROOT)
    }

    pub fn shrink(&mut self) {
        self.parents.shrink_to_fit();
        self.folders.shrink_to_fit();
        self.folder_names.shrink();
        self.names.shrink();
    }

    pub fn weight(&self) -> usize {
        let columns = self.parents.capacity() + self.folders.capacity();
        columns * size_of::<u32>() + self.folder_names.weight() + self.names.weight()
    }
}

/// Finds the folders that are known while paths come in.
#[derive(Default)]
pub(super) struct Folders {
    known: HashTable<u32>,
    hasher: RandomState,
    /// The folder of the entry before: the next one mostly lies in the same.
    last: Vec<u8>,
    last_number: u32,
}

impl Folders {
    /// Adds the path of the next entry.
    pub fn push(&mut self, paths: &mut Paths, path: &LayerPath) {
        let (directory, name) = split(path.as_bytes());
        if directory != self.last {
            self.last_number = self.number(paths, directory);
            self.last.clear();
            self.last.extend_from_slice(directory);
        }
        paths.folders.push(self.last_number);
        paths.names.push(name);
    }

    /// The number of a folder; it and those above it are made where they are new.
    fn number(&mut self, paths: &mut Paths, directory: &[u8]) -> u32 {
        let mut at = ROOT;
        for name in directory.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            let hash = self.hasher.hash_one((at, name));
            let is_it =
                |&n: &u32| paths.parents[n as usize] == at && paths.folder_names.get(n) == name;
            at = match self.known.find(hash, is_it) {
                Some(&known) => known,
                None => {
                    let number = paths.folder_names.push(name);
                    paths.parents.push(at);
                    let (parents, names) = (&paths.parents, &paths.folder_names);
                    self.known.insert_unique(hash, number, |&n| {
                        self.hasher.hash_one((parents[n as usize], names.get(n)))
                    });
                    number
                }
            };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_and_each_folder_stands_once() {
        let list = ["", "a", "a/b/c", "a/b/d", "x/y/z/file", "a/b", "a/b/e", "x/y/other"];
        let (mut paths, mut folders) = (Paths::default(), Folders::default());
        for path in list {
            folders.push(&mut paths, &LayerPath::from(path));
        }
        for (n, path) in list.iter().enumerate() {
            assert_eq!(paths.path(n as u32), LayerPath::from(*path));
        }
        // The root, a, a/b, x, x/y, x/y/z.
        assert_eq!(paths.parents.len(), 6);
        assert!(paths.make_sense());
    }

    #[test]
    fn paths_that_no_writer_leaves_are_told() {
        let good = {
            let (mut paths, mut folders) = (Paths::default(), Folders::default());
            folders.push(&mut paths, &LayerPath::from("a/b/c"));
            paths
        };
        let spoil: [fn(&mut Paths); 6] = [
            |p| p.parents[1] = 1,
            |p| p.parents[1] = 2,
            |p| p.folders[0] = 9,
            |p| p.folders.push(0),
            |p| p.names = Strings::from_parts(b"..".to_vec(), vec![2]).unwrap(),
            |p| p.names = Strings::from_parts(b"a/b".to_vec(), vec![3]).unwrap(),
        ];
        assert!(good.make_sense());
        for (n, spoil) in spoil.iter().enumerate() {
            let mut paths = good.clone();
            spoil(&mut paths);
            assert!(!paths.make_sense(), "{n}");
        }
    }
}
