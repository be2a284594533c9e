//! Each function of the template language as a table: what is written, what it says.

use crate::show::{property, said, show};

/// What the templates of these tests have around the expression.
const AROUND: &str = "
Transform: AWS::LanguageExtensions
Parameters:
  Given: {Type: String, Default: given}
  Number: {Type: Number, Default: 7}
  List: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Open: {Type: String}
  OpenList: {Type: List<AWS::EC2::Subnet::Id>}
  Size: {Type: String, AllowedValues: [small, large]}
  Stored: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /ami}
Mappings:
  Map:
    a: {x: 1, y: [p, q], same: s}
    b: {x: 2, y: [r], same: s}
Conditions:
  Truth: !Equals [!Ref Given, given]
  Lie: !Not [!Condition Truth]
  Maybe: !Equals [!Ref Open, x]
  Other: !Equals [!Ref Size, small]
  Both: !And [!Condition Maybe, !Condition Other]
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  It:
    Type: Custom::It
    Properties:
      V: ";

fn evaluate(expression: &str) -> (String, Vec<String>) {
    let text = format!("{AROUND}{expression}\n");
    let (estate, sources, diagnostics) = intake::from_texts(&[("t.yaml", &text)]);
    let value = property(&estate, "It", "V").map_or_else(|| "nothing".to_owned(), show);
    (value, said(&diagnostics, &sources))
}

fn check(expression: &str, expected: &str) {
    let (value, said) = evaluate(expression);
    assert_eq!(value, expected, "{expression}");
    assert_eq!(said, Vec::<String>::new(), "{expression}");
}

fn mistake(expression: &str, expected: &str) {
    let (value, said) = evaluate(expression);
    assert_eq!(said, [expected], "{expression} → {value}");
}

#[test]
fn literals_are_what_they_are() {
    check("text", "\"text\"");
    check("0123", "\"0123\"");
    check("8080", "8080");
    check("1.5", "1.5");
    check("yes", "true");
    check("{a: [1, {b: c}]}", "{a: [1, {b: \"c\"}]}");
    check("'{{resolve:secretsmanager:s:SecretString:p}}'", "\"{{resolve:secretsmanager:s:SecretString:p}}\"");
}

#[test]
fn ref_is_a_parameter_a_pseudo_parameter_or_a_resource() {
    check("!Ref Given", "\"given\"");
    check("{Ref: Number}", "7");
    check("!Ref List", "[\"a\", \"b\", \"c\"]");
    check("!Ref Open", "?t/Open");
    check("!Ref Size", "?t/Size of [\"small\", \"large\"]");
    check("!Ref Stored", "?t/Stored");
    check("!Ref Bucket", "‹Bucket›");
    check("!Ref AWS::AccountId", "‹account 0›");
    check("!Ref AWS::Region", "‹AWS::Region›");
    check("!Ref 'AWS::StackName'", "‹AWS::StackName›");
    check("!Ref AWS::NoValue", "nothing");
    check("{a: !Ref AWS::NoValue, b: 1}", "{b: 1}");
    check("[!Ref AWS::NoValue, 1]", "[1]");
    mistake("!Ref Buckett", "CFN0016 !Ref Buckett");
    mistake("{Ref: [Bucket]}", "CFN0013 [Bucket]");
}

#[test]
fn get_att_has_two_forms_and_checks_the_attribute() {
    check("!GetAtt Bucket.Arn", "‹Bucket.Arn›");
    check("{'Fn::GetAtt': [Bucket, Arn]}", "‹Bucket.Arn›");
    check("!GetAtt [Bucket, !Ref Open]", "GetAtt(\"Bucket\", ?t/Open)");
}

#[test]
fn sub_and_join_put_texts_together() {
    check("!Sub 'x-${Given}-${Number}'", "\"x-given-7\"");
    check("!Sub '${Bucket.Arn}/*'", "Join(‹Bucket.Arn›, \"/*\")");
    check("!Sub '${Bucket}'", "‹Bucket›");
    check("!Sub '${!Given} $ {Given} ${'", "\"${Given} $ {Given} ${\"");
    check("!Sub ['${a}/${Given}', {a: !Ref Bucket}]", "Join(‹Bucket›, \"/given\")");
    check("{'Fn::Sub': ['${a}', {a: {'Fn::Join': ['', [x, !Ref Open]]}}]}", "Join(\"x\", ?t/Open)");
    check("!Join ['-', [a, !Ref Given, !Ref Open, b, c]]", "Join(\"a-given-\", ?t/Open, \"-b-c\")");
    check("!Join [',', !Ref List]", "\"a,b,c\"");
    check("!Join [',', !Ref OpenList]", "Join(\",\", ?t/OpenList)");
    check("!Join ['-', [a, !If [Maybe, b, !Ref AWS::NoValue]]]", "If(Maybe, \"a-b\", \"a\")");
    check("!Sub 'arn:${AWS::Partition}:s3:::b'", "Join(\"arn:\", ‹AWS::Partition›, \":s3:::b\")");
    mistake("!Sub '${Missing}-x'", "CFN0016 ${Missing}");
    mistake("!Sub 'a ${b-c}'", "CFN0013 ${b-c}");
    mistake("!Sub ['${Given}', {unused: x}]", "CFN0046 warning unused");
    mistake("!Join [',', text]", "CFN0013 !Join [',', text]");
    mistake("!Join [',']", "CFN0013 !Join [',']");
}

