//! A real registry: Debian's `docker-registry` on a free loopback port, its storage in a temporary
//! folder, filled by `skopeo` from an image made here.

use super::tls::Pki;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const USER: &str = "anna";
pub const PASSWORD: &str = "pass: wörd";

/// How the registry protects itself.
pub enum Auth<'a> {
    Anonymous,
    Htpasswd,
    Token { realm: &'a str, certificate: &'a str },
}

pub struct Registry {
    child: Child,
    pub host: String,
    folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    pub fn start(auth: Auth<'_>, tls: Option<&Pki>) -> Self {
        Self::start_with(auth, tls, "")
    }

    /// With more lines of its configuration.
    pub fn start_with(auth: Auth<'_>, tls: Option<&Pki>, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            at(name)
        };
        // The port is free now; nothing else asks for one by number here.
        let host =
            TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().to_string();
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {host}\n  secret: x\n",
            at("storage")
        );
        if let Some(pki) = tls {
            let certificate = write("server.pem", &pki.certificate);
            let key = write("server.key", &pki.key);
            config += &format!("  tls:\n    certificate: {certificate}\n    key: {key}\n");
        }
        match auth {
            Auth::Anonymous => {}
            Auth::Htpasswd => {
                let made = Command::new("htpasswd")
                    .args(["-Bbn", USER, PASSWORD])
                    .output()
                    .expect("htpasswd is needed (Debian: apache2-utils)");
                assert!(made.status.success());
                let file = write("htpasswd", &String::from_utf8(made.stdout).unwrap());
                config += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {file}\n");
            }
            Auth::Token { realm, certificate } => {
                let bundle = write("bundle.pem", certificate);
                config += &format!(
                    "auth:\n  token:\n    realm: {realm}\n    service: {}\n    issuer: {}\n    rootcertbundle: {bundle}\n",
                    super::token_server::SERVICE,
                    super::token_server::ISSUER
                );
            }
        }
        config += more;
        let config = write("config.yml", &config);
        let child = Command::new("docker-registry")
            .args(["serve", &config])
            .stdout(append(&folder.path().join("access")))
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .expect("docker-registry is needed (Debian: docker-registry)");
        let registry = Self { child, host, folder };
        let begun = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "docker-registry does not start: {}",
                std::fs::read_to_string(registry.folder.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// How often the registry has sent what this path ends in, by its own access log: a line for each
    /// request, written when its answer is out.
    pub fn sent(&self, end: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("access")).unwrap();
        log.lines().filter(|l| l.contains("\"GET ") && l.contains(&format!("{end} HTTP/"))).count()
    }

    /// Copies an image of a layout into the registry, as `app/x:1`.
    pub fn push(&self, layout: &Path, credentials: Option<&str>) {
        self.push_as(layout, "app/x:1", credentials);
    }

    /// Gives the registry a repository without any image, straight on its disk.
    pub fn add_empty(&self, name: &str) {
        let repositories = self.folder.path().join("storage/docker/registry/v2/repositories");
        for part in ["_layers", "_manifests"] {
            std::fs::create_dir_all(repositories.join(name).join(part)).unwrap();
        }
    }

    fn repository(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("storage/docker/registry/v2/repositories").join(name)
    }

    /// Puts a blob into a repository, straight on the registry's disk.
    pub fn keep_blob(&self, repository: &str, bytes: &[u8]) {
        let digest = super::image_builder::digest(bytes);
        let hex = &digest[7..];
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        let place = blobs.join(&hex[..2]).join(hex);
        if !place.join("data").exists() {
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("data"), bytes).unwrap();
        }
        link(&self.repository(repository).join("_layers/sha256").join(hex), &digest);
    }

    /// Says that a blob of the repository is a manifest.
    pub fn keep_manifest(&self, repository: &str, digest: &str) {
        let manifests = self.repository(repository).join("_manifests");
        link(&manifests.join("revisions/sha256").join(&digest[7..]), digest);
    }

    /// Lets a tag name a manifest.
    pub fn keep_tag(&self, repository: &str, tag: &str, digest: &str) {
        self.keep_manifest(repository, digest);
        let tag = self.repository(repository).join("_manifests/tags").join(tag);
        link(&tag.join("current"), digest);
        link(&tag.join("index/sha256").join(&digest[7..]), digest);
    }

    pub fn remove_tag(&self, repository: &str, tag: &str) {
        let tags = self.repository(repository).join("_manifests/tags");
        std::fs::remove_dir_all(tags.join(tag)).unwrap();
    }

    /// The file that holds a blob.
    pub fn blob_file(&self, digest: &str) -> std::path::PathBuf {
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[7..9]).join(&digest[7..]).join("data")
    }

    /// The access log's GET requests whose path contains `part`: path and status.
    pub fn asked(&self, part: &str) -> Vec<(String, u16)> {
        let log = std::fs::read_to_string(self.folder.path().join("access")).unwrap();
        let lines = log.lines().filter_map(|l| {
            let (_, rest) = l.split_once("\"GET ")?;
            let (path, rest) = rest.split_once(" HTTP/")?;
            let status = rest.split_once("\" ")?.1.split(' ').next()?.parse().ok()?;
            path.contains(part).then(|| (path.to_owned(), status))
        });
        lines.collect()
    }

    /// The access log.
    pub fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("access")
    }

    pub fn forget_log(&self) {
        let log = std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.folder.path().join("access"));
        log.unwrap();
    }

    pub fn push_as(&self, layout: &Path, name: &str, credentials: Option<&str>) {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--insecure-policy", "--dest-tls-verify=false"]);
        if let Some(c) = credentials {
            command.args(["--dest-creds", c]);
        }
        let out = command
            .arg(format!("oci:{}:1", layout.display()))
            .arg(format!("docker://{}/{name}", self.host))
            .output()
            .expect("skopeo is needed (Debian: skopeo)");
        assert!(out.status.success(), "skopeo: {}", String::from_utf8_lossy(&out.stderr));
    }
}

fn link(folder: &Path, digest: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("link"), digest).unwrap();
}

fn append(path: &Path) -> std::fs::File {
    std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap()
}
