//! Encryption properties and the table of stores.

use std::collections::BTreeSet;

use catalog::{AtRest, Catalog, EncryptionKind, Keeping, PropertyPath, Without};

fn found(name: &str) -> Vec<(EncryptionKind, String)> {
    let schema = Catalog::shared().resource_type(name).unwrap();
    schema.encryption_properties().iter().map(|found| (found.kind, found.path.to_string())).collect()
}

fn row(name: &str) -> &'static AtRest {
    Catalog::shared().at_rest(name).unwrap_or_else(|| panic!("no row for {name}"))
}

#[test]
fn keys_are_found_by_the_schema_through_lists() {
    for (name, path) in [
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::DynamoDB::Table", "SSESpecification/KMSMasterKeyId"),
        ("AWS::DynamoDB::GlobalTable", "Replicas/*/SSESpecification/KMSMasterKeyId"),
        ("AWS::EKS::Cluster", "EncryptionConfig/*/Provider/KeyArn"),
        ("AWS::MSK::Cluster", "EncryptionInfo/EncryptionAtRest/DataVolumeKMSKeyId"),
        ("AWS::EC2::LaunchTemplate", "LaunchTemplateData/BlockDeviceMappings/*/Ebs/KmsKeyId"),
        ("AWS::ECR::Repository", "EncryptionConfiguration/KmsKey"),
        ("AWS::WorkSpaces::Workspace", "VolumeEncryptionKey"),
    ] {
        assert!(found(name).contains(&(EncryptionKind::Key, path.into())), "{name}: {:?}", found(name));
    }
    assert!(found("AWS::RDS::DBInstance").contains(&(EncryptionKind::Switch, "StorageEncrypted".into())));
    assert!(
        found("AWS::CodeBuild::Project")
            .contains(&(EncryptionKind::OffSwitch, "Artifacts/EncryptionDisabled".into()))
    );
    assert!(
        found("AWS::Kinesis::Stream")
            .contains(&(EncryptionKind::Mode, "StreamEncryption/EncryptionType".into()))
    );
}

#[test]
fn encryption_on_the_wire_is_not_encryption_at_rest() {
    for name in ["AWS::ElastiCache::ReplicationGroup", "AWS::MSK::Cluster", "AWS::OpenSearchService::Domain"]
    {
        let transit = found(name).into_iter().filter(|(_, path)| path.to_lowercase().contains("transit"));
        assert_eq!(transit.count(), 0, "{name}");
    }
    assert_eq!(found("AWS::EC2::VPC"), []);
    assert_eq!(found("AWS::IAM::Role"), []);
    // What the service sets is not something a template decides.
    assert!(!found("AWS::RDS::DBSnapshot").iter().any(|(_, path)| path == "KmsKeyId"));
}

#[test]
fn a_key_that_only_creation_sets_is_found_though_listed_as_read_only() {
    assert_eq!(found("AWS::CodeArtifact::Domain"), [(EncryptionKind::Key, "EncryptionKey".into())]);
}

/// A type that a refresh of the catalog brings must be looked at by a person.
#[test]
fn every_encryptable_type_is_classified() {
    let catalog = Catalog::shared();
    let encryptable: BTreeSet<_> = catalog
        .type_names()
        .filter(|name| !catalog.resource_type(name).unwrap().encryption_properties().is_empty())
        .collect();
    let classified: BTreeSet<_> = catalog.stores().iter().map(|row| row.type_name.as_str()).collect();
    let missing: Vec<_> = encryptable.difference(&classified).collect();
    let superfluous: Vec<_> = classified.difference(&encryptable).collect();
    assert!(missing.is_empty(), "add to data/stores.json: {missing:?}");
    assert!(superfluous.is_empty(), "no encryption property: {superfluous:?}");
}

