//! The walk: from what starts along links, interpreters, words and tables to all that is kept.

use super::application;
use super::families::FAMILIES;
use super::items::Items;
use super::java::java_home;
use super::libraries::{Libraries, Loading};
use super::python::Python;
use super::units::Units;
use super::waiting::is_general;
use super::why::{Edges, Why};
use crate::analyze::{Dynamic, ElfFact};
use crate::image::command::{DEFAULT_PATH, MOST_FOLDERS};
use crate::image::packages::InstalledPackages;
use crate::image::unneeded;
use crate::layer::{EntryKind, LONGEST_PATH, LayerPath};
use crate::oci::ContainerConfig;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

/// How far a kept file leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Follow {
    /// What it is linked to: it is opened, not run.
    Data,
    /// What it is interpreted by too.
    Linked,
    /// What it names too: it is run, or read as settings.
    Whole,
}

impl Follow {
    const ALL: [Self; 3] = [Self::Data, Self::Linked, Self::Whole];
    const BITS: u32 = 2;

    /// An item in one number with it. There are not a billion items.
    pub(super) fn queued(self, item: u32) -> u32 {
        item << Self::BITS | self as u32
    }

    fn unqueued(queued: u32) -> Option<(u32, Self)> {
        let follow = Self::ALL.get((queued & ((1 << Self::BITS) - 1)) as usize)?;
        Some((queued >> Self::BITS, *follow))
    }
}

/// Remarks and missing libraries that are kept: a person reads three of them.
pub(super) const MOST_SAID: usize = 200;

/// Directories that many programs share: a path to one says nothing of what is in it.
const SHARED: [&str; 58] = [
    "usr/lib",
    "usr/bin",
    "usr/sbin",
    "usr/share",
    "usr/local",
    "usr/include",
    "usr/libexec",
    "usr/src",
    "usr/local/bin",
    "usr/local/lib",
    "usr/local/share",
    "usr/local/sbin",
    "usr/local/etc",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/nodejs",
    "usr/share/perl5",
    "usr/share/perl",
    "usr/share/java",
    "usr/share/bash-completion",
    "usr/share/misc",
    "usr/share/fonts",
    "usr/lib/locale",
    "usr/lib/modules",
    "usr/lib/python3",
    "usr/lib/systemd",
    "usr/lib64",
    "usr/lib/ssl",
    "usr/lib/debug",
    "usr/lib/node_modules",
    "usr/games",
    "etc/init.d",
    "etc/default",
    "etc/alternatives",
    "etc/ssl",
    "etc/apt",
    "etc/dpkg",
    "etc/cron.d",
    "etc/cron.daily",
    "etc/profile.d",
    "etc/systemd",
    "etc/security",
    "etc/pam.d",
    "etc/logrotate.d",
    "etc/opt",
    "etc/rc.d",
    "etc/xdg",
    "etc/skel",
    "var/lib",
    "var/cache",
    "var/log",
    "var/spool",
    "var/lib/dpkg",
    "var/lib/apt",
    "lib/modules",
    "lib/systemd",
];

/// Programs that run others: shells, interpreters, boxes of many tools.
const GENERAL: [&str; 14] = [
    "busybox", "toybox", "bash", "dash", "sh", "python", "perl", "ruby", "node", "php", "java",
    "lua", "env", "tini",
];

pub(super) struct Reach<'i, 'a> {
    pub items: &'i Items<'a>,
    pub config: &'i ContainerConfig,
    pub(super) libraries: Libraries,
    /// The folders of `PATH` that are there.
    path: Vec<LayerPath>,
    working_dir: LayerPath,
    /// Where each command that was asked for is.
    commands: RefCell<HashMap<String, Option<LayerPath>>>,
    families: Vec<Vec<u32>>,
    done: Vec<bool>,
    pub edges: Edges,
    /// The farthest that each item stands in the queue for, or stood.
    pub(super) queued: Vec<Option<Follow>>,
    /// For each file another that names the file itself, not a folder around it.
    pub named_by: HashMap<u32, u32>,
    /// Items and how far they lead, as [`Follow::queued`] has it: an application's files are all here at once.
    pub(super) queue: VecDeque<u32>,
    /// The trees that were kept: their items, whether they were named, how far they lead.
    trees: HashSet<(Range<usize>, bool, Follow)>,
    pub unclear: Vec<String>,
    pub(super) missing: Vec<(u32, String)>,
    pub(super) found: HashSet<(u32, String)>,
    /// Of each object the ways in which it was loaded.
    pub(super) loaded: HashMap<u32, Vec<Loading>>,
    pub shell: bool,
    /// Scripts of a shell that something names as a command.
    pub shell_scripts: Vec<u32>,
    pub(super) units: Units,
    pub(super) python: Python,
    /// The files of a distribution wait until something is seen to load it.
    pub(super) waits: bool,
    /// So do those of Python.
    pub(super) python_tells: bool,
    pub(super) small_done: bool,
}

