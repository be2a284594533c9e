//! A stack too large for one template, as several.
//!
//! In: the stack, the size of each of its resources, what other stacks use of it, and in which part each
//! resource was before. Out: the part of each resource.
//! Always: no resource refers to a later part, so parts never need each other in a circle; resources that
//! need each other in a circle stay together; a resource stays in its part unless a new dependency forbids
//! it, and one that keeps data never leaves it; a part keeps an output free for every value in it that other
//! resources of the stack use, so that what uses it, or is added one day to use it, may land in any part
//! behind.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use catalog::{Catalog, ResourceSchema};
use diagnostics::{Diagnostic, Span};
use estate::{Policy, Reference, Resource, SmolStr, Stack, StackId, Target, Value};

use super::graph;
use super::lower::Surroundings;
use super::quota::Quotas;
use crate::{TOO_LARGE, WOULD_MOVE};

/// Bytes that a parameter or an output is reckoned at.
const WIRING_BYTES: usize = 400;

/// A value used across templates: of a resource of this stack (by position), or of outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Used<'a> {
    Here(usize, Option<&'a str>),
    Outside(&'a Reference),
}

/// What is to be placed together.
struct Group<'a> {
    members: Vec<usize>,
    bytes: usize,
    uses: BTreeSet<Used<'a>>,
    /// Values of its members that other stacks use.
    wanted: BTreeSet<Used<'a>>,
    /// Values of its members that other groups of this stack use.
    offers: BTreeSet<Used<'a>>,
    keeps_data: bool,
    before: Option<u32>,
    /// Positions of groups that must be in the same part or an earlier one.
    needs: Vec<usize>,
}

#[derive(Default)]
struct Part<'a> {
    resources: usize,
    bytes: usize,
    parameters: BTreeSet<Used<'a>>,
    outputs: BTreeSet<Used<'a>>,
    /// Values in it that are no outputs yet, and would be if what uses them landed in another part.
    promised: BTreeSet<Used<'a>>,
}

/// The part of each resource, in the stack's order.
pub(crate) fn split<'a>(
    around: &'a Surroundings<'a>,
    id: StackId,
    stack: &'a Stack,
    sizes: &[usize],
    wanted: &'a BTreeSet<Reference>,
    before: Option<&BTreeMap<SmolStr, u32>>,
    quotas: Quotas,
) -> Result<Vec<u32>, Box<Diagnostic>> {
    let groups = groups(around, id, stack, sizes, wanted, before);
    let order = order(&groups);
    let mut placing = Placing::new(&groups, around.catalog, stack, quotas);
    for at in order {
        placing.place(at)?;
    }
    Ok(placing.part_of)
}

fn groups<'a>(
    around: &'a Surroundings<'a>,
    id: StackId,
    stack: &'a Stack,
    sizes: &[usize],
    wanted: &'a BTreeSet<Reference>,
    before: Option<&BTreeMap<SmolStr, u32>>,
) -> Vec<Group<'a>> {
    let uses: Vec<_> = stack.resources.values().map(|resource| uses(around, id, stack, resource)).collect();
    let here = |used: &Used<'_>| if let Used::Here(at, _) = used { Some(*at) } else { None };
    let edges: Vec<Vec<usize>> = (stack.resources.values().zip(&uses))
        .map(|(resource, uses)| {
            let waits =
                resource.depends_on.iter().filter_map(|on| stack.resources.get_index_of(on.id.as_str()));
            uses.iter().filter_map(here).chain(waits).collect::<BTreeSet<_>>().into_iter().collect()
        })
        .collect();
    let components = graph::components(&edges);
    let mut group_of = vec![0; edges.len()];
    for (group, members) in components.iter().enumerate() {
        for member in members {
            group_of.get_mut(*member).into_iter().for_each(|place| *place = group);
        }
    }
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(components.len());
    for (at, members) in components.into_iter().enumerate() {
        let resource = |member: &usize| stack.resources.get_index(*member);
        let names = members.iter().filter_map(resource).map(|(name, _)| name);
        let needs = members.iter().filter_map(|member| edges.get(*member)).flatten();
        let needs: BTreeSet<usize> =
            needs.filter_map(|to| group_of.get(*to)).copied().filter(|to| *to != at).collect();
        groups.push(Group {
            bytes: members.iter().filter_map(|member| sizes.get(*member)).sum(),
            uses: members.iter().filter_map(|member| uses.get(*member)).flatten().cloned().collect(),
            wanted: BTreeSet::new(),
            offers: BTreeSet::new(),
            keeps_data: members
                .iter()
                .filter_map(resource)
                .any(|(_, resource)| keeps_data(around.catalog, resource)),
            before: before.and_then(|before| names.filter_map(|name| before.get(name)).max().copied()),
            needs: needs.into_iter().collect(),
            members,
        });
    }
    let asked: Vec<(usize, Used<'a>)> = (groups.iter().flat_map(foreign))
        .filter_map(|used| Some((group_of.get(here(used)?).copied()?, used.clone())))
        .collect();
    for (group, used) in asked {
        groups.get_mut(group).into_iter().for_each(|group| {
            group.offers.insert(used.clone());
        });
    }
    for reference in wanted {
        let at = reference.resource().and_then(|(_, id)| stack.resources.get_index_of(id.as_str()));
        let Some(at) = at else { continue };
        if let Some(group) = group_of.get(at).and_then(|group| groups.get_mut(*group)) {
            group.wanted.insert(Used::Here(at, reference.attribute.as_deref()));
        }
    }
    groups
}

