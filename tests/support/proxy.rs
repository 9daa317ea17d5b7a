//! A proxy in front of a real registry that breaks what it is told to: answers 429 or 500, cuts, slows down,
//! or changes a byte. What it breaks is said by a rule on the path and how often that path was asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    TooMany,
    Broken,
    /// Half of the body, then the end.
    Cut,
    /// A pause before the answer.
    Slow(u64),
    /// One byte of the body is another.
    WrongByte,
}

type Rule = dyn Fn(&str, usize) -> Fault + Send + Sync;

pub struct Proxy {
    pub host: String,
}

impl Proxy {
    /// `rule` is given the path and how often it was asked before.
    pub fn start(
        upstream: &str,
        rule: impl Fn(&str, usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (upstream, rule): (_, Arc<Rule>) = (upstream.to_owned(), Arc::new(rule));
        let asked: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (upstream, rule, asked) = (upstream.clone(), rule.clone(), asked.clone());
                std::thread::spawn(move || serve(stream, &upstream, rule.as_ref(), &asked));
            }
        });
        Self { host }
    }
}

fn serve(
    mut client: TcpStream,
    upstream: &str,
    rule: &Rule,
    asked: &Mutex<HashMap<String, usize>>,
) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = String::new();
    // A TLS greeting is hung up on.
    if reader.fill_buf().ok()?.first() == Some(&0x16) {
        return None;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let before = {
        let mut asked = asked.lock().unwrap();
        let n = asked.entry(path.clone()).or_default();
        *n += 1;
        *n - 1
    };
    let fault = rule(&path, before);
    match fault {
        Fault::TooMany => {
            let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(answer.as_bytes()).ok()?;
            return None;
        }
        Fault::Broken => {
            let answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(answer.as_bytes()).ok()?;
            return None;
        }
        Fault::Slow(ms) => std::thread::sleep(Duration::from_millis(ms)),
        _ => {}
    }
    let mut server = TcpStream::connect(upstream).ok()?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    match fault {
        Fault::Cut if answer.len() > body + 1 => answer.truncate(body + (answer.len() - body) / 2),
        Fault::WrongByte if answer.len() > body => {
            let at = body + (answer.len() - body) / 2;
            answer[at] ^= 0x55;
        }
        _ => {}
    }
    client.write_all(&answer).ok()
}
