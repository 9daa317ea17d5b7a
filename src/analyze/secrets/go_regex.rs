//! The regexes of Go (RE2) as Rust's crate wants them written.
//!
//! Both are automata with nearly one syntax. Go takes a `{` that begins no repetition and a `[` in a
//! class for themselves, knows no set operations, and lets any punctuation be escaped.

/// The same regex for the `regex` crate; what is wrong in Go, too, stays wrong.
pub(super) fn translate(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len() + 8);
    let mut i = 0;
    let mut class = false;
    while let Some(&c) = chars.get(i) {
        let next = chars.get(i + 1).copied();
        match c {
            '\\' => {
                match next {
                    // In Rust the ends of a word.
                    Some(c @ ('<' | '>')) => out.push(c),
                    Some(c) => out.extend(['\\', c]),
                    None => out.push('\\'),
                }
                i += 1;
            }
            '[' if class && next == Some(':') => {
                // A named class, whole.
                let end = chars[i..].windows(2).position(|w| w == [':', ']']);
                let end = end.map_or(i, |e| i + e + 1);
                out.extend(&chars[i..=end]);
                i = end;
            }
            '[' if class => out.push_str("\\["),
            '[' => {
                class = true;
                out.push('[');
                if next == Some('^') {
                    out.push('^');
                    i += 1;
                }
                // First in a class it stands for itself.
                if chars.get(i + 1) == Some(&']') {
                    out.push_str("\\]");
                    i += 1;
                }
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', c]),
            '-' if class && next == Some('-') => {
                out.push_str("-\\-");
                i += 1;
            }
            '{' if !class && !is_repetition(&chars[i..]) => out.push_str("\\{"),
            _ => out.push(c),
        }
        i += 1;
    }
    out
}

/// `{3}`, `{3,}`, `{3,5}`.
fn is_repetition(rest: &[char]) -> bool {
    let end = rest.iter().position(|c| *c == '}');
    let Some(inner) = end.and_then(|e| rest.get(1..e)) else {
        return false;
    };
    inner.first().is_some_and(char::is_ascii_digit)
        && inner.iter().all(|c| c.is_ascii_digit() || *c == ',')
        && inner.iter().filter(|c| **c == ',').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::Regex;

    #[test]
    fn what_only_go_takes_is_escaped() {
        for (go, text) in [
            (r"a{b}", "a{b}"),
            (r"a{2}", "aa"),
            (r"a{1,}b", "aab"),
            (r"[[a]+", "[a["),
            (r"[]a]+x", "]ax"),
            (r"[^]]x", "ax"),
            (r"[[:alpha:][]+", "a["),
            (r"[a&&b]+", "&ab"),
            (r"[+--]", ","),
            (r"\<a\>", "<a>"),
            (r"[\w.-]{2}", "a-"),
            (r#"(?i)key['"]?\s*[:=]\s*{{"#, "KEY: {{"),
        ] {
            let rust = translate(go);
            let regex = Regex::new(&rust).unwrap_or_else(|e| panic!("{go}: {rust}: {e}"));
            assert!(regex.is_match(text.as_bytes()), "{go} as {rust}");
        }
    }
}
