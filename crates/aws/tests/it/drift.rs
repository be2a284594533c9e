//! Drift in AWS: two looks at each resource, and names that are made of several properties.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deploy::drift::{self, Report, Seen, What};
use deploy::pool::Pace;
use plan::{DeployedStack, Inventory, InventoryAccount, StackStatus};
use serde_json::{Value, json};

use crate::{IDENTITY, client, server};

fn inventory() -> Inventory {
    let account = InventoryAccount {
        number: "111122223333".to_owned(),
        email: None,
        unit: Vec::new(),
        status: "ACTIVE".to_owned(),
    };
    let stack = DeployedStack {
        account: "main".to_owned(),
        region: "eu-west-1".to_owned(),
        name: "s".to_owned(),
        status: StackStatus("CREATE_COMPLETE".to_owned()),
        template: Arc::from(""),
        template_sha256: String::new(),
        parameters: BTreeMap::new(),
        outputs: BTreeMap::new(),
        tags: BTreeMap::new(),
        resources: BTreeMap::new(),
    };
    Inventory {
        estate: "e".to_owned(),
        accounts: BTreeMap::from([("main".to_owned(), account)]),
        stacks: BTreeMap::from([("main/eu-west-1/s".to_owned(), stack)]),
        after: BTreeMap::new(),
        estate_hash: None,
        commit: None,
    }
}

