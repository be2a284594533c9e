//! Mistakes that people make in templates: each is reported once, at its place.

use crate::show::said;

fn check(template: &str, expected: &[&str]) {
    let (_, sources, diagnostics) = intake::from_texts(&[("t.yaml", template)]);
    assert_eq!(said(&diagnostics, &sources), expected, "{template}");
}

/// A template with one good resource, and more.
fn with(more: &str) -> String {
    format!("Resources:\n  B: {{Type: AWS::S3::Bucket}}\n{more}")
}

#[test]
fn sections_and_entries_have_their_form() {
    check("AWSTemplateFormatVersion: '2010-09-09'\n", &["CFN0043 "]);
    check(&with("Parameter: {}\n"), &["CFN0005 Parameter"]);
    check(&with("DependsOn: B\n"), &["CFN0023 DependsOn"]);
    check(&with("Outputs:\n"), &["CFN0010 Outputs"]);
    check(&with("Outputs: [a]\n"), &["CFN0004 [a]"]);
    check(&with("Outputs: {O: {Valu: x}}\n"), &["CFN0007 O", "CFN0006 Valu"]);
    check(&with("Outputs: {O: {Value: x, DependsOn: B}}\n"), &["CFN0023 DependsOn"]);
    check(&with("  my-bucket: {Type: AWS::S3::Bucket}\n"), &["CFN0008 my-bucket"]);
    check(&with("  C: {Propertys: {}}\n"), &["CFN0007 C", "CFN0006 Propertys"]);
    check(&with("  C: text\n"), &["CFN0004 text"]);
    check(&with("  C: {Type: [x]}\n"), &["CFN0042 [x]"]);
    check(&with("  C: {Type: AWS::S3::Bucket, Properties: [x]}\n"), &["CFN0004 [x]"]);
    check(&with("Parameters: {B: {Type: String, Default: x}}\n"), &["CFN0009 B"]);
    check(&with("  C: {Type: AWS::S3::Bucket, DeletionPolicy: Keep}\n"), &["CFN0049 Keep"]);
    check(
        &with("  C: {Type: AWS::S3::Bucket, UpdateReplacePolicy: RetainExceptOnCreate}\n"),
        &["CFN0049 RetainExceptOnCreate"],
    );
    check(
        &with("Transform: My::Macro\nSection: {}\n"),
        &["CFN0034 warning My::Macro", "CFN0005 warning Section"],
    );
}

#[test]
fn dependencies_name_resources_and_make_no_circles() {
    check(&with("  C: {Type: A::B::C, DependsOn: B}\n  D: {Type: A::B::C, DependsOn: [B, C]}\n"), &[]);
    check(&with("  C: {Type: A::B::C, DependsOn: [B, Missing]}\n"), &["CFN0020 Missing"]);
    check(&with("  C: {Type: A::B::C, DependsOn: C}\n"), &["CFN0021 C"]);
    check(&with("  C: {Type: A::B::C, DependsOn: {a: b}}\n"), &["CFN0013 {a: b}"]);
    check(&with("  C: {Type: A::B::C, Properties: {P: !Ref C}}\n"), &["CFN0021 !Ref C"]);
    check(
        &with(
            "  C: {Type: A::B::C, Properties: {P: !Ref D}}\n  D: {Type: A::B::C, DependsOn: E}\n  E: {Type: A::B::C, Properties: {P: !Sub 'x${C.Arn}'}}\n",
        ),
        &["CFN0022 C"],
    );
    let conditional = "Parameters: {P: {Type: String}}\nConditions: {K: !Equals [!Ref P, x]}\n";
    check(
        &with(&format!(
            "  C: {{Type: A::B::C, Properties: {{P: !If [K, !Ref D, y]}}}}\n  D: {{Type: A::B::C, DependsOn: C}}\n{conditional}"
        )),
        &["CFN0022 warning C"],
    );
}

#[test]
fn conditions_name_conditions_and_make_no_circles() {
    check(&with("Conditions: {A: !Condition B1, B1: !Not [!Condition A]}\n"), &["CFN0019 A"]);
    check(&with("Conditions: {A: !Not [!Condition Missing]}\n"), &["CFN0018 !Condition Missing"]);
    check(&with("Conditions: {A: text}\n"), &["CFN0041 text"]);
    check(&with("Conditions: {A: !Equals [a]}\n"), &["CFN0013 !Equals [a]"]);
    check(&with("Conditions: {A: !Equals [!Ref B, x]}\n"), &["CFN0014 !Ref B"]);
    check(&with("Conditions: {A: !Equals [!GetAtt B.Arn, x]}\n"), &["CFN0014 !GetAtt B.Arn"]);
    check(&with("  C: {Type: A::B::C, Condition: Missing}\n"), &["CFN0018 Missing"]);
}

