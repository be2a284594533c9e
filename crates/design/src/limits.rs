//! Quotas of networks, before anything is deployed.
//!
//! In: a layout. Out: an error where AWS would refuse what the blueprint needs whatever is asked, a warning where a new
//! account has to ask for more first. Always: the numbers are the catalog's.

use std::collections::BTreeMap;

use catalog::{Catalog, NetworkQuota};
use diagnostics::{Diagnostic, Diagnostics, Span};

use crate::codes::OVER_QUOTA;
use crate::firewall;
use crate::layout::Layout;
use crate::ways::Part;

/// Says which quotas the hub would exceed.
pub(crate) fn check(layout: &Layout<'_>, diagnostics: &mut Diagnostics) {
    let Some(hub) = &layout.hub else { return };
    let span = hub.hub.span;
    let joined: Vec<_> = layout.sites.iter().filter_map(|site| Some((site, site.hub.as_ref()?))).collect();
    let offices = layout.blueprint.network.offices.len();
    let (tables, mut routes) = (1 + joined.len() + offices, 0);
    for (_, one) in &joined {
        let internet = if one.ways.to_internet() { 4 } else { 0 };
        routes += 1 + one.ways.peers().len() + usize::from(one.slots.iter().any(Option::is_some)) + internet;
    }
    let zones = hub.zones().count();
    let text = firewall::text_of_rules(layout, hub);
    let longest = text.lines().map(str::len).max().unwrap_or(0);
    let counted = [
        ("transit_route_tables", tables),
        ("transit_attachments", tables),
        ("transit_routes", routes),
        ("elastic_addresses", zones),
        ("firewalls", zones),
        ("firewall_rule_chars", longest),
        ("firewall_rules_bytes", text.len()),
    ];
    for (id, count) in counted {
        judge(id, count, "the hub", span, diagnostics);
    }
    for (site, one) in joined {
        let mut rules: BTreeMap<(bool, usize), (usize, Span)> = BTreeMap::new();
        for way in &one.ways.into {
            let key = match way.part {
                Part::Workload(at) => (false, at),
                Part::Store(at) => (true, at),
            };
            rules.entry(key).or_insert((0, way.span)).0 += 1;
        }
        for (count, span) in rules.into_values() {
            judge("security_group_rules", count, site.name(), span, diagnostics);
        }
    }
}

fn judge(id: &str, count: usize, of: &str, span: Span, diagnostics: &mut Diagnostics) {
    let Some(NetworkQuota { value, adjustable, what, .. }) = Catalog::shared().network_quota(id) else {
        return;
    };
    if count <= *value {
        return;
    }
    let message = format!("{of} needs {count} {what}; AWS allows {value}");
    diagnostics.push(if *adjustable {
        Diagnostic::warning(OVER_QUOTA, span, message)
            .help("ask AWS for more (Service Quotas) before deploying")
    } else {
        Diagnostic::error(OVER_QUOTA, span, message).help("approve flows between fewer environments")
    });
}
