//! `estate.lock`: what was handed out, kept beside the blueprint.
//!
//! In: the file's text, or nothing. Out: [`Lock`], and its text again. Always: the text is a function of the
//! lock, and reading it gives the same lock; entries keep the order in which they were handed out; what was
//! removed from the blueprint stays as a tombstone, so that nobody gets its addresses by accident.

use std::fmt::Write as _;

use blueprint::cidr::Cidr;
use diagnostics::{Diagnostic, Diagnostics, SourceFile, Span};
use document::{Node, Syntax};
use estate::SmolStr;

use crate::codes::BAD_LOCK;

/// What was handed out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// Accounts in the order in which they were first asked for, which is the order in which they are created.
    pub accounts: Vec<LockedAccount>,
    /// Networks in the order in which they were first asked for.
    pub networks: Vec<LockedNetwork>,
    /// Ways in from the hub in the order in which they were first asked for.
    pub ingress: Vec<LockedIngress>,
}

/// The way in from the hub to a workload: the number of its address in each gateway subnet.
#[derive(Debug, Clone)]
pub struct LockedIngress {
    /// The environment's name in the blueprint.
    pub environment: SmolStr,
    /// The workload's.
    pub workload: SmolStr,
    /// The number, unique in the environment.
    pub slot: u32,
    /// Whether the blueprint no longer has it.
    pub removed: bool,
    /// Where it is written.
    pub span: Span,
}

/// An account that was asked for.
#[derive(Debug, Clone)]
pub struct LockedAccount {
    /// Its name in the blueprint.
    pub name: SmolStr,
    /// The logical id of its `AWS::Organizations::Account`.
    pub id: SmolStr,
    /// Whether the blueprint no longer has it.
    pub removed: bool,
    /// Where it is written.
    pub span: Span,
}

/// The addresses of an environment in a region.
#[derive(Debug, Clone)]
pub struct LockedNetwork {
    /// The environment's name in the blueprint.
    pub environment: SmolStr,
    /// The region.
    pub region: SmolStr,
    /// The VPC's block.
    pub addresses: Cidr,
    /// The zones with their subnets; an environment uses as many of them, from the first, as it wants.
    pub zones: Vec<LockedZone>,
    /// Whether the blueprint no longer has it.
    pub removed: bool,
    /// Where it is written.
    pub span: Span,
}

/// The subnets of a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedZone {
    /// The zone's id, the same physical place in every account: `use1-az1`.
    /// Source: AWS RAM User Guide, "Availability Zone IDs for your AWS resources".
    pub zone: SmolStr,
    /// The tier that is exposed: load balancers.
    pub gateway: Cidr,
    /// The tier that runs workloads.
    pub application: Cidr,
    /// The tier that holds data.
    pub data: Cidr,
    /// Where the Transit Gateway is attached, in a network that is joined to the hub.
    pub attachment: Option<Cidr>,
    /// The tier of workloads that leave the network, in one that is joined to the hub.
    pub outbound: Option<Cidr>,
}

/// Where an entry is written does not change what it says.
impl PartialEq for LockedAccount {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.id, self.removed) == (&other.name, &other.id, other.removed)
    }
}

/// Where an entry is written does not change what it says.
impl PartialEq for LockedIngress {
    fn eq(&self, other: &Self) -> bool {
        (&self.environment, &self.workload, self.slot, self.removed)
            == (&other.environment, &other.workload, other.slot, other.removed)
    }
}

/// Where an entry is written does not change what it says.
impl PartialEq for LockedNetwork {
    fn eq(&self, other: &Self) -> bool {
        (&self.environment, &self.region, self.addresses, &self.zones, self.removed)
            == (&other.environment, &other.region, other.addresses, &other.zones, other.removed)
    }
}

const HEAD: &str = "\
# What Steward has handed out for this estate. Commit it beside estate.yaml; Steward keeps it.
# An entry that is `removed` has left the blueprint; it keeps its addresses so that nobody gets them by accident.
version: 1
";

