//! What is known of the whole fleet, as tables: images, layers, secrets, tools, bases, waste…, each
//! narrowed by the same filters. Asks the store; computes nothing that SQL can.

mod views;

pub(in crate::sweep) use views::CURRENT as CURRENT_TAGS;
pub use views::{VIEWS, View};

/// No arguments.
pub(in crate::sweep) const EMPTY: &[Value] = &[];

use super::SweepError;
use super::store::{Row, Store, StoreError, Value};
use crate::analyze::secrets::{KnownSecrets, Masker, Patterns};
use std::ops::ControlFlow;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Count,
    /// A size in bytes.
    Bytes,
    /// Seconds since 1970.
    Time,
    /// 0 or 1.
    Flag,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnKind,
}

impl Column {
    /// By its name: `…_bytes` is a size, `created`, `since`, `begun` and `ended` are times.
    fn named(name: &str) -> Self {
        let kind = match name {
            "created" | "since" | "begun" | "ended" => ColumnKind::Time,
            "root" | "healthcheck" | "partial" | "failed" => ColumnKind::Flag,
            n if n.ends_with("_bytes") => ColumnKind::Bytes,
            "tags" | "images" | "layers" | "repositories" | "files" | "secrets" | "run"
            | "secrets_before" | "root_images" | "line" | "rank" | "days" => ColumnKind::Count,
            _ => ColumnKind::Text,
        };
        Self { name: name.to_owned(), kind }
    }
}

/// What narrows a table. Globs: `*` and `?`; several of one kind are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `host/repository` or `repository`.
    pub repositories: Vec<String>,
    pub tags: Vec<String>,
    pub platforms: Vec<String>,
    /// Only images that run as root.
    pub root: bool,
    /// Only images with a finding of this fingerprint (or the beginning of one).
    pub fingerprint: Option<String>,
    /// Only images with this layer (or the beginning of its digest).
    pub layer: Option<String>,
}

/// A question, ready to be asked.
pub struct Question {
    pub name: String,
    pub columns: Vec<Column>,
    sql: String,
    args: Vec<Value>,
}

impl Question {
    /// A view's rows, in its order.
    pub fn of_view(store: &Store, view: &View, filter: &Filter) -> Result<Self, SweepError> {
        let (sql, args) = statement(view, filter);
        let columns = store.columns(&sql)?;
        Ok(Self::new(view.name, &columns, sql, args))
    }

    /// The user's own SQL, which may only ask.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAllowed`] for a statement that could change something.
    pub fn of_sql(store: &Store, sql: &str) -> Result<Self, SweepError> {
        let sql = sql.trim().trim_end_matches(';').to_owned();
        let columns = store.columns_of_question(&sql)?;
        Ok(Self::new("sql", &columns, sql, Vec::new()))
    }

    fn new(name: &str, columns: &[String], sql: String, args: Vec<Value>) -> Self {
        let columns = columns.iter().map(|n| Column::named(n)).collect();
        Self { name: name.to_owned(), columns, sql, args }
    }

    /// Shows each row; `row` may end it early. A secret in the name of a repository or a tag, which the store
    /// has to know as it is, is masked.
    pub fn ask<E: From<StoreError>>(
        &self,
        store: &Store,
        mut row: impl FnMut(&Row) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        store.ask(&self.sql, &self.args, &mut |_, mut values| {
            masked(&mut values, &masker);
            Ok(row(&values).unwrap_or_else(|e| {
                failed = Some(e);
                ControlFlow::Break(())
            }))
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// At most so many rows.
    pub fn first(&self, store: &Store, most: usize) -> Result<Vec<Row>, SweepError> {
        let mut rows = Vec::new();
        self.ask(store, |row| {
            rows.push(row.clone());
            let enough = rows.len() >= most;
            Ok::<_, SweepError>(if enough {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        Ok(rows)
    }
}

/// Takes secrets out of the texts of a row.
fn masked(row: &mut Row, masker: &Masker) {
    let texts = |v: &Value| match v {
        Value::Text(text) => text.clone().into_bytes(),
        _ => Vec::new(),
    };
    let cells: Vec<Vec<u8>> = row.0.iter().map(texts).collect();
    for n in masker.suspects(cells.iter().map(Vec::as_slice)) {
        if let Value::Text(text) = &mut row.0[n] {
            *text = masker.mask_sure(text);
        }
    }
}

/// The tags in force and their images, as far as the filter lets them through, in front of the view's own
/// SQL.
fn statement(view: &View, filter: &Filter) -> (String, Vec<Value>) {
    let mut args: Vec<Value> = Vec::new();
    let mut place = |v: Value| {
        args.push(v);
        format!("${}", args.len())
    };
    let mut wheres = String::new();
    let mut any = |column: &str, globs: &[String], place: &mut dyn FnMut(Value) -> String| {
        if globs.is_empty() {
            return;
        }
        let each: Vec<String> = globs
            .iter()
            .map(|g| format!("{column} LIKE {} ESCAPE '!'", place(like(g).into())))
            .collect();
        wheres.push_str(&format!(" AND ({})", each.join(" OR ")));
    };
    let (hosted, plain): (Vec<String>, Vec<String>) =
        filter.repositories.iter().cloned().partition(|g| {
            g.split_once('/')
                .is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
        });
    any("g.host || '/' || r.name", &hosted, &mut place);
    any("r.name", &plain, &mut place);
    any("t.name", &filter.tags, &mut place);
    any("i.platform", &filter.platforms, &mut place);
    if filter.root {
        wheres.push_str(" AND i.root = 1");
    }
    if let Some(fingerprint) = &filter.fingerprint {
        let like = place(format!("{}%", escaped(fingerprint)).into());
        wheres.push_str(&format!(
            " AND i.id IN (SELECT image FROM findings WHERE fingerprint LIKE {like} ESCAPE '!')"
        ));
    }
    if let Some(layer) = &filter.layer {
        let bare = layer.trim_end_matches('…');
        let whole = if bare.contains(':') { bare.to_owned() } else { format!("sha256:{bare}") };
        let like = place(format!("{}%", escaped(&whole)).into());
        wheres.push_str(&format!(
            " AND i.id IN (SELECT x.image FROM image_layers x JOIN layers y ON y.id = x.layer \
             WHERE y.digest LIKE {like} ESCAPE '!')"
        ));
    }
    let sql = format!("{}{wheres}) {}", views::CURRENT, view.sql);
    (sql, args)
}

/// A glob in LIKE's words.
fn like(glob: &str) -> String {
    escaped(glob).replace('*', "%").replace('?', "_")
}

fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
