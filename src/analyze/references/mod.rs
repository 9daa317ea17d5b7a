//! What text files refer to: the interpreter and commands of scripts, the paths and modules of settings.
//!
//! Keeps words only where no secret stands: commands, absolute paths, includes, and names of well-known
//! tools. Heuristic: rather a word too many than one missing. Must not know what is in the image.

mod imports;
mod settings;
pub mod shell;
mod tools;

use super::{Analyzer, Facts, References, Unread};
use crate::layer::{Entry, Interest};

/// Of a text; entry scripts and settings are far shorter.
const LONGEST: u64 = 256 << 10;
/// Words of one kind of one file.
const MOST: usize = 400;
/// A longer path is none that someone wrote down to be read.
const LONGEST_PATH: usize = 256;
/// Of a first line that names an interpreter, as Linux reads it (`BINPRM_BUF_SIZE`).
const LONGEST_FIRST_LINE: usize = 255;
/// Bytes of text in one layer that are read for what they refer to: a whole Debian with its tools has a tenth.
const LAYER_TEXT: u64 = 64 << 20;
/// Bytes of words that are kept of one layer.
const LAYER_WORDS: usize = 8 << 20;

const ID: &str = "references";
const TOO_MANY: &str = "the layer has more text than is read for what it refers to: this file and those behind \
    it were not looked at for it";

/// How a text is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Language {
    /// As its first line says, else not at all.
    #[default]
    Script,
    Shell,
    Settings,
    /// Source text of the application.
    Program,
    JavaScript,
    /// npm's `package.json`.
    Node,
    /// pip's `requirements.txt`.
    Requirements,
}

#[derive(Default)]
pub struct ReferenceAnalyzer {
    entry: u32,
    truncated: bool,
    language: Language,
    skip: bool,
    bytes: Vec<u8>,
    layer: Layer,
}

/// What the layer's texts have cost so far.
#[derive(Default)]
struct Layer {
    text: u64,
    words: usize,
    /// It was said that no more are looked at.
    told: bool,
}

impl Layer {
    fn is_spent(&self) -> bool {
        self.text >= LAYER_TEXT || self.words >= LAYER_WORDS
    }
}

impl ReferenceAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

const SETTINGS: [&str; 12] = [
    "conf",
    "cfg",
    "cnf",
    "ini",
    "service",
    "pth",
    "path",
    "yml",
    "yaml",
    "toml",
    "properties",
    "xml",
];
const PROGRAMS: [&str; 7] = ["py", "ts", "rb", "php", "pl", "lua", "java"];
/// Folders of other people's code, where a word says nothing of what this application does.
const LIBRARIES: [&str; 8] = [
    "/site-packages/",
    "/dist-packages/",
    "/node_modules/",
    "/gems/",
    "usr/lib/",
    "usr/share/",
    "usr/include/",
    "/python3",
];

/// Settings that every program may read and no one's in particular: users' shells, greetings, tables.
const OF_SYSTEM: [&str; 40] = [
    "passwd",
    "passwd-",
    "group",
    "group-",
    "motd",
    "issue",
    "issue.net",
    "shells",
    "profile",
    "bash.bashrc",
    "bash_completion",
    "inputrc",
    "services",
    "protocols",
    "hosts",
    "host.conf",
    "mime.types",
    "login.defs",
    "adduser.conf",
    "deluser.conf",
    "fstab",
    "securetty",
    "environment",
    "resolv.conf",
    "hostname",
    "timezone",
    "locale.gen",
    "locale.alias",
    "debconf.conf",
    "crontab",
    "inittab",
    "gai.conf",
    "os-release",
    "subuid",
    "subgid",
    "networks",
    "rpc",
    "ethertypes",
    "rmt",
    "ca-certificates.conf",
];

fn language(entry: &Entry) -> Option<Language> {
    let path = entry.path.to_text();
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, e)| e).unwrap_or_default();
    let library = LIBRARIES.iter().any(|l| path.contains(l));
    let of_system = path.strip_prefix("etc/").is_some_and(|n| OF_SYSTEM.contains(&n));
    if of_system
        || ["etc/shadow", "etc/gshadow", "etc/ssl/certs/", "etc/ssl/private/"]
            .iter()
            .any(|p| path.starts_with(p))
    {
        return None;
    }
    if extension == "sh" && !library {
        return Some(Language::Shell);
    }
    if name == "package.json" && !library {
        return Some(Language::Node);
    }
    if name.contains("requirements") && ["txt", "in"].contains(&extension) && !library {
        return Some(Language::Requirements);
    }
    if name == "pyvenv.cfg" || name == "Procfile" || extension == "pth" {
        return Some(Language::Settings);
    }
    if !library && ["js", "mjs", "cjs"].contains(&extension) {
        return Some(Language::JavaScript);
    }
    if !library && PROGRAMS.contains(&extension) {
        return Some(Language::Program);
    }
    if !library && SETTINGS.contains(&extension) {
        return Some(Language::Settings);
    }
    if entry.mode & 0o111 != 0 {
        return Some(Language::Script);
    }
    path.starts_with("etc/").then_some(Language::Settings)
}

