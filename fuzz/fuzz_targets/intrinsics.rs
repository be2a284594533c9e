//! Any bytes as the value of a property, in a template with things to refer to: intrinsic evaluation is bounded.
#![no_main]

const TEMPLATE: &str = r#"
Transform: AWS::LanguageExtensions
Parameters: {P: {Type: String}, L: {Type: CommaDelimitedList, Default: "a,b"}}
Mappings: {M: {a: {b: c}}}
Conditions: {C: !Equals [!Ref P, x], D: !Not [!Condition C]}
Resources:
  A: {Type: AWS::S3::Bucket}
  B:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: "#;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let indented = text.replace('\n', "\n        ");
    drop(intake::from_texts(&[("template.yaml", &format!("{TEMPLATE}{indented}\n"))]));
});
