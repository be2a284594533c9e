//! Managed databases and search domains, as far as their APIs describe them.
//!
//! Their ids are names, unique only within account, region and type; the logical id is the last part of the ARN
//! (`db:orders`) where that is how AWS tells them apart.
//!
//! Source: Amazon RDS API Reference, `DBInstance`, `DBCluster`, `DBSubnetGroup`; Amazon OpenSearch Service API
//! Reference, `DomainStatus`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use estate::Value;
use smol_str::format_smolstr;

use super::iam::policy;
use super::kinds::{How, Known, Shape, item};
use super::session::{Draft, File, Session, at, text_at};

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "DBInstances",
        How::Items(Shape {
            id: "DBInstanceIdentifier",
            kind: "AWS::RDS::DBInstance",
            properties: &[
                ("DBInstanceIdentifier", "DBInstanceIdentifier"),
                ("DBInstanceClass", "DBInstanceClass"),
                ("Engine", "Engine"),
                ("EngineVersion", "EngineVersion"),
                ("AvailabilityZone", "AvailabilityZone"),
                ("MultiAZ", "MultiAZ"),
                ("PubliclyAccessible", "PubliclyAccessible"),
                ("StorageEncrypted", "StorageEncrypted"),
                ("StorageType", "StorageType"),
                ("KmsKeyId", "KmsKeyId"),
                ("BackupRetentionPeriod", "BackupRetentionPeriod"),
                ("DeletionProtection", "DeletionProtection"),
                ("DBClusterIdentifier", "DBClusterIdentifier"),
                ("MasterUsername", "MasterUsername"),
                ("EnabledCloudwatchLogsExports", "EnableCloudwatchLogsExports"),
                ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
                ("IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"),
                ("CACertificateIdentifier", "CACertificateIdentifier"),
                ("NetworkType", "NetworkType"),
                ("TagList", "Tags"),
            ],
            more: instance,
        }),
    ),
    (
        "DBClusters",
        How::Items(Shape {
            id: "DBClusterIdentifier",
            kind: "AWS::RDS::DBCluster",
            properties: &[
                ("DBClusterIdentifier", "DBClusterIdentifier"),
                ("Engine", "Engine"),
                ("EngineVersion", "EngineVersion"),
                ("Port", "Port"),
                ("StorageEncrypted", "StorageEncrypted"),
                ("KmsKeyId", "KmsKeyId"),
                ("BackupRetentionPeriod", "BackupRetentionPeriod"),
                ("DeletionProtection", "DeletionProtection"),
                ("MasterUsername", "MasterUsername"),
                ("PubliclyAccessible", "PubliclyAccessible"),
                ("EnabledCloudwatchLogsExports", "EnableCloudwatchLogsExports"),
                ("IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"),
                ("TagList", "Tags"),
            ],
            more: cluster,
        }),
    ),
    ("DBSubnetGroups", How::Items(SUBNET_GROUP)),
    ("DomainStatusList", How::Items(DOMAIN)),
    // `list-domain-names` has names alone.
    ("DomainNames", How::Nothing),
];

const SUBNET_GROUP: Shape = Shape {
    id: "DBSubnetGroupName",
    kind: "AWS::RDS::DBSubnetGroup",
    properties: &[
        ("DBSubnetGroupName", "DBSubnetGroupName"),
        ("DBSubnetGroupDescription", "DBSubnetGroupDescription"),
    ],
    more: subnet_group,
};

const DOMAIN: Shape = Shape {
    id: "ARN",
    kind: "AWS::OpenSearchService::Domain",
    properties: &[
        ("DomainName", "DomainName"),
        ("EngineVersion", "EngineVersion"),
        ("EBSOptions", "EBSOptions"),
        ("EncryptionAtRestOptions", "EncryptionAtRestOptions"),
        ("NodeToNodeEncryptionOptions", "NodeToNodeEncryptionOptions"),
        ("DomainEndpointOptions", "DomainEndpointOptions"),
    ],
    more: domain,
};

/// The last part of the resource's ARN, as `db:orders`.
fn named(draft: &mut Draft, what: &str) {
    draft.id = format_smolstr!("{what}:{}", draft.id);
}

fn groups(session: &mut Session, node: &Node, list: &str) -> Vec<Value> {
    session.items(node, list).iter().filter_map(|group| at(group, &["VpcSecurityGroupId"])).collect()
}

fn instance(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    named(draft, "db");
    draft.owner = text_at(node, &["DBInstanceArn"]).and_then(super::balancers::account_of);
    draft.set("VPCSecurityGroups", groups(session, node, "VpcSecurityGroups"));
    let storage = at(node, &["AllocatedStorage"]).and_then(|size| size.as_text());
    draft.set("AllocatedStorage", storage);
    let port = at(node, &["Endpoint", "Port"]).or_else(|| at(node, &["DbInstancePort"]));
    draft.set("Port", port.and_then(|port| port.as_text()));
    if let [only] = session.items(node, "DBParameterGroups") {
        draft.set("DBParameterGroupName", at(only, &["DBParameterGroupName"]));
    }
    // The group is described within: its subnets are where the instance may be.
    let group = node.get("DBSubnetGroup");
    let seen = group.and_then(|group| item(session, file, "DBSubnetGroup", 0, &SUBNET_GROUP, group));
    if let Some(mut seen) = seen {
        draft.set("DBSubnetGroupName", Value::from(seen.id.clone()).spanned(seen.span));
        seen.owner = draft.owner.clone();
        seen.lesser = true;
        session.add(seen);
    }
}

fn cluster(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    named(draft, "cluster");
    draft.owner = text_at(node, &["DBClusterArn"]).and_then(super::balancers::account_of);
    draft.set("VpcSecurityGroupIds", groups(session, node, "VpcSecurityGroups"));
    let group = text_at(node, &["DBSubnetGroup"]).map(|name| format_smolstr!("subgrp:{name}"));
    draft.set("DBSubnetGroupName", group);
}

fn subnet_group(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    named(draft, "subgrp");
    let subnets =
        session.items(node, "Subnets").iter().filter_map(|subnet| at(subnet, &["SubnetIdentifier"]));
    draft.set("SubnetIds", subnets.collect::<Vec<Value>>());
}

fn domain(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.owner = super::balancers::account_of(&draft.id);
    // The older API calls it Elasticsearch, and so does the older type.
    if node.get("EngineVersion").is_none() {
        draft.kind = "AWS::Elasticsearch::Domain";
        draft.set("ElasticsearchVersion", at(node, &["ElasticsearchVersion"]));
    }
    if node.get("VPCOptions").is_some() {
        let options = estate::value!({
            "SubnetIds": at(node, &["VPCOptions", "SubnetIds"]),
            "SecurityGroupIds": at(node, &["VPCOptions", "SecurityGroupIds"]),
        });
        draft.set("VPCOptions", options);
    }
    if let Some(document) = node.get("AccessPolicies").filter(|text| text.as_str() != Some("")) {
        draft.set("AccessPolicies", policy(session, document));
        draft.observed.remove("AccessPolicies");
    }
}
