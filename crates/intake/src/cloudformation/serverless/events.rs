//! What makes a function run: the resources behind `Events`.

use document::{Entry, Kind, Node};

use super::Expansion;
use super::function::{Target, service_role};
use super::node::{Written, attribute, entry, literal, literal_text, node, reference};

/// What an event adds to a bucket.
pub struct Notification {
    configuration: Vec<Node>,
    permission: String,
}

/// Event sources that are polled: type, the property with the source's ARN, the managed policy of the role.
const POLLED: &[(&str, &str, Option<&str>)] = &[
    ("SQS", "Queue", Some("AWSLambdaSQSQueueExecutionRole")),
    ("Kinesis", "Stream", Some("AWSLambdaKinesisExecutionRole")),
    ("DynamoDB", "Stream", Some("AWSLambdaDynamoDBExecutionRole")),
    ("MSK", "Stream", Some("AWSLambdaMSKExecutionRole")),
    ("MQ", "Broker", None),
    ("DocumentDB", "Cluster", None),
];

/// Properties of a polled source that the mapping has under the same name.
const MAPPING: &[&str] = &[
    "AmazonManagedKafkaEventSourceConfig",
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "KmsKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "ProvisionedPollerConfig",
    "Queues",
    "ScalingConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "TumblingWindowInSeconds",
];

