//! `--patterns`: which files a user means, and their texts. What they hold is the library's to read.

use super::error::CliError;
use crate::analyze::secrets::{Patterns, gitleaks_extends};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Nobody writes a longer one by hand.
const LIMIT: u64 = 8 << 20;

/// The patterns that come with careen and those of these files and folders.
pub fn load(paths: &[PathBuf]) -> Result<Arc<Patterns>, CliError> {
    Ok(Patterns::with(&read(paths)?)?)
}

/// Name and text of each file: of a folder those that end in `.toml`, by name; what a gitleaks
/// configuration extends comes before it.
pub fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>, CliError> {
    let mut out = Vec::new();
    let mut known = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            let failed = |source| CliError::Input { path: path.clone(), source };
            let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(failed)?.collect();
            let mut files: Vec<PathBuf> =
                entries.map_err(failed)?.into_iter().map(|e| e.path()).collect();
            files.retain(|f| f.is_file() && f.extension().is_some_and(|e| e == "toml"));
            if files.is_empty() {
                return Err(CliError::Usage(format!(
                    "--patterns {}: there is no .toml file in it",
                    path.display()
                )));
            }
            files.sort();
            for file in files {
                add(&file, &mut known, &mut out)?;
            }
        } else {
            add(path, &mut known, &mut out)?;
        }
    }
    Ok(out)
}

/// A file once, however often it is named: circles end.
fn add(
    path: &Path,
    known: &mut BTreeSet<PathBuf>,
    out: &mut Vec<(String, String)>,
) -> Result<(), CliError> {
    let failed = |source| CliError::Input { path: path.to_path_buf(), source };
    if !known.insert(path.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    if path.metadata().map_err(failed)?.len() > LIMIT {
        let why = io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {LIMIT} bytes"));
        return Err(failed(why));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    if let Some(base) = gitleaks_extends(&text) {
        add(&path.parent().unwrap_or(Path::new(".")).join(base), known, out)?;
    }
    out.push((path.display().to_string(), text));
    Ok(())
}
