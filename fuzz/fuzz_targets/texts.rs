//! What people write: shell, Dockerfiles, patterns; and text with secrets in it.

use crate::Target;
use careen::analyze::References;
use careen::analyze::references::shell;
use careen::analyze::secrets::{Patterns, redact_text, scan_text};
use careen::dockerfile;
use careen::oci::HistoryEntry;

pub const TARGETS: &[(&str, Target)] = &[
    ("shell", |data| text(data, read_shell)),
    ("dockerfile", |data| text(data, read_dockerfile)),
    ("patterns", |data| text(data, read_patterns)),
    ("gitleaks", |data| text(data, read_gitleaks)),
    ("secrets", secrets),
];

fn text(data: &[u8], read: fn(&str)) -> bool {
    std::str::from_utf8(data).map(read).is_ok()
}

fn read_shell(text: &str) {
    shell::read(text, &mut References::default());
    let _ = dockerfile::commands(text);
    let step = HistoryEntry { created_by: text.to_owned(), ..HistoryEntry::default() };
    let _ = careen::image::history::Instruction::parse(&step).line();
}

fn read_dockerfile(text: &str) {
    let _ = dockerfile::parse(text);
}

fn read_patterns(text: &str) {
    let _ = Patterns::parse(&[("own.toml", text)]);
}

/// The document alone: its rules are joined with the thousands that come with careen, which takes a second a run.
fn read_gitleaks(text: &str) {
    let _ = careen::analyze::secrets::gitleaks_extends(text);
}

fn secrets(data: &[u8]) -> bool {
    let patterns = Patterns::builtin();
    for found in scan_text(&patterns, data, None, false) {
        assert!(found.range.end <= data.len());
    }
    let _ = redact_text(&patterns, &String::from_utf8_lossy(data));
    true
}
