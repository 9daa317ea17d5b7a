//! What a sweep comes to, as data for people and programs.

use super::store::{Gap, PlanFigures, Store};
use super::{SweepError, Swept};
use crate::rules::Severity;
use serde::Serialize;

/// The end of a sweep. Sizes are bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub target: String,
    pub run: i64,
    /// `planned`, `complete`, `partial`, `stopped`.
    pub state: &'static str,
    pub planned: PlanFigures,
    /// Of layers, by this process.
    pub fetched_bytes: u64,
    pub worst: Option<Severity>,
    /// Not all of them: the store has the rest.
    pub not_looked_at: Vec<Gap>,
    /// How many of them should have been looked at.
    pub failed: u64,
}

/// What the store says after a sweep.
pub fn summary(store: &Store, swept: &Swept) -> Result<Summary, SweepError> {
    Ok(Summary {
        target: swept.target.clone(),
        run: swept.run,
        state: swept.ending.word(),
        planned: swept.planned,
        fetched_bytes: swept.fetched,
        worst: store.worst(swept.run)?,
        not_looked_at: swept.gaps.clone(),
        failed: swept.failed,
    })
}
