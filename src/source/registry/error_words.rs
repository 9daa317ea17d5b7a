//! The words of a registry's error, all of them: what a server says may hold what it was sent.

use super::error::{Refusal, RegistryError};

impl RegistryError {
    /// The same error with every text that could be a server's put through `f`.
    pub(super) fn map_words(self, f: &dyn Fn(String) -> String) -> Self {
        match self {
            Self::Settings { what, why } => Self::Settings { what, why: f(why) },
            Self::Connection { host, asked, why, cause } => {
                Self::Connection { host: f(host), asked: f(asked), why: f(why), cause }
            }
            Self::Refused(refusal) => {
                let Refusal { host, asked, code, message, remark, hint, .. } = *refusal;
                Self::Refused(Box::new(Refusal {
                    host: f(host),
                    asked: f(asked),
                    code: code.map(f),
                    message: message.map(f),
                    remark: remark.map(f),
                    hint: hint.map(f),
                    registry: refusal.registry,
                    repository: refusal.repository,
                    status: refusal.status,
                    retry_after: refusal.retry_after,
                    with_credentials: refusal.with_credentials,
                }))
            }
            Self::Login { registry, realm, why, status, with_credentials, retry_after } => {
                let (realm, why) = (f(realm), f(why));
                Self::Login { registry, realm, why, status, with_credentials, retry_after }
            }
            Self::Challenge { registry, why, hint } => {
                Self::Challenge { registry, why: f(why), hint: hint.map(f) }
            }
            Self::Redirect { host, asked, why } => {
                Self::Redirect { host: f(host), asked: f(asked), why: f(why) }
            }
            Self::Barred { host, asked, why, target } => {
                Self::Barred { host: f(host), asked: f(asked), why: f(why), target: f(target) }
            }
            Self::TooSlow { host, what, rate, least } => {
                Self::TooSlow { host: f(host), what: f(what), rate, least }
            }
            Self::WebPage { host, what } => Self::WebPage { host: f(host), what: f(what) },
            Self::TooLarge { host, what, limit } => {
                Self::TooLarge { host: f(host), what: f(what), limit }
            }
            Self::TooLong { host, what, expected } => {
                Self::TooLong { host: f(host), what: f(what), expected }
            }
            Self::WrongDigest { host, what, expected, actual } => {
                Self::WrongDigest { host: f(host), what: f(what), expected, actual }
            }
            Self::Protocol { host, what, why } => {
                Self::Protocol { host: f(host), what: f(what), why: f(why) }
            }
            Self::Foreign { host, what } => Self::Foreign { host: f(host), what: f(what) },
        }
    }
}
