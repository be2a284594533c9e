//! Detection is on in every account and every region, counted.
//!
//! In: the accounts that the estate makes, the management account, the regions in which something of the estate is. A service
//! is on in an account and region when a resource there turns it on: one of a stack of that account and region, or
//! one that a stack set deploys there; when Security Hub's policy of the organization is associated with the root
//! or a unit above; when Inspector's policy is attached above and names the region; when an analyzer of the
//! organization is in the region.
//!
//! Sources: Amazon GuardDuty API Reference, CreateDetector; AWS Config API Reference, ConfigurationRecorder; AWS Security Hub
//! User Guide, "Understanding central configuration"; AWS Organizations User Guide, "Amazon Inspector policies"; AWS
//! CloudFormation User Guide, "Managing stacks across accounts and Regions with StackSets".

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use estate::{ResourceRef, SmolStr, Value};

use crate::control_policies::{Node, Tree, made, node};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "detection-everywhere",
    title: "detection is on in every account and region",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/detection-everywhere.md"),
    check,
};

/// The services, in the order in which they are told.
const SERVICES: [&str; 5] = ["GuardDuty", "AWS Config", "Security Hub", "Inspector", "IAM Access Analyzer"];

/// The protections of GuardDuty that have to be on.
const FEATURES: [&str; 6] = [
    "EBS_MALWARE_PROTECTION",
    "EKS_AUDIT_LOGS",
    "LAMBDA_NETWORK_LOGS",
    "RDS_LOGIN_EVENTS",
    "RUNTIME_MONITORING",
    "S3_DATA_EVENTS",
];

/// Beneath a place in some regions; none: in all.
type Below = (Node, Option<BTreeSet<SmolStr>>);

/// Where one service is on.
#[derive(Default)]
struct On {
    /// Beneath these places (the account itself, a unit, the root), in these regions; no region: in all of them.
    below: Vec<Below>,
    /// In these regions of the management account.
    management: HashSet<SmolStr>,
    /// In the management account in all regions.
    management_everywhere: bool,
    /// Something that may turn it on, and why that is not known.
    doubt: Option<String>,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let accounts = facts.index.of_kind("AWS::Organizations::Account");
    if accounts.is_empty() {
        return;
    }
    let regions = regions(facts);
    let survey = Survey { facts, tree: Tree::of(facts, "INSPECTOR_POLICY") };
    let on = survey.services();
    let mut known: HashMap<Vec<Node>, Answer> = HashMap::new();
    for &account in accounts {
        let way = survey.tree.way_up(account);
        // Accounts of one unit have the same, unless something is in the account itself.
        let own =
            way.first().is_some_and(|own| on.iter().any(|on| on.below.iter().any(|(node, _)| node == own)));
        let key = if own { way.clone() } else { way.get(1..).unwrap_or_default().to_vec() };
        let answer =
            known.entry(key).or_insert_with(|| judge(&on, &regions, &|on, region| on.covers(&way, region)));
        say(findings, account, answer);
    }
    let organization = facts.index.of_kind("AWS::Organizations::Organization").first();
    if let (Some(organization), Some(_)) = (organization, &facts.estate.organization) {
        let answer =
            judge(&on, &regions, &|on, region| on.management_everywhere || on.management.contains(region));
        say(findings, *organization, &answer);
    }
}

impl On {
    fn covers(&self, way: &[Node], region: &SmolStr) -> bool {
        let here = |(node, regions): &Below| {
            way.contains(node) && regions.as_ref().is_none_or(|regions| regions.contains(region))
        };
        self.below.iter().any(here)
    }
}

/// What is open in an account: the service with the regions; and what is not known.
struct Answer {
    open: BTreeMap<usize, Vec<SmolStr>>,
    doubt: Option<String>,
    pairs: usize,
}

fn judge(on: &[On; 5], regions: &BTreeSet<SmolStr>, covers: &dyn Fn(&On, &SmolStr) -> bool) -> Answer {
    let mut answer = Answer { open: BTreeMap::new(), doubt: None, pairs: regions.len() };
    for (at, on) in on.iter().enumerate() {
        let open: Vec<SmolStr> = regions.iter().filter(|region| !covers(on, region)).cloned().collect();
        match (&on.doubt, open.is_empty()) {
            (_, true) => {}
            (Some(doubt), false) => answer.doubt = answer.doubt.or(Some(doubt.clone())),
            (None, false) => drop(answer.open.insert(at, open)),
        }
    }
    answer
}

