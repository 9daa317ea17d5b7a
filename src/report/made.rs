//! When a document was made, and the ids that follow from it. Reads no clock: the caller says.

use super::model::Report;
use chrono::{DateTime, Utc};
use jiff::Timestamp;
use uuid::Uuid;

/// The namespace of careen's own ids (RFC 9562 6.6): any fixed UUID that nobody else uses.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1c_5f0e_3f4b_4c55_9d25_0f6c_a2ee_7a01);

/// When a document was made: the same report made at the same moment gives the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub at: Timestamp,
}

impl Made {
    /// `2026-01-02T03:04:05Z`.
    pub(super) fn utc(&self) -> String {
        format!("{}Z", self.bare())
    }

    /// `2026-01-02T03:04:05`: in UTC, for the formats that forbid to say so.
    pub(super) fn bare(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// To the second.
    pub(super) fn date_time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.at.as_second(), 0).unwrap_or_default()
    }

    /// The id of one document about one image, from the image and this moment.
    pub(super) fn document(&self, report: &Report, format: &str) -> Uuid {
        let image = &report.image;
        let digest = image.digest.as_deref().unwrap_or_default();
        let moment = self.at.as_nanosecond().to_string();
        id(&[format, &image.reference, digest, &image.platform, &moment])
    }
}

/// An id that is the same wherever these words are.
pub(super) fn id(words: &[&str]) -> Uuid {
    // With its length before each, no two lists of words read the same.
    let text: String = words.iter().map(|w| format!("{}:{w}", w.len())).collect();
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_the_forms_that_the_formats_want() {
        let made = Made { at: "2026-01-02T03:04:05.678+01:00".parse().unwrap() };
        assert_eq!(made.utc(), "2026-01-02T02:04:05Z");
        assert_eq!(made.bare(), "2026-01-02T02:04:05");
        assert_eq!(made.date_time().to_string(), "2026-01-02 02:04:05 UTC");
    }

    #[test]
    fn an_id_depends_on_where_its_words_end() {
        assert_eq!(id(&["ab", "c"]), id(&["ab", "c"]));
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
    }
}
