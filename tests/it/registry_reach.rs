//! Where a registry may lead us, and what goes there. All of it between addresses of this machine, of
//! which 127.0.0.1 and 127.0.0.2 are two hosts.

use crate::support::asking::{
    PASSWORD, layer, read, refused, resolve, settings, source, with_login,
};
use crate::support::fake_registry::{Answer, Asked, FakeRegistry};
use crate::support::image_registry::Served;
use crate::support::program::Home;
use careen::source::registry::{RegistryError, RegistrySettings};
use careen::source::{PlatformChoice, Source as _};

const OTHER: &str = "127.0.0.2";

fn allowing(mut settings: RegistrySettings, host: &str) -> RegistrySettings {
    settings.allow_hosts = vec![host.parse().unwrap()];
    settings
}

fn port(registry: &FakeRegistry) -> &str {
    registry.host.rsplit_once(':').unwrap().1
}

#[test]
fn a_redirect_to_another_host_of_this_machine_is_not_followed_unless_allowed() {
    let bytes = b"a layer".to_vec();
    let full = bytes.clone();
    let other = FakeRegistry::start_at(OTHER, move |_| Answer::new(200, full.clone()));
    let target = format!("http://{}/x?signature=s3cret", other.host);
    let registry = FakeRegistry::start(move |_| Answer::new(307, "").with("location", &target));
    let e = read(&source(&registry, settings()), &layer(&bytes)).unwrap_err();
    assert!(matches!(&e, RegistryError::Barred { target, .. } if target == OTHER), "{e:?}");
    assert!(e.to_string().contains(OTHER) && !e.to_string().contains("s3cret"), "{e}");
    assert!(e.hint().unwrap().contains("--allow-host 127.0.0.2"), "{:?}", e.hint());
    assert!(other.asked().is_empty());
    assert_eq!(registry.asked().len(), 1, "what is not allowed is not tried again");

    for allowed in [OTHER, "127.0.0.0/29"] {
        let s = source(&registry, allowing(settings(), allowed));
        assert_eq!(read(&s, &layer(&bytes)).unwrap(), bytes);
    }
}

#[test]
fn the_same_host_is_reached_by_its_name_and_at_any_port() {
    let bytes = b"a layer".to_vec();
    let full = bytes.clone();
    let other = FakeRegistry::start(move |_| Answer::new(200, full.clone()));
    let target = format!("http://localhost:{}/x", port(&other));
    let registry = FakeRegistry::start(move |_| Answer::new(307, "").with("location", &target));
    assert_eq!(read(&source(&registry, settings()), &layer(&bytes)).unwrap(), bytes);
}

#[test]
fn a_layer_of_another_place_is_not_fetched_from_this_machine() {
    let bytes = b"a layer".to_vec();
    let other = FakeRegistry::start_at(OTHER, |_| Answer::new(200, "a layer"));
    let registry = FakeRegistry::start(|_| Answer::new(404, ""));
    let mut foreign = layer(&bytes);
    foreign.descriptor.as_mut().unwrap().urls = vec![format!("http://{}/layer", other.host)];
    let mut follow = settings();
    follow.follow_foreign_urls = true;
    let e = read(&source(&registry, follow), &foreign).unwrap_err();
    assert!(matches!(e, RegistryError::Barred { .. }), "{e:?}");
    assert!(other.asked().is_empty());
}

