//! Quay, on quay.io or self-hosted, from
//! <https://docs.redhat.com/en/documentation/red_hat_quay/3/html/red_hat_quay_api_reference/listrepos>:
//! what is public, and with a token what its owner may see.

use super::super::RegistryError;
use super::api::{Answer, Api};
use super::pages::{Ask, Page, Spent};
use super::{ListedPage, Listing};
use serde::Deserialize;
use std::ops::ControlFlow;

pub(super) struct Quay<'a> {
    pub api: Api<'a>,
}

#[derive(Deserialize)]
struct Body {
    repositories: Vec<Repository>,
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    namespace: Option<String>,
    name: String,
}

impl Listing for Quay<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let namespace = self.api.scope.namespace().to_lowercase();
        let mut query = vec![("public", "true")];
        if !namespace.is_empty() {
            query.push(("namespace", &namespace));
        }
        let read = |answer: &Answer| read(answer, &namespace);
        let ask = Ask {
            starts: vec![self.api.url(&["api", "v1", "repository"], &query)?],
            asked: "the repositories",
            headers: &[],
            read: &read,
        };
        self.api.repositories(&ask, &Spent::default(), page).map(drop)
    }
}

fn read(answer: &Answer, namespace: &str) -> Result<Page, String> {
    let body: Body = answer.json()?;
    let names = body
        .repositories
        .into_iter()
        .map(|r| format!("{}/{}", r.namespace.as_deref().unwrap_or(namespace), r.name))
        .collect();
    let token = body.next_page.filter(|t| !t.is_empty());
    Ok(Page { names, next: token.map(|t| answer.with_query("next_page", &t)) })
}
