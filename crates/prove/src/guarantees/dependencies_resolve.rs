//! Dependencies and conditions refer to something, lead nowhere in a circle, and do something.
//!
//! Source: AWS CloudFormation Template Reference, "DependsOn attribute" (an attribute of a resource, beside `Type`; a
//! resource that a condition leaves out is not waited for) and "Conditions"; CloudFormation counts references in
//! `Metadata` as dependencies, but nothing else there.

use std::collections::{HashMap, HashSet};

use estate::{Condition, Formula, ResourceRef, Stack, StackId, Value};

use crate::waits::direct;
use crate::{Facts, Findings, Guarantee, Level, Subject, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "dependencies-resolve",
    title: "every dependency and condition refers to something and does something",
    level: Level::Low,
    page: include_str!("../../../../docs/guarantees/dependencies-resolve.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for (stack_id, stack) in facts.estate.stacks() {
        let circles = in_circles(stack_id, stack);
        for (id, resource) in &stack.resources {
            let subject = ResourceRef { stack_id, stack, id, resource };
            dependencies(subject, &circles, findings);
        }
        conditions(stack_id, stack, findings);
    }
}

fn dependencies(subject: ResourceRef<'_>, circles: &HashSet<&str>, findings: &mut Findings) {
    let (stack, resource) = (subject.stack, subject.resource);
    let idle = idle(subject);
    if resource.depends_on.is_empty() && idle.is_none() && !circles.contains(subject.id.as_str()) {
        return;
    }
    let mut right = true;
    for dependency in &resource.depends_on {
        let known =
            stack.resources.contains_key(&dependency.id) || stack.left_out.contains_key(&dependency.id);
        let message = if dependency.id == *subject.id {
            "it depends on itself".to_owned()
        } else if !known {
            format!("it depends on `{}`, which is not in the stack", dependency.id)
        } else {
            continue;
        };
        right = false;
        findings
            .violated(subject, dependency.span, message)
            .witness(Witness::Setting { path: "DependsOn".into(), found: format!("`{}`", dependency.id) })
            .fix("DependsOn: ids of resources of the same template");
    }
    if circles.contains(subject.id.as_str()) && right {
        right = false;
        findings
            .violated(subject, resource.origin.span, "it waits for itself, through others")
            .witness(Witness::Event {
                happens: "CloudFormation looks for what to make first".into(),
                follows: "it finds a circle and refuses the template".into(),
            })
            .fix("remove one of the references of the circle");
    }
    if let Some((span, message)) = idle {
        right = false;
        findings
            .violated(subject, span, message)
            .witness(Witness::Event {
                happens: format!("CloudFormation asks what `{}` depends on", subject.id),
                follows: "what is inside Metadata or Properties is not an answer".into(),
            })
            .fix("move DependsOn beside Type, with plain ids: a resource that its condition leaves out is not waited for");
    }
    if right {
        findings.proved(subject);
    }
}

/// A `DependsOn` inside metadata or properties, and what is to be said of it. References there are dependencies by
/// themselves, wherever they stand; the word adds nothing to them.
fn idle(subject: ResourceRef<'_>) -> Option<(diagnostics::Span, String)> {
    let metadata = subject.resource.attributes.get("Metadata");
    let mut places = [("Metadata", metadata), ("Properties", Some(&subject.resource.properties))].into_iter();
    places.find_map(|(section, place)| {
        let names = place?.get("DependsOn")?;
        let here = format!("`DependsOn` stands inside its {section}, where it does nothing");
        let waited = direct(subject.stack_id, subject.resource);
        let mut plain = names.as_items().iter().filter_map(Value::as_str);
        let message = match plain.find(|id| subject.stack.resources.contains_key(*id) && !waited.contains(id))
        {
            Some(id) => format!("{here}: `{id}` is not waited for"),
            None => format!("{here}; what is waited for is only what it refers to by functions"),
        };
        Some((names.span, message))
    })
}

/// The resources that wait for themselves: what remains when those that wait for nothing, and those that
/// nothing waits for, are taken away again and again.
fn in_circles(stack_id: StackId, stack: &Stack) -> HashSet<&str> {
    let waits: HashMap<&str, Vec<&str>> = stack
        .resources
        .iter()
        .map(|(id, resource)| {
            // What a transform makes of its own types refers in other ways than what is written.
            let transformed = resource.kind.starts_with("AWS::Serverless::");
            let mut named = if transformed { Vec::new() } else { direct(stack_id, resource) };
            // A reference to itself in its own properties or DependsOn is told apart.
            named.retain(|name| *name != id.as_str() && stack.resources.contains_key(*name));
            named.sort_unstable();
            named.dedup();
            (id.as_str(), named)
        })
        .collect();
    let mut waited: HashMap<&str, Vec<&str>> = HashMap::new();
    for id in stack.resources.keys() {
        for name in waits.get(id.as_str()).into_iter().flatten() {
            waited.entry(name).or_default().push(id.as_str());
        }
    }
    let none = Vec::new();
    let forward = peel(stack, &waits, &waited, &none);
    let backward = peel(stack, &waited, &waits, &none);
    stack
        .resources
        .keys()
        .map(|id| id.as_str())
        .filter(|id| forward.contains(id) && backward.contains(id))
        .collect()
}

