//! Which modules a source file loads by name: the imports of Python, those of the application's own JavaScript and
//! Ruby, and what reads like a module's name in its texts and settings.
//!
//! A small lexer of our own for each language, bounded, and rather a module too many than one missing. Keeps
//! names of modules and where they stand, no other words. Must not know what is in the image.

mod entry_points;
mod javascript;
mod literals;
mod manifest;
mod names;
mod pickle;
mod python;
mod ruby;
mod settings;
mod words;

pub use javascript::package;
pub use manifest::MANIFEST;
pub use words::WORDS;

use super::{Analyzer, Facts, Unread};
use crate::layer::{Entry, Interest};
use names::{Names, Sink};

const ID: &str = "modules";
/// Of a source: what is longer is data that someone wrote as a program.
const LONGEST: u64 = 1 << 20;
/// Of a stored object: the names of its classes stand all over it.
const LONGEST_PICKLE: u64 = 64 << 20;
/// Bytes of one layer that are read for modules: three times the sources of a large set of libraries.
const LAYER_TEXT: u64 = 1 << 30;
const TOO_MANY: &str = "the layer has more source text than is read for the modules that it loads: this file and \
    those behind it were not looked at for it";

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Language {
    #[default]
    Python,
    /// A program without an ending, by its first line.
    Script,
    Settings,
    EntryPoints,
    Pickle,
    JavaScript,
    Ruby,
    /// `package.json`.
    Manifest,
}

/// Looks at the sources of one layer.
#[derive(Default)]
pub struct ModuleAnalyzer {
    entry: u32,
    language: Language,
    /// It is of the application, not of a library.
    own: bool,
    skip: bool,
    bytes: Vec<u8>,
    pickle: pickle::Reader,
    names: Names,
    text: u64,
    told: bool,
}

impl ModuleAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

/// Folders of other people's code.
const LIBRARIES: [&str; 8] = [
    "/site-packages/",
    "/dist-packages/",
    "node_modules/",
    "/gems/",
    "usr/lib/",
    "usr/share/",
    "usr/include/",
    "/lib/python3",
];
const SETTINGS: [&str; 9] =
    ["ini", "cfg", "conf", "toml", "yaml", "yml", "json", "sh", "properties"];
/// Settings of those who build, test and format: they list what is installed.
const OF_BUILDS: [&str; 22] = [
    "pyproject",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "mypy.ini",
    "environment.",
    "conda",
    "poetry.",
    "uv.",
    "Pipfile",
    "package.json",
    "package-lock",
    "tsconfig",
    "mkdocs",
    "docker-compose",
    "compose.",
    "bitbucket",
    "azure-pipelines",
    "appveyor",
    "renovate",
    "requirements",
    "npm-shrinkwrap",
];
/// Parts of the names of sources that list others.
const TELLING: [&str; 5] = ["settings", "config", "celery", "plugins", "apps"];
const SCRIPTS: [&str; 9] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue"];
const PICKLES: [&str; 5] = ["pkl", "pickle", "joblib", "dill", "sav"];

fn language(entry: &Entry) -> Option<(Language, bool)> {
    let path = entry.path.to_text();
    let own = !LIBRARIES.iter().any(|l| path.contains(l));
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, e)| e).unwrap_or_default();
    let tests = !own && path.contains("-packages/") && path.contains("/tests/");
    if name == MANIFEST {
        return Some((Language::Manifest, own));
    }
    let code = extension == "py" || SCRIPTS.contains(&extension);
    let hidden = path.starts_with('.') || path.contains("/.");
    if own && !code && (hidden || OF_BUILDS.iter().any(|b| name.starts_with(b))) {
        return None;
    }
    // A library may be the application itself, installed as one.
    let own = own || extension == "py" && TELLING.iter().any(|t| name.contains(t));
    let language = match extension {
        "py" if tests => return None,
        "py" => Language::Python,
        "txt" if name == "entry_points.txt" => Language::EntryPoints,
        _ if own && PICKLES.contains(&extension) => Language::Pickle,
        _ if own && (SETTINGS.contains(&extension) || name == "Procfile") => Language::Settings,
        _ if own && SCRIPTS.contains(&extension) && !name.ends_with(".d.ts") => {
            Language::JavaScript
        }
        "rb" | "ru" if own => Language::Ruby,
        "" if entry.mode & 0o111 != 0 => Language::Script,
        _ => return None,
    };
    Some((language, own))
}

impl Analyzer for ModuleAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let wanted = language(entry).filter(|_| entry.is_file() && entry.size > 0 && !self.told);
        let Some((language, own)) = wanted else { return Interest::Skip };
        self.bytes.clear();
        self.pickle = pickle::Reader::default();
        (self.entry, self.language, self.own, self.skip) = (number, language, own, false);
        Interest::Head(if language == Language::Pickle { LONGEST_PICKLE } else { LONGEST })
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.skip {
            return;
        }
        if self.language == Language::Pickle {
            self.pickle.read(bytes);
            return;
        }
        if self.bytes.is_empty() && self.language == Language::Script && !bytes.starts_with(b"#!") {
            self.skip = true;
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.skip {
            return;
        }
        self.text += self.bytes.len() as u64;
        if self.text > LAYER_TEXT {
            self.told = true;
            facts.unread.push(Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why: TOO_MANY.to_owned(),
                within: true,
            });
            return;
        }
        let mut sink = Sink::new(&mut self.names, &mut facts.modules);
        match self.language {
            Language::Python => {
                python::read(&self.bytes, &mut sink);
                if self.own {
                    literals::read(&self.bytes, &mut sink);
                    words::read(&self.bytes, &mut sink);
                }
            }
            Language::Script => {
                let first = self.bytes.split(|&b| b == b'\n').next().unwrap_or_default();
                let first = |word: &[u8]| memchr::memmem::find(first, word).is_some();
                if first(b"python") {
                    python::read(&self.bytes, &mut sink);
                } else if first(b"node") {
                    javascript::read(&self.bytes, &mut sink);
                } else if self.own {
                    settings::read(&self.bytes, &mut sink);
                }
            }
            Language::Settings => {
                settings::read(&self.bytes, &mut sink);
                words::read(&self.bytes, &mut sink);
            }
            Language::EntryPoints => entry_points::read(&self.bytes, &mut sink),
            Language::Pickle => self.pickle.end(&mut sink),
            Language::JavaScript => javascript::read(&self.bytes, &mut sink),
            Language::Ruby => ruby::read(&self.bytes, &mut sink),
            Language::Manifest => manifest::read(&self.bytes, &mut sink),
        }
        sink.finish(self.entry);
    }
}

#[cfg(test)]
mod tests;
