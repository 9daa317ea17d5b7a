//! Questions about what is kept: any SQL, its rows shown one at a time.

use super::engine::{EachRow, Value, args};
use super::{Store, StoreError};
use crate::rules::Severity;

/// As the report's JSON has it.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

impl Store {
    /// The worst finding in the images of a run.
    pub fn worst(&self, run: i64) -> Result<Option<Severity>, StoreError> {
        let all = "SELECT DISTINCT f.severity FROM findings f \
                   JOIN run_images w ON w.image = f.image AND w.run = $1";
        let rows = self.read(|e| e.rows(all, args![run]))?;
        let mut worst = None;
        for row in rows {
            worst = worst.max(severity(&row.text(0)?));
        }
        Ok(worst)
    }

    /// The platforms of all known images.
    pub fn platforms(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.read(|e| e.rows("SELECT DISTINCT platform FROM images", args![]))?;
        rows.iter().map(|r| r.text(0)).collect()
    }

    /// The names of an answer's columns.
    pub fn columns(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        self.read(|e| e.columns(sql))
    }

    /// The same for a user's own SQL, which may only ask.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAllowed`] for a statement that could change something.
    pub fn columns_of_question(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        if self.read(|e| e.is_question(sql))? {
            return self.columns(sql);
        }
        Err(StoreError::NotAllowed { place: self.place().to_owned() })
    }

    /// Shows the rows of an answer, without holding them.
    pub fn ask(&self, sql: &str, args: &[Value], row: EachRow) -> Result<(), StoreError> {
        // Not patiently: rows that were shown cannot be taken back.
        self.engine().each(sql, args, row)
    }
}