impl<'i, 'a> Reach<'i, 'a> {
    pub fn new(
        items: &'i Items<'a>,
        config: &'i ContainerConfig,
        packages: &InstalledPackages,
    ) -> Self {
        let mut families = vec![Vec::new(); FAMILIES.len()];
        for (item, (path, _)) in items.list().enumerate() {
            let (item, path) = (item as u32, path.as_bytes());
            let prose = [&b"usr/share/doc/"[..], b"usr/share/man/", b"usr/share/locale/"];
            // A folder for itself is worth something only where programs write.
            let folder = items.kind(item) == EntryKind::Directory && !path.starts_with(b"var/");
            if folder || prose.iter().any(|p| path.starts_with(p)) {
                continue;
            }
            let path = String::from_utf8_lossy(path);
            for family in FAMILIES.of_path(&path) {
                families[family].push(item);
            }
        }
        let mut reach = Self {
            units: Units::new(items),
            python: Python::new(items, packages),
            waits: false,
            python_tells: false,
            small_done: false,
            libraries: Libraries::new(items, config),
            families,
            done: vec![false; FAMILIES.len()],
            path: folders_of_path(items, config),
            working_dir: LayerPath::from(config.working_dir.as_str()),
            commands: RefCell::default(),
            edges: Edges::new(items.len()),
            queued: vec![None; items.len()],
            trees: HashSet::new(),
            named_by: HashMap::new(),
            queue: VecDeque::new(),
            unclear: Vec::new(),
            missing: Vec::new(),
            found: HashSet::new(),
            loaded: HashMap::new(),
            shell: false,
            shell_scripts: Vec::new(),
            items,
            config,
        };
        reach.prepare(packages);
        reach
    }

    /// What nearly every program reads.
    pub fn always(&mut self) {
        for family in FAMILIES.always() {
            self.keep_family(family, None);
        }
    }

    pub fn run(&mut self) {
        loop {
            if let Some((item, follow)) = self.queue.pop_front().and_then(Follow::unqueued) {
                // What stands in the queue again, to lead farther, comes later.
                if self.queued[item as usize] == Some(follow) {
                    self.visit(item, follow);
                }
            } else if let Some(unit) = self.units.pending.pop_front() {
                self.release(unit);
            } else if !self.keep_small() {
                return;
            }
        }
    }

    pub fn keep(&mut self, item: u32, from: Option<u32>, why: &Why, follow: Follow) {
        let general = is_general(why, from);
        self.keep_as(item, from, why, follow, general);
    }

    /// Remembers what cannot be told without running the image.
    pub(super) fn say_unclear(&mut self, what: String) {
        if self.unclear.len() < MOST_SAID {
            self.unclear.push(what);
        }
    }

    /// Keeps what a path leads to, with the links on the way. `None` if nothing is there.
    pub fn keep_path(
        &mut self,
        path: &LayerPath,
        from: Option<u32>,
        why: Why,
        follow: Follow,
    ) -> Option<LayerPath> {
        let found = self.items.resolve(path)?;
        for link in found.links {
            self.keep(link, from, &Why::Link, Follow::Linked);
        }
        match found.item {
            Some(item) if self.items.kind(item) != EntryKind::Directory => {
                if let Some(from) = from.filter(|&f| f != item) {
                    self.named_by.entry(item).or_insert(from);
                }
                self.keep(item, from, &why, follow);
            }
            _ => self.keep_tree(&found.path, from, &why, follow),
        }
        Some(found.path)
    }

