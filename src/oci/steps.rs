//! The history of an image configuration, as far as it is kept: a step that says nothing takes three bytes
//! of a document and a hundred of memory.

use super::HistoryEntry;
use super::go_json::{Reading, Unmarshal};
use serde::de::SeqAccess;
use std::ops::Deref;

/// Steps that are kept: images have some hundred at most.
const MOST: usize = 10_000;

/// The steps of a build, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    kept: Vec<HistoryEntry>,
    /// How many more there are.
    beyond: usize,
}

impl Steps {
    /// Whether there are more than are kept.
    pub fn is_cut(&self) -> bool {
        self.beyond > 0
    }
}

impl Deref for Steps {
    type Target = [HistoryEntry];

    fn deref(&self) -> &[HistoryEntry] {
        &self.kept
    }
}

impl FromIterator<HistoryEntry> for Steps {
    fn from_iter<I: IntoIterator<Item = HistoryEntry>>(steps: I) -> Self {
        let mut steps = steps.into_iter();
        Self { kept: steps.by_ref().take(MOST).collect(), beyond: steps.count() }
    }
}

impl Unmarshal for Steps {
    const BELONGS: &'static str = "a list";

    fn null(&mut self) {
        *self = Self::default();
    }

    fn array<'de, A: SeqAccess<'de>>(
        &mut self,
        mut list: A,
        reading: &Reading,
    ) -> Result<bool, A::Error> {
        let mut length = 0;
        loop {
            // What is not kept is read all the same: it may be no step at all.
            let mut fresh = None;
            let step = match self.kept.get_mut(length) {
                Some(step) => step,
                None => fresh.insert(HistoryEntry::default()),
            };
            if reading.element(length, &mut list, step)?.is_none() {
                break;
            }
            if length < MOST {
                self.kept.extend(fresh);
            }
            length += 1;
        }
        self.kept.truncate(length);
        self.beyond = length.saturating_sub(MOST);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ImageConfig;

    #[test]
    fn of_very_many_steps_the_first_are_kept_and_all_are_read() {
        let config =
            |steps: &str| ImageConfig::parse(format!("{{\"history\":[{steps}]}}").as_bytes());
        let (cut, _) =
            config(&format!("{{\"created_by\":\"RUN x\"}}{}", ",{}".repeat(MOST))).unwrap();
        assert_eq!((cut.history.len(), cut.history[0].created_by.as_str()), (MOST, "RUN x"));
        assert!(cut.history.is_cut());
        let (whole, _) = config(&format!("{{}}{}", ",{}".repeat(MOST - 1))).unwrap();
        assert!(whole.history.len() == MOST && !whole.history.is_cut());
        let e = config(&format!("{{}}{},7", ",{}".repeat(MOST))).unwrap_err();
        assert!(e.to_string().contains("history[10001]"), "{e}");
    }
}
