//! `AWS::Serverless::Function`: the function, its role, version, alias and address.

use document::{Entry, Kind, Node};

use super::node::{
    Written, alphanumeric, attribute, entries, entry, literal, may_be_absent, node, reference, sub, unknown,
};
use super::{Expansion, Source};

/// Properties that the function has under the same name.
const SAME: &[&str] = &[
    "Architectures",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "FunctionName",
    "Handler",
    "ImageConfig",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "Runtime",
    "RuntimeManagementConfig",
    "SnapStart",
    "TenancyConfig",
    "Timeout",
    "VpcConfig",
];

/// Properties that become something else.
const HANDLED: &[&str] = &[
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeUri",
    "DeadLetterQueue",
    "DeploymentPreference",
    "EventInvokeConfig",
    "Events",
    "FunctionUrlConfig",
    "ImageUri",
    "InlineCode",
    "PermissionsBoundary",
    "Policies",
    // Only tags that the transform itself makes.
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "Role",
    "RolePath",
    "Tags",
    "Tracing",
    "VersionDescription",
];

/// What events use of the function they belong to.
pub struct Target<'a> {
    pub source: &'a Source,
    /// The resource that is invoked: the alias where there is one.
    pub invoked: String,
    /// Managed policies that event sources add to the role.
    pub managed: Vec<Node>,
}

impl Target<'_> {
    /// What identifies the function in a permission.
    pub fn name(&self) -> Node {
        reference(&self.invoked)
    }

    /// The ARN to invoke.
    pub fn arn(&self) -> Node {
        if self.invoked == self.source.id {
            attribute(&self.invoked, "Arn")
        } else {
            reference(&self.invoked)
        }
    }
}

