//! Which stacks there are, in which account and region, before anything is drawn.
//!
//! In: a blueprint and its lock. Out: [`Layout`]: accounts, the id of every stack, every network's addresses,
//! and the new lock. Always: ids are handed out here and only here, so that what belongs to different
//! environments can be drawn at the same time; stacks of an environment are named after it, so that adding
//! one changes no other.

mod site;

use std::collections::{BTreeMap, BTreeSet};

use blueprint::cidr::Cidr;
use blueprint::model::{
    Account, AccountId, Backup, Blueprint, DataClass, Environment, Exposure, HUB_PREFIX, Hub, Keys, Macie,
    Region, StoreKind, Workload,
};
use diagnostics::{Diagnostic, Diagnostics, Span};
use estate::{SmolStr, StackId};

use crate::addresses::{self, Planner, Wish};
use crate::codes::{COMES_BACK, NO_ZONE, SAME_LOGICAL_ID};
use crate::draft::Place;
use crate::lock::{Lock, LockedAccount, LockedNetwork, LockedZone};
use crate::naming;
use crate::tags::Tags;
use crate::ways::{self, Ways};

/// The whole estate before it is drawn.
pub(crate) struct Layout<'b> {
    /// What is compiled.
    pub blueprint: &'b Blueprint,
    /// Stacks of the organization as a whole.
    pub foundation: Foundation,
    /// The environments.
    pub sites: Vec<Site<'b>>,
    /// The hub of the network.
    pub hub: Option<HubSite<'b>>,
    /// What has been handed out now.
    pub lock: Lock,
    /// Who owns what nobody else owns: the value of the tag `owner` where the blueprint says none.
    pub owner: SmolStr,
}

/// Stacks of the organization as a whole.
#[derive(Debug)]
pub(crate) struct Foundation {
    /// Units and accounts, in the management account.
    pub organization: StackId,
    /// The archive, in the account that keeps the logs.
    pub log_archive: StackId,
    /// The trail, in the management account.
    pub trail: StackId,
    /// Control policies, in the management account.
    pub guardrails: StackId,
    /// The stack sets, in the management account.
    pub fleet: StackId,
    /// The account that stands for every account that stack sets reach.
    pub every_account: estate::AccountId,
    /// What every account has once, as the stack set deploys it.
    pub every_account_stack: StackId,
    /// What every account has in every region, as the stack set deploys it.
    pub every_region_stack: StackId,
    /// What every account has once, in the management account.
    pub management_account_stack: StackId,
    /// What every account has in every region, in the management account.
    pub management_region_stacks: Vec<(StackId, SmolStr)>,
    /// What watches, in the audit account: the primary region first.
    pub detection: Vec<(StackId, SmolStr)>,
    /// Amazon Macie, where it looks.
    pub macie: Vec<(StackId, Place)>,
    /// People and what they may do, in the management account; none where the blueprint says nothing of them.
    pub identity: Option<StackId>,
    /// The record of every reading and writing of data, in the management account; none where there is nothing to record.
    pub data_events: Option<StackId>,
    /// The regions in which anything may be, sorted.
    pub regions: Vec<SmolStr>,
    /// The management account in the primary region.
    pub management_place: Place,
    /// The account that keeps the logs in the primary region.
    pub archive_place: Place,
    /// The name of the trail. It is fixed, because the archive's policies name the trail before there is one.
    pub trail_name: SmolStr,
}

/// The hub of the network in its region.
pub(crate) struct HubSite<'b> {
    /// What is written about it.
    pub hub: &'b Hub,
    /// Its account and region.
    pub place: Place,
    /// Its VPC's addresses.
    pub network: LockedNetwork,
    /// How many zones it spreads over: as many as the environment that has most.
    pub zones: usize,
    /// Its stacks.
    pub stacks: HubStacks,
    /// One for each office.
    pub offices: Vec<StackId>,
    /// Tags on everything in it.
    pub tags: Tags,
}

/// The stacks of the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HubStacks {
    /// VPC, internet gateway, NAT gateways.
    pub network: StackId,
    /// The Transit Gateway and its share.
    pub transit_gateway: StackId,
    /// Network Firewall.
    pub firewall: StackId,
    /// Names that networks share, where any are reached across.
    pub names: Option<StackId>,
    /// What offices share, where there are any.
    pub offices: Option<StackId>,
}

