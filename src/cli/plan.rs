//! Settings → [`Plan`]: the one place where the command line's words become the library's.

use super::error::CliError;
use super::settings::SourceSettings;
use crate::pipeline::Plan;

pub fn plan(reference: &str, s: &SourceSettings) -> Result<Plan, CliError> {
    Ok(Plan {
        locator: reference.to_owned(),
        platform: s.platform.clone(),
        cache_dir: s.cache_dir.clone(),
        reveal: s.reveal,
        jobs: s.jobs,
    })
}
