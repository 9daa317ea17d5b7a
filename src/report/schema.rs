//! The JSON schema of the report, made from the model itself.

use super::model::{Report, SCHEMA_VERSION};
use serde_json::{Value, json};

/// JSON Schema (2020-12) of one report; `--all-platforms` writes an array of these.
pub fn schema() -> Value {
    let generated = Value::from(schemars::schema_for!(Report));
    let mut out = serde_json::Map::new();
    let Value::Object(mut body) = generated else {
        return generated;
    };
    if let Some(dialect) = body.shift_remove("$schema") {
        out.insert("$schema".to_owned(), dialect);
    }
    out.insert("$id".to_owned(), json!(format!("urn:careen:report:{SCHEMA_VERSION}")));
    out.insert("title".to_owned(), json!("careen report"));
    out.insert("version".to_owned(), json!(SCHEMA_VERSION));
    body.shift_remove("title");
    if let Some(Value::Object(version)) =
        body.get_mut("properties").and_then(|p| p.get_mut("schema_version"))
    {
        version.insert("const".to_owned(), json!(SCHEMA_VERSION));
    }
    out.extend(body);
    Value::Object(out)
}
