//! Servers that send a byte now and then.

use crate::support::asking::{layer, read, refused, settings, source, with_login};
use crate::support::fake_registry::{Answer, FakeRegistry};
use crate::support::image_registry::Served;
use crate::support::program::Home;
use careen::oci::Digest;
use careen::source::registry::{MinRate, RegistryError, RegistrySettings};
use std::time::{Duration, Instant};

const NOW_AND_THEN: Duration = Duration::from_millis(50);

fn at_least(mut settings: RegistrySettings, bytes: u64) -> RegistrySettings {
    settings.min_rate = MinRate { bytes, over: Duration::from_millis(400) };
    settings
}

#[test]
fn a_layer_that_comes_too_slowly_is_given_up_and_named_with_its_rate() {
    let bytes = vec![7; 10_000];
    let full = bytes.clone();
    let registry =
        FakeRegistry::start(move |_| Answer::new(200, full.clone()).dripping(NOW_AND_THEN));
    let begun = Instant::now();
    let e = read(&source(&registry, at_least(settings(), 1000)), &layer(&bytes)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let RegistryError::TooSlow { rate, least, .. } = &e else { panic!("{e:?}") };
    assert!(*rate < 100 && *least == 1000, "{e}");
    let digest = Digest::sha256(&bytes).to_string();
    assert!(e.to_string().contains(&digest) && e.to_string().contains(&rate.to_string()), "{e}");
    assert!(e.hint().unwrap().contains("--min-rate 0"), "{:?}", e.hint());
    assert_eq!(registry.asked().len(), 2, "another connection may be faster, a third is not");
}

#[test]
fn whoever_asks_for_no_least_waits() {
    let bytes = vec![7; 30];
    let full = bytes.clone();
    let registry =
        FakeRegistry::start(move |_| Answer::new(200, full.clone()).dripping(NOW_AND_THEN));
    assert_eq!(read(&source(&registry, at_least(settings(), 0)), &layer(&bytes)).unwrap(), bytes);
    // And who sends as much as is asked for is waited for, too.
    assert_eq!(read(&source(&registry, at_least(settings(), 5)), &layer(&bytes)).unwrap(), bytes);
}

#[test]
fn a_reader_that_takes_its_time_makes_no_server_slow() {
    use careen::source::Source as _;
    use std::io::Read as _;
    let bytes = vec![7; 24 << 20];
    let full = bytes.clone();
    let registry = FakeRegistry::start(move |_| Answer::new(200, full.clone()));
    let s = source(&registry, at_least(settings(), 4_000_000));
    let mut reader = s.open(&layer(&bytes)).unwrap();
    let mut part = vec![0; 1 << 20];
    // More than fits between the two.
    for n in 0..24 {
        reader.read_exact(&mut part).unwrap();
        std::thread::sleep(Duration::from_millis(if n < 12 { 400 } else { 0 }));
    }
}

#[test]
fn documents_that_come_too_slowly_are_given_up() {
    let image = Served::small();
    let begun = Instant::now();
    for slow in ["/manifests/", "/blobs/", "/token"] {
        let image = image.clone();
        let registry = FakeRegistry::start(move |asked| {
            let host = asked.header("host").unwrap();
            let answer = match asked.header("authorization") {
                _ if asked.path.starts_with("/token") => {
                    Answer::new(200, format!("{{\"token\":\"{}\"}}", "t".repeat(500)))
                }
                Some(bearer) if bearer.starts_with("Bearer") => image.answer(asked),
                _ => Answer::new(401, "")
                    .with("www-authenticate", format!("Bearer realm=\"http://{host}/token\"")),
            };
            match asked.path.contains(slow) {
                true => answer.dripping(NOW_AND_THEN),
                false => answer,
            }
        });
        let e = refused(&source(&registry, at_least(with_login(), 1000)));
        assert!(matches!(e, RegistryError::TooSlow { .. }), "{slow}: {e:?}");
        let times = registry.paths().iter().filter(|p| p.contains(slow)).count();
        // The first manifest is the question for a login.
        let expected = if slow == "/manifests/" { 3 } else { 2 };
        assert_eq!(times, expected, "{slow}: {:?}", registry.paths());
    }
    let registry = FakeRegistry::start(|_| {
        Answer::new(200, format!("{{\"tags\":[\"{}\"]}}", "t".repeat(100))).dripping(NOW_AND_THEN)
    });
    let e = source(&registry, at_least(settings(), 1000)).tags().unwrap_err();
    assert!(matches!(e, RegistryError::TooSlow { .. }), "{e:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn the_least_rate_is_a_flag_and_a_variable() {
    let home = Home::new();
    let image = Served::small();
    let registry = FakeRegistry::start(move |asked| image.answer(asked));
    let reference = format!("{}/app/x:1", registry.host);
    for least in ["0", "2kB", "1MiB"] {
        let run = home.run(&["inspect", &reference, "--no-cache", "--min-rate", least]);
        assert_eq!(run.status, 0, "{}", run.stderr);
    }
    assert_eq!(home.run(&["inspect", &reference, "--min-rate", "slow"]).status, 2);
    let with = |value: &str| {
        home.command(&["inspect", &reference, "--no-cache"])
            .env("CAREEN_MIN_RATE", value)
            .status()
            .unwrap()
            .code()
    };
    assert_eq!((with("500"), with("-1")), (Some(0), Some(2)));
}
