//! Pictures of an estate's network.
//!
//! In: a [`Reach`]. Out: a [`Map`], and the map as SVG. Always: the map says what the engine says and nothing else; it stands
//! alone (no fonts, scripts or images from elsewhere) and is legible on light and dark backgrounds; the same network
//! gives the same bytes.

mod svg;

use reachability::Network;
use reachability::model::{GatewayKind, RouteTarget, VpcId};
use reachability::query::{By, Matrix, Reach, Verdict, say};

/// What a map shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// The estate's name.
    pub title: String,
    /// Offices and other networks outside AWS.
    pub offices: Vec<String>,
    /// Firewalls, by name and the VPC they stand in.
    pub firewalls: Vec<(String, String)>,
    /// Whether a transit gateway joins VPCs.
    pub transit: bool,
    /// Organizational units in the order of the network; one without a name where there are none.
    pub units: Vec<Unit>,
    /// What passes between units, the internet and offices.
    pub flows: Vec<Flow>,
}

/// An organizational unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its name; empty: accounts without a unit.
    pub name: String,
    /// Its accounts.
    pub accounts: Vec<Account>,
}

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its VPCs.
    pub vpcs: Vec<Vpc>,
    /// What reaches it from other accounts, the internet and offices.
    pub incoming: Vec<Incoming>,
}

impl Flow {
    /// Whether it goes to a service of AWS by an endpoint.
    fn is_to_service(&self) -> bool {
        self.to.starts_with("aws ")
    }
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpc {
    /// Its name.
    pub name: String,
    /// Its address blocks.
    pub blocks: String,
    /// Its region.
    pub region: String,
    /// An internet gateway is attached.
    pub internet_gateway: bool,
    /// A transit gateway is attached.
    pub attached: bool,
    /// A firewall stands in it.
    pub inspects: bool,
    /// Tiers with the number of subnets and of interfaces of hosts.
    pub tiers: Vec<Tier>,
}

/// A tier of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: String,
    /// How many subnets serve it.
    pub subnets: usize,
    /// Names of hosts in it, each once.
    pub hosts: Vec<String>,
}

/// What reaches an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// From where.
    pub from: String,
    /// Whether it certainly does.
    pub certain: bool,
    /// Services in words.
    pub says: String,
}

/// What passes between two classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The class that sends.
    pub from: String,
    /// The class that receives.
    pub to: String,
    /// Whether it certainly does.
    pub certain: bool,
    /// Services in words.
    pub says: String,
}

impl Map {
    /// Draws what an engine knows together.
    pub fn of(title: &str, network: &Network, reach: &mut Reach<'_>) -> Self {
        let mut map = Self { title: title.to_owned(), ..Self::default() };
        map.offices = network.offices.iter().map(|office| office.name.label.to_string()).collect();
        let vpc_name = |vpc: VpcId| network.vpcs.get(vpc.at()).map_or("", |vpc| vpc.name.label.as_str());
        map.firewalls = network
            .firewalls
            .iter()
            .map(|firewall| (firewall.name.label.to_string(), vpc_name(firewall.vpc).to_owned()))
            .collect();
        map.transit = !network.transit_gateways.is_empty();
        for (at, vpc) in network.vpcs.iter().enumerate() {
            let id = VpcId::from_position(at);
            let unit = match map.units.iter().position(|unit| unit.name == vpc.unit.as_str()) {
                Some(at) => at,
                None => {
                    map.units.push(Unit { name: vpc.unit.to_string(), accounts: Vec::new() });
                    map.units.len() - 1
                }
            };
            let account = if vpc.name.account.is_empty() { &vpc.name.label } else { &vpc.name.account };
            let Some(unit) = map.units.get_mut(unit) else { continue };
            let known = unit.accounts.iter().position(|known| known.name == account.as_str());
            let slot = known.unwrap_or_else(|| {
                unit.accounts.push(Account { name: account.to_string(), ..Account::default() });
                unit.accounts.len() - 1
            });
            if let Some(account) = unit.accounts.get_mut(slot) {
                account.vpcs.push(drawn(network, id));
            }
        }
        let accounts = reach.matrix(By::Account, &[], &[]);
        for account in map.units.iter_mut().flat_map(|unit| &mut unit.accounts) {
            account.incoming = incoming(&accounts, &account.name);
        }
        map.flows = flows(&reach.matrix(By::Unit, &[], &[]));
        map
    }
}

