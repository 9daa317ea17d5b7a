//! Docker Hub, which has no catalog: by namespace, from
//! <https://docs.docker.com/reference/api/hub/latest/#tag/repositories/operation/listNamespaceRepositories>.
//! The official images are in the namespace `library`.

use super::super::RegistryError;
use super::api::{Answer, Api};
use super::pages::{Ask, Page, Spent};
use super::{ListedPage, Listing};
use serde::Deserialize;
use std::ops::ControlFlow;

pub(super) struct DockerHub<'a> {
    pub api: Api<'a>,
}

#[derive(Deserialize)]
struct Body {
    next: Option<String>,
    results: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    /// `image`, `plugin` or nothing.
    repository_type: Option<String>,
}

impl Listing for DockerHub<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let namespace = self.api.scope.namespace().to_lowercase();
        let path = ["v2", "namespaces", &namespace, "repositories"];
        let read = |answer: &Answer| read(answer, &namespace);
        let ask = Ask {
            starts: vec![self.api.url(&path, &[("page_size", "100")])?],
            asked: "the repositories",
            headers: &[],
            read: &read,
        };
        self.api.repositories(&ask, &Spent::default(), page).map(drop)
    }
}

fn read(answer: &Answer, namespace: &str) -> Result<Page, String> {
    let body: Body = answer.json()?;
    let next = body.next.filter(|n| !n.is_empty());
    let names = body
        .results
        .into_iter()
        // A plugin of the engine is no image.
        .filter(|r| r.repository_type.as_deref() != Some("plugin"))
        .map(|r| format!("{namespace}/{}", r.name))
        .collect();
    Ok(Page { names, next: next.map(|n| answer.join(&n)).transpose()? })
}
