//! Asking an API beside the registry's own: where it is, the token, patience and manners. Knows no
//! particular API.

use super::super::client::Connection;
use super::super::error::Refusal;
use super::super::host::RegistryHost;
use super::super::transport::{host_of, retry_after};
use super::super::{OwnRuntime, RegistryError};
use super::ListedPage;
use super::scope::Scope;
use super::words::words;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use std::sync::Arc;
use url::Url;

/// Largest page, in bytes.
const PAGE_LIMIT: u64 = 16 << 20;

/// Largest error body that is read, in bytes.
const ERROR_BODY_LIMIT: u64 = 64 << 10;

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
        if let Some(secret) = secret.as_ref().and_then(|(_, value)| value.to_str().ok()) {
            connection.sent.add(secret.strip_prefix("Bearer ").unwrap_or(secret));
        }
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
        self.runtime.handle().block_on(tries).map_err(|e| self.connection.sent.error(e))
    }

    /// What of a page is asked for.
    pub fn sort(&self, names: Vec<String>) -> ListedPage {
        self.scope.sort(names, &self.connection.sent)
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
            let (body, headers) =
                transport.document(response, PAGE_LIMIT, &host_of(&at), asked).await?;
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
        let (code, message) = words(&body.map(|(body, _)| body).unwrap_or_default());
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
            code,
            message,
            retry_after,
            with_credentials: self.secret.is_some(),
            remark: None,
            hint,
        }))
    }

    /// An answer that makes no sense.
    pub fn malformed(&self, asked: &str, url: &Url, why: String) -> RegistryError {
        let what = format!("{asked} of {}", self.scope.subject());
        self.connection.sent.error(RegistryError::Protocol { host: host_of(url), what, why })
    }

    pub fn has_token(&self) -> bool {
        self.secret.is_some()
    }
}