/// What remains when everything whose `edges` are all gone is taken away; `reverse` are the edges turned round.
fn peel<'a>(
    stack: &'a Stack,
    edges: &HashMap<&'a str, Vec<&'a str>>,
    reverse: &HashMap<&'a str, Vec<&'a str>>,
    none: &Vec<&'a str>,
) -> HashSet<&'a str> {
    let ids = || stack.resources.keys().map(|id| id.as_str());
    let mut left: HashMap<&str, usize> = ids().map(|id| (id, edges.get(id).map_or(0, Vec::len))).collect();
    let mut open: Vec<&str> = ids().filter(|id| left.get(id) == Some(&0)).collect();
    let mut gone: HashSet<&str> = HashSet::new();
    while let Some(id) = open.pop() {
        gone.insert(id);
        for before in reverse.get(id).unwrap_or(none) {
            if let Some(count) = left.get_mut(before) {
                *count = count.saturating_sub(1);
                if *count == 0 && !gone.contains(before) {
                    open.push(before);
                }
            }
        }
    }
    ids().filter(|id| !gone.contains(id)).collect()
}

/// Says which conditions of a stack nothing asks for.
fn conditions(stack_id: StackId, stack: &Stack, findings: &mut Findings) {
    if stack.conditions.is_empty() {
        return;
    }
    let used = used_conditions(stack);
    let mut right = true;
    for (name, condition) in &stack.conditions {
        if used.contains(name.as_str()) || mentioned(stack, name, condition) {
            continue;
        }
        right = false;
        findings
            .add(
                Subject::stack(stack_id),
                Verdict::Violated,
                condition.span,
                format!("nothing asks for the condition `{name}`"),
            )
            .witness(Witness::Event {
                happens: format!("`{name}` is true, or false"),
                follows: "the same is deployed".into(),
            })
            .fix("remove it, or put it where it was meant to decide");
    }
    if right {
        findings.proved.push(Subject::stack(stack_id));
    }
}

/// Names of conditions that something of the stack asks for, as far as the estate still shows it.
fn used_conditions(stack: &Stack) -> HashSet<&str> {
    let mut used: HashSet<&str> = HashSet::new();
    let mut in_value = |value: &'_ Value| -> Vec<String> {
        let mut names = Vec::new();
        value.walk(&mut |value| {
            if let estate::Kind::Case(case) = &value.kind {
                names.push(case.condition.name.to_string());
            }
        });
        names
    };
    let mut names: Vec<String> = Vec::new();
    for resource in stack.resources.values() {
        used.extend(resource.condition.iter().map(|condition| condition.name.as_str()));
        names.extend(in_value(&resource.properties));
        names.extend(resource.attributes.values().flat_map(&mut in_value));
    }
    for output in stack.outputs.values() {
        used.extend(output.condition.iter().map(|condition| condition.name.as_str()));
        names.extend(in_value(&output.value));
    }
    used.extend(stack.left_out.values().map(|name| name.as_str()));
    for condition in stack.conditions.values() {
        in_formula(&condition.formula, &mut used);
    }
    for (name, _) in &stack.conditions {
        if names.iter().any(|found| found == name.as_str()) {
            used.insert(name);
        }
    }
    used
}

fn in_formula<'a>(formula: &'a Formula, used: &mut HashSet<&'a str>) {
    match formula {
        Formula::Named(name) => drop(used.insert(name)),
        Formula::And(all) | Formula::Or(all) => all.iter().for_each(|one| in_formula(one, used)),
        Formula::Not(one) => in_formula(one, used),
        Formula::Known(_) | Formula::Equals(..) | Formula::Unreadable => {}
    }
}

/// Whether the template mentions a condition besides declaring it. Where the truth of a condition is known its uses
/// have been worked out and are gone, and so are those in resources that another condition leaves out; only the text
/// still shows them.
fn mentioned(stack: &Stack, name: &str, condition: &Condition) -> bool {
    match &stack.template {
        None => condition.truth.is_some(),
        Some(template) => {
            let words = template.text.split(|c: char| !c.is_ascii_alphanumeric());
            words.filter(|word| *word == name).count() > 1
        }
    }
}