/// How many values of a stack its own resources use: what a resource added one day may ask for.
pub(crate) fn values_used_within(around: &Surroundings<'_>, id: StackId, stack: &Stack) -> usize {
    let resources = stack.resources.values();
    let used = resources.flat_map(|resource| uses(around, id, stack, resource));
    used.filter(|used| matches!(used, Used::Here(..))).collect::<BTreeSet<_>>().len()
}

/// The values of other groups of the same stack that a group uses.
fn foreign<'g, 'a>(group: &'g Group<'a>) -> impl Iterator<Item = &'g Used<'a>> {
    let own = |used: &&Used<'a>| match used {
        Used::Here(at, _) => group.members.binary_search(at).is_err(),
        Used::Outside(_) => false,
    };
    group.uses.iter().filter(own)
}

/// Everything a resource refers to.
fn uses<'a>(
    around: &'a Surroundings<'a>,
    id: StackId,
    stack: &'a Stack,
    resource: &'a Resource,
) -> BTreeSet<Used<'a>> {
    let mut out = BTreeSet::new();
    let mut visit = |value: &'a Value| {
        let Some(reference) = value.as_reference() else { return };
        let target = match &reference.target {
            Target::Resource { stack, id } => Some((*stack, id, reference.attribute.as_deref())),
            Target::Account(account) if *account == stack.account => return,
            Target::Account(account) => {
                let maker = around.makers.get(account.0 as usize).and_then(Option::as_ref);
                maker.map(|(stack, id)| (*stack, id, Some("AccountId")))
            }
            Target::Pseudo { .. } => return,
        };
        let here = target.filter(|(target, ..)| *target == id);
        match here
            .and_then(|(_, id, attribute)| Some((stack.resources.get_index_of(id.as_str())?, attribute)))
        {
            Some((at, attribute)) => out.insert(Used::Here(at, attribute)),
            None => out.insert(Used::Outside(reference)),
        };
    };
    resource.properties.walk(&mut visit);
    resource.attributes.values().for_each(|value| value.walk(&mut visit));
    out
}

/// Whether deleting the resource would be a loss: its author asked to keep it, or its type holds data and
/// its author did not say that it may go.
fn keeps_data(catalog: &Catalog, resource: &Resource) -> bool {
    let holds = || catalog.resource_type(&resource.kind).is_some_and(ResourceSchema::is_stateful);
    let kept = |policy: &Option<Policy>| {
        matches!(policy, Some(Policy::Retain | Policy::RetainExceptOnCreate | Policy::Snapshot))
    };
    kept(&resource.deletion_policy)
        || kept(&resource.update_replace_policy)
        || (resource.deletion_policy != Some(Policy::Delete) && holds())
}

