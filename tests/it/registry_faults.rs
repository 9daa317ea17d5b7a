//! The registry source against a scripted registry that misbehaves.

use crate::support::fake_registry::{Answer, Asked, FakeRegistry};
use careen::oci::{Descriptor, Digest};
use careen::source::registry::{
    Credentials, Helpers, Login, Patience, RegistryError, RegistrySettings, RegistrySource,
    TOKEN_LIMIT, Timeouts,
};
use careen::source::resolve::DOCUMENT_LIMIT;
use careen::source::{BlobName, LayerRef, PlatformChoice, Source, SourceError};
use std::io::Read;
use std::time::{Duration, Instant};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn settings() -> RegistrySettings {
    RegistrySettings {
        credentials: Credentials { helpers: Helpers::Never, ..Credentials::default() },
        plain_http: true,
        patience: Patience {
            retries: 3,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(5),
            longest_retry_after: Duration::from_millis(300),
        },
        timeouts: Timeouts { read: Duration::from_secs(3), ..Timeouts::default() },
        ..RegistrySettings::default()
    }
}

fn with_login() -> RegistrySettings {
    let mut s = settings();
    s.credentials.explicit = Some(Login::password("anna", "hunter2hunter2"));
    s
}

fn source(registry: &FakeRegistry, rest: &str, settings: RegistrySettings) -> RegistrySource {
    RegistrySource::new(format!("{}/app/x{rest}", registry.host).parse().unwrap(), settings)
        .unwrap()
}

fn resolve(source: &RegistrySource) -> Result<(), SourceError> {
    source.resolve(&PlatformChoice::All).map(|_| ())
}

fn refused(source: &RegistrySource) -> RegistryError {
    match resolve(source) {
        Err(SourceError::Registry(e)) => e,
        other => panic!("{other:?}"),
    }
}

const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[]}}"#;

fn manifest() -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[]}}"#,
        Digest::sha256(CONFIG.as_bytes()),
        CONFIG.len()
    )
}

/// A registry that works.
fn answer(asked: &Asked) -> Answer {
    if asked.path.contains("/manifests/") {
        Answer::new(200, manifest()).with("content-type", MANIFEST_TYPE)
    } else {
        Answer::new(200, CONFIG)
    }
}

fn blob() -> Vec<u8> {
    (0..700_000u32).flat_map(|n| n.to_le_bytes()).collect()
}

fn layer(bytes: &[u8]) -> LayerRef {
    let digest = Digest::sha256(bytes);
    LayerRef {
        blob: BlobName::Digest(digest),
        descriptor: Some(Descriptor::new(
            "application/vnd.oci.image.layer.v1.tar",
            digest,
            bytes.len() as u64,
        )),
        declared_diff_id: None,
    }
}

fn read(source: &RegistrySource, layer: &LayerRef) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    source.open(layer).unwrap().read_to_end(&mut out)?;
    Ok(out)
}

fn typed(e: &std::io::Error) -> &RegistryError {
    e.get_ref().and_then(|e| e.downcast_ref()).unwrap_or_else(|| panic!("{e:?}"))
}

/// The first byte that a request asks for.
fn first_byte(asked: &Asked) -> usize {
    asked.header("range").map_or(0, |r| {
        r.strip_prefix("bytes=").and_then(|r| r.strip_suffix('-')).unwrap().parse().unwrap()
    })
}

