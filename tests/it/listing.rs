//! The lists of repositories: each API by a script in the shape of its documentation, the catalog by a
//! real registry.

mod faults;

use crate::support::fake_registry::{Answer, Asked, FakeRegistry};
use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::registry::{Auth, Registry};
use careen::oci::Reference;
use careen::source::registry::{
    Credentials, Helpers, ListingKind, ListingSettings, Patience, RegistryError, RegistryHost,
    RegistrySettings,
};
use careen::text::Redacted;
use std::ops::ControlFlow;
use std::time::Duration;

const TOKEN: &str = "tok_hunter2hunter2";

fn host(registry: &str) -> RegistryHost {
    let settings = RegistrySettings {
        credentials: Credentials { helpers: Helpers::Never, ..Credentials::default() },
        patience: Patience {
            retries: 3,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(5),
            longest_retry_after: Duration::from_millis(300),
        },
        ..RegistrySettings::default()
    };
    let reference: Reference = format!("{registry}/x/x").parse().unwrap();
    RegistryHost::of(&reference, settings).unwrap()
}

fn settings(kind: ListingKind, api: Option<&str>, token: Option<&str>) -> ListingSettings {
    ListingSettings {
        kind,
        api: api.map(|h| format!("http://{h}").parse().unwrap()),
        token: token.map(|t| Redacted::new(t.to_owned())),
    }
}

/// Every page.
fn pages(
    registry: &str,
    prefix: &str,
    settings: &ListingSettings,
) -> Result<Vec<Vec<String>>, RegistryError> {
    let host = host(registry);
    let mut pages = Vec::new();
    host.listing(registry, prefix, settings)?.repositories(&mut |page| {
        pages.push(page.names);
        ControlFlow::Continue(())
    })?;
    Ok(pages)
}

/// Each API with its registry, a prefix, and what its server may hand out.
const KINDS: [(ListingKind, &str); 5] = [
    (ListingKind::DockerHub, "docker.io"),
    (ListingKind::GitHub, "ghcr.io"),
    (ListingKind::GitLab, "registry.gitlab.com"),
    (ListingKind::Quay, "quay.io"),
    (ListingKind::Harbor, "harbor.example"),
];

/// A page of `kind` with one name, which leads to `next`: an address, or Quay's token.
fn page(kind: ListingKind, name: &str, next: Option<&str>) -> Answer {
    let link = |answer: Answer| match next {
        Some(next) => {
            answer.with("link", format!("<{next}>; rel=\"next\", <{next}>; rel=\"last\""))
        }
        None => answer,
    };
    let json = |v: serde_json::Value| Answer::new(200, v.to_string());
    match kind {
        ListingKind::DockerHub => json(serde_json::json!({
            "count": 2, "next": next, "previous": null,
            "results": [{"name": name, "namespace": "org", "repository_type": "image", "status": 1}],
        })),
        ListingKind::GitHub => link(json(serde_json::json!([{
            "id": 197, "name": name, "package_type": "container", "visibility": "private",
            "owner": {"login": "Org"},
        }]))),
        ListingKind::GitLab => link(json(serde_json::json!([{
            "id": 1, "name": "", "path": format!("org/{name}"), "project_id": 9,
            "location": format!("registry.gitlab.com/org/{name}"),
        }]))),
        ListingKind::Quay => json(serde_json::json!({
            "repositories": [{"namespace": "org", "name": name, "is_public": true, "kind": "image"}],
            "next_page": next,
        })),
        ListingKind::Harbor | ListingKind::Catalog => link(json(serde_json::json!([{
            "id": 3, "name": format!("org/{name}"), "artifact_count": 1,
        }]))),
    }
}

/// Where a second page is, in the way of each API.
fn second(kind: ListingKind, asked: &Asked) -> String {
    let path = asked.path.split('?').next().unwrap();
    match kind {
        ListingKind::Quay => "gAAAA+/=".to_owned(),
        ListingKind::Harbor => format!("{path}?page=2&page_size=100"),
        _ => format!("http://{}{path}?page=2", asked.header("host").unwrap()),
    }
}

