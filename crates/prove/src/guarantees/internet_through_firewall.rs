//! Where there is a network firewall, no packet passes between the internet and a host without crossing one.
//!
//! Source: AWS Network Firewall Developer Guide, "AWS Network Firewall architectures"; both directions and the answers
//! are asked, because routes of the way back may differ.

use std::collections::BTreeMap;

use reachability::query::Around;

use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level, Verdict};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "internet-through-firewall",
    title: "no packet passes between the internet and a host around the firewall",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/internet-through-firewall.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    if asked.reach.engine.network.firewalls.is_empty() {
        return;
    }
    let ends = asked.hosts(|_, _| true);
    let mut bypasses = BTreeMap::new();
    for bypass in asked.reach.around_firewalls(&ends) {
        let owner = if bypass.around == Around::Outbound { bypass.packet.from } else { bypass.packet.to };
        let known = bypasses.entry(owner).or_insert_with(|| bypass.clone());
        if bypass.certain && !known.certain {
            *known = bypass;
        }
    }
    for (subject, own) in asked.each(&ends) {
        let worst = own.owners().filter_map(|owner| bypasses.get(&owner)).max_by_key(|bypass| bypass.certain);
        let Some(bypass) = worst.cloned() else {
            asked.proved(subject.about.clone());
            continue;
        };
        let way = match bypass.around {
            Around::Inbound => "packets from the internet come in",
            Around::Outbound => "packets to the internet go out",
            Around::Answers => "answers to the internet go out",
        };
        let (verdict, message) = if bypass.certain {
            (Verdict::Violated, format!("{way} around every firewall"))
        } else {
            (Verdict::Unknown, format!("whether {way} around every firewall is not known"))
        };
        if let Some(said) = asked.say(subject.about.clone(), verdict, subject.span, message) {
            said.packet = Some(bypass.packet);
            said.fix = Some(
                "route the subnet, and the gateway's way in, to the firewall's endpoint of its zone".into(),
            );
        }
    }
}