fn say(findings: &mut Findings, subject: ResourceRef<'_>, answer: &Answer) {
    let span = subject.resource.origin.span;
    if !answer.open.is_empty() {
        let gaps: Vec<String> = answer
            .open
            .iter()
            .filter_map(|(at, regions)| {
                Some(format!(
                    "{} in {} of {} regions ({})",
                    SERVICES.get(*at)?,
                    regions.len(),
                    answer.pairs,
                    regions.join(", ")
                ))
            })
            .collect();
        let message = format!("not on in this account: {}", gaps.join("; "));
        findings
            .violated(subject, span, message)
            .witness(Witness::Event {
                happens: "somebody breaks in where nothing watches".into(),
                follows: "nobody hears of it".into(),
            })
            .fix("a service-managed stack set with the root as target, all regions of the estate, and automatic deployment");
    } else if let Some(doubt) = &answer.doubt {
        findings.unknown(subject, span, format!("whether detection is on cannot be known: {doubt}"));
    } else {
        findings.proved(subject);
    }
}

/// The regions in which something of the estate is.
fn regions(facts: &Facts<'_>) -> BTreeSet<SmolStr> {
    let mut out: BTreeSet<SmolStr> = facts
        .estate
        .stacks
        .iter()
        .filter(|stack| stack.fleet.is_none())
        .filter_map(|stack| stack.region.clone())
        .collect();
    if out.is_empty() {
        // Templates by themselves: where nobody says it, one region stands for all.
        out.insert(SmolStr::new_static("every region"));
    }
    out
}

/// What is looked at.
struct Survey<'f, 'a> {
    facts: &'f Facts<'a>,
    tree: Tree<'a>,
}

impl Survey<'_, '_> {
    fn services(&self) -> [On; 5] {
        [
            self.deployed("AWS::GuardDuty::Detector", detects),
            self.deployed("AWS::Config::ConfigurationRecorder", records),
            self.security_hub(),
            self.inspector(),
            self.analyzers(),
        ]
    }

