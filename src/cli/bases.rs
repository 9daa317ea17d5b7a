//! What the command line says of base images.

use super::args::BaseArgs;
use super::error::CliError;
use crate::image::base::KnownBases;
use crate::pipeline::{BasePlan, Plan};
use std::path::Path;
use std::sync::Arc;

pub fn applied(args: &BaseArgs, plan: Plan) -> Result<Plan, CliError> {
    let known_bases = match &args.bases {
        None => plan.known_bases,
        Some(path) => read(path)?,
    };
    let bases = BasePlan { resolve: args.resolve_bases, mirrors: args.base_mirror.clone() };
    Ok(Plan { known_bases, bases, ..plan })
}

/// A file of `[[base]]` tables.
pub fn read(path: &Path) -> Result<Arc<KnownBases>, CliError> {
    let fail = |why: String| CliError::Usage(format!("--bases {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
    Ok(Arc::new(toml::from_str(&text).map_err(|e| fail(e.to_string()))?))
}
