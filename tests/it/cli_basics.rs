//! The binary from outside: standard output, standard error, exit status.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn careen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_careen"));
    command.env_clear().env("NO_COLOR", "1").stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.env("CAREEN_CACHE_DIR", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(args: &[&str]) -> Output {
    careen().args(args).output().unwrap()
}

fn shown(args: &[&str]) -> String {
    let out = run(args);
    format!(
        "status {}\n--- stdout\n{}--- stderr\n{}",
        out.status.code().unwrap(),
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap()
    )
}

#[test]
fn help() {
    insta::assert_snapshot!("help", shown(&["--help"]));
    insta::assert_snapshot!("help_inspect", shown(&["inspect", "--help"]));
}

#[test]
fn usage_errors() {
    let all: Vec<String> = [
        vec!["inspct", "x"],
        vec!["inspect"],
        vec!["inspect", "x", "--fail-on", "hig"],
        vec!["inspect", "x", "--platform", "amd64"],
        vec!["inspect", "x", "--all-platforms", "--platform", "linux/arm64"],
        vec!["inspect", "x", "--username", "me"],
        vec!["inspect", "x", "--jobs", "0"],
        vec!["inspect", "x", "--max-layer-bytes", "many"],
        vec!["inspect", "x", "--output", "/nonexistent/folder/report"],
        vec!["inspect", "-", "--username", "me", "--password-stdin"],
        vec!["files", "x", "--filter", "["],
        vec!["diff", "-", "-"],
        vec!["explain", "no-such-rule"],
    ]
    .iter()
    .map(|args| {
        let text = shown(args);
        assert!(text.starts_with("status 2\n--- stdout\n--- stderr\n"), "{args:?}: {text}");
        format!("$ careen {}\n{text}", args.join(" "))
    })
    .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_schema_is_the_librarys() {
    let out = run(&["schema"]);
    assert!(out.status.success() && out.stderr.is_empty());
    let printed: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(printed, careen::report::schema::schema());
}

#[test]
fn completions_and_man_page() {
    for (shell, sign) in [
        ("bash", "complete -F _careen"),
        ("zsh", "#compdef careen"),
        ("fish", "complete -c careen"),
    ] {
        let out = run(&["completions", shell]);
        assert!(out.status.success());
        assert!(String::from_utf8_lossy(&out.stdout).contains(sign), "{shell}");
    }
    let out = run(&["man"]);
    let page = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && page.contains(".TH careen 1"), "{page}");
    assert!(page.contains("careen\\-check(1)"), "{page}");
    let out = run(&["man", "inspect"]);
    let page = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && page.contains(".TH careen-inspect 1"), "{page}");
    assert!(page.contains("fail\\-on") && page.contains(".SH EXAMPLES"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert!(run(&["man", "--folder", &pages.display().to_string()]).status.success());
    for name in ["careen.1", "careen-check.1", "careen-patterns-lint.1"] {
        assert!(pages.join(name).is_file(), "{name}");
    }
    let out = run(&["man", "nothing"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("there is no command `nothing`"));
}

/// A reader that goes away early is no error.
#[test]
fn a_broken_pipe_is_success() {
    let mut child = careen()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(0), &b""[..]));
}

/// Waiting for a password, careen is interrupted.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130() {
    let mut child = careen()
        .args(["inspect", "x", "--username", "me", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    // It reads once its handler is in place; ask until it is gone, for an early signal kills it plainly.
    child.stdin.as_mut().unwrap().write_all(b"half a pass").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// What docker itself does with a plugin.
#[cfg(unix)]
#[test]
fn docker_can_call_it_as_a_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("docker-careen");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_careen"), &plugin).unwrap();
    let run = |args: &[&str]| std::process::Command::new(&plugin).args(args).output().unwrap();
    let about = run(&["docker-cli-plugin-metadata"]);
    let about: serde_json::Value = serde_json::from_slice(&about.stdout).unwrap();
    assert_eq!(about["SchemaVersion"], "0.1.0");
    assert_eq!(about["Version"], env!("CARGO_PKG_VERSION"));
    let help = run(&["--debug", "careen", "inspect", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: docker careen inspect "));
    let other = run(&["--context", "far-away", "careen", "inspect", "x"]);
    assert_eq!(other.status.code(), Some(2), "another engine's image would be looked at");
}
