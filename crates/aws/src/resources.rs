//! Resources as their services say they are, and who changed them.
//!
//! Sources: AWS Cloud Control API User Guide, "Identifying resources" (the primary identifier) and "Considerations"; Cloud Control API
//! Reference: `GetResource`, `ListResources`, `DeleteResource`, `GetResourceRequestStatus`; AWS CloudTrail API Reference, `LookupEvents`
//! (management events of ninety days, two calls a second).

use std::time::{Duration, Instant};

use deploy::{Answer, CloudError, Place, ResourceState, TrailEvent};
use serde_json::{Value, json};

use crate::{Aws, time};

const CONTROL: (&str, &str, &str) = ("cloudcontrol", "CloudApiService", "1.0");
const TRAIL: (&str, &str, &str) =
    ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "1.1");

/// How long a deletion may take.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Codes by which Cloud Control says that it does not do this type.
const CANNOT: [&str; 6] = [
    "UnsupportedActionException",
    "TypeNotFoundException",
    "PrivateTypeException",
    "InvalidRequestException",
    "UnknownOperationException",
    "404",
];

fn control<T>(answer: Answer<T>, kind: &str) -> Answer<T> {
    answer.map_err(|error| match error {
        CloudError::Refused { code, .. } if CANNOT.contains(&code.as_str()) => {
            CloudError::Unsupported(format!("Cloud Control does not read {kind}"))
        }
        error => error,
    })
}

pub(crate) fn one(aws: &Aws, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>> {
    let answer =
        aws.json(Some(place), CONTROL, "GetResource", &json!({ "TypeName": kind, "Identifier": id }));
    let found = match control(answer, kind) {
        Err(CloudError::Refused { code, .. })
            if code == "ResourceNotFoundException" || code == "HandlerNotFoundException" =>
        {
            return Ok(None);
        }
        answer => answer?,
    };
    let description = found.get("ResourceDescription").unwrap_or(&Value::Null);
    let properties = description.get("Properties").and_then(Value::as_str).unwrap_or("{}");
    let properties = serde_json::from_str(properties)
        .map_err(|error| CloudError::Transient(format!("{kind} {id}: {error}")))?;
    Ok(Some(ResourceState { kind: kind.to_owned(), id: id.to_owned(), properties }))
}

pub(crate) fn attribute(aws: &Aws, place: &Place, kind: &str, id: &str, name: &str) -> Answer<Option<Value>> {
    match one(aws, place, kind, id) {
        Ok(found) => {
            Ok(found.and_then(|it| it.properties.pointer(&format!("/{}", name.replace('.', "/"))).cloned()))
        }
        Err(CloudError::Unsupported(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn all(aws: &Aws, place: &Place, kind: &str) -> Answer<Vec<String>> {
    let answer = aws.listed(
        Some(place),
        CONTROL,
        "ListResources",
        &json!({ "TypeName": kind }),
        "ResourceDescriptions",
    );
    let found = control(answer, kind)?;
    let mut out: Vec<String> =
        found.iter().filter_map(|it| it.get("Identifier")?.as_str()).map(str::to_owned).collect();
    out.sort();
    Ok(out)
}

pub(crate) fn delete(aws: &Aws, place: &Place, kind: &str, id: &str) -> Answer<()> {
    let answer =
        aws.json(Some(place), CONTROL, "DeleteResource", &json!({ "TypeName": kind, "Identifier": id }));
    let begun = match control(answer, kind) {
        Err(CloudError::Refused { code, .. }) if code == "ResourceNotFoundException" => return Ok(()),
        answer => answer?,
    };
    let token = begun.pointer("/ProgressEvent/RequestToken").cloned().unwrap_or(Value::Null);
    let start = Instant::now();
    let mut event = begun;
    loop {
        let text = |key: &str| {
            event.pointer(&format!("/ProgressEvent/{key}")).and_then(Value::as_str).unwrap_or_default()
        };
        match (text("OperationStatus"), text("ErrorCode")) {
            ("SUCCESS", _) | ("FAILED", "NotFound") => return Ok(()),
            ("FAILED", "ResourceConflict" | "NotStabilized") => {
                return Err(CloudError::Conflict(text("StatusMessage").to_owned()));
            }
            ("FAILED", code) => return Err(CloudError::refused(code, text("StatusMessage"))),
            _ if start.elapsed() > LONGEST => {
                return Err(CloudError::Conflict(format!("{kind} {id} is still being deleted")));
            }
            _ => std::thread::sleep(Duration::from_secs(2)),
        }
        event =
            aws.json(Some(place), CONTROL, "GetResourceRequestStatus", &json!({ "RequestToken": token }))?;
    }
}

pub(crate) fn trail(aws: &Aws, place: &Place, id: &str) -> Answer<Vec<TrailEvent>> {
    // CloudTrail knows resources by name: of an ARN, the part that names it.
    let name = id.rsplit(['/', ':']).next().unwrap_or(id);
    let mut out: Vec<TrailEvent> = Vec::new();
    for value in if name == id { vec![id] } else { vec![id, name] } {
        let input = json!({ "LookupAttributes": [{ "AttributeKey": "ResourceName", "AttributeValue": value }], "MaxResults": 50 });
        let answer = match aws.json(Some(place), TRAIL, "LookupEvents", &input) {
            // Who may not read the trail, or has none, does not know.
            Err(CloudError::Refused { .. }) => return Ok(Vec::new()),
            answer => answer?,
        };
        out.extend(answer.get("Events").and_then(Value::as_array).into_iter().flatten().filter_map(event));
        if !out.is_empty() {
            break;
        }
    }
    out.sort_by_key(|event| std::cmp::Reverse(event.at_ms));
    Ok(out)
}

fn event(value: &Value) -> Option<TrailEvent> {
    let whole: Value =
        value.get("CloudTrailEvent")?.as_str().and_then(|text| serde_json::from_str(text).ok())?;
    if whole.get("readOnly").and_then(Value::as_bool) == Some(true) || whole.get("errorCode").is_some() {
        return None;
    }
    let who = whole.pointer("/userIdentity/arn").or_else(|| value.get("Username")).and_then(Value::as_str);
    let service = whole.get("eventSource").and_then(Value::as_str)?.split('.').next()?.to_owned();
    let name = whole.get("eventName").and_then(Value::as_str)?;
    let at_ms = whole.get("eventTime").and_then(Value::as_str).and_then(time::milliseconds)?;
    let properties = whole.get("requestParameters").and_then(Value::as_object);
    let properties = properties.into_iter().flat_map(|map| map.keys().cloned()).collect();
    Some(TrailEvent {
        at_ms,
        who: who.unwrap_or("somebody").to_owned(),
        action: format!("{service}:{name}"),
        properties,
    })
}
