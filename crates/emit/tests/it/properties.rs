//! What holds for every estate: random ones, of stacks whose resources refer to earlier ones anywhere.

use std::collections::{BTreeMap, BTreeSet};

use diagnostics::Span;
use emit::cloudformation::{Format, Options, Quotas};
use estate::{Dependency, Estate, Resource, Stack, StackId, Value, value};
use proptest::prelude::*;

use crate::estates::{account, attribute, emitted, origin, reference};
use crate::parsed::{named, parse};

/// A resource: which of those before it (counted back, over all stacks) it refers to and how, whether it
/// keeps data, and how long a text it holds.
#[derive(Debug, Clone)]
struct Plan {
    refers: Vec<(usize, u8)>,
    keeps_data: bool,
    text: String,
}

/// The resources of each stack.
type Plans = Vec<Vec<Plan>>;

fn plans(stacks: usize, resources: usize) -> impl Strategy<Value = Plans> {
    let texts = prop_oneof![
        "[ -~]{0,40}",
        Just("line\nline\n".to_owned()),
        Just("${x} $ ${".to_owned()),
        "\\PC{0,12}",
        Just("yes".to_owned()),
        "[0-9]{1,4}(\\.[0-9]+)?",
    ];
    let refers = prop::collection::vec((1_usize..40, 0_u8..5), 0..4);
    let plan = (refers, prop::bool::weighted(0.2), texts).prop_map(|(refers, keeps_data, text)| Plan {
        refers,
        keeps_data,
        text,
    });
    prop::collection::vec(prop::collection::vec(plan, 1..resources), 1..stacks)
}

fn build(plans: &Plans) -> Estate {
    let mut estate = Estate { name: "random".into(), ..Estate::default() };
    let accounts = [estate.add_account(account("one")), estate.add_account(account("two"))];
    let mut before: Vec<(StackId, String)> = Vec::new();
    for (at, plans) in plans.iter().enumerate() {
        let own = StackId(at as u32);
        let region = if at % 3 == 0 { "eu-west-1" } else { "us-east-1" };
        let mut stack = Stack::new(format!("stack-{at}"), accounts[at % 2], Some(region.into()), Span::NONE);
        for (number, plan) in plans.iter().enumerate() {
            let id = format!("R{number}");
            stack.resources.insert(id.clone().into(), resource(plan, own, &before));
            before.push((own, id));
        }
        estate.add_stack(stack);
    }
    estate
}

fn resource(plan: &Plan, own: StackId, before: &[(StackId, String)]) -> Resource {
    let mut values = vec![Value::from(plan.text.as_str())];
    let mut waits = Vec::new();
    for (back, how) in &plan.refers {
        let Some((stack, id)) = before.len().checked_sub(*back).map(|at| &before[at]) else { continue };
        match how {
            0 => values.push(reference(*stack, id)),
            1 => values.push(attribute(*stack, id, "TopicArn")),
            2 => values.push(Value::join([Value::from(plan.text.as_str()), reference(*stack, id)])),
            3 => values.push(value!({ "key": [(attribute(*stack, id, "TopicName"))], "Key two": "x" })),
            _ if *stack == own => waits.push(Dependency { id: id.as_str().into(), span: Span::NONE }),
            _ => {}
        }
    }
    let mut resource =
        Resource::new("AWS::SNS::Topic", value!({ "Values": (Value::from(values)) }), origin());
    resource.depends_on = waits;
    if plan.keeps_data { resource.retained() } else { resource }
}

fn small_quotas() -> Quotas {
    Quotas { resources: 10, parameters: 40, outputs: 40, bytes: 100_000 }
}

