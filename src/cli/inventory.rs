//! `careen inventory`.

use super::args::Global;
use super::error::CliError;
use super::formats::paper;
use super::inventory_args::{Inventory, Sql, TableArgs, TableForm};
use super::status::Status;
use super::sweep::store_place;
use super::terminal::Terminal;
use super::{inventory_args::InventoryAction, output};
use crate::sweep::SweepError;
use crate::sweep::export::{ExportError, TableFormat, export};
use crate::sweep::inventory::{Filter, Question, View};
use crate::sweep::store::{Store, Use};
use crate::sweep::text;
use std::io::Read;

/// Rows of a text table where nobody says otherwise.
const ROWS: u64 = 40;

pub fn run(args: &Inventory, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    match &args.action {
        InventoryAction::Sql(a) => sql(a, terminal),
        InventoryAction::Report(a) => {
            output::check(a.output.as_deref())?;
            let store = open(&a.store)?;
            let page = crate::sweep::html::page(&store)?;
            output::write(&page, a.output.as_deref())?;
            Ok(Status::Clean)
        }
        other => {
            let (name, args) = other.view();
            let Some(view) = View::by_name(name) else {
                return Err(CliError::Usage(format!("there is no table `{name}`")));
            };
            output::check(args.output.as_deref())?;
            let store = open(&args.store)?;
            let f = &args.filter;
            let filter = Filter {
                repositories: f.repository.clone(),
                tags: f.tag.clone(),
                platforms: f.platform.iter().map(ToString::to_string).collect(),
                root: f.root,
                fingerprint: f.fingerprint.clone(),
                layer: f.layer.clone(),
            };
            let question = Question::of_view(&store, view, &filter)?;
            let shown = if global.verbose { &[] } else { view.shown };
            show(&store, &question, view.about, shown, args, terminal)
        }
    }
}

fn open(args: &super::sweep_args::StoreArgs) -> Result<Store, CliError> {
    Ok(Store::open(&store_place(args)?, Use::Read).map_err(SweepError::from)?)
}

fn show(
    store: &Store,
    question: &Question,
    about: &str,
    shown: &[&str],
    args: &TableArgs,
    terminal: &Terminal,
) -> Result<Status, CliError> {
    let path = args.output.as_deref();
    let most = match (args.limit, args.format) {
        (Some(0), _)
        | (None, TableForm::Json | TableForm::Jsonl | TableForm::Csv | TableForm::Parquet) => {
            u64::MAX
        }
        (Some(n), _) => n,
        (None, TableForm::Text) => ROWS,
    };
    let format = match args.format {
        TableForm::Text => {
            let mut rows = question
                .first(store, usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1))?;
            let more = rows.len() as u64 > most;
            rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            let paper = paper(terminal, path.is_some());
            let name = question.name.as_str();
            let text = text::table(name, about, &question.columns, shown, &rows, more, paper);
            output::write(&text, path)?;
            return Ok(Status::Clean);
        }
        TableForm::Json => TableFormat::Json,
        TableForm::Jsonl => TableFormat::JsonLines,
        TableForm::Csv => TableFormat::Csv,
        TableForm::Parquet => TableFormat::Parquet,
    };
    output::with(path, |out| {
        export(store, question, format, most, out).map_err(|e| match e {
            ExportError::Output(e) => CliError::Stdout(e),
            other => CliError::Export(other),
        })
    })?;
    Ok(Status::Clean)
}

fn sql(args: &Sql, terminal: &Terminal) -> Result<Status, CliError> {
    output::check(args.table.output.as_deref())?;
    let query = match &args.query {
        Some(query) => query.clone(),
        None => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .take(1 << 20)
                .read_to_string(&mut text)
                .map_err(CliError::Stdin)?;
            text
        }
    };
    let store = open(&args.table.store)?;
    let question = Question::of_sql(&store, &query).map_err(|e| CliError::UsageWithHint {
        what: e.to_string(),
        hint: "docs/inventory.md describes the tables".to_owned(),
    })?;
    show(&store, &question, "", &[], &args.table, terminal)
}