fn is_first(asked: &Asked) -> bool {
    !asked.path.contains("page=2") && !asked.path.contains("next_page=")
}

#[test]
fn two_pages_with_the_token_where_each_api_wants_it() {
    for (kind, registry) in KINDS {
        let server = FakeRegistry::start(move |asked| match is_first(asked) {
            true => page(kind, "a", Some(&second(kind, asked))),
            false => page(kind, "b", None),
        });
        let settings = settings(kind, Some(&server.host), Some(TOKEN));
        let got = pages(registry, "org", &settings).unwrap();
        assert_eq!(got, [["org/a"], ["org/b"]], "{kind:?}");
        for asked in server.asked() {
            let bearer = format!("Bearer {TOKEN}");
            let (bearer, private) = match kind {
                ListingKind::GitLab => (None, Some(TOKEN)),
                _ => (Some(bearer.as_str()), None),
            };
            assert_eq!(asked.header("authorization"), bearer, "{kind:?}");
            assert_eq!(asked.header("private-token"), private, "{kind:?}");
        }
    }
}

#[test]
fn each_api_is_asked_as_its_documentation_says() {
    for ((kind, registry), paths) in KINDS.into_iter().zip([
        ["/v2/namespaces/org/repositories?page_size=100", "/v2/namespaces/org/repositories?page=2"],
        ["/orgs/org/packages?package_type=container&per_page=100", "/orgs/org/packages?page=2"],
        [
            "/api/v4/groups/org/registry/repositories?per_page=100",
            "/api/v4/groups/org/registry/repositories?page=2",
        ],
        [
            "/api/v1/repository?public=true&namespace=org",
            "/api/v1/repository?public=true&namespace=org&next_page=gAAAA%2B%2F%3D",
        ],
        [
            "/api/v2.0/projects/org/repositories?page=1&page_size=100",
            "/api/v2.0/projects/org/repositories?page=2&page_size=100",
        ],
    ]) {
        let server = FakeRegistry::start(move |asked| match is_first(asked) {
            true => page(kind, "a", Some(&second(kind, asked))),
            false => page(kind, "b", None),
        });
        pages(registry, "org", &settings(kind, Some(&server.host), None)).unwrap();
        assert_eq!(server.paths(), paths, "{kind:?}");
        assert!(server.asked().iter().all(|a| a.header("authorization").is_none()));
    }
}

#[test]
fn a_break_ends_the_asking() {
    for (kind, registry) in KINDS {
        let server = FakeRegistry::start(move |asked| page(kind, "a", Some(&second(kind, asked))));
        let host = host(registry);
        let settings = settings(kind, Some(&server.host), None);
        let listing = host.listing(registry, "org", &settings).unwrap();
        listing.repositories(&mut |_| ControlFlow::Break(())).unwrap();
        assert_eq!(server.asked().len(), 1, "{kind:?}");
    }
}

