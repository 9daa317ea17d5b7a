//! Who the container runs as.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity, State};

pub const ROOT: Rule = Rule {
    id: "config/root-user",
    title: "runs as root",
    severity: Severity::Medium,
    category: Category::Config,
    doc: "## What it does\n\
        Looks whether the container's user is root: none is set, it is `root` or `0`, or a name whose \
        number in the image's own `/etc/passwd` is 0.\n\n\
        ## Why it matters\n\
        A flaw in the application then gives root in the container, one kernel flaw away from the \
        machine.\n\n\
        ## What to do\n\
        Add `USER 65532` (any number but 0) to the last stage, and give it the files that it must \
        write. A number works where a cluster demands `runAsNonRoot`; a name does not.\n",
    check: root,
};

pub const UNKNOWN: Rule = Rule {
    id: "config/unknown-user",
    title: "the user does not exist",
    severity: Severity::Medium,
    category: Category::Config,
    doc: "## What it does\n\
        Looks the user's name up in the image's own `/etc/passwd`.\n\n\
        ## Why it matters\n\
        A container of this image does not start: the name has no number.\n\n\
        ## What to do\n\
        Create the user in the build, or write a number after `USER`.\n",
    check: unknown,
};

enum Who {
    Root(String),
    Missing,
    Other,
}

fn who(cx: &RuleContext) -> Who {
    let user = cx.facts.image.found.config.config.user.trim();
    let name = user.split(':').next().unwrap_or_default();
    if name.is_empty() {
        return Who::Root("no USER is set, so it runs as root".to_owned());
    }
    if let Ok(number) = name.parse::<i64>() {
        return match number {
            0 => Who::Root(format!("user `{}` is root", super::shown(user))),
            _ => Who::Other,
        };
    }
    let passwd = cx.kept("etc/passwd");
    let uid = passwd.and_then(|(bytes, _)| uid_of(bytes, name));
    match (uid, passwd) {
        (Some(0), _) => {
            Who::Root(format!("user `{}` has number 0 in /etc/passwd: root", super::shown(user)))
        }
        (Some(_), _) => Who::Other,
        (None, _) if name == "root" => Who::Root("user `root`".to_owned()),
        // A name may be missing only where the whole file was seen, or is not there at all.
        (None, Some((_, false))) => Who::Missing,
        (None, None)
            if cx.facts.view.follow(&"etc/passwd".into()).is_none()
                && cx.facts.has_every_layer() =>
        {
            Who::Missing
        }
        _ => Who::Other,
    }
}

/// The first entry with the name counts, as for the C library.
fn uid_of(passwd: &[u8], name: &str) -> Option<u64> {
    passwd.split(|&b| b == b'\n').find_map(|line| {
        let mut fields = line.split(|&b| b == b':');
        (fields.next()? == name.as_bytes()).then_some(())?;
        std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()
    })
}

fn root(cx: &RuleContext, out: &mut Vec<Finding>) {
    if let Who::Root(message) = who(cx) {
        out.push(Finding {
            advice: Some("Add `USER 65532` to the last stage of the build.".to_owned()),
            state: State::OnlyInConfig,
            ..ROOT.finding(Severity::Medium, message)
        });
    }
}

fn unknown(cx: &RuleContext, out: &mut Vec<Finding>) {
    if let Who::Missing = who(cx) {
        let user = super::shown(&cx.facts.image.found.config.config.user);
        let message = format!("user `{user}` is not in the image's /etc/passwd");
        out.push(Finding {
            advice: Some("Create the user in the build, or use a number.".to_owned()),
            state: State::OnlyInConfig,
            ..UNKNOWN.about(&user, Severity::Medium, message)
        });
    }
}
