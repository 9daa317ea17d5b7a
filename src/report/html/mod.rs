//! The report as one HTML page for people who would rather look than read: a map of what fills the
//! image, its layers, proposals and findings. Drawn by its own script from data; see [`frame`] for why
//! hostile names cannot do harm in it.

mod data;
pub mod frame;
mod tree;

use super::model::Report;
use super::tree::FileTree;
use frame::{DOM, Frame};

/// Drawn in this order: each may use what stands above it.
const SCRIPTS: [&str; 17] = [
    DOM,
    include_str!("page/data.js"),
    include_str!("page/parts.js"),
    include_str!("page/theme.js"),
    include_str!("page/head.js"),
    include_str!("page/tree.js"),
    include_str!("page/squarify.js"),
    include_str!("page/canvas.js"),
    include_str!("page/maplist.js"),
    include_str!("page/map.js"),
    include_str!("page/layers.js"),
    include_str!("page/proposals.js"),
    include_str!("page/findings.js"),
    include_str!("page/tables.js"),
    include_str!("page/packages.js"),
    include_str!("page/details.js"),
    include_str!("page/main.js"),
];

const STYLES: [&str; 4] = [
    include_str!("page/base.css"),
    include_str!("page/head.css"),
    include_str!("page/map.css"),
    include_str!("page/sections.css"),
];

const BODY: &str = include_str!("page/body.html");

/// The page of one image or of all its platforms. `trees` has the tree of each report, or is empty:
/// then there is no map.
pub fn render(reports: &[Report], trees: &[FileTree]) -> Result<String, serde_json::Error> {
    let frame =
        Frame { title: "careen: image report", body: BODY, styles: &STYLES, scripts: &SCRIPTS };
    frame.page(&data::Data::of(reports, trees)?)
}
