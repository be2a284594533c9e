//! How templates hang together: which comes after which, and where each parameter's value comes from.
//!
//! In: the units. Out: waves and the [`Manifest`], or a diagnostic that names a circle.
//! Always: a unit stands in a later wave than every unit it takes a value from or was told to follow; a
//! nested stack stands with the stack that deploys it.

use std::collections::{BTreeMap, BTreeSet};

use diagnostics::{Diagnostic, Diagnostics};
use estate::{Estate, Kind, Reference, SmolStr, Stack, StackId, Step, Target, Value, When};

use super::lower::{Source, Surroundings};
use super::manifest::{
    GENERATOR, Manifest, ManifestAccount, ManifestParameter, ManifestStack, ManifestStep, OutputOf, VERSION,
};
use super::unit::Unit;
use super::{graph, names};
use crate::STACK_CYCLE;

/// The order of the units.
pub(crate) struct Wired {
    /// For each unit those before it.
    after: Vec<BTreeSet<usize>>,
    /// For each unit its wave, from 0.
    wave: Vec<usize>,
    /// Units of each stack, by part.
    of_stack: Vec<Vec<usize>>,
}

/// The stack that is deployed when this one is: itself, or the outermost that nests it.
pub(crate) fn root(estate: &Estate, id: StackId) -> StackId {
    let mut at = id;
    // Bounded, because a reader's mistake might nest stacks in a circle.
    for _ in 0..=estate.stacks.len() {
        match estate.stack(at).and_then(|stack| stack.nested_in.as_ref()) {
            Some((outer, _)) => at = *outer,
            None => return at,
        }
    }
    id
}

/// Parameters of a brought template whose values come from elsewhere in the estate.
pub(crate) fn sources<'a>(
    around: &'a Surroundings<'_>,
    stack: &'a Stack,
) -> impl Iterator<Item = (&'a str, Source)> {
    let own = stack.nested_in.is_none().then_some(&stack.parameters).into_iter().flatten();
    own.filter_map(|(name, parameter)| {
        let Kind::Reference(reference) = &parameter.value.kind else { return None };
        Some((name.as_str(), source(around, stack, reference)?))
    })
}

fn source(around: &Surroundings<'_>, stack: &Stack, reference: &Reference) -> Option<Source> {
    match &reference.target {
        Target::Account(account) if *account == stack.account => None,
        Target::Account(account) => {
            Some(match around.makers.get(account.0 as usize).and_then(Option::as_ref) {
                Some((stack, id)) => Source::Output(Reference::attribute(*stack, id.clone(), "AccountId")),
                None => Source::Number(*account),
            })
        }
        Target::Resource { .. } | Target::Pseudo { .. } => Some(Source::Output(reference.clone())),
    }
}

/// Finds the order; `None` when there is none.
pub(crate) fn wire(
    around: &Surroundings<'_>,
    units: &[Unit],
    diagnostics: &mut Diagnostics,
) -> Option<Wired> {
    let estate = around.estate;
    let mut of_stack: Vec<Vec<usize>> = vec![Vec::new(); estate.stacks.len()];
    for (at, unit) in units.iter().enumerate() {
        of_stack.get_mut(unit.stack.0 as usize).into_iter().for_each(|list| list.push(at));
    }
    let roots: Vec<StackId> = estate.stacks().map(|(id, _)| root(estate, id)).collect();
    let root_of = |id: StackId| roots.get(id.0 as usize).copied().unwrap_or(id);
    let units_of = |id: StackId| of_stack.get(root_of(id).0 as usize).map(Vec::as_slice).unwrap_or_default();

    let mut after: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); units.len()];
    for (at, unit) in units.iter().enumerate() {
        let Some(stack) = estate.stack(unit.stack) else { continue };
        let mut before: BTreeSet<usize> =
            stack.depends_on.iter().flat_map(|id| units_of(*id)).copied().collect();
        for need in unit.needs.values() {
            before.extend(producing_unit(units, units_of_source(&need.source, &units_of), &need.source));
        }
        if unit.part > 0 {
            // Parts of one stack are deployed in their order: what waits for something in an earlier part
            // without naming a value of it is thereby behind it.
            before.extend(units_of(unit.stack).iter().take_while(|other| **other < at));
        }
        if stack.template.is_some() {
            before.extend(
                referred_stacks(stack)
                    .into_iter()
                    .filter(|id| root_of(*id) != root_of(unit.stack))
                    .flat_map(units_of),
            );
            for (_, source) in sources(around, stack) {
                before.extend(producing_unit(units, units_of_source(&source, &units_of), &source));
            }
        }
        // What a nested stack needs, the stack that deploys it needs.
        for target in
            if root_of(unit.stack) == unit.stack { std::slice::from_ref(&at) } else { units_of(unit.stack) }
        {
            let before = before.iter().filter(|before| *before != target);
            after.get_mut(*target).into_iter().for_each(|list| list.extend(before.clone()));
        }
    }
    let edges: Vec<Vec<usize>> = after.iter().map(|before| before.iter().copied().collect()).collect();
    let components = graph::components(&edges);
    for component in components.iter().filter(|component| component.len() > 1) {
        diagnostics.push(cycle(estate, units, &graph::circle(&edges, component)));
    }
    if components.iter().any(|component| component.len() > 1) {
        return None;
    }
    let wave = graph::waves(&edges, &components);
    Some(Wired { after, wave, of_stack })
}

