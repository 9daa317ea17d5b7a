//! A sweep's plan and end in words.

use crate::report::text::Paper;
use crate::sweep::Summary;
use crate::sweep::store::PlanFigures;
use crate::text::{Bytes, Sanitized};
use std::fmt::Write;

pub fn plan_line(f: &PlanFigures) -> String {
    format!(
        "{} tags in {} repositories: {} images, {} layers; {} layers to fetch, {}",
        f.tags,
        f.repositories,
        f.images,
        f.layers,
        f.layers_to_fetch,
        Bytes(f.bytes_to_fetch)
    )
}

pub fn render(s: &Summary, _paper: Paper) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}", Sanitized::from(s.target.as_str()), s.state);
    let _ = writeln!(out, "{}", plan_line(&s.planned));
    let _ = writeln!(out, "fetched {}", Bytes(s.fetched_bytes));
    for gap in &s.not_looked_at {
        let _ = writeln!(out, "not looked at: {}", Sanitized::from(gap.why.as_str()));
    }
    out
}
