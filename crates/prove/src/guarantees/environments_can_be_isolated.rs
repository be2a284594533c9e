//! When all that joins an environment to the rest is cut, nothing passes between the two any more.
//!
//! Source: NIST SP 800-61 Revision 2, 3.3.1 "Choosing a Containment Strategy"; AWS Security Incident Response Guide, "Containment".
//! Cut are the attachments and peerings of the environment's VPCs and their gateways; what then remains is a way that nobody
//! thinks of in time. Judged only where somebody says which environments there are.

use std::collections::BTreeSet;

use reachability::model::VpcId;
use reachability::query::{Flows, Verdict as Reached};

use crate::intent::Party;
use crate::network::{Asked, Subjected};
use crate::{Facts, Findings, Guarantee, Level, Verdict};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "environments-can-be-isolated",
    title: "every environment can be cut off from all others, offices and the internet",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/environments-can-be-isolated.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

/// Environments that are cut off one by one: each is a walk of all packets. Those that are alike count once.
const MOST: usize = 24;

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let network = asked.reach.engine.network;
    let environments: Vec<_> = asked.alike.environments.iter().map(|one| (one.name, one.alike)).collect();
    let mut cut = 0;
    for (name, times) in environments {
        let ends = asked.party(&Party::Environment(name.clone()));
        if ends.is_empty() {
            continue;
        }
        let subject = Subjected { about: None, span: diagnostics::Span::NONE };
        cut += 1;
        if cut > MOST {
            let message = format!(
                "whether `{name}` can be cut off was not asked: more than {MOST} environments differ"
            );
            asked.say(None, Verdict::Unknown, subject.span, message);
        } else {
            let own = network.vpcs.iter().enumerate().filter(|(_, vpc)| vpc.environment == *name);
            let own: BTreeSet<VpcId> = own.map(|(at, _)| VpcId::from_position(at)).collect();
            // A door of it that stands in a hub is the hub's to close; what has no VPC of its own is cut off with its VPC.
            let (ends, vpcs) = if own.is_empty() {
                let vpcs = asked.reach.vpcs_of(&ends);
                (ends, vpcs)
            } else {
                (ends.within(&asked.reach.within_vpcs(&own)), own)
            };
            let remains = asked.reach.remains(&ends, &vpcs);
            let worse = |flows: &Flows| flows.verdict == Reached::Reachable;
            let inward = worse(&remains.inward)
                || (remains.inward.verdict == Reached::Unknown && !worse(&remains.outward));
            let (flows, what) = match inward {
                true => (remains.inward, "is still reached from outside"),
                false => (remains.outward, "still reaches what is outside"),
            };
            let alike =
                if times > 1 { format!(" (and so do {times} that are alike)") } else { String::new() };
            asked.never(&subject, &flows, &format!("cut off from everything, `{name}` {what}{alike}"));
        }
        if let Some(said) = asked.said.last_mut() {
            said.times = times;
            if said.fix.is_some() {
                let fix = "what separates two environments in one VPC or joins them by PrivateLink cannot be cut: give each a VPC";
                said.fix = Some(fix.into());
            }
        }
    }
}
