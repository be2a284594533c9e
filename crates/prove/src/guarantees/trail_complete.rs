//! A trail records everything it could, so that nothing is done unseen.
//!
//! Source: AWS CloudTrail User Guide, "Security best practices in AWS CloudTrail", "Logging management events",
//! "Creating a trail for an organization"; AWS CloudFormation Template Reference, AWS::CloudTrail::Trail
//! (what is not said is false, except `IncludeGlobalServiceEvents`, which `CreateTrail` takes for true, and
//! event selectors, without which all management events are recorded).

use diagnostics::Span;
use estate::{Kind, ResourceRef, Value};

use crate::checklist::{Checklist, Part};
use crate::lookup::is_implied;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Subject, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "trail-complete",
    title: "every trail records all regions, validated, encrypted, and into CloudWatch Logs",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/trail-complete.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let trails = facts.index.of_kind("AWS::CloudTrail::Trail");
    for &trail in trails {
        let events = management_events(trail);
        let beside = events.are_left_out() && trails.iter().any(|other| serves(facts, trail, *other));
        judge(trail, &events, beside, findings);
    }
    organization(facts, trails, findings);
}

/// Whether `other` records management events where `trail` is.
fn serves(facts: &Facts<'_>, trail: ResourceRef<'_>, other: ResourceRef<'_>) -> bool {
    let account = |trail: ResourceRef<'_>| facts.estate.stack(trail.stack_id).map(|stack| stack.account);
    let everywhere = Setting::of(other.resource, &["IsOrganizationTrail"])
        .literal(false, |value| value.as_bool() == Some(true))
        == Judgement::Holds;
    !management_events(other).are_left_out()
        && is_implied(&other.resource.guard(), &trail.resource.guard())
        && (everywhere || account(trail) == account(other))
}

/// `beside`: it records data events only, and stands beside a trail that records the others.
fn judge(trail: ResourceRef<'_>, events: &Events, beside: bool, findings: &mut Findings) {
    let mut list = Checklist::default();
    let is_true = |name: &str, absent: bool| {
        Setting::of(trail.resource, &[name]).literal(absent, |v| v.as_bool() == Some(true))
    };
    list.setting(
        is_true("IsLogging", false),
        "IsLogging",
        &Part { fails: "it is switched off", asks: "it is switched on", fix: "IsLogging: true" },
    );
    list.setting(
        is_true("EnableLogFileValidation", false),
        "EnableLogFileValidation",
        &Part {
            fails: "its log files can be changed unnoticed",
            asks: "its log files are validated",
            fix: "EnableLogFileValidation: true",
        },
    );
    list.setting(
        present(trail, "KMSKeyId"),
        "KMSKeyId",
        &Part {
            fails: "its log files are not encrypted under a customer-managed key",
            asks: "its log files are encrypted under a customer-managed key",
            fix: "KMSKeyId: the ARN of a key whose policy lets CloudTrail use it",
        },
    );
    if !beside {
        whole_account(trail, events, &mut list);
    }
    list.conclude(findings, trail, "the trail is not complete");
}

/// What is asked of the trail that records what is done with an account.
fn whole_account(trail: ResourceRef<'_>, events: &Events, list: &mut Checklist) {
    let is_true = |name: &str, absent: bool| {
        Setting::of(trail.resource, &[name]).literal(absent, |v| v.as_bool() == Some(true))
    };
    list.setting(
        is_true("IsMultiRegionTrail", false),
        "IsMultiRegionTrail",
        &Part {
            fails: "it records one region only",
            asks: "it records every region",
            fix: "IsMultiRegionTrail: true",
        },
    );
    list.setting(
        is_true("IncludeGlobalServiceEvents", true),
        "IncludeGlobalServiceEvents",
        &Part {
            fails: "it leaves out global services such as IAM",
            asks: "it records global services",
            fix: "IncludeGlobalServiceEvents: true",
        },
    );
    list.setting(
        present(trail, "CloudWatchLogsLogGroupArn"),
        "CloudWatchLogsLogGroupArn",
        &Part {
            fails: "it is not sent to CloudWatch Logs, so no alarm can watch it",
            asks: "it is sent to CloudWatch Logs",
            fix: "CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn",
        },
    );
    let (judgement, path) = events.judgement();
    list.setting(judgement, path, &Part {
        fails: "it leaves out management events",
        asks: "it records all management events",
        fix: "an event selector with IncludeManagementEvents: true, ReadWriteType: All and no ExcludeManagementEventSources",
    });
}

/// Whether something is named at all: a text that is not empty, or a reference.
fn present(trail: ResourceRef<'_>, name: &str) -> Judgement {
    Setting::of(trail.resource, &[name]).judge(|value| match value.map(|value| (value, &value.kind)) {
        None => Judgement::missing(trail.resource),
        // A key of AWS is no customer's.
        Some((value, Kind::String(text))) => {
            Judgement::of(!text.is_empty() && !text.contains("alias/aws/"), value)
        }
        Some((_, Kind::Reference(_) | Kind::Join(_))) => Judgement::Holds,
        Some((value, _)) => Judgement::unknown(value),
    })
}

