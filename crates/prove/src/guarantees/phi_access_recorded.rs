//! Every reading and writing of health data in buckets and tables is recorded, by whom it was done.
//!
//! In: buckets and tables that are tagged as holding health data, trails and event data stores. Out: for each of them whether
//! what is done with its objects or items is recorded: reading and writing, all of it. Always: a selector that filters by
//! what is not read here proves nothing; synthetic data is not spoken of.
//!
//! Sources: AWS CloudTrail User Guide, "Logging data events" (no trail records them unless told to); AWS CloudTrail API
//! Reference, AdvancedFieldSelector, DataResource; 45 CFR 164.312(b).

use estate::{ResourceRef, Value};

use crate::delivery::arn_of;
use crate::text::{Token, Truth, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "phi-access-recorded",
    title: "every access to health data in buckets and tables is recorded",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/phi-access-recorded.md"),
    check,
};

/// A bucket or table, and its objects or items as CloudTrail names them.
struct Store<'a> {
    found: ResourceRef<'a>,
    /// The type of its data events.
    kind: &'static str,
    /// What the ARNs of everything in it begin with; of a table, its own ARN.
    whole: Vec<Token>,
}

/// A trail or event data store, and how it says where it records.
struct Recorder<'a> {
    found: ResourceRef<'a>,
    is_on: Judgement,
    of_organization: Judgement,
    of_all_regions: Judgement,
}

/// Reading and writing, by one selector.
type Selects = fn(&Facts<'_>, &Value, &Store<'_>) -> (Truth, Truth);

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let stores = stores(facts);
    if stores.is_empty() {
        return;
    }
    let recorders = recorders(facts);
    for store in &stores {
        let nothing = || Judgement::Fails {
            span: store.found.resource.origin.span,
            found: "nothing records them".into(),
        };
        let (mut read, mut write) = (nothing(), nothing());
        for recorder in &recorders {
            let there = stands(store, recorder);
            let by = |wanted: fn((Truth, Truth)) -> Truth| {
                there.clone().and(|| selected(facts, store, recorder, wanted))
            };
            read = read.or(|| by(|(read, _)| read));
            write = write.or(|| by(|(_, write)| write));
        }
        let which = match (&read, &write) {
            (Judgement::Fails { .. }, Judgement::Fails { .. }) => "nothing that is done with its content is",
            (Judgement::Fails { .. }, _) => "reading its content is not",
            _ => "changing its content is not",
        };
        match read.and(|| write) {
            Judgement::Holds => findings.proved(store.found),
            Judgement::Fails { span, .. } => {
                findings
                    .violated(store.found, span, format!("it holds health data, and {which} recorded"))
                    .witness(Witness::Event {
                        happens: format!("somebody takes everything out of `{}`", store.found.id),
                        follows: "no trail knows who".into(),
                    })
                    .fix("a trail with an advanced event selector for its data events: eventCategory, resources.type and resources.ARN");
            }
            Judgement::Unknown { span, because } => {
                let message =
                    format!("whether every access to its health data is recorded cannot be known: {because}");
                findings.unknown(store.found, span, message);
            }
        }
    }
}

fn stores<'a>(facts: &Facts<'a>) -> Vec<Store<'a>> {
    let mut out = Vec::new();
    for (kind, events) in
        [("AWS::S3::Bucket", "AWS::S3::Object"), ("AWS::DynamoDB::Table", "AWS::DynamoDB::Table")]
    {
        for &found in facts.index.of_kind(kind) {
            if !is_tagged(found, "data-class", "phi") || is_tagged(found, "synthetic-data", "true") {
                continue;
            }
            let mut whole = arn_of(facts, found, "Arn");
            if kind == "AWS::S3::Bucket" {
                whole.push(Token::Char('/'));
            }
            out.push(Store { found, kind: events, whole });
        }
    }
    out
}

fn is_tagged(found: ResourceRef<'_>, key: &str, value: &str) -> bool {
    let tags = found.resource.properties.get("Tags").map(Value::as_items).unwrap_or_default();
    let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_text);
    tags.iter().any(|tag| {
        text(tag, "Key").is_some_and(|text| text == key)
            && text(tag, "Value").is_some_and(|text| text == value)
    })
}

fn recorders<'a>(facts: &Facts<'a>) -> Vec<Recorder<'a>> {
    // What is not said: of a trail that it does not, of an event data store that it is on, in all regions.
    let kinds = [
        ("AWS::CloudTrail::Trail", ["IsLogging", "IsOrganizationTrail", "IsMultiRegionTrail"], false),
        (
            "AWS::CloudTrail::EventDataStore",
            ["IngestionEnabled", "OrganizationEnabled", "MultiRegionEnabled"],
            true,
        ),
    ];
    let mut out = Vec::new();
    for (kind, [on, organization, regions], unsaid) in kinds {
        for &found in facts.index.of_kind(kind) {
            let says = |name: &str, absent: bool| {
                Setting::of(found.resource, &[name]).literal(absent, |value| value.as_bool() == Some(true))
            };
            out.push(Recorder {
                found,
                is_on: says(on, unsaid),
                of_organization: says(organization, false),
                of_all_regions: says(regions, unsaid),
            });
        }
    }
    out
}

/// Whether a recorder is switched on where a store is, whenever the store is there.
fn stands(store: &Store<'_>, recorder: &Recorder<'_>) -> Judgement {
    let found = recorder.found;
    let same = |holds: bool| {
        Judgement::Fails { span: found.resource.origin.span, found: String::new() }.or(|| match holds {
            true => Judgement::Holds,
            false => Judgement::missing(found.resource),
        })
    };
    let always = match crate::lookup::is_implied(&found.resource.guard(), &store.found.resource.guard()) {
        true => Judgement::Holds,
        false => Judgement::doubtful(found.resource, format!("`{}` exists only under a condition", found.id)),
    };
    let account =
        recorder.of_organization.clone().or(|| same(found.stack.account == store.found.stack.account));
    let region = recorder.of_all_regions.clone().or(|| same(found.stack.region == store.found.stack.region));
    recorder.is_on.clone().and(|| account).and(|| region).and(|| always)
}

