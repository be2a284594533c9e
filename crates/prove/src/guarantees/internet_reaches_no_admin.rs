//! No packet from the internet is answered on a port by which machines are administered.
//!
//! Source: AWS Security Hub controls EC2.13, EC2.14, EC2.53, EC2.54; CIS AWS Foundations Benchmark, "Ensure no security
//! groups allow ingress from 0.0.0.0/0 to remote server administration ports". Those judge rules; this judges packets:
//! a rule behind which nobody is reached violates nothing, and a path that several rules make together does.

use reachability::model::PortRange;
use reachability::query::Service;

use crate::guarantees::internet_reaches_no_data::keeps_data;
use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "internet-reaches-no-admin",
    title: "no packet from the internet is answered on a port of administration",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/internet-reaches-no-admin.md"),
    check,
};

/// TCP and UDP ports of remote administration: SSH, Telnet, RPC, SMB, RDP, VNC, WinRM, Docker, etcd, kubelet.
const PORTS: [(u16, u16); 10] = [
    (22, 23),
    (135, 139),
    (445, 445),
    (2375, 2376),
    (2379, 2380),
    (3389, 3389),
    (5900, 5901),
    (5985, 5986),
    (6443, 6443),
    (10250, 10250),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let ends = asked.hosts(|host, _| !keeps_data(host));
    let internet = asked.reach.internet();
    let ports: Vec<Service> = PORTS
        .iter()
        .flat_map(|(first, last)| {
            let ports = PortRange { first: *first, last: *last };
            [6, 17].map(|protocol| Service { protocols: (protocol, protocol), ports })
        })
        .collect();
    for (subject, own) in asked.each(&ends) {
        let all = asked.reach.flows(&internet, &own);
        let flows = asked.reach.only_services(&all, &ports);
        asked.never(&subject, &flows, "the internet reaches a port of administration");
    }
}
