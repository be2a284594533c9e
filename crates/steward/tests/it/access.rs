//! Asking who may do what.

use crate::run::Folder;

/// A key that its account's policies govern; a role that may use it, one that may become that role, and one that may
/// not, because of its boundary.
const TEMPLATE: &str = r#"
Resources:
  RecordsKey:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - { Sid: Account, Effect: Allow, Principal: { AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root" }, Action: "kms:*", Resource: "*" }
          - { Sid: NoForeignContext, Effect: Deny, Principal: "*", Action: "kms:Decrypt", Resource: "*",
              Condition: { "Null": { "kms:EncryptionContext:tenant": "true" } } }
  Reader:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { AWS: !GetAtt Helper.Arn }, Action: "sts:AssumeRole" }]
      Policies:
        - PolicyName: Use
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{ Sid: Decrypt, Effect: Allow, Action: "kms:Decrypt", Resource: !GetAtt RecordsKey.Arn }]
  Helper:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: ec2.amazonaws.com }, Action: "sts:AssumeRole" }]
  Bounded:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }]
      PermissionsBoundary: !Ref Boundary
      Policies:
        - PolicyName: All
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{ Effect: Allow, Action: "*", Resource: "*" }]
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Action: "s3:*", Resource: "*" }]
"#;

#[test]
fn everybody_is_found_directly_and_through_roles() {
    let folder = Folder::new().with("t/main.yaml", TEMPLATE);
    let answer = folder.steward("who-can kms:Decrypt RecordsKey t --format json").ends_with(0).json();
    let rows: Vec<(String, usize, String)> = answer["principals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let last = row["principal"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (last, row["through"].as_array().unwrap().len(), row["verdict"].as_str().unwrap().to_owned())
        })
        .collect();
    let row = |name: &str, hops: usize| (name.to_owned(), hops, "when".to_owned());
    assert_eq!(rows, [row("Reader", 0), row("Helper", 1), row("ec2.amazonaws.com", 2)]);
}

#[test]
fn a_boundary_withholds_and_a_denial_is_a_condition() {
    let folder = Folder::new().with("t/main.yaml", TEMPLATE);
    folder
        .steward("can Bounded kms:Decrypt RecordsKey t")
        .ends_with(0)
        .says("no, in no context")
        .says("nothing in the permissions boundary allows it");
    folder
        .steward("can Reader kms:Decrypt RecordsKey t")
        .ends_with(0)
        .says("yes, when")
        .says("not (Null kms:EncryptionContext:tenant true)")
        .says("Use · Decrypt");
    folder.steward("can Reader kms:Encrypt RecordsKey t").ends_with(0).says("no, in no context");
    folder.steward("can anonymous kms:Encrypt RecordsKey t").ends_with(0).says("no, in no context");
}

#[test]
fn what_is_not_there_gets_a_suggestion() {
    let folder = Folder::new().with("t/main.yaml", TEMPLATE);
    folder.steward("who-can kms:Decrpyt RecordsKey t").ends_with(2).says("STW0012").says("Decrypt");
    folder.steward("who-can kms:Decrypt RecordKey t").ends_with(2).says("STW0013").says("RecordsKey");
    folder.steward("can Raeder kms:Decrypt RecordsKey t").ends_with(2).says("STW0013").says("Reader");
}
