//! Every member account stands under the guardrails that an estate relies on.
//!
//! Source: AWS Organizations User Guide, "Service control policies (SCPs)", "SCP evaluation"; AWS Security Reference
//! Architecture, "Organizations management account", service control policies.

use std::collections::{BTreeSet, HashMap};

use diagnostics::Span;
use estate::ResourceRef;

use crate::control_policies::{Attempt, Chain, Tree, denied};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "guardrails-cover-accounts",
    title: "every account stands under the guardrails",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/guardrails-cover-accounts.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let accounts = facts.index.of_kind("AWS::Organizations::Account");
    if accounts.is_empty() {
        return;
    }
    let outside = unused_regions(facts);
    let attempts = attempts(&outside);
    let tree = Tree::of(facts, "SERVICE_CONTROL_POLICY");
    // Accounts under the same policies get the same answer; there may be thousands of accounts, and few chains.
    let mut known: HashMap<Vec<(u32, &str)>, Answer> = HashMap::new();
    for &account in accounts {
        let chain = tree.chain(account);
        let mut key: Vec<(u32, &str)> =
            chain.policies.iter().map(|policy| (policy.stack_id.0, policy.id.as_str())).collect();
        key.push((u32::from(chain.doubt.is_some()), ""));
        let answer = known.entry(key).or_insert_with(|| judge(facts, &chain, &attempts));
        say(findings, account, answer);
    }
}

/// What was found of one chain.
struct Answer {
    open: Vec<&'static str>,
    witness: Option<Witness>,
    unknown: Option<(Span, String)>,
}

/// What must be denied: in words, by whom, what, where.
fn attempts(outside: &[String]) -> Vec<(&'static str, Attempt<'_>)> {
    let mut all: Vec<(&'static str, Attempt<'_>)> = [
        ("leaving the organization", "organizations:LeaveOrganization"),
        ("IAM users", "iam:CreateUser"),
        ("access keys", "iam:CreateAccessKey"),
        ("turning GuardDuty off", "guardduty:DeleteDetector"),
        ("turning Security Hub off", "securityhub:DisableSecurityHub"),
        ("stopping AWS Config", "config:StopConfigurationRecorder"),
        ("deleting keys", "kms:ScheduleKeyDeletion"),
    ]
    .into_iter()
    .map(|(what, action)| (what, Attempt::by_administrator(action)))
    .collect();
    all.push(("the root user", Attempt { who: "root", ..Attempt::by_administrator("s3:ListAllMyBuckets") }));
    for region in outside {
        let attempt = Attempt { region, ..Attempt::by_administrator("ec2:RunInstances") };
        all.push(("resources in other regions", attempt));
    }
    all
}

/// Three regions that an account has to opt in to and in which nothing of the estate is.
fn unused_regions(facts: &Facts<'_>) -> Vec<String> {
    let used: BTreeSet<&str> =
        facts.estate.stacks.iter().filter_map(|stack| stack.region.as_deref()).collect();
    let regions = facts.catalog.regions().iter().filter(|region| region.partition == "aws" && region.opt_in);
    let free = regions.map(|region| region.code.to_string()).filter(|code| !used.contains(code.as_str()));
    free.take(3).collect()
}

fn judge(facts: &Facts<'_>, chain: &Chain<'_>, attempts: &[(&'static str, Attempt<'_>)]) -> Answer {
    let mut answer = Answer { open: Vec::new(), witness: None, unknown: None };
    for (what, attempt) in attempts {
        match denied(facts, chain, attempt).0 {
            Judgement::Holds => {}
            Judgement::Fails { .. } => {
                if !answer.open.contains(what) {
                    answer.open.push(what);
                }
                answer.witness.get_or_insert_with(|| Witness::Request {
                    principal: attempt.principal(),
                    action: attempt.action.into(),
                    resource: "*".into(),
                    circumstances: format!("aws:RequestedRegion is {}", attempt.region),
                });
            }
            Judgement::Unknown { span, because } => {
                answer
                    .unknown
                    .get_or_insert((span, format!("whether {what} is denied cannot be known: {because}")));
            }
        }
    }
    answer
}

fn say(findings: &mut Findings, account: ResourceRef<'_>, answer: &Answer) {
    let span = account.resource.origin.span;
    if !answer.open.is_empty() {
        let message = format!("no guardrail keeps this account from {}", answer.open.join(", "));
        let finding = findings.violated(account, span, message);
        finding.witness.clone_from(&answer.witness);
        finding
            .fix("attach service control policies that deny it to the root, or to a unit above the account");
    } else if let Some((place, because)) = &answer.unknown {
        findings.unknown(account, place.or(span), because.clone());
    } else {
        findings.proved(account);
    }
}
