//! A tar file that can be read at any place: docker-archive or OCI layout. The headers are read once;
//! each layer is then read straight from its place, several at a time. Knows nothing of compressed
//! archives: those are [`super::single_pass`]'s.

use super::headers::{Headers, Skip};
use super::members::Members;
use super::resolve::DOCUMENT_LIMIT;
use super::select::Selector;
use super::tar_image::{ArchiveForm, Contents, blob_path, resolve};
use super::{BlobName, LayerRef, PlatformChoice, Resolution, Source, SourceError, Unseen};
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// An uncompressed image archive.
pub struct Archive {
    what: String,
    form: ArchiveForm,
    selector: Option<Selector>,
    file: Arc<File>,
    members: Members<Range>,
    /// Why the table of members is not whole.
    damage: Option<String>,
}

/// Where a member's content lies.
#[derive(Clone, Copy)]
struct Range {
    offset: u64,
    size: u64,
}

impl Archive {
    /// Reads the headers of the tar in `file`, a regular file that `what` names. A tar that breaks
    /// off keeps the members before.
    pub fn new(
        what: String,
        file: File,
        form: ArchiveForm,
        selector: Option<Selector>,
    ) -> Result<Self, SourceError> {
        let length =
            file.metadata().map_err(|source| SourceError::Io { what: what.clone(), source })?.len();
        let file = Arc::new(file);
        let mut headers = Headers::new(Window::new(&file, 0, length));
        let mut members = Members::new(&what);
        let mut damage = None;
        loop {
            match headers.next_member() {
                Ok(Some(h)) => members.insert(&h, || Range { offset: h.offset, size: h.size })?,
                Ok(None) => break,
                Err(e) => {
                    damage = Some(broken(&e));
                    break;
                }
            }
        }
        if members.is_empty()
            && let Some(why) = damage
        {
            return Err(SourceError::Malformed { what, why });
        }
        Ok(Self { what, form, selector, file, members, damage })
    }

    fn reader(&self, member: &str) -> Result<Window, SourceError> {
        let range = self.members.get(member)?;
        Ok(Window::new(&self.file, range.offset, range.size))
    }
}

/// An error of the outer tar in words.
pub fn broken(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "the archive ends in the middle of a member".to_owned(),
        io::ErrorKind::InvalidData => format!("the archive is broken: {e}"),
        _ => format!("the archive cannot be read: {e}"),
    }
}

/// Says what is wrong with the archive as a whole: beside the images where there are some.
pub fn with_damage(
    what: &str,
    damage: Option<String>,
    found: Result<Resolution, SourceError>,
) -> Result<Resolution, SourceError> {
    let Some(why) = damage else {
        return found;
    };
    match found {
        Ok(mut resolution) => {
            resolution.unseen.push(Unseen {
                what: format!("the rest of {what}"),
                why,
                failed: true,
            });
            Ok(resolution)
        }
        // What is missing is likely behind the break.
        Err(_) => Err(SourceError::Malformed { what: what.to_owned(), why }),
    }
}

/// Says which manifests stand more than once.
pub fn remark_twice(twice: &[String], resolution: &mut Resolution) {
    for name in twice {
        for image in &mut resolution.images {
            image.remarks.push(format!(
                "{name} stands more than once in the archive; the last one was read"
            ));
        }
    }
}

impl Contents for Archive {
    fn canonical(&self, name: &str) -> Result<String, SourceError> {
        self.members.canonical(name)
    }

    fn document(&self, name: &str) -> Result<Vec<u8>, SourceError> {
        let what = || format!("{}: {}", self.what, crate::text::Sanitized::from(name));
        let reader = self.reader(name)?;
        if reader.left > DOCUMENT_LIMIT {
            return Err(SourceError::TooLarge { what: what(), limit: DOCUMENT_LIMIT });
        }
        let mut raw = Vec::new();
        let mut reader = reader;
        reader.read_to_end(&mut raw).map_err(|source| SourceError::Io { what: what(), source })?;
        Ok(raw)
    }
}

impl Source for Archive {
    fn resolve(&self, choice: &PlatformChoice) -> Result<Resolution, SourceError> {
        let found = resolve(&self.what, self.form, self.selector.as_ref(), self, choice);
        let mut resolution = with_damage(&self.what, self.damage.clone(), found)?;
        remark_twice(self.members.twice(), &mut resolution);
        Ok(resolution)
    }

    fn open(&self, layer: &LayerRef) -> Result<Box<dyn Read + Send>, SourceError> {
        let member = match &layer.blob {
            BlobName::Digest(d) => blob_path(d),
            BlobName::Member(name) => name.clone(),
        };
        Ok(Box::new(self.reader(&member)?))
    }
}

/// A part of a file, with a place of its own: several are read at once. Ending before its size is an
/// error.
struct Window {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Window {
    fn new(file: &Arc<File>, at: u64, left: u64) -> Self {
        Self { file: Arc::clone(file), at, left }
    }
}

impl Read for Window {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        if want == 0 {
            return Ok(0);
        }
        let n = read_at(&self.file, &mut buf[..want], self.at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

impl Skip for Window {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.left {
            self.left = 0;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += bytes;
        self.left -= bytes;
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, at)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, at)
}

#[cfg(test)]
mod tests;
