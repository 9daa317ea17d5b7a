//! Whose name and password go to which registry: the user's own words, docker's `config.json` and
//! containers' `auth.json`. Which files those are is the caller's to say.

use super::helper;
use crate::oci::Reference;
use crate::oci::go_json::{self, go_struct};
use crate::text::Redacted;
use base64::Engine as _;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest auth file that is read, in bytes.
const FILE_LIMIT: u64 = 4 << 20;

/// What Docker files Docker Hub's credentials under.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Where credentials may come from, first match wins.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What the user gave for the registry of the reference.
    pub explicit: Option<Login>,
    /// In docker's or containers' form, in the order of preference.
    pub auth_sources: Vec<AuthSource>,
    pub helpers: Helpers,
    /// Longest run of one helper.
    pub helper_timeout: Duration,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            explicit: None,
            auth_sources: Vec::new(),
            helpers: Helpers::OnPath,
            helper_timeout: Duration::from_secs(30),
        }
    }
}

/// One place with logins.
#[derive(Clone, Debug)]
pub enum AuthSource {
    /// One that does not exist is passed over.
    File(PathBuf),
    /// The text that such a file would have, and where it is from, for errors: `DOCKER_AUTH_CONFIG`.
    Text { from: String, text: Redacted<String> },
}

impl fmt::Display for AuthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text { from, .. } => f.write_str(from),
        }
    }
}

/// Which credential helpers may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Helpers {
    Never,
    OnPath,
    /// Only those in this folder.
    In(PathBuf),
}

/// A proof of who the user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    Password {
        username: String,
        password: Redacted<String>,
    },
    /// An OAuth2 refresh token, exchanged at the realm.
    IdentityToken(Redacted<String>),
}

impl Login {
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Password { username: username.into(), password: Redacted::new(password.into()) }
    }

    /// Docker's convention: the user `<token>` marks an identity token. Two empty strings are none.
    pub(super) fn from_pair(username: String, secret: String) -> Option<Self> {
        match username.as_str() {
            "" if secret.is_empty() => None,
            "<token>" => Some(Self::IdentityToken(Redacted::new(secret))),
            _ => Some(Self::password(username, secret)),
        }
    }
}

/// What was found, and what went wrong on the way.
#[derive(Clone, Debug, Default)]
pub struct FoundLogin {
    pub login: Option<Login>,
    /// Failures that did not end the search; told when the registry then refuses.
    pub remark: Option<String>,
}

#[derive(Default)]
struct AuthFile {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

go_struct!(AuthFile {
    "auths" => auths,
    "credsStore" => creds_store,
    "credHelpers" => cred_helpers,
});

#[derive(Default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identity_token: String,
}

go_struct!(Entry {
    "auth" => auth,
    "username" => username,
    "password" => password,
    "identitytoken" => identity_token,
});

impl Credentials {
    /// The login for `reference`. May run a program and wait for it.
    pub fn find(&self, reference: &Reference) -> FoundLogin {
        if let Some(login) = &self.explicit {
            return FoundLogin { login: Some(login.clone()), remark: None };
        }
        let mut remark = None;
        for source in &self.auth_sources {
            match self.find_in(source, reference) {
                Ok(Some(login)) => {
                    return FoundLogin { login: Some(login), remark: None };
                }
                Ok(None) => {}
                Err(why) => {
                    remark.get_or_insert(why);
                }
            }
        }
        FoundLogin { login: None, remark }
    }

