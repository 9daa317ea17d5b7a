//! Every vendor's opaque value behind every way to write a name: the recall figure of the README.

use super::*;
use crate::analyze::Confidence;
use crate::layer::LayerPath;
use std::collections::BTreeMap;

/// A file, and how a name (`acme_api_key`) and a value are written in it, with `@` for the value, `NAME`, `name`,
/// `camelName`, `Header-Name` and `vendor` for the name.
const NOTATIONS: [(&str, &str, &str); 26] = [
    ("app/.env", "dotenv", "NAME=@\n"),
    ("app/run.sh", "shell", "export NAME='@'\n"),
    ("app/Makefile", "make", "NAME ?= \"@\"\n"),
    ("app/Dockerfile", "dockerfile", "ENV NAME @\n"),
    ("app/ci.sh", "build argument", "docker build --build-arg NAME=@ .\n"),
    ("app/app.properties", "properties", "camelName : @\n"),
    ("app/values.yml", "yaml", "name: @\n"),
    ("app/values.yml", "quoted yaml", "name: '@'\n"),
    ("app/values.yml", "yaml path", "vendor:\n  region: eu\n  secret_key: @\n"),
    ("app/data.json", "json", "{\"name\": \"@\"}\n"),
    ("app/data.json", "json path", "{\"vendor\": {\n  \"apiKey\": \"@\"\n}}\n"),
    ("app/data.json", "json in json", "{\"config\": \"{\\\"camelName\\\": \\\"@\\\"}\"}\n"),
    ("app/app.toml", "toml", "[vendor]\nsecret_key = \"@\"\n"),
    ("app/app.xml", "xml", "<camelName>@</camelName>\n"),
    ("app/web.config", "xml attribute", "<add key=\"camelName\" value=\"@\" />\n"),
    ("app/main.py", "python", "name = \"@\"\n"),
    ("app/main.go", "go", "camelName := `@`\n"),
    ("app/main.js", "javascript", "const camelName = '@';\n"),
    ("app/main.rb", "ruby", "config[:name] = \"@\"\n"),
    ("app/main.php", "php", "$camelName .= '@';\n"),
    ("app/Main.cs", "c sharp", "string camelName = \"@\";\n"),
    ("app/Main.java", "call", "System.setProperty(\"NAME\", \"@\")\n"),
    ("app/main.tf", "terraform", "variable \"name\" {\n  default = \"@\"\n}\n"),
    ("app/notes.txt", "header", "curl -H 'X-Header-Name: @' https://example.test/\n"),
    ("app/notes.txt", "address", "https://api.vendor.com/v1?api_key=@&page=1\n"),
    ("root/.bash_history", "option", "vendor login --token @\n"),
];

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn write(notation: &str, vendor: &str, name: &str, value: &str) -> String {
    let words: Vec<&str> = name.split('_').collect();
    let camel = words[0].to_owned() + &words[1..].iter().map(|w| capital(w)).collect::<String>();
    let header = words.iter().map(|w| capital(w)).collect::<Vec<_>>().join("-");
    notation
        .replace("camelName", &camel)
        .replace("Header-Name", &header)
        .replace("NAME", &name.to_uppercase())
        .replace("vendor", vendor)
        .replace("name", name)
        .replace('@', value)
}

#[test]
fn a_vendors_value_is_found_in_any_notation() {
    let all = Patterns::builtin();
    let (mut tried, mut found) = (0u32, 0u32);
    let mut missed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut kinds = 0usize;
    for pattern in all.iter() {
        let Some(beside) = pattern.beside.as_ref().filter(|_| !pattern.is_bound()) else {
            continue;
        };
        let Some(value) = pattern.should_match.first().and_then(|s| {
            let own = |m: &TextMatch| m.pattern == pattern.id;
            let found = scan_text(
                &all,
                s.text.as_bytes(),
                s.path.as_deref().map(LayerPath::from).as_ref(),
                true,
            );
            found.into_iter().find(own).and_then(|m| m.plain)
        }) else {
            continue;
        };
        let value = String::from_utf8_lossy(value.reveal()).into_owned();
        let vendor = beside.names[0].written();
        kinds += 1;
        // Each kind in a third of the notations, the next in others.
        for (path, what, notation) in NOTATIONS.iter().skip(kinds % 3).step_by(3) {
            let text = write(notation, &vendor, &format!("{vendor}_api_key"), &value);
            tried += 1;
            let sure = |m: &TextMatch| m.confidence >= Confidence::Likely;
            if scan_text(&all, text.as_bytes(), Some(&LayerPath::from(*path)), false)
                .iter()
                .any(sure)
            {
                found += 1;
            } else {
                missed.entry(what).or_default().push(pattern.id.clone());
            }
        }
    }
    assert!(kinds > 2700, "{kinds} kinds");
    assert!(found * 1000 >= tried * 999, "{found} of {tried} found; missed: {missed:#?}");
}
