//! Parquet: numbers as INT64, times as INT64 timestamps in milliseconds, everything else as UTF-8; all
//! columns optional, zstd, row groups of bounded size.

use super::{Column, ExportError, Row, TableWriter};
use crate::sweep::inventory::ColumnKind;
use crate::sweep::store::Value;
use ::parquet::basic::{
    Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};
use std::io::Write;
use std::sync::Arc;

/// Rows that wait for their group.
const GROUP: usize = 20_000;

pub(super) struct Parquet<'a> {
    out: Option<&'a mut (dyn Write + Send)>,
    writer: Option<SerializedFileWriter<&'a mut (dyn Write + Send)>>,
    kinds: Vec<ColumnKind>,
    rows: Vec<Row>,
}

impl<'a> Parquet<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out: Some(out), writer: None, kinds: Vec::new(), rows: Vec::new() }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        let mut group = writer.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            let kind = self.kinds.get(at).copied().unwrap_or(ColumnKind::Text);
            let cells = self.rows.iter().map(|r| r.0.get(at).unwrap_or(&Value::Null));
            if kind == ColumnKind::Text {
                let cells: Vec<Option<ByteArray>> = cells.map(text).collect();
                let levels: Vec<i16> = cells.iter().map(|c| c.is_some().into()).collect();
                let values: Vec<ByteArray> = cells.into_iter().flatten().collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
            } else {
                let cells: Vec<Option<i64>> = cells.map(|v| number(v, kind)).collect();
                let levels: Vec<i16> = cells.iter().map(|c| c.is_some().into()).collect();
                let values: Vec<i64> = cells.into_iter().flatten().collect();
                column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
            }
            column.close()?;
            at += 1;
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }
}

fn text(value: &Value) -> Option<ByteArray> {
    Some(match value {
        Value::Null => return None,
        Value::Text(s) => ByteArray::from(s.as_str()),
        Value::Bytes(b) => ByteArray::from(crate::oci::digest::hex(b).as_str()),
        Value::Int(n) => ByteArray::from(n.to_string().as_str()),
        Value::Real(x) => ByteArray::from(x.to_string().as_str()),
    })
}

fn number(value: &Value, kind: ColumnKind) -> Option<i64> {
    match (value, kind) {
        (Value::Int(n), ColumnKind::Time) => n.checked_mul(1000),
        (Value::Int(n), _) => Some(*n),
        _ => None,
    }
}

fn field(column: &Column) -> Result<TypePtr, ExportError> {
    let (physical, logical) = match column.kind {
        ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        ColumnKind::Count | ColumnKind::Bytes | ColumnKind::Flag => (Physical::INT64, None),
    };
    let built = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(built))
}

impl TableWriter for Parquet<'_> {
    fn begin(&mut self, name: &str, columns: &[Column]) -> Result<(), ExportError> {
        let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
        let schema = Type::group_type_builder(name).with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        self.kinds = columns.iter().map(|c| c.kind).collect();
        if let Some(out) = self.out.take() {
            let made = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
            self.writer = Some(made);
        }
        Ok(())
    }

    fn row(&mut self, _: &[Column], row: &Row) -> Result<(), ExportError> {
        self.rows.push(row.clone());
        if self.rows.len() >= GROUP { self.flush() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), ExportError> {
        if !self.rows.is_empty() {
            self.flush()?;
        }
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        Ok(())
    }
}
