//! Package databases and package manifests, one analyzer each.
//!
//! They state what a file says. Which records are in force, and what their files weigh, is decided on the
//! merged image.

mod apk;
mod collect;
mod dpkg;
mod node;
mod python;

use super::Analyzer;

/// Every package analyzer, in the order in which they leave facts.
pub fn analyzers() -> Vec<Box<dyn Analyzer>> {
    vec![
        Box::new(collect::Collector::<dpkg::Dpkg>::new()),
        Box::new(collect::Collector::<apk::Apk>::new()),
        Box::new(collect::Collector::<python::Python>::new()),
        Box::new(collect::Collector::<node::Node>::new()),
    ]
}
