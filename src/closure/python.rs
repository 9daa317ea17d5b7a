//! The walk along Python's imports: from what starts, and from the application's own sources, to the
//! distributions that are kept as a whole.
//!
//! An import of the application counts whatever stands around it. One of a library counts if loading the
//! library comes to it for sure; else, where the library does not say that it needs the other, only if someone
//! asked for that one and it is none of those that libraries try without need.

use super::reach::{Follow, Reach};
use super::units::in_site;
use super::why::Why;
use super::{application, items::Items};
use crate::analyze::modules::MANIFEST;
use crate::analyze::{How, Load};
use crate::image::packages::InstalledPackages;
use crate::layer::LayerPath;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Folders above a source in which its own modules are looked for.
const ABOVE: usize = 8;
/// What the interpreter loads by itself at every start.
const AT_START: [&str; 12] = [
    "site",
    "os",
    "io",
    "codecs",
    "encodings",
    "encodings.utf_8",
    "encodings.latin_1",
    "encodings.aliases",
    "encodings.idna",
    "runpy",
    "zipimport",
    "importlib.machinery",
];

/// How sure it is that a source is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    No,
    Maybe,
    Sure,
}

/// What is known of the image's Python.
pub(super) struct Python {
    sites: Vec<LayerPath>,
    compiled: Compiled,
    /// Of the standard library, with what it has compiled.
    standard: Vec<LayerPath>,
    run: Vec<Run>,
    absolute: HashMap<String, Rc<[u32]>>,
    /// Words of the application that hint at a library.
    words: HashSet<String>,
    /// A source was followed.
    pub followed: bool,
}

impl Python {
    pub fn new(items: &Items, packages: &InstalledPackages) -> Self {
        Self {
            sites: super::units::sites(items, packages),
            compiled: compiled(items),
            standard: standard(items),
            run: vec![Run::No; items.len()],
            absolute: HashMap::new(),
            words: HashSet::new(),
            followed: false,
        }
    }

    /// The folders of the sources that are loaded whenever the program starts.
    pub fn started(&self, items: &Items) -> HashSet<LayerPath> {
        let all = (0..items.len() as u32).filter(|n| self.run[*n as usize] == Run::Sure);
        all.filter_map(|n| items.path(n).parent()).collect()
    }

    fn is_standard(&self, path: &[u8]) -> bool {
        in_site(path).is_none()
            && self
                .standard
                .iter()
                .any(|s| path.strip_prefix(s.as_bytes()).is_some_and(|r| r.first() == Some(&b'/')))
    }

    /// The files that loading a module of this name loads, in all folders where it may be.
    fn absolute(&mut self, items: &Items, name: &str) -> Rc<[u32]> {
        if let Some(known) = self.absolute.get(name) {
            return Rc::clone(known);
        }
        let folders = self.sites.iter().chain(&self.standard);
        let found: Rc<[u32]> =
            folders.flat_map(|dir| within(items, &self.compiled, dir.as_bytes(), name)).collect();
        self.absolute.insert(name.to_owned(), Rc::clone(&found));
        found
    }
}

/// Folders of the standard library: they have `os.py` and `site.py`.
fn standard(items: &Items) -> Vec<LayerPath> {
    let mut out = Vec::new();
    for item in 0..items.len() as u32 {
        if items.name(item) == b"site.py"
            && let Some(dir) = items.path(item).parent()
            && items.number(&dir.join(b"os.py")).is_some()
            && out.len() < 16
        {
            out.push(dir.join(b"lib-dynload"));
            out.push(dir);
        }
    }
    out
}

/// The files that a module of this name has in a folder: of each package around it too.
fn within(items: &Items, compiled: &Compiled, dir: &[u8], name: &str) -> Vec<u32> {
    let mut out = Vec::new();
    let mut base = dir.to_vec();
    for part in name.split('.') {
        if !items.spend(1) {
            break;
        }
        base.push(b'/');
        base.extend_from_slice(part.as_bytes());
        let look = |end: &[u8]| items.number(&LayerPath::new(&[&base[..], end].concat()));
        let native = |end: &[u8]| compiled.get(&[&base[..], end].concat()).copied();
        if let Some(package) = look(b"/__init__.py").or_else(|| native(b"/__init__")) {
            out.push(package);
            continue;
        }
        if let Some(module) = look(b".py").or_else(|| native(b"")) {
            out.push(module);
            break;
        }
        // A folder alone is a part of a name, too.
        if items.view().spot(&LayerPath::new(&base)).is_none() {
            break;
        }
    }
    out
}

/// Modules that are compiled, by their path up to the first dot of their name.
type Compiled = HashMap<Vec<u8>, u32>;

fn compiled(items: &Items) -> Compiled {
    let mut out = HashMap::new();
    for item in 0..items.len() as u32 {
        let name = items.name(item);
        let package = name.starts_with(b"__init__.") && !name.ends_with(b".py");
        if name.ends_with(b".so") || package {
            let stem = name.iter().take_while(|b| **b != b'.').count();
            let path = items.path(item);
            let end = path.as_bytes().len() - name.len() + stem;
            out.insert(path.as_bytes()[..end].to_vec(), item);
        }
    }
    out
}