/// Logical id, type, what `Ref` returns, its properties in the template, what Cloud Control answers, what CloudFormation detects.
type Row = (&'static str, &'static str, &'static str, Value, Result<Value, &'static str>, &'static str);

fn rows() -> Vec<Row> {
    let versions = json!({ "VersioningConfiguration": { "Status": "Enabled" } });
    vec![
        ("Both", "AWS::S3::Bucket", "both", versions.clone(), Ok(versions), "IN_SYNC"),
        (
            "Api",
            "AWS::ApiGateway::RestApi",
            "api1",
            json!({ "Name": "a" }),
            Ok(json!({ "Name": "a" })),
            "IN_SYNC",
        ),
        (
            "Stage",
            "AWS::ApiGateway::Stage",
            "prod",
            json!({ "RestApiId": { "Ref": "Api" }, "StageName": "prod", "TracingEnabled": true }),
            Ok(json!({ "RestApiId": "api1", "StageName": "prod", "TracingEnabled": false })),
            "NOT_CHECKED",
        ),
        (
            "Odd",
            "AWS::Budgets::BudgetsAction",
            "odd",
            json!({ "BudgetName": "b" }),
            Err("UnsupportedActionException"),
            "<D>/BudgetName",
        ),
        (
            "Lost",
            "AWS::SNS::Topic",
            "arn:t",
            json!({ "TopicName": "t" }),
            Err("ResourceNotFoundException"),
            "NOT_CHECKED",
        ),
        (
            "Theirs",
            "AWS::SQS::Queue",
            "https://q",
            json!({ "DelaySeconds": 3 }),
            Ok(json!({ "DelaySeconds": 3 })),
            "<D>/DelaySeconds",
        ),
        (
            "Ours",
            "AWS::Logs::LogGroup",
            "/l",
            json!({ "RetentionInDays": 30 }),
            Ok(json!({ "RetentionInDays": 1 })),
            "IN_SYNC",
        ),
        ("Denied", "AWS::KMS::Key", "k", json!({ "Enabled": true }), Err("AccessDeniedException"), "IN_SYNC"),
    ]
}

/// What stands behind `"name":` of a request's body.
fn asked(request: &str, name: &str) -> String {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str::<Value>(body).unwrap()[name].as_str().unwrap().to_owned()
}

fn error(code: &str) -> (u16, String) {
    (400, json!({ "__type": code, "Message": "no" }).to_string())
}

fn look(detection: impl Fn(&str) -> Option<(u16, String)> + Send + 'static) -> (Report, Vec<String>) {
    let mut turns = 0;
    let (address, seen) = server(Box::new(move |request| {
        if let Some(answer) = detection(request) {
            return answer;
        }
        let members = |each: &dyn Fn(&Row) -> String| rows().iter().map(each).collect::<String>();
        let body = match request {
            it if it.contains("GetCallerIdentity") => IDENTITY.to_owned(),
            it if it.contains("Action=DescribeStacks") => "<R><Stacks><member><StackName>s</StackName><StackId>arn:s</StackId><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks></R>".to_owned(),
            it if it.contains("Action=GetTemplate") => {
                let resources: serde_json::Map<String, Value> = rows()
                    .into_iter()
                    .map(|row| (row.0.to_owned(), json!({ "Type": row.1, "Properties": row.3 })))
                    .collect();
                let text = json!({ "Resources": resources }).to_string();
                format!("<R><TemplateBody>{}</TemplateBody></R>", text.replace('&', "&amp;").replace('<', "&lt;"))
            }
            it if it.contains("Action=ListStackResources") => {
                let all = members(&|row| {
                    format!("<member><LogicalResourceId>{}</LogicalResourceId><ResourceType>{}</ResourceType><PhysicalResourceId>{}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>", row.0, row.1, row.2)
                });
                format!("<R><StackResourceSummaries>{all}</StackResourceSummaries></R>")
            }
            it if it.contains("Action=DetectStackDrift") => "<R><StackDriftDetectionId>d-1</StackDriftDetectionId></R>".to_owned(),
            it if it.contains("Action=DescribeStackDriftDetectionStatus") => {
                turns += 1;
                let status = if turns == 1 { "DETECTION_IN_PROGRESS" } else { "DETECTION_COMPLETE" };
                format!("<R><StackId>arn:s</StackId><DetectionStatus>{status}</DetectionStatus></R>")
            }
            it if it.contains("Action=DescribeStackResourceDrifts") => {
                let all = members(&|row| {
                    let (status, differs) = match row.5.strip_prefix("<D>") {
                        Some(path) => ("MODIFIED", format!("<PropertyDifferences><member><PropertyPath>{path}</PropertyPath><ExpectedValue>3</ExpectedValue><ActualValue>4</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member></PropertyDifferences>")),
                        None => (row.5, String::new()),
                    };
                    format!("<member><LogicalResourceId>{}</LogicalResourceId><StackResourceDriftStatus>{status}</StackResourceDriftStatus>{differs}</member>", row.0)
                });
                format!("<R><StackResourceDrifts>{all}</StackResourceDrifts></R>")
            }
            it if it.contains("CloudApiService.GetResource") => {
                let kind = asked(it, "TypeName");
                let row = rows().into_iter().find(|row| row.1 == kind).unwrap();
                match row.4 {
                    Ok(found) => json!({ "ResourceDescription": { "Identifier": asked(it, "Identifier"), "Properties": found.to_string() } }).to_string(),
                    Err(code) => return error(code),
                }
            }
            it if it.contains("CloudApiService.ListResources") => {
                let ids = match asked(it, "TypeName").as_str() {
                    "AWS::ApiGateway::Stage" => vec!["api1|prod", "api1|by-hand"],
                    "AWS::S3::Bucket" => vec!["both"],
                    _ => Vec::new(),
                };
                let ids: Vec<Value> = ids.into_iter().map(|id| json!({ "Identifier": id })).collect();
                json!({ "ResourceDescriptions": ids }).to_string()
            }
            it if it.contains("LookupEvents") => json!({ "Events": [] }).to_string(),
            it => panic!("{it}"),
        };
        (200, body)
    }));
    let wait = Duration::from_millis(1);
    let pace = Pace { first: wait, longest: wait, tries: 3, ..Pace::usual(4, 1) };
    let report = drift::look(&client(&address), &inventory(), &pace).unwrap();
    let seen = seen.lock().unwrap().clone();
    (report, seen)
}

fn said(report: &Report) -> Vec<(&str, &str, Seen)> {
    let word = |what: &What| match what {
        What::Differs(_) => "differs",
        What::Gone => "gone",
        What::Undeclared => "undeclared",
    };
    let name = |it: &drift::Drift| {
        if it.logical_id.is_empty() { it.id.clone() } else { it.logical_id.clone() }
    };
    let mut all: Vec<(&str, &str, Seen)> = Vec::new();
    for it in &report.drifts {
        all.push((Box::leak(name(it).into_boxed_str()), word(&it.what), it.seen));
    }
    all.sort_by_key(|it| it.0);
    all
}

#[test]
fn two_looks_are_one_answer_and_nobody_is_called_gone_for_a_name() {
    let (report, seen) = look(|_| None);
    assert_eq!(
        said(&report),
        [
            ("Odd", "differs", Seen::Detection),
            ("Ours", "differs", Seen::ReadOnly),
            ("Stage", "differs", Seen::Read),
            ("Theirs", "differs", Seen::DetectionOnly),
            ("api1|by-hand", "undeclared", Seen::Read),
        ]
    );
    // Denied is known to CloudFormation alone; Lost to nobody.
    assert_eq!((report.checked, report.twice, report.detected), (7, 4, 2));
    assert_eq!(report.not_checkable.values().sum::<usize>(), 1, "{:?}", report.not_checkable);
    assert!(report.undetected.is_empty());
    let stage =
        seen.iter().find(|it| it.contains("GetResource") && it.contains("ApiGateway::Stage")).unwrap();
    assert!(stage.contains("api1|prod"), "{stage}");
}

#[test]
fn without_a_second_look_it_says_why_and_calls_less_checked() {
    let denied = |request: &str| {
        let answer = "<R><Error><Code>AccessDenied</Code><Message>not for you</Message></Error></R>";
        request.contains("Action=DetectStackDrift").then(|| (403, answer.to_owned()))
    };
    let (report, _) = look(denied);
    assert_eq!((report.checked, report.twice, report.detected), (5, 0, 0));
    assert_eq!(report.not_checkable.values().sum::<usize>(), 3, "{:?}", report.not_checkable);
    let (why, stacks) = report.undetected.first_key_value().unwrap();
    assert!(why.contains("not for you") && *stacks == 1, "{why}");
}

#[test]
fn what_a_server_does_not_have_is_not_waited_for() {
    let (report, seen) = look(|request| {
        request.contains("Action=DetectStackDrift").then(|| (501, "<html>not here</html>".to_owned()))
    });
    assert_eq!(report.undetected.len(), 1);
    assert_eq!(seen.iter().filter(|it| it.contains("DetectStackDrift")).count(), 1);
}

#[test]
fn a_place_that_throttles_is_asked_again() {
    let left = std::sync::atomic::AtomicU32::new(3);
    let (report, _) = look(move |request| {
        let throttled = request.contains("GetResource")
            && left
                .fetch_update(
                    std::sync::atomic::Ordering::SeqCst,
                    std::sync::atomic::Ordering::SeqCst,
                    |left| left.checked_sub(1),
                )
                .is_ok();
        throttled.then(|| error("ThrottlingException"))
    });
    assert_eq!(report.checked, 7);
}
