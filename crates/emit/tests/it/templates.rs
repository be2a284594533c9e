//! The files of a small estate, as a person reads them, and as other programs do.

use diagnostics::{Diagnostics, SourceMap, Span};
use emit::cloudformation::{Format, Options};
use estate::{Call, Estate, Function, Kind, Literal, Pseudo, Resource, Stack, StackId, Value, value};

use crate::estates::{account, attribute, emitted, origin, pseudo, reference, small};
use crate::parsed::parse;

fn text(format: Format, path: &str) -> String {
    let emission = emitted(&small(), &Options { format, ..Options::default() });
    String::from_utf8(emission.bundle.get(path).expect("the file").to_vec()).unwrap()
}

#[test]
fn a_template_as_json() {
    insta::assert_snapshot!(text(Format::Json, "accounts/prod/eu-central-1/application.json"));
}

#[test]
fn a_template_as_yaml() {
    insta::assert_snapshot!(text(Format::Yaml, "accounts/prod/eu-central-1/application.yaml"));
}

#[test]
fn the_readme_of_the_order() {
    insta::assert_snapshot!(text(Format::Json, "README.md"));
}

#[test]
fn the_manifest() {
    insta::assert_snapshot!(text(Format::Json, "manifest.json"));
}

/// One resource with this value, in a stack of its own.
fn holding(value: Value) -> Estate {
    let mut estate = Estate::default();
    let owner = estate.add_account(account("prod"));
    let mut stack = Stack::new("app", owner, Some("eu-west-1".into()), Span::NONE);
    stack.resources.insert("Bucket".into(), Resource::new("AWS::S3::Bucket", value!({}), origin()));
    stack
        .resources
        .insert("Holder".into(), Resource::new("Custom::Holder", value!({ "Value": value }), origin()));
    estate.add_stack(stack);
    estate
}

/// Checks what a value becomes, in JSON and in YAML.
#[track_caller]
fn check(value: &Value, json: &str, yaml: &str) {
    let written = |format| {
        let emission = emitted(&holding(value.clone()), &Options { format, ..Options::default() });
        let (_, bytes) = emission.bundle.iter().find(|(path, _)| path.starts_with("accounts/")).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (_, tail) = text.split_once("Value").unwrap();
        tail.trim_start_matches('"').trim_start_matches(": ").trim_start_matches(':').to_owned()
    };
    let found = written(Format::Json);
    let found = found.split("\n    }").next().unwrap().trim_end();
    assert_eq!(found.strip_suffix(" }").unwrap_or(found), json);
    assert_eq!(written(Format::Yaml).trim_end(), yaml);
}

fn call(function: Function, arguments: Vec<Value>) -> Value {
    Value::new(Kind::Call(Box::new(Call { function, arguments })))
}

const OWN: StackId = StackId(0);

