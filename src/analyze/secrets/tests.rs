//! The pattern files against the engine, and the engine against itself.

use super::scan::{Found, Scan};
use super::*;
use crate::layer::LayerPath;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/secret-patterns");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("folder of patterns")
        .map(|e| e.expect("entry").file_name().into_string().expect("name"))
        .collect();
    let listed: BTreeSet<String> = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, listed);
}

#[test]
fn every_pattern_is_complete_and_does_what_its_samples_say() {
    let all = Patterns::builtin();
    all.check().expect("every regex compiles");
    let mut wrong: Vec<String> = all.iter().flat_map(|p| lint(&all, p)).collect();
    // Formats that have no longer literal; all are anchored or rare.
    let known = ["cio", "r8_", "SG.", "hf_", "sk-", "7Q~", "8Q~", ":AA", "://"];
    wrong.retain(|w| {
        !known.iter().any(|k| w.ends_with(&format!("keyword `{k}` is short: it is met everywhere")))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.iter().count() >= 3000);
}

/// A pattern file must not look like a leak to any scanner, ours included.
#[test]
fn the_pattern_files_hold_no_secret() {
    let all = Patterns::builtin();
    let mut wrong = Vec::new();
    for (name, text) in BUILTIN {
        for m in scan_text(&all, text.as_bytes(), None, false) {
            if m.confidence >= crate::analyze::Confidence::Likely {
                wrong.push(format!("{name}:{}: {} {}", m.line, m.pattern, m.masked));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const SMALL: &str = r#"
[[pattern]]
id = "tok"
description = "a token"
severity = "low"
regex = 'tok_[a-z0-9]{8,20}'
keywords = ["tok_"]
anchored = true
doc = "https://example.org"
[[pattern]]
id = "pair"
description = "a name and a value"
severity = "low"
regex = 'name\s{0,3}=\s{0,3}(?P<secret>[a-z0-9]{6,30})'
keywords = ["name"]
rank = "generic"
doc = "https://example.org"
"#;

fn small() -> Patterns {
    Patterns::parse(&[("small.toml", SMALL)]).expect("patterns")
}

fn in_chunks(patterns: &Patterns, scan: &mut Scan, chunks: &[&[u8]]) -> Vec<Found> {
    scan.begin(patterns, Some(b"a/file"), None);
    for chunk in chunks {
        scan.feed(patterns, chunk);
    }
    scan.end(patterns).found
}

fn brief(found: &[Found]) -> Vec<(usize, u64, u64, u32)> {
    found.iter().map(|f| (f.pattern, f.range.start, f.range.end, f.line)).collect()
}

#[test]
fn a_match_at_any_place_of_a_block_is_found_once() {
    let patterns = small();
    let mut scan = Scan::with_block(&patterns, 0);
    let token = b"tok_q7w3e9r1t5";
    // Blocks here have a little over 8 KiB: pad so that the token crosses every part of two seams.
    for pad in (0..64).chain(7_900..8_400).chain(16_000..16_500) {
        let mut text = vec![b' '; pad];
        for i in (0..pad).step_by(50) {
            text[i] = b'\n';
        }
        let line = 1 + text.iter().filter(|&&b| b == b'\n').count() as u32;
        text.extend_from_slice(b" name = zz9yy8xx7 ");
        text.extend_from_slice(token);
        text.extend_from_slice(&[b' '; 300]);
        let got = brief(&in_chunks(&patterns, &mut scan, &[&text]));
        let at = pad as u64 + 8;
        assert_eq!(got, [(1, at, at + 9, line), (0, at + 10, at + 24, line)], "pad {pad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Any chunks give what the whole gives.
    #[test]
    fn chunks_do_not_matter(
        pieces in proptest::collection::vec((0usize..5, 0usize..3000), 0..30),
        cuts in proptest::collection::vec(0usize..40_000, 0..20),
        wide in any::<bool>(),
    ) {
        let patterns = small();
        let mut text = Vec::new();
        for (what, n) in pieces {
            match what {
                0 => text.extend_from_slice(b"tok_q7w3e9r1t5"),
                1 => text.extend_from_slice(b"name=b7d8e9c1 "),
                2 => text.push(b'\n'),
                3 => text.extend_from_slice(b"tok_tok_name tok_name=q1w2e3r4 name"),
                _ => text.extend(std::iter::repeat_n(b'-', n)),
            }
        }
        if wide {
            text = [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|&b| [b, 0])).collect();
        }
        let mut scan = Scan::with_block(&patterns, 0);
        let whole = brief(&in_chunks(&patterns, &mut scan, &[&text]));
        let mut ends: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
        ends.sort_unstable();
        let mut chunks: Vec<&[u8]> = Vec::new();
        let mut start = 0;
        for end in ends.into_iter().chain([text.len()]) {
            chunks.push(&text[start..end]);
            start = end;
        }
        let cut = brief(&in_chunks(&patterns, &mut scan, &chunks));
        prop_assert_eq!(whole, cut);
    }
}

#[test]
fn one_secret_at_one_place_has_the_most_telling_name() {
    let patterns = small();
    let got = scan_text(&patterns, b"name=tok_q7w3e9r1t5", None, false);
    let ids: Vec<&str> = got.iter().map(|m| m.pattern.as_str()).collect();
    assert_eq!(ids, ["tok"]);
}

#[test]
fn utf16_is_read_and_its_offset_is_of_bytes() {
    let patterns = small();
    let text = "\u{feff}\u{e9}a\nx tok_q7w3e9r1t5\n";
    for big in [false, true] {
        let raw: Vec<u8> = text
            .encode_utf16()
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect();
        let mut analyzer = SecretAnalyzer::new(small().into(), true);
        let facts = analyze(&mut analyzer, "a.txt", &raw);
        assert_eq!(facts.secrets.len(), 1, "big: {big}");
        let s = &facts.secrets[0];
        assert_eq!((s.line, s.offset, s.pattern.as_str()), (Some(2), 12, "tok"));
        assert_eq!(
            s.plain.as_ref().map(|p| p.reveal().as_slice()),
            Some(b"tok_q7w3e9r1t5".as_slice())
        );
    }
    let _ = patterns;
}

fn analyze(analyzer: &mut SecretAnalyzer, path: &str, bytes: &[u8]) -> crate::analyze::Facts {
    use crate::analyze::Analyzer as _;
    use crate::layer::{Entry, Interest};
    let entry = Entry::file(LayerPath::from(path), bytes.len() as u64);
    let mut facts = crate::analyze::Facts::default();
    assert_eq!(analyzer.begin(7, &entry), Interest::All);
    for chunk in bytes.chunks(1000) {
        analyzer.chunk(chunk);
    }
    analyzer.end(&mut facts);
    facts
}

#[test]
fn a_flood_of_matches_is_capped_and_said() {
    let mut analyzer = SecretAnalyzer::new(small().into(), false);
    let flood: String = (0..500).map(|i| format!("tok_q7w3e9r{i:03}\n")).collect();
    let facts = analyze(&mut analyzer, "a", flood.as_bytes());
    assert_eq!(facts.secrets.len(), 100);
    assert_eq!(facts.unread.len(), 1);
    assert_eq!(facts.unread[0].entry, 7);
    // The next file starts anew.
    let facts = analyze(&mut analyzer, "b", b"x tok_q7w3e9r1t5\n");
    assert_eq!((facts.secrets.len(), facts.unread.len()), (1, 0));
    assert_eq!(facts.secrets[0].plain, None);
}

#[test]
fn a_binary_file_gives_tokens_without_lines_and_no_name_value_pairs() {
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    let sg =
        Patterns::builtin().get("sendgrid-api-token").expect("known").should_match[0].text.clone();
    let mut bytes = b"\x7fELF\0\0\0".to_vec();
    bytes.extend_from_slice(sg.as_bytes());
    bytes.extend_from_slice(b"\0PASSWORD=Zk9\x00api_key=q8W2e7R4t6Y1u3I9o5P0\0");
    let facts = analyze(&mut analyzer, "usr/bin/x", &bytes);
    assert_eq!(facts.secrets.len(), 1, "{:?}", facts.secrets);
    assert_eq!(facts.secrets[0].line, None);
    assert_eq!(facts.secrets[0].offset, 7);
}

#[test]
fn redaction_leaves_nothing() {
    let all = Patterns::builtin();
    for pattern in all.iter() {
        for sample in pattern.should_match.iter().filter(|s| s.path.is_none()) {
            let clear = scan_text(&all, sample.text.as_bytes(), None, true);
            let out = redact_text(&all, &sample.text);
            for m in clear {
                let plain = m.plain.expect("asked for");
                let plain = String::from_utf8_lossy(plain.reveal()).into_owned();
                assert!(!out.contains(&plain), "{}", pattern.id);
                assert!(out.contains(&m.masked), "{}", pattern.id);
            }
        }
    }
}

/// A token of a known kind, which stands in no file as such.
fn token() -> String {
    Patterns::builtin().get("sendgrid-api-token").expect("known").should_match[0].text.clone()
}

#[test]
fn a_few_bytes_at_the_beginning_hide_no_secret() {
    let ustar = [&[b'#'; 256][..], b"\nustar 00"].concat();
    let claims: [&[u8]; 12] = [
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"PACK\0\0\0\x02",
        b"!<arch>",
        b"SQLite format 3\0",
        &ustar,
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x7fELF\0",
    ];
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    for claim in claims {
        for small in [true, false] {
            let padding = "an ordinary line of a file\n".repeat(if small { 1 } else { 50_000 });
            let text = format!("\ntoken: {}\npassword = \"Zk9+qLw2vT7x\"\n{padding}", token());
            let bytes = [claim, text.as_bytes()].concat();
            let facts = analyze(&mut analyzer, "srv/app.conf", &bytes);
            let found: Vec<&str> = facts.secrets.iter().map(|s| s.pattern.as_str()).collect();
            assert_eq!(found, ["sendgrid-api-token", "generic-password"], "{claim:?}");
            let first = &facts.secrets[0];
            let lines = memchr::memchr_iter(b'\n', claim).count() as u32;
            assert_eq!((first.inside.as_deref(), first.line), (None, Some(2 + lines)), "{claim:?}");
            assert_eq!(first.offset as usize, claim.len() + "\ntoken: ".len(), "{claim:?}");
        }
    }
}

#[test]
fn the_same_secret_in_a_container_and_beside_it_is_told_once() {
    use std::io::Write as _;
    let stored = |name: &str, data: &[u8]| {
        let size = (data.len() as u32).to_le_bytes();
        let head: &[u8] = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let length = (name.len() as u32).to_le_bytes();
        [head, &size, &size, &length, name.as_bytes(), data].concat()
    };
    let text = format!("token: {}\n", token());
    let script = format!("#!/bin/sh\n{}exec java -jar \"$0\"\n", "# start\n".repeat(300));
    let jar = [script.as_bytes(), &stored("BOOT-INF/app.yml", text.as_bytes())].concat();
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    let facts = analyze(&mut analyzer, "app/app.jar", &jar);
    assert_eq!(facts.secrets.len(), 1, "{:?}", facts.secrets);
    assert_eq!(facts.secrets[0].inside.as_deref(), Some("BOOT-INF/app.yml"));
    assert!(facts.unread.is_empty(), "{:?}", facts.unread);
    // Cut in the middle: searched from its beginning on, as it stands.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(text.as_bytes()).unwrap();
    packed.write_all(&[b'x'; 500]).unwrap();
    let packed = packed.finish().unwrap();
    let facts = analyze(&mut analyzer, "app/a.gz", &packed[..packed.len() - 20]);
    assert_eq!(facts.secrets.len(), 1, "{:?}", facts.secrets);
    assert_eq!(facts.secrets[0].inside.as_deref(), Some("gzip"));
    assert_eq!(facts.unread.len(), 1, "{:?}", facts.unread);
}

#[test]
fn a_name_and_its_value_in_compiled_python_are_found() {
    let script = "import marshal,sys,importlib.util as u\nc=compile('import os\\nDB_PASSWORD = \"Zk9+qLw2vT7x\"\\nTIMEOUT = 5\\n','m.py','exec')\nsys.stdout.buffer.write(u.MAGIC_NUMBER+bytes(12)+marshal.dumps(c))";
    let out = std::process::Command::new("python3").args(["-c", script]).output().unwrap();
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    let facts = analyze(&mut analyzer, "app/__pycache__/settings.cpython-311.pyc", &out.stdout);
    assert_eq!(facts.secrets.len(), 1, "{:?}", facts.secrets);
    assert_eq!(facts.secrets[0].pattern, "generic-password");
}

/// Text that is made to be slow: each step of the search is counted, so a bound on them is one on time.
#[test]
fn no_text_is_much_slower_than_another() {
    let random = |n: usize, seed: usize| -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut x = seed as u64 * 2_654_435_761 + 1;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            char::from(digits[(x % 64) as usize])
        };
        (0..n).map(|_| next()).collect()
    };
    let counted = |form: &str| (0..20_000).map(|i| form.replace('#', &i.to_string())).collect();
    let texts: Vec<String> = vec![
        "key=".repeat(60_000),
        "password: ".repeat(25_000),
        "token".repeat(50_000),
        "-----BEGIN RSA PRIVATE KEY-----\n".repeat(8_000),
        "eyJ".repeat(80_000),
        "eyJ-".repeat(60_000),
        "secret_key='".repeat(20_000),
        random(250_000, 7),
        counted("key=#"),
        counted("-----BEGIN RSA PRIVATE KEY-----#\n"),
        counted("%41#"),
    ];
    for text in texts {
        let start = super::work::Work::new();
        let patterns = Patterns::builtin();
        let mut scan = Scan::new(&patterns);
        scan.work = start.clone();
        scan.begin(&patterns, Some(b"a/file"), None);
        scan.feed(&patterns, text.as_bytes());
        scan.end(&patterns);
        let steps = start.spent();
        assert!(steps < 1000 * text.len() as i64, "{}: {steps}", &text[..40]);
    }
}

/// As Go and Rust lay out their strings: one behind the other, with nothing between them.
#[test]
fn tokens_among_strings_that_stand_side_by_side_are_found_whole() {
    let all = Patterns::builtin();
    let ids = [
        "github-pat",
        "aws-access-key-id",
        "google-api-key",
        "slack-bot-token",
        "stripe-secret-key",
        "gitlab-pat",
        "npm-token",
        "sendgrid-api-token",
        "huggingface-token",
        "shopify-access-token",
        "linear-oauth-token",
    ];
    let mut tokens = Vec::new();
    for id in ids {
        let Some(pattern) = all.get(id) else { continue };
        let text = &pattern.should_match[0].text;
        let found = scan_text(&all, text.as_bytes(), None, true);
        tokens.extend(found.into_iter().filter_map(|m| Some(m.plain?.reveal().clone())));
    }
    assert!(tokens.len() >= 8, "{} kinds are known", tokens.len());
    for (before, after) in [
        ("cannot parse the header", "runtime error: index out of range"),
        ("name of the thing", "internal/syscall.Open"),
        ("invalid length 12", "httplaxcontext canceled"),
        ("%v: unexpected end", "0x"),
    ] {
        let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
        program.extend_from_slice(&[0; 64]);
        for token in &tokens {
            program.extend_from_slice(before.as_bytes());
            program.extend_from_slice(token);
            program.extend_from_slice(after.as_bytes());
        }
        // And two of them without anything between.
        program.extend(tokens.iter().rev().flatten());
        let mut analyzer = SecretAnalyzer::new(all.clone(), true);
        let facts = analyze(&mut analyzer, "srv/server", &program);
        let plain: BTreeSet<Vec<u8>> =
            facts.secrets.iter().filter_map(|s| Some(s.plain.as_ref()?.reveal().clone())).collect();
        for token in &tokens {
            assert!(
                plain.contains(token),
                "{before}|{}|{after}",
                String::from_utf8_lossy(&token[..6])
            );
        }
    }
}

/// As in Java's `libjvm.so`, where a class is called `DebugInfo`. Behind another string of a program it is a token.
#[test]
fn the_name_of_a_symbol_holds_no_token() {
    let all = Patterns::builtin();
    let told = |text: &str| {
        let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
        program.extend_from_slice(&[0; 64]);
        program.extend_from_slice(text.as_bytes());
        program.extend_from_slice(b"\0more");
        let mut analyzer = SecretAnalyzer::new(all.clone(), true);
        analyze(&mut analyzer, "srv/server", &program).secrets.len()
    };
    let token = ["nf", "o_pTEf0H9z7McGgEvxqaczE7PTdYJMaZWwojIXqL8"].concat();
    let symbol = "_ZN8JVMCIEnv34set_DebugInfo_virtualObjectMappingE11JVMCIObject16JVMCIObjectArray";
    assert_eq!(told(symbol), 0);
    assert_eq!(told(&format!("_ZN8JVMCIEnv34set_Debug{token}")), 0);
    for before in ["", "not found", "cannot read zone _Zed: "] {
        assert_eq!(told(&format!("{before}{token}")), 1, "{before}");
    }
}

#[test]
fn noise_in_a_program_is_no_token() {
    let mut x = 88_172_645_463_325_252u64;
    let mut noise = |n: usize, alphabet: &[u8]| -> Vec<u8> {
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            alphabet[(x % alphabet.len() as u64) as usize]
        };
        (0..n).map(|_| next()).collect()
    };
    let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    program.extend_from_slice(&[0; 64]);
    program.extend_from_slice(b"_ZN6librbd5Image13aio_writesameEmmRN4ceph6buffer7v15_2_04listE\0");
    program
        .extend_from_slice(b"_ZN4llvm10VNCoercion28getMemInstValueForLoadHelperINS_8ConstantE\0");
    for prefix in ["AIza", "AKIA", "sk-", "hf_", "key-", "npm_", "glpat-", "EAAC", "EAAA"] {
        program.extend(noise(300, base64));
        program.extend_from_slice(prefix.as_bytes());
        program.extend(noise(300, base64));
        program.push(0);
        program.extend_from_slice(b"the words of a message about a task");
        program.extend_from_slice(prefix.as_bytes());
        program.extend_from_slice(b"and what follows are words, too, as in every other program");
        program.push(0);
    }
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    let facts = analyze(&mut analyzer, "usr/bin/x", &program);
    assert!(facts.secrets.is_empty(), "{:?}", facts.secrets);
}
