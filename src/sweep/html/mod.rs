//! The fleet as one HTML page: data as JSON, one script that draws it, one style. It asks nothing of any
//! host, and names from images reach it as text only, whatever they hold.

use super::SweepError;
use super::inventory::{ColumnKind, Filter, Question, VIEWS, View};
use super::store::{Store, StoreError, Value};
use crate::report::html::frame::{DOM, Frame};
use serde_json::{Value as Json, json};
use std::ops::ControlFlow;

const STYLE: &str = include_str!("fleet.css");
const SCRIPT: &str = include_str!("fleet.js");
const BODY: &str = "<header><h1>careen <span>fleet report</span></h1><p id=\"about\"></p></header>\n\
    <main id=\"main\"></main>";

/// Rows of a table in the page; the inventory's other forms have all.
const ROWS: usize = 2000;

/// The views that are shown as tables, in this order.
const TABLES: [&str; 10] = [
    "advice",
    "secrets",
    "repositories",
    "images",
    "layers",
    "bases",
    "tools",
    "waste",
    "changes",
    "not-looked-at",
];

/// The whole page.
pub fn page(store: &Store) -> Result<String, SweepError> {
    let mut tables = Vec::new();
    for name in TABLES {
        if let Some(view) = VIEWS.iter().find(|v| v.name == name) {
            tables.push(table(store, view)?);
        }
    }
    let sweeps = View::by_name("sweeps").map(|v| table(store, v)).transpose()?;
    let data = json!({
        "sweeps": sweeps,
        "tables": tables,
        "ages": ages(store)?,
        "shared": shared(store)?,
    });
    let frame =
        Frame { title: "careen: the fleet", body: BODY, styles: &[STYLE], scripts: &[DOM, SCRIPT] };
    Ok(frame.page(&data)?)
}

fn table(store: &Store, view: &View) -> Result<Json, SweepError> {
    let question = Question::of_view(store, view, &Filter::default())?;
    let mut rows = question.first(store, ROWS + 1)?;
    let more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let kind = |k: ColumnKind| match k {
        ColumnKind::Text => "text",
        ColumnKind::Count => "count",
        ColumnKind::Bytes => "bytes",
        ColumnKind::Time => "time",
        ColumnKind::Flag => "flag",
    };
    let columns: Vec<Json> = question
        .columns
        .iter()
        .map(|c| {
            let main = view.shown.contains(&c.name.as_str());
            json!({"name": c.name, "kind": kind(c.kind), "main": main})
        })
        .collect();
    let cell = |v: &Value| match v {
        Value::Null | Value::Bytes(_) => Json::Null,
        Value::Int(n) => Json::from(*n),
        Value::Real(x) => Json::from(*x),
        Value::Text(s) => Json::from(s.as_str()),
    };
    let rows: Vec<Json> = rows.iter().map(|r| r.0.iter().map(cell).collect()).collect();
    Ok(json!({
        "name": view.name, "about": view.about, "columns": columns, "rows": rows, "more": more,
    }))
}

/// Leaking images by the month in which they were made, with how many secrets each month brought.
fn ages(store: &Store) -> Result<Vec<Json>, SweepError> {
    const SQL: &str = "SELECT MIN(i.created), f.fingerprint FROM findings f \
        JOIN images i ON i.id = f.image WHERE f.category = 'secret' \
        AND f.image IN (SELECT x.image FROM tags t JOIN root_images x ON x.root = t.root \
          WHERE t.selected IS NOT NULL) GROUP BY f.fingerprint";
    let mut months: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    store.ask(SQL, &[], &mut |_, row| {
        let month = match row.maybe_int(0)? {
            Some(s) => super::text::day(s).chars().take(7).collect(),
            None => "unknown".to_owned(),
        };
        *months.entry(month).or_default() += 1;
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(months.into_iter().map(|(month, secrets)| json!([month, secrets])).collect())
}

/// Bytes of distinct layers by how many repositories have them.
fn shared(store: &Store) -> Result<Vec<Json>, SweepError> {
    const SQL: &str = "SELECT CASE WHEN n = 1 THEN 1 WHEN n < 5 THEN 2 WHEN n < 20 THEN 5 ELSE 20 END, \
          COUNT(*), CAST(SUM(size) AS BIGINT) FROM (\
          SELECT il.layer, l.size, COUNT(DISTINCT t.repository) AS n FROM tags t \
            JOIN root_images x ON x.root = t.root JOIN image_layers il ON il.image = x.image \
            JOIN layers l ON l.id = il.layer WHERE t.selected IS NOT NULL \
            GROUP BY il.layer, l.size) counted GROUP BY 1 ORDER BY 1";
    let mut groups = Vec::new();
    store.ask(SQL, &[], &mut |_, row| {
        groups.push(json!([row.int(0)?, row.int(1)?, row.int(2)?]));
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(groups)
}
