//! From the parts of an inspection to the [`Report`]: numbers are copied or summed, names become text,
//! and every text that may hold a secret is masked.

use super::bounds::{self, MOST_LISTED, MOST_NAMED};
use super::model::{
    AcceptedFinding, AdviceReport, BaseReport, Duplicate, EnvVar, EstimateReport,
    ExpiredAcceptance, FindingReport, FixedReport, Hidden, ImageIdentity, JudgedBy, LayerReport,
    NotLookedAt, PackageReport, PlaceReport, RemovedReport, Report, SCHEMA_VERSION, Sizes,
    Unneeded, UnreachedReport, Waste, WastedPath,
};
use crate::advise::{Advice, Removed, Unreached};
use crate::analyze::PackageState;
use crate::analyze::packages::is_analyzer;
use crate::analyze::secrets::Masker;
use crate::image;
use crate::image::base::BaseImage;
use crate::image::changed_below::hides;
use crate::image::history::{History, Instruction};
use crate::image::packages::InstalledPackages;
use crate::image::unneeded::UnneededItem;
use crate::image::view::View;
use crate::image::waste::{self, Residue};
use crate::image::{ImageFacts, ImageLayer, LayerState};
use crate::index::LayerIndex;
use crate::layer::LayerPath;
use crate::rules::allow::Allow;
use crate::rules::{Finding, State};
use crate::text::{Sanitized, mask};
use std::collections::BTreeMap;

/// Copies of a file below this many bytes are not worth a line.
const DUPLICATE_FLOOR: u64 = 64 << 10;

/// All that a report is made of.
pub struct Parts<'a> {
    pub facts: &'a ImageFacts,
    /// The instruction behind each layer, masked ([`steps`]).
    pub steps: &'a [Option<String>],
    /// Those that count.
    pub findings: &'a [Finding],
    pub accepted: &'a [(Finding, &'a Allow)],
    /// Those that the baseline has.
    pub known: &'a [Finding],
    /// With the number of findings that count again.
    pub expired: &'a [(&'a Allow, usize)],
    pub below_confidence: usize,
    pub judged_by: JudgedBy,
    pub advice: &'a [Advice],
    pub unreached: Option<&'a Unreached>,
    /// What lies beside the image's layers unread.
    pub unseen: &'a [NotLookedAt],
    /// Of this image's secrets.
    pub masker: &'a Masker<'a>,
}

/// The whole report of one image.
pub fn assemble(parts: &Parts) -> Report {
    let steps = parts.steps;
    Report {
        schema_version: SCHEMA_VERSION,
        judged_by: parts.judged_by.clone(),
        only: Vec::new(),
        image: identity(parts),
        size: total(parts),
        base: parts.facts.base.as_ref().map(|b| base(parts, b)),
        layers: layers(parts, steps),
        waste: waste(parts, steps),
        unreached: parts.unreached.map(unreached),
        findings: parts.findings.iter().map(|f| finding(parts, f, steps)).collect(),
        hidden: Hidden {
            below_confidence: parts.below_confidence,
            accepted: parts.accepted.len(),
            known: parts.known.len(),
        },
        accepted: parts
            .accepted
            .iter()
            .map(|(f, allow)| accepted(parts, f, allow, steps))
            .collect(),
        known: parts.known.iter().map(|f| finding(parts, f, steps)).collect(),
        expired: parts.expired.iter().map(|(allow, n)| expired(allow, *n)).collect(),
        packages: packages(&parts.facts.packages),
        unneeded: parts.facts.unneeded.iter().map(unneeded).collect(),
        advice: parts.advice.iter().map(advice).collect(),
        not_looked_at: not_looked_at(parts),
        duplicates: duplicates(&parts.facts.view),
        growth: None,
    }
}

/// The instruction behind each layer, masked.
pub fn steps(history: &History, layers: usize, masker: &Masker) -> Vec<Option<String>> {
    let text = |layer| history.of_layer(layer).map(|s| instruction(s, masker));
    (0..layers).map(text).collect()
}

/// The instruction behind a finding that no layer has, masked.
fn step_of(parts: &Parts, f: &Finding) -> Option<String> {
    parts.facts.history.steps.get(f.step?).map(|s| instruction(s, parts.masker))
}

fn instruction(step: &Instruction, masker: &Masker) -> String {
    masker.mask(format!("{} {}", step.keyword, step.text).trim())
}

