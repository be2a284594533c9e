//! Access and flow logs arrive: the bucket or log group they are sent to takes them.
//!
//! Sources: Amazon S3 User Guide, "Enabling Amazon S3 server access logging" (same account and Region, default
//! encryption with S3's keys only, no default retention; `logging.s3.amazonaws.com` may put objects, or the ACL
//! `log-delivery-write` on a bucket with ACLs); Amazon VPC User Guide, "IAM role for publishing flow logs to
//! CloudWatch Logs", "Amazon S3 bucket permissions for flow logs"; Elastic Load Balancing User Guides, "Enable access
//! logs" (`logdelivery.elasticloadbalancing.amazonaws.com`, for Network Load Balancers `delivery.logs.amazonaws.com`;
//! Application and Classic Load Balancers write to buckets encrypted with S3's keys only); Amazon CloudFront Developer
//! Guide, "Configure standard logging (legacy)" (the bucket must have ACLs enabled).

use estate::{Kind, ResourceRef, Value};

use crate::delivery::{Answer, ResourcePolicies, account_of, arn_of, key_allows, service_context};
use crate::identity::RolePolicies;
use crate::log_buckets::bucket_named;
use crate::lookup::named;
use crate::policy::{Decision, Principal, Request, decide};
use crate::text::{Token, literal, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "logs-delivered",
    title: "every access log and flow log may be written where it is sent",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/logs-delivered.md"),
    check,
};

const S3: &str = "logging.s3.amazonaws.com";
const VENDED: &str = "delivery.logs.amazonaws.com";
const BALANCER: &str = "logdelivery.elasticloadbalancing.amazonaws.com";
const FLOW_LOGS: &str = "vpc-flow-logs.amazonaws.com";

/// What the checks look up.
struct Wires<'a, 'f> {
    facts: &'f Facts<'a>,
    buckets: ResourcePolicies<'a>,
    roles: RolePolicies<'a>,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let wires = Wires { facts, buckets: ResourcePolicies::of_buckets(facts), roles: RolePolicies::of(facts) };
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        if !Setting::of(bucket.resource, &["LoggingConfiguration"]).is_absent() {
            tell(bucket, wires.server_access(bucket), findings);
        }
    }
    for &log in facts.index.of_kind("AWS::EC2::FlowLog") {
        tell(log, wires.flow_log(log), findings);
    }
    for &balancer in facts.index.of_kind("AWS::ElasticLoadBalancingV2::LoadBalancer") {
        if let Some(answer) = wires.balancer(balancer) {
            tell(balancer, answer, findings);
        }
    }
    for &balancer in facts.index.of_kind("AWS::ElasticLoadBalancing::LoadBalancer") {
        let policy = balancer.resource.properties.get("AccessLoggingPolicy");
        let Some(policy) =
            policy.filter(|policy| policy.get("Enabled").and_then(Value::as_bool) != Some(false))
        else {
            continue;
        };
        let answer = wires.balancer_bucket(
            balancer,
            policy.get("S3BucketName"),
            policy.get("S3BucketPrefix"),
            BALANCER,
        );
        tell(balancer, answer, findings);
    }
    for &distribution in facts.index.of_kind("AWS::CloudFront::Distribution") {
        let logging = Setting::of(distribution.resource, &["DistributionConfig", "Logging", "Bucket"]);
        if !logging.is_absent() {
            tell(distribution, Answer::each(&logging, |value| wires.distribution(value)), findings);
        }
    }
}

fn tell(subject: ResourceRef<'_>, answer: Answer, findings: &mut Findings) {
    let finding = match answer.judgement {
        Judgement::Holds => return findings.proved(subject),
        Judgement::Fails { span, found } => {
            let finding = findings.violated(subject, span, format!("its logs do not arrive: {found}"));
            finding.fix("let the service write: its principal, s3:PutObject (or the log group's actions), on the path the logs go to");
            finding
        }
        Judgement::Unknown { span, because } => {
            findings.unknown(subject, span, format!("whether its logs arrive cannot be known: {because}"))
        }
    };
    finding.witness = answer.witness;
    for (span, label) in answer.related {
        finding.related(span, label);
    }
}