#[test]
fn select_and_split_take_texts_and_lists_apart() {
    check("!Select [1, [a, b, c]]", "\"b\"");
    check("!Select ['2', !Ref List]", "\"c\"");
    check("!Select [0, !GetAZs '']", "Select(0, GetAZs(‹AWS::Region›))");
    check("!Select [0, !Ref OpenList]", "Select(0, ?t/OpenList)");
    check("!Select [1, !Split ['/', 'a/b/c']]", "\"b\"");
    check("!Split [',', !Join [',', [!Ref Bucket, !GetAtt Bucket.Arn]]]", "[‹Bucket›, ‹Bucket.Arn›]");
    check("!Split [',', !Join [',', !Ref OpenList]]", "?t/OpenList");
    check("!Split ['/', !Ref AWS::StackId]", "Split(\"/\", ‹AWS::StackId›)");
    check("!Select [0, [!If [Maybe, a, !Ref AWS::NoValue], b]]", "If(Maybe, \"a\", \"b\")");
    mistake("!Select [3, [a]]", "CFN0025 !Select [3, [a]]");
    mistake("!Select [x, [a]]", "CFN0013 !Select [x, [a]]");
    mistake("!Split ['', a]", "CFN0013 !Split ['', a]");
}

#[test]
fn find_in_map_looks_up_what_is_known() {
    check("!FindInMap [Map, a, x]", "1");
    check("!FindInMap [Map, b, y]", "[\"r\"]");
    check("!FindInMap [Map, !Ref Open, x]", "FindInMap(\"Map\", ?t/Open, \"x\")");
    check("!FindInMap [Map, !Ref Open, same]", "\"s\"");
    check("!FindInMap [Map, !If [Maybe, a, b], x]", "If(Maybe, 1, 2)");
    check("!FindInMap [Map, c, x, {DefaultValue: d}]", "\"d\"");
    mistake("!FindInMap [Mapp, a, x]", "CFN0024 !FindInMap [Mapp, a, x]");
    mistake("!FindInMap [Map, c, x]", "CFN0024 !FindInMap [Map, c, x]");
    mistake("!FindInMap [Map, a]", "CFN0013 !FindInMap [Map, a]");
}

#[test]
fn if_takes_the_branch_that_is_known_or_keeps_both() {
    check("!If [Truth, a, b]", "\"a\"");
    check("!If [Lie, a, b]", "\"b\"");
    check("!If [Maybe, a, b]", "If(Maybe, \"a\", \"b\")");
    check("!If [Maybe, a, a]", "\"a\"");
    check("!If [Maybe, !If [Maybe, a, b], c]", "If(Maybe, \"a\", \"c\")");
    check("!If [Both, !If [Other, a, b], c]", "If(Both, \"a\", \"c\")");
    check("!If [Maybe, a, !If [Both, b, c]]", "If(Maybe, \"a\", \"c\")");
    check("!If [Maybe, a, !Ref AWS::NoValue]", "If(Maybe, \"a\", absent)");
    check("!If [Lie, !Select [5, [a]], b]", "\"b\"");
    mistake("!If [Mabye, a, b]", "CFN0018 Mabye");
    mistake("!If [Lie, !Ref Missing, b]", "CFN0016 !Ref Missing");
    mistake("!If [Truth, a]", "CFN0013 !If [Truth, a]");
    mistake("!Equals [a, b]", "CFN0014 !Equals [a, b]");
}

#[test]
fn cidr_cuts_blocks() {
    check("!Cidr [10.0.0.0/16, 3, 8]", "[\"10.0.0.0/24\", \"10.0.1.0/24\", \"10.0.2.0/24\"]");
    check("!Select [2, !Cidr [!GetAtt Vpc.CidrBlock, 6, 13]]", "\"10.0.64.0/19\"");
    check("!Cidr ['2001:db8::/56', 2, 64]", "[\"2001:db8::/64\", \"2001:db8:0:1::/64\"]");
    check("!Cidr [10.0.0.7/24, '2', 5]", "[\"10.0.0.0/27\", \"10.0.0.32/27\"]");
    check("!Cidr [!Ref Open, 2, 8]", "Cidr(?t/Open, 2, 8)");
    mistake("!Cidr [10.0.0.0/24, 2, 8]", "CFN0026 !Cidr [10.0.0.0/24, 2, 8]");
    mistake("!Cidr [10.0.0.0/16, 257, 4]", "CFN0026 !Cidr [10.0.0.0/16, 257, 4]");
    mistake("!Cidr [x, 2, 8]", "CFN0026 !Cidr [x, 2, 8]");
}

#[test]
fn the_rest_compute_or_stay() {
    check("!Base64 hello", "\"aGVsbG8=\"");
    check("!Base64 {'Fn::Sub': 'a-${Given}'}", "\"YS1naXZlbg==\"");
    check("{'Fn::Base64': !Sub '${Open}'}", "Base64(?t/Open)");
    check("{'Fn::Length': !Ref List}", "3");
    check("{'Fn::ToJsonString': {a: [1, 'x\"y', true]}}", r#""{\"a\":[1,\"x\\\"y\",true]}""#);
    check("!ImportValue {'Fn::Sub': '${Given}-vpc'}", "ImportValue(\"given-vpc\")");
    check("!GetAZs {Ref: AWS::Region}", "GetAZs(‹AWS::Region›)");
    mistake("!Base46 x", "CFN0011 !Base46 x");
    mistake("{'Fn::Subb': x}", "CFN0011 'Fn::Subb'");
    mistake("{'Fn::Sub': x, a: b}", "CFN0012 'Fn::Sub'");
    mistake("{a: }", "CFN0010 a");
}