fn identity(parts: &Parts) -> ImageIdentity {
    let found = &parts.facts.image.found;
    let config = &found.config.config;
    let env = config.env.iter().take(MOST_LISTED).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        EnvVar { name: name.to_owned(), value: masked_value(parts.masker, name, value) }
    });
    let labels = config.labels.iter().take(MOST_LISTED);
    let labels = labels.map(|(k, v)| (k.clone(), masked_value(parts.masker, k, v)));
    let command = &parts.facts.command.argv;
    ImageIdentity {
        reference: found.reference.clone(),
        digest: found.digest.map(|d| d.to_string()),
        platform: found.platform.to_string(),
        created: found.config.created.clone(),
        os_release: parts.facts.os_release("PRETTY_NAME"),
        os_id: parts.facts.os_release("ID"),
        os_version: parts.facts.os_release("VERSION_ID"),
        user: config.user.clone(),
        command: parts.masker.mask_words(&command[..command.len().min(MOST_LISTED)]),
        working_dir: config.working_dir.clone(),
        env: env.collect(),
        labels: labels.collect::<BTreeMap<_, _>>(),
        exposed_ports: config.exposed_ports.keys().take(MOST_LISTED).cloned().collect(),
        volumes: config.volumes.keys().take(MOST_LISTED).cloned().collect(),
        healthcheck: config
            .healthcheck
            .as_ref()
            .filter(|h| !h.test.is_empty())
            .map(|h| parts.masker.mask_words(&h.test[..h.test.len().min(MOST_LISTED)])),
    }
}

/// What its name says of a value tells whether it is masked.
fn masked_value(masker: &Masker, name: &str, value: &str) -> String {
    // The name may hold a secret itself.
    let name = masker.mask_sure(name);
    let whole = masker.mask(&format!("{name}={value}"));
    let rest = whole.strip_prefix(&name).and_then(|rest| rest.strip_prefix('='));
    rest.map_or_else(|| mask(value.as_bytes()), str::to_owned)
}

fn indexed(layer: &ImageLayer) -> Option<&LayerIndex> {
    match &layer.state {
        LayerState::Indexed(index) => Some(index),
        LayerState::NotLookedAt { .. } => None,
    }
}

/// Sums are known only when every layer is.
fn total(parts: &Parts) -> Sizes {
    let layers = &parts.facts.image.layers;
    let content: Option<u64> = layers.iter().map(|l| indexed(l).map(|i| i.content_bytes)).sum();
    Sizes {
        compressed: image::compressed(layers),
        content,
        on_disk: content.map(|_| parts.facts.view.on_disk_bytes()),
    }
}

fn base(parts: &Parts, base: &BaseImage) -> BaseReport {
    let own =
        &parts.facts.image.layers[..base.layers.unwrap_or(0).min(parts.facts.image.layers.len())];
    let content: Option<u64> = own.iter().map(|l| indexed(l).map(|i| i.content_bytes)).sum();
    let known = base.layers.is_some();
    let unneeded = parts.facts.unneeded.iter().flat_map(|u| &u.layers);
    BaseReport {
        name: base.name.clone(),
        digest: base.digest.clone(),
        how: base.how.word().to_owned(),
        layers: base.layers,
        size: Sizes {
            compressed: image::compressed(own).filter(|_| known),
            content: content.filter(|_| known),
            on_disk: content
                .filter(|_| known)
                .map(|_| (0..own.len()).map(|n| parts.facts.view.on_disk_of_layer(n)).sum()),
        },
        unneeded: unneeded.filter(|(layer, _)| **layer < own.len()).map(|(_, bytes)| bytes).sum(),
    }
}

fn layers(parts: &Parts, steps: &[Option<String>]) -> Vec<LayerReport> {
    let mut hidden = vec![0u64; parts.facts.image.layers.len()];
    for r in &parts.facts.residue {
        hidden[r.node.layer] += r.bytes;
    }
    // A layer that was not looked at may hide anything below it.
    let unseen = parts.facts.image.layers.iter().rposition(|l| indexed(l).is_none());
    let hides = hides(&parts.facts.image.layers);
    let passwd = LayerPath::from("etc/passwd");
    let report = |(number, layer): (usize, &ImageLayer)| {
        let index = indexed(layer);
        LayerReport {
            number,
            digest: layer.descriptor.as_ref().map(|d| d.digest.to_string()),
            diff_id: index.map(|i| i.diff_id).or(layer.declared_diff_id).map(|d| d.to_string()),
            instruction: steps.get(number).cloned().flatten(),
            size: Sizes {
                compressed: layer.compressed,
                content: index.map(|i| i.content_bytes),
                on_disk: index.map(|_| parts.facts.view.on_disk_of_layer(number)),
            },
            files: index.map(|i| i.entries.iter().filter(is_file).count() as u64),
            waste: index.filter(|_| unseen.is_none_or(|n| n < number)).map(|_| hidden[number]),
            unneeded: index
                .map(|_| parts.facts.unneeded.iter().filter_map(|u| u.layers.get(&number)).sum()),
            hides: hides[number],
            users: index.is_some_and(|i| {
                i.entries.iter().any(|e| e.name() == b"passwd" && e.path() == passwd)
            }),
            created: parts.facts.history.of_layer(number).and_then(|s| s.created.clone()),
        }
    };
    parts.facts.image.layers.iter().enumerate().map(report).collect()
}

