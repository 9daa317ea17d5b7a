//! The `manifest.json` of a docker-archive, as `docker save`, `podman save` and skopeo write it.
//! It names members of the tar, not digests.

use super::resolve::parse_config;
use super::select::{self, Offer, Selector};
use super::tar_image::Contents;
use super::{BlobName, FoundImage, LayerRef, PlatformChoice, Resolution, SourceError};
use crate::oci::{Digest, ImageConfig};
use crate::text::Sanitized;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Images and layers beyond any real archive.
const MAX_IMAGES: usize = 10_000;
const MAX_LAYERS: usize = 10_000;

/// One image of the archive.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DockerImage {
    /// The member that holds the config.
    pub config: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub repo_tags: Vec<String>,
    /// The members that hold the layers, base first.
    #[serde(default, deserialize_with = "or_empty")]
    pub layers: Vec<String>,
}

fn or_empty<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(d)?.unwrap_or_default())
}

impl DockerImage {
    /// The digest of the config where its member's name claims one (`<hex>.json`,
    /// `blobs/sha256/<hex>`).
    pub fn claimed_config(&self) -> Option<Digest> {
        let file = self.config.rsplit('/').next().unwrap_or_default();
        let hex = file.strip_suffix(".json").unwrap_or(file);
        format!("sha256:{hex}").parse().ok()
    }
}

/// Parses `manifest.json`.
pub fn parse(what: &str, raw: &[u8]) -> Result<Vec<DockerImage>, SourceError> {
    let what = format!("{what}: manifest.json");
    let images: Vec<DockerImage> = serde_json::from_slice(raw)
        .map_err(|e| SourceError::Document { what: what.clone(), source: e.into() })?;
    if images.len() > MAX_IMAGES || images.iter().any(|i| i.layers.len() > MAX_LAYERS) {
        return Err(SourceError::Malformed {
            what,
            why: format!("more than {MAX_IMAGES} images or {MAX_LAYERS} layers"),
        });
    }
    Ok(images)
}

/// Finds the image in the archive.
pub fn resolve(
    what: &str,
    images: &[DockerImage],
    selector: Option<&Selector>,
    contents: &dyn Contents,
    choice: &PlatformChoice,
) -> Result<Resolution, SourceError> {
    let offers: Vec<Offer> = images
        .iter()
        .map(|i| Offer {
            names: i.repo_tags.clone(),
            identity: format!("{:?}{:?}", i.config, i.layers),
            digest: None,
        })
        .collect();
    let chosen = select::choose(what, &offers, selector)?;
    let mut found = Vec::new();
    for image in chosen.picks.iter().filter_map(|&i| images.get(i)) {
        found.push(open(what, chosen.name.as_deref(), image, contents)?);
    }
    let images = match choice {
        PlatformChoice::All => found,
        PlatformChoice::One { platform, named_by_user } => {
            let available: Vec<String> = found.iter().map(|i| i.platform.to_string()).collect();
            let sole = found.len() == 1 && !named_by_user;
            let fits = found.into_iter().find(|i| sole || platform.accepts(&i.platform));
            vec![fits.ok_or_else(|| SourceError::NoPlatform {
                reference: what.to_owned(),
                wanted: platform.to_string(),
                available,
            })?]
        }
    };
    Ok(Resolution { images, unseen: Vec::new() })
}

fn open(
    what: &str,
    name: Option<&str>,
    image: &DockerImage,
    contents: &dyn Contents,
) -> Result<FoundImage, SourceError> {
    let config_name = Sanitized::from(image.config.as_str()).to_string();
    let config_raw = contents.document(&image.config)?;
    let mut remarks = Vec::new();
    let place = format!("{what}: config `{config_name}`");
    let config = parse_config(&place, &config_raw, &mut remarks)?;
    let actual = Digest::sha256(&config_raw);
    if image.claimed_config().is_some_and(|d| d != actual) {
        remarks.push(format!(
            "config `{config_name}` is named after another digest than its own ({actual})"
        ));
    }
    let layers = layers(image, &config, contents, &mut remarks);
    Ok(FoundImage {
        reference: match name {
            Some(name) => format!("{what}:{name}"),
            None => what.to_owned(),
        },
        digest: None,
        platform: config.platform(),
        manifest_raw: None,
        config_raw,
        config,
        layers,
        annotations: BTreeMap::new(),
        pinned: false,
        remarks,
    })
}

/// Puts each layer beside the diff id that the config declares for it. A layer that several names
/// lead to gets one name; one that isn't there keeps its own, and fails when it is opened.
fn layers(
    image: &DockerImage,
    config: &ImageConfig,
    contents: &dyn Contents,
    remarks: &mut Vec<String>,
) -> Vec<LayerRef> {
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != image.layers.len() {
        remarks.push(format!(
            "manifest has {} layers but config has {} diff ids",
            image.layers.len(),
            diff_ids.len()
        ));
    }
    image
        .layers
        .iter()
        .enumerate()
        .map(|(i, name)| LayerRef {
            blob: BlobName::Member(contents.canonical(name).unwrap_or_else(|_| name.clone())),
            descriptor: None,
            declared_diff_id: diff_ids.get(i).copied(),
        })
        .collect()
}