#[test]
fn texts_are_quoted_where_yaml_would_read_something_else() {
    for (text, yaml) in [
        ("plain", "plain"),
        ("yes", "'yes'"),
        ("0123", "'0123'"),
        ("2012-10-17", "'2012-10-17'"),
        ("1e3", "'1e3'"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("- a", "'- a'"),
        ("*", "'*'"),
        ("{a}", "'{a}'"),
        ("tab\there", "\"tab\\there\""),
        ("bell\u{7}", "\"bell\\u0007\""),
        ("Größe", "'Größe'"),
    ] {
        check(&Value::from(text), &serde_json::to_string(text).unwrap(), yaml);
    }
}

#[test]
fn functions_have_their_long_form_in_json_and_their_short_form_in_yaml() {
    check(&reference(OWN, "Bucket"), r#"{ "Ref": "Bucket" }"#, "!Ref Bucket");
    check(&attribute(OWN, "Bucket", "Arn"), r#"{ "Fn::GetAtt": ["Bucket", "Arn"] }"#, "!GetAtt Bucket.Arn");
    check(
        &Value::join([attribute(OWN, "Bucket", "Arn"), "/*".literal()]),
        r#"{ "Fn::Sub": "${Bucket.Arn}/*" }"#,
        "!Sub '${Bucket.Arn}/*'",
    );
    // Two short forms cannot stand on one node.
    check(
        &call(Function::Base64, vec![Value::join(["a ".literal(), reference(OWN, "Bucket")])]),
        r#"{ "Fn::Base64": { "Fn::Sub": "a ${Bucket}" } }"#,
        "\n        Fn::Base64: !Sub 'a ${Bucket}'",
    );
    check(
        &call(Function::Select, vec![0.into_value(), call(Function::GetAzs, vec!["".literal()])]),
        r#"{ "Fn::Select": [0, { "Fn::GetAZs": "" }] }"#,
        "!Select [0, !GetAZs '']",
    );
}

/// `i64` literals read better without a suffix.
trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for i64 {
    fn into_value(self) -> Value {
        Value::from(self)
    }
}

#[test]
fn what_sub_cannot_say_is_joined() {
    // `$` before a variable, and an opening brace that never closes.
    check(
        &Value::join(["cost in $".literal(), reference(OWN, "Bucket")]),
        r#"{ "Fn::Join": ["", ["cost in $", { "Ref": "Bucket" }]] }"#,
        "!Join ['', ['cost in $', !Ref Bucket]]",
    );
    check(
        &Value::join(["${a ".literal(), reference(OWN, "Bucket")]),
        r#"{ "Fn::Join": ["", ["${a ", { "Ref": "Bucket" }]] }"#,
        "!Join ['', ['${a ', !Ref Bucket]]",
    );
    check(
        &Value::join(["${a} ".literal(), pseudo(OWN, Pseudo::StackName)]),
        r#"{ "Fn::Sub": "${!a} ${AWS::StackName}" }"#,
        "!Sub '${!a} ${AWS::StackName}'",
    );
}

#[test]
fn several_lines_are_a_block_in_yaml() {
    check(
        &"#!/bin/sh\n\n  echo $1\n".literal(),
        r##""#!/bin/sh\n\n  echo $1\n""##,
        "|\n        #!/bin/sh\n\n          echo $1",
    );
    check(&"a\nb".literal(), r#""a\nb""#, "|-\n        a\n        b");
    check(&" a\nb".literal(), r#"" a\nb""#, r#"" a\nb""#);
    check(&"a \nb".literal(), r#""a \nb""#, r#""a \nb""#);
}

#[test]
fn numbers_stay_numbers() {
    check(&1.5_f64.literal(), "1.5", "1.5");
    check(&1e300_f64.literal(), "1.0e+300", "1.0e+300");
    check(&2.0_f64.literal(), "2.0", "2.0");
    check(&Value::from(-7_i64), "-7", "-7");
}

#[test]
fn what_is_emitted_reads_back_as_what_it_was() {
    for format in [Format::Json, Format::Yaml] {
        let emission = emitted(&small(), &Options { format, ..Options::default() });
        let templates: Vec<_> = emission.manifest.stacks.iter().map(|stack| stack.template.clone()).collect();
        let files: Vec<_> = templates
            .iter()
            .map(|path| {
                intake::TemplateFile::new(
                    path.as_str(),
                    std::str::from_utf8(emission.bundle.get(path).unwrap()).unwrap(),
                )
            })
            .collect();
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let read = intake::read(&files, &intake::Options::default(), &mut sources, &mut diagnostics);
        let messages: Vec<_> =
            diagnostics.iter().filter(|found| found.severity > diagnostics::Severity::Note).collect();
        assert!(messages.is_empty(), "{messages:?}");
        let list = |estate: &Estate| {
            let mut all: Vec<_> = estate
                .stacks
                .iter()
                .flat_map(|stack| stack.resources.iter())
                .map(|(id, resource)| {
                    (id.clone(), resource.kind.clone(), resource.deletion_policy.clone().is_some())
                })
                .collect();
            all.sort();
            all
        };
        assert_eq!(list(&read), list(&small()));
    }
}

#[test]
fn json_and_yaml_are_the_same_tree() {
    let [json, yaml] = [Format::Json, Format::Yaml].map(|format| {
        let emission = emitted(&small(), &Options { format, ..Options::default() });
        let paths = emission.bundle.iter().filter(|(path, _)| path.starts_with("accounts/"));
        paths.map(|(path, bytes)| parse(path, bytes)).collect::<Vec<_>>()
    });
    assert_eq!(json, yaml);
}

/// Writes the small estate in both forms to the folder `EMIT_TO`, for outside checkers such as cfn-lint.
#[test]
#[ignore = "writes to a folder"]
fn write_for_outside_checkers() {
    let folder = std::path::PathBuf::from(std::env::var("EMIT_TO").expect("EMIT_TO names a folder"));
    for (format, name) in [(Format::Json, "json"), (Format::Yaml, "yaml")] {
        let emission = emitted(&small(), &Options { format, ..Options::default() });
        emit::commit(&emission.bundle, &folder.join(name)).unwrap();
    }
}
