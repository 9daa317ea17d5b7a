//! What the user's words name: skopeo's prefixes, or a guess by what is there. Opens everything but a
//! registry.

use super::archive::Archive;
use super::archive_compression::{self, Wrapping};
use super::daemon::{self, DaemonSettings};
use super::layout::Layout;
use super::select::Selector;
use super::single_pass::SinglePass;
use super::tar_image::ArchiveForm;
use super::{Source, SourceError};
use crate::oci::Reference;
use crate::text::Sanitized;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locator {
    Registry(Reference),
    /// An OCI layout in a directory.
    Layout {
        path: PathBuf,
        selector: Option<Selector>,
    },
    /// A file, or anything else that can be opened and read, such as a FIFO.
    Archive {
        path: PathBuf,
        form: ArchiveForm,
        selector: Option<Selector>,
    },
    /// `-`
    Stdin {
        form: ArchiveForm,
        selector: Option<Selector>,
    },
    /// An image of a local engine, in the engine's words.
    Daemon(String),
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    Missing,
    /// A directory with an `index.json`.
    Layout,
    Directory,
    File,
    /// A FIFO, a socket of the shell (`<(…)`), a character device: read once, front to end.
    Stream,
}

impl PathKind {
    /// Looks.
    pub fn of(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Err(_) => Self::Missing,
            Ok(m) if m.is_file() => Self::File,
            Ok(m) if m.is_dir() && path.join("index.json").exists() => Self::Layout,
            Ok(m) if m.is_dir() => Self::Directory,
            Ok(_) => Self::Stream,
        }
    }
}

/// Prefixes of skopeo that careen does not read.
const UNSUPPORTED: [&str; 6] =
    ["containers-storage:", "dir:", "ostree:", "sif:", "tarball:", "docker-daemon-cache:"];

/// Endings that no one gives a repository.
const ARCHIVE_ENDINGS: [&str; 8] =
    [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst", ".tar.xz", ".tar.bz2"];

impl Locator {
    /// Reads the user's words, looking at the paths they may mean.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        Self::parse_with(text, &PathKind::of)
    }

    /// The same on a file system that `kind` knows.
    pub fn parse_with(text: &str, kind: &dyn Fn(&Path) -> PathKind) -> Result<Self, SourceError> {
        if let Some(reference) = text.strip_prefix("docker://") {
            return Ok(Self::Registry(reference.parse()?));
        }
        if let Some(rest) = text.strip_prefix("docker-daemon:") {
            return daemon::check_name(rest).map(|()| Self::Daemon(rest.to_owned()));
        }
        for (prefix, form) in
            [("oci-archive:", ArchiveForm::Oci), ("docker-archive:", ArchiveForm::Docker)]
        {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Self::archive(rest, form, kind);
            }
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let (path, selector) = split(rest, kind)?.ok_or_else(|| no_such_file(rest))?;
            // What is there but is no layout is said when it is opened.
            return Ok(Self::Layout { path, selector });
        }
        if text == "-" || text.starts_with("-:") {
            return Self::stdin(text, ArchiveForm::Any);
        }
        if let Some((path, selector)) = split(text, kind)? {
            match kind(&path) {
                PathKind::Layout => return Ok(Self::Layout { path, selector }),
                PathKind::File | PathKind::Stream => {
                    return Ok(Self::Archive { path, form: ArchiveForm::Any, selector });
                }
                // `debian:12` beside a directory `debian`: a directory has no tags.
                PathKind::Directory if selector.is_some() && !looks_like_path(text) => {}
                PathKind::Directory | PathKind::Missing => {
                    return Err(SourceError::NoLayout { path: path.display().to_string() });
                }
            }
        }
        if looks_like_path(text) {
            return Err(no_such_file(text));
        }
        if let Some(prefix) = UNSUPPORTED.iter().find(|p| text.starts_with(**p))
            && text.parse::<Reference>().is_err()
        {
            return Err(SourceError::UnsupportedTransport {
                text: Sanitized::from(text).to_string(),
                transport: prefix.trim_end_matches(':').to_owned(),
            });
        }
        Ok(Self::Registry(text.parse()?))
    }

    fn archive(
        rest: &str,
        form: ArchiveForm,
        kind: &dyn Fn(&Path) -> PathKind,
    ) -> Result<Self, SourceError> {
        if rest == "-" || rest.starts_with("-:") {
            return Self::stdin(rest, form);
        }
        let (path, selector) = split(rest, kind)?.ok_or_else(|| no_such_file(rest))?;
        if matches!(kind(&path), PathKind::Directory | PathKind::Layout) {
            return Err(SourceError::Malformed {
                what: path.display().to_string(),
                why: "is a directory, not an archive".to_owned(),
            });
        }
        Ok(Self::Archive { path, form, selector })
    }

    fn stdin(text: &str, form: ArchiveForm) -> Result<Self, SourceError> {
        let selector = text.strip_prefix("-:").map(str::parse).transpose()?;
        Ok(Self::Stdin { form, selector })
    }

    /// Opens it, taking standard input for [`Locator::Stdin`].
    pub fn open(&self, daemon: &DaemonSettings) -> Result<Opened, SourceError> {
        self.open_with(|| Box::new(std::io::stdin()), daemon)
    }

    /// Opens it; `stdin` is asked only for [`Locator::Stdin`].
    pub fn open_with(
        &self,
        stdin: impl FnOnce() -> Box<dyn Read + Send>,
        daemon: &DaemonSettings,
    ) -> Result<Opened, SourceError> {
        match self {
            Self::Registry(reference) => Ok(Opened::Registry(reference.clone())),
            Self::Layout { path, selector } => {
                Ok(Opened::Random(Box::new(Layout::open(path, selector.clone())?)))
            }
            Self::Archive { path, form, selector } => open_archive(path, *form, selector.clone()),
            Self::Stdin { form, selector } => Ok(Opened::SinglePass(
                SinglePass::new("-".to_owned(), stdin(), selector.clone()).with_form(*form),
            )),
            Self::Daemon(name) => daemon::open(name, daemon).map(Opened::SinglePass),
        }
    }
}

