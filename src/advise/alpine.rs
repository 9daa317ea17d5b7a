//! Alpine, judged by its C library: what would have to be built again has no estimate.

use super::{Advice, Estimate, Evidence};
use crate::closure::Closure;
use crate::layer::LayerPath;

/// `None` where nothing speaks against it, and nothing was tried either.
pub(super) fn alpine(evidence: &Evidence) -> Option<Advice> {
    blocked(evidence.closure?)
}

fn blocked(closure: &Closure) -> Option<Advice> {
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
        because: what.clone(),
        blockers: vec![what],
        dockerfile: None,
        estimate: Estimate::default(),
        saves: 0,
        ..Advice::default()
    })
}
