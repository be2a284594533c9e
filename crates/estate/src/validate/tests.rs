//! What must hold of the walk, whatever the value: nothing panics, nothing runs away, and a fault that the
//! quick walk sees is one that the slow walk reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::cell::Cell;
use std::collections::BTreeSet;

use catalog::{Additional, Catalog, NodeId, ResourceSchema, Types};
use diagnostics::Span;

use super::walk::{At, Checker, Quiet, Report};
use super::{Outcome, Place};
use crate::{
    AccountId, Entry, Estate, Kind, Map, Number, Origin, Resource, Stack, StackId, Type, Unknown, Value, Why,
};

/// Schemas that a schema applies to the value itself.
fn beside(schema: &ResourceSchema, id: NodeId) -> Vec<NodeId> {
    let node = schema.node(id);
    let mut out = Vec::new();
    if let Some(combinators) = &node.combinators {
        out.extend(combinators.all_of.iter().chain(&combinators.any_of).chain(&combinators.one_of));
        out.extend(combinators.not);
        if let Some(conditional) = combinators.conditional {
            out.push(conditional.when);
            out.extend(conditional.then.into_iter().chain(conditional.otherwise));
        }
    }
    if let Some(object) = &node.object {
        out.extend(object.dependent_schemas.iter().map(|(_, node)| *node));
    }
    out
}

/// Every step that does not go down into the value leads to a smaller schema, so the walk ends.
#[test]
fn no_schema_applies_itself_to_the_same_value() {
    let catalog = Catalog::shared();
    for name in catalog.type_names() {
        let schema = catalog.resource_type(name).unwrap();
        let mut done = BTreeSet::new();
        for (root, _) in schema.nodes() {
            let mut open = vec![(root, false)];
            let mut above = BTreeSet::new();
            while let Some((node, left)) = open.pop() {
                if left {
                    above.remove(&node);
                    done.insert(node);
                } else if !done.contains(&node) {
                    assert!(above.insert(node), "{name}: a schema applies itself");
                    open.push((node, true));
                    open.extend(beside(schema, node).into_iter().map(|node| (node, false)));
                }
            }
        }
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A value that often fits the schema: it has the schema's properties and choices, and now and then others.
fn value(schema: &ResourceSchema, id: NodeId, dice: &mut Dice, depth: usize) -> Value {
    let node = schema.node(id);
    match dice.roll(50) {
        0 => return scalar(dice),
        1 | 2 => return unknown(Type::String, None),
        _ => {}
    }
    if let Some(values) = node.values.as_ref().filter(|_| dice.roll(4) > 0) {
        let at = dice.roll(values.allowed.len() as u64) as usize;
        return crate::from_json(&values.allowed[at]);
    }
    let nested = beside(schema, id);
    if !nested.is_empty() && dice.roll(3) == 0 {
        let at = dice.roll(nested.len() as u64) as usize;
        return value(schema, nested[at], dice, depth + 1);
    }
    if depth > 6 {
        return leaf(node.types, dice);
    }
    if let Some(object) = &node.object {
        let mut map = Map::new();
        for (name, node) in &object.properties {
            let chance = if object.required.contains(name) { 10 } else { 3 };
            if dice.roll(12) < chance {
                map.push_new(Entry {
                    key: name.clone(),
                    key_span: Span::NONE,
                    value: value(schema, *node, dice, depth + 1),
                });
            }
        }
        if let (Additional::Schema(node), true) = (object.additional, dice.roll(2) == 0) {
            map.insert("SomeKey", value(schema, node, dice, depth + 1));
        }
        if dice.roll(20) == 0 {
            map.insert("Unheard", scalar(dice));
        }
        return Value::from(map);
    }
    if let Some(items) = node.list.as_ref().and_then(|list| list.items) {
        let count = dice.roll(4);
        return Value::from((0..count).map(|_| value(schema, items, dice, depth + 1)).collect::<Vec<_>>());
    }
    leaf(node.types, dice)
}

/// A scalar of the right type, mostly.
fn leaf(types: Types, dice: &mut Dice) -> Value {
    match dice.roll(20) {
        0 => scalar(dice),
        _ if types.allows(Types::STRING) => Value::from("some-text"),
        _ if types.allows(Types::INTEGER) => Value::from(30_i64),
        _ if types.allows(Types::BOOLEAN) => Value::from(true),
        _ if types.allows(Types::OBJECT) => Value::from(Map::new()),
        _ => scalar(dice),
    }
}

fn unknown(ty: Type, allowed: Option<Vec<Value>>) -> Value {
    let unknown = Unknown { symbol: "s/P".into(), ty, why: Why::Parameter("P".into()), allowed };
    Value::new(Kind::Unknown(Box::new(unknown)))
}

fn scalar(dice: &mut Dice) -> Value {
    Value::new(match dice.roll(12) {
        0 => Kind::Null,
        1 => Kind::Bool(true),
        2 => Kind::Number(Number::Int(dice.roll(100_000) as i64 - 10)),
        3 => Kind::Number(Number::Float(0.5)),
        4 => Kind::String("".into()),
        5 => Kind::String("arn:aws:iam::111122223333:role/r".into()),
        6 => Kind::String("10.0.0.0/8".into()),
        7 => return unknown(Type::String, None),
        8 => return unknown(Type::List, None),
        9 => return unknown(Type::String, Some(vec![Value::from("a"), Value::from("true")])),
        10 => Kind::List(vec![]),
        _ => Kind::String("some-text".into()),
    })
}

#[test]
fn the_quick_walk_and_the_slow_one_agree() {
    let catalog = Catalog::shared();
    let estate = Estate::default();
    let stack = Stack::new("s", AccountId(0), None, Span::NONE);
    let (id, world) = ("R".into(), Vec::new());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen = [0_usize; 3];
    for name in catalog.type_names().step_by(3) {
        let schema = catalog.resource_type(name).unwrap();
        for _ in 0..12 {
            let properties = value(schema, schema.root(), &mut dice, 0);
            let resource = Resource::new("T", properties, Origin::written(Span::NONE));
            let place = Place { stack_id: StackId(0), stack: &stack, id: &id, resource: &resource };
            let checker =
                Checker { estate: &estate, catalog, schema, world: &world, place, steps: Cell::new(0) };
            let root = At::root(Span::NONE, schema);
            let quick = checker.whole(&resource.properties, &root, &mut Quiet);
            let mut report = Report::new(place);
            let slow = checker.whole(&resource.properties, &root, &mut report);
            let worst = report.findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Valid);
            assert_eq!(quick, slow, "{name}: {:?}", resource.properties);
            // There are no values here that AWS assigns, so whatever is undecided has a name.
            assert_eq!(worst, quick, "{name}: {:?}", resource.properties);
            seen[quick as usize] += 1;
        }
    }
    // All three happen often, or this test says little.
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}
