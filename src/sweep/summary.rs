//! What a sweep comes to, as data for people and programs.

use super::inventory::{Filter, Question, View};
use super::store::{FleetFigures, Gap, Measured, PlanFigures, Row, Store, StoreError};
use super::{SweepError, Swept};
use crate::rules::Severity;
use serde::Serialize;

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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
        secrets: lines(store, "secrets", secret)?,
        advice: lines(store, "advice", advice)?,
        measured: store.measured(swept.run)?,
        not_looked_at: swept.gaps.clone(),
        failed: swept.failed,
    })
}

/// The first rows of a view.
pub(super) fn lines<T>(
    store: &Store,
    view: &str,
    line: impl Fn(&Fields) -> Result<T, StoreError>,
) -> Result<Vec<T>, SweepError> {
    let Some(view) = View::by_name(view) else { return Ok(Vec::new()) };
    let question = Question::of_view(store, view, &Filter::default())?;
    let names: Vec<String> = question.columns.iter().map(|c| c.name.clone()).collect();
    let rows = question.first(store, MOST)?;
    Ok(rows.iter().map(|row| line(&Fields { names: &names, row })).collect::<Result<_, _>>()?)
}

/// A row whose columns are found by name.
pub(super) struct Fields<'a> {
    names: &'a [String],
    row: &'a Row,
}

impl Fields<'_> {
    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|n| n == name).unwrap_or(usize::MAX)
    }

    fn text(&self, name: &str) -> Result<String, StoreError> {
        self.row.text(self.at(name))
    }

    fn maybe(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.row.maybe_text(self.at(name))
    }

    fn size(&self, name: &str) -> Result<u64, StoreError> {
        self.row.size(self.at(name))
    }
}

fn secret(f: &Fields) -> Result<SecretLine, StoreError> {
    Ok(SecretLine {
        severity: f.text("severity")?,
        rule: f.text("rule")?,
        masked: f.maybe("masked")?,
        fingerprint: f.text("fingerprint")?,
        state: f.text("state")?,
        path: f.maybe("path")?,
        tags: f.size("tags")?,
        brought_by: f.text("brought_by")?,
    })
}

fn advice(f: &Fields) -> Result<AdviceLine, StoreError> {
    Ok(AdviceLine {
        kind: f.text("kind")?,
        severity: f.maybe("severity")?,
        title: f.text("title")?,
        advice: f.text("advice")?,
        tags: f.size("tags")?,
        registry_bytes: f.size("registry_bytes")?,
        pull_bytes: f.size("pull_bytes")?,
    })
}
