//! Lists in pages as registries and the proxies before them give them.

use crate::support::asking::{settings, source};
use crate::support::fake_registry::{Answer, Asked, FakeRegistry};
use crate::support::fleet::store_in;
use crate::support::image_registry::Served;
use crate::support::program::Home;
use crate::support::registry::{Auth, Registry};
use careen::oci::Reference;
use careen::source::registry::{ListingKind, ListingSettings, RegistryError, RegistryHost};
use std::ops::ControlFlow;

const TAGS: &str = "/v2/app/x/tags/list";

fn tags(names: &[&str]) -> Answer {
    Answer::new(200, serde_json::json!({"name": "app/x", "tags": names}).to_string())
}

/// Two pages; the second one is at `second` alone.
fn paged(link: &'static str, second: &'static str) -> FakeRegistry {
    FakeRegistry::start(move |asked| match asked.path.as_str() {
        path if path == second => tags(&["c"]),
        path if path.starts_with(&format!("{TAGS}?n=")) => {
            let link = link.replace("{host}", asked.header("host").unwrap());
            tags(&["a", "b"]).with("link", format!("<{link}>; rel=\"next\""))
        }
        _ => Answer::new(400, r#"{"errors":[{"code":"UNSUPPORTED"}]}"#),
    })
}

#[test]
fn a_link_by_the_name_that_only_the_proxy_knows_leads_to_the_next_page() {
    for (link, second) in [
        ("/v2/app/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        ("?last=b", "/v2/app/x/tags/list?last=b"),
        // TLS ends before it.
        ("https://{host}/v2/app/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        ("http://inner.test:8081/v2/app/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        ("http://169.254.169.254/v2/app/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        // The inner server's path, which is nowhere outside, and one that is.
        ("http://{host}/repository/hub/v2/app/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        ("http://inner.test/x/v2/app/x/tags/list?last=b", "/x/v2/app/x/tags/list?last=b"),
        ("/v2/x/tags/list?last=b", "/v2/app/x/tags/list?last=b"),
        ("/other/list?page=2", "/other/list?page=2"),
    ] {
        let registry = paged(link, second);
        let list = source(&registry, settings()).tags().unwrap();
        assert_eq!(list.names, ["a", "b", "c"], "{link}: {:?}", registry.paths());
        assert!(list.broken.is_none(), "{link}: {:?}", list.broken);
    }
}

/// One null among the names loses none of the others.
#[test]
fn lists_are_read_as_go_reads_them() {
    let registry = FakeRegistry::start(|asked| {
        let list = asked.path.contains("_catalog");
        let key = if list { "Repositories" } else { "TAGS" };
        Answer::new(200, format!(r#"{{"name":null,"{key}":["x"],"{key}":["a",null,"b"]}}"#))
    });
    let list = source(&registry, settings()).tags().unwrap();
    assert_eq!((list.names.join(" "), list.odd.count), ("a b".to_owned(), 1));
    assert_eq!(catalog(&registry.host).unwrap(), ["a", "b"]);
}

#[test]
fn the_pages_that_came_are_kept_when_the_list_breaks_off() {
    let registry = paged("/v2/app/x/tags/list?last=b", "nowhere");
    let list = source(&registry, settings()).tags().unwrap();
    assert_eq!(list.names, ["a", "b"]);
    let broken = list.broken.unwrap();
    assert_eq!(broken.status(), Some(400), "{broken}");

    let registry = FakeRegistry::start(|_| Answer::new(500, ""));
    let e = source(&registry, settings()).tags().unwrap_err();
    assert_eq!(e.status(), Some(500));
}

#[test]
fn a_list_in_a_circle_ends() {
    for circle in 1..4 {
        let mut page = 0;
        let registry = FakeRegistry::start(move |_| {
            page = (page + 1) % circle;
            tags(&["a"]).with("link", format!("<{TAGS}?last={page}>; rel=\"next\""))
        });
        let list = source(&registry, settings()).tags().unwrap();
        let broken = list.broken.unwrap().to_string();
        assert!(broken.contains("again"), "{broken}");
        assert!(registry.asked().len() <= 6, "{:?}", registry.paths());
    }
}

/// Refuses more than `most` names a page.
fn stingy(most: u32) -> FakeRegistry {
    FakeRegistry::start(move |asked| {
        let n = asked.path.split_once("n=").map_or(0, |(_, n)| n.parse().unwrap());
        match n > most {
            true => Answer::new(400, r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#),
            false => tags(&["a"]),
        }
    })
}

#[test]
fn a_registry_that_refuses_so_many_at_once_is_asked_for_less() {
    for (most, requests) in [(1000, 1), (999, 2), (10, 3)] {
        let registry = stingy(most);
        assert_eq!(source(&registry, settings()).tags().unwrap().names, ["a"]);
        assert_eq!(registry.asked().len(), requests, "{:?}", registry.paths());
    }
    let registry = FakeRegistry::start(|_| Answer::new(400, ""));
    let e = source(&registry, settings()).tags().unwrap_err();
    assert_eq!(e.status(), Some(400));
    assert_eq!(registry.asked().len(), 3, "{:?}", registry.paths());
}

fn catalog(host: &str) -> Result<Vec<String>, RegistryError> {
    let reference: Reference = format!("{host}/x/x").parse().unwrap();
    let registry = RegistryHost::of(&reference, settings()).unwrap();
    let how = ListingSettings { kind: ListingKind::Catalog, api: None, token: None };
    let mut names = Vec::new();
    registry.listing(host, "", &how)?.repositories(&mut |page| {
        names.extend(page.names);
        ControlFlow::Continue(())
    })?;
    Ok(names)
}

#[test]
fn a_real_registry_with_a_small_maximum_gives_its_whole_catalog() {
    let registry = Registry::start_with(Auth::Anonymous, None, "catalog:\n  maxentries: 150\n");
    for n in 0..260 {
        registry.add_empty(&format!("many/r{n:04}"));
    }
    assert_eq!(catalog(&registry.host).unwrap().len(), 260);
}

/// Serves one image under whatever name, and these repositories.
fn with_catalog(repositories: &'static [&'static str]) -> FakeRegistry {
    let image = Served::small();
    FakeRegistry::start(move |asked: &Asked| match asked.path.split('?').next().unwrap() {
        "/v2/_catalog" => {
            Answer::new(200, serde_json::json!({"repositories": repositories}).to_string())
        }
        path if path.ends_with("/tags/list") => Answer::new(200, r#"{"tags":["1","-bad"]}"#),
        _ => image.answer(asked),
    })
}

#[test]
fn names_that_no_reference_can_have_are_a_gap_and_no_silence() {
    let registry = with_catalog(&[
        "shop",
        "UPPER",
        "a b",
        "a//b",
        "-a",
        "a:1",
        "../x",
        "",
        "a\u{1b}[31m",
        "é",
    ]);
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let store = store_in(folder.path());
    let run = home.run(&["sweep", &registry.host, "--store", &store, "--fail-on", "never"]);
    assert_eq!(run.status, 3, "{} {}", run.text(), run.stderr);
    let text = run.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("9 names that no reference can have: `UPPER`, `a b`"), "{text}");
    assert!(text.contains("1 name that no reference can have: `-bad`"), "{text}");
    assert!(!run.text().contains('\u{1b}'), "{text}");
}

#[test]
fn a_list_of_tags_that_breaks_off_is_a_gap_and_what_came_is_looked_at() {
    let image = Served::small();
    let registry = FakeRegistry::start(move |asked| match asked.path.as_str() {
        "/v2/_catalog?n=1000" => Answer::new(200, r#"{"repositories":["shop"]}"#),
        "/v2/shop/tags/list?n=1000" => {
            Answer::new(200, r#"{"tags":["1","2"]}"#).with("link", "</x?last=2>; rel=\"next\"")
        }
        path if path.contains("last=2") => Answer::new(404, ""),
        _ => image.answer(asked),
    });
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let store = store_in(folder.path());
    let args = ["sweep", &registry.host, "--store", &store, "--format", "json"];
    let run = home.run(&args);
    assert_eq!(run.status, 3, "{} {}", run.text(), run.stderr);
    assert!(run.text().contains("the other tags"), "{}", run.text());
    assert_eq!(run.json()["planned"]["tags"], 2, "{}", run.text());
}