/// A registry whose token server is at `host`, and that server.
fn with_realm(address: &str) -> (FakeRegistry, FakeRegistry) {
    let image = Served::small();
    let tokens = FakeRegistry::start_at(address, |_| Answer::new(200, r#"{"token":"t0ken"}"#));
    let realm = format!("http://{}/token", tokens.host);
    let registry = FakeRegistry::start(move |asked| match asked.header("authorization") {
        Some("Bearer t0ken") => image.answer(asked),
        _ => Answer::new(401, "").with("www-authenticate", format!("Bearer realm=\"{realm}\"")),
    });
    (registry, tokens)
}

#[test]
fn a_password_goes_in_clear_to_the_registry_s_own_host_only_unless_another_is_named() {
    let (registry, tokens) = with_realm("127.0.0.1");
    resolve(&source(&registry, with_login())).unwrap();
    assert!(tokens.asked()[0].header("authorization").unwrap().starts_with("Basic "));

    let (registry, tokens) = with_realm(OTHER);
    // Not even where it may lead.
    let e = refused(&source(&registry, allowing(with_login(), OTHER)));
    assert!(matches!(e, RegistryError::Challenge { .. }), "{e:?}");
    assert!(e.to_string().contains("in clear"), "{e}");
    let hint = e.hint().unwrap();
    assert!(hint.contains(&format!("--plain-http={}", tokens.host)), "{hint}");
    assert!(tokens.asked().is_empty());

    for named in [OTHER, tokens.host.as_str()] {
        let mut s = allowing(with_login(), OTHER);
        s.plain_http_hosts = vec![named.to_owned()];
        resolve(&source(&registry, s)).unwrap();
    }
    let mut elsewhere = allowing(with_login(), OTHER);
    elsewhere.plain_http_hosts = vec![format!("{OTHER}:1"), "127.0.0.3".to_owned()];
    let e = refused(&source(&registry, elsewhere));
    assert!(matches!(e, RegistryError::Challenge { .. }), "{e:?}");
}

#[test]
fn a_realm_in_a_more_private_place_is_not_asked_with_or_without_a_password() {
    let (registry, tokens) = with_realm(OTHER);
    let e = refused(&source(&registry, settings()));
    assert!(matches!(e, RegistryError::Barred { .. }), "{e:?}");
    let mut named = with_login();
    named.plain_http_hosts = vec![OTHER.to_owned()];
    let e = refused(&source(&registry, named));
    assert!(matches!(e, RegistryError::Barred { .. }), "{e:?}");
    assert!(tokens.asked().is_empty());
    // Nothing secret goes there, and it may lead there.
    resolve(&source(&registry, allowing(settings(), OTHER))).unwrap();
}

#[test]
fn an_identity_token_is_not_posted_to_a_more_private_place() {
    let (registry, tokens) = with_realm(OTHER);
    let mut s = with_login();
    let json =
        format!(r#"{{"auths":{{"{}":{{"identitytoken":"refresh-me-please"}}}}}}"#, registry.host);
    s.credentials.explicit = None;
    s.credentials.auth_sources = vec![careen::source::registry::AuthSource::Text {
        from: "a test".to_owned(),
        text: careen::text::Redacted::new(json),
    }];
    s.plain_http_hosts = vec![OTHER.to_owned()];
    let e = refused(&source(&registry, s));
    assert!(matches!(e, RegistryError::Barred { .. }), "{e:?}");
    assert!(tokens.asked().is_empty());
}

/// Answers with whatever was sent to prove who we are.
fn echo(asked: &Asked) -> String {
    format!("{} {}", asked.header("authorization").unwrap_or_default(), asked.body)
}

#[test]
fn no_error_repeats_a_password_or_a_token() {
    const TOKEN: &str = "eyJ0b2tlbi1vZi1hbm5h";
    let basic = "YW5uYTpodW50ZXIyaHVudGVyMg";
    let tell = |s: &str| serde_json::json!({"errors": [{"code": s, "message": s}]}).to_string();
    type Script = Box<dyn Fn(&Asked) -> Answer + Send>;
    let scripts: Vec<(&str, Script)> = vec![
        ("message", Box::new(move |a| Answer::new(403, tell(&echo(a))))),
        // More than is quoted, cut in the middle of the token.
        (
            "cut",
            Box::new(move |a| Answer::new(403, tell(&format!("{}{}", "x".repeat(285), echo(a))))),
        ),
        ("json", Box::new(|a| Answer::new(200, format!("{{\"schemaVersion\":\"{}\"}}", echo(a))))),
        (
            "media type",
            Box::new(|a| {
                let words = echo(a).replace(' ', "/");
                Answer::new(200, format!("{{\"schemaVersion\":2,\"mediaType\":\"{words}\"}}"))
                    .with("content-type", words)
            }),
        ),
        (
            "redirect",
            Box::new(|a| {
                let words = echo(a).replace(' ', "-");
                Answer::new(302, "").with("location", format!("http://{words}.localhost:1/{words}"))
            }),
        ),
        (
            "no redirect",
            Box::new(|a| Answer::new(302, "").with("location", format!("http://[{}", echo(a)))),
        ),
        (
            "realm",
            Box::new(|a| {
                Answer::new(401, "")
                    .with("www-authenticate", format!("Bearer realm=\"{}\"", echo(a)))
            }),
        ),
    ];
    for (name, script) in scripts {
        let script = std::sync::Arc::new(std::sync::Mutex::new(script));
        for bearer in [true, false] {
            let script = script.clone();
            let registry = FakeRegistry::start(move |asked| {
                if asked.path.starts_with("/token") {
                    return Answer::new(200, format!("{{\"token\":\"{TOKEN}\"}}"));
                }
                let host = asked.header("host").unwrap();
                match asked.header("authorization") {
                    Some(_) => script.lock().unwrap()(asked),
                    None if bearer => Answer::new(401, "")
                        .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\"")),
                    None => Answer::new(401, "").with("www-authenticate", "Basic realm=\"x\""),
                }
            });
            let e = resolve(&source(&registry, with_login())).unwrap_err();
            let text = format!("{e} {e:?} {:?}", e.hint());
            for secret in [TOKEN, PASSWORD, basic, &TOKEN[..10], &basic[..10]] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
    }
}

#[test]
fn what_a_document_repeats_of_a_token_is_in_no_gap() {
    const TOKEN: &str = "eyJ0b2tlbi1vZi1hbm5h";
    let image = Served::small();
    let size = image.blob(&image.manifest).len();
    let digest = image.manifest.clone();
    let registry = FakeRegistry::start(move |asked| {
        let host = asked.header("host").unwrap();
        if asked.path.starts_with("/token") {
            return Answer::new(200, format!("{{\"token\":\"{TOKEN}\"}}"));
        }
        if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            let realm = format!("Bearer realm=\"http://{host}/token\"");
            return Answer::new(401, "").with("www-authenticate", realm);
        }
        if asked.path.contains("/tags/list") {
            return Answer::new(200, format!("{{\"tags\":[\"1\",\"{TOKEN}=\"]}}"));
        }
        if !asked.path.ends_with("/manifests/1") {
            return image.answer(asked);
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size,
                "platform": {"os": "linux", "architecture": "amd64"}},
            {"mediaType": format!("application/{TOKEN}"), "size": 2,
                "digest": format!("sha256:{}", "0".repeat(64)),
                "platform": {"os": "linux", "architecture": "amd64"}}]});
        Answer::new(200, index.to_string()).with("content-type", media_type)
    });
    let s = source(&registry, with_login());
    let found = s.resolve(&PlatformChoice::All).unwrap();
    let text = format!("{:?} {:?}", found.unseen, s.tags().unwrap().odd);
    assert!(!found.unseen.is_empty() && !text.contains(TOKEN), "{text}");
    assert!(text.matches("[redacted]").count() >= 2, "{text}");
}

