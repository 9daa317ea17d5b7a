//! From the `index.json` of an OCI image layout (image-layout.md) to the root that the user means,
//! in a directory and in a tar alike.

use super::resolve::{DocumentStore, Root, verify_document};
use super::select::{self, Offer, Selector};
use super::{RepeatedKeys, SourceError, resolve};
use crate::oci::media_type::OCI_INDEX;
use crate::oci::{Descriptor, Document, Index};

/// containerd's and Docker's full name of an image in the index of a layout.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Largest number of manifests that are opened to tell images from artifacts.
const MAX_OPENED: usize = 512;

/// Parses `index.json`.
pub fn parse(what: &str, raw: &[u8]) -> Result<Index, SourceError> {
    let document = Document::parse(raw, Some(&OCI_INDEX.into()))
        .map_err(|source| SourceError::Document { what: format!("{what}: index.json"), source })?;
    match document {
        Document::Index(index) => Ok(index),
        Document::Manifest(_) | Document::Artifact(_) => Err(SourceError::Malformed {
            what: format!("{what}: index.json"),
            why: "is an image manifest where an index belongs".to_owned(),
        }),
    }
}

/// The root document. `more_names` gives names that stand beside the index (a docker-archive's
/// `RepoTags`) for a descriptor.
pub fn root(
    what: &str,
    raw: Vec<u8>,
    store: &dyn DocumentStore,
    selector: Option<&Selector>,
    more_names: &dyn Fn(&Descriptor) -> Vec<String>,
) -> Result<Root, SourceError> {
    let mut index = parse(what, &raw)?;
    let repeated = RepeatedKeys::of("index.json", std::mem::take(&mut index.repeated));
    index.manifests.retain(|d| !d.is_attestation());
    let offers: Vec<Offer> = index
        .manifests
        .iter()
        .map(|d| Offer {
            names: names(d, more_names),
            identity: d.digest.to_string(),
            digest: Some(d.digest),
        })
        .collect();
    let chosen = match select::choose(what, &offers, selector) {
        // What is no image need not be told apart from one.
        Err(SourceError::Ambiguous { .. }) if index.manifests.len() <= MAX_OPENED => {
            let is_image: Vec<bool> =
                index.manifests.iter().map(|d| !is_artifact(d, store)).collect();
            let picks = |list: &[Offer]| -> Vec<Offer> {
                list.iter().zip(&is_image).filter(|(_, is)| **is).map(|(o, _)| o.clone()).collect()
            };
            let images = picks(&offers);
            let mut image = is_image.iter();
            index.manifests.retain(|_| image.next() == Some(&true));
            select::choose(what, &images, selector)?
        }
        chosen => chosen?,
    };
    let reference = match &chosen.name {
        Some(name) => format!("{what}:{name}"),
        None => what.to_owned(),
    };
    let pinned = matches!(selector, Some(Selector::Digest(_)));
    let picked: Vec<&Descriptor> =
        chosen.picks.iter().filter_map(|&i| index.manifests.get(i)).collect();
    let (raw, media_type) = match picked.as_slice() {
        [one] => {
            let name = format!("{what}: manifest {}", one.digest.short());
            if one.size > resolve::DOCUMENT_LIMIT {
                return Err(SourceError::TooLarge { what: name, limit: resolve::DOCUMENT_LIMIT });
            }
            let raw = store.document(one)?;
            verify_document(&name, one, &raw)?;
            let claimed = Some(one.media_type.clone()).filter(|m| !m.as_str().is_empty());
            (raw, claimed)
        }
        // The platforms of one image side by side: an index that was never written down.
        several => {
            let synthetic = serde_json::json!({
                "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": several,
            });
            (synthetic.to_string().into_bytes(), Some(OCI_INDEX.into()))
        }
    };
    let repeated = Vec::from_iter(repeated);
    Ok(Root { reference, pinned, is_local: true, raw, media_type, repeated })
}

/// Whether it is a signature, a bill of materials or the like, as far as it can be read.
fn is_artifact(d: &Descriptor, store: &dyn DocumentStore) -> bool {
    if d.size > resolve::DOCUMENT_LIMIT {
        return false;
    }
    let document = store.document(d).ok().map(|raw| Document::parse(&raw, Some(&d.media_type)));
    match document {
        Some(Ok(Document::Artifact(_))) => true,
        Some(Ok(Document::Manifest(m))) => m.artifact_kind().is_some(),
        _ => false,
    }
}

fn names(d: &Descriptor, more: &dyn Fn(&Descriptor) -> Vec<String>) -> Vec<String> {
    let annotated = d.annotations.get(CONTAINERD_NAME).map(String::as_str);
    let mut names: Vec<String> = annotated.into_iter().map(str::to_owned).collect();
    for name in more(d).into_iter().chain(d.ref_name().map(str::to_owned)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
