//! The name that a value stands behind: `api_key` in `"api_key": "…"`.
//!
//! Reads backwards from the value; knows operators and quotes of many notations, not whose name it is.

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Key, token, password …
    Secret,
    Id,
    /// A digest, an address, a version, a public half …
    Public,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// In lower case, words parted by `_`; empty if there is none.
    pub words: Vec<String>,
    /// An operator stands between name and value.
    pub assigned: bool,
    /// The operator is a comma or an opening bracket: of a list or a call.
    pub listed: bool,
    /// The operator is the end of a tag.
    pub tag: bool,
}

/// No name is longer.
const LONGEST: usize = 80;

impl Label {
    /// The label of the value that begins at `at`.
    pub fn before(buffer: &[u8], at: usize) -> Self {
        Self::read(buffer, at, true)
    }

    fn read(buffer: &[u8], at: usize, again: bool) -> Self {
        let low = at.saturating_sub(200);
        let mut rest = &buffer[low..at];
        let mut assigned = !again;
        let mut listed = None;
        let mut tag = false;
        // Words that are no names: an authentication scheme, a type.
        let mut skipped = 0;
        loop {
            rest = trim_end(rest, |b| {
                b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\')
            });
            match rest {
                [
                    ..,
                    b'=' | b':' | b'>' | b'(' | b',' | b'[' | b'{' | b'?' | b'|' | b'+' | b'@'
                    | b'&' | b'!' | b'/',
                ] => {
                    let op = rest[rest.len() - 1];
                    if matches!(op, b'/' | b'@' | b'&' | b'!' | b'|' | b'+' | b'?') && !assigned {
                        break;
                    }
                    assigned = true;
                    tag |= op == b'>' && !matches!(rest, [.., b'=' | b'-', _]);
                    listed.get_or_insert(matches!(op, b',' | b'(' | b'[' | b'{'));
                    rest = &rest[..rest.len() - 1];
                }
                // `.=` of PHP.
                [.., b' ', b'.'] if assigned => rest = &rest[..rest.len() - 2],
                // `config["api_key"] = `, `config[:api_key] = `.
                [.., b']'] if assigned && is_index(rest) => rest = &rest[..rest.len() - 1],
                _ if skipped < 2 => {
                    let Some(shorter) =
                        without_scheme(rest, assigned).or_else(|| without_type(rest))
                    else {
                        break;
                    };
                    skipped += 1;
                    assigned = true;
                    rest = shorter;
                }
                _ => break,
            }
        }
        let listed = listed.unwrap_or(false);
        let name = name_at_end(rest);
        if is_part_of_arn(rest) {
            return Self { words: Vec::new(), assigned: false, listed, tag };
        }
        // An option of a command: `--api-key x`.
        let assigned = assigned || name.starts_with(b"-") || is_instruction(rest, name);
        // `name: API_KEY` and then `value: …`; `<add key="ApiKey" value="…">`.
        let lower = name.to_ascii_lowercase();
        if again && assigned && [&b"value"[..], b"val", b"default"].contains(&lower.as_slice()) {
            let rest = &rest[..rest.len() - name.len()];
            let named = Self::read(rest, rest.len(), false);
            if !named.words.is_empty() {
                return Self { words: named.words, assigned, listed, tag };
            }
        }
        Self { words: words(name), assigned, listed, tag }
    }

