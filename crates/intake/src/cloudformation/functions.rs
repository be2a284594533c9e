//! The functions of the template language that need their stack: what they refer to, look up or choose.
//!
//! In: invocations in a [`Scope`]. Out: values. Always: the number and kinds of arguments are checked first.

use diagnostics::{Diagnostic, Span, did_you_mean};
use document::{Kind as NodeKind, Node};
use estate::{Function, Guard, Kind, Pseudo, Reference, Target, Value};
use smol_str::SmolStr;

use super::compute::{LONGEST_TEXT, call, case, cased, compute, text_bytes, weight};
use super::evaluate::{Declared, Edge, Nested, Scope, Section};
use super::syntax::{Intrinsic, Invocation};
use crate::{
    BAD_ARGUMENT, LEFT_OUT, MISPLACED_FUNCTION, NEEDS_LANGUAGE_EXTENSIONS, UNKNOWN_MAP, UNKNOWN_OUTPUT,
    UNKNOWN_REFERENCE, UNKNOWN_RESOURCE_ATTRIBUTE,
};

/// What `Ref` of a pseudo parameter may name.
const PSEUDO_NAMES: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Suggestions compare a word with every name: a hostile template must not make that expensive.
const MOST_CANDIDATES: usize = 1_000;

impl Scope<'_, '_> {
    /// A function that stands where it may not.
    pub fn misplaced(&mut self, invocation: &Invocation<'_>, why: &str) -> Value {
        let text = format!("`{}` cannot stand here: {why}", invocation.function.name());
        self.wrong(MISPLACED_FUNCTION, invocation.span, text)
    }

    /// An argument that is not what it must be.
    pub fn bad_argument(&mut self, invocation: &Invocation<'_>, span: Span, expected: &str) -> Value {
        let text = format!("`{}` has an argument that it cannot take", invocation.function.name());
        self.report(Diagnostic::error(BAD_ARGUMENT, span.or(invocation.span), text).expected(expected));
        self.mistake(invocation.span)
    }