fn part(bytes: &[u8], from: usize) -> Answer {
    Answer::new(206, &bytes[from..])
        .with("content-range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()))
}

#[test]
fn waits_as_long_as_retry_after_says() {
    let mut times = 0;
    let registry = FakeRegistry::start(move |asked| {
        times += 1;
        match times {
            1 => Answer::new(429, "").with("retry-after", 9999),
            _ => answer(asked),
        }
    });
    let begun = Instant::now();
    resolve(&source(&registry, ":1", settings())).unwrap();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
    assert!(waited < Duration::from_secs(20), "capped: {waited:?}");
}

#[test]
fn tries_again_after_a_server_error() {
    let mut times = 0;
    let registry = FakeRegistry::start(move |asked| {
        times += 1;
        match times {
            1 | 2 => Answer::new(500, "oops"),
            _ => answer(asked),
        }
    });
    resolve(&source(&registry, ":1", settings())).unwrap();
    assert_eq!(registry.asked().len(), 4, "three manifests, one config");
}

#[test]
fn gives_up_after_so_many_tries() {
    let registry = FakeRegistry::start(|_| {
        Answer::new(
            429,
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow \u001b[31mdown"}]}"#,
        )
    });
    let e = refused(&source(&registry, ":1", settings()));
    assert_eq!(e.status(), Some(429));
    assert_eq!(registry.asked().len(), 4, "one try and three more");
    let text = e.to_string();
    assert!(text.contains("too many requests") && text.contains("TOOMANYREQUESTS"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_missing_or_forbidden_manifest_is_asked_for_once() {
    for status in [403, 404] {
        let registry = FakeRegistry::start(move |_| Answer::new(status, "<html>"));
        let e = refused(&source(&registry, ":1", settings()));
        assert_eq!(e.status(), Some(status));
        assert_eq!(registry.asked().len(), 1);
        assert!(e.hint().is_some());
    }
}

#[test]
fn a_cut_blob_goes_on_at_the_exact_byte() {
    let bytes = blob();
    let full = bytes.clone();
    let registry = FakeRegistry::start(move |asked| {
        let from = first_byte(asked);
        let mut answer = if from == 0 { Answer::new(200, full.clone()) } else { part(&full, from) };
        // Half of what is left, three times.
        if full.len() - from > 400_000 {
            let promised = answer.body.len();
            answer.body.truncate(promised / 2);
            answer = answer.with("content-length", promised);
        }
        answer
    });
    let s = source(&registry, ":1", settings());
    assert!(read(&s, &layer(&bytes)).unwrap() == bytes);
    let from: Vec<usize> = registry.asked().iter().map(first_byte).collect();
    assert!(from.len() >= 3 && from.is_sorted() && from[1] > 0, "{from:?}");
}

#[test]
fn a_stalled_blob_goes_on() {
    let bytes = blob();
    let full = bytes.clone();
    let registry = FakeRegistry::start(move |asked| match first_byte(asked) {
        0 => Answer {
            stall: true,
            ..Answer::new(200, &full[..1_000_000]).with("content-length", full.len())
        },
        from => part(&full, from),
    });
    let s = source(&registry, ":1", settings());
    assert!(read(&s, &layer(&bytes)).unwrap() == bytes);
    assert_eq!(registry.asked().len(), 2);
}

#[test]
fn a_server_that_ignores_range_is_read_from_the_start() {
    let bytes = blob();
    let full = bytes.clone();
    let mut times = 0;
    let registry = FakeRegistry::start(move |_| {
        times += 1;
        match times {
            1 => Answer::new(200, &full[..1_234_567]).with("content-length", full.len()),
            _ => Answer::new(200, full.clone()),
        }
    });
    let s = source(&registry, ":1", settings());
    assert!(read(&s, &layer(&bytes)).unwrap() == bytes);
    assert_eq!(registry.asked().len(), 2);
}

#[test]
fn a_range_that_begins_elsewhere_is_refused() {
    let bytes = blob();
    let full = bytes.clone();
    let registry = FakeRegistry::start(move |asked| match first_byte(asked) {
        0 => Answer::new(200, &full[..1_000_000]).with("content-length", full.len()),
        from => part(&full, from + 1),
    });
    let e = read(&source(&registry, ":1", settings()), &layer(&bytes)).unwrap_err();
    assert!(matches!(typed(&e), RegistryError::Protocol { .. }), "{e}");
}

#[test]
fn a_blob_that_is_always_cut_ends_in_an_error() {
    let bytes = blob();
    let length = bytes.len();
    let registry =
        FakeRegistry::start(move |_| Answer::new(200, "").with("content-length", length));
    let e = read(&source(&registry, ":1", settings()), &layer(&bytes)).unwrap_err();
    assert!(matches!(typed(&e), RegistryError::Connection { .. }), "{e}");
    assert_eq!(registry.asked().len(), 4);
}

#[test]
fn a_blob_longer_than_its_descriptor_is_an_error() {
    let bytes = blob();
    let registry = FakeRegistry::start(|_| {
        let mut longer = blob();
        longer.push(0);
        Answer::new(200, longer)
    });
    let e = read(&source(&registry, ":1", settings()), &layer(&bytes)).unwrap_err();
    assert!(matches!(typed(&e), RegistryError::TooLong { .. }), "{e}");
    assert_eq!(registry.asked().len(), 1);
}

#[test]
fn a_dropped_reader_stops_the_transfer() {
    let bytes = vec![7u8; 32 << 20];
    let full = bytes.clone();
    let registry = FakeRegistry::start(move |_| Answer::new(200, full.clone()));
    // A busy machine must not look like a silent server.
    let mut patient = settings();
    patient.timeouts.read = Duration::from_secs(20);
    let s = source(&registry, ":1", patient);
    let mut reader = s.open(&layer(&bytes)).unwrap();
    let mut some = [0; 100];
    reader.read_exact(&mut some).unwrap();
    drop(s);
    reader.read_exact(&mut some).unwrap();
    drop(reader);
    assert_eq!(registry.asked().len(), 1);
}

/// A registry and its token server in one. Tokens are `t1`, `t2`, …; only the newest is good, and
/// `expire_at` names a request (by number) before which the newest becomes worthless.
fn with_tokens(
    expire_at: usize,
    mut inner: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> FakeRegistry {
    let (mut issued, mut asked_of_us, mut good) = (0, 0, String::new());
    FakeRegistry::start(move |asked| {
        if asked.path.starts_with("/token") {
            issued += 1;
            good = format!("Bearer t{issued}");
            return Answer::new(200, format!(r#"{{"access_token":"t{issued}"}}"#));
        }
        asked_of_us += 1;
        if asked_of_us == expire_at {
            good.clear();
        }
        if asked.header("authorization") == Some(good.as_str()) {
            return inner(asked);
        }
        let host = asked.header("host").unwrap();
        Answer::new(401, "").with(
            "www-authenticate",
            format!(r#"Bearer realm="http://{host}/token",service="s, with \"comma\"""#),
        )
    })
}

#[test]
fn a_token_that_expires_in_the_middle_of_a_blob_is_renewed_once() {
    let bytes = blob();
    let full = bytes.clone();
    let registry = with_tokens(3, move |asked| match first_byte(asked) {
        0 => Answer::new(200, &full[..1_000_000]).with("content-length", full.len()),
        from => part(&full, from),
    });
    let s = source(&registry, ":1", settings());
    assert!(read(&s, &layer(&bytes)).unwrap() == bytes);
    let tokens = registry.paths().iter().filter(|p| p.starts_with("/token")).count();
    assert_eq!(tokens, 2, "{:?}", registry.paths());
    let asked = registry.asked();
    let token = asked.iter().find(|a| a.path.starts_with("/token")).unwrap();
    assert!(token.path.contains("scope=repository%3Aapp%2Fx%3Apull"), "{}", token.path);
}

#[test]
fn a_registry_that_never_accepts_its_tokens_is_asked_twice() {
    let registry = FakeRegistry::start(|asked| {
        if asked.path.starts_with("/token") {
            return Answer::new(200, r#"{"token":"t"}"#);
        }
        let host = asked.header("host").unwrap();
        Answer::new(401, "")
            .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
    });
    let e = refused(&source(&registry, ":1", settings()));
    assert_eq!(e.status(), Some(401));
    assert_eq!(registry.asked().len(), 3);
}

#[test]
fn a_redirect_to_another_host_gets_no_authorization() {
    let bytes = blob();
    let full = bytes.clone();
    let storage = FakeRegistry::start(move |_| Answer::new(200, full.clone()));
    let target = format!("http://{}/signed?signature=s3cret", storage.host);
    let registry = with_tokens(0, move |_| Answer::new(307, "").with("location", &target));
    let s = source(&registry, ":1", with_login());
    assert!(read(&s, &layer(&bytes)).unwrap() == bytes);
    let asked = storage.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None);
    assert!(
        registry
            .asked()
            .iter()
            .any(|a| a.header("authorization").is_some_and(|h| h.starts_with("Basic "))),
        "the realm was given the password"
    );
}

#[test]
fn a_challenge_of_another_host_is_not_answered() {
    let other = FakeRegistry::start(|asked| {
        let host = asked.header("host").unwrap();
        Answer::new(401, "")
            .with("www-authenticate", "Basic realm=\"phish\"")
            .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
    });
    let target = format!("http://{}/x?signature=s3cret", other.host);
    let registry = FakeRegistry::start(move |_| Answer::new(302, "").with("location", &target));
    let e = refused(&source(&registry, ":1", with_login()));
    assert_eq!(e.status(), Some(401));
    assert_eq!(other.asked().len(), 1);
    assert!(other.asked()[0].header("authorization").is_none());
    assert!(!format!("{e}").contains("s3cret"));
}

#[test]
fn redirects_in_a_circle_end() {
    let registry = FakeRegistry::start(|a| Answer::new(302, "").with("location", &a.path));
    let e = refused(&source(&registry, ":1", settings()));
    assert!(matches!(e, RegistryError::Redirect { .. }), "{e}");
    assert_eq!(registry.asked().len(), 6);
}

#[test]
fn a_realm_that_is_no_place_for_a_password_is_refused() {
    for realm in ["http://user:p@127.0.0.1/t", "ftp://127.0.0.1/t", "nonsense"] {
        let registry = FakeRegistry::start(move |_| {
            Answer::new(401, "").with("www-authenticate", format!("Bearer realm=\"{realm}\""))
        });
        let e = refused(&source(&registry, ":1", with_login()));
        assert!(matches!(e, RegistryError::Challenge { .. }), "{realm}: {e}");
    }
}

#[test]
fn bodies_are_capped() {
    // Announced, and not announced.
    for header in [None, Some(("transfer-encoding", "identity"))] {
        let registry = FakeRegistry::start(move |_| {
            let a = Answer::new(200, vec![b' '; DOCUMENT_LIMIT as usize + 1]);
            match header {
                Some((n, v)) => a.with(n, v),
                None => a,
            }
        });
        let e = refused(&source(&registry, ":1", settings()));
        assert!(
            matches!(e, RegistryError::TooLarge { limit, .. } if limit == DOCUMENT_LIMIT),
            "{e}"
        );
    }
    let registry = FakeRegistry::start(|asked| {
        if asked.path.starts_with("/token") {
            return Answer::new(200, vec![b' '; TOKEN_LIMIT as usize + 1]);
        }
        let host = asked.header("host").unwrap();
        Answer::new(401, "")
            .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
    });
    let e = refused(&source(&registry, ":1", settings()));
    assert!(matches!(e, RegistryError::TooLarge { limit, .. } if limit == TOKEN_LIMIT), "{e}");
}

#[test]
fn a_manifest_that_is_not_the_one_asked_for_is_refused_and_not_asked_again() {
    let other = Digest::sha256(b"something else");
    let registry = FakeRegistry::start(answer);
    let e = refused(&source(&registry, &format!("@{other}"), settings()));
    assert!(matches!(e, RegistryError::WrongDigest { expected, .. } if expected == other), "{e}");
    assert_eq!(registry.asked().len(), 1);

    let registry = FakeRegistry::start(move |a| answer(a).with("docker-content-digest", other));
    let e = refused(&source(&registry, ":1", settings()));
    assert!(matches!(e, RegistryError::WrongDigest { expected, .. } if expected == other), "{e}");
    assert_eq!(registry.asked().len(), 1);
}

#[test]
fn foreign_layers_are_fetched_elsewhere_only_when_asked() {
    let bytes = blob();
    let full = bytes.clone();
    let elsewhere = FakeRegistry::start(move |_| Answer::new(200, full.clone()));
    let registry = FakeRegistry::start(|_| Answer::new(404, ""));
    let mut foreign = layer(&bytes);
    foreign.descriptor.as_mut().unwrap().urls = vec![format!("http://{}/layer", elsewhere.host)];
    let e = read(&source(&registry, ":1", settings()), &foreign).unwrap_err();
    assert!(matches!(typed(&e), RegistryError::Foreign { .. }), "{e}");
    assert!(elsewhere.asked().is_empty());
    let mut follow = with_login();
    follow.follow_foreign_urls = true;
    assert!(read(&source(&registry, ":1", follow), &foreign).unwrap() == bytes);
    assert!(elsewhere.asked()[0].header("authorization").is_none());
}

#[test]
fn nobody_there_is_a_clear_error() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let s = RegistrySource::new(format!("{gone}/app/x:1").parse().unwrap(), settings()).unwrap();
    let e = refused(&s);
    assert!(e.to_string().contains(&gone.to_string()), "{e}");
    assert!(e.hint().is_some());
}