    pub fn role(&self) -> Role {
        let has = |w: &str| self.words.iter().any(|x| x == w);
        let last = self.words.last().map(String::as_str).unwrap_or_default();
        let before_last =
            self.words.len().checked_sub(2).map(|i| self.words[i].as_str()).unwrap_or_default();
        if [
            "public",
            "publishable",
            "pub",
            "checksum",
            "digest",
            "integrity",
            "fingerprint",
            "csrf",
            "xsrf",
        ]
        .iter()
        .any(|w| has(w))
        {
            return Role::Public;
        }
        if ["key", "keys", "token"].contains(&last)
            && [
                "cache",
                "partition",
                "primary",
                "foreign",
                "sort",
                "page",
                "next",
                "continuation",
                "sync",
                "idempotency",
                "cursor",
                "translation",
                "i18n",
                // A private key of OpenPGP is armoured; what fits on a line is its fingerprint.
                "gpg",
                "pgp",
            ]
            .contains(&before_last)
        {
            return Role::Public;
        }
        // `shasum`, `md5sums`, `sha256sum`.
        if last.ends_with("sum") || last.ends_with("sums") || (before_last, last) == ("git", "head")
        {
            return Role::Public;
        }
        match last {
            "id" | "ids" | "sid" | "uid" | "guid" | "uuid" | "account" | "identifier" => Role::Id,
            "url" | "uri" | "host" | "hostname" | "endpoint" | "domain" | "version" | "ver"
            | "sha" | "sha1" | "sha256" | "sha512" | "md5" | "hash" | "commit" | "revision"
            | "rev" | "ref" | "etag" | "tag" | "user" | "username" | "name" | "email" | "path"
            | "file" | "filename" | "region" | "size" | "count" | "time" | "date" | "color"
            | "type" | "kind" | "mode" | "level" | "format" | "nonce" | "cid" | "resolved"
            | "href" | "src" | "link" | "slug" | "channel" | "bucket" | "zone" | "tarball" => {
                Role::Public
            }
            _ => {
                let near = if self.listed { 1 } else { 3 };
                let secret = self.words.iter().rev().take(near).any(|w| {
                    SECRET.contains(&w.as_str())
                        || SECRET_ENDS.iter().any(|e| w.len() > e.len() && w.ends_with(e))
                });
                if secret { Role::Secret } else { Role::Unknown }
            }
        }
    }
}

const SECRET: [&str; 34] = [
    "key",
    "keys",
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "pw",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "cred",
    "creds",
    "apikey",
    "pat",
    "bearer",
    "jwt",
    "private",
    "signature",
    "sig",
    "license",
    "licence",
    "session",
    "access",
    "api",
    "salt",
    "psk",
    "appkey",
    "webhook",
];
const SECRET_ENDS: [&str; 8] =
    ["key", "token", "secret", "password", "passwd", "apikey", "auth", "credentials"];

/// Without a scheme of RFC 9110, section 11: `Authorization: Bearer x`.
fn without_scheme(text: &[u8], assigned: bool) -> Option<&[u8]> {
    if assigned {
        return None;
    }
    let word = name_at_end(text);
    let rest = &text[..text.len() - word.len()];
    let is = |list: &[&str]| list.iter().any(|s| word.eq_ignore_ascii_case(s.as_bytes()));
    let in_header =
        matches!(trim_end(rest, |b| matches!(b, b' ' | b'"' | b'\'')), [.., b':' | b'=']);
    (is(&["bearer", "basic"]) || in_header && is(&["token", "apikey", "key", "api-key", "digest"]))
        .then_some(rest)
}

/// Whether it ends with an index that is a name itself, not a variable.
fn is_index(text: &[u8]) -> bool {
    let inner = &text[..text.len() - 1];
    let name = name_at_end(inner);
    matches!(inner, [.., b'"' | b'\''])
        || !name.is_empty() && inner[..inner.len() - name.len()].ends_with(b"[:")
}

/// In `arn:aws:secretsmanager:eu-west-1:1:secret:NAME` the word before the last colon is no label.
fn is_part_of_arn(text: &[u8]) -> bool {
    let word = text
        .rsplit(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'=' | b',' | b'`'))
        .next()
        .unwrap_or_default();
    word.starts_with(b"arn:")
}

