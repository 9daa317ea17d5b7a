//! Logging in: from a challenge to the `Authorization` header of one scope, kept until it expires.

use super::RegistrySettings;
use super::challenge::Challenge;
use super::client::Connection;
use super::credentials::{FoundLogin, Login};
use super::error::{RegistryError, own_words, quote};
use super::token::{MARGIN, read_token};
use super::transport::{host_of, is_loopback, root_cause};
use crate::oci::Reference;
use crate::text::Redacted;
use base64::Engine as _;
use reqwest::header::HeaderValue;
use std::collections::HashMap;
use std::time::Instant;
use tokio::sync::{Mutex, OnceCell};
use url::Url;

/// Largest answer of a token server that is read, in bytes.
pub const TOKEN_LIMIT: u64 = 1 << 20;

/// What goes into the `Authorization` header.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    header: Redacted<HeaderValue>,
    /// `None`: as long as we run.
    expires: Option<Instant>,
    /// Whether it stands for the user, or was given to anybody.
    pub with_credentials: bool,
}

impl Authorization {
    pub fn header(&self) -> HeaderValue {
        let mut value = self.header.reveal().clone();
        value.set_sensitive(true);
        value
    }
}

/// What a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// To pull from the repository.
    Repository,
    /// To list the registry's repositories.
    Catalog,
}

/// The one token cache.
pub(super) struct Authenticator {
    reference: Reference,
    scope: Scope,
    settings: RegistrySettings,
    found: OnceCell<FoundLogin>,
    /// By registry and scope. The lock is held while a token is fetched: layers that are refused at
    /// the same moment share one login.
    cache: Mutex<HashMap<(String, String), Authorization>>,
}

impl Authenticator {
    pub fn new(reference: Reference, scope: Scope, settings: &RegistrySettings) -> Self {
        let (found, cache) = (OnceCell::new(), Mutex::new(HashMap::new()));
        Self { reference, scope, settings: settings.clone(), found, cache }
    }

    fn scope(&self) -> String {
        match self.scope {
            Scope::Repository => format!("repository:{}:pull", self.reference.repository()),
            Scope::Catalog => "registry:catalog:*".to_owned(),
        }
    }

    fn key(&self) -> (String, String) {
        (self.reference.registry().to_owned(), self.scope())
    }

    /// What is known to be accepted now.
    pub async fn current(&self) -> Option<Authorization> {
        let cache = self.cache.lock().await;
        cache.get(&self.key()).filter(|a| is_fresh(a)).cloned()
    }

    /// Why there may be no credentials.
    pub fn remark(&self) -> Option<String> {
        self.found.get().and_then(|f| f.remark.clone())
    }

