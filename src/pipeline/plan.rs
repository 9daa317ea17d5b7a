//! What is to be done, who is told, and what can go wrong.

use super::bases::BasePlan;
use crate::analyze::Confidence;
use crate::analyze::secrets::Patterns;
use crate::image::base::KnownBases;
use crate::index::build::{BuildSettings, LayerError};
use crate::oci::Platform;
use crate::report::baseline::Baseline;
use crate::report::scan_profile::JudgedBy;
use crate::rules::allow::Allows;
use crate::rules::policy::Policy;
use crate::source::daemon::DaemonSettings;
use crate::source::locator::Locator;
use crate::source::registry::RegistrySettings;
use crate::source::{PlatformChoice, SourceError};
use std::path::PathBuf;
use std::sync::Arc;

/// Every decision of one run, taken.
#[derive(Clone)]
pub struct Plan {
    pub locator: Locator,
    pub platform: PlatformChoice,
    pub registry: RegistrySettings,
    pub daemon: DaemonSettings,
    /// Folder of the index cache; `None` reads and writes none.
    pub cache_dir: Option<PathBuf>,
    pub patterns: Arc<Patterns>,
    /// Secrets less sure than this are counted, not listed.
    pub confidence: Confidence,
    /// What the owner of the image lives with.
    pub allows: Arc<Allows>,
    /// What an earlier report told already.
    pub baseline: Option<Arc<Baseline>>,
    /// What the owner of the image asks of it.
    pub policy: Arc<Policy>,
    /// Keep secrets in clear beside their mask. Implies that no cached index is used: it has none.
    pub reveal: bool,
    /// Layers worked on at the same time.
    pub jobs: usize,
    pub build: BuildSettings,
    /// The user's own Dockerfile, for the advice.
    pub dockerfile: Option<String>,
    /// Make proposals; without them, what the entry point needs is not worked out either.
    pub advise: bool,
    /// All advice, not only the most rewarding.
    pub all_advice: bool,
    /// Make the tree of what fills the image, for a picture.
    pub file_tree: bool,
    /// Bases that are known by their layers.
    pub known_bases: Arc<KnownBases>,
    pub bases: BasePlan,
}

impl Plan {
    /// Everything that is looked for by default, on one platform, without cache or logins.
    pub fn new(locator: Locator) -> Self {
        Self {
            locator,
            platform: PlatformChoice::One { platform: Platform::host(), named_by_user: false },
            registry: RegistrySettings::default(),
            daemon: DaemonSettings::default(),
            cache_dir: None,
            patterns: Patterns::builtin(),
            confidence: Confidence::Likely,
            allows: Arc::default(),
            baseline: None,
            policy: Arc::default(),
            reveal: false,
            jobs: 1,
            build: BuildSettings::default(),
            dockerfile: None,
            advise: true,
            all_advice: false,
            file_tree: false,
            known_bases: Arc::default(),
            bases: BasePlan::default(),
        }
    }

    /// What tells whether another report knows as much.
    pub(super) fn judged_by(&self) -> JudgedBy {
        JudgedBy::new(&self.patterns, self.confidence)
    }
}

/// Told of the work as it goes, from several threads. A layer's name is its digest or its path in
/// the archive; bytes are those of the stored blob.
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

/// Why there is nothing to report at all. A layer that fails is no such error: it is named in the
/// report as not looked at.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error("no file `{path}` in {place}")]
    NoSuchFile { path: String, place: String },
    #[error("`{path}` is a {kind}, not a file")]
    NotAFile { path: String, kind: &'static str },
    #[error("no layer {number}: the image has {layers}, numbered from 0")]
    NoSuchLayer { number: usize, layers: usize },
    #[error("{what} was not looked at: {why}")]
    NotLookedAt { what: String, why: String },
    #[error("the baseline cannot be used: {0}")]
    Baseline(#[source] Box<PipelineError>),
    #[error("cannot write the output: {0}")]
    Output(#[source] std::io::Error),
}

impl PipelineError {
    /// Whether the user's words were wrong, rather than what they name.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Source(e) => e.is_usage(),
            Self::Baseline(e) => e.is_usage(),
            Self::NoSuchFile { .. } | Self::NoSuchLayer { .. } | Self::NotAFile { .. } => true,
            _ => false,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source(e) => e.hint(),
            Self::Baseline(e) => e
                .hint()
                .or_else(|| Some("a baseline is an image, or the JSON report of one".to_owned())),
            Self::Layer(e) => e.hint(),
            Self::NoSuchFile { .. } => Some(
                "`careen files` lists what there is; a deleted file needs `--layer N`".to_owned(),
            ),
            _ => None,
        }
    }
}
