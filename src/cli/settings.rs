//! Decisions taken: plain data, made once from arguments and environment.

use super::args::{RegistryArgs, SourceArgs, WorkArgs};
use super::error::CliError;
use crate::analyze::Confidence;
use crate::oci::Platform;
use crate::source::PlatformChoice;
use crate::source::registry::AllowedHost;
use crate::text::Redacted;
use std::io::Read;
use std::path::PathBuf;

/// Longest password that is read from standard input, in bytes.
const PASSWORD_LIMIT: u64 = 64 * 1024;

/// How an image is reached and read.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    pub platform: PlatformChoice,
    pub registry: RegistryFlags,
    pub docker_host: Option<String>,
    /// `None`: neither read nor written.
    pub cache_dir: Option<PathBuf>,
    pub reveal: bool,
    /// Secrets less sure than this are counted, not listed.
    pub confidence: Confidence,
    pub jobs: usize,
    pub limits: LimitFlags,
}

#[derive(Clone, Debug)]
pub struct RegistryFlags {
    pub login: Option<(String, Redacted<String>)>,
    pub authfile: Option<PathBuf>,
    pub ca_files: Vec<PathBuf>,
    pub plain_http: bool,
    /// Other hosts without TLS.
    pub plain_http_hosts: Vec<String>,
    pub allow_hosts: Vec<AllowedHost>,
    /// Bytes a second; 0: none.
    pub min_rate: u64,
    pub insecure_skip_verify: bool,
    pub follow_foreign_urls: bool,
}

/// `None`: the library's own limit.
#[derive(Clone, Copy, Debug)]
pub struct LimitFlags {
    pub max_layer_bytes: Option<u64>,
    pub max_ratio: Option<u64>,
}

impl SourceSettings {
    /// `references` are looked at with these settings; standard input can serve only one purpose.
    pub fn new(
        args: &SourceArgs,
        all_platforms: bool,
        reveal: bool,
        references: &[&str],
    ) -> Result<Self, CliError> {
        let from_stdin = references.iter().filter(|r| **r == "-").count();
        if from_stdin > 1 || (from_stdin == 1 && args.registry.password_stdin) {
            return Err(CliError::Usage("standard input can be read only once".to_owned()));
        }
        let platform = if all_platforms {
            PlatformChoice::All
        } else {
            PlatformChoice::One {
                platform: args.platform.clone().unwrap_or_else(Platform::host),
                named_by_user: args.platform.is_some(),
            }
        };
        let cache_dir =
            if args.no_cache { None } else { args.cache_dir.clone().or_else(default_cache_dir) };
        Ok(Self {
            platform,
            docker_host: args.docker_host.clone().filter(|h| !h.is_empty()),
            cache_dir,
            reveal,
            ..Self::of_registry(&args.registry, &args.work)?
        })
    }

    /// All platforms, no cache: what is kept of many images is kept elsewhere.
    pub fn of_registry(registry: &RegistryArgs, work: &WorkArgs) -> Result<Self, CliError> {
        let login = match &registry.username {
            Some(name) => Some((name.clone(), password(std::io::stdin().lock())?)),
            None => None,
        };
        Ok(Self {
            platform: PlatformChoice::All,
            registry: RegistryFlags {
                login,
                authfile: registry.authfile.clone(),
                ca_files: registry.ca_file.clone(),
                plain_http: registry.is_plain_http(),
                plain_http_hosts: registry
                    .plain_http
                    .iter()
                    .filter(|host| !host.is_empty())
                    .cloned()
                    .collect(),
                allow_hosts: registry.allow_host.clone(),
                min_rate: registry.min_rate,
                insecure_skip_verify: registry.insecure_skip_verify,
                follow_foreign_urls: registry.follow_foreign_urls,
            },
            docker_host: None,
            cache_dir: None,
            reveal: false,
            confidence: Confidence::Likely,
            jobs: work
                .jobs
                .or_else(|| std::thread::available_parallelism().ok())
                .map_or(1, usize::from),
            limits: LimitFlags { max_layer_bytes: work.max_layer_bytes, max_ratio: work.max_ratio },
        })
    }
}

/// The first line's worth: what `echo` or a secret store writes, less the line break.
fn password(input: impl Read) -> Result<Redacted<String>, CliError> {
    let mut text = String::new();
    input.take(PASSWORD_LIMIT).read_to_string(&mut text).map_err(CliError::Stdin)?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CliError::Usage("--password-stdin: standard input is empty".to_owned()));
    }
    Ok(Redacted::new(password.to_owned()))
}

/// `careen/inventory.db` in the user's data folder by each system's convention.
pub fn default_store() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::choose_base_strategy().ok()?.data_dir().join("careen/inventory.db"))
}

/// `careen` in the user's cache folder by each system's convention.
pub fn default_cache_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("careen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_and_never_printed() {
        let p = password(&b"hunter2\r\n"[..]).unwrap();
        assert_eq!(p.reveal(), "hunter2");
        assert!(!format!("{p:?}").contains("hunter2"));
        assert!(password(&b"\n"[..]).is_err());
    }
}
