//! No guard is on paper only: policies, firewalls, packs and plans are attached to something.
//!
//! Source: AWS CloudFormation Template Reference, the types of [`GUARDS`] and the properties that attach them.

use std::collections::HashMap;

use diagnostics::Span;
use estate::{Kind, ResourceRef, SmolStr, StackId, Value};

use crate::lookup::is_implied;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Subject, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-unused-guard",
    title: "every policy, firewall, plan and pack is attached to something",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/no-unused-guard.md"),
    check,
};

/// A type of guards, and how they come to guard.
struct Guard {
    kind: &'static str,
    /// Own properties that attach it.
    attaches: &'static [&'static str],
    /// Types whose references to it do not attach it: its own parts, and what only speaks of it.
    parts: &'static [&'static str],
    /// What it is called, and what it would be attached to.
    noun: &'static str,
    fix: &'static str,
}

const GUARDS: [Guard; 13] = [
    Guard {
        kind: "AWS::Organizations::Policy",
        attaches: &["TargetIds"],
        parts: &[],
        noun: "the organization policy has no target",
        fix: "TargetIds: the root, a unit or an account",
    },
    Guard {
        kind: "AWS::IAM::ManagedPolicy",
        attaches: &["Roles", "Groups", "Users"],
        parts: &[],
        noun: "the managed policy is attached to no identity and bounds none",
        fix: "name it in ManagedPolicyArns or PermissionsBoundary of an identity, or remove it",
    },
    Guard {
        kind: "AWS::IAM::InstanceProfile",
        attaches: &[],
        parts: &[],
        noun: "no instance has the instance profile",
        fix: "name it in IamInstanceProfile of an instance or launch template, or remove it with its role",
    },
    Guard {
        kind: "AWS::WAFv2::WebACL",
        attaches: &[],
        parts: &["AWS::WAFv2::LoggingConfiguration"],
        noun: "the web ACL stands before nothing",
        fix: "an AWS::WAFv2::WebACLAssociation, or WebACLId of a distribution",
    },
    Guard {
        kind: "AWS::Backup::BackupPlan",
        attaches: &[],
        parts: &[],
        noun: "the backup plan selects nothing",
        fix: "an AWS::Backup::BackupSelection for the plan",
    },
    Guard {
        kind: "AWS::EC2::NetworkAcl",
        attaches: &[],
        parts: &["AWS::EC2::NetworkAclEntry"],
        noun: "the network ACL belongs to no subnet",
        fix: "an AWS::EC2::SubnetNetworkAclAssociation",
    },
    Guard {
        kind: "AWS::EC2::SecurityGroup",
        attaches: &[],
        parts: &[
            "AWS::EC2::SecurityGroupIngress",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroup",
        ],
        noun: "the security group is on nothing",
        fix: "remove it, or put it on what it was meant for",
    },
    Guard {
        kind: "AWS::NetworkFirewall::FirewallPolicy",
        attaches: &[],
        parts: &["AWS::NetworkFirewall::LoggingConfiguration"],
        noun: "no firewall has the firewall policy",
        fix: "FirewallPolicyArn of an AWS::NetworkFirewall::Firewall",
    },
    Guard {
        kind: "AWS::NetworkFirewall::RuleGroup",
        attaches: &[],
        parts: &[],
        noun: "no firewall policy has the rule group",
        fix: "a reference to it in an AWS::NetworkFirewall::FirewallPolicy",
    },
    Guard {
        kind: "AWS::SSO::PermissionSet",
        attaches: &[],
        parts: &[],
        noun: "the permission set is assigned to nobody",
        fix: "an AWS::SSO::Assignment",
    },
    Guard {
        kind: "AWS::SSM::MaintenanceWindow",
        attaches: &[],
        parts: &["AWS::SSM::MaintenanceWindowTarget"],
        noun: "the maintenance window has no task",
        fix: "an AWS::SSM::MaintenanceWindowTask",
    },
    Guard {
        kind: "AWS::Events::Rule",
        attaches: &["Targets"],
        parts: &[
            "AWS::Lambda::Permission",
            "AWS::SNS::TopicPolicy",
            "AWS::SQS::QueuePolicy",
            "AWS::IAM::Role",
            "AWS::IAM::Policy",
        ],
        noun: "the rule tells nobody",
        fix: "Targets: what is to happen",
    },
    Guard {
        kind: "AWS::Route53Resolver::FirewallRuleGroup",
        attaches: &[],
        parts: &[],
        noun: "the DNS firewall's rule group belongs to no VPC",
        fix: "an AWS::Route53Resolver::FirewallRuleGroupAssociation",
    },
];