    /// Docker's order: the registry's own helper, the store, the file itself. A helper that fails
    /// must not keep a public image or an entry of the file away.
    fn find_in(&self, source: &AuthSource, reference: &Reference) -> Result<Option<Login>, String> {
        let Some(file) = read(source)? else {
            return Ok(None);
        };
        let host = canonical_host(reference.registry());
        let names = namespaces(&host, reference.repository());
        let mut failure = None;
        if self.helpers != Helpers::Never {
            let own = names.iter().find_map(|name| {
                file.cred_helpers
                    .iter()
                    .find(|(key, helper)| !helper.is_empty() && canonical_key(key) == *name)
            });
            let by_default = if host == "docker.io" { DOCKER_HUB_KEY } else { &host };
            let own = own.map(|(key, helper)| {
                let server =
                    if canonical_key(key) == "docker.io" { DOCKER_HUB_KEY } else { key.as_str() };
                (server, helper.as_str())
            });
            let store = Some(file.creds_store.as_str()).filter(|s| !s.is_empty());
            for (server, helper) in own.into_iter().chain(store.map(|s| (by_default, s))) {
                match helper::ask(&self.helpers, helper, server, self.helper_timeout) {
                    Ok(Some(login)) => return Ok(Some(login)),
                    Ok(None) => {}
                    Err(why) => {
                        failure.get_or_insert(why);
                    }
                }
            }
        }
        for name in &names {
            let spellings = file.auths.iter().filter(|(key, _)| canonical_key(key) == *name);
            for (_, entry) in spellings {
                match entry.login() {
                    Ok(Some(login)) => return Ok(Some(login)),
                    Ok(None) => {}
                    Err(why) => {
                        failure.get_or_insert(format!("{source}: entry {name}: {why}"));
                    }
                }
            }
        }
        failure.map_or(Ok(None), Err)
    }
}

impl Entry {
    fn login(&self) -> Result<Option<Login>, &'static str> {
        if !self.identity_token.is_empty() {
            return Ok(Some(Login::IdentityToken(Redacted::new(self.identity_token.clone()))));
        }
        if !self.auth.is_empty() {
            let decoded = base64(&self.auth)
                .and_then(|b| String::from_utf8(b).ok())
                .ok_or("`auth` is not base64")?;
            let (user, password) =
                decoded.split_once(':').ok_or("`auth` holds no `user:password`")?;
            // Old Dockers padded with NUL.
            let password = password.trim_end_matches('\0');
            return Ok(Login::from_pair(user.to_owned(), password.to_owned()));
        }
        // Docker sends one without the other to nobody.
        let both = !self.username.is_empty() && !self.password.is_empty();
        Ok(both.then(|| Login::from_pair(self.username.clone(), self.password.clone())).flatten())
    }
}

/// As written by `base64`, folded and padded, or as tools and people trim it.
fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ALPHABETS: [base64::alphabet::Alphabet; 2] =
        [base64::alphabet::STANDARD, base64::alphabet::URL_SAFE];
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    ALPHABETS.iter().find_map(|a| GeneralPurpose::new(a, LENIENT).decode(&text).ok())
}

fn read(source: &AuthSource) -> Result<Option<AuthFile>, String> {
    let raw = match source {
        AuthSource::File(path) => match read_file(path) {
            Ok(Some(raw)) => raw,
            Ok(None) => return Ok(None),
            Err(e) => return Err(format!("{source}: {e}")),
        },
        AuthSource::Text { text, .. } => text.reveal().clone().into_bytes(),
    };
    if raw.len() as u64 > FILE_LIMIT {
        return Err(format!("{source}: larger than {FILE_LIMIT} bytes"));
    }
    let raw = raw.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&raw);
    if raw.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let read = go_json::unmarshal(raw).map(|file| Some(file.value));
    read.map_err(|e| format!("{source}: not a docker or containers auth file: {e}"))
}

/// One byte more than may be, if there are so many; `None`: there is no such file.
fn read_file(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let file = match std::fs::File::open(path) {
        Ok(f) => f,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut raw = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut raw)?;
    Ok(Some(raw))
}

fn canonical_host(host: &str) -> String {
    match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        h => h.to_owned(),
    }
}

/// `host` or `host/namespace` of any spelling: with a scheme only the host counts, as in Docker;
/// without one the path is containers' namespace, but for an API version.
fn canonical_key(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (host, path) = bare.unwrap_or(key).split_once('/').unwrap_or((bare.unwrap_or(key), ""));
    let host = canonical_host(host);
    match path.trim_matches('/') {
        "" | "v1" | "v2" => host,
        _ if bare.is_some() => host,
        path => format!("{host}/{path}"),
    }
}

