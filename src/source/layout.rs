//! An OCI image layout in a directory. Paths are built from validated digests only, and nothing
//! outside of the directory is opened.

use super::resolve::{DOCUMENT_LIMIT, DocumentStore, descend};
use super::select::Selector;
use super::tar_image::blob_path;
use super::{BlobName, LayerRef, PlatformChoice, Resolution, Source, SourceError, oci_index};
use crate::oci::Descriptor;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// An OCI image layout.
pub struct Layout {
    what: String,
    /// Without links: what must be a prefix of everything that is opened.
    root: PathBuf,
    selector: Option<Selector>,
}

impl Layout {
    /// `path` is a directory with an `index.json`.
    pub fn open(path: &Path, selector: Option<Selector>) -> Result<Self, SourceError> {
        let what = path.display().to_string();
        let io = |source| SourceError::Io { what: what.clone(), source };
        let root = path.canonicalize().map_err(io)?;
        if !root.is_dir() {
            return Err(SourceError::Malformed {
                what,
                why: "is not a directory, so not an OCI layout".to_owned(),
            });
        }
        if !root.join("index.json").exists() {
            return Err(SourceError::NoLayout { path: what });
        }
        Ok(Self { what, root, selector })
    }

    /// Opens a regular file of the layout. A FIFO would wait for ever and a link could lead anywhere,
    /// so both are looked for before opening.
    fn file(&self, name: &str) -> Result<File, SourceError> {
        let what = || format!("{}/{name}", self.what);
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SourceError::NotFound { what: what() },
            _ => SourceError::Io { what: what(), source },
        };
        let malformed = |why: &str| SourceError::Malformed { what: what(), why: why.to_owned() };
        let real = self.root.join(name).canonicalize().map_err(io)?;
        if !real.starts_with(&self.root) {
            return Err(malformed("is a link that leads out of the layout"));
        }
        if !real.symlink_metadata().map_err(io)?.is_file() {
            return Err(malformed("is not a regular file"));
        }
        let file = File::open(&real).map_err(io)?;
        if file.metadata().map_err(io)?.is_file() {
            Ok(file)
        } else {
            Err(malformed("is not a regular file"))
        }
    }

    fn small_file(&self, name: &str) -> Result<Vec<u8>, SourceError> {
        let what = || format!("{}/{name}", self.what);
        let mut raw = Vec::new();
        self.file(name)?
            .take(DOCUMENT_LIMIT + 1)
            .read_to_end(&mut raw)
            .map_err(|source| SourceError::Io { what: what(), source })?;
        if raw.len() as u64 > DOCUMENT_LIMIT {
            return Err(SourceError::TooLarge { what: what(), limit: DOCUMENT_LIMIT });
        }
        Ok(raw)
    }
}

impl DocumentStore for Layout {
    fn document(&self, d: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.small_file(&blob_path(&d.digest))
    }
}

impl Source for Layout {
    fn resolve(&self, choice: &PlatformChoice) -> Result<Resolution, SourceError> {
        let raw = self.small_file("index.json")?;
        let root = oci_index::root(&self.what, raw, self, self.selector.as_ref(), &|_| Vec::new())?;
        descend(root, self, choice)
    }

    fn open(&self, layer: &LayerRef) -> Result<Box<dyn Read + Send>, SourceError> {
        match &layer.blob {
            BlobName::Digest(d) => Ok(Box::new(self.file(&blob_path(d))?)),
            BlobName::Member(name) => Err(SourceError::NotFound {
                what: format!("{}: {}", self.what, crate::text::Sanitized::from(name.as_str())),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Image, amd64, blob, index};
    use super::*;
    use serde_json::{Value, json};

    fn named(name: &str) -> Value {
        json!({ "org.opencontainers.image.ref.name": name })
    }

    fn write(dir: &Path, images: &[&Image], manifests: &[Value]) {
        std::fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        for image in images {
            for (name, raw) in image.blobs() {
                std::fs::write(dir.join(name), raw).unwrap();
            }
        }
        std::fs::write(dir.join("index.json"), index(manifests)).unwrap();
    }

    fn resolve(dir: &Path, selector: &str) -> Result<Resolution, SourceError> {
        let selector = (!selector.is_empty()).then(|| selector.parse().unwrap());
        Layout::open(dir, selector)?.resolve(&amd64())
    }

    #[test]
    fn one_of_several_is_chosen_by_its_name_digest_or_place() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (Image::new("amd64", &["a"]), Image::new("arm64", &["b"]));
        write(dir.path(), &[&a, &b], &[a.descriptor(named("a")), b.descriptor(named("b"))]);
        for selector in ["a", "@0"] {
            let found = resolve(dir.path(), selector).unwrap();
            assert_eq!(found.images[0].config_raw, a.config);
            assert!(!found.images[0].pinned);
        }
        // One image of another platform is taken when the user named none.
        let pinned = format!("@{}", crate::oci::Digest::sha256(&b.manifest));
        let found = resolve(dir.path(), &pinned).unwrap();
        assert!(found.images[0].pinned && found.images[0].config_raw == b.config);
        let e = resolve(dir.path(), "").unwrap_err();
        assert!(e.hint().unwrap().ends_with(":a`"), "{:?}", e.hint());
        let layout = Layout::open(dir.path(), None).unwrap();
        let mut out = Vec::new();
        layout.open(&found.images[0].layers[0]).unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(out, b.layers[0]);
    }

    #[test]
    fn a_changed_manifest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let a = Image::new("amd64", &["a"]);
        write(dir.path(), &[&a], &[a.descriptor(json!({}))]);
        let mut changed = a.manifest.clone();
        let last = changed.len() - 1;
        changed[last] = b' ';
        std::fs::write(dir.path().join(blob(&a.manifest)), changed).unwrap();
        let e = resolve(dir.path(), "").unwrap_err();
        assert!(matches!(e, SourceError::WrongDigest { .. }), "{e}");
    }

    #[test]
    fn what_is_no_layout_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let e = resolve(dir.path(), "").unwrap_err().to_string();
        assert!(e.contains("no index.json"), "{e}");
        std::fs::write(dir.path().join("index.json"), vec![b' '; 5 << 20]).unwrap();
        let e = resolve(dir.path(), "").unwrap_err();
        assert!(matches!(e, SourceError::TooLarge { .. }), "{e}");
    }

    #[cfg(unix)]
    #[test]
    fn links_out_and_files_that_are_none_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let a = Image::new("amd64", &["a", "b", "c"]);
        write(dir.path(), &[&a], &[a.descriptor(json!({}))]);
        let path = |i: usize| dir.path().join(blob(&a.layers[i]));
        for i in 0..3 {
            std::fs::remove_file(path(i)).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", path(0)).unwrap();
        std::fs::create_dir(path(1)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path(2)).status().unwrap().success());
        let layout = Layout::open(dir.path(), None).unwrap();
        let found = layout.resolve(&amd64()).unwrap();
        for (layer, why) in found.images[0].layers.iter().zip([
            "leads out of the layout",
            "not a regular file",
            "not a regular file",
        ]) {
            let e = layout.open(layer).err().unwrap().to_string();
            assert!(e.contains(why), "{e}");
        }
    }
}
