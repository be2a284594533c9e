//! What keeps data outlives its stack.
//!
//! Sources: AWS CloudFormation Template Reference, "DeletionPolicy attribute" (default Delete; Snapshot for
//! AWS::RDS::DBCluster and for AWS::RDS::DBInstance outside a cluster; which types support Snapshot) and
//! "UpdateReplacePolicy attribute" (default Delete). AWS::RDS::DBInstance, AWS::DynamoDB::Table and others:
//! `DeletionProtection` refuses every deletion, that of CloudFormation too.

use catalog::Keeping;
use estate::{Policy, Resource, ResourceRef};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "stateful-retained",
    title: "what keeps data outlives its stack",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/stateful-retained.md"),
    check,
};

/// Types that support the policy `Snapshot`.
const SNAPSHOTS: [&str; 8] = [
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
];

/// Stores that hold data only on its way, or a copy of what rests elsewhere: losing them loses nothing that
/// cannot be sent, computed, trained or loaded again. Machines are rebuilt; their lasting data belongs on volumes of
/// their own. A deleted secret can be restored while its recovery window lasts.
const PASSING: [&str; 49] = [
    "AWS::AIOps::InvestigationGroup",
    "AWS::AmazonMQ::Broker",
    "AWS::ApiGateway::Stage",
    "AWS::AppRunner::Service",
    "AWS::AppSync::ApiCache",
    "AWS::Bedrock::Agent",
    "AWS::Bedrock::Session",
    "AWS::CleanRooms::IntermediateTable",
    "AWS::Comprehend::DocumentClassifier",
    "AWS::Comprehend::EntityRecognizer",
    "AWS::DAX::Cluster",
    "AWS::DMS::ReplicationConfig",
    "AWS::DMS::ReplicationInstance",
    "AWS::DevOpsAgent::AgentSpace",
    "AWS::EC2::Instance",
    "AWS::EKS::Cluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::ElastiCache::ServerlessCacheSnapshot",
    "AWS::ElastiCache::Snapshot",
    "AWS::Events::EventBus",
    "AWS::EventsV2::EventBus",
    "AWS::FSx::FileCache",
    "AWS::Glue::MLTransform",
    "AWS::Kinesis::Channel",
    "AWS::Kinesis::Stream",
    "AWS::KinesisAnalyticsV2::Application",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::KinesisVideo::Stream",
    "AWS::Logs::Integration",
    "AWS::Logs::LogAnomalyDetector",
    "AWS::M2::Environment",
    "AWS::MWAA::Environment",
    "AWS::ObservabilityAdmin::S3TableIntegration",
    "AWS::RDS::CustomDBEngineVersion",
    "AWS::S3Files::FileSystem",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSMIncidents::ReplicationSet",
    "AWS::SageMaker::NotebookInstance",
    "AWS::SageMaker::PartnerApp",
    "AWS::SecretsManager::Secret",
    "AWS::SecurityAgent::AgentSpace",
    "AWS::SecurityLake::DataLake",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
    "AWS::Translate::ParallelData",
    "AWS::Translate::Terminology",
    "AWS::WorkspacesInstances::WorkspaceInstance",
];

/// Whether a resource keeps data that exists nowhere else; a key keeps everything written under it.
pub(crate) fn is_stateful(facts: &Facts<'_>, resource: &Resource) -> bool {
    let kind = resource.kind.as_str();
    let store = facts.catalog.at_rest(kind).is_some_and(|row| row.keeping == Keeping::Store);
    // The instances of a cluster keep their data in the cluster.
    let member = kind == "AWS::RDS::DBInstance" && resource.properties.get("DBClusterIdentifier").is_some();
    (store || kind == "AWS::KMS::Key") && !PASSING.contains(&kind) && !member
}

const DELETED: Words<'static> = Words {
    violated: "deleting the stack deletes what it keeps",
    unknown: "it outlives its stack",
    path: "DeletionPolicy",
    fix: "DeletionPolicy: Retain and UpdateReplacePolicy: Retain",
};
const REPLACED: Words<'static> = Words {
    violated: "an update that replaces it deletes what it keeps",
    unknown: "what it keeps survives a replacement",
    path: "UpdateReplacePolicy",
    fix: "UpdateReplacePolicy: Retain",
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for found in facts.index.all().filter(|found| is_stateful(facts, found.resource)) {
        let resource = found.resource;
        // CloudFormation cannot delete a bucket that has objects: the deletion fails instead.
        let bucket = resource.kind == "AWS::S3::Bucket";
        let deleted = Words {
            violated: match bucket {
                true => {
                    "nothing says that the bucket outlives its stack: deleting the stack fails or deletes it"
                }
                false => DELETED.violated,
            },
            ..DELETED
        };
        let replaced = Words {
            violated: match bucket {
                true => "nothing says that the bucket survives a replacement",
                false => REPLACED.violated,
            },
            ..REPLACED
        };
        let protected = protected(resource);
        let deletion = protected
            .clone()
            .or(|| keeps(found, resource.deletion_policy.as_ref(), default_deletion(resource)));
        let replacement =
            protected.or(|| keeps(found, resource.update_replace_policy.as_ref(), &Policy::Delete));
        findings.settle_all(found, [(deletion, deleted), (replacement, replaced)]);
    }
}

fn default_deletion(resource: &Resource) -> &'static Policy {
    match resource.kind.as_str() {
        "AWS::RDS::DBCluster" | "AWS::RDS::DBInstance" => &Policy::Snapshot,
        _ => &Policy::Delete,
    }
}

fn keeps(found: ResourceRef<'_>, policy: Option<&Policy>, default: &Policy) -> Judgement {
    let span = found.resource.origin.span;
    let said = policy.map_or("nothing, which means", |_| "");
    match policy.unwrap_or(default) {
        Policy::Retain | Policy::RetainExceptOnCreate => Judgement::Holds,
        Policy::Snapshot if SNAPSHOTS.contains(&found.resource.kind.as_str()) => Judgement::Holds,
        Policy::Snapshot => {
            let found = format!("`Snapshot`, which {} does not support", found.resource.kind);
            Judgement::Fails { span, found }
        }
        Policy::Delete => Judgement::Fails { span, found: format!("{said} `Delete`").trim().into() },
        Policy::Unknown(value) => Judgement::unknown(value),
    }
}

/// Whether the service refuses to delete the resource.
fn protected(resource: &Resource) -> Judgement {
    let on = |name: &str| {
        Setting::of(resource, &[name])
            .literal(false, |value| value.as_bool() == Some(true) || value.as_str() == Some("ACTIVE"))
    };
    on("DeletionProtection").or(|| on("DeletionProtectionEnabled"))
}
