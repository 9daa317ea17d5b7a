//! Asking one registry: transport, redirects, login, retries. Knows no image.
//!
//! # Why one `reqwest` client for everything, and not `oci-client`
//!
//! `oci-client` 0.18 is the field's crate, and its source shows what it can't do for careen:
//! manifests, catalog and token answers are read with `bytes()`/`text()`, without a cap; no request is
//! tried again and no blob resumed, and `OciDistributionError` carries no headers, so neither
//! `Retry-After` nor `Link` can be honoured from outside; the `error` of a failed ping is dropped and
//! only the first `WWW-Authenticate` line is read (`_auth`); there is no exchange of identity tokens and
//! no credential file; `Client::new` falls back to a default client (other CA, other timeouts) where
//! the configuration is bad; and a layer's foreign `urls` are fetched by themselves
//! (`pull_blob`). Its token cache is private: with blobs on a client of our own and manifests on
//! its, each source would log in twice and a token renewed by one would not serve the other.
//! So the line runs at the nouns: `oci-spec` parses references, everything on the wire is here, and
//! there is one token cache ([`super::auth`]).

use super::RegistrySettings;
use super::auth::{Authenticator, Authorization, Scope};
use super::challenge;
use super::error::{ConnectionCause, Refusal, RegistryError, own_words};
use super::request_limits::Gate;
use super::retry::Patience;
use super::sent::Sent;
use super::transport::{Transport, host_of, is_loopback, retry_after};
use crate::oci::Reference;
use reqwest::header::{ACCEPT, IF_NONE_MATCH, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// Largest error body that is read, in bytes.
const ERROR_BODY_LIMIT: u64 = 64 << 10;

/// How long a loopback registry may take to show whether it speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// One thing to ask for.
pub(super) struct Ask {
    /// For errors: `manifest 1.0`.
    pub what: String,
    pub place: Place,
    pub accept: Option<String>,
    /// The first byte wanted.
    pub from: u64,
    /// Entity tag of what is known: the answer may then be 304, without a body.
    pub unless: Option<String>,
}

pub(super) enum Place {
    /// Below `/v2/REPOSITORY/`, such as `blobs/sha256:…`.
    Repository(String),
    /// Below `/v2/`: what is the registry's, not a repository's.
    Registry(String),
    /// A URL of the registry's own, which may be asked with a login (the next page).
    Own(Url),
    /// Someone else's, asked without.
    Foreign(Url),
}

impl Ask {
    pub fn new(what: impl Into<String>, path: impl Into<String>) -> Self {
        Self::at(what, Place::Repository(path.into()))
    }

    pub fn at(what: impl Into<String>, place: Place) -> Self {
        Self { what: what.into(), place, accept: None, from: 0, unless: None }
    }
}

/// What all repositories of one registry share: connections, address, manners.
pub(super) struct Connection {
    pub transport: Transport,
    pub patience: Patience,
    pub gate: Gate,
    /// What no text may repeat.
    pub sent: Sent,
    /// `http://host/v2/` or `https://host/v2/`, once that is clear.
    base: OnceCell<Url>,
    pub api_host: String,
    plain_http: bool,
    loopback: bool,
}

impl Connection {
    /// `api_host`: the host (and port) that serves the registry.
    pub fn new(api_host: &str, settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let home = base_url("http", api_host)?;
        let loopback = home.host_str().is_some_and(is_loopback);
        let plain_http = settings.plain_http || settings.names_plain_http(&home);
        Ok(Self {
            transport: Transport::new(settings, home)?,
            sent: Sent::default(),
            patience: settings.patience.clone(),
            gate: Gate::new(settings.manners),
            base: OnceCell::new(),
            api_host: api_host.to_owned(),
            plain_http,
            loopback,
        })
    }

    /// A host on this machine may speak TLS or not: that is found out before anything is sent that
    /// could be secret.
    pub async fn base(&self) -> Result<&Url, RegistryError> {
        self.base
            .get_or_try_init(|| async {
                if self.plain_http {
                    return base_url("http", &self.api_host);
                }
                let secure = base_url("https", &self.api_host)?;
                if self.loopback {
                    let probe = self.transport.get(secure.clone(), &[], None, "/v2/");
                    let speaks_tls = match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
                        Ok(Ok(_)) => true,
                        // Its certificate is bad: the request itself will say so.
                        Ok(Err(RegistryError::Connection { cause, .. })) => {
                            cause == ConnectionCause::Tls
                        }
                        Ok(Err(_)) => true,
                        Err(_) => false,
                    };
                    if !speaks_tls {
                        return base_url("http", &self.api_host);
                    }
                }
                Ok(secure)
            })
            .await
    }
}

/// A client of one repository, or of the registry's own lists.
pub(super) struct Client {
    pub reference: Reference,
    pub connection: Arc<Connection>,
    auth: Authenticator,
    /// For errors: the repository, or `the registry`.
    subject: String,
}

impl Client {
    pub fn new(
        reference: Reference,
        connection: Arc<Connection>,
        settings: &RegistrySettings,
    ) -> Self {
        let subject = reference.repository().to_owned();
        Self::with_scope(reference, Scope::Repository, subject, connection, settings)
    }

