//! Lists that come in pages: the tags of a repository.

use super::client::{Ask, Client, Place};
use super::error::RegistryError;
use serde::Deserialize;
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
    let mut ask = Ask::new("the tags", "tags/list?n=1000");
    let mut names = Vec::new();
    for _ in 0..MAX_PAGES {
        let (body, headers, url) = client.document(&ask, PAGE_LIMIT).await?;
        let page: Page = serde_json::from_slice(&body)
            .map_err(|e| malformed(client, format!("invalid JSON: {e}")))?;
        names.extend(page.tags.unwrap_or_default());
        if names.len() > MAX_NAMES {
            return Err(malformed(client, format!("more than {MAX_NAMES} names")));
        }
        let next = headers
            .get_all(reqwest::header::LINK)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .find_map(next_link);
        let Some(next) = next else { return Ok(names) };
        let next =
            url.join(next).map_err(|e| malformed(client, format!("next page is no URL: {e}")))?;
        if !is_same_place(&next, &url) {
            return Err(malformed(client, "next page is on another host".to_owned()));
        }
        ask.place = Place::Own(next);
    }
    Err(malformed(client, format!("more than {MAX_PAGES} pages")))
}

fn malformed(client: &Client, why: String) -> RegistryError {
    RegistryError::Protocol {
        host: client.host(),
        what: format!("the tags of {}", client.reference.repository()),
        why,
    }
}

fn is_same_place(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// The target of `rel="next"` (RFC 8288).
fn next_link(value: &str) -> Option<&str> {
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
