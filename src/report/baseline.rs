//! An earlier JSON report as a baseline: what was known then is not told again.
//!
//! A finding is known by what it is, not by its number or words: a secret by its fingerprint, another
//! thing by its rule with its path or build step. One that has become worse is not known. What the
//! earlier report lists as accepted is no part of it: an acceptance speaks for itself, and can expire.

use super::growth;
use super::model::{
    FindingReport, LayerReport, PackageReport, Report, SCHEMA_VERSION, Section, Sizes,
};
use super::scan_profile::JudgedBy;
use crate::analyze::PackageKind;
use crate::oci::Platform;
use crate::rules::policy::{self, Before};
use crate::rules::{Category, Finding, Severity};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// Why a text is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("not a JSON report of careen: {0}")]
    NotAReport(#[source] serde_json::Error),
    #[error("it is a report of schema version {found}, this careen reads {SCHEMA_VERSION}")]
    Version { found: u64 },
    /// What it lacks would be told as new.
    #[error("it does not tell all of its image: {0}")]
    Part(&'static str),
}

impl BaselineError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        const WRITE: &str = "`careen inspect --format json --output FILE IMAGE`";
        match self {
            Self::NotAReport(_) | Self::Part(_) => format!("a baseline is what {WRITE} writes"),
            Self::Version { .. } => format!("write it anew with this careen: {WRITE}"),
        }
    }
}

#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

/// What is read of an earlier report. Older ones may lack all but the findings.
#[derive(Clone, Debug, Deserialize)]
pub struct Earlier {
    #[serde(default)]
    pub image: EarlierImage,
    #[serde(default)]
    pub size: Sizes,
    #[serde(default)]
    pub layers: Vec<EarlierLayer>,
    #[serde(default)]
    pub packages: Vec<EarlierPackage>,
    /// Accepted then, and no part of what is known.
    #[serde(default)]
    accepted: Vec<IgnoredAny>,
    judged_by: Option<JudgedBy>,
    /// The parts that it was cut down to.
    #[serde(default)]
    only: Vec<Section>,
    #[serde(default)]
    not_looked_at: Vec<EarlierGap>,
    /// Bytes by path of its final file system; only of an image that was looked at in this run.
    #[serde(skip)]
    pub files: Option<HashMap<String, u64>>,
    findings: Vec<EarlierFinding>,
    /// Known already then.
    #[serde(default)]
    known: Vec<EarlierFinding>,
}

