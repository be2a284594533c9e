//! Nested stacks and exports: values that travel between the templates given.

use estate::StackId;

use crate::show::{said, show};

const CHILD: &str = "
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id}
  Subnets: {Type: List<AWS::EC2::Subnet::Id>}
  Key: {Type: String, Default: ''}
Conditions:
  HasKey: !Not [!Equals [!Ref Key, '']]
Resources:
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: g, VpcId: !Ref Vpc}}
  It: {Type: Custom::It, Properties: {S: !Ref Subnets, K: !If [HasKey, !Ref Key, none]}}
Outputs:
  Group: {Value: !GetAtt Group.GroupId}
";

const PARENT: &str = "
Parameters: {Prefix: {Type: String, Default: x/}}
Resources:
  User: {Type: Custom::User, Properties: {Group: !GetAtt Child.Outputs.Group}}
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://bucket.s3.${AWS::Region}.${AWS::URLSuffix}/${Prefix}templates/child.yaml
      Parameters:
        Vpc: !Ref Vpc
        Subnets: !Join [',', [!Ref A, !Ref B]]
        Key: !GetAtt Key.Arn
  Vpc: {Type: AWS::EC2::VPC}
  A: {Type: AWS::EC2::Subnet}
  B: {Type: AWS::EC2::Subnet}
  Key: {Type: AWS::KMS::Key}
";

#[test]
fn values_flow_into_a_nested_stack_and_back() {
    let (estate, sources, diagnostics) =
        intake::from_texts(&[("templates/parent.yaml", PARENT), ("templates/child.yaml", CHILD)]);
    assert_eq!(said(&diagnostics, &sources), Vec::<String>::new());
    assert_eq!(estate.stacks.len(), 2);
    let child = &estate.stacks[1];
    assert_eq!(
        (child.name.as_str(), child.nested_in.clone()),
        ("parent-Child", Some((StackId(0), "Child".into())))
    );
    assert_eq!(show(&child.resources["Group"].properties), "{GroupDescription: \"g\", VpcId: ‹Vpc›}");
    assert_eq!(show(&child.resources["It"].properties), "{S: [‹A›, ‹B›], K: ‹Key.Arn›}");
    assert_eq!(show(&estate.stacks[0].resources["User"].properties), "{Group: ‹1:Group.GroupId›}");
}

#[test]
fn a_template_that_is_not_given_is_named_and_its_outputs_are_unknown() {
    let (estate, sources, diagnostics) = intake::from_texts(&[("parent.yaml", PARENT)]);
    assert_eq!(said(&diagnostics, &sources).len(), 1);
    assert_eq!(diagnostics.iter().next().unwrap().code.0, "CFN0031");
    assert_eq!(show(&estate.stacks[0].resources["User"].properties), "{Group: ?parent/Child.Outputs.Group}");
}

#[test]
fn mistakes_between_stacks_are_reported() {
    let check = |parent: &str, expected: &[&str]| {
        let (_, sources, diagnostics) =
            intake::from_texts(&[("p.yaml", parent), ("templates/child.yaml", CHILD)]);
        assert_eq!(said(&diagnostics, &sources), expected);
    };
    check(&PARENT.replace("Outputs.Group", "Outputs.Grup"), &["CFN0033 !GetAtt Child.Outputs.Grup"]);
    check(&PARENT.replace("Key: !GetAtt", "Kee: !GetAtt"), &["CFN0030 !GetAtt Key.Arn"]);
    let itself = "Resources: {S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./t.yaml}}}";
    let (estate, sources, diagnostics) = intake::from_texts(&[("t.yaml", itself)]);
    assert_eq!((said(&diagnostics, &sources), estate.stacks.len()), (vec!["CFN0032 ./t.yaml".to_owned()], 1));
    let two = "Resources: {S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./u.yaml}}}";
    let (_, sources, diagnostics) = intake::from_texts(&[("t.yaml", two), ("u.yaml", itself)]);
    assert_eq!(said(&diagnostics, &sources), ["CFN0032 ./t.yaml"]);
}

#[test]
fn resources_of_a_conditional_nested_stack_are_conditional() {
    let parent = "
Parameters: {P: {Type: String}}
Conditions: {Wanted: !Equals [!Ref P, x]}
Resources:
  S: {Type: AWS::CloudFormation::Stack, Condition: Wanted, Properties: {TemplateURL: c.yaml}}
";
    let child = "
Parameters: {Q: {Type: String}}
Conditions: {Big: !Equals [!Ref Q, x]}
Resources:
  A: {Type: AWS::S3::Bucket}
  B: {Type: AWS::S3::Bucket, Condition: Big}
";
    let (estate, ..) = intake::from_texts(&[("p.yaml", parent), ("c.yaml", child)]);
    let condition = |id: &str| estate.stacks[1].resources[id].condition.clone().unwrap();
    assert_eq!((condition("A").stack, condition("A").name.as_str()), (StackId(0), "Wanted"));
    assert_eq!((condition("B").stack, condition("B").name.as_str()), (StackId(1), "Wanted and Big"));
}

#[test]
fn a_stack_that_is_left_out_leaves_its_template_to_itself() {
    let parent = "
Conditions: {Never: !Equals [a, b]}
Resources:
  B: {Type: AWS::S3::Bucket}
  S: {Type: AWS::CloudFormation::Stack, Condition: Never, Properties: {TemplateURL: c.yaml}}
";
    let (estate, ..) =
        intake::from_texts(&[("p.yaml", parent), ("c.yaml", "Resources: {A: {Type: AWS::S3::Bucket}}")]);
    let names: Vec<_> = estate.stacks.iter().map(|stack| stack.name.as_str()).collect();
    assert_eq!(names, ["p", "c"]);
    assert_eq!(estate.stacks[0].left_out["S"], "Never");
}

#[test]
fn imports_are_resolved_where_the_name_is_exactly_known() {
    let network = "
Resources: {V: {Type: AWS::EC2::VPC}}
Outputs:
  V: {Value: !Ref V, Export: {Name: !Sub '${AWS::StackName}-vpc'}}
  L: {Value: !Join [',', [!Ref V, x]], Export: {Name: list}}
";
    let user = "
Parameters: {Stack: {Type: String, Default: network}, Other: {Type: String}}
Resources:
  It:
    Type: Custom::It
    Properties:
      A: !ImportValue {'Fn::Sub': '${Stack}-vpc'}
      B: !ImportValue {'Fn::Sub': '${Other}-vpc'}
      C: !Select [1, !Split [',', !ImportValue list]]
";
    let (estate, sources, diagnostics) =
        intake::from_texts(&[("network.yaml", network), ("user.yaml", user)]);
    assert_eq!(said(&diagnostics, &sources), Vec::<String>::new());
    let it = &estate.stacks[1].resources["It"].properties;
    assert_eq!(show(it), "{A: ‹V›, B: ImportValue(Join(?user/Other, \"-vpc\")), C: \"x\"}");
    let (_, sources, diagnostics) =
        intake::from_texts(&[("network.yaml", network), ("n2.yaml", network), ("user.yaml", user)]);
    assert_eq!(said(&diagnostics, &sources), ["CFN0047 warning L"]);
}
