//! The JSON Schema and the reader say the same.
//!
//! The checker below is a small, slow validator of the part of Draft 2020-12 that the schema uses. It is held
//! against the reader on the examples, on the base and on mutations of both.

use blueprint::json_schema;
use serde_json::{Value, json};

use crate::support::{BASE, and, examples, load_text, with};

/// Whether `value` satisfies `schema`; anything that the checker does not know is a bug of the test.
fn valid(schema: &Value, value: &Value, root: &Value) -> bool {
    let Value::Object(keywords) = schema else { return schema != &Value::Bool(false) };
    keywords.iter().all(|(keyword, operand)| match keyword.as_str() {
        "$schema" | "$defs" | "title" | "description" | "default" => true,
        "$ref" => {
            let path = operand.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
            valid(root.pointer(path).expect("a definition"), value, root)
        }
        "type" => {
            let kinds = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
            kinds.iter().any(|kind| is_of(kind.as_str().expect("a type"), value))
        }
        "const" => value == operand,
        "enum" => operand.as_array().expect("a list").contains(value),
        "anyOf" => operand.as_array().expect("a list").iter().any(|one| valid(one, value, root)),
        "oneOf" => {
            operand.as_array().expect("a list").iter().filter(|one| valid(one, value, root)).count() == 1
        }
        "allOf" => operand.as_array().expect("a list").iter().all(|one| valid(one, value, root)),
        "required" => value.as_object().is_none_or(|map| {
            operand
                .as_array()
                .expect("a list")
                .iter()
                .all(|name| map.contains_key(name.as_str().expect("a name")))
        }),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(name, value)| operand.get(name).is_none_or(|schema| valid(schema, value, root)))
        }),
        "patternProperties" => true,
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let own = |name: &str| schema.pointer("/properties").and_then(|own| own.get(name)).is_some();
            let free = |name: &str| name.starts_with("x-") && schema.get("patternProperties").is_some();
            map.iter().all(|(name, value)| own(name) || free(name) || valid(operand, value, root))
        }),
        "propertyNames" => {
            value.as_object().is_none_or(|map| map.keys().all(|name| valid(operand, &json!(name), root)))
        }
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| valid(operand, item, root))),
        "pattern" => value.as_str().is_none_or(|text| {
            regex::Regex::new(operand.as_str().expect("a pattern"))
                .expect("a regular expression")
                .is_match(text)
        }),
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() as u64 >= operand.as_u64().expect("a number")),
        "minimum" => value.as_f64().is_none_or(|number| number >= operand.as_f64().expect("a number")),
        "maximum" => value.as_f64().is_none_or(|number| number <= operand.as_f64().expect("a number")),
        unknown => panic!("the checker does not know `{unknown}`"),
    })
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        unknown => panic!("the checker does not know the type `{unknown}`"),
    }
}

/// YAML as the JSON that an editor would check.
fn as_json(text: &str) -> Value {
    let (mut sources, mut diagnostics) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
    let id = sources.add("estate.yaml", text).expect("room");
    let file = sources.file(id).expect("the file");
    let node = document::parse(file, document::Syntax::blueprint(), &mut diagnostics).expect("a document");
    to_json(&node)
}

fn to_json(node: &document::Node) -> Value {
    match &node.kind {
        document::Kind::Null => Value::Null,
        document::Kind::Bool(value) => json!(value),
        document::Kind::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        document::Kind::String(text) => json!(text),
        document::Kind::List(items) => items.iter().map(to_json).collect(),
        document::Kind::Map(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.text.to_string(), to_json(&entry.value))).collect(),
        ),
    }
}

/// The codes with which the reader refuses what no schema would accept.
const OF_FORM: &[&str] = &["BP0101", "BP0102", "BP0103", "BP0104", "BP0105", "BP0106", "BP0303", "BP0401"];

fn agree(text: &str, accepted: bool) {
    let schema = json_schema();
    assert_eq!(valid(&schema, &as_json(text), &schema), accepted, "the schema on\n{text}");
    let loaded = load_text(text);
    let refused = loaded.diagnostics.iter().any(|diagnostic| OF_FORM.contains(&diagnostic.code.0));
    assert_eq!(refused, !accepted, "the reader on\n{text}\n{:#?}", loaded.lines());
}

#[test]
fn the_schema_accepts_the_examples() {
    let schema = json_schema();
    for (name, folder) in examples() {
        let text = std::fs::read_to_string(folder.0.join("estate.yaml")).expect("the example");
        assert!(valid(&schema, &as_json(&text), &schema), "{name}");
    }
}

