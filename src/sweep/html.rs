//! The fleet as one HTML page.

use super::SweepError;
use super::store::Store;

pub fn page(_store: &Store) -> Result<String, SweepError> {
    Ok(String::new())
}
