//! A registry full of images that share bases, as a company's is: written straight into the storage of the
//! real server, because pushing hundreds of them would take minutes.

use super::image_builder::{ImageBuilder, LayerBuilder, digest};
use super::registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What was put in.
#[derive(Default)]
pub struct Fleet {
    /// Bytes of every distinct layer by its digest.
    pub layers: BTreeMap<String, u64>,
    /// `repository:tag` with the digest of what it names.
    pub tags: BTreeMap<String, String>,
    /// Bytes that a loop over the tags would fetch.
    pub loop_bytes: u64,
}

/// A fake key of a well-known form; `n` makes it another one.
pub fn token(n: usize) -> String {
    let body = format!("{:0>30}", format!("x7Kd9QmZ2pLw4TnB8vRc5YhJ3s{n}"));
    let body = &body[body.len() - 30..];
    format!("{}{body}{}", ["np", "m_"].concat(), checksum(body))
}

/// The form's checksum: CRC-32 of the body in base 62, six digits.
pub fn checksum(body: &str) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (mut n, mut out) = (crc.sum(), Vec::new());
    for _ in 0..6 {
        out.push(digits[(n % 62) as usize]);
        n /= 62;
    }
    out.reverse();
    String::from_utf8(out).unwrap()
}

/// Bytes that hardly compress, the same for the same seed.
pub fn noise(kilobytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = Vec::with_capacity(kilobytes * 1024);
    while out.len() < kilobytes * 1024 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out
}

pub fn base(n: usize) -> ImageBuilder {
    base_of(n, 200)
}

/// With a program of so many KiB.
fn base_of(n: usize, kilobytes: usize) -> ImageBuilder {
    let os = format!("ID=debian\nVERSION_ID=\"{}\"\nPRETTY_NAME=\"Debian {}\"\n", 10 + n, 10 + n);
    ImageBuilder::new()
        .layer(
            &format!("/bin/sh -c #(nop) ADD file:{n} in / "),
            LayerBuilder::new()
                .file("etc/os-release", os)
                .file_as("bin/sh", 0o755, 0, &noise(kilobytes, n as u64))
                .file("usr/share/doc/base/README", noise(60, 70 + n as u64)),
        )
        .step("/bin/sh -c #(nop)  CMD [\"sh\"]")
}

/// What the images of one group have in common above their base: build tools, and in group 3 a secret.
fn with_tools(image: ImageBuilder, group: usize) -> ImageBuilder {
    let mut layer = LayerBuilder::new()
        .file_as("usr/bin/gcc-12", 0o755, 0, &noise(120, 500 + group as u64))
        .file("var/lib/apt/lists/deb_InRelease", noise(20, 600 + group as u64));
    if group == 3 {
        layer =
            layer.file("root/.npmrc", format!("//registry.npmjs.org/:_authToken={}\n", token(1)));
    }
    image.layer(&format!("RUN /bin/sh -c apt-get install -y gcc # group {group}"), layer)
}

impl Fleet {
    /// `repositories` with five tags each: `v1`…`v4` and `latest`, which is `v4`; the base images
    /// themselves, and one image for two platforms.
    pub fn fill(registry: &Registry, repositories: usize) -> Self {
        Self::fill_with(registry, repositories, 200)
    }

    /// The same on bases with a program of so many KiB.
    pub fn fill_with(registry: &Registry, repositories: usize, kilobytes: usize) -> Self {
        let app = |r, version| app_on(base_of(r % 6, kilobytes), r, version);
        let mut fleet = Self::default();
        for n in 0..6 {
            let image = base_of(n, kilobytes);
            fleet.put(registry, "base/debian", &format!("{}", 10 + n), &image);
        }
        for r in 0..repositories {
            let name = format!("team-{}/app-{r}", r % 7);
            for version in 1..=4 {
                let image = app(r, version);
                fleet.put(registry, &name, &format!("v{version}"), &image);
            }
            fleet.put(registry, &name, "latest", &app(r, 4));
        }
        let amd = app(1, 1);
        let arm = app(2, 1).architecture("arm64");
        fleet.put_index(registry, "team-0/multi", "1", &[amd, arm]);
        fleet
    }

    fn keep(&mut self, registry: &Registry, repository: &str, image: &ImageBuilder) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let descriptor = image.write_blobs(folder.path());
        let blobs = folder.path().join("blobs/sha256");
        let manifest = std::fs::read(blobs.join(&descriptor["digest"].as_str().unwrap()[7..]));
        let manifest: Value = serde_json::from_slice(&manifest.unwrap()).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            let size = layer["size"].as_u64().unwrap();
            self.layers.insert(layer["digest"].as_str().unwrap().to_owned(), size);
            self.loop_bytes += size;
        }
        for file in std::fs::read_dir(&blobs).unwrap() {
            registry.keep_blob(repository, &std::fs::read(file.unwrap().path()).unwrap());
        }
        descriptor
    }

    pub fn put(&mut self, registry: &Registry, repository: &str, tag: &str, image: &ImageBuilder) {
        let descriptor = self.keep(registry, repository, image);
        let named = descriptor["digest"].as_str().unwrap().to_owned();
        registry.keep_tag(repository, tag, &named);
        self.tags.insert(format!("{repository}:{tag}"), named);
    }

    pub fn put_index(
        &mut self,
        registry: &Registry,
        repository: &str,
        tag: &str,
        images: &[ImageBuilder],
    ) {
        let manifests: Vec<Value> = images
            .iter()
            .map(|image| {
                let mut d = self.keep(registry, repository, image);
                registry.keep_manifest(repository, d["digest"].as_str().unwrap());
                d["platform"] = json!({"os": "linux", "architecture": image.platform()});
                d
            })
            .collect();
        let index = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        }))
        .unwrap();
        registry.keep_blob(repository, &index);
        registry.keep_tag(repository, tag, &digest(&index));
        self.tags.insert(format!("{repository}:{tag}"), digest(&index));
    }

    pub fn layer_bytes(&self) -> u64 {
        self.layers.values().sum()
    }
}

/// The `version`th image of repository `r`: a base, its group's tools, the application, and in some of
/// them a file with a password that a later step deletes.
pub fn app(r: usize, version: usize) -> ImageBuilder {
    app_on(base(r % 6), r, version)
}

fn app_on(base: ImageBuilder, r: usize, version: usize) -> ImageBuilder {
    let image = with_tools(base, r % 12);
    let mut layer = LayerBuilder::new()
        .file("app/main", noise(30, (r * 10 + version) as u64))
        .file("app/version", format!("{r}.{version}\n"));
    if r.is_multiple_of(5) {
        layer = layer.file("app/.env", format!("NPM_TOKEN={}\n", token(100 + r)));
    }
    let mut image = image.layer("COPY . /app # buildkit", layer);
    if r.is_multiple_of(5) {
        image = image.layer("RUN rm /app/.env", LayerBuilder::new().whiteout("app/.env"));
    }
    if r.is_multiple_of(2) {
        image = image.config("User", json!("1000"));
    }
    image.config("Cmd", json!(["/app/main"]))
}

/// A folder for a store.
pub fn store_in(folder: &Path) -> String {
    folder.join("inventory.db").display().to_string()
}