/// Whether the selectors of a recorder take in a store's reading or writing.
fn selected(
    facts: &Facts<'_>,
    store: &Store<'_>,
    recorder: &Recorder<'_>,
    wanted: fn((Truth, Truth)) -> Truth,
) -> Judgement {
    let found = recorder.found;
    let advanced = Setting::of(found.resource, &["AdvancedEventSelectors"]);
    let (setting, one): (_, Selects) = match advanced.is_absent() {
        true => (Setting::of(found.resource, &["EventSelectors"]), basic),
        false => (advanced, of_fields),
    };
    setting.judge(|list| {
        let Some(list) = list else { return Judgement::missing(found.resource) };
        let Some(items) = list.as_list() else { return Judgement::unknown(list) };
        let any = items.iter().fold(Truth::No, |any, item| any.or(wanted(one(facts, item, store))));
        match any {
            Truth::Yes => Judgement::Holds,
            Truth::No => Judgement::Fails { span: list.span, found: "no selector takes it in".into() },
            Truth::Unknown => Judgement::Unknown {
                span: list.span,
                because: format!("a selector of `{}` may leave some of it out", found.id),
            },
        }
    })
}

/// Reading and writing, by one advanced event selector: all of its fields must agree.
fn of_fields(facts: &Facts<'_>, selector: &Value, store: &Store<'_>) -> (Truth, Truth) {
    let Some(fields) = selector.get("FieldSelectors").and_then(Value::as_list) else {
        return (Truth::Unknown, Truth::Unknown);
    };
    let (mut category, mut kind, mut rest) = (Truth::No, Truth::No, Truth::Yes);
    let (mut read, mut write) = (Truth::Yes, Truth::Yes);
    for field in fields {
        let equals = |wanted: &str| match field.get("Equals") {
            None => Truth::Unknown,
            Some(list) => list.as_items().iter().fold(Truth::No, |any, item| {
                any.or(item
                    .as_text()
                    .map_or(Truth::Unknown, |text| Truth::of(text.eq_ignore_ascii_case(wanted))))
            }),
        };
        match field.get("Field").and_then(Value::as_str) {
            Some("eventCategory") => category = equals("Data"),
            Some("resources.type") => kind = equals(store.kind),
            Some("readOnly") => (read, write) = (equals("true"), equals("false")),
            Some("resources.ARN") => rest = rest.and(takes_in(facts, field, store)),
            // By event, by caller, by network: whatever it is, it leaves something out.
            _ => rest = rest.and(Truth::Unknown),
        }
    }
    let all = category.and(kind).and(rest);
    (all.and(read), all.and(write))
}

/// Whether a field selector on ARNs takes in everything in a store.
fn takes_in(facts: &Facts<'_>, field: &Value, store: &Store<'_>) -> Truth {
    let Some(operators) = field.as_map() else { return Truth::Unknown };
    let mut all = Truth::Yes;
    for operator in operators.iter().filter(|operator| operator.key != "Field") {
        let values: Vec<Vec<Token>> =
            operator.value.as_items().iter().map(|item| tokens(facts.estate, item)).collect();
        let any = |holds: &dyn Fn(&[Token]) -> Truth| {
            values.iter().fold(Truth::No, |any, value| any.or(holds(value)))
        };
        let within = |value: &[Token]| begins(&store.whole, value);
        let touches = |value: &[Token]| within(value).or(begins(value, &store.whole));
        all = all.and(match operator.key.as_str() {
            "StartsWith" => any(&within),
            // Of a bucket it names one object; of a table, the table.
            "Equals" if store.kind == "AWS::S3::Object" => Truth::No,
            "Equals" => any(&|value| within(value).and(begins(value, &store.whole))),
            "NotStartsWith" | "NotEquals" => any(&touches).negated(),
            _ => Truth::Unknown,
        });
    }
    all
}

/// Whether `text` begins with `start`.
fn begins(text: &[Token], start: &[Token]) -> Truth {
    let mut rest = text.iter();
    for wanted in start {
        match (wanted, rest.next()) {
            (Token::Unknown(_), _) | (_, Some(Token::Unknown(_))) => return Truth::Unknown,
            (wanted, Some(found)) if wanted == found => {}
            _ => return Truth::No,
        }
    }
    Truth::Yes
}

/// Reading and writing, by one basic event selector.
fn basic(facts: &Facts<'_>, selector: &Value, store: &Store<'_>) -> (Truth, Truth) {
    let kind = selector.get("ReadWriteType").map_or(Some("All"), Value::as_str);
    let resources = selector.get("DataResources").map(Value::as_items).unwrap_or_default();
    let mut all = Truth::No;
    for resource in resources {
        if resource.get("Type").and_then(Value::as_str).is_some_and(|kind| kind != store.kind) {
            continue;
        }
        let values = resource.get("Values").map(Value::as_items).unwrap_or_default();
        let values = values.iter().map(|value| begins(&store.whole, &tokens(facts.estate, value)));
        all = all.or(values.fold(Truth::No, Truth::or));
    }
    let (read, write) = match kind {
        Some("All") => (Truth::Yes, Truth::Yes),
        Some("ReadOnly") => (Truth::Yes, Truth::No),
        Some("WriteOnly") => (Truth::No, Truth::Yes),
        _ => (Truth::Unknown, Truth::Unknown),
    };
    (all.and(read), all.and(write))
}
