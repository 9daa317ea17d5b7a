//! Every command that the documents show is one that careen takes.

use super::args::Cli;
use clap::{CommandFactory, Parser};

const DOCUMENTS: [(&str, &str); 9] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/ci.md", include_str!("../../docs/ci.md")),
    ("docs/inventory.md", include_str!("../../docs/inventory.md")),
    ("docs/reference.md", include_str!("../../docs/reference.md")),
    ("docs/sweep.md", include_str!("../../docs/sweep.md")),
    ("docs/scale.md", include_str!("../../docs/scale.md")),
    ("docs/secret-patterns.md", include_str!("../../docs/secret-patterns.md")),
    ("docs/advice-accuracy.md", include_str!("../../docs/advice-accuracy.md")),
    ("deploy/README.md", include_str!("../../deploy/README.md")),
];

/// The command of a line of code: without what pipes into it, what it pipes into, and a remark.
fn command(line: &str) -> Option<&str> {
    let code = line.strip_prefix("    ")?.trim_start();
    let start = code
        .starts_with("careen ")
        .then_some(0)
        .or_else(|| code.find("| careen ").map(|i| i + 2))?;
    let code = &code[start..];
    let end = [" #", " > ", " | ", "  "].iter().filter_map(|stop| code.find(stop)).min();
    Some(code[..end.unwrap_or(code.len())].trim())
}

#[test]
fn documented_commands_are_understood() {
    let mut seen = 0;
    for (name, text) in DOCUMENTS {
        let text = text.replace("\\\n", " ");
        for line in text.lines() {
            let joined = line.split_whitespace().collect::<Vec<_>>().join(" ");
            // Remarks stand behind two spaces; a continued line has them in its middle.
            let line =
                if line.contains(" --output") { format!("    {joined}") } else { line.to_owned() };
            let Some(command) = command(&line) else { continue };
            let words = shlex::split(command).unwrap_or_else(|| panic!("{name}: {command}"));
            if let Err(e) = Cli::try_parse_from(words) {
                panic!("{name}: {command}: {e}");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
    Cli::command().debug_assert();
}