/// Which management events a trail records.
enum Events {
    Known { read: bool, write: bool, excluded: bool, span: Span, path: &'static str },
    Unknown { span: Span, because: String, path: &'static str },
}

impl Events {
    /// Whether it certainly records none.
    fn are_left_out(&self) -> bool {
        matches!(self, Self::Known { read: false, write: false, .. })
    }

    fn judgement(&self) -> (Judgement, &'static str) {
        match self {
            Self::Unknown { span, because, path } => {
                (Judgement::Unknown { span: *span, because: because.clone() }, path)
            }
            Self::Known { read: true, write: true, excluded: false, path, .. } => (Judgement::Holds, path),
            Self::Known { read, write, span, path, .. } => {
                let found = match (read, write) {
                    (true, true) => "some event sources are excluded",
                    (true, false) => "read events only",
                    (false, true) => "write events only",
                    (false, false) => "no management events",
                };
                (Judgement::Fails { span: *span, found: found.into() }, path)
            }
        }
    }
}

fn management_events(trail: ResourceRef<'_>) -> Events {
    let properties = &trail.resource.properties;
    let span = trail.resource.origin.span;
    let (key, path) = match properties.get("AdvancedEventSelectors") {
        Some(_) => ("AdvancedEventSelectors", "AdvancedEventSelectors"),
        None => ("EventSelectors", "EventSelectors"),
    };
    let all = Events::Known { read: true, write: true, excluded: false, span, path };
    let Some(list) = properties.get(key) else { return all };
    let unknown = |value: &Value| Events::Unknown {
        span: value.span,
        because: format!("it is {}", value.describe()),
        path,
    };
    let Some(items) = list.as_list() else { return unknown(list) };
    if items.is_empty() {
        return all;
    }
    let (mut read, mut write, mut excluded) = (false, false, false);
    for item in items {
        let seen = if key == "EventSelectors" { basic(item) } else { advanced(item) };
        match seen {
            Ok(seen) => {
                read |= seen.0;
                write |= seen.1;
                excluded |= seen.2;
            }
            Err(value) => return unknown(value),
        }
    }
    Events::Known { read, write, excluded, span: list.span, path }
}

/// Read, write, and whether sources are excluded, by one event selector.
fn basic(item: &Value) -> Result<(bool, bool, bool), &Value> {
    if item.as_map().is_none() {
        return Err(item);
    }
    let management =
        item.get("IncludeManagementEvents").map_or(Ok(true), |value| value.as_bool().ok_or(value))?;
    let kind = item.get("ReadWriteType").map_or(Ok("All"), |value| value.as_str().ok_or(value))?;
    let excluded = item
        .get("ExcludeManagementEventSources")
        .map_or(Ok(0), |value| value.as_list().map(<[_]>::len).ok_or(value))?;
    Ok((management && kind != "WriteOnly", management && kind != "ReadOnly", management && excluded > 0))
}

/// The same by one advanced event selector.
fn advanced(item: &Value) -> Result<(bool, bool, bool), &Value> {
    let fields = item.get("FieldSelectors").and_then(Value::as_list).ok_or(item)?;
    let (mut management, mut read, mut write, mut excluded) = (false, true, true, false);
    for field in fields {
        let name = field.get("Field").and_then(Value::as_str).ok_or(field)?;
        // Which stores a selector of data events names may be what AWS assigns: it is no management event whatever it is.
        if matches!(name, "eventCategory" | "readOnly") && !field.is_literal() {
            return Err(field);
        }
        let equals = |wanted: &str| {
            let values = field.get("Equals").map(Value::as_items).unwrap_or_default();
            values.iter().any(|value| value.as_text().is_some_and(|text| text.eq_ignore_ascii_case(wanted)))
        };
        match name {
            "eventCategory" => management = equals("Management"),
            "readOnly" => {
                read = equals("true");
                write = equals("false");
            }
            _ => excluded = true,
        }
    }
    Ok((management && read, management && write, management && excluded))
}

/// An estate that has an organization has a trail that records all of its accounts.
fn organization(facts: &Facts<'_>, trails: &[ResourceRef<'_>], findings: &mut Findings) {
    let Some(organization) = &facts.estate.organization else { return };
    let covers = |trail: &ResourceRef<'_>| {
        Setting::of(trail.resource, &["IsOrganizationTrail"])
            .literal(false, |value| value.as_bool() == Some(true))
    };
    let none = Judgement::Fails { span: Span::NONE, found: "no trail".into() };
    let span = facts.estate.account(organization.management).map_or(Span::NONE, |account| account.span);
    match trails.iter().map(covers).fold(none, |any, one| any.or(|| one)) {
        Judgement::Holds => findings.proved.push(Subject::ESTATE),
        Judgement::Fails { .. } => {
            let message = "no trail records the accounts of the organization".to_owned();
            findings
                .add(Subject::ESTATE, Verdict::Violated, span, message)
                .witness(Witness::Event {
                    happens: "somebody calls an AWS API in a member account".into(),
                    follows: "nothing of this estate records it".into(),
                })
                .fix("in the management account, an AWS::CloudTrail::Trail with IsOrganizationTrail: true");
        }
        Judgement::Unknown { span, because } => {
            let message =
                format!("whether a trail records the whole organization cannot be known: {because}");
            findings.add(Subject::ESTATE, Verdict::Unknown, span, message);
        }
    }
}
