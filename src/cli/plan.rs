//! Settings → [`Plan`]: the one place where the command line's words become the library's.

use super::error::CliError;
use super::settings::SourceSettings;
use crate::index::build::BuildSettings;
use crate::pipeline::{PipelineError, Plan};
use crate::source::daemon::DaemonSettings;
use crate::source::locator::Locator;
use crate::source::registry::{AuthSource, Login, MinRate, RegistrySettings};
use crate::text::Redacted;
use std::path::PathBuf;

pub fn plan(reference: &str, s: &SourceSettings) -> Result<Plan, CliError> {
    Ok(plan_for(Locator::parse(reference).map_err(PipelineError::from)?, s))
}

pub fn plan_for(locator: Locator, s: &SourceSettings) -> Plan {
    let mut registry = RegistrySettings {
        ca_files: s.registry.ca_files.clone(),
        plain_http: s.registry.plain_http,
        plain_http_hosts: s.registry.plain_http_hosts.clone(),
        allow_hosts: s.registry.allow_hosts.clone(),
        min_rate: MinRate { bytes: s.registry.min_rate, ..MinRate::default() },
        insecure_skip_verify: s.registry.insecure_skip_verify,
        follow_foreign_urls: s.registry.follow_foreign_urls,
        ..RegistrySettings::default()
    };
    let login = |(username, password): &(String, _)| Login::Password {
        username: username.clone(),
        password: Clone::clone(password),
    };
    registry.credentials.explicit = s.registry.login.as_ref().map(login);
    registry.credentials.auth_sources = auth_sources(s.registry.authfile.as_ref());
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

/// Docker's logins in the environment, as its command line and GitLab's runners read them.
const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";

/// Docker's and containers' credentials, in the order in which they are looked at.
fn auth_sources(first: Option<&PathBuf>) -> Vec<AuthSource> {
    let home = || etcetera::home_dir().ok();
    let runtime = var("XDG_RUNTIME_DIR").map(|d| d.join("containers/auth.json"));
    let config = var("XDG_CONFIG_HOME").or_else(|| home().map(|h| h.join(".config")));
    let containers = config.map(|d| d.join("containers/auth.json"));
    let docker = var("DOCKER_CONFIG").or_else(|| home().map(|h| h.join(".docker")));
    let docker = docker.map(|d| d.join("config.json"));
    let text = std::env::var(DOCKER_AUTH_CONFIG).ok().filter(|t| !t.trim().is_empty());
    let text = text.map(|text| AuthSource::Text {
        from: DOCKER_AUTH_CONFIG.to_owned(),
        text: Redacted::new(text),
    });
    // GitLab sets it for its runner's own pulls: there a `docker login` of the job comes first.
    let (before, after) = match var("GITLAB_CI") {
        Some(_) => (None, text),
        None => (text, None),
    };
    let file = |path: Option<PathBuf>| path.map(AuthSource::File);
    [
        file(first.cloned().or_else(|| var("REGISTRY_AUTH_FILE"))),
        before,
        file(runtime),
        file(containers),
        file(docker),
        after,
    ]
    .into_iter()
    .flatten()
    .collect()
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
