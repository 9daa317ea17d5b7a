//! What has to be added to Alpine's base for what the entry point needs, package by package.

use super::super::Evidence;
use super::table::TABLE;
use crate::analyze::{Dynamic, PackageKind};
use crate::closure::{Closure, Mode};
use crate::image::Node;
use crate::layer::LayerPath;
use std::collections::{BTreeMap, BTreeSet};

/// Parts of the C library, which musl has in one.
const OF_LIBC: [&str; 10] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libresolv.so.2",
    "libutil.so.1",
    "libcrypt.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];
/// Folders of programs.
const PROGRAMS: [&str; 5] = ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/libexec/"];
/// Packages of data that are kept for programs that ask for them in a way that cannot be seen.
const UNASKED: [&str; 3] = ["tzdata", "media-types", "netbase"];
/// Packages that are nothing but data.
const OF_DATA: [&str; 3] = ["ca-certificates", "tzdata", "media-types"];
/// Blockers of one kind that are told.
const FEW: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Needs {
    pub packages: BTreeSet<&'static str>,
    /// What they add on disk; `None` where one is not known.
    pub bytes: Option<u64>,
    pub blockers: Vec<String>,
    pub risks: Vec<String>,
}

/// `again`: programs of the application that are built again.
pub(super) fn needs(evidence: &Evidence, closure: &Closure, again: &[LayerPath]) -> Needs {
    let mut out = Needs { bytes: Some(0), ..Needs::default() };
    let mut applets = BTreeSet::new();
    let mut unknown: Vec<String> = Vec::new();
    for (package, files) in by_package(closure) {
        if let Some(found) = TABLE.package(package) {
            let is_data = |(path, node): &(LayerPath, Node)| {
                matches!(what(evidence, path, *node), What::Other)
            };
            // Its settings are read by a library, which brings its own.
            if !OF_DATA.contains(&package) && files.iter().all(is_data) {
                continue;
            }
            out.add(&found.alpine, found.bytes);
            continue;
        }
        for (path, node) in files {
            let name = String::from_utf8_lossy(path.name()).into_owned();
            match what(evidence, &path, node) {
                What::Other | What::Library => {}
                What::Program if TABLE.has_applet(&name) => {
                    applets.insert(name);
                }
                What::Program | What::Module => {
                    unknown.push(format!(
                        "{package} ({path}) has no counterpart there that is known for sure"
                    ));
                    break;
                }
            }
        }
    }
    for name in libraries(evidence, again) {
        match TABLE.library(&name) {
            Some(found) => out.add(&found.alpine, found.bytes),
            None => unknown.push(format!("{name}, which the application is linked to, has no counterpart there that is known for sure")),
        }
    }
    if unknown.len() > FEW {
        let more = format!("and {} more", unknown.len() - FEW);
        unknown.truncate(FEW);
        unknown.push(more);
    }
    out.blockers = unknown;
    if !applets.is_empty() {
        let names: Vec<&str> = applets.iter().map(String::as_str).take(6).collect();
        let dots = if applets.len() > 6 { " …" } else { "" };
        out.risks
            .push(format!("{}{dots} are busybox's there, with fewer options", names.join(", ")));
    }
    if out.packages.contains("python3")
        || out.packages.contains("nodejs")
        || out.packages.contains("perl")
    {
        out.risks.push("the interpreter there is of another version than this image's".to_owned());
    }
    out
}

impl Needs {
    fn add(&mut self, names: &'static str, bytes: Option<u64>) {
        let new = names.split_whitespace().filter(|n| self.packages.insert(n)).count() > 0;
        if new {
            self.bytes = self.bytes.zip(bytes).map(|(sum, more)| sum + more);
        }
    }
}

/// The needed files of each of Debian's packages.
fn by_package<'a>(closure: &Closure<'a>) -> BTreeMap<&'a str, Vec<(LayerPath, Node)>> {
    let mut out: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (path, node) in closure.files(Mode::File) {
        let owner = closure.owner(&path).filter(|p| p.kind == PackageKind::Dpkg);
        // What is kept for every program, though nothing here asks for it.
        let asked = |name: &str| !UNASKED.contains(&name) || closure.is_own(&path);
        if let Some(package) = owner.filter(|p| asked(&p.name)) {
            out.entry(package.name.as_str()).or_default().push((path, node));
        }
    }
    out
}

enum What {
    Program,
    /// Loaded by whatever needs it, and brought by its package.
    Library,
    /// Code of a language, which no other package brings.
    Module,
    /// Settings, data.
    Other,
}

fn what(evidence: &Evidence, path: &LayerPath, node: Node) -> What {
    let view = &evidence.facts.view;
    let Some(content) = view.content_of(node) else { return What::Other };
    let entry = view.entry(content);
    if !entry.is_file() {
        return What::Other;
    }
    let text = path.to_text();
    if PROGRAMS.iter().any(|dir| text.strip_prefix(dir).is_some_and(|r| !r.contains('/'))) {
        return What::Program;
    }
    let index = view.index(content.layer);
    if index.is_some_and(|i| i.facts.elf.iter().any(|e| e.entry == content.entry)) {
        return What::Library;
    }
    let module = [".py", ".pm", ".pl", ".rb", ".js", ".mjs", ".cjs", ".jar", ".lua", ".php"];
    if module.iter().any(|end| text.ends_with(end)) { What::Module } else { What::Other }
}

/// What the application's programs are linked to, less what they bring themselves and the C library.
fn libraries(evidence: &Evidence, again: &[LayerPath]) -> BTreeSet<String> {
    let view = &evidence.facts.view;
    let own: BTreeSet<&[u8]> = again.iter().map(LayerPath::name).collect();
    let mut out = BTreeSet::new();
    for path in again {
        let Some(node) = view.get(path).and_then(|n| view.content_of(n)) else { continue };
        let Some(index) = view.index(node.layer) else { continue };
        for elf in index.facts.elf.iter().filter(|e| e.entry == node.entry) {
            if let Dynamic::Linked(linked) = &elf.dynamic {
                out.extend(linked.needed.iter().cloned());
            }
        }
    }
    out.retain(|name| !OF_LIBC.contains(&name.as_str()) && !own.contains(name.as_bytes()));
    out
}
