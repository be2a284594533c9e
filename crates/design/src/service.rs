//! A workload that runs in containers: Amazon ECS on Fargate behind load balancers that speak TLS only.
//!
//! In: a workload with `runs-on: fargate`. Out: certificate, load balancers and names where somebody reaches it;
//! cluster, task definition, service, scaling, log group, roles and alarms. Always: no public address; a
//! read-only file system, no capability, no root; one role to start it and one to run it, which may do to the
//! stores it uses what the blueprint says, and nothing else; port 80 is not open at all.
//!
//! Sources: Amazon ECS Developer Guide, "Security in Amazon ECS", "IAM roles for Amazon ECS"; Elastic Load
//! Balancing User Guide, "Security policies for your Application Load Balancer".

use blueprint::Copies;
use blueprint::model::{Exposure, Protocol, Size, StoreKind, Target, Use, Workload};
use estate::{SmolStr, StackId, Value, value};

use crate::access::{self, Door};
use crate::draft::{Draft, Drawn, Say};
use crate::layout::Site;
use crate::network::{self, Tier};
use crate::tags::Tags;
use crate::{access_logs, alarms, bucket, database, domain, images, ingress, keys, naming, table};

/// The component's name.
pub(crate) const COMPONENT: &str = "service";

/// Ids of resources of a workload begin with its name.
struct Names {
    certificate: SmolStr,
    cluster: SmolStr,
    log_group: SmolStr,
    execution_role: SmolStr,
    task_role: SmolStr,
    task: SmolStr,
    service: SmolStr,
}

impl Names {
    fn new(workload: &Workload) -> Self {
        let id = |what| naming::id(workload.name.value.as_str(), what);
        Self {
            certificate: id("Certificate"),
            cluster: id("Cluster"),
            log_group: id("LogGroup"),
            execution_role: id("ExecutionRole"),
            task_role: id("TaskRole"),
            task: id("TaskDefinition"),
            service: id("Service"),
        }
    }
}

/// CPU units and MiB of memory of a task.
/// Source: Amazon ECS Developer Guide, "Amazon ECS task definition differences for Fargate", task CPU and memory.
fn machine(size: Size) -> (&'static str, &'static str) {
    match size {
        Size::Small => ("256", "512"),
        Size::Medium => ("1024", "2048"),
        Size::Large => ("4096", "8192"),
        Size::Xlarge => ("16384", "32768"),
    }
}

/// TLS 1.3 and 1.2 with forward secrecy, without CBC.
/// Source: Elastic Load Balancing User Guide, "Security policies for your Application Load Balancer".
const TLS_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";

/// The user and group of every process, who owns nothing.
const NOBODY: &str = "65532:65532";

/// The stack of a workload.
pub(crate) fn stack(site: &Site<'_>, id: StackId, workload: &Workload) -> Drawn {
    let name = workload.name.value.as_str();
    let stack_name = site.stack_name(&format!("service-{name}"));
    let mut draft = Draft::new(id, stack_name, &site.place, COMPONENT, workload.span, workload.title.clone());
    let tags = site.tags.and(name, None, &workload.tags);
    let names = Names::new(workload);
    let doors = access::doors(site, workload);
    if !doors.is_empty() {
        certificate(site, &mut draft, workload, &names, &tags);
    }
    for door in &doors {
        load_balancer(site, &mut draft, workload, *door, &names, &tags);
    }
    ingress::behind_the_hub(site, &mut draft, workload, &tags);
    draft.by(COMPONENT).at(workload.span);
    roles(site, &mut draft, workload, &names, &tags);
    task(site, &mut draft, workload, &names, &tags);
    service(site, &mut draft, workload, &doors, &names, &tags);
    scaling(&mut draft, workload, &names, &tags);
    draft.finish()
}

/// A certificate for the host name, validated by a record in the public zone.
/// Source: AWS CloudFormation Template Reference, AWS::CertificateManager::Certificate, DNS validation.
fn certificate(site: &Site<'_>, draft: &mut Draft, workload: &Workload, names: &Names, tags: &Tags) {
    let host = host(workload);
    let properties = value!({
        "DomainName": host,
        "DomainValidationOptions": [{ "DomainName": host, "HostedZoneId": domain::public_zone(site) }],
        "ValidationMethod": "DNS",
        "Tags": tags.list(),
    });
    draft.at(workload.exposed_by).add(
        names.certificate.clone(),
        "AWS::CertificateManager::Certificate",
        properties,
    );
}

