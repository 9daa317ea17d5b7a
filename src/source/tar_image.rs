//! From the members of a tar to the images in it: an OCI image layout or a docker-archive, whichever
//! it is, however the members can be read.

use super::docker_manifest::{self, DockerImage};
use super::resolve::{DocumentStore, descend, parse_config};
use super::select::{self, Selector};
use super::{PlatformChoice, Resolution, SourceError, oci_index};
use crate::oci::{Descriptor, Digest, Document, Platform};

/// The form that a prefix forces on an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveForm {
    /// Whatever its members say.
    #[default]
    Any,
    /// `oci-archive:`, a layout in a tar.
    Oci,
    /// `docker-archive:`. One that is a layout too is read as a layout, which carries digests.
    Docker,
}

/// How manifests and configs are read from the archive by the names of its members.
pub trait Contents {
    /// The plain name of the regular file that a name leads to.
    fn canonical(&self, name: &str) -> Result<String, SourceError>;
    /// A manifest or config, at most `DOCUMENT_LIMIT` bytes.
    fn document(&self, name: &str) -> Result<Vec<u8>, SourceError>;
}

/// Where the blob of this digest lies in a layout (image-layout.md, "Blobs").
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

struct TarStore<'a>(&'a dyn Contents);

impl DocumentStore for TarStore<'_> {
    fn document(&self, d: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.0.document(&blob_path(&d.digest))
    }
}

/// Finds the images in the archive that `what` names.
pub fn resolve(
    what: &str,
    form: ArchiveForm,
    selector: Option<&Selector>,
    contents: &dyn Contents,
    choice: &PlatformChoice,
) -> Result<Resolution, SourceError> {
    let has = |name| contents.canonical(name).is_ok();
    let (is_oci, is_docker) = (has("index.json"), has("manifest.json"));
    let malformed =
        |why: &str| SourceError::Malformed { what: what.to_owned(), why: why.to_owned() };
    match form {
        ArchiveForm::Oci if !is_oci => {
            return Err(malformed("no OCI layout in it (there is no index.json)"));
        }
        ArchiveForm::Docker if !is_docker => {
            return Err(malformed("no docker-archive (there is no manifest.json)"));
        }
        _ if is_oci || is_docker => {}
        // Docker before 1.10 wrote this and nothing else.
        _ if has("repositories") => {
            return Err(malformed(
                "a docker-archive without manifest.json (Docker before 1.10) is not supported",
            ));
        }
        _ => {
            return Err(malformed(
                "a tar, but no image (it has neither index.json nor manifest.json at its top)",
            ));
        }
    }
    let docker = if is_docker {
        let raw = contents.document("manifest.json")?;
        docker_manifest::parse(what, &raw)
    } else {
        Ok(Vec::new())
    };
    if !is_oci {
        return docker_manifest::resolve(what, &docker?, selector, contents, choice);
    }
    // A layout's own `manifest.json` may be anything.
    let docker = docker.unwrap_or_default();
    let store = TarStore(contents);
    let raw = contents.document("index.json")?;
    let more_names = |d: &Descriptor| repo_tags(d, &docker, &store);
    let root = oci_index::root(what, raw, &store, selector, &more_names)?;
    let mut resolution = descend(root, &store, choice)?;
    check_agreement(&mut resolution, &docker, selector, contents);
    Ok(resolution)
}

/// What `manifest.json` calls the image of this descriptor; they meet in the config.
fn repo_tags(d: &Descriptor, docker: &[DockerImage], store: &TarStore<'_>) -> Vec<String> {
    if docker.iter().all(|i| i.repo_tags.is_empty()) {
        return Vec::new();
    }
    let Ok(Document::Manifest(m)) = store
        .document(d)
        .map_err(drop)
        .and_then(|raw| Document::parse(&raw, Some(&d.media_type)).map_err(drop))
    else {
        return Vec::new();
    };
    docker
        .iter()
        .filter(|i| i.claimed_config() == Some(m.config.digest))
        .flat_map(|i| i.repo_tags.iter().cloned())
        .collect()
}

/// Some engines load by `manifest.json`, some by `index.json`: an archive in which they mean
/// different images shows each reader another one. Of a multi-platform image `manifest.json` names
/// only the platforms that were there, so only images of one platform are compared.
fn check_agreement(
    resolution: &mut Resolution,
    docker: &[DockerImage],
    selector: Option<&Selector>,
    contents: &dyn Contents,
) {
    let is_meant = |i: &&DockerImage| match selector {
        Some(Selector::Name(wanted)) => i.repo_tags.iter().any(|t| select::is_same(t, wanted)),
        _ => true,
    };
    let meant: Vec<(Digest, Platform)> = docker
        .iter()
        .filter(is_meant)
        .filter_map(|i| {
            let raw = contents.document(&i.config).ok()?;
            let config = parse_config(&i.config, &raw, &mut Vec::new()).ok()?;
            Some((Digest::sha256(&raw), config.platform()))
        })
        .collect();
    for image in &mut resolution.images {
        let config = Digest::sha256(&image.config_raw);
        let mut rivals = meant.iter().filter(|m| m.1 == image.platform).peekable();
        if rivals.peek().is_some() && rivals.all(|m| m.0 != config) {
            image.remarks.push(
                "manifest.json and index.json of the archive name different images; index.json was read"
                    .to_owned(),
            );
        }
    }
}