    /// A service that a resource in the account and region itself turns on.
    fn deployed(&self, kind: &str, works: fn(ResourceRef<'_>) -> Judgement) -> On {
        let mut on = On::default();
        for &found in self.facts.index.of_kind(kind) {
            match works(found) {
                Judgement::Holds => self.place(&mut on, found),
                Judgement::Fails { .. } => {}
                Judgement::Unknown { because, .. } => {
                    on.doubt = Some(format!("of `{}` {because}", found.id));
                }
            }
        }
        on
    }

    /// Where a resource is: where its stack is, or wherever its stack set deploys it.
    fn place(&self, on: &mut On, found: ResourceRef<'_>) {
        let Some((owner, set)) = &found.stack.fleet else {
            let region = found.stack.region.clone();
            let account = self.facts.estate.account(found.stack.account);
            let management =
                self.facts.estate.organization.as_ref().map(|organization| organization.management);
            if management == Some(found.stack.account) {
                on.management.extend(region);
            } else if let Some(node) = account.and_then(|account| made(self.facts, &account.name)) {
                on.below.push((node, region.map(|region| BTreeSet::from([region]))));
            }
            return;
        };
        match self.facts.index.get(*owner, set).map(|set| self.reach(set)) {
            Some(Ok(reach)) => on.below.extend(reach),
            Some(Err(because)) => on.doubt = Some(because),
            None => {}
        }
    }

    /// Where a stack set deploys to, for good: new accounts too.
    fn reach(&self, set: ResourceRef<'_>) -> Result<Vec<Below>, String> {
        let properties = &set.resource.properties;
        let unclear = || format!("where the stack set `{}` deploys to is not known", set.id);
        let automatic = Setting::of(set.resource, &["AutoDeployment", "Enabled"])
            .literal(false, |value| value.as_bool() == Some(true));
        match automatic {
            Judgement::Holds => {}
            // New accounts would not have it: it is on nowhere for good.
            Judgement::Fails { .. } => return Ok(Vec::new()),
            Judgement::Unknown { .. } => return Err(unclear()),
        }
        let mut out = Vec::new();
        for group in properties.get("StackInstancesGroup").map(Value::as_items).unwrap_or_default() {
            let targets = group.get("DeploymentTargets").ok_or_else(unclear)?;
            if targets.get("AccountFilterType").is_some_and(|filter| filter.as_str() != Some("NONE")) {
                return Err(unclear());
            }
            let regions = group.get("Regions").map(Value::as_items).unwrap_or_default();
            let regions: Option<BTreeSet<SmolStr>> = regions.iter().map(Value::as_text).collect();
            let mut regions = regions.ok_or_else(unclear)?;
            // Templates by themselves say no regions of the estate.
            regions.insert(SmolStr::new_static("every region"));
            for unit in targets.get("OrganizationalUnitIds").map(Value::as_items).unwrap_or_default() {
                out.push((node(self.facts, unit).ok_or_else(unclear)?, Some(regions.clone())));
            }
        }
        Ok(out)
    }

    /// Security Hub: on in an account itself, or by the organization's policy.
    fn security_hub(&self) -> On {
        let mut on = self.deployed("AWS::SecurityHub::Hub", |_| Judgement::Holds);
        for association in self.facts.index.of_kind("AWS::SecurityHub::PolicyAssociation") {
            let properties = &association.resource.properties;
            let policy = properties.get("ConfigurationPolicyId").map(|id| self.facts.index.references(id));
            let policy = policy.and_then(|found| found.first().copied());
            let enabled = policy.map(|policy| {
                let path = ["ConfigurationPolicy", "SecurityHub", "ServiceEnabled"];
                Setting::of(policy.resource, &path).literal(false, |value| value.as_bool() == Some(true))
            });
            match (enabled, properties.get("TargetId").and_then(|target| node(self.facts, target))) {
                (Some(Judgement::Holds), Some(target)) => {
                    on.management_everywhere |= target == Node::Root;
                    on.below.push((target, None));
                }
                (Some(Judgement::Fails { .. }), _) => {}
                _ => on.doubt = Some(format!("what `{}` associates is not in this estate", association.id)),
            }
        }
        on
    }

    /// Inspector: by the organization's policy, for the regions that it names.
    fn inspector(&self) -> On {
        let mut on = On::default();
        for policy in self.facts.index.of_kind("AWS::Organizations::Policy") {
            if policy.resource.properties.get("Type").and_then(Value::as_str) != Some("INSPECTOR_POLICY") {
                continue;
            }
            let path =
                ["Content", "inspector", "enablement", "ec2_scanning", "enable_in_regions", "@@assign"];
            let regions = policy.resource.properties.get_path(&path).map(Value::as_items).unwrap_or_default();
            let regions: Option<BTreeSet<SmolStr>> = regions.iter().map(Value::as_text).collect();
            let targets = crate::control_policies::targets(self.facts, *policy);
            match regions.filter(|_| !targets.loose) {
                Some(mut regions) => {
                    if !regions.is_empty() {
                        regions.insert(SmolStr::new_static("every region"));
                    }
                    for target in targets.nodes {
                        if target == Node::Root {
                            on.management.extend(regions.iter().cloned());
                        }
                        on.below.push((target, Some(regions.clone())));
                    }
                }
                None => on.doubt = Some(format!("what the policy `{}` turns on is not known", policy.id)),
            }
        }
        on
    }

    /// Analyzers of the whole organization count for all accounts in their region.
    fn analyzers(&self) -> On {
        let of_all = |found: ResourceRef<'_>| {
            Setting::of(found.resource, &["Type"])
                .literal(false, |value| value.as_str() == Some("ORGANIZATION"))
        };
        let mut on = self.deployed("AWS::AccessAnalyzer::Analyzer", |found| {
            Setting::of(found.resource, &["Type"]).literal(false, |value| value.as_str() == Some("ACCOUNT"))
        });
        for &found in self.facts.index.of_kind("AWS::AccessAnalyzer::Analyzer") {
            if found.stack.fleet.is_none() && of_all(found) == Judgement::Holds {
                let region = found.stack.region.clone().unwrap_or(SmolStr::new_static("every region"));
                on.management.insert(region.clone());
                on.below.push((Node::Root, Some(BTreeSet::from([region]))));
            }
        }
        on
    }
}

/// Whether a detector is on, with every protection.
fn detects(found: ResourceRef<'_>) -> Judgement {
    let enabled =
        Setting::of(found.resource, &["Enable"]).literal(false, |value| value.as_bool() == Some(true));
    enabled.and(|| {
        let list = Setting::of(found.resource, &["Features"]);
        list.judge(|features| {
            let Some(features) = features else { return Judgement::missing(found.resource) };
            let on = |name: &str| {
                features.as_items().iter().any(|feature| {
                    feature.get("Name").and_then(Value::as_str) == Some(name)
                        && feature.get("Status").and_then(Value::as_str) == Some("ENABLED")
                })
            };
            match FEATURES.iter().all(|name| on(name)) {
                true => Judgement::Holds,
                false if features.is_literal() => Judgement::fails(features),
                false => Judgement::unknown(features),
            }
        })
    })
}

/// Whether a recorder records everything.
fn records(found: ResourceRef<'_>) -> Judgement {
    Setting::of(found.resource, &["RecordingGroup", "AllSupported"])
        .literal(true, |value| value.as_bool() == Some(true))
}
