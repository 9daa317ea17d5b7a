//! Settings: paths, includes, modules, and lines that give a command.

use super::super::References;
use super::{paths, shell};

/// Keys whose value is a command line: supervisord, systemd, Procfile, uwsgi and their like.
const COMMANDS: [&str; 8] =
    ["command", "execstart", "execstartpre", "exec", "web", "worker", "program", "cmd"];
/// Words behind which a file or module is named.
const INCLUDES: [&str; 9] = [
    "include",
    "includeoptional",
    "include_dir",
    "includedir",
    "!include",
    "!includedir",
    "load_module",
    "loadmodule",
    "server.modules",
];

pub(super) fn read(text: &str, found: &mut References) {
    found.paths = paths(text);
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((key, value)) = line.split_once(['=', ':'])
            && COMMANDS.contains(&key.trim().to_ascii_lowercase().as_str())
        {
            shell::read(value.trim(), found);
        }
        let mut words = line
            .split(|c: char| c.is_whitespace() || "\"'=;,(){}<>".contains(c))
            .filter(|w| !w.is_empty());
        let first = words.next().unwrap_or_default().to_ascii_lowercase();
        let included = INCLUDES.contains(&first.as_str());
        for word in words.chain([first.as_str()]) {
            let module = word.ends_with(".so") || word.contains(".so.");
            let named = included && word != first && !word.starts_with('$');
            if (module || named) && word.chars().all(super::in_path) && word.len() < 200 {
                found.includes.push(word.to_owned());
            }
        }
        // `include_shell "/usr/share/x.pl"`: paths are there already; a shell runs them.
        if first == "include_shell" {
            found.commands.push("sh".to_owned());
        }
    }
}

/// Whether a list of Python packages names other lists, or folders of the application.
pub(super) fn read_requirements(text: &str, found: &mut References) {
    let other = |line: &str| {
        let file = ["-r", "-c", "-e", "--requirement", "--constraint", "--editable"];
        file.iter().any(|f| line.starts_with(f))
            || line.starts_with(['.', '/'])
            || line.contains("file:")
    };
    if text.lines().map(str::trim).any(other) {
        found.builds.push("other files".to_owned());
    }
}

/// The scripts that start an application, and its main file.
pub(super) fn read_node(text: &str, found: &mut References) {
    let Ok(package) = serde_json::from_str::<serde_json::Value>(text) else { return };
    for script in ["prestart", "start", "serve", "start:prod"] {
        if let Some(line) = package["scripts"][script].as_str() {
            shell::read(line, found);
        }
    }
    for script in ["preinstall", "install", "postinstall", "prepare", "prepublish"] {
        if package["scripts"][script].is_string() {
            found.builds.push(script.to_owned());
        }
    }
    let of_its_own = |version: &serde_json::Value| {
        let version = version.as_str().unwrap_or_default();
        ["file:", "link:", "portal:", "workspace:"].iter().any(|p| version.starts_with(p))
    };
    for list in ["dependencies", "devDependencies", "optionalDependencies"] {
        let list = package[list].as_object();
        if list.is_some_and(|l| l.values().any(of_its_own)) || package["workspaces"].is_array() {
            found.builds.push("a folder of its own".to_owned());
        }
    }
    // `node server.js` and nothing else: the file is named too.
    let start: Vec<&str> =
        package["scripts"]["start"].as_str().unwrap_or_default().split_whitespace().collect();
    if let ["node", file] = start.as_slice()
        && file.chars().all(super::in_path)
        && !file.starts_with('-')
        && !file.contains('*')
    {
        found.includes.push((*file).to_owned());
    }
}
