//! Which base image an image was built on, and which of its layers are the base's.
//!
//! The layers themselves are proof; what the build wrote down (annotations, history) is what the image
//! claims. Must not fetch anything.

use super::ReadImage;
use super::history::History;
use crate::oci::Digest;
use serde::Deserialize;

/// A base that someone knows by its layers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBase {
    /// As a Dockerfile's FROM has it.
    pub name: String,
    /// Of its manifest.
    pub digest: Option<String>,
    /// Digest or diff id of each layer, the first at the bottom.
    pub layers: Vec<String>,
}

/// A table of bases: `[[base]]` with `name`, `layers` and perhaps `digest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBases {
    #[serde(default)]
    pub base: Vec<KnownBase>,
}

/// What tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The image has exactly its layers at the bottom.
    Layers,
    /// `org.opencontainers.image.base.name` (OCI image spec, annotations).
    Annotation,
    /// The build steps, as a guess.
    History,
}

impl How {
    pub fn word(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Annotation => "annotation",
            Self::History => "history",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    pub name: Option<String>,
    pub digest: Option<String>,
    /// How many layers are its own; `None` where only its name is known.
    pub layers: Option<usize>,
    pub how: How,
}

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// The base with the most layers that the image begins with, else what the image says of itself.
pub fn recognise(image: &ReadImage, history: &History, known: &[KnownBase]) -> Option<BaseImage> {
    let by_layers =
        known.iter().filter(|base| is_below(base, image)).max_by_key(|base| base.layers.len()).map(
            |base| BaseImage {
                name: Some(base.name.clone()),
                digest: base.digest.clone(),
                layers: Some(base.layers.len()),
                how: How::Layers,
            },
        );
    if by_layers.is_some() {
        return by_layers;
    }
    let found = &image.found;
    let said = |key: &str| {
        let value = found.annotations.get(key).or_else(|| found.config.config.labels.get(key))?;
        // A text of the image: a name that is none is not believed.
        let plain = |c: char| c.is_ascii_alphanumeric() || "./_-:@".contains(c);
        (value.len() <= 300 && !value.is_empty() && value.chars().all(plain)).then(|| value.clone())
    };
    let layers = history.base_layers;
    match said(NAME) {
        Some(name) => {
            let digest = said(DIGEST).filter(|d| d.parse::<Digest>().is_ok());
            Some(BaseImage { name: Some(name), digest, layers, how: How::Annotation })
        }
        None => layers.map(|n| BaseImage {
            name: history.base_name(),
            digest: None,
            layers: Some(n),
            how: How::History,
        }),
    }
}

fn is_below(base: &KnownBase, image: &ReadImage) -> bool {
    let is = |number: usize, name: &String| {
        let Some(layer) = image.layers.get(number) else { return false };
        let digest = layer.descriptor.as_ref().map(|d| d.digest.to_string());
        // A declared diff id proves nothing: a lying image could borrow a base's.
        let diff_id = layer.diff_id().map(|d| d.to_string());
        digest.as_ref() == Some(name) || diff_id.as_ref() == Some(name)
    };
    !base.layers.is_empty() && base.layers.iter().enumerate().all(|(n, name)| is(n, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::{file, image, layer};

    fn known(name: &str, layers: &[String]) -> KnownBase {
        KnownBase { name: name.into(), digest: None, layers: layers.to_vec() }
    }

    #[test]
    fn the_longest_base_whose_layers_are_all_there_is_it() {
        let image = image(vec![
            layer(vec![file("a", b"1")]),
            layer(vec![file("b", b"2")]),
            layer(vec![file("c", b"3")]),
        ]);
        let ids: Vec<String> =
            image.layers.iter().map(|l| l.diff_id().unwrap().to_string()).collect();
        let bases = [
            known("one:1", &ids[..1]),
            known("two:1", &ids[..2]),
            known("other:1", &[ids[1].clone()]),
            known("longer:1", &[ids.clone(), vec!["sha256:00".into()]].concat()),
            known("none:1", &[]),
        ];
        let got = recognise(&image, &History::default(), &bases).unwrap();
        assert_eq!(
            (got.name.as_deref(), got.layers, got.how),
            (Some("two:1"), Some(2), How::Layers)
        );
        assert_eq!(recognise(&image, &History::default(), &bases[2..]), None);
    }

    #[test]
    fn what_the_image_says_of_itself_comes_next() {
        let mut image = image(vec![layer(vec![file("a", b"1")])]);
        image.found.annotations.insert(NAME.into(), "docker.io/library/debian:12".into());
        image.found.annotations.insert(DIGEST.into(), "sha256:ab\u{1b}[2J".into());
        let got = recognise(&image, &History::default(), &[]).unwrap();
        assert_eq!(got.name.as_deref(), Some("docker.io/library/debian:12"));
        assert_eq!((got.digest, got.how), (None, How::Annotation));
    }
}
