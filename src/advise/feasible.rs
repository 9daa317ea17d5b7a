//! Other bases, each with the evidence for or against it. What the evidence forbids has no estimate.

use super::bases::{self, Base};
use super::estimate::{Estimate, Interval};
use super::{Advice, Evidence};
use crate::closure::Closure;
use crate::layer::LayerPath;
use crate::text::Bytes;

/// distroless and Alpine.
pub(super) fn bases(evidence: &Evidence) -> Vec<Advice> {
    let Some(closure) = evidence.closure else { return Vec::new() };
    let mut out = Vec::new();
    let own: u64 = closure.own_files().map(|(_, n)| evidence.view.bytes_of(n)).sum();
    let needs = closure.libraries();
    let candidates: &[(&str, &str)] = match needs.is_empty() {
        true => &[("gcr.io/distroless/static-debian12", "distroless")],
        false => &[
            ("gcr.io/distroless/base-debian12", "distroless"),
            ("gcr.io/distroless/cc-debian12", "distroless"),
        ],
    };
    let mut blocked: Option<Advice> = None;
    for (name, kind) in candidates {
        let Some(base) = bases::base(name) else { continue };
        let blockers = blockers(closure, base, &needs);
        let possible = blockers.is_empty();
        let bytes = base.on_disk.map(|mb| (mb * 1e6) as u64 + own);
        let on_disk = bytes.map(|likely| Interval {
            low: likely * 95 / 100,
            likely,
            high: likely * 110 / 100,
        });
        let advice = Advice {
            id: if possible { "distroless" } else { "distroless-blocked" },
            kind,
            title: format!("Start from {name}"),
            possible,
            because: match possible {
                true => format!(
                    "it has all that the program is linked to; its {} and {} of the application's own files",
                    base.sizes(),
                    Bytes(own)
                ),
                false => blockers.join("; "),
            },
            dockerfile: None,
            estimate: Estimate { compressed: None, on_disk: on_disk.filter(|_| possible) },
            saves: 0,
            ..Advice::default()
        };
        if possible {
            out.push(advice);
            blocked = None;
            break;
        }
        blocked = Some(advice);
    }
    out.extend(blocked);
    out.extend(alpine(closure));
    out
}

fn blockers(closure: &Closure, base: &Base, needs: &[(String, LayerPath)]) -> Vec<String> {
    let mut out = Vec::new();
    if closure.starts_shell {
        out.push("the image's command or a script needs a shell, and it has none".to_owned());
    }
    for interpreter in ["python3", "node", "java", "perl", "ruby", "php"] {
        if closure.runs(interpreter) {
            out.push(format!("the program needs {interpreter}, which it lacks"));
        }
    }
    let lacking: Vec<&(String, LayerPath)> =
        needs.iter().filter(|(name, _)| !base.libraries.contains(name)).collect();
    if let Some((library, by)) = lacking.first() {
        let more = match lacking.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        out.push(format!("{library}{more} needed by {by}, and it lacks them"));
    }
    for (version, by) in closure.versions() {
        let needed = version.strip_prefix("GLIBC_").and_then(bases::version);
        if let (Some(needed), Some(has)) = (needed, base.glibc())
            && needed > has
        {
            out.push(format!("{by} needs {version}, and it has {}", base.libc));
        }
    }
    out
}

fn alpine(closure: &Closure) -> Option<Advice> {
    let linked = closure.linked_to("libc.so.6");
    let own: Vec<&LayerPath> = linked.iter().filter(|p| closure.owner(p).is_none()).collect();
    let first = own.first()?;
    let wheels = own.iter().filter(|p| p.to_text().contains("-packages/")).count();
    let what = match (own.len(), wheels) {
        (1, 0) => format!(
            "{first} is linked to glibc, and Alpine has musl: it would have to be built again"
        ),
        (n, 0) => format!(
            "{n} of the application's programs and libraries ({first} …) are linked to glibc, and Alpine has musl"
        ),
        (n, _) => format!(
            "{n} files of Python wheels and the like ({first} …) are built for glibc: Alpine would build them again"
        ),
    };
    Some(Advice {
        id: "alpine-blocked",
        kind: "alpine",
        title: "Start from alpine:3.22".to_owned(),
        possible: false,
        because: what,
        dockerfile: None,
        estimate: Estimate::default(),
        saves: 0,
        ..Advice::default()
    })
}