impl Analyzer for ReferenceAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        (ID, 7)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let Some(language) = language(entry).filter(|_| entry.is_file() && entry.size > 0) else {
            return Interest::Skip;
        };
        if self.layer.told {
            return Interest::Skip;
        }
        self.bytes.clear();
        self.entry = number;
        self.truncated = entry.size > LONGEST;
        self.language = language;
        self.skip = false;
        Interest::Head(LONGEST)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        if self.skip {
            return;
        }
        if self.bytes.is_empty() && self.language == Language::Script && !bytes.starts_with(b"#") {
            self.skip = true;
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn end(&mut self, facts: &mut Facts) {
        if self.skip || memchr::memchr(0, &self.bytes[..self.bytes.len().min(8192)]).is_some() {
            return;
        }
        if self.layer.is_spent() {
            self.layer.told = true;
            facts.unread.push(Unread {
                entry: self.entry,
                analyzer: ID.to_owned(),
                why: TOO_MANY.to_owned(),
                within: true,
            });
            return;
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let mut found = read(&text, self.language);
        self.layer.text += self.bytes.len() as u64;
        let worth = !(found.interpreter.is_empty()
            && found.commands.is_empty()
            && found.paths.is_empty()
            && found.includes.is_empty()
            && found.builds.is_empty()
            && found.imports.is_empty());
        if worth {
            found.entry = self.entry;
            found.truncated |= self.truncated;
            self.layer.words += words_of(&found);
            facts.references.push(found);
        }
    }
}

/// What the words of a file take in memory, roughly.
fn words_of(found: &References) -> usize {
    let References { interpreter, commands, paths, includes, unclear, builds, imports, .. } = found;
    let lists = [interpreter, commands, paths, includes, unclear, builds, imports];
    lists.into_iter().flatten().map(|word| word.len() + size_of::<String>()).sum()
}

fn read(text: &str, language: Language) -> References {
    let first = text.lines().next().unwrap_or_default();
    let first = String::from_utf8_lossy(&first.as_bytes()[..first.len().min(LONGEST_FIRST_LINE)]);
    let interpreter: Vec<String> = match first.strip_prefix("#!") {
        Some(words) => words.split_whitespace().take(6).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    if language == Language::Script && interpreter.is_empty() {
        return References::default();
    }
    let shell = match language {
        Language::Shell => true,
        Language::Script => interpreter.iter().any(|w| shell::is_shell(w)),
        _ => false,
    };
    let mut found = References { interpreter, ..References::default() };
    match language {
        _ if shell => shell::read(text, &mut found),
        Language::Settings => settings::read(text, &mut found),
        Language::Node => settings::read_node(text, &mut found),
        Language::Requirements => settings::read_requirements(text, &mut found),
        _ => {
            found.paths = paths(text);
            found.commands = tools::named(text);
            if language == Language::JavaScript {
                found.imports = imports::of(text);
            }
        }
    }
    let References { commands, paths, includes, unclear, imports, .. } = &mut found;
    for list in [commands, paths, includes, unclear, imports] {
        list.sort();
        list.dedup();
        list.truncate(MOST);
    }
    found
}

/// Whether a character may stand in a path that is told from the words around it.
fn in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._+-@~*?".contains(c)
}

/// Absolute paths anywhere in a text. One that goes on with a variable ends at the directory before it.
fn paths(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for word in text.split(|c: char| !in_path(c) && c != '$') {
        let Some(word) = word.strip_prefix('$').map_or(Some(word), |_| None) else { continue };
        let word = match word.split_once('$') {
            Some((before, _)) => before.rsplit_once('/').map_or("", |(dir, _)| dir),
            None => word,
        };
        let word = word.trim_end_matches(['/', '.']);
        // `//` begins a comment or a host.
        if word.len() > 2
            && word.starts_with('/')
            && !word.starts_with("//")
            && word.len() < LONGEST_PATH
        {
            out.push(word.to_owned());
        }
    }
    out.sort();
    out.dedup();
    out.truncate(MOST);
    out
}

#[cfg(test)]
mod tests;