fn host(workload: &Workload) -> &str {
    workload.host.as_ref().map_or("", |host| host.as_str())
}

fn door_id(workload: &Workload, door: Door, what: &str) -> SmolStr {
    naming::id(workload.name.value.as_str(), &format!("{}{what}", door.word()))
}

fn load_balancer(
    site: &Site<'_>,
    draft: &mut Draft,
    workload: &Workload,
    door: Door,
    names: &Names,
    tags: &Tags,
) {
    draft.at(workload.exposed_by);
    let id = |what| door_id(workload, door, what);
    let (scheme, tier) = match door {
        Door::Internet => ("internet-facing", Tier::Gateway),
        Door::Hub => ("internal", Tier::Gateway),
        Door::Inside => ("internal", Tier::Application),
    };
    let protected = if site.environment.defaults.deletion_protection { "true" } else { "false" };
    let properties = value!({
        "IpAddressType": "ipv4",
        "LoadBalancerAttributes": [
            { "Key": "access_logs.s3.bucket", "Value": access_logs::of_load_balancers(site) },
            { "Key": "access_logs.s3.enabled", "Value": "true" },
            { "Key": "deletion_protection.enabled", "Value": protected },
            { "Key": "routing.http.desync_mitigation_mode", "Value": "defensive" },
            { "Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true" }
        ],
        "Scheme": scheme,
        "SecurityGroups": [access::door_group(site, workload, door)],
        "Subnets": network::subnets(site, tier),
        "Type": "application",
        "Tags": tags.list(),
    });
    draft.add(id("LoadBalancer"), "AWS::ElasticLoadBalancingV2::LoadBalancer", properties);
    let protocol = match workload.protocol.value {
        Protocol::Https => "HTTPS",
        Protocol::Http => "HTTP",
    };
    let properties = value!({
        "HealthCheckIntervalSeconds": 15,
        "HealthCheckPath": &workload.health.value,
        "HealthCheckProtocol": protocol,
        "HealthyThresholdCount": 2,
        "Matcher": { "HttpCode": "200" },
        "Port": i64::from(workload.port.value),
        "Protocol": protocol,
        "TargetGroupAttributes": [{ "Key": "deregistration_delay.timeout_seconds", "Value": "30" }],
        "TargetType": "ip",
        "UnhealthyThresholdCount": 3,
        "VpcId": network::vpc(site),
        "Tags": tags.list(),
    });
    draft.at(workload.protocol.span);
    draft.add(id("TargetGroup"), "AWS::ElasticLoadBalancingV2::TargetGroup", properties);
    let properties = value!({
        "Certificates": [{ "CertificateArn": draft.reference(names.certificate.clone()) }],
        "DefaultActions": [{ "Type": "forward", "TargetGroupArn": draft.reference(id("TargetGroup")) }],
        "ListenerAttributes": [{
            "Key": "routing.http.response.strict_transport_security.header_value",
            "Value": "max-age=31536000; includeSubDomains",
        }],
        "LoadBalancerArn": draft.reference(id("LoadBalancer")),
        "Port": 443,
        "Protocol": "HTTPS",
        "SslPolicy": TLS_POLICY,
        "Tags": tags.list(),
    });
    draft.at(workload.exposed_by);
    draft.add(id("Listener"), "AWS::ElasticLoadBalancingV2::Listener", properties);
    record(site, draft, workload, door);
    health_alarm(site, draft, workload, door, tags);
}

/// The host name: on the internet it leads to the load balancer there, which with a hub stands in the hub's account.
fn record(site: &Site<'_>, draft: &mut Draft, workload: &Workload, door: Door) {
    let id = |what| door_id(workload, door, what);
    let own = value!({
        "DNSName": draft.attribute(id("LoadBalancer"), "DNSName"),
        "EvaluateTargetHealth": true,
        "HostedZoneId": draft.attribute(id("LoadBalancer"), "CanonicalHostedZoneID"),
    });
    let (zone, target) = match (door, &site.hub) {
        (Door::Internet, _) => (domain::public_zone(site), own),
        (Door::Hub, Some(joined)) if site.slot(workload).is_some() => {
            (domain::public_zone(site), ingress::alias(joined, workload))
        }
        // Names for other networks are not this network's.
        (Door::Hub, _) => return,
        (Door::Inside, _) => (domain::private_zone(site), own),
    };
    let properties =
        value!({ "AliasTarget": target, "HostedZoneId": zone, "Name": host(workload), "Type": "A" });
    draft.add(id("Record"), "AWS::Route53::RecordSet", properties);
}