/// Every path of the table is a property of the type, and every key among them was found by the schema.
#[test]
fn the_table_of_stores_agrees_with_the_schemas() {
    let catalog = Catalog::shared();
    let mut wrong = Vec::new();
    for row in catalog.stores() {
        let schema = catalog.resource_type(&row.type_name).unwrap();
        let found: BTreeSet<_> =
            schema.encryption_properties().iter().map(|p| (p.kind, p.path.clone())).collect();
        for key in &row.keys {
            if !found.contains(&(EncryptionKind::Key, key.clone())) {
                wrong.push(format!("{}: {key} is not a key", row.type_name));
            }
        }
        for switch in &row.switches {
            if !found.contains(&(EncryptionKind::Switch, switch.clone())) {
                wrong.push(format!("{}: {switch} is not a switch", row.type_name));
            }
        }
        for (mode, values) in &row.modes {
            let Some(node) = schema.at(mode) else {
                wrong.push(format!("{}: no {mode}", row.type_name));
                continue;
            };
            let allowed = schema.node(node).values.as_ref();
            if let Some(value) =
                values.iter().find(|v| allowed.is_some_and(|allowed| !allowed.allows_text(v)))
            {
                wrong.push(format!("{}: {mode} cannot be {value}", row.type_name));
            }
        }
        for name in &row.inherits {
            if schema.at(&PropertyPath::parse(name)).is_none() {
                wrong.push(format!("{}: no {name}", row.type_name));
            }
        }
        for part in &row.parts {
            let keys = part.keys.iter().map(|path| (EncryptionKind::Key, path));
            let switches = part.switches.iter().map(|path| (EncryptionKind::Switch, path));
            for (kind, path) in keys.chain(switches) {
                if !found.contains(&(kind, path.clone())) {
                    wrong.push(format!("{}: {path} is not a {kind:?}", row.type_name));
                }
            }
            if part.keys.is_empty() && part.switches.is_empty() {
                wrong.push(format!("{}: nothing protects a part", row.type_name));
            }
        }
        let conditions = row.when.iter().chain(&row.unless).chain(row.parts.iter().flat_map(|p| &p.when));
        for path in conditions.map(|(path, _)| path).chain(&row.off) {
            if schema.at(path).is_none() {
                wrong.push(format!("{}: no {path}", row.type_name));
            }
        }
        let unprotected = row.keys.is_empty() && row.switches.is_empty();
        let is_store = row.keeping == Keeping::Store;
        if is_store == unprotected {
            wrong.push(format!("{}: a store, and only a store, says what protects it", row.type_name));
        }
        let settled = [!row.when.is_empty(), !row.unless.is_empty(), !row.off.is_empty()];
        if !is_store && settled.contains(&true) {
            wrong.push(format!("{}: only a store has conditions of its own", row.type_name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn stores_are_what_an_engineer_expects() {
    for name in [
        "AWS::S3::Bucket",
        "AWS::RDS::DBInstance",
        "AWS::DynamoDB::Table",
        "AWS::EFS::FileSystem",
        "AWS::SQS::Queue",
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret",
    ] {
        assert_eq!(row(name).keeping, Keeping::Store, "{name}");
    }
    assert_eq!(row("AWS::EC2::LaunchTemplate").keeping, Keeping::Writer);
    assert_eq!(row("AWS::Lambda::Function").keeping, Keeping::Settings);
    // Missed before its page on data protection was read.
    for name in ["AWS::EKS::Cluster", "AWS::Events::EventBus", "AWS::CodeArtifact::Domain"] {
        assert_eq!(row(name).keeping, Keeping::Store, "{name}");
    }
    assert_eq!(row("AWS::Pipes::Pipe").keeping, Keeping::Settings);
    assert_eq!(row("AWS::EC2::LaunchTemplate").parts.len(), 1);
    assert_eq!(row("AWS::S3::Bucket").without, Some(Without::AwsOwned));
    assert!(row("AWS::EC2::Volume").own_key_wins && !row("AWS::RDS::DBInstance").own_key_wins);
    assert!(row("AWS::RDS::DBInstance").inherits.iter().any(|name| name == "DBClusterIdentifier"));
}
