//! Every way in which a registry can fail us, in words that name the host, the repository and what
//! was asked. What the registry itself says is hostile text and printed sanitised; a URL is named
//! without its query, which may be a signature.

use crate::oci::Digest;
use crate::oci::go_json::{self, go_struct};
use crate::text::Sanitized;
use std::fmt;
use std::time::Duration;

/// Longest text of a registry that is repeated, in characters.
const QUOTE_LIMIT: usize = 300;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The settings cannot be used.
    #[error("{what}: {why}")]
    Settings { what: String, why: String },
    /// No answer, or one that broke off.
    #[error("{host}: cannot get {asked}: {why}")]
    Connection { host: String, asked: String, why: String, cause: ConnectionCause },
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The realm would not give a token.
    #[error("login at {realm} for registry {registry} failed: {why}")]
    Login {
        registry: String,
        /// Host (and port) of the token server.
        realm: String,
        why: String,
        status: Option<u16>,
        /// Whether credentials were sent.
        with_credentials: bool,
        retry_after: Option<Duration>,
    },
    /// The registry asks for a login that careen cannot or must not do.
    #[error("registry {registry} asks for a login that careen refuses: {why}")]
    Challenge { registry: String, why: String, hint: Option<String> },
    #[error("{host}: cannot get {asked}: {why}")]
    Redirect { host: String, asked: String, why: String },
    /// Someone led us to where a registry elsewhere has no business.
    #[error("{host}: cannot get {asked}: {why}")]
    Barred {
        /// Who is not asked, with port.
        host: String,
        asked: String,
        why: String,
        /// What would have to be allowed.
        target: String,
    },
    /// It would take for ever.
    #[error(
        "{host}: {what} comes at {rate} bytes a second, less than the {least} that careen waits for"
    )]
    TooSlow {
        host: String,
        what: String,
        /// Bytes a second.
        rate: u64,
        least: u64,
    },
    /// HTML or XML where JSON belongs: a login page, a proxy, another service.
    #[error("{host}: {what}: the answer is a web page: this is no registry, or not its address")]
    WebPage { host: String, what: String },
    #[error("{host}: {what} is larger than the limit of {limit} bytes")]
    TooLarge { host: String, what: String, limit: u64 },
    #[error("{host}: {what} goes on after the {expected} bytes that its descriptor says")]
    TooLong { host: String, what: String, expected: u64 },
    #[error("{host}: {what}: expected digest {expected}, got {actual}")]
    WrongDigest { host: String, what: String, expected: Digest, actual: Digest },
    /// An answer that the protocol does not allow.
    #[error("{host}: {what}: {why}")]
    Protocol { host: String, what: String, why: String },
    #[error("{what} is a foreign layer: its bytes are not in the registry {host}")]
    Foreign { host: String, what: String },
}

/// What kept the answer away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionCause {
    /// Nothing reached the server: name, route, port.
    Connect,
    /// TLS failed, most often the certificate.
    Tls,
    /// Nothing came for too long.
    Timeout,
    /// The connection broke.
    Broken,
}

/// An answer with a status that is no success.
#[derive(Debug)]
pub struct Refusal {
    pub host: String,
    pub registry: String,
    pub repository: String,
    /// `manifest 1.0`, `layer sha256:…`.
    pub asked: String,
    pub status: u16,
    /// The registry's own words, not yet sanitised.
    pub code: Option<String>,
    pub message: Option<String>,
    pub retry_after: Option<Duration>,
    /// Whether the user's credentials were part of the request.
    pub with_credentials: bool,
    /// Why there may have been no credentials: a helper that failed.
    pub remark: Option<String>,
    /// What the user can do about it, where that is no matter of the registry's own login.
    pub hint: Option<String>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} of {}: {}",
            self.host,
            self.asked,
            self.repository,
            meaning(self.status)
        )?;
        write!(f, " (HTTP {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {}", quote(code))?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", quote(message))?;
        }
        f.write_str(")")?;
        if let Some(remark) = &self.remark {
            write!(f, "; {remark}")?;
        }
        Ok(())
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 => "the registry wants a login",
        403 => "access denied",
        404 => "not found",
        408 => "the registry timed out",
        416 => "the registry does not have this part of the blob",
        429 => "too many requests",
        500.. => "the registry failed",
        _ => "the registry refused",
    }
}

/// Hostile text, short and without control characters.
pub(super) fn quote(text: &str) -> String {
    let short: String = text.trim().chars().take(QUOTE_LIMIT).collect();
    Sanitized::from(short.as_str()).to_string()
}

