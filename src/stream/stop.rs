//! A wish that work in progress ends, told to all who do it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set from anywhere and never unset: nothing new is begun, and what is under way ends at its next step.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// An error of the kind `Interrupted` would be tried again: this one is none of that kind.
    pub fn check(&self) -> io::Result<()> {
        match self.is_set() {
            true => Err(io::Error::other("stopped")),
            false => Ok(()),
        }
    }
}

/// Reads nothing more once it is stopped.
pub struct Stoppable<'s, R> {
    inner: R,
    stop: &'s Stop,
}

impl<'s, R> Stoppable<'s, R> {
    pub fn new(inner: R, stop: &'s Stop) -> Self {
        Self { inner, stop }
    }
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.read(buf)
    }
}
