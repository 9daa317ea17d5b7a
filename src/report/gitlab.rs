//! GitLab's container-scanning report, version 15.2.1 of its published schema
//! (`gitlab-org/security-products/security-report-schemas`): one image a document.
//!
//! No crate has these types, so the few that are written stand here. GitLab tells findings apart by
//! their first identifier and by the package that they lie in, so the first identifier is of the finding,
//! not of its rule: two secrets in one file would be one. A finding outside every package has its path in
//! the place of the package's name. What is accepted is left out. Secrets stand here masked only.

use super::error::FormatError;
use super::json;
use super::layer_id::layer_id;
use super::made::{self, Made};
use super::markdown::{literal, prose};
use super::model::{FindingReport, Report};
use super::rule_doc::RuleDoc;
use super::shown::{begun, shown};
use super::text::words;
use crate::rules::Severity;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

const SCHEMA: &str = "15.2.1";

/// The schema's `maxLength` of a name, and of a solution.
const NAME: usize = 255;
const SOLUTION: usize = 7000;
/// Characters of a path or a sentence.
const SENTENCE: usize = 1000;

#[derive(Serialize)]
struct Document {
    version: &'static str,
    scan: Scan,
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Serialize)]
struct Scan {
    analyzer: Scanner,
    scanner: Scanner,
    #[serde(rename = "type")]
    kind: &'static str,
    start_time: String,
    end_time: String,
    /// `failure` where something could not be looked at, or findings were left out as asked: what is not
    /// listed would count as resolved.
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<ScanMessage>,
}

#[derive(Serialize)]
struct Scanner {
    id: &'static str,
    name: &'static str,
    version: &'static str,
    vendor: Vendor,
}

#[derive(Serialize)]
struct Vendor {
    name: &'static str,
}

