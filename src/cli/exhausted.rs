//! What becomes of a panic: libraries panic where the system gives no more threads or files, and that is no
//! defect of careen's. It is said in one line, as every other error.

use super::error::CliError;
use std::any::Any;
use std::panic;

/// What a panic says where the system has no more to give (errno(3): EAGAIN, ENFILE, EMFILE, ENOMEM).
const WORDS: [&str; 6] = [
    "failed to spawn thread",
    "spawn worker thread",
    "Resource temporarily unavailable",
    "Too many open files",
    "Cannot allocate memory",
    "os error 11",
];

/// From now on such a panic is not told at once: whoever catches it tells it.
pub fn quietly() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !words(info.payload()).is_some_and(is_exhaustion) {
            usual(info);
        }
    }));
}

/// The error that a panic stands for.
pub fn explained(payload: &(dyn Any + Send)) -> CliError {
    let what = words(payload).unwrap_or("unknown").to_owned();
    match is_exhaustion(&what) {
        true => CliError::Exhausted(what),
        false => CliError::Defect(what),
    }
}

fn words(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn is_exhaustion(what: &str) -> bool {
    WORDS.iter().any(|w| what.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_threads_is_told_from_a_defect() {
        let of = |text: &str| explained(&text.to_owned());
        let thread = "failed to spawn thread: Os { code: 11, kind: WouldBlock }";
        assert!(matches!(of(thread), CliError::Exhausted(_)));
        assert!(matches!(of("index out of bounds"), CliError::Defect(_)));
        assert!(matches!(explained(&7), CliError::Defect(_)));
    }
}
