//! `careen cache`.

use super::args::{Cache, CacheAction};
use super::error::CliError;
use super::status::Status;
use super::{output, settings};
use crate::index::store::{Prune, Store};
use crate::text::{Bytes, Sanitized};
use std::path::PathBuf;

pub fn run(args: &Cache) -> Result<Status, CliError> {
    let (CacheAction::Info(place) | CacheAction::Prune(place)) = &args.action;
    let dir: PathBuf =
        place.cache_dir.clone().or_else(settings::default_cache_dir).ok_or_else(|| {
            CliError::UsageWithHint {
                what: "there is no folder for the cache".to_owned(),
                hint: "name one with --cache-dir or CAREEN_CACHE_DIR".to_owned(),
            }
        })?;
    let failed = |source| CliError::Cache { path: dir.clone(), source };
    let store = Store::open(&dir).map_err(failed)?;
    let text = match args.action {
        CacheAction::Info(_) => {
            let info = store.info().map_err(failed)?;
            let folder = dir.display().to_string();
            format!(
                "folder   {}\nlayers   {}\non disk  {}\n",
                Sanitized::from(folder.as_str()),
                info.entries,
                Bytes(info.bytes)
            )
        }
        CacheAction::Prune(_) => {
            let gone = store.prune(Prune::All).map_err(failed)?;
            format!("removed {} layers, {} on disk\n", gone.entries, Bytes(gone.bytes))
        }
    };
    output::write(&text, None)?;
    Ok(Status::Clean)
}
