//! What crosses stacks, what is refused, and templates that somebody brought.

use std::sync::Arc;

use diagnostics::Span;
use emit::cloudformation::{Options, OutputOf};
use estate::{
    Dependency, Estate, Kind, Output, Parameter, Resource, Stack, StackId, Template, Type, Unknown, Value,
    Why, value,
};

use crate::estates::{account, attribute, emitted, number_of, origin, reference, refused};

fn estate(names: &[&str]) -> Estate {
    let mut estate = Estate { name: "test".into(), ..Estate::default() };
    let owner = estate.add_account(account("prod"));
    for name in names {
        estate.add_stack(Stack::new(*name, owner, Some("eu-west-1".into()), Span::NONE));
    }
    estate
}

fn put(estate: &mut Estate, stack: usize, id: &str, properties: Value) {
    estate.stacks[stack].resources.insert(id.into(), Resource::new("AWS::SNS::Topic", properties, origin()));
}

#[test]
fn stacks_that_need_each_other_are_named_with_the_reason() {
    let mut estate = estate(&["a", "b"]);
    put(&mut estate, 0, "X", value!({ "TopicName": (attribute(StackId(1), "Y", "TopicName")) }));
    put(&mut estate, 1, "Y", value!({ "DisplayName": (reference(StackId(0), "X")) }));
    assert_eq!(
        refused(&estate),
        [
            "EMT0005: stacks need each other in a circle: `prod/eu-west-1/a` needs `prod/eu-west-1/b` needs `prod/eu-west-1/a`"
        ]
    );
}

#[test]
fn what_is_not_known_or_leads_nowhere_is_refused() {
    let unknown = |symbol: &str| {
        Value::new(Kind::Unknown(Box::new(Unknown {
            symbol: symbol.into(),
            ty: Type::String,
            why: Why::Parameter("P".into()),
            allowed: None,
        })))
    };
    let mut estate = estate(&["a"]);
    put(
        &mut estate,
        0,
        "X",
        value!({ "TopicName": (unknown("a/P")), "Nothing": null, "Literal": { "Ref": "x" } }),
    );
    put(&mut estate, 0, "Y", value!({ "TopicName": (reference(StackId(0), "Z")) }));
    estate.stacks[0].resources["Y"].depends_on.push(Dependency { id: "Gone".into(), span: Span::NONE });
    assert_eq!(
        refused(&estate),
        [
            "EMT0001: `a/P` would be deployed, but parameter `P` has no value (at `X/Properties/TopicName` of stack `prod/eu-west-1/a`)",
            "EMT0002: `Y` waits for `Gone`, which its stack does not have (at `Y` of stack `prod/eu-west-1/a`)",
            "EMT0002: `Z` is referred to, but stack `prod/eu-west-1/a` has no such resource (at `Y/Properties/TopicName` of stack `prod/eu-west-1/a`)",
            "EMT0003: the key `Ref` is meant literally here (at `X/Properties/Literal` of stack `prod/eu-west-1/a`)",
            "EMT0004: CloudFormation refuses null values (at `X/Properties/Nothing` of stack `prod/eu-west-1/a`)",
        ]
    );
}

