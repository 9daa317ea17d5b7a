//! The files that say which findings are accepted or known, and the day on which they are read.

use super::args::AcceptArgs;
use super::error::CliError;
use crate::pipeline::{Inspection, Plan};
use crate::report::baseline::Baseline;
use crate::rules::allow::{Allows, ignore_file};
use crate::rules::config::Config;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

const CONFIG: &str = "careen.toml";
const IGNORE: &str = ".careenignore";

/// Nobody writes a longer one by hand.
const TEXT_LIMIT: u64 = 8 << 20;
const BASELINE_LIMIT: u64 = 1 << 30;

/// What the files say.
#[derive(Default)]
pub struct Accepting {
    allows: Arc<Allows>,
    baseline: Option<Arc<Baseline>>,
}

impl Accepting {
    /// Reads the files that are named, else those of the current folder.
    pub fn read(args: &AcceptArgs) -> Result<Self, CliError> {
        let mut entries = Vec::new();
        if let Some((name, text)) = text(args.config.as_deref(), CONFIG)? {
            entries.extend(Config::parse(&name, &text)?.allow);
        }
        if let Some((name, text)) = text(args.ignore_file.as_deref(), IGNORE)? {
            entries.extend(ignore_file::parse(&name, &text)?);
        }
        // The same day everywhere, whoever looks.
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Ok(Self {
            allows: Arc::new(Allows::new(entries, today)),
            baseline: args.baseline.as_deref().map(baseline).transpose()?,
        })
    }

    pub fn applied_to(self, plan: Plan) -> Plan {
        Plan { allows: self.allows, baseline: self.baseline, ..plan }
    }
}

/// The entries that accept nothing, a line each.
pub fn unused(plan: &Plan, inspection: &Inspection) -> Vec<String> {
    let entry = |&n: &usize| plan.allows.entries().get(n);
    let words = |e: &crate::rules::allow::Allow| {
        format!("{} accepts nothing in this image: {}", e.place, e.words())
    };
    inspection.unused_allows.iter().filter_map(entry).map(words).collect()
}

/// A file's name and text. One that nobody named need not be there.
fn text(named: Option<&Path>, default: &str) -> Result<Option<(String, String)>, CliError> {
    let path = named.unwrap_or(Path::new(default));
    let bytes = match bytes(path, TEXT_LIMIT) {
        Err(e) if named.is_none() && e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| unreadable(path, source))?,
    };
    let text = String::from_utf8(bytes)
        .map_err(|e| unreadable(path, io::Error::new(io::ErrorKind::InvalidData, e)))?;
    Ok(Some((path.display().to_string(), text)))
}

fn baseline(path: &Path) -> Result<Arc<Baseline>, CliError> {
    let bytes = bytes(path, BASELINE_LIMIT).map_err(|source| unreadable(path, source))?;
    match Baseline::parse(&bytes) {
        Ok(baseline) => Ok(Arc::new(baseline)),
        Err(source) => Err(CliError::Baseline { path: path.to_path_buf(), source }),
    }
}

fn unreadable(path: &Path, source: io::Error) -> CliError {
    CliError::Input { path: path.to_path_buf(), source }
}

fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if read as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}
