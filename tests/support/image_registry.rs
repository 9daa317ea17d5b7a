//! One small image as a scripted registry serves it.

use super::fake_registry::{Answer, Asked};
use super::image_builder::{ImageBuilder, LayerBuilder};
use std::collections::HashMap;

/// An image's blobs by digest.
#[derive(Clone)]
pub struct Served {
    blobs: HashMap<String, Vec<u8>>,
    pub manifest: String,
    /// Digests, in order.
    pub layers: Vec<String>,
}

impl Served {
    pub fn new(image: &ImageBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = image.write_blobs(folder.path())["digest"].as_str().unwrap().to_owned();
        let mut blobs = HashMap::new();
        for entry in std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap() {
            let path = entry.unwrap().path();
            let digest = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap());
            blobs.insert(digest, std::fs::read(path).unwrap());
        }
        let parsed: serde_json::Value = serde_json::from_slice(&blobs[&manifest]).unwrap();
        let layers = parsed["layers"].as_array().unwrap();
        let layers = layers.iter().map(|l| l["digest"].as_str().unwrap().to_owned()).collect();
        Self { blobs, manifest, layers }
    }

    /// One layer with one file.
    pub fn small() -> Self {
        Self::new(&ImageBuilder::new().layer("COPY . .", LayerBuilder::new().file("app/x", "x")))
    }

    pub fn blob(&self, digest: &str) -> &[u8] {
        &self.blobs[digest]
    }

    /// What a registry answers that has nothing but this image, under any name and tag.
    pub fn answer(&self, asked: &Asked) -> Answer {
        let path = asked.path.split('?').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        if path.contains("/manifests/") {
            let media_type = "application/vnd.oci.image.manifest.v1+json";
            return Answer::new(200, self.blobs[&self.manifest].clone())
                .with("content-type", media_type)
                .with("docker-content-digest", &self.manifest);
        }
        match self.blobs.get(last) {
            Some(bytes) => Answer::new(200, bytes.clone()),
            None if path == "/v2/" => Answer::new(200, "{}"),
            None => Answer::new(404, ""),
        }
    }
}
