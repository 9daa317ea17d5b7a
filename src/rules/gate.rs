//! What makes a run fail: `--fail-on` and `fail-on` of the configuration.

use super::name::NameGlob;
use super::{Category, Severity};
use crate::analyze::secrets::Patterns;
use std::str::FromStr;

/// A finding fails the run if it is severe enough or its rule is named; what breaks the owner's own
/// policy always does.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The least severe that fails.
    pub severity: Option<Severity>,
    pub rules: Vec<NameGlob>,
    /// Nothing fails.
    pub never: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { severity: Some(Severity::High), rules: Vec::new(), never: false }
    }
}

/// One word of `--fail-on`.
#[derive(Clone, Debug)]
pub enum GateTerm {
    Severity(Severity),
    Rules(NameGlob),
    Never,
}

/// Why a word is no term.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no severity and no rule{}", near.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct NoTerm {
    word: String,
    near: Option<String>,
}

const SEVERITIES: [(&str, Severity); 5] = [
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

impl FromStr for GateTerm {
    type Err = NoTerm;

    /// A severity, `never`, the id of a rule, or a glob for several.
    fn from_str(word: &str) -> Result<Self, NoTerm> {
        if word == "never" {
            return Ok(Self::Never);
        }
        if let Some((_, severity)) = SEVERITIES.iter().find(|(name, _)| *name == word) {
            return Ok(Self::Severity(*severity));
        }
        // Which kinds of secrets there are is known later: see [`Gate::unknown`].
        let known = word.contains(['*', '?', '[', '{'])
            || word == "secret"
            || word.starts_with("secret/")
            || super::rule(word).is_some();
        match NameGlob::of_rules(word) {
            Ok(glob) if known => Ok(Self::Rules(glob)),
            _ => Err(NoTerm { word: word.to_owned(), near: near(word) }),
        }
    }
}

fn near(word: &str) -> Option<String> {
    let names = SEVERITIES.iter().map(|(name, _)| *name).chain(super::all().iter().map(|r| r.id));
    nearest(word, names)
}

fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored =
        names.map(|n| (strsim::jaro_winkler(n, word), n)).filter(|(alike, _)| *alike > 0.8);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, n)| n.to_owned())
}

impl FromIterator<GateTerm> for Gate {
    /// The mildest severity of several counts.
    fn from_iter<T: IntoIterator<Item = GateTerm>>(terms: T) -> Self {
        let mut gate = Self { severity: None, rules: Vec::new(), never: false };
        for term in terms {
            match term {
                GateTerm::Never => gate.never = true,
                GateTerm::Rules(glob) => gate.rules.push(glob),
                GateTerm::Severity(s) => {
                    gate.severity = Some(gate.severity.map_or(s, |other| other.min(s)));
                }
            }
        }
        gate
    }
}

impl Gate {
    /// A name that no rule has, nor any of these kinds of secrets: it would never fail anything.
    pub fn unknown(&self, patterns: &Patterns) -> Option<NoTerm> {
        if self.rules.is_empty() {
            return None;
        }
        let secrets: Vec<String> = patterns.iter().map(|p| format!("secret/{}", p.id)).collect();
        let names = || super::all().iter().map(|r| r.id).chain(secrets.iter().map(String::as_str));
        let glob = self.rules.iter().find(|glob| !names().any(|name| glob.matches(name)))?;
        Some(NoTerm { word: glob.text().to_owned(), near: nearest(glob.text(), names()) })
    }

    /// Whether a finding of this rule fails the run.
    pub fn fails(&self, rule: &str, category: Category, severity: Severity) -> bool {
        !self.never
            && (category == Category::Policy
                || self.severity.is_some_and(|least| severity >= least)
                || self.rules.iter().any(|glob| glob.matches(rule)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(words: &[&str]) -> Gate {
        words.iter().map(|w| w.parse::<GateTerm>().unwrap()).collect()
    }

    #[test]
    fn severities_and_rules_fail_and_the_owners_policy_always_does() {
        let fails = |g: &Gate, rule, severity| g.fails(rule, Category::Config, severity);
        let g = gate(&["critical", "config/*", "secret"]);
        assert!(fails(&g, "files/setuid", Severity::Critical));
        assert!(!fails(&g, "files/setuid", Severity::High));
        assert!(fails(&g, "config/root-user", Severity::Info));
        assert!(fails(&g, "secret/github-pat", Severity::Low));
        assert!(g.fails("policy/waste", Category::Policy, Severity::Info));
        let only = gate(&["config/root-user"]);
        assert!(!fails(&only, "secret/github-pat", Severity::Critical));
        let never = gate(&["never"]);
        assert!(!never.fails("policy/waste", Category::Policy, Severity::Critical));
        assert!(fails(&gate(&["high", "low"]), "x", Severity::Low));
    }

    #[test]
    fn a_name_that_fits_no_rule_and_no_secret_is_found() {
        let patterns = Patterns::builtin();
        let unknown = |word: &str| gate(&[word]).unknown(&patterns).map(|e| e.to_string());
        for word in ["secret", "secret/*", "secret/github-pat", "config/root-user", "config/*", "*"]
        {
            assert_eq!(unknown(word), None, "{word}");
        }
        for (word, near) in [
            ("secret/gihub-pat", "did you mean `secret/github-pat`?"),
            ("config/rootusr*", "did you mean `config/root-user`?"),
        ] {
            assert!(unknown(word).unwrap().ends_with(near), "{:?}", unknown(word));
        }
    }

    #[test]
    fn a_word_that_is_nothing_is_refused_with_the_nearest() {
        for (word, near) in [
            ("hihg", "`hihg` is no severity and no rule; did you mean `high`?"),
            (
                "config/rootuser",
                "`config/rootuser` is no severity and no rule; did you mean `config/root-user`?",
            ),
            ("zzz", "`zzz` is no severity and no rule"),
        ] {
            assert_eq!(word.parse::<GateTerm>().unwrap_err().to_string(), near);
        }
    }
}