    /// A directory that belongs to one program, with all below it.
    pub(super) fn keep_tree(
        &mut self,
        dir: &LayerPath,
        from: Option<u32>,
        why: &Why,
        follow: Follow,
    ) {
        if let Some(item) = self.items.number(dir) {
            self.keep(item, from, why, Follow::Linked);
        }
        let text = dir.to_text();
        let depth = text.split('/').filter(|p| !p.is_empty()).count();
        let system = [
            "usr", "etc", "var", "lib", "lib64", "bin", "sbin", "proc", "sys", "dev", "run", "tmp",
            "home", "root", "boot", "opt", "mnt", "media",
        ];
        let top = text.split('/').next().unwrap_or_default();
        let multiarch = text.contains("-linux-gnu") && depth <= 3;
        let shared = depth == 0
            || depth == 1 && system.contains(&top)
            || SHARED.contains(&text.as_str())
            || multiarch
            || matches!(top, "proc" | "sys" | "dev" | "tmp");
        if shared {
            return;
        }
        let named = *why == Why::Named || *why == Why::Link;
        let of_folder = self.items.number(dir).and_then(|n| self.units.of(n));
        let settings = top == "etc" && follow == Follow::Whole;
        let follow = if settings { Follow::Whole } else { Follow::Data };
        let below = self.items.below(dir);
        // A folder of many files that many names lead to is kept once.
        if !self.trees.insert((below.clone(), named, follow)) || !self.items.spend(below.len()) {
            return;
        }
        for item in below {
            let item = item as u32;
            let owned = self.items.owner(item).is_some();
            // Debug information names the compiler's folders; a link leads to documentation.
            if named && self.is_for_building(item)
                || !owned && application::is_junk(self.items, &self.items.path(item))
            {
                continue;
            }
            let whole = self.units.of(item).is_some() && self.units.of(item) != of_folder;
            let general = whole || is_general(why, from);
            self.keep_as(item, from, why, follow, general);
        }
    }

    /// Finds a command as `execvp` would and keeps it.
    pub fn keep_command(
        &mut self,
        name: &str,
        from: Option<u32>,
        why: Why,
        follow: Follow,
    ) -> Option<u32> {
        let path = self.find_command(name)?;
        self.keep_path(&path, from, why, follow);
        self.items.resolve(&path)?.item
    }

