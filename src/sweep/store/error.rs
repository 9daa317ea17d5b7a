//! What can go wrong with the store. No error names a password: a place is written without it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("the store is neither a file nor an address of the form postgres://user@host/database")]
    Place,
    #[error("store {place}: cannot be opened: {why}")]
    Open { place: String, why: String },
    /// It was moved, never mended or made anew.
    #[error("store {place} is damaged ({why}){}", aside_words(aside.as_ref()))]
    Damaged { place: String, why: String, aside: Option<PathBuf> },
    #[error("{place} is no store of careen's: {why}")]
    Foreign { place: String, why: String },
    #[error("store {place} is in use by another sweep")]
    InUse { place: String },
    #[error("store {place}: there is no room left on the disk")]
    Full { place: String },
    #[error("store {place} has schema {found}; this careen knows {known}")]
    TooNew { place: String, found: i64, known: i64 },
    #[error("store {place}: the statement could change something; only questions are allowed")]
    NotAllowed { place: String },
    /// The database server does not let us in.
    #[error("store {place}: cannot be opened: {why}")]
    Refused { place: String, why: String, hint: String },
    /// The same may well succeed a moment later.
    #[error("store {place}: {why}")]
    Lost { place: String, why: String },
    #[error("store {place}: {why}")]
    Sql { place: String, why: String },
    #[error("the store's column {column} is not {wanted}")]
    Shape { column: usize, wanted: &'static str },
    /// What is kept does not mean anything.
    #[error("the store's {what} cannot be used: {why}")]
    Content { what: String, why: String },
}

fn aside_words(aside: Option<&PathBuf>) -> String {
    aside.map(|p| format!("; it was set aside as {}", p.display())).unwrap_or_default()
}

impl StoreError {
    /// Whether it is worth to connect and try again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Damaged { .. } => {
                "sweep again to begin a new store; `sqlite3 FILE .recover` may save the old one's rows"
            }
            Self::Foreign { .. } => "name another file with `--store`",
            Self::InUse { .. } => "wait for it, or use `--store postgres://…` for several at once",
            Self::Full { .. } => "make room and sweep again: what was finished is kept",
            Self::TooNew { .. } => "use the newer careen, or another store",
            Self::NotAllowed { .. } => "ask with SELECT, WITH or VALUES",
            Self::Refused { hint, .. } => hint,
            Self::Lost { .. } => "sweep again: what was finished is kept",
            _ => return None,
        }
        .to_owned())
    }
}
