//! From drafts to the estate.
//!
//! In: everything that was read. Out: stacks of resources. Always: one resource for one id, in the stack of whom it
//! belongs to where that account was recorded; an id in a property that names a resource is a reference to it; what
//! was not recorded and matters is an unknown value, never an absent one.

use std::collections::{BTreeMap, HashMap};

use diagnostics::{Diagnostic, Diagnostics, Span};
use estate::{Account, Estate, Kind, Map, Origin, Reference, Resource, Stack, StackId, Target, Value};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::iam::unknown;
use super::kinds::say_gone;
use super::session::{Draft, Fact, GLOBAL, Place, Session};
use super::value::same_map;
use super::{ABOUT_NOTHING, DESCRIBED_TWICE, OBSERVED, layout};

/// Properties that another call describes, whose absence does not mean that there is nothing.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Targets", "a target group whose targets were not recorded"),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "TargetGroupAttributes",
        "a target group whose attributes were not recorded",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerAttributes",
        "a load balancer whose attributes were not recorded",
    ),
    ("AWS::EC2::Instance", "MetadataOptions", "an instance whose metadata options were not recorded"),
    ("AWS::EC2::PrefixList", "Entries", "a prefix list whose entries were not recorded"),
    ("AWS::NetworkFirewall::FirewallPolicy", "FirewallPolicy", "a firewall policy that was not recorded"),
    ("AWS::NetworkFirewall::RuleGroup", "RuleGroup", "a rule group that was not recorded"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", "a security group whose rules were not recorded"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupEgress", "a security group whose rules were not recorded"),
];

/// Properties whose texts are about IAM's own matching, where an ARN is a pattern and no reference.
const POLICIES: &[&str] = &["PolicyDocument", "AssumeRolePolicyDocument", "Policies", "AccessPolicies"];

/// The estate, and what is to be said.
pub fn estate(mut session: Session) -> (Estate, Diagnostics) {
    say_gone(&mut session);
    let mut places: Vec<Place> = session.places.keys().cloned().collect();
    regions(&mut places, &session.drafts);
    let numbers = numbers(&places, &session.drafts);
    let drafts = std::mem::take(&mut session.drafts);
    let mut merged = merge(drafts, &places, &numbers, &mut session.diagnostics);
    state(std::mem::take(&mut session.facts), &mut merged, &mut session.diagnostics);
    for draft in merged.values_mut() {
        for (kind, property, what) in ELSEWHERE {
            if draft.kind == *kind && !draft.properties.contains(property) {
                draft.set(
                    property,
                    unknown(&format_smolstr!("{}/{property}", draft.id), what).spanned(draft.span),
                );
            }
        }
    }
    let mut estate = Estate::default();
    let stacks = stacks(&mut estate, &places, &numbers, &merged);
    let targets: HashMap<SmolStr, (StackId, &'static str)> = merged
        .iter()
        .filter_map(|(id, draft)| Some((id.clone(), (*stacks.get(draft.place.0)?, draft.kind))))
        .collect();
    for (id, draft) in merged {
        let Some(stack) = stacks.get(draft.place.0).and_then(|stack| estate.stacks.get_mut(stack.0 as usize))
        else {
            continue;
        };
        let mut properties = draft.properties;
        for entry in properties.iter_mut() {
            if !POLICIES.contains(&entry.key.as_str()) {
                refer(&mut entry.value, &targets);
            }
        }
        let properties = Value::from(properties).spanned(draft.span);
        let mut resource = Resource::new(draft.kind, properties, Origin::written(draft.span));
        let observed = Value::from(draft.observed).spanned(draft.span);
        resource.attributes.insert(SmolStr::new_static(OBSERVED), observed);
        stack.resources.insert(id, resource);
    }
    (estate, session.diagnostics)
}

/// The region of each place whose folder does not name one: that of a zone or an ARN of what was recorded there.
fn regions(places: &mut [Place], drafts: &[Draft]) {
    for draft in drafts {
        let Some((_, region)) = places.get_mut(draft.place.0).filter(|(_, region)| region.is_none()) else {
            continue;
        };
        let zone =
            draft.properties.get("AvailabilityZone").or_else(|| draft.observed.get("AvailabilityZone"));
        let of_zone =
            zone.and_then(Value::as_str).map(|zone| zone.trim_end_matches(|c: char| c.is_ascii_lowercase()));
        let of_arn = draft.id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        *region = of_zone.or(of_arn).filter(|region| layout::is_region(region)).map(SmolStr::new);
    }
}

/// The account of each place: the one its folder names, or the one that most of what was recorded there belongs to.
fn numbers(places: &[Place], drafts: &[Draft]) -> Vec<Option<SmolStr>> {
    let mut counts: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); places.len()];
    for draft in drafts {
        // VPCs are shared by their subnets only: who sees a table or an interface has it.
        let telling = matches!(
            draft.kind,
            "AWS::EC2::RouteTable" | "AWS::EC2::NetworkInterface" | "AWS::EC2::Instance"
        );
        if let (Some(owner), Some(count)) = (&draft.owner, counts.get_mut(draft.place.0)) {
            *count.entry(owner.as_str()).or_default() += if telling { 16 } else { 1 };
        }
    }
    let most = |count: &BTreeMap<&str, usize>| {
        // Of equals the first by number: order of files must not matter.
        let best = count.values().max()?;
        count.iter().find(|(_, times)| *times == best).map(|(owner, _)| SmolStr::new(owner))
    };
    let own = |((account, _), count): (&Place, _)| account.clone().or_else(|| most(count));
    let mut numbers: Vec<Option<SmolStr>> = places.iter().zip(&counts).map(own).collect();
    // A region where nothing has an owner (lists of AWS's own) is the only account's, where there is only one.
    let mut known: Vec<SmolStr> = numbers.iter().flatten().cloned().collect();
    known.dedup();
    if let [only] = known.as_slice() {
        numbers.iter_mut().for_each(|number| *number = Some(only.clone()));
    }
    numbers
}

