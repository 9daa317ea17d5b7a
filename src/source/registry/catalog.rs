//! Lists that come in pages: the tags of a repository, the repositories of a registry (distribution
//! spec, "Content Discovery"; the catalog is the CNCF Distribution's own).

use super::client::{Ask, Client, Place};
use super::error::RegistryError;
use super::link::{next_link, next_pages};
use super::names::{OddNames, drags_on, is_tag};
use crate::oci::go_json::{self, Unmarshal, go_struct};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::time::Instant;
use url::Url;

/// Largest page, in bytes.
const PAGE_LIMIT: u64 = 16 << 20;

/// Most pages of one list.
const MAX_PAGES: usize = 10_000;

/// Most tags of one repository: with the longest tag that there can be, some 150 MB.
const MAX_TAGS: usize = 1_000_000;

/// Most repositories of one registry.
const MAX_REPOSITORIES: usize = 5_000_000;

/// How many names are asked for a page. A registry that refuses more than it likes is asked for
/// fewer, in the end for as many as it likes.
const PAGE_SIZES: [&str; 3] = ["?n=1000", "?n=100", ""];

/// The tags of a repository.
#[derive(Debug, Default)]
pub struct TagList {
    /// In the registry's order.
    pub names: Vec<String>,
    /// What was given as a tag and can be none.
    pub odd: OddNames,
    /// Why there may be more: the list broke off after its first page.
    pub broken: Option<RegistryError>,
}

/// The tags, every page of them; an error if not even the first one came.
pub(super) async fn tags(client: &Client) -> Result<TagList, RegistryError> {
    #[derive(Default)]
    struct Page {
        tags: Vec<String>,
    }
    go_struct!(Page { "tags" => tags });
    let mut list = TagList::default();
    let mut met = 0;
    let place = |size: &str| Place::Repository(format!("tags/list{size}"));
    let ended = pages(client, "the tags", place, MAX_TAGS, |page: Page| {
        met += page.tags.len();
        for tag in page.tags {
            match is_tag(&tag) {
                true => list.names.push(tag),
                false => list.odd.add(&client.connection.sent.without(&tag)),
            }
        }
        (met, ControlFlow::Continue(()))
    })
    .await;
    match ended {
        Err(e) if met == 0 => return Err(e),
        other => list.broken = other.err(),
    }
    Ok(list)
}

/// Hands over the names of the repositories, a page at a time, until there are no more or `page` breaks.
pub(super) async fn repositories(
    client: &Client,
    mut page: impl FnMut(Vec<String>) -> ControlFlow<()>,
) -> Result<(), RegistryError> {
    #[derive(Default)]
    struct Page {
        repositories: Vec<String>,
    }
    go_struct!(Page { "repositories" => repositories });
    let mut seen = 0;
    let mut last = None;
    let mut stuck = false;
    let place = |size: &str| Place::Registry(format!("_catalog{size}"));
    pages(client, "the catalog", place, MAX_REPOSITORIES, |got: Page| {
        let names = got.repositories;
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
async fn pages<P: Unmarshal + Default>(
    client: &Client,
    what: &str,
    place: fn(&str) -> Place,
    most: usize,
    mut each: impl FnMut(P) -> (usize, ControlFlow<()>),
) -> Result<(), RegistryError> {
    let wrong = |why: String| malformed(client, what, why);
    let (begun, mut seen) = (Instant::now(), HashSet::new());
    let mut answer = first(client, what, place).await?;
    for _ in 0..MAX_PAGES {
        let (body, headers, url) = answer;
        let page = go_json::unmarshal::<P>(&body);
        let page = page.map_err(|e| wrong(format!("invalid JSON: {e}")))?;
        let (names, flow) = each(page.value);
        if flow.is_break() {
            return Ok(());
        }
        if names > most {
            return Err(wrong(format!("more than {most} names")));
        }
        if drags_on(begun, names) {
            return Err(wrong("goes on for too long".to_owned()));
        }
        // The same page twice is the way to the same page for ever.
        seen.insert(short(&url));
        let next = headers
            .get_all(reqwest::header::LINK)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .find_map(next_link);
        let Some(next) = next else { return Ok(()) };
        let candidates = next_pages(&url, next).map_err(wrong)?;
        answer = next_of(client, what, candidates, &seen).await?;
    }
    Err(wrong(format!("more than {MAX_PAGES} pages")))
}

type Answer = (Vec<u8>, reqwest::header::HeaderMap, Url);

/// The first page, in the largest size that the registry grants.
async fn first(
    client: &Client,
    what: &str,
    place: fn(&str) -> Place,
) -> Result<Answer, RegistryError> {
    let mut refused = None;
    for size in PAGE_SIZES {
        match client.document(&Ask::at(what, place(size)), PAGE_LIMIT).await {
            Err(e) if matches!(e.status(), Some(400 | 413 | 414 | 416 | 422)) => {
                // The first refusal says the most: later ones are of our own making.
                refused.get_or_insert(e);
            }
            other => return other,
        }
    }
    Err(refused.unwrap_or_else(|| malformed(client, what, "was not asked for".to_owned())))
}

/// The next page, from the first of its possible addresses that has one.
async fn next_of(
    client: &Client,
    what: &str,
    candidates: Vec<Url>,
    seen: &HashSet<u64>,
) -> Result<Answer, RegistryError> {
    let mut failed = None;
    for url in candidates {
        if seen.contains(&short(&url)) {
            failed.get_or_insert_with(|| {
                malformed(client, what, "the same page comes again".to_owned())
            });
            continue;
        }
        match client.document(&Ask::at(what, Place::Own(url)), PAGE_LIMIT).await {
            // A page that is somewhere else.
            Err(e) if !e.is_transient() => {
                failed.get_or_insert(e);
            }
            other => return other,
        }
    }
    Err(failed.unwrap_or_else(|| malformed(client, what, "has no next page".to_owned())))
}

fn malformed(client: &Client, what: &str, why: String) -> RegistryError {
    let what = format!("{what} of {}", client.subject());
    client.connection.sent.error(RegistryError::Protocol { host: client.host(), what, why })
}

/// Enough of a URL to know it again.
fn short(url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    hasher.finish()
}