impl HubSite<'_> {
    /// The zones that it uses.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (usize, &LockedZone)> {
        (1..).zip(self.network.zones.iter().take(self.zones))
    }
}

/// An environment's place at the hub.
pub(crate) struct Joined {
    /// The stack in the hub's account that holds its routes and its ways in from the internet.
    pub stack: StackId,
    /// The stack in the hub's account that holds the names of what is reached from other networks.
    pub names: Option<StackId>,
    /// The stacks of the hub.
    pub hub: HubStacks,
    /// Where the load balancers on the internet stand.
    pub entrance: Cidr,
    /// The address space of the whole estate, and of offices outside of it.
    pub space: Vec<Cidr>,
    /// Its ways.
    pub ways: Ways,
    /// For each workload the number of its address in each gateway subnet, where it is on the internet.
    pub slots: Vec<Option<u32>>,
}

/// An environment in its region.
pub(crate) struct Site<'b> {
    /// The environment.
    pub environment: &'b Environment,
    /// How keys are made.
    pub keys: &'b Keys,
    /// Its account and region.
    pub place: Place,
    /// The recovery region, where its keys have replicas.
    pub recovery: Option<Place>,
    /// The name of its account, by which commands know it.
    pub account_name: &'b str,
    /// The name of the management account.
    pub management_name: &'b str,
    /// The account that holds copies of its backups and nothing else, in its region.
    pub isolated: Option<Place>,
    /// What is said of backups.
    pub backup: &'b Backup,
    /// Its VPC's addresses.
    pub network: LockedNetwork,
    /// Its stacks.
    pub stacks: SiteStacks,
    /// Its place at the hub.
    pub hub: Option<Joined>,
    /// Tags on everything in it.
    pub tags: Tags,
    /// Who hears of trouble.
    pub operations: &'b str,
    /// The stack that creates its account.
    pub organization: StackId,
}

/// The stacks of an environment; none where nothing would be in it.
#[derive(Debug)]
pub(crate) struct SiteStacks {
    /// Customer-managed keys.
    pub keys: StackId,
    /// Replicas of the data keys in the recovery region.
    pub replica_keys: Option<StackId>,
    /// The bucket of access logs.
    pub access_logs: Option<StackId>,
    /// VPC, subnets, endpoints.
    pub network: StackId,
    /// Hosted zones.
    pub domain: Option<StackId>,
    /// Repositories of container images.
    pub images: Option<StackId>,
    /// Security groups: who reaches whom.
    pub access: Option<StackId>,
    /// The alarm topic.
    pub alarms: Option<StackId>,
    /// One for each store.
    pub stores: Vec<StackId>,
    /// One for each workload.
    pub workloads: Vec<StackId>,
    /// The vault of copies in the recovery region.
    pub recovery_backup: Option<StackId>,
    /// The vault of copies in the isolated account.
    pub isolated_backup: Option<StackId>,
    /// Backup vault and plan.
    pub backup: Option<StackId>,
}

/// The name that stands for every account that stack sets reach; no account can have it.
pub(crate) const EVERY_ACCOUNT: &str = "every account";

/// Hands out stack ids.
struct Ids(u32);

impl Ids {
    fn next(&mut self) -> StackId {
        self.0 += 1;
        StackId(self.0 - 1)
    }

    fn next_if(&mut self, wanted: bool) -> Option<StackId> {
        wanted.then(|| self.next())
    }
}

/// The estate's id of an account of the blueprint: both count in the same order.
pub(crate) fn account(id: AccountId) -> estate::AccountId {
    estate::AccountId(u32::try_from(id.0).unwrap_or(u32::MAX))
}

/// The regions in which anything may be: the company's two, those of its environments and of its templates.
fn regions(blueprint: &Blueprint) -> Vec<SmolStr> {
    let own = [Some(&blueprint.regions.primary), blueprint.regions.recovery.as_ref()].into_iter().flatten();
    let all = own.chain(blueprint.environments.iter().map(|environment| &environment.region));
    let all = all.chain(blueprint.templates.iter().map(|template| &template.region));
    let names: BTreeSet<SmolStr> = all.map(|region| region.value.name.clone()).collect();
    names.into_iter().collect()
}

