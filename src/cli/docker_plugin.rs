//! careen as a plugin of the docker command: a program `docker-careen` in one of docker's plugin folders
//! makes `docker careen …` work.
//!
//! Docker calls `docker-careen docker-cli-plugin-metadata` to learn what it is, and
//! `docker-careen careen ARGS…` for a command (docker's cli-plugins manager, schema 0.1.0). Options of
//! docker itself, before `careen`, would come first.

use super::error::CliError;
use std::ffi::OsString;
use std::path::Path;

const NAME: &str = "docker-careen";
const METADATA: &str = "docker-cli-plugin-metadata";

/// How this process was called.
pub enum Called {
    /// As itself, or by docker: these are the arguments, the program first.
    Run(Vec<OsString>),
    /// Docker asks what this is; the answer.
    Describe(String),
}

pub fn called(arguments: impl IntoIterator<Item = OsString>) -> Result<Called, CliError> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(Path::new).and_then(Path::file_stem);
    if program.is_none_or(|name| name != NAME) {
        return Ok(Called::Run(arguments));
    }
    match arguments.get(1).and_then(|a| a.to_str()) {
        Some(METADATA) => Ok(Called::Describe(metadata())),
        Some("careen") => {
            arguments.drain(..2);
            arguments.insert(0, "docker careen".into());
            Ok(Called::Run(arguments))
        }
        // Called by hand: as careen itself would be.
        Some(first) if !first.starts_with('-') => Ok(Called::Run(arguments)),
        None | Some("--help" | "-h" | "--version" | "-V") => Ok(Called::Run(arguments)),
        // A context or host that is not heeded would mean another engine's image.
        Some(_) => Err(CliError::UsageWithHint {
            what: "docker's own options before `careen` are not understood".to_owned(),
            hint: "docker careen inspect --docker-host ADDRESS docker-daemon:IMAGE".to_owned(),
        }),
    }
}

fn metadata() -> String {
    let about = serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "careen",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": env!("CARGO_PKG_DESCRIPTION"),
    });
    format!("{about}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Vec<String> {
        match called(words.iter().map(OsString::from)) {
            Ok(Called::Run(arguments)) => {
                arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect()
            }
            _ => panic!("{words:?}"),
        }
    }

    #[test]
    fn docker_asks_and_calls_and_everybody_else_is_left_alone() {
        assert_eq!(run(&["/usr/bin/careen", "careen"]), ["/usr/bin/careen", "careen"]);
        let plugin = "/root/.docker/cli-plugins/docker-careen";
        assert_eq!(run(&[plugin, "careen", "inspect", "x"]), ["docker careen", "inspect", "x"]);
        assert_eq!(run(&[plugin, "inspect", "x"]), [plugin, "inspect", "x"]);
        let Ok(Called::Describe(text)) = called([plugin.into(), METADATA.into()]) else { panic!() };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&json["SchemaVersion"], &json["Vendor"]), (&"0.1.0".into(), &"careen".into()));
        assert!(called([plugin, "--context", "x", "careen"].map(OsString::from)).is_err());
    }
}