fn units_of_source<'u>(source: &Source, units_of: &impl Fn(StackId) -> &'u [usize]) -> &'u [usize] {
    match source {
        Source::Output(reference) => names::producer(reference).map(units_of).unwrap_or_default(),
        Source::Number(_) => &[],
    }
}

/// The one of `among` that puts a value out.
fn producing_unit(units: &[Unit], among: &[usize], source: &Source) -> Option<usize> {
    let Source::Output(reference) = source else { return None };
    let found =
        among.iter().find(|at| units.get(**at).is_some_and(|unit| unit.outputs.contains_key(reference)));
    found.or(among.first()).copied()
}

/// Stacks that a brought template refers to anywhere.
fn referred_stacks(stack: &Stack) -> BTreeSet<StackId> {
    let mut out = BTreeSet::new();
    for resource in stack.resources.values() {
        resource.properties.walk(&mut |value: &Value| {
            let reference = value.as_reference().and_then(Reference::resource);
            out.extend(reference.map(|(id, _)| id));
        });
    }
    out
}

fn cycle(estate: &Estate, units: &[Unit], circle: &[usize]) -> Diagnostic {
    let around: Vec<&Unit> = circle.iter().chain(circle.first()).filter_map(|at| units.get(*at)).collect();
    let path: Vec<String> = around.iter().map(|unit| format!("`{}`", unit.key)).collect();
    let span = |unit: &Unit| estate.stack(unit.stack).map_or(diagnostics::Span::NONE, |stack| stack.span);
    let first = around.first().map_or(diagnostics::Span::NONE, |unit| span(unit));
    let message = format!("stacks need each other in a circle: {}", path.join(" needs "));
    let mut diagnostic = Diagnostic::error(STACK_CYCLE, first, message);
    let mut reasons = Vec::new();
    for (consumer, producer) in around.iter().zip(around.iter().skip(1)) {
        let needed = consumer.needs.values().find_map(|need| match &need.source {
            Source::Output(reference) if names::producer(reference) == Some(producer.stack) => {
                Some(reference)
            }
            _ => None,
        });
        let what = match needed {
            Some(reference) => format!("`{}` uses `{reference}` of `{}`", consumer.key, producer.key),
            None => format!("`{}` must come after `{}`", consumer.key, producer.key),
        };
        diagnostic = diagnostic.related(span(consumer), what.clone());
        reasons.push(what);
    }
    diagnostic.help(reasons.join("; "))
}

