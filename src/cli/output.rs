//! Where the data goes: standard output, or a file that is there whole or not at all.

use super::error::CliError;
use super::interrupt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there is no standard output: what is written to it would be lost.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Says that there is no standard output.
pub fn has_no_stdout() {
    CLOSED.store(true, Ordering::Relaxed);
}

/// `--output`, looked at before the work starts: a folder that is not there should not cost a run.
pub fn check(path: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    if path.is_dir() {
        return Err(CliError::Usage(format!("cannot write {}: it is a folder", path.display())));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(CliError::UsageWithHint {
            what: format!(
                "cannot write {}: there is no folder {}",
                path.display(),
                folder.display()
            ),
            hint: "make the folder first".to_owned(),
        });
    }
    Ok(())
}

/// Where a name leads: the file behind links, also one that is not there yet, in a folder whose name has one
/// spelling.
pub fn place(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many links as Linux follows (path_resolution(7)).
    for _ in 0..40 {
        if let Ok(real) = path.canonicalize() {
            return real;
        }
        let Ok(target) = path.read_link() else { break };
        path = folder_of(&path).join(target);
    }
    let folder = folder_of(&path).canonicalize().unwrap_or_else(|_| folder_of(&path));
    path.file_name().map_or(folder.clone(), |name| folder.join(name))
}

/// What is written to as it is: a device, a pipe, or an open file by its number. In its place a file would
/// be another one.
fn is_open_elsewhere(path: &Path) -> bool {
    let number = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    number.iter().any(|n| path.starts_with(n)) || path.metadata().is_ok_and(|m| !m.is_file())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Who may read the file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// An ordinary file.
    Everyone,
    /// It holds secrets in clear.
    Owner,
}

/// Writes a finished text.
pub fn write(text: &str, path: Option<&Path>) -> Result<(), CliError> {
    write_for(Readers::Everyone, text, path)
}

/// Writes a finished text; a file is for these readers, also where another one was before.
pub fn write_for(readers: Readers, text: &str, path: Option<&Path>) -> Result<(), CliError> {
    fill(readers, path, |out| out.write_all(text.as_bytes()).map_err(CliError::Stdout))
}

/// Lets `content` write. A file is written beside its place and renamed when all is well; a reader of
/// standard output who goes away early has seen enough.
pub fn with<T: Default>(
    path: Option<&Path>,
    content: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, CliError>,
) -> Result<T, CliError> {
    fill(Readers::Everyone, path, content)
}

fn fill<T: Default>(
    readers: Readers,
    path: Option<&Path>,
    content: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let Some(path) = path else {
        if CLOSED.load(Ordering::Relaxed) {
            return Err(CliError::Stdout(io::Error::other("standard output is closed")));
        }
        let mut out = io::BufWriter::new(io::stdout());
        let done = content(&mut out).and_then(|t| {
            out.flush().map_err(CliError::Stdout)?;
            Ok(t)
        });
        return match done {
            Err(e) if e.is_broken_pipe() => {
                // What is left in the buffer must not be tried again.
                let _ = out.into_parts();
                Ok(T::default())
            }
            other => other,
        };
    };
    let failed = |source| CliError::File { path: path.to_path_buf(), source };
    let written = |e| match e {
        CliError::Stdout(source) => failed(source),
        other => other,
    };
    if is_open_elsewhere(path) {
        // By the name that was given: behind `/dev/stdout` there may be none. Behind what others wrote there.
        let mut out = File::options().append(true).open(path).map_err(failed)?;
        return content(&mut out).map_err(written);
    }
    let place = place(path);
    let mut file = beside(&place, readers).map_err(failed)?;
    interrupt::unfinished(Some(file.path()));
    let done = content(file.as_file_mut()).map_err(written);
    let done = done.and_then(|t| {
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&place).map_err(|e| failed(e.error))?;
        Ok(t)
    });
    interrupt::unfinished(None);
    done
}

/// A file that takes the place of another one when it is whole: as open as that one was, or as the user's
/// mask has new ones; for its owner alone where it holds secrets.
fn beside(path: &Path, readers: Readers) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new();
    file.prefix(".careen-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
        file.permissions(std::fs::Permissions::from_mode(mode));
    }
    let file = file.tempfile_in(folder_of(path))?;
    if readers == Readers::Everyone
        && let Ok(before) = path.metadata()
    {
        file.as_file().set_permissions(before.permissions())?;
    }
    Ok(file)
}
