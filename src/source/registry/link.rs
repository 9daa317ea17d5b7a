//! `Link: rel="next"` (RFC 8288): where the next page of a list is. A registry behind a proxy names
//! itself by an address that only the proxy knows: what counts of it are the path and the query.

use url::Url;

/// Longest address of a page, in bytes.
const MAX_URL: usize = 16 << 10;

/// The target of `rel="next"` in one `Link` field.
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

/// Where the next page may be, the likeliest first: always on the host that gave the page at `url`.
///
/// # Errors
/// In words, where `target` is no address.
pub(super) fn next_pages(url: &Url, target: &str) -> Result<Vec<Url>, String> {
    let next = url.join(target).map_err(|e| format!("next page is no URL: {e}"))?;
    if next.as_str().len() > MAX_URL {
        return Err("the address of the next page is too long".to_owned());
    }
    let at = |path: &str| {
        let mut here = url.clone();
        here.set_path(path);
        here.set_query(next.query());
        here.set_fragment(None);
        here
    };
    let (as_named, as_asked) = (at(next.path()), at(url.path()));
    if as_named == as_asked || next.query().is_none() {
        return Ok(vec![as_named]);
    }
    // `/repository/x/v2/app/tags/list` for `/v2/app/tags/list`: a path of the inner server.
    Ok(match next.path().ends_with(url.path()) {
        true => vec![as_asked, as_named],
        false => vec![as_named, as_asked],
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

    #[test]
    fn a_link_counts_by_its_path_and_query_on_the_host_that_was_asked() {
        let url: Url = "http://r.test:5000/v2/a/tags/list?n=2".parse().unwrap();
        for (target, pages) in [
            ("/v2/a/tags/list?last=b", &["http://r.test:5000/v2/a/tags/list?last=b"][..]),
            ("?last=b", &["http://r.test:5000/v2/a/tags/list?last=b"]),
            (
                "https://r.test:5000/v2/a/tags/list?last=b",
                &["http://r.test:5000/v2/a/tags/list?last=b"],
            ),
            ("http://inner/v2/a/tags/list?last=b", &["http://r.test:5000/v2/a/tags/list?last=b"]),
            (
                "http://r.test:5000/repository/hub/v2/a/tags/list?last=b",
                &[
                    "http://r.test:5000/v2/a/tags/list?last=b",
                    "http://r.test:5000/repository/hub/v2/a/tags/list?last=b",
                ],
            ),
            (
                "/list/a?last=b",
                &["http://r.test:5000/list/a?last=b", "http://r.test:5000/v2/a/tags/list?last=b"],
            ),
        ] {
            let got = next_pages(&url, target).unwrap();
            assert_eq!(got.iter().map(Url::as_str).collect::<Vec<_>>(), pages, "{target}");
        }
        assert!(next_pages(&url, "http://[").is_err());
        assert!(next_pages(&url, &"a".repeat(20_000)).is_err());
    }
}
