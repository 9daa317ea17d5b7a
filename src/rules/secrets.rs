//! Secrets in the files of every layer, in the configuration and in the history.
//!
//! The ids of the findings are `secret/<pattern id>`; this rule stands for all of them.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity, State};
use crate::analyze::secrets::KnownSecrets;
use crate::analyze::{Confidence, ElfFact, PackageKind, SecretMatch};
use crate::image::Node;
use crate::image::history::History;
use crate::image::packages::InstalledPackage;
use crate::index::LayerIndex;
use crate::layer::LayerPath;

mod texts;

pub const RULE: Rule = Rule {
    id: "secret",
    title: "a secret is in the image",
    severity: Severity::Critical,
    category: Category::Secret,
    doc: "## What it does\n\
        Looks for passwords, tokens and keys in the files of every layer (those that a later layer \
        deletes or overwrites too), in environment variables, labels, build arguments and the text of \
        build steps.\n\n\
        ## Why it matters\n\
        Whoever can pull the image can read them. A file that a later layer deletes is still \
        downloaded with the layer that holds it.\n\n\
        ## What to do\n\
        Revoke the secret and issue a new one: it must count as known. Build again without it; for \
        secrets that the build needs, `RUN --mount=type=secret` leaves nothing behind.\n",
    check,
};

fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    files(cx, out);
    texts::check(cx, out);
}

/// The secrets among findings that are this sure, and others by mask and fingerprint, to be known again in
/// other texts.
pub fn known<'a>(
    findings: &'a [Finding],
    least: Confidence,
    others: impl Iterator<Item = (&'a str, &'a str)>,
) -> KnownSecrets {
    let all = findings.iter().flat_map(|f| std::iter::once(f).chain(&f.also));
    let sure = all.filter(|f| f.category == Category::Secret && f.confidence >= least);
    let found = sure.filter_map(|f| Some((f.masked.as_deref()?, f.fingerprint.as_str())));
    KnownSecrets::new(found.chain(others))
}

/// What of the configuration and the history was not searched for secrets, and why; `findings` are all that
/// the rules say.
pub fn unsearched(history: &History, findings: &[Finding]) -> Vec<(&'static str, &'static str)> {
    let secrets =
        "it holds more secrets than are told of one image: the rest of it was not searched";
    let steps = "it has more steps than are read: the rest of them was not searched for secrets";
    let secrets = texts::is_cut(findings).then_some(("the image's configuration", secrets));
    let steps = history.is_cut.then_some(("the image's history", steps));
    secrets.into_iter().chain(steps).collect()
}

fn severity(cx: &RuleContext, pattern: &str) -> Severity {
    cx.patterns.get(pattern).map_or(Severity::High, |p| p.severity.into())
}

/// The package that ships this very file to everyone: an example key in a library is nobody's secret.
/// A file that a later layer changed is not the package's any more, and what lies in `etc` is made to
/// be filled in. A module of a programming language may be the image's own code: there only what no
/// check of its format confirms counts as an example.
fn shipped_by<'a>(
    cx: &'a RuleContext,
    node: Node,
    found: &SecretMatch,
) -> Option<(&'a InstalledPackage, Severity)> {
    let (path, _) = cx.facts.view.follow(&cx.facts.view.path(node))?;
    if path.is_within(&LayerPath::from("etc")) || is_of_application(found) {
        return None;
    }
    let package = cx.facts.packages.owner_of(&path).filter(|p| p.layer == node.layer)?;
    match package.kind {
        PackageKind::Dpkg | PackageKind::Apk | PackageKind::Rpm => Some((package, Severity::Info)),
        _ if found.confidence < Confidence::VerifiedFormat => Some((package, Severity::Low)),
        _ => None,
    }
}

/// Within a Java archive, what is the application's and no library's: the classes and settings of a Spring Boot
/// jar or of a war, and Spring's own settings.
fn is_of_application(found: &SecretMatch) -> bool {
    let Some(inside) = found.inside.as_deref() else { return false };
    let own = ["BOOT-INF/classes/", "WEB-INF/"].iter().any(|folder| inside.starts_with(folder));
    let settings = ["application", "bootstrap"].iter().any(|name| inside.starts_with(name))
        && [".properties", ".yml", ".yaml"].iter().any(|end| inside.ends_with(end));
    own && !inside.starts_with("WEB-INF/lib/") || settings
}

fn what(cx: &RuleContext, pattern: &str) -> String {
    let description = cx.patterns.get(pattern).map(|p| p.description.as_str());
    super::shown(description.filter(|d| !d.is_empty()).unwrap_or(pattern))
}

/// A private key among the constants of a shared library: the keys with which TLS libraries test
/// themselves stand there, and they travel to images that know no package.
fn is_in_library(index: &LayerIndex, found: &SecretMatch) -> bool {
    const SHARED: u16 = 3;
    let library =
        |e: &&ElfFact| e.entry == found.entry && e.elf_type == SHARED && e.interpreter.is_none();
    found.pattern.ends_with("private-key") && index.facts.elf.iter().any(|e| library(&e))
}

fn files(cx: &RuleContext, out: &mut Vec<Finding>) {
    for layer in 0..cx.facts.view.layer_count() {
        let Some(index) = cx.facts.view.index(layer) else {
            continue;
        };
        for found in &index.facts.secrets {
            let node = Node { layer, entry: found.entry };
            if index.entries.get(found.entry).is_none() {
                continue;
            }
            let state = cx.state(node);
            let path = cx.facts.view.path(node);
            let fate = match state {
                State::Visible => "",
                State::Overwritten => ", overwritten later but still downloadable",
                State::HiddenByOpaque => ", hidden by an opaque directory but still downloadable",
                _ => ", deleted later but still downloadable",
            };
            let package = shipped_by(cx, node, found).filter(|_| state == State::Visible);
            let whose =
                package.map(|(p, _)| format!(", shipped by package {}", super::shown(&p.name)));
            let compiled_in = is_in_library(index, found);
            let whose = whose.unwrap_or_else(|| match compiled_in {
                true => ", compiled into a shared library".to_owned(),
                false => String::new(),
            });
            let inside = match &found.inside {
                Some(inside) => format!(" (inside {})", super::shown(inside)),
                None => String::new(),
            };
            let message = format!("{} in {path}{inside}{fate}{whose}", what(cx, &found.pattern));
            let severity = match package {
                Some((_, most)) => severity(cx, &found.pattern).min(most),
                None if compiled_in => severity(cx, &found.pattern).min(Severity::Low),
                None => severity(cx, &found.pattern),
            };
            out.push(Finding {
                rule: format!("secret/{}", found.pattern),
                confidence: found.confidence,
                state,
                path: Some(path.clone()),
                inside: found.inside.clone(),
                line: found.line,
                layer: Some(layer),
                masked: Some(found.masked.clone()),
                fingerprint: found.fingerprint.clone(),
                advice: Some(match state {
                    _ if package.is_some() => {
                        "Everyone who installs the package has it: check that nothing of yours trusts it."
                            .to_owned()
                    }
                    State::Visible => "Revoke it, and build again without the file.".to_owned(),
                    _ => "Revoke it, and build again so that no layer ever holds the file."
                        .to_owned(),
                }),
                package: package.map(|(p, _)| p.name.clone()),
                plain: found.plain.clone().filter(|_| cx.reveal),
                ..RULE.finding(severity, message)
            });
        }
    }
}
