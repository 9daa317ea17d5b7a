//! Packages of Node: those that the application asks for, imports or starts, and what these ask for in turn.
//! What is there for development only waits.

use super::items::Items;
use super::reach::{Follow, Reach};
use super::units::{Language, Units};
use super::why::Why;
use crate::analyze::modules::MANIFEST;
use crate::analyze::{How, PackageKind};
use crate::image::packages::InstalledPackages;
use crate::layer::{EntryKind, LayerPath};
use std::collections::HashMap;

/// Programs that build while they run, with whatever their settings name.
const BUILDING: [&str; 30] = [
    "ts-node",
    "ts-node-dev",
    "tsx",
    "nodemon",
    "babel-node",
    "vite",
    "webpack",
    "webpack-dev-server",
    "parcel",
    "rollup",
    "esbuild",
    "ng",
    "react-scripts",
    "vue-cli-service",
    "nuxt",
    "nuxi",
    "gatsby",
    "astro",
    "remix",
    "svelte-kit",
    "strapi",
    "turbo",
    "nx",
    "lerna",
    "jest",
    "mocha",
    "gulp",
    "grunt",
    "concurrently",
    "npm-run-all",
];
/// Packages that do so within a program.
const REGISTER: [&str; 9] = [
    "@babel/register",
    "@babel/node",
    "ts-node",
    "tsx",
    "@swc-node/register",
    "@swc/register",
    "esbuild-register",
    "sucrase",
    "esbuild-runner",
];
/// Endings of what a native module is built from.
const NATIVE: [&str; 17] = [
    "c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "S", "asm", "o", "a", "d", "mk", "gyp",
    "gypi", "pdb",
];
/// Of what lies beside such sources, what may be read at run time.
const LOADED: [&str; 9] = ["js", "cjs", "mjs", "json", "node", "so", "wasm", "dat", "bin"];
/// Systems that are none of an image's.
const FOREIGN: [&str; 6] = ["darwin-", "win32-", "android-", "freebsd-", "openbsd-", "ios-"];
/// Folders above one in which modules are looked for.
const ABOVE: usize = 24;

/// The root of the package that `name` stands for in a folder (Node's documentation, "Loading from
/// `node_modules` folders").
fn look_up(items: &Items, from: &LayerPath, name: &str) -> Option<LayerPath> {
    let mut dir = Some(from.clone());
    for _ in 0..ABOVE {
        let here = dir?;
        if here.name() != b"node_modules" {
            let found = here.join(format!("node_modules/{name}").as_bytes());
            let manifest = found.join(MANIFEST.as_bytes());
            if items.number(&manifest).is_some() {
                return Some(found);
            }
            // pnpm links each package to where it really is.
            if let Some(real) = items.resolve(&manifest).filter(|r| r.item.is_some()) {
                return real.path.parent();
            }
        }
        dir = here.parent();
    }
    None
}

/// Whether a file of a package is only what its compiled part was made from.
fn is_source(items: &Items, root: &LayerPath, path: &LayerPath) -> bool {
    let name = String::from_utf8_lossy(path.name()).into_owned();
    let below = &path.as_bytes()[root.as_bytes().len()..];
    let extension = name.rsplit_once('.').map(|(_, e)| e).unwrap_or_default();
    if NATIVE.contains(&extension) {
        return true;
    }
    let foreign = below
        .strip_prefix(b"/prebuilds/")
        .is_some_and(|rest| FOREIGN.iter().any(|f| rest.starts_with(f.as_bytes())));
    let built = [
        &b"/build/Release/obj"[..],
        b"/build/Release/.deps/",
        b"/build/deps/",
        b"/build/Makefile",
        b"/build/node_gyp_bins/",
    ]
    .iter()
    .any(|p| below.starts_with(p));
    let beside = below.starts_with(b"/deps/") && !LOADED.contains(&extension);
    foreign || (built || beside) && items.number(&root.join(b"binding.gyp")).is_some()
}

