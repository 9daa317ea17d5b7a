//! A report cut down to some of its parts. What is left out is not clean: the report says that it is a
//! part, and its sizes stay.

use super::model::{FindingReport, Report};
use crate::rules::Category;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a report.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    Secrets,
    /// All findings but secrets: configuration, integrity.
    Config,
    /// What later layers hide, and what stands there twice.
    Waste,
    /// What production does not need.
    Tools,
    Packages,
    Advice,
}

impl Section {
    pub fn word(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Config => "config",
            Self::Waste => "waste",
            Self::Tools => "tools",
            Self::Packages => "packages",
            Self::Advice => "advice",
        }
    }
}

impl Report {
    /// Whether it has this part.
    pub fn has(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }

    /// The parts that it was cut down to, in words.
    pub fn parts(&self) -> String {
        let words: Vec<&str> = self.only.iter().map(|s| s.word()).collect();
        words.join(", ")
    }

    /// Cuts it down to these parts; none are all.
    pub fn keep_only(&mut self, sections: &[Section]) {
        self.only = sections.to_vec();
        self.only.sort_unstable();
        self.only.dedup();
        let secrets = self.has(Section::Secrets);
        let config = self.has(Section::Config);
        // What the owner demands is part of every report: nobody can ask it away.
        let stays = |f: &FindingReport| match f.category {
            Category::Secret => secrets,
            Category::Policy => true,
            Category::Config | Category::Integrity => config,
        };
        self.findings.retain(stays);
        self.known.retain(stays);
        self.accepted.retain(|a| stays(&a.finding));
        self.hidden.accepted = self.accepted.len();
        self.hidden.known = self.known.len();
        if !secrets {
            self.hidden.below_confidence = 0;
        }
        if !self.has(Section::Waste) {
            self.waste.paths.clear();
            self.duplicates.clear();
        }
        if !self.has(Section::Tools) {
            self.unneeded.clear();
        }
        if !self.has(Section::Packages) {
            self.packages.clear();
        }
        if !self.has(Section::Advice) {
            self.advice.clear();
        }
    }
}
