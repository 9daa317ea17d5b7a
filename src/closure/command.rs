//! The roots that the image's configuration names: what starts, the health check, paths in variables.

use super::reach::{Follow, Reach};
use super::why::Why;
use crate::analyze::References;
use crate::analyze::references::shell;
use crate::layer::{LONGEST_PATH, LayerPath};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Programs that start another, after their own options; how many words of theirs come first.
const WRAPPERS: [(&str, usize); 16] = [
    ("tini", 0),
    ("tini-static", 0),
    ("dumb-init", 0),
    ("catatonit", 0),
    ("env", 0),
    ("gosu", 1),
    ("su-exec", 1),
    ("chroot", 1),
    ("timeout", 1),
    ("nice", 0),
    ("nohup", 0),
    ("exec", 0),
    ("setpriv", 0),
    ("runuser", 0),
    ("sudo", 0),
    ("with-contenv", 0),
];
/// Options of wrappers that take a word.
const WITH_WORD: [&str; 6] = ["-e", "-u", "-n", "-g", "-s", "-p"];
/// Interpreters, and the options with which they run a text or a module instead of a file.
const INTERPRETERS: [(&str, &[&str]); 6] = [
    ("python", &["-c"]),
    ("node", &["-e", "--eval"]),
    ("perl", &["-e", "-E"]),
    ("ruby", &["-e"]),
    ("php", &["-r"]),
    ("lua", &["-e"]),
];

/// Programs that start one another, from the command on.
const MOST_STARTS: usize = 64;

pub(super) fn start(reach: &mut Reach) {
    let config = reach.config;
    let argv: Vec<&str> = config.entrypoint.iter().chain(&config.cmd).map(String::as_str).collect();
    if argv.is_empty() {
        reach.say_unclear("the image has neither an entry point nor a command".to_owned());
    } else {
        run(reach, &argv, &Why::Starts);
    }
    if !config.on_build.is_empty() {
        reach.say_unclear("ONBUILD steps run in images that are built on this one".to_owned());
    }
    if let Some(check) = &config.healthcheck {
        let test: Vec<&str> = check.test.iter().map(String::as_str).collect();
        match test.as_slice() {
            ["CMD", rest @ ..] => run(reach, rest, &Why::HealthCheck),
            ["CMD-SHELL", line, ..] => shell_text(reach, line, &Why::HealthCheck),
            _ => {}
        }
    }
    for entry in &config.env {
        let Some((name, value)) = entry.split_once('=') else { continue };
        match name {
            "PATH" => continue,
            "TZ" => reach.keep_families("@zone", None),
            "LANG" | "LC_ALL" | "LC_CTYPE" => reach.keep_families("@locale", None),
            _ => {}
        }
        for path in value.split(':').filter(|p| p.starts_with('/') && p.len() > 1) {
            keep(reach, path, Why::Environment(name.to_owned()), Follow::Linked);
        }
    }
    keep(reach, &config.working_dir, Why::WorkingDir, Follow::Linked);
    for volume in config.volumes.keys() {
        keep(reach, volume, Why::Volume, Follow::Linked);
    }
}

/// Keeps what lies at a path of the configuration, from the root.
fn keep(reach: &mut Reach, path: &str, why: Why, follow: Follow) {
    if path.len() > LONGEST_PATH || !reach.items.spend(1) {
        return;
    }
    let path = LayerPath::from(path);
    if !path.is_root() {
        reach.keep_path(&path, None, why, follow);
    }
}