/// The accounts and regions in whose buckets Amazon Macie looks, each once.
fn macie(blueprint: &Blueprint) -> Vec<Place> {
    let wanted: &[DataClass] = match blueprint.detection.macie.value {
        Macie::Phi => &[DataClass::Phi],
        Macie::Personal => &[DataClass::Phi, DataClass::Pii, DataClass::Financial],
        Macie::Nowhere => &[],
    };
    let mut out: Vec<Place> = Vec::new();
    for environment in &blueprint.environments {
        let buckets = environment.stores.iter().filter(|store| matches!(store.kind, StoreKind::Bucket(_)));
        let mut classes = buckets.flat_map(|store| &store.contains);
        if classes.any(|class| wanted.contains(&class.value)) {
            let place = place(environment.account, &environment.region.value);
            if !out.iter().any(|there| (there.account, &there.region) == (place.account, &place.region)) {
                out.push(place);
            }
        }
    }
    out
}

fn place(account_id: AccountId, region: &Region) -> Place {
    Place { account: account(account_id), region: region.name.clone(), partition: "aws" }
}

impl<'b> Layout<'b> {
    /// Lays the estate out. `None` when something could not be handed out; it has been said what.
    pub(crate) fn new(blueprint: &'b Blueprint, lock: &Lock, diagnostics: &mut Diagnostics) -> Option<Self> {
        let before = diagnostics.error_count();
        let organization = &blueprint.organization;
        let primary = &blueprint.regions.primary.value;
        let mut ids = Ids(0);
        let regions = regions(blueprint);
        let mut home_first = vec![primary.name.clone()];
        home_first.extend(regions.iter().filter(|region| **region != primary.name).cloned());
        let foundation = Foundation {
            organization: ids.next(),
            log_archive: ids.next(),
            trail: ids.next(),
            guardrails: ids.next(),
            fleet: ids.next(),
            every_account: estate::AccountId(u32::try_from(organization.accounts.len()).unwrap_or(u32::MAX)),
            every_account_stack: ids.next(),
            every_region_stack: ids.next(),
            management_account_stack: ids.next(),
            management_region_stacks: home_first.iter().map(|region| (ids.next(), region.clone())).collect(),
            detection: home_first.iter().map(|region| (ids.next(), region.clone())).collect(),
            macie: macie(blueprint).into_iter().map(|place| (ids.next(), place)).collect(),
            identity: ids.next_if(blueprint.identity.is_some()),
            data_events: ids.next_if(crate::data_events::is_wanted(blueprint)),
            regions,
            management_place: place(organization.management, primary),
            archive_place: place(organization.log_archive, primary),
            trail_name: smol_str::format_smolstr!("{}-organization", blueprint.name),
        };
        let owner = SmolStr::new(blueprint.contacts.operations.value.as_str());
        let accounts = accounts(blueprint, lock, diagnostics);
        let networks = networks(blueprint, lock, diagnostics);
        check_ids(blueprint, diagnostics);
        if diagnostics.error_count() > before {
            return None;
        }
        let ingress = crate::ingress::hand_out(blueprint, lock);
        let by_key: BTreeMap<(&str, &str), &LockedNetwork> = networks
            .iter()
            .map(|network| ((network.environment.as_str(), network.region.as_str()), network))
            .collect();
        let of = |environment: &Environment| {
            by_key.get(&(environment.name.value.as_str(), environment.region.value.name.as_str())).copied()
        };
        let hub = match &blueprint.network.hub {
            Some(hub) => Some(HubSite {
                hub,
                place: place(hub.account, primary),
                network: (*by_key.get(&(HUB, primary.name.as_str()))?).clone(),
                zones: hub_zones(blueprint),
                stacks: HubStacks {
                    network: ids.next(),
                    transit_gateway: ids.next(),
                    firewall: ids.next(),
                    names: ids.next_if(blueprint.environments.iter().any(is_reached)),
                    offices: ids.next_if(!blueprint.network.offices.is_empty()),
                },
                offices: blueprint.network.offices.iter().map(|_| ids.next()).collect(),
                tags: tags_of(blueprint, &owner, hub.account),
            }),
            None => None,
        };
        let blocks = blueprint.environments.iter().map(|one| Some(of(one)?.addresses));
        let blocks: Vec<Cidr> = blocks.collect::<Option<_>>()?;
        let ways = ways::of(blueprint, &blocks);
        let mut sites = Vec::with_capacity(blueprint.environments.len());
        for (environment, ways) in blueprint.environments.iter().zip(ways) {
            let network = of(environment)?;
            let recovery = blueprint.regions.recovery.as_ref();
            let recovery = recovery.filter(|region| region.value.name != environment.region.value.name);
            let recovery = recovery.map(|region| place(environment.account, &region.value));
            let isolated = blueprint.backup.isolated_account.as_ref().filter(|_| environment.is_precious());
            let isolated = isolated.map(|account| place(account.value, &environment.region.value));
            let copies = Copies {
                replicas: recovery.is_some(),
                recovery: recovery.is_some() && blueprint.backup.to_recovery && environment.is_precious(),
                isolated: isolated.is_some(),
            };
            let name = SmolStr::new(environment.name.value.as_str());
            let joins = joins(blueprint, environment, &ways);
            let hub = match hub.as_ref().filter(|_| joins) {
                Some(hub) => Some(Joined {
                    stack: ids.next(),
                    names: ids.next_if(is_reached(environment)),
                    hub: hub.stacks,
                    entrance: addresses::gateway_block(hub.network.addresses)?,
                    space: space(blueprint),
                    ways,
                    slots: crate::ingress::slots(environment, &ingress),
                }),
                None => None,
            };
            sites.push(Site {
                environment,
                hub,
                keys: &blueprint.keys,
                place: place(environment.account, &environment.region.value),
                stacks: site_stacks(&mut ids, environment, &copies),
                account_name: name_of(blueprint, environment.account),
                management_name: name_of(blueprint, organization.management),
                isolated,
                backup: &blueprint.backup,
                recovery,
                network: network.clone(),
                tags: Tags::new(&owner, &name, &environment.tags),
                operations: blueprint.contacts.operations.value.as_str(),
                organization: foundation.organization,
            });
        }
        let lock = Lock { accounts, networks, ingress };
        Some(Self { blueprint, foundation, sites, hub, lock, owner })
    }

