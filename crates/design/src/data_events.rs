//! The record of every reading and writing of regulated data.
//!
//! In: the stores of all environments, and of which classes of data the blueprint wants a record. Out: a second trail of the
//! organization that records the data events of those buckets and tables into the archive. Always: it names stores, not
//! all there are, so that nothing is paid for that nobody asks for; where a template cannot name so many, it records all of
//! the kind but the archive itself, which would otherwise record its own being written to without end.
//!
//! The trail stands apart from the one of management events because it names stores, which are made after everything that
//! the other must see. What a database is asked is not an event of CloudTrail.
//!
//! Sources: AWS CloudTrail User Guide, "Logging data events" (advanced event selectors; object ARNs by `StartsWith`),
//! "Creating a trail for an organization"; AWS CloudTrail API Reference, AdvancedFieldSelector; AWS CloudFormation User Guide,
//! "Understand CloudFormation quotas".

use blueprint::model::{Blueprint, Store, StoreKind};
use catalog::Catalog;
use diagnostics::{Diagnostic, Diagnostics};
use estate::{SmolStr, Value, value};

use crate::codes::OVER_QUOTA;
use crate::draft::{Draft, Drawn, Say};
use crate::layout::{Layout, Site};
use crate::{bucket, log_archive, table, trail};

/// The component's name.
pub(crate) const COMPONENT: &str = "data_events";

/// Parameters of the template that name no store: the archive's bucket and key, and both of its buckets' ARNs.
const OTHERS: usize = 4;

/// The trail's name. It is fixed, because the archive's policies name the trail before there is one.
pub(crate) fn trail_name(blueprint: &Blueprint) -> SmolStr {
    smol_str::format_smolstr!("{}-data-events", blueprint.name)
}

/// Whether there is anything to record.
pub(crate) fn is_wanted(blueprint: &Blueprint) -> bool {
    blueprint
        .environments
        .iter()
        .flat_map(|environment| &environment.stores)
        .any(|store| is_recorded(blueprint, store) && !matches!(store.kind, StoreKind::Postgresql(_)))
}

fn is_recorded(blueprint: &Blueprint, store: &Store) -> bool {
    let classes = blueprint.logs.recorded();
    store.real_data && store.contains.iter().any(|class| classes.contains(&class.value))
}

/// The stack of the trail.
pub(crate) fn stack(layout: &Layout<'_>, diagnostics: &mut Diagnostics) -> Option<Drawn> {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let span = blueprint.logs.data_events.span;
    let text = smol_str::format_smolstr!("Record of every access to regulated data of {}", blueprint.title);
    let place = &foundation.management_place;
    let mut draft = Draft::new(foundation.data_events?, "data-events", place, COMPONENT, span, text);
    draft.after(foundation.trail);
    let tags = layout.tags(blueprint.organization.management).of_class("confidential");
    let (mut objects, mut items) = (Vec::new(), Vec::new());
    for (id, store) in layout.sites.iter().flat_map(Site::stores) {
        if !is_recorded(blueprint, store) {
            continue;
        }
        match store.kind {
            StoreKind::Bucket(_) => objects.push(Value::join([bucket::arn(id, store), "/".into()])),
            StoreKind::Table(_) => items.push(table::arn(id, store)),
            StoreKind::Postgresql(_) => {}
        }
    }
    let most = Catalog::shared().quotas().parameters.saturating_sub(OTHERS);
    let too_many = objects.len() + items.len() > most;
    if too_many {
        let message = format!(
            "{} buckets and tables hold what is recorded; a template can name {most}, so that every bucket and table is recorded",
            objects.len() + items.len()
        );
        diagnostics.push(
            Diagnostic::warning(OVER_QUOTA, span, message)
                .help("AWS charges for each event that is recorded"),
        );
    }
    let mut selectors = Vec::new();
    if !objects.is_empty() {
        let which = match too_many {
            true => {
                let own = log_archive::buckets(layout).map(|arn| Value::join([arn, "/".into()]));
                value!({ "Field": "resources.ARN", "NotStartsWith": own.to_vec() })
            }
            false => value!({ "Field": "resources.ARN", "StartsWith": objects }),
        };
        selectors.push(selector("Objects", "AWS::S3::Object", Some(which)));
    }
    if !items.is_empty() {
        let which = (!too_many).then(|| value!({ "Field": "resources.ARN", "Equals": items }));
        selectors.push(selector("Items", "AWS::DynamoDB::Table", which));
    }
    let own = value!({ "AdvancedEventSelectors": selectors });
    let properties = trail::of_organization(layout, &trail_name(blueprint), &tags, own);
    draft.add("DataTrail", "AWS::CloudTrail::Trail", properties).retain();
    Some(draft.finish())
}

fn selector(name: &str, kind: &str, which: Option<Value>) -> Value {
    let mut fields = vec![
        value!({ "Field": "eventCategory", "Equals": ["Data"] }),
        value!({ "Field": "resources.type", "Equals": [kind] }),
    ];
    fields.extend(which);
    value!({ "Name": name, "FieldSelectors": fields })
}