/// Everything that must hold of an emission.
fn hold(estate: &Estate, options: &Options) -> BTreeMap<(String, String), String> {
    let emission = emitted(estate, options);
    let manifest = &emission.manifest;
    assert_eq!(emitted(estate, options).bundle, emission.bundle);
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut outputs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for stack in &manifest.stacks {
        let template = parse(&stack.template, emission.bundle.get(&stack.template).unwrap());
        let keys = |section: &str| -> BTreeSet<String> {
            template[section].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        let (resources, parameters) = (keys("Resources"), keys("Parameters"));
        assert!(resources.len() <= options.quotas.resources && !resources.is_empty());
        assert!(parameters.len() <= options.quotas.parameters);
        assert!(keys("Outputs").len() <= options.quotas.outputs);
        assert!(stack.bytes <= options.quotas.bytes);
        for name in named(&template) {
            assert!(
                name.starts_with("AWS::") || resources.contains(&name) || parameters.contains(&name),
                "{name}"
            );
        }
        let listed: BTreeSet<String> =
            stack.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        assert_eq!(listed, parameters);
        for parameter in &stack.parameters {
            let from = parameter.from.as_ref().expect("all values come from stacks");
            // Stacks are in the order of waves, so the producer has been seen.
            assert!(outputs[&from.stack].contains(&from.output), "{from:?}");
            assert!(stack.after.contains(&from.stack));
        }
        outputs.insert(stack.key.clone(), keys("Outputs"));
        let whole = stack.key.rsplit_once('/').unwrap().1.split('-').take(2).collect::<Vec<_>>().join("-");
        for id in resources {
            assert_eq!(found.insert((whole.clone(), id), stack.key.clone()), None);
        }
    }
    let expected: usize = estate.resource_count();
    assert_eq!(found.len(), expected);
    let in_waves: usize = manifest.waves.iter().map(Vec::len).sum();
    assert_eq!(in_waves, manifest.stacks.len());
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reference_resolves_and_every_value_arrives(plans in plans(6, 12)) {
        hold(&build(&plans), &Options::default());
    }

    #[test]
    fn parts_obey_the_quotas_and_lose_nothing(plans in plans(4, 45)) {
        hold(&build(&plans), &Options { quotas: small_quotas(), ..Options::default() });
    }

    #[test]
    fn json_and_yaml_say_the_same(plans in plans(4, 12)) {
        let estate = build(&plans);
        let [json, yaml] = [Format::Json, Format::Yaml].map(|format| {
            let emission = emitted(&estate, &Options { format, ..Options::default() });
            let templates = emission.manifest.stacks.iter().map(|stack| &stack.template);
            templates.map(|path| parse(path, emission.bundle.get(path).unwrap())).collect::<Vec<_>>()
        });
        prop_assert_eq!(json, yaml);
    }

    /// Whatever is added to a split stack, what was there stays in its part.
    #[test]
    fn nothing_moves_when_something_is_added(plans in plans(3, 40), at in any::<prop::sample::Index>()) {
        let options = Options { quotas: small_quotas(), ..Options::default() };
        let mut estate = build(&plans);
        let before = hold(&estate, &options);
        let placement = emitted(&estate, &options).manifest.placement;
        let stack = at.index(estate.stacks.len());
        let added = Resource::new("AWS::SNS::Topic", value!({}), origin());
        estate.stacks[stack].resources.insert_before(0, "Added".into(), added);
        let after = hold(&estate, &Options { placement, ..options });
        for (id, part) in before {
            prop_assert_eq!(&after[&id], &part);
        }
    }

    /// Without memory of an earlier run, at least what keeps data stays when something is put at the end.
    #[test]
    fn what_keeps_data_stays_even_without_memory(plans in plans(2, 40)) {
        let options = Options { quotas: small_quotas(), ..Options::default() };
        let mut estate = build(&plans);
        let before = hold(&estate, &options);
        let added = Resource::new("AWS::SNS::Topic", value!({}), origin());
        estate.stacks[0].resources.insert("Added".into(), added);
        let after = hold(&estate, &options);
        for (id, resource) in &estate.stacks[0].resources {
            if resource.deletion_policy.is_some() {
                let key = ("stack-0".to_owned(), id.to_string());
                prop_assert_eq!(&after[&key], &before[&key]);
            }
        }
    }
}