#[test]
fn a_list_travels_as_one_text() {
    let mut estate = estate(&["network", "app"]);
    let vpc = Resource::new("AWS::EC2::VPC", value!({ "CidrBlock": "10.0.0.0/16" }), origin());
    estate.stacks[0].resources.insert("Vpc".into(), vpc);
    put(&mut estate, 1, "X", value!({ "Blocks": (attribute(StackId(0), "Vpc", "CidrBlockAssociations")) }));
    let emission = emitted(&estate, &Options::default());
    let text = |path: &str| String::from_utf8(emission.bundle.get(path).unwrap().to_vec()).unwrap();
    assert!(
        text("accounts/prod/eu-west-1/network.json")
            .contains(r#"{ "Fn::Join": [",", { "Fn::GetAtt": ["Vpc", "CidrBlockAssociations"] }] }"#)
    );
    assert!(text("accounts/prod/eu-west-1/app.json").contains(r#""Type": "CommaDelimitedList""#));
}

#[test]
fn names_say_account_and_region_where_they_differ() {
    let mut estate = estate(&["network"]);
    let other = estate.add_account(account("shared-services"));
    estate.add_stack(Stack::new("keys", other, Some("us-east-1".into()), Span::NONE));
    put(&mut estate, 1, "Key", value!({}));
    put(
        &mut estate,
        0,
        "X",
        value!({ "A": (attribute(StackId(1), "Key", "TopicArn")), "B": (number_of(other)) }),
    );
    let emission = emitted(&estate, &Options::default());
    let app = emission.manifest.stacks.iter().find(|stack| stack.name == "network").unwrap();
    let names: Vec<_> = app.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["SharedServicesAccountId", "SharedServicesKeysUsEast1KeyTopicArn"]);
    assert_eq!(app.parameters[0].account.as_deref(), Some("shared-services"));
    assert_eq!(
        app.parameters[1].from,
        Some(OutputOf { stack: "shared-services/us-east-1/keys".into(), output: "KeyTopicArn".into() })
    );
}

#[test]
fn two_names_that_would_be_equal_are_told_apart() {
    let mut estate = estate(&["a-b", "ab", "user"]);
    put(&mut estate, 0, "X", value!({}));
    put(&mut estate, 1, "X", value!({}));
    put(
        &mut estate,
        2,
        "U",
        value!({ "A": (reference(StackId(0), "X")), "B": (reference(StackId(1), "X")), "C": (reference(StackId(0), "X")) }),
    );
    put(&mut estate, 2, "ABXRef", value!({}));
    let emission = emitted(&estate, &Options::default());
    let user = emission.manifest.stacks.iter().find(|stack| stack.name == "user").unwrap();
    let names: std::collections::BTreeSet<_> =
        user.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names.len(), 2);
    assert!(!names.contains("ABXRef"));
}

fn brought(text: &str) -> Option<Template> {
    Some(Template { file: "theirs/web.yaml".into(), text: Arc::from(text) })
}

#[test]
fn a_brought_template_is_written_unchanged_and_wired() {
    let mut estate = estate(&["web", "ours", "fed"]);
    let theirs = "# theirs\nResources: {T: {Type: 'AWS::SNS::Topic'}}\n";
    put(&mut estate, 0, "T", value!({}));
    estate.stacks[0].template = brought(theirs);
    let output =
        |value| Output { value, export: None, condition: None, description: "".into(), span: Span::NONE };
    estate.stacks[0].outputs.insert("TheirTopic".into(), output(reference(StackId(0), "T")));
    let parameter = |value: Value, no_echo| Parameter {
        ty: "String".into(),
        value,
        is_default: false,
        no_echo,
        span: Span::NONE,
    };
    estate.stacks[0].parameters.insert("Size".into(), parameter(Value::from("large"), false));
    estate.stacks[0].parameters.insert("Password".into(), parameter(Value::from("hunter2"), true));
    estate.stacks[0].parameters.insert("Fed".into(), parameter(reference(StackId(2), "F"), false));
    put(&mut estate, 1, "X", value!({ "DisplayName": (reference(StackId(0), "T")) }));
    put(&mut estate, 2, "F", value!({}));
    let emission = emitted(&estate, &Options::default());
    assert_eq!(emission.bundle.get("accounts/prod/eu-west-1/web.yaml"), Some(theirs.as_bytes()));
    assert!(!emission.bundle.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("hunter2")));
    let waves: Vec<Vec<&str>> =
        emission.manifest.waves.iter().map(|wave| wave.iter().map(String::as_str).collect()).collect();
    assert_eq!(waves, [["prod/eu-west-1/fed"], ["prod/eu-west-1/web"], ["prod/eu-west-1/ours"]]);
    let web = emission.manifest.stacks.iter().find(|stack| stack.name == "web").unwrap();
    let given: Vec<_> = web
        .parameters
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.value.as_deref(),
                p.supply.as_deref(),
                p.from.as_ref().map(|from| from.output.as_str()),
            )
        })
        .collect();
    assert_eq!(
        given,
        [
            ("Size", Some("large"), None, None),
            ("Password", None, Some("value of Password"), None),
            ("Fed", None, None, Some("FRef"))
        ]
    );
    let ours = emission.manifest.stacks.iter().find(|stack| stack.name == "ours").unwrap();
    assert_eq!(ours.parameters[0].from.as_ref().unwrap().output, "TheirTopic");
}

#[test]
fn a_brought_template_without_the_output_is_named() {
    let mut estate = estate(&["web", "ours"]);
    put(&mut estate, 0, "T", value!({}));
    estate.stacks[0].template = brought("Resources: {}");
    put(&mut estate, 1, "X", value!({ "DisplayName": (reference(StackId(0), "T")) }));
    assert_eq!(
        refused(&estate),
        ["EMT0007: another stack uses `T` of `prod/eu-west-1/web`, whose template has no output for it"]
    );
}

#[test]
fn nested_templates_keep_their_places_to_each_other() {
    let mut estate = estate(&["outer", "child"]);
    for (at, file) in ["infra/root.yaml", "infra/../../evil/child.yaml"].into_iter().enumerate() {
        put(&mut estate, at, "T", value!({}));
        estate.stacks[at].template = Some(Template { file: file.into(), text: Arc::from("Resources: {}") });
    }
    estate.stacks[1].nested_in = Some((StackId(0), "Child".into()));
    let emission = emitted(&estate, &Options::default());
    let paths: Vec<_> =
        emission.manifest.stacks.iter().map(|stack| (stack.template.as_str(), stack.wave)).collect();
    assert_eq!(
        paths,
        [
            ("accounts/prod/eu-west-1/outer/infra/root.yaml", 1),
            ("accounts/prod/eu-west-1/outer/infra/evil/child.yaml", 0)
        ]
    );
    let readme = String::from_utf8(emission.bundle.get("README.md").unwrap().to_vec()).unwrap();
    assert!(readme.contains("aws cloudformation package"));
}
