//! Stacks as they are.
//!
//! Sources: AWS CloudFormation API Reference: `DescribeStacks` (a stack that is not there is a `ValidationError`), `GetTemplate`,
//! `ListStackResources`, `DescribeStackEvents` (the newest first), `DeleteStack`, `ListStackInstances`.

use std::collections::BTreeMap;
use std::sync::Arc;

use deploy::{Answer, CloudError, FleetInstance, Place, StackEvent, StackResource, StackState};
use plan::StackStatus;

use crate::api::Tree;
use crate::{Aws, time};

/// What CloudFormation calls the stacks that stack sets make.
const FLEET: &str = "StackSet-";

pub(crate) fn pair(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

fn state(tree: &Tree) -> StackState {
    let map = |list: &str, key: &str, value: &str| -> BTreeMap<String, String> {
        let members = tree.children().iter().find(|it| it.name() == list).map_or(&[][..], Tree::children);
        members.iter().filter_map(|it| Some((it.own(key)?, it.own(value).unwrap_or_default()))).collect()
    };
    let at = |name: &str| tree.own(name).as_deref().and_then(time::seconds);
    let created = at("CreationTime").unwrap_or(0);
    StackState {
        name: tree.own("StackName").unwrap_or_default(),
        id: tree.own("StackId").unwrap_or_default(),
        status: StackStatus(tree.own("StackStatus").unwrap_or_default()),
        reason: tree.own("StackStatusReason"),
        parameters: map("Parameters", "ParameterKey", "ParameterValue"),
        outputs: map("Outputs", "OutputKey", "OutputValue"),
        tags: map("Tags", "Key", "Value"),
        created,
        changed: at("LastUpdatedTime").unwrap_or(created),
    }
}

/// Whether CloudFormation means that there is no such stack.
pub(crate) fn is_missing(error: &CloudError) -> bool {
    let CloudError::Refused { code, message } = error else {
        return matches!(error, CloudError::Missing(_));
    };
    let says = message.contains("does not exist") || message.contains("not found");
    code == "StackNotFoundException" || (code == "ValidationError" && says)
}

fn missing<T>(answer: Answer<T>, place: &Place, name: &str) -> Answer<T> {
    answer.map_err(|error| {
        if is_missing(&error) { CloudError::Missing(format!("stack {name} in {place}")) } else { error }
    })
}

pub(crate) fn all(aws: &Aws, place: &Place) -> Answer<Vec<StackState>> {
    let mut out = Vec::new();
    aws.pages(place, "DescribeStacks", &[], |page| {
        out.extend(page.list("Stacks").iter().map(state));
        Ok(true)
    })?;
    out.retain(|stack| stack.status.0 != "DELETE_COMPLETE" && !stack.name.starts_with(FLEET));
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

pub(crate) fn one(aws: &Aws, place: &Place, name: &str) -> Answer<Option<StackState>> {
    let answer = aws.query(Some(place), "cloudformation", "DescribeStacks", &[pair("StackName", name)]);
    match missing(answer, place, name) {
        Ok(tree) => {
            Ok(tree.list("Stacks").first().map(state).filter(|stack| stack.status.0 != "DELETE_COMPLETE"))
        }
        Err(CloudError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn template(aws: &Aws, place: &Place, name: &str) -> Answer<Arc<str>> {
    let parameters = [pair("StackName", name), pair("TemplateStage", "Original")];
    let tree = missing(aws.query(Some(place), "cloudformation", "GetTemplate", &parameters), place, name)?;
    tree.text("TemplateBody").map(Arc::from).ok_or_else(|| tree.lacks("TemplateBody"))
}

pub(crate) fn resources(aws: &Aws, place: &Place, name: &str) -> Answer<Vec<StackResource>> {
    let mut out = Vec::new();
    let answer = aws.pages(place, "ListStackResources", &[pair("StackName", name)], |page| {
        out.extend(page.list("StackResourceSummaries").iter().map(|it| StackResource {
            logical_id: it.own("LogicalResourceId").unwrap_or_default(),
            kind: it.own("ResourceType").unwrap_or_default(),
            physical_id: it.own("PhysicalResourceId").unwrap_or_default(),
            status: it.own("ResourceStatus").unwrap_or_default(),
            reason: it.own("ResourceStatusReason"),
        }));
        Ok(true)
    });
    missing(answer, place, name)?;
    out.retain(|resource| resource.status != "DELETE_COMPLETE");
    Ok(out)
}

pub(crate) fn events(aws: &Aws, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>> {
    let mut out: Vec<StackEvent> = Vec::new();
    let answer = aws.pages(place, "DescribeStackEvents", &[pair("StackName", name)], |page| {
        for it in page.list("StackEvents") {
            let id = it.own("EventId").unwrap_or_default();
            if since == Some(id.as_str()) {
                return Ok(false);
            }
            // An event of the stack itself has the stack's name as its logical id.
            out.push(StackEvent {
                id,
                at_ms: it.own("Timestamp").as_deref().and_then(time::milliseconds).unwrap_or(0),
                logical_id: it.own("LogicalResourceId").unwrap_or_default(),
                kind: it.own("ResourceType").unwrap_or_default(),
                status: it.own("ResourceStatus").unwrap_or_default(),
                reason: it.own("ResourceStatusReason"),
            });
        }
        Ok(true)
    });
    missing(answer, place, name)?;
    out.reverse();
    // Stable: what happened in the same millisecond stays in the order that was said.
    out.sort_by_key(|event| event.at_ms);
    Ok(out)
}

pub(crate) fn delete(aws: &Aws, place: &Place, name: &str) -> Answer<()> {
    let Some(known) = one(aws, place, name)? else { return Ok(()) };
    if known.status.0 == "DELETE_IN_PROGRESS" {
        return Ok(());
    }
    if known.status.in_progress() {
        return Err(CloudError::Conflict(format!("{name} is {}", known.status)));
    }
    match missing(
        aws.query(Some(place), "cloudformation", "DeleteStack", &[pair("StackName", name)]),
        place,
        name,
    ) {
        Ok(_) | Err(CloudError::Missing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) fn fleet(aws: &Aws, place: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>> {
    // `Ref` of a stack set is `name:id`; the API takes either part of it.
    let name = stack_set.split(':').next().unwrap_or(stack_set);
    let mut out = Vec::new();
    let answer = aws.pages(place, "ListStackInstances", &[pair("StackSetName", name)], |page| {
        out.extend(page.list("Summaries").iter().map(|it| {
            let id = it.own("StackId").unwrap_or_default();
            let stack = id.split('/').nth(1).map_or_else(|| id.clone(), str::to_owned);
            FleetInstance {
                place: Place::new(
                    it.own("Account").unwrap_or_default(),
                    it.own("Region").unwrap_or_default(),
                ),
                stack,
                status: it.own("Status").unwrap_or_default(),
                reason: it.own("StatusReason"),
            }
        }));
        Ok(true)
    });
    match answer {
        Err(CloudError::Refused { code, .. }) if code == "StackSetNotFoundException" => Ok(Vec::new()),
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(()) => {
            out.sort_by(|a, b| a.place.cmp(&b.place));
            Ok(out)
        }
    }
}
