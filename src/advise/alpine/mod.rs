//! Alpine: the packages that run from there, the application's files from the build; what is linked to glibc is
//! built again where the build tells how.
//!
//! Written only where everything that is needed has a counterpart for sure; else it says what has none.

mod needs;
mod rebuild;
mod table;

use super::dockerfile::{Final, head, start};
use super::effects::{Settles, fixes, removed, stays};
use super::estimate::{Estimate, Interval};
use super::leaked::{Leaked, ignored_files};
use super::needed::{MOST_COPIES, changes};
use super::rebuilt::release;
use super::runtime::own_files;
use super::user_dockerfile::{Origin, origin};
use super::{Advice, Certainty, Evidence};
use crate::closure::Closure;
use crate::layer::LayerPath;
use needs::{Needs, needs};
use table::TABLE;

/// Packages change from one release to the next.
const DRIFT: f64 = 0.1;

/// The image on Alpine, or what speaks against it; `None` where it is on Alpine, or nothing is known.
pub(super) fn propose(evidence: &Evidence) -> Option<Advice> {
    let closure = evidence.closure?;
    let release = evidence.facts.os_release.as_deref().and_then(release)?;
    if !release.starts_with("debian ") {
        return None;
    }
    let base =
        evidence.facts.history.base_layers.filter(|n| *n < evidence.facts.image.layers.len())?;
    let built = built_for_glibc(closure);
    let mut needs = needs(evidence, closure, &built);
    let found = origin(evidence)?;
    let origin = match built.first() {
        None => Some(found),
        Some(_) => match rebuilt(evidence, &built, &found) {
            Ok(origin) => Some(origin),
            Err(why) => {
                needs.blockers.insert(0, why);
                None
            }
        },
    };
    match origin.filter(|_| needs.blockers.is_empty()) {
        Some(origin) => written(evidence, closure, base, &origin, &needs, !built.is_empty()),
        None => Some(Advice {
            id: "alpine",
            kind: "alpine",
            title: format!("Start from {}", TABLE.base),
            because: needs.blockers.join("; "),
            blockers: needs.blockers,
            ..Advice::default()
        }),
    }
}

/// The application's own programs and libraries that are linked to glibc.
fn built_for_glibc(closure: &Closure) -> Vec<LayerPath> {
    let linked = closure.linked_to("libc.so.6");
    linked.into_iter().filter(|p| closure.owner(p).is_none()).collect()
}

/// The build with Alpine's packages, which makes these anew; or why it does not.
fn rebuilt(evidence: &Evidence, built: &[LayerPath], origin: &Origin) -> Result<Origin, String> {
    let first = &built[0];
    let wheels = built.iter().filter(|p| p.to_text().contains("-packages/")).count();
    let what = match (built.len(), wheels) {
        (1, 0) => format!("{first} is linked to glibc, and Alpine has musl"),
        (n, 0) => format!(
            "{n} of the application's programs and libraries ({first} …) are linked to glibc, and Alpine has musl"
        ),
        (n, _) => {
            return Err(format!(
                "{n} files of Python wheels and the like ({first} …) are built for glibc: Alpine would build them again"
            ));
        }
    };
    let brought = built.iter().find(|path| {
        let layer = evidence.facts.view.get(path).map(|node| node.layer);
        let step = layer.and_then(|layer| evidence.facts.history.of_layer(layer));
        step.is_none_or(|s| s.keyword != "RUN")
    });
    if let Some(path) = brought {
        return Err(format!("{what}: no step of the build makes {path}"));
    }
    if origin.is_image {
        return Err(format!("{what}: the history does not tell how it was built"));
    }
    let text = rebuild::translated(&origin.text).map_err(|why| format!("{what}: {why}"))?;
    Ok(origin.with_text(text))
}