impl Units {
    /// Adds the packages of Node, if all of them say what they ask for.
    pub(super) fn add_node(&mut self, items: &Items, packages: &InstalledPackages) {
        let all: Vec<_> = packages.iter().collect();
        let mut roots: HashMap<LayerPath, u32> = HashMap::new();
        let told = |root: &LayerPath| {
            let manifest = items.number(&root.join(MANIFEST.as_bytes()));
            manifest.is_none_or(|m| items.loads(m).any(|(name, _)| name == MANIFEST))
        };
        let here = |p: &&&crate::image::packages::InstalledPackage| p.kind == PackageKind::Node;
        if !all.iter().filter(here).filter_map(|p| p.root.as_ref()).all(told) {
            return;
        }
        for item in 0..items.len() as u32 {
            if items.owner(item).is_some() {
                continue;
            }
            let path = items.path(item);
            let Some(package) = packages.number_of(&path).map(|n| all[n]) else { continue };
            let Some(root) = package.root.as_ref().filter(|_| package.kind == PackageKind::Node)
            else {
                continue;
            };
            let unit = match roots.get(root) {
                Some(unit) => *unit,
                None => {
                    let unit = self.add(package, Language::Node);
                    roots.insert(root.clone(), unit);
                    unit
                }
            };
            self.put(items, item, unit);
            if items.kind(item) != EntryKind::Directory && is_source(items, root, &path) {
                self.set_source(item);
            }
        }
        if roots.is_empty() {
            return;
        }
        self.add_links(items, &roots);
        let mut any = false;
        let mut asked = Vec::new();
        for item in 0..items.len() as u32 {
            if items.name(item) != MANIFEST.as_bytes() {
                continue;
            }
            let dir = items.path(item).parent().unwrap_or_default();
            let names = items.loads(item).filter(|(_, l)| l.how == How::Always);
            let found = names.filter_map(|(name, _)| roots.get(&look_up(items, &dir, name)?));
            match (self.of(item), roots.get(&dir)) {
                (Some(unit), Some(_)) => {
                    let requires: Vec<u32> = found.copied().filter(|u| *u != unit).collect();
                    self.require(unit, requires);
                }
                (None, _) if items.owner(item).is_none() => {
                    any = true;
                    asked.extend(found.map(|u| (*u, item)));
                }
                _ => {}
            }
        }
        for unit in roots.values() {
            let unit = &mut self.list[*unit as usize];
            unit.asked = !any && unit.is_root;
        }
        for (unit, manifest) in asked {
            let unit = &mut self.list[unit as usize];
            (unit.asked, unit.asked_by) = (true, Some(manifest));
        }
    }

    /// Links to a package, and to its programs, are of it.
    fn add_links(&mut self, items: &Items, roots: &HashMap<LayerPath, u32>) {
        for item in 0..items.len() as u32 {
            if items.kind(item) != EntryKind::Symlink
                || items.owner(item).is_some()
                || self.of(item).is_some()
            {
                continue;
            }
            let Some(real) = items.resolve(&items.path(item)) else { continue };
            let unit = real.item.and_then(|i| self.of(i)).or(roots.get(&real.path).copied());
            if let Some(unit) = unit.filter(|u| self.list[*u as usize].language == Language::Node) {
                self.put(items, item, unit);
            }
        }
    }
}

/// Tests and settings of what builds: run by its authors.
fn is_for_authors(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let folders =
        ["test", "tests", "__tests__", "spec", "cypress", "e2e", "stories", "benchmarks", "docs"];
    let tools = [
        "jest",
        "webpack",
        "eslint",
        ".eslintrc",
        "prettier",
        ".prettierrc",
        "babel",
        "vite",
        "vitest",
        "rollup",
        "postcss",
        "tailwind",
        "commitlint",
        "karma",
        "cypress",
        "playwright",
        "stylelint",
        "tsup",
        "Gruntfile",
        "gruntfile",
        "Gulpfile",
        "gulpfile",
        "lint-staged",
    ];
    path.split('/').rev().skip(1).any(|f| folders.contains(&f))
        || [".test.", ".spec.", ".stories."].iter().any(|p| name.contains(p))
        || tools.iter().any(|t| name.strip_prefix(t).is_some_and(|r| r.starts_with('.')))
}

impl Reach<'_, '_> {
    fn is_own(&self, item: u32) -> bool {
        self.units.of(item).is_none() && self.items.owner(item).is_none()
    }

