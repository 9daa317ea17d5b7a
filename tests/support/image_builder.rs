//! Images made from code: layers from entries, then written as an OCI layout directory.

use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// One layer: a tar in the making.
pub struct LayerBuilder {
    tar: tar::Builder<Vec<u8>>,
}

impl Default for LayerBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerBuilder {
    pub fn new() -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        tar.mode(tar::HeaderMode::Deterministic);
        Self { tar }
    }

    fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
        let mut h = tar::Header::new_gnu();
        h.set_entry_type(kind);
        h.set_size(size);
        h.set_mode(mode);
        h.set_mtime(1_700_000_000);
        h.set_uid(0);
        h.set_gid(0);
        h
    }

    pub fn file_as(mut self, path: &str, mode: u32, uid: u64, content: &[u8]) -> Self {
        let mut h = Self::header(tar::EntryType::Regular, content.len() as u64, mode);
        h.set_uid(uid);
        self.tar.append_data(&mut h, path, content).unwrap();
        self
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_as(path, 0o644, 0, content.as_ref())
    }

    /// A file whose name is any bytes.
    pub fn file_named(mut self, path: &[u8], content: &[u8]) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let mut h = Self::header(tar::EntryType::Regular, content.len() as u64, 0o644);
        self.tar.append_data(&mut h, std::ffi::OsStr::from_bytes(path), content).unwrap();
        self
    }

    pub fn dir(mut self, path: &str) -> Self {
        let mut h = Self::header(tar::EntryType::Directory, 0, 0o755);
        self.tar.append_data(&mut h, path, std::io::empty()).unwrap();
        self
    }

    pub fn dir_as(mut self, path: &str, mode: u32) -> Self {
        let mut h = Self::header(tar::EntryType::Directory, 0, mode);
        self.tar.append_data(&mut h, path, std::io::empty()).unwrap();
        self
    }

    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        let mut h = Self::header(tar::EntryType::Symlink, 0, 0o777);
        self.tar.append_link(&mut h, path, target).unwrap();
        self
    }

    pub fn hardlink(mut self, path: &str, target: &str) -> Self {
        let mut h = Self::header(tar::EntryType::Link, 0, 0o644);
        self.tar.append_link(&mut h, path, target).unwrap();
        self
    }

    /// Any entry without content, its name as it is; a device has the number 0, 0.
    pub fn entry(mut self, kind: tar::EntryType, name: &str, link: &str) -> Self {
        let mut h = Self::header(kind, 0, 0o644);
        let fields = h.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        h.set_cksum();
        self.tar.append(&h, std::io::empty()).unwrap();
        self
    }

    /// `.wh.NAME` beside NAME.
    pub fn whiteout(self, path: &str) -> Self {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let wh = if dir.is_empty() { format!(".wh.{name}") } else { format!("{dir}/.wh.{name}") };
        self.file(&wh, "")
    }

    pub fn opaque(self, dir: &str) -> Self {
        self.file(&format!("{dir}/.wh..wh..opq"), "")
    }

    pub fn finish(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }
}

/// An image in the making.
#[derive(Clone)]
pub struct ImageBuilder {
    /// Uncompressed tar and the `created_by` of its step.
    layers: Vec<(Vec<u8>, String)>,
    config: serde_json::Value,
    /// Steps without a layer, each with the number of layers before it.
    empty_steps: Vec<(usize, String)>,
    compression: Compression,
    architecture: String,
}

impl Default for ImageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageBuilder {
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            config: serde_json::json!({}),
            empty_steps: Vec::new(),
            compression: Compression::Gzip,
            architecture: "amd64".to_owned(),
        }
    }

    pub fn layer(mut self, created_by: &str, layer: LayerBuilder) -> Self {
        self.layers.push((layer.finish(), created_by.to_owned()));
        self
    }

    /// A layer whose tar bytes are given, however odd.
    pub fn raw_layer(mut self, created_by: &str, tar: Vec<u8>) -> Self {
        self.layers.push((tar, created_by.to_owned()));
        self
    }

    pub fn step(mut self, created_by: &str) -> Self {
        self.empty_steps.push((self.layers.len(), created_by.to_owned()));
        self
    }

    /// A member of the config's `config` object: `Env`, `User`, `Entrypoint`…
    pub fn config(mut self, key: &str, value: serde_json::Value) -> Self {
        self.config[key] = value;
        self
    }

    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    pub fn architecture(mut self, architecture: &str) -> Self {
        self.architecture = architecture.to_owned();
        self
    }

    pub fn platform(&self) -> &str {
        &self.architecture
    }

    fn config_json(&self) -> Vec<u8> {
        let mut history = Vec::new();
        for i in 0..=self.layers.len() {
            for (at, step) in &self.empty_steps {
                if *at == i {
                    history.push(serde_json::json!({
                        "created": "2026-01-02T03:04:05Z", "created_by": step, "empty_layer": true }));
                }
            }
            if let Some((_, step)) = self.layers.get(i) {
                history.push(
                    serde_json::json!({ "created": "2026-01-02T03:04:05Z", "created_by": step }),
                );
            }
        }
        let diff_ids: Vec<String> = self.layers.iter().map(|(tar, _)| digest(tar)).collect();
        serde_json::to_vec(&serde_json::json!({
            "created": "2026-01-02T03:04:05Z",
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        }))
        .unwrap()
    }

    /// Writes the image's blobs into `dir` and returns the descriptor of its manifest.
    pub fn write_blobs(&self, dir: &Path) -> serde_json::Value {
        let suffix = match self.compression {
            Compression::None => "",
            Compression::Gzip => "+gzip",
            Compression::Zstd => "+zstd",
        };
        let layers: Vec<serde_json::Value> = self
            .layers
            .iter()
            .map(|(tar, _)| {
                let media_type = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
                write_blob(dir, &media_type, &compress(tar, self.compression))
            })
            .collect();
        let config =
            write_blob(dir, "application/vnd.oci.image.config.v1+json", &self.config_json());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        write_blob(dir, media_type, &serde_json::to_vec(&manifest).unwrap())
    }

    /// Writes an OCI layout with this image under `tag`.
    pub fn write_layout(&self, dir: &Path, tag: &str) -> PathBuf {
        let mut manifest = self.write_blobs(dir);
        manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": tag });
        write_index(dir, vec![manifest]);
        dir.to_path_buf()
    }
}

/// Writes `oci-layout` and `index.json`.
pub fn write_index(dir: &Path, manifests: Vec<serde_json::Value>) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(dir.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
}

/// Stores a blob and returns its descriptor.
pub fn write_blob(dir: &Path, media_type: &str, bytes: &[u8]) -> serde_json::Value {
    let digest = digest(bytes);
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(&digest[7..]), bytes).unwrap();
    serde_json::json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

pub fn compress(bytes: &[u8], how: Compression) -> Vec<u8> {
    match how {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            w.write_all(bytes).unwrap();
            w.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 3).unwrap(),
    }
}
