//! From a root document down to images: the descent through indexes, the choice of platform, and the
//! config, the same for every content-addressed medium.

use super::{BlobName, FoundImage, LayerRef, PlatformChoice, Resolution, SourceError, Unseen};
use crate::oci::{
    Descriptor, Digest, Document, ImageConfig, Index, Manifest, MediaKind, MediaType,
};
use std::collections::HashSet;

/// Largest manifest, index or config that is read, in bytes (the distribution spec asks registries
/// to take manifests of 4 MiB).
pub const DOCUMENT_LIMIT: u64 = 4 << 20;

/// How deep indexes may nest. One level is usual, two are seen with nested layouts.
const MAX_DEPTH: usize = 4;

/// Largest number of manifests looked at below one root.
const MAX_MANIFESTS: usize = 512;

/// Where manifests and configs are read from by descriptor.
pub trait DocumentStore {
    /// The raw bytes. At most [`DOCUMENT_LIMIT`] of them are read; digest and size need not be
    /// checked here: [`descend`] does.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError>;
}

/// The document that the user's words name.
#[derive(Clone, Debug)]
pub struct Root {
    /// For the report and for errors.
    pub reference: String,
    /// Whether the words name a digest.
    pub pinned: bool,
    pub raw: Vec<u8>,
    pub media_type: Option<MediaType>,
}

/// Checks bytes against the descriptor that led to them.
pub fn verify_document(what: &str, d: &Descriptor, raw: &[u8]) -> Result<(), SourceError> {
    if raw.len() as u64 != d.size {
        return Err(SourceError::WrongSize {
            what: what.to_owned(),
            expected: d.size,
            actual: raw.len() as u64,
        });
    }
    let mut hasher = d.digest.hasher();
    hasher.update(raw);
    let actual = hasher.finish();
    if actual != d.digest {
        return Err(SourceError::WrongDigest { what: what.to_owned(), expected: d.digest, actual });
    }
    Ok(())
}

/// Finds the images below `root`.
pub fn descend(
    root: Root,
    store: &dyn DocumentStore,
    choice: &PlatformChoice,
) -> Result<Resolution, SourceError> {
    let document = parse(&root.reference, &root.raw, root.media_type.as_ref())?;
    let mut walk = Descent {
        reference: &root.reference,
        pinned: root.pinned,
        store,
        seen: HashSet::from([Digest::sha256(&root.raw)]),
        unseen: Vec::new(),
        candidates: Vec::new(),
    };
    match document {
        Document::Manifest(m) => {
            let image = walk.image(m, root.raw)?;
            if let PlatformChoice::One { platform, named_by_user: true } = choice
                && !platform.accepts(&image.platform)
            {
                return Err(SourceError::NoPlatform {
                    reference: root.reference,
                    wanted: platform.to_string(),
                    available: vec![image.platform.to_string()],
                });
            }
            Ok(Resolution { images: vec![image], unseen: walk.unseen })
        }
        Document::Index(index) => {
            walk.collect(index, 0)?;
            walk.choose(choice)
        }
    }
}

fn parse(what: &str, raw: &[u8], claimed: Option<&MediaType>) -> Result<Document, SourceError> {
    Document::parse(raw, claimed)
        .map_err(|source| SourceError::Document { what: what.to_owned(), source })
}

struct Descent<'a> {
    reference: &'a str,
    pinned: bool,
    store: &'a dyn DocumentStore,
    /// Digests already met: an index that names itself ends here.
    seen: HashSet<Digest>,
    unseen: Vec<Unseen>,
    candidates: Vec<Descriptor>,
}

