//! `WWW-Authenticate` (RFC 9110, 11.6.1): what login a registry asks for.

/// One challenge of interest; other schemes are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// The distribution project's token protocol.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// All challenges of all header lines, in order. What does not parse ends the line it is on.
pub(super) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    lines.into_iter().flat_map(parse_line).collect()
}

fn parse_line(line: &str) -> Vec<Challenge> {
    let mut raw: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = Cursor(line);
    loop {
        rest.skip(|c| c == ',' || c.is_ascii_whitespace());
        let word = rest.token();
        if word.is_empty() {
            break;
        }
        let after_word = rest.0;
        rest.skip(|c| c.is_ascii_whitespace());
        // `name=value` belongs to the last scheme; a word alone begins a new one. (`abc==` of a
        // token68 is passed over: no scheme that we know has one.)
        if let Some(value) = rest.0.strip_prefix('=') {
            rest = Cursor(value);
            rest.skip(|c| c.is_ascii_whitespace());
            let Some(value) = rest.value() else { break };
            if let Some((_, params)) = raw.last_mut() {
                params.push((word.to_ascii_lowercase(), value));
            }
        } else {
            rest = Cursor(after_word);
            raw.push((word.to_ascii_lowercase(), Vec::new()));
        }
    }
    raw.into_iter()
        .filter_map(|(scheme, params)| {
            let param = |name: &str| {
                params.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
            };
            match scheme.as_str() {
                "basic" => Some(Challenge::Basic),
                "bearer" => {
                    Some(Challenge::Bearer { realm: param("realm")?, service: param("service") })
                }
                _ => None,
            }
        })
        .collect()
}

struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(unwanted);
    }

    fn token(&mut self) -> &'a str {
        let end = self
            .0
            .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c)))
            .unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    /// A token or a quoted string with its escapes undone.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return Some(self.token().to_owned());
        };
        let mut out = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = quoted.get(at + 1..).unwrap_or_default();
                    return Some(out);
                }
                '\\' => out.push(chars.next()?.1),
                c => out.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) }
    }

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            parse([hub]),
            [bearer("https://auth.docker.io/token", Some("registry.docker.io"))]
        );
        assert_eq!(
            parse([r#"Basic realm="Registry \"x\", y", bearer REALM=https://a/t , service = s"#]),
            [Challenge::Basic, bearer("https://a/t", Some("s"))]
        );
        assert_eq!(
            parse([r#"Negotiate abc=="#, "BASIC"]),
            [Challenge::Basic],
            "several lines, unknown schemes"
        );
        assert_eq!(
            parse([r#"Digest realm="x", nonce="Basic", Bearer realm="r""#]),
            [bearer("r", None)]
        );
    }

    #[test]
    fn a_bearer_without_realm_is_none() {
        assert_eq!(parse(["Bearer", r#"Bearer realm="""#, r#"Bearer realm="x"#]), []);
    }

    proptest! {
        #[test]
        fn never_panics_or_hangs(line in r#"([ -~"=,\\]|Bearer|realm|é){0,60}"#) {
            parse([line.as_str()]);
        }

        #[test]
        fn a_quoted_realm_comes_back(realm in r#"[ -~]{1,30}"#) {
            let escaped = realm.replace('\\', r"\\").replace('"', "\\\"");
            prop_assert_eq!(parse([format!("Bearer realm=\"{escaped}\"").as_str()]), vec![bearer(&realm, None)]);
        }
    }
}
