//! Whatever text an image brings, reading it costs time in proportion to its length: long, deep and repeated
//! forms up to the size that careen reads of a file, and random ones.

use crate::support::effort::cpu_time;
use careen::analyze::references::{ReferenceAnalyzer, shell};
use careen::analyze::{Analyzer, Facts, References};
use careen::dockerfile;
use careen::image::history::Instruction;
use careen::layer::{Entry, Interest, LayerPath};
use careen::oci::HistoryEntry;
use proptest::prelude::*;
use std::time::Duration;

/// What is read of one file.
const WHOLE: usize = 256 << 10;

/// For a whole text, unoptimised: twenty times what the slowest of them takes, and a small part of what
/// anything quadratic would.
const MOST: Duration = Duration::from_secs(4);

/// Words, signs and beginnings that one of the readers makes something of.
const PIECES: [&str; 44] = [
    "exec ",
    "env ",
    "env A=1 -i ",
    "sudo -u x ",
    "timeout 1 ",
    "sh -c ",
    "sh -c '",
    "sh -c \"",
    "$(",
    "`",
    "(",
    ")",
    "{",
    "\"",
    "'",
    "\\",
    "\\\n",
    ";",
    "&&",
    "a|",
    "<<A\n",
    "#",
    "$X ",
    "\"$@\"",
    ". x\n",
    "eval ",
    "find -exec ",
    "/a",
    "/a/",
    "../",
    "//",
    "/x.so\n",
    "include foo\n",
    "command = exec ",
    "include_shell a ",
    "import 'a';",
    "require(`b`)",
    "from\"",
    "|2 A=1 B=2 ",
    "A=1 ",
    "=",
    " ",
    "\n",
    "é",
];

/// A text of this many bytes at most, made of pieces or of anything.
fn hostile(most: usize) -> impl Strategy<Value = String> {
    let piece = || {
        prop_oneof![
            9 => prop::sample::select(PIECES.as_slice()).prop_map(str::to_owned),
            1 => "[a-z$`'\"(){};|&<#\\\\ \n/.@*=:-]{1,40}",
        ]
    };
    let size = prop_oneof![Just(most), Just(most / 8), 0..most];
    let fill = |unit: &str, size: usize| unit.repeat(size / unit.len().max(1));
    prop_oneof![
        // One thing again and again, behind a beginning.
        (piece(), piece(), size.clone()).prop_map(move |(a, b, n)| format!("{b}{}", fill(&a, n))),
        // One thing opened as often as another closes it.
        (piece(), piece(), size.clone()).prop_map(move |(a, b, n)| format!(
            "{}x{}",
            fill(&a, n / 2),
            fill(&b, n / 2)
        )),
        // Several by turns.
        (prop::collection::vec(piece(), 1..6), size.clone())
            .prop_map(move |(all, n)| fill(&all.concat(), n)),
        // As they come.
        (prop::collection::vec(piece(), 1..400), size)
            .prop_map(move |(all, n)| fill(&all.concat(), n)),
    ]
}

/// A file of this text as it goes by in a layer.
fn references(path: &str, text: &str) -> Facts {
    let entry = Entry { mode: 0o755, ..Entry::file(LayerPath::from(path), text.len() as u64) };
    let mut analyzer = ReferenceAnalyzer::new();
    let mut facts = Facts::default();
    if analyzer.begin(0, &entry) != Interest::Skip {
        analyzer.chunk(&text.as_bytes()[..text.len().min(WHOLE)]);
        analyzer.end(&mut facts);
    }
    facts
}

/// What reads a text, and its name.
type Reader = (&'static str, fn(&str));

/// Every reader of words.
const READERS: [Reader; 8] = [
    ("shell script", |text| {
        let facts = references("entry.sh", text);
        for found in &facts.references {
            assert!(
                [&found.commands, &found.paths, &found.includes].iter().all(|l| l.len() <= 400)
            );
        }
    }),
    ("script by its first line", |text| drop(references("run", &format!("#!{text}")))),
    ("settings", |text| drop(references("etc/x.conf", text))),
    ("program", |text| drop(references("app/x.js", text))),
    ("package.json", |text| {
        let script = serde_json::json!({ "scripts": { "start": text } }).to_string();
        references("app/package.json", &script);
    }),
    ("command", |text| {
        let mut found = References::default();
        shell::read(text, &mut found);
        assert!(found.commands.len() <= 400_000);
    }),
    ("Dockerfile", |text| {
        drop(dockerfile::parse(text));
        drop(dockerfile::parse(&format!("FROM a\nRUN {text}")));
        dockerfile::commands(text);
    }),
    ("history", |text| {
        for created_by in [text.to_owned(), format!("RUN |2 A=1 {text}"), format!("|1000 {text}")] {
            Instruction::parse(&HistoryEntry { created_by, ..HistoryEntry::default() }).line();
        }
    }),
];

#[track_caller]
fn read_by_all(text: &str) {
    for (reader, read) in READERS {
        let spent = cpu_time(|| read(text));
        let beginning: String = text.chars().take(60).collect();
        assert!(spent < MOST, "{reader}: {spent:?} for {} bytes of {beginning:?}", text.len());
    }
}

#[test]
fn every_piece_by_the_thousand_is_read_in_time() {
    for piece in PIECES {
        read_by_all(&piece.repeat(WHOLE / piece.len()));
    }
}

#[test]
fn words_that_ended_the_program_once_are_commands_now() {
    for word in ["exec ", "env ", "nice -n5 A=1 "] {
        let mut found = References::default();
        shell::read(&format!("{}server --port 1", word.repeat(10_000)), &mut found);
        assert_eq!(found.commands.last().map(String::as_str), Some("server"), "{word}");
        assert!(!found.truncated);
    }
    let mut found = References::default();
    shell::read(&"x\n".repeat(300_000), &mut found);
    assert!(found.truncated, "what is not looked at is said");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_takes_longer_than_its_length_asks_for(text in hostile(WHOLE)) {
        read_by_all(&text);
    }
}