/// Files that unpack; whiteouts are marks, not files.
fn is_file(entry: &crate::index::EntryRef) -> bool {
    entry.is_file() && !entry.name().starts_with(b".wh.")
}

fn waste(parts: &Parts, steps: &[Option<String>]) -> Waste {
    let at_least: u64 = parts.facts.residue.iter().map(|r| r.bytes).sum();
    let content = total(parts).content;
    let efficiency = |content| match content {
        0 => 1.0,
        content => 1.0 - at_least as f64 / content as f64,
    };
    let path = |r: &Residue| WastedPath {
        path: r.path.to_text(),
        bytes: r.bytes,
        layer: r.node.layer,
        kind: r.kind.into(),
        hidden_by: r.hidden_by,
        instruction: steps.get(r.hidden_by).cloned().flatten(),
    };
    Waste {
        bytes: content.map(|_| at_least),
        at_least,
        efficiency: content.map(efficiency),
        paths: parts.facts.residue.iter().map(path).collect(),
    }
}

fn finding(parts: &Parts, f: &Finding, steps: &[Option<String>]) -> FindingReport {
    let layer = f.layer.and_then(|n| parts.facts.image.layers.get(n));
    let hidden_file =
        f.path.is_some() && !matches!(f.state, State::OnlyInConfig | State::OnlyInHistory);
    let recover = f.path.as_ref().filter(|_| hidden_file).map(|path| {
        let number = f.layer.map(|n| format!(" --layer {n}")).unwrap_or_default();
        format!(
            "careen cat {} {}{number}",
            shell_word(&parts.facts.image.found.reference),
            shell_word(&Sanitized(path.as_bytes()).to_string())
        )
    });
    FindingReport {
        rule: f.rule.clone(),
        category: f.category,
        severity: f.severity,
        confidence: f.confidence,
        state: f.state.of_a_place(),
        path: f.path.as_ref().map(LayerPath::to_text),
        inside: f.inside.as_ref().map(|i| Sanitized::from(i.as_str()).to_string()),
        line: f.line,
        layer: f.layer,
        of_base: f
            .layer
            .zip(parts.facts.base.as_ref().and_then(|b| b.layers))
            .map(|(layer, n)| layer < n),
        layer_digest: layer.and_then(|l| l.descriptor.as_ref()).map(|d| d.digest.to_string()),
        instruction: match f.layer {
            Some(n) => steps.get(n).cloned().flatten(),
            None => step_of(parts, f),
        },
        masked: f.masked.clone(),
        fingerprint: f.fingerprint.clone(),
        message: f.message.clone(),
        advice: f.advice.clone(),
        recover,
        package: f.package.as_ref().map(|p| Sanitized::from(p.as_str()).to_string()),
        plain: f.plain.as_ref().map(|p| String::from_utf8_lossy(p.reveal()).into_owned()),
        members: f.members.clone(),
        also: f.also.iter().map(|a| place(finding(parts, a, steps), a.state)).collect(),
    }
}

fn accepted(
    parts: &Parts,
    f: &Finding,
    allow: &Allow,
    steps: &[Option<String>],
) -> AcceptedFinding {
    AcceptedFinding {
        finding: finding(parts, f, steps),
        reason: allow.reason.clone(),
        expires: allow.expires.map(|d| d.to_string()),
        accepted_by: allow.place.clone(),
    }
}

fn expired(allow: &Allow, findings: usize) -> ExpiredAcceptance {
    ExpiredAcceptance {
        accepted_by: allow.place.clone(),
        reason: allow.reason.clone(),
        expires: allow.expires.map(|d| d.to_string()),
        findings,
    }
}

fn place(f: FindingReport, state: State) -> PlaceReport {
    PlaceReport {
        state,
        path: f.path,
        inside: f.inside,
        line: f.line,
        layer: f.layer,
        layer_digest: f.layer_digest,
        instruction: f.instruction,
        message: f.message,
        recover: f.recover,
    }
}