    /// A client of the registry's lists. Only the registry of `reference` counts.
    pub fn of_registry(
        reference: Reference,
        connection: Arc<Connection>,
        settings: &RegistrySettings,
    ) -> Self {
        let subject = "the registry".to_owned();
        Self::with_scope(reference, Scope::Catalog, subject, connection, settings)
    }

    fn with_scope(
        reference: Reference,
        scope: Scope,
        subject: String,
        connection: Arc<Connection>,
        settings: &RegistrySettings,
    ) -> Self {
        let auth = Authenticator::new(reference.clone(), scope, settings);
        Self { auth, connection, subject, reference }
    }

    pub fn host(&self) -> String {
        self.connection.api_host.clone()
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Asks with patience. The answer's status is 200 or 206, or 304 where the ask allows it.
    pub async fn get(&self, ask: &Ask) -> Result<(Response, Url), RegistryError> {
        self.cleaned(self.connection.patience.run(|| self.once(ask)).await)
    }

    /// No error repeats what was sent.
    fn cleaned<T>(&self, result: Result<T, RegistryError>) -> Result<T, RegistryError> {
        result.map_err(|e| self.connection.sent.error(e))
    }

    /// Asks with patience for a whole small document.
    pub async fn document(
        &self,
        ask: &Ask,
        limit: u64,
    ) -> Result<(Vec<u8>, reqwest::header::HeaderMap, Url), RegistryError> {
        let tries = self.connection.patience.run(|| async {
            let (response, url) = self.once(ask).await?;
            let transport = &self.connection.transport;
            let (body, headers) =
                transport.document(response, limit, &host_of(&url), &ask.what).await?;
            Ok((body, headers, url))
        });
        self.cleaned(tries.await)
    }

    /// Asks once, with at most one login.
    pub async fn once(&self, ask: &Ask) -> Result<(Response, Url), RegistryError> {
        let Connection { transport, gate, patience, .. } = self.connection.as_ref();
        let base = self.connection.base().await?;
        let (url, own) = match &ask.place {
            Place::Repository(path) => {
                let path = format!("{}/{path}", self.reference.repository());
                (join(base, &path, &ask.what)?, true)
            }
            Place::Registry(path) => (join(base, path, &ask.what)?, true),
            Place::Own(url) => (url.clone(), url.origin() == base.origin()),
            Place::Foreign(url) => (url.clone(), false),
        };
        let mut headers = Vec::new();
        if let Some(accept) = &ask.accept {
            headers.push((ACCEPT, accept.clone()));
        }
        if let Some(known) = &ask.unless {
            headers.push((IF_NONE_MATCH, known.clone()));
        }
        if ask.from > 0 {
            headers.push((reqwest::header::RANGE, format!("bytes={}-", ask.from)));
        }
        let mut authorization = if own { self.auth.current().await } else { None };
        let mut may_renew = own;
        loop {
            let header = authorization.as_ref().map(Authorization::header);
            let pass = gate.enter().await;
            let got = transport.get(url.clone(), &headers, header, &ask.what).await;
            drop(pass);
            let (response, at) = got?;
            let status = response.status();
            let unchanged = status == StatusCode::NOT_MODIFIED && ask.unless.is_some();
            if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT || unchanged {
                gate.answered();
                return Ok((response, at));
            }
            if own && matches!(status.as_u16(), 429 | 503) {
                gate.too_many(retry_after(&response), patience.longest_retry_after);
            }
            if status == StatusCode::UNAUTHORIZED && may_renew && at.origin() == base.origin() {
                may_renew = false;
                let lines: Vec<String> = response
                    .headers()
                    .get_all(WWW_AUTHENTICATE)
                    .iter()
                    .filter_map(|v| v.to_str().ok().map(str::to_owned))
                    .collect();
                let challenges = challenge::parse(lines.iter().map(String::as_str));
                let renewed = self
                    .auth
                    .renew(&self.connection, base, &challenges, authorization.as_ref())
                    .await?;
                if renewed.is_some() {
                    authorization = renewed;
                    continue;
                }
            }
            return Err(self.refusal(response, &at, ask, authorization.as_ref()).await);
        }
    }

    async fn refusal(
        &self,
        response: Response,
        at: &Url,
        ask: &Ask,
        authorization: Option<&Authorization>,
    ) -> RegistryError {
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let host = host_of(at);
        // Without its words the status still says what is wrong.
        let body = self
            .connection
            .transport
            .body(response, ERROR_BODY_LIMIT, &host, "the error")
            .await
            .map(|(body, _)| body)
            .unwrap_or_default();
        let (code, message) = own_words(&body);
        RegistryError::Refused(Box::new(Refusal {
            host,
            registry: self.reference.registry().to_owned(),
            repository: self.subject.clone(),
            asked: ask.what.clone(),
            status,
            code,
            message,
            retry_after,
            with_credentials: authorization.is_some_and(|a| a.with_credentials),
            remark: self.auth.remark(),
            hint: None,
        }))
    }
}

fn base_url(scheme: &str, api_host: &str) -> Result<Url, RegistryError> {
    Url::parse(&format!("{scheme}://{api_host}/v2/")).map_err(|e| RegistryError::Settings {
        what: format!("registry {api_host}"),
        why: e.to_string(),
    })
}

fn join(base: &Url, path: &str, what: &str) -> Result<Url, RegistryError> {
    base.join(path)
        .map_err(|e| RegistryError::Settings { what: what.to_owned(), why: e.to_string() })
}