impl Expansion<'_, '_, '_> {
    pub(super) fn function(&mut self, source: &Source) {
        let id = source.id.as_str();
        let mut properties = source.copied(SAME);
        properties.push(entry("Code", code(source)));
        properties.extend(tags(source.get("Tags"), Some("lambda:createdBy")).map(|tags| entry("Tags", tags)));
        if let Some(mode) = source.get("Tracing") {
            properties.push(entry("TracingConfig", node!({ "Mode": mode })));
        }
        if let Some(target) = source.get("DeadLetterQueue").and_then(|queue| queue.get("TargetArn")) {
            properties.push(entry("DeadLetterConfig", node!({ "TargetArn": target })));
        }
        let role = source.get("Role").cloned();
        let role_id = format!("{id}Role");
        properties.push(entry("Role", role.clone().unwrap_or_else(|| attribute(&role_id, "Arn"))));
        self.add_main(source, "AWS::Lambda::Function", properties);
        let invoked = self.alias(source).unwrap_or_else(|| id.to_owned());
        let mut target = Target { source, invoked, managed: Vec::new() };
        for event in entries(source.get("Events")) {
            self.event(&mut target, event);
        }
        self.url(&target);
        self.invoke_config(&target);
        if role.is_none() {
            self.role(source, &role_id, "lambda.amazonaws.com", target.managed);
        } else if role.as_ref().is_some_and(may_be_absent) {
            self.not_expanded(source, source.span, "roles that are made where a condition gives none");
        }
        self.report_given(source, &["DeploymentPreference"]);
        self.report_others(source, &[SAME, HANDLED]);
        if let Some(config) = source.get("ProvisionedConcurrencyConfig") {
            self.not_expanded(source, config.span, "provisioned concurrencies");
        }
    }

    /// The version and the alias; the alias' logical id.
    fn alias(&mut self, source: &Source) -> Option<String> {
        let name = source.get("AutoPublishAlias")?;
        let suffix = literal(name).map(alphanumeric);
        let (version, alias) =
            (format!("{}Version", source.id), format!("{}Alias{}", source.id, suffix.unwrap_or_default()));
        self.scope.aliases.insert(format!("{}.Version", source.id).into(), version.as_str().into());
        self.scope.aliases.insert(format!("{}.Alias", source.id).into(), alias.as_str().into());
        let made = node!({
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "Retain",
            "Properties": { "FunctionName": (reference(&source.id)), "Description": (source.get("VersionDescription")) },
            "Condition": (source.condition.as_ref())
        });
        self.push(source, &version, made);
        let properties = vec![
            entry("FunctionName", reference(&source.id)),
            entry("FunctionVersion", attribute(&version, "Version")),
            entry("Name", name.clone()),
        ];
        self.add(source, &alias, "AWS::Lambda::Alias", properties);
        Some(alias)
    }

    fn url(&mut self, target: &Target<'_>) {
        let source = target.source;
        let Some(config) = source.get("FunctionUrlConfig") else { return };
        let id = &source.id;
        let mut properties = vec![entry("TargetFunctionArn", target.name())];
        for name in ["AuthType", "Cors", "InvokeMode"] {
            properties.extend(config.get(name).map(|node| entry(name, node.clone())));
        }
        self.add(source, &format!("{id}Url"), "AWS::Lambda::Url", properties);
        match config.get("AuthType").map(literal) {
            Some(Some("AWS_IAM")) => {}
            Some(Some(_)) => {
                let properties = vec![
                    ("Action", "lambda:InvokeFunctionUrl".written()),
                    ("FunctionName", Some(target.name())),
                    ("FunctionUrlAuthType", "NONE".written()),
                    ("Principal", "*".written()),
                ];
                self.permission(source, &format!("{id}UrlPublicPermissions"), properties);
                let properties = vec![
                    ("Action", "lambda:InvokeFunction".written()),
                    ("FunctionName", Some(target.name())),
                    ("InvokedViaFunctionUrl", true.written()),
                    ("Principal", "*".written()),
                ];
                self.permission(source, &format!("{id}URLInvokeAllowPublicAccess"), properties);
            }
            _ => self.not_expanded(
                source,
                config.span,
                "permissions of function addresses whose `AuthType` is not literal",
            ),
        }
    }

    /// Adds a permission to invoke a function.
    pub(super) fn permission(&mut self, source: &Source, id: &str, properties: Vec<(&str, Option<Node>)>) {
        let properties = properties.into_iter().filter_map(|(key, value)| Some(entry(key, value?))).collect();
        self.add(source, id, "AWS::Lambda::Permission", properties);
    }

    fn invoke_config(&mut self, target: &Target<'_>) {
        let source = target.source;
        let Some(config) = source.get("EventInvokeConfig") else { return };
        let qualifier = if target.invoked == source.id {
            "$LATEST".written()
        } else {
            source.get("AutoPublishAlias").cloned()
        };
        let mut properties = vec![entry("FunctionName", reference(&source.id))];
        properties.extend(qualifier.map(|qualifier| entry("Qualifier", qualifier)));
        for name in ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"] {
            properties.extend(config.get(name).map(|node| entry(name, node.clone())));
        }
        if let Some(destinations) = config.get("DestinationConfig") {
            let mut out = Vec::new();
            for one in entries(Some(destinations)) {
                match one.value.get("Destination") {
                    Some(to) if !may_be_absent(to) => {
                        out.push(entry(one.key.text.clone(), node!({ "Destination": to })))
                    }
                    // SAM makes a queue or topic where no destination is given.
                    _ => self.not_expanded(source, one.value.span, "destinations without an ARN"),
                }
            }
            properties.extend(out.written().map(|config| entry("DestinationConfig", config)));
        }
        self.add(
            source,
            &format!("{}EventInvokeConfig", source.id),
            "AWS::Lambda::EventInvokeConfig",
            properties,
        );
    }

    /// The role that SAM makes where none is given.
    pub(super) fn role(&mut self, source: &Source, id: &str, service: &str, more: Vec<Node>) {
        let trust = source.get("AssumeRolePolicyDocument").cloned().unwrap_or_else(|| {
            node!({
                "Version": "2012-10-17",
                "Statement": [{ "Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": { "Service": [service] } }]
            })
        });
        let mut managed = Vec::new();
        if service == "lambda.amazonaws.com" {
            managed.push(service_role("AWSLambdaBasicExecutionRole"));
            if source.get("VpcConfig").is_some() {
                managed.push(service_role("AWSLambdaVPCAccessExecutionRole"));
            }
        }
        if source
            .get("Tracing")
            .is_some_and(|mode| mode.as_map().is_some() || literal(mode) == Some("Active"))
        {
            managed.push(sub("arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"));
        }
        managed.extend(more);
        let mut inline = Vec::new();
        if let Some(target) = source.get("DeadLetterQueue") {
            let action = match target.get("Type").and_then(literal) {
                Some("SNS") => "sns:Publish",
                _ => "sqs:SendMessage",
            };
            inline.push(node!({
                "PolicyName": "DeadLetterQueuePolicy",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{ "Effect": "Allow", "Action": action, "Resource": (target.get("TargetArn")) }]
                }
            }));
        }
        self.policies(source, id, &mut managed, &mut inline);
        let mut properties = vec![entry("AssumeRolePolicyDocument", trust)];
        properties.extend(managed.written().map(|managed| entry("ManagedPolicyArns", managed)));
        if !inline.is_empty() {
            properties.extend(inline.written().map(|inline| entry("Policies", inline)));
        }
        properties
            .extend(source.get("PermissionsBoundary").map(|node| entry("PermissionsBoundary", node.clone())));
        properties.extend(source.get("RolePath").map(|node| entry("Path", node.clone())));
        let created =
            if service == "lambda.amazonaws.com" { "lambda:createdBy" } else { "stateMachine:createdBy" };
        properties.extend(tags(source.get("Tags"), Some(created)).map(|tags| entry("Tags", tags)));
        self.add(source, id, "AWS::IAM::Role", properties);
    }
}