/// The manifest of units in order.
pub(crate) fn manifest(around: &Surroundings<'_>, units: &[Unit], wired: Wired) -> Manifest {
    let estate = around.estate;
    let is_nested = |unit: &Unit| estate.stack(unit.stack).is_some_and(|stack| stack.nested_in.is_some());
    let mut order: Vec<usize> = (0..units.len()).collect();
    let wave = |at: usize| wired.wave.get(at).copied().unwrap_or(0);
    order.sort_by_key(|at| (units.get(*at).is_some_and(is_nested), wave(*at), *at));
    let stacks: Vec<ManifestStack> =
        order.iter().filter_map(|at| stack(around, units, &wired, *at)).collect();
    let mut waves: Vec<Vec<String>> = Vec::new();
    for stack in stacks.iter().filter(|stack| stack.wave > 0) {
        while waves.len() < stack.wave as usize {
            waves.push(Vec::new());
        }
        waves.last_mut().into_iter().for_each(|wave| wave.push(stack.key.clone()));
    }
    let regions: BTreeSet<String> = stacks.iter().filter_map(|stack| stack.region.clone()).collect();
    let mut files: Vec<String> = units.iter().map(|unit| unit.path.clone()).collect();
    files.extend(["README.md".to_owned(), "manifest.json".to_owned()]);
    files.sort();
    let placed = units.iter().filter(|unit| !unit.placement.is_empty());
    Manifest {
        generator: GENERATOR.to_owned(),
        version: VERSION,
        estate: estate.name.to_string(),
        accounts: accounts(around, units, &wired),
        regions: regions.into_iter().collect(),
        waves,
        stacks,
        placement: placed.map(|unit| (estate.stack_path(unit.stack), unit.placement.clone())).collect(),
        files,
    }
}

fn accounts(around: &Surroundings<'_>, units: &[Unit], wired: &Wired) -> Vec<ManifestAccount> {
    let estate = around.estate;
    let deployed = estate.stacks.iter().filter(|stack| stack.fleet.is_none());
    let mut used: BTreeSet<u32> = deployed.map(|stack| stack.account.0).collect();
    // And those whose number a template takes, from whoever makes them or from a person.
    let number = |at: usize, maker: &(StackId, SmolStr)| {
        let output = Reference::attribute(maker.0, maker.1.clone(), "AccountId");
        Some((output, u32::try_from(at).ok()?))
    };
    let makers = around.makers.iter().enumerate();
    let numbers: BTreeMap<Reference, u32> =
        makers.filter_map(|(at, maker)| number(at, maker.as_ref()?)).collect();
    used.extend(units.iter().flat_map(|unit| unit.needs.values()).filter_map(|need| match &need.source {
        Source::Number(account) => Some(account.0),
        Source::Output(reference) => numbers.get(reference).copied(),
    }));
    let all = (0..).zip(&estate.accounts).filter(|(at, _)| used.contains(at));
    let account = |(at, account): (u32, &estate::Account)| ManifestAccount {
        name: account.name.to_string(),
        title: account.title.as_ref().map(ToString::to_string),
        number: account.number.as_ref().map(ToString::to_string),
        number_from: around.makers.get(at as usize).and_then(Option::as_ref).and_then(|(stack, id)| {
            output_of(around, units, wired, &Reference::attribute(*stack, id.clone(), "AccountId"))
        }),
        environment: account.environment.as_ref().map(ToString::to_string),
    };
    all.map(account).collect()
}

fn stack(around: &Surroundings<'_>, units: &[Unit], wired: &Wired, at: usize) -> Option<ManifestStack> {
    let estate = around.estate;
    let unit = units.get(at)?;
    let stack = estate.stack(unit.stack)?;
    let nested_in = stack.nested_in.as_ref().map(|(outer, _)| estate.stack_path(*outer));
    let family = || estate.stacks().filter(|(id, _)| *id != unit.stack && root(estate, *id) == unit.stack);
    let nests = stack.template.is_some() && nested_in.is_none() && family().next().is_some();
    let mut capabilities = unit.capabilities.clone();
    if nests {
        let inner = family().filter_map(|(id, _)| wired.of_stack.get(id.0 as usize)).flatten();
        inner.filter_map(|at| units.get(*at)).for_each(|unit| capabilities.extend(&unit.capabilities));
    }
    let after = wired.after.get(at).into_iter().flatten().filter_map(|before| units.get(*before));
    let mut after: Vec<String> = after.map(|unit| unit.key.clone()).collect();
    after.sort();
    let account = estate.account(stack.account);
    let wave = wired.wave.get(at).copied().unwrap_or(0);
    let mut outputs: Vec<String> = unit.outputs.values().cloned().collect();
    outputs.sort();
    Some(ManifestStack {
        key: unit.key.clone(),
        account: account.map(|account| account.name.to_string()).unwrap_or_default(),
        region: stack.region.as_ref().map(ToString::to_string),
        name: unit.name.clone(),
        wave: if nested_in.is_some() { 0 } else { u32::try_from(wave + 1).unwrap_or(u32::MAX) },
        template: unit.path.clone(),
        sha256: unit.sha256.clone(),
        bytes: unit.text.len(),
        resources: unit.resources,
        upload: unit.text.len() > around.catalog.quotas().template_body_request_bytes,
        capabilities: capabilities.into_iter().map(str::to_owned).collect(),
        tags: if stack.template.is_some() { BTreeMap::new() } else { tags(estate, stack) },
        after: if nested_in.is_some() { Vec::new() } else { after },
        steps: if unit.part == 0 { steps(stack) } else { Vec::new() },
        parameters: parameters(around, units, wired, unit, stack),
        outputs,
        nested_in,
        nests,
        brought: stack.template.is_some(),
    })
}

