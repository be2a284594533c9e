//! The organization.
//!
//! Sources: AWS Organizations API Reference: `DescribeOrganization`, `ListRoots`, `ListOrganizationalUnitsForParent`, `ListAccountsForParent`,
//! `CreateAccount` ("asynchronous"; follow `DescribeCreateAccountStatus`), `MoveAccount`.

use std::time::{Duration, Instant};

use deploy::{AccountState, Answer, CloudError, OrganizationChange, OrganizationState, Place, UnitState};
use serde_json::{Value, json};

use crate::{Aws, absent};

const API: (&str, &str, &str) = ("organizations", "AWSOrganizationsV20161128", "1.1");

/// How long an account may take to come.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The service has one endpoint for all regions of a partition.
fn place(aws: &Aws) -> Answer<Place> {
    let region = match aws.partition()? {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    };
    Ok(Place::new(aws.who()?.account.clone(), region))
}

fn ask(aws: &Aws, action: &str, input: &Value) -> Answer<Value> {
    aws.json(Some(&place(aws)?), API, action, input)
}

fn list(aws: &Aws, action: &str, input: &Value, of: &str) -> Answer<Vec<Value>> {
    aws.listed(Some(&place(aws)?), API, action, input, of)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The organization as it is.
pub(crate) fn state(aws: &Aws) -> Answer<Option<OrganizationState>> {
    let found = absent(ask(aws, "DescribeOrganization", &json!({})), &["AWSOrganizationsNotInUseException"])?;
    let Some(found) = found else { return Ok(None) };
    let id = text(&found, "/Organization/Id");
    let management = text(&found, "/Organization/MasterAccountId");
    if management != aws.who()?.account {
        let caller = &aws.who()?.account;
        let why = format!("{caller} is not the management account of {id}: {management} is");
        return Err(CloudError::refused("Organization", why));
    }
    let roots = list(aws, "ListRoots", &json!({}), "Roots")?;
    let root = roots.first().map(|root| text(root, "/Id")).unwrap_or_default();
    let mut state = OrganizationState { id, root: root.clone(), management, ..OrganizationState::default() };
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        let input = json!({ "ParentId": parent });
        for account in list(aws, "ListAccountsForParent", &input, "Accounts")? {
            state.accounts.push(AccountState {
                number: text(&account, "/Id"),
                name: text(&account, "/Name"),
                email: text(&account, "/Email"),
                status: text(&account, "/Status"),
                parent: parent.clone(),
            });
        }
        for unit in list(aws, "ListOrganizationalUnitsForParent", &input, "OrganizationalUnits")? {
            let id = text(&unit, "/Id");
            open.push(id.clone());
            state.units.push(UnitState { id, name: text(&unit, "/Name"), parent: parent.clone() });
        }
    }
    state.accounts.sort_by(|a, b| a.number.cmp(&b.number));
    Ok(Some(state))
}

/// Changes the organization; made twice, a change has no second effect.
pub(crate) fn organize(aws: &Aws, change: &OrganizationChange) -> Answer<String> {
    match change {
        OrganizationChange::CreateOrganization => {
            if let Some(known) = state(aws)? {
                return Ok(known.id);
            }
            let made = ask(aws, "CreateOrganization", &json!({ "FeatureSet": "ALL" }))?;
            Ok(text(&made, "/Organization/Id"))
        }
        OrganizationChange::CreateUnit { name, parent } => {
            let known = list(
                aws,
                "ListOrganizationalUnitsForParent",
                &json!({ "ParentId": parent }),
                "OrganizationalUnits",
            )?;
            if let Some(unit) = known.iter().find(|unit| text(unit, "/Name") == *name) {
                return Ok(text(unit, "/Id"));
            }
            let made = ask(aws, "CreateOrganizationalUnit", &json!({ "ParentId": parent, "Name": name }))?;
            Ok(text(&made, "/OrganizationalUnit/Id"))
        }
        OrganizationChange::CreateAccount { name, email } => account(aws, name, email),
        OrganizationChange::MoveAccount { number, to } => {
            let parents = list(aws, "ListParents", &json!({ "ChildId": number }), "Parents")?;
            let from = parents.first().map(|parent| text(parent, "/Id")).unwrap_or_default();
            if from != *to {
                let input = json!({ "AccountId": number, "SourceParentId": from, "DestinationParentId": to });
                ask(aws, "MoveAccount", &input)?;
            }
            Ok(number.clone())
        }
    }
}

/// An account is known by the address of its root user, which no two accounts share.
fn account(aws: &Aws, name: &str, email: &str) -> Answer<String> {
    let known = |aws: &Aws| -> Answer<Option<String>> {
        let all = list(aws, "ListAccounts", &json!({}), "Accounts")?;
        Ok(all.iter().find(|it| text(it, "/Email").eq_ignore_ascii_case(email)).map(|it| text(it, "/Id")))
    };
    if let Some(number) = known(aws)? {
        return Ok(number);
    }
    // A run that was interrupted may have asked for it already.
    let pending =
        list(aws, "ListCreateAccountStatus", &json!({ "States": ["IN_PROGRESS"] }), "CreateAccountStatuses")?;
    let request = pending.iter().find(|it| text(it, "/AccountName") == name).map(|it| text(it, "/Id"));
    let request = match request {
        Some(request) => request,
        None => text(
            &ask(aws, "CreateAccount", &json!({ "AccountName": name, "Email": email }))?,
            "/CreateAccountStatus/Id",
        ),
    };
    let start = Instant::now();
    loop {
        let status = ask(aws, "DescribeCreateAccountStatus", &json!({ "CreateAccountRequestId": request }))?;
        match text(&status, "/CreateAccountStatus/State").as_str() {
            "SUCCEEDED" => return Ok(text(&status, "/CreateAccountStatus/AccountId")),
            "FAILED" => match text(&status, "/CreateAccountStatus/FailureReason") {
                reason if reason == "EMAIL_ALREADY_EXISTS" && known(aws)?.is_some() => {
                    return Ok(known(aws)?.unwrap_or_default());
                }
                reason => return Err(CloudError::refused(reason, format!("account {name} was not created"))),
            },
            _ if start.elapsed() > LONGEST => {
                return Err(CloudError::Conflict(format!("account {name} is still being created")));
            }
            _ => std::thread::sleep(Duration::from_secs(3)),
        }
    }
}