    pub fn find_command(&self, name: &str) -> Option<LayerPath> {
        if let Some(known) = self.commands.borrow().get(name) {
            return known.clone();
        }
        let is_program = |path: &LayerPath| {
            let found = self.items.resolve(path).and_then(|r| r.item);
            found.is_some_and(|n| self.items.is_file(n))
        };
        let found = match name.contains('/') {
            true => self.in_working_dir(name).filter(is_program),
            false => self.path.iter().map(|dir| dir.join(name.as_bytes())).find(is_program),
        };
        self.commands.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// `None` where the path is longer than Linux opens any.
    pub fn in_working_dir(&self, path: &str) -> Option<LayerPath> {
        let absolute = path.starts_with('/');
        let before = if absolute { 0 } else { self.working_dir.as_bytes().len() };
        if before + path.len() > LONGEST_PATH || !self.items.spend(1) {
            return None;
        }
        Some(if absolute { LayerPath::from(path) } else { self.working_dir.join(path.as_bytes()) })
    }

    /// The rows of the table that a name brings.
    pub fn keep_families(&mut self, name: &str, from: Option<u32>) {
        for family in FAMILIES.of_name(name) {
            self.keep_family(family, from);
        }
    }

    /// What a row of the table holds.
    pub fn of_family(&self, name: &str) -> impl Iterator<Item = (usize, u32)> {
        let families = FAMILIES.of_name(name).into_iter();
        families.flat_map(|f| self.families[f].iter().map(move |i| (f, *i)))
    }

    fn keep_family(&mut self, family: usize, from: Option<u32>) {
        if std::mem::replace(&mut self.done[family], true) {
            return;
        }
        for item in std::mem::take(&mut self.families[family]) {
            if self.is_for_building(item) || application::is_compiled_twin(self.items, item) {
                continue;
            }
            let settings = from.is_some() && self.items.path(item).as_bytes().starts_with(b"etc/");
            // Scripts beside a library are for a person (`CA.pl` of OpenSSL brings all of Perl).
            let follow = if settings { Follow::Whole } else { Follow::Data };
            self.keep(item, from, &Why::Family(family), follow);
        }
    }

    /// What a language's tree holds for those who build with it.
    fn is_for_building(&self, item: u32) -> bool {
        let kind = unneeded::kind_of_path(&self.items.path(item));
        let kinds = ["doc", "man", "info", "locale", "header", "static-library", "test", "debug"];
        let package = self.items.package_kind(item);
        kind.is_some_and(|k| kinds.contains(&k))
            || package.is_some_and(|k| ["build-tool", "header", "package-manager"].contains(&k))
    }

    fn visit(&mut self, item: u32, follow: Follow) {
        if self.items.kind(item) == EntryKind::Symlink {
            if let Some(target) = self.items.target(item) {
                self.keep_path(&target, Some(item), Why::Link, follow);
            }
            return;
        }
        let name = String::from_utf8_lossy(self.items.name(item)).into_owned();
        let path = self.items.path(item);
        // A table's row is for programs and libraries, not for a data file of the same name.
        let runs = self.items.elf(item).is_some() || self.items.mode(item) & 0o111 != 0;
        if runs {
            self.keep_families(&name, Some(item));
        }
        if let Some(elf) = self.items.elf(item) {
            self.visit_elf(item, &name, elf, follow);
        }
        if let Some(home) = java_home(&path) {
            self.keep_path(&home, Some(item), Why::Named, Follow::Linked);
        }
        let archive = [&b".jar"[..], b".war", b".ear"].iter().any(|e| path.as_bytes().ends_with(e));
        if archive {
            self.keep_class_path(item);
        } else if let Some(references) = self.items.references(item)
            && follow > Follow::Data
        {
            self.visit_references(item, references, follow);
        }
        self.follow_python(item, follow);
        self.follow_node(item, follow);
        self.follow_ruby(item, follow);
    }

    fn visit_elf(&mut self, item: u32, file: &str, elf: &ElfFact, follow: Follow) {
        if let Some(loader) = &elf.interpreter {
            let path = LayerPath::from(loader.as_str());
            if self.keep_path(&path, Some(item), Why::Loader, Follow::Linked).is_none() {
                self.lacks(item, loader);
            }
        }
        match &elf.dynamic {
            Dynamic::None => {
                if self.items.owner(item).is_none() && elf.elf_type != 1 {
                    self.keep_families("@static", Some(item));
                }
            }
            Dynamic::Unknown => {
                let path = self.items.path(item);
                self.say_unclear(format!("what {path} is linked to could not be read"));
            }
            Dynamic::Linked(linked) => {
                self.keep_libraries(item);
                if linked.converts && !file.starts_with("libc.so") {
                    self.keep_families("@iconv", Some(item));
                }
                let own = self.items.owner(item).is_none();
                if linked.zones && own {
                    self.keep_families("@zone", Some(item));
                }
                if linked.opens && own && !elf.strings.iter().any(|s| s.contains(".so")) {
                    let program = elf.interpreter.is_some();
                    if program {
                        let path = self.items.path(item);
                        self.say_unclear(format!("{path} opens libraries that it does not name"));
                    }
                }
            }
        }
        // What an interpreter names is for the programs that it runs.
        let general = GENERAL.iter().any(|g| self.items.name(item).starts_with(g.as_bytes()));
        if general || follow < Follow::Whole && self.items.owner(item).is_some() {
            return;
        }
        for text in &elf.strings {
            if text.starts_with('/') {
                let why = Why::Named;
                let path = LayerPath::from(text.as_str());
                self.keep_named(&path, item, why);
            } else {
                self.keep_named_libraries(text, item, &Why::Library(text.clone()));
            }
        }
    }

    /// All libraries of a name, wherever they lie.
    pub(super) fn keep_named_libraries(&mut self, name: &str, from: u32, why: &Why) {
        let all = self.libraries.named(name).to_vec();
        if !self.items.spend(all.len()) {
            return;
        }
        for library in all {
            self.keep(library, Some(from), why, Follow::Linked);
        }
    }

    /// It belongs to what builds, by its path or its package.
    pub fn builds(&self, item: u32) -> bool {
        let kinds = [unneeded::kind_of_path(&self.items.path(item)), self.items.package_kind(item)];
        kinds.into_iter().flatten().any(|k| ["build-tool", "package-manager"].contains(&k))
    }
}

/// Those folders of the `PATH` that are there, in their order.
fn folders_of_path(items: &Items, config: &ContainerConfig) -> Vec<LayerPath> {
    let path = config.env.iter().find_map(|e| e.strip_prefix("PATH="));
    let folders = path.unwrap_or(DEFAULT_PATH).split(':').filter(|f| f.len() <= LONGEST_PATH);
    let there = folders.map(LayerPath::from).filter(|f| items.resolve(f).is_some());
    there.take(MOST_FOLDERS).collect()
}