    /// The address space of the estate, and the networks of offices that lie outside of it.
    pub(crate) fn space(&self) -> Vec<Cidr> {
        space(self.blueprint)
    }

    /// The name of the management account, by which commands know it.
    pub(crate) fn management_name(&self) -> &'b str {
        self.account_name(self.blueprint.organization.management)
    }

    /// The name of an account.
    pub(crate) fn account_name(&self, account: AccountId) -> &'b str {
        name_of(self.blueprint, account)
    }

    /// The tags of what belongs to the organization as a whole and lies in `account`.
    pub(crate) fn tags(&self, account: AccountId) -> Tags {
        tags_of(self.blueprint, &self.owner, account)
    }
}

fn name_of(blueprint: &Blueprint, account: AccountId) -> &str {
    blueprint.account(account).map_or("", |account| account.name.value.as_str())
}

fn tags_of(blueprint: &Blueprint, owner: &str, account: AccountId) -> Tags {
    let own = blueprint.account(account).map_or(&[][..], |account| account.tags.as_slice());
    let written = blueprint.tags.iter().chain(own).cloned().collect();
    Tags::new(owner, &SmolStr::new_static("organization"), &written)
}

/// The name under which the lock keeps the hub's network. No environment can have it.
const HUB: &str = "hub";

/// Whether anything in an environment is reached by a flow.
fn is_reached(environment: &Environment) -> bool {
    environment.workloads.iter().any(crate::names::is_shared)
}

/// Zones of the hub: as many as the environment that has most, so that a zone's packets stay in it.
fn hub_zones(blueprint: &Blueprint) -> usize {
    blueprint.environments.iter().map(|one| usize::from(one.zones.value)).max().unwrap_or(2)
}

/// Whether an environment is joined to the hub: something crosses its border. What nothing crosses stays alone.
fn joins(blueprint: &Blueprint, environment: &Environment, ways: &Ways) -> bool {
    blueprint.network.hub.is_some() && (environment.is_on_the_internet() || ways.any())
}

