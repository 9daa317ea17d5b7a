//! From the members of a tar to the images in it: an OCI image layout or a docker-archive, whichever
//! it is, however the members can be read.

use super::docker_manifest::{self, DockerImage, DockerManifest};
use super::members;
use super::resolve::{DocumentStore, Root, descend};
use super::select::{self, Selector};
use super::{PlatformChoice, Resolution, SourceError, Unseen, oci_index};
use crate::oci::{Descriptor, Digest, Document};
use crate::text::Sanitized;

/// The form that a prefix forces on an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveForm {
    /// Whatever its members say; a layout, which carries digests, where it is both.
    #[default]
    Any,
    /// `oci-archive:`, a layout in a tar.
    Oci,
    /// `docker-archive:`, what `manifest.json` says.
    Docker,
}

/// How manifests and configs are read from the archive by the names of its members.
pub trait Contents {
    /// The plain name of the regular file that a name leads to.
    fn canonical(&self, name: &str) -> Result<String, SourceError>;
    /// A manifest or config, at most `DOCUMENT_LIMIT` bytes.
    fn document(&self, name: &str) -> Result<Vec<u8>, SourceError>;
    /// Whether it looks like the files of a container.
    fn is_root_file_system(&self) -> bool {
        members::is_root_file_system(&|name| self.canonical(name).is_ok())
    }
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
        _ if contents.is_root_file_system() => {
            return Err(SourceError::RootFileSystem { what: what.to_owned() });
        }
        _ => {
            return Err(malformed(
                "a tar, but no image (it has neither index.json nor manifest.json at its top)",
            ));
        }
    }
    let docker = || docker_manifest::parse(what, &contents.document("manifest.json")?);
    if form == ArchiveForm::Docker || !is_oci {
        return docker_manifest::resolve(what, &docker()?, selector, contents, choice);
    }
    // A layout's own `manifest.json` may be anything.
    let docker = if is_docker { docker().unwrap_or_default() } else { DockerManifest::default() };
    let store = TarStore(contents);
    let raw = contents.document("index.json")?;
    let more_names = |d: &Descriptor| repo_tags(d, &docker.images, &store);
    let root = oci_index::root(what, raw, &store, selector, &more_names)?;
    let mut resolution = descend(root.clone(), &store, choice)?;
    if form == ArchiveForm::Any {
        for image in &mut resolution.images {
            image.repeated.extend(docker.repeated.clone());
        }
        check_agreement(what, &mut resolution, root, &docker.images, selector, contents);
    }
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

/// Some engines load by `manifest.json`, some by `index.json`: an archive in which they mean different
/// images shows each reader another one. What `manifest.json` names must be among what the index names; of a
/// multi-platform image it has only the platforms that were there.
fn check_agreement(
    what: &str,
    resolution: &mut Resolution,
    root: Root,
    docker: &[DockerImage],
    selector: Option<&Selector>,
    contents: &dyn Contents,
) {
    let is_meant = |i: &&DockerImage| match selector {
        Some(Selector::Name(wanted)) => i.repo_tags.iter().any(|t| select::is_same(t, wanted)),
        // A place or a digest names something in the index.
        Some(_) => false,
        None => true,
    };
    let meant: Vec<&DockerImage> = docker.iter().filter(is_meant).collect();
    if meant.is_empty() {
        return;
    }
    let every = descend(root, &TarStore(contents), &PlatformChoice::All);
    let every = every.map(|r| r.images).unwrap_or_default();
    let known: Vec<Digest> = every.iter().map(|i| Digest::sha256(&i.config_raw)).collect();
    for image in meant {
        let config = contents.document(&image.config).map(|raw| Digest::sha256(&raw));
        if config.as_ref().is_ok_and(|digest| known.contains(digest)) {
            continue;
        }
        let name = image.repo_tags.first().unwrap_or(&image.config);
        resolution.unseen.push(Unseen {
            what: format!("image `{}` of manifest.json", Sanitized::from(name.as_str())),
            why: format!(
                "index.json, which was read, names another image than manifest.json: \
                 `docker-archive:{what}` reads that one"
            ),
            failed: true,
        });
    }
}
