//! Which findings count: not those that are too unsure, nor those that the image's owner accepts, nor
//! those that the baseline has. None of them gets lost.

use super::Plan;
use crate::analyze::secrets::Masker;
use crate::layer::LayerPath;
use crate::report::baseline::Baseline;
use crate::rules::allow::Allow;
use crate::rules::{Category, Finding};
use std::collections::BTreeSet;

pub(super) struct Sifted<'a> {
    /// Those that count.
    pub open: Vec<Finding>,
    /// Secrets less sure than the plan asks for.
    pub unsure: usize,
    pub accepted: Vec<(Finding, &'a Allow)>,
    pub known: Vec<Finding>,
    /// With the number of findings that count again.
    pub expired: Vec<(&'a Allow, usize)>,
    /// Numbers of the acceptances that fit a finding, sure or not.
    pub used: BTreeSet<usize>,
}

/// `steps` are the masked instructions of the layers.
pub(super) fn sift<'a>(
    plan: &'a Plan,
    findings: Vec<Finding>,
    steps: &[Option<String>],
    masker: &Masker,
) -> Sifted<'a> {
    let mut out = Sifted {
        open: Vec::new(),
        unsure: 0,
        accepted: Vec::new(),
        known: Vec::new(),
        expired: Vec::new(),
        used: plan.allows.used_by(&findings),
    };
    for f in findings {
        let instruction = f.layer.and_then(|n| steps.get(n)?.as_deref());
        if f.category == Category::Secret && f.confidence < plan.confidence {
            out.unsure += 1;
        } else if let Some(allow) = plan.allows.accepts(&f) {
            out.accepted.push((f, allow));
        } else if plan.baseline.as_ref().is_some_and(|b| knows(b, &f, instruction, masker)) {
            out.known.push(f);
        } else {
            if let Some(allow) = plan.allows.accepted_once(&f) {
                match out.expired.iter_mut().find(|(a, _)| a.place == allow.place) {
                    Some((_, findings)) => *findings += 1,
                    None => out.expired.push((allow, 1)),
                }
            }
            out.open.push(f);
        }
    }
    out
}

/// A report has the paths masked.
fn knows(baseline: &Baseline, f: &Finding, instruction: Option<&str>, masker: &Masker) -> bool {
    let masked = || {
        let text = |t: &String| masker.mask_sure(t);
        let path =
            f.path.as_ref().map(|p| LayerPath::from(masker.mask_sure(&p.to_text()).as_str()));
        Finding { path, members: f.members.iter().map(text).collect(), ..f.clone() }
    };
    baseline.knows(f, instruction) || baseline.knows(&masked(), instruction)
}