    /// Answers the challenge that came for a request with `refused` as its authorization. `None`:
    /// there is nothing to answer with. `base` is the registry's own address.
    pub async fn renew(
        &self,
        connection: &Connection,
        base: &Url,
        challenges: &[Challenge],
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>, RegistryError> {
        let mut cache = self.cache.lock().await;
        if let Some(newer) = cache.get(&self.key()).filter(|a| is_fresh(a))
            && refused.is_none_or(|r| r.header.reveal() != newer.header.reveal())
        {
            return Ok(Some(newer.clone()));
        }
        cache.remove(&self.key());
        let found = self.login().await;
        remember(connection, found.login.as_ref());
        let bearer = challenges.iter().find_map(|c| match c {
            Challenge::Bearer { realm, service } => Some((realm, service)),
            Challenge::Basic => None,
        });
        let authorization = match (bearer, &found.login) {
            (Some((realm, service)), login) => {
                let realm = self.check_realm(realm, base, login.is_some())?;
                self.token(connection, realm, service.as_deref(), login.as_ref()).await?
            }
            (None, Some(Login::Password { username, password }))
                if challenges.contains(&Challenge::Basic) =>
            {
                // The same password again would be refused again.
                if refused.is_some() {
                    return Ok(None);
                }
                Authorization {
                    header: Redacted::new(self.header(&basic(username, password))?),
                    expires: None,
                    with_credentials: true,
                }
            }
            _ => return Ok(None),
        };
        cache.insert(self.key(), authorization.clone());
        Ok(Some(authorization))
    }

    async fn login(&self) -> &FoundLogin {
        self.found
            .get_or_init(|| async {
                let (credentials, reference) =
                    (self.settings.credentials.clone(), self.reference.clone());
                tokio::task::spawn_blocking(move || credentials.find(&reference))
                    .await
                    .unwrap_or_else(|e| FoundLogin {
                        login: None,
                        remark: Some(format!("looking for credentials failed: {e}")),
                    })
            })
            .await
    }

    /// A realm gets the password: it must be reached by TLS, unless it is on the host that the user asks
    /// without, or on a host of that kind that the user has named. What has no secret may go where the
    /// registry's own answers go.
    fn check_realm(&self, realm: &str, base: &Url, secret: bool) -> Result<Url, RegistryError> {
        let refuse = |why: String, hint: Option<String>| RegistryError::Challenge {
            registry: self.reference.registry().to_owned(),
            why,
            hint,
        };
        let url = Url::parse(realm)
            .map_err(|e| refuse(format!("realm `{}` is not a URL: {e}", quote(realm)), None))?;
        if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(format!("realm `{}` is malformed", quote(realm)), None));
        }
        let in_clear = base.scheme() == "http";
        let same_host = is_same_host(&url, base);
        let this_machine = url.host_str().is_some_and(is_loopback);
        let may = match url.scheme() {
            "https" => true,
            "http" => {
                (same_host && (in_clear || this_machine))
                    || (!secret && in_clear)
                    || self.settings.names_plain_http(&url)
            }
            _ => false,
        };
        if may {
            return Ok(url);
        }
        let what = if secret { "the password would go there in clear" } else { "not by https" };
        let hint = (url.scheme() == "http").then(|| {
            format!("if that is meant, name the host with `--plain-http={}`", host_of(&url))
        });
        Err(refuse(format!("realm `{}`: {what}", quote(realm)), hint))
    }

    async fn token(
        &self,
        connection: &Connection,
        realm: Url,
        service: Option<&str>,
        login: Option<&Login>,
    ) -> Result<Authorization, RegistryError> {
        let Connection { transport, sent, .. } = connection;
        let host = host_of(&realm);
        let failed = |why: String, status: Option<u16>, retry_after| RegistryError::Login {
            registry: self.reference.registry().to_owned(),
            realm: host.clone(),
            why,
            status,
            with_credentials: login.is_some(),
            retry_after,
        };
        let scope = self.scope();
        let asked = "a token";
        let response = match login {
            Some(Login::IdentityToken(token)) => {
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("service", service.unwrap_or_default())
                    .append_pair("client_id", "careen")
                    .append_pair("scope", &scope)
                    .append_pair("refresh_token", token.reveal())
                    .finish();
                // Never redirected: the body holds the secret.
                transport.post_form(realm, form, asked).await?
            }
            other => {
                let mut url = realm;
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                    query.append_pair("scope", &scope);
                    if let Some(Login::Password { username, .. }) = other {
                        query.append_pair("account", username);
                    }
                }
                let authorization = match other {
                    Some(Login::Password { username, password }) => {
                        Some(self.header(&basic(username, password))?)
                    }
                    _ => None,
                };
                transport.get(url, &[], authorization, asked).await?.0
            }
        };
        let status = response.status();
        let retry_after = super::transport::retry_after(&response);
        let asked_at = Instant::now();
        if !status.is_success() {
            let body = transport.body(response, TOKEN_LIMIT, &host, "the token answer").await?.0;
            let (code, message) = own_words(&body);
            let said = [code, message].into_iter().flatten();
            // Before it is cut: half a token would not be known again.
            let said: Vec<String> = said.map(|s| quote(&sent.without(&s))).collect();
            let mut why = format!("HTTP {}", status.as_u16());
            if !said.is_empty() {
                why = format!("{} ({why})", said.join(": "));
            }
            return Err(failed(why, Some(status.as_u16()), retry_after));
        }
        let body = transport.document(response, TOKEN_LIMIT, &host, "the token answer").await?.0;
        let (token, life) = read_token(&body).map_err(|why| failed(why.to_owned(), None, None))?;
        sent.add(token.reveal());
        let usable = life.saturating_sub(MARGIN).max(life / 2);
        Ok(Authorization {
            header: Redacted::new(
                self.header(&Redacted::new(format!("Bearer {}", token.reveal())))?,
            ),
            expires: asked_at.checked_add(usable),
            with_credentials: login.is_some(),
        })
    }

    fn header(&self, value: &Redacted<String>) -> Result<HeaderValue, RegistryError> {
        HeaderValue::from_str(value.reveal()).map_err(|e| RegistryError::Challenge {
            registry: self.reference.registry().to_owned(),
            why: root_cause(&e),
            hint: None,
        })
    }
}

fn is_fresh(a: &Authorization) -> bool {
    a.expires.is_none_or(|e| Instant::now() < e)
}

/// What no server's words may bring into a text of ours.
fn remember(connection: &Connection, login: Option<&Login>) {
    let sent = &connection.sent;
    match login {
        Some(Login::Password { username, password }) => {
            sent.add(password.reveal());
            let pair = basic(username, password);
            sent.add(pair.reveal().trim_start_matches("Basic ").trim_end_matches('='));
        }
        Some(Login::IdentityToken(token)) => sent.add(token.reveal()),
        None => {}
    }
}

/// Whether both are on one host, at whatever port. `localhost` has three names.
fn is_same_host(a: &Url, b: &Url) -> bool {
    let host = |url: &Url| match url.host_str() {
        Some("localhost" | "[::1]") => "127.0.0.1".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    host(a) == host(b)
}

fn basic(username: &str, password: &Redacted<String>) -> Redacted<String> {
    let pair = format!("{username}:{}", password.reveal());
    Redacted::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}