/// Somebody hears when a copy stops answering.
/// Source: Elastic Load Balancing User Guide, "CloudWatch metrics for your Application Load Balancer".
fn health_alarm(site: &Site<'_>, draft: &mut Draft, workload: &Workload, door: Door, tags: &Tags) {
    let id = |what| door_id(workload, door, what);
    let properties = value!({
        "AlarmActions": [alarms::topic(site)],
        "AlarmDescription": smol_str::format_smolstr!("{} of {} has copies that do not answer", workload.name, site.name()),
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [
            { "Name": "LoadBalancer", "Value": draft.attribute(id("LoadBalancer"), "LoadBalancerFullName") },
            { "Name": "TargetGroup", "Value": draft.attribute(id("TargetGroup"), "TargetGroupFullName") }
        ],
        "EvaluationPeriods": 5,
        "MetricName": "UnHealthyHostCount",
        "Namespace": "AWS/ApplicationELB",
        "Period": 60,
        "Statistic": "Maximum",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        "Tags": tags.list(),
    });
    draft.add(id("HealthAlarm"), "AWS::CloudWatch::Alarm", properties);
}

/// Amazon ECS in this account, and nobody else, takes the roles of tasks.
/// Source: Amazon ECS Developer Guide, "Amazon ECS task IAM role", trust policy against the confused deputy.
fn tasks_only(site: &Site<'_>) -> Value {
    value!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "ecs-tasks.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": { "aws:SourceArn": site.place.arn("ecs", "*") },
                "StringEquals": { "aws:SourceAccount": site.place.account_id() },
            },
        }],
    })
}

fn roles(site: &Site<'_>, draft: &mut Draft, workload: &Workload, names: &Names, tags: &Tags) {
    let properties = value!({
        "KmsKeyId": keys::logs_key(site),
        "RetentionInDays": site.log_days(),
        "Tags": tags.list(),
    });
    draft.add(names.log_group.clone(), "AWS::Logs::LogGroup", properties).retain();
    let log_group = draft.attribute(names.log_group.clone(), "Arn");
    let start = vec![
        // The token is for the whole registry; what it pulls is limited below.
        value!({ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }),
        value!({
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": images::repository_arn(site, workload),
        }),
        value!({ "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log_group }),
    ];
    let name = &workload.name;
    let role = |what: &str, policy: &'static str, statements: Vec<Value>| {
        let policies = value!([{
            "PolicyName": policy,
            "PolicyDocument": { "Version": "2012-10-17", "Statement": statements.clone() },
        }]);
        value!({
            "Description": smol_str::format_smolstr!("{what} {name} in {}", site.name()),
            "AssumeRolePolicyDocument": tasks_only(site),
            "Path": site.role_path(workload),
            "Policies": (!statements.is_empty()).then_some(policies),
            "Tags": tags.list(),
        })
    };
    draft.add(names.execution_role.clone(), "AWS::IAM::Role", role("Starts", "StartTasks", start));
    let statements = workload.uses.iter().flat_map(|used| permissions(site, used, workload)).collect();
    draft.add(names.task_role.clone(), "AWS::IAM::Role", role("Runs", "UseStores", statements));
}

/// What a workload may do to something it uses. A call of another workload needs no permission of IAM.
fn permissions(site: &Site<'_>, used: &Use, workload: &Workload) -> Vec<Value> {
    let Target::Store(store) = used.target else { return Vec::new() };
    let Some((stack, store)) = site.store(store) else { return Vec::new() };
    let (reads, writes) = (used.reads, used.writes);
    let (mut statements, service) = match &store.kind {
        StoreKind::Bucket(_) => (bucket_permissions(&bucket::arn(stack, store), reads, writes), "s3"),
        StoreKind::Table(_) => {
            (vec![table_permissions(&table::arn(stack, store), reads, writes)], "dynamodb")
        }
        StoreKind::Postgresql(_) => {
            let user = database::user(&workload.name.value);
            let resource = database::endpoint(stack, store).resource;
            let connect =
                site.place.arn("rds-db", Value::join(["dbuser:".into(), resource, "/".into(), user.into()]));
            return vec![
                value!({ "Effect": "Allow", "Action": "rds-db:connect", "Resource": connect })
                    .spanned(used.span),
            ];
        }
    };
    // A writer decrypts too: a multipart upload reads back its parts, a table item is read before it is changed.
    let actions = if writes { vec!["kms:Decrypt", "kms:GenerateDataKey"] } else { vec!["kms:Decrypt"] };
    statements.push(value!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": keys::store_key(site, store),
        "Condition": { "StringEquals": { "kms:ViaService": site.place.via(service) } },
    }));
    statements.into_iter().map(|statement| statement.spanned(used.span)).collect()
}