fn written(
    evidence: &Evidence,
    closure: &Closure,
    base: usize,
    origin: &Origin,
    needs: &Needs,
    again: bool,
) -> Option<Advice> {
    let leaked = Leaked::of(evidence, closure);
    let own = own_files(evidence, closure, base, &leaked.out);
    let mut plan = Final::of(evidence);
    plan.on_a_system();
    if own.include.len() > MOST_COPIES {
        return None;
    }
    let mut lines = head(evidence, origin, &leaked);
    lines.push(
        "# What the entry point needs, by `careen`; the rest stays in the first stage.".to_owned(),
    );
    lines.push(format!("FROM {}", TABLE.base));
    if !needs.packages.is_empty() {
        let names: Vec<&str> = needs.packages.iter().copied().collect();
        lines.push(format!("RUN apk add --no-cache {}", names.join(" ")));
    }
    let owner = plan.owner();
    for path in &own.include {
        let flag = owner.as_ref().filter(|_| plan.owns(path));
        let flag = flag.map_or(String::new(), |o| format!("--chown={o} "));
        lines.push(format!(
            "COPY --from={1} {flag}[\"/{0}\", \"/{0}\"]",
            path.to_text(),
            origin.stage()
        ));
    }
    lines.extend(modules(evidence, closure).map(|dir| format!("ENV PYTHONPATH={dir}")));
    lines.extend(start(evidence, &plan));
    let stays = |path: &LayerPath| stays(evidence, &own.nodes, path);
    let settles = Settles {
        user: evidence.config.user.is_empty() && plan.user().is_some(),
        health: plan.health().is_some(),
        hidden: &|_| true,
    };
    let on_disk = needs.bytes.map(|bytes| sum(TABLE.bytes + bytes, own.bytes()));
    let now = evidence.facts.view.on_disk_bytes();
    if on_disk.is_some_and(|d| d.likely * 10 > now * 9) {
        return None;
    }
    let mut risks = leaked.risks();
    risks.extend(needs.risks.iter().cloned());
    risks.push(
        "musl is not glibc (DNS search, locales, threads with small stacks): verify it with your tests".to_owned(),
    );
    if again {
        risks.push("the build was translated by a table of packages and not tried".to_owned());
    }
    let text = evidence.masked(&lines.join("\n")) + "\n";
    let patch = origin.patch(evidence, &text);
    Some(Advice {
        id: "alpine",
        kind: "alpine",
        title: format!("Run on {}", TABLE.base),
        possible: true,
        because: match needs.packages.len() {
            0 => "the smallest Alpine has all that runs; the application's files are copied"
                .to_owned(),
            n => {
                format!("{n} packages of Alpine have what runs; the application's files are copied")
            }
        },
        certainty: if again { Certainty::Untried } else { Certainty::Heuristic },
        basis: match on_disk {
            Some(_) => {
                format!("Alpine's own sizes of {}, and the bytes of the files copied", TABLE.date)
            }
            None => "the size of Alpine's packages is not known here".to_owned(),
        },
        changes: changes(&plan, &leaked, evidence.shortened),
        risks,
        removes: removed(evidence, &own.nodes, &|_| true),
        fixes: fixes(evidence, &stays, settles),
        dockerfile: Some(text),
        patch: patch.text,
        no_patch: patch.refused,
        ignore: ignored_files(evidence, &leaked, &origin.text),
        saves: on_disk.map_or(0, |d| now.saturating_sub(d.likely)),
        estimate: Estimate { compressed: None, on_disk },
        ..Advice::default()
    })
}

/// The folder of Python's modules that the application brings: Alpine's Python looks into one of its own
/// version.
fn modules(evidence: &Evidence, closure: &Closure) -> Option<String> {
    if evidence.config.env.iter().any(|e| e.starts_with("PYTHONPATH=")) {
        return None;
    }
    closure.own_files().find_map(|(path, _)| {
        let text = path.to_text();
        let at = ["/dist-packages/", "/site-packages/"]
            .iter()
            .find_map(|name| text.find(name).map(|at| at + name.len() - 1))?;
        Some(format!("/{}", &text[..at]))
    })
}

fn sum(base: u64, own: u64) -> Interval {
    let drift = (base as f64 * DRIFT) as u64 + own / 50;
    Interval { low: base + own - drift, likely: base + own, high: base + own + drift }
}
