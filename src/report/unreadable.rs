//! The report of an image that could not be looked at, so that it stands among those of others: what is not
//! in a document looks as if nobody had asked for it.

use super::model::{
    Hidden, ImageIdentity, JudgedBy, NotLookedAt, Report, SCHEMA_VERSION, Sizes, Waste,
};
use std::collections::BTreeMap;

/// `reference` as the user wrote it; `why` in words, without secrets.
pub fn unreadable(reference: &str, why: &str, judged_by: JudgedBy) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        judged_by,
        only: Vec::new(),
        image: ImageIdentity {
            reference: reference.to_owned(),
            digest: None,
            platform: UNKNOWN.to_owned(),
            created: None,
            os_release: None,
            os_id: None,
            os_version: None,
            user: String::new(),
            command: Vec::new(),
            working_dir: String::new(),
            env: Vec::new(),
            labels: BTreeMap::new(),
            exposed_ports: Vec::new(),
            volumes: Vec::new(),
            healthcheck: None,
        },
        size: Sizes::default(),
        base: None,
        layers: Vec::new(),
        waste: Waste { bytes: None, at_least: 0, efficiency: None, paths: Vec::new() },
        unreached: None,
        findings: Vec::new(),
        hidden: Hidden::default(),
        accepted: Vec::new(),
        known: Vec::new(),
        expired: Vec::new(),
        packages: Vec::new(),
        unneeded: Vec::new(),
        advice: Vec::new(),
        not_looked_at: vec![NotLookedAt {
            what: "the image".to_owned(),
            why: why.to_owned(),
            failed: true,
            hides_packages: true,
        }],
        duplicates: Vec::new(),
        growth: None,
    }
}

/// The platform of an image that nobody saw.
const UNKNOWN: &str = "unknown";

impl Report {
    /// Whether nothing at all is known of the image.
    pub fn is_unreadable(&self) -> bool {
        self.image.platform == UNKNOWN
    }
}
