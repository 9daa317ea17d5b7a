//! How the image is named and watched.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity, State};

pub const HEALTHCHECK: Rule = Rule {
    id: "config/no-healthcheck",
    title: "no health check",
    severity: Severity::Info,
    category: Category::Config,
    doc: "## What it does\n\
        Looks for a `HEALTHCHECK` in the config, and in the history, where it stays when an image is \
        converted to OCI's format, which has no field for it.\n\n\
        ## Why it matters\n\
        Docker and Swarm then see only whether the process lives, not whether it answers. Kubernetes \
        uses its own probes instead.\n\n\
        ## What to do\n\
        Add a `HEALTHCHECK` that asks the application itself, or define probes where it is deployed.\n",
    check: healthcheck,
};

fn healthcheck(cx: &RuleContext, out: &mut Vec<Finding>) {
    let none = |test: &[String]| test.first().is_some_and(|t| t == "NONE");
    let message = match &cx.facts.image.found.config.config.healthcheck {
        Some(check) if none(&check.test) => "the health check is switched off (NONE)",
        Some(check) if !check.test.is_empty() => return,
        _ => {
            let last = cx.facts.history.steps.iter().rfind(|s| s.keyword == "HEALTHCHECK");
            match last.map(|s| s.text.trim()) {
                None => "there is no health check",
                Some("NONE" | "[\"NONE\"]" | "&{[\"NONE\"] \"0s\" \"0s\" \"0s\" '\\x00'}") => {
                    "the health check is switched off (NONE)"
                }
                Some(_) => return,
            }
        }
    };
    out.push(Finding {
        advice: Some("Add a HEALTHCHECK that asks the application itself.".to_owned()),
        state: State::OnlyInConfig,
        ..HEALTHCHECK.finding(Severity::Info, message.to_owned())
    });
}

pub const MUTABLE_TAG: Rule = Rule {
    id: "config/mutable-tag",
    title: "named by a tag that can move",
    severity: Severity::Low,
    category: Category::Config,
    doc: "## What it does\n\
        Looks whether the image was named by a tag alone; `latest` weighs more.\n\n\
        ## Why it matters\n\
        A tag can point to another image tomorrow: what was inspected need not be what will run.\n\n\
        ## What to do\n\
        Deploy by digest (`name:tag@sha256:…`).\n",
    check: mutable_tag,
};

fn mutable_tag(cx: &RuleContext, out: &mut Vec<Finding>) {
    let found = &cx.facts.image.found;
    // A file or folder is what it is; only a registry's tag can move.
    if found.is_local || found.pinned {
        return;
    }
    let Ok(reference) = found.reference.parse::<crate::oci::Reference>() else {
        return;
    };
    if reference.digest().is_some() {
        return;
    }
    let tag = reference.tag().unwrap_or("latest");
    let (severity, message) = match tag {
        "latest" => (Severity::Low, "the tag `latest` moves with every push".to_owned()),
        tag => (Severity::Info, format!("the tag `{tag}` can move")),
    };
    let advice = match found.digest {
        Some(digest) => format!("Name it by digest: {digest}."),
        None => "Name it by digest.".to_owned(),
    };
    out.push(Finding { advice: Some(advice), ..MUTABLE_TAG.finding(severity, message) });
}
