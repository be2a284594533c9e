//! No packet from the internet is answered by a store of data.
//!
//! Source: AWS Well-Architected Framework, SEC05-BP01 "Create network layers"; Amazon VPC User Guide, "Security best
//! practices for your VPC". Decided by the network engine for all packets: routes, gateways, firewalls, network ACLs,
//! security groups and load balancers together.

use reachability::model::Host;

use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "internet-reaches-no-data",
    title: "no packet from the internet is answered by a store of data",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/internet-reaches-no-data.md"),
    check,
};

/// Services whose interfaces answer for data.
const SERVICES: [&str; 12] = [
    "AWS::RDS::",
    "AWS::ElastiCache::",
    "AWS::Redshift::",
    "AWS::RedshiftServerless::",
    "AWS::DocDB::",
    "AWS::Neptune::",
    "AWS::MemoryDB::",
    "AWS::OpenSearchService::",
    "AWS::Elasticsearch::",
    "AWS::MSK::",
    "AWS::EFS::",
    "AWS::FSx::",
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

/// Whether a host keeps data.
pub(crate) fn keeps_data(host: &Host) -> bool {
    SERVICES.iter().any(|service| host.kind.starts_with(service))
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let ends = asked.hosts(|host, _| keeps_data(host));
    let internet = asked.reach.internet();
    for (subject, own) in asked.each(&ends) {
        let flows = asked.reach.flows(&internet, &own);
        asked.never(&subject, &flows, "the internet reaches this store");
    }
}