/// A managed policy for the roles of services.
pub fn service_role(name: &str) -> Node {
    sub(&format!("arn:${{AWS::Partition}}:iam::aws:policy/service-role/{name}"))
}

/// Tags as a list; SAM writes them as a mapping and adds one that says who made the resource.
pub fn tags(given: Option<&Node>, created: Option<&str>) -> Option<Node> {
    let mut out: Vec<Node> = created.map(|key| node!({ "Key": key, "Value": "SAM" })).into_iter().collect();
    match given {
        None => {}
        Some(node) => match &node.kind {
            Kind::Map(all) if node.tag.is_none() => {
                out.extend(all.iter().map(|one| node!({ "Key": (&one.key.text), "Value": (&one.value) })));
            }
            _ => return Some(node.clone()),
        },
    }
    if out.is_empty() { None } else { out.written() }
}

fn code(source: &Source) -> Node {
    if let Some(inline) = source.get("InlineCode") {
        return node!({ "ZipFile": inline });
    }
    if let Some(image) = source.get("ImageUri") {
        return node!({ "ImageUri": image });
    }
    location(source.get("CodeUri"))
}

/// Where code or content lies in S3. A local path is uploaded when the template is packaged, nobody knows yet
/// where to.
pub fn location(uri: Option<&Node>) -> Node {
    let Some(uri) = uri else { return unknown("CodeUri") };
    if let Some(address) = literal(uri).and_then(|uri| uri.strip_prefix("s3://"))
        && let Some((bucket, key)) = address.split_once('/')
    {
        let (key, version) =
            key.split_once("?versionId=").map_or((key, None), |(key, version)| (key, Some(version)));
        return node!({ "S3Bucket": bucket, "S3Key": key, "S3ObjectVersion": version });
    }
    let given: &[Entry] = entries(Some(uri));
    if given.iter().any(|one| one.key.text == "Bucket") {
        return node!({ "S3Bucket": (uri.get("Bucket")), "S3Key": (uri.get("Key")), "S3ObjectVersion": (uri.get("Version")) });
    }
    unknown("CodeUri")
}
