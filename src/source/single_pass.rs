//! An image archive that can be read only once: standard input, a file that is compressed as a whole,
//! an engine's export.
//!
//! Where the manifest stands is not known beforehand (most tools write it last), so everything that
//! can be a document is kept and everything that can be a layer is handed out as it comes, both
//! before anyone knows whether an image names it. Two things are not possible this way: an OCI layout
//! in a *directory* (there is no stream of it), and leaving out the layers of images that the user
//! did not mean.

use super::archive::{broken, remark_twice, with_damage};
use super::archive_compression::{self, Wrapping};
use super::headers::{Forward, Headers, Kind};
use super::members::{Members, path};
use super::resolve::DOCUMENT_LIMIT;
use super::select::Selector;
use super::tar_image::{ArchiveForm, Contents, blob_path, resolve};
use super::{BlobName, PlatformChoice, Resolution, SourceError};
use crate::text::Sanitized;
use std::collections::HashMap;
use std::io::{self, Cursor, Read};

/// All documents of one archive together, in bytes.
const ALL_DOCUMENTS_LIMIT: u64 = 64 << 20;

/// Bytes looked at to tell a document from a layer: a layer's first entry would have to begin with
/// spaces and a brace.
const PEEK: u64 = 64;

/// Members up to this size in bytes are kept too: too small for a tar, they are handed out only if an
/// image does call them layers (a compressed layer without entries is that small).
const SMALL: u64 = 512;

/// What may stand behind the end of the tar: some writers pad to a tape's record, none to this.
const TRAILER_LIMIT: u64 = 1 << 30;

/// Largest tar that is read out of an archive unless told otherwise, in bytes: an order above real
/// images, so that a decompression bomb ends.
pub const DEFAULT_TAR_LIMIT: u64 = 1 << 38;

/// An archive in one pass.
pub struct SinglePass<R> {
    what: String,
    reader: R,
    form: ArchiveForm,
    selector: Option<Selector>,
    tar_limit: u64,
    called: Option<(String, bool)>,
}

/// A member as it was met.
enum Kept<T> {
    /// JSON, or small.
    Document(Vec<u8>),
    Layer {
        value: Option<T>,
        why: NoDocument,
    },
}

/// Why a member cannot be read as a document any more.
#[derive(Clone, Copy)]
enum NoDocument {
    NotJson,
    TooLarge,
    TooMany,
}

impl<R: Read> SinglePass<R> {
    /// `what` names the archive; `reader` gives it as it is stored, compressed or not.
    pub fn new(what: String, reader: R, selector: Option<Selector>) -> Self {
        Self {
            what,
            reader,
            form: ArchiveForm::Any,
            selector,
            tar_limit: DEFAULT_TAR_LIMIT,
            called: None,
        }
    }

    /// What the one image in it is called, and whether that pins its content, where the words of the
    /// user say more than the archive.
    pub fn called(mut self, reference: String, pinned: bool) -> Self {
        self.called = Some((reference, pinned));
        self
    }

    /// Forces a form.
    pub fn with_form(mut self, form: ArchiveForm) -> Self {
        self.form = form;
        self
    }

    /// Most bytes of tar that are read out of the archive.
    pub fn with_tar_limit(mut self, bytes: u64) -> Self {
        self.tar_limit = bytes;
        self
    }

    /// What the archive is called in errors.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Reads the archive to its end. `on_layer` gets each member that can be a layer: its plain name
    /// in the archive, its size as stored in bytes and its stored bytes; what it leaves unread is skipped.
    /// Its results come back by [`LayerRef::blob`](super::LayerRef::blob) for the layers of the images
    /// found; a layer without a result is not in the archive. Results for members that no image names
    /// are dropped.
    ///
    /// An archive that breaks off is an error only where no image is found before the break;
    /// otherwise the break stands in [`Resolution::unseen`].
    pub fn run<T>(
        self,
        choice: &PlatformChoice,
        on_layer: &mut dyn FnMut(&str, u64, &mut dyn Read) -> T,
    ) -> Result<(Resolution, HashMap<BlobName, T>), SourceError> {
        let (wrapping, tar) = archive_compression::unwrap(self.reader)
            .map_err(|source| SourceError::Io { what: self.what.clone(), source })?;
        if wrapping == Wrapping::Unknown {
            let why = "neither a tar nor one compressed by gzip, zstd, xz or bzip2";
            return Err(SourceError::Malformed { what: self.what, why: why.to_owned() });
        }
        let mut archive = Collected {
            members: Members::new(&self.what),
            what: self.what.clone(),
            document_bytes: 0,
        };
        let mut headers = Headers::new(Forward(Limited { inner: tar, left: self.tar_limit }));
        let mut damage = archive.read(&mut headers, on_layer)?.map(|e| broken(&e));
        let mut trailing_data = false;
        if damage.is_none() {
            // Only now are the checksums of the compressed stream compared.
            match drain(&mut headers.into_inner().0) {
                Ok(non_zero) => trailing_data = non_zero,
                Err(e) => damage = Some(broken(&e)),
            }
        }
        let found = resolve(&self.what, self.form, self.selector.as_ref(), &archive, choice);
        let mut resolution = with_damage(&self.what, damage, found)?;
        remark_twice(archive.members.twice(), &mut resolution);
        if trailing_data {
            for image in &mut resolution.images {
                image.remarks.push("the archive has data behind the end of its tar".to_owned());
            }
        }
        if let Some((reference, pinned)) = self.called {
            for image in &mut resolution.images {
                image.reference.clone_from(&reference);
                image.pinned = pinned;
            }
        }
        let layers = archive.into_layers(&resolution, on_layer);
        Ok((resolution, layers))
    }
}