/// `host/a/b`, `host/a`, `host`: most specific first.
fn namespaces(host: &str, repository: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut path = Some(repository);
    while let Some(p) = path {
        names.push(format!("{host}/{p}"));
        path = p.rsplit_once('/').map(|(parent, _)| parent);
    }
    names.push(host.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(json: &str, reference: &str) -> FoundLogin {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, json).unwrap();
        let credentials = Credentials {
            auth_sources: vec![
                AuthSource::File(folder.path().join("absent.json")),
                AuthSource::File(path),
            ],
            helpers: Helpers::Never,
            ..Credentials::default()
        };
        credentials.find(&reference.parse().unwrap())
    }

    fn user(json: &str, reference: &str) -> Option<String> {
        match find(json, reference).login? {
            Login::Password { username, .. } => Some(username),
            Login::IdentityToken(t) => Some(format!("token {}", t.reveal())),
        }
    }

    #[test]
    fn keys_are_read_in_every_spelling() {
        // `u:p`
        for (key, reference) in [
            ("https://index.docker.io/v1/", "debian"),
            ("docker.io", "debian"),
            ("index.docker.io/v1/", "o/r"),
            ("ghcr.io", "ghcr.io/o/r"),
            ("https://ghcr.io", "ghcr.io/o/r"),
            ("https://GHCR.io/v2/", "ghcr.io/o/r"),
            ("host.io:5000", "host.io:5000/o/r"),
            ("http://host.io:5000/v2/", "host.io:5000/o/r"),
        ] {
            let json = format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#);
            assert_eq!(user(&json, reference).as_deref(), Some("u"), "{key}");
            assert_eq!(user(&json, "other.io/o/r"), None, "{key}");
            assert_eq!(user(&json, "host.io/o/r"), None, "{key}: another port");
        }
    }

    #[test]
    fn the_most_specific_namespace_wins() {
        let json = r#"{"auths":{
            "q.io":{"username":"host","password":"p"},
            "q.io/a":{"username":"a","password":"p"},
            "q.io/a/b":{"username":"ab","password":"p"}}}"#;
        for (reference, expected) in
            [("q.io/a/b", "ab"), ("q.io/a/b/c", "ab"), ("q.io/a/bc", "a"), ("q.io/x", "host")]
        {
            assert_eq!(user(json, reference).as_deref(), Some(expected));
        }
    }

    #[test]
    fn identity_tokens_nulls_and_empty_entries() {
        let json = r#"{"auths":{"a.io":{"auth":"dTpw","identitytoken":"t"},"b.io":{},"c.io":null,
            "d.io":{"auth":"PHRva2VuPjpzZWNyZXQ="}},"credsStore":"x","credHelpers":null,"HttpHeaders":{}}"#;
        assert_eq!(user(json, "a.io/x").as_deref(), Some("token t"));
        assert_eq!(user(json, "b.io/x"), None);
        assert_eq!(user(json, "c.io/x"), None);
        assert_eq!(user(json, "d.io/x").as_deref(), Some("token secret"));
    }

    #[test]
    fn a_file_is_read_as_docker_reads_it() {
        let json = r#"{"Auths":{"a.io":{"AUTH":"eDp4","Auth":"dTpw","auth":null},"b.io":null},
            "CREDSSTORE":null,"cred\u017fstore":"","credhelpers":null}"#;
        assert_eq!(user(json, "a.io/x").as_deref(), Some("u"), "the last one counts");
        assert_eq!(user(json, "b.io/x"), None);
        // Of one server's entries, too, the last one counts, and nothing of the first is left in it.
        let json =
            r#"{"auths":{"a.io":{"identitytoken":"t"},"a.io":{"Username":"u","PASSWORD":"p"}}}"#;
        assert_eq!(user(json, "a.io/x").as_deref(), Some("u"));
        assert_eq!(user(r#"{"auths":{"a.io":{"username":"u"}}}"#, "a.io/x"), None);
    }

    #[test]
    fn auth_is_read_however_it_was_wrapped() {
        // `user:pass?word>>`, whose base64 has a character of either alphabet
        for auth in [
            "dXNlcjpwYXNzP3dvcmQ+Pg==",
            "dXNlcjpwYXNzP3dvcmQ+Pg",
            "dXNlcjpwYXNzP3dvcmQ-Pg",
            r"dXNlcjpwYXNz\nP3dvcmQ+Pg==\n",
            r" dXNlcjpwYXNz\r\nP3dv cmQ+\tPg=",
        ] {
            let json = format!(r#"{{"auths":{{"a.io":{{"auth":"{auth}"}}}}}}"#);
            match find(&json, "a.io/x").login {
                Some(Login::Password { username, password }) => {
                    assert_eq!(
                        (username.as_str(), password.reveal().as_str()),
                        ("user", "pass?word>>")
                    );
                }
                other => panic!("{auth}: {other:?}"),
            }
        }
        assert!(find(r#"{"auths":{"a.io":{"auth":"dTpw===="}}}"#, "a.io/x").login.is_none());
    }

    #[test]
    fn a_text_counts_like_a_file_and_its_place_is_named() {
        let found = |text: &str| {
            let text = Redacted::new(text.to_owned());
            let from = "DOCKER_AUTH_CONFIG".to_owned();
            let credentials = Credentials {
                auth_sources: vec![AuthSource::Text { from, text }],
                helpers: Helpers::Never,
                ..Credentials::default()
            };
            credentials.find(&"a.io/x".parse().unwrap())
        };
        assert!(found(r#"{"auths":{"a.io":{"auth":"dTpw"}}}"#).login.is_some());
        let remark = found(r#"{"auths":"hunter2""#).remark.unwrap();
        assert!(remark.contains("DOCKER_AUTH_CONFIG") && !remark.contains("hunter2"), "{remark}");
        assert!(found(" \n").remark.is_none());
    }

    #[test]
    fn a_broken_file_is_named_and_leaks_nothing() {
        let f = find(r#"{"auths":"hunter2"}"#, "a.io/x");
        let remark = f.remark.unwrap();
        assert!(remark.contains("config.json"), "{remark}");
        assert!(remark.contains("auths: a string where an object belongs"), "{remark}");
        assert!(!remark.contains("hunter2"), "{remark}");
        assert!(find(r#"{"auths":{"a.io":{"auth":"%%"}}}"#, "a.io/x").remark.is_some());
        assert!(!format!("{:?}", Login::password("u", "hunter2")).contains("hunter2"));
    }

    #[cfg(unix)]
    #[test]
    fn helpers_are_asked_by_the_right_name_and_cannot_hang() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, body: &str| {
            let path = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        script("echo", r#"read s; printf '{"Username":"%s %s","Secret":"p"}' "$1" "$s""#);
        script("none", "echo 'credentials not found in native keychain'; exit 1");
        script("slow", "exec sleep 20");
        script("bad", "echo 'hunter2'");
        let path = folder.path().join("config.json");
        std::fs::write(
            &path,
            r#"{"credHelpers":{"a.io":"echo","n.io":"none","s.io":"slow","b.io":"bad","x.io":"../x"},
                "credsStore":"echo","auths":{"z.io":{"auth":"dTpw"}}}"#,
        )
        .unwrap();
        let credentials = Credentials {
            auth_sources: vec![AuthSource::File(path.clone())],
            helpers: Helpers::In(folder.path().to_owned()),
            helper_timeout: Duration::from_millis(300),
            ..Credentials::default()
        };
        let asked = |reference: &str| match credentials.find(&reference.parse().unwrap()).login {
            Some(Login::Password { username, .. }) => username,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked("a.io/x"), "get a.io");
        assert_eq!(asked("debian"), "get https://index.docker.io/v1/");
        assert_eq!(asked("n.io/x"), "get n.io", "not found: on to the store");
        std::fs::write(
            &path,
            r#"{"credHelpers":{"n.io":"none","s.io":"slow","b.io":"bad","x.io":"../x","m.io":"missing"}}"#,
        )
        .unwrap();
        let failed = |r: &str| credentials.find(&r.parse().unwrap());
        assert!(failed("n.io/x").remark.is_none());
        let begun = std::time::Instant::now();
        assert!(failed("s.io/x").remark.unwrap().contains("no answer"));
        assert!(begun.elapsed() < Duration::from_secs(10));
        let bad = failed("b.io/x").remark.unwrap();
        assert!(bad.contains("docker-credential-bad") && !bad.contains("hunter2"));
        assert!(failed("x.io/x").remark.unwrap().contains("not the name"));
        assert!(failed("m.io/x").remark.unwrap().contains("missing"));
    }
}