/// Who refers to a guard.
#[derive(Default)]
struct Users<'a> {
    /// Resources whose reference attaches it.
    by: Vec<ResourceRef<'a>>,
    /// References that may attach it: inside a text, or in a policy.
    perhaps: Option<(Span, String)>,
    /// Outputs that hand it to somebody else.
    output: Option<Span>,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut users = users(facts);
    for guard in &GUARDS {
        for &subject in facts.index.of_kind(guard.kind) {
            let users = users.remove(&(subject.stack_id, subject.id.clone())).unwrap_or_default();
            judge(guard, subject, &users, findings);
        }
    }
    recorders(facts, findings);
}

fn guard_of(kind: &str) -> Option<&'static Guard> {
    GUARDS.iter().find(|guard| guard.kind == kind)
}

/// Everything that refers to a guard, in one pass over the estate.
fn users<'a>(facts: &Facts<'a>) -> HashMap<(StackId, SmolStr), Users<'a>> {
    let mut all: HashMap<(StackId, SmolStr), Users<'a>> = HashMap::new();
    let target = |value: &Value| {
        let (stack, id) = value.as_reference().and_then(|reference| reference.resource())?;
        let kind = &facts.estate.resource(stack, id)?.kind;
        guard_of(kind).map(|guard| (guard, stack, id.clone()))
    };
    for user in facts.index.all() {
        let kind = user.resource.kind.as_str();
        let whole = |value: &Value, all: &mut HashMap<(StackId, SmolStr), Users<'a>>| {
            if let Some((guard, stack, id)) = target(value) {
                let itself = user.stack_id == stack && *user.id == id;
                if !itself && !guard.parts.contains(&kind) {
                    all.entry((stack, id)).or_default().by.push(user);
                }
            }
        };
        visit(&user.resource.properties, "", &mut |value, key, inside_text| {
            if !inside_text {
                return whole(value, &mut all);
            }
            // Part of a name or a description is no use; part of anything else may be one.
            let speaks =
                key.ends_with("Name") || key.ends_with("Description") || key == "Value" || key == "Tags";
            let named = target(value).filter(|(guard, ..)| !speaks && !guard.parts.contains(&kind));
            if let Some((_, stack, id)) = named {
                let because = format!("`{}` of type {kind} names it within a text", user.id);
                all.entry((stack, id)).or_default().perhaps = Some((user.resource.origin.span, because));
            }
        });
    }
    for (_, stack) in facts.estate.stacks() {
        for output in stack.outputs.values() {
            output.value.walk(&mut |value| {
                if let Some((_, stack, id)) = target(value) {
                    all.entry((stack, id)).or_default().output = Some(output.span);
                }
            });
        }
    }
    all
}

/// Calls `see` for every reference below `value`, with the key it stands under and whether it is part of a text.
fn visit<'v>(value: &'v Value, key: &'v str, see: &mut dyn FnMut(&'v Value, &'v str, bool)) {
    match &value.kind {
        Kind::Reference(_) => see(value, key, false),
        Kind::List(items) => items.iter().for_each(|item| visit(item, key, see)),
        Kind::Map(map) => map.iter().for_each(|entry| visit(&entry.value, &entry.key, see)),
        Kind::Case(case) => {
            visit(&case.then, key, see);
            visit(&case.otherwise, key, see);
        }
        Kind::Join(_) | Kind::Call(_) => value.walk(&mut |inner| {
            if matches!(inner.kind, Kind::Reference(_)) {
                see(inner, key, true);
            }
        }),
        _ => {}
    }
}

