//! Change sets.
//!
//! In: what a stack is to become. Out: a change set that is ready. Always: asked twice, a change set is prepared once; a name that an executed
//! change set has is not taken again, the next free one is.
//!
//! Sources: AWS CloudFormation API Reference: `CreateChangeSet` (a template of more than 51,200 bytes goes by URL), `DescribeChangeSet`,
//! `ExecuteChangeSet`; AWS CloudFormation User Guide, "Using drift-aware change sets" (`DeploymentMode`).

use std::time::{Duration, Instant};

use deploy::{Answer, ChangeAction, ChangeSet, CloudError, Place, ResourceChange, StackRequest};

use crate::api::Tree;
use crate::stacks::{is_missing, one, pair};
use crate::{Aws, store};

/// The largest template that a request may have, in bytes.
const LARGEST: usize = 51_200;

/// How long CloudFormation may take to prepare.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How many change sets of the same content may have been executed.
const NAMES: u32 = 50;

struct Described {
    status: String,
    execution: String,
    reason: String,
    changes: Vec<ResourceChange>,
}

fn describe(aws: &Aws, place: &Place, stack: &str, name: &str) -> Answer<Option<Described>> {
    let mut out: Option<Described> = None;
    let parameters = [pair("StackName", stack), pair("ChangeSetName", name)];
    let answer = aws.pages(place, "DescribeChangeSet", &parameters, |page| {
        let it = out.get_or_insert_with(|| Described {
            status: String::new(),
            execution: String::new(),
            reason: String::new(),
            changes: Vec::new(),
        });
        it.status = page.text("Status").unwrap_or_default();
        it.execution = page.text("ExecutionStatus").unwrap_or_default();
        it.reason = page.text("StatusReason").unwrap_or_default();
        it.changes.extend(page.list("Changes").iter().filter_map(change));
        Ok(true)
    });
    match answer {
        Ok(()) => Ok(out),
        Err(CloudError::Refused { code, .. })
            if code == "ChangeSetNotFound" || code == "ChangeSetNotFoundException" =>
        {
            Ok(None)
        }
        Err(error) if is_missing(&error) => Ok(None),
        // One of the imitations of AWS says only the name of what it does not have.
        Err(CloudError::Refused { code, message }) if code == "ValidationError" && message.contains(name) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn change(tree: &Tree) -> Option<ResourceChange> {
    let it = tree.get("ResourceChange")?;
    let replacement = it.own("Replacement").unwrap_or_default();
    let policy = it.own("PolicyAction").unwrap_or_default();
    let action = match (it.own("Action")?.as_str(), replacement.as_str()) {
        ("Add", _) => ChangeAction::Add,
        ("Import", _) => ChangeAction::Import,
        ("Remove", _) if policy == "Retain" => ChangeAction::Retain,
        ("Remove", _) => ChangeAction::Remove,
        ("Modify", "True") => ChangeAction::Replace,
        ("Modify", "Conditional") | ("Dynamic", _) => ChangeAction::MayReplace,
        _ => ChangeAction::Modify,
    };
    let targets = it.list("Details").iter().filter_map(|detail| detail.get("Target")?.own("Name"));
    let mut properties: Vec<String> = targets.collect();
    properties.sort();
    properties.dedup();
    Some(ResourceChange {
        logical_id: it.own("LogicalResourceId")?,
        kind: it.own("ResourceType")?,
        action,
        properties,
    })
}

/// The words in which CloudFormation says that there is nothing to do.
fn says_nothing(reason: &str) -> bool {
    ["didn't contain changes", "No updates are to be performed"].iter().any(|words| reason.contains(words))
}

fn is_empty(described: &Described) -> bool {
    described.status == "FAILED" && says_nothing(&described.reason)
}

pub(crate) fn prepare(aws: &Aws, place: &Place, request: &StackRequest) -> Answer<ChangeSet> {
    let known = one(aws, place, &request.name)?;
    if known.as_ref().is_some_and(|stack| stack.status.in_progress()) {
        return Err(CloudError::Conflict(format!("{} is being changed", request.name)));
    }
    let new = known.as_ref().is_none_or(|stack| stack.status.is_empty_shell());
    let mode = if request.revert_drift { "-drift" } else { "" };
    for turn in 1..=NAMES {
        let tail = if turn == 1 { String::new() } else { format!("-{turn}") };
        let name = format!("{}{mode}{tail}", request.change_set);
        match describe(aws, place, &request.name, &name)? {
            None => {
                return created(aws, place, request, name, new);
            }
            Some(it) if it.status == "FAILED" => {
                // Of an earlier try; what it said then need not hold now.
                discard(aws, place, &request.name, &name)?;
                return created(aws, place, request, name, new);
            }
            Some(it)
                if it.execution == "AVAILABLE"
                    || it.status.ends_with("IN_PROGRESS")
                    || it.status == "CREATE_PENDING" =>
            {
                return ready(aws, place, &request.name, name);
            }
            // Executed, or out of date.
            Some(_) => {}
        }
    }
    Err(CloudError::Conflict(format!("{} has too many change sets: delete old ones", request.name)))
}

fn created(aws: &Aws, place: &Place, request: &StackRequest, name: String, new: bool) -> Answer<ChangeSet> {
    match create(aws, place, request, &name, new) {
        // Said at once, instead of by a change set that failed.
        Err(CloudError::Refused { message, .. }) if says_nothing(&message) => {
            Ok(ChangeSet { name, changes: Vec::new(), empty: true })
        }
        Err(error) => Err(error),
        Ok(()) => ready(aws, place, &request.name, name),
    }
}

fn create(aws: &Aws, place: &Place, request: &StackRequest, name: &str, new: bool) -> Answer<()> {
    let kind = match (request.import.is_empty(), new) {
        (false, _) => "IMPORT",
        (true, true) => "CREATE",
        (true, false) => "UPDATE",
    };
    let mut all = vec![
        pair("StackName", &request.name),
        pair("ChangeSetName", name),
        pair("ChangeSetType", kind),
        pair("ClientToken", name),
    ];
    if request.template.len() > LARGEST {
        all.push(pair("TemplateURL", store::upload(aws, place, &request.template)?));
    } else {
        all.push(pair("TemplateBody", &*request.template));
    }
    for (at, (key, value)) in request.parameters.iter().enumerate() {
        let at = at + 1;
        all.push((format!("Parameters.member.{at}.ParameterKey"), key.clone()));
        all.push((format!("Parameters.member.{at}.ParameterValue"), value.clone()));
    }
    for (at, (key, value)) in request.tags.iter().enumerate() {
        let at = at + 1;
        all.push((format!("Tags.member.{at}.Key"), key.clone()));
        all.push((format!("Tags.member.{at}.Value"), value.clone()));
    }
    for (at, capability) in request.capabilities.iter().enumerate() {
        all.push((format!("Capabilities.member.{}", at + 1), capability.clone()));
    }
    for (at, import) in request.import.iter().enumerate() {
        let base = format!("ResourcesToImport.member.{}", at + 1);
        all.push((format!("{base}.ResourceType"), import.kind.clone()));
        all.push((format!("{base}.LogicalResourceId"), import.logical_id.clone()));
        for (at, (key, value)) in import.identifier.iter().enumerate() {
            let entry = format!("{base}.ResourceIdentifier.entry.{}", at + 1);
            all.push((format!("{entry}.key"), key.clone()));
            all.push((format!("{entry}.value"), value.clone()));
        }
    }
    if request.revert_drift {
        all.push(pair("DeploymentMode", "REVERT_DRIFT"));
    }
    match aws.query(Some(place), "cloudformation", "CreateChangeSet", &all) {
        // An earlier try of ours made it, and its answer was lost.
        Err(CloudError::Refused { code, .. }) if code == "AlreadyExistsException" => Ok(()),
        answer => answer.map(drop),
    }
}

/// Waits until it is prepared.
fn ready(aws: &Aws, place: &Place, stack: &str, name: String) -> Answer<ChangeSet> {
    let start = Instant::now();
    let mut wait = Duration::from_millis(100);
    loop {
        match describe(aws, place, stack, &name)? {
            None => return Err(CloudError::Transient(format!("change set {name} of {stack} is gone again"))),
            Some(it) if is_empty(&it) => return Ok(ChangeSet { name, changes: Vec::new(), empty: true }),
            Some(it) if it.status == "FAILED" => {
                discard(aws, place, stack, &name)?;
                return Err(CloudError::refused("ChangeSet", it.reason));
            }
            Some(it) if it.status == "CREATE_COMPLETE" => {
                return Ok(ChangeSet { name, changes: it.changes, empty: false });
            }
            Some(it) if start.elapsed() > LONGEST => {
                return Err(CloudError::Conflict(format!(
                    "change set {name} of {stack} is still {}",
                    it.status
                )));
            }
            Some(_) => std::thread::sleep(wait),
        }
        wait = (wait * 2).min(Duration::from_secs(3));
    }
}

pub(crate) fn execute(aws: &Aws, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
    let gone = || CloudError::Missing(format!("change set {change_set} of {stack}"));
    let Some(known) = describe(aws, place, stack, change_set)? else { return Err(gone()) };
    if known.execution.starts_with("EXECUTE_") {
        return Err(gone());
    }
    let parameters =
        [pair("StackName", stack), pair("ChangeSetName", change_set), pair("ClientRequestToken", change_set)];
    match aws.query(Some(place), "cloudformation", "ExecuteChangeSet", &parameters) {
        Ok(_) => begun(aws, place, stack, change_set),
        Err(CloudError::Refused { code, .. }) if code.starts_with("ChangeSetNotFound") => Err(gone()),
        Err(CloudError::Refused { code, message }) if code.starts_with("InvalidChangeSetStatus") => {
            Err(CloudError::Conflict(message))
        }
        Err(error) => Err(error),
    }
}

/// What was executed shows in the stack a moment later: who asks before then would see the state before.
fn begun(aws: &Aws, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        let waits = describe(aws, place, stack, change_set)?.is_some_and(|it| it.execution == "AVAILABLE");
        let shell = one(aws, place, stack)?.is_some_and(|it| it.status.is_empty_shell());
        if !waits && !shell {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}

pub(crate) fn discard(aws: &Aws, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
    if describe(aws, place, stack, change_set)?.is_none() {
        return Ok(());
    }
    let parameters = [pair("StackName", stack), pair("ChangeSetName", change_set)];
    match aws.query(Some(place), "cloudformation", "DeleteChangeSet", &parameters) {
        Ok(_) => Ok(()),
        Err(CloudError::Refused { code, .. }) if code.starts_with("ChangeSetNotFound") => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
