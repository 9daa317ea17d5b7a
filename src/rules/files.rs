//! Rights of files that reach further than they should.

use super::rule::{Rule, RuleContext, some_paths};
use super::{Category, Finding, Severity};
use crate::image::{Node, View};
use crate::layer::{EntryKind, LayerPath};
use std::collections::BTreeMap;

/// More than these are one finding.
const SINGLE: usize = 20;

/// Programs that distributions ship with setuid or setgid.
const USUAL: [&str; 17] = [
    "su",
    "mount",
    "umount",
    "passwd",
    "chsh",
    "chfn",
    "gpasswd",
    "newgrp",
    "chage",
    "expiry",
    "unix_chkpwd",
    "wall",
    "write",
    "ssh-agent",
    "bbsuid",
    "sg",
    "unix_update",
];

pub const SETUID: Rule = Rule {
    id: "config/setuid",
    title: "setuid or setgid program",
    severity: Severity::Medium,
    category: Category::Config,
    doc: "## What it does\n\
        Lists files that run with the rights of their owner or group.\n\n\
        ## Why it matters\n\
        A flaw in one of them makes a process that was not root into root. Those that a \
        distribution ships (su, mount, passwd…) weigh little, but a container seldom needs them.\n\n\
        ## What to do\n\
        `RUN chmod a-s FILE` in the step that installs it, or start from a base without it; run with \
        `no-new-privileges`.\n",
    check: setuid,
};

fn setuid(cx: &RuleContext, out: &mut Vec<Finding>) {
    let view = &cx.facts.view;
    let links = last_links(view);
    let header = |node: Node| {
        let file = view.content_of(node).unwrap_or(node);
        let last = links.get(&file).copied().unwrap_or(file).max(file);
        view.entry(last)
    };
    let named = view.iter().map(|(_, n)| n).filter(|n| is_told(view, *n));
    let found: Vec<Node> = named.filter(|n| header(*n).mode & 0o6000 != 0).collect();
    let of = |node: &Node| {
        let entry = header(*node);
        let name = String::from_utf8_lossy(cx.facts.view.name(*node)).into_owned();
        let usual = USUAL.contains(&name.as_str()) || cx.facts.history.is_base(node.layer);
        let severity = match usual {
            true => Severity::Info,
            false if entry.mode & 0o4000 != 0 && entry.uid == 0 => Severity::Medium,
            false => Severity::Low,
        };
        let what = match entry.mode & 0o6000 {
            0o2000 => "setgid",
            0o4000 => "setuid",
            _ => "setuid and setgid",
        };
        (severity, what)
    };
    if found.len() <= SINGLE {
        for node in &found {
            let (severity, what) = of(node);
            let message = format!("{} is {what}", cx.facts.view.path(*node));
            out.push(Finding {
                advice: Some("Take the bit away in the step that installs it.".to_owned()),
                ..SETUID.at(cx, *node, severity, message)
            });
        }
        return;
    }
    let mut found = found;
    found.sort_by_key(|n| std::cmp::Reverse(of(n).0));
    let worst = of(&found[0]).0;
    let message = format!("{} setuid or setgid files: {}", found.len(), some_paths(cx, &found));
    out.push(Finding {
        advice: Some("Take the bits away in the steps that install them.".to_owned()),
        ..SETUID.at_all(cx, &found, worst, message)
    });
}

/// Of each file with hard links the last of them: runtimes set owner and mode at a link too, and that is for all names
/// of the file.
fn last_links(view: &View) -> BTreeMap<Node, Node> {
    let mut out = BTreeMap::new();
    for (_, node) in view.iter().filter(|(_, n)| view.entry(*n).kind == EntryKind::HardLink) {
        if let Some(file) = view.content_of(node) {
            let last = out.entry(file).or_insert(node);
            *last = node.max(*last);
        }
    }
    out
}

/// A file, or a link to one that has no other name any more.
fn is_told(view: &View, node: Node) -> bool {
    match view.entry(node).kind {
        EntryKind::File => true,
        EntryKind::HardLink => {
            view.content_of(node).is_some_and(|file| view.get(&view.path(file)) != Some(file))
        }
        _ => false,
    }
}

pub const CAPABILITY: Rule = Rule {
    id: "config/file-capability",
    title: "program with capabilities",
    severity: Severity::Medium,
    category: Category::Config,
    doc: "## What it does\n\
        Lists files with a `security.capability` attribute, with the names of the capabilities.\n\n\
        ## Why it matters\n\
        They give a process rights that its user does not have.\n\n\
        ## What to do\n\
        `RUN setcap -r FILE` if the application does not need them.\n",
    check: capability,
};

