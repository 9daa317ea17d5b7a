//! Why a sweep cannot go on at all. A registry that refuses one image is no such error: it is noted as not
//! looked at.

use super::store::StoreError;
use crate::index::build::MORE_THREADS;
use crate::source::SourceError;

#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("`{glob}` is not a pattern: {why}")]
    Glob { glob: String, why: String },
    #[error("{what}: {why}")]
    Target { what: String, why: String },
    #[error("the system gives no thread to work with: {0}")]
    Thread(std::io::Error),
    #[error("the page's data cannot be written: {0}")]
    Page(#[from] serde_json::Error),
}

impl From<crate::source::registry::RegistryError> for SweepError {
    fn from(e: crate::source::registry::RegistryError) -> Self {
        Self::Source(e.into())
    }
}

impl SweepError {
    /// Whether the user's words were wrong, rather than what they name.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Glob { .. } | Self::Target { .. } => true,
            Self::Source(e) => e.is_usage(),
            Self::Store(_) | Self::Page(_) | Self::Thread(_) => false,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Source(e) => e.hint(),
            Self::Glob { .. } => {
                Some("`*` stands for a part of a name, `**` for several".to_owned())
            }
            Self::Thread(_) => Some(MORE_THREADS.to_owned()),
            Self::Target { .. } | Self::Page(_) => None,
        }
    }
}