/// Without the type of `key: String = "x"`, the cast of `key := []byte("x")`, a string's prefix.
fn without_type(text: &[u8]) -> Option<&[u8]> {
    let word = name_at_end(text);
    let rest = trim_end(&text[..text.len() - word.len()], |b| b == b' ');
    let is_type = ["string", "str", "const", "byte", "b", "u", "r", "f"]
        .iter()
        .any(|t| word.eq_ignore_ascii_case(t.as_bytes()));
    let placed = matches!(rest, [.., b':' | b']' | b'=' | b'&' | b'(']);
    (is_type && placed).then(|| trim_end(rest, |b| matches!(b, b']' | b'[' | b'&' | b'(')))
}

/// `ENV NAME value` of a Dockerfile, `setx NAME value`.
fn is_instruction(text: &[u8], name: &[u8]) -> bool {
    let word = name_at_end(trim_end(&text[..text.len() - name.len()], |b| b == b' '));
    [&b"ENV"[..], b"setx", b"SETX"].contains(&word)
}

fn trim_end(mut bytes: &[u8], drop: impl Fn(u8) -> bool) -> &[u8] {
    while let [rest @ .., last] = bytes
        && drop(*last)
    {
        bytes = rest;
    }
    bytes
}

fn name_at_end(bytes: &[u8]) -> &[u8] {
    let n = bytes
        .iter()
        .rev()
        .take(LONGEST)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$'))
        .count();
    &bytes[bytes.len() - n..]
}

/// `myApiKey`, `MY_API_KEY`, `my-api.key`: my, api, key.
fn words(name: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut last = b' ';
    for (i, &b) in name.iter().enumerate() {
        let next_is_lower = name.get(i + 1).is_some_and(u8::is_ascii_lowercase);
        let hump = b.is_ascii_uppercase()
            && (last.is_ascii_lowercase() || (last.is_ascii_uppercase() && next_is_lower));
        if (!b.is_ascii_alphanumeric() || hump) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if b.is_ascii_alphanumeric() {
            word.push(char::from(b.to_ascii_lowercase()));
        }
        last = b;
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_read_in_many_notations() {
        for (text, name, assigned) in [
            ("API_KEY=", "api_key", true),
            ("  \"apiKey\": \"", "api_key", true),
            ("x.setToken(\"", "x_set_token", true),
            ("<apiKey>", "api_key", true),
            ("--auth-token ", "auth_token", true),
            ("Authorization: Bearer ", "authorization", true),
            ("const KEY: &str = \"", "key", true),
            ("key := []byte(\"", "key", true),
            ("var key string = \"", "string", true),
            ("'api_key' => '", "api_key", true),
            ("?token=", "token", true),
            ("{\\\"token\\\": \\\"", "token", true),
            ("api key is ", "is", false),
            ("config[\"api_key\"] = \"", "api_key", true),
            ("config[:api_key] = '", "api_key", true),
            ("cache[key] = \"", "", true),
            ("- name: API_KEY\n  value: ", "api_key", true),
            ("{\"name\": \"API_KEY\", \"value\": \"", "api_key", true),
            ("<add key=\"ApiKey\" value=\"", "api_key", true),
        ] {
            let got = Label::before(text.as_bytes(), text.len());
            assert_eq!((got.words.join("_").as_str(), got.assigned), (name, assigned), "{text}");
        }
    }

    #[test]
    fn names_have_roles() {
        for (name, role) in [
            ("API_KEY", Role::Secret),
            ("stripeSecretKey", Role::Secret),
            ("publicKey", Role::Public),
            ("app_id", Role::Id),
            ("clientSecretId", Role::Id),
            ("sha256", Role::Public),
            ("cacheKey", Role::Public),
            ("colour", Role::Unknown),
            ("accesstoken", Role::Secret),
            ("nextToken", Role::Public),
            ("shasum", Role::Public),
            ("sha256sums", Role::Public),
            ("gitHead", Role::Public),
        ] {
            let text = format!("{name}=");
            assert_eq!(Label::before(text.as_bytes(), text.len()).role(), role, "{name}");
        }
    }
}
