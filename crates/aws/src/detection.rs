//! CloudFormation's own detection of drift.
//!
//! In: a stack. Out: what CloudFormation says of each of its resources. Always: a resource that it does not say anything of was not looked at.
//!
//! Sources: AWS CloudFormation API Reference: `DetectStackDrift` ("can take up to several minutes"), `DescribeStackDriftDetectionStatus`
//! (`DETECTION_FAILED`: results are there for the resources that it could look at), `DescribeStackResourceDrifts`, `PropertyDifference`.

use std::time::{Duration, Instant};

use deploy::{Answer, CloudError, Detected, Place, Says};
use serde_json::Value;

use crate::Aws;
use crate::api::Tree;
use crate::stacks::pair;

/// How long a detection may take.
const LONGEST: Duration = Duration::from_secs(30 * 60);

pub(crate) fn begin(aws: &Aws, place: &Place, stack: &str) -> Answer<String> {
    let answer = aws.query(Some(place), "cloudformation", "DetectStackDrift", &[pair("StackName", stack)]);
    let tree = match answer {
        // One at a time of a stack: somebody else's is over soon.
        Err(CloudError::Refused { message, .. }) if message.contains("already in progress") => {
            return Err(CloudError::Transient(message));
        }
        answer => answer?,
    };
    tree.text("StackDriftDetectionId").ok_or_else(|| tree.lacks("StackDriftDetectionId"))
}

pub(crate) fn found(aws: &Aws, place: &Place, stack: &str, id: &str) -> Answer<Vec<Detected>> {
    let start = Instant::now();
    let mut wait = Duration::from_millis(200);
    loop {
        let parameters = [pair("StackDriftDetectionId", id)];
        let tree =
            aws.query(Some(place), "cloudformation", "DescribeStackDriftDetectionStatus", &parameters)?;
        match tree.text("DetectionStatus").as_deref() {
            // Failed for some: the others are told all the same.
            Some("DETECTION_COMPLETE" | "DETECTION_FAILED") => break,
            Some(_) if start.elapsed() < LONGEST => std::thread::sleep(wait),
            Some(_) => {
                return Err(CloudError::Conflict(format!("the detection of {stack} is still under way")));
            }
            None => return Err(tree.lacks("DetectionStatus")),
        }
        wait = (wait * 2).min(Duration::from_secs(5));
    }
    let mut out = Vec::new();
    aws.pages(place, "DescribeStackResourceDrifts", &[pair("StackName", stack)], |page| {
        out.extend(page.list("StackResourceDrifts").iter().map(detected));
        Ok(true)
    })?;
    Ok(out)
}

fn detected(tree: &Tree) -> Detected {
    let says = match tree.own("StackResourceDriftStatus").as_deref() {
        Some("IN_SYNC") => Says::Alike,
        Some("DELETED") => Says::Gone,
        Some("MODIFIED") => Says::Differs(differences(tree)),
        _ => Says::Nothing,
    };
    Detected { logical_id: tree.own("LogicalResourceId").unwrap_or_default(), says }
}

/// Each with the value that was expected and the one that is there. A value is JSON or plain text.
fn differences(tree: &Tree) -> Vec<(String, Option<Value>, Option<Value>)> {
    let members = tree.children().iter().find(|it| it.name() == "PropertyDifferences");
    let value = |it: &Tree, name: &str| {
        let text = it.own(name).filter(|text| text != "null")?;
        Some(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    };
    let one = |it: &Tree| {
        let path = it.own("PropertyPath").unwrap_or_default();
        (path.trim_start_matches('/').to_owned(), value(it, "ExpectedValue"), value(it, "ActualValue"))
    };
    members.map_or(&[][..], Tree::children).iter().map(one).collect()
}
