//! What a user's own rules say is no leak, beyond the words and regexes of one pattern: by path, line,
//! match or secret, one of them or all together.

use super::check::Candidate;
use regex::bytes::Regex;

/// Which text the regexes are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

#[derive(Debug, Default)]
pub(super) struct Allowlist {
    /// Every kind of condition that is given has to hold, not just one.
    pub all: bool,
    pub paths: Vec<Regex>,
    pub regexes: Vec<Regex>,
    pub target: Target,
    /// Parts of the secret, in lower case.
    pub stopwords: Vec<String>,
}

impl Allowlist {
    pub fn dismisses(&self, c: &Candidate) -> bool {
        let text = match self.target {
            Target::Secret => c.secret,
            Target::Match => &c.matched[..c.length],
            Target::Line => c.line,
        };
        let lower = c.secret.to_ascii_lowercase();
        let holds = |w: &String| memchr::memmem::find(&lower, w.as_bytes()).is_some();
        let conditions = [
            (!self.paths.is_empty(), self.paths.iter().any(|r| r.is_match(c.path))),
            (!self.regexes.is_empty(), self.regexes.iter().any(|r| r.is_match(text))),
            (!self.stopwords.is_empty(), self.stopwords.iter().any(holds)),
        ];
        let mut given = conditions.iter().filter(|(given, _)| *given).map(|(_, holds)| *holds);
        if self.all { given.clone().count() > 0 && given.all(|h| h) } else { given.any(|h| h) }
    }
}
