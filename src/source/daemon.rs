//! An image of a local engine, by the export stream of its Docker-compatible API (Docker, Podman).
//! The only asynchronous part of the local sources: it ends at a bounded channel.

use super::SourceError;
use super::single_pass::SinglePass;
use crate::oci::Reference;
use crate::text::Sanitized;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use crossbeam_channel::{Receiver, Sender, bounded};
use futures_util::StreamExt as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Chunks that wait between the engine and the reader; hyper's are at most a few hundred kB.
const CHUNKS: usize = 8;

/// Where the engine may be.
#[derive(Clone, Debug)]
pub struct DaemonSettings {
    /// What the user set (`DOCKER_HOST`): `unix:///path`, `tcp://host:port`, or a path. Nothing else
    /// is tried then.
    pub host: Option<String>,
    /// Sockets to try, the first that is there is taken.
    pub candidates: Vec<PathBuf>,
    /// Longest silence. Engines write the export to their own disk before the first byte, so this is
    /// long.
    pub patience: Duration,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self { host: None, candidates: Vec::new(), patience: Duration::from_secs(600) }
    }
}

/// Whether the name is an image id or a part of one.
fn is_id(name: &str) -> bool {
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    (4..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
}

/// Refuses a name that is neither a reference nor an image id: it becomes part of an URL.
pub fn check_name(name: &str) -> Result<(), SourceError> {
    if !is_id(name) {
        name.parse::<Reference>()?;
    }
    Ok(())
}

/// Asks the engine for the image; returns when the first bytes are there.
pub fn open(
    name: &str,
    settings: &DaemonSettings,
) -> Result<SinglePass<Box<dyn Read + Send>>, SourceError> {
    check_name(name)?;
    let engine = Engine::find(settings)?;
    let (sender, chunks) = bounded(CHUNKS);
    let (job, image, patience) = (engine.clone(), name.to_owned(), settings.patience);
    std::thread::Builder::new()
        .name("engine-export".to_owned())
        .spawn(move || job.export(&image, patience, &sender))
        .map_err(|source| SourceError::Io { what: engine.to_string(), source })?;
    let first = match chunks.recv() {
        Ok(Ok(chunk)) => chunk,
        Ok(Err(e)) => return Err(engine.explain(name, &e)),
        Err(_) => {
            return Err(SourceError::Engine {
                engine: engine.to_string(),
                why: "it sent an empty export".to_owned(),
            });
        }
    };
    let reader: Box<dyn Read + Send> =
        Box::new(Export { engine: engine.to_string(), chunk: io::Cursor::new(first), chunks });
    let reference = format!("docker-daemon:{name}");
    // `beef` may be a repository as well as the head of an id.
    let pinned =
        name.contains('@') || name.starts_with("sha256:") || (is_id(name) && name.len() == 64);
    Ok(SinglePass::new(reference.clone(), reader, None).called(reference, pinned))
}

#[derive(Clone, Debug)]
enum Engine {
    Socket(PathBuf),
    Tcp(String),
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}

impl Engine {
    fn find(settings: &DaemonSettings) -> Result<Self, SourceError> {
        let there = |path: &Path| path.exists().then(|| Self::Socket(path.to_owned()));
        let (found, tried) = match settings.host.as_deref() {
            Some(host) if host.starts_with("tcp://") || host.starts_with("http://") => {
                return Ok(Self::Tcp(host.to_owned()));
            }
            Some(host) => {
                let path = host.strip_prefix("unix://").unwrap_or(host);
                if path.contains("://") {
                    return Err(SourceError::Engine {
                        engine: Sanitized::from(host).to_string(),
                        why: "only unix:// and tcp:// are supported".to_owned(),
                    });
                }
                (there(Path::new(path)), vec![path.to_owned()])
            }
            None => (
                settings.candidates.iter().find_map(|p| there(p)),
                settings.candidates.iter().map(|p| p.display().to_string()).collect(),
            ),
        };
        found.ok_or(SourceError::NoEngine { tried })
    }

    fn connect(&self, patience: Duration) -> Result<Docker, Error> {
        let seconds = patience.as_secs().max(1);
        match self {
            #[cfg(unix)]
            Self::Socket(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), seconds, API_DEFAULT_VERSION)
            }
            #[cfg(not(unix))]
            Self::Socket(path) => Docker::connect_with_named_pipe(
                &path.to_string_lossy(),
                seconds,
                API_DEFAULT_VERSION,
            ),
            Self::Tcp(address) => Docker::connect_with_http(address, seconds, API_DEFAULT_VERSION),
        }
    }

    /// Runs on a thread of its own. Ends at the end of the export, at an error, or when no one reads
    /// any more.
    fn export(&self, image: &str, patience: Duration, sender: &Sender<Chunk>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(self.pump(image, patience, sender)),
            Err(e) => Err(e.into()),
        };
        if let Err(e) = result {
            // No one reads any more: no one is told.
            let _ = sender.send(Err(e));
        }
    }

    async fn pump(
        &self,
        image: &str,
        patience: Duration,
        sender: &Sender<Chunk>,
    ) -> Result<(), Error> {
        // The path carries no version of the API, so the engine takes its own: nothing to negotiate.
        let docker = self.connect(patience)?;
        let mut stream = std::pin::pin!(docker.export_image(image));
        loop {
            match tokio::time::timeout(patience, stream.next()).await {
                Ok(Some(chunk)) => {
                    // Blocks this thread, and with it the connection: the engine waits for us.
                    if sender.send(Ok(chunk?.into())).is_err() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(_) => return Err(Error::RequestTimeoutError),
            }
        }
    }

    fn explain(&self, image: &str, e: &Error) -> SourceError {
        match e {
            Error::DockerResponseServerError { status_code: 404, .. } => {
                SourceError::NoSuchImage { image: image.to_owned(), engine: self.to_string() }
            }
            Error::SocketNotFoundError(path) => SourceError::NoEngine { tried: vec![path.clone()] },
            e => SourceError::Engine { engine: self.to_string(), why: words(e) },
        }
    }
}

/// The whole chain of causes; the engine's own words are not ours.
fn words(e: &Error) -> String {
    let mut text = e.to_string();
    let mut cause = std::error::Error::source(e);
    while let Some(c) = cause {
        let more = c.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = c.source();
    }
    let short: String = text.chars().take(500).collect();
    Sanitized::from(short.as_str()).to_string()
}

type Chunk = Result<Vec<u8>, Error>;

/// The export as a stream of bytes.
struct Export {
    engine: String,
    chunk: io::Cursor<Vec<u8>>,
    chunks: Receiver<Chunk>,
}

impl Read for Export {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.chunk.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            match self.chunks.recv() {
                Ok(Ok(chunk)) => self.chunk = io::Cursor::new(chunk),
                Ok(Err(e)) => {
                    return Err(io::Error::other(format!("{}: {}", self.engine, words(&e))));
                }
                Err(_) => return Ok(0),
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