impl Expansion<'_, '_, '_> {
    pub(super) fn event(&mut self, target: &mut Target<'_>, event: &Entry) {
        let id = format!("{}{}", target.source.id, event.key.text);
        let kind = event.value.get("Type").and_then(literal).unwrap_or_default();
        let properties = event.value.get("Properties");
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        match kind {
            "Api" => self.api_event(target, event, properties),
            "HttpApi" => self.http_api_event(target, event, properties),
            "Schedule" | "EventBridgeRule" | "CloudWatchEvent" => self.rule(target, &id, properties),
            "ScheduleV2" => self.schedule(target, &id, properties),
            "SNS" if get("SqsSubscription").is_none() => self.topic(target, &id, properties),
            "S3" => self.bucket(target, &id, event, properties),
            "CloudWatchLogs" => {
                let group = get("LogGroupName").cloned();
                let source_arn = group.clone().map(|group| {
                    node!({ "Fn::Sub": [
                        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*",
                        { "__LogGroupName__": group }
                    ] })
                });
                self.invoke(target, &format!("{id}Permission"), "logs.amazonaws.com", source_arn);
                let mut filter = vec![entry("DestinationArn", target.arn())];
                filter.extend(group.map(|group| entry("LogGroupName", group)));
                filter.extend(get("FilterPattern").map(|pattern| entry("FilterPattern", pattern.clone())));
                let made = node!({
                    "Type": "AWS::Logs::SubscriptionFilter",
                    "DependsOn": [(format!("{id}Permission"))],
                    "Properties": filter,
                    "Condition": (target.source.condition.as_ref())
                });
                self.push(target.source, &id, made);
            }
            "AlexaSkill" => self.invoke(target, &format!("{id}Permission"), "alexa-appkit.amazon.com", None),
            "IoTRule" => {
                let arn = node!({ "Fn::Sub": [
                    "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:rule/${RuleName}",
                    { "RuleName": (reference(&id)) }
                ] });
                self.invoke(target, &format!("{id}Permission"), "iot.amazonaws.com", Some(arn));
                let payload = node!({
                    "Actions": [{ "Lambda": { "FunctionArn": (target.arn()) } }],
                    "RuleDisabled": false,
                    "Sql": (get("Sql")),
                    "AwsIotSqlVersion": (get("AwsIotSqlVersion"))
                });
                let properties = vec![entry("TopicRulePayload", payload)];
                self.add(target.source, &id, "AWS::IoT::TopicRule", properties);
            }
            _ => match POLLED.iter().find(|(known, ..)| *known == kind) {
                Some((_, source, policy)) => self.mapping(target, &id, properties, source, *policy),
                None => self.not_expanded(target.source, event.key.span, &format!("events of type {kind}")),
            },
        }
    }

    /// Permission for a service to invoke the function.
    pub(super) fn invoke(&mut self, target: &Target<'_>, id: &str, principal: &str, arn: Option<Node>) {
        let properties = vec![
            ("Action", "lambda:InvokeFunction".written()),
            ("FunctionName", Some(target.name())),
            ("Principal", principal.written()),
            ("SourceArn", arn),
        ];
        self.permission(target.source, id, properties);
    }

    fn rule(&mut self, target: &Target<'_>, id: &str, properties: Option<&Node>) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let mut rule = Vec::new();
        for (sam, own) in [
            ("Schedule", "ScheduleExpression"),
            ("Pattern", "EventPattern"),
            ("EventBusName", "EventBusName"),
            ("Name", "Name"),
            ("RuleName", "Name"),
            ("Description", "Description"),
            ("State", "State"),
        ] {
            rule.extend(get(sam).map(|node| entry(own, node.clone())));
        }
        if let Some(enabled) = get("Enabled").and_then(literal_text) {
            let state = if enabled.eq_ignore_ascii_case("true") { "ENABLED" } else { "DISABLED" };
            rule.extend(state.written().map(|state| entry("State", state)));
        }
        let queue = get("DeadLetterConfig").and_then(|config| config.get("Arn"));
        let name = get("Target").and_then(|target| target.get("Id")).cloned();
        let made = node!({
            "Arn": (target.arn()),
            "Id": (name.or_else(|| format!("{id}LambdaTarget").written())),
            "Input": (get("Input")),
            "InputPath": (get("InputPath")),
            "InputTransformer": (get("InputTransformer")),
            "RetryPolicy": (get("RetryPolicy")),
            "DeadLetterConfig": (queue.map(|arn| node!({ "Arn": arn })))
        });
        rule.push(entry("Targets", node!([made])));
        self.add(target.source, id, "AWS::Events::Rule", rule);
        self.invoke(target, &format!("{id}Permission"), "events.amazonaws.com", Some(attribute(id, "Arn")));
        if get("DeadLetterConfig").is_some() && queue.is_none() {
            self.not_expanded(target.source, target.source.span, "dead-letter queues without an ARN");
        }
    }

    fn schedule(&mut self, target: &Target<'_>, id: &str, properties: Option<&Node>) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let role = format!("{id}Role");
        let mut schedule = Vec::new();
        for name in [
            "Description",
            "EndDate",
            "GroupName",
            "KmsKeyArn",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
        ] {
            schedule.extend(get(name).map(|node| entry(name, node.clone())));
        }
        let window = get("FlexibleTimeWindow").cloned().unwrap_or_else(|| node!({ "Mode": "OFF" }));
        schedule.push(entry("FlexibleTimeWindow", window));
        let made = node!({
            "Arn": (target.arn()),
            "RoleArn": (get("RoleArn").cloned().unwrap_or_else(|| attribute(&role, "Arn"))),
            "Input": (get("Input")),
            "RetryPolicy": (get("RetryPolicy"))
        });
        schedule.push(entry("Target", made));
        self.add(target.source, id, "AWS::Scheduler::Schedule", schedule);
        if get("RoleArn").is_none() {
            let mut properties = vec![
                entry(
                    "AssumeRolePolicyDocument",
                    node!({
                        "Version": "2012-10-17",
                        "Statement": [{
                            "Action": ["sts:AssumeRole"], "Effect": "Allow",
                            "Principal": { "Service": ["scheduler.amazonaws.com"] }
                        }]
                    }),
                ),
                entry(
                    "Policies",
                    node!([{
                        "PolicyName": (format!("{id}LambdaPolicy")),
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [{ "Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": (target.arn()) }]
                        }
                    }]),
                ),
            ];
            properties
                .extend(get("PermissionsBoundary").map(|node| entry("PermissionsBoundary", node.clone())));
            self.add(target.source, &role, "AWS::IAM::Role", properties);
        }
    }

    fn topic(&mut self, target: &Target<'_>, id: &str, properties: Option<&Node>) {
        let topic = properties.and_then(|properties| properties.get("Topic")).cloned();
        let mut subscription = vec![entry("Endpoint", target.arn())];
        subscription.extend("lambda".written().map(|protocol| entry("Protocol", protocol)));
        subscription.extend(topic.clone().map(|topic| entry("TopicArn", topic)));
        for name in ["FilterPolicy", "FilterPolicyScope", "Region", "RedrivePolicy"] {
            let given = properties.and_then(|properties| properties.get(name));
            subscription.extend(given.map(|node| entry(name, node.clone())));
        }
        self.add(target.source, id, "AWS::SNS::Subscription", subscription);
        self.invoke(target, &format!("{id}Permission"), "sns.amazonaws.com", topic);
    }

    fn mapping(
        &mut self,
        target: &mut Target<'_>,
        id: &str,
        properties: Option<&Node>,
        source: &str,
        policy: Option<&str>,
    ) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let mut mapping = vec![entry("FunctionName", target.name())];
        mapping.extend(get(source).map(|arn| entry("EventSourceArn", arn.clone())));
        for name in MAPPING {
            mapping.extend(get(name).map(|node| entry(*name, node.clone())));
        }
        self.add(target.source, id, "AWS::Lambda::EventSourceMapping", mapping);
        match policy {
            Some(policy) => target.managed.push(service_role(policy)),
            None => self.not_expanded(
                target.source,
                target.source.span,
                "the role's permissions for this event source",
            ),
        }
    }

    fn bucket(&mut self, target: &Target<'_>, id: &str, event: &Entry, properties: Option<&Node>) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let permission = format!("{id}Permission");
        let made = vec![
            ("Action", "lambda:InvokeFunction".written()),
            ("FunctionName", Some(target.name())),
            ("Principal", "s3.amazonaws.com".written()),
            ("SourceAccount", Some(reference("AWS::AccountId"))),
        ];
        self.permission(target.source, &permission, made);
        let named = get("Bucket").and_then(|bucket| match (&bucket.kind, bucket.tag.as_deref()) {
            (Kind::String(id), Some("!Ref")) => Some(id.clone()),
            _ => bucket.get("Ref").and_then(literal_text),
        });
        let Some(bucket) = named.filter(|id| self.kinds.contains_key(id)) else {
            return self.not_expanded(
                target.source,
                event.key.span,
                "events of buckets that the template does not declare",
            );
        };
        let names = match get("Events").map(|events| (&events.kind, events)) {
            Some((Kind::List(items), _)) => items.clone(),
            Some((_, one)) => vec![one.clone()],
            None => Vec::new(),
        };
        let filter = get("Filter");
        let configuration =
            names.iter().map(|name| node!({ "Event": name, "Filter": filter, "Function": (target.arn()) }));
        let notification = Notification { configuration: configuration.collect(), permission };
        self.notifications.entry(bucket).or_default().push(notification);
    }

    /// Puts what functions listen to into the buckets of the template.
    pub(super) fn notify_buckets(&mut self) {
        for (bucket, notifications) in std::mem::take(&mut self.notifications) {
            let Some(entry_of) = self.out.iter_mut().find(|entry| entry.key.text == bucket) else { continue };
            let permissions: Vec<Node> =
                notifications.iter().filter_map(|one| one.permission.as_str().written()).collect();
            let configurations: Vec<Node> =
                notifications.into_iter().flat_map(|one| one.configuration).collect();
            let Kind::Map(attributes) = &mut entry_of.value.kind else { continue };
            append(attributes, "DependsOn", permissions);
            let properties = child(attributes, "Properties");
            if let Some(notification) = properties.and_then(|all| child(all, "NotificationConfiguration")) {
                append(notification, "LambdaConfigurations", configurations);
            }
        }
    }
}

