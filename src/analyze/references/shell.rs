//! The words of a shell script that are commands, and what of it cannot be told without running it.
//!
//! No shell: quotes, comments, separators and the usual wrappers are known, and no more. Where that is too
//! little the text says more than it means.

use super::super::References;
use super::{LONGEST_PATH, paths};

const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"];

/// Words before a command that are none.
const KEYWORDS: [&str; 16] = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{", "}", "fi", "done", "esac",
    "time", "in", "function",
];
/// Commands that start the command behind them, after their own options.
const WRAPPERS: [&str; 20] = [
    "exec",
    "command",
    "sudo",
    "env",
    "nohup",
    "nice",
    "ionice",
    "xargs",
    "tini",
    "dumb-init",
    "catatonit",
    "setsid",
    "stdbuf",
    "timeout",
    "chroot",
    "runuser",
    "su-exec",
    "gosu",
    "setpriv",
    "builtin",
];
/// Of these the first word behind is a user, a directory or a time.
const WITH_OPERAND: [&str; 5] = ["gosu", "su-exec", "chroot", "timeout", "chpst"];
const BUILTINS: [&str; 34] = [
    "cd", "echo", "export", "set", "unset", "shift", "local", "return", "exit", "trap", "read",
    "wait", "printf", "test", "[", "[[", "true", "false", ":", "umask", "ulimit", "type",
    "declare", "readonly", "case", "for", "break", "continue", "getopts", "shopt", "alias", "hash",
    "let", "typeset",
];

/// `/bin/sh`, `bash`.
pub fn is_shell(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    SHELLS.contains(&name)
}

/// Words of one text that are looked at. A file's head of 256 KiB has fewer, a command line of 4 MB may not.
const MOST_WORDS: usize = 200_000;
/// Longer names are cut in what is said of them.
const LONGEST_NAME: usize = 64;

/// Adds what `text` runs and names; `truncated` is set where it has more words than are looked at.
pub fn read(text: &str, found: &mut References) {
    let mut left = MOST_WORDS;
    // What `sh -c` is given waits here: each is a part of the text before, with its quotes off.
    let mut waiting = vec![text.to_owned()];
    while let Some(text) = waiting.pop() {
        found.paths.extend(paths(&text));
        let joined = text.replace("\\\n", " ");
        let mut document: Option<String> = None;
        for line in joined.lines() {
            if let Some(end) = &document {
                if line.trim() == end {
                    document = None;
                }
                continue;
            }
            document = here_document(line);
            for command in commands(line) {
                if left == 0 {
                    found.truncated = true;
                    return;
                }
                left = left.saturating_sub(command.len());
                waiting.extend(take(&command, found));
            }
        }
    }
}

/// The word that ends a here-document begun in this line.
fn here_document(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("<<")?;
    let word = rest.trim_start_matches(['-', '~', ' ']).trim_start_matches(['"', '\'', '\\']);
    let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len());
    (end > 0 && !rest.starts_with('<')).then(|| word[..end].to_owned())
}

