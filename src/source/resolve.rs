//! From a root document down to images: the descent through indexes, the choice of platform, and the
//! config, the same for every content-addressed medium.

use super::{
    BlobName, FoundImage, LayerRef, PlatformChoice, RepeatedKeys, Resolution, SourceError, Unseen,
};
use crate::oci::{
    Descriptor, Digest, Document, ImageConfig, Index, Manifest, MediaKind, MediaType, Platform,
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

/// What the configuration is called among documents with repeated keys.
pub const CONFIGURATION: &str = "the configuration";

/// The document that the user's words name.
#[derive(Clone, Debug)]
pub struct Root {
    /// For the report and for errors.
    pub reference: String,
    /// Whether the words name a digest.
    pub pinned: bool,
    /// Whether it lies in a file or a folder.
    pub is_local: bool,
    pub raw: Vec<u8>,
    pub media_type: Option<MediaType>,
    /// Of the documents that led to it.
    pub repeated: Vec<RepeatedKeys>,
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
///
/// # Errors
/// Where there is none, or the one that is meant cannot be read.
pub fn descend(
    root: Root,
    store: &dyn DocumentStore,
    choice: &PlatformChoice,
) -> Result<Resolution, SourceError> {
    let document = parse(&root.reference, &root.raw, root.media_type.as_ref())?;
    let mut walk = Descent {
        root: &root,
        store,
        indexes: HashSet::from([Digest::sha256(&root.raw)]),
        unseen: Vec::new(),
        remarks: Vec::new(),
        repeated: root.repeated.clone(),
        candidates: Vec::new(),
        nothing: None,
    };
    match document {
        Document::Artifact(kind) => Err(SourceError::NoImage { what: root.reference, kind }),
        Document::Manifest(m) => {
            let image = walk.image(m, root.raw.clone())?;
            if let PlatformChoice::One { platform, named_by_user: true } = choice
                && !platform.accepts(&image.platform)
            {
                return Err(SourceError::NoPlatform {
                    wanted: platform.to_string(),
                    available: vec![image.platform.to_string()],
                    reference: root.reference,
                });
            }
            Ok(Resolution { images: vec![image], unseen: walk.unseen })
        }
        Document::Index(index) => {
            walk.collect(index, 0)?;
            let images = match choice {
                PlatformChoice::All => walk.all()?,
                PlatformChoice::One { platform, named_by_user } => {
                    vec![walk.one(platform, *named_by_user)?]
                }
            };
            Ok(Resolution { images, unseen: walk.unseen })
        }
    }
}

fn parse(what: &str, raw: &[u8], claimed: Option<&MediaType>) -> Result<Document, SourceError> {
    Document::parse(raw, claimed)
        .map_err(|source| SourceError::Document { what: what.to_owned(), source })
}

struct Descent<'a> {
    root: &'a Root,
    store: &'a dyn DocumentStore,
    /// Indexes already met: one that names itself ends here.
    indexes: HashSet<Digest>,
    unseen: Vec<Unseen>,
    /// Of the indexes, for every image below them.
    remarks: Vec<String>,
    repeated: Vec<RepeatedKeys>,
    candidates: Vec<Descriptor>,
    /// Why the first one that is none was no image.
    nothing: Option<SourceError>,
}

impl Descent<'_> {
    /// Gathers the manifests below an index, in order, without fetching them.
    fn collect(&mut self, index: Index, depth: usize) -> Result<(), SourceError> {
        self.remarks.extend(index.remarks.into_iter().map(|r| format!("an index: {r}")));
        let name = if depth == 0 { "the index" } else { "an index in the index" };
        self.repeated.extend(RepeatedKeys::of(name, index.repeated));
        for why in index.nameless {
            let what = "an entry of the index".to_owned();
            self.unseen.push(Unseen { what, why, failed: true });
        }
        for d in index.manifests {
            if self.candidates.len() >= MAX_MANIFESTS {
                return Err(SourceError::Malformed {
                    what: self.root.reference.clone(),
                    why: format!("more than {MAX_MANIFESTS} manifests in one index"),
                });
            }
            let what = format!("manifest {}", d.digest.short());
            if d.is_attestation() {
                self.skip(what, "an attestation, not an image");
                continue;
            }
            match d.media_type.kind() {
                MediaKind::Index if !self.indexes.insert(d.digest) => {}
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
                        Document::Manifest(_) | Document::Artifact(_) => self.candidate(d),
                    }
                }
                MediaKind::Manifest => self.candidate(d),
                MediaKind::Schema1 => self.skip(what, "docker schema 1 is not supported"),
                // A layout may leave the type out; the content decides.
                MediaKind::Other if d.media_type.as_str().is_empty() => self.candidate(d),
                _ => {
                    let kind = d.artifact_type.as_deref().unwrap_or(d.media_type.as_str());
                    let (what, kind) = (self.root.reference.clone(), kind.to_owned());
                    self.no_image(&d, SourceError::NoImage { what, kind });
                }
            }
        }
        Ok(())
    }

    /// One manifest may stand for several platforms.
    fn candidate(&mut self, d: Descriptor) {
        let is_same = |c: &Descriptor| c.digest == d.digest && c.platform == d.platform;
        if !self.candidates.iter().any(is_same) {
            self.candidates.push(d);
        }
    }

    fn skip(&mut self, what: String, why: &str) {
        self.unseen.push(Unseen { what, why: why.to_owned(), failed: false });
    }

    /// Notes a manifest that turned out to be none, or could not be read.
    fn no_image(&mut self, d: &Descriptor, e: SourceError) {
        let platform = d.platform.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
        self.unseen.push(Unseen {
            what: format!("manifest {}{platform}", d.digest.short()),
            why: match &e {
                SourceError::NoImage { kind, .. } => {
                    format!("an artifact of type `{kind}`, not an image")
                }
                other => other.to_string(),
            },
            failed: !e.is_no_image(),
        });
        match &self.nothing {
            Some(known) if !known.is_no_image() || e.is_no_image() => {}
            _ => self.nothing = Some(e),
        }
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
            Document::Artifact(kind) => {
                Err(SourceError::NoImage { what: self.root.reference.clone(), kind })
            }
            Document::Index(_) => Err(SourceError::Malformed {
                what,
                why: "is an index where its descriptor says an image".to_owned(),
            }),
        }
    }

    /// Every image; one that cannot be read does not hide the others.
    fn all(&mut self) -> Result<Vec<FoundImage>, SourceError> {
        let mut images = Vec::new();
        let mut met = HashSet::new();
        for d in std::mem::take(&mut self.candidates) {
            if !met.insert(d.digest) {
                continue;
            }
            match self.open(&d) {
                Ok(image) => images.push(image),
                Err(e) => self.no_image(&d, e),
            }
        }
        if images.is_empty() { Err(self.none()) } else { Ok(images) }
    }

    /// The image that runs best on a platform: the first of those that fit equally well.
    fn one(&mut self, platform: &Platform, named: bool) -> Result<FoundImage, SourceError> {
        let candidates = std::mem::take(&mut self.candidates);
        // What had to be opened to learn its platform.
        let mut opened: Vec<Option<FoundImage>> = vec![None; candidates.len()];
        let mut is_out = vec![false; candidates.len()];
        loop {
            let mut best: Option<(u32, usize)> = None;
            for (n, d) in candidates.iter().enumerate() {
                if best.is_some_and(|(rank, _)| rank == 0) {
                    break;
                }
                // Without a platform in the index only the config knows.
                if d.platform.is_none() && opened[n].is_none() && !is_out[n] {
                    match self.open(d) {
                        Ok(image) => opened[n] = Some(image),
                        Err(e) => {
                            is_out[n] = true;
                            self.no_image(d, e);
                        }
                    }
                }
                let have = d.platform.as_ref().or(opened[n].as_ref().map(|i| &i.platform));
                let rank = have.filter(|_| !is_out[n]).and_then(|have| platform.rank(have));
                if let Some(rank) = rank.filter(|r| best.is_none_or(|(least, _)| *r < least)) {
                    best = Some((rank, n));
                }
            }
            let left: Vec<usize> = (0..candidates.len()).filter(|n| !is_out[*n]).collect();
            let chosen = match (best, left.as_slice()) {
                (Some((_, n)), _) => n,
                (None, []) => return Err(self.none()),
                // One platform, and the user named none: there is nothing to choose.
                (None, [only]) if !named => *only,
                (None, left) => {
                    let have = |n: &usize| {
                        let own = opened[*n].as_ref().map(|i| &i.platform);
                        candidates[*n].platform.as_ref().or(own).map(ToString::to_string)
                    };
                    let mut available: Vec<String> = Vec::new();
                    for name in left.iter().filter_map(have) {
                        if !available.contains(&name) {
                            available.push(name);
                        }
                    }
                    return Err(SourceError::NoPlatform {
                        reference: self.root.reference.clone(),
                        wanted: platform.to_string(),
                        available,
                    });
                }
            };
            let image = match opened[chosen].take() {
                Some(image) => Ok(image),
                None => self.open(&candidates[chosen]),
            };
            match image {
                Err(e) if e.is_no_image() => {
                    is_out[chosen] = true;
                    self.no_image(&candidates[chosen], e);
                }
                done => return done,
            }
        }
    }

    /// Why there is no image at all.
    fn none(&mut self) -> SourceError {
        let empty = || SourceError::Empty { what: self.root.reference.clone() };
        self.nothing.take().unwrap_or_else(empty)
    }

    fn image(&mut self, m: Manifest, raw: Vec<u8>) -> Result<FoundImage, SourceError> {
        if let Some(kind) = m.artifact_kind() {
            let (what, kind) = (self.root.reference.clone(), kind.to_owned());
            return Err(SourceError::NoImage { what, kind });
        }
        let what = format!("config {}", m.config.digest.short());
        let config_raw = self.fetch(&what, &m.config)?;
        let mut remarks = self.remarks.clone();
        remarks.extend(m.remarks.into_iter().map(|r| format!("the manifest: {r}")));
        let mut repeated = self.repeated.clone();
        repeated.extend(RepeatedKeys::of("the manifest", m.repeated));
        let config = parse_config(&what, &config_raw, &mut remarks, &mut repeated)?;
        let layers = self.layers(m.layers, config.rootfs.diff_ids.len());
        let layers = pair_layers(&layers, &config, &mut remarks);
        Ok(FoundImage {
            reference: self.root.reference.clone(),
            digest: Some(Digest::sha256(&raw)),
            platform: config.platform(),
            manifest_raw: Some(raw),
            config_raw,
            config,
            layers,
            annotations: m.annotations,
            pinned: self.root.pinned,
            is_local: self.root.is_local,
            remarks,
            repeated,
        })
    }

    /// The layers proper. Where a manifest lists blobs of other types beside as many layers as the config
    /// has diff ids, containerd passes those over, and other runtimes refuse the image.
    fn layers(&mut self, all: Vec<Descriptor>, diff_ids: usize) -> Vec<Descriptor> {
        let proper = all.iter().filter(|l| l.media_type.may_be_layer()).count();
        if proper == all.len() || proper != diff_ids {
            return all;
        }
        let (layers, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|l| l.media_type.may_be_layer());
        for other in others {
            let why = format!("media type `{}` is no layer's", other.media_type);
            self.skip(format!("blob {} of the manifest", other.digest.short()), &why);
        }
        layers
    }
}

/// Parses an image config; what had to be put right in it is a remark.
pub fn parse_config(
    what: &str,
    raw: &[u8],
    remarks: &mut Vec<String>,
    repeated: &mut Vec<RepeatedKeys>,
) -> Result<ImageConfig, SourceError> {
    let (config, remarked) = ImageConfig::parse(raw)
        .map_err(|e| SourceError::Document { what: what.to_owned(), source: e.into() })?;
    remarks.extend(remarked);
    repeated.extend(RepeatedKeys::of(CONFIGURATION, config.repeated.clone()));
    Ok(config)
}

/// Puts each layer of the manifest beside the diff id that the config declares for it.
fn pair_layers(
    layers: &[Descriptor],
    config: &ImageConfig,
    remarks: &mut Vec<String>,
) -> Vec<LayerRef> {
    remarks.extend(config.rootfs.remark(layers.len()));
    let layer = |(n, d): (usize, &Descriptor)| LayerRef {
        blob: BlobName::Digest(d.digest),
        descriptor: Some(d.clone()),
        declared_diff_id: config.rootfs.diff_id(n),
    };
    layers.iter().enumerate().map(layer).collect()
}