fn bucket_permissions(arn: &Value, reads: bool, writes: bool) -> Vec<Value> {
    let of = |wanted: bool, actions: &[&'static str]| if wanted { actions.to_vec() } else { Vec::new() };
    let mut actions = of(reads, &["s3:GetObject"]);
    actions.extend(of(writes, &["s3:AbortMultipartUpload", "s3:PutObject"]));
    actions.extend(of(reads && writes, &["s3:DeleteObject"]));
    let objects = Value::join([arn.clone(), "/*".into()]);
    let mut statements = vec![value!({ "Effect": "Allow", "Action": actions, "Resource": objects })];
    if reads {
        statements.push(value!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn.clone() }));
    }
    statements
}

fn table_permissions(arn: &Value, reads: bool, writes: bool) -> Value {
    let of = |wanted: bool, actions: &[&'static str]| if wanted { actions.to_vec() } else { Vec::new() };
    let mut actions = vec!["dynamodb:DescribeTable"];
    actions.extend(of(
        reads,
        &[
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
        ],
    ));
    actions.extend(of(
        writes,
        &["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    ));
    value!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": [arn.clone(), Value::join([arn.clone(), "/index/*".into()])],
    })
}

fn task(site: &Site<'_>, draft: &mut Draft, workload: &Workload, names: &Names, tags: &Tags) {
    let (cpu, memory) = machine(workload.size.value);
    let name = workload.name.value.as_str();
    let listens = workload.exposure != Exposure::Nobody;
    let port =
        listens.then(|| value!([{ "ContainerPort": i64::from(workload.port.value), "Protocol": "tcp" }]));
    let properties = value!({
        "ContainerDefinitions": [{
            "Name": name,
            "Image": images::image(site, workload),
            "Essential": true,
            "Environment": environment(site, workload),
            "LinuxParameters": { "Capabilities": { "Drop": ["ALL"] }, "InitProcessEnabled": true },
            "LogConfiguration": {
                "LogDriver": "awslogs",
                "Options": {
                    "awslogs-group": draft.reference(names.log_group.clone()),
                    "awslogs-region": &site.place.region,
                    "awslogs-stream-prefix": name,
                    "mode": "non-blocking",
                },
            },
            "MountPoints": [{ "ContainerPath": "/tmp", "ReadOnly": false, "SourceVolume": "tmp" }],
            "PortMappings": port,
            "Privileged": false,
            "ReadonlyRootFilesystem": true,
            "User": NOBODY,
        }],
        "Cpu": cpu,
        "ExecutionRoleArn": draft.attribute(names.execution_role.clone(), "Arn"),
        "Memory": memory,
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "RuntimePlatform": { "CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX" },
        "TaskRoleArn": draft.attribute(names.task_role.clone(), "Arn"),
        "Volumes": [{ "Name": "tmp" }],
        "Tags": tags.list(),
    });
    draft.at(workload.size.span).add(names.task.clone(), "AWS::ECS::TaskDefinition", properties);
}

/// Where a workload finds what it uses, and its own settings, which win.
fn environment(site: &Site<'_>, workload: &Workload) -> Vec<Value> {
    let mut all: Vec<(SmolStr, Value)> = Vec::new();
    for used in &workload.uses {
        match used.target {
            Target::Store(store) => {
                let Some((stack, store)) = site.store(store) else { continue };
                let name = |what| naming::variable(store.name.value.as_str(), what);
                match &store.kind {
                    StoreKind::Bucket(_) => all.push((name("BUCKET"), bucket::name(stack, store))),
                    StoreKind::Table(_) => all.push((name("TABLE"), table::name(stack, store))),
                    StoreKind::Postgresql(_) => {
                        let endpoint = database::endpoint(stack, store);
                        all.push((name("HOST"), endpoint.host));
                        all.push((name("PORT"), endpoint.port));
                        all.push((name("DATABASE"), endpoint.database.into()));
                        all.push((name("USER"), database::user(&workload.name.value).into()));
                    }
                }
            }
            Target::Workload(other) => {
                let Some((_, other)) = site.workload(other) else { continue };
                let url = smol_str::format_smolstr!("https://{}", host(other));
                all.push((naming::variable(other.name.value.as_str(), "URL"), url.into()));
            }
        }
    }
    for (key, value) in &workload.settings {
        all.retain(|(name, _)| *name != key.value);
        all.push((key.value.clone(), Value::from(&value.value).spanned(value.span)));
    }
    all.into_iter().map(|(name, value)| value!({ "Name": name, "Value": value })).collect()
}

fn service(
    site: &Site<'_>,
    draft: &mut Draft,
    workload: &Workload,
    doors: &[Door],
    names: &Names,
    tags: &Tags,
) {
    draft.at(workload.span);
    let properties = value!({
        "CapacityProviders": ["FARGATE"],
        "ClusterSettings": [{ "Name": "containerInsights", "Value": "enabled" }],
        "Configuration": {
            "ManagedStorageConfiguration": { "FargateEphemeralStorageKmsKeyId": keys::workloads_key(site) },
        },
        "Tags": tags.list(),
    });
    draft.add(names.cluster.clone(), "AWS::ECS::Cluster", properties);
    let balancers: Vec<Value> = doors
        .iter()
        .map(|door| {
            value!({
                "ContainerName": workload.name.value.as_str(),
                "ContainerPort": i64::from(workload.port.value),
                "TargetGroupArn": draft.reference(door_id(workload, *door, "TargetGroup")),
            })
        })
        .collect();
    let Copies { least, most } = workload.copies.value;
    let properties = value!({
        "AvailabilityZoneRebalancing": "ENABLED",
        "Cluster": draft.reference(names.cluster.clone()),
        "DeploymentConfiguration": {
            "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
            "MaximumPercent": 200,
            "MinimumHealthyPercent": 100,
        },
        // Where load decides, scaling sets the number; saying it here would undo that at each update.
        "DesiredCount": (least == most).then_some(least),
        "EnableECSManagedTags": true,
        "EnableExecuteCommand": false,
        "HealthCheckGracePeriodSeconds": (!doors.is_empty()).then_some(60_i64),
        "LaunchType": "FARGATE",
        "LoadBalancers": (!balancers.is_empty()).then_some(balancers),
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "SecurityGroups": [access::workload_group(site, workload)],
                "Subnets": network::subnets(site, if site.leaves(workload) { Tier::Outbound } else { Tier::Application }),
            },
        },
        "PlatformVersion": "LATEST",
        "PropagateTags": "SERVICE",
        "TaskDefinition": draft.reference(names.task.clone()),
        "Tags": tags.list(),
    });
    draft.at(workload.copies.span);
    let made = draft.add(names.service.clone(), "AWS::ECS::Service", properties);
    for door in doors {
        made.after(door_id(workload, *door, "Listener"));
    }
    made.after(names.task_role.clone());
}

/// More copies when the processors are busy, fewer when they are not.
/// Source: Application Auto Scaling User Guide, "Amazon ECS and Application Auto Scaling".
fn scaling(draft: &mut Draft, workload: &Workload, names: &Names, tags: &Tags) {
    let Copies { least, most } = workload.copies.value;
    if least == most {
        return;
    }
    let id = |what| naming::id(workload.name.value.as_str(), what);
    let resource = Value::join([
        "service/".into(),
        draft.reference(names.cluster.clone()),
        "/".into(),
        draft.attribute(names.service.clone(), "Name"),
    ]);
    let properties = value!({
        "MaxCapacity": most,
        "MinCapacity": least,
        "ResourceId": resource,
        "ScalableDimension": "ecs:service:DesiredCount",
        "ServiceNamespace": "ecs",
        "Tags": tags.list(),
    });
    draft.add(id("Scaling"), "AWS::ApplicationAutoScaling::ScalableTarget", properties);
    let properties = value!({
        "PolicyName": "Processors",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": draft.reference(id("Scaling")),
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
            "TargetValue": 60,
        },
    });
    draft.add(id("ScalingPolicy"), "AWS::ApplicationAutoScaling::ScalingPolicy", properties);
}