#[derive(Clone, Debug, Deserialize)]
struct EarlierGap {
    why: String,
    #[serde(default)]
    failed: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct EarlierImage {
    pub reference: String,
    pub platform: String,
    #[serde(default)]
    pub user: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EarlierLayer {
    pub digest: Option<String>,
    pub diff_id: Option<String>,
    pub instruction: Option<String>,
    #[serde(default)]
    pub size: Sizes,
    /// null where the layer was not looked at.
    pub files: Option<u64>,
    pub hides: Option<u64>,
    #[serde(default)]
    pub users: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EarlierPackage {
    pub kind: PackageKind,
    pub name: String,
    pub version: String,
    pub bytes: Option<u64>,
    /// The layer that first has it.
    pub layer: Option<usize>,
    /// The database that states it.
    #[serde(default)]
    pub path: String,
}

impl From<&LayerReport> for EarlierLayer {
    fn from(l: &LayerReport) -> Self {
        Self {
            digest: l.digest.clone(),
            diff_id: l.diff_id.clone(),
            instruction: l.instruction.clone(),
            size: l.size,
            files: l.files,
            hides: l.hides,
            users: l.users,
        }
    }
}

impl From<&PackageReport> for EarlierPackage {
    fn from(p: &PackageReport) -> Self {
        Self {
            kind: p.kind,
            name: p.name.clone(),
            version: p.version.clone(),
            bytes: p.bytes,
            layer: p.layer,
            path: p.path.clone(),
        }
    }
}

impl From<&FindingReport> for EarlierFinding {
    fn from(f: &FindingReport) -> Self {
        Self {
            rule: f.rule.clone(),
            category: f.category,
            severity: f.severity,
            path: f.path.clone(),
            instruction: f.instruction.clone(),
            masked: f.masked.clone(),
            fingerprint: f.fingerprint.clone(),
            members: f.members.clone(),
        }
    }
}

impl Earlier {
    /// Whether it tells of every finding, and everything could be looked at.
    pub fn is_whole(&self) -> bool {
        self.accepted.is_empty() && self.not_looked_at.iter().all(|n| !n.failed)
    }

    /// With the files of its final file system.
    pub fn with_files(self, files: HashMap<String, u64>) -> Self {
        Self { files: Some(files), ..self }
    }
}

impl From<&Report> for Earlier {
    fn from(r: &Report) -> Self {
        Self {
            image: EarlierImage {
                reference: r.image.reference.clone(),
                platform: r.image.platform.clone(),
                user: r.image.user.clone(),
            },
            size: r.size,
            layers: r.layers.iter().map(EarlierLayer::from).collect(),
            packages: r.packages.iter().map(EarlierPackage::from).collect(),
            accepted: Vec::new(),
            judged_by: Some(r.judged_by.clone()),
            only: Vec::new(),
            not_looked_at: Vec::new(),
            files: None,
            findings: r.findings.iter().map(EarlierFinding::from).collect(),
            known: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct EarlierFinding {
    rule: String,
    category: Category,
    severity: Severity,
    path: Option<String>,
    instruction: Option<String>,
    masked: Option<String>,
    fingerprint: String,
    #[serde(default)]
    members: Vec<String>,
}

/// By what a finding is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    rule: String,
    mark: Mark,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Mark {
    Fingerprint(String),
    /// One of those that a finding about many names, or the path of one about a single thing.
    Member(String),
    Path(String),
    Instruction(Option<String>),
}

impl Identity {
    fn new(
        rule: &str,
        category: Category,
        fingerprint: &str,
        path: Option<String>,
        instruction: Option<&str>,
    ) -> Self {
        let mark = match (category, path) {
            // Bytes that are odd in one build are another thing in the next.
            (Category::Secret | Category::Policy, _) | (Category::Integrity, None) => {
                Mark::Fingerprint(fingerprint.to_owned())
            }
            (_, Some(path)) => Mark::Path(path),
            (_, None) => Mark::Instruction(instruction.map(str::to_owned)),
        };
        Self { rule: rule.to_owned(), mark }
    }

    fn of_member(rule: &str, name: &str) -> Self {
        Self { rule: rule.to_owned(), mark: Mark::Member(name.to_owned()) }
    }
}

/// The findings of earlier reports.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    known: HashMap<Identity, Severity>,
    reports: Vec<Earlier>,
}

impl Baseline {
    /// Reads a report, or the array of those of all platforms: what is known on one is known on all.
    pub fn parse(text: &[u8]) -> Result<Self, BaselineError> {
        let versions: Vec<Version> = one_or_all(text)?;
        if let Some(other) = versions.iter().find(|v| v.schema_version != u64::from(SCHEMA_VERSION))
        {
            return Err(BaselineError::Version { found: other.schema_version });
        }
        let reports: Vec<Earlier> = one_or_all(text)?;
        if reports.is_empty() {
            return Err(BaselineError::Part("there is none in it"));
        }
        if reports.iter().any(|r| !r.only.is_empty()) {
            return Err(BaselineError::Part("it was written with `--only`"));
        }
        if reports.iter().any(|r| r.not_looked_at.iter().any(|n| n.why == growth::HELD)) {
            return Err(BaselineError::Part("a check wrote it that did not read every layer"));
        }
        Ok(Self::of(reports))
    }

    /// Of images that were looked at just now, or of reports.
    pub fn of(reports: Vec<Earlier>) -> Self {
        let mut known = HashMap::new();
        for f in reports.iter().flat_map(|r| r.findings.iter().chain(&r.known)) {
            let step = f.instruction.as_deref();
            let mut ids: Vec<Identity> =
                f.members.iter().map(|m| Identity::of_member(&f.rule, m)).collect();
            // A finding about many is known by them alone: the first of them is no more than a place.
            if ids.is_empty() {
                let path = f.path.clone();
                let single = path.as_deref().filter(|_| f.category != Category::Secret);
                ids.extend(single.map(|path| Identity::of_member(&f.rule, path)));
                ids.push(Identity::new(&f.rule, f.category, &f.fingerprint, path, step));
            }
            for id in ids {
                let worst = known.entry(id).or_insert(f.severity);
                *worst = f.severity.max(*worst);
            }
        }
        Self { known, reports }
    }

    /// The report of an image of this platform.
    pub fn report(&self, platform: &Platform) -> Option<&Earlier> {
        let wanted = platform.to_string();
        let same = |r: &&Earlier| r.image.platform == wanted || r.image.platform.is_empty();
        self.reports.iter().find(same)
    }

    pub fn sizes(&self, platform: &Platform) -> Option<Before> {
        let size = self.report(platform)?.size;
        Some(Before { compressed: size.compressed, on_disk: size.on_disk })
    }

    /// Whether the finding was there already, and no better; `instruction` is the masked build step of
    /// its layer.
    pub fn knows(&self, f: &Finding, instruction: Option<&str>) -> bool {
        if policy::is_budget(&f.rule) {
            return false;
        }
        let path = f.path.as_ref().map(|p| p.to_text());
        if !f.members.is_empty() {
            // All of them, and none worse than the worst of them was.
            let then = f.members.iter().map(|m| self.known.get(&Identity::of_member(&f.rule, m)));
            let worst = then.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
            return worst.is_some_and(|then| f.severity <= *then);
        }
        let id = Identity::new(&f.rule, f.category, &f.fingerprint, path.clone(), instruction);
        let single = path.filter(|_| f.category != Category::Secret);
        let of_many = single.map(|path| Identity::of_member(&f.rule, &path));
        let then = self.known.get(&id).or_else(|| self.known.get(&of_many?));
        then.is_some_and(|then| f.severity <= *then)
    }

    /// Masks and fingerprints of its secrets.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.reports.iter().flat_map(|r| r.findings.iter().chain(&r.known));
        let secret = all.filter(|f| f.category == Category::Secret);
        secret.filter_map(|f| Some((f.masked.as_deref()?, f.fingerprint.as_str())))
    }

    /// Whether its reports tell all that one judged by `other` does.
    pub fn knows_as_much(&self, other: &JudgedBy) -> bool {
        self.reports.iter().all(|r| r.judged_by.as_ref().is_some_and(|by| by.covers(other)))
    }
}

fn one_or_all<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<Vec<T>, BaselineError> {
    let several = text.trim_ascii_start().starts_with(b"[");
    let read = if several {
        serde_json::from_slice(text)
    } else {
        serde_json::from_slice(text).map(|one| vec![one])
    };
    read.map_err(BaselineError::NotAReport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::LayerPath;
    use serde_json::json;

    fn baseline(findings: serde_json::Value) -> Baseline {
        let report = json!({ "schema_version": SCHEMA_VERSION, "findings": findings, "more": 1 });
        Baseline::parse(report.to_string().as_bytes()).unwrap()
    }

    fn old(
        rule: &str,
        category: &str,
        path: Option<&str>,
        step: Option<&str>,
    ) -> serde_json::Value {
        json!({
            "rule": rule, "category": category, "severity": "medium", "path": path,
            "instruction": step, "fingerprint": "f1", "message": "words",
        })
    }

    fn finding(rule: &str, category: Category, path: Option<&str>) -> Finding {
        Finding {
            rule: rule.to_owned(),
            category,
            path: path.map(LayerPath::from),
            fingerprint: "f2".to_owned(),
            ..crate::rules::secrets::RULE.finding(Severity::Medium, "other words".to_owned())
        }
    }

    #[test]
    fn a_secret_is_known_by_its_fingerprint() {
        let all = baseline(json!([old("secret/a", "secret", Some("app/.env"), None)]));
        let moved = Finding {
            fingerprint: "f1".to_owned(),
            ..finding("secret/a", Category::Secret, Some("srv/.env"))
        };
        assert!(all.knows(&moved, None));
        assert!(!all.knows(&finding("secret/a", Category::Secret, Some("app/.env")), None));
        assert!(!all.knows(&Finding { rule: "secret/b".to_owned(), ..moved.clone() }, None));
        assert!(!all.knows(&Finding { severity: Severity::High, ..moved }, None), "now worse");
    }

    #[test]
    fn another_finding_is_known_by_its_place() {
        let all = baseline(json!([
            old("files/setuid", "config", Some("bin/su"), Some("RUN old words")),
            old("build/add-url", "config", None, Some("ADD https://a.example.test/x /")),
            old("config/mutable-tag", "config", None, None),
            old("integrity/diff-id", "integrity", None, Some("RUN x")),
        ]));
        let known = |rule, path, step| all.knows(&finding(rule, Category::Config, path), step);
        assert!(known("files/setuid", Some("bin/su"), Some("RUN new words")));
        assert!(!known("files/setuid", Some("bin/mount"), None));
        assert!(known("build/add-url", None, Some("ADD https://a.example.test/x /")));
        assert!(!known("build/add-url", None, Some("ADD https://b.example.test/x /")));
        assert!(known("config/mutable-tag", None, None));
        let odd = finding("integrity/diff-id", Category::Integrity, None);
        assert!(!all.knows(&odd, Some("RUN x")));
        assert!(all.knows(&Finding { fingerprint: "f1".to_owned(), ..odd }, None));
    }

    #[test]
    fn arrays_and_what_was_known_then_count() {
        let report = |known: serde_json::Value| json!({ "schema_version": SCHEMA_VERSION, "findings": [], "known": known });
        let text = json!([
            report(json!([])),
            report(json!([old("config/root-user", "config", None, None)])),
        ]);
        let all = Baseline::parse(text.to_string().as_bytes()).unwrap();
        assert!(all.knows(&finding("config/root-user", Category::Config, None), None));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in
            ["", "{}", "[{}]", "[", "3", "{\"schema_version\":1}", "{\"version\":\"2.1.0\"}"]
        {
            let e = Baseline::parse(text.as_bytes()).unwrap_err();
            assert!(matches!(e, BaselineError::NotAReport(_)), "{text}: {e}");
        }
        let e = Baseline::parse(b"[{\"schema_version\": 7, \"findings\": 3}]").unwrap_err();
        assert_eq!(
            (e.to_string().as_str(), e.hint().as_str()),
            (
                "it is a report of schema version 7, this careen reads 1",
                "write it anew with this careen: `careen inspect --format json --output FILE IMAGE`"
            )
        );
    }
}
