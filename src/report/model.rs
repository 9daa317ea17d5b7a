//! The report as data. Field names are a published interface: others read this JSON.
//!
//! Sizes are bytes; an unknown size is `null`, never 0. `layer` is the number of a layer, base 0: its
//! place in `layers`.

pub use super::growth::Growth;
pub use super::only::Section;
pub use super::scan_profile::JudgedBy;
pub use crate::advise::Interval;
use crate::analyze::{Confidence, PackageKind, PackageState};
use crate::image::waste::ResidueKind;
use crate::rules::{Category, Severity, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// All that careen says of one image of one platform.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    pub schema_version: u32,
    pub judged_by: JudgedBy,
    /// The parts that it was cut down to; empty where it is whole.
    pub only: Vec<Section>,
    pub image: ImageIdentity,
    pub size: Sizes,
    /// What the image was built on, as far as it can be told.
    pub base: Option<BaseReport>,
    pub layers: Vec<LayerReport>,
    pub waste: Waste,
    /// What the start of the image does not lead to; null where that cannot be told.
    pub unreached: Option<UnreachedReport>,
    pub findings: Vec<FindingReport>,
    /// Findings that are not listed in `findings`, by the reason.
    pub hidden: Hidden,
    /// Findings that the image's owner accepts; they do not fail a run.
    pub accepted: Vec<AcceptedFinding>,
    /// Findings that the baseline has too; they do not fail a run.
    pub known: Vec<FindingReport>,
    /// Acceptances that have expired, so that their findings count again.
    pub expired: Vec<ExpiredAcceptance>,
    pub packages: Vec<PackageReport>,
    pub unneeded: Vec<Unneeded>,
    pub advice: Vec<AdviceReport>,
    /// What this report does not cover. While anything here has `failed`, the report is partial.
    pub not_looked_at: Vec<NotLookedAt>,
    /// Same content at several visible paths; apart from waste.
    pub duplicates: Vec<Duplicate>,
    /// What made it larger than the baseline; null without one.
    pub growth: Option<Growth>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImageIdentity {
    pub reference: String,
    /// Digest of the manifest; null in a docker-archive of the old form.
    pub digest: Option<String>,
    pub platform: String,
    /// RFC 3339 as the config has it.
    pub created: Option<String>,
    /// `PRETTY_NAME` of os-release.
    pub os_release: Option<String>,
    /// `ID` of os-release: `debian`, `alpine`.
    pub os_id: Option<String>,
    /// `VERSION_ID` of os-release: `12`, `3.20.1`; null in a rolling release.
    pub os_version: Option<String>,
    pub user: String,
    /// The command line as a runtime will really start it (entrypoint + cmd).
    pub command: Vec<String>,
    pub working_dir: String,
    pub env: Vec<EnvVar>,
    pub labels: BTreeMap<String, String>,
    pub exposed_ports: Vec<String>,
    pub volumes: Vec<String>,
    pub healthcheck: Option<Vec<String>>,
}

/// The base image, and what of the image's weight is its own.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BaseReport {
    pub name: Option<String>,
    /// Of its manifest.
    pub digest: Option<String>,
    /// `layers` (proven), `annotation` (as the image says), `history` (a guess).
    pub how: String,
    /// Layers of the image that are the base's, from the bottom; null where only its name is known.
    pub layers: Option<usize>,
    /// Of these layers.
    pub size: Sizes,
    /// Bytes of these layers that nothing in production needs, on disk.
    pub unneeded: u64,
}

/// An environment variable; the value is masked where a secret was found in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EnvVar {
    pub name: String,
    pub value: String,
}

