//! What a sweep comes to, as data for people and programs.

use super::export::object;
use super::inventory::{Filter, Question, View};
use super::store::{FleetFigures, Gap, Measured, PlanFigures, Row, Store, StoreError};
use super::{SweepError, Swept};
use crate::rules::Severity;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Most secrets and proposals that are told.
const MOST: usize = 25;

/// The end of a sweep. Sizes are bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub schema_version: u32,
    pub target: String,
    pub run: i64,
    /// `planned`, `complete`, `partial`, `stopped`.
    pub state: &'static str,
    pub planned: PlanFigures,
    /// Of layers, by this process.
    pub fetched_bytes: u64,
    pub fleet: FleetFigures,
    pub worst: Option<Severity>,
    /// The worst of them; `careen inventory secrets` has all.
    pub secrets: Vec<SecretLine>,
    /// The most urgent; `careen inventory advice` has all.
    pub advice: Vec<AdviceLine>,
    /// What became of proposals of the sweep before.
    pub measured: Vec<Measured>,
    /// Not all of them: `careen inventory not-looked-at` has the rest.
    pub not_looked_at: Vec<Gap>,
    /// How many of them should have been looked at.
    pub failed: u64,
}

/// A secret in one layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretLine {
    pub severity: String,
    pub rule: String,
    pub masked: Option<String>,
    pub fingerprint: String,
    pub state: String,
    pub path: Option<String>,
    pub tags: u64,
    pub brought_by: String,
}

/// A change that helps many images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdviceLine {
    pub kind: String,
    pub severity: Option<String>,
    pub title: String,
    pub advice: String,
    pub tags: u64,
    pub registry_bytes: u64,
    pub pull_bytes: u64,
}

/// What the store says after a sweep.
pub fn summary(store: &Store, swept: &Swept) -> Result<Summary, SweepError> {
    Ok(Summary {
        schema_version: SCHEMA_VERSION,
        target: swept.target.clone(),
        run: swept.run,
        state: swept.ending.word(),
        planned: swept.planned,
        fetched_bytes: swept.fetched,
        fleet: swept.fleet,
        worst: store.worst(swept.run)?,
        secrets: lines(store, "secrets")?,
        advice: lines(store, "advice")?,
        measured: store.measured(swept.run)?,
        not_looked_at: swept.gaps.clone(),
        failed: swept.failed,
    })
}

/// The first rows of a view, by the names of its columns.
fn lines<T: DeserializeOwned>(store: &Store, view: &str) -> Result<Vec<T>, SweepError> {
    let Some(view) = View::by_name(view) else { return Ok(Vec::new()) };
    let question = Question::of_view(store, view, &Filter::default())?;
    let rows = question.first(store, MOST)?;
    let line = |row: &Row| serde_json::from_value(object(&question.columns, row));
    let wrong = |e: serde_json::Error| StoreError::Content {
        what: format!("view {}", question.name),
        why: e.to_string(),
    };
    Ok(rows.iter().map(line).collect::<Result<_, _>>().map_err(wrong)?)
}
