//! As whom the program is to run: the service's own user where its package made one, else one that no image
//! has; and what speaks for root.

use super::Evidence;
use crate::closure::Mode;
use crate::image::command::effective_command;
use crate::layer::EntryKind;
use std::collections::BTreeMap;
use std::fmt;

/// Servers that start as root to bind, log or change their user themselves.
const AS_ROOT: [&str; 16] = [
    "nginx",
    "apache2",
    "httpd",
    "haproxy",
    "supervisord",
    "sshd",
    "postgres",
    "mysqld",
    "mariadbd",
    "cron",
    "crond",
    "s6-svscan",
    "init",
    "redis-server",
    "named",
    "dovecot",
];
/// Above it begin people's accounts (Debian's policy, 9.2.2).
const LAST_OF_SYSTEM: u64 = 999;
/// Read by root's own tools, not by a service.
const OF_ROOT: [&str; 6] = [
    "etc/shadow",
    "etc/gshadow",
    "etc/ssl/private",
    "etc/security",
    "etc/sudoers",
    "etc/.pwd.lock",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    uid: u64,
    gid: u64,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl User {
    pub const OWN: Self = Self { uid: 10001, gid: 10001 };

    /// The one system user that owns folders of what is kept below `/var` or `/run`.
    pub fn of(evidence: &Evidence) -> Self {
        let Some(closure) = evidence.closure else { return Self::OWN };
        let mut owners: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
        for (path, node) in closure.files(Mode::File) {
            let entry = evidence.facts.view.entry(node);
            let state = ["var/lib/", "var/cache/", "var/log/", "run/"];
            let service = (1..=LAST_OF_SYSTEM).contains(&entry.uid);
            if service && state.iter().any(|s| path.as_bytes().starts_with(s.as_bytes())) {
                owners.entry(entry.uid).or_insert((0, entry.gid)).0 += 1;
            }
        }
        match owners.into_iter().collect::<Vec<_>>().as_slice() {
            [(uid, (_, gid))] => Self { uid: *uid, gid: *gid },
            _ => Self::OWN,
        }
    }
}

/// A kept file that this user may not read.
fn unreadable(evidence: &Evidence, user: User) -> Option<String> {
    let dir = evidence.config.working_dir.trim_start_matches('/');
    evidence.closure?.files(Mode::File).find_map(|(path, node)| {
        let entry = evidence.facts.view.entry(node);
        let text = path.to_text();
        let may = entry.mode & 0o004 != 0
            || entry.uid == user.uid && entry.mode & 0o400 != 0
            || entry.gid == user.gid && entry.mode & 0o040 != 0;
        // What lies in the working directory is given to the user.
        let own = !dir.is_empty() && text.starts_with(dir);
        let of_root = OF_ROOT.iter().any(|p| text.starts_with(p)) || text.starts_with("root/");
        (entry.kind == EntryKind::File && entry.size > 0 && !may && !own && !of_root)
            .then_some(text)
    })
}

/// Why the program cannot be given a user of its own, as far as can be seen.
pub(super) fn needs_root(evidence: &Evidence, user: User) -> Option<String> {
    let config = evidence.config;
    let low = config
        .exposed_ports
        .keys()
        .any(|p| p.split('/').next().and_then(|p| p.parse::<u16>().ok()).is_some_and(|p| p < 1024));
    if low {
        return Some("it exposes a port below 1024".to_owned());
    }
    if !config.volumes.is_empty() {
        return Some("it writes to volumes, whose owner is not known".to_owned());
    }
    let command = effective_command(config, &evidence.facts.view);
    let words = command.argv.iter().flat_map(|w| w.split_whitespace());
    let serves = words.filter_map(|w| w.rsplit('/').next()).any(|w| {
        AS_ROOT.contains(&w) || w.contains("entrypoint") || ["gosu", "su-exec"].contains(&w)
    });
    if serves {
        return Some("its server changes its user by itself or prepares files as root".to_owned());
    }
    let path = unreadable(evidence, user)?;
    Some(format!("/{path} may not be read by others"))
}
