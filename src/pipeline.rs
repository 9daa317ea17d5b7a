//! The whole path on one screen.
//!
//! A stand-in for the command line to be built against, to be dropped: it reads nothing and says so.

use crate::report::files::FileRow;
use crate::report::model::Report;
use crate::source::PlatformChoice;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Told how far the work is; called from several threads.
pub trait Progress: Sync {
    fn layer_found(&self, name: &str, bytes: Option<u64>);
    fn advanced(&self, bytes: u64);
    fn layer_done(&self, name: &str);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn layer_found(&self, _: &str, _: Option<u64>) {}
    fn advanced(&self, _: u64) {}
    fn layer_done(&self, _: &str) {}
}

/// What to look at, and how.
pub struct Plan {
    pub locator: String,
    pub platform: PlatformChoice,
    pub cache_dir: Option<PathBuf>,
    pub reveal: bool,
    pub jobs: usize,
}

pub struct Inspection {
    pub reports: Vec<Report>,
    pub partial: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("this build of careen cannot read images yet")]
pub struct PipelineError;

impl PipelineError {
    pub fn hint(&self) -> Option<String> {
        None
    }
}

pub fn inspect(_: &Plan, _: &dyn Progress) -> Result<Inspection, PipelineError> {
    Err(PipelineError)
}

pub fn list_files(
    _: &Plan,
    _: Option<usize>,
    _: &dyn Progress,
) -> Result<Vec<FileRow>, PipelineError> {
    Err(PipelineError)
}

pub fn cat(
    _: &Plan,
    _: &str,
    _: Option<usize>,
    _: &mut (dyn Write + Send),
) -> Result<u64, PipelineError> {
    Err(PipelineError)
}

pub struct CacheInfo {
    pub entries: u64,
    pub bytes: u64,
}

pub fn cache_info(_: &Path) -> Result<CacheInfo, PipelineError> {
    Err(PipelineError)
}

/// Removes every entry; says what went.
pub fn cache_prune(_: &Path) -> Result<CacheInfo, PipelineError> {
    Err(PipelineError)
}
