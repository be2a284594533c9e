//! Nobody in a member account can stop or delete the record of what happens there.
//!
//! In: the service control policies above each account. What is checked: an administrator, an IAM user, a person's role
//! of IAM Identity Center and the root user of the account each try every action of [`ACTIONS`], and a policy must deny
//! it. Whoever a denying statement leaves out by `aws:PrincipalArn` must be a role that an administrator of the account
//! can neither change nor let others assume.
//!
//! Source: AWS Security Reference Architecture, "Log Archive account"; AWS Organizations User Guide, "SCP evaluation".

use std::collections::{BTreeSet, HashMap};

use diagnostics::Span;
use estate::{Kind, SmolStr, Value};

use crate::control_policies::{Attempt, Chain, Tree, denied};
use crate::text::literal;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "logs-unstoppable",
    title: "nobody in an account can stop or delete its logs",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/logs-unstoppable.md"),
    check,
};

/// Whatever ends the record.
const ACTIONS: &[&str] = &[
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "config:DeleteConfigurationRecorder",
    "config:DeleteDeliveryChannel",
    "config:PutConfigurationRecorder",
    "config:StopConfigurationRecorder",
    "ec2:DeleteFlowLogs",
    "logs:DeleteLogGroup",
    "logs:DeleteLogStream",
    "logs:PutRetentionPolicy",
];

/// Kinds of principals of an account; they differ in what policies can say of them.
const WHO: &[&str] = &[
    "role/administrator",
    "user/administrator",
    "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_administrator_0123456789abcdef",
    "root",
];

/// What an administrator could do to a role to become it.
const TAKING_OVER: &[&str] = &["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy"];

/// What nobody may end.
pub(super) struct Record {
    /// The actions that end it.
    pub actions: &'static [&'static str],
    /// In words: `stop logs`.
    pub ends: &'static str,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    check_record(facts, findings, &Record { actions: ACTIONS, ends: "stop logs" });
}

/// Nobody in any account may end a record.
pub(super) fn check_record(facts: &Facts<'_>, findings: &mut Findings, record: &Record) {
    let accounts = facts.index.of_kind("AWS::Organizations::Account");
    if accounts.is_empty() {
        return;
    }
    let tree = Tree::of(facts, "SERVICE_CONTROL_POLICY");
    let mut known: HashMap<Vec<(u32, &str)>, Answer> = HashMap::new();
    for &account in accounts {
        let chain = tree.chain(account);
        let mut key: Vec<(u32, &str)> =
            chain.policies.iter().map(|policy| (policy.stack_id.0, policy.id.as_str())).collect();
        key.push((u32::from(chain.doubt.is_some()), ""));
        let answer = known.entry(key).or_insert_with(|| judge(facts, &chain, record));
        match answer {
            Answer::Proved => findings.proved(account),
            Answer::Violated(message, witness, fix) => {
                let finding = findings.violated(account, account.resource.origin.span, message.clone());
                finding.witness(witness.clone()).fix(*fix);
            }
            Answer::Unknown(span, because) => {
                findings.unknown(account, span.or(account.resource.origin.span), because.clone());
            }
        }
    }
}

enum Answer {
    Proved,
    Violated(String, Witness, &'static str),
    Unknown(Span, String),
}

fn judge(facts: &Facts<'_>, chain: &Chain<'_>, record: &Record) -> Answer {
    let mut left_out = BTreeSet::new();
    let mut doubt = None;
    for who in WHO {
        for action in record.actions {
            let attempt = Attempt { who, ..Attempt::by_administrator(action) };
            match denied(facts, chain, &attempt) {
                (Judgement::Holds, by) => left_out.extend(by.into_iter().flat_map(exempt)),
                (Judgement::Fails { .. }, _) => {
                    let message = format!("no guardrail keeps {who} of this account from {action}");
                    let fix =
                        "deny it in a service control policy on the root, or on a unit above the account";
                    return Answer::Violated(message, request(&attempt, "*"), fix);
                }
                (Judgement::Unknown { span, because }, _) => {
                    let text = format!("whether {action} is denied to {who} cannot be known: {because}");
                    doubt.get_or_insert((span, text));
                }
            }
        }
    }
    for role in left_out {
        for action in TAKING_OVER {
            let resource = literal(&role.replace('*', "x"));
            let attempt = Attempt { resource, ..Attempt::by_administrator(action) };
            match denied(facts, chain, &attempt).0 {
                Judgement::Holds => {}
                Judgement::Fails { .. } => {
                    let message = format!(
                        "`{role}` may {}, and an administrator of the account may become it by {action}",
                        record.ends
                    );
                    let fix =
                        "deny changes of the roles that guardrails leave out to everybody but those roles";
                    return Answer::Violated(message, request(&attempt, &role), fix);
                }
                Judgement::Unknown { span, because } => {
                    doubt.get_or_insert((
                        span,
                        format!("whether `{role}` is out of reach cannot be known: {because}"),
                    ));
                }
            }
        }
    }
    doubt.map_or(Answer::Proved, |(span, because)| Answer::Unknown(span, because))
}

fn request(attempt: &Attempt<'_>, resource: &str) -> Witness {
    Witness::Request {
        principal: attempt.principal(),
        action: attempt.action.into(),
        resource: resource.into(),
        circumstances: "the request is made in the account itself".into(),
    }
}

/// Whom a denying statement leaves out by their ARN.
fn exempt(statement: &Value) -> Vec<SmolStr> {
    let mut out = Vec::new();
    for operator in statement.get("Condition").and_then(Value::as_map).into_iter().flatten() {
        for key in operator.value.as_map().into_iter().flatten() {
            let asks = key.key.eq_ignore_ascii_case("aws:PrincipalArn") && operator.key.contains("Not");
            for item in key.value.as_items().iter().filter(|_| asks) {
                if let Kind::String(text) = &item.kind {
                    out.push(text.clone());
                }
            }
        }
    }
    out
}