/// A word that a shell takes as it is, whatever the image put into it.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", Sanitized::from(text).to_string().replace('\'', "'\\''"))
}

fn packages(packages: &InstalledPackages) -> Vec<PackageReport> {
    packages
        .iter()
        .map(|p| PackageReport {
            name: p.name.clone(),
            version: p.version.clone(),
            kind: p.kind,
            architecture: p.architecture.clone(),
            source: p.source.clone(),
            bytes: p.bytes,
            layer: Some(p.layer),
            path: p.database.to_text(),
            namespace: p.namespace.clone(),
            inside: p.inside.clone(),
            state: Some(p.state).filter(|s| *s != PackageState::Installed),
        })
        .collect()
}

fn unneeded(item: &UnneededItem) -> Unneeded {
    Unneeded {
        kind: item.kind.clone(),
        bytes: item.bytes,
        paths: item.paths.iter().map(LayerPath::to_text).collect(),
        owner: item.owner.clone(),
    }
}

fn advice(a: &Advice) -> AdviceReport {
    AdviceReport {
        id: a.id.to_owned(),
        kind: a.kind.to_owned(),
        title: a.title.clone(),
        possible: a.possible,
        because: a.because.clone(),
        confidence: a.certainty.word().to_owned(),
        basis: a.basis.clone(),
        changes: a.changes.clone(),
        blockers: a.blockers.clone(),
        risks: a.risks.clone(),
        removes: a.removes.iter().map(removed).collect(),
        fixes: a.fixes.iter().map(fixed).collect(),
        dockerfile: a.dockerfile.clone(),
        patch: a.patch.clone(),
        no_patch: a.no_patch.map(str::to_owned),
        ignore: a.ignore.clone(),
        estimate: EstimateReport { compressed: a.estimate.compressed, on_disk: a.estimate.on_disk },
    }
}

fn unreached(u: &Unreached) -> UnreachedReport {
    UnreachedReport { bytes: u.bytes, sure: u.sure, kinds: u.kinds.iter().map(removed).collect() }
}

fn removed(r: &Removed) -> RemovedReport {
    RemovedReport { what: r.what.to_owned(), bytes: r.bytes }
}

fn fixed((rule, findings): &(String, usize)) -> FixedReport {
    FixedReport { rule: rule.clone(), findings: *findings }
}

fn not_looked_at(parts: &Parts) -> Vec<NotLookedAt> {
    let mut out = parts.unseen.to_vec();
    for remark in parts.facts.image.found.remarks.iter().chain(&parts.facts.history.remark) {
        out.push(NotLookedAt {
            what: "config".to_owned(),
            why: remark.clone(),
            failed: false,
            hides_packages: false,
        });
    }
    for (number, layer) in parts.facts.image.layers.iter().enumerate() {
        match &layer.state {
            LayerState::NotLookedAt { why, failed } => out.push(NotLookedAt {
                what: format!("layer {number}"),
                why: why.clone(),
                failed: *failed,
                hides_packages: true,
            }),
            LayerState::Indexed(index) => unread(number, index, &mut out),
        }
    }
    out.extend(bounds::unlisted(&parts.facts.image.found.config.config));
    out
}

/// The files that an analyzer could not read; those of one reason beyond the first hundred by their number.
fn unread(number: usize, index: &LayerIndex, out: &mut Vec<NotLookedAt>) {
    let mut times: BTreeMap<(&str, &str, bool), usize> = BTreeMap::new();
    for unread in &index.facts.unread {
        let count = times.entry((&unread.analyzer, &unread.why, unread.within)).or_default();
        *count += 1;
        if *count > MOST_NAMED {
            continue;
        }
        let path = index.entries.path(unread.entry).to_text();
        out.push(NotLookedAt {
            what: format!("/{path} in layer {number}, by {}", unread.analyzer),
            why: unread.why.clone(),
            failed: !unread.within,
            hides_packages: is_analyzer(&unread.analyzer),
        });
    }
    for ((analyzer, why, within), count) in times.into_iter().filter(|(_, n)| *n > MOST_NAMED) {
        out.push(NotLookedAt {
            what: format!("{} more files in layer {number}, by {analyzer}", count - MOST_NAMED),
            why: why.to_owned(),
            failed: !within,
            hides_packages: is_analyzer(analyzer),
        });
    }
}

fn duplicates(view: &View) -> Vec<Duplicate> {
    waste::duplicates(view, DUPLICATE_FLOOR)
        .iter()
        .map(|d| Duplicate {
            bytes: d.bytes,
            paths: d.nodes.iter().map(|&n| view.path(n).to_text()).collect(),
        })
        .collect()
}