/// One draft for one id.
fn merge(
    drafts: Vec<Draft>,
    places: &[Place],
    numbers: &[Option<SmolStr>],
    diagnostics: &mut Diagnostics,
) -> IndexMap<SmolStr, Draft> {
    let mut merged: IndexMap<SmolStr, Draft> = IndexMap::with_capacity(drafts.len());
    let at_home = |draft: &Draft| {
        let number = numbers.get(draft.place.0).and_then(Option::as_ref);
        draft.owner.is_some() && draft.owner.as_ref() == number
    };
    for mut draft in drafts {
        let Some(before) = merged.get_mut(&draft.id) else {
            merged.insert(draft.id.clone(), draft);
            continue;
        };
        // The fuller description counts, then the one from where the thing belongs, then the first.
        let better = (!draft.lesser, at_home(&draft)) > (!before.lesser, at_home(before));
        let both = draft.lesser == before.lesser && draft.kind == before.kind;
        if both && draft.seen == before.seen && !same(&draft, before) {
            diagnostics.push(twice(&draft, before));
        }
        let home = at_home(&draft) && !at_home(before);
        let place = if home { draft.place } else { before.place };
        if better {
            std::mem::swap(before, &mut draft);
        }
        if places.get(place.0).is_some() {
            before.place = place;
        }
        if before.lesser != draft.lesser {
            fill(&mut before.properties, draft.properties);
        }
        fill(&mut before.observed, draft.observed);
    }
    merged
}

fn same(a: &Draft, b: &Draft) -> bool {
    same_map(&a.properties, &b.properties) && same_map(&a.observed, &b.observed)
}

fn twice(again: &Draft, first: &Draft) -> Diagnostic {
    let text = format!("`{}` is described twice, and differently", again.id);
    Diagnostic::warning(DESCRIBED_TWICE, again.span, text)
        .related(first.span, "the first description, which is used")
        .help("record both again at the same time")
}