fn drawn(network: &Network, id: VpcId) -> Vpc {
    let Some(vpc) = network.vpcs.get(id.at()) else { return Vpc::default() };
    let (reachability::model::Addresses::Known(set) | reachability::model::Addresses::AtLeast(set, _)) =
        &vpc.blocks;
    let blocks: Vec<String> = set.0.iter().map(ToString::to_string).collect();
    let mut tiers: Vec<Tier> = Vec::new();
    for (at, subnet) in network.subnets.iter().enumerate().filter(|(_, subnet)| subnet.vpc == id) {
        let slot = match tiers.iter().position(|tier| tier.name == subnet.tier.as_str()) {
            Some(slot) => slot,
            None => {
                tiers.push(Tier { name: subnet.tier.to_string(), ..Tier::default() });
                tiers.len() - 1
            }
        };
        let Some(tier) = tiers.get_mut(slot) else { continue };
        tier.subnets += 1;
        let here = network.interfaces.iter().filter(|interface| interface.subnet.at() == at);
        for interface in here {
            use reachability::model::Role;
            if !matches!(interface.role, Role::Host | Role::Balancer(_)) {
                continue;
            }
            let host = network.hosts.get(interface.host.at()).map_or("", |host| host.name.label.as_str());
            if !host.is_empty() && !tier.hosts.iter().any(|known| known == host) {
                tier.hosts.push(host.to_owned());
            }
        }
    }
    let attached = network.attachments.iter().any(|attachment| {
        matches!(&attachment.kind, reachability::model::AttachmentKind::Vpc { vpc, .. } if *vpc == id)
    });
    let gateway = network
        .gateways
        .iter()
        .enumerate()
        .find(|(_, gateway)| gateway.kind == GatewayKind::Internet && gateway.vpc == Some(id));
    // A gateway that no route leads to is no door.
    let used = gateway.is_some_and(|(at, _)| {
        network
            .route_tables
            .iter()
            .filter(|table| table.vpc == id)
            .flat_map(|table| &table.routes)
            .any(|route| matches!(route.target, RouteTarget::Gateway(gateway) if gateway.at() == at))
    });
    Vpc {
        name: vpc.name.label.to_string(),
        blocks: blocks.join(", "),
        region: vpc.name.region.to_string(),
        internet_gateway: used,
        attached,
        inspects: network.firewalls.iter().any(|firewall| firewall.vpc == id),
        tiers,
    }
}

fn incoming(matrix: &Matrix, account: &str) -> Vec<Incoming> {
    let Some(column) = matrix.to.iter().position(|class| class.name == account) else { return Vec::new() };
    let rows = matrix.from.iter().zip(&matrix.cells);
    rows.filter(|(class, _)| class.name != account)
        .filter_map(|(class, row)| Some((class, row.get(column)?)))
        .filter(|(_, cell)| cell.verdict != Verdict::Unreachable)
        .map(|(class, cell)| Incoming {
            from: class.name.clone(),
            certain: cell.verdict == Verdict::Reachable,
            says: say(if cell.certain.is_empty() { &cell.services } else { &cell.certain }),
        })
        .collect()
}

fn flows(matrix: &Matrix) -> Vec<Flow> {
    let mut out = Vec::new();
    for (from, row) in matrix.from.iter().zip(&matrix.cells) {
        for (to, cell) in matrix.to.iter().zip(row) {
            if from.name != to.name && cell.verdict != Verdict::Unreachable {
                out.push(Flow {
                    from: from.name.clone(),
                    to: to.name.clone(),
                    certain: cell.verdict == Verdict::Reachable,
                    says: say(if cell.certain.is_empty() { &cell.services } else { &cell.certain }),
                });
            }
        }
    }
    out.sort_by_key(Flow::is_to_service);
    out
}