#[derive(Serialize)]
struct ScanMessage {
    level: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Vulnerability {
    id: String,
    name: String,
    description: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    solution: Option<String>,
    identifiers: Vec<Identifier>,
    location: Location,
    details: BTreeMap<&'static str, Detail>,
}

#[derive(Serialize)]
struct Identifier {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Location {
    image: String,
    operating_system: String,
    dependency: Dependency,
}

#[derive(Serialize)]
struct Dependency {
    package: Package,
    version: String,
}

#[derive(Serialize)]
struct Package {
    name: String,
}

/// A named field of the schema's `text` or `code`.
#[derive(Serialize)]
struct Detail {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

/// One report as one document.
pub fn render(report: &Report, made: &Made) -> Result<String, FormatError> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let all = report.findings.iter().chain(&report.known);
    let document = Document {
        version: SCHEMA,
        scan: scan(report, made),
        vulnerabilities: all.map(|f| vulnerability(report, f, &mut seen)).collect(),
    };
    Ok(json::pretty(&document)?)
}

fn scan(report: &Report, made: &Made) -> Scan {
    let scanner = || Scanner {
        id: "careen",
        name: "careen",
        version: env!("CARGO_PKG_VERSION"),
        vendor: Vendor { name: "careen" },
    };
    let mut messages: Vec<ScanMessage> = report
        .not_looked_at
        .iter()
        .map(|gap| ScanMessage {
            level: if gap.failed { "warn" } else { "info" },
            value: begun(&format!("not looked at: {}: {}", gap.what, gap.why), SENTENCE),
        })
        .collect();
    if !report.only.is_empty() {
        let value = format!("only {}: all else was left out as asked", report.parts());
        messages.push(ScanMessage { level: "warn", value });
    }
    if report.hidden.below_confidence > 0 {
        let what = words::count(report.hidden.below_confidence, "less sure secret");
        messages.push(ScanMessage { level: "info", value: format!("{what} not listed") });
    }
    let failed = report.not_looked_at.iter().any(|gap| gap.failed);
    Scan {
        analyzer: scanner(),
        scanner: scanner(),
        kind: "container_scanning",
        start_time: made.bare(),
        end_time: made.bare(),
        status: if failed || !report.is_judged() { "failure" } else { "success" },
        messages,
    }
}

fn vulnerability(
    report: &Report,
    f: &FindingReport,
    seen: &mut HashMap<String, usize>,
) -> Vulnerability {
    let doc = RuleDoc::of(&f.rule, f.category);
    // The same thing twice in a document is two, and which is which does not matter.
    let key = made::id(&["vulnerability", &report.image.platform, &f.rule, &f.fingerprint]);
    let nth = seen.entry(key.to_string()).or_default();
    *nth += 1;
    let mut finding = format!("{}:{}", f.rule, f.fingerprint);
    let mut id = key;
    if *nth > 1 {
        finding.push_str(&format!(":{nth}"));
        id = made::id(&[&key.to_string(), &nth.to_string()]);
    }
    Vulnerability {
        id: id.to_string(),
        name: begun(&doc.title, NAME),
        description: description(f, &doc),
        severity: severity(f.severity),
        solution: f.advice.as_deref().map(|a| begun(a, SOLUTION)),
        identifiers: vec![
            Identifier {
                kind: "careen_finding",
                name: f.rule.clone(),
                value: finding,
                url: doc.url.clone(),
            },
            Identifier {
                kind: "careen",
                name: f.rule.clone(),
                value: f.rule.clone(),
                url: doc.url,
            },
        ],
        location: location(report, f),
        details: details(report, f),
    }
}

/// GitLab renders it as Markdown.
fn description(f: &FindingReport, doc: &RuleDoc) -> String {
    let masked = f.masked.as_deref().map(|m| format!(" {}", literal(&begun(m, NAME))));
    let message = prose(&begun(&f.message, SENTENCE));
    format!("{message}{}\n\n{}", masked.unwrap_or_default(), doc.text)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn location(report: &Report, f: &FindingReport) -> Location {
    let image = &report.image;
    let package = f.package.as_deref().and_then(|name| {
        // Names of packages are sanitised in findings, and only there.
        report.packages.iter().find(|p| shown(&p.name, NAME) == shown(name, NAME))
    });
    // Without the line: it moves while the finding stays.
    let name = match (&f.package, &f.path, f.layer) {
        (Some(name), _, _) => shown(name, NAME),
        (None, Some(path), _) => shown(&words::path(path), SENTENCE),
        (None, None, Some(n)) => format!("layer {n}"),
        (None, None, None) => "configuration of the image".to_owned(),
    };
    let version = match (package, layer_of(report, f)) {
        (Some(package), _) => shown(&package.version, NAME),
        (None, Some(layer)) => layer,
        (None, None) => image.digest.clone().unwrap_or_default(),
    };
    let system = match (&image.os_id, &image.os_version) {
        (Some(id), Some(version)) => shown(&format!("{id} {version}"), NAME),
        (Some(id), None) => shown(id, NAME),
        (None, _) => "unknown".to_owned(),
    };
    let named = if image.reference.is_empty() { "unknown" } else { &image.reference };
    Location {
        image: shown(named, SENTENCE),
        operating_system: system,
        dependency: Dependency { package: Package { name }, version },
    }
}

fn layer_of(report: &Report, f: &FindingReport) -> Option<String> {
    f.layer_digest.clone().or_else(|| layer_id(report, f.layer?))
}

fn details(report: &Report, f: &FindingReport) -> BTreeMap<&'static str, Detail> {
    let text = |name, value| Detail { name, kind: "text", value };
    let state = f.state.map(|s| ("state", text("State", words::state(s).to_owned())));
    let mut all: BTreeMap<_, _> = state.into_iter().collect();
    let mut add = |key, name, kind, value: Option<String>| {
        if let Some(value) = value {
            all.insert(key, Detail { name, kind, value });
        }
    };
    add("place", "Place", "text", words::place(f).map(|p| shown(&p, SENTENCE)));
    add("inside", "Inside", "text", f.inside.as_deref().map(|i| shown(i, SENTENCE)));
    add("masked", "Secret, masked", "text", f.masked.as_deref().map(|m| begun(m, NAME)));
    let digest = layer_of(report, f).map(|d| format!(" {d}")).unwrap_or_default();
    add("layer", "Layer", "text", f.layer.map(|n| format!("{n}{digest}")));
    add("instruction", "Build step", "code", f.instruction.as_deref().map(|i| begun(i, SENTENCE)));
    add("recover", "Get it", "code", f.recover.as_deref().map(|r| begun(r, 2 * SENTENCE)));
    let more = Some(f.also.len()).filter(|n| *n > 0);
    add("also", "Also", "text", more.map(|n| words::count(n, "more place")));
    all
}
