//! The container packages of an organization or a user on GitHub, from
//! <https://docs.github.com/en/rest/packages/packages>. GitHub lists packages only for a token, which
//! must be a classic one with `read:packages`.

use super::super::RegistryError;
use super::api::{Answer, Api};
use super::pages::{Ask, Page, Spent};
use super::{ListedPage, Listing};
use reqwest::header::{ACCEPT, HeaderName};
use serde::Deserialize;
use std::ops::ControlFlow;

const NEEDS_TOKEN: &str =
    "GitHub lists packages only for a token: give a classic one with the scope `read:packages`";

pub(super) struct GitHub<'a> {
    pub api: Api<'a>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

impl Listing for GitHub<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let owner = self.api.scope.namespace();
        let query = [("package_type", "container"), ("per_page", "100")];
        let read = |answer: &Answer| read(answer, &owner.to_lowercase());
        let ask = Ask {
            // Only asking shows which of the two an owner is.
            starts: vec![
                self.api.url(&["orgs", owner, "packages"], &query)?,
                self.api.url(&["users", owner, "packages"], &query)?,
            ],
            asked: "the packages",
            headers: &[
                (ACCEPT, "application/vnd.github+json".to_owned()),
                (HeaderName::from_static("x-github-api-version"), "2022-11-28".to_owned()),
            ],
            read: &read,
        };
        let done = self.api.repositories(&ask, &Spent::default(), page);
        done.map(drop).map_err(|e| match e {
            RegistryError::Refused(mut r)
                if !self.api.has_token() && matches!(r.status, 401 | 403 | 404) =>
            {
                r.remark = Some(NEEDS_TOKEN.to_owned());
                RegistryError::Refused(r)
            }
            other => other,
        })
    }
}

fn read(answer: &Answer, owner: &str) -> Result<Page, String> {
    let packages: Vec<Package> = answer.json()?;
    let names = packages
        .into_iter()
        // A slash of the name may be encoded.
        .map(|p| format!("{owner}/{}", p.name.replace("%2F", "/").replace("%2f", "/")))
        .collect();
    Ok(Page { names, next: answer.next_by_link()? })
}