/// Groups after those they need. Among those that may come next, what keeps data, and what that needs,
/// comes first: so it lands in the first part and stays there however much is added behind it. Then the
/// order in which the stack has them.
fn order(groups: &[Group<'_>]) -> Vec<usize> {
    let mut first: Vec<bool> = groups.iter().map(|group| group.keeps_data).collect();
    // Groups stand after those they need, so one pass from the end reaches everything needed.
    for (at, group) in groups.iter().enumerate().rev() {
        if first.get(at) == Some(&true) {
            for need in &group.needs {
                first.get_mut(*need).into_iter().for_each(|place| *place = true);
            }
        }
    }
    let mut open: Vec<usize> = groups.iter().map(|group| group.needs.len()).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    for (at, group) in groups.iter().enumerate() {
        for need in &group.needs {
            needed_by.get_mut(*need).into_iter().for_each(|list| list.push(at));
        }
    }
    let rank = |at: usize| {
        let position = groups.get(at).and_then(|group| group.members.first()).copied();
        Reverse((first.get(at) != Some(&true), position, at))
    };
    let ready = open.iter().enumerate().filter(|(_, open)| **open == 0);
    let mut heap: BinaryHeap<_> = ready.map(|(at, _)| rank(at)).collect();
    let mut out = Vec::with_capacity(groups.len());
    while let Some(Reverse((_, _, at))) = heap.pop() {
        out.push(at);
        for next in needed_by.get(at).into_iter().flatten() {
            if let Some(left) = open.get_mut(*next) {
                *left -= 1;
                if *left == 0 {
                    heap.push(rank(*next));
                }
            }
        }
    }
    out
}

/// The parts as they fill.
struct Placing<'g, 'a> {
    groups: &'g [Group<'a>],
    catalog: &'a Catalog,
    stack: &'a Stack,
    quotas: Quotas,
    parts: Vec<Part<'a>>,
    /// The part of each resource placed so far.
    part_of: Vec<u32>,
    group_part: Vec<u32>,
    /// The last part a new group may be in so that nothing placed earlier has to move.
    latest: Vec<Option<u32>>,
}