    /// Whether imports and manifests tell enough for a package to be left out.
    pub(super) fn tells_node(&self) -> bool {
        let config = self.config;
        let argv: Vec<&String> = config.entrypoint.iter().chain(&config.cmd).collect();
        let Some(last) = argv.last() else { return false };
        let name = last.rsplit('/').next().unwrap_or_default();
        if ["node", "nodejs", "bash", "sh"].contains(&name) || !config.on_build.is_empty() {
            return false;
        }
        let options = config.env.iter().filter_map(|e| e.strip_prefix("NODE_OPTIONS="));
        let words = argv.iter().flat_map(|w| w.split_whitespace());
        for word in words.chain(options.flat_map(str::split_whitespace)) {
            let name = word.rsplit('/').next().unwrap_or_default();
            let script = [".js", ".mjs", ".cjs", ".ts"].iter().any(|e| word.ends_with(e));
            let absent = script
                && !word.contains('*')
                && self.in_working_dir(word).and_then(|p| self.items.resolve(&p)).is_none();
            let registers = REGISTER.iter().any(|r| {
                word.strip_prefix(r).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            if absent || registers || BUILDING.contains(&name) {
                return false;
            }
        }
        for item in 0..self.items.len() as u32 {
            let path = self.items.path(item);
            if !self.is_own(item)
                || memchr::memmem::find(path.as_bytes(), b"node_modules/").is_some()
            {
                continue;
            }
            if path.name() == MANIFEST.as_bytes() {
                let commands = self.items.references(item).map(|r| &r.commands);
                if commands.is_some_and(|all| all.iter().any(|c| BUILDING.contains(&c.as_str()))) {
                    return false;
                }
            } else if !is_for_authors(&path.to_text())
                && self.items.loads(item).any(|(name, _)| REGISTER.contains(&name))
            {
                return false;
            }
        }
        true
    }

    /// Keeps the packages that the application asks for.
    pub(super) fn start_node(&mut self) {
        for unit in 0..self.units.list.len() as u32 {
            let here = &self.units.list[unit as usize];
            if here.language == Language::Node && here.asked && here.hint.is_none() {
                let (by, why) = (here.asked_by, Why::AskedFor(here.name.clone()));
                self.units.open(unit, by, why);
            }
        }
        let config = self.config;
        let options = config.env.iter().filter(|e| e.starts_with("NODE_OPTIONS="));
        let words = config.entrypoint.iter().chain(&config.cmd).chain(options);
        for word in words.flat_map(|w| w.split([' ', '='])) {
            let dir = self.in_working_dir(".").unwrap_or_default();
            self.open_node(&dir, word, None, Why::Argument);
        }
    }

    /// What a source of the application, or its manifest, loads.
    pub(super) fn follow_node(&mut self, item: u32, follow: Follow) {
        let path = self.items.path(item);
        if !self.waits
            || [&b".py"[..], b".rb", b".ru"].iter().any(|e| path.name().ends_with(e))
            || !self.is_own(item)
        {
            return;
        }
        let Some(dir) = path.parent() else { return };
        if path.name() == MANIFEST.as_bytes() {
            let commands = self.items.references(item).map(|r| &r.commands);
            for command in commands.into_iter().flatten().filter(|c| !c.contains('/')) {
                let program = dir.join(format!("node_modules/.bin/{command}").as_bytes());
                self.keep_path(&program, Some(item), Why::Command(command.clone()), Follow::Linked);
            }
            return;
        }
        if follow < Follow::Whole && is_for_authors(&path.to_text()) {
            return;
        }
        for (name, load) in self.items.loads(item).filter(|(_, l)| l.how == How::Always) {
            if !self.items.spend(4) {
                return;
            }
            let why = Why::Imported { module: name.to_owned(), line: load.line };
            self.open_node(&dir, name, Some(item), why);
        }
    }

    fn open_node(&mut self, dir: &LayerPath, name: &str, from: Option<u32>, why: Why) {
        let Some(package) = crate::analyze::modules::package(name) else { return };
        let found = look_up(self.items, dir, package).map(|root| root.join(MANIFEST.as_bytes()));
        let Some(manifest) = found.and_then(|m| self.items.number(&m)) else { return };
        if let Some(unit) = self.units.of(manifest) {
            self.units.open(unit, from, why);
        }
    }
}
