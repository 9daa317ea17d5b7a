//! Asking an API beside the registry's own: where it is, the token, patience and manners. Knows no
//! particular API.

use super::super::client::Connection;
use super::super::error::{Refusal, own_words};
use super::super::host::RegistryHost;
use super::super::transport::{host_of, retry_after};
use super::super::{OwnRuntime, RegistryError};
use super::scope::Scope;
use crate::text::Redacted;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use std::sync::Arc;
use url::Url;

/// Largest page, in bytes.
const PAGE_LIMIT: u64 = 16 << 20;

/// Largest error body that is read, in bytes.
const ERROR_BODY_LIMIT: u64 = 64 << 10;

/// How an API wants its token.
#[derive(Clone, Copy)]
pub(super) enum Secret {
    /// `Authorization: Bearer`.
    Bearer,
    /// `PRIVATE-TOKEN`, as GitLab's.
    PrivateToken,
}

impl Secret {
    pub fn header(
        self,
        token: &Redacted<String>,
    ) -> Result<(HeaderName, HeaderValue), RegistryError> {
        let (name, text) = match self {
            Self::Bearer => (AUTHORIZATION, format!("Bearer {}", token.reveal())),
            Self::PrivateToken => {
                (HeaderName::from_static("private-token"), token.reveal().clone())
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| RegistryError::Settings {
            what: "the token of the listing API".to_owned(),
            why: "it holds a character that no token has".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// The host (and port) of an API's address, if it can be one.
pub(super) fn check_address(url: &Url) -> Result<String, RegistryError> {
    let wrong = |why: &str| RegistryError::Settings {
        what: format!("listing API {}", host_of(url)),
        why: why.to_owned(),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("its address begins with neither `https` nor `http`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("its address holds a login: give a token instead"));
    }
    Ok(host_of(url))
}

/// A good answer.
pub(super) struct Answer {
    pub body: Vec<u8>,
    pub headers: HeaderMap,
    /// What gave it.
    pub url: Url,
}

/// One API, and what is asked of it.
pub(super) struct Api<'a> {
    runtime: &'a OwnRuntime,
    connection: Arc<Connection>,
    /// `None`: at the registry.
    address: Option<Url>,
    secret: Option<(HeaderName, HeaderValue)>,
    pub scope: Scope,
}

impl<'a> Api<'a> {
    pub fn new(
        host: &'a RegistryHost,
        connection: Arc<Connection>,
        address: Option<Url>,
        secret: Option<(HeaderName, HeaderValue)>,
        scope: Scope,
    ) -> Self {
        Self { runtime: &host.runtime, connection, address, secret, scope }
    }

    /// `path` below the API's address, each part encoded: a slash in it does not divide.
    pub fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, RegistryError> {
        let mut url = match &self.address {
            Some(url) => url.clone(),
            None => {
                let mut url = self.runtime.handle().block_on(self.connection.base())?.clone();
                url.set_path("");
                url
            }
        };
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query);
        Ok(url)
    }

    /// Asks with patience for one page.
    pub fn get(
        &self,
        url: &Url,
        headers: &[(HeaderName, String)],
        asked: &str,
    ) -> Result<Answer, RegistryError> {
        let tries = self.connection.patience.run(|| self.once(url, headers, asked));
        self.runtime.handle().block_on(tries)
    }

    async fn once(
        &self,
        url: &Url,
        headers: &[(HeaderName, String)],
        asked: &str,
    ) -> Result<Answer, RegistryError> {
        let Connection { transport, gate, patience, .. } = self.connection.as_ref();
        let mut headers = headers.to_vec();
        if !headers.iter().any(|(name, _)| name == ACCEPT) {
            headers.push((ACCEPT, "application/json".to_owned()));
        }
        let pass = gate.enter().await;
        let got = transport.get_with(url.clone(), &headers, self.secret.as_ref(), asked).await;
        drop(pass);
        let (response, at) = got?;
        if at.origin() != url.origin() {
            let to = format!("{}://{}", at.scheme(), host_of(&at));
            return Err(RegistryError::Redirect {
                host: host_of(url),
                asked: asked.to_owned(),
                why: format!("it leads to another place ({to})"),
            });
        }
        if response.status() == StatusCode::OK {
            gate.answered();
            let headers = response.headers().clone();
            let body = transport.body(response, PAGE_LIMIT, &host_of(&at), asked).await?;
            return Ok(Answer { body, headers, url: at });
        }
        if matches!(response.status().as_u16(), 429 | 503) {
            gate.too_many(retry_after(&response), patience.longest_retry_after);
        }
        Err(self.refusal(response, &at, asked).await)
    }

    async fn refusal(&self, response: Response, at: &Url, asked: &str) -> RegistryError {
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let host = host_of(at);
        // Without its words the status still says what is wrong.
        let transport = &self.connection.transport;
        let body = transport.body(response, ERROR_BODY_LIMIT, &host, "the error").await;
        let (code, message) = words(&body.unwrap_or_default());
        let tells = |text: &String| !self.secret.as_ref().is_some_and(|s| is_in(&s.1, text));
        let hint = match (status, &self.secret) {
            (401 | 403, None) => Some(format!("give a token of {host} that may list repositories")),
            (401 | 403, Some(_)) => {
                Some(format!("check the token: it may not list {}", self.scope.subject()))
            }
            (404, None) => {
                Some("check the name; what is private is listed only for a token".to_owned())
            }
            (404, Some(_)) => Some("check the name, and what the token may read".to_owned()),
            (429, _) => Some("wait and try again".to_owned()),
            _ => None,
        };
        RegistryError::Refused(Box::new(Refusal {
            host,
            registry: self.scope.registry.clone(),
            repository: self.scope.subject(),
            asked: asked.to_owned(),
            status,
            code: code.filter(tells),
            message: message.filter(tells),
            retry_after,
            with_credentials: self.secret.is_some(),
            remark: None,
            hint,
        }))
    }

    /// An answer that makes no sense.
    pub fn malformed(&self, asked: &str, url: &Url, why: String) -> RegistryError {
        let what = format!("{asked} of {}", self.scope.subject());
        RegistryError::Protocol { host: host_of(url), what, why }
    }

    pub fn has_token(&self) -> bool {
        self.secret.is_some()
    }
}

/// Whether a server repeats the token that it was sent.
fn is_in(secret: &HeaderValue, text: &str) -> bool {
    let Ok(secret) = secret.to_str() else { return true };
    let token = secret.strip_prefix("Bearer ").unwrap_or(secret);
    text.contains(token)
}

/// What the API says of its error. Most give a `message`; Harbor's errors are like a registry's.
fn words(body: &[u8]) -> (Option<String>, Option<String>) {
    let (code, message) = own_words(body);
    if code.is_some() || message.is_some() {
        return (code, message);
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return (None, None) };
    let message = ["message", "error_message", "error_description", "detail", "error"]
        .iter()
        .find_map(|name| value.get(name)?.as_str().filter(|m| !m.is_empty()));
    (None, message.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_each_api_are_found() {
        for body in [
            r#"{"message":"no"}"#,
            r#"{"errors":[{"message":"no"}]}"#,
            r#"{"detail":"no","status":403}"#,
            r#"{"error":"no"}"#,
            r#"{"message":{"a":1},"error":"no"}"#,
        ] {
            assert_eq!(words(body.as_bytes()).1.as_deref(), Some("no"), "{body}");
        }
        for body in ["", "[]", "<html>", r#"{"message":3}"#] {
            assert_eq!(words(body.as_bytes()), (None, None), "{body}");
        }
    }

    #[test]
    fn an_address_is_http_and_without_a_login() {
        let check = |s: &str| check_address(&Url::parse(s).unwrap());
        assert_eq!(check("https://git.example:8443/api/v3").unwrap(), "git.example:8443");
        for bad in ["ftp://x/", "data:x", "https://user@x/", "https://:hunter2@x/"] {
            let e = check(bad).unwrap_err();
            assert!(!e.to_string().contains("hunter2"), "{e}");
        }
    }
}
