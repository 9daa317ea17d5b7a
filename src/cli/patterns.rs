//! `careen patterns`: list them, try them on a file, check one's own.

use super::args::Format;
use super::error::CliError;
use super::patterns_args::{PatternsAction, PatternsLint, PatternsList, PatternsTest};
use super::status::Status;
use super::terminal::Terminal;
use super::{output, pattern_files};
use crate::analyze::secrets::{Pattern, Patterns, SecretAnalyzer, lint};
use crate::analyze::{Analyzer, Facts};
use crate::layer::{Entry, Interest, LayerPath};
use crate::report::json;
use crate::report::text::{Paper, RuleDoc, explain_list};
use crate::rules::Severity;
use crate::text::Sanitized;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(action: &PatternsAction, terminal: &Terminal) -> Result<Status, CliError> {
    match action {
        PatternsAction::List(a) => list(a, terminal),
        PatternsAction::Test(a) => test(a),
        PatternsAction::Lint(a) => check(a),
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    severity: Severity,
    description: &'a str,
    doc: &'a str,
    file: &'a str,
}

impl<'a> From<&'a Pattern> for Listed<'a> {
    fn from(p: &'a Pattern) -> Self {
        let Pattern { id, severity, description, doc, file, .. } = p;
        Self { id, severity: (*severity).into(), description, doc, file }
    }
}

fn list(args: &PatternsList, terminal: &Terminal) -> Result<Status, CliError> {
    let all = pattern_files::load(&args.patterns)?;
    let text = match args.format {
        Format::Json => json::pretty(&all.iter().map(Listed::from).collect::<Vec<_>>())?,
        Format::Text => {
            let docs: Vec<RuleDoc> = all
                .iter()
                .map(Listed::from)
                .map(|l| RuleDoc { id: l.id, title: l.description, severity: l.severity, doc: "" })
                .collect();
            explain_list(&docs, Paper::new(terminal.columns, terminal.stdout_colour))
        }
    };
    output::write(&text, None)?;
    Ok(Status::Clean)
}

/// Bytes that are read at once.
const CHUNK: usize = 128 * 1024;

fn test(args: &PatternsTest) -> Result<Status, CliError> {
    let all = pattern_files::load(&args.patterns)?;
    let mut analyzer = SecretAnalyzer::new(Arc::clone(&all), false);
    let least = args.confidence.into();
    let (mut text, mut found, mut unread) = (String::new(), false, false);
    for Tried { path, place } in tried(&args.files)? {
        let facts = scan(&mut analyzer, &path, &place)?;
        let name = path.display().to_string();
        let name = Sanitized::from(name.as_str());
        for secret in facts.secrets.iter().filter(|s| s.confidence >= least) {
            found = true;
            let line = secret.line.map(|l| format!(":{l}")).unwrap_or_default();
            let inside = secret.inside.as_deref().map(|i| format!("  in {}", Sanitized::from(i)));
            text += &format!(
                "{name}{line}  {}  {}  {}{}\n",
                secret.pattern,
                secret.confidence.word(),
                Sanitized::from(secret.masked.as_str()),
                inside.unwrap_or_default(),
            );
        }
        for part in facts.unread {
            unread = true;
            text += &format!("{name}  not looked at: {}\n", Sanitized::from(part.why.as_str()));
        }
    }
    output::write(&text, None)?;
    Ok(match (unread, found) {
        (true, _) => Status::NotLookedAt,
        (_, true) => Status::Findings,
        _ => Status::Clean,
    })
}

/// A file, and the path by which it is judged: of a folder's files the one below it, as if the folder
/// were an image's root.
struct Tried {
    path: PathBuf,
    place: PathBuf,
}

/// The files that are named, and those of the folders that are; symbolic links are not followed.
fn tried(named: &[PathBuf]) -> Result<Vec<Tried>, CliError> {
    let mut out = Vec::new();
    for root in named {
        if !root.is_dir() {
            out.push(Tried { path: root.clone(), place: root.clone() });
            continue;
        }
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let failed = |source| CliError::Input { path: folder.clone(), source };
            let entries: Result<Vec<_>, _> = std::fs::read_dir(&folder).map_err(failed)?.collect();
            let mut entries = entries.map_err(failed)?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let kind = entry.file_type().map_err(failed)?;
                let path = entry.path();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let place = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
                    out.push(Tried { path, place });
                }
            }
        }
    }
    Ok(out)
}

/// One file as a stream; `-` is standard input.
fn scan(analyzer: &mut SecretAnalyzer, path: &Path, place: &Path) -> Result<Facts, CliError> {
    let failed = |source| CliError::Input { path: path.to_path_buf(), source };
    let (mut input, size): (Box<dyn Read>, u64) = if path.as_os_str() == "-" {
        // Its length is not known: as long as it is.
        (Box::new(io::stdin().lock()), u64::MAX)
    } else {
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        (Box::new(file), size)
    };
    let entry = Entry::file(LayerPath::new(place.as_os_str().as_encoded_bytes()), size);
    let mut facts = Facts::default();
    if analyzer.begin(0, &entry) == Interest::Skip {
        return Ok(facts);
    }
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => analyzer.chunk(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
    analyzer.end(&mut facts);
    Ok(facts)
}

fn check(args: &PatternsLint) -> Result<Status, CliError> {
    let own = pattern_files::read(&args.paths)?;
    let all = Patterns::with(&own)?;
    let mine = |p: &&Pattern| own.iter().any(|(file, _)| *file == p.file);
    let (mut count, mut text) = (0, String::new());
    for pattern in all.iter().filter(mine) {
        count += 1;
        for wrong in lint(&all, pattern) {
            text += &format!("{}: {}\n", Sanitized::from(pattern.file.as_str()), wrong);
        }
    }
    let clean = text.is_empty();
    let plural = if count == 1 { "" } else { "s" };
    text += &format!("{count} pattern{plural}, {}\n", if clean { "all well" } else { "see above" });
    output::write(&text, None)?;
    Ok(if clean { Status::Clean } else { Status::Findings })
}
