//! The container repositories of a group, with all its subgroups, or of a project on GitLab, from
//! <https://docs.gitlab.com/api/container_registry/#list-registry-repositories>.

use super::super::RegistryError;
use super::api::{Answer, Api};
use super::pages::{Ask, Page, Spent};
use super::{ListedPage, Listing};
use serde::Deserialize;
use std::ops::ControlFlow;

pub(super) struct GitLab<'a> {
    pub api: Api<'a>,
}

#[derive(Deserialize)]
struct Repository {
    path: String,
}

impl Listing for GitLab<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let prefix = self.api.scope.prefix.as_str();
        let url = |kind: &str, path: &str| {
            let path = ["api", "v4", kind, path, "registry", "repositories"];
            self.api.url(&path, &[("per_page", "100")])
        };
        // Only asking shows what a prefix is: a group, a project, or an image below one.
        let mut starts = vec![url("groups", prefix)?];
        let mut project = Some(prefix);
        while let Some(path) = project.filter(|p| p.contains('/')) {
            starts.push(url("projects", path)?);
            project = path.rsplit_once('/').map(|(parent, _)| parent);
        }
        let ask = Ask { starts, asked: "the container repositories", headers: &[], read: &read };
        self.api.repositories(&ask, &Spent::default(), page).map(drop)
    }
}

fn read(answer: &Answer) -> Result<Page, String> {
    let repositories: Vec<Repository> = answer.json()?;
    // Some proxies drop `Link`, or leave the inner address in it; the number is GitLab's own.
    let next = match answer.header("x-next-page").filter(|n| !n.is_empty()) {
        Some(number) => Some(answer.with_query("page", number)),
        None => answer.next_by_link()?,
    };
    Ok(Page { names: repositories.into_iter().map(|r| r.path).collect(), next })
}