/// Tests, and what builds and installs: run by its authors.
fn is_for_authors(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let folders = ["test", "tests", "testing", "spec", "docs", "doc", "examples", "benchmarks"];
    path.split('/').rev().skip(1).any(|f| folders.contains(&f))
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || ["conftest.py", "setup.py", "noxfile.py", "fabfile.py"].contains(&name)
}

impl Reach<'_, '_> {
    /// Follows what a source that is kept loads; those of a library only if it is kept for itself.
    pub(super) fn follow_python(&mut self, item: u32, follow: Follow) {
        let path = self.items.path(item);
        let script = path.name().rsplit(|&b| b == b'.').next().unwrap_or_default();
        if !self.python_tells
            || [&b"js"[..], b"mjs", b"cjs", b"ts", b"rb", b"ru"].contains(&script)
            || path.name() == MANIFEST.as_bytes()
            || self.items.loads(item).next().is_none()
        {
            return;
        }
        let run = match () {
            () if self.units.of(item).is_some() => Run::Maybe,
            () if self.python.is_standard(path.as_bytes()) => Run::No,
            () if in_site(path.as_bytes()).is_some() => Run::Sure,
            () if self.items.owner(item).is_some() && follow < Follow::Whole => Run::No,
            () if follow < Follow::Whole && is_for_authors(&path.to_text()) => Run::No,
            () => Run::Sure,
        };
        self.run_source(item, run);
    }

    fn run_source(&mut self, first: u32, run: Run) {
        let mut todo = vec![(first, run)];
        while let Some((item, run)) = todo.pop() {
            if self.python.run[item as usize] >= run {
                continue;
            }
            self.python.run[item as usize] = run;
            self.python.followed = true;
            let own = self.is_own_source(item);
            let mut module: Option<(String, Load)> = None;
            for (name, load) in self.items.loads(item) {
                if !self.items.spend(2) {
                    return;
                }
                let load = match load.how {
                    How::Word => {
                        if own {
                            self.python.words.insert(name.to_owned());
                        }
                        continue;
                    }
                    How::Group => continue,
                    How::Member => {
                        let Some((of, load)) = &module else { continue };
                        let dot = if of.ends_with('.') { "" } else { "." };
                        let (name, load) = (format!("{of}{dot}{name}"), *load);
                        self.load(item, run, own, &name, load, &mut todo);
                        continue;
                    }
                    _ => load,
                };
                self.load(item, run, own, name, load, &mut todo);
                module = Some((name.to_owned(), load));
            }
        }
    }

    fn is_own_source(&self, item: u32) -> bool {
        self.units.of(item).is_none()
            && in_site(self.items.path(item).as_bytes()).is_none()
            && !self.python.is_standard(self.items.path(item).as_bytes())
    }

    /// One import of a source.
    fn load(
        &mut self,
        item: u32,
        run: Run,
        own: bool,
        name: &str,
        load: Load,
        todo: &mut Vec<(u32, Run)>,
    ) {
        let unit = self.units.of(item);
        let surely = own || run == Run::Sure && load.how == How::Always;
        let at_start = run == Run::Sure && load.how <= How::Guarded;
        let targets = self.targets(item, own, name);
        if own && load.how == How::Text {
            for plugin in self.units.of_group(name) {
                let why = Why::Module { name: name.to_owned(), line: load.line };
                self.units.open(plugin, Some(item), why);
            }
        }
        for &target in targets.iter() {
            let other = self.units.of(target);
            if other.is_none() || other == unit {
                // Of the same distribution all is kept already; of the standard library, too.
                if at_start || own {
                    self.keep_own_module(target, item, name, load);
                    todo.push((target, Run::Sure));
                }
                continue;
            }
            let Some(other) = other else { continue };
            if !surely && !self.counts(other) {
                continue;
            }
            let why = match load.how {
                How::Text => Why::Module { name: name.to_owned(), line: load.line },
                _ => Why::Imported { module: name.to_owned(), line: load.line },
            };
            self.keep(target, Some(item), &why, Follow::Linked);
            if at_start || own {
                todo.push((target, Run::Sure));
            }
        }
    }

    /// A module of the application that lies among its tests is none of them.
    fn keep_own_module(&mut self, target: u32, from: u32, name: &str, load: Load) {
        let path = self.items.path(target);
        let own = self.units.of(target).is_none() && !self.python.is_standard(path.as_bytes());
        if own && self.items.owner(target).is_none() {
            let why = Why::Imported { module: name.to_owned(), line: load.line };
            self.keep(target, Some(from), &why, Follow::Linked);
        }
    }

