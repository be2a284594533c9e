//! `Fn::ImportValue` of what another of the given templates exports.
//!
//! In: the stacks of an estate, in which imports are calls. Out: the same stacks with the exported values in place
//! of the calls. Always: a name is matched exactly, within one account and region; an import that nothing
//! given exports stays a call.

use diagnostics::{Diagnostic, Span};
use estate::{AccountId, Estate, Function, Kind, Pseudo, StackId, Target, Type, Unknown, Value, Why};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::compute::{compute, weight};
use super::session::Session;
use crate::CONFLICTING_EXPORT;

/// How many exports may lie behind each other, each the value that the next one imports.
const LONGEST_CHAIN: usize = 8;

/// Where a name is unique: account, region and the name itself.
type Name = (AccountId, Option<SmolStr>, String);

struct Export {
    stack: StackId,
    value: Value,
    span: Span,
    /// Where the same name is exported again.
    again: Option<Span>,
}

/// Puts exported values where they are imported.
pub fn resolve(session: &mut Session<'_>) {
    let mut exports = exports(&session.estate);
    if exports.is_empty() {
        return;
    }
    let mut resolver = Resolver { exports: IndexMap::new(), conflicts: Vec::new(), budget: 2_000_000 };
    // Exported values that are imported values themselves.
    for _ in 0..LONGEST_CHAIN {
        resolver.exports = exports;
        let mut next: Vec<(Name, Value)> = Vec::new();
        for (name, export) in &resolver.exports {
            if holds_import(&export.value) {
                next.push((name.clone(), export.value.clone()));
            }
        }
        let mut changed = false;
        for (name, value) in &mut next {
            let Some(stack) = resolver.exports.get(name).map(|export| export.stack) else { continue };
            changed |= resolver.rewrite(value, &(stack, name.0, name.1.clone()), &session.estate);
        }
        exports = std::mem::take(&mut resolver.exports);
        for (name, value) in next {
            if let Some(export) = exports.get_mut(&name) {
                export.value = value;
            }
        }
        if !changed {
            break;
        }
    }
    resolver.exports = exports;
    let mut stacks = std::mem::take(&mut session.estate.stacks);
    // Names are read from stacks while they are changed: what names need does not change.
    let names = Estate { stacks: stacks.iter().map(bare).collect(), ..Estate::default() };
    for (at, stack) in (0..).map(StackId).zip(&mut stacks) {
        let place = (at, stack.account, stack.region.clone());
        for resource in stack.resources.values_mut() {
            resolver.rewrite(&mut resource.properties, &place, &names);
            resource.attributes.values_mut().for_each(|value| {
                resolver.rewrite(value, &place, &names);
            });
        }
        stack.outputs.values_mut().for_each(|output| {
            resolver.rewrite(&mut output.value, &place, &names);
        });
    }
    session.estate.stacks = stacks;
    for (name, span, again) in resolver.conflicts {
        let text = format!("`{name}` is exported twice, so what is imported under that name is not known");
        let conflict =
            Diagnostic::warning(CONFLICTING_EXPORT, again, text).related(span, "exported here as well");
        session.diagnostics.push(conflict);
    }
}

/// A stack without what it holds: enough to say its name.
fn bare(stack: &estate::Stack) -> estate::Stack {
    let mut bare = estate::Stack::new(stack.name.clone(), stack.account, stack.region.clone(), stack.span);
    bare.nested_in = stack.nested_in.clone();
    bare
}

fn exports(estate: &Estate) -> IndexMap<Name, Export> {
    let mut out: IndexMap<Name, Export> = IndexMap::new();
    for (id, stack) in estate.stacks() {
        for output in stack.outputs.values() {
            let Some(name) = output.export.as_ref() else { continue };
            let name = (stack.account, stack.region.clone(), text_of(name, estate));
            let span = output.span;
            match out.get_mut(&name) {
                Some(first) => first.again = Some(span),
                None => {
                    out.insert(name, Export { stack: id, value: output.value.clone(), span, again: None });
                }
            }
        }
    }
    out
}

