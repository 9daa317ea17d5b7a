//! One finding as a SARIF result.

use super::bag;
use super::message::literal;
use super::place::{Spot, location};
use super::rules::Rules;
use crate::report::layer_id::layer;
use crate::report::made;
use crate::report::model::{AcceptedFinding, FindingReport, PlaceReport, Report};
use crate::report::shown::{begun, shown};
use crate::report::text::words;
use crate::rules::Severity;
use serde_json::json;
use serde_sarif::sarif::{
    Location, Message, PropertyBag, Result as SarifResult, ResultLevel, Suppression,
};
use std::collections::BTreeMap;

/// Characters of a name, and of a sentence.
pub(super) const NAME: usize = 255;
pub(super) const SENTENCE: usize = 1000;

/// Related places of a result that GitHub takes in.
const MOST_PLACES: usize = 100;

/// How a finding stands to what was said of it before.
pub(super) enum Standing<'a> {
    /// It counts; new where the run has known ones too.
    Open {
        news: Option<&'static str>,
    },
    /// The baseline has it.
    Known,
    Accepted(&'a AcceptedFinding),
}

pub(super) fn result<'a>(
    report: &Report,
    f: &'a FindingReport,
    standing: &Standing,
    rules: &mut Rules<'a>,
) -> SarifResult {
    let mut result = SarifResult::builder()
        .rule_id(f.rule.clone())
        .rule_index(rules.number(f))
        .level(level(f.severity))
        .message(Message::builder().text(literal(&sentence(f))).build())
        .locations(vec![location(report, Spot::from(f), None)])
        .partial_fingerprints(fingerprints(f))
        .properties(properties(report, f))
        .build();
    if !f.also.is_empty() {
        result.related_locations = Some(also(report, f));
    }
    match standing {
        Standing::Open { news } => result.baseline_state = news.map(|n| json!(n)),
        Standing::Known => result.baseline_state = Some(json!("unchanged")),
        Standing::Accepted(by) => {
            result.baseline_state = (!report.known.is_empty()).then(|| json!("unchanged"));
            result.suppressions = Some(vec![suppression(by)]);
        }
    }
    result
}

pub(super) fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low | Severity::Info => ResultLevel::Note,
    }
}

/// What, the mask, where and what to do: a viewer may show nothing but this.
fn sentence(f: &FindingReport) -> String {
    let place = words::place(f).map(|p| shown(&p, NAME));
    let inside = f.inside.as_deref().map(|i| format!("inside {}", shown(i, NAME)));
    let layer = f.layer.map(|n| format!("layer {n}"));
    let state = f.state.map(|s| words::state(s).to_owned());
    let facts: Vec<String> = [place, inside, layer, state].into_iter().flatten().collect();
    let parts = [
        Some(words::capital(&begun(&f.message, SENTENCE))),
        // As it stands: a capital would make another mask of it.
        f.masked.as_deref().map(|m| begun(m, NAME)),
        Some(words::capital(&facts.join(", "))).filter(|facts| !facts.is_empty()),
        f.advice.as_deref().map(|a| begun(a, SENTENCE)),
    ];
    let sentences = parts.into_iter().flatten().map(|p| {
        let end = if p.ends_with(['.', '!', '?']) { "" } else { "." };
        format!("{p}{end}")
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// The same for the same thing in every run, whatever its line or layer is by then. GitHub tells
/// findings apart by the first of these alone.
fn fingerprints(f: &FindingReport) -> BTreeMap<String, String> {
    let id = made::id(&["finding", &f.rule, &f.fingerprint]).simple().to_string();
    BTreeMap::from([
        ("primaryLocationLineHash".to_owned(), format!("{}:1", &id[..16])),
        ("careenFinding/v1".to_owned(), id),
    ])
}

fn properties(report: &Report, f: &FindingReport) -> PropertyBag {
    // Where an archive has no blobs, a layer has no other name.
    let blobless = f.layer.and_then(|n| layer(report, n)).filter(|l| l.digest.is_none());
    let diff_id = blobless.and_then(|l| l.diff_id.as_ref());
    bag([
        ("image", json!(shown(&report.image.reference, NAME))),
        ("imageDigest", json!(report.image.digest)),
        ("platform", json!(shown(&report.image.platform, NAME))),
        ("severity", json!(words::severity(f.severity))),
        ("confidence", json!(f.confidence.word())),
        ("state", json!(f.state)),
        ("path", json!(f.path.as_deref().map(|p| shown(p, SENTENCE)))),
        ("inside", json!(f.inside.as_deref().map(|i| shown(i, SENTENCE)))),
        ("layer", json!(f.layer)),
        ("layerDigest", json!(f.layer_digest)),
        ("layerDiffId", json!(diff_id)),
        ("ofBase", json!(f.of_base)),
        ("instruction", json!(f.instruction.as_deref().map(|i| begun(i, SENTENCE)))),
        ("masked", json!(f.masked.as_deref().map(|m| begun(m, NAME)))),
        ("recover", json!(f.recover.as_deref().map(|r| begun(r, 2 * SENTENCE)))),
        ("package", json!(f.package.as_deref().map(|p| shown(p, NAME)))),
        ("fingerprint", json!(f.fingerprint)),
    ])
}

/// The other places of the same secret.
fn also(report: &Report, f: &FindingReport) -> Vec<Location> {
    let text = |p: &PlaceReport| {
        let layer = p.layer.map(|n| format!(", layer {n}")).unwrap_or_default();
        let what = format!("{}{layer}, {}", p.message, words::state(p.state));
        literal(&begun(&what, SENTENCE))
    };
    let places = f.also.iter().take(MOST_PLACES).zip(0i64..);
    let located = places.map(|(p, id)| {
        let mut place = location(report, Spot::from(p), Some(&text(p)));
        place.id = Some(id);
        place
    });
    located.collect()
}

fn suppression(by: &AcceptedFinding) -> Suppression {
    let until = by.expires.as_deref().map(|e| format!(", until {}", begun(e, NAME)));
    let until = until.unwrap_or_default();
    let place = shown(&by.accepted_by, NAME);
    let why = match &by.reason {
        Some(reason) => format!("{} ({place}{until})", begun(reason, SENTENCE)),
        None => format!("accepted without a reason ({place}{until})"),
    };
    Suppression::builder()
        .kind(json!("external"))
        .status(json!("accepted"))
        .justification(why)
        .build()
}