impl RegistryError {
    /// Whether the same request may well succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { cause, .. } => *cause != ConnectionCause::Tls,
            Self::TooSlow { .. } => true,
            Self::Refused(r) => is_transient_status(r.status),
            Self::Login { status: Some(status), .. } => is_transient_status(*status),
            _ => false,
        }
    }

    /// How long the server asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(r) => r.retry_after,
            Self::Login { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(r) => Some(r.status),
            Self::Login { status, .. } => *status,
            _ => None,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connection {
                cause: ConnectionCause::Tls,
                ..
            } => Some(
                "give the registry's CA with `--ca-file`, or use `--plain-http` if it speaks no TLS"
                    .to_owned(),
            ),
            Self::Connection {
                cause: ConnectionCause::Connect,
                ..
            } => Some("check the registry's name and port, and the proxy".to_owned()),
            Self::Refused(r) if r.hint.is_some() => r.hint.clone(),
            Self::Refused(r) => match r.status {
                401 | 403 if r.with_credentials => Some(format!(
                    "the account may not read {}; check its name, or `docker login {}` as another user",
                    r.repository, r.registry
                )),
                401 | 403 => Some(login_hint(&r.registry)),
                404 => Some(format!(
                    "check the name; a private repository needs `--username` or `docker login {}`",
                    r.registry
                )),
                429 if !r.with_credentials => Some(format!(
                    "wait, or log in for a higher limit: `docker login {}`",
                    r.registry
                )),
                429 => Some("wait and try again".to_owned()),
                _ => None,
            },
            Self::Login {
                registry,
                with_credentials,
                ..
            } => Some(if *with_credentials {
                format!("check user and password, or `docker login {registry}` again")
            } else {
                login_hint(registry)
            }),
            Self::Barred { target, .. } => Some(format!(
                "if it should lead there, allow it with `--allow-host {target}`"
            )),
            Self::TooSlow { .. } => {
                Some("wait as long as it takes with `--min-rate 0`".to_owned())
            }
            Self::WebPage { .. } => Some(
                "check the registry's name and port, and whether a proxy or a login page stands in front of it"
                    .to_owned(),
            ),
            Self::Challenge { hint, .. } => hint.clone(),
            Self::Foreign { .. } => Some(
                "let careen fetch it from the URLs in the manifest with `--follow-foreign-urls`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

fn login_hint(registry: &str) -> String {
    format!("give `--username` and `--password-stdin`, or `docker login {registry}`")
}

pub(super) fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// The registry's first error in a body of the distribution spec's form.
pub(super) fn own_words(body: &[u8]) -> (Option<String>, Option<String>) {
    #[derive(Default)]
    struct Body {
        errors: Vec<One>,
    }
    #[derive(Default)]
    struct One {
        code: String,
        message: String,
    }
    go_struct!(Body { "errors" => errors });
    go_struct!(One { "code" => code, "message" => message });
    let body = go_json::unmarshal::<Body>(body).map(|b| b.value).unwrap_or_default();
    let first = body.errors.into_iter().next().unwrap_or_default();
    let said = |text: String| Some(text).filter(|t| !t.is_empty());
    (said(first.code), said(first.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_where_and_why_and_cannot_colour_the_terminal() {
        let (code, message) = own_words(
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no\u001b[31m such","detail":{}}]}"#,
        );
        let e = RegistryError::Refused(Box::new(Refusal {
            host: "ghcr.io".into(),
            registry: "ghcr.io".into(),
            repository: "o/r".into(),
            asked: "manifest v1".into(),
            status: 404,
            code,
            message,
            retry_after: None,
            with_credentials: false,
            remark: None,
            hint: None,
        }));
        assert_eq!(
            e.to_string(),
            "ghcr.io: manifest v1 of o/r: not found (HTTP 404, MANIFEST_UNKNOWN: no\\u{1b}[31m such)"
        );
        assert!(e.hint().unwrap().contains("docker login ghcr.io"));
        assert!(!e.is_transient());
    }

    #[test]
    fn a_body_that_is_no_error_says_nothing() {
        for body in [&b""[..], b"<html>", b"{\"errors\":[]}", b"{\"errors\":3}"] {
            assert_eq!(own_words(body), (None, None));
        }
        let (code, message) = own_words(br#"{"Errors":[{"CODE":"DENIED","Message":null}]}"#);
        assert_eq!((code.as_deref(), message), (Some("DENIED"), None));
    }
}