/// A name as a text, in which what is not known stands under a name that is the same wherever it is the same.
fn text_of(name: &Value, estate: &Estate) -> String {
    match &name.kind {
        Kind::Join(pieces) => pieces.iter().map(|piece| text_of(piece, estate)).collect(),
        Kind::Reference(reference) => match &reference.target {
            // The name of a stack that nobody nests is the one its file has.
            Target::Pseudo { stack, pseudo: Pseudo::StackName } => match estate.stack(*stack) {
                Some(stack) if stack.nested_in.is_none() => stack.name.to_string(),
                _ => format!("\u{0}{}:name\u{0}", stack.0),
            },
            Target::Pseudo { stack, pseudo: Pseudo::StackId } => format!("\u{0}{}:id\u{0}", stack.0),
            // The same in all stacks of one account and region.
            Target::Pseudo { pseudo, .. } => format!("\u{0}{}\u{0}", pseudo.name()),
            Target::Account(account) => format!("\u{0}account {}\u{0}", account.0),
            Target::Resource { stack, .. } => format!("\u{0}{}:{reference}\u{0}", stack.0),
        },
        Kind::Unknown(unknown) => format!("\u{0}{}\u{0}", unknown.symbol),
        Kind::Case(case) => {
            let (then, otherwise) = (text_of(&case.then, estate), text_of(&case.otherwise, estate));
            format!("\u{0}{}:{}?{then}:{otherwise}\u{0}", case.condition.stack.0, case.condition.name)
        }
        Kind::Call(call) => {
            let arguments: Vec<_> = call.arguments.iter().map(|argument| text_of(argument, estate)).collect();
            format!("\u{0}{}({})\u{0}", call.function.name(), arguments.join(","))
        }
        Kind::List(items) => items.iter().map(|item| text_of(item, estate) + ",").collect(),
        _ => name.as_text().map(|text| text.to_string()).unwrap_or_default(),
    }
}

fn holds_import(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |value| {
        found |= matches!(&value.kind, Kind::Call(call) if call.function == Function::ImportValue);
    });
    found
}

struct Resolver {
    exports: IndexMap<Name, Export>,
    conflicts: Vec<(SmolStr, Span, Span)>,
    budget: usize,
}

impl Resolver {
    /// Replaces imports anywhere within `value`; says whether there was one to replace.
    fn rewrite(
        &mut self,
        value: &mut Value,
        place: &(StackId, AccountId, Option<SmolStr>),
        estate: &Estate,
    ) -> bool {
        let mut changed = false;
        match &mut value.kind {
            Kind::List(items) => {
                items.iter_mut().for_each(|item| changed |= self.rewrite(item, place, estate))
            }
            Kind::Map(map) => {
                map.iter_mut().for_each(|entry| changed |= self.rewrite(&mut entry.value, place, estate))
            }
            Kind::Case(case) => {
                changed |= self.rewrite(&mut case.then, place, estate);
                changed |= self.rewrite(&mut case.otherwise, place, estate);
            }
            Kind::Join(pieces) => {
                pieces.iter_mut().for_each(|piece| changed |= self.rewrite(piece, place, estate));
                if changed {
                    let pieces = std::mem::take(pieces);
                    value.kind = Value::join(pieces).kind;
                }
            }
            Kind::Call(call) => {
                call.arguments.iter_mut().for_each(|item| changed |= self.rewrite(item, place, estate));
                if call.function == Function::ImportValue {
                    if let Some(found) = self.exported(call.arguments.first(), place, estate) {
                        value.kind = found.kind;
                        return true;
                    }
                } else if changed {
                    let arguments = std::mem::take(&mut call.arguments);
                    let (function, span) = (call.function, value.span);
                    value.kind = compute(function, arguments, &mut |_| mistake(place.0, span)).kind;
                }
            }
            _ => {}
        }
        changed
    }

    fn exported(
        &mut self,
        name: Option<&Value>,
        (stack, account, region): &(StackId, AccountId, Option<SmolStr>),
        estate: &Estate,
    ) -> Option<Value> {
        let name = text_of(name?, estate);
        let key = (*account, region.clone(), name);
        let export = self.exports.get(&key).filter(|export| export.stack != *stack)?;
        if let Some(again) = export.again {
            self.conflicts.push((format_smolstr!("{}", key.2.replace('\u{0}', "…")), export.span, again));
            return None;
        }
        self.budget = self.budget.checked_sub(weight(&export.value) / 16 + 1)?;
        Some(export.value.clone())
    }
}

fn mistake(stack: StackId, span: Span) -> Value {
    let symbol = format_smolstr!("{}/import@{}", stack.0, span.lo);
    let unknown = Unknown { symbol, ty: Type::Any, why: Why::Mistake, allowed: None };
    Value::at(span, Kind::Unknown(Box::new(unknown)))
}
