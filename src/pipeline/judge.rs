//! From one image whose layers have been read to everything that is said of it.

use super::bases::Bases;
use super::{Plan, browse, triage};
use crate::advise::{self, Advice, Evidence, Unreached};
use crate::analyze::Confidence;
use crate::analyze::secrets::{KnownSecrets, Masker};
use crate::closure::Closure;
use crate::image::{ImageFacts, ReadImage};
use crate::report::assemble::{self, Parts};
use crate::report::growth;
use crate::report::masked;
use crate::report::model::{NotLookedAt, Report};
use crate::report::tree::{self, FileTree};
use crate::rules::{self, Finding, RuleContext, policy};
use std::collections::BTreeSet;

/// All that came of one image.
pub(super) struct Judged {
    pub report: Report,
    pub tree: Option<FileTree>,
    /// The numbers of the acceptances that fit something in it.
    pub used: BTreeSet<usize>,
    pub facts: ImageFacts,
    /// The secrets of the image, to be known again.
    pub known: KnownSecrets,
}

/// Judges an image; `unseen` is what lies beside its layers unread.
pub(super) fn judge(plan: &Plan, image: ReadImage, unseen: &[NotLookedAt]) -> Judged {
    let facts = ImageFacts::new(image, &plan.known_bases.base);
    let context = context(plan, &facts);
    let findings = rules::check(&context);
    let known = known(plan, &findings);
    let masker = Masker::new(&plan.patterns, known.clone());
    let mut unseen = unseen.to_vec();
    unseen.extend(unjudged(&context, &findings));
    let steps = assemble::steps(&facts.history, facts.image.layers.len(), &masker);
    let sifted = triage::sift(plan, findings, &steps, &masker);
    let (advice, unreached) = proposals(plan, &facts, &sifted.open, &steps, &masker, &mut unseen);
    let mut report = assemble::assemble(&Parts {
        facts: &facts,
        steps: &steps,
        findings: &sifted.open,
        accepted: &sifted.accepted,
        known: &sifted.known,
        expired: &sifted.expired,
        below_confidence: sifted.unsure,
        judged_by: plan.judged_by(),
        advice: &advice,
        unreached: unreached.as_ref(),
        unseen: &unseen,
        masker: &masker,
    });
    masked::report(&mut report, &masker);
    grow(plan, &facts, &mut report, &masker);
    let tree = plan.file_tree.then(|| file_tree(&facts, &sifted.open, &masker));
    let used = sifted.used;
    Judged { report, tree, used, facts, known }
}

fn context<'a>(plan: &'a Plan, facts: &'a ImageFacts) -> RuleContext<'a> {
    let platform = &facts.image.found.platform;
    RuleContext {
        facts,
        patterns: &plan.patterns,
        policy: &plan.policy,
        before: plan.baseline.as_ref().map(|b| b.sizes(platform).unwrap_or_default()),
        reveal: plan.reveal,
    }
}

/// What must not stand in clear anywhere: whatever is told of, and what was told of a layer that is not read.
fn known(plan: &Plan, findings: &[Finding]) -> KnownSecrets {
    let least = plan.confidence.min(Confidence::Likely);
    let before = plan.baseline.iter().flat_map(|b| b.secrets());
    rules::secrets::known(findings, least, before)
}

/// What no rule could judge.
fn unjudged(context: &RuleContext, findings: &[Finding]) -> Vec<NotLookedAt> {
    let by_policy = policy::unjudged(context).into_iter();
    let by_search = rules::secrets::unsearched(&context.facts.history, findings).into_iter();
    let by_search = by_search.map(|(what, why)| (what, why, true));
    by_policy.chain(by_search).map(|(what, why, failed)| not_looked_at(what, why, failed)).collect()
}

/// What to do about the image, and how much of it its start does not lead to; what the advice had to leave out goes
/// into `unseen`.
fn proposals(
    plan: &Plan,
    facts: &ImageFacts,
    findings: &[Finding],
    steps: &[Option<String>],
    masker: &Masker,
    unseen: &mut Vec<NotLookedAt>,
) -> (Vec<Advice>, Option<Unreached>) {
    let config = &facts.image.found.config;
    // What is proposed are Dockerfiles and packages of Linux.
    let advise = plan.advise && !config.is_windows();
    let wanted = advise && facts.has_every_layer();
    let lean = advise::lean_command(&config.config, &facts.view);
    let config = lean.as_ref().map_or(&config.config, |(c, _)| c);
    let closure = wanted.then(|| Closure::of(facts, config));
    let files = "the packages' lists of files";
    unseen.extend(facts.packages.gaps().into_iter().map(|why| not_looked_at(files, why, false)));
    let uncertain = closure.as_ref().and_then(|c| c.gap());
    unseen.extend(uncertain.map(|why| not_looked_at("what the image needs to run", why, false)));
    if !advise {
        return (Vec::new(), None);
    }
    let evidence = Evidence {
        facts,
        findings,
        steps,
        bases: &Bases::new(plan, &facts.image.found.platform),
        config,
        shortened: lean.as_ref().map(|(_, why)| why.as_str()),
        closure: closure.as_ref(),
        dockerfile: plan.dockerfile.as_deref(),
        redact: &|text| masker.mask(text),
        secrets_in: &|text| masker.places(text),
        all: plan.all_advice,
    };
    (advise::advise(&evidence), advise::unreached(&evidence))
}

/// What made the image larger than the baseline's.
fn grow(plan: &Plan, facts: &ImageFacts, report: &mut Report, masker: &Masker) {
    let earlier = plan.baseline.as_ref().and_then(|b| b.report(&facts.image.found.platform));
    report.growth = earlier.map(|e| growth::growth(e, report, &browse::final_files(&facts.view)));
    report.growth.iter_mut().for_each(|g| masked::growth(g, masker));
}

fn file_tree(facts: &ImageFacts, findings: &[Finding], masker: &Masker) -> FileTree {
    let mut tree = FileTree::of(&tree::Source { facts, findings });
    masked::tree(&mut tree, masker);
    tree
}

fn not_looked_at(what: &str, why: impl Into<String>, failed: bool) -> NotLookedAt {
    NotLookedAt { what: what.to_owned(), why: why.into(), failed, hides_packages: false }
}
