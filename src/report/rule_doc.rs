//! What careen itself says of a finding's rule, for the formats that carry it along.

use crate::analyze::secrets::Patterns;
use crate::rules::{self, Category};

/// A rule's own words, in Markdown; nothing in them comes from an image.
pub(super) struct RuleDoc {
    /// What is wrong, in a few words.
    pub title: String,
    pub text: String,
    pub category: Category,
    /// The provider's own page about a kind of secret.
    pub url: Option<String>,
}

impl RuleDoc {
    /// `id` as it stands in a finding: a rule's, or `secret/<pattern>`. A pattern of the user's own is
    /// described as any secret.
    pub(super) fn of(id: &str, category: Category) -> Self {
        let rule = rules::rule(id);
        let mut doc = Self {
            title: rule.map_or(id, |r| r.title).to_owned(),
            text: rule.map_or(id, |r| r.doc).trim().to_owned(),
            category: rule.map_or(category, |r| r.category),
            url: None,
        };
        let patterns = Patterns::builtin();
        if let Some(pattern) = id.strip_prefix("secret/").and_then(|p| patterns.get(p)) {
            if !pattern.description.is_empty() {
                doc.title = pattern.description.clone();
            }
            let own = pattern.doc.trim();
            doc.url = own.starts_with("https://").then(|| own.to_owned());
            if !own.is_empty() {
                doc.text = format!("{}\n\nAbout this kind of secret: {own}", doc.text);
            }
        }
        doc
    }

    /// The first paragraph that is not a heading.
    pub(super) fn summary(&self) -> &str {
        let mut lines = self.text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
        lines.next().unwrap_or(&self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_and_every_kind_of_secret_has_words() {
        let all = rules::all().iter().map(|r| r.id.to_owned());
        let patterns = Patterns::builtin();
        let kinds: Vec<String> = patterns.iter().map(|p| format!("secret/{}", p.id)).collect();
        for id in all.chain(kinds) {
            let doc = RuleDoc::of(&id, Category::Secret);
            assert!(doc.title.len() > 3 && doc.text.len() > 40, "{id}");
            assert!(!doc.summary().starts_with('#') && doc.summary().len() > 20, "{id}");
        }
        assert_eq!(
            RuleDoc::of("secret/my-own", Category::Secret).title,
            "a secret is in the image"
        );
        assert_eq!(RuleDoc::of("of-tomorrow", Category::Config).summary(), "of-tomorrow");
    }
}