/// A line's simple commands as words. Double quotes are looked into: `"$(cmd)"` runs.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut out = vec![Vec::new()];
    let mut word = String::new();
    let mut single = false;
    let mut double = false;
    // Whether the text around each open `$(` stands in double quotes.
    let mut around: Vec<bool> = Vec::new();
    let mut tick: Option<bool> = None;
    let mut chars = line.chars().peekable();
    let flush = |word: &mut String, out: &mut Vec<Vec<String>>| {
        if !word.is_empty()
            && let Some(last) = out.last_mut()
        {
            last.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' if !double => single = !single,
            _ if single => word.push(c),
            '"' => double = !double,
            '\\' => {
                chars.next();
            }
            '#' if word.is_empty() && !double => break,
            '`' => {
                flush(&mut word, &mut out);
                out.push(Vec::new());
                double = match tick.take() {
                    Some(outside) => outside,
                    None => {
                        tick = Some(double);
                        false
                    }
                };
            }
            '$' if chars.peek() == Some(&'(') => {
                chars.next();
                flush(&mut word, &mut out);
                out.push(Vec::new());
                around.push(std::mem::take(&mut double));
            }
            ')' if !double && !around.is_empty() => {
                flush(&mut word, &mut out);
                // What follows is no command of its own.
                out.push(vec![String::new()]);
                double = around.pop().unwrap_or_default();
            }
            '(' if !double => {
                flush(&mut word, &mut out);
                out.push(Vec::new());
                around.push(false);
            }
            ';' | '|' | '&' | '(' | ')' if !double => {
                flush(&mut word, &mut out);
                out.push(Vec::new());
            }
            ')' => {
                flush(&mut word, &mut out);
                out.push(vec![String::new()]);
            }
            c if c.is_whitespace() && !double => flush(&mut word, &mut out),
            c => word.push(c),
        }
    }
    flush(&mut word, &mut out);
    out.retain(|c| !c.is_empty());
    out
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Names and paths; never a word that may be someone's secret.
fn is_command(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-".contains(c));
    plain
        && word.len() <= 64
        && word.starts_with(|c: char| c.is_ascii_alphabetic() || "/.".contains(c))
}

/// Adds what one simple command runs. Gives back the text that it hands to a shell, if any.
fn take(words: &[String], found: &mut References) -> Option<String> {
    let mut words = words.iter().map(String::as_str).peekable();
    // A wrapper's own words end where the next command begins, which may be a wrapper again.
    loop {
        while words.next_if(|w| KEYWORDS.contains(w) || is_assignment(w)).is_some() {}
        let first = words.next()?;
        let name = first.rsplit('/').next().unwrap_or_default();
        if first == "." || first == "source" {
            let file = words.next()?;
            if file.len() < LONGEST_PATH && file.chars().all(super::in_path) {
                found.includes.push(file.to_owned());
            }
            return None;
        }
        if name == "eval" {
            found.unclear.push("it evaluates text (eval)".to_owned());
            return None;
        }
        if let Some(variable) = first.strip_prefix('$') {
            if is_arguments(first) {
                found.runs_arguments = true;
            } else if !variable.is_empty() {
                let name = variable_name(variable);
                found.unclear.push(format!("it starts what a variable holds (${name})"));
            }
            return None;
        }
        // `set -- nginx "$@"` before `exec "$@"`.
        if first == "set" && words.next_if_eq(&"--").is_some() {
            found.commands.extend(words.next().filter(|w| is_command(w)).map(str::to_owned));
            return None;
        }
        if BUILTINS.contains(&first) || !is_command(first) || first.ends_with("()") {
            return None;
        }
        found.commands.push(first.to_owned());
        if is_shell(first) && words.peek() == Some(&"-c") {
            return words.nth(1).map(str::to_owned);
        }
        if name == "find" || name == "run-parts" {
            let mut rest = words.skip_while(|w| *w != "-exec" && *w != "-execdir").skip(1);
            found.commands.extend(rest.next().filter(|w| is_command(w)).map(str::to_owned));
            return None;
        }
        if !WRAPPERS.contains(&name) {
            return None;
        }
        let own = |w: &&str| w.starts_with('-') || is_assignment(w);
        while words.next_if(own).is_some() {}
        if WITH_OPERAND.contains(&name) {
            words.next();
            while words.next_if(own).is_some() {}
        }
    }
}

/// The name in `$NAME`, `${NAME:-x}` and the like, cut where it is no one's.
fn variable_name(variable: &str) -> String {
    let name = variable.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    match name.char_indices().nth(LONGEST_NAME) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name.to_owned(),
    }
}

/// `$@`, `${@}`, `"$@"`, `$*`.
pub fn is_arguments(word: &str) -> bool {
    ["$@", "${@}", "$*", "${*}", "$1", "${1}"].contains(&word)
        || word.starts_with("${@:")
        || word.starts_with("${1+")
}
