//! What the owner of an image has decided: which findings are accepted or known, what it must keep to,
//! what fails a run; from files and flags, and the day on which they are read.

use super::error::CliError;
use super::inspect_args::{AcceptArgs, PolicyArgs};
use crate::analyze::secrets::Patterns;
use crate::pipeline::{Against, Inspection, Plan};
use crate::report::baseline::Baseline;
use crate::rules::allow::{Allows, ignore_file};
use crate::rules::config::Config;
use crate::rules::gate::{Gate, GateTerm};
use crate::rules::policy::Policy;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

const CONFIG: &str = "careen.toml";
const IGNORE: &str = ".careenignore";

/// Nobody writes a longer one by hand.
const TEXT_LIMIT: u64 = 8 << 20;
const BASELINE_LIMIT: u64 = 1 << 30;

/// What the files and the flags say.
pub struct Decisions {
    allows: Arc<Allows>,
    policy: Arc<Policy>,
    pub gate: Gate,
    baseline: Option<Named>,
}

/// A baseline as it was named.
enum Named {
    Report(Baseline),
    Image(String),
}

impl Decisions {
    /// Reads the files that are named, else those of the current folder; flags come first.
    pub fn read(
        args: &AcceptArgs,
        flags: &PolicyArgs,
        fail_on: &[GateTerm],
    ) -> Result<Self, CliError> {
        let mut config = Config::default();
        if let Some((name, text)) = text(args.config.as_deref(), CONFIG)? {
            config = Config::parse(&name, &text)?;
        }
        let mut entries = config.allow;
        if let Some((name, text)) = text(args.ignore_file.as_deref(), IGNORE)? {
            entries.extend(ignore_file::parse(&name, &text)?);
        }
        // The same day everywhere, whoever looks.
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let asked = (!fail_on.is_empty()).then(|| fail_on.iter().cloned().collect());
        Ok(Self {
            allows: Arc::new(Allows::new(entries, today)),
            policy: Arc::new(config.policy.overridden_by(flags.policy())),
            gate: asked.or(config.fail_on).unwrap_or_default(),
            baseline: args.baseline.as_deref().map(baseline).transpose()?,
        })
    }

    pub fn applied_to(&self, plan: Plan) -> Plan {
        Plan { allows: self.allows.clone(), policy: self.policy.clone(), ..plan }
    }

    /// Refuses a gate that names what nothing is called: it would never close.
    pub fn fitting(self, patterns: &Patterns) -> Result<Self, CliError> {
        match self.gate.unknown(patterns) {
            Some(e) => Err(CliError::Usage(format!("fail-on: {e}"))),
            None => Ok(self),
        }
    }

    /// The baseline, if it is an image.
    pub fn baseline_reference(&self) -> Option<&str> {
        match &self.baseline {
            Some(Named::Image(reference)) => Some(reference),
            _ => None,
        }
    }

    /// What an image is compared with; `plan` makes the plan of the other one.
    pub fn against(
        &self,
        plan: &dyn Fn(&str) -> Result<Plan, CliError>,
    ) -> Result<Against, CliError> {
        Ok(match &self.baseline {
            None => Against::Nothing,
            Some(Named::Report(report)) => Against::Report(report.clone()),
            // By the same demands: what it breaks already is known.
            Some(Named::Image(reference)) => {
                let policy = self.policy.clone();
                Against::Image(Box::new(Plan { advise: false, policy, ..plan(reference)? }))
            }
        })
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

/// A file's name and text. One that nobody named need not be there; a link that leads nowhere is there.
fn text(named: Option<&Path>, default: &str) -> Result<Option<(String, String)>, CliError> {
    let path = named.unwrap_or(Path::new(default));
    if named.is_none()
        && path.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
    {
        return Ok(None);
    }
    let bytes = bytes(path, TEXT_LIMIT).map_err(|source| unreadable(path, source))?;
    let text = String::from_utf8(bytes)
        .map_err(|e| unreadable(path, io::Error::new(io::ErrorKind::InvalidData, e)))?;
    Ok(Some((path.display().to_string(), text)))
}

/// A JSON report, if it is a file that begins like one; else the name of an image.
fn baseline(named: &str) -> Result<Named, CliError> {
    let path = Path::new(named);
    let json = named.ends_with(".json");
    if !json && !begins_as_json(path) {
        return Ok(Named::Image(named.to_owned()));
    }
    let bytes = bytes(path, BASELINE_LIMIT).map_err(|source| unreadable(path, source))?;
    match Baseline::parse(without_mark(&bytes)) {
        Ok(baseline) => Ok(Named::Report(baseline)),
        Err(source) => Err(CliError::Baseline { path: path.to_path_buf(), source }),
    }
}

fn begins_as_json(path: &Path) -> bool {
    let mut first = [0; 64];
    let read = match File::open(path).map(|mut f| f.read(&mut first)) {
        Ok(Ok(n)) if path.is_file() => n,
        _ => return false,
    };
    let text = without_mark(&first[..read]).trim_ascii_start();
    text.starts_with(b"{") || text.starts_with(b"[")
}

/// Some shells write a byte order mark before what is redirected.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
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
