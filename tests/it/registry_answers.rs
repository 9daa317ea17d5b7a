//! Answers that are no document: web pages, compressed bytes, headers without end.

use crate::support::asking::{layer, read, refused, resolve, settings, source, with_login};
use crate::support::fake_registry::{Answer, Asked, FakeRegistry};
use crate::support::image_builder::{Compression, compress};
use crate::support::image_registry::Served;
use crate::support::program::Home;
use careen::source::registry::{ConnectionCause, RegistryError};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const PAGE: &str = "<!doctype html><title>Gallery</title>";

#[test]
fn a_web_page_with_status_200_is_called_one() {
    let registry =
        FakeRegistry::start(|_| Answer::new(200, PAGE).with("content-type", "text/html"));
    let s = source(&registry, settings());
    let e = refused(&s);
    assert!(matches!(e, RegistryError::WebPage { .. }), "{e:?}");
    assert!(e.hint().unwrap().contains("login page"), "{:?}", e.hint());
    assert_eq!(registry.asked().len(), 1);
    assert!(matches!(s.tags().unwrap_err(), RegistryError::WebPage { .. }));
    let e = read(&s, &layer(b"some other bytes")).unwrap_err();
    assert!(matches!(e, RegistryError::WebPage { .. }), "{e:?}");

    let home = Home::new();
    let run = home.run(&["inspect", &format!("{}/app/x:1", registry.host), "--no-cache"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(
        run.stderr.contains("web page") && run.stderr.contains("no registry"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_layer_that_is_only_labelled_as_a_web_page_is_a_layer() {
    let registry =
        FakeRegistry::start(|_| Answer::new(200, "a layer").with("content-type", "text/html"));
    assert_eq!(read(&source(&registry, settings()), &layer(b"a layer")).unwrap(), b"a layer");
}

#[test]
fn a_token_server_that_is_a_web_page_is_called_one() {
    let registry = FakeRegistry::start(|asked| match asked.path.starts_with("/token") {
        true => Answer::new(200, PAGE),
        false => {
            let host = asked.header("host").unwrap();
            let realm = format!("Bearer realm=\"http://{host}/token\"");
            Answer::new(401, "").with("www-authenticate", realm)
        }
    });
    let e = refused(&source(&registry, with_login()));
    assert!(e.to_string().contains("token answer") && e.to_string().contains("web page"), "{e}");
}

/// A registry in front of which something compresses and labels what it likes.
fn compressing(how: Compression, label: &'static str, wanted: fn(&Asked) -> bool) -> FakeRegistry {
    let image = Served::small();
    FakeRegistry::start(move |asked| {
        let mut answer = image.answer(asked);
        if wanted(asked) {
            answer.body = compress(&answer.body, how);
            answer = answer.with("content-encoding", label);
        }
        answer
    })
}

fn any(_: &Asked) -> bool {
    true
}

#[test]
fn documents_that_were_compressed_on_the_way_are_read_or_called_that() {
    let is_layer = |asked: &Asked| !asked.path.contains("/blobs/");
    for label in ["gzip", "x-gzip"] {
        for wanted in [any, is_layer] {
            let registry = compressing(Compression::Gzip, label, wanted);
            resolve(&source(&registry, settings())).unwrap();
            assert_eq!(registry.asked()[0].header("accept-encoding"), Some("identity"));
        }
    }
    for (how, label) in [(Compression::Zstd, "zstd"), (Compression::Gzip, "br")] {
        let registry = compressing(how, label, any);
        let e = refused(&source(&registry, settings()));
        assert!(e.to_string().contains("compressed"), "{label}: {e}");
    }
}

#[test]
fn the_label_of_a_layer_means_nothing() {
    for label in ["gzip", "x-gzip", "br", "identity"] {
        let image = Served::small();
        let digest = image.layers[0].clone();
        let bytes = image.blob(&digest).to_vec();
        let registry =
            FakeRegistry::start(move |asked| image.answer(asked).with("content-encoding", label));
        let s = source(&registry, settings());
        resolve(&s).unwrap();
        assert_eq!(read(&s, &layer(&bytes)).unwrap(), bytes, "{label}");
    }
}

#[test]
fn a_small_gzip_of_a_large_document_is_too_large() {
    let body = compress(&vec![b' '; 8 << 20], Compression::Gzip);
    let registry = FakeRegistry::start(move |_| {
        Answer::new(200, body.clone()).with("content-encoding", "gzip")
    });
    let e = refused(&source(&registry, settings()));
    assert!(matches!(e, RegistryError::TooLarge { .. }), "{e:?}");
}

#[test]
fn tokens_whose_life_is_written_in_other_ways_are_tokens() {
    for life in ["300.5", "\"300\"", "-1", "null", "{}", "1e40", "\"\""] {
        let image = Served::small();
        let registry = FakeRegistry::start(move |asked| {
            if asked.path.starts_with("/token") {
                return Answer::new(200, format!("{{\"token\":\"t0ken\",\"expires_in\":{life}}}"));
            }
            if asked.header("authorization") == Some("Bearer t0ken") {
                return image.answer(asked);
            }
            let host = asked.header("host").unwrap();
            Answer::new(401, "")
                .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
        });
        resolve(&source(&registry, settings())).unwrap();
    }
}

/// A server that sends these bytes again and again instead of a header that ends.
fn endless(start: &'static str, line: Vec<u8>, wait: Duration) -> FakeRegistry {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut registry = FakeRegistry::start(|_| Answer::new(500, ""));
    registry.host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let line = line.clone();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(start.as_bytes());
                // Ends when the other side hangs up.
                while stream.write_all(&line).is_ok() {
                    std::thread::sleep(wait);
                }
            });
        }
    });
    registry
}

#[test]
fn a_header_without_end_ends() {
    let mut impatient = settings();
    impatient.timeouts.read = Duration::from_millis(500);
    impatient.patience.retries = 1;
    let begun = Instant::now();
    for (line, wait) in [
        (b"x: y\r\n".to_vec(), Duration::ZERO),
        (vec![b'x'; 1 << 16], Duration::ZERO),
        (b"x".to_vec(), Duration::from_millis(20)),
    ] {
        let registry = endless("HTTP/1.1 200 OK\r\n", line, wait);
        let e = refused(&source(&registry, impatient.clone()));
        assert!(
            matches!(e, RegistryError::Connection { cause, .. } if cause != ConnectionCause::Tls),
            "{e:?}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
