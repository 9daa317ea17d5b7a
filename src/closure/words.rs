//! The walk along words: what the text of scripts, settings and programs names.

use super::application;
use super::reach::{Follow, Reach};
use super::why::Why;
use crate::analyze::References;
use crate::layer::LayerPath;

/// Below `etc`: what is run or written at install, not read by a service.
const NOT_SETTINGS: [&str; 12] = [
    "init.d",
    "default",
    "alternatives",
    "ssl",
    "apt",
    "dpkg",
    "cron.d",
    "cron.daily",
    "profile.d",
    "systemd",
    "logrotate.d",
    "skel",
];

/// Steps that a glob costs before it meets a file.
const COST_OF_GLOB: usize = 1000;
/// Steps that a word costs, found or not.
const COST_OF_WORD: usize = 4;

impl Reach<'_, '_> {
    /// A path that a program or text names: settings are read whole with their folder.
    pub(super) fn keep_named(&mut self, path: &LayerPath, from: u32, why: Why) {
        let text = path.to_text();
        if text.contains(['*', '?']) {
            self.keep_glob(&text, from);
            return;
        }
        if ["etc/init.d/", "etc/cron", "etc/alternatives/", "var/lib/dpkg/", "var/lib/apt/"]
            .iter()
            .any(|p| text.starts_with(p))
        {
            return;
        }
        // A program's text names the sources that it was built from.
        let found = self.items.resolve(path).and_then(|r| r.item);
        if found.is_some_and(|n| {
            self.items.mode(n) & 0o111 == 0 && application::is_junk(self.items, &self.items.path(n))
        }) {
            return;
        }
        if found.is_none() && self.items.resolve(path).is_none() {
            self.keep_parent(path, from);
            return;
        }
        let Some(real) = self.keep_path(path, Some(from), why.clone(), Follow::Whole) else {
            return;
        };
        if let Some(rest) = real.to_text().strip_prefix("etc/")
            && let Some((folder, _)) = rest.split_once('/')
            && !NOT_SETTINGS.contains(&folder)
        {
            let dir = LayerPath::from(format!("etc/{folder}").as_str());
            self.keep_tree(&dir, Some(from), &why, Follow::Whole);
        }
    }

    /// A file that is made at run time needs its folder, and nothing that lies there today.
    fn keep_parent(&mut self, path: &LayerPath, from: u32) {
        let Some(parent) = path.parent() else { return };
        let text = parent.to_text();
        let written = ["var/", "run/", "srv/", "opt/", "home/", "data/"];
        if written.iter().any(|w| text.starts_with(w))
            && let Some(found) = self.items.resolve(&parent)
        {
            let all = found.links.into_iter().chain(found.item);
            for item in all {
                self.keep(item, Some(from), &Why::Named, Follow::Data);
            }
        }
    }

    fn keep_glob(&mut self, glob: &str, from: u32) {
        let Some((fixed, _)) = glob.split_once(['*', '?']) else { return };
        let dir = fixed.rsplit_once('/').map(|(d, _)| d).unwrap_or_default();
        let below = self.items.below(&LayerPath::from(dir));
        if !self.items.spend(COST_OF_GLOB + 4 * below.len()) {
            return;
        }
        let Ok(matcher) = globset::GlobBuilder::new(glob).literal_separator(true).build() else {
            return;
        };
        if dir.is_empty() {
            return;
        }
        let matcher = matcher.compile_matcher();
        for item in below {
            let path = self.items.path(item as u32);
            if matcher.is_match(path.to_text()) {
                self.keep(item as u32, Some(from), &Why::Included, Follow::Whole);
            }
        }
    }

