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
use super::auth::{Authenticator, Authorization};
use super::challenge;
use super::error::{ConnectionCause, Refusal, RegistryError, own_words};
use super::retry::{Patience, parse_retry_after};
use crate::oci::Reference;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use url::Url;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;

/// Largest error body that is read, in bytes.
const ERROR_BODY_LIMIT: u64 = 64 << 10;

/// How long a loopback registry may take to show whether it speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP with our rules for redirects, time and size. Knows no login of its own.
pub(super) struct Transport {
    http: reqwest::Client,
    /// Longest time for a whole document, from the request to the last byte.
    document_timeout: Duration,
}

impl Transport {
    fn new(settings: &RegistrySettings, loopback: bool) -> Result<Self, RegistryError> {
        // The TLS backend is compiled without a default. Whoever was first keeps his place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut certificates = Vec::new();
        for path in &settings.ca_files {
            let failed = |why: String| RegistryError::Settings {
                what: format!("CA file {}", path.display()),
                why,
            };
            let pem = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
            let found =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| failed(root_cause(&e)))?;
            if found.is_empty() {
                return Err(failed("holds no PEM certificate".to_owned()));
            }
            certificates.extend(found);
        }
        let builder = || {
            let b = reqwest::Client::builder()
                .user_agent(settings.user_agent.clone())
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(settings.timeouts.connect)
                .read_timeout(settings.timeouts.read)
                .referer(false)
                .tls_danger_accept_invalid_certs(settings.insecure_skip_verify);
            // As in Go's clients: what is on this machine is never asked through a proxy.
            if loopback { b.no_proxy() } else { b }
        };
        let built = match builder().tls_certs_merge(certificates.clone()).build() {
            // A machine without any CA can still speak plain HTTP.
            Err(_) if settings.plain_http || loopback => {
                builder().tls_certs_only(certificates).build()
            }
            other => other,
        };
        let http = built.map_err(|e| RegistryError::Settings {
            what: "the HTTP client".to_owned(),
            why: root_cause(&e),
        })?;
        Ok(Self { http, document_timeout: settings.timeouts.document })
    }

    /// GET with redirects. `authorization` goes to the origin of `url` only. Returns the answer,
    /// whatever its status, and the URL that gave it.
    pub async fn get(
        &self,
        mut url: Url,
        headers: &[(HeaderName, String)],
        authorization: Option<HeaderValue>,
        asked: &str,
    ) -> Result<(Response, Url), RegistryError> {
        let origin = url.origin();
        let mut same_origin = true;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(url.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            // Once led away, never again: the way back could be arranged by someone else.
            same_origin &= url.origin() == origin;
            if let (true, Some(a)) = (same_origin, &authorization) {
                request = request.header(AUTHORIZATION, a.clone());
            }
            let response =
                request.send().await.map_err(|e| connection_error(e, host_of(&url), asked))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, url));
            }
            url = redirect_target(&response, &url, asked)?;
        }
        Err(RegistryError::Redirect {
            host: host_of(&url),
            asked: asked.to_owned(),
            why: format!("more than {MAX_REDIRECTS} redirects"),
        })
    }

    /// POST of a form, without redirects.
    pub async fn post_form(
        &self,
        url: Url,
        form: String,
        asked: &str,
    ) -> Result<Response, RegistryError> {
        let host = host_of(&url);
        self.http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|e| connection_error(e, host, asked))
    }

    /// The body, if it has no more than `limit` bytes.
    pub async fn body(
        &self,
        mut response: Response,
        limit: u64,
        host: &str,
        what: &str,
    ) -> Result<Vec<u8>, RegistryError> {
        let too_large =
            || RegistryError::TooLarge { host: host.to_owned(), what: what.to_owned(), limit };
        if response.content_length().is_some_and(|n| n > limit) {
            return Err(too_large());
        }
        let read = async {
            let mut body = Vec::new();
            while let Some(chunk) =
                response.chunk().await.map_err(|e| connection_error(e, host.to_owned(), what))?
            {
                if (body.len() + chunk.len()) as u64 > limit {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        match tokio::time::timeout(self.document_timeout, read).await {
            Ok(result) => result,
            Err(_) => Err(RegistryError::Connection {
                host: host.to_owned(),
                asked: what.to_owned(),
                why: format!("not complete after {:?}", self.document_timeout),
                cause: ConnectionCause::Timeout,
            }),
        }
    }
}

/// One thing to ask for.
pub(super) struct Ask {
    /// For errors: `manifest 1.0`.
    pub what: String,
    pub place: Place,
    pub accept: Option<String>,
    /// The first byte wanted.
    pub from: u64,
}

pub(super) enum Place {
    /// Below `/v2/REPOSITORY/`, such as `blobs/sha256:…`.
    Repository(String),
    /// A URL of the registry's own, which may be asked with a login (the next page).
    Own(Url),
    /// Someone else's, asked without.
    Foreign(Url),
}

impl Ask {
    pub fn new(what: impl Into<String>, path: impl Into<String>) -> Self {
        Self { what: what.into(), place: Place::Repository(path.into()), accept: None, from: 0 }
    }
}

/// A client of one repository.
pub(super) struct Client {
    pub reference: Reference,
    pub transport: Transport,
    pub patience: Patience,
    auth: Authenticator,
    /// `http://host/v2/` or `https://host/v2/`, once that is clear.
    base: OnceCell<Url>,
    plain_http: bool,
    loopback: bool,
}

impl Client {
    pub fn new(reference: Reference, settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let loopback = base_url("http", &reference)?.host_str().is_some_and(is_loopback);
        Ok(Self {
            transport: Transport::new(settings, loopback)?,
            patience: settings.patience.clone(),
            auth: Authenticator::new(reference.clone(), settings.credentials.clone()),
            base: OnceCell::new(),
            plain_http: settings.plain_http,
            loopback,
            reference,
        })
    }

    pub fn host(&self) -> String {
        self.reference.api_host().to_owned()
    }

    /// A host on this machine may speak TLS or not: that is found out before anything is sent that
    /// could be secret.
    async fn base(&self) -> Result<&Url, RegistryError> {
        self.base
            .get_or_try_init(|| async {
                if self.plain_http {
                    return base_url("http", &self.reference);
                }
                let secure = base_url("https", &self.reference)?;
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
                        return base_url("http", &self.reference);
                    }
                }
                Ok(secure)
            })
            .await
    }

    /// Asks with patience. The answer's status is 200 or 206.
    pub async fn get(&self, ask: &Ask) -> Result<(Response, Url), RegistryError> {
        self.patience.run(|| self.once(ask)).await
    }

    /// Asks with patience for a whole small document.
    pub async fn document(
        &self,
        ask: &Ask,
        limit: u64,
    ) -> Result<(Vec<u8>, reqwest::header::HeaderMap, Url), RegistryError> {
        self.patience
            .run(|| async {
                let (response, url) = self.once(ask).await?;
                let headers = response.headers().clone();
                let body = self.transport.body(response, limit, &host_of(&url), &ask.what).await?;
                Ok((body, headers, url))
            })
            .await
    }

    /// Asks once, with at most one login.
    pub async fn once(&self, ask: &Ask) -> Result<(Response, Url), RegistryError> {
        let base = self.base().await?;
        let (url, own) = match &ask.place {
            Place::Repository(path) => {
                let path = format!("{}/{path}", self.reference.repository());
                (join(base, &path, &ask.what)?, true)
            }
            Place::Own(url) => (url.clone(), url.origin() == base.origin()),
            Place::Foreign(url) => (url.clone(), false),
        };
        let mut headers = Vec::new();
        if let Some(accept) = &ask.accept {
            headers.push((ACCEPT, accept.clone()));
        }
        if ask.from > 0 {
            headers.push((reqwest::header::RANGE, format!("bytes={}-", ask.from)));
        }
        let mut authorization = if own { self.auth.current().await } else { None };
        let mut may_renew = own;
        loop {
            let header = authorization.as_ref().map(Authorization::header);
            let (response, at) =
                self.transport.get(url.clone(), &headers, header, &ask.what).await?;
            let status = response.status();
            if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
                return Ok((response, at));
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
                    .renew(&self.transport, base, &challenges, authorization.as_ref())
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
            .transport
            .body(response, ERROR_BODY_LIMIT, &host, "the error")
            .await
            .unwrap_or_default();
        let (code, message) = own_words(&body);
        RegistryError::Refused(Box::new(Refusal {
            host,
            registry: self.reference.registry().to_owned(),
            repository: self.reference.repository().to_owned(),
            asked: ask.what.clone(),
            status,
            code,
            message,
            retry_after,
            with_credentials: authorization.is_some_and(|a| a.with_credentials),
            remark: self.auth.remark(),
        }))
    }
}

fn base_url(scheme: &str, reference: &Reference) -> Result<Url, RegistryError> {
    Url::parse(&format!("{scheme}://{}/v2/", reference.api_host())).map_err(|e| {
        RegistryError::Settings {
            what: format!("registry {}", reference.registry()),
            why: e.to_string(),
        }
    })
}

fn join(base: &Url, path: &str, what: &str) -> Result<Url, RegistryError> {
    base.join(path)
        .map_err(|e| RegistryError::Settings { what: what.to_owned(), why: e.to_string() })
}

fn redirect_target(response: &Response, from: &Url, asked: &str) -> Result<Url, RegistryError> {
    let refuse =
        |why: String| RegistryError::Redirect { host: host_of(from), asked: asked.to_owned(), why };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|l| l.to_str().ok())
        .ok_or_else(|| refuse("a redirect without a target".to_owned()))?;
    let to = from.join(location).map_err(|e| refuse(format!("a redirect to no URL: {e}")))?;
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(to),
        (_, "http") => {
            Err(refuse(format!("a redirect from https to plain http ({})", host_of(&to))))
        }
        _ => Err(refuse("a redirect to something else than http".to_owned())),
    }
}

