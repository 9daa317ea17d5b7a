//! The tables, the same in both engines, and how an older store becomes a newer one. docs/inventory.md
//! tells users what each table holds; a test compares the two.

use super::StoreError;
use super::engine::{Dialect, Engine, args};

/// Marks a SQLite file as careen's (`care`).
const APPLICATION_ID: i64 = 0x6361_7265;

/// One step from version N-1 to N a text, in order; never changed once released.
const MIGRATIONS: [&str; 2] = [include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// What this careen reads and writes.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of the store; `None` where it holds no tables of careen's.
fn version(engine: &mut dyn Engine) -> Result<Option<i64>, StoreError> {
    let there = match engine.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'careen_schema'",
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'careen_schema' \
             AND schemaname = ANY (current_schemas(false))"
        }
    };
    match engine.row(there, args![])?.map(|r| r.int(0)).transpose()? {
        Some(n) if n > 0 => {
            let row = engine.row("SELECT MAX(version) FROM careen_schema", args![])?;
            Ok(Some(row.map(|r| r.maybe_int(0)).transpose()?.flatten().unwrap_or(0)))
        }
        _ => Ok(None),
    }
}

/// Brings the store to [`VERSION`]. To read only, it must have it already.
pub(super) fn migrate(
    engine: &mut dyn Engine,
    place: &str,
    read_only: bool,
) -> Result<(), StoreError> {
    let found = version(engine)?;
    let foreign = |why: &str| StoreError::Foreign { place: place.to_owned(), why: why.to_owned() };
    match found {
        Some(found) if found == VERSION => return Ok(()),
        Some(found) if found > VERSION => {
            let place = place.to_owned();
            return Err(StoreError::TooNew { place, found, known: VERSION });
        }
        Some(_) if read_only => {
            return Err(foreign("an older careen made its tables; sweep to renew them"));
        }
        None if read_only => return Err(foreign("it has no tables of careen's; sweep first")),
        Some(_) => {}
        None if engine.dialect() == Dialect::Sqlite => {
            let row = engine.row("SELECT COUNT(*) FROM sqlite_schema", args![])?;
            if row.map(|r| r.int(0)).transpose()?.unwrap_or(0) > 0 {
                return Err(foreign("it is another program's database"));
            }
            engine.script(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
        }
        None => {}
    }
    let dialect = engine.dialect();
    engine.script(match dialect {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        // Two that begin at once must not make the tables twice.
        Dialect::Postgres => "BEGIN; SELECT pg_advisory_xact_lock(1667330661)",
    })?;
    let done = (|| {
        let found = version(engine)?.unwrap_or(0);
        for (n, step) in (1..).zip(MIGRATIONS).filter(|(n, _)| *n > found) {
            engine.script(&dialect.spell_tables(step))?;
            engine.run("INSERT INTO careen_schema (version) VALUES ($1)", args![n])?;
        }
        Ok(())
    })();
    engine.script(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    if done.is_ok() && found.is_some() && dialect == Dialect::Sqlite {
        // What was taken out must not stay in free pages, nor in the log.
        engine.script("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    }
    done
}
