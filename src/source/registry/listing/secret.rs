//! Where a token goes: into which header, to which address, and never into an error.

use super::super::RegistryError;
use super::super::transport::host_of;
use crate::text::Redacted;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

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

#[cfg(test)]
mod tests {
    use super::*;

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
