//! The files of the final file system that hold secrets, and what becomes of each: left out of every
//! proposal, or kept because the program reads it.
//!
//! Looks at names and findings only; must not know how a proposal copies.

use super::Evidence;
use crate::closure::{Closure, Mode};
use crate::dockerfile::{self, Kind};
use crate::layer::LayerPath;
use crate::rules::{Category, State};
use std::collections::{BTreeMap, BTreeSet};

/// Names of files that hold nothing but credentials, or what was typed on a developer's machine.
const STORES: [&str; 30] = [
    ".npmrc",
    ".yarnrc",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".git-credentials",
    ".pypirc",
    ".dockercfg",
    ".s3cfg",
    ".boto",
    ".vault-token",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "id_dsa",
    ".bash_history",
    ".ash_history",
    ".zsh_history",
    ".sh_history",
    ".python_history",
    ".node_repl_history",
    ".irb_history",
    ".psql_history",
    ".mysql_history",
    ".sqlite_history",
    ".rediscli_history",
    ".lesshst",
    ".viminfo",
    "terraform.tfstate",
];

/// The same where a folder tells it: the end of a path.
const STORES_IN_FOLDERS: [&str; 13] = [
    ".docker/config.json",
    ".aws/credentials",
    ".aws/config",
    ".kube/config",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".m2/settings.xml",
    ".composer/auth.json",
    ".config/gh/hosts.yml",
    ".config/rclone/rclone.conf",
    ".config/pip/pip.conf",
    ".terraform.d/credentials.tfrc.json",
];

/// Folders of which every file is one.
const STORE_FOLDERS: [&str; 5] = [".ssh", ".gnupg", ".azure", ".password-store", "gcloud"];

/// Ends of names of a program's own code: it may be loaded by a name that nobody can tell without running.
const CODE: [&str; 24] = [
    "py", "pyc", "js", "mjs", "cjs", "ts", "tsx", "jsx", "rb", "php", "pl", "pm", "lua", "class",
    "jar", "war", "ear", "so", "dll", "exe", "ex", "exs", "beam", "r",
];

/// Ends of names of keys and of the state of other tools.
const KEYS: [&str; 9] =
    [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".tfstate", ".tfvars"];

/// Settings with which a build logs in somewhere.
const READ_BY_BUILDS: [&str; 6] =
    [".npmrc", ".yarnrc", ".netrc", ".pypirc", ".git-credentials", "settings.xml"];

/// What becomes of the files that hold secrets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leaked {
    /// No proposal copies these.
    pub out: BTreeSet<LayerPath>,
    /// A secret was found in these, and the program reads them: each with the reason.
    pub stays: BTreeMap<LayerPath, String>,
}

impl Leaked {
    /// Sorts the visible files that hold secrets, and credential stores in which none was found.
    pub fn of(evidence: &Evidence, closure: &Closure) -> Self {
        let mut leaked = Self::default();
        let all = evidence.findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
        let found = all
            // What a package ships to everyone is no secret of this image.
            .filter(|f| f.category == Category::Secret && f.package.is_none())
            .filter(|f| f.state == State::Visible)
            .filter_map(|f| f.path.clone());
        for path in found {
            match reason_to_stay(evidence, closure, &path) {
                Some(why) => {
                    leaked.stays.insert(path, why);
                }
                None => {
                    leaked.out.insert(path);
                }
            }
        }
        for (path, _) in closure.files(Mode::File) {
            if is_store(&path) && closure.is_only_there(&path) {
                leaked.out.insert(path.clone());
            }
        }
        leaked
    }

    /// How the program gets what is left out, a comment of one line for each file.
    pub fn remarks(&self) -> Vec<String> {
        self.named().iter().map(|path| format!("{path} is left out: {}", instead(path))).collect()
    }

