//! Opinion: facts → [`Finding`]. One rule (or family) a file; ids are stable for ever. Never cached.

pub mod allow;
pub mod build;
pub mod config;
pub mod files;
pub mod finding;
pub mod gate;
pub mod integrity;
pub mod leftovers;
pub mod name;
mod places;
pub mod policy;
pub mod repeated_keys;
pub mod replaced_link;
pub mod rule;
pub mod running;
pub mod secrets;
pub mod user;

#[cfg(test)]
mod tests;

pub use finding::{Category, Finding, Severity, State};
pub use rule::{Rule, RuleContext, SECTIONS};

static RULES: &[Rule] = &[
    secrets::RULE,
    user::ROOT,
    user::UNKNOWN,
    running::HEALTHCHECK,
    running::MUTABLE_TAG,
    files::SETUID,
    files::CAPABILITY,
    files::WORLD_WRITABLE,
    leftovers::PACKAGE_LISTS,
    leftovers::CACHES,
    build::ADD_URL,
    build::COPY_ORDER,
    build::UNPINNED_BASE,
    build::TIMESTAMPS,
    replaced_link::RULE,
    build::HISTORY_MISMATCH,
    integrity::DIFF_ID,
    integrity::TRAILING_DATA,
    integrity::ESCAPING_PATH,
    integrity::UNKNOWN_TYPE,
    integrity::TOO_LONG_PATH,
    integrity::REFUSED,
    repeated_keys::RULE,
    policy::COMPRESSED,
    policy::ON_DISK,
    policy::WASTE,
    policy::GROWTH,
    policy::BASE,
    policy::USER,
    policy::PACKAGE,
    policy::TOOL,
];

/// Every rule there is.
pub fn all() -> &'static [Rule] {
    RULES
}

/// The rule behind a finding's id; `secret/<pattern>` belongs to `secret`.
pub fn rule(id: &str) -> Option<&'static Rule> {
    let id = if id.starts_with("secret/") { "secret" } else { id };
    RULES.iter().find(|r| r.id == id)
}

/// All findings: severity, confidence, state, path.
pub fn check(cx: &RuleContext) -> Vec<Finding> {
    // Windows has other users, and rights that no mode says.
    const OF_LINUX: [&str; 5] = [
        user::ROOT.id,
        user::UNKNOWN.id,
        files::SETUID.id,
        files::CAPABILITY.id,
        files::WORLD_WRITABLE.id,
    ];
    let windows = cx.facts.image.found.config.is_windows();
    let mut out = Vec::new();
    for rule in all().iter().filter(|r| !windows || !OF_LINUX.contains(&r.id)) {
        (rule.check)(cx, &mut out);
    }
    let mut out = places::gather(out, cx.patterns);
    rule::sort(&mut out);
    out
}

/// Text of the image, cut and harmless, for a message.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        // The beginning of a long token is still most of a secret, and no pattern knows it any more.
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
        let word = cut.len() - cut.chars().rev().take_while(|c| inner(*c)).count();
        cut.truncate(cut.len().min(word + 4));
        cut.push('…');
    }
    crate::text::Sanitized::from(cut.as_str()).to_string()
}
