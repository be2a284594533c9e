//! The engine over all packets.
//!
//! In: a [`Network`]. Out: for every question the packets that reach every place, as sets, and the flows that are
//! answered. Always: the same network and question give the same answer in the same order; nothing that decides is
//! shared with the simulator of one packet, so that each can be held against the other.
//!
//! How: [`atoms`] cuts all addresses where any rule does, [`bdd`] holds sets of packets over atoms, protocols and ports,
//! [`filters`] and [`firewalls`] turn rules into such sets, [`wiring`] turns tables into hops, and [`spread`] sends
//! everything at once and follows it until nothing new arrives. See docs/network-engine.md.

mod appliances;
pub mod atoms;
mod balancers;
pub mod bdd;
mod carriers;
pub mod filters;
pub mod firewalls;
mod hops;
pub mod packets;
pub mod spread;
mod translate;
pub mod wiring;

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::model::{AclId, Addresses, FirewallId, Groups, Network, OfficeId, Role, SubnetId, VpcId};
use atoms::{AtomSet, Atoms, Owner, OwnerId, Reach};
use bdd::Set;
use filters::{Filter, Members, Side};
use firewalls::Passes;
use packets::{DESTINATION, SOURCE, Space, Way};
use wiring::Wiring;

/// Groups by position, the unknown beside them, the side, and whether rules that name groups hold.
type GroupsKey = (Vec<u32>, Option<u32>, Side, bool);

/// The engine of one network.
#[derive(Debug)]
pub struct Engine<'n> {
    /// What it is about.
    pub network: &'n Network,
    /// The space of packets.
    pub space: Space,
    /// Look-ups.
    pub wiring: Wiring,
    /// Who is in which group.
    pub members: Members,
    groups: FxHashMap<GroupsKey, Rc<Filter>>,
    acls: FxHashMap<(AclId, Side, Way), Rc<Filter>>,
    firewalls: FxHashMap<FirewallId, Rc<Passes>>,
    senders: Vec<OwnerId>,
    /// Flows that somebody answers.
    answered: Set,
    /// Packets to addresses of the internet.
    internet_to: Set,
    /// Packets from addresses of the internet.
    internet_from: Set,
}

impl<'n> Engine<'n> {
    /// Cuts a network into atoms and looks up how it is connected.
    #[must_use]
    pub fn new(network: &'n Network) -> Self {
        let atoms = Atoms::of(network);
        let wiring = Wiring::of(network, &atoms);
        let members = Members::of(network, &atoms);
        let mut space = Space { atoms, store: bdd::Store::default() };
        let answered = space.answered();
        let internet = space.atoms.of_owner(OwnerId(0));
        let internet_to = space.among(DESTINATION, &internet);
        let internet_from = space.among(SOURCE, &internet);
        let mut engine = Self {
            network,
            space,
            wiring,
            members,
            groups: FxHashMap::default(),
            acls: FxHashMap::default(),
            firewalls: FxHashMap::default(),
            senders: Vec::new(),
            answered,
            internet_to,
            internet_from,
        };
        let owners = (0_u32..).zip(&engine.space.atoms.owners).map(|(at, _)| OwnerId(at));
        engine.senders = owners.filter(|owner| engine.role(*owner) == Some(Role::Host)).collect();
        engine
    }

    /// Owners that send by themselves: hosts.
    #[must_use]
    pub fn senders(&self) -> Vec<OwnerId> {
        self.senders.clone()
    }

    /// What an owner's interfaces are for.
    #[must_use]
    pub fn role(&self, owner: OwnerId) -> Option<Role> {
        self.network.interfaces.get(self.space.atoms.interface(owner)?.at()).map(|interface| interface.role)
    }

    /// The subnet and VPC of an owner.
    #[must_use]
    pub fn place(&self, owner: OwnerId) -> Option<(SubnetId, VpcId)> {
        self.space.atoms.place(self.network, owner)
    }

    /// Addresses of an office; all that nobody else has where they are not known.
    #[must_use]
    pub fn office_atoms(&self, office: OfficeId) -> AtomSet {
        let owner = self.space.atoms.owners.iter().position(|owner| *owner == Owner::Office(office));
        let owner = owner.and_then(|at| u32::try_from(at).ok()).map(OwnerId);
        owner.map(|owner| self.space.atoms.of_owner(owner)).unwrap_or_default()
    }

    /// Whether all addresses of an office are known.
    #[must_use]
    pub fn office_known(&self, office: OfficeId) -> bool {
        let office = self.network.offices.get(office.at());
        office.is_some_and(|office| matches!(office.networks, Addresses::Known(_)))
    }

    /// What the internet may send: to public addresses, and to IPv6 addresses behind internet gateways.
    fn internet_flows(&mut self) -> Set {
        let public = self.space.atoms.where_(|atom| atom.reach != Reach::Own);
        let mut to = public;
        for (v6, gateway) in self.wiring.v6.iter().zip(&self.wiring.internet) {
            if gateway.is_some() {
                to = to.or(v6);
            }
        }
        let to = self.space.among(DESTINATION, &to);
        let from = self.internet_from;
        self.space.store.and(to, from)
    }

    /// What one side of an owner's groups lets pass on the way there; `references`: whether rules that name groups hold.
    pub fn groups(&mut self, owner: OwnerId, side: Side, references: bool) -> Rc<Filter> {
        let interface = self.space.atoms.interface(owner);
        let Some(interface) = interface.and_then(|at| self.network.interfaces.get(at.at())) else {
            return Rc::new(Filter::default());
        };
        let (list, unknown) = match &interface.groups {
            Groups::Known(list) => (list, None),
            Groups::AndUnknown(list, unknown) => (list, Some(unknown.0)),
        };
        let mut ids: Vec<u32> = list.iter().map(|group| group.0).collect();
        ids.sort_unstable();
        let key = (ids, unknown, side, references);
        if let Some(known) = self.groups.get(&key) {
            return Rc::clone(known);
        }
        let filter = filters::groups(
            &mut self.space,
            self.network,
            &self.members,
            (&interface.groups, side),
            references,
        );
        let filter = Rc::new(filter);
        self.groups.insert(key, Rc::clone(&filter));
        filter
    }

    /// What one side of a network ACL lets pass.
    pub fn acl(&mut self, id: AclId, side: Side, way: Way) -> Rc<Filter> {
        if let Some(known) = self.acls.get(&(id, side, way)) {
            return Rc::clone(known);
        }
        let filter = match self.network.acls.get(id.at()) {
            Some(acl) => filters::acl(&mut self.space, acl, side, way),
            None => Filter::default(),
        };
        let filter = Rc::new(filter);
        self.acls.insert((id, side, way), Rc::clone(&filter));
        filter
    }

    /// What a firewall lets pass.
    pub fn firewall(&mut self, id: FirewallId) -> Option<Rc<Passes>> {
        if let Some(known) = self.firewalls.get(&id) {
            return Some(Rc::clone(known));
        }
        let firewall = self.network.firewalls.get(id.at())?;
        let passes = Rc::new(firewalls::passes(&mut self.space, id, firewall));
        self.firewalls.insert(id, Rc::clone(&passes));
        Some(passes)
    }
}