    /// What is left out, by names that say something to its author: the history of the sources is one thing.
    pub fn named(&self) -> BTreeSet<LayerPath> {
        self.out.iter().map(|path| repository(path).unwrap_or_else(|| path.clone())).collect()
    }

    /// What stays although it holds a secret, a sentence for each file.
    pub fn risks(&self) -> Vec<String> {
        self.stays
            .iter()
            .map(|(path, why)| {
                format!("{path} holds a secret and stays, since {why}: take it out there")
            })
            .collect()
    }
}

/// Lines for a `.dockerignore` that keep the files out of the build as well: those that a folder's copy
/// brought. What a step names itself stays, since the step would fail, and so does what only a build reads.
pub(super) fn ignored_files(evidence: &Evidence, leaked: &Leaked, build: &str) -> Vec<String> {
    let sources = named_sources(build);
    let mut out: Vec<String> = Vec::new();
    for path in &leaked.out {
        let name = path.name();
        if repository(path).is_some() {
            // Whatever name it has there.
            if !out.contains(&ignore_line(path)) {
                out.push(ignore_line(path));
            }
        } else if is_brought(evidence, path) && !sources.contains(name) && is_for_no_build(path) {
            let line = ignore_line(path);
            if !out.contains(&line) {
                out.push(line);
            }
        }
    }
    out
}

/// Whether no build reads a file of this name. A Makefile with a token in it has to come into the build, and so
/// may settings that are packed into an archive.
pub(super) fn is_for_no_build(path: &LayerPath) -> bool {
    let name = path.name();
    let key = KEYS.iter().any(|end| name.ends_with(end.as_bytes()));
    let store = is_store(path) && !READ_BY_BUILDS.iter().any(|b| b.as_bytes() == name);
    key || store || is_settings_of_shell(path) || repository(path).is_some()
}

/// `**/NAME`.
pub(super) fn ignore_line(path: &LayerPath) -> String {
    let repository = repository(path);
    format!("**/{}", String::from_utf8_lossy(repository.as_ref().unwrap_or(path).name()))
}

/// The folder of version control that a file lies in.
fn repository(path: &LayerPath) -> Option<LayerPath> {
    let mut at = path.parent();
    while let Some(folder) = at {
        if [&b".git"[..], b".hg", b".svn"].contains(&folder.name()) {
            return Some(folder);
        }
        at = folder.parent();
    }
    None
}

/// Whether a COPY or ADD brought a file.
pub(super) fn is_brought(evidence: &Evidence, path: &LayerPath) -> bool {
    evidence.facts.view.follow(path).is_some_and(|(_, node)| {
        let step = evidence.facts.history.of_layer(node.layer);
        step.is_some_and(|s| s.keyword == "COPY" || s.keyword == "ADD")
    })
}

/// The last parts of the names that the COPY steps of a build name.
fn named_sources(build: &str) -> BTreeSet<Vec<u8>> {
    let steps = dockerfile::parse(build).unwrap_or_default();
    let sources = steps.into_iter().filter_map(|s| match s.kind {
        Kind::Copy { sources, .. } => Some(sources),
        _ => None,
    });
    sources.flatten().filter_map(|s| s.rsplit('/').next().map(|n| n.as_bytes().to_vec())).collect()
}

/// Why a file in which a secret was found cannot be left out; `None` where nothing speaks for it.
fn reason_to_stay(evidence: &Evidence, closure: &Closure, path: &LayerPath) -> Option<String> {
    if !closure.keeps(path, Mode::Sound) {
        return None;
    }
    if let Some(by) = closure.named_by(path) {
        return Some(format!("{by} names it"));
    }
    if !closure.is_only_there(path) {
        return closure.why(path).into_iter().next().map(|step| step.because);
    }
    if is_store(path) || is_settings_of_shell(path) {
        return None;
    }
    let name = path.name();
    let ends = |end: &&str| name.strip_suffix(end.as_bytes()).is_some_and(|n| n.ends_with(b"."));
    let program = evidence.facts.view.get(path).and_then(|node| {
        let node = evidence.facts.view.content_of(node)?;
        let facts = &evidence.facts.view.index(node.layer)?.facts;
        facts.elf.iter().find(|e| e.entry == node.entry)
    });
    let code = CODE.iter().any(ends) || program.is_some();
    code.then(|| "it is the program's own code".to_owned())
}

