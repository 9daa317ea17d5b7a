//! The published schemas, read from `testdata/schemas`.

use jsonschema::Validator;
use serde_json::Value;
use std::path::Path;

pub fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schemas").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The schema of this name, mended where it is broken, with the formats of its strings checked too.
pub fn schema(name: &str, mend: impl Fn(&mut Value)) -> Validator {
    let mut schema = read(name);
    mend(&mut schema);
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

pub fn errors(validator: &Validator, document: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(document).unwrap();
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// That a document is valid, and that one with `field` gone is not.
pub fn assert_valid(validator: &Validator, document: &str, field: &str) {
    let found = errors(validator, document);
    assert!(found.is_empty(), "{:#?}", &found[..found.len().min(10)]);
    let mut value: Value = serde_json::from_str(document).unwrap();
    value.as_object_mut().unwrap().remove(field).unwrap();
    assert!(!validator.is_valid(&value), "the schema does not ask for {field}");
}