/// Bit numbers of `linux/capability.h`.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The permitted and inheritable sets of a `vfs_cap_data` of revision 1, 2 or 3, little endian.
fn capabilities(raw: &[u8]) -> Option<Vec<String>> {
    let word = |i: usize| {
        let bytes = raw.get(i * 4..i * 4 + 4)?;
        Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
    };
    let set = match (word(0)? >> 24, raw.len()) {
        (1, 12) => word(1)? | word(2)?,
        (2, 20) | (3, 24) => word(1)? | word(2)? | (word(3)? | word(4)?) << 32,
        _ => return None,
    };
    let name = |bit: usize| match CAPABILITIES.get(bit) {
        Some(name) => format!("cap_{name}"),
        None => format!("capability {bit}"),
    };
    Some((0..64).filter(|b| set >> b & 1 == 1).map(name).collect())
}

fn capability(cx: &RuleContext, out: &mut Vec<Finding>) {
    let found = cx.visible(|_, e| e.capability().is_some_and(|c| !c.is_empty()));
    for (i, node) in found.iter().enumerate() {
        let raw = cx.facts.view.entry(*node).capability().unwrap_or_default();
        let names = match capabilities(raw) {
            Some(names) if names.is_empty() => continue,
            Some(names) => names.join(", "),
            None => "an attribute that is not understood".to_owned(),
        };
        // One right that every second server has.
        let severity = match names.as_str() {
            "cap_net_bind_service" | "cap_net_raw" => Severity::Low,
            _ => Severity::Medium,
        };
        let advice = Some("Take them away with `setcap -r` if they are not needed.".to_owned());
        let rest = &found[i..];
        if i + 1 == SINGLE && rest.len() > 1 {
            let message =
                format!("{} more files have capabilities: {}", rest.len(), some_paths(cx, rest));
            let all = CAPABILITY.at_all(cx, rest, Severity::Medium, message);
            out.push(Finding { advice, ..all });
            break;
        }
        let message = format!("{} has {names}", cx.facts.view.path(*node));
        out.push(Finding { advice, ..CAPABILITY.at(cx, *node, severity, message) });
    }
}

pub const WORLD_WRITABLE: Rule = Rule {
    id: "config/world-writable",
    title: "anyone may write",
    severity: Severity::Medium,
    category: Category::Config,
    doc: "## What it does\n\
        Lists files that every user may write, and directories without the sticky bit where every user \
        may create and delete.\n\n\
        ## Why it matters\n\
        A process with few rights can then change what others run or read.\n\n\
        ## What to do\n\
        Set rights where the file comes in: `COPY --chmod=…`, `chmod o-w` in the same step.\n",
    check: world_writable,
};

fn world_writable(cx: &RuleContext, out: &mut Vec<Finding>) {
    let device = |p: &LayerPath| p.is_within(&"dev".into()) || p.is_within(&"proc".into());
    let found = cx.visible(|p, e| {
        e.mode & 0o002 != 0
            && !device(p)
            && match e.kind {
                EntryKind::File => true,
                EntryKind::Directory => e.mode & 0o1000 == 0,
                _ => false,
            }
    });
    let Some(first) = found.first() else {
        return;
    };
    let paths = some_paths(cx, &found);
    let finding = match found.len() {
        1 => {
            let message = format!("{paths} can be written by everyone");
            WORLD_WRITABLE.at(cx, *first, Severity::Medium, message)
        }
        n => {
            let message = format!("{n} paths can be written by everyone: {paths}");
            WORLD_WRITABLE.at_all(cx, &found, Severity::Medium, message)
        }
    };
    out.push(Finding {
        advice: Some("Set the rights in the step that brings the files.".to_owned()),
        ..finding
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_named() {
        let v2 =
            |low: u32, high: u32| [0x0200_0001u32, low, 0, high, 0].map(u32::to_le_bytes).concat();
        assert_eq!(capabilities(&v2(1 << 10, 0)).unwrap(), ["cap_net_bind_service"]);
        assert_eq!(capabilities(&v2(1 << 21, 1 << 7)).unwrap(), ["cap_sys_admin", "cap_bpf"]);
        let v3 = [0x0300_0001u32, 1 << 13, 0, 0, 0, 1000].map(u32::to_le_bytes).concat();
        assert_eq!(capabilities(&v3).unwrap(), ["cap_net_raw"]);
        for bad in [&b""[..], b"xx", &v3[..20], &[0xff; 24]] {
            assert_eq!(capabilities(bad), None);
        }
    }
}
