//! Values of the estate as expressions of one template.
//!
//! In: values of one stack. Out: expressions that hold in the template of that stack (or of one of its
//! parts), and what they need from outside it: parameters and conditions.
//! Always: what AWS assigns stays a reference; what is not known is a diagnostic, never a guess.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use catalog::{Catalog, Types};
use diagnostics::{Code, Diagnostic, Span};
use estate::{
    AccountId, Call, Case, Condition, ConditionRef, Estate, Formula, Function, Kind, Map, Number, Pseudo,
    Reference, SmolStr, Stack, StackId, Target, Value,
};

use super::expression::Expression;
use super::names;
use crate::{DANGLING, NOT_EXPRESSIBLE, NOT_KNOWN, READS_AS_FUNCTION};

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// What another stack, or another part of this one, puts out.
    Output(Reference),
    /// The number of an account that no stack of the estate makes: people say it.
    Number(AccountId),
}

/// A parameter that a template needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) source: Source,
    /// Whether the value is a list.
    pub(crate) list: bool,
    /// Whether there may be none, because a condition decides.
    pub(crate) optional: bool,
}

/// Facts about the whole estate that every template needs.
pub(crate) struct Surroundings<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) catalog: &'a Catalog,
    /// For each account, the resource that makes it.
    pub(crate) makers: Vec<Option<(StackId, SmolStr)>>,
    /// What each stack set deploys.
    pub(crate) fleets: BTreeMap<(StackId, SmolStr), StackId>,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn new(estate: &'a Estate, catalog: &'a Catalog) -> Self {
        let mut made: BTreeMap<&str, (StackId, &SmolStr)> = BTreeMap::new();
        for (id, stack) in estate.stacks() {
            let accounts =
                stack.resources.iter().filter(|(_, found)| found.kind == "AWS::Organizations::Account");
            for (logical_id, resource) in accounts {
                if let Some(name) = resource.properties.get("AccountName").and_then(Value::as_str) {
                    made.entry(name).or_insert((id, logical_id));
                }
            }
        }
        let maker = |name: &str| made.get(name).map(|(stack, id)| (*stack, (*id).clone()));
        let makers = estate.accounts.iter().map(|it| maker(it.title.as_ref().unwrap_or(&it.name))).collect();
        let fleets = estate.stacks().filter_map(|(id, stack)| Some((stack.fleet.clone()?, id))).collect();
        Self { estate, catalog, makers, fleets }
    }

    /// Whether a reference yields a list.
    pub(crate) fn is_list(&self, reference: &Reference) -> bool {
        let (Some((stack, id)), Some(name)) = (reference.resource(), &reference.attribute) else {
            return false;
        };
        let kind = self.estate.resource(stack, id).map(|resource| resource.kind.as_str());
        let schema = kind.and_then(|kind| self.catalog.resource_type(kind));
        let node = schema.and_then(|schema| Some(schema.node(schema.attribute(name)?.node?)));
        node.is_some_and(|node| node.types.allows(Types::ARRAY) && !node.types.allows(Types::STRING))
    }
}

/// The way from a resource to a value, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    above: Option<&'p Place<'p>>,
    step: Step<'p>,
    span: Span,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    pub(crate) fn root(id: &'p str, span: Span) -> Self {
        Self { above: None, step: Step::Key(id), span }
    }

    pub(crate) fn key(&'p self, key: &'p str, span: Span) -> Self {
        Self { above: Some(self), step: Step::Key(key), span: span.or(self.span) }
    }

    fn item(&'p self, at: usize, span: Span) -> Self {
        Self { above: Some(self), step: Step::Item(at), span: span.or(self.span) }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}/")?;
        }
        match self.step {
            Step::Key(key) => f.write_str(key),
            Step::Item(at) => write!(f, "{at}"),
        }
    }
}

/// What a reference is in this template.
enum Resolved<'a> {
    Literal(SmolStr),
    /// `Ref` of a parameter, a pseudo parameter or a resource of this template.
    Ref(Cow<'a, str>),
    GetAtt(&'a str, &'a str),
}

