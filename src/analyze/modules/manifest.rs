//! What a package of Node asks for (`package.json` of npm's documentation).

use super::names::Sink;
use crate::analyze::How;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Stands in every manifest that could be read, whether it asks for something or not.
pub const MANIFEST: &str = "package.json";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    dependencies: Names,
    #[serde(default)]
    optional_dependencies: Names,
    #[serde(default)]
    peer_dependencies: Names,
}

/// Names of packages; whatever is no table of them has none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    Table(BTreeMap<String, IgnoredAny>),
    Other(IgnoredAny),
}

impl Default for Names {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

pub(super) fn read(text: &[u8], sink: &mut Sink) {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let Ok(manifest) = serde_json::from_slice::<Manifest>(text) else { return };
    sink.add(MANIFEST, 1, How::Group);
    let Manifest { dependencies, optional_dependencies, peer_dependencies } = manifest;
    for names in [dependencies, optional_dependencies, peer_dependencies] {
        if let Names::Table(names) = names {
            for name in names.keys().filter(|n| super::javascript::package(n) == Some(n)) {
                sink.add(name, 1, How::Always);
            }
        }
    }
}