/// The three sizes, never mixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sizes {
    /// What is pulled and stored in a registry.
    pub compressed: Option<u64>,
    /// Sum of the file bytes in the layer tars.
    pub content: Option<u64>,
    /// What the final file system shows: `content` less what later layers hide.
    pub on_disk: Option<u64>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LayerReport {
    pub number: usize,
    /// Of the stored blob; null in a docker-archive.
    pub digest: Option<String>,
    /// As computed; as declared where the layer was not looked at.
    pub diff_id: Option<String>,
    /// The build step, in the Dockerfile's words.
    pub instruction: Option<String>,
    pub size: Sizes,
    pub files: Option<u64>,
    /// Bytes of this layer that the final file system does not show; null where it or a layer above it was
    /// not looked at.
    pub waste: Option<u64>,
    /// Bytes of this layer that nothing in production needs, on disk.
    pub unneeded: Option<u64>,
    /// How many entries of lower layers it deletes, replaces or gives other rights; 0 if it only adds.
    pub hides: Option<u64>,
    /// Whether it has an `/etc/passwd`.
    pub users: bool,
    pub created: Option<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Waste {
    /// null where a layer was not looked at.
    pub bytes: Option<u64>,
    /// What the layers that were looked at tell; the same where that is all of them.
    pub at_least: u64,
    /// 1 - waste / content; 1 for an image without content; null where a layer was not looked at.
    pub efficiency: Option<f64>,
    /// Largest first.
    pub paths: Vec<WastedPath>,
}

/// Bytes on disk that nothing needs, by what the image starts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnreachedReport {
    /// Files that the start does not lead to by links, scripts, settings and imports, worked out without running it.
    pub bytes: u64,
    /// Of packages that nothing needed leads to.
    pub sure: u64,
    /// What it is, the most first.
    pub kinds: Vec<RemovedReport>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WastedPath {
    pub path: String,
    pub bytes: u64,
    /// The layer that holds the hidden bytes.
    pub layer: usize,
    pub kind: WasteKind,
    /// The layer that hides them.
    pub hidden_by: usize,
    /// The instruction of the hiding layer.
    pub instruction: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WasteKind {
    /// Removed by a whiteout, or its directory was.
    Deleted,
    /// Replaced by other content.
    Overwritten,
    /// Rewritten with the same content: only the owner, mode or time changed.
    MetadataOnly,
    /// Below a directory that was made opaque.
    Opaque,
    /// Written twice within the same layer.
    DuplicateEntry,
}

impl From<ResidueKind> for WasteKind {
    fn from(kind: ResidueKind) -> Self {
        match kind {
            ResidueKind::Deleted => Self::Deleted,
            ResidueKind::Overwritten => Self::Overwritten,
            ResidueKind::MetadataOnly => Self::MetadataOnly,
            ResidueKind::Opaque => Self::Opaque,
            ResidueKind::DuplicateEntry => Self::DuplicateEntry,
        }
    }
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Duplicate {
    /// Bytes of one copy.
    pub bytes: u64,
    pub paths: Vec<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingReport {
    pub rule: String,
    pub category: Category,
    pub severity: Severity,
    pub confidence: Confidence,
    /// Absent where it is about the image or a layer as a whole: that is at no place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where in the file, if the file holds others: a path in an archive, or `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub layer: Option<usize>,
    /// The layer is the base image's; null where it is not known which are.
    pub of_base: Option<bool>,
    pub layer_digest: Option<String>,
    pub instruction: Option<String>,
    pub masked: Option<String>,
    pub fingerprint: String,
    pub message: String,
    pub advice: Option<String>,
    /// The command that gets the bytes back.
    pub recover: Option<String>,
    /// The package that ships the file to everyone, unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// In clear; only with `--reveal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    /// What one finding about many is about: the paths, or the names of the packages; at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// The other places of the same secret; this finding's own fields are of the most exposed one.
    pub also: Vec<PlaceReport>,
}

/// One more place of a secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlaceReport {
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub layer: Option<usize>,
    pub layer_digest: Option<String>,
    pub instruction: Option<String>,
    pub message: String,
    /// The command that gets the bytes back.
    pub recover: Option<String>,
}

/// How many findings there are besides those listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hidden {
    /// Secrets less sure than `--confidence` asks for.
    pub below_confidence: usize,
    /// How many `accepted` has.
    pub accepted: usize,
    /// How many `known` has.
    pub known: usize,
}

/// A finding that the image's owner accepts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AcceptedFinding {
    #[serde(flatten)]
    pub finding: FindingReport,
    pub reason: Option<String>,
    /// The last day of the acceptance, YYYY-MM-DD.
    pub expires: Option<String>,
    /// File and line of the entry that accepts it.
    pub accepted_by: String,
}

/// An acceptance that has expired though what it accepted is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExpiredAcceptance {
    /// File and line of the entry.
    pub accepted_by: String,
    pub reason: Option<String>,
    /// Its last day, YYYY-MM-DD.
    pub expires: Option<String>,
    /// How many findings count again.
    pub findings: usize,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackageReport {
    pub name: String,
    pub version: String,
    pub kind: PackageKind,
    pub architecture: Option<String>,
    /// The source package as its database names it, where that differs: `glibc`, `util-linux (2.38)`,
    /// `bash-5.2-1.src.rpm`.
    pub source: Option<String>,
    /// Bytes of its files in the final file system, or as its database declares where its files are
    /// not listed.
    pub bytes: Option<u64>,
    /// The layer that first has this version.
    pub layer: Option<usize>,
    /// The database or manifest that states it.
    pub path: String,
    /// What stands before the name where two may have the same: a Maven group, conda's channel, where a
    /// crate is from if it is not crates.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where in that file, if it is an archive: a path, `!/` where a further archive begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// How far its installation has come, where it is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PackageState>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unneeded {
    /// `build-tool`, `package-manager`, `shell`, `network-tool`, `doc`, `man`, `locale`, `cache`,
    /// `test`, `debug`, `header`, `static-library`…
    pub kind: String,
    /// On disk.
    pub bytes: u64,
    /// The topmost paths that cover it; the largest first.
    pub paths: Vec<String>,
    /// The package that owns it.
    pub owner: Option<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AdviceReport {
    pub id: String,
    pub kind: String,
    pub title: String,
    pub possible: bool,
    pub because: String,
    /// `sound`, `likely`, `heuristic`, `untried`.
    pub confidence: String,
    /// What the estimate rests on.
    pub basis: String,
    /// What is written differently.
    pub changes: Vec<String>,
    /// Why it is not possible, each with its evidence.
    pub blockers: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// What the image has no more, the most first.
    pub removes: Vec<RemovedReport>,
    /// Rules whose findings it settles.
    pub fixes: Vec<FixedReport>,
    /// The whole Dockerfile, or the lines that matter.
    pub dockerfile: Option<String>,
    /// The same against the user's own Dockerfile, as patch(1) takes it.
    pub patch: Option<String>,
    /// Why there is no patch although a Dockerfile was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_patch: Option<String>,
    /// Lines for `.dockerignore`.
    pub ignore: Vec<String>,
    /// The image's size afterwards.
    pub estimate: EstimateReport,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RemovedReport {
    /// In words: `build tools`, `caches`, `hidden by later layers`.
    pub what: String,
    /// Content.
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FixedReport {
    pub rule: String,
    pub findings: usize,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct EstimateReport {
    pub compressed: Option<Interval>,
    pub on_disk: Option<Interval>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotLookedAt {
    pub what: String,
    pub why: String,
    /// It should have been possible: exit status 3.
    pub failed: bool,
    /// Packages that are there may be missing from `packages` because of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_packages: bool,
}