    /// Where an import of this name leads.
    fn targets(&mut self, item: u32, own: bool, name: &str) -> Rc<[u32]> {
        let items = self.items;
        let dir = items.path(item).parent().unwrap_or_default();
        let rest = name.trim_start_matches('.');
        let dots = name.len() - rest.len();
        if dots > 0 {
            let mut base = Some(dir);
            for _ in 1..dots {
                base = base.and_then(|b| b.parent());
            }
            let Some(base) = base else { return Rc::new([]) };
            if rest.is_empty() {
                return items.number(&base.join(b"__init__.py")).into_iter().collect();
            }
            return within(items, &self.python.compiled, base.as_bytes(), rest).into();
        }
        let found = self.python.absolute(items, name);
        if !own {
            return found;
        }
        let mut all: Vec<u32> = found.to_vec();
        let mut at = Some(dir);
        for _ in 0..ABOVE {
            let Some(dir) = at.filter(|d| !d.is_root()) else { break };
            all.extend(within(items, &self.python.compiled, dir.as_bytes(), name));
            at = dir.parent();
        }
        all.into()
    }

    /// Whether an import that may or may not happen counts.
    fn counts(&self, unit: u32) -> bool {
        let unit = &self.units.list[unit as usize];
        let hinted = |words: &[&str]| words.iter().any(|w| self.python.words.contains(*w));
        unit.asked && unit.hint.is_none_or(|h| hinted(h.words()))
    }

    /// A unit is for development: that a script names it is no evidence.
    pub(super) fn is_of_development(&self, item: u32) -> bool {
        let unit = self.units.of(item).map(|u| &self.units.list[u as usize]);
        unit.and_then(|u| u.hint).is_some_and(|h| h.words().is_empty())
    }

    /// What the interpreter loads whenever it starts, and the modules that the configuration names.
    pub(super) fn start_python(&mut self) {
        if !self.python_tells {
            return;
        }
        for name in AT_START {
            for target in self.python.absolute(self.items, name).iter() {
                self.run_source(*target, Run::Sure);
            }
        }
        let config = self.config;
        let check = config.healthcheck.iter().flat_map(|h| &h.test);
        let words = config.entrypoint.iter().chain(&config.cmd).chain(check);
        for word in words {
            self.keep_named_modules(word, &Why::Argument);
        }
        for entry in &config.env {
            let Some((name, value)) = entry.split_once('=') else { continue };
            if name != "PATH" {
                // Of a URL only what it begins with: the rest may be a secret.
                let value = value.split("://").next().unwrap_or_default();
                if !value.starts_with(['/', '.']) {
                    self.keep_named_modules(value, &Why::Environment(name.to_owned()));
                }
            }
        }
    }

    /// Every word of a text that is a module's name.
    fn keep_named_modules(&mut self, text: &str, why: &Why) {
        let part = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
        for word in text.split(|c| !part(c)).filter(|w| w.len() > 1 && w.len() < 100) {
            if !self.items.spend(4) {
                return;
            }
            self.python.words.insert(word.to_owned());
            for target in self.python.absolute(self.items, word).iter() {
                if self.units.of(*target).is_some() {
                    self.keep_as(*target, None, why, Follow::Linked, false);
                }
                self.run_source(*target, Run::Sure);
            }
        }
    }

    /// Whether the imports tell enough for a distribution to be left out.
    pub(super) fn tells(&self) -> bool {
        let config = self.config;
        let argv: Vec<&String> = config.entrypoint.iter().chain(&config.cmd).collect();
        // A base for others; or whoever starts it types what is run.
        let Some(last) = argv.last() else { return false };
        let name = last.rsplit('/').next().unwrap_or_default();
        let interactive = ["python", "ipython", "jupyter", "bash", "sh"].iter().any(|p| {
            let version = |r: &str| r.chars().all(|c| c.is_ascii_digit() || c == '.');
            name.strip_prefix(p).is_some_and(version)
        });
        if interactive || !config.on_build.is_empty() {
            return false;
        }
        let lab = argv.iter().any(|w| {
            let name = w.rsplit('/').next().unwrap_or_default();
            ["jupyter", "ipython", "idle"].iter().any(|p| name.starts_with(p))
        });
        if lab || argv.iter().any(|w| self.is_absent_program(w)) {
            return false;
        }
        !(0..self.items.len() as u32).any(|item| self.hides_imports(item))
    }

    /// A program that is not in the image comes with a volume: what it loads is not known.
    fn is_absent_program(&self, word: &str) -> bool {
        let program = word.ends_with(".py") && !word.contains([' ', '*']);
        program && self.in_working_dir(word).and_then(|p| self.items.resolve(&p)).is_none()
    }

    /// A module of the application that cannot be read.
    fn hides_imports(&self, item: u32) -> bool {
        let name = self.items.name(item);
        let archive = [&b".pyz"[..], b".pex", b".egg"].iter().any(|e| name.ends_with(e));
        let module = name.ends_with(b".pyc") || memchr::memmem::find(name, b".cpython-").is_some();
        if !archive && !module {
            return false;
        }
        let path = self.items.path(item);
        self.items.is_file(item)
            && self.items.owner(item).is_none()
            && self.units.of(item).is_none()
            && in_site(path.as_bytes()).is_none()
            && !self.python.is_standard(path.as_bytes())
            && !application::is_junk(self.items, &path)
    }
}