/// `.env`, `.env.production`, `deploy.env`.
fn is_settings_of_shell(path: &LayerPath) -> bool {
    let name = path.name();
    name.starts_with(b".env") || name.ends_with(b".env")
}

/// Whether the name says that it holds nothing but credentials.
pub(super) fn is_store(path: &LayerPath) -> bool {
    let bytes = path.as_bytes();
    let name = path.name();
    let below = |end: &str| {
        bytes.strip_suffix(end.as_bytes()).is_some_and(|r| r.is_empty() || r.ends_with(b"/"))
    };
    let mut folders = bytes[..bytes.len() - name.len()].split(|b| *b == b'/');
    STORES.iter().any(|s| s.as_bytes() == name)
        || STORES_IN_FOLDERS.iter().any(|s| below(s))
        || folders.any(|f| STORE_FOLDERS.iter().any(|s| s.as_bytes() == f)) && !is_public(name)
}

/// Of `.ssh`: what tells others apart is no secret, and programs need it.
fn is_public(name: &[u8]) -> bool {
    name.starts_with(b"known_hosts") || name.ends_with(b".pub") || name == b"authorized_keys"
}

/// What gives it to the program when it starts.
fn instead(path: &LayerPath) -> String {
    if repository(&path.join(b"x")).is_some() {
        return "the history of the sources belongs into no image".to_owned();
    }
    if is_settings_of_shell(path) {
        return "pass what it sets when the container starts (--env-file, or a Secret's envFrom)"
            .to_owned();
    }
    if is_store(path) {
        return "no program of the image reads it; a build that needs it gets it by RUN --mount=type=secret"
            .to_owned();
    }
    format!(
        "if the program reads it, mount it there when the container starts (--mount type=bind,target=/{}, or a Secret's volume)",
        path.to_text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_stores_are_known_by_their_names() {
        for path in [
            "root/.pgpass",
            "app/.docker/config.json",
            ".aws/credentials",
            "home/dev/.bash_history",
            "root/.ssh/deploy_key",
            "app/id_rsa",
            "root/.config/gcloud/credentials.db",
        ] {
            assert!(is_store(&LayerPath::from(path)), "{path}");
        }
        for path in [
            "app/config.json",
            "root/.ssh/known_hosts",
            "app/aws/credentials",
            "app/.env.example",
            "root/.ssh/id_rsa.pub",
            "app/x.docker/config.json",
        ] {
            assert!(!is_store(&LayerPath::from(path)), "{path}");
        }
    }

    #[test]
    fn how_a_program_gets_what_is_left_out_hangs_on_what_it_was() {
        let instead = |path: &str| instead(&LayerPath::from(path));
        assert!(instead("app/.env").contains("--env-file"));
        assert!(instead("app/deploy.env").contains("--env-file"));
        assert!(instead("root/.npmrc").contains("--mount=type=secret"));
        assert!(instead("app/tls.key").contains("target=/app/tls.key"));
        assert!(instead("app/.git").contains("history"));
    }

    #[test]
    fn a_repository_is_one_thing() {
        let files = ["app/.git/config", "app/.git/objects/9b/e207", "app/.env"];
        let leaked = Leaked {
            out: files.iter().map(|p| LayerPath::from(*p)).collect(),
            ..Leaked::default()
        };
        let named: Vec<String> = leaked.named().iter().map(LayerPath::to_text).collect();
        assert_eq!(named, ["app/.env", "app/.git"]);
        assert_eq!(ignore_line(&LayerPath::from("app/.git/config")), "**/.git");
    }
}