#[test]
fn what_is_left_out_cannot_be_referred_to() {
    let conditions =
        "Parameters: {P: {Type: String}}\nConditions: {Never: !Equals [a, b], Maybe: !Equals [!Ref P, b]}\n";
    let check = |more: &str, expected: &[&str]| check(&with(&format!("{more}{conditions}")), expected);
    check(
        "  C: {Type: A::B::C, Condition: Never}\n  D: {Type: A::B::C, Properties: {P: !Ref C}}\n",
        &["CFN0027 !Ref C"],
    );
    check("  C: {Type: A::B::C, Condition: Never}\n  D: {Type: A::B::C, DependsOn: C}\n", &[]);
    check(
        "  C: {Type: A::B::C, Condition: Maybe}\n  D: {Type: A::B::C, Properties: {P: !Ref C}}\n",
        &["CFN0027 warning !Ref C"],
    );
    check(
        "  C: {Type: A::B::C, Condition: Maybe}\n  D: {Type: A::B::C, Condition: Maybe, Properties: {P: !Ref C}}\n",
        &[],
    );
    check(
        "  C: {Type: A::B::C, Condition: Maybe}\n  D: {Type: A::B::C, Properties: {P: !If [Maybe, !Ref C, x]}}\n",
        &[],
    );
    // One condition may imply another by what both compare.
    let stages = "Parameters: {P: {Type: String}}\nConditions: {Prod: !Equals [!Ref P, prod], Live: !Or [!Condition Prod, \
                  !Equals [!Ref P, stage]], Tests: !Not [!Equals [test, !Ref P]], Same: !Equals [prod, !Ref P]}\n";
    let refers = |from: &str, to: &str| {
        format!(
            "  C: {{Type: A::B::C, Condition: {to}}}\n  D: {{Type: A::B::C, Condition: {from}, Properties: {{P: !Ref C}}}}\n"
        )
    };
    for (from, to) in
        [("Prod", "Live"), ("Prod", "Tests"), ("Prod", "Same"), ("Same", "Prod"), ("Same", "Live")]
    {
        self::check(&with(&format!("{}{stages}", refers(from, to))), &[]);
    }
    for (from, to) in [("Live", "Prod"), ("Tests", "Live"), ("Tests", "Prod")] {
        self::check(&with(&format!("{}{stages}", refers(from, to))), &["CFN0027 warning !Ref C"]);
    }
}

#[test]
fn parameters_are_declared_and_keep_their_constraints() {
    let check =
        |parameters: &str, expected: &[&str]| check(&with(&format!("Parameters: {parameters}\n")), expected);
    check("{P: {Type: Strin, Default: x}}", &["CFN0028 Strin"]);
    check("{P: {Type: String, Default: [x]}}", &["CFN0028 [x]"]);
    check("{P: {Type: String, Default: c, AllowedValues: [a, b]}}", &["CFN0029 warning c"]);
    check("{P: {Type: String, Default: ab1, AllowedPattern: '[a-z]*'}}", &["CFN0029 warning ab1"]);
    check("{P: {Type: String, Default: abc, AllowedPattern: '[a-z]*', MinLength: 3, MaxLength: '3'}}", &[]);
    check(r"{P: {Type: String, Default: 'a_1 b', AllowedPattern: '[\w-]+\s\w'}}", &[]);
    check(r"{P: {Type: String, Default: é, AllowedPattern: '\w'}}", &["CFN0029 warning é"]);
    check("{P: {Type: Number, Default: 7, MinValue: 8}}", &["CFN0029 warning 7"]);
    check("{P: {Type: Number, Default: seven}}", &["CFN0029 warning seven"]);
    check(
        "{P: {Type: CommaDelimitedList, Default: 'a,c', AllowedValues: [a, b]}}",
        &["CFN0029 warning 'a,c'"],
    );
    check("{P: {Type: String, Description: x, Defalt: y}}", &["CFN0006 Defalt"]);
}

#[test]
fn attributes_exist_for_the_type() {
    check(&with("Outputs: {O: {Value: !GetAtt B.Arnn}}\n"), &["CFN0017 !GetAtt B.Arnn"]);
    check(&with("Outputs: {O: {Value: !GetAtt B.Arn}}\n"), &[]);
    check(
        &with(
            "  C: {Type: Custom::C, Properties: {ServiceToken: x}}\nOutputs: {O: {Value: !GetAtt C.Anything.At.All}}\n",
        ),
        &[],
    );
}

#[test]
fn a_mistake_says_what_was_meant() {
    let (_, _, diagnostics) = intake::from_texts(&[("t.yaml", &with("Outputs: {O: {Value: !Ref BB}}\n"))]);
    let only = diagnostics.iter().next().unwrap();
    assert_eq!(only.message, "there is no parameter or resource `BB`");
    assert_eq!(only.help.as_deref(), Some("did you mean `B`?"));
}