    pub(super) fn visit_references(&mut self, item: u32, found: &References, follow: Follow) {
        self.keep_interpreter(item, found, follow);
        let own = self.items.owner(item).is_none();
        let path = self.items.path(item);
        let words = found.commands.len() + found.paths.len() + found.includes.len();
        if !self.items.spend(1 + COST_OF_WORD * words) {
            return;
        }
        if follow < Follow::Whole && (!own || is_in_library(&path)) {
            return;
        }
        for word in &found.commands {
            let Some(command) = self.find_command(word) else { continue };
            let target = self.items.resolve(&command).and_then(|r| r.item);
            // A script that nothing is known to run: what it would build with is no evidence.
            let weak = follow < Follow::Whole
                && target.is_some_and(|t| self.builds(t) || self.is_of_development(t));
            if !weak {
                self.keep_path(&command, Some(item), Why::Command(word.clone()), Follow::Whole);
            }
        }
        for text in &found.paths {
            let target = LayerPath::from(text.as_str());
            let program = self.items.resolve(&target).and_then(|r| r.item);
            if follow == Follow::Whole || program.is_some_and(|t| !self.builds(t)) {
                self.keep_named(&target, item, Why::Named);
            }
        }
        for text in &found.includes {
            self.include(item, &path, text);
        }
        if follow == Follow::Whole {
            for what in &found.unclear {
                self.say_unclear(format!("{path}: {what}"));
            }
        }
    }

    fn keep_interpreter(&mut self, item: u32, found: &References, follow: Follow) {
        let mut words = found.interpreter.iter();
        let Some(first) = words.next() else { return };
        let path = LayerPath::from(first.as_str());
        // Below the libraries of a language no one starts a script by its first line.
        let inner = follow < Follow::Whole && is_in_library(&self.items.path(item));
        if inner {
            return;
        }
        self.keep_path(&path, Some(item), Why::Interpreter, Follow::Linked);
        let mut program = Some(first.as_str());
        if path.name() == b"env" {
            program = words.find(|w| !w.starts_with('-') && !w.contains('=')).map(String::as_str);
            if let Some(name) = program {
                self.keep_command(name, Some(item), Why::Interpreter, Follow::Linked);
            }
        }
        let shell = program.is_some_and(crate::analyze::references::shell::is_shell);
        if shell && follow == Follow::Whole {
            self.shell_scripts.push(item);
        }
        // Other scripts of the same package tree (npm and its like).
        if program.is_some_and(|p| p.ends_with("node") || p.ends_with("nodejs")) {
            let owned = self.items.owner(item).is_some();
            for dir in ["usr/share/nodejs", "usr/lib/node_modules"] {
                if owned && follow == Follow::Whole {
                    let below = self.items.below(&LayerPath::from(dir));
                    if !self.items.spend(below.len()) {
                        return;
                    }
                    for n in below {
                        self.keep(n as u32, Some(item), &Why::Named, Follow::Data);
                    }
                }
            }
        }
    }

    fn include(&mut self, item: u32, path: &LayerPath, text: &str) {
        if text.starts_with('/') {
            self.keep_named(&LayerPath::from(text), item, Why::Included);
            return;
        }
        let mut dir = path.parent();
        while let Some(at) = dir.filter(|d| !d.is_root()) {
            // To join and look costs more the longer the path is.
            if !self.items.spend(1 + at.as_bytes().len() / 64) {
                return;
            }
            let target = at.join(text.as_bytes());
            if text.contains('*') {
                self.keep_glob(&target.to_text(), item);
            } else if self.items.resolve(&target).is_some() {
                self.keep_named(&target, item, Why::Included);
                return;
            }
            dir = at.parent();
        }
        let name = text.rsplit('/').next().unwrap_or_default().to_owned();
        if name.contains(".so") {
            self.keep_named_libraries(&name, item, &Why::Included);
        }
    }
}

/// Below the libraries of a language.
fn is_in_library(path: &LayerPath) -> bool {
    let text = path.as_bytes();
    [&b"/site-packages/"[..], b"/dist-packages/", b"node_modules/", b"/gems/", b"/vendor/"]
        .iter()
        .any(|p| memchr::memmem::find(text, p).is_some())
}