/// Keeps what a command line starts, and what that starts in turn.
fn run(reach: &mut Reach, argv: &[&str], why: &Why) {
    let (mut argv, mut why) = (argv, why);
    for _ in 0..MOST_STARTS {
        let Some((&program, rest)) = argv.split_first() else { return };
        if program.starts_with('$') {
            let program = shown(program);
            reach.say_unclear(format!("it starts what a variable holds ({program})"));
            return;
        }
        let name = program.rsplit('/').next().unwrap_or_default();
        let item = reach.keep_command(program, None, why.clone(), Follow::Whole);
        if item.is_none() && name != "exec" && !reach.items.is_spent() {
            let program = shown(program);
            reach.say_unclear(format!("{program} is started and is not in the image"));
        }
        if let Some((_, words)) = WRAPPERS.iter().find(|w| w.0 == name) {
            argv = behind(rest, *words);
            continue;
        }
        if shell::is_shell(name) {
            reach.shell = true;
            let gives = |w: &&str| w.starts_with('-') && w.contains('c') && !w.starts_with("--");
            if let Some(at) = rest.iter().position(gives) {
                if let Some(text) = rest.get(at + 1) {
                    shell_text(reach, text, why);
                }
                return;
            }
        }
        arguments(reach, name, rest);
        if ["npm", "yarn", "pnpm"].contains(&name) {
            package_manager(reach);
            // They give a script of package.json to a shell.
            reach.keep_command("/bin/sh", None, Why::Starts, Follow::Linked);
            reach.shell = true;
        }
        // `docker-entrypoint.sh nginx -g …` starts its arguments, unless they are options for what it
        // starts by itself.
        let passes = item.and_then(|i| reach.items.references(i)).is_some_and(|r| r.runs_arguments);
        let starts = |p: &&str| !p.starts_with('-') && reach.find_command(p).is_some();
        if !passes || !rest.first().is_some_and(starts) {
            return;
        }
        (argv, why) = (rest, &Why::Starts);
    }
    reach.say_unclear(format!("it starts more than {MOST_STARTS} programs, one after another"));
}

/// The words of a wrapper from the command on that it starts; `skip` words of its own come first.
fn behind<'w, 'a>(rest: &'w [&'a str], mut skip: usize) -> &'w [&'a str] {
    let mut at = 0;
    while let Some(&word) = rest.get(at) {
        if word == "--" {
            return &rest[at + 1..];
        }
        if word.starts_with('-') || word.contains('=') {
            at += usize::from(WITH_WORD.contains(&word));
        } else if skip > 0 {
            skip -= 1;
        } else {
            return &rest[at..];
        }
        at += 1;
    }
    &[]
}

/// Keeps the files that a program is given by name.
fn arguments(reach: &mut Reach, name: &str, rest: &[&str]) {
    let evaluates = INTERPRETERS.iter().find(|i| name.starts_with(i.0));
    if let Some((_, options)) = evaluates
        && rest.iter().any(|w| options.contains(w))
    {
        let name = shown(name);
        reach.say_unclear(format!("{name} is given a program as text"));
    }
    for word in rest {
        for part in [Some(*word), word.split_once('=').map(|(_, v)| v)].into_iter().flatten() {
            for piece in part.split(':').filter(|p| !p.is_empty() && !p.starts_with('-')) {
                if piece.contains(['/', '.']) {
                    argument(reach, piece);
                }
            }
            if !reach.items.spend(1) {
                return;
            }
        }
    }
}

fn argument(reach: &mut Reach, word: &str) {
    if let Some(path) = reach.in_working_dir(word).filter(|p| !p.is_root()) {
        reach.keep_path(&path, None, Why::Argument, Follow::Whole);
    }
}

/// npm, yarn and their like start what package.json says.
fn package_manager(reach: &mut Reach) {
    if let Some(path) = reach.in_working_dir("package.json") {
        reach.keep_path(&path, None, Why::Argument, Follow::Whole);
    }
}

fn shell_text(reach: &mut Reach, text: &str, why: &Why) {
    reach.shell = true;
    reach.keep_command("/bin/sh", None, why.clone(), Follow::Linked);
    let mut found = References::default();
    shell::read(text, &mut found);
    if found.truncated {
        reach.say_unclear("the command has more words than are looked at".to_owned());
    }
    let commands: BTreeSet<&str> = found.commands.iter().map(String::as_str).collect();
    for word in &commands {
        reach.keep_command(word, None, why.clone(), Follow::Whole);
    }
    for word in text.split_whitespace().chain(found.includes.iter().map(String::as_str)) {
        let word = word.trim_matches(['"', '\'', ';']);
        if word.contains(['/', '.']) && !word.starts_with('-') {
            argument(reach, word);
        }
        if !reach.items.spend(1) {
            return;
        }
    }
    if ["npm", "yarn", "pnpm"].iter().any(|c| commands.contains(c)) {
        package_manager(reach);
    }
    for what in &found.unclear {
        reach.say_unclear(format!("the command: {what}"));
    }
}

/// A word of the command in a sentence.
fn shown(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(100) {
        Some((cut, _)) => Cow::Owned(format!("{}…", &word[..cut])),
        None => Cow::Borrowed(word),
    }
}
