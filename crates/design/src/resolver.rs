//! What a network may ask of DNS, and the record of what it asked.
//!
//! In: an environment and the domains that it may call. Out: a DNS Firewall rule group that answers for AWS, for the
//! environment's own domain, for what flows name and for nothing else, associated with the network; and a log of
//! every query. Always: names are no way out beside the firewall: a query for another name gets no answer, so nothing
//! can be told to somebody's name server in it.
//!
//! Sources: Amazon Route 53 Developer Guide, "Using DNS Firewall to filter outbound DNS traffic", "Rule settings in DNS
//! Firewall" (`TRUST_REDIRECTION_DOMAIN`), "Resolver query logging".

use std::collections::BTreeSet;

use estate::{Value, value};

use crate::draft::{Draft, Say};
use crate::keys;
use crate::layout::Site;

/// The component's name.
pub(crate) const COMPONENT: &str = "resolver";

/// Adds it to the stack of the network.
pub(crate) fn add(site: &Site<'_>, draft: &mut Draft) {
    draft.by(COMPONENT).at(site.environment.name.span);
    firewall(site, draft);
    query_log(site, draft);
}

/// Names that are answered, in the language of DNS Firewall: a name, and `*.` for all beneath it.
fn names(site: &Site<'_>) -> Vec<String> {
    let mut names: BTreeSet<String> = ["*.amazonaws.com", "*.api.aws"].map(str::to_owned).into();
    if let Some(domain) = &site.environment.domain {
        names.insert(domain.as_str().to_owned());
        names.insert(format!("*.{}", domain.as_str()));
    }
    if let Some(joined) = &site.hub {
        for domain in &joined.ways.domains {
            match domain.as_str().strip_prefix('.') {
                Some(parent) => names.insert(format!("*.{parent}")),
                None => names.insert(domain.as_str().to_owned()),
            };
        }
        names.extend(joined.ways.hosts.iter().map(ToString::to_string));
    }
    names.into_iter().collect()
}

fn firewall(site: &Site<'_>, draft: &mut Draft) {
    let list = |draft: &mut Draft, id: &'static str, domains: Vec<String>| {
        let domains: Vec<Value> = domains.into_iter().map(Value::from).collect();
        let properties = value!({ "Domains": domains, "Tags": site.tags.list() });
        draft.add(id, "AWS::Route53Resolver::FirewallDomainList", properties);
    };
    list(draft, "AnsweredNames", names(site));
    list(draft, "AllNames", vec!["*".to_owned()]);
    let properties = value!({
        "FirewallRules": [
            {
                "Action": "ALLOW",
                "FirewallDomainListId": draft.reference("AnsweredNames"),
                // Whoever may be asked may say that another name answers for it.
                "FirewallDomainRedirectionAction": "TRUST_REDIRECTION_DOMAIN",
                "Priority": 1,
            },
            {
                "Action": "BLOCK",
                "BlockResponse": "NXDOMAIN",
                "FirewallDomainListId": draft.reference("AllNames"),
                "FirewallDomainRedirectionAction": "INSPECT_REDIRECTION_DOMAIN",
                "Priority": 2,
            }
        ],
        "Tags": site.tags.list(),
    });
    draft.add("NameRules", "AWS::Route53Resolver::FirewallRuleGroup", properties);
    let properties = value!({
        "FirewallRuleGroupId": draft.reference("NameRules"),
        "MutationProtection": "ENABLED",
        "Priority": 101,
        "VpcId": draft.reference("Vpc"),
        "Tags": site.tags.list(),
    });
    draft.add("NameRulesAssociation", "AWS::Route53Resolver::FirewallRuleGroupAssociation", properties);
}

/// Every query, answered or not.
fn query_log(site: &Site<'_>, draft: &mut Draft) {
    let properties = value!({
        "KmsKeyId": keys::logs_key(site),
        "RetentionInDays": site.log_days(),
        "Tags": site.tags.list(),
    });
    draft.add("QueryLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let group = draft.attribute("QueryLogGroup", "Arn");
    crate::log_delivery::add(draft, &site.place, "QueryLogDelivery", "resolver-queries", group.clone());
    // No tags: to change one of them replaces the configuration, and meanwhile nothing is recorded.
    let properties = value!({ "DestinationArn": group });
    draft
        .add("QueryLogging", "AWS::Route53Resolver::ResolverQueryLoggingConfig", properties)
        .after("QueryLogDelivery");
    let properties = value!({
        "ResolverQueryLogConfigId": draft.reference("QueryLogging"),
        "ResourceId": draft.reference("Vpc"),
    });
    draft.add(
        "QueryLoggingAssociation",
        "AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation",
        properties,
    );
}