#[test]
fn schema_and_reader_agree() {
    agree(BASE, true);
    agree(&and("colour: blue\n"), false);
    agree(&and("x-colour: blue\n"), true);
    agree(&and("operations: {}\n"), false);
    agree(
        &and(
            "identity: { groups: { ops: [a@acme.example] }, access: [{ group: ops, may: read, in: everywhere }] }\n",
        ),
        true,
    );
    agree(&and("identity: { groups: { ops: a@acme.example } }\n"), false);
    agree(&and("identity: { source: saml, groups: { ops: { directory: Ops } } }\n"), true);
    agree(&and("identity: { source: active-directory }\n"), false);
    agree(
        &and("identity: { roles: { biller: { managed: job-function/Billing, sessions: 13 hours } } }\n"),
        false,
    );
    agree(&and("detection: { inspector: yes, findings: { others: operations } }\n"), true);
    agree(&and("detection: { findings: { others: weekly } }\n"), false);
    agree(&and("rules: hipaa\nalarms: [root, sign-in]\n"), true);
    agree(&and("alarms: [everything]\n"), false);
    agree(&and("keys: { per: tenant }\n"), false);
    agree(&and("keys: { per: store, rotate: 180 days, deletion-wait-days: 30 }\n"), true);
    agree(&and("keys: { deletion-wait-days: 31 }\n"), false);
    agree(&and("keys:\n"), true);
    agree(&and("network: { addresses: 10.0.0.0 }\n"), false);
    agree(&and("network: { vpc-size: 20, reserved: 10.9.0.0/16 }\n"), true);
    agree(&and("network: { vpc-size: '20' }\n"), false);
    agree(&and("tags: { a: 1, b: yes, c: text }\n"), true);
    agree(&and("tags: { a: [1] }\n"), false);
    agree(&and("include: []\n"), true);
    agree(&and("include: /etc/passwd\n"), false);
    agree(&with("name: acme", "name: Acme"), false);
    agree(&with("name: acme", "name: 7"), false);
    agree(&with("name: acme\n", ""), false);
    agree(&with("[hipaa]", "hipaa"), true);
    agree(&with("kind: postgresql", "kind: redis"), false);
    agree(
        &with(
            "contains: phi",
            "contains: [phi, pii], version: 16, size: large, storage: 2 TiB, standby: yes",
        ),
        true,
    );
    agree(&with("contains: phi", "contains: phi, key: id"), false);
    agree(&with("contains: phi", "contains: secret"), false);
    agree(&with("kind: postgresql", "kind: table, key: id, sort: { name: at, type: number }"), true);
    agree(&with("kind: postgresql", "kind: table, key: { type: number }"), false);
    agree(&with("kind: postgresql", "kind: table, key: '#'"), false);
    agree(
        &with("runs-on: fargate", "runs-on: fargate, copies: 3 to 24, port: 443, health: /up, host: '@'"),
        true,
    );
    agree(&with("runs-on: fargate", "runs-on: fargate, copies: 0"), false);
    agree(&with("runs-on: fargate", "runs-on: fargate, copies: three"), false);
    agree(&with("runs-on: fargate", "runs-on: fargate, health: up"), false);
    agree(&with("runs-on: fargate", "runs-on: fargate, image: 'nginx:1.29'"), true);
    agree(&with("runs-on: fargate", "runs-on: fargate, image: nginx"), false);
    agree(
        &with("accounts: [audit, log-archive]", "accounts: { audit: , log-archive: { title: Logs } }"),
        true,
    );
    agree(&with("accounts: [audit, log-archive]", "accounts: { audit: 7, log-archive: }"), false);
    agree(
        &with("tier: staging }", "tier: staging, overrides: { records: { size: ~, storage: 50 GiB } } }"),
        true,
    );
    agree(&with("tier: staging }", "tier: staging, overrides: { records: { kind: table } } }"), false);
    agree(&with("tier: staging }", "tier: staging, overrides: { records: 7 } }"), false);
    agree(&with("tier: staging }", "tier: staging, zones: 1 }"), false);
    agree(
        &and("exceptions: [{ guarantee: tls, because: Old., owner: a@acme.example, until: 2027-01-31 }]\n"),
        true,
    );
    agree(
        &and("exceptions: [{ guarantee: tls, because: Old., owner: a@acme.example, until: soon }]\n"),
        false,
    );
}

#[test]
fn every_part_is_described_for_editors() {
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().expect("definitions");
    assert!(definitions.len() > 20);
    for (name, definition) in definitions {
        assert!(
            definition.get("title").is_some() && definition.get("description").is_some(),
            "{name}: {definition}"
        );
        for (field, property) in definition.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let text = property["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{name}.{field} has no description");
        }
    }
}

#[test]
fn the_schema_is_the_same_every_time() {
    assert_eq!(json_schema().to_string(), json_schema().to_string());
}
