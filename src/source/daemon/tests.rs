use super::super::sample::{Image, Tar, amd64};
use super::*;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;

/// An engine that answers one request a connection with `answer`; it tells the request lines.
struct Engine {
    dir: tempfile::TempDir,
    requests: mpsc::Receiver<String>,
}

impl Engine {
    fn answering(answer: impl Fn(&mut UnixStream) + Send + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("engine.sock")).unwrap();
        let (tell, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                let _ = lines.read_line(&mut request);
                let mut header = String::new();
                while lines.read_line(&mut header).unwrap_or(0) > 2 {
                    header.clear();
                }
                if tell.send(request).is_err() {
                    return;
                }
                answer(&mut stream);
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
        Self { dir, requests }
    }

    fn settings(&self) -> DaemonSettings {
        DaemonSettings {
            candidates: vec!["/nowhere.sock".into(), self.dir.path().join("engine.sock")],
            ..DaemonSettings::default()
        }
    }
}

fn chunked(stream: &mut UnixStream, bytes: &[u8], chunk: usize, end: bool) {
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for part in bytes.chunks(chunk) {
        let _ = stream.write_all(format!("{:x}\r\n", part.len()).as_bytes());
        let _ = stream.write_all(part);
        let _ = stream.write_all(b"\r\n");
    }
    if end {
        let _ = stream.write_all(b"0\r\n\r\n");
    }
}

fn export() -> (Image, Vec<u8>) {
    let image = Image::new("amd64", &["one", "two"]);
    let manifest =
        json!([{ "Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a.tar", "b.tar"] }]);
    let tar = Tar::new()
        .file("a.tar", &image.layers[0])
        .file("b.tar", &image.layers[1])
        .file("c.json", &image.config)
        .file("manifest.json", manifest.to_string().as_bytes())
        .end();
    (image, tar.bytes)
}

fn read_all(_: &str, _: u64, body: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    body.read_to_end(&mut out).map(|_| out)
}

#[test]
fn an_export_is_read_in_one_pass() {
    let (image, tar) = export();
    let engine = Engine::answering(move |s| chunked(s, &tar, 700, true));
    let pass = open("localhost/app:1", &engine.settings()).unwrap();
    let (found, mut layers) = pass.run(&amd64(), &mut read_all).unwrap();
    assert!(found.unseen.is_empty(), "{:?}", found.unseen);
    assert_eq!(found.images[0].reference, "docker-daemon:localhost/app:1");
    for (layer, content) in found.images[0].layers.iter().zip(&image.layers) {
        assert_eq!(&layers.remove(&layer.blob).unwrap().unwrap(), content);
    }
    let requests: Vec<String> = engine.requests.try_iter().collect();
    assert!(requests[0].starts_with("GET /images/localhost/app:1/get "), "{requests:?}");
}

#[test]
fn an_export_that_breaks_off_is_not_clean() {
    let (_, tar) = export();
    let engine = Engine::answering(move |s| chunked(s, &tar[..3000], 700, false));
    let pass = open("app:1", &engine.settings()).unwrap();
    let e = pass.run(&amd64(), &mut read_all).err().unwrap();
    assert!(e.to_string().contains("engine.sock"), "{e}");
}

#[test]
fn errors_of_the_engine_are_named_with_a_hint() {
    let respond = |status: &'static str, body: &'static str| {
        Engine::answering(move |s| {
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = s.write_all(format!("{head}{body}").as_bytes());
        })
    };
    let engine = respond("404 Not Found", r#"{"message":"No such image: app:1"}"#);
    let e = open("app:1", &engine.settings()).err().unwrap();
    assert!(matches!(e, SourceError::NoSuchImage { .. }), "{e}");
    assert!(e.hint().unwrap().contains("docker://app:1"));
    let engine = respond("500 Internal Server Error", "{\"message\":\"disk \\u001b[1mfull\"}");
    let e = open("app:1", &engine.settings()).err().unwrap().to_string();
    assert!(e.contains("full") && !e.contains('\u{1b}'), "{e}");
}

#[test]
fn no_engine_says_where_it_was_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.sock");
    let settings = DaemonSettings { candidates: vec![path.clone()], ..DaemonSettings::default() };
    let e = open("app:1", &settings).err().unwrap();
    assert!(e.to_string().contains("none.sock") && e.hint().is_some(), "{e}");
    // A socket that no one listens on any more.
    drop(UnixListener::bind(&path).unwrap());
    let e = open("app:1", &settings).err().unwrap();
    assert!(matches!(e, SourceError::Engine { .. }), "{e}");
    let settings = DaemonSettings { host: Some("ssh://host".to_owned()), ..settings };
    let e = open("app:1", &settings).err().unwrap().to_string();
    assert!(e.contains("only unix:// and tcp://"), "{e}");
}

#[test]
fn a_silent_engine_is_given_up() {
    let engine = Engine::answering(|s| {
        chunked(s, &[1; 100], 100, false);
        std::thread::sleep(Duration::from_secs(4));
    });
    let settings = DaemonSettings { patience: Duration::from_secs(1), ..engine.settings() };
    let pass = open("app:1", &settings).unwrap();
    let e = pass.run(&amd64(), &mut read_all).err().unwrap();
    assert!(e.to_string().to_lowercase().contains("timeout"), "{e}");
}

#[test]
fn names_cannot_leave_their_place_in_the_url() {
    for good in ["app", "localhost/app:1", "0123abcd", &format!("sha256:{}", "0".repeat(64))] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in ["", "../x", "a b", "app/../x", "a?b", "a#b", "%2e"] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}
