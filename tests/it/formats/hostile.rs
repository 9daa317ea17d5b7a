//! An image whose every text attacks what shows it.

use super::{all_formats, lived_with, made, tutorial};
use careen::report::model::*;

/// What no format may ever hold, though the report does after `--reveal`.
pub const PLAIN: &str = "AKIA-IN-CLEAR-0123456789";

pub const ATTACK: &str = "<script>alert(1)</script>]]>|a||b\\|`c```` \n\n# h\r\n\t\u{1b}[31m\u{1b}]0;x\u{7}\0\
    \u{202e}gnp\u{feff}\u{ffff}%zz%00%2e%2e ../../x @octocat #1 !2 [x](http://evil.example/a) \
    ![i](//evil.example/i.png) https://evil.example www.evil.example a@evil.example {0} </details>\
    <!-- --> &lt;&amp; $x$ **b** </code></system-out>";

fn attack(what: &str) -> String {
    format!("{what}{ATTACK}")
}

/// As long as an archive lets a name be, with many directories.
fn endless() -> String {
    format!("{}{}", "../d/".repeat(10_000), "é|`<".repeat(10_000))
}

pub fn report() -> Report {
    let mut report = tutorial();
    let image = &mut report.image;
    image.reference = attack("registry.example.com/a/b:1");
    image.platform = attack("linux/amd64");
    image.os_release = Some(attack("Debian"));
    image.os_id = Some(attack("debian"));
    image.os_version = Some(attack("12"));
    image.user = attack("root");
    image.command = vec![attack("run"), endless()];
    for layer in &mut report.layers {
        layer.instruction = Some(attack("RUN "));
    }
    report.layers[1].instruction = Some(endless());
    for path in &mut report.waste.paths {
        path.path = attack("w/");
        path.instruction = Some(attack("RUN "));
    }
    for (n, f) in report.findings.iter_mut().enumerate() {
        finding(f, n);
    }
    let lived = lived_with();
    report.accepted = lived.accepted;
    report.known = lived.known;
    report.hidden = lived.hidden;
    report.expired = lived.expired;
    report.growth = lived.growth.map(|mut growth| {
        growth.baseline = attack("registry.example.com/a/b:0");
        growth.steps[0].instruction = Some(attack("COPY "));
        growth.steps[1].instruction = Some(endless());
        growth.packages[0].name = attack("left-pad");
        growth.packages[0].after = vec![attack("1"), endless()];
        growth.files[0].path = attack("app/");
        growth
    });
    for a in &mut report.accepted {
        finding(&mut a.finding, 0);
        a.reason = Some(attack("because "));
        a.accepted_by = attack("careen.toml:");
        a.expires = Some(attack("2027-01-01"));
    }
    for (n, f) in report.known.iter_mut().enumerate() {
        finding(f, n);
    }
    for p in &mut report.packages {
        p.name = attack(&p.name);
        // With a slash in it a version has no package URL.
        p.version = attack(&p.version).replace('/', "");
        p.architecture = Some(attack("amd64"));
        p.source = Some(attack("src ("));
        p.path = attack("var/");
    }
    report.packages[0].name = endless();
    report.packages[1].version = endless();
    report.packages[3].version.push('/');
    report.packages[2].name = String::new();
    for a in &mut report.advice {
        a.title = attack(&a.title);
        a.because = attack("so");
        a.dockerfile = a.dockerfile.as_ref().map(|d| attack(d));
    }
    for gap in &mut report.not_looked_at {
        gap.what = attack("layer ");
        gap.why = attack("why ");
    }
    report.not_looked_at[0].why = endless();
    report
}

fn finding(f: &mut FindingReport, n: usize) {
    f.path = f.path.as_ref().map(|p| if n.is_multiple_of(3) { endless() } else { attack(p) });
    f.inside = Some(attack("BOOT-INF/"));
    f.message = attack(&f.message);
    f.masked = f.masked.as_ref().map(|m| attack(m));
    f.advice = f.advice.as_ref().map(|a| attack(a));
    f.recover = f.recover.as_ref().map(|r| attack(r));
    f.instruction = Some(attack("COPY "));
    f.package = (n % 4 == 1).then(|| attack("pkg"));
    f.plain = Some(PLAIN.to_owned());
    f.also = vec![PlaceReport {
        state: f.state.unwrap_or(careen::rules::State::Visible),
        path: Some(attack("also/")),
        inside: None,
        line: Some(0),
        layer: Some(3),
        layer_digest: None,
        instruction: Some(attack("RUN ")),
        message: attack("also "),
        recover: Some(attack("careen cat ")),
    }];
}

#[test]
fn no_format_shows_a_secret_or_what_steers_a_terminal() {
    for (format, text) in all_formats(&report(), &made()) {
        assert!(!text.contains(PLAIN), "{format} has a secret in clear");
        let bad = text.chars().find(|&c| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{feff}' | '\u{200b}'..='\u{200f}')
        });
        assert_eq!(bad, None, "{format}");
        assert!(text.len() < 1 << 20, "{format} has {} bytes", text.len());
        assert!(text.ends_with('\n'), "{format}");
    }
}

/// Escaped or not, none of these may stand in a JSON document as the image wrote it.
#[test]
fn json_documents_hold_no_control_characters_even_escaped() {
    for (format, text) in all_formats(&report(), &made()) {
        if !text.starts_with('{') {
            continue;
        }
        for escape in ["\\u001b", "\\u0000", "\\u0007", "\\r", "\\t"] {
            assert!(!unescaped(&text, escape), "{format}: {escape}");
        }
    }
}

/// Whether `escape` stands in `json` as an escape of its own, not behind an escaped backslash.
fn unescaped(json: &str, escape: &str) -> bool {
    json.match_indices(escape).any(|(at, _)| {
        let before = json[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        before % 2 == 0
    })
}
