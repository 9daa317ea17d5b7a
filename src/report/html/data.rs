//! What the page's script is given: the reports, long lists cut and said to be, with the words and the
//! rules' texts that it shows.

use super::tree::TreeData;
use crate::analyze::PackageKind;
use crate::image::waste::ResidueKind;
use crate::report::growth::Growth;
use crate::report::model::{
    AdviceReport, BaseReport, ExpiredAcceptance, Hidden, ImageIdentity, LayerReport, NotLookedAt,
    PackageReport, Report, Section, Sizes, Unneeded,
};
use crate::report::text::words;
use crate::report::tree::FileTree;
use crate::report::verdict::Verdict;
use crate::rules::{self, State};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows of a list in the page; the JSON report has all.
const ROWS: usize = 3000;
/// Other places of one secret, and paths of one content.
const PLACES: usize = 25;

#[derive(Serialize)]
pub(super) struct Data<'a> {
    version: &'static str,
    images: Vec<Image<'a>>,
    /// By rule; all kinds of secrets are of the rule `secret`.
    rules: BTreeMap<&'a str, RuleText>,
    words: Value,
}

#[derive(Serialize)]
struct Image<'a> {
    verdict: &'static str,
    /// Nothing is known of it but that.
    unreadable: bool,
    /// Findings by severity, of all of them.
    counts: BTreeMap<&'static str, usize>,
    /// It runs as root, as far as that can be told.
    root: bool,
    /// Of all items, on disk.
    unneeded_bytes: u64,
    only: &'a [Section],
    image: &'a ImageIdentity,
    size: &'a Sizes,
    base: &'a Option<BaseReport>,
    layers: &'a [LayerReport],
    waste: WasteSum,
    hidden: &'a Hidden,
    findings: Cut<Value>,
    accepted: Cut<Value>,
    known: Cut<Value>,
    expired: Cut<&'a ExpiredAcceptance>,
    packages: Cut<&'a PackageReport>,
    unneeded: Cut<&'a Unneeded>,
    advice: &'a [AdviceReport],
    not_looked_at: Cut<&'a NotLookedAt>,
    duplicates: Cut<Value>,
    growth: &'a Option<Growth>,
    tree: Option<TreeData<'a>>,
}

#[derive(Serialize)]
struct WasteSum {
    bytes: Option<u64>,
    at_least: u64,
}

#[derive(Serialize)]
struct RuleText {
    title: &'static str,
    doc: &'static str,
}

/// The head of a list, and how long it is.
#[derive(Serialize)]
struct Cut<T> {
    rows: Vec<T>,
    all: usize,
}

fn cut<T>(list: &[T]) -> Cut<&T> {
    Cut { rows: list.iter().take(ROWS).collect(), all: list.len() }
}

/// The head of a list of which each row has a list `long` of its own.
fn cut_within<T: Serialize>(list: &[T], long: &str) -> Result<Cut<Value>, serde_json::Error> {
    let row = |row: &T| {
        let mut row = serde_json::to_value(row)?;
        if let Some(Value::Array(inner)) = row.get_mut(long) {
            let all = inner.len();
            inner.truncate(PLACES);
            row["all"] = json!(all);
        }
        Ok(row)
    };
    let rows: Result<Vec<Value>, serde_json::Error> = list.iter().take(ROWS).map(row).collect();
    Ok(Cut { rows: rows?, all: list.len() })
}

impl<'a> Data<'a> {
    pub(super) fn of(
        reports: &'a [Report],
        trees: &'a [FileTree],
    ) -> Result<Self, serde_json::Error> {
        let mut rules = BTreeMap::new();
        let mut images = Vec::with_capacity(reports.len());
        for (number, report) in reports.iter().enumerate() {
            let accepted = report.accepted.iter().map(|a| &a.finding);
            for finding in report.findings.iter().chain(accepted).chain(&report.known) {
                if let Some(rule) = rules::rule(&finding.rule) {
                    rules.insert(rule.id, RuleText { title: rule.title, doc: rule.doc });
                }
            }
            let tree = trees.get(number).map(|t| TreeData::of(t, &report.findings, ROWS));
            images.push(Image::of(report, tree)?);
        }
        Ok(Self { version: env!("CARGO_PKG_VERSION"), images, rules, words: words_of_kinds()? })
    }
}

impl<'a> Image<'a> {
    fn of(report: &'a Report, tree: Option<TreeData<'a>>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            verdict: Verdict::of(report).word(),
            unreadable: report.is_unreadable(),
            counts: counts(report),
            root: runs_as_root(report),
            unneeded_bytes: report.unneeded.iter().fold(0, |a, u| a.saturating_add(u.bytes)),
            only: &report.only,
            image: &report.image,
            size: &report.size,
            base: &report.base,
            layers: &report.layers,
            waste: WasteSum { bytes: report.waste.bytes, at_least: report.waste.at_least },
            hidden: &report.hidden,
            findings: cut_within(&report.findings, "also")?,
            accepted: cut_within(&report.accepted, "also")?,
            known: cut_within(&report.known, "also")?,
            expired: cut(&report.expired),
            packages: cut(&report.packages),
            unneeded: cut(&report.unneeded),
            advice: &report.advice,
            not_looked_at: cut(&report.not_looked_at),
            duplicates: cut_within(&report.duplicates, "paths")?,
            growth: &report.growth,
            tree,
        })
    }
}

fn counts(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for finding in &report.findings {
        *counts.entry(words::severity(finding.severity)).or_default() += 1;
    }
    counts
}

fn runs_as_root(report: &Report) -> bool {
    let accepted = report.accepted.iter().map(|a| &a.finding);
    report.image.user.is_empty()
        || report
            .findings
            .iter()
            .chain(accepted)
            .chain(&report.known)
            .any(|f| f.rule == rules::user::ROOT.id)
}

/// The words of the text report for states and kinds, by their names in the JSON.
fn words_of_kinds() -> Result<Value, serde_json::Error> {
    let states = [
        State::Visible,
        State::Overwritten,
        State::DeletedLater,
        State::HiddenByOpaque,
        State::OnlyInConfig,
        State::OnlyInHistory,
    ];
    let packages = [
        PackageKind::Dpkg,
        PackageKind::Apk,
        PackageKind::Rpm,
        PackageKind::Python,
        PackageKind::Node,
        PackageKind::Java,
        PackageKind::Gem,
        PackageKind::Go,
        PackageKind::Rust,
        PackageKind::Conda,
        PackageKind::Composer,
        PackageKind::Nuget,
    ];
    Ok(json!({
        "state": named(&states, words::state)?,
        "package": named(&packages, words::package)?,
        "hidden": HIDDEN.map(|k| words::waste(k.into())),
    }))
}

fn named<T: Serialize + Copy>(
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<Value, serde_json::Error> {
    let pair = |&one: &T| {
        let key = serde_json::to_value(one)?;
        Ok((key.as_str().unwrap_or_default().to_owned(), Value::from(word(one))))
    };
    Ok(Value::Object(all.iter().map(pair).collect::<Result<_, serde_json::Error>>()?))
}

/// How bytes were hidden, in the order of their numbers in the tree.
pub(super) const HIDDEN: [ResidueKind; 5] = [
    ResidueKind::Deleted,
    ResidueKind::Overwritten,
    ResidueKind::MetadataOnly,
    ResidueKind::Opaque,
    ResidueKind::DuplicateEntry,
];
