//! The program itself, run in an environment of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a run came to.
pub struct Run {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: status {}, {}", self.status, self.stderr))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A home folder and a cache that nobody else has.
pub struct Home(pub TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn cache(&self) -> std::path::PathBuf {
        self.0.path().join("cache")
    }

    /// Runs beside the test; its output goes nowhere.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_careen"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.0.path())
            .env("CAREEN_CACHE_DIR", self.cache())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    /// Runs with these bytes on standard input. A panic fails the test whatever the status.
    pub fn run_with(&self, args: &[&str], stdin: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let input = stdin.to_vec();
        let feeder = std::thread::spawn(move || {
            let _ = pipe.write_all(&input);
        });
        let out = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Run { status: out.status.code().unwrap_or(-1), stdout: out.stdout, stderr }
    }

    /// Runs with at most this much CPU time and memory of its own: with more, the kernel ends it, and there
    /// is no status to be had.
    pub fn run_within(&self, args: &[&str], seconds: u32, megabytes: u32) -> Run {
        let limits = format!("ulimit -t {seconds} && ulimit -d {}", megabytes * 1000);
        let command = self.command(args);
        let program = command.get_program().to_owned();
        let out = Command::new("sh")
            .args(["-c", &format!("{limits} && exec \"$@\""), "sh"])
            .arg(program)
            .args(args)
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Run { status: out.status.code().unwrap_or(-1), stdout: out.stdout, stderr }
    }

    /// The JSON report of an image.
    pub fn report(&self, image: &str, more: &[&str]) -> serde_json::Value {
        let run = self.run(&[&["inspect", image, "--format", "json"], more].concat());
        assert!(run.status <= 1, "{image}: status {}: {}", run.status, run.stderr);
        run.json()
    }
}

/// `skopeo copy` with any policy.
pub fn skopeo(from: &str, to: &str) {
    let out = Command::new("skopeo")
        .args(["copy", "--quiet", "--insecure-policy", from, to])
        .output()
        .expect("skopeo is needed (Debian: skopeo)");
    assert!(out.status.success(), "skopeo {from} {to}: {}", String::from_utf8_lossy(&out.stderr));
}

pub fn show(path: &Path) -> String {
    path.display().to_string()
}
