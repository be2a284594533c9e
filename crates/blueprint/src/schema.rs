//! The JSON Schema of the language, for editors.

use serde_json::{Value, json};

use crate::reader::{Decode, Definitions};
use crate::written::Blueprint;

/// The schema of `estate.yaml`, JSON Schema Draft 2020-12. It is made of the same declarations as the reader,
/// so the two agree on fields, forms, words and patterns; what needs the whole blueprint to be judged (names,
/// ranges, reasons) is not in it, and neither is what is not built yet.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Definitions::default();
    let root = Blueprint::schema(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Steward blueprint",
        "description": "estate.yaml: a whole AWS estate, described. See docs/blueprint.md.",
        "allOf": [root],
        "$defs": definitions.0,
    })
}
