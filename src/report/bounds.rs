//! A report of any image is one that a person and a program can read: what the image wrote at great length
//! is cut, and long lists of its configuration end. Every cut says that it is one.
//!
//! Works on masked texts only: the beginning of a secret is still most of it.

use super::model::{AdviceReport, EnvVar, FindingReport, ImageIdentity, NotLookedAt, Report};
use crate::layer::LONGEST_PATH;
use crate::oci::ContainerConfig;
use std::collections::BTreeMap;

/// Bytes of one text: build steps of real images reach some thousand.
const LONGEST: usize = 4096;
/// Bytes of a text that stands at many places of one report.
const LONGEST_REPEATED: usize = 512;
/// Bytes of a drafted Dockerfile. One that was cut would be a wrong one, so that a longer one is left out.
const LONGEST_DRAFT: usize = 256 << 10;
/// Variables, labels, words of a command and their like.
pub const MOST_LISTED: usize = 1000;
/// Files of one layer that are named for one reason.
pub const MOST_NAMED: usize = 100;

/// Cuts the texts of a report.
pub fn report(report: &mut Report) {
    identity(&mut report.image);
    for layer in &mut report.layers {
        each(layer.instruction.iter_mut().chain(&mut layer.created), LONGEST);
    }
    each(report.base.iter_mut().flat_map(|b| &mut b.name), LONGEST_REPEATED);
    each(report.waste.paths.iter_mut().flat_map(|w| &mut w.instruction), LONGEST_REPEATED);
    report.findings.iter_mut().chain(&mut report.known).for_each(finding);
    report.accepted.iter_mut().for_each(|a| finding(&mut a.finding));
    for p in &mut report.packages {
        let texts = [&mut p.name, &mut p.version].into_iter();
        each(texts.chain(&mut p.architecture).chain(&mut p.source), LONGEST_REPEATED);
    }
    each(report.unneeded.iter_mut().flat_map(|u| &mut u.owner), LONGEST_REPEATED);
    report.advice.iter_mut().for_each(advice);
    let gaps = report.not_looked_at.iter_mut().flat_map(|n| [&mut n.what, &mut n.why]);
    each(gaps, LONGEST_REPEATED);
}

/// What of a configuration is not listed because there is too much of it.
pub fn unlisted(config: &ContainerConfig) -> Vec<NotLookedAt> {
    let lists = [
        (config.env.len(), "environment variables"),
        (config.labels.len(), "labels"),
        (config.entrypoint.len() + config.cmd.len(), "words of the command"),
        (config.exposed_ports.len(), "ports"),
        (config.volumes.len(), "volumes"),
    ];
    let gap =
        |why| NotLookedAt { what: "config".to_owned(), why, failed: false, hides_packages: false };
    let long = config.working_dir.len() > LONGEST_PATH;
    let long = long.then(|| gap("no path is as long as the working directory's".to_owned()));
    let more = lists.into_iter().filter(|(n, _)| *n > MOST_LISTED);
    let more = more.map(|(n, what)| gap(format!("{} more {what} are not listed", n - MOST_LISTED)));
    long.into_iter().chain(more).collect()
}

fn each<'a>(texts: impl IntoIterator<Item = &'a mut String>, longest: usize) {
    texts.into_iter().for_each(|text| cut(text, longest));
}

/// The beginning of a text that is longer, and how long it is.
fn cut(text: &mut String, longest: usize) {
    if text.len() <= longest {
        return;
    }
    let bytes = text.len();
    let mut end = longest;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&format!("… ({bytes} bytes in all)"));
}

fn identity(image: &mut ImageIdentity) {
    let ImageIdentity {
        reference: _,
        digest: _,
        platform,
        created,
        os_release,
        os_id,
        os_version,
        user,
        command,
        working_dir,
        env,
        labels,
        exposed_ports,
        volumes,
        healthcheck,
    } = image;
    each([platform, user, working_dir], LONGEST);
    each([created, os_release, os_id, os_version].into_iter().flatten(), LONGEST_REPEATED);
    each(env.iter_mut().flat_map(|EnvVar { name, value }| [name, value]), LONGEST);
    each(command.iter_mut().chain(exposed_ports).chain(volumes), LONGEST);
    each(healthcheck.iter_mut().flatten(), LONGEST);
    let old = std::mem::take(labels).into_iter();
    *labels = old
        .map(|(mut key, mut value)| {
            each([&mut key, &mut value], LONGEST);
            (key, value)
        })
        .collect::<BTreeMap<_, _>>();
}

fn finding(f: &mut FindingReport) {
    let FindingReport { instruction, message, advice, inside, package, members, also, .. } = f;
    let texts = [instruction, advice, inside, package].into_iter().flatten();
    each(texts.chain([message]).chain(members), LONGEST);
    for place in also {
        let texts = [&mut place.inside, &mut place.instruction].into_iter().flatten();
        each(texts.chain([&mut place.message]), LONGEST_REPEATED);
    }
}

fn advice(a: &mut AdviceReport) {
    let AdviceReport { title, because, basis, changes, blockers, risks, ignore, .. } = a;
    each([title, because, basis], LONGEST);
    each(changes.iter_mut().chain(blockers).chain(risks).chain(ignore), LONGEST);
    for draft in [&mut a.dockerfile, &mut a.patch] {
        if draft.as_ref().is_some_and(|text| text.len() > LONGEST_DRAFT) {
            *draft = None;
            a.changes.push("the text would be too long to be written here".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_between_characters_and_says_so() {
        let mut text = format!("{}é{}", "a".repeat(9), "b".repeat(90));
        cut(&mut text, 10);
        assert_eq!(text, format!("{}… (101 bytes in all)", "a".repeat(9)));
        let mut short = "short".to_owned();
        cut(&mut short, 5);
        assert_eq!(short, "short");
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let config = ContainerConfig { env: vec![String::new(); 1500], ..Default::default() };
        let gaps = unlisted(&config);
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].why, "500 more environment variables are not listed");
    }
}