    /// Exactly as many arguments as `counts` allows.
    fn arguments<'n>(
        &mut self,
        invocation: &Invocation<'n>,
        counts: std::ops::RangeInclusive<usize>,
        expected: &str,
    ) -> Result<&'n [Node], Value> {
        match invocation.items() {
            Some(items) if counts.contains(&items.len()) => Ok(items),
            Some(items) => {
                let text = format!("`{}` has {} arguments", invocation.function.name(), items.len());
                self.report(Diagnostic::error(BAD_ARGUMENT, invocation.span, text).expected(expected));
                Err(self.mistake(invocation.span))
            }
            None => Err(self.bad_argument(invocation, invocation.argument.span, expected)),
        }
    }

    /// `Ref`.
    pub fn reference(&mut self, invocation: &Invocation<'_>) -> Value {
        let name = match invocation.text() {
            Some(name) => Some(name),
            None => self.computed_name(&invocation.single()),
        };
        let Some(name) = name else {
            return self.bad_argument(
                invocation,
                invocation.argument.span,
                "the name of a parameter or resource",
            );
        };
        self.named(&name, invocation.span)
    }

    /// A logical id that is computed, which `AWS::LanguageExtensions` allows.
    fn computed_name(&mut self, node: &Node) -> Option<SmolStr> {
        let function = node.tag.is_some() || node.as_map().is_some();
        if self.extensions && function { self.value(node).as_text() } else { None }
    }

    /// What a name stands for: a parameter, a pseudo parameter, a resource.
    pub fn named(&mut self, name: &SmolStr, span: Span) -> Value {
        if let Some(parameter) = self.parameters.get(name) {
            let value = parameter.value.clone();
            let cost = weight(&value) / 16;
            return if self.spend(cost, span) { value.spanned(span) } else { self.mistake(span) };
        }
        if let Some(value) = self.pseudo(name) {
            return value.spanned(span);
        }
        if let Some(alias) = self.aliases.get(name).cloned() {
            return self.resource(&alias, None, span);
        }
        if self.declared.contains_key(name) {
            return self.resource(name, None, span);
        }
        self.unknown_name(name, span, "parameter or resource")
    }

    fn unknown_name(&mut self, name: &SmolStr, span: Span, what: &str) -> Value {
        if let Some(parameter) = self.parameters.get(name).map(|parameter| parameter.span) {
            let text = format!("`{name}` is a parameter, and only resources have attributes");
            self.report(Diagnostic::error(UNKNOWN_REFERENCE, span, text).related(parameter, "declared here"));
            return self.mistake(span);
        }
        let names = self.declared.keys().chain(self.parameters.keys()).map(SmolStr::as_str);
        let help = did_you_mean(name, names.take(MOST_CANDIDATES).chain(PSEUDO_NAMES.iter().copied()));
        // What a module makes has the module's logical id in front.
        let within = |(id, declared): (&SmolStr, &Declared)| {
            declared.kind.ends_with("::MODULE") && name.starts_with(id.as_str())
        };
        if self.declared.iter().any(within) {
            return self.not_modelled(span, name, "a resource that a module makes");
        }
        if self.may_be_made(name) {
            return self.not_modelled(span, name, "a resource that the serverless transform makes");
        }
        let text = format!("there is no {what} `{name}`");
        self.report(Diagnostic::error(UNKNOWN_REFERENCE, span, text).maybe_help(help));
        self.mistake(span)
    }

    /// Whether a name may be that of something the serverless transform makes and this reader does not: these
    /// begin with the logical id of a serverless resource.
    pub fn may_be_made(&self, name: &str) -> bool {
        self.made.iter().any(|made| name.starts_with(made.as_str()) && name.len() > made.len())
    }

    /// The value of a pseudo parameter.
    fn pseudo(&self, name: &str) -> Option<Value> {
        let of_stack = |pseudo| {
            let target = Target::Pseudo { stack: self.stack, pseudo };
            Some(Value::from(Reference { target, attribute: None }))
        };
        match name {
            "AWS::AccountId" => {
                Some(Value::from(Reference { target: Target::Account(self.account), attribute: None }))
            }
            "AWS::NoValue" => Some(Value::new(Kind::Absent)),
            "AWS::Region" => match &self.region {
                Some(region) => Some(Value::from(region)),
                None => of_stack(Pseudo::Region),
            },
            "AWS::Partition" => of_stack(Pseudo::Partition),
            "AWS::URLSuffix" => of_stack(Pseudo::UrlSuffix),
            "AWS::StackId" => of_stack(Pseudo::StackId),
            "AWS::StackName" => of_stack(Pseudo::StackName),
            "AWS::NotificationARNs" => of_stack(Pseudo::NotificationArns),
            _ => None,
        }
    }

    /// A declared resource, or an attribute of it.
    fn resource(&mut self, id: &SmolStr, attribute: Option<&SmolStr>, span: Span) -> Value {
        if matches!(self.section, Section::Conditions | Section::Rules) {
            let text = format!("`{id}` is a resource, and conditions are decided before any resource exists");
            return self.wrong(MISPLACED_FUNCTION, span, text);
        }
        if self.dead == 0 {
            self.edges.push(Edge { to: id.clone(), span, conditional: self.branches > 0 });
            self.check_present(id, span);
        }
        let Some(attribute) = attribute else { return Value::from(Reference::to(self.stack, id.clone())) };
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            if let Some(value) = self.nested_output(id, output, span) {
                return value;
            }
        } else {
            self.check_attribute(id, attribute, span);
        }
        Value::from(Reference::attribute(self.stack, id.clone(), attribute.clone()))
    }

    /// Reports a reference to a resource that is not there when what refers to it is.
    fn check_present(&mut self, id: &SmolStr, span: Span) {
        let Some(declared) = self.declared.get(id) else { return };
        let Some(condition) = declared.condition.clone() else { return };
        let place = declared.span;
        let (severity, text) = match self.truth(&condition) {
            Some(true) => return,
            Some(false) => (
                diagnostics::Severity::Error,
                format!("`{id}` is not made here, because condition `{condition}` is false"),
            ),
            None => (
                diagnostics::Severity::Warning,
                format!(
                    "`{id}` is only made if condition `{condition}` holds, and this refers to it in any case"
                ),
            ),
        };
        if self.conditions.contains_key(&condition) {
            let missing = Diagnostic::new(severity, LEFT_OUT, span, text).related(place, "declared here");
            self.report(
                missing.help(format!("write the reference as `!If [{condition}, …, !Ref AWS::NoValue]`")),
            );
        }
    }

    fn check_attribute(&mut self, id: &SmolStr, attribute: &SmolStr, span: Span) {
        let Some(kind) = self.declared.get(id).map(|declared| declared.kind.clone()) else { return };
        if kind.starts_with("AWS::Serverless::") {
            return;
        }
        let Some(schema) = catalog::Catalog::shared().resource_type(&kind) else { return };
        if schema.has_attribute(attribute) {
            return;
        }
        let names: Vec<_> = schema.attributes().iter().map(|attribute| attribute.name.as_str()).collect();
        // `Function.DestinationQueue.Arn`, where the transform makes the queue.
        if self.made.contains(id) && attribute.contains('.') {
            return;
        }
        let text = format!("`{id}` is of type {kind}, which has no attribute `{attribute}`");
        let help = did_you_mean(attribute, names.iter().copied());
        let mut unknown = Diagnostic::error(UNKNOWN_RESOURCE_ATTRIBUTE, span, text).maybe_help(help);
        if !names.is_empty() && names.len() <= 12 {
            unknown = unknown.expected(format!("one of {}", names.join(", ")));
        }
        self.report(unknown);
    }

    /// An output of a nested stack; `None` where the resource is none or is not read yet.
    fn nested_output(&mut self, id: &SmolStr, output: &str, span: Span) -> Option<Value> {
        match self.nested.get(id)? {
            Nested::Unknown => {
                let what = format!("output {output} of the nested stack {id}");
                Some(self.not_modelled(span, &format!("{id}.Outputs.{output}"), what))
            }
            Nested::Outputs(outputs) => {
                if let Some(value) = outputs.get(output).cloned() {
                    let cost = weight(&value) / 16;
                    return Some(if self.spend(cost, span) { value } else { self.mistake(span) });
                }
                let help = did_you_mean(output, outputs.keys().map(SmolStr::as_str).take(MOST_CANDIDATES));
                let text = format!("the nested stack `{id}` has no output `{output}`");
                if self.dead == 0 {
                    self.report(Diagnostic::error(UNKNOWN_OUTPUT, span, text).maybe_help(help));
                }
                Some(self.mistake(span))
            }
        }
    }

    /// `Fn::GetAtt`: `A.B`, `[A, B]`; the attribute's name may be computed.
    pub fn get_att(&mut self, invocation: &Invocation<'_>) -> Value {
        const EXPECTED: &str = "`Resource.Attribute`, or a list of the two";
        if matches!(self.section, Section::Conditions | Section::Rules) {
            return self.misplaced(invocation, "conditions are decided before any resource exists");
        }
        let argument = invocation.single();
        let (id, attribute) = match &argument.kind {
            _ if argument.tag.is_some() => return self.bad_argument(invocation, argument.span, EXPECTED),
            NodeKind::String(text) => match text.split_once('.') {
                Some((id, attribute)) => (SmolStr::new(id), Value::from(attribute)),
                None => return self.bad_argument(invocation, invocation.argument.span, EXPECTED),
            },
            NodeKind::List(items) => match items.as_slice() {
                [id, attribute] => {
                    let plain = id.as_scalar_text().filter(|_| id.tag.is_none());
                    match plain.or_else(|| self.computed_name(id)) {
                        Some(id) => (id, self.value(attribute)),
                        None => return self.bad_argument(invocation, id.span, EXPECTED),
                    }
                }
                // `[Nested, Outputs, Name]` is accepted as well.
                [id, rest @ ..] if rest.len() > 1 && rest.iter().all(|part| part.as_str().is_some()) => {
                    let parts: Vec<_> = rest.iter().filter_map(Node::as_str).collect();
                    (id.as_scalar_text().unwrap_or_default(), Value::from(parts.join(".")))
                }
                _ => return self.bad_argument(invocation, invocation.argument.span, EXPECTED),
            },
            _ => return self.bad_argument(invocation, invocation.argument.span, EXPECTED),
        };
        self.attribute_of(&id, attribute, invocation.span)
    }

    pub fn attribute_of(&mut self, id: &SmolStr, attribute: Value, span: Span) -> Value {
        let literal = attribute.as_str().map(SmolStr::new);
        if let Some(attribute) = &literal {
            // `Function.Alias.Arn` of the serverless transform.
            if let Some((part, rest)) = attribute.split_once('.')
                && let Some(alias) = self.aliases.get(format!("{id}.{part}").as_str()).cloned()
            {
                return self.resource(&alias, Some(&SmolStr::new(rest)), span);
            }
            if let Some(alias) = self.aliases.get(format!("{id}.{attribute}").as_str()).cloned() {
                return self.resource(&alias, None, span);
            }
            if let Some(alias) = self.aliases.get(id).cloned() {
                return self.resource(&alias, Some(attribute), span);
            }
        }
        if !self.declared.contains_key(id) {
            return self.unknown_name(id, span, "resource");
        }
        match literal {
            Some(attribute) => self.resource(id, Some(&attribute), span),
            None => {
                self.resource(id, None, span);
                call(Function::GetAtt, vec![Value::from(id), attribute])
            }
        }
    }

    /// `Fn::If`.
    pub fn choose(&mut self, invocation: &Invocation<'_>) -> Value {
        const EXPECTED: &str = "the name of a condition, a value if it holds, a value if it does not";
        if self.section == Section::Conditions {
            return self.misplaced(invocation, "a condition cannot choose between values");
        }
        let items = match self.arguments(invocation, 3..=3, EXPECTED) {
            Ok(items) => items,
            Err(mistake) => return mistake,
        };
        let [name, then, otherwise] = items else { return self.mistake(invocation.span) };
        let Some(name_text) = name.as_scalar_text().filter(|_| name.tag.is_none()) else {
            return self.bad_argument(invocation, name.span, EXPECTED);
        };
        if !self.condition_exists(&name_text, name.span) {
            self.dead(|scope| (scope.value(then), scope.value(otherwise)));
            return self.mistake(invocation.span);
        }
        match self.truth(&name_text) {
            Some(true) => {
                self.dead(|scope| scope.value(otherwise));
                self.value(then)
            }
            Some(false) => {
                self.dead(|scope| scope.value(then));
                self.value(otherwise)
            }
            None => {
                let then = self.assuming(&name_text, true, |scope| scope.value(then));
                let otherwise = self.assuming(&name_text, false, |scope| scope.value(otherwise));
                case(self.condition_ref(&name_text), then, otherwise)
            }
        }
    }

    /// `Fn::FindInMap`.
    pub fn find_in_map(&mut self, invocation: &Invocation<'_>) -> Value {
        const EXPECTED: &str = "the name of a mapping, a first and a second key";
        let items = match self.arguments(invocation, 3..=4, EXPECTED) {
            Ok(items) => items,
            Err(mistake) => return mistake,
        };
        let keys: Vec<_> = items.iter().take(3).map(|item| self.value(item)).collect();
        let default = match items.get(3) {
            None => None,
            Some(extra) => {
                self.needs_extensions("the default value of `Fn::FindInMap`", extra.span);
                let Some(node) = extra.get("DefaultValue") else {
                    return self.bad_argument(invocation, extra.span, "a mapping with `DefaultValue`");
                };
                Some(self.value(node))
            }
        };
        let span = invocation.span;
        cased(keys, &Guard::always(), 4, &mut |keys| self.look_up(&keys, default.as_ref(), span))
    }

    fn look_up(&mut self, keys: &[Value], default: Option<&Value>, span: Span) -> Value {
        let unknown = |keys: &[Value]| call(Function::FindInMap, keys.to_vec());
        let [name, first, second] = keys else { return self.mistake(span) };
        let Some(name) = name.as_text() else { return unknown(keys) };
        let Some(mapping) = self.mappings.get(&name).copied() else {
            if let Some(default) = default {
                return default.clone();
            }
            let help = did_you_mean(&name, self.mappings.keys().map(SmolStr::as_str).take(MOST_CANDIDATES));
            let text = format!("there is no mapping `{name}`");
            if self.dead == 0 {
                self.report(Diagnostic::error(UNKNOWN_MAP, span, text).maybe_help(help));
            }
            return self.mistake(span);
        };
        match (first.as_text(), second.as_text()) {
            (Some(first), Some(second)) => {
                let Some(row) = mapping.value.get(&first) else {
                    return self.no_key(&name, &first, &mapping.value, default, span);
                };
                match row.get(&second) {
                    Some(found) => self.value(found),
                    None => self.no_key(&name, &second, row, default, span),
                }
            }
            // The first key is not known: if all rows agree, it does not matter.
            (None, Some(second)) if default.is_none() => {
                let rows = mapping.value.as_map().unwrap_or(&[]);
                let mut found =
                    rows.iter().filter(|row| may_be(first, &row.key.text)).map(|row| row.value.get(&second));
                match found.next() {
                    Some(Some(one))
                        if found.all(|other| other.is_some_and(|other| other.kind == one.kind)) =>
                    {
                        self.value(one)
                    }
                    _ => unknown(keys),
                }
            }
            _ => unknown(keys),
        }
    }

    fn no_key(&mut self, map: &str, key: &str, row: &Node, default: Option<&Value>, span: Span) -> Value {
        if let Some(default) = default {
            return default.clone();
        }
        let names = row.as_map().unwrap_or(&[]).iter().map(|entry| entry.key.text.as_str());
        let help = did_you_mean(key, names.take(MOST_CANDIDATES));
        let text = format!("mapping `{map}` has no key `{key}`");
        if self.dead == 0 {
            let missing = Diagnostic::error(UNKNOWN_MAP, span, text).related(row.span, "looked up here");
            self.report(missing.maybe_help(help));
        }
        self.mistake(span)
    }

    /// `Fn::Cidr`: a list, or the block's own property where it is that of a VPC of the same template.
    pub fn cidr(&mut self, invocation: &Invocation<'_>) -> Value {
        const EXPECTED: &str = "an address block, how many blocks to cut, and the host bits of each";
        let items = match self.arguments(invocation, 2..=3, EXPECTED) {
            Ok(items) => items,
            Err(mistake) => return mistake,
        };
        let mut arguments: Vec<_> = items.iter().map(|item| self.value(item)).collect();
        if let Some(block) = arguments.first_mut()
            && let Some(own) = self.session.block_of(block)
        {
            *block = own;
        }
        self.computed(Function::Cidr, arguments, invocation.span)
    }

    /// The functions that only compute.
    pub fn call(&mut self, invocation: &Invocation<'_>) -> Value {
        let span = invocation.span;
        let single = |scope: &mut Self| scope.value(&invocation.single());
        match invocation.function {
            Intrinsic::Join => self.two(invocation, Function::Join, "a delimiter and a list of texts"),
            Intrinsic::Select => self.two(invocation, Function::Select, "an index and a list"),
            Intrinsic::Split => self.two(invocation, Function::Split, "a delimiter and a text"),
            Intrinsic::GetAzs => {
                let region = match &invocation.argument.kind {
                    // `Fn::GetAZs: ""` is the stack's own region.
                    NodeKind::String(text) if text.is_empty() => {
                        self.pseudo("AWS::Region").unwrap_or_else(|| Value::from(""))
                    }
                    _ => single(self),
                };
                call(Function::GetAzs, vec![region])
            }
            Intrinsic::ImportValue => {
                if matches!(self.section, Section::Conditions | Section::Rules) {
                    return self.misplaced(invocation, "conditions are decided before anything is imported");
                }
                let name = single(self);
                call(Function::ImportValue, vec![name])
            }
            Intrinsic::Base64 => {
                let text = single(self);
                self.computed(Function::Base64, vec![text], span)
            }
            Intrinsic::Length => {
                self.needs_extensions("`Fn::Length`", span);
                let list = single(self);
                self.computed(Function::Length, vec![list], span)
            }
            Intrinsic::ToJsonString => {
                self.needs_extensions("`Fn::ToJsonString`", span);
                let value = single(self);
                self.computed(Function::ToJsonString, vec![value], span)
            }
            _ => self.mistake(span),
        }
    }

    fn two(&mut self, invocation: &Invocation<'_>, function: Function, expected: &str) -> Value {
        match self.arguments(invocation, 2..=2, expected) {
            Ok(items) => {
                let arguments = items.iter().map(|item| self.value(item)).collect();
                self.computed(function, arguments, invocation.span)
            }
            Err(mistake) => mistake,
        }
    }

    fn computed(&mut self, function: Function, arguments: Vec<Value>, span: Span) -> Value {
        // A function may double its text; applied to its own result a hundred times it would fill any memory.
        if arguments.iter().map(text_bytes).sum::<usize>() > LONGEST_TEXT && !self.spend(usize::MAX, span) {
            return self.mistake(span);
        }
        // Arguments that could not be read have been reported.
        compute(function, arguments, &mut |fault| self.fault(fault, span))
    }

    /// A function of the section `Rules`: its arguments are read, and its result is nobody's value.
    pub fn arguments_of_rule(&mut self, invocation: &Invocation<'_>) -> Value {
        self.value(&invocation.single());
        Value::at(invocation.span, Kind::Bool(true))
    }

    /// Reports something that exists only with `AWS::LanguageExtensions` where that is not used.
    pub fn needs_extensions(&mut self, what: &str, span: Span) {
        if !self.extensions {
            let text = format!("{what} needs the transform AWS::LanguageExtensions");
            let needs = Diagnostic::error(NEEDS_LANGUAGE_EXTENSIONS, span, text);
            self.report(needs.help("write `Transform: AWS::LanguageExtensions` at the top of the template"));
        }
    }
}

fn may_be(value: &Value, text: &str) -> bool {
    match &value.kind {
        Kind::Unknown(unknown) => unknown.allowed.as_ref().is_none_or(|allowed| {
            allowed.iter().any(|value| value.as_text().is_none_or(|allowed| allowed == text))
        }),
        _ => true,
    }
}
