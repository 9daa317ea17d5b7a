//! An earlier JSON report as a baseline: what was known then is not told again.
//!
//! A finding is known by what it is, not by its number or words: a secret by its fingerprint, another
//! thing by its rule with its path or build step. One that has become worse is not known. What the
//! earlier report lists as accepted is no part of it: an acceptance speaks for itself, and can expire.

use super::model::SCHEMA_VERSION;
use crate::rules::{Category, Finding, Severity};
use serde::Deserialize;
use std::collections::HashMap;

/// Why a text is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("not a JSON report of careen: {0}")]
    NotAReport(#[source] serde_json::Error),
    #[error("it is a report of schema version {found}, this careen reads {SCHEMA_VERSION}")]
    Version { found: u64 },
}

impl BaselineError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        const WRITE: &str = "`careen inspect --format json --output FILE IMAGE`";
        match self {
            Self::NotAReport(_) => format!("a baseline is what {WRITE} writes"),
            Self::Version { .. } => format!("write it anew with this careen: {WRITE}"),
        }
    }
}

#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

#[derive(Deserialize)]
struct Earlier {
    findings: Vec<EarlierFinding>,
    /// Known already then.
    #[serde(default)]
    known: Vec<EarlierFinding>,
}

#[derive(Deserialize)]
struct EarlierFinding {
    rule: String,
    category: Category,
    severity: Severity,
    path: Option<String>,
    instruction: Option<String>,
    fingerprint: String,
}

/// By what a finding is recognised.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    rule: String,
    mark: Mark,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Mark {
    Fingerprint(String),
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
            (Category::Secret, _) | (Category::Integrity, None) => {
                Mark::Fingerprint(fingerprint.to_owned())
            }
            (_, Some(path)) => Mark::Path(path),
            (_, None) => Mark::Instruction(instruction.map(str::to_owned)),
        };
        Self { rule: rule.to_owned(), mark }
    }
}

/// The findings of earlier reports.
#[derive(Debug, Default)]
pub struct Baseline {
    known: HashMap<Identity, Severity>,
}

impl Baseline {
    /// Reads a report, or the array of those of all platforms: what is known on one is known on all.
    pub fn parse(text: &[u8]) -> Result<Self, BaselineError> {
        let versions: Vec<Version> = one_or_all(text)?;
        if let Some(other) = versions.iter().find(|v| v.schema_version != u64::from(SCHEMA_VERSION))
        {
            return Err(BaselineError::Version { found: other.schema_version });
        }
        let mut known = HashMap::new();
        for report in one_or_all::<Earlier>(text)? {
            for f in report.findings.into_iter().chain(report.known) {
                let id = Identity::new(
                    &f.rule,
                    f.category,
                    &f.fingerprint,
                    f.path,
                    f.instruction.as_deref(),
                );
                let worst = known.entry(id).or_insert(f.severity);
                *worst = f.severity.max(*worst);
            }
        }
        Ok(Self { known })
    }

    /// Whether the finding was there already, and no better; `instruction` is the masked build step of
    /// its layer.
    pub fn knows(&self, f: &Finding, instruction: Option<&str>) -> bool {
        let path = f.path.as_ref().map(|p| p.to_text());
        let id = Identity::new(&f.rule, f.category, &f.fingerprint, path, instruction);
        self.known.get(&id).is_some_and(|then| f.severity <= *then)
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
