//! A name as the owner of an image writes it: of a rule, a package, a base, a user.

use globset::{GlobBuilder, GlobMatcher};

/// A name, or a glob for several; a `/` in it is no folder: `*` is every name.
#[derive(Clone, Debug)]
pub struct NameGlob {
    text: String,
    matcher: GlobMatcher,
}

impl NameGlob {
    pub fn new(text: &str) -> Result<Self, globset::Error> {
        let matcher = GlobBuilder::new(text).literal_separator(false).build()?.compile_matcher();
        Ok(Self { text: text.to_owned(), matcher })
    }

    /// For the ids of rules; `secret` stands for every secret.
    pub fn of_rules(text: &str) -> Result<Self, globset::Error> {
        let all = if text == "secret" { "secret/*" } else { text };
        Ok(Self { text: text.to_owned(), ..Self::new(all)? })
    }

    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `a`, `b` or `c`, for a message.
pub fn listed(names: &[NameGlob]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.text)).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
