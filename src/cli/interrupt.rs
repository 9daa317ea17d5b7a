//! Ctrl-C: nothing half-written stays behind, and the status says what happened.

use crate::sweep::Stop;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The output being written; removed when the user interrupts.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// What the first interrupt stops gently, instead of ending the process.
static GENTLY: Mutex<Option<Stop>> = Mutex::new(None);

/// What gives the screen back.
static ON_END: Mutex<Option<fn()>> = Mutex::new(None);

/// How long a gentle end may take.
const GRACE: Duration = Duration::from_secs(10);

/// 128 + SIGINT, as a shell reports it.
const INTERRUPTED: i32 = 130;

/// 128 + SIGTERM.
#[cfg(unix)]
const TERMINATED: i32 = 143;

/// Waits for the signals in a thread of its own: Ctrl-C, and what a cluster sends before it kills. Without
/// a runtime the system's own way (the process dies) is kept.
pub fn install() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    let (ready, is_ready) = std::sync::mpsc::channel();
    let waiting = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        runtime.block_on(async {
            let Ok(mut signals) = Signals::new() else {
                let _ = ready.send(());
                return;
            };
            // The handlers are in place now.
            let _ = ready.send(());
            while let Some(status) = signals.next().await {
                interrupted(status);
            }
        });
    });
    if waiting.is_ok() {
        let _ = is_ready.recv();
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The status that a shell reports for it.
    async fn next(&mut self) -> Option<i32> {
        tokio::select! {
            got = self.interrupt.recv() => got.map(|()| INTERRUPTED),
            got = self.terminate.recv() => got.map(|()| TERMINATED),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<i32> {
        tokio::signal::ctrl_c().await.ok().map(|()| INTERRUPTED)
    }
}

/// The first time gently, if there is something to finish; then at once.
fn interrupted(status: i32) {
    let stop = GENTLY.lock().unwrap_or_else(PoisonError::into_inner).take();
    match stop {
        Some(stop) => {
            stop.set();
            let words = "\nstopping: a layer under way has three seconds, what is finished is kept; once more \
                         to leave now";
            let _ = writeln!(std::io::stderr(), "{words}");
            // What does not heed it is left behind: nothing that is half done counts.
            let _ = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(GRACE);
                leave(status);
            });
        }
        None => leave(status),
    }
}

/// From now on the first interrupt sets `stop`.
pub fn gently(stop: &Stop) {
    *GENTLY.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.clone());
}

/// What is to be done before the process ends by a signal.
pub fn on_end(give_back: fn()) {
    *ON_END.lock().unwrap_or_else(PoisonError::into_inner) = Some(give_back);
}

/// As if the user had sent the signal: a screen in raw mode hands on the key instead.
pub fn now() {
    leave(INTERRUPTED);
}

fn leave(status: i32) {
    if let Some(give_back) = ON_END.lock().unwrap_or_else(PoisonError::into_inner).take() {
        give_back();
    }
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(path) = unfinished {
        let _ = std::fs::remove_file(path);
    }
    // The progress line, if there is one, is left behind on a line of its own.
    let _ = writeln!(std::io::stderr());
    std::process::exit(status);
}

/// Names the file that is not finished yet, or that there is none any more.
pub fn unfinished(path: Option<&Path>) {
    *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner) = path.map(Path::to_path_buf);
}
