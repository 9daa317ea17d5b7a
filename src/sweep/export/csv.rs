//! CSV (RFC 4180), safe for spreadsheets: a cell that a spreadsheet would run as a formula begins with an
//! apostrophe; control characters and those that turn the direction of a text are written out.

use super::{Column, ExportError, Row, TableWriter, plain};
use crate::text::Sanitized;
use std::io::{self, Write};

pub(super) struct Csv<'a>(::csv::Writer<&'a mut (dyn Write + Send)>);

impl<'a> Csv<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self(::csv::Writer::from_writer(out))
    }
}

fn wrong(e: ::csv::Error) -> ExportError {
    ExportError::Output(io::Error::other(e))
}

/// Text that shows what it holds and is never a formula (OWASP, "CSV Injection").
fn harmless(text: &str) -> String {
    let text = Sanitized::from(text).to_string();
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

impl TableWriter for Csv<'_> {
    fn begin(&mut self, _: &str, columns: &[Column]) -> Result<(), ExportError> {
        self.0.write_record(columns.iter().map(|c| harmless(&c.name))).map_err(wrong)
    }

    fn row(&mut self, columns: &[Column], row: &Row) -> Result<(), ExportError> {
        let cells = columns.iter().enumerate().map(|(i, c)| match plain(c, row.0.get(i)) {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(s) => harmless(&s),
            other => other.to_string(),
        });
        self.0.write_record(cells).map_err(wrong)
    }

    fn end(&mut self) -> Result<(), ExportError> {
        Ok(self.0.flush()?)
    }
}