/// The address space of the estate and the networks of offices that lie outside of it.
fn space(blueprint: &Blueprint) -> Vec<Cidr> {
    let network = &blueprint.network;
    let offices = network.offices.iter().flat_map(|office| office.networks.iter().map(|range| range.value));
    let outside = offices.filter(|range| !network.addresses.value.contains(*range));
    std::iter::once(network.addresses.value).chain(outside).collect()
}

/// Whether a workload has a load balancer before it.
pub(crate) fn is_served(workload: &Workload) -> bool {
    workload.exposure != Exposure::Nobody
}

/// Where an environment's keys and backups are beside its own account and region.
struct Copies {
    replicas: bool,
    recovery: bool,
    isolated: bool,
}

fn site_stacks(ids: &mut Ids, environment: &Environment, copies: &Copies) -> SiteStacks {
    let (stores, workloads) = (&environment.stores, &environment.workloads);
    let served = workloads.iter().any(is_served);
    let bucket = stores.iter().any(|store| matches!(store.kind, StoreKind::Bucket(_)));
    let database = stores.iter().any(|store| matches!(store.kind, StoreKind::Postgresql(_)));
    SiteStacks {
        keys: ids.next(),
        replica_keys: ids.next_if(copies.replicas && !stores.is_empty()),
        access_logs: ids.next_if(served || bucket),
        network: ids.next(),
        alarms: ids.next_if(served || !stores.is_empty()),
        domain: ids.next_if(served),
        images: ids.next_if(workloads.iter().any(|workload| workload.image.is_none())),
        access: ids.next_if(database || !workloads.is_empty()),
        stores: stores.iter().map(|_| ids.next()).collect(),
        workloads: workloads.iter().map(|_| ids.next()).collect(),
        recovery_backup: ids.next_if(copies.recovery && !stores.is_empty()),
        isolated_backup: ids.next_if(copies.isolated && !stores.is_empty()),
        backup: ids.next_if(!stores.is_empty()),
    }
}

/// All accounts but the management account, in the order in which they were first asked for.
fn accounts(blueprint: &Blueprint, lock: &Lock, diagnostics: &mut Diagnostics) -> Vec<LockedAccount> {
    let mut out = lock.accounts.clone();
    let at: BTreeMap<SmolStr, usize> =
        (0..).zip(&out).map(|(at, account)| (account.name.clone(), at)).collect();
    let mut ids: BTreeSet<SmolStr> = out.iter().map(|account| account.id.clone()).collect();
    out.iter_mut().for_each(|account| account.removed = true);
    let members = (0..).zip(&blueprint.organization.accounts);
    for (_, Account { name, .. }) in
        members.filter(|(at, _)| AccountId(*at) != blueprint.organization.management)
    {
        let known = at.get(name.value.as_str()).copied();
        if let Some((known, before)) = known.and_then(|at| Some((out.get_mut(at)?, lock.accounts.get(at)?))) {
            known.removed = false;
            if before.removed {
                let message = format!("the account `{name}` was removed before and comes back");
                let help = "import the account into the stack `organization` before it is deployed";
                let said = Diagnostic::warning(COMES_BACK, name.span, message);
                diagnostics.push(said.related(before.span, "removed here").help(help));
            }
            continue;
        }
        let id = naming::id(name.value.as_str(), "Account");
        if !ids.insert(id.clone()) {
            diagnostics.push(same_id(&id, name.span, Span::NONE));
        }
        out.push(LockedAccount {
            name: SmolStr::new(name.value.as_str()),
            id,
            removed: false,
            span: name.span,
        });
    }
    out
}

/// The environments that are joined to the hub, before anybody has addresses.
fn joining(blueprint: &Blueprint) -> BTreeSet<usize> {
    let Some(hub) = &blueprint.network.hub else { return BTreeSet::new() };
    let flows = blueprint.flows.iter();
    let crossed = flows.flat_map(|flow| [flow.from.environment(), flow.to.environment()]);
    let crossed = crossed.flatten().map(|id| id.0);
    let all = blueprint.environments.iter().enumerate();
    let open = all
        .filter(|(_, one)| one.is_on_the_internet() || (!hub.allow.is_empty() && !one.workloads.is_empty()));
    crossed.chain(open.map(|(at, _)| at)).collect()
}

