//! Harbor's projects and their repositories, from the API that every Harbor shows under `/devcenter-api-2.0`
//! (<https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml>). Harbor's catalog is for its
//! administrators alone.

use super::super::RegistryError;
use super::api::{Answer, Api};
use super::pages::{Ask, Page, Spent};
use super::{ListedPage, Listing};
use serde::Deserialize;
use std::ops::ControlFlow;

pub(super) struct Harbor<'a> {
    pub api: Api<'a>,
}

/// A project, or a repository by its whole name.
#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Listing for Harbor<'_> {
    fn repositories(
        &self,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<(), RegistryError> {
        let spent = Spent::default();
        let project = self.api.scope.namespace();
        if !project.is_empty() {
            return self.project(&project.to_lowercase(), &spent, page).map(drop);
        }
        let ask = self.ask(&["projects"], "the projects")?;
        let each = &mut |projects: Vec<String>| {
            // A name that leads nowhere in a reference leads nowhere in a path.
            let sorted = self.api.sort(projects);
            if !sorted.odd.is_empty()
                && page(ListedPage { names: Vec::new(), odd: sorted.odd }).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
            for name in sorted.names.iter().filter(|p| !p.contains('/')) {
                match self.project(name, &spent, page) {
                    Ok(ControlFlow::Continue(())) => {}
                    // Deleted since its name came.
                    Err(e) if e.status() == Some(404) => {}
                    other => return other,
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        self.api.pages(&ask, &spent, each).map(drop)
    }
}

impl Harbor<'_> {
    fn project(
        &self,
        name: &str,
        spent: &Spent,
        page: &mut dyn FnMut(ListedPage) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, RegistryError> {
        let ask = self.ask(&["projects", name, "repositories"], "the repositories")?;
        self.api.repositories(&ask, spent, page)
    }

    fn ask<'a>(&self, path: &[&str], asked: &'a str) -> Result<Ask<'a>, RegistryError> {
        let path = [&["api", "v2.0"], path].concat();
        let start = self.api.url(&path, &[("page", "1"), ("page_size", "100")])?;
        Ok(Ask { starts: vec![start], asked, headers: &[], read: &read })
    }
}

fn read(answer: &Answer) -> Result<Page, String> {
    let named: Vec<Named> = answer.json()?;
    let next = match answer.next_by_link()? {
        Some(next) => Some(next),
        None => next_by_count(answer).filter(|_| !named.is_empty()),
    };
    Ok(Page { names: named.into_iter().map(|n| n.name).collect(), next })
}

/// Where a proxy dropped `Link`.
fn next_by_count(answer: &Answer) -> Option<url::Url> {
    let total: u64 = answer.header("x-total-count")?.parse().ok()?;
    let (page, size) = (answer.number("page")?, answer.number("page_size")?);
    let more = page.checked_mul(size)? < total;
    more.then(|| answer.with_query("page", &page.saturating_add(1).to_string()))
}