/// Says which bucket does not let which service in.
fn by_bucket(mut answer: Answer, bucket: ResourceRef<'_>, service: &str) -> Answer {
    if let Judgement::Fails { found, .. } = &mut answer.judgement {
        *found = format!("bucket `{}` does not let {service} write ({found})", bucket.id);
    }
    answer
}

/// A bucket that is not in the estate.
fn outside(value: &Value) -> Answer {
    let because = format!("the bucket, {}, is not in this estate", value.describe());
    Judgement::Unknown { span: value.span, because }.into()
}

/// The kind of a bucket's default encryption: S3's keys, or a key of AWS KMS.
fn encryption<'a>(bucket: ResourceRef<'a>) -> Setting<'a> {
    let path = [
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        "*",
        "ServerSideEncryptionByDefault",
        "SSEAlgorithm",
    ];
    Setting::of(bucket.resource, &path)
}

/// Holds where a bucket is encrypted with S3's keys, which it is without setting.
fn encrypted_by_s3(bucket: ResourceRef<'_>, who: &str) -> Judgement {
    let judgement = encryption(bucket).literal(true, |value| value.as_str() == Some("AES256"));
    match judgement {
        Judgement::Fails { span, .. } => Judgement::Fails {
            span,
            found: format!(
                "{who} cannot write to a bucket that is encrypted under a KMS key (`{}`)",
                bucket.id
            ),
        },
        other => other,
    }
}

