//! The image configuration (config.md), with the fields that only Docker writes (`Healthcheck`,
//! `OnBuild`, `Shell`).

use super::descriptor::null_is_default;
use super::{DiffId, Platform};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the image is run and how it came to be.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ImageConfig {
    /// RFC 3339, as written.
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default)]
    pub author: Option<String>,
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub variant: Option<String>,
    #[serde(rename = "os.version", default)]
    pub os_version: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: ContainerConfig,
    #[serde(default, deserialize_with = "null_is_default")]
    pub rootfs: RootFs,
    #[serde(default, deserialize_with = "null_is_default")]
    pub history: Vec<HistoryEntry>,
}

/// The layers, by what their tars hash to.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RootFs {
    #[serde(default, deserialize_with = "null_is_default")]
    pub diff_ids: Vec<DiffId>,
}

/// The execution parameters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    #[serde(default, deserialize_with = "null_is_default")]
    pub user: String,
    /// `NAME=value`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub working_dir: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub stop_signal: Option<String>,
    #[serde(default)]
    pub healthcheck: Option<HealthcheckConfig>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub shell: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub on_build: Vec<String>,
}

/// Docker's `HEALTHCHECK`; durations are nanoseconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthcheckConfig {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", line]`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub test: Vec<String>,
    #[serde(default)]
    pub interval: Option<i64>,
    #[serde(default)]
    pub timeout: Option<i64>,
}

/// One step of the build, oldest first.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HistoryEntry {
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub created_by: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub comment: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub author: String,
    /// The step made no layer.
    #[serde(default, deserialize_with = "null_is_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads a document, and whether characters of it had to be replaced: what is no Unicode, as bytes or as
    /// half of a pair of escapes, is U+FFFD to the programs in Go that run images, and refuses none.
    pub fn parse(raw: &[u8]) -> serde_json::Result<(Self, bool)> {
        serde_json::from_slice(raw).map(|config| (config, false)).or_else(|error| {
            let repaired = repaired(raw);
            if repaired.as_bytes() == raw {
                return Err(error);
            }
            // Where it is still bad, the fault is another one, and its place that of the first reading.
            serde_json::from_str(&repaired).map(|config| (config, true)).map_err(|_| error)
        })
    }

    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone().filter(|v| !v.is_empty()),
            os_version: self.os_version.clone().filter(|v| !v.is_empty()),
        }
    }
}

/// A JSON text with U+FFFD in the place of what is no Unicode.
fn repaired(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let next = |text: &str| text.get(6..).and_then(escape);
        let len = match (escape(rest), next(rest)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push('\u{fffd}');
                rest = &rest[6..];
                continue;
            }
            // The character behind it belongs to it.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_empty() {
        let c: ImageConfig = serde_json::from_str(
            r#"{"architecture":"amd64","os":"linux","config":{"Env":null,"Cmd":null,"Labels":null,"User":null},
                "rootfs":{"type":"layers","diff_ids":null},"history":null}"#,
        )
        .unwrap();
        assert!(c.config.env.is_empty() && c.history.is_empty() && c.rootfs.diff_ids.is_empty());
        assert_eq!(c.platform().to_string(), "linux/amd64");
    }

    /// As Go reads them.
    #[test]
    fn what_is_no_unicode_is_replaced() {
        let user = |raw: &[u8]| {
            let whole = [b"{\"config\":{\"User\":\"", raw, b"\"}}"].concat();
            ImageConfig::parse(&whole).map(|(c, repaired)| (c.config.user, repaired))
        };
        for (raw, read) in [
            (&b"a\\ud83d\\ude00b"[..], ("a\u{1f600}b", false)),
            (b"a\\ud800b", ("a\u{fffd}b", true)),
            (b"a\\ud800\\ud83d\\ude00", ("a\u{fffd}\u{1f600}", true)),
            (b"\\udc00\\n\\\\ud800", ("\u{fffd}\n\\ud800", true)),
            (b"a\xffb", ("a\u{fffd}b", true)),
        ] {
            let found = user(raw).unwrap();
            assert_eq!((found.0.as_str(), found.1), read, "{raw:?}");
        }
        for bad in [&b"\\ud8"[..], b"\\ud800\\", b"\\", b"\xff\"", "\\u日本".as_bytes()] {
            assert!(user(bad).is_err(), "{bad:?}");
        }
    }
}
