//! What is known beside the templates: options, parameter values, manifests.

use diagnostics::{Diagnostics, SourceMap};
use estate::Estate;
use intake::cloudformation::{Options, ParameterValues, TemplateFile, read_files};

use crate::show::{said, show};

fn read(files: &[(&str, &str)], options: &Options) -> (Estate, Vec<String>) {
    let files: Vec<_> = files.iter().map(|(name, text)| TemplateFile::new(*name, *text)).collect();
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let reading = read_files(&files, options, &mut sources, &mut diagnostics);
    (reading.estate, said(&diagnostics, &sources))
}

const TEMPLATE: &str = "
Parameters:
  Size: {Type: String, Default: small, AllowedValues: [small, large]}
  Vpc: {Type: String}
Conditions: {Large: !Equals [!Ref Size, large]}
Resources:
  It: {Type: Custom::It, Properties: {Size: !Ref Size, Vpc: !Ref Vpc, Region: !Ref AWS::Region}}
  Extra: {Type: Custom::It, Condition: Large}
Outputs:
  Vpc: {Value: !GetAtt It.Vpc}
";

#[test]
fn given_values_are_used_and_checked() {
    let given = |name: &str, value: &str| {
        let values = [(name.into(), estate::Value::from(value))].into_iter().collect();
        Options { parameters: vec![ParameterValues { template: None, values }], ..Options::default() }
    };
    let (estate, said) = read(&[("t.yaml", TEMPLATE)], &given("Size", "large"));
    assert_eq!((estate.resource_count(), said.len()), (2, 0));
    let (_, said) = read(&[("t.yaml", TEMPLATE)], &given("Size", "huge"));
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("CFN0029 "), "{said:?}");
    let unknown = Options { all_parameters_unknown: true, ..Options::default() };
    let (estate, _) = read(&[("t.yaml", TEMPLATE)], &unknown);
    let extra = &estate.stacks[0].resources["Extra"];
    assert_eq!(extra.condition.as_ref().unwrap().name, "Large");
}

#[test]
fn a_manifest_says_where_and_with_what() {
    let manifest = "
account: workload
region: eu-central-1
parameters: {Size: large, Nothing: x}
templates:
  t.yaml:
    - {name: first, parameters: {Vpc: vpc-1}}
    - {name: second, account: other, region: us-east-1, parameters: {Size: small, Vpc: {stack: first, output: Vpc}}}
";
    let files = [
        ("in/t.yaml", TEMPLATE),
        ("in/steward-templates.yaml", manifest),
        ("in/u.yaml", "Resources: {B: {Type: AWS::S3::Bucket}}"),
    ];
    let (estate, said) = read(&files, &Options::default());
    assert_eq!(said, Vec::<String>::new());
    let paths: Vec<_> = estate.stacks().map(|(id, _)| estate.stack_path(id)).collect();
    assert_eq!(paths, ["workload/eu-central-1/first", "other/us-east-1/second", "workload/u"]);
    assert_eq!(
        show(&estate.stacks[0].resources["It"].properties),
        "{Size: \"large\", Vpc: \"vpc-1\", Region: \"eu-central-1\"}"
    );
    assert_eq!(
        show(&estate.stacks[1].resources["It"].properties),
        "{Size: \"small\", Vpc: ‹It.Vpc›, Region: \"us-east-1\"}"
    );
}

#[test]
fn mistakes_in_a_manifest_are_reported() {
    let manifest =
        "regoin: x\ntemplates:\n  missing.yaml: {}\n  t.yaml: {nam: x, parameters: {Vpc: {a: b}}}\n";
    let (_, said) = read(&[("t.yaml", TEMPLATE), ("steward-templates.yaml", manifest)], &Options::default());
    assert_eq!(said, ["CFN0040 regoin", "CFN0040 missing.yaml", "CFN0040 nam", "CFN0040 {a: b}"]);
}

#[test]
fn our_own_output_is_read_with_its_wiring() {
    let network = "{\"Resources\": {\"V\": {\"Type\": \"AWS::EC2::VPC\"}}, \"Outputs\": {\"VId\": {\"Value\": {\"Ref\": \"V\"}}}}";
    let user = "{\"Parameters\": {\"NetV\": {\"Type\": \"String\"}, \"Number\": {\"Type\": \"String\"}}, \"Resources\": {\"It\": \
        {\"Type\": \"Custom::It\", \"Properties\": {\"V\": {\"Ref\": \"NetV\"}, \"N\": {\"Ref\": \"Number\"}}}}}";
    let manifest = "{\"generator\": \"steward\", \"version\": 1, \"accounts\": [{\"name\": \"a\"}, {\"name\": \"b\", \"number\": \"123456789012\"}],
        \"stacks\": [{\"key\": \"a/r/net\", \"account\": \"a\", \"region\": \"r\", \"name\": \"net\", \"template\": \"net.json\"},
        {\"key\": \"b/r/user\", \"account\": \"b\", \"region\": \"r\", \"name\": \"user\", \"template\": \"user.json\", \"parameters\":
        [{\"name\": \"NetV\", \"from\": {\"stack\": \"a/r/net\", \"output\": \"VId\"}}, {\"name\": \"Number\", \"account\": \"b\"}]}]}";
    let (estate, said) = read(
        &[("out/manifest.json", manifest), ("out/net.json", network), ("out/user.json", user)],
        &Options::default(),
    );
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(show(&estate.stacks[1].resources["It"].properties), "{V: ‹V›, N: ‹account 1›}");
    assert_eq!(estate.accounts[1].number.as_deref(), Some("123456789012"));
}

#[test]
fn stacks_are_named_after_their_files_and_each_name_is_used_once() {
    let one = "Resources: {B: {Type: AWS::S3::Bucket}}";
    let files = [("a/vpc.template.yaml", one), ("b/vpc.yaml", one), ("b/vpc.yml", one), ("9.yaml", one)];
    let names: Vec<_> =
        read(&files, &Options::default()).0.stacks.iter().map(|stack| stack.name.to_string()).collect();
    assert_eq!(names, ["vpc", "b-vpc", "b-vpc-2", "stack-9"]);
}
