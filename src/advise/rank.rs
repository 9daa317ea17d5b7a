//! The order of the proposals: what a user would take first.
//!
//! Size and risk go together: a proposal is worth as many points as it halves the image, times how far it can be
//! trusted to work as it is printed; to that comes what it settles. A third of the size that is sure beats a
//! quarter that may fail, and neither stands behind a proposal that keeps the compilers.

use super::{Advice, Certainty};

/// Of the points for size, by what the proposal rests on.
const SOUND: f64 = 1.0;
const LIKELY: f64 = 0.9;
const HEURISTIC: f64 = 0.8;
const UNTRIED: f64 = 0.45;
/// Taken off for each risk that is said, and at most so much for all.
const RISK: f64 = 0.04;
const MOST_RISK: f64 = 0.2;
/// All secrets gone from the image is worth this part of a halving, some of them their share.
const SECRETS: f64 = 0.5;
/// The same for a user that is not root.
const USER: f64 = 0.25;
/// More halvings than this are told apart by no one: an image of a thousandth.
const MOST_HALVINGS: f64 = 10.0;

/// The image as it is, as far as the order hangs on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    pub compressed: Option<u64>,
    pub on_disk: u64,
    /// Findings of secrets.
    pub secrets: usize,
}

/// What a proposal is worth, in halvings of the image.
pub(super) fn worth(advice: &Advice, now: Now) -> f64 {
    if !advice.possible {
        return 0.0;
    }
    let trust = match advice.certainty {
        Certainty::Sound => SOUND,
        Certainty::Likely => LIKELY,
        Certainty::Heuristic => HEURISTIC,
        Certainty::Untried => UNTRIED,
    };
    let risks = (advice.risks.len() as f64 * RISK).min(MOST_RISK);
    let settled = |rule: &str| {
        advice.fixes.iter().filter(|(r, _)| r == rule).map(|(_, findings)| *findings).sum::<usize>()
    };
    let secrets = match now.secrets {
        0 => 0.0,
        all => (settled("secret") as f64 / all as f64).min(1.0),
    };
    let user = if settled("config/root-user") > 0 { USER } else { 0.0 };
    halvings(advice, now) * (trust - risks) + secrets * SECRETS + user
}

/// How often the image is halved: by what is pulled where it is known, else by what lies on disk.
fn halvings(advice: &Advice, now: Now) -> f64 {
    let compressed = now.compressed.zip(advice.estimate.compressed);
    let on_disk = advice.estimate.on_disk.map(|then| (now.on_disk, then));
    let Some((now, then)) = compressed.or(on_disk) else { return 0.0 };
    (now.max(1) as f64 / then.likely.max(1) as f64).log2().clamp(0.0, MOST_HALVINGS)
}

/// The most worth first; what is not possible comes last. The same order every time.
pub(super) fn order(all: &mut [Advice], now: Now) {
    all.sort_by(|a, b| {
        b.possible
            .cmp(&a.possible)
            .then(worth(b, now).total_cmp(&worth(a, now)))
            .then(b.saves.cmp(&a.saves))
            .then(a.id.cmp(b.id))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::{Estimate, Interval};

    const NOW: Now = Now { compressed: Some(268_000_000), on_disk: 651_000_000, secrets: 4 };

    fn of(id: &'static str, compressed: u64, certainty: Certainty, risks: usize) -> Advice {
        let interval = Interval { low: compressed, likely: compressed, high: compressed };
        Advice {
            id,
            possible: true,
            certainty,
            risks: vec!["one".to_owned(); risks],
            estimate: Estimate { compressed: Some(interval), on_disk: None },
            saves: 268_000_000 - compressed,
            ..Advice::default()
        }
    }

    fn ids(mut all: Vec<Advice>) -> Vec<&'static str> {
        order(&mut all, NOW);
        all.into_iter().map(|a| a.id).collect()
    }

    #[test]
    fn a_small_image_does_not_stand_behind_one_that_keeps_the_compilers() {
        let mut same = of("same-base", 194_000_000, Certainty::Likely, 0);
        same.fixes = vec![("secret".into(), 4), ("config/root-user".into(), 1)];
        let distroless = of("distroless", 15_000_000, Certainty::Heuristic, 3);
        assert_eq!(ids(vec![same, distroless]), ["distroless", "same-base"]);
    }

    #[test]
    fn what_is_sure_comes_before_what_is_a_little_smaller() {
        let files = of("needed-files", 40_000_000, Certainty::Heuristic, 2);
        let sound = of("needed-sound", 49_000_000, Certainty::Sound, 0);
        assert_eq!(ids(vec![files.clone(), sound]), ["needed-sound", "needed-files"]);
        let sound = of("needed-sound", 150_000_000, Certainty::Sound, 0);
        assert_eq!(ids(vec![sound, files]), ["needed-files", "needed-sound"]);
    }

    #[test]
    fn of_two_that_are_as_small_the_one_that_settles_more_comes_first() {
        let plain = of("a", 40_000_000, Certainty::Likely, 0);
        let mut some = of("b", 40_000_000, Certainty::Likely, 0);
        some.fixes = vec![("secret".into(), 2)];
        let mut all = of("c", 40_000_000, Certainty::Likely, 0);
        all.fixes = vec![("secret".into(), 4)];
        let mut user = of("d", 40_000_000, Certainty::Likely, 0);
        user.fixes = vec![("secret".into(), 4), ("config/root-user".into(), 1)];
        assert_eq!(ids(vec![plain, some, all, user]), ["d", "c", "b", "a"]);
    }

    #[test]
    fn what_was_translated_and_not_tried_stands_behind_what_is_twice_as_large() {
        let alpine = of("alpine", 6_000_000, Certainty::Untried, 3);
        let files = of("needed-files", 13_000_000, Certainty::Heuristic, 3);
        assert_eq!(ids(vec![alpine, files]), ["needed-files", "alpine"]);
    }

    #[test]
    fn each_risk_counts_and_what_is_not_possible_is_last() {
        let one = of("one", 40_000_000, Certainty::Heuristic, 1);
        let many = of("many", 40_000_000, Certainty::Heuristic, 4);
        let never = Advice { possible: false, ..of("never", 1, Certainty::Sound, 0) };
        let unknown = Advice { estimate: Estimate::default(), ..one.clone() };
        let unknown = Advice { id: "unknown", ..unknown };
        assert_eq!(ids(vec![never, unknown, many, one]), ["one", "many", "unknown", "never"]);
    }
}