#[test]
fn an_owner_on_github_is_an_organization_or_a_user() {
    let kind = ListingKind::GitHub;
    let server = FakeRegistry::start(move |asked| match asked.path.starts_with("/api/v3/users/") {
        true => page(kind, "app%2Fsub", None),
        false => Answer::new(404, r#"{"message":"Not Found","status":"404"}"#),
    });
    let api = format!("{}/api/v3/", server.host);
    let got = pages("ghcr.io", "Anna", &settings(kind, Some(&api), Some(TOKEN))).unwrap();
    assert_eq!(got, [["anna/app/sub"]]);
    assert_eq!(server.asked().len(), 2);
    assert_eq!(server.asked()[1].header("accept"), Some("application/vnd.github+json"));
    let api = format!("{}/nowhere", server.host);
    let e = pages("ghcr.io", "Anna", &settings(kind, Some(&api), Some(TOKEN))).unwrap_err();
    assert_eq!(e.status(), Some(404));
}

#[test]
fn a_prefix_on_gitlab_is_a_group_a_project_or_an_image_below_one() {
    let kind = ListingKind::GitLab;
    let server = FakeRegistry::start(move |asked| {
        match asked.path.starts_with("/api/v4/projects/org%2Fteam/registry/") {
            // By the number alone, as behind a proxy that drops `Link`.
            true if is_first(asked) => page(kind, "team/app", None).with("x-next-page", 2),
            true => page(kind, "team/app/sub", None).with("x-next-page", ""),
            false => Answer::new(404, r#"{"message":"404 Group Not Found"}"#),
        }
    });
    let settings = settings(kind, Some(&server.host), None);
    let got = pages("registry.gitlab.com", "org/team/app", &settings).unwrap();
    assert_eq!(got, [["org/team/app"], ["org/team/app/sub"]]);
    assert_eq!(
        server.paths()[0],
        "/api/v4/groups/org%2Fteam%2Fapp/registry/repositories?per_page=100"
    );
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn harbor_without_a_project_lists_the_projects_first() {
    let names = |names: &[&str]| {
        let list: Vec<_> = names.iter().map(|n| serde_json::json!({"name": n})).collect();
        Answer::new(200, serde_json::Value::from(list).to_string())
    };
    let server = FakeRegistry::start(move |asked| match asked.path.as_str() {
        // The count alone says that there is more.
        "/api/v2.0/projects?page=1&page_size=100" => names(&["one"]).with("x-total-count", 101),
        "/api/v2.0/projects?page=2&page_size=100" => {
            names(&["gone", "..", "two"]).with("x-total-count", 101)
        }
        p if p.contains("/projects/one/") => names(&["one/a", "one/b/c"]),
        p if p.contains("/projects/two/") => names(&["two/a"]),
        _ => Answer::new(404, r#"{"errors":[{"code":"NOT_FOUND","message":"project not found"}]}"#),
    });
    let settings = settings(ListingKind::Harbor, Some(&server.host), None);
    let got = pages("harbor.example", "", &settings).unwrap();
    assert_eq!(got.concat(), ["one/a", "one/b/c", "two/a"]);
    assert_eq!(server.asked().len(), 5, "{:?}", server.paths());
}

#[test]
fn harbor_and_quay_have_their_api_at_the_registry() {
    for kind in [ListingKind::Harbor, ListingKind::Quay] {
        let server = FakeRegistry::start(move |_| page(kind, "a", None));
        let got = pages(&server.host, "org", &settings(kind, None, None)).unwrap();
        assert_eq!(got, [["org/a"]]);
        assert!(server.paths()[0].starts_with("/api/"), "{:?}", server.paths());
    }
}

#[test]
fn the_catalog_of_a_real_registry() {
    let image = ImageBuilder::new().layer("COPY . .", LayerBuilder::new().file("x", "x"));
    let folder = tempfile::tempdir().unwrap();
    image.write_layout(folder.path(), "1");
    let registry = Registry::start(Auth::Anonymous, None);
    registry.push_as(folder.path(), "team/app:1", None);
    registry.push_as(folder.path(), "team/app/sub:1", None);
    registry.push_as(folder.path(), "team2/app:1", None);
    // More than a page has.
    for n in 0..1100 {
        registry.add_empty(&format!("many/r{n:04}"));
    }
    let catalog = settings(ListingKind::Catalog, None, None);
    let list = |prefix| pages(&registry.host, prefix, &catalog).unwrap();
    let all = list("");
    assert!(all.len() > 1, "{} pages", all.len());
    assert_eq!(all.concat().len(), 1103);
    assert_eq!(list("many").concat().len(), 1100);
    assert_eq!(list("team").concat(), ["team/app", "team/app/sub"]);
    assert_eq!(list("team/app").concat(), ["team/app", "team/app/sub"]);
    assert_eq!(list("team/app/sub").concat(), ["team/app/sub"]);
    assert!(list("tea").concat().is_empty());

    // Each page may be looked into as it comes.
    let host = host(&registry.host);
    let mut tags = Vec::new();
    let listing = host.listing(&registry.host, "team2", &catalog).unwrap();
    listing
        .repositories(&mut |page| {
            for name in page.names {
                let reference = format!("{}/{name}", registry.host).parse().unwrap();
                tags.extend(host.source(reference).tags().unwrap().names);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(tags, ["1"]);
}