/// Adds what is not there yet.
fn fill(into: &mut Map, from: Map) {
    for entry in from {
        if !into.contains(&entry.key) {
            into.push_new(entry);
        }
    }
}

/// Puts facts to what they are about.
fn state(facts: Vec<Fact>, merged: &mut IndexMap<SmolStr, Draft>, diagnostics: &mut Diagnostics) {
    for fact in facts {
        match merged.get_mut(&fact.about) {
            Some(draft) if fact.property => draft.set(fact.name, fact.value),
            Some(draft) => draft.observe(fact.name, fact.value),
            None => {
                let text =
                    format!("the {} `{}` was not recorded, only its `{}`", fact.what, fact.about, fact.name);
                diagnostics.push(Diagnostic::warning(ABOUT_NOTHING, fact.span, text));
            }
        }
    }
}

/// A stack for each place, in the order of accounts and regions.
fn stacks(
    estate: &mut Estate,
    places: &[Place],
    numbers: &[Option<SmolStr>],
    merged: &IndexMap<SmolStr, Draft>,
) -> Vec<StackId> {
    let mut used = vec![false; places.len()];
    for draft in merged.values() {
        if let Some(used) = used.get_mut(draft.place.0) {
            *used = true;
        }
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    let region = |at: usize| places.get(at).and_then(|(_, region)| region.clone());
    let number = |at: usize| numbers.get(at).cloned().flatten();
    order.sort_by_key(|at| (number(*at), region(*at), *at));
    let mut stacks = vec![StackId(u32::MAX); places.len()];
    let mut accounts: IndexMap<Option<SmolStr>, estate::AccountId> = IndexMap::new();
    let mut made: HashMap<(Option<SmolStr>, Option<SmolStr>), StackId> = HashMap::new();
    for at in order {
        if !used.get(at).copied().unwrap_or(false) {
            continue;
        }
        let (number, region) = (number(at), region(at));
        let stack = *made.entry((number.clone(), region.clone())).or_insert_with(|| {
            let account = *accounts.entry(number.clone()).or_insert_with(|| {
                let name = number.clone().unwrap_or(SmolStr::new_static(""));
                let (unit, environment) = (None, None);
                estate.add_account(Account {
                    name,
                    title: None,
                    number: number.clone(),
                    unit,
                    environment,
                    span: Span::NONE,
                })
            });
            let global = region.as_deref() == Some(GLOBAL);
            let name = SmolStr::new_static(if global { GLOBAL } else { "recorded" });
            let region = region.clone().filter(|region| region != GLOBAL && layout::is_region(region));
            estate.add_stack(Stack::new(name, account, region, Span::NONE))
        });
        if let Some(slot) = stacks.get_mut(at) {
            *slot = stack;
        }
    }
    stacks
}

/// Turns ids of resources into references to them.
fn refer(value: &mut Value, targets: &HashMap<SmolStr, (StackId, &'static str)>) {
    match &mut value.kind {
        Kind::String(text) => {
            if let Some((stack, kind)) = targets.get(text.as_str()) {
                let target = Target::Resource { stack: *stack, id: text.clone() };
                let attribute = attribute_of(kind, text);
                value.kind = Kind::Reference(Box::new(Reference { target, attribute }));
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| refer(item, targets)),
        Kind::Map(map) => map.iter_mut().for_each(|entry| refer(&mut entry.value, targets)),
        _ => {}
    }
}

/// Where the id is not what `Ref` returns.
///
/// Source: AWS CloudFormation Template Reference, "Return values" of the types.
fn attribute_of(kind: &str, id: &str) -> Option<SmolStr> {
    match kind {
        "AWS::EC2::EIP" if id.starts_with("eipalloc-") => Some(SmolStr::new_static("AllocationId")),
        "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" | "AWS::IAM::InstanceProfile" => {
            Some(SmolStr::new_static("Arn"))
        }
        _ => None,
    }
}
