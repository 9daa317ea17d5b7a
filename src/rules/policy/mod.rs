//! What the owner of an image asks of it: budgets, bases, users, and what it must not have. Each demand
//! is a rule, so that its violations are findings like all others: listed, accepted with a reason, and
//! written in every format. Without a demand its rule says nothing.

mod budget;
mod contents;

pub use budget::{COMPRESSED, GROWTH, ON_DISK, WASTE, unjudged};
pub use contents::{BASE, PACKAGE, TOOL, USER};

use super::name::NameGlob;

/// The owner's demands; empty ones ask for nothing. Sizes in bytes.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub budget: Budget,
    pub require: Require,
    pub forbid: Forbid,
}

/// What the image may weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    pub compressed: Option<u64>,
    pub on_disk: Option<u64>,
    /// Bytes that later layers hide.
    pub waste: Option<u64>,
    /// The same in percent of the content.
    pub waste_percent: Option<f64>,
    /// Less waste than this is never too much in percent: [`WASTE_FLOOR`] where it is not set.
    pub waste_floor: Option<u64>,
    /// More than the baseline has, compressed where both are known, else on disk.
    pub growth: Option<u64>,
    pub growth_percent: Option<f64>,
}

/// A tiny image with a few overwritten files should not fail by percent.
pub const WASTE_FLOOR: u64 = 1_000_000;

/// One of each, where there are some.
#[derive(Clone, Debug, Default)]
pub struct Require {
    pub base: Vec<NameGlob>,
    pub user: Vec<NameGlob>,
}

/// None of these.
#[derive(Clone, Debug, Default)]
pub struct Forbid {
    pub packages: Vec<NameGlob>,
    /// Kinds of what production does not need, or names of programs.
    pub tools: Vec<NameGlob>,
}

/// The sizes of the image that this one is compared with, in bytes; `None` where they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    pub compressed: Option<u64>,
    pub on_disk: Option<u64>,
}

impl Policy {
    /// Whether it takes all layers to judge, also those that a baseline has too.
    pub fn needs_every_layer(&self) -> bool {
        let (b, no) = (&self.budget, &self.forbid);
        let weighed = b.on_disk.is_some() || b.waste.is_some() || b.waste_percent.is_some();
        weighed || !no.packages.is_empty() || !no.tools.is_empty()
    }

    /// Demands that are set here count, others stay.
    pub fn overridden_by(self, other: Policy) -> Policy {
        let (a, b) = (self.budget, other.budget);
        let either = |a: Vec<NameGlob>, b: Vec<NameGlob>| if b.is_empty() { a } else { b };
        Policy {
            budget: Budget {
                compressed: b.compressed.or(a.compressed),
                on_disk: b.on_disk.or(a.on_disk),
                waste: b.waste.or(a.waste),
                waste_percent: b.waste_percent.or(a.waste_percent),
                waste_floor: b.waste_floor.or(a.waste_floor),
                growth: b.growth.or(a.growth),
                growth_percent: b.growth_percent.or(a.growth_percent),
            },
            require: Require {
                base: either(self.require.base, other.require.base),
                user: either(self.require.user, other.require.user),
            },
            forbid: Forbid {
                packages: either(self.forbid.packages, other.forbid.packages),
                tools: either(self.forbid.tools, other.forbid.tools),
            },
        }
    }
}

/// A percentage as people write it; growth may be more than 100.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(n) if (0.0..=100_000.0).contains(&n) => Ok(n),
        _ => Err("not a percentage such as 5 or 2.5".to_owned()),
    }
}

/// Whether a rule is about what the whole image weighs: an image that was too heavy already is still
/// too heavy, whatever a baseline has.
pub fn is_budget(rule: &str) -> bool {
    [COMPRESSED.id, ON_DISK.id, WASTE.id, GROWTH.id].contains(&rule)
}

#[cfg(test)]
mod tests;