/// Whether AWS made it with the VPC, and nobody can remove it.
///
/// Source: Amazon VPC User Guide, "Default network ACL" and "Default security groups for your VPCs".
fn is_default(subject: ResourceRef<'_>) -> bool {
    let Some(observed) = subject.resource.observed() else { return false };
    let flagged = observed.get("IsDefault").and_then(Value::as_bool) == Some(true);
    let name = subject.resource.properties.get("GroupName").and_then(Value::as_str);
    flagged || (subject.resource.kind == "AWS::EC2::SecurityGroup" && name == Some("default"))
}

fn judge(guard: &Guard, subject: ResourceRef<'_>, users: &Users<'_>, findings: &mut Findings) {
    if is_default(subject) {
        return;
    }
    let none = Judgement::Fails { span: subject.resource.origin.span, found: "nothing".into() };
    let own = guard.attaches.iter().fold(none, |any, name| any.or(|| is_filled(subject, name)));
    let others = users.by.iter().fold(own, |any, user| {
        any.or(|| match is_implied(&user.resource.guard(), &subject.resource.guard()) {
            true => Judgement::Holds,
            false => Judgement::Unknown {
                span: user.resource.origin.span,
                because: format!("`{}` attaches it only under a condition", user.id),
            },
        })
    });
    let judgement = others.or(|| match (&users.perhaps, users.output) {
        (Some((span, because)), _) => Judgement::Unknown { span: *span, because: because.clone() },
        (None, Some(span)) => {
            Judgement::Unknown { span, because: "an output hands it to somebody else".into() }
        }
        (None, None) => Judgement::Fails { span: subject.resource.origin.span, found: "nothing".into() },
    });
    match judgement {
        Judgement::Holds => findings.proved(subject),
        Judgement::Fails { span, .. } => {
            findings
                .violated(subject, span, guard.noun)
                .witness(Witness::Event {
                    happens: "whatever it was to guard against".into(),
                    follows: "the same as without it".into(),
                })
                .fix(guard.fix);
        }
        Judgement::Unknown { span, because } => {
            findings.unknown(
                subject,
                span,
                format!("whether it is attached to anything cannot be known: {because}"),
            );
        }
    }
}

/// Whether a list that attaches a guard has something in it.
fn is_filled(subject: ResourceRef<'_>, name: &str) -> Judgement {
    Setting::of(subject.resource, &[name]).judge(|list| match list.map(|list| (list, &list.kind)) {
        None => Judgement::missing(subject.resource),
        Some((list, Kind::List(items))) => {
            let certain = items
                .iter()
                .any(|item| item.alternatives(&[]).iter().all(|alternative| alternative.value.is_some()));
            if certain || items.is_empty() { Judgement::of(certain, list) } else { Judgement::unknown(list) }
        }
        Some((list, _)) => Judgement::unknown(list),
    })
}

/// Rules of AWS Config judge only what a recorder of their account and region records.
fn recorders(facts: &Facts<'_>, findings: &mut Findings) {
    let recorders = facts.index.of_kind("AWS::Config::ConfigurationRecorder");
    for (stack_id, stack) in facts.estate.stacks() {
        let rule = |kind: &str| ["AWS::Config::ConfigRule", "AWS::Config::ConformancePack"].contains(&kind);
        let Some((_, first)) = stack.resources.iter().find(|(_, resource)| rule(&resource.kind)) else {
            continue;
        };
        let here = recorders.iter().filter(|recorder| {
            recorder.stack.account == stack.account && recorder.stack.region == stack.region
        });
        let (mut certain, mut maybe) = (false, None);
        for recorder in here {
            match &recorder.resource.condition {
                None => certain = true,
                Some(condition) => maybe = Some(condition),
            }
        }
        if certain {
            findings.proved.push(Subject::stack(stack_id));
            continue;
        }
        let because = match maybe {
            Some(condition) => format!("the recorder is there only if `{}`", condition.name),
            None => "no recorder of its account and region is in this estate".to_owned(),
        };
        let message = format!(
            "whether anything is recorded for the rules of AWS Config to judge cannot be known: {because}"
        );
        findings.add(Subject::stack(stack_id), Verdict::Unknown, first.origin.span, message);
    }
}
