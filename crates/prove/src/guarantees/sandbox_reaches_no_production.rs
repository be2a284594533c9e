//! No packet from a sandbox gets into production, whoever approved it.
//!
//! Source: AWS Well-Architected Framework, SEC01-BP01 "Separate workloads using accounts"; AWS whitepaper "Organizing Your
//! AWS Environment Using Multiple Accounts", "Sandbox OU" (no access to the other environments). Judged only where somebody says which
//! environments are sandboxes. Who plays there may start what they like, so that it is asked of anything in any subnet, under no
//! security group. What everybody on the internet may reach, a sandbox may too.

use estate::SmolStr;
use reachability::Network;
use reachability::model::{
    Address, Certainty, Groups, Host, HostId, Interface, Name, Placement, Role, SubnetId,
};
use reachability::query::{Reach, Verdict as Reached};

use crate::intent::{Intent, Party};
use crate::network::{Asked, Subjected};
use crate::{Facts, Findings, Guarantee, Level};

use super::approved_flows_only::tcp;

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "sandbox-reaches-no-production",
    title: "no packet from a sandbox gets into production",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/sandbox-reaches-no-production.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    let mut pairs = Vec::new();
    for from in asked.alike.environments.iter().filter(|one| intent.sandbox.contains(one.name)) {
        for to in asked.alike.environments.iter().filter(|one| intent.production.contains(one.name)) {
            pairs.push((from.name, to.name, from.alike * to.alike));
        }
    }
    if pairs.is_empty() {
        return;
    }
    let network = populated(asked.reach.engine.network, &intent.sandbox);
    let mut reach = Reach::of(&network);
    let (alike, speech) = (asked.alike, asked.speech);
    let mut there = Asked { reach: &mut reach, alike, options, speech, said: Vec::new(), dead: &mut None };
    for (from, to, times) in pairs {
        judge(&mut there, intent, (from, to), times);
    }
    let said = std::mem::take(&mut there.said);
    for mut one in said {
        one.witness = one.packet.take().map(|packet| there.witness(&packet));
        asked.said.push(one);
    }
    if reach.exhausted() {
        asked.doubt("the network is too varied to be followed within bounds");
    }
}

fn judge(asked: &mut Asked<'_, '_>, intent: &Intent, (from, to): (&SmolStr, &SmolStr), times: usize) {
    let [sources, destinations] = [from, to].map(|name| asked.party(&Party::Environment(name.clone())));
    if sources.is_empty() || destinations.is_empty() {
        return;
    }
    // Answered or not: a packet that nobody answers may still do something.
    let mut flows = asked.reach.one_way(&sources, &destinations);
    if flows.verdict != Reached::Unreachable {
        let anyone = asked.party(&Party::Anyone);
        let public = intent.approved.iter().filter(|flow| flow.from == Party::Anyone);
        for flow in public.filter(|flow| asked.alike.stand_in(&flow.to).is_none()) {
            let door = asked.party(&flow.to);
            let services: Vec<_> = flow.ports.iter().map(|port| tcp(*port)).collect();
            flows = asked.reach.except_between(&flows, &anyone, &door, &services);
        }
    }
    let within = |party: &Party, name: &SmolStr| matches!(party, Party::Environment(of) | Party::Application(Some(of), _) if of == name);
    let approved = intent.approved.iter().find(|flow| within(&flow.from, from) && within(&flow.to, to));
    let span = approved.map_or(diagnostics::Span::NONE, |flow| flow.span);
    let subject = Subjected { about: None, span };
    asked.never_in_pairs(&subject, &flows, &format!("the sandbox `{from}` reaches `{to}`"), times);
}

/// The network with something in every subnet of the sandboxes that no security group holds back: whoever plays there may
/// start it.
fn populated(network: &Network, sandboxes: &[SmolStr]) -> Network {
    let mut copy = network.clone();
    for (at, vpc) in network.vpcs.iter().enumerate().filter(|(_, vpc)| sandboxes.contains(&vpc.environment)) {
        let subnets = network.subnets.iter().enumerate();
        let own: Vec<usize> = subnets.filter(|(_, subnet)| subnet.vpc.at() == at).map(|(at, _)| at).collect();
        if own.is_empty() {
            continue;
        }
        let label = SmolStr::new(format!("anything started in {}", vpc.name.label));
        let name = Name { label: label.clone(), id: label, stack: None, ..vpc.name.clone() };
        let host = HostId::from_position(copy.hosts.len());
        copy.hosts.push(Host {
            name: name.clone(),
            kind: SmolStr::new_static("AWS::EC2::Instance"),
            forwards: false,
            placement: Placement::All,
            listens: None,
            holds: Vec::new(),
            environment: vpc.environment.clone(),
            application: SmolStr::default(),
        });
        copy.interfaces.extend(own.into_iter().map(|subnet| Interface {
            name: name.clone(),
            subnet: SubnetId::from_position(subnet),
            addresses: vec![Address::WithinV4],
            public: Vec::new(),
            groups: Groups::Known(Vec::new()),
            source_dest_check: Certainty::Yes,
            role: Role::Host,
            host,
            exists: Certainty::Yes,
        }));
    }
    copy
}
