//! Libraries of Ruby that the system's packages bring: those that the application's own sources load, and what
//! these depend on. Where Bundler looks after gems, none may be missing.

use super::items::Items;
use super::reach::{Follow, Reach};
use super::units::{Language, Units};
use super::why::Why;
use crate::analyze::How;
use crate::image::packages::InstalledPackages;
use crate::layer::LayerPath;
use std::collections::{BTreeSet, HashMap};

/// What Ruby loads by itself whenever it starts.
const AT_START: [&str; 6] = [
    "rubygems",
    "did_you_mean",
    "error_highlight",
    "syntax_suggest/core",
    "bundler/setup",
    "monitor",
];
/// Folders that libraries are looked for in.
const MOST_FOLDERS: usize = 1000;

/// The folder of a library's modules that a file of the system lies in.
fn library(path: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(path).ok()?;
    let vendor = ["usr/lib/ruby/vendor_ruby/", "usr/share/ruby/vendor_ruby/"];
    if let Some(found) = vendor.iter().find(|v| text.starts_with(*v)) {
        return Some(&path[..found.len() - 1]);
    }
    let of_gem = [
        "usr/share/rubygems-integration/",
        "usr/lib/ruby/gems/",
        "usr/share/gems/",
        "var/lib/gems/",
    ];
    if of_gem.iter().any(|g| text.starts_with(g)) {
        let gem = text.find("/gems/").map(|n| n + 6)?;
        let name = text[gem..].find('/')? + gem;
        let lib = text[name..].starts_with("/lib/").then_some(name + 4);
        return Some(&path[..lib.unwrap_or(name)]);
    }
    // `usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0`
    let vendor = text.find("/ruby/vendor_ruby/").filter(|_| text.starts_with("usr/lib/"))? + 18;
    let version = text[vendor..].find('/')? + vendor;
    Some(&path[..version])
}

impl Units {
    /// Adds the libraries of Ruby that packages of the system bring.
    pub(super) fn add_ruby(&mut self, items: &Items, packages: &InstalledPackages) {
        let all: Vec<_> = packages.iter().collect();
        let mut units: HashMap<usize, u32> = HashMap::new();
        let mut folders: BTreeSet<LayerPath> = BTreeSet::new();
        for item in 0..items.len() as u32 {
            let Some(owner) = items.owner(item) else { continue };
            let path = items.path(item);
            let Some(folder) = library(path.as_bytes()) else { continue };
            let unit = *units.entry(owner).or_insert_with(|| self.add(all[owner], Language::Ruby));
            self.set_package(owner, unit);
            self.put(items, item, unit);
            if folders.len() < MOST_FOLDERS {
                folders.insert(LayerPath::new(folder));
            }
        }
        let named: HashMap<&str, u32> =
            units.iter().map(|(owner, unit)| (all[*owner].name.as_str(), *unit)).collect();
        for (owner, unit) in &units {
            let needs = all[*owner].relations.needs.iter().flatten();
            let mut found: Vec<u32> =
                needs.filter_map(|n| named.get(n.as_str()).copied()).collect();
            found.retain(|u| u != unit);
            found.sort_unstable();
            found.dedup();
            self.require(*unit, found);
        }
        self.ruby_folders = folders.into_iter().collect();
    }
}

impl Reach<'_, '_> {
    /// Whether the sources tell which libraries of Ruby are needed.
    pub(super) fn tells_ruby(&self) -> bool {
        let argv: Vec<&String> = self.config.entrypoint.iter().chain(&self.config.cmd).collect();
        let Some(last) = argv.last() else { return false };
        let name = last.rsplit('/').next().unwrap_or_default();
        let interactive = ["ruby", "irb", "pry", "console", "bash", "sh"].contains(&name);
        let mut words = argv.iter().flat_map(|w| w.split_whitespace());
        if interactive || !self.config.on_build.is_empty() || words.any(is_bundler) {
            return false;
        }
        let absent = |w: &&&String| {
            w.ends_with(".rb")
                && self.in_working_dir(w).and_then(|p| self.items.resolve(&p)).is_none()
        };
        if argv.iter().any(|w| absent(&w)) {
            return false;
        }
        let own = (0..self.items.len() as u32).filter(|&i| is_source(self.items, i));
        let mut any = false;
        for item in own {
            any = true;
            let commands = self.items.references(item).map(|r| r.commands.as_slice());
            if self.items.loads(item).any(|(name, _)| name.starts_with("bundler"))
                || commands.unwrap_or_default().iter().any(|c| is_bundler(c))
            {
                return false;
            }
        }
        any
    }

    /// What Ruby loads by itself.
    pub(super) fn start_ruby(&mut self) {
        for name in AT_START {
            self.open_ruby(name, None, Why::Argument);
        }
        let config = self.config;
        for word in config.entrypoint.iter().chain(&config.cmd) {
            if let Some(name) = word.strip_prefix("-r").filter(|n| !n.is_empty()) {
                self.open_ruby(name, None, Why::Argument);
            }
        }
    }

    /// What a source of the application loads.
    pub(super) fn follow_ruby(&mut self, item: u32, follow: Follow) {
        if self.units.ruby_folders.is_empty() || !is_source(self.items, item) {
            return;
        }
        let path = self.items.path(item).to_text();
        let test = path.split('/').rev().skip(1).any(|f| ["spec", "test", "features"].contains(&f));
        if test && follow < Follow::Whole {
            return;
        }
        for (name, load) in self.items.loads(item).filter(|(_, l)| l.how == How::Always) {
            let why = Why::Imported { module: name.to_owned(), line: load.line };
            self.open_ruby(name, Some(item), why);
        }
    }

    fn open_ruby(&mut self, name: &str, from: Option<u32>, why: Why) {
        let mut found = BTreeSet::new();
        for folder in &self.units.ruby_folders {
            if !self.items.spend(2) {
                return;
            }
            let base = folder.join(name.as_bytes());
            let module = [&b".rb"[..], b".so", b"/version.rb"].iter().find_map(|end| {
                self.items.number(&LayerPath::new(&[base.as_bytes(), end].concat()))
            });
            found.extend(module.and_then(|m| self.units.of(m)));
        }
        for unit in found {
            self.units.open(unit, from, why.clone());
        }
    }
}

fn is_bundler(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    ["bundle", "bundler", "rails"].contains(&name)
}

/// A source of the application's own.
fn is_source(items: &Items, item: u32) -> bool {
    let name = items.name(item);
    [&b".rb"[..], b".ru"].iter().any(|e| name.ends_with(e)) && items.owner(item).is_none()
}
