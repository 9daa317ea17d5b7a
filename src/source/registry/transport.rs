//! HTTP to one host, by our rules for redirects, time and size. Knows no login and no image.

use super::RegistrySettings;
use super::document::{NoDocument, document};
use super::error::{ConnectionCause, RegistryError};
use super::rate::{Meter, MinRate, Pace};
use super::reach::{Barred, Reach};
use super::retry::parse_retry_after;
use reqwest::Response;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use url::Url;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;

/// HTTP with our rules for redirects, time and size. Knows no login of its own.
pub(super) struct Transport {
    http: reqwest::Client,
    reach: Reach,
    min_rate: MinRate,
    /// Longest time for a whole document, from the request to the last byte.
    document_timeout: Duration,
}

impl Transport {
    /// `home`: some URL of the server that the user has named.
    pub fn new(settings: &RegistrySettings, home: Url) -> Result<Self, RegistryError> {
        let loopback = home.host_str().is_some_and(is_loopback);
        let reach = Reach::new(home, settings.allow_hosts.clone());
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
        // A blob's digest is of its bytes as they are; nothing is unpacked on the way.
        let as_it_is =
            HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let builder = || {
            let b = reqwest::Client::builder()
                .default_headers(as_it_is.clone())
                .dns_resolver(Arc::new(reach.clone()))
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
        let document_timeout = settings.timeouts.document;
        Ok(Self { http, reach, min_rate: settings.min_rate, document_timeout })
    }

    /// GET with redirects. `authorization` goes to the origin of `url` only. Returns the answer,
    /// whatever its status, and the URL that gave it.
    pub async fn get(
        &self,
        url: Url,
        headers: &[(HeaderName, String)],
        authorization: Option<HeaderValue>,
        asked: &str,
    ) -> Result<(Response, Url), RegistryError> {
        let secret = authorization.map(|a| (AUTHORIZATION, a));
        self.get_with(url, headers, secret.as_ref(), asked).await
    }

    /// As [`Self::get`], for a server that wants its secret in a header of another name.
    pub async fn get_with(
        &self,
        mut url: Url,
        headers: &[(HeaderName, String)],
        secret: Option<&(HeaderName, HeaderValue)>,
        asked: &str,
    ) -> Result<(Response, Url), RegistryError> {
        let origin = url.origin();
        let mut same_origin = true;
        let mut way = self.reach.way();
        let mut from = host_of(&url);
        for _ in 0..=MAX_REDIRECTS {
            self.reach.check(&way, &url).map_err(|e| barred(&e, &from, asked))?;
            let mut request = self.http.get(url.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            // Once led away, never again: the way back could be arranged by someone else.
            same_origin &= url.origin() == origin;
            if let (true, Some((name, value))) = (same_origin, secret) {
                request = request.header(name, value.clone());
            }
            let response =
                request.send().await.map_err(|e| connection_error(e, host_of(&url), asked))?;
            self.reach.arrived(&mut way, &url, response.remote_addr().map(|a| a.ip()));
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, url));
            }
            from = host_of(&url);
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
        self.reach.check(&self.reach.way(), &url).map_err(|e| barred(&e, &host, asked))?;
        self.http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|e| connection_error(e, host, asked))
    }

    /// The body and the header, if the body has no more than `limit` bytes.
    pub async fn body(
        &self,
        mut response: Response,
        limit: u64,
        host: &str,
        what: &str,
    ) -> Result<(Vec<u8>, HeaderMap), RegistryError> {
        let too_large =
            || RegistryError::TooLarge { host: host.to_owned(), what: what.to_owned(), limit };
        if response.content_length().is_some_and(|n| n > limit) {
            return Err(too_large());
        }
        let mut meter = Meter::new(self.min_rate);
        let headers = std::mem::take(response.headers_mut());
        let read = async {
            let mut body = Vec::new();
            loop {
                let begun = Instant::now();
                let chunk = response.chunk().await;
                let chunk = chunk.map_err(|e| connection_error(e, host.to_owned(), what))?;
                let Some(chunk) = chunk else { return Ok(body) };
                if let Pace::Slow(rate) | Pace::Hopeless(rate) =
                    meter.took(begun.elapsed(), chunk.len() as u64)
                {
                    return Err(self.too_slow(host, what, rate));
                }
                if (body.len() + chunk.len()) as u64 > limit {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
        };
        match tokio::time::timeout(self.document_timeout, read).await {
            Ok(result) => Ok((result?, headers)),
            Err(_) => Err(RegistryError::Connection {
                host: host.to_owned(),
                asked: what.to_owned(),
                why: format!("not complete after {:?}", self.document_timeout),
                cause: ConnectionCause::Timeout,
            }),
        }
    }

    /// The body, if it is a document of no more than `limit` bytes, and no web page.
    pub async fn document(
        &self,
        response: Response,
        limit: u64,
        host: &str,
        what: &str,
    ) -> Result<(Vec<u8>, HeaderMap), RegistryError> {
        let (body, headers) = self.body(response, limit, host, what).await?;
        let (host, what) = (host.to_owned(), what.to_owned());
        match document(&headers, body, limit) {
            Ok(body) => Ok((body, headers)),
            Err(NoDocument::WebPage) => Err(RegistryError::WebPage { host, what }),
            Err(NoDocument::TooLarge) => Err(RegistryError::TooLarge { host, what, limit }),
            Err(NoDocument::Wrong(why)) => Err(RegistryError::Protocol { host, what, why }),
        }
    }

    /// What a transfer is measured by.
    pub fn meter(&self) -> Meter {
        Meter::new(self.min_rate)
    }

    /// `rate` in bytes a second.
    pub fn too_slow(&self, host: &str, what: &str, rate: u64) -> RegistryError {
        RegistryError::TooSlow {
            host: host.to_owned(),
            what: what.to_owned(),
            rate,
            least: self.min_rate.bytes,
        }
    }
}

fn barred(e: &Barred, host: &str, asked: &str) -> RegistryError {
    RegistryError::Barred {
        host: host.to_owned(),
        asked: asked.to_owned(),
        why: e.to_string(),
        target: e.host.clone(),
    }
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
    if let Some(found) = causes(&e).find_map(|c| c.downcast_ref::<Barred>()) {
        return barred(found, &host, asked);
    }
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
