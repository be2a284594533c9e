//! The address plan: ranges that do not overlap, in a space that holds them all.

use diagnostics::{Diagnostic, Span};

use super::Resolver;
use super::environments::Environments;
use crate::cidr::Cidr;
use crate::codes::{BAD_CIDR, OUTSIDE_SPACE, OVERLAP, SPACE_TOO_SMALL};
use crate::model::{HUB_PREFIX, Network};

impl Resolver<'_> {
    pub fn addresses(&mut self, network: &Network, environments: &Environments, recovery: bool) {
        let space = network.addresses;
        if !space.is_private() {
            let text = format!(
                "{} is not a private range; its owners on the internet could not be reached",
                space.value
            );
            let public = Diagnostic::error(BAD_CIDR, space.span, text);
            self.report(public.expected("a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"));
        }
        let mut ranges: Vec<(Cidr, Span, String)> = Vec::new();
        for reserved in &network.reserved {
            ranges.push((reserved.value, reserved.span, "reserved".into()));
        }
        for office in &network.offices {
            // What is reserved may be an office's.
            let own = office.networks.iter().filter(|range| {
                !network.reserved.iter().any(|reserved| reserved.value.contains(range.value))
            });
            ranges
                .extend(own.map(|range| (range.value, range.span, format!("the office `{}`", office.name))));
        }
        for environment in &environments.resolved {
            let Some(range) = environment.addresses else { continue };
            // Source: Amazon VPC User Guide, "VPC CIDR blocks": /16 to /28; three tiers over up to six zones need a /22.
            if !(16..=22).contains(&range.prefix()) {
                let text =
                    format!("a network of three tiers over several zones does not fit {}", range.value);
                self.report(
                    Diagnostic::error(BAD_CIDR, range.span, text).expected("a block from /16 to /22"),
                );
            }
            if !space.contains(range.value) {
                let text = format!(
                    "{} of `{}` is no part of the address space {}",
                    range.value, environment.name, space.value
                );
                self.report(
                    Diagnostic::error(OUTSIDE_SPACE, range.span, text)
                        .related(space.span, "the address space"),
                );
            }
            ranges.push((range.value, range.span, format!("`{}`", environment.name)));
        }
        // Sorted by first address and then widest first, a range overlaps an earlier one exactly when it
        // lies in the last one that reached furthest.
        ranges.sort_by_key(|(range, span, _)| (range.first(), range.prefix(), *span));
        let mut furthest: Option<&(Cidr, Span, String)> = None;
        for range in &ranges {
            match furthest.filter(|before| before.0.overlaps(range.0)) {
                Some(before) => {
                    let (late, early) = if range.1 >= before.1 { (range, before) } else { (before, range) };
                    let text = format!("{} ({}) overlaps {} ({})", late.0, late.2, early.0, early.2);
                    self.report(Diagnostic::error(OVERLAP, late.1, text).related(early.1, "overlaps this"));
                }
                None => furthest = Some(range),
            }
        }
        self.space(network, environments, recovery, &ranges);
    }

    fn space(
        &mut self,
        network: &Network,
        environments: &Environments,
        recovery: bool,
        ranges: &[(Cidr, Span, String)],
    ) {
        let (space, prefix) = (network.addresses, network.vpc_prefix);
        if prefix.value < space.prefix() {
            let text = format!("the address space {} has no block of /{}", space.value, prefix.value);
            let small = Diagnostic::error(SPACE_TOO_SMALL, space.span, text)
                .related(prefix.span, "the size of a network");
            self.report(small.help("widen `addresses`, or make `vpc-size` a longer prefix"));
            return;
        }
        let fixed =
            environments.resolved.iter().filter(|environment| environment.addresses.is_some()).count();
        let regions = 1 + usize::from(recovery);
        let hub = network.hub.as_ref().map_or(0, |_| 1 << prefix.value.saturating_sub(HUB_PREFIX));
        let wanted = (environments.resolved.len() * regions - fixed) as u64 + hub;
        let free = (1u64 << (prefix.value - space.prefix())) - taken(space.value, prefix.value, ranges);
        if wanted > free {
            let where_to = if recovery { " in each of two regions" } else { "" };
            let text = format!(
                "{} environments want a block of /{}{where_to}: {wanted} blocks, and {} has {free} left",
                environments.resolved.len(),
                prefix.value,
                space.value
            );
            let small = Diagnostic::error(SPACE_TOO_SMALL, space.span, text)
                .related(prefix.span, "the size of a network");
            self.report(small.help("widen `addresses`, or make `vpc-size` a longer prefix"));
        }
    }
}

/// How many blocks of `prefix` in `space` some range touches. The ranges are sorted by first address.
fn taken(space: Cidr, prefix: u8, ranges: &[(Cidr, Span, String)]) -> u64 {
    let size = 1u64 << (32 - u32::from(prefix));
    let origin = u64::from(u32::from(space.first()));
    let block = |address: std::net::Ipv4Addr| (u64::from(u32::from(address)) - origin) / size;
    let (mut count, mut next) = (0, 0);
    for (range, ..) in ranges.iter().filter(|(range, ..)| range.overlaps(space)) {
        let first = block(range.first().max(space.first())).max(next);
        let end = block(range.last().min(space.last())) + 1;
        count += end.saturating_sub(first);
        next = next.max(end);
    }
    count
}
