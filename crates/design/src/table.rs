//! A store of items by key: a DynamoDB table.
//!
//! In: a store of kind `table`. Out: the table. Always: on demand, restorable to any second, encrypted with the key
//! of its class or of its own, kept when its stack goes.
//!
//! Source: AWS CloudFormation Template Reference, AWS::DynamoDB::Table.

use std::collections::BTreeMap;

use blueprint::model::{Attribute, AttributeType, Store, Table};
use estate::{StackId, Value, value};

use crate::draft::{Draft, Drawn, Say, attribute, reference};
use crate::layout::Site;
use crate::{keys, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "table";

/// The table's name, as AWS gives it.
pub(crate) fn name(stack: StackId, store: &Store) -> Value {
    reference(stack, naming::id(store.name.value.as_str(), "Table"))
}

/// The table's ARN.
pub(crate) fn arn(stack: StackId, store: &Store) -> Value {
    attribute(stack, naming::id(store.name.value.as_str(), "Table"), "Arn")
}

/// The stack of a table.
pub(crate) fn stack(site: &Site<'_>, id: StackId, store: &Store, settings: &Table) -> Drawn {
    let name = store.name.value.as_str();
    let stack_name = site.stack_name(&format!("data-{name}"));
    let mut draft = Draft::new(id, stack_name, &site.place, COMPONENT, store.span, store.title.clone());
    let tags = site.tags.of_store(store);
    let indexes: Vec<Value> = settings
        .indexes
        .iter()
        .map(|index| {
            value!({
                "IndexName": index.name.value.as_str(),
                "KeySchema": key_schema(&index.key.value, index.sort.as_ref().map(|sort| &sort.value)),
                "Projection": { "ProjectionType": "ALL" },
            })
        })
        .collect();
    let properties = value!({
        "AttributeDefinitions": attributes(settings),
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": settings.deletion_protection.value,
        "GlobalSecondaryIndexes": (!indexes.is_empty()).then_some(indexes),
        "KeySchema": key_schema(&settings.key.value, settings.sort.as_ref().map(|sort| &sort.value)),
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": true,
            "RecoveryPeriodInDays": settings.backup_days.value,
        },
        "SSESpecification": {
            "SSEEnabled": true,
            "SSEType": "KMS",
            "KMSMasterKeyId": keys::store_key(site, store),
        },
        "TimeToLiveSpecification": settings.expires_by.as_ref().map(|attribute| value!({
            "AttributeName": &attribute.value,
            "Enabled": true,
        })),
        "Tags": tags.list(),
    });
    draft.add(naming::id(name, "Table"), "AWS::DynamoDB::Table", properties).retain();
    draft.finish()
}

/// Every attribute that is part of a key, once, sorted by name.
fn attributes(settings: &Table) -> Vec<Value> {
    let own = [Some(&settings.key), settings.sort.as_ref()].into_iter().flatten();
    let of_indexes =
        settings.indexes.iter().flat_map(|index| [Some(&index.key), index.sort.as_ref()]).flatten();
    let kinds: BTreeMap<&str, AttributeType> = own
        .chain(of_indexes)
        .map(|attribute| (attribute.value.name.as_str(), attribute.value.kind))
        .collect();
    let define = |(name, kind): (&str, AttributeType)| {
        let kind = match kind {
            AttributeType::String => "S",
            AttributeType::Number => "N",
            AttributeType::Binary => "B",
        };
        value!({ "AttributeName": name, "AttributeType": kind })
    };
    kinds.into_iter().map(define).collect()
}

fn key_schema(key: &Attribute, sort: Option<&Attribute>) -> Vec<Value> {
    let partition = value!({ "AttributeName": &key.name, "KeyType": "HASH" });
    let sort = sort.map(|sort| value!({ "AttributeName": &sort.name, "KeyType": "RANGE" }));
    std::iter::once(partition).chain(sort).collect()
}
