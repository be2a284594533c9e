//! Stack sets: the template that one deploys to many accounts and regions, read as one stack that stands for all.
//!
//! In: an estate whose templates are read. Out: for each `AWS::CloudFormation::StackSet` with a literal `TemplateBody` a stack
//! with [`estate::Stack::fleet`]. Always: what the stack set hands to the template's parameters is their value there;
//! a template that is not known is said not to be judged.

use diagnostics::{Diagnostic, Diagnostics, SourceMap};
use estate::{Account, AccountId, Estate, Kind, SmolStr, StackId, Value};
use indexmap::IndexMap;

use super::{Options, ParameterValues, TemplateFile, read_once};
use crate::NESTED_NOT_FOUND;

const KIND: &str = "AWS::CloudFormation::StackSet";

/// The name that stands for every account that a stack set reaches.
const EVERY_ACCOUNT: &str = "every account";

/// A stack set that is to be read.
struct Found {
    stack: StackId,
    id: SmolStr,
    name: SmolStr,
    body: SmolStr,
    given: Vec<(SmolStr, Value)>,
}

/// Reads what every stack set deploys. What stack sets deploy is read, stack sets in there are not.
pub(super) fn expand(
    estate: &mut Estate,
    options: &Options,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) {
    let found = find(estate, diagnostics);
    if found.is_empty() {
        return;
    }
    let account = estate.add_account(Account {
        name: SmolStr::new_static(EVERY_ACCOUNT),
        title: None,
        number: None,
        unit: None,
        environment: None,
        span: diagnostics::Span::NONE,
    });
    for found in found {
        one(estate, &found, account, options, sources, diagnostics);
    }
}

fn find(estate: &Estate, diagnostics: &mut Diagnostics) -> Vec<Found> {
    let mut out = Vec::new();
    for (stack, here) in estate.stacks() {
        for (id, resource) in here.resources.iter().filter(|(_, resource)| resource.kind == KIND) {
            let span = resource.origin.span;
            let body = resource.properties.get("TemplateBody").map(|body| &body.kind);
            let Some(Kind::String(body)) = body else {
                let text = format!(
                    "what the stack set `{id}` deploys is not known: it has no `TemplateBody` that is plain text"
                );
                let unread = Diagnostic::warning(NESTED_NOT_FOUND, span, text);
                diagnostics
                    .push(unread.help("its resources are not judged; judge the template by itself as well"));
                continue;
            };
            let name = resource.properties.get("StackSetName").and_then(Value::as_text);
            let mut given = Vec::new();
            for parameter in resource.properties.get("Parameters").map(Value::as_items).unwrap_or_default() {
                let key = parameter.get("ParameterKey").and_then(Value::as_text);
                if let Some((key, value)) = key.zip(parameter.get("ParameterValue")) {
                    given.push((key, value.clone()));
                }
            }
            out.push(Found {
                stack,
                id: id.clone(),
                name: name.unwrap_or_else(|| id.clone()),
                body: body.clone(),
                given,
            });
        }
    }
    out
}

fn one(
    estate: &mut Estate,
    found: &Found,
    account: AccountId,
    options: &Options,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) {
    let file = TemplateFile::new(format!("stack set {}", found.name), found.body.as_str());
    let literal: IndexMap<SmolStr, Value> =
        found.given.iter().filter(|(_, value)| value.is_literal()).cloned().collect();
    let options = Options {
        region: None,
        account: Some(SmolStr::new_static(EVERY_ACCOUNT)),
        parameters: vec![ParameterValues { template: None, values: literal }],
        ..options.clone()
    };
    let inner = read_once(&[file], &options, sources, diagnostics).estate;
    let ids = estate.graft(inner, account);
    for id in ids {
        let Some(stack) = estate.stacks.get_mut(id.0 as usize) else { continue };
        stack.name = found.name.clone();
        // It stands in the stack set, not in a file of its own.
        stack.template = None;
        stack.fleet = Some((found.stack, found.id.clone()));
        for resource in stack.resources.values_mut() {
            hand(&mut resource.properties, &found.given);
        }
    }
    let owner = estate.stacks.get_mut(found.stack.0 as usize);
    let resource = owner.and_then(|owner| owner.resources.get_mut(&found.id));
    if let Some(map) = resource.and_then(|resource| resource.properties.as_map_mut()) {
        map.remove("TemplateBody");
        map.remove("Parameters");
    }
}

/// Puts what is handed in the place of the parameters that take it.
fn hand(value: &mut Value, given: &[(SmolStr, Value)]) {
    match &mut value.kind {
        Kind::Unknown(unknown) => {
            let name = unknown.symbol.rsplit('/').next().unwrap_or_default();
            if let Some((_, handed)) = given.iter().find(|(key, _)| key == name) {
                *value = handed.clone();
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| hand(item, given)),
        Kind::Join(items) => {
            items.iter_mut().for_each(|item| hand(item, given));
            let pieces = std::mem::take(items);
            let span = value.span;
            *value = Value::join(pieces).spanned(span);
        }
        Kind::Map(map) => map.iter_mut().for_each(|entry| hand(&mut entry.value, given)),
        Kind::Case(case) => {
            hand(&mut case.then, given);
            hand(&mut case.otherwise, given);
        }
        Kind::Call(call) => call.arguments.iter_mut().for_each(|argument| hand(argument, given)),
        _ => {}
    }
}
