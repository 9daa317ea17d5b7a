//! The roots that the image's configuration names: what starts, the health check, paths in variables.

use super::reach::{Follow, Reach};
use super::why::Why;
use crate::analyze::References;
use crate::analyze::references::shell;
use crate::layer::LayerPath;

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

pub(super) fn start(reach: &mut Reach) {
    let config = reach.config;
    let argv: Vec<String> = config.entrypoint.iter().chain(&config.cmd).cloned().collect();
    if argv.is_empty() {
        reach.unclear.push("the image has neither an entry point nor a command".to_owned());
    } else {
        run(reach, &argv, &Why::Starts, 0);
    }
    if !config.on_build.is_empty() {
        reach.unclear.push("ONBUILD steps run in images that are built on this one".to_owned());
    }
    if let Some(check) = &config.healthcheck {
        match check.test.split_first() {
            Some((kind, rest)) if kind == "CMD" => run(reach, rest, &Why::HealthCheck, 0),
            Some((kind, [line, ..])) if kind == "CMD-SHELL" => {
                shell_text(reach, line, &Why::HealthCheck);
            }
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
            let why = Why::Environment(name.to_owned());
            reach.keep_path(&LayerPath::from(path), None, why, Follow::Linked);
        }
    }
    let dir = LayerPath::from(config.working_dir.as_str());
    if !dir.is_root() {
        reach.keep_path(&dir, None, Why::WorkingDir, Follow::Linked);
    }
    for volume in config.volumes.keys() {
        reach.keep_path(&LayerPath::from(volume.as_str()), None, Why::Volume, Follow::Linked);
    }
}

/// Keeps what a command line starts.
fn run(reach: &mut Reach, argv: &[String], why: &Why, depth: usize) {
    let Some((program, rest)) = argv.split_first() else { return };
    if depth > 16 {
        return;
    }
    if program.starts_with('$') {
        reach.unclear.push(format!("it starts what a variable holds ({program})"));
        return;
    }
    let name = program.rsplit('/').next().unwrap_or_default();
    let item = reach.keep_command(program, None, why.clone(), Follow::Whole);
    if item.is_none() && name != "exec" {
        reach.unclear.push(format!("{program} is started and is not in the image"));
    }
    if let Some((_, words)) = WRAPPERS.iter().find(|w| w.0 == name) {
        let mut skip = *words;
        let mut rest = rest.iter();
        let mut behind: Vec<String> = Vec::new();
        while let Some(word) = rest.next() {
            if word == "--" {
                behind.extend(rest.by_ref().cloned());
            } else if behind.is_empty() && (word.starts_with('-') || word.contains('=')) {
                if WITH_WORD.contains(&word.as_str()) {
                    rest.next();
                }
            } else if skip > 0 {
                skip -= 1;
            } else {
                behind.push(word.clone());
                behind.extend(rest.by_ref().cloned());
            }
        }
        run(reach, &behind, why, depth + 1);
        return;
    }
    if shell::is_shell(name) {
        reach.shell = true;
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            if word.starts_with('-') && word.contains('c') && !word.starts_with("--") {
                if let Some(text) = words.next() {
                    shell_text(reach, text, why);
                }
                return;
            }
        }
    }
    let evaluates = INTERPRETERS.iter().find(|i| name.starts_with(i.0));
    if let Some((_, options)) = evaluates
        && rest.iter().any(|w| options.contains(&w.as_str()))
    {
        reach.unclear.push(format!("{name} is given a program as text"));
    }
    for word in rest {
        for part in
            [Some(word.as_str()), word.split_once('=').map(|(_, v)| v)].into_iter().flatten()
        {
            for piece in part.split(':').filter(|p| !p.is_empty() && !p.starts_with('-')) {
                let path = reach.in_working_dir(piece);
                if !path.is_root() && (piece.contains(['/', '.'])) {
                    reach.keep_path(&path, None, Why::Argument, Follow::Whole);
                }
            }
        }
    }
    // `docker-entrypoint.sh nginx -g …` starts its arguments; npm, yarn what package.json says.
    let passes = item.and_then(|i| reach.items.references(i)).is_some_and(|r| r.runs_arguments);
    if passes {
        let command: Vec<String> = rest.to_vec();
        run_if_there(reach, &command, depth);
    }
    if ["npm", "yarn", "pnpm"].contains(&name) {
        let path = reach.in_working_dir("package.json");
        reach.keep_path(&path, None, Why::Argument, Follow::Whole);
        // They give a script of package.json to a shell.
        reach.keep_command("/bin/sh", None, Why::Starts, Follow::Linked);
        reach.shell = true;
    }
}

/// Arguments that an entry script starts, unless they are options for what it starts by itself.
fn run_if_there(reach: &mut Reach, argv: &[String], depth: usize) {
    if argv.first().is_some_and(|p| !p.starts_with('-') && reach.find_command(p).is_some()) {
        run(reach, argv, &Why::Starts, depth + 1);
    }
}

fn shell_text(reach: &mut Reach, text: &str, why: &Why) {
    reach.shell = true;
    reach.keep_command("/bin/sh", None, why.clone(), Follow::Linked);
    let mut found = References::default();
    shell::read(text, &mut found);
    for word in &found.commands {
        reach.keep_command(word, None, why.clone(), Follow::Whole);
    }
    for word in text.split_whitespace().chain(found.includes.iter().map(String::as_str)) {
        let word = word.trim_matches(['"', '\'', ';']);
        if word.contains(['/', '.']) && !word.starts_with('-') {
            let path = reach.in_working_dir(word);
            if !path.is_root() {
                reach.keep_path(&path, None, Why::Argument, Follow::Whole);
            }
        }
    }
    if found.commands.iter().any(|c| ["npm", "yarn", "pnpm"].contains(&c.as_str())) {
        let path = reach.in_working_dir("package.json");
        reach.keep_path(&path, None, Why::Argument, Follow::Whole);
    }
    reach.unclear.extend(found.unclear.iter().map(|u| format!("the command: {u}")));
}
