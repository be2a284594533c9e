//! Serverless resources become the resources that AWS SAM makes of them.

use estate::StackId;

use crate::show::{said, show};

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, Timeout: 5, Environment: {Variables: {A: a}}}
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.run
      InlineCode: pass
      Timeout: 9
      Environment: {Variables: {B: b}}
      Policies:
        - AmazonSSMReadOnlyAccess
        - SQSPollerPolicy: {QueueName: !GetAtt Queue.QueueName}
        - Version: '2012-10-17'
          Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '*'}]
      FunctionUrlConfig: {AuthType: NONE}
      Events:
        Daily: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10}}
        Web: {Type: Api, Properties: {Path: '/items/{id}', Method: get}}
        Files: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'}}
  Queue: {Type: AWS::SQS::Queue}
  Bucket: {Type: AWS::S3::Bucket}
  Table: {Type: AWS::Serverless::SimpleTable}
Outputs:
  Url: {Value: !Sub 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/'}
  Role: {Value: !GetAtt WorkRole.Arn}
";

#[test]
fn a_function_brings_its_role_and_what_makes_it_run() {
    let (estate, sources, diagnostics) = intake::from_texts(&[("t.yaml", TEMPLATE)]);
    assert_eq!(said(&diagnostics, &sources), Vec::<String>::new());
    let stack = estate.stack(StackId(0)).unwrap();
    let kinds: Vec<_> =
        stack.resources.iter().map(|(id, resource)| format!("{id} {}", resource.kind)).collect();
    let expected = [
        "Work AWS::Lambda::Function",
        "WorkDaily AWS::Events::Rule",
        "WorkDailyPermission AWS::Lambda::Permission",
        "WorkJobs AWS::Lambda::EventSourceMapping",
        "WorkWebPermissionProd AWS::Lambda::Permission",
        "WorkFilesPermission AWS::Lambda::Permission",
        "WorkUrl AWS::Lambda::Url",
        "WorkUrlPublicPermissions AWS::Lambda::Permission",
        "WorkURLInvokeAllowPublicAccess AWS::Lambda::Permission",
        "WorkRole AWS::IAM::Role",
        "Queue AWS::SQS::Queue",
        "Bucket AWS::S3::Bucket",
        "Table AWS::DynamoDB::Table",
        "ServerlessRestApi AWS::ApiGateway::RestApi",
        "ServerlessRestApiDeployment AWS::ApiGateway::Deployment",
        "ServerlessRestApiProdStage AWS::ApiGateway::Stage",
    ];
    assert_eq!(kinds, expected);
    let shown = |id: &str, path: &[&str]| show(stack.resources[id].properties.get_path(path).unwrap());
    assert_eq!(shown("Work", &["Timeout"]), "9");
    assert_eq!(shown("Work", &["Environment", "Variables"]), "{A: \"a\", B: \"b\"}");
    assert_eq!(shown("Work", &["Code"]), "{ZipFile: \"pass\"}");
    assert_eq!(
        shown("WorkRole", &["ManagedPolicyArns"]),
        "[Join(\"arn:\", ‹AWS::Partition›, \":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\"), \
          Join(\"arn:\", ‹AWS::Partition›, \":iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole\"), \
          Join(\"arn:\", ‹AWS::Partition›, \":iam::aws:policy/AmazonSSMReadOnlyAccess\")]"
    );
    assert!(shown("WorkRole", &["Policies"]).contains("‹Queue.QueueName›"));
    assert!(shown("Bucket", &["NotificationConfiguration"]).contains("‹Work.Arn›"));
    assert_eq!(stack.resources["Bucket"].depends_on[0].id, "WorkFilesPermission");
    assert_eq!(stack.resources["WorkRole"].origin.component, "AWS::Serverless");
    assert_eq!(sources.snippet(stack.resources["WorkRole"].origin.span), "Work");
    assert_eq!(stack.resources["Queue"].origin.component, "");
}

#[test]
fn what_is_not_expanded_is_reported_and_unknown() {
    let text = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: v1, Auth: {DefaultAuthorizer: AWS_IAM}}}
  Flow: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaUri: x}}
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Runtime: nodejs22.x, Handler: a.b, Policies: [{AthenaQueryPolicy: {WorkGroupName: w}}], Novelty: x}
";
    let (estate, sources, diagnostics) = intake::from_texts(&[("t.yaml", text)]);
    assert_eq!(
        said(&diagnostics, &sources),
        [
            "CFN0035 warning {DefaultAuthorizer: AWS_IAM}",
            "CFN0035 warning Flow",
            "CFN0035 warning AthenaQueryPolicy",
            "CFN0035 warning x",
        ]
    );
    let stack = estate.stack(StackId(0)).unwrap();
    assert!(show(&stack.resources["Api"].properties).contains("Body: Transform("));
    assert!(show(&stack.resources["F"].properties).contains("Code: Transform("));
    assert!(show(&stack.resources["Flow"].properties).starts_with("Transform("));
}

#[test]
fn without_the_transform_nothing_is_expanded() {
    let text = TEMPLATE.replace("Transform: AWS::Serverless-2016-10-31", "");
    let (_, sources, diagnostics) = intake::from_texts(&[("t.yaml", &text)]);
    assert!(said(&diagnostics, &sources).contains(&"CFN0050 Work".to_owned()));
}
