//! The address planner: which block each network has, and how it is cut into subnets.
//!
//! In: the address plan of the blueprint, what the lock says was handed out. Out: a lock that also has what was
//! asked for now. Always: what was handed out stays as it is, whoever comes or goes; no two blocks overlap,
//! those of removed networks included, until nothing else is free.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use blueprint::cidr::Cidr;
use blueprint::model::Network;
use diagnostics::{Diagnostic, Diagnostics, Span};
use estate::SmolStr;

use crate::codes::{LOCK_CONFLICT, NO_ZONE, SPACE_EXHAUSTED, TOO_SMALL};
use crate::lock::{LockedNetwork, LockedZone};

/// One wish for a network.
#[derive(Debug, Clone)]
pub(crate) struct Wish<'b> {
    /// The environment's name.
    pub environment: &'b str,
    /// The region.
    pub region: &'b str,
    /// The block, where the blueprint fixes it.
    pub fixed: Option<Cidr>,
    /// The prefix length of the block, where it is not fixed.
    pub prefix: u8,
    /// How many zones.
    pub zones: usize,
    /// Whether it is joined to the hub, and has the subnets for that.
    pub joined: bool,
    /// The place that asks.
    pub span: Span,
}

/// Subnets of one zone are cut so that a network may grow to this many zones without renumbering.
pub(crate) const MOST_ZONES: usize = 6;

/// What is handed out while one blueprint is compiled.
pub(crate) struct Planner<'b> {
    plan: &'b Network,
    networks: Vec<LockedNetwork>,
    by_key: HashMap<(SmolStr, SmolStr), usize>,
    asked: BTreeSet<usize>,
    /// Blocks in use or reserved, by first address: last address and how it may be freed.
    taken: BTreeMap<u32, u32>,
    /// Where the search for a free block goes on.
    cursor: u32,
}

impl<'b> Planner<'b> {
    /// A planner that knows what was handed out before.
    pub(crate) fn new(plan: &'b Network, networks: &[LockedNetwork]) -> Self {
        let networks = networks.to_vec();
        let by_key = (0..).zip(&networks).map(|(at, network)| (key(network), at)).collect();
        let handed_out = networks.iter().map(|network| network.addresses);
        let mut taken = BTreeMap::new();
        let offices = plan.offices.iter().flat_map(|office| office.networks.iter().map(|block| block.value));
        plan.reserved
            .iter()
            .map(|block| block.value)
            .chain(offices)
            .chain(handed_out)
            .for_each(|block| take(&mut taken, block));
        let cursor = u32::from(plan.addresses.value.first());
        Self { plan, networks, by_key, asked: BTreeSet::new(), taken, cursor }
    }