/// Whether a URL's host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `host[:port]` of a URL.
pub(super) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(h), Some(p)) => format!("{h}:{p}"),
        (Some(h), None) => h.to_owned(),
        (None, _) => String::new(),
    }
}

pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    parse_retry_after(value.to_str().ok()?, SystemTime::now())
}

pub(super) fn connection_error(e: reqwest::Error, host: String, asked: &str) -> RegistryError {
    // A URL may hold a signature.
    let e = e.without_url();
    let cause = if is_tls(&e) {
        ConnectionCause::Tls
    } else if e.is_timeout() {
        ConnectionCause::Timeout
    } else if e.is_connect() {
        ConnectionCause::Connect
    } else {
        ConnectionCause::Broken
    };
    let why = match cause {
        ConnectionCause::Timeout => "no answer in time".to_owned(),
        _ => root_cause(&e),
    };
    RegistryError::Connection { host, asked: asked.to_owned(), why, cause }
}

/// Whether the peer spoke TLS and we don't trust it, or it doesn't trust us. (A peer that speaks no
/// TLS at all sends what is no TLS message, or hangs up.)
fn is_tls(e: &(dyn std::error::Error + 'static)) -> bool {
    causes(e).any(|c| {
        c.downcast_ref::<rustls::Error>()
            .is_some_and(|e| !matches!(e, rustls::Error::InvalidMessage(_)))
    })
}

/// The innermost cause, which says the most.
pub(super) fn root_cause(e: &(dyn std::error::Error + 'static)) -> String {
    causes(e).last().map_or_else(String::new, |c| c.to_string())
}

/// An error and its causes. `io::Error` hides the error that it wraps from `source`.
fn causes<'a>(
    e: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(e), |e| {
        match e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &'a (dyn std::error::Error + 'static)),
            None => e.source(),
        }
    })
    .take(32)
}