impl Lock {
    /// Reads `estate.lock`. `None` when something in it is not what Steward writes; it has been said what.
    pub fn parse(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Self> {
        let before = diagnostics.error_count();
        let tree = document::parse(file, Syntax::blueprint(), diagnostics)?;
        let mut reader = Reader { diagnostics };
        let lock = reader.lock(&tree);
        (diagnostics.error_count() == before).then_some(lock)
    }

    /// The text of `estate.lock`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::from(HEAD);
        out.push_str(if self.accounts.is_empty() { "accounts: []\n" } else { "accounts:\n" });
        for account in &self.accounts {
            let removed = if account.removed { ", removed: true" } else { "" };
            let _ = writeln!(out, "  - {{ name: {}, id: {}{removed} }}", account.name, account.id);
        }
        out.push_str(if self.networks.is_empty() { "networks: []\n" } else { "networks:\n" });
        for network in &self.networks {
            let LockedNetwork { environment, region, addresses, .. } = network;
            let _ = write!(
                out,
                "  - environment: {environment}\n    region: {region}\n    addresses: {addresses}\n"
            );
            if network.removed {
                out.push_str("    removed: true\n");
            }
            out.push_str("    zones:\n");
            for LockedZone { zone, gateway, application, data, attachment, outbound } in &network.zones {
                let _ = write!(out, "      - {{ zone: {zone}, gateway: {gateway}, ");
                let _ = write!(out, "application: {application}, data: {data}");
                if let (Some(attachment), Some(outbound)) = (attachment, outbound) {
                    let _ = write!(out, ", attachment: {attachment}, outbound: {outbound}");
                }
                out.push_str(" }\n");
            }
        }
        if !self.ingress.is_empty() {
            out.push_str("ingress:\n");
        }
        for LockedIngress { environment, workload, slot, removed, .. } in &self.ingress {
            let removed = if *removed { ", removed: true" } else { "" };
            let _ = write!(out, "  - {{ environment: {environment}, workload: {workload}, slot: {slot}");
            let _ = writeln!(out, "{removed} }}");
        }
        out
    }
}

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl Reader<'_> {
    fn lock(&mut self, tree: &Node) -> Lock {
        self.only(tree, &["version", "accounts", "networks", "ingress"]);
        match tree.get("version").and_then(Node::as_scalar_text) {
            Some(version) if version == "1" => {}
            Some(version) => self
                .error(tree.span, &format!("the lock has version {version}; this Steward reads version 1")),
            None => self.error(tree.span, "the lock does not say its version"),
        }
        let accounts =
            self.items(tree, "accounts").into_iter().filter_map(|node| self.account(node)).collect();
        let networks: Vec<_> =
            self.items(tree, "networks").into_iter().filter_map(|node| self.network(node)).collect();
        let ways: Vec<&Node> = tree.get("ingress").map_or_else(Vec::new, |_| self.items(tree, "ingress"));
        let ingress = ways.into_iter().filter_map(|node| self.ingress(node)).collect();
        let lock = Lock { accounts, networks, ingress };
        self.check_unique(&lock);
        lock
    }

    fn account(&mut self, node: &Node) -> Option<LockedAccount> {
        self.only(node, &["name", "id", "removed"]);
        let (name, id) = (self.text(node, "name")?, self.text(node, "id")?);
        let alphanumeric =
            !id.is_empty() && id.len() <= 255 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !alphanumeric || blueprint::Name::parse(&name).is_err() {
            self.error(node.span, &format!("`{name}` with the logical id `{id}` is not an account"));
            return None;
        }
        Some(LockedAccount { name, id, removed: self.removed(node), span: node.span })
    }

    fn network(&mut self, node: &Node) -> Option<LockedNetwork> {
        self.only(node, &["environment", "region", "addresses", "removed", "zones"]);
        let (environment, region) = (self.word(node, "environment")?, self.word(node, "region")?);
        let addresses = self.cidr(node, "addresses")?;
        let zones: Vec<_> =
            self.items(node, "zones").into_iter().filter_map(|zone| self.zone(zone)).collect();
        let mut blocks: Vec<_> =
            zones.iter().flat_map(|zone| [zone.gateway, zone.application, zone.data]).collect();
        blocks.extend(zones.iter().filter_map(|zone| zone.attachment));
        blocks.extend(zones.iter().filter_map(|zone| zone.outbound));
        blocks.sort_unstable();
        let outside = blocks.iter().find(|block| !addresses.contains(**block));
        let twice = blocks.iter().zip(blocks.iter().skip(1)).find(|(a, b)| a.overlaps(**b));
        if let Some(block) = outside {
            self.error(node.span, &format!("the subnet {block} is not a part of {addresses}"));
        }
        if let Some((a, b)) = twice {
            self.error(node.span, &format!("the subnets {a} and {b} overlap"));
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(zone) = zones.iter().find(|zone| !seen.insert(&zone.zone)) {
            self.error(node.span, &format!("the zone {} is there twice", zone.zone));
        }
        Some(LockedNetwork {
            environment,
            region,
            addresses,
            zones,
            removed: self.removed(node),
            span: node.span,
        })
    }

    fn zone(&mut self, node: &Node) -> Option<LockedZone> {
        self.only(node, &["zone", "gateway", "application", "data", "attachment", "outbound"]);
        Some(LockedZone {
            zone: self.word(node, "zone")?,
            gateway: self.cidr(node, "gateway")?,
            application: self.cidr(node, "application")?,
            data: self.cidr(node, "data")?,
            attachment: self.perhaps(node, "attachment")?,
            outbound: self.perhaps(node, "outbound")?,
        })
    }

    fn ingress(&mut self, node: &Node) -> Option<LockedIngress> {
        self.only(node, &["environment", "workload", "slot", "removed"]);
        let (environment, workload) = (self.word(node, "environment")?, self.word(node, "workload")?);
        let text = self.text(node, "slot")?;
        let Ok(slot) = text.parse::<u16>() else {
            self.error(node.span, &format!("`slot` is `{text}`, which is no number of an address"));
            return None;
        };
        Some(LockedIngress {
            environment,
            workload,
            slot: u32::from(slot),
            removed: self.removed(node),
            span: node.span,
        })
    }

    /// A range that may be missing; `None` where it is there and wrong.
    fn perhaps(&mut self, node: &Node, key: &str) -> Option<Option<Cidr>> {
        if node.get(key).is_none() { Some(None) } else { self.cidr(node, key).map(Some) }
    }

    fn check_unique(&mut self, lock: &Lock) {
        let mut names = std::collections::BTreeMap::new();
        let mut ids = std::collections::BTreeMap::new();
        for account in &lock.accounts {
            if names.insert(&account.name, ()).is_some() || ids.insert(&account.id, ()).is_some() {
                self.error(
                    account.span,
                    &format!("the account `{}` or its logical id is there twice", account.name),
                );
            }
        }
        let mut keys = std::collections::BTreeMap::new();
        for network in &lock.networks {
            if keys.insert((&network.environment, &network.region), ()).is_some() {
                let LockedNetwork { environment, region, .. } = network;
                self.error(
                    network.span,
                    &format!("the network of `{environment}` in {region} is there twice"),
                );
            }
        }
        let (mut ways, mut slots) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for LockedIngress { environment, workload, slot, span, .. } in &lock.ingress {
            if !ways.insert((environment, workload)) || !slots.insert((environment, slot)) {
                self.error(
                    *span,
                    &format!("the way in to `{environment}/{workload}` or its slot is there twice"),
                );
            }
        }
        let mut blocks: Vec<_> = lock.networks.iter().map(|network| (network.addresses, network)).collect();
        blocks.sort_by_key(|(block, _)| *block);
        for ((a, _), (b, network)) in blocks.iter().zip(blocks.iter().skip(1)) {
            if a.overlaps(*b) {
                self.error(network.span, &format!("{b} overlaps {a}, which was handed out too"));
            }
        }
    }

    fn only(&mut self, node: &Node, known: &[&str]) {
        let Some(entries) = node.as_map() else {
            return self.error(node.span, &format!("{} stands where a mapping should", node.describe()));
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.text.as_str())) {
            self.error(entry.key.span, &format!("`{}` is not a word of the lock", entry.key.text));
        }
    }

    fn items<'n>(&mut self, node: &'n Node, key: &str) -> Vec<&'n Node> {
        match node.get(key).map(|list| (list, list.as_list())) {
            Some((_, Some(items))) => items.iter().collect(),
            Some((list, None)) => {
                self.error(list.span, &format!("`{key}` is not a list"));
                Vec::new()
            }
            None => {
                self.error(node.span, &format!("`{key}` is missing"));
                Vec::new()
            }
        }
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<SmolStr> {
        let text = node.get(key).and_then(Node::as_scalar_text);
        if text.is_none() {
            self.error(node.span, &format!("`{key}` is missing"));
        }
        text
    }

    /// A name of an environment, region or zone.
    fn word(&mut self, node: &Node, key: &str) -> Option<SmolStr> {
        let text = self.text(node, key)?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || !text.chars().all(good) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            self.error(node.span, &format!("`{key}` is `{text}`, which is no name"));
            return None;
        }
        Some(text)
    }

    fn cidr(&mut self, node: &Node, key: &str) -> Option<Cidr> {
        let text = self.text(node, key)?;
        Cidr::parse(&text)
            .map_err(|why| self.error(node.span, &format!("`{text}` is not an address range: {why}")))
            .ok()
    }

    fn removed(&mut self, node: &Node) -> bool {
        match node.get("removed").and_then(Node::as_scalar_text).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                self.error(node.span, &format!("`removed` is `{other}`, not true or false"));
                false
            }
        }
    }

    fn error(&mut self, span: Span, message: &str) {
        let help = "restore `estate.lock` from version control; it is written by Steward, not by hand";
        self.diagnostics.push(Diagnostic::error(BAD_LOCK, span, message).help(help));
    }
}
