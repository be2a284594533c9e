//! What a component needs, every layer of policies lets it do.
//!
//! In: [`needs`]. What is checked: each action of each need, on the way that the component's requests take, under identity policies,
//! boundary, resource and key policies, the VPC endpoint's policy and the organization's control policies. Always: proved means that
//! the request is allowed in every context that agrees with what is known of it.
//!
//! Sources: "Policy evaluation logic", IAM User Guide; "Global condition context keys", IAM User Guide: `aws:SourceVpc` is there when a
//! request comes through a VPC endpoint; "kms:ViaService", AWS KMS Developer Guide; `s3:TlsVersion`, Amazon S3 User Guide.

use estate::SmolStr;
use iam::access::{Circumstances, Finding, Names, Thing, Verdict as Allowed, Who, marked, shown};
use iam::policy::Effect;
use iam::symbolic::Given;

use crate::needs::parts::{Parts, Way};
use crate::needs::{Need, Of, needs, parts, region_of};
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "needs-allowed",
    title: "what a component needs, every layer of policies lets it do",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/needs-allowed.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let parts = parts(facts);
    let needs = needs(facts, &parts);
    let mut at = 0;
    while let Some(first) = needs.get(at) {
        // Needs of one component for one reason are told as one.
        let same = |other: &&Need<'_>| {
            (other.component.stack_id, other.component.id) == (first.component.stack_id, first.component.id)
        };
        let count = needs.get(at..).unwrap_or_default().iter().take_while(same).count().max(1);
        let all = needs.get(at..at + count).unwrap_or_default();
        at += count;
        let before = findings.findings.len();
        for need in all {
            ask(facts, &parts, need, findings);
        }
        if findings.findings.len() == before {
            findings.proved(first.component);
        }
    }
}

fn ask(facts: &Facts<'_>, parts: &Parts<'_, '_>, need: &Need<'_>, findings: &mut Findings) {
    let access = facts.access();
    let Some(holder) = access.holders.get(need.holder) else { return };
    let own = Thing {
        kind: SmolStr::default(),
        stack: holder.stack,
        id: SmolStr::default(),
        arn: "*".to_owned(),
        account: holder.account,
        policies: Vec::new(),
        labels: Vec::new(),
        span: holder.span,
    };
    let thing = match need.of {
        Of::Thing(at) => access.things.get(at),
        Of::Account => Some(&own),
        Of::Elsewhere => None,
    };
    let span = need.component.resource.origin.span;
    let Some(thing) = thing else {
        let what = need.patterns.first().map_or("", String::as_str);
        let text = format!("{}, and `{what}`, with the policy on it, is not part of the estate", need.says);
        findings.unknown(need.component, span, text);
        return;
    };
    for action in &need.actions {
        let service = action.split(':').next().unwrap_or(action);
        // A service that asks for somebody does not come through their network, and a database is no service's door.
        let way = match (need.via, service) {
            (Some(_), _) | (None, "rds-db") => None,
            (None, service) => parts.way(need.component, service),
        };
        let given = context(facts, need, service, way.as_deref());
        let endpoint = way.as_ref().and_then(|way| way.policy.as_ref());
        let circumstances = Circumstances { arn: need.arn.clone(), given: &given, endpoint };
        let finding = access.can_under(Who::Holder(holder), action, thing, circumstances);
        let (certain, circumstances) = match &finding.verdict {
            Allowed::Yes => continue,
            Allowed::No => (true, "in no context".to_owned()),
            Allowed::When(conditions) => (false, conditions.join("; ")),
            Allowed::Unknown(why) => (false, why.join("; ")),
        };
        let resource = shown(need.arn.as_deref().unwrap_or(&thing.arn));
        let text = if certain {
            format!(
                "{}, and `{}` may not {action} `{resource}`: {}",
                need.says,
                holder.id,
                blocking(&finding)
            )
        } else {
            format!(
                "{}, and whether `{}` may {action} `{resource}` depends on {circumstances}",
                need.says, holder.id
            )
        };
        let said = match certain {
            true => findings.violated(need.component, span, text),
            false => findings.unknown(need.component, span, text),
        };
        said.witness(Witness::Request {
            principal: shown(&holder.arn),
            action: (*action).to_owned(),
            resource,
            circumstances,
        })
        .fix(fix(&finding, action));
        if let Some(because) = finding.because.iter().find(|one| one.effect == Effect::Deny) {
            said.related(because.span, shown(&because.statement));
        }
        // One action of a need is enough to see it.
        return;
    }
}

fn blocking(finding: &Finding) -> String {
    let denies = finding.because.iter().find(|one| one.effect == Effect::Deny);
    match (finding.missing.as_slice(), denies) {
        ([], Some(denies)) => format!("`{}` of the {} denies it", shown(&denies.statement), denies.layer),
        ([], None) => "no combination of statements allows it".to_owned(),
        (missing, _) => format!("nothing in the {} allows it", missing.join(" or the ")),
    }
}

fn fix(finding: &Finding, action: &str) -> String {
    match finding.missing.as_slice() {
        [] => format!("except this request from what denies {action}, or give up the need"),
        [layer, ..] => format!("allow {action} in the {layer}, or give up the need"),
    }
}

/// What is known of the requests of a component.
fn context(facts: &Facts<'_>, need: &Need<'_>, service: &str, way: Option<&Way<'_>>) -> Vec<Given> {
    let region = region_of(facts, need.component);
    let mut out: Vec<Given> = vec![
        ("aws:SecureTransport".into(), Some("true".to_owned())),
        ("aws:RequestedRegion".into(), Some(region.clone())),
        ("aws:CalledVia".into(), None),
        ("ec2:RoleDelivery".into(), None),
    ];
    let mut pin = |key: &str, value: Option<String>| out.push((key.into(), value));
    pin("aws:ViaAWSService", Some(need.via.is_some().to_string()));
    if let Some(via) = need.via {
        pin("kms:ViaService", Some(format!("{via}.{region}.amazonaws.com")));
    }
    if service == "kms"
        && let Some(holder) = facts.access().holders.get(need.holder)
    {
        pin("kms:CallerAccount", Some(marked(&[Names::of(facts.estate).account(holder.account)])));
    }
    if service == "s3" {
        pin("s3:TlsVersion", Some("1.2".to_owned()));
        for header in ["", "-aws-kms-key-id", "-customer-algorithm"] {
            pin(&format!("s3:x-amz-server-side-encryption{header}"), None);
        }
        pin("s3:x-amz-acl", None);
    }
    if let Some(way) = way {
        let vpc = way.endpoint.is_some().then(|| way.vpc.clone());
        pin("aws:SourceVpc", vpc);
        if way.endpoint.is_none() {
            pin("aws:SourceVpce", None);
        }
    }
    out
}