/// What a locator led to.
pub enum Opened {
    /// Not opened here.
    Registry(Reference),
    /// Any layer at any time.
    Random(Box<dyn Source>),
    /// Everything in one pass.
    SinglePass(SinglePass<Box<dyn Read + Send>>),
}

fn open_archive(
    path: &Path,
    form: ArchiveForm,
    selector: Option<Selector>,
) -> Result<Opened, SourceError> {
    let what = path.display().to_string();
    let io = |source| SourceError::Io { what: what.clone(), source };
    let mut file = File::open(path).map_err(io)?;
    // A stream could not be read again from its start.
    let wrapping = if file.metadata().map_err(io)?.is_file() {
        let head = archive_compression::head(&mut file).map_err(io)?;
        std::io::Seek::rewind(&mut file).map_err(io)?;
        Some(archive_compression::sniff(&head))
    } else {
        None
    };
    if wrapping == Some(Wrapping::Tar) {
        let archive = Archive::new(what, file, form, selector)?;
        return Ok(Opened::Random(Box::new(archive)));
    }
    let reader: Box<dyn Read + Send> = Box::new(file);
    Ok(Opened::SinglePass(SinglePass::new(what, reader, selector).with_form(form)))
}

/// The longest part of the text that is a path, and what it selects there. `None`: no part is.
fn split(
    text: &str,
    kind: &dyn Fn(&Path) -> PathKind,
) -> Result<Option<(PathBuf, Option<Selector>)>, SourceError> {
    let exists = |path: &str| !path.is_empty() && kind(Path::new(path)) != PathKind::Missing;
    if exists(text) {
        return Ok(Some((PathBuf::from(text), None)));
    }
    for (at, separator) in text.rmatch_indices([':', '@']) {
        let path = &text[..at];
        // `path:@1` is split at its colon.
        if !exists(path) {
            continue;
        }
        let rest = &text[at..];
        let selector = if separator == ":" { &rest[1..] } else { rest };
        return Ok(Some((PathBuf::from(path), Some(selector.parse()?))));
    }
    Ok(None)
}

/// Whether the words can only be meant as a path.
fn looks_like_path(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or(text);
    let name = name.split([':', '@']).next().unwrap_or(name);
    text == "."
        || text == ".."
        || ["/", "./", "../", "~/"].iter().any(|p| text.starts_with(p))
        || ARCHIVE_ENDINGS.iter().any(|e| name.ends_with(e))
}

fn no_such_file(text: &str) -> SourceError {
    SourceError::NoSuchFile { path: Sanitized::from(text).to_string() }
}

#[cfg(test)]
mod tests;
