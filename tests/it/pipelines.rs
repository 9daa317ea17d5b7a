//! The pipelines of `docs/ci.md`: every careen command in them is run as it stands there, on a real registry,
//! and writes the files that the steps after it take.

use crate::support::fleet::{Fleet, base, noise};
use crate::support::image_builder::LayerBuilder;
use crate::support::program::Home;
use crate::support::registry::{Auth, Registry};
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/ci.md");

/// The texts in fences, each with its language; what is indented has none.
fn blocks() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all = vec![("", Vec::new())];
    let mut fenced = false;
    for line in PAGE.lines() {
        match line.strip_prefix("```") {
            Some(language) => {
                fenced = !fenced;
                if fenced {
                    all.push((language, Vec::new()));
                }
            }
            None if fenced => all.last_mut().unwrap().1.push(line),
            None if line.starts_with("    ") => all[0].1.push(line),
            None => {}
        }
    }
    all
}

/// The shell commands of careen in a block, lines that go on joined.
fn commands(lines: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut on = false;
    for line in lines.iter().map(|l| l.trim()) {
        let part = line.trim_end_matches('\\').trim_end();
        if on {
            let last = out.last_mut().unwrap();
            *last = format!("{last} {part}");
        } else if line.starts_with("careen ") {
            out.push(part.to_owned());
        } else {
            continue;
        }
        on = line.ends_with('\\');
    }
    out
}

/// A Tekton step has the arguments one by one, and parameters in place of variables.
fn tekton(lines: &[&str]) -> Option<String> {
    let args = lines.iter().map(|l| l.trim()).skip_while(|l| *l != "args:").skip(1);
    let words: Vec<String> = args
        .map_while(|l| l.strip_prefix("- "))
        .map(|w| w.replace("$(params.", "\"$").replace(')', "\""))
        .collect();
    (!words.is_empty()).then(|| format!("careen {}", words.join(" ")))
}

/// The files that the page's steps upload or publish.
fn taken() -> Vec<&'static str> {
    let word = |c: char| c.is_whitespace() || "`'\"=[]:;,()".contains(c);
    let mut all: Vec<&str> = PAGE
        .split(word)
        .filter(|w| {
            let ends = [".sarif", ".html", ".xml", "report.json", "next.json"];
            !w.contains('/') && ends.iter().any(|e| w.len() > e.len() && w.ends_with(e))
                || *w == "next.json"
                || *w == "careen.md"
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn the_pipelines_of_the_documentation_run() {
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    for (tag, kilobytes) in [("1.4", 50), ("1.5", 80)] {
        let layer = LayerBuilder::new().file("app/server.js", noise(kilobytes, 3));
        fleet.put(&registry, "shop", tag, &base(0).layer("COPY . /app # buildkit", layer));
    }
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (format!("{}/shop:1.4", registry.host), format!("{}/shop:1.5", registry.host));
    let last = folder.path().join("last.json").display().to_string();
    let run = home.run(&["inspect", &old, "--format", "json", "--output", &last]);
    assert_eq!(run.status, 0, "{}", run.stderr);

    let mut seen = Vec::new();
    for (language, lines) in blocks() {
        let mut all = commands(&lines);
        all.extend(tekton(&lines));
        seen.push((language, all.len()));
        for command in all {
            let command = command.replace("registry.example.com", &registry.host);
            let out = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &command])
                .current_dir(folder.path())
                .env_clear()
                .env("PATH", with_careen())
                .env("HOME", home.0.path())
                .env("CAREEN_CACHE_DIR", ".careen-cache")
                .env("IMAGE", &new)
                .env("BASELINE", &old)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(0), "{language}: {command}\n{said}");
        }
    }
    assert_eq!(seen, [("", 1), ("yaml", 1), ("yaml", 1), ("groovy", 2), ("yaml", 1)]);
    let taken = taken();
    assert_eq!(taken.len(), 6, "{taken:?}");
    for file in taken {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
        assert!(text.len() > 200, "{file} is not there");
    }
}

fn with_careen() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_careen")).parent().unwrap().to_owned();
    let rest = std::env::var_os("PATH").unwrap();
    let all = std::iter::once(program).chain(std::env::split_paths(&rest));
    std::env::join_paths(all).unwrap()
}