fn steps(stack: &Stack) -> Vec<ManifestStep> {
    let step = |step: &Step| ManifestStep {
        when: match step.when {
            When::Before => "before".to_owned(),
            When::After => "after".to_owned(),
        },
        what: step.what.to_string(),
        command: step.command.to_string(),
    };
    stack.steps.iter().map(step).collect()
}

/// By these a stack, and everything in it, says whose it is.
fn tags(estate: &Estate, stack: &Stack) -> BTreeMap<String, String> {
    // Source: AWS General Reference, "Tag naming limits and requirements".
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let clean =
        |text: &str| text.chars().map(|c| if allowed(c) { c } else { '-' }).take(256).collect::<String>();
    let environment = estate.account(stack.account).and_then(|account| account.environment.as_deref());
    let all = [("steward:estate", Some(estate.name.as_str())), ("steward:environment", environment)];
    let said =
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).filter(|(_, value)| !value.is_empty());
    said.map(|(key, value)| (key.to_owned(), clean(value))).collect()
}

fn output_of(
    around: &Surroundings<'_>,
    units: &[Unit],
    wired: &Wired,
    reference: &Reference,
) -> Option<OutputOf> {
    let producer = names::producer(reference)?;
    let among = wired.of_stack.get(root(around.estate, producer).0 as usize)?;
    let unit = units.get(producing_unit(units, among, &Source::Output(reference.clone()))?)?;
    let output = unit.outputs.get(reference)?;
    Some(OutputOf { stack: unit.key.clone(), output: output.clone() })
}

fn parameters(
    around: &Surroundings<'_>,
    units: &[Unit],
    wired: &Wired,
    unit: &Unit,
    stack: &Stack,
) -> Vec<ManifestParameter> {
    let from = |source: &Source| match source {
        Source::Output(reference) => output_of(around, units, wired, reference),
        Source::Number(_) => None,
    };
    let account = |source: &Source| match source {
        Source::Number(account) => around.estate.account(*account).map(|account| account.name.to_string()),
        Source::Output(_) => None,
    };
    let designed = unit.needs.iter().map(|(name, need)| ManifestParameter {
        name: name.clone(),
        from: from(&need.source),
        account: account(&need.source),
        value: None,
        supply: None,
        optional: need.optional,
    });
    let brought = stack.nested_in.is_none().then_some(&stack.parameters).filter(|_| stack.template.is_some());
    let brought = brought.into_iter().flatten().filter(|(_, parameter)| !parameter.is_default);
    let brought = brought.map(|(name, parameter)| {
        let source = match &parameter.value.kind {
            Kind::Reference(reference) => source(around, stack, reference),
            _ => None,
        };
        let from = source.as_ref().and_then(from);
        // What its author masks does not go into a file.
        let literal = literal(&parameter.value).filter(|_| !parameter.no_echo);
        let value = literal.filter(|_| from.is_none());
        let account = source.as_ref().and_then(account);
        let open = from.is_none() && value.is_none() && account.is_none();
        let supply = open.then(|| format!("value of {name}"));
        ManifestParameter { name: name.to_string(), from, account, value, supply, optional: false }
    });
    designed.chain(brought).collect()
}

/// A parameter's value as the command line takes it; a list is joined by commas.
fn literal(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(Value::as_text).collect();
            Some(items?.join(","))
        }
        _ => value.as_text().map(String::from),
    }
}