/// One template being made.
pub(crate) struct Lowering<'a> {
    pub(crate) around: &'a Surroundings<'a>,
    pub(crate) stack_id: StackId,
    stack: &'a Stack,
    /// The part of a split stack that each of its resources is in, and which part this is.
    part: Option<(&'a [u32], u32)>,
    /// What it needs from outside, by parameter name.
    pub(crate) parameters: BTreeMap<String, Need>,
    named: BTreeMap<Source, String>,
    /// Conditions that it uses, by name.
    pub(crate) conditions: BTreeSet<&'a str>,
    /// Whether it uses a function of the `AWS::LanguageExtensions` transform.
    pub(crate) language_extensions: bool,
    pub(crate) problems: Vec<Diagnostic>,
    /// Resources of this template that the value being lowered refers to in every case.
    pub(crate) referred: Vec<&'a str>,
    /// How many undecided cases surround the value being lowered.
    cases: usize,
    in_condition: bool,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        around: &'a Surroundings<'a>,
        stack_id: StackId,
        stack: &'a Stack,
        part: Option<(&'a [u32], u32)>,
    ) -> Self {
        Self {
            around,
            stack_id,
            stack,
            part,
            parameters: BTreeMap::new(),
            named: BTreeMap::new(),
            conditions: BTreeSet::new(),
            language_extensions: false,
            problems: Vec::new(),
            referred: Vec::new(),
            cases: 0,
            in_condition: false,
        }
    }

    /// Whether the resource at position `at` of the stack is in this template.
    pub(crate) fn is_here(&self, at: usize) -> bool {
        self.part.is_none_or(|(parts, here)| parts.get(at) == Some(&here))
    }

    pub(crate) fn problem(&mut self, code: Code, place: &Place<'_>, what: impl std::fmt::Display) {
        let path = self.around.estate.stack_path(self.stack_id);
        let message = format!("{what} (at `{place}` of stack `{path}`)");
        self.problems.push(Diagnostic::error(code, place.span, message));
    }

    /// The value as this template says it.
    pub(crate) fn value(&mut self, value: &'a Value, place: &Place<'_>) -> Expression<'a> {
        match &value.kind {
            Kind::Bool(value) => Expression::Bool(*value),
            Kind::Number(Number::Int(value)) => Expression::Int(*value),
            Kind::Number(Number::Float(value)) => Expression::Float(*value),
            Kind::String(text) => Expression::text(text.as_str()),
            Kind::List(items) => self.list(items, place),
            Kind::Map(map) => self.map(map, place),
            Kind::Reference(reference) => self.reference(reference, place),
            Kind::Join(pieces) => self.join(pieces, place),
            Kind::Case(case) => self.case(case, place),
            Kind::Call(call) => self.call(call, place),
            Kind::Absent => Expression::no_value(),
            Kind::Null => {
                self.problem(NOT_EXPRESSIBLE, place, "CloudFormation refuses null values");
                Expression::no_value()
            }
            Kind::Unknown(unknown) => {
                let what = format!("`{}` would be deployed, but {}", unknown.symbol, unknown.why);
                self.problem(NOT_KNOWN, place, what);
                Expression::no_value()
            }
        }
    }

    fn list(&mut self, items: &'a [Value], place: &Place<'_>) -> Expression<'a> {
        let lower = |(at, item): (usize, &'a Value)| self.value(item, &place.item(at, item.span));
        Expression::List(items.iter().enumerate().map(lower).collect())
    }

    fn map(&mut self, map: &'a Map, place: &Place<'_>) -> Expression<'a> {
        if let (1, Some(only)) = (map.len(), map.iter().next())
            && (only.key == "Ref" || only.key.starts_with("Fn::"))
        {
            self.problem(READS_AS_FUNCTION, place, format!("the key `{}` is meant literally here", only.key));
        }
        let mut entries = Vec::with_capacity(map.len());
        for entry in map {
            let below = place.key(&entry.key, entry.value.span.or(entry.key_span));
            entries.push((Cow::Borrowed(entry.key.as_str()), self.value(&entry.value, &below)));
        }
        Expression::Map(entries)
    }

    fn reference(&mut self, reference: &'a Reference, place: &Place<'_>) -> Expression<'a> {
        match self.resolve(reference, place) {
            Some(Resolved::Literal(text)) => Expression::Text(Cow::Owned(text.into())),
            Some(Resolved::Ref(name)) => Expression::reference(name),
            Some(Resolved::GetAtt(id, attribute)) => Expression::get_att(id, attribute),
            None => Expression::no_value(),
        }
    }

    fn resolve(&mut self, reference: &'a Reference, place: &Place<'_>) -> Option<Resolved<'a>> {
        match &reference.target {
            Target::Account(account) => self.account(*account, place),
            Target::Pseudo { stack, pseudo } => {
                // One partition holds a whole organization.
                let shared = matches!(pseudo, Pseudo::Partition | Pseudo::UrlSuffix);
                if *stack == self.stack_id || shared {
                    return Some(Resolved::Ref(Cow::Borrowed(pseudo.name())));
                }
                Some(Resolved::Ref(Cow::Owned(self.parameter(
                    Source::Output(reference.clone()),
                    false,
                    false,
                ))))
            }
            Target::Resource { stack, id } => {
                let Some(resource) = self.around.estate.resource(*stack, id) else {
                    let other = self.around.estate.stack_path(*stack);
                    let what =
                        format!("`{reference}` is referred to, but stack `{other}` has no such resource");
                    self.problem(DANGLING, place, what);
                    return None;
                };
                let at = self.stack.resources.get_index_of(id.as_str());
                if *stack == self.stack_id && at.is_some_and(|at| self.is_here(at)) {
                    return self.local(reference, id, place);
                }
                let list = self.around.is_list(reference);
                let optional = resource.condition.is_some();
                let name = self.parameter(Source::Output(reference.clone()), list, optional);
                Some(Resolved::Ref(Cow::Owned(name)))
            }
        }
    }

    fn local(&mut self, reference: &'a Reference, id: &'a str, place: &Place<'_>) -> Option<Resolved<'a>> {
        if self.in_condition {
            let what = format!("a condition cannot depend on `{reference}`, which AWS assigns later");
            self.problem(NOT_EXPRESSIBLE, place, what);
            return None;
        }
        if self.cases == 0 {
            self.referred.push(id);
        }
        Some(match &reference.attribute {
            Some(attribute) => Resolved::GetAtt(id, attribute),
            None => Resolved::Ref(Cow::Borrowed(id)),
        })
    }

    fn account(&mut self, id: AccountId, place: &Place<'_>) -> Option<Resolved<'a>> {
        if id == self.stack.account {
            return Some(Resolved::Ref(Cow::Borrowed("AWS::AccountId")));
        }
        let Some(account) = self.around.estate.account(id) else {
            self.problem(DANGLING, place, "an account is referred to that the estate does not have");
            return None;
        };
        if let Some(number) = &account.number {
            return Some(Resolved::Literal(number.clone()));
        }
        let Some(Some((stack, maker))) = self.around.makers.get(id.0 as usize) else {
            return Some(Resolved::Ref(Cow::Owned(self.parameter(Source::Number(id), false, false))));
        };
        let at = self.stack.resources.get_index_of(maker.as_str());
        if *stack == self.stack_id && at.is_some_and(|at| self.is_here(at)) {
            if self.cases == 0 {
                self.referred.push(maker);
            }
            return Some(Resolved::GetAtt(maker, "AccountId"));
        }
        let source = Source::Output(Reference::attribute(*stack, maker.clone(), "AccountId"));
        Some(Resolved::Ref(Cow::Owned(self.parameter(source, false, false))))
    }

    /// The value that a stack set hands to a parameter of its template.
    pub(crate) fn handed(&mut self, need: &Need) -> Expression<'a> {
        let Source::Output(reference) = &need.source else {
            let own = matches!(&need.source, Source::Number(id) if *id == self.stack.account);
            let name = if own {
                "AWS::AccountId".to_owned()
            } else {
                self.parameter(need.source.clone(), false, false)
            };
            return Expression::reference(name);
        };
        let stack = self.stack;
        let here = reference.resource().filter(|(id, _)| *id == self.stack_id);
        let here = here.and_then(|(_, id)| stack.resources.get_full(id.as_str()));
        match here {
            Some((at, id, _)) if self.is_here(at) => {
                self.referred.push(id);
                match &reference.attribute {
                    Some(attribute) => Expression::get_att(id.to_string(), attribute.to_string()),
                    None => Expression::reference(id.to_string()),
                }
            }
            _ => Expression::reference(self.parameter(need.source.clone(), need.list, need.optional)),
        }
    }

    /// The name of the parameter that carries `source`, made when it is first asked for.
    fn parameter(&mut self, source: Source, list: bool, optional: bool) -> String {
        if let Some(known) = self.named.get(&source) {
            return known.clone();
        }
        let mut name = names::parameter(self.around.estate, self.stack, &source);
        if self.parameters.contains_key(&name) || self.stack.resources.contains_key(name.as_str()) {
            name = names::distinguished(&name, &names::identity(self.around.estate, &source));
        }
        self.named.insert(source.clone(), name.clone());
        self.parameters.insert(name.clone(), Need { source, list, optional });
        name
    }

    /// Texts put together: `Fn::Sub` where that can say it, else `Fn::Join`.
    fn join(&mut self, pieces: &'a [Value], place: &Place<'_>) -> Expression<'a> {
        if !pieces.iter().all(|piece| self.fits_sub(piece)) {
            let pieces = self.list(pieces, place);
            return Expression::call("Fn::Join", Expression::List(vec![Expression::text(""), pieces]));
        }
        let (mut template, mut plain, mut substitutes) = (String::new(), String::new(), false);
        for (at, piece) in pieces.iter().enumerate() {
            let resolved = match &piece.kind {
                Kind::Reference(reference) => self.resolve(reference, &place.item(at, piece.span)),
                _ => piece.as_text().map(Resolved::Literal),
            };
            match resolved {
                Some(Resolved::Literal(text)) => {
                    template.push_str(&text.replace("${", "${!"));
                    plain.push_str(&text);
                }
                Some(Resolved::Ref(name)) => {
                    substitutes = true;
                    template.push_str(&format!("${{{name}}}"));
                }
                Some(Resolved::GetAtt(id, attribute)) => {
                    substitutes = true;
                    template.push_str(&format!("${{{id}.{attribute}}}"));
                }
                None => {}
            }
        }
        if substitutes {
            Expression::call("Fn::Sub", Expression::text(template))
        } else {
            Expression::text(plain)
        }
    }

    /// Whether `Fn::Sub` can hold this piece. A text that ends in `$`, or opens `${` without closing it,
    /// would run into what follows.
    fn fits_sub(&self, piece: &Value) -> bool {
        match &piece.kind {
            Kind::String(text) => {
                let closed =
                    text.rfind("${").is_none_or(|at| text.get(at..).is_some_and(|rest| rest.contains('}')));
                closed && !text.ends_with('$')
            }
            Kind::Number(_) | Kind::Bool(_) => true,
            Kind::Reference(reference) => !self.around.is_list(reference),
            _ => false,
        }
    }

    fn case(&mut self, case: &'a Case, place: &Place<'_>) -> Expression<'a> {
        let Some(name) = self.condition(&case.condition, place) else { return Expression::no_value() };
        self.cases += 1;
        let branches = [&case.then, &case.otherwise].map(|branch| self.value(branch, place));
        self.cases -= 1;
        let [then, otherwise] = branches;
        Expression::call("Fn::If", Expression::List(vec![Expression::text(name), then, otherwise]))
    }

    /// The name of a condition, which the template will then declare.
    pub(crate) fn condition(&mut self, condition: &'a ConditionRef, place: &Place<'_>) -> Option<&'a str> {
        let name = condition.name.as_str();
        if condition.stack != self.stack_id || !self.stack.conditions.contains_key(name) {
            let what = format!("condition `{name}` decides here, but this stack does not declare it");
            self.problem(NOT_EXPRESSIBLE, place, what);
            return None;
        }
        self.conditions.insert(name);
        Some(name)
    }

    fn call(&mut self, call: &'a Call, place: &Place<'_>) -> Expression<'a> {
        let name = call.function.name();
        match call.function {
            Function::FindInMap => {
                self.problem(
                    NOT_EXPRESSIBLE,
                    place,
                    "`Fn::FindInMap` needs a mapping, and this stack declares none",
                );
                Expression::no_value()
            }
            Function::Transform => {
                let keys = ["Name", "Parameters"].into_iter().map(Cow::Borrowed);
                let arguments: Vec<_> =
                    call.arguments.iter().map(|argument| self.value(argument, place)).collect();
                Expression::call(name, Expression::Map(keys.zip(arguments).collect()))
            }
            Function::Cidr | Function::Join | Function::Select | Function::Split | Function::GetAtt => {
                let arguments = self.list(&call.arguments, place);
                Expression::call(name, arguments)
            }
            Function::Base64
            | Function::GetAzs
            | Function::ImportValue
            | Function::Length
            | Function::ToJsonString => {
                self.language_extensions |=
                    matches!(call.function, Function::Length | Function::ToJsonString);
                let argument = call.arguments.first().map(|argument| self.value(argument, place));
                Expression::call(name, argument.unwrap_or_else(|| Expression::text("")))
            }
        }
    }

    /// The conditions in use, with those they use themselves, in the order in which the stack declares them.
    pub(crate) fn declared_conditions(&mut self) -> Vec<(&'a str, Expression<'a>)> {
        self.in_condition = true;
        let mut done: BTreeMap<&'a str, Expression<'a>> = BTreeMap::new();
        while let Some(name) = self.conditions.iter().find(|name| !done.contains_key(*name)).copied() {
            let Some(Condition { formula, span, .. }) = self.stack.conditions.get(name) else { break };
            let expression = self.formula(formula, &Place::root(name, *span));
            done.insert(name, expression);
        }
        self.in_condition = false;
        let declared = self.stack.conditions.keys();
        declared
            .filter_map(|name| done.remove(name.as_str()).map(|formula| (name.as_str(), formula)))
            .collect()
    }

    fn formula(&mut self, formula: &'a Formula, place: &Place<'_>) -> Expression<'a> {
        match formula {
            Formula::Known(truth) => {
                let other = if *truth { "true" } else { "false" };
                Expression::call(
                    "Fn::Equals",
                    Expression::List(vec![Expression::text("true"), Expression::text(other)]),
                )
            }
            Formula::Equals(left, right) => {
                let sides = [&**left, &**right].map(|side| self.value(side, place));
                Expression::call("Fn::Equals", Expression::List(sides.into()))
            }
            Formula::And(all) => self.connected("Fn::And", all, place),
            Formula::Or(all) => self.connected("Fn::Or", all, place),
            Formula::Not(inner) => {
                let inner = self.formula(inner, place);
                Expression::call("Fn::Not", Expression::List(vec![inner]))
            }
            Formula::Named(name) => {
                if !self.stack.conditions.contains_key(name.as_str()) {
                    self.problem(DANGLING, place, format!("condition `{name}` is not declared"));
                }
                self.conditions.insert(name);
                Expression::call("Condition", Expression::text(name.as_str()))
            }
            Formula::Unreadable => {
                self.problem(NOT_EXPRESSIBLE, place, "the condition could not be read");
                Expression::no_value()
            }
        }
    }

    /// `Fn::And` and `Fn::Or` take two to ten conditions; more are grouped.
    ///
    /// Source: AWS CloudFormation User Guide, "Condition functions".
    fn connected(&mut self, function: &'static str, all: &'a [Formula], place: &Place<'_>) -> Expression<'a> {
        match all {
            [] => self.formula(
                if function == "Fn::And" { &Formula::Known(true) } else { &Formula::Known(false) },
                place,
            ),
            [only] => self.formula(only, place),
            _ if all.len() <= 10 => {
                let each = all.iter().map(|formula| self.formula(formula, place)).collect();
                Expression::call(function, Expression::List(each))
            }
            _ => {
                let group = all.len().div_ceil(10).max(2);
                let each = all.chunks(group).map(|group| self.connected(function, group, place)).collect();
                Expression::call(function, Expression::List(each))
            }
        }
    }
}