struct Collected<T> {
    what: String,
    members: Members<Kept<T>>,
    document_bytes: u64,
}

impl<T> Collected<T> {
    /// Reads all members. The inner error is the archive breaking off, the outer one ends everything.
    fn read<R: Read>(
        &mut self,
        headers: &mut Headers<Forward<R>>,
        on_layer: &mut dyn FnMut(&str, u64, &mut dyn Read) -> T,
    ) -> Result<Option<io::Error>, SourceError> {
        loop {
            let header = match headers.next_member() {
                Ok(Some(header)) => header,
                Ok(None) => return Ok(None),
                Err(e) => return Ok(Some(e)),
            };
            // What no manifest can name is no layer.
            let name = path(&header.name, "").filter(|_| header.kind == Kind::File);
            let kept = match name {
                Some(name) => match self.keep(&name, header.size, &mut headers.body(), on_layer) {
                    Ok(kept) => kept,
                    Err(e) => return Ok(Some(e)),
                },
                None => Kept::Layer { value: None, why: NoDocument::NotJson },
            };
            self.members.insert(&header, || kept)?;
        }
    }

    fn keep(
        &mut self,
        name: &str,
        size: u64,
        body: &mut dyn Read,
        on_layer: &mut dyn FnMut(&str, u64, &mut dyn Read) -> T,
    ) -> io::Result<Kept<T>> {
        let mut head = Vec::new();
        body.take(PEEK).read_to_end(&mut head)?;
        let mut why = NoDocument::NotJson;
        // A member of nothing but spaces so far may be either.
        let may_be_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'[') | None);
        if may_be_json || size <= SMALL {
            if size > DOCUMENT_LIMIT {
                why = NoDocument::TooLarge;
            } else if self.document_bytes + size > ALL_DOCUMENTS_LIMIT {
                why = NoDocument::TooMany;
            } else {
                body.read_to_end(&mut head)?;
                if size <= SMALL || is_json(&head) {
                    self.document_bytes += size;
                    return Ok(Kept::Document(head));
                }
            }
        }
        let value = on_layer(name, size, &mut Cursor::new(head).chain(body));
        Ok(Kept::Layer { value: Some(value), why })
    }

    /// The results by the names that the images give their layers.
    fn into_layers(
        mut self,
        resolution: &Resolution,
        on_layer: &mut dyn FnMut(&str, u64, &mut dyn Read) -> T,
    ) -> HashMap<BlobName, T> {
        let mut layers = HashMap::new();
        for layer in resolution.images.iter().flat_map(|i| &i.layers) {
            if layers.contains_key(&layer.blob) {
                continue;
            }
            let name = match &layer.blob {
                BlobName::Digest(d) => blob_path(d),
                BlobName::Member(name) => name.clone(),
            };
            let Ok(canonical) = self.members.canonical(&name) else {
                continue;
            };
            let value = match self.members.take(&canonical) {
                // An image may call anything a layer.
                Some(Kept::Document(raw)) => {
                    Some(on_layer(&canonical, raw.len() as u64, &mut raw.as_slice()))
                }
                Some(Kept::Layer { value, .. }) => value,
                None => None,
            };
            if let Some(value) = value {
                layers.insert(layer.blob.clone(), value);
            }
        }
        layers
    }
}

impl<T> Contents for Collected<T> {
    fn canonical(&self, name: &str) -> Result<String, SourceError> {
        self.members.canonical(name)
    }

    fn document(&self, name: &str) -> Result<Vec<u8>, SourceError> {
        let what = format!("{}: {}", self.what, Sanitized::from(name));
        let why = match self.members.get(name)? {
            Kept::Document(raw) => return Ok(raw.clone()),
            Kept::Layer { why, .. } => *why,
        };
        Err(match why {
            NoDocument::TooLarge => SourceError::TooLarge { what, limit: DOCUMENT_LIMIT },
            NoDocument::TooMany => SourceError::NeedsSecondPass {
                what,
                why: format!(
                    "the manifests and configs of the archive take more than {ALL_DOCUMENTS_LIMIT} bytes"
                ),
            },
            NoDocument::NotJson => SourceError::Malformed { what, why: "invalid JSON".to_owned() },
        })
    }
}

fn is_json(raw: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_ok()
}

/// Reads to the end; whether anything but zeros was there.
fn drain(reader: &mut impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let (mut total, mut non_zero) = (0_u64, false);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(non_zero),
            Ok(n) => {
                total += n as u64;
                non_zero |= buffer[..n].iter().any(|&b| b != 0);
                if total > TRAILER_LIMIT {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "more than 1 GiB behind the end of the tar",
                    ));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Ends in an error when the archive inflates to more than its limit.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "its tar is larger than the limit (a decompression bomb?)",
            )
        })?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
