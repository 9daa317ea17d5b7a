//! What a sweep knows and still has to do, in one SQLite file or one PostgreSQL database: the same
//! tables, the same statements, written once over an [`Engine`].
//!
//! Knows no registry and makes no judgement; holds masks and fingerprints, no secret.

mod engine;
mod error;
mod inventory;
mod planning;
mod postgres;
mod proposals;
mod queue;
mod results;
mod runs;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;

pub use engine::{EachRow, Engine, Row, Value};
pub use error::StoreError;
pub use planning::{KnownTag, NewImage, Scope, TagPolicy};
pub use proposals::{Measured, NewProposal};
pub use queue::{ImageJob, LayerJob, QueueState};
pub use results::{FindingRow, ImageResult, LayerResult, UnneededRow};
pub use runs::{FleetFigures, Gap, PlanFigures};

use backon::{BlockingRetryable, ExponentialBuilder};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    File(PathBuf),
    /// An address with a password, perhaps: never shown.
    Postgres(crate::text::Redacted<String>),
}

impl StorePlace {
    /// `postgres://…`, or a file's path.
    ///
    /// What looks like another address, or holds a password, is refused without being repeated.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let lower = text.to_ascii_lowercase();
        match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => {
                Ok(Self::Postgres(crate::text::Redacted::new(format!("postgres://{rest}"))))
            }
            "" if !lower.contains("password=") => Ok(Self::File(PathBuf::from(text))),
            _ => Err(StoreError::Place),
        }
    }
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To plan a sweep: of a file, only one process at a time may.
    Sweep,
    /// To do jobs that others planned.
    Work,
    /// To look.
    Read,
}

/// An open store, shared by threads.
pub struct Store {
    engine: Mutex<Box<dyn Engine>>,
    place: String,
    patience: Duration,
    /// Keeps other sweeps out of a file.
    _lock: Option<sqlite::Lock>,
}

impl Store {
    /// Opens, and makes or renews the tables where that is needed.
    pub fn open(place: &StorePlace, purpose: Use) -> Result<Self, StoreError> {
        let read_only = purpose == Use::Read;
        let (engine, name, lock): (Box<dyn Engine>, _, _) = match place {
            StorePlace::File(path) => {
                let lock = match purpose {
                    Use::Sweep => Some(sqlite::lock(path)?),
                    Use::Work | Use::Read => None,
                };
                let name = path.display().to_string();
                (Box::new(sqlite::Sqlite::open(path, read_only)?), name, lock)
            }
            StorePlace::Postgres(address) => {
                let engine = postgres::Postgres::open(address.reveal(), read_only)?;
                let name = engine.place().to_owned();
                (Box::new(engine), name, None)
            }
        };
        let mut engine = engine;
        schema::migrate(engine.as_mut(), &name, read_only)?;
        let patience = Duration::from_secs(120);
        Ok(Self { engine: Mutex::new(engine), place: name, patience, _lock: lock })
    }

    /// Where it is, without a password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether several machines can work on it.
    pub fn is_shared(&self) -> bool {
        self.engine().dialect() == engine::Dialect::Postgres
    }

    fn engine(&self) -> MutexGuard<'_, Box<dyn Engine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of `work` or nothing of it. It runs again where the server was lost in between: what it does
    /// must be right when it is done twice.
    fn write<T>(
        &self,
        mut work: impl FnMut(&mut dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.patiently(|engine| {
            let begin = match engine.dialect() {
                // Knowing from the start that it will write, it never fails in the middle.
                engine::Dialect::Sqlite => "BEGIN IMMEDIATE",
                engine::Dialect::Postgres => "BEGIN",
            };
            engine.script(begin)?;
            let done = work(engine).and_then(|t| engine.script("COMMIT").map(|()| t));
            if done.is_err() {
                // The connection may be gone, and the transaction with it.
                let _ = engine.script("ROLLBACK");
            }
            done
        })
    }

    /// What `work` would come to; nothing of it stays.
    fn try_out<T>(
        &self,
        mut work: impl FnMut(&mut dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.patiently(|engine| {
            engine.script("BEGIN")?;
            let done = work(engine);
            let undone = engine.script("ROLLBACK");
            done.and_then(|t| undone.map(|()| t))
        })
    }

    /// A look at one moment.
    fn read<T>(
        &self,
        work: impl FnMut(&mut dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.patiently(work)
    }

    fn patiently<T>(
        &self,
        mut work: impl FnMut(&mut dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut lost = false;
        let attempt = || {
            let mut engine = self.engine();
            if lost {
                engine.reconnect()?;
                lost = false;
            }
            let done = work(engine.as_mut());
            lost = matches!(&done, Err(e) if e.is_transient());
            done
        };
        attempt
            .retry(
                ExponentialBuilder::default()
                    .with_min_delay(Duration::from_millis(100))
                    .with_max_delay(Duration::from_secs(5))
                    .with_total_delay(Some(self.patience))
                    .without_max_times()
                    .with_jitter(),
            )
            .sleep(std::thread::sleep)
            .when(StoreError::is_transient)
            .call()
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}
