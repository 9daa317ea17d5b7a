//! Tables of a TOML document whose every key and value knows its place.

use super::{ConfigError, Position};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How alike two keys are (0 to 1) before one is proposed for the other.
const ALIKE: f64 = 0.7;

/// A file's name and text.
pub(super) struct File<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl<'a> File<'a> {
    pub fn parse(&self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|e| {
            // The parser's further lines draw the place, which stands in front here.
            let message = e.message().lines().next().unwrap_or("not TOML").to_owned();
            self.wrong(e.span().unwrap_or(0..0), message, None)
        })
    }

    fn wrong(&self, span: Range<usize>, message: String, hint: Option<String>) -> ConfigError {
        ConfigError { file: self.name.to_owned(), at: self.position(span.start), message, hint }
    }

    fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Position { line, column }
    }
}

/// One table.
pub(super) struct Table<'a> {
    file: &'a File<'a>,
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    pub fn root(file: &'a File<'a>, document: &'a Spanned<DeTable<'a>>) -> Self {
        Self { file, span: document.span(), table: document.get_ref() }
    }

    /// `careen.toml:4`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.name, self.file.position(self.span.start).line)
    }

    /// Something that is wrong with the whole table.
    pub fn wrong(&self, message: impl Into<String>) -> ConfigError {
        self.file.wrong(self.span.clone(), message.into(), None)
    }

    /// Refuses every key that is none of `known`; the first in the file is named.
    pub fn only(&self, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = self.table.keys().filter(|k| !known.contains(&k.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|k| k.span().start) else {
            return Ok(());
        };
        let name = key.get_ref();
        let nearest = known
            .iter()
            .map(|k| (strsim::jaro_winkler(k, name), k))
            .filter(|(alike, _)| *alike >= ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match nearest {
            Some((_, nearest)) => format!("did you mean `{nearest}`?"),
            None => {
                let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
                format!("there is {}", known.join(", "))
            }
        };
        Err(self.file.wrong(key.span(), format!("unknown key `{name}`"), Some(hint)))
    }

    /// `[[key]]`, each time that it stands there.
    pub fn tables(&self, key: &str) -> Result<Vec<Table<'a>>, ConfigError> {
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let not_tables = |v: &Spanned<DeValue>| {
            let hint = Some(format!("write it as [[{key}]]"));
            self.file.wrong(v.span(), format!("`{key}` is not a list of tables"), hint)
        };
        let list = value.get_ref().as_array().ok_or_else(|| not_tables(value))?;
        list.iter()
            .map(|v| match v.get_ref() {
                DeValue::Table(table) => Ok(Table { file: self.file, span: v.span(), table }),
                _ => Err(not_tables(v)),
            })
            .collect()
    }

    /// `[key]`.
    pub fn table(&self, key: &str) -> Result<Option<Table<'a>>, ConfigError> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some(Table { file: self.file, span: value.span(), table })),
            _ => {
                let hint = Some(format!("write it as [{key}]"));
                Err(self.file.wrong(value.span(), format!("`{key}` is not a table"), hint))
            }
        }
    }

    /// The value of a key, as `read` takes it.
    pub fn value<T, E: std::fmt::Display>(
        &self,
        key: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        let wrong = |e: E| self.file.wrong(value.span(), format!("`{key}`: {e}"), None);
        read(value.get_ref()).map(Some).map_err(wrong)
    }
}