impl<'g, 'a> Placing<'g, 'a> {
    fn new(groups: &'g [Group<'a>], catalog: &'a Catalog, stack: &'a Stack, quotas: Quotas) -> Self {
        let count = groups.iter().filter_map(|group| group.before).max().map_or(1, |last| last as usize + 1);
        let mut parts: Vec<Part<'a>> = std::iter::repeat_with(Part::default).take(count).collect();
        let mut latest: Vec<Option<u32>> = groups.iter().map(|group| group.before).collect();
        // What stays is reckoned before anything new is placed beside it.
        for (at, group) in groups.iter().enumerate().rev() {
            if let Some(part) = group.before.and_then(|part| parts.get_mut(part as usize)) {
                part.resources += group.members.len();
                part.bytes += group.bytes;
                part.outputs.extend(group.wanted.iter().cloned());
            }
            let Some(own) = latest.get(at).copied().flatten() else { continue };
            for need in &group.needs {
                if let Some(place) = latest.get_mut(*need) {
                    *place = Some(place.map_or(own, |known| known.min(own)));
                }
            }
        }
        let part_of = vec![0; stack.resources.len()];
        let group_part = vec![0; groups.len()];
        Self { groups, catalog, stack, quotas, parts, part_of, group_part, latest }
    }

    fn place(&mut self, at: usize) -> Result<(), Box<Diagnostic>> {
        let Some(group) = self.groups.get(at) else { return Ok(()) };
        let needs = group.needs.iter().filter_map(|need| self.group_part.get(*need));
        let earliest = needs.max().copied().unwrap_or(0);
        let part = match group.before {
            Some(before) if before >= earliest => before,
            Some(before) => {
                if group.keeps_data {
                    return Err(Box::new(self.would_move(group, before, earliest)));
                }
                if let Some(part) = self.parts.get_mut(before as usize) {
                    part.resources -= group.members.len();
                    part.bytes -= group.bytes;
                    part.outputs.retain(|used| !group.wanted.contains(used));
                }
                self.first_fit(group, earliest, None)?
            }
            None => self.first_fit(group, earliest, self.latest.get(at).copied().flatten())?,
        };
        self.put(at, group, part);
        Ok(())
    }

    /// The first part from `earliest` on that has room: up to `latest` if one of those has, a new one where
    /// none has.
    fn first_fit(
        &self,
        group: &Group<'a>,
        earliest: u32,
        latest: Option<u32>,
    ) -> Result<u32, Box<Diagnostic>> {
        let room = self.quotas.with_room();
        let count = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        if let Some(latest) = latest {
            // Rather fill a part to the brim than make others move.
            for quotas in [room, self.quotas] {
                if let Some(part) = (earliest..=latest).find(|part| self.has_room(group, *part, quotas)) {
                    return Ok(part);
                }
            }
        }
        if let Some(part) = (earliest..count).find(|part| self.has_room(group, *part, room)) {
            return Ok(part);
        }
        if self.has_room(group, count, self.quotas) {
            return Ok(count);
        }
        Err(Box::new(self.too_large(group)))
    }

    fn has_room(&self, group: &Group<'a>, at: u32, quotas: Quotas) -> bool {
        let empty = Part::default();
        let part = self.parts.get(at as usize).unwrap_or(&empty);
        let mut parameters = part.parameters.len();
        for used in &group.uses {
            let source = match used {
                Used::Outside(_) => None,
                Used::Here(to, _) if group.members.binary_search(to).is_ok() => continue,
                Used::Here(to, _) => self.part_of.get(*to).copied(),
            };
            if source == Some(at) {
                continue;
            }
            parameters += usize::from(!part.parameters.contains(used));
            let source = source.and_then(|source| self.parts.get(source as usize));
            // Promises keep this from happening, except to parts that were filled before there were any.
            let full =
                |source: &Part<'a>| !source.outputs.contains(used) && source.outputs.len() >= quotas.outputs;
            if source.is_some_and(full) {
                return false;
            }
        }
        let new = group.wanted.union(&group.offers).filter(|used| !part.outputs.contains(*used)).count();
        let outputs = part.outputs.len() + part.promised.len() + new;
        part.resources + group.members.len() <= quotas.resources
            && part.bytes + group.bytes + WIRING_BYTES * (outputs + parameters) <= quotas.bytes
            && outputs <= quotas.outputs
            && parameters <= quotas.parameters
    }

    fn put(&mut self, at: usize, group: &Group<'a>, here: u32) {
        while self.parts.len() <= here as usize {
            self.parts.push(Part::default());
        }
        for member in &group.members {
            self.part_of.get_mut(*member).into_iter().for_each(|place| *place = here);
        }
        self.group_part.get_mut(at).into_iter().for_each(|place| *place = here);
        let mut crossing = Vec::new();
        if let Some(part) = self.parts.get_mut(here as usize) {
            if group.before != Some(here) {
                part.resources += group.members.len();
                part.bytes += group.bytes;
            }
            part.outputs.extend(group.wanted.iter().cloned());
            let promised = group.offers.iter().filter(|used| !part.outputs.contains(used));
            part.promised.extend(promised.cloned());
            for used in &group.uses {
                let source = match used {
                    Used::Outside(_) => None,
                    Used::Here(to, _) => self.part_of.get(*to).copied(),
                };
                if source != Some(here) {
                    part.parameters.insert(used.clone());
                    crossing.extend(source.map(|source| (source, used.clone())));
                }
            }
        }
        for (source, used) in crossing {
            if let Some(source) = self.parts.get_mut(source as usize) {
                source.promised.remove(&used);
                source.outputs.insert(used);
            }
        }
    }

    /// The member to name in a message, and where it is written: one that keeps data before any other.
    fn name(&self, group: &Group<'a>) -> (&'a str, Span) {
        let mut found = group.members.iter().filter_map(|member| self.stack.resources.get_index(*member));
        let data = found.clone().find(|(_, resource)| keeps_data(self.catalog, resource));
        let named = data.or_else(|| found.next());
        named.map_or(("", Span::NONE), |(name, resource)| (name.as_str(), resource.origin.span))
    }

    fn would_move(&self, group: &Group<'a>, before: u32, earliest: u32) -> Diagnostic {
        let (name, span) = self.name(group);
        let stack = &self.stack.name;
        let message = format!(
            "`{name}` keeps data in part {} of stack `{stack}`, but now needs something that is in part {}",
            before + 1,
            earliest + 1
        );
        Diagnostic::error(WOULD_MOVE, span, message)
    }

    fn too_large(&self, group: &Group<'a>) -> Diagnostic {
        let (name, span) = self.name(group);
        let stack = &self.stack.name;
        let message = match group.members.len() {
            1 => format!(
                "`{name}` alone exceeds a quota of CloudFormation, so stack `{stack}` cannot be split"
            ),
            many => format!(
                "{many} resources of stack `{stack}`, `{name}` among them, need each other in a circle and together exceed a quota of CloudFormation"
            ),
        };
        Diagnostic::error(TOO_LARGE, span, message)
    }
}
