//! Servers that refuse, lie, lead elsewhere or in circles.

use super::{KINDS, TOKEN, is_first, page, pages, second, settings};
use crate::support::fake_registry::{Answer, FakeRegistry};
use careen::source::registry::{ListingKind, RegistryError};
use std::time::{Duration, Instant};

#[test]
fn waits_when_it_is_too_much_and_asks_again() {
    for (kind, registry) in KINDS {
        let mut times = 0;
        let server = FakeRegistry::start(move |_| {
            times += 1;
            match times {
                1 => Answer::new(429, r#"{"message":"slow down"}"#).with("retry-after", 9999),
                _ => page(kind, "a", None),
            }
        });
        let begun = Instant::now();
        let got = pages(registry, "org", &settings(kind, Some(&server.host), None)).unwrap();
        assert_eq!(got, [["org/a"]], "{kind:?}");
        assert!(begun.elapsed() >= Duration::from_millis(300), "{kind:?}");
        assert_eq!(server.asked().len(), 2, "{kind:?}");
    }
}

#[test]
fn a_refusal_names_host_and_list_and_never_the_token() {
    for (kind, registry) in KINDS {
        let body = format!(r#"{{"message":"bad credentials {TOKEN}"}}"#);
        let server = FakeRegistry::start(move |_| Answer::new(401, body.as_str()));
        let with = settings(kind, Some(&server.host), Some(TOKEN));
        let e = pages(registry, "org", &with).unwrap_err();
        assert_eq!(e.status(), Some(401), "{e:?}");
        let text = format!("{e} {e:?} {:?} {with:?}", e.hint());
        assert!(text.contains(&server.host) && text.contains("org"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!e.hint().unwrap().contains("docker login"), "{:?}", e.hint());
        assert_eq!(server.asked().len(), 1, "{kind:?}");

        let e = pages(registry, "org", &settings(kind, Some(&server.host), None)).unwrap_err();
        assert!(e.hint().unwrap().contains("token"), "{:?}", e.hint());
        let told = e.to_string().contains("read:packages");
        assert_eq!(told, kind == ListingKind::GitHub, "{e}");
    }
}

#[test]
fn a_list_that_leads_back_is_an_error() {
    for (kind, registry) in KINDS {
        // To itself, then in a circle of two.
        for circle in [1, 2] {
            let mut times = 0;
            let server = FakeRegistry::start(move |asked| {
                times += 1;
                let own = format!("http://{}{}", asked.header("host").unwrap(), asked.path);
                let next = match (kind, circle) {
                    (ListingKind::Quay, 1) => "same".to_owned(),
                    (_, 1) => own,
                    (ListingKind::Quay, _) => format!("token{}", times % 2),
                    (..) => format!("{}page={}", own.split("page=").next().unwrap(), times % 2),
                };
                page(kind, "a", Some(&next))
            });
            let settings = settings(kind, Some(&server.host), None);
            let e = pages(registry, "org", &settings).unwrap_err();
            assert!(e.to_string().contains("again"), "{kind:?}: {e}");
            assert!(server.asked().len() <= 4, "{kind:?}: {:?}", server.paths());
        }
    }
}

#[test]
fn a_next_page_on_another_host_is_refused_and_not_asked() {
    for (kind, registry) in KINDS {
        if kind == ListingKind::Quay {
            // Its next page is no address.
            continue;
        }
        let other = FakeRegistry::start(move |_| page(kind, "b", None));
        let elsewhere = format!("http://{}/next", other.host);
        let server = FakeRegistry::start(move |_| page(kind, "a", Some(&elsewhere)));
        let e = pages(registry, "org", &settings(kind, Some(&server.host), Some(TOKEN)));
        let e = e.unwrap_err().to_string();
        assert!(e.contains("another host"), "{kind:?}: {e}");
        assert!(other.asked().is_empty(), "{kind:?}");
    }
}

#[test]
fn a_redirect_to_another_host_gets_no_token_and_its_answer_is_not_believed() {
    for (kind, registry) in KINDS {
        let other = FakeRegistry::start(move |_| page(kind, "b", None));
        let elsewhere = format!("http://{}/next", other.host);
        let server =
            FakeRegistry::start(move |_| Answer::new(302, "").with("location", &elsewhere));
        let e = pages(registry, "org", &settings(kind, Some(&server.host), Some(TOKEN)));
        assert!(matches!(e, Err(RegistryError::Redirect { .. })), "{kind:?}: {e:?}");
        assert_eq!(other.asked().len(), 1, "{kind:?}");
        for asked in other.asked() {
            assert_eq!(asked.header("authorization"), None, "{kind:?}");
            assert_eq!(asked.header("private-token"), None, "{kind:?}");
        }
    }
}

#[test]
fn names_that_no_reference_can_hold_and_those_beside_the_prefix_are_passed_over() {
    for (kind, registry) in KINDS {
        for bad in ["UPPER", "a:1", "../../x", "a\u{1b}[31m", ""] {
            let server = FakeRegistry::start(move |_| page(kind, bad, None));
            let got = pages(registry, "org", &settings(kind, Some(&server.host), None)).unwrap();
            assert_eq!(got, [[""; 0]], "{kind:?} {bad:?}");
        }
        let server = FakeRegistry::start(move |asked| match is_first(asked) {
            true => page(kind, "app2", Some(&second(kind, asked))),
            false => page(kind, "app/sub", None),
        });
        let settings = settings(kind, Some(&server.host), None);
        let got = pages(registry, "org/app", &settings).unwrap();
        assert_eq!(got.concat(), ["org/app/sub"], "{kind:?}");
    }
}

#[test]
fn what_is_no_list_is_an_error_and_so_is_a_page_without_end() {
    for (kind, registry) in KINDS {
        for body in ["", "<html>", "{\"results\":3}", "[3]", "\"x\""] {
            let server = FakeRegistry::start(move |_| Answer::new(200, body));
            let e = pages(registry, "org", &settings(kind, Some(&server.host), None));
            let said = match body {
                "<html>" => matches!(e, Err(RegistryError::WebPage { .. })),
                _ => matches!(e, Err(RegistryError::Protocol { .. })),
            };
            assert!(said, "{kind:?} {body}: {e:?}");
        }
        let server =
            FakeRegistry::start(|_| Answer::new(200, "").with("content-length", 17u64 << 20));
        let e = pages(registry, "org", &settings(kind, Some(&server.host), None));
        assert!(matches!(e, Err(RegistryError::TooLarge { .. })), "{kind:?}: {e:?}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_asking() {
    let without = |kind| settings(kind, None, None);
    for (kind, registry, prefix, word) in [
        (ListingKind::DockerHub, "docker.io", "", "namespace"),
        (ListingKind::GitHub, "ghcr.io", "/", "organization"),
        (ListingKind::GitLab, "registry.gitlab.com", "", "group"),
        (ListingKind::GitHub, "containers.git.example", "org", "address"),
        (ListingKind::GitLab, "registry.git.example", "org", "address"),
        (ListingKind::Quay, "quay.io", "a/../b", "name"),
    ] {
        let e = pages(registry, prefix, &without(kind)).unwrap_err();
        assert!(matches!(e, RegistryError::Settings { .. }), "{e:?}");
        assert!(e.to_string().contains(registry) && e.to_string().contains(word), "{e}");
    }
    let odd = settings(ListingKind::Quay, None, Some("hunter2\nx"));
    let e = pages("quay.io", "org", &odd).unwrap_err();
    assert!(!format!("{e} {e:?}").contains("hunter2"), "{e}");
}
