//! Lists that come in pages: the tags of a repository, the repositories of a registry (distribution
//! spec, "Content Discovery"; the catalog is the CNCF Distribution's own).

use super::client::{Ask, Client, Place};
use super::error::RegistryError;
use serde::Deserialize;
use std::ops::ControlFlow;
use url::Url;

/// Largest page, in bytes.
const PAGE_LIMIT: u64 = 16 << 20;

/// Most pages of one list.
const MAX_PAGES: usize = 10_000;

/// Most names of one list.
const MAX_NAMES: usize = 5_000_000;

/// The tags, in the registry's order.
pub(super) async fn tags(client: &Client) -> Result<Vec<String>, RegistryError> {
    #[derive(Deserialize)]
    struct Page {
        tags: Option<Vec<String>>,
    }
    let mut names = Vec::new();
    let ask = Ask::new("the tags", "tags/list?n=1000");
    pages(client, ask, |page: Page| {
        names.extend(page.tags.unwrap_or_default());
        (names.len(), ControlFlow::Continue(()))
    })
    .await?;
    Ok(names)
}

/// Hands over the names of the repositories, a page at a time, until there are no more or `page` breaks.
pub(super) async fn repositories(
    client: &Client,
    mut page: impl FnMut(Vec<String>) -> ControlFlow<()>,
) -> Result<(), RegistryError> {
    #[derive(Deserialize)]
    struct Page {
        repositories: Option<Vec<String>>,
    }
    let mut seen = 0;
    let mut last = None;
    let place = Place::Registry("_catalog?n=1000".to_owned());
    let mut stuck = false;
    let ask = Ask::at("the catalog", place);
    pages(client, ask, |got: Page| {
        let names = got.repositories.unwrap_or_default();
        seen += names.len();
        // The same page again and again: a registry that ignores `last`.
        stuck = !names.is_empty() && names.last() == last.as_ref();
        if stuck {
            return (seen, ControlFlow::Break(()));
        }
        last = names.last().cloned().or(last.take());
        (seen, page(names))
    })
    .await?;
    match stuck {
        true => Err(malformed(client, "the catalog", "the same page comes again".to_owned())),
        false => Ok(()),
    }
}

/// Follows `Link: rel="next"`. `each` says how many names there were so far.
async fn pages<P: serde::de::DeserializeOwned>(
    client: &Client,
    mut ask: Ask,
    mut each: impl FnMut(P) -> (usize, ControlFlow<()>),
) -> Result<(), RegistryError> {
    for _ in 0..MAX_PAGES {
        let wrong = |why: String| malformed(client, &ask.what, why);
        let (body, headers, url) = client.document(&ask, PAGE_LIMIT).await?;
        let page: P =
            serde_json::from_slice(&body).map_err(|e| wrong(format!("invalid JSON: {e}")))?;
        let (names, flow) = each(page);
        if flow.is_break() {
            return Ok(());
        }
        if names > MAX_NAMES {
            return Err(wrong(format!("more than {MAX_NAMES} names")));
        }
        let next = headers
            .get_all(reqwest::header::LINK)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .find_map(next_link);
        let Some(next) = next else { return Ok(()) };
        let next = url.join(next).map_err(|e| wrong(format!("next page is no URL: {e}")))?;
        if !is_same_place(&next, &url) {
            return Err(wrong("next page is on another host".to_owned()));
        }
        if next == url {
            return Err(wrong("the next page is the same page".to_owned()));
        }
        ask.place = Place::Own(next);
    }
    Err(malformed(client, &ask.what, format!("more than {MAX_PAGES} pages")))
}

fn malformed(client: &Client, what: &str, why: String) -> RegistryError {
    let what = format!("{what} of {}", client.subject());
    RegistryError::Protocol { host: client.host(), what, why }
}

fn is_same_place(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// The target of `rel="next"` (RFC 8288).
pub(super) fn next_link(value: &str) -> Option<&str> {
    value.split(',').find_map(|link| {
        let (target, params) = link.trim().strip_prefix('<')?.split_once('>')?;
        params
            .split(';')
            .any(|p| {
                p.split_once('=').is_some_and(|(name, value)| {
                    name.trim().eq_ignore_ascii_case("rel")
                        && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
                })
            })
            .then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        assert_eq!(
            next_link(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#),
            Some("/v2/a/tags/list?last=b&n=2")
        );
        assert_eq!(
            next_link("<https://x/1>; rel=prev, <https://x/3>; title=t; REL=next"),
            Some("https://x/3")
        );
        assert_eq!(next_link("<x>; rel=last"), None);
        assert_eq!(next_link("rel=next"), None);
    }
}
