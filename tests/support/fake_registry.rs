//! A registry that follows a script: request line in, bytes out. It speaks plain HTTP, one request a
//! connection, and notes what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// One answer. The content length is that of `body` unless `headers` names another, so a body can
/// be cut short.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Leaves the connection open and silent after the body.
    pub stall: bool,
    /// How long after each byte of the body the next one comes.
    pub drip: Option<Duration>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    /// A body that comes byte by byte.
    pub fn dripping(self, wait: Duration) -> Self {
        Self { drip: Some(wait), ..self }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

type Script = Box<dyn FnMut(&Asked) -> Answer + Send>;

pub struct FakeRegistry {
    pub host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeRegistry {
    /// `script` answers each request; it lives until the process ends.
    pub fn start(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self::start_at("127.0.0.1", script)
    }

    /// At an address of this machine, such as `127.0.0.2` or `[::1]`.
    pub fn start_at(address: &str, script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(format!("{address}:0")).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, script) = (log.clone(), script.clone());
                std::thread::spawn(move || serve(stream, &log, &script));
            }
        });
        Self { host, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|a| a.path).collect()
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Asked>>, script: &Mutex<Script>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    // A TLS greeting is hung up on, as by a server that knows only HTTP.
    if reader.fill_buf().ok()?.first() == Some(&0x16) {
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, path, headers, body: String::new() };
    let length = asked.header("content-length").and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    log.lock().unwrap().push(asked.clone());
    let answer = (script.lock().unwrap())(&asked);
    let mut out = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
    let has = |name: &str| answer.headers.iter().any(|(n, _)| n == name);
    if !has("content-length") && !has("transfer-encoding") {
        out += &format!("content-length: {}\r\n", answer.body.len());
    }
    for (name, value) in &answer.headers {
        out += &format!("{name}: {value}\r\n");
    }
    let mut stream = stream;
    stream.write_all(out.as_bytes()).ok()?;
    stream.write_all(b"\r\n").ok()?;
    match answer.drip {
        None => stream.write_all(&answer.body).ok()?,
        Some(wait) => {
            stream.set_nodelay(true).ok()?;
            for byte in &answer.body {
                stream.write_all(&[*byte]).ok()?;
                std::thread::sleep(wait);
            }
        }
    }
    stream.flush().ok()?;
    if answer.stall {
        std::thread::sleep(Duration::from_secs(30));
    }
    Some(())
}
