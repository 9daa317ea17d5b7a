//! `fail-on`, `[budget]`, `[require]` and `[forbid]`.

use super::ConfigError;
use super::table::Table;
use crate::rules::gate::{Gate, GateTerm};
use crate::rules::name::NameGlob;
use crate::rules::policy::{Budget, Forbid, Policy, Require};
use crate::text::bytes;
use toml::de::DeValue;

/// A word, or a list of words.
pub(super) fn gate(root: &Table) -> Result<Option<Gate>, ConfigError> {
    root.value("fail-on", |v| {
        let words = words(v)?;
        if words.is_empty() {
            return Err("an empty list would fail nothing; that is written \"never\"".to_owned());
        }
        let terms = words.iter().map(|w| w.parse::<GateTerm>().map_err(|e| e.to_string()));
        terms.collect::<Result<Gate, String>>()
    })
}

pub(super) fn read(root: &Table) -> Result<Policy, ConfigError> {
    let mut policy = Policy::default();
    if let Some(table) = root.table("budget")? {
        policy.budget = budget(&table)?;
    }
    if let Some(table) = root.table("require")? {
        table.only(&["base", "user"])?;
        policy.require = Require { base: names(&table, "base")?, user: names(&table, "user")? };
    }
    if let Some(table) = root.table("forbid")? {
        table.only(&["packages", "tools"])?;
        policy.forbid =
            Forbid { packages: names(&table, "packages")?, tools: names(&table, "tools")? };
    }
    Ok(policy)
}

fn budget(table: &Table) -> Result<Budget, ConfigError> {
    table.only(&[
        "compressed",
        "on-disk",
        "waste",
        "waste-percent",
        "waste-floor",
        "growth",
        "growth-percent",
    ])?;
    Ok(Budget {
        compressed: table.value("compressed", size)?,
        on_disk: table.value("on-disk", size)?,
        waste: table.value("waste", size)?,
        waste_percent: table.value("waste-percent", percent)?,
        waste_floor: table.value("waste-floor", size)?,
        growth: table.value("growth", size)?,
        growth_percent: table.value("growth-percent", percent)?,
    })
}

/// `"100MB"`, or a number of bytes.
fn size(value: &DeValue) -> Result<u64, String> {
    match value {
        DeValue::String(text) => bytes::size(text),
        DeValue::Integer(n) => bytes::size(n.as_str()),
        _ => Err("not a size such as \"100MB\"".to_owned()),
    }
}

/// `5`, `2.5` or `"5%"`.
fn percent(value: &DeValue) -> Result<f64, String> {
    let text = match value {
        DeValue::Integer(n) => n.as_str(),
        DeValue::Float(n) => n.as_str(),
        DeValue::String(text) => text,
        _ => "",
    };
    crate::rules::policy::percent(text)
}

fn names(table: &Table, key: &str) -> Result<Vec<NameGlob>, ConfigError> {
    let read = |v: &DeValue| {
        let globs = words(v)?.into_iter().map(|w| NameGlob::new(&w));
        globs.collect::<Result<Vec<_>, _>>().map_err(|e| e.kind().to_string())
    };
    Ok(table.value(key, read)?.unwrap_or_default())
}

fn words(value: &DeValue) -> Result<Vec<String>, String> {
    let word = |v: &DeValue| match v.as_str().map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("not a word or a list of words".to_owned()),
    };
    match value.as_array() {
        Some(list) => list.iter().map(|v| word(v.get_ref())).collect(),
        None => Ok(vec![word(value)?]),
    }
}