impl Descent<'_> {
    /// Gathers the manifests below an index, in order, without fetching them.
    fn collect(&mut self, index: Index, depth: usize) -> Result<(), SourceError> {
        for d in index.manifests {
            if self.candidates.len() >= MAX_MANIFESTS {
                return Err(SourceError::Malformed {
                    what: self.reference.to_owned(),
                    why: format!("more than {MAX_MANIFESTS} manifests in one index"),
                });
            }
            if !self.seen.insert(d.digest) {
                continue;
            }
            let what = format!("manifest {}", d.digest.short());
            if d.is_attestation() || d.platform.as_ref().is_some_and(|p| p.is_unknown()) {
                self.skip(what, "an attestation, not an image");
                continue;
            }
            match d.media_type.kind() {
                MediaKind::Index if depth + 1 >= MAX_DEPTH => {
                    return Err(SourceError::Malformed {
                        what: format!("index {}", d.digest.short()),
                        why: format!("indexes nest more than {MAX_DEPTH} deep"),
                    });
                }
                MediaKind::Index => {
                    let raw = self.fetch(&what, &d)?;
                    match parse(&what, &raw, Some(&d.media_type))? {
                        Document::Index(inner) => self.collect(inner, depth + 1)?,
                        Document::Manifest(_) => self.candidates.push(d),
                    }
                }
                MediaKind::Manifest => self.candidates.push(d),
                MediaKind::Schema1 => self.skip(what, "docker schema 1 is not supported"),
                // A layout may leave the type out; the content decides.
                MediaKind::Other if d.media_type.as_str().is_empty() => self.candidates.push(d),
                _ => {
                    let why = format!("media type `{}` is no image", d.media_type);
                    self.skip(what, &why);
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, what: String, why: &str) {
        self.unseen.push(Unseen { what, why: why.to_owned(), failed: false });
    }

    fn fetch(&self, what: &str, d: &Descriptor) -> Result<Vec<u8>, SourceError> {
        if d.size > DOCUMENT_LIMIT {
            return Err(SourceError::TooLarge { what: what.to_owned(), limit: DOCUMENT_LIMIT });
        }
        let raw = self.store.document(d)?;
        verify_document(what, d, &raw)?;
        Ok(raw)
    }

    fn open(&mut self, d: &Descriptor) -> Result<FoundImage, SourceError> {
        let what = format!("manifest {}", d.digest.short());
        let raw = self.fetch(&what, d)?;
        match parse(&what, &raw, Some(&d.media_type))? {
            Document::Manifest(m) => self.image(m, raw),
            Document::Index(_) => Err(SourceError::Malformed {
                what,
                why: "is an index where its descriptor says an image".to_owned(),
            }),
        }
    }

    fn choose(mut self, choice: &PlatformChoice) -> Result<Resolution, SourceError> {
        let candidates = std::mem::take(&mut self.candidates);
        let mut images = Vec::new();
        match choice {
            PlatformChoice::All => {
                let mut first_error = None;
                for d in &candidates {
                    match self.open(d) {
                        Ok(image) => images.push(image),
                        // The other platforms are still worth their report.
                        Err(e) => {
                            let platform =
                                d.platform.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
                            self.unseen.push(Unseen {
                                what: format!("manifest {}{platform}", d.digest.short()),
                                why: e.to_string(),
                                failed: true,
                            });
                            first_error.get_or_insert(e);
                        }
                    }
                }
                if let (true, Some(e)) = (images.is_empty(), first_error) {
                    return Err(e);
                }
            }
            PlatformChoice::One { platform, named_by_user } => {
                let mut available = Vec::new();
                for d in &candidates {
                    let image = match &d.platform {
                        Some(p) if !platform.accepts(p) => {
                            available.push(p.to_string());
                            continue;
                        }
                        Some(_) => self.open(d)?,
                        // Without a platform in the index only the config knows.
                        None => {
                            let image = self.open(d)?;
                            let sole = candidates.len() == 1 && !named_by_user;
                            if !sole && !platform.accepts(&image.platform) {
                                available.push(image.platform.to_string());
                                continue;
                            }
                            image
                        }
                    };
                    images.push(image);
                    break;
                }
                if images.is_empty() {
                    if let ([only], false) = (candidates.as_slice(), *named_by_user) {
                        // One platform, and the user named none: there is nothing to choose.
                        images.push(self.open(only)?);
                    } else {
                        return Err(SourceError::NoPlatform {
                            reference: self.reference.to_owned(),
                            wanted: platform.to_string(),
                            available,
                        });
                    }
                }
            }
        }
        if images.is_empty() {
            return Err(SourceError::Malformed {
                what: self.reference.to_owned(),
                why: "the index names no image".to_owned(),
            });
        }
        Ok(Resolution { images, unseen: self.unseen })
    }

    fn image(&self, m: Manifest, raw: Vec<u8>) -> Result<FoundImage, SourceError> {
        let what = format!("config {}", m.config.digest.short());
        let config_type = m.config.media_type.kind();
        if config_type == MediaKind::Other
            && (m.artifact_type.is_some() || !m.config.media_type.as_str().is_empty())
        {
            let kind = m.artifact_type.as_deref().unwrap_or(m.config.media_type.as_str());
            return Err(SourceError::NoImage {
                what: self.reference.to_owned(),
                kind: kind.to_owned(),
            });
        }
        let config_raw = self.fetch(&what, &m.config)?;
        let mut remarks = Vec::new();
        let config = parse_config(&what, &config_raw, &mut remarks)?;
        let layers = pair_layers(&m.layers, &config, &mut remarks);
        Ok(FoundImage {
            reference: self.reference.to_owned(),
            digest: Some(Digest::sha256(&raw)),
            platform: config.platform(),
            manifest_raw: Some(raw),
            config_raw,
            config,
            layers,
            annotations: m.annotations,
            pinned: self.pinned,
            remarks,
        })
    }
}

/// Parses an image config; what had to be put right in it is a remark.
pub fn parse_config(
    what: &str,
    raw: &[u8],
    remarks: &mut Vec<String>,
) -> Result<ImageConfig, SourceError> {
    let (config, repaired) = ImageConfig::parse(raw)
        .map_err(|e| SourceError::Document { what: what.to_owned(), source: e.into() })?;
    if repaired {
        remarks.push("characters that are no Unicode were replaced".to_owned());
    }
    Ok(config)
}

/// Puts each layer of the manifest beside the diff id that the config declares for it.
fn pair_layers(
    layers: &[Descriptor],
    config: &ImageConfig,
    remarks: &mut Vec<String>,
) -> Vec<LayerRef> {
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != layers.len() {
        remarks.push(format!(
            "manifest has {} layers but config has {} diff ids",
            layers.len(),
            diff_ids.len()
        ));
    }
    layers
        .iter()
        .enumerate()
        .map(|(i, d)| LayerRef {
            blob: BlobName::Digest(d.digest),
            descriptor: Some(d.clone()),
            declared_diff_id: diff_ids.get(i).copied(),
        })
        .collect()
}
