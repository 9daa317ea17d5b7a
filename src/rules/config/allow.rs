//! One `[[allow]]`.

use super::ConfigError;
use super::table::Table;
use crate::rules::allow::{Allow, PathGlob, is_fingerprint};
use crate::rules::name::NameGlob;
use jiff::civil::Date;
use toml::de::DeValue;

const KEYS: [&str; 5] = ["rule", "path", "fingerprint", "reason", "expires"];

pub(super) fn read(table: &Table) -> Result<Allow, ConfigError> {
    table.only(&KEYS)?;
    let glob = |e: globset::Error| e.kind().to_string();
    let string = |v: &DeValue| match v.as_str().map(str::trim) {
        None => Err("not a string".to_owned()),
        Some("") => Err("empty".to_owned()),
        Some(text) => Ok(text.to_owned()),
    };
    let allow = Allow {
        place: table.place(),
        rule: table.value("rule", |v| NameGlob::of_rules(&string(v)?).map_err(glob))?,
        path: table.value("path", |v| PathGlob::new(&string(v)?).map_err(glob))?,
        fingerprint: table.value("fingerprint", |v| {
            let text = string(v)?.to_ascii_lowercase();
            match is_fingerprint(&text) {
                true => Ok(text),
                false => Err("not 16 hexadecimal digits".to_owned()),
            }
        })?,
        reason: table.value("reason", string)?,
        expires: table.value("expires", date)?,
    };
    if allow.rule.is_none() && allow.path.is_none() && allow.fingerprint.is_none() {
        return Err(table.wrong("it needs a `rule`, a `path` or a `fingerprint`"));
    }
    if allow.reason.is_none() {
        return Err(table.wrong("it needs a `reason`"));
    }
    Ok(allow)
}

/// TOML's own date, or the same in quotes.
fn date(value: &DeValue) -> Result<Date, &'static str> {
    const WRONG: &str = "not a date such as 2027-01-31";
    let text = match value {
        DeValue::Datetime(d) if d.time.is_none() && d.offset.is_none() => d.to_string(),
        DeValue::String(text) if text.len() == 10 => text.to_string(),
        _ => return Err(WRONG),
    };
    text.parse().map_err(|_| WRONG)
}
