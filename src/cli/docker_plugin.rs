//! careen as a plugin of the docker command: a program `docker-careen` in one of docker's plugin folders
//! makes `docker careen …` work.
//!
//! Docker calls `docker-careen docker-cli-plugin-metadata` to learn what it is, and
//! `docker-careen [OPTIONS] careen ARGS…` for a command, with docker's own options in front (docker's
//! cli-plugins manager, schema 0.1.0).

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
    if arguments.get(1).is_some_and(|a| a == METADATA) {
        return Ok(Called::Describe(metadata()));
    }
    let Some(at) = arguments.iter().position(|a| a == "careen") else {
        return Ok(Called::Run(arguments));
    };
    heeded(&arguments[1..at])?;
    arguments.drain(..=at);
    arguments.insert(0, "docker careen".into());
    Ok(Called::Run(arguments))
}

/// Docker hands on its own options; one that is not heeded would mean another engine's image, or another
/// login.
fn heeded(options: &[OsString]) -> Result<(), CliError> {
    let mut rest = options.iter().map(|o| o.to_string_lossy());
    while let Some(option) = rest.next() {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (option.clone().into_owned(), None),
        };
        match name.as_str() {
            "-D" | "--debug" => {}
            "-l" | "--log-level" => {
                let _ = value.or_else(|| rest.next().map(|v| v.into_owned()));
            }
            _ => {
                let instead = match name.as_str() {
                    "--config" => "DOCKER_CONFIG=DIR docker careen …",
                    _ => "DOCKER_HOST=ADDRESS docker careen …",
                };
                return Err(CliError::UsageWithHint {
                    what: format!("careen does not take docker's own option {name}"),
                    hint: instead.to_owned(),
                });
            }
        }
    }
    Ok(())
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
        assert_eq!(
            run(&[plugin, "-D", "--log-level", "info", "careen", "man"]),
            ["docker careen", "man"]
        );
        for other in ["--context", "--host=tcp://x", "-H", "--config", "--tlsverify"] {
            assert!(called([plugin, other, "x", "careen"].map(OsString::from)).is_err(), "{other}");
        }
    }
}
