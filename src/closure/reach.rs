//! The walk: from what starts along links, interpreters, words and tables to all that is kept.

use super::families::FAMILIES;
use super::items::Items;
use super::libraries::Libraries;
use super::why::{Edge, Why};
use super::{Missing, application};
use crate::analyze::{Dynamic, ElfFact};
use crate::layer::{EntryKind, LayerPath};
use crate::oci::ContainerConfig;
use crate::rules::unneeded;
use std::collections::VecDeque;

/// How far a kept file leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Follow {
    /// What it is linked to: it is opened, not run.
    Data,
    /// What it is interpreted by too.
    Linked,
    /// What it names too: it is run, or read as settings.
    Whole,
}

/// `PATH` where the config sets none (runc's default).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
    families: Vec<Vec<u32>>,
    done: Vec<bool>,
    pub edges: Vec<Option<Edge>>,
    followed: Vec<Option<Follow>>,
    queue: VecDeque<(u32, Follow)>,
    pub unclear: Vec<String>,
    pub missing: Vec<Missing>,
    pub shell: bool,
    /// Scripts of a shell that something names as a command.
    pub shell_scripts: Vec<u32>,
}

impl<'i, 'a> Reach<'i, 'a> {
    pub fn new(items: &'i Items<'a>, config: &'i ContainerConfig) -> Self {
        let mut families = vec![Vec::new(); FAMILIES.len()];
        for item in 0..items.len() as u32 {
            let path = items.path(item).as_bytes();
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
        Self {
            libraries: Libraries::new(items, config),
            families,
            done: vec![false; FAMILIES.len()],
            edges: vec![None; items.len()],
            followed: vec![None; items.len()],
            queue: VecDeque::new(),
            unclear: Vec::new(),
            missing: Vec::new(),
            shell: false,
            shell_scripts: Vec::new(),
            items,
            config,
        }
    }

    /// What nearly every program reads.
    pub fn always(&mut self) {
        for family in FAMILIES.always() {
            self.keep_family(family, None);
        }
    }

    pub fn run(&mut self) {
        while let Some((item, follow)) = self.queue.pop_front() {
            if self.followed[item as usize].is_none_or(|f| f < follow) {
                self.followed[item as usize] = Some(follow);
                self.visit(item, follow);
            }
        }
    }

    pub fn keep(&mut self, item: u32, from: Option<u32>, why: Why, follow: Follow) {
        let edge = &mut self.edges[item as usize];
        if edge.is_none() {
            *edge = Some(Edge { from, why });
        }
        if self.followed[item as usize].is_none_or(|f| f < follow) {
            self.queue.push_back((item, follow));
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
            self.keep(link, from, Why::Link, Follow::Linked);
        }
        match found.item {
            Some(item) if self.items.kind(item) != EntryKind::Directory => {
                self.keep(item, from, why, follow);
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
            self.keep(item, from, why.clone(), Follow::Linked);
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
        let named = *why == Why::Named;
        for item in self.items.below(dir) {
            let item = item as u32;
            let owned = self.items.owner(item).is_some();
            // Debug information names the compiler's folders; a link leads to documentation.
            if (named || *why == Why::Link) && self.is_for_building(item)
                || !owned && application::is_junk(self.items, self.items.path(item))
            {
                continue;
            }
            let settings = top == "etc" && follow == Follow::Whole;
            let follow = if settings { Follow::Whole } else { Follow::Data };
            self.keep(item, from, why.clone(), follow);
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
        let is_program = |path: &LayerPath| {
            let found = self.items.resolve(path).and_then(|r| r.item);
            found.is_some_and(|n| self.items.is_file(n))
        };
        if name.contains('/') {
            let path = self.in_working_dir(name);
            return is_program(&path).then_some(path);
        }
        let dirs = self.config.env.iter().find_map(|e| e.strip_prefix("PATH="));
        dirs.unwrap_or(DEFAULT_PATH)
            .split(':')
            .map(|dir| LayerPath::from(dir).join(name.as_bytes()))
            .find(is_program)
    }

    pub fn in_working_dir(&self, path: &str) -> LayerPath {
        match path.starts_with('/') {
            true => LayerPath::from(path),
            false => LayerPath::from(self.config.working_dir.as_str()).join(path.as_bytes()),
        }
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
            let settings = self.items.path(item).as_bytes().starts_with(b"etc/") && from.is_some();
            // Scripts beside a library are for a person (`CA.pl` of OpenSSL brings all of Perl).
            let follow = if settings { Follow::Whole } else { Follow::Data };
            self.keep(item, from, Why::Family(family), follow);
        }
    }

    /// What a language's tree holds for those who build with it.
    fn is_for_building(&self, item: u32) -> bool {
        let kind = unneeded::kind_of_path(self.items.path(item));
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
        let name = String::from_utf8_lossy(self.items.path(item).name()).into_owned();
        let path = self.items.path(item);
        // A table's row is for programs and libraries, not for a data file of the same name.
        let runs = self.items.elf(item).is_some() || self.items.mode(item) & 0o111 != 0;
        if runs {
            self.keep_families(&name, Some(item));
        }
        if let Some(elf) = self.items.elf(item) {
            self.visit_elf(item, &name, elf, follow);
        }
        if let Some(home) = java_home(path) {
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
    }

    /// The archives that a Java archive's manifest names, beside it.
    fn keep_class_path(&mut self, item: u32) {
        let (Some(found), Some(dir)) =
            (self.items.references(item), self.items.path(item).parent())
        else {
            return;
        };
        for name in &found.includes {
            self.keep_path(&dir.join(name.as_bytes()), Some(item), Why::Named, Follow::Data);
        }
    }

    fn visit_elf(&mut self, item: u32, file: &str, elf: &ElfFact, follow: Follow) {
        if let Some(loader) = &elf.interpreter {
            let loader = LayerPath::from(loader.as_str());
            self.keep_path(&loader, Some(item), Why::Loader, Follow::Linked);
        }
        match &elf.dynamic {
            Dynamic::None => {
                if self.items.owner(item).is_none() && elf.elf_type != 1 {
                    self.keep_families("@static", Some(item));
                }
            }
            Dynamic::Unknown => {
                let path = self.items.path(item);
                self.unclear.push(format!("what {path} is linked to could not be read"));
            }
            Dynamic::Linked(linked) => {
                for name in &linked.needed {
                    match self.libraries.find(self.items, name, item, elf, linked) {
                        Some(path) => {
                            let why = Why::Library(name.clone());
                            self.keep_path(&path, Some(item), why, Follow::Linked);
                        }
                        None if self.is_libc(name) => {}
                        // Its place is told to the loader while it runs (`libjvm.so`).
                        None if !self.libraries.named(name).is_empty() => {
                            for &library in self.libraries.named(name).to_vec().iter() {
                                let why = Why::Library(name.clone());
                                self.keep(library, Some(item), why, Follow::Linked);
                            }
                        }
                        None => self.missing.push(Missing {
                            library: name.clone(),
                            needed_by: self.items.path(item).clone(),
                        }),
                    }
                }
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
                        self.unclear.push(format!("{path} opens libraries that it does not name"));
                    }
                }
            }
        }
        // What an interpreter names is for the programs that it runs.
        let general =
            GENERAL.iter().any(|g| self.items.path(item).name().starts_with(g.as_bytes()));
        if general || follow < Follow::Whole && self.items.owner(item).is_some() {
            return;
        }
        for text in &elf.strings {
            if text.starts_with('/') {
                let why = Why::Named;
                let path = LayerPath::from(text.as_str());
                self.keep_named(&path, item, why);
            } else {
                for &library in self.libraries.named(text).to_vec().iter() {
                    self.keep(library, Some(item), Why::Library(text.clone()), Follow::Linked);
                }
            }
        }
    }

    fn is_libc(&self, name: &str) -> bool {
        // The vDSO and the loader by its own name.
        name.starts_with("linux-vdso") || name.starts_with("ld-linux")
    }

    /// It belongs to what builds, by its path or its package.
    pub fn builds(&self, item: u32) -> bool {
        let kinds = [unneeded::kind_of_path(self.items.path(item)), self.items.package_kind(item)];
        kinds.into_iter().flatten().any(|k| ["build-tool", "package-manager"].contains(&k))
    }
}

/// The home of the Java that a program `…/jvm/NAME/bin/java` belongs to.
fn java_home(path: &LayerPath) -> Option<LayerPath> {
    let bin = path.parent()?;
    let java = path.name() == b"java" && bin.name() == b"bin";
    java.then(|| bin.parent())
        .flatten()
        .filter(|home| !home.is_root() && home.name() != b"usr" && home.name() != b"local")
}
