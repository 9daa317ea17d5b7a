//! The same secret at several places is one finding: a source and its compiled twin, copies in other
//! layers, an environment variable and the build step that set it.

use super::{Category, Finding, State};
use crate::analyze::secrets::Patterns;
use std::collections::HashMap;

/// How much a place exposes: a visible file most, what only whoever unpacks the layers sees least.
fn exposure(state: State) -> u8 {
    match state {
        State::Visible => 0,
        State::OnlyInConfig => 1,
        State::OnlyInHistory => 2,
        State::Overwritten => 3,
        State::DeletedLater => 4,
        State::HiddenByOpaque => 5,
        State::Nowhere => 6,
    }
}

/// Gathers findings of one secret under the one at the most exposed place, which takes the most telling
/// kind and the worst severity of them. The order of the rest stays.
pub(super) fn gather(findings: Vec<Finding>, patterns: &Patterns) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut known: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        if finding.category != Category::Secret {
            out.push(finding);
            continue;
        }
        match known.get(&finding.fingerprint) {
            None => {
                known.insert(finding.fingerprint.clone(), out.len());
                out.push(finding);
            }
            Some(&at) => join(&mut out[at], finding, patterns),
        }
    }
    out
}

fn join(into: &mut Finding, mut other: Finding, patterns: &Patterns) {
    let rank = |f: &Finding| {
        let id = f.rule.strip_prefix("secret/").unwrap_or(&f.rule);
        (patterns.get(id).map(|p| p.rank), f.confidence)
    };
    let rule = if rank(&other) > rank(into) { other.rule.clone() } else { into.rule.clone() };
    let severity = into.severity.max(other.severity);
    // At one place of its own it is no longer the package's alone.
    let package = into.package.clone().and(other.package.clone());
    let confidence = into.confidence.max(other.confidence);
    if exposure(other.state) < exposure(into.state) {
        let also = std::mem::take(&mut into.also);
        std::mem::swap(into, &mut other);
        into.also = also;
    }
    into.also.push(other);
    into.rule = rule;
    into.severity = severity;
    into.confidence = confidence;
    into.package = package;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Confidence;
    use crate::rules::Severity;

    fn at(rule: &str, state: State, severity: Severity) -> Finding {
        Finding {
            rule: rule.to_owned(),
            state,
            fingerprint: "same".to_owned(),
            confidence: Confidence::Likely,
            ..super::super::secrets::RULE.finding(severity, format!("{state:?}"))
        }
    }

    #[test]
    fn a_place_of_ones_own_takes_a_secret_out_of_its_package() {
        let of = |package: Option<&str>| Finding {
            package: package.map(str::to_owned),
            ..at("secret/generic-secret", State::Visible, Severity::Info)
        };
        let all = Patterns::builtin();
        let both = gather(vec![of(Some("a")), of(None)], &all);
        assert_eq!(both[0].package, None);
        let both = gather(vec![of(Some("a")), of(Some("a"))], &all);
        assert_eq!(both[0].package.as_deref(), Some("a"));
    }

    #[test]
    fn the_most_exposed_place_tells_the_worst() {
        let found = gather(
            vec![
                at("secret/generic-secret", State::DeletedLater, Severity::Medium),
                at("secret/generic-secret", State::OnlyInHistory, Severity::High),
                at("secret/github-pat", State::Visible, Severity::Low),
            ],
            &Patterns::builtin(),
        );
        assert_eq!(found.len(), 1);
        let f = &found[0];
        assert_eq!((f.state, f.severity), (State::Visible, Severity::High));
        assert_eq!(f.rule, "secret/github-pat");
        let also: Vec<State> = f.also.iter().map(|f| f.state).collect();
        assert_eq!(also, [State::DeletedLater, State::OnlyInHistory]);
    }
}
