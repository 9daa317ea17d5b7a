//! JSON: one document `{schema_version, view, rows}`, or a row a line.

use super::{Column, ExportError, Row, TableWriter, line};
use std::io::Write;

pub(super) struct Json<'a> {
    out: &'a mut (dyn Write + Send),
    rows: u64,
}

impl<'a> Json<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, rows: 0 }
    }
}

impl TableWriter for Json<'_> {
    fn begin(&mut self, name: &str, _: &[Column]) -> Result<(), ExportError> {
        let name = serde_json::Value::from(name);
        let version = crate::sweep::summary::SCHEMA_VERSION;
        Ok(write!(self.out, "{{\n\"schema_version\": {version},\n\"view\": {name},\n\"rows\": [")?)
    }

    fn row(&mut self, columns: &[Column], row: &Row) -> Result<(), ExportError> {
        let comma = if self.rows == 0 { "" } else { "," };
        self.rows += 1;
        Ok(write!(self.out, "{comma}\n{}", line(columns, row)?)?)
    }

    fn end(&mut self) -> Result<(), ExportError> {
        Ok(writeln!(self.out, "\n]\n}}")?)
    }
}

pub(super) struct Lines<'a>(&'a mut (dyn Write + Send));

impl<'a> Lines<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self(out)
    }
}

impl TableWriter for Lines<'_> {
    fn begin(&mut self, _: &str, _: &[Column]) -> Result<(), ExportError> {
        Ok(())
    }

    fn row(&mut self, columns: &[Column], row: &Row) -> Result<(), ExportError> {
        Ok(writeln!(self.0, "{}", line(columns, row)?)?)
    }

    fn end(&mut self) -> Result<(), ExportError> {
        Ok(())
    }
}
