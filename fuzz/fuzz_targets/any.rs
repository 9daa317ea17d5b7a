//! One program for all targets, because linking careen takes longer than fuzzing it for a while: the variable
//! `CAREEN_FUZZ` names the target.

#![no_main]

mod analyzers;
mod containers;
mod documents;
mod layers;
mod texts;

use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::OnceLock;

/// Takes any bytes; `false` where they are not of the target's sort at all.
type Target = fn(&[u8]) -> bool;

const TARGETS: &[&[(&str, Target)]] =
    &[layers::TARGETS, documents::TARGETS, analyzers::TARGETS, containers::TARGETS, texts::TARGETS];

/// The target that the variable names; `list` prints all.
fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let all = || TARGETS.iter().copied().flatten();
        let wanted = std::env::var("CAREEN_FUZZ").unwrap_or_default();
        if let Some((_, target)) = all().find(|(name, _)| *name == wanted) {
            return *target;
        }
        all().for_each(|(name, _)| println!("{name}"));
        std::process::exit(if wanted == "list" { 0 } else { 2 });
    })
}

fuzz_target!(init: { target(); }, |data: &[u8]| -> Corpus {
    if target()(data) { Corpus::Keep } else { Corpus::Reject }
});
