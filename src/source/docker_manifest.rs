//! The `manifest.json` of a docker-archive, as `docker save`, `podman save` and skopeo write it.
//! It names members of the tar, not digests.

use super::resolve::parse_config;
use super::select::{self, Offer, Selector};
use super::tar_image::Contents;
use super::{
    BlobName, FoundImage, LayerRef, PlatformChoice, RepeatedKeys, Resolution, SourceError,
};
use crate::oci::go_json::{self, go_struct};
use crate::oci::{Digest, ImageConfig};
use crate::text::Sanitized;
use std::collections::BTreeMap;

/// Images and layers beyond any real archive.
const MAX_IMAGES: usize = 10_000;
const MAX_LAYERS: usize = 10_000;

/// One image of the archive.
#[derive(Clone, Debug, Default)]
pub struct DockerImage {
    /// The member that holds the config.
    pub config: String,
    pub repo_tags: Vec<String>,
    /// The members that hold the layers, base first.
    pub layers: Vec<String>,
}

go_struct!(DockerImage { "Config" => config, "RepoTags" => repo_tags, "Layers" => layers });

impl DockerImage {
    /// The digest of the config where its member's name claims one (`<hex>.json`,
    /// `blobs/sha256/<hex>`).
    pub fn claimed_config(&self) -> Option<Digest> {
        let file = self.config.rsplit('/').next().unwrap_or_default();
        let hex = file.strip_suffix(".json").unwrap_or(file);
        format!("sha256:{hex}").parse().ok()
    }
}

/// What `manifest.json` says.
#[derive(Debug, Default)]
pub struct DockerManifest {
    pub images: Vec<DockerImage>,
    /// What had to be put right.
    pub remarks: Vec<String>,
    pub repeated: Option<RepeatedKeys>,
}

/// Parses `manifest.json`.
///
/// # Errors
/// Where it is not such a document.
pub fn parse(what: &str, raw: &[u8]) -> Result<DockerManifest, SourceError> {
    let what = format!("{what}: manifest.json");
    let read: go_json::Unmarshalled<Vec<DockerImage>> = go_json::unmarshal(raw)
        .map_err(|e| SourceError::Document { what: what.clone(), source: e.into() })?;
    let remarks = read.remarks().into_iter().map(|r| format!("manifest.json: {r}")).collect();
    let repeated = RepeatedKeys::of("manifest.json", read.repeated);
    let images = read.value;
    if images.len() > MAX_IMAGES || images.iter().any(|i| i.layers.len() > MAX_LAYERS) {
        return Err(SourceError::Malformed {
            what,
            why: format!("more than {MAX_IMAGES} images or {MAX_LAYERS} layers"),
        });
    }
    Ok(DockerManifest { images, remarks, repeated })
}

/// Finds the image in the archive.
pub fn resolve(
    what: &str,
    manifest: &DockerManifest,
    selector: Option<&Selector>,
    contents: &dyn Contents,
    choice: &PlatformChoice,
) -> Result<Resolution, SourceError> {
    let images = &manifest.images;
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
        let mut image = open(what, chosen.name.as_deref(), image, contents)?;
        image.remarks.splice(0..0, manifest.remarks.iter().cloned());
        image.repeated.splice(0..0, manifest.repeated.clone());
        found.push(image);
    }
    let images = match choice {
        PlatformChoice::All => found,
        PlatformChoice::One { platform, named_by_user } => {
            let available: Vec<String> = found.iter().map(|i| i.platform.to_string()).collect();
            let sole = found.len() == 1 && !named_by_user;
            let rank = |i: &FoundImage| platform.rank(&i.platform).or(sole.then_some(0));
            let ranked = found.into_iter().filter_map(|i| Some((rank(&i)?, i)));
            let fits = ranked.min_by_key(|(rank, _)| *rank).map(|(_, image)| image);
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
    let (mut remarks, mut repeated) = (Vec::new(), Vec::new());
    let place = format!("{what}: config `{config_name}`");
    let config = parse_config(&place, &config_raw, &mut remarks, &mut repeated)?;
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
        is_local: true,
        remarks,
        repeated,
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
    remarks.extend(config.rootfs.remark(image.layers.len()));
    image
        .layers
        .iter()
        .enumerate()
        .map(|(i, name)| LayerRef {
            blob: BlobName::Member(contents.canonical(name).unwrap_or_else(|_| name.clone())),
            descriptor: None,
            declared_diff_id: config.rootfs.diff_id(i),
        })
        .collect()
}
