//! Keys in any case, as Go's programs read the JSON of credentials and tokens.

use serde_json::{Map, Value};

/// The fields of an object under the names that are looked for: a key names one in any case, the last
/// that is not `null` counts. What is no object stays as it is.
pub(super) fn fields(value: Value, names: &[&str]) -> Value {
    let Value::Object(all) = value else { return value };
    let mut known = Map::new();
    for (key, value) in all {
        let name = names.iter().find(|name| name.eq_ignore_ascii_case(&key));
        if let Some(name) = name.filter(|_| !value.is_null()) {
            known.insert((*name).to_owned(), value);
        }
    }
    Value::Object(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_one_in_any_case_counts_and_null_is_none() {
        let got = fields(json!({"AUTH": 1, "Auth": 2, "auth": null, "other": 3}), &["auth"]);
        assert_eq!(got, json!({"auth": 2}));
        assert_eq!(fields(json!([1]), &["auth"]), json!([1]));
    }
}
