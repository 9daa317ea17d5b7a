//! The HTML page of an image, made by the library.

use careen::analyze::Confidence;
use careen::analyze::secrets::Patterns;
use careen::oci::Platform;
use careen::pipeline::{BasePlan, Inspection, Plan, Silent, inspect};
use careen::report::html::render;
use careen::source::PlatformChoice;
use careen::source::daemon::DaemonSettings;
use careen::source::locator::Locator;
use careen::source::registry::RegistrySettings;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything there is to say of all platforms of an image, with its tree.
pub fn inspection(reference: &str, cache_dir: Option<PathBuf>) -> Inspection {
    let platform = match reference.starts_with("127.0.0.1") {
        true => PlatformChoice::One { platform: Platform::host(), named_by_user: false },
        false => PlatformChoice::All,
    };
    let plan = Plan {
        locator: Locator::parse(reference).expect("a reference"),
        platform,
        registry: RegistrySettings::default(),
        daemon: DaemonSettings::default(),
        cache_dir,
        patterns: Patterns::builtin(),
        confidence: Confidence::Likely,
        allows: Arc::default(),
        baseline: None,
        held: Arc::default(),
        policy: Arc::default(),
        reveal: false,
        jobs: 2,
        build: Default::default(),
        dockerfile: None,
        advise: true,
        all_advice: true,
        file_tree: true,
        known_bases: Arc::default(),
        bases: BasePlan::default(),
    };
    inspect(&plan, &Silent).expect("an image")
}

pub fn page_of(reference: &str, cache_dir: Option<PathBuf>) -> String {
    let seen = inspection(reference, cache_dir);
    render(&seen.reports, &seen.trees).expect("a page")
}
