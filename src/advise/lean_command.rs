//! The command without a wrapper that only builds and looks up: `npm start` is `node server.js` where
//! package.json says so.

use crate::image::command::find_program;
use crate::image::view::View;
use crate::layer::LayerPath;
use crate::oci::ContainerConfig;

/// The configuration with the shorter command, and what was replaced by what. `None` if there is nothing to
/// shorten.
pub fn lean_command(config: &ContainerConfig, view: &View) -> Option<(ContainerConfig, String)> {
    let argv: Vec<&str> = config.entrypoint.iter().chain(&config.cmd).map(String::as_str).collect();
    let words: Vec<&str> = match argv.as_slice() {
        [shell, "-c", line] if shell.ends_with("sh") => line.split_whitespace().collect(),
        other => other.to_vec(),
    };
    let starts = matches!(
        words.as_slice(),
        ["npm" | "yarn" | "pnpm", "start"] | ["npm" | "yarn" | "pnpm", "run", "start"]
    );
    if !starts {
        return None;
    }
    let manifest = LayerPath::from(config.working_dir.as_str()).join(b"package.json");
    let (_, node) = view.follow(&manifest)?;
    let node = view.content_of(node)?;
    let facts = &view.index(node.layer)?.facts;
    let found = facts.references.iter().find(|r| r.entry == node.entry)?;
    let [program] = found.includes.as_slice() else { return None };
    if found.commands != ["node"] {
        return None;
    }
    find_program(config, view, "node")?;
    let lean = ContainerConfig {
        entrypoint: Vec::new(),
        cmd: vec!["node".to_owned(), program.clone()],
        ..config.clone()
    };
    Some((
        lean,
        format!("`{}` only starts `node {program}`, as package.json says", words.join(" ")),
    ))
}
