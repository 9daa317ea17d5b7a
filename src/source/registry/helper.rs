//! Docker's credential helpers: programs `docker-credential-NAME` that are given a server's name on
//! stdin and answer with JSON.

use super::credentials::{Helpers, Login};
use super::error::quote;
use crate::oci::go_json::{self, go_struct};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Largest answer of a helper that is read, in bytes.
const ANSWER_LIMIT: u64 = 1 << 20;

#[derive(Default)]
struct Answer {
    username: String,
    secret: String,
}

go_struct!(Answer { "Username" => username, "Secret" => secret });

/// Asks a helper. `None`: it knows no credentials for `server`. An error is a sentence that names
/// the helper and holds nothing secret.
pub(super) fn ask(
    helpers: &Helpers,
    name: &str,
    server: &str,
    timeout: Duration,
) -> Result<Option<Login>, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("`{}` is not the name of a credential helper", quote(name)));
    }
    let program = format!("docker-credential-{name}");
    let mut command = match helpers {
        Helpers::Never => return Ok(None),
        Helpers::OnPath => Command::new(&program),
        Helpers::In(folder) => Command::new(folder.join(&program)),
    };
    let failed = |why: &dyn std::fmt::Display| format!("credential helper {program} failed: {why}");
    let deadline = Instant::now() + timeout;
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed(&e))?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let question = server.to_owned();
    let (sender, answer) = mpsc::channel();
    // A thread of its own: neither pipe has a read or write with a time limit.
    let spawned = std::thread::Builder::new().spawn(move || {
        if let Some(mut stdin) = stdin {
            // A helper that does not read its question may still answer.
            let _ = stdin.write_all(question.as_bytes());
        }
        let mut out = Vec::new();
        let read = match stdout {
            Some(o) => o.take(ANSWER_LIMIT).read_to_end(&mut out),
            None => Ok(0),
        };
        let _ = sender.send(read.map(|_| out));
    });
    if let Err(e) = spawned {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(&e));
    }
    let answer = answer.recv_timeout(timeout);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if answer.is_ok() && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            _ => break None,
        }
    };
    let Some(status) = status else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(&format_args!("no answer within {timeout:?}")));
    };
    let out = match answer {
        Ok(out) => out.map_err(|e| failed(&e))?,
        Err(_) => return Err(failed(&format_args!("no answer within {timeout:?}"))),
    };
    if !status.success() {
        let said = String::from_utf8_lossy(&out);
        // The protocol has no code for it, only this sentence.
        if said.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(&quote(&said)));
    }
    let answer: Answer =
        go_json::unmarshal(&out).map_err(|_| failed(&"its answer is not the expected JSON"))?.value;
    Ok(Login::from_pair(answer.username, answer.secret))
}
