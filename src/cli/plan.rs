//! Settings → [`Plan`]: the one place where the command line's words become the library's.

use super::error::CliError;
use super::settings::SourceSettings;
use crate::index::build::BuildSettings;
use crate::pipeline::{PipelineError, Plan};
use crate::source::daemon::DaemonSettings;
use crate::source::locator::Locator;
use crate::source::registry::{Login, RegistrySettings};
use std::path::PathBuf;

pub fn plan(reference: &str, s: &SourceSettings) -> Result<Plan, CliError> {
    Ok(plan_for(Locator::parse(reference).map_err(PipelineError::from)?, s))
}

pub fn plan_for(locator: Locator, s: &SourceSettings) -> Plan {
    let mut registry = RegistrySettings {
        ca_files: s.registry.ca_files.clone(),
        plain_http: s.registry.plain_http,
        insecure_skip_verify: s.registry.insecure_skip_verify,
        follow_foreign_urls: s.registry.follow_foreign_urls,
        ..RegistrySettings::default()
    };
    let login = |(username, password): &(String, _)| Login::Password {
        username: username.clone(),
        password: Clone::clone(password),
    };
    registry.credentials.explicit = s.registry.login.as_ref().map(login);
    registry.credentials.auth_files = auth_files(s.registry.authfile.as_ref());
    let mut build = BuildSettings::default();
    build.limits.total = s.limits.max_layer_bytes.unwrap_or(build.limits.total);
    build.limits.ratio = s.limits.max_ratio.unwrap_or(build.limits.ratio);
    Plan {
        platform: s.platform.clone(),
        registry,
        daemon: engine(s.docker_host.as_ref()),
        cache_dir: s.cache_dir.clone(),
        confidence: s.confidence,
        reveal: s.reveal,
        jobs: s.jobs,
        build,
        ..Plan::new(locator)
    }
}

fn var(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Docker's and containers' credential files, in the order in which they are looked at.
fn auth_files(first: Option<&PathBuf>) -> Vec<PathBuf> {
    let home = || etcetera::home_dir().ok();
    let named = first.cloned().or_else(|| var("REGISTRY_AUTH_FILE"));
    let runtime = var("XDG_RUNTIME_DIR").map(|d| d.join("containers/auth.json"));
    let config = var("XDG_CONFIG_HOME").or_else(|| home().map(|h| h.join(".config")));
    let containers = config.map(|d| d.join("containers/auth.json"));
    let docker = var("DOCKER_CONFIG").or_else(|| home().map(|h| h.join(".docker")));
    let docker = docker.map(|d| d.join("config.json"));
    [named, runtime, containers, docker].into_iter().flatten().collect()
}

/// The sockets of local engines: Docker's, then Podman's for this user and for root.
fn engine(host: Option<&String>) -> DaemonSettings {
    let runtime = var("XDG_RUNTIME_DIR");
    let user = |rest: &str| runtime.as_ref().map(|d| d.join(rest));
    let candidates = [
        Some(PathBuf::from("/var/run/docker.sock")),
        user("docker.sock"),
        user("podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ];
    DaemonSettings {
        host: host.cloned(),
        candidates: candidates.into_iter().flatten().collect(),
        ..DaemonSettings::default()
    }
}