#[test]
fn no_error_of_a_token_server_repeats_a_password() {
    for (status, body) in [
        (401, r#"{"errors":[{"message":"no: {}"}]}"#),
        (200, r#"{"token":{"no":"{}"}}"#),
        (200, r#"{"expires_in":"{}"}"#),
        (200, "{}"),
    ] {
        let registry = FakeRegistry::start(move |asked| {
            if asked.path.starts_with("/token") {
                let said = format!("{} {PASSWORD}", echo(asked));
                return Answer::new(status, body.replace("{}", &said));
            }
            let host = asked.header("host").unwrap();
            Answer::new(401, "")
                .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
        });
        let e = refused(&source(&registry, with_login()));
        let text = format!("{e} {e:?}");
        assert!(!text.contains("hunter2") && !text.contains("YW5uYTpodW50"), "{text}");
    }
}

#[test]
fn the_command_line_names_hosts_and_reads_logins_from_the_environment() {
    let (registry, tokens) = with_realm(OTHER);
    let home = Home::new();
    let image = format!("{}/app/x:1", registry.host);
    let logins = serde_json::json!({"auths": {registry.host.as_str(): {"auth": "YW5uYTpwdw"}}});
    let run = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = home.command(&[&["inspect", &image, "--no-cache"], args].concat());
        command.env("DOCKER_AUTH_CONFIG", logins.to_string());
        command.envs(environment.iter().copied());
        let out = command.stderr(std::process::Stdio::piped()).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (status, words) = run(&[], &[]);
    assert_eq!(status, 3, "{words}");
    assert!(words.contains("hint: ") && words.contains("--plain-http=127.0.0.2"), "{words}");
    let plain = format!("--plain-http={OTHER}");
    let (status, words) = run(&[&plain], &[]);
    assert_eq!(status, 3, "{words}");
    assert!(words.contains("--allow-host 127.0.0.2"), "{words}");
    assert!(tokens.asked().is_empty());
    let (status, words) = run(&[&plain, "--allow-host", OTHER], &[]);
    assert!(status <= 1, "{words}");
    let (status, words) = run(&[&plain], &[("CAREEN_ALLOW_HOST", "a.test,127.0.0.2")]);
    assert!(status <= 1, "{words}");
    let sent = tokens.asked().pop().unwrap();
    assert_eq!(sent.header("authorization"), Some("Basic YW5uYTpwdw=="));
    let (status, words) = run(&["--allow-host", "http://x/"], &[]);
    assert_eq!(status, 2, "{words}");
}