fn networks(blueprint: &Blueprint, lock: &Lock, diagnostics: &mut Diagnostics) -> Vec<LockedNetwork> {
    let recovery = blueprint.regions.recovery.as_ref();
    let mut wishes: Vec<Wish<'_>> = Vec::with_capacity(blueprint.environments.len());
    let joining = joining(blueprint);
    for (at, environment) in blueprint.environments.iter().enumerate() {
        let home = &environment.region.value;
        let wish = Wish {
            environment: environment.name.value.as_str(),
            region: &home.name,
            fixed: environment.addresses.as_ref().map(|block| block.value),
            prefix: blueprint.network.vpc_prefix.value,
            joined: joining.contains(&at),
            zones: usize::from(environment.zones.value),
            span: environment.name.span,
        };
        // Addresses in the recovery region are handed out now, so that what is made there later never overlaps.
        let away = recovery.filter(|region| region.value.name != home.name).map(|region| Wish {
            region: &region.value.name,
            fixed: None,
            joined: false,
            zones: wish.zones.min(region.value.zones),
            ..wish.clone()
        });
        wishes.push(wish);
        wishes.extend(away);
    }
    wishes.extend(blueprint.network.hub.as_ref().map(|hub| Wish {
        environment: HUB,
        region: &blueprint.regions.primary.value.name,
        fixed: None,
        prefix: blueprint.network.vpc_prefix.value.min(HUB_PREFIX),
        joined: true,
        zones: hub_zones(blueprint),
        span: hub.span,
    }));
    let mut planner = Planner::new(&blueprint.network, &lock.networks);
    planner.reserve(&wishes);
    let (known, new): (Vec<_>, Vec<_>) = wishes.iter().partition(|wish| planner.knows(wish));
    let mut zones: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for wish in known.into_iter().chain(new) {
        let ids = zones.entry(wish.region).or_insert_with(|| zone_ids(wish.region));
        if ids.is_empty() {
            let message = format!("Steward knows no availability zones of {}", wish.region);
            diagnostics.push(Diagnostic::error(NO_ZONE, wish.span, message));
            continue;
        }
        planner.hand_out(wish, ids, diagnostics);
    }
    planner.finish()
}

/// Zones in which Fargate runs no tasks. Other services lack there too, so nothing of an estate is put there.
/// Source: Amazon ECS Developer Guide, "Supported Regions for Amazon ECS on AWS Fargate".
const WITHOUT_FARGATE: [&str; 4] = ["apne1-az3", "cac1-az3", "use1-az3", "usw1-az2"];

/// The ids of a region's zones that can be used, in order.
fn zone_ids(region: &str) -> Vec<&'static str> {
    let zones = catalog::Catalog::shared().region(region).map_or(&[][..], |region| region.zones.as_slice());
    zones.iter().map(SmolStr::as_str).filter(|zone| !WITHOUT_FARGATE.contains(zone)).collect()
}

/// Ids within a stack are made of names; no two names of one kind may make the same.
fn check_ids(blueprint: &Blueprint, diagnostics: &mut Diagnostics) {
    let units = blueprint.organization.units.iter().map(|unit| (naming::pascal(&unit.path), unit.name.span));
    unique(units, diagnostics);
    for environment in &blueprint.environments {
        let stores = environment.stores.iter().map(|store| &store.name);
        let workloads = environment.workloads.iter().map(|workload| &workload.name);
        let names = stores.chain(workloads).map(|name| (naming::pascal(name.value.as_str()), name.span));
        unique(names, diagnostics);
    }
}

fn unique(names: impl Iterator<Item = (SmolStr, Span)>, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<SmolStr, Span> = BTreeMap::new();
    for (id, span) in names {
        if let Some(first) = seen.insert(id.clone(), span) {
            diagnostics.push(same_id(&id, span, first));
        }
    }
}

fn same_id(id: &str, span: Span, first: Span) -> Diagnostic {
    let message = format!("the logical id `{id}` would be made of two names");
    let said = Diagnostic::error(SAME_LOGICAL_ID, span, message).help("rename one of them");
    if first.is_none() { said } else { said.related(first, "the other name") }
}
