//! A real PostgreSQL server: Debian's, on a free port, its data in a temporary folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub struct Postgres {
    folder: TempDir,
    port: u16,
    /// Of the user `careen`, where the server asks for one.
    password: Option<String>,
}

/// Where Debian has the server's programs, which are not on PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut found: Vec<PathBuf> = versions
        .expect("postgresql is needed (Debian: postgresql)")
        .map(|v| v.unwrap().path().join("bin"))
        .filter(|p| p.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("postgresql is needed (Debian: postgresql)")
}

/// The server refuses to run as root.
fn as_user(program: &Path) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| {
        use std::os::unix::fs::MetadataExt;
        m.uid() == 0
    });
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

impl Postgres {
    /// A server that lets everybody in.
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// A server that asks for a password.
    pub fn start_with_password(password: &str) -> Self {
        Self::start_as(Some(password))
    }

    fn start_as(password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server's user must reach it.
        std::process::Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
        let file = folder.path().join("password");
        std::fs::write(&file, format!("{}\n", password.unwrap_or("unused"))).unwrap();
        let server = Self { folder, port, password: password.map(str::to_owned) };
        let how = if password.is_some() { "scram-sha-256" } else { "trust" };
        let out = as_user(&programs().join("initdb"))
            .args(["-D", &server.data(), "-A", how, "-U", "careen", "--no-sync"])
            .arg(format!("--pwfile={}", file.display()))
            .current_dir("/")
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        server.control(&["start", "-w"]);
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn control(&self, what: &[&str]) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        let log = self.folder.path().join("log");
        let status = as_user(&programs().join("pg_ctl"))
            .args(["-D", &self.data(), "-o", &options, "-l"])
            .arg(log)
            .args(what)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "pg_ctl {what:?}");
    }

    /// Throws everybody out, as an operator or a crash does.
    pub fn restart(&self) {
        self.control(&["restart", "-w", "-m", "immediate"]);
    }

    /// The address of the store; a fresh database each.
    pub fn database(&self, name: &str) -> String {
        let out = Command::new("psql")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "careen", "postgres"])
            .args(["-c", &format!("CREATE DATABASE {name}")])
            .env("PGPASSWORD", self.password.as_deref().unwrap_or_default())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        format!("postgres://careen@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = as_user(&programs().join("pg_ctl"))
            .args(["-D", &self.data(), "stop", "-m", "immediate"])
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