/// The entries of the mapping under `key`, made where there is none. What is no mapping of its own gives way:
/// SAM refuses such a template.
fn child<'e>(parent: &'e mut Vec<Entry>, key: &'static str) -> Option<&'e mut Vec<Entry>> {
    if !parent.iter().any(|entry| entry.key.text == key) {
        parent.push(entry(key, node!({})));
    }
    let slot = &mut parent.iter_mut().find(|entry| entry.key.text == key)?.value;
    if !matches!(slot.kind, Kind::Map(_)) || slot.tag.is_some() {
        *slot = node!({});
    }
    match &mut slot.kind {
        Kind::Map(entries) => Some(entries),
        _ => None,
    }
}

/// Appends items to the list under `key`; a single value becomes its first item.
fn append(parent: &mut Vec<Entry>, key: &'static str, items: Vec<Node>) {
    match parent.iter_mut().find(|entry| entry.key.text == key) {
        Some(known) => {
            let mut all = match std::mem::replace(&mut known.value.kind, Kind::Null) {
                Kind::List(items) => items,
                kind => vec![Node { span: known.value.span, tag: known.value.tag.take(), kind }],
            };
            all.extend(items);
            known.value.kind = Kind::List(all);
        }
        None => parent.extend(items.written().map(|items| entry(key, items))),
    }
}

/// The address of an API's invocations, for permissions.
pub fn execution(path: &str, api: Node) -> Node {
    let text = format!(
        "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/*/{path}"
    );
    node!({ "Fn::Sub": [text, { "__ApiId__": api }] })
}