impl<'a> Wires<'a, '_> {
    fn server_access(&self, source: ResourceRef<'a>) -> Answer {
        let destination = Setting::of(source.resource, &["LoggingConfiguration", "DestinationBucketName"]);
        Answer::each(&destination, |value| {
            let bucket = match value {
                None => source,
                Some(value) => match bucket_named(self.facts, value) {
                    Some(bucket) => bucket,
                    None => return outside(value),
                },
            };
            self.server_access_to(source, bucket)
        })
    }

    fn server_access_to(&self, source: ResourceRef<'a>, bucket: ResourceRef<'a>) -> Answer {
        let span = source
            .resource
            .properties
            .get("LoggingConfiguration")
            .map_or(source.resource.origin.span, |value| value.span);
        let elsewhere = match (&source.stack.region, &bucket.stack.region) {
            _ if source.stack.account != bucket.stack.account => Some("account"),
            (Some(a), Some(b)) if a != b => Some("Region"),
            _ => None,
        };
        if let Some(what) = elsewhere {
            let found =
                format!("`{}` is in another {what}, where S3 does not deliver server access logs", bucket.id);
            return Judgement::Fails { span, found }.into();
        }
        let retention =
            Setting::of(bucket.resource, &["ObjectLockConfiguration", "Rule", "DefaultRetention"]);
        let unlocked = retention.judge(|value| match value {
            None => Judgement::Holds,
            Some(value) if value.as_map().is_some() => Judgement::Fails {
                span: value.span,
                found: format!("S3 does not deliver to a bucket with default retention (`{}`)", bucket.id),
            },
            Some(value) => Judgement::unknown(value),
        });
        let fits = encrypted_by_s3(bucket, "S3's log delivery").and(|| unlocked);
        let mut object = [arn_of(self.facts, bucket, "Arn"), literal("/")].concat();
        if let Some(prefix) = source.resource.properties.get_path(&["LoggingConfiguration", "LogFilePrefix"])
        {
            object.extend(tokens(self.facts.estate, prefix));
        }
        object.push(Token::Symbol("date".into()));
        let context = service_context(self.facts, S3, source, arn_of(self.facts, source, "Arn"));
        let request =
            Request { principal: Principal::Service(S3), action: "s3:PutObject", resource: object, context };
        Answer::from(fits).and(|| {
            let by_policy = self.buckets.allow(self.facts, bucket, source, &request);
            // A denial holds against an ACL as well.
            let denied =
                matches!(&by_policy.judgement, Judgement::Fails { found, .. } if found.contains("denies"));
            by_bucket(if denied { by_policy } else { by_policy.or(|| delivery_acl(bucket)) }, bucket, S3)
        })
    }

    fn flow_log(&self, log: ResourceRef<'a>) -> Answer {
        let kind = Setting::of(log.resource, &["LogDestinationType"]);
        Answer::each(&kind, |kind| match kind.map(|kind| (kind, kind.as_str())) {
            None | Some((_, Some("cloud-watch-logs"))) => self.flow_log_to_group(log),
            Some((_, Some("s3"))) => match log.resource.properties.get("LogDestination") {
                Some(value) => match bucket_named(self.facts, value) {
                    Some(bucket) => self.flow_log_to_bucket(log, bucket),
                    None => outside(value),
                },
                None => Judgement::missing(log.resource).into(),
            },
            Some((kind, _)) => Judgement::Unknown {
                span: kind.span,
                because: format!("delivery by {} is not modelled", kind.describe()),
            }
            .into(),
        })
    }

    fn flow_log_to_group(&self, log: ResourceRef<'a>) -> Answer {
        let properties = &log.resource.properties;
        let Some(arn) = properties.get("DeliverLogsPermissionArn") else {
            let found = "it has no role to write to CloudWatch Logs with".to_owned();
            return Judgement::Fails { span: log.resource.origin.span, found }.into();
        };
        let role = match named(self.facts, "AWS::IAM::Role", arn) {
            Ok(role) => role,
            Err(because) => {
                return Judgement::Unknown {
                    span: arn.span,
                    because: format!("its role is not known: {because}"),
                }
                .into();
            }
        };
        let group = properties.get("LogGroupName").or_else(|| properties.get("LogDestination"));
        let found = group.and_then(|group| self.facts.index.named("AWS::Logs::LogGroup", group));
        let mut stream = match (found, group) {
            (Some(found), _) => arn_of(self.facts, found, "Arn"),
            (None, Some(group)) => [
                literal("arn:aws:logs:"),
                vec![Token::Unknown("place".into())],
                literal(":log-group:"),
                tokens(self.facts.estate, group),
            ]
            .concat(),
            (None, None) => return Judgement::missing(log.resource).into(),
        };
        while matches!(stream.last(), Some(Token::Char('*' | ':'))) {
            stream.pop();
        }
        stream.extend(literal(":log-stream:"));
        stream.push(Token::Symbol("interface".into()));
        let related = vec![(role.resource.origin.span, "its role".to_owned())];
        let mut all = self.trusted(role, log);
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            let request = Request {
                principal: Principal::Bearer,
                action,
                resource: stream.clone(),
                context: Vec::new(),
            };
            all = all.and(|| {
                let judgement = match self.roles.role_may(self.facts, role, &request) {
                    Judgement::Fails { span, found } => {
                        Judgement::Fails { span, found: format!("its role may not {action}: {found}") }
                    }
                    other => other,
                };
                judgement.into()
            });
        }
        Answer { related, ..all }
    }

    /// Whether the flow log's service may assume its role.
    fn trusted(&self, role: ResourceRef<'a>, log: ResourceRef<'a>) -> Answer {
        let context = service_context(self.facts, FLOW_LOGS, log, vec![Token::Unknown("flow log".into())]);
        let request = Request {
            principal: Principal::Service(FLOW_LOGS),
            action: "sts:AssumeRole",
            resource: Vec::new(),
            context,
        };
        Answer::each(&Setting::of(role.resource, &["AssumeRolePolicyDocument"]), |document| {
            let judgement = match document.map(|document| (document, &document.kind)) {
                Some((document, Kind::Map(_))) => match decide(self.facts.estate, document, &request) {
                    Decision::Allowed(_) => Judgement::Holds,
                    Decision::Denied(span) => {
                        Judgement::Fails { span, found: "its role's trust policy denies flow logs".into() }
                    }
                    Decision::NotAllowed => Judgement::Fails {
                        span: document.span,
                        found: "its role's trust policy does not name flow logs".into(),
                    },
                    Decision::Unknown(span, because) => Judgement::Unknown { span, because },
                },
                Some((document, _)) => Judgement::unknown(document),
                None => Judgement::missing(role.resource),
            };
            judgement.into()
        })
    }

    fn flow_log_to_bucket(&self, log: ResourceRef<'a>, bucket: ResourceRef<'a>) -> Answer {
        let mut object = [arn_of(self.facts, bucket, "Arn"), literal("/")].concat();
        // What follows the bucket's name in the ARN is a folder.
        let last = match log.resource.properties.get("LogDestination").map(|value| &value.kind) {
            Some(Kind::Join(pieces)) => pieces.last().and_then(Value::as_str),
            _ => None,
        };
        if let Some(folder) = last.and_then(|text| text.strip_prefix('/')) {
            object.extend(literal(folder.trim_end_matches('/')));
            object.extend(literal("/"));
        }
        object.extend(literal("AWSLogs/"));
        object.extend(account_of(self.facts, log.stack_id));
        object.extend(literal("/vpcflowlogs/log.gz"));
        let source = vec![Token::Unknown("flow log".into())];
        let mut context = service_context(self.facts, VENDED, log, source);
        context.push(("s3:x-amz-acl", literal("bucket-owner-full-control")));
        let request = Request {
            principal: Principal::Service(VENDED),
            action: "s3:PutObject",
            resource: object,
            context,
        };
        let answer = self.buckets.allow(self.facts, bucket, log, &request).and(|| self.key_of(bucket, log));
        match answer.judgement {
            // AWS adds the statement to the bucket's policy itself, where whoever deploys may change that.
            Judgement::Fails { span, found } if !found.contains("denies") && !found.contains("key") => {
                Judgement::Unknown {
                    span,
                    because: format!(
                        "{found}; AWS adds the statement if whoever deploys may change the bucket's policy"
                    ),
                }
                .into()
            }
            _ => by_bucket(answer, bucket, VENDED),
        }
    }

    /// Whether the key of a bucket lets vended logs in.
    fn key_of(&self, bucket: ResourceRef<'a>, source: ResourceRef<'a>) -> Answer {
        let kind = encryption(bucket).literal(true, |value| value.as_str() == Some("AES256"));
        if kind == Judgement::Holds {
            return kind.into();
        }
        let path = [
            "BucketEncryption",
            "ServerSideEncryptionConfiguration",
            "*",
            "ServerSideEncryptionByDefault",
            "KMSMasterKeyID",
        ];
        Answer::each(&Setting::of(bucket.resource, &path), |key| match key {
            Some(key) => {
                let context =
                    service_context(self.facts, VENDED, source, vec![Token::Unknown("source".into())]);
                let mut answer = key_allows(self.facts, key, VENDED, &["kms:GenerateDataKey"], &context);
                if let Judgement::Fails { found, .. } = &mut answer.judgement {
                    *found = format!("the key of the bucket does not let the logs in ({found})");
                }
                answer
            }
            None => {
                let found = "the key of the bucket is AWS's own, which does not let the logs in".to_owned();
                Judgement::Fails { span: bucket.resource.origin.span, found }.into()
            }
        })
    }

    /// `None` where a load balancer's access logs are not switched on: that is another question.
    fn balancer(&self, balancer: ResourceRef<'a>) -> Option<Answer> {
        let properties = &balancer.resource.properties;
        let attribute = |wanted: &str| {
            let items = properties.get("LoadBalancerAttributes").map(Value::as_items).unwrap_or_default();
            items
                .iter()
                .find(|item| item.get("Key").and_then(Value::as_str) == Some(wanted))
                .and_then(|item| item.get("Value"))
        };
        let enabled = attribute("access_logs.s3.enabled")?;
        match enabled.as_bool() {
            Some(false) => return None,
            Some(true) => {}
            None => return Some(Judgement::unknown(enabled).into()),
        }
        let (bucket, prefix) = (attribute("access_logs.s3.bucket"), attribute("access_logs.s3.prefix"));
        let kind = Setting::of(balancer.resource, &["Type"]);
        Some(Answer::each(&kind, |kind| match kind.map(|kind| (kind, kind.as_str())) {
            None | Some((_, Some("application"))) => self.balancer_bucket(balancer, bucket, prefix, BALANCER),
            Some((_, Some("network"))) => self.balancer_bucket(balancer, bucket, prefix, VENDED),
            Some((kind, _)) => Judgement::unknown(kind).into(),
        }))
    }

    fn balancer_bucket(
        &self,
        balancer: ResourceRef<'a>,
        bucket: Option<&Value>,
        prefix: Option<&Value>,
        service: &'static str,
    ) -> Answer {
        let Some(value) = bucket else {
            let found = "no bucket is named".to_owned();
            return Judgement::Fails { span: balancer.resource.origin.span, found }.into();
        };
        let Some(bucket) = bucket_named(self.facts, value) else { return outside(value) };
        let mut object = [arn_of(self.facts, bucket, "Arn"), literal("/")].concat();
        if let Some(prefix) = prefix.filter(|prefix| prefix.as_str() != Some("")) {
            object.extend(tokens(self.facts.estate, prefix));
            object.extend(literal("/"));
        }
        object.extend(literal("AWSLogs/"));
        object.extend(account_of(self.facts, balancer.stack_id));
        object.extend(literal("/elasticloadbalancing/log.gz"));
        let mut context =
            service_context(self.facts, service, balancer, vec![Token::Unknown("load balancer".into())]);
        context.push(("s3:x-amz-acl", literal("bucket-owner-full-control")));
        let request = Request {
            principal: Principal::Service(service),
            action: "s3:PutObject",
            resource: object,
            context,
        };
        let fits = match service {
            BALANCER => Answer::from(encrypted_by_s3(bucket, "the load balancer")),
            _ => self.key_of(bucket, balancer),
        };
        fits.and(|| {
            let answer = self.buckets.allow(self.facts, bucket, balancer, &request);
            match answer.judgement {
                Judgement::Fails { span, found }
                    if service == BALANCER && !found.contains("denies") && self.lets_accounts_in(bucket) =>
                {
                    let because =
                        "a statement names an account, which may be the load balancers' own of the Region"
                            .to_owned();
                    Judgement::Unknown { span, because }.into()
                }
                _ => by_bucket(answer, bucket, service),
            }
        })
    }

    /// Whether a bucket's policy lets an account put objects: in older Regions load balancers write as an account.
    fn lets_accounts_in(&self, bucket: ResourceRef<'a>) -> bool {
        self.buckets.to(bucket).any(|policy| {
            let document = policy.resource.properties.get("PolicyDocument");
            let statements = document.and_then(crate::policy::statements).unwrap_or_default();
            statements.into_iter().any(|statement| {
                let account =
                    statement.element("Principal").and_then(|principal| principal.get("AWS")).is_some();
                let puts =
                    statement.matches_action(self.facts.estate, "s3:PutObject") != crate::text::Truth::No;
                account && puts && statement.effect() == Some(true)
            })
        })
    }

    fn distribution(&self, value: Option<&Value>) -> Answer {
        let Some(value) = value else { return Judgement::Holds.into() };
        let Some(bucket) = bucket_named(self.facts, value) else { return outside(value) };
        match acls_enabled(bucket) {
            Judgement::Fails { span, .. } => {
                let found = format!(
                    "CloudFront adds itself to the bucket's ACL, and the ownership setting of `{}` refuses ACLs",
                    bucket.id
                );
                let related = vec![(bucket.resource.origin.span, "the bucket".to_owned())];
                Answer { judgement: Judgement::Fails { span, found }, witness: None, related }
            }
            other => other.into(),
        }
    }
}

/// Whether a bucket takes ACLs; a new one does not unless it says so.
fn acls_enabled(bucket: ResourceRef<'_>) -> Judgement {
    let ownership = Setting::of(bucket.resource, &["OwnershipControls", "Rules", "*", "ObjectOwnership"]);
    match ownership
        .literal(false, |value| matches!(value.as_str(), Some("ObjectWriter" | "BucketOwnerPreferred")))
    {
        Judgement::Fails { span, found } => {
            Judgement::Fails { span: span.or(bucket.resource.origin.span), found }
        }
        other => other,
    }
}

/// Whether a bucket's ACL lets S3 deliver.
fn delivery_acl(bucket: ResourceRef<'_>) -> Answer {
    let granted = Setting::of(bucket.resource, &["AccessControl"])
        .literal(false, |value| value.as_str() == Some("LogDeliveryWrite"));
    granted.and(|| acls_enabled(bucket)).into()
}
