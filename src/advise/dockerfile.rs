//! The Dockerfile of an image with only what is needed: the build as now, the copy, and a last stage that
//! starts it.

use super::Evidence;
use super::cover::Cover;
use super::origin::Origin;
use crate::image::command::effective_command;
use crate::layer::LayerPath;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Of the user that the program runs as; no image has it.
const USER: u32 = 10001;
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
/// How the last stage starts.
pub(super) struct Final {
    /// Folders that the program's user owns.
    owned: Vec<LayerPath>,
    pub as_root: Option<&'static str>,
    user: Option<String>,
    health: Option<String>,
}

impl Final {
    pub fn of(evidence: &Evidence) -> Self {
        let config = evidence.config;
        let mut plan = Self { owned: Vec::new(), as_root: None, user: None, health: None };
        let named =
            !config.user.is_empty() && !["0", "root", "0:0"].contains(&config.user.as_str());
        if named {
            plan.user = Some(config.user.clone());
        } else {
            plan.as_root = needs_root(evidence);
            if plan.as_root.is_none() {
                plan.user = Some(format!("{USER}:{USER}"));
                let dir = LayerPath::from(config.working_dir.as_str());
                if !dir.is_root() {
                    plan.owned.push(dir);
                }
            }
        }
        plan.health = health(evidence);
        plan
    }
}

/// A check that the one port is open, with what the image has; an own check stays.
fn health(evidence: &Evidence) -> Option<String> {
    let (config, closure) = (evidence.config, evidence.closure?);
    if config.healthcheck.is_some() || config.exposed_ports.len() != 1 {
        return None;
    }
    let port = config.exposed_ports.keys().next()?.strip_suffix("/tcp")?;
    let port: u16 = port.parse().ok()?;
    let text = if closure.runs("python3") {
        format!(
            "[\"python3\", \"-c\", \"import socket; socket.create_connection(('127.0.0.1', {port}), 3)\"]"
        )
    } else if closure.runs("node") {
        format!(
            r#"["node", "-e", "require('net').connect({port}, '127.0.0.1').on('error', () => process.exit(1)).on('connect', () => process.exit(0))"]"#
        )
    } else {
        return None;
    };
    Some(format!("HEALTHCHECK CMD {text}"))
}

/// Why the program cannot be given a user of its own, as far as can be seen.
fn needs_root(evidence: &Evidence) -> Option<&'static str> {
    let config = evidence.config;
    let low = config
        .exposed_ports
        .keys()
        .any(|p| p.split('/').next().and_then(|p| p.parse::<u16>().ok()).is_some_and(|p| p < 1024));
    if low {
        return Some("it exposes a port below 1024");
    }
    if !config.volumes.is_empty() {
        return Some("it writes to volumes, whose owner is not known");
    }
    let command = effective_command(config, evidence.view);
    let words = command.argv.iter().flat_map(|w| w.split_whitespace());
    let serves = words.filter_map(|w| w.rsplit('/').next()).any(|w| {
        AS_ROOT.contains(&w) || w.contains("entrypoint") || ["gosu", "su-exec"].contains(&w)
    });
    serves.then_some("its server changes its user by itself or prepares files as root")
}

pub(super) fn dockerfile(
    evidence: &Evidence,
    origin: &Origin,
    kept: &Cover,
    plan: &Final,
    secrets: &BTreeSet<LayerPath>,
) -> String {
    let config = evidence.config;
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    for remark in &origin.remarks {
        line(&format!("# {remark}"));
    }
    for path in secrets {
        line(&format!(
            "# {path} holds a secret and is left out: pass it when the container starts"
        ));
    }
    line(&origin.text);
    line("");
    line("# What the entry point needs, by `careen`; the rest stays in this stage.");
    if !config.user.is_empty() {
        line("USER root");
    }
    if !config.shell.is_empty() {
        line("SHELL [\"/bin/sh\", \"-c\"]");
    }
    let quoted = |path: &LayerPath| {
        let text = path.to_text();
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@:,%".contains(c));
        if plain && !text.starts_with('-') { text } else { format!("'./{text}'") }
    };
    line(
        "RUN mkdir -p /needed/tmp /needed/var/tmp /needed/run /needed/dev /needed/proc /needed/sys \\",
    );
    line(" && chmod 1777 /needed/tmp /needed/var/tmp \\");
    line(" && cd / && tar -cf - \\");
    for path in &kept.exclude {
        line(&format!("    --exclude={} \\", exclude(path)));
    }
    for path in &kept.include {
        line(&format!("    {} \\", quoted(path)));
    }
    let mut last = "  | tar -xpf - -C /needed".to_owned();
    for dir in &plan.owned {
        let _ = write!(
            last,
            " \\\n && mkdir -p '/needed/{0}' && chown -R {USER}:{USER} '/needed/{0}'",
            dir.to_text()
        );
    }
    line(&last);
    line("");
    line("FROM scratch");
    line("COPY --from=build /needed /");
    for pair in &config.env {
        let name = pair.split('=').next().unwrap_or_default();
        if (evidence.redact)(pair) != *pair {
            line(&format!("# {name} held a secret: pass it when the container starts"));
        } else if let Some((name, value)) = pair.split_once('=') {
            line(&format!("ENV {name}={}", json(value)));
        }
    }
    if !config.working_dir.is_empty() && config.working_dir != "/" {
        line(&format!("WORKDIR {}", config.working_dir));
    }
    for port in config.exposed_ports.keys() {
        line(&format!("EXPOSE {port}"));
    }
    for volume in config.volumes.keys() {
        line(&format!("VOLUME [{}]", json(volume)));
    }
    if let Some(signal) = &config.stop_signal {
        line(&format!("STOPSIGNAL {signal}"));
    }
    if let Some(user) = &plan.user {
        line(&format!("USER {user}"));
    }
    if let Some(health) = &plan.health {
        line(health);
    }
    let words = |argv: &[String]| argv.iter().map(|w| json(w)).collect::<Vec<_>>().join(", ");
    if let Some(check) = &config.healthcheck
        && let Some((kind, rest)) = check.test.split_first()
    {
        match kind.as_str() {
            "CMD" => line(&format!("HEALTHCHECK CMD [{}]", words(rest))),
            "CMD-SHELL" => line(&format!("HEALTHCHECK CMD {}", rest.join(" "))),
            _ => line("HEALTHCHECK NONE"),
        }
    }
    let command = |argv: &[String]| (evidence.redact)(&words(argv));
    if !config.entrypoint.is_empty() {
        line(&format!("ENTRYPOINT [{}]", command(&config.entrypoint)));
    }
    if !config.cmd.is_empty() {
        line(&format!("CMD [{}]", command(&config.cmd)));
    }
    out
}

/// A string of JSON, as a Dockerfile's exec form wants it.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// tar reads patterns here.
fn exclude(path: &LayerPath) -> String {
    let mut text = String::new();
    for c in path.to_text().chars() {
        if "*?[\\".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    format!("'{text}'")
}
