//! Tars and images made in code, for the tests of the local sources.

use crate::oci::Digest;

/// A tar in the making.
pub struct Tar {
    pub bytes: Vec<u8>,
}

impl Tar {
    pub fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.raw(name, b'0', content)
    }

    pub fn symlink(mut self, name: &str, target: &str) -> Self {
        self.bytes.extend(header(name, b'2', 0, target));
        self
    }

    pub fn hardlink(mut self, name: &str, target: &str) -> Self {
        self.bytes.extend(header(name, b'1', 0, target));
        self
    }

    pub fn dir(mut self, name: &str) -> Self {
        self.bytes.extend(header(name, b'5', 0, ""));
        self
    }

    /// A member of any type.
    pub fn raw(mut self, name: &str, flag: u8, content: &[u8]) -> Self {
        self.bytes.extend(header(name, flag, content.len() as u64, ""));
        self.bytes.extend(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub fn end(mut self) -> Self {
        self.bytes.extend([0; 1024]);
        self
    }
}

/// One GNU header.
pub fn header(name: &str, flag: u8, size: u64, link: &str) -> [u8; 512] {
    let mut b = [0; 512];
    b[..name.len()].copy_from_slice(name.as_bytes());
    b[100..108].copy_from_slice(b"0000644\0");
    b[108..116].copy_from_slice(b"0000000\0");
    b[116..124].copy_from_slice(b"0000000\0");
    b[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    b[136..148].copy_from_slice(b"00000000000\0");
    b[156] = flag;
    b[157..157 + link.len()].copy_from_slice(link.as_bytes());
    b[257..265].copy_from_slice(b"ustar  \0");
    sum(&mut b);
    b
}

/// Writes the checksum anew.
pub fn sum(b: &mut [u8; 512]) {
    b[148..156].fill(b' ');
    let total: u32 = b.iter().map(|&x| u32::from(x)).sum();
    b[148..156].copy_from_slice(format!("{total:06o}\0 ").as_bytes());
}

/// An image in pieces: a tar with one file a layer, stored uncompressed.
pub struct Image {
    pub layers: Vec<Vec<u8>>,
    pub config: Vec<u8>,
    pub manifest: Vec<u8>,
}

impl Image {
    /// `marks` are the contents of the one file of each layer.
    pub fn new(architecture: &str, marks: &[&str]) -> Self {
        let layers: Vec<Vec<u8>> =
            marks.iter().map(|m| Tar::new().file("etc/mark", m.as_bytes()).end().bytes).collect();
        let diff_ids: Vec<String> = layers.iter().map(|l| Digest::sha256(l).to_string()).collect();
        let config = serde_json::json!({
            "os": "linux", "architecture": architecture,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        })
        .to_string()
        .into_bytes();
        let descriptor = |kind: &str, raw: &[u8]| {
            serde_json::json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": Digest::sha256(raw), "size": raw.len(),
            })
        };
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": crate::oci::media_type::OCI_MANIFEST,
            "config": descriptor("config.v1+json", &config),
            "layers": layers.iter().map(|l| descriptor("layer.v1.tar", l)).collect::<Vec<_>>(),
        })
        .to_string()
        .into_bytes();
        Self { layers, config, manifest }
    }

    /// The descriptor of its manifest.
    pub fn descriptor(&self, annotations: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "mediaType": crate::oci::media_type::OCI_MANIFEST,
            "digest": Digest::sha256(&self.manifest), "size": self.manifest.len(),
            "annotations": annotations,
        })
    }

    /// Every blob, by its path in a layout.
    pub fn blobs(&self) -> Vec<(String, &[u8])> {
        self.layers
            .iter()
            .chain([&self.config, &self.manifest])
            .map(|b| (blob(b), b.as_slice()))
            .collect()
    }
}

/// Where a blob lies in a layout.
pub fn blob(raw: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::sha256(raw).hex())
}

/// `index.json` over these descriptors.
pub fn index(manifests: &[serde_json::Value]) -> Vec<u8> {
    serde_json::json!({ "schemaVersion": 2, "manifests": manifests }).to_string().into_bytes()
}

/// A layout in a tar, `index.json` last as most tools write it.
pub fn oci_tar(images: &[&Image], index: &[u8]) -> Tar {
    let mut tar = Tar::new().dir("blobs/").dir("blobs/sha256/");
    for image in images {
        for (name, raw) in image.blobs() {
            tar = tar.file(&name, raw);
        }
    }
    tar.file("index.json", index).file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
}

/// The host of every test: an image of another architecture is chosen only by name.
pub fn amd64() -> super::PlatformChoice {
    super::PlatformChoice::One {
        platform: crate::oci::Platform::new("linux", "amd64", None),
        named_by_user: false,
    }
}
