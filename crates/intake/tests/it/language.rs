//! `AWS::LanguageExtensions` and other transforms.

use estate::StackId;

use crate::show::{property, said, show};

fn ids(template: &str) -> (Vec<String>, Vec<String>) {
    let (estate, sources, diagnostics) = intake::from_texts(&[("t.yaml", template)]);
    let stack = estate.stack(StackId(0)).unwrap();
    (stack.resources.keys().map(ToString::to_string).collect(), said(&diagnostics, &sources))
}

const LOOPS: &str = "
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'a,b-1'}
Resources:
  Fn::ForEach::Outer:
    - Name
    - !Ref Names
    - Topic&{Name}:
        Type: AWS::SNS::Topic
        Properties: {DisplayName: !Sub '${Name} of ${AWS::StackName}', TopicName: !Ref Name}
      Fn::ForEach::Inner:
        - Number
        - ['1', '2']
        - Queue&{Name}x${Number}:
            Type: AWS::SQS::Queue
            Properties:
              Fn::ForEach::Property:
                - Key
                - [DelaySeconds, VisibilityTimeout]
                - ${Key}: !Ref Number
";

#[test]
fn loops_make_resources_and_properties() {
    let (ids, said) = ids(LOOPS);
    assert_eq!(ids, ["Topica", "Queueax1", "Queueax2", "Topicb1", "Queueb1x1", "Queueb1x2"]);
    assert_eq!(said, Vec::<String>::new());
    let (estate, ..) = intake::from_texts(&[("t.yaml", LOOPS)]);
    assert_eq!(
        show(property(&estate, "Topicb1", "DisplayName").unwrap()),
        "Join(\"b-1 of \", ‹AWS::StackName›)"
    );
    assert_eq!(show(property(&estate, "Topicb1", "TopicName").unwrap()), "\"b-1\"");
    assert_eq!(
        show(&estate.resource(StackId(0), "Queueax2").unwrap().properties),
        "{DelaySeconds: \"2\", VisibilityTimeout: \"2\"}"
    );
}

#[test]
fn loops_that_cannot_be_unrolled_are_reported() {
    let without = LOOPS.replace("Transform: AWS::LanguageExtensions", "");
    assert_eq!(ids(&without).1[0], "CFN0015 Fn::ForEach::Outer");
    let open = LOOPS.replace(", Default: 'a,b-1'", "");
    let (left, said) = ids(&open);
    assert_eq!((left.len(), said.as_slice()), (0, &["CFN0048 warning !Ref Names".to_owned()][..]));
    let malformed = "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L: [x]\n  B: {Type: AWS::S3::Bucket}\n";
    assert_eq!(ids(malformed).1, ["CFN0037 Fn::ForEach::L"]);
    let twice = "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L: [X, [a, a], {'B${X}': {Type: AWS::S3::Bucket}}]\n";
    assert_eq!(ids(twice).1, ["CFN0037 'B${X}'"]);
}

#[test]
fn includes_come_from_the_files_given() {
    let main = "
Resources:
  B:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: x
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://somewhere/parts/encryption.yaml}}
";
    let part = "BucketEncryption: {ServerSideEncryptionConfiguration: []}\n";
    let (estate, sources, diagnostics) =
        intake::from_texts(&[("main.yaml", main), ("parts/encryption.yaml", part)]);
    assert_eq!(said(&diagnostics, &sources), Vec::<String>::new());
    assert!(property(&estate, "B", "BucketEncryption").is_some());
    let (estate, sources, diagnostics) = intake::from_texts(&[("main.yaml", main)]);
    assert_eq!(said(&diagnostics, &sources), ["CFN0036 warning s3://somewhere/parts/encryption.yaml"]);
    // What is included is unknown, so all properties are.
    assert!(show(&estate.resource(StackId(0), "B").unwrap().properties).starts_with("Transform("));
}
