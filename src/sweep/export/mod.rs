//! Tables for programs: JSON, one JSON object a line, CSV, Parquet. Rows pass through one at a time.

mod csv;
mod json;
mod parquet;

use super::SweepError;
use super::inventory::{Column, Question};
use super::store::{Row, Store, StoreError, Value};
use std::io::{self, Write};
use std::ops::ControlFlow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    Json,
    JsonLines,
    Csv,
    Parquet,
}

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

impl From<StoreError> for ExportError {
    fn from(e: StoreError) -> Self {
        Self::Sweep(e.into())
    }
}

/// One form of a table.
trait TableWriter {
    fn begin(&mut self, name: &str, columns: &[Column]) -> Result<(), ExportError>;
    fn row(&mut self, columns: &[Column], row: &Row) -> Result<(), ExportError>;
    fn end(&mut self) -> Result<(), ExportError>;
}

/// Asks and writes; at most `most` rows.
pub fn export(
    store: &Store,
    question: &Question,
    format: TableFormat,
    most: u64,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let mut writer: Box<dyn TableWriter + '_> = match format {
        TableFormat::Json => Box::new(json::Json::new(out)),
        TableFormat::JsonLines => Box::new(json::Lines::new(out)),
        TableFormat::Csv => Box::new(csv::Csv::new(out)),
        TableFormat::Parquet => Box::new(parquet::Parquet::new(out)),
    };
    writer.begin(&question.name, &question.columns)?;
    let mut left = most;
    question.ask(store, |row| {
        if left == 0 {
            return Ok(ControlFlow::Break(()));
        }
        left -= 1;
        writer.row(&question.columns, row)?;
        Ok::<_, ExportError>(ControlFlow::Continue(()))
    })?;
    writer.end()
}

/// A value in JSON's words: times as RFC 3339, flags as booleans.
fn plain(column: &Column, value: Option<&Value>) -> serde_json::Value {
    use super::inventory::ColumnKind::{Flag, Time};
    use serde_json::Value as Json;
    match value {
        None | Some(Value::Null) => Json::Null,
        Some(Value::Int(n)) if column.kind == Flag => Json::from(*n != 0),
        Some(Value::Int(n)) if column.kind == Time => {
            jiff::Timestamp::from_second(*n).map_or(Json::Null, |t| Json::from(t.to_string()))
        }
        Some(Value::Int(n)) => Json::from(*n),
        Some(Value::Real(x)) => Json::from(*x),
        Some(Value::Text(s)) => Json::from(s.as_str()),
        Some(Value::Bytes(b)) => Json::from(crate::oci::digest::hex(b)),
    }
}

/// A row as an object on one line, by the names of its columns.
fn line(columns: &[Column], row: &Row) -> Result<String, ExportError> {
    let text = crate::text::json::compact(&object(columns, row));
    text.map_err(|e| ExportError::Output(io::Error::other(e)))
}

/// A row as an object, by the names of its columns.
pub(super) fn object(columns: &[Column], row: &Row) -> serde_json::Value {
    let fields = columns.iter().enumerate();
    fields.map(|(i, c)| (c.name.clone(), plain(c, row.0.get(i)))).collect()
}