    /// Blocks that the blueprint fixes are taken before any is allocated.
    pub(crate) fn reserve(&mut self, wishes: &[Wish<'_>]) {
        wishes.iter().filter_map(|wish| wish.fixed).for_each(|block| take(&mut self.taken, block));
    }

    /// Whether the wish was granted before. Those are handed out first: their addresses are theirs.
    pub(crate) fn knows(&self, wish: &Wish<'_>) -> bool {
        self.by_key.contains_key(&(SmolStr::new(wish.environment), SmolStr::new(wish.region)))
    }

    /// The position in [`Planner::finish`] of the network that a wish gets; `None` where there is none to get.
    pub(crate) fn hand_out(
        &mut self,
        wish: &Wish<'_>,
        zone_ids: &[&str],
        diagnostics: &mut Diagnostics,
    ) -> Option<usize> {
        let key = (SmolStr::new(wish.environment), SmolStr::new(wish.region));
        let at = match self.by_key.get(&key) {
            Some(&at) => {
                self.check(at, wish, diagnostics)?;
                at
            }
            None => {
                let (addresses, at) = match wish.fixed {
                    Some(block) => (self.fixed(block, wish, diagnostics)?, self.networks.len()),
                    None => self.free_block(wish, diagnostics)?,
                };
                take(&mut self.taken, addresses);
                let (environment, region) = key.clone();
                let (zones, span) = (Vec::new(), wish.span);
                let new = LockedNetwork { environment, region, addresses, zones, removed: false, span };
                match self.networks.get_mut(at) {
                    Some(tombstone) => {
                        self.by_key.remove(&self::key(tombstone));
                        *tombstone = new;
                    }
                    None => self.networks.push(new),
                }
                self.by_key.insert(key, at);
                at
            }
        };
        self.asked.insert(at);
        let network = self.networks.get_mut(at)?;
        network.removed = false;
        add_zones(network, wish, zone_ids, diagnostics).then_some(at)
    }

    /// Everything that was handed out; what was not asked for now has become a tombstone.
    pub(crate) fn finish(mut self) -> Vec<LockedNetwork> {
        for (at, network) in self.networks.iter_mut().enumerate() {
            network.removed = !self.asked.contains(&at);
        }
        self.networks
    }

    /// Says where the blueprint contradicts what was handed out.
    fn check(&self, at: usize, wish: &Wish<'_>, diagnostics: &mut Diagnostics) -> Option<()> {
        let network = self.networks.get(at)?;
        let LockedNetwork { environment, region, addresses, .. } = network;
        let handed_out = format!("`{environment}` was given {addresses} in {region}");
        let space = &self.plan.addresses;
        let said = if let Some(fixed) = wish.fixed.filter(|fixed| fixed != addresses) {
            Diagnostic::error(
                LOCK_CONFLICT,
                wish.span,
                format!("{handed_out}, the blueprint now says {fixed}"),
            )
        } else if wish.fixed.is_none() && !space.value.contains(*addresses) {
            Diagnostic::error(
                LOCK_CONFLICT,
                space.span,
                format!("{handed_out}, which is outside {}", space.value),
            )
        } else if let Some(reserved) =
            self.plan.reserved.iter().find(|block| block.value.overlaps(*addresses))
        {
            let message = format!("{handed_out}, which overlaps {}, now reserved", reserved.value);
            Diagnostic::error(LOCK_CONFLICT, reserved.span, message)
        } else {
            return Some(());
        };
        let help =
            "change the blueprint back, or remove the entry from `estate.lock`: then the network is replaced";
        diagnostics.push(said.related(network.span, "handed out here").help(help));
        None
    }

    /// A block that the blueprint fixes, where nobody else has it.
    fn fixed(&mut self, block: Cidr, wish: &Wish<'_>, diagnostics: &mut Diagnostics) -> Option<Cidr> {
        let other = self.networks.iter().position(|network| network.addresses.overlaps(block));
        let Some(other) = other else { return Some(block) };
        let network = self.networks.get(other)?;
        let message =
            format!("{block} overlaps {}, which `{}` was given", network.addresses, network.environment);
        let help = "choose another range, or remove the entry from `estate.lock` if nothing uses it any more";
        let said =
            Diagnostic::error(LOCK_CONFLICT, wish.span, message).related(network.span, "handed out here");
        diagnostics.push(said.help(help));
        None
    }

    /// The first block of the plan's size that nobody has, or that of the network handed out first among those
    /// removed; and the position that the new network takes.
    fn free_block(&mut self, wish: &Wish<'_>, diagnostics: &mut Diagnostics) -> Option<(Cidr, usize)> {
        if let Some(block) = self.next_free(wish.prefix) {
            return Some((block, self.networks.len()));
        }
        let prefix = wish.prefix;
        let tombstone = (0..).zip(&self.networks).position(|(at, network): (usize, &LockedNetwork)| {
            let block = network.addresses;
            network.removed
                && !self.asked.contains(&at)
                && block.prefix() <= prefix
                && self.plan.addresses.value.contains(block)
                && !self.plan.reserved.iter().any(|reserved| reserved.value.overlaps(block))
        });
        let Some(at) = tombstone else {
            let space = &self.plan.addresses;
            let message = format!(
                "{} has no free block of /{prefix} left for `{}` in {}",
                space.value, wish.environment, wish.region
            );
            diagnostics.push(
                Diagnostic::error(SPACE_EXHAUSTED, space.span, message)
                    .related(wish.span, "asked for here")
                    .help("widen `network.addresses`, or make `network.vpc-size` a larger number"),
            );
            return None;
        };
        let block = self.networks.get(at)?.addresses;
        Some((block.part(prefix, 0)?, at))
    }

    fn next_free(&mut self, prefix: u8) -> Option<Cidr> {
        let space = self.plan.addresses.value;
        let size = 1u64 << (32 - u32::from(prefix));
        let last = u64::from(u32::from(space.last()));
        // A larger block begins its search anew: what it skips stays free for smaller ones.
        let usual = prefix == self.plan.vpc_prefix.value;
        let begin = if usual { self.cursor } else { u32::from(space.first()) };
        let mut first = u64::from(begin).next_multiple_of(size);
        while first + size - 1 <= last {
            let (from, to) = (u32::try_from(first).ok()?, u32::try_from(first + size - 1).ok()?);
            // No block taken contains another, so only the one that begins last before our end can reach in.
            match self.taken.range(..=to).next_back() {
                Some((_, &end)) if end >= from => first = (u64::from(end) + 1).next_multiple_of(size),
                _ => {
                    if usual {
                        self.cursor = u32::try_from(first + size).unwrap_or(u32::MAX);
                    }
                    return Cidr::new(Ipv4Addr::from(from), prefix);
                }
            }
        }
        if usual {
            self.cursor = u32::MAX;
        }
        None
    }
}

fn key(network: &LockedNetwork) -> (SmolStr, SmolStr) {
    (network.environment.clone(), network.region.clone())
}

/// Adds a block to those taken, of which none contains another.
fn take(taken: &mut BTreeMap<u32, u32>, block: Cidr) {
    let (first, last) = (u32::from(block.first()), u32::from(block.last()));
    if taken.range(..=first).next_back().is_some_and(|(_, end)| *end >= last) {
        return;
    }
    let inside: Vec<_> = taken.range(first..=last).map(|(begin, _)| *begin).collect();
    for begin in inside {
        taken.remove(&begin);
    }
    taken.insert(first, last);
}

/// Gives a network the zones that it wants beyond those it has; `false` where the region has too few.
fn add_zones(
    network: &mut LockedNetwork,
    wish: &Wish<'_>,
    zone_ids: &[&str],
    diagnostics: &mut Diagnostics,
) -> bool {
    let gone = network.zones.iter().take(wish.zones).find(|zone| !zone_ids.contains(&zone.zone.as_str()));
    if let Some(gone) = gone {
        let message = format!(
            "`{}` was given the zone {}, which {} does not have",
            wish.environment, gone.zone, wish.region
        );
        diagnostics
            .push(Diagnostic::error(NO_ZONE, wish.span, message).related(network.span, "handed out here"));
        return false;
    }
    while network.zones.len() < wish.zones {
        let next = zone_ids.iter().find(|id| network.zones.iter().all(|zone| zone.zone != **id));
        let subnets = next.and_then(|id| subnets(network.addresses, network.zones.len(), id));
        let Some(zone) = subnets else {
            let message = format!(
                "`{}` wants {} availability zones in {}; {} of them are known there",
                wish.environment,
                wish.zones,
                wish.region,
                zone_ids.len()
            );
            diagnostics.push(Diagnostic::error(NO_ZONE, wish.span, message));
            return false;
        };
        network.zones.push(zone);
    }
    if wish.joined {
        let block = network.addresses;
        for (slot, zone) in network.zones.iter_mut().enumerate() {
            let Some((attachment, outbound)) = joining_subnets(block, slot) else {
                let message = format!(
                    "{block} of `{}` is too small to be joined to the hub: its load balancers need more room",
                    wish.environment
                );
                let said = Diagnostic::error(TOO_SMALL, wish.span, message);
                diagnostics.push(said.help("let it have a /21 or larger (`network.vpc-size: 21`)"));
                return false;
            };
            zone.attachment.get_or_insert(attachment);
            zone.outbound.get_or_insert(outbound);
        }
    }
    true
}

/// The subnets of the zone in place `slot`. Half of the block is for workloads, a quarter for data, an eighth for
/// what is exposed, an eighth for what a network that is joined to the hub needs beside; each part has room for
/// eight zones.
fn subnets(block: Cidr, slot: usize, zone: &str) -> Option<LockedZone> {
    let slot = slot_number(slot)?;
    let prefix = block.prefix();
    let application = block.part(prefix + 1, 0)?.part(prefix + 4, slot)?;
    let data = data_block(block)?.part(prefix + 5, slot)?;
    let gateway = gateway_block(block)?.part(prefix + 6, slot)?;
    Some(LockedZone {
        zone: SmolStr::new(zone),
        gateway,
        application,
        data,
        attachment: None,
        outbound: None,
    })
}

/// The subnets of a zone for the attachment to the Transit Gateway, and for workloads that leave the network.
/// `None` where the block is too small: a subnet with an Application Load Balancer is a /27 or larger.
/// Source: Elastic Load Balancing User Guide, "Subnets for your load balancer"; Amazon VPC User Guide, "Subnet CIDR
/// blocks".
fn joining_subnets(block: Cidr, slot: usize) -> Option<(Cidr, Cidr)> {
    let slot = slot_number(slot)?;
    let prefix = block.prefix();
    let attachment = block.part(prefix + 4, 14)?.part(28, slot)?;
    let outbound = outbound_block(block)?.part(prefix + 7, slot).filter(|subnet| subnet.prefix() <= 28)?;
    Some((attachment, outbound))
}

fn slot_number(slot: usize) -> Option<u64> {
    u64::try_from(slot).ok().filter(|slot| *slot < MOST_ZONES as u64)
}

/// The part of a network's block in which all subnets of the gateway tier lie.
pub(crate) fn gateway_block(block: Cidr) -> Option<Cidr> {
    block.part(block.prefix() + 3, 6)
}

/// The part in which all subnets of the data tier lie.
pub(crate) fn data_block(block: Cidr) -> Option<Cidr> {
    block.part(block.prefix() + 2, 2)
}

/// The part in which all subnets of workloads lie that leave the network.
pub(crate) fn outbound_block(block: Cidr) -> Option<Cidr> {
    block.part(block.prefix() + 4, 15)
}

/// The part of a gateway subnet in which nothing gets an address by chance: load balancers that others know by their
/// addresses stand there. A quarter of the subnet, or a /28 where that is more.
pub(crate) fn reservation(gateway: Cidr) -> Option<Cidr> {
    gateway.part((gateway.prefix() + 2).min(28), 0)
}

/// The address number `slot` of a gateway subnet's reservation, behind the four that AWS keeps.
/// Source: Amazon VPC User Guide, "Subnet CIDR blocks", reserved addresses.
pub(crate) fn fixed_address(gateway: Cidr, slot: u32) -> Option<Ipv4Addr> {
    let block = reservation(gateway)?;
    let address = u32::from(block.first()).checked_add(4)?.checked_add(slot)?;
    (address < u32::from(gateway.last()) && address <= u32::from(block.last()))
        .then(|| Ipv4Addr::from(address))
}
