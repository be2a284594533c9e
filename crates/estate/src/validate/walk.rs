//! The walk over a value and its schema side by side.
//!
//! In: a value, a node of the schema, and truths of the conditions. Out: an [`Outcome`], and findings where
//! the [`Sink`] wants them.
//! Always: one walk serves both for the answer alone ([`Quiet`], which stops at the first fault and
//! allocates nothing) and for the findings ([`Report`]), so the two cannot disagree; its depth is bounded
//! by that of the value, because every step into the schema that stays at the value passes a combinator.

use std::cell::Cell;
use std::fmt;

use catalog::{
    Catalog, NodeId, NumberRules, PathCursor, ResourceSchema, SchemaNode, Step as PathStep, StringRules,
    Types,
};
use diagnostics::{Code, Span};
use smol_str::SmolStr;

use super::describe;
use super::format;
use super::scalar::{self, Shape};
use super::world::World;
use super::{
    Finding, NOT_ALLOWED_VALUE, NULL_VALUE, OUT_OF_BOUNDS, Outcome, PATTERN, Place, RULE, UNDECIDED,
    WRONG_TYPE,
};
use crate::{Estate, Kind, Unknown, Value};

/// The way from the resource's properties to a value. Frames lie on the stack; nothing is built until
/// somebody wants to see it.
#[derive(Clone, Copy)]
pub(crate) struct At<'p> {
    above: Option<&'p At<'p>>,
    step: Step<'p>,
    /// Where the value, or what is nearest above it, is written.
    pub(crate) span: Span,
    /// The place in the tree of read-only properties; `None` where none lies below.
    pub(crate) read_only: Option<PathCursor>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Item(usize),
}

impl<'p> At<'p> {
    pub(crate) fn root(span: Span, schema: &ResourceSchema) -> Self {
        let tree = schema.read_only().tree();
        let read_only = (!tree.is_empty()).then(|| tree.root());
        Self { above: None, step: Step::Root, span, read_only }
    }

    pub(crate) fn key(&'p self, key: &'p str, span: Span, read_only: Option<PathCursor>) -> At<'p> {
        At { above: Some(self), step: Step::Key(key), span: span.or(self.span), read_only }
    }

    pub(crate) fn item(&'p self, at: usize, span: Span, read_only: Option<PathCursor>) -> At<'p> {
        At { above: Some(self), step: Step::Item(at), span: span.or(self.span), read_only }
    }

    /// The name of the property this is, or is within.
    pub(crate) fn property(&self) -> Option<&'p str> {
        match self.step {
            Step::Key(key) => Some(key),
            _ => self.above.and_then(At::property),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) => write!(f, "/{key}"),
            Step::Item(at) => write!(f, "/{at}"),
        }
    }
}

/// What a check has to say about one place.
pub(crate) struct Said {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) expected: Option<String>,
    pub(crate) help: Option<String>,
}

impl Said {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), expected: None, help: None }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

/// Who listens.
pub(crate) trait Sink {
    /// Whether findings are wanted, or only the outcome.
    const REPORTS: bool;

    /// A fault at `at`.
    fn fault(&mut self, at: &At<'_>, say: impl FnOnce() -> Said);

    /// Something that `symbols` decide.
    fn undecided(
        &mut self,
        at: &At<'_>,
        symbols: impl FnOnce() -> Vec<SmolStr>,
        what: impl FnOnce() -> String,
    );

    /// Findings made elsewhere.
    fn adopt(&mut self, findings: impl FnOnce() -> Vec<Finding>);
}

/// Wants only the outcome.
pub(crate) struct Quiet;

impl Sink for Quiet {
    const REPORTS: bool = false;

    fn fault(&mut self, _: &At<'_>, _: impl FnOnce() -> Said) {}

    fn undecided(&mut self, _: &At<'_>, _: impl FnOnce() -> Vec<SmolStr>, _: impl FnOnce() -> String) {}

    fn adopt(&mut self, _: impl FnOnce() -> Vec<Finding>) {}
}

/// Wants every finding.
pub(crate) struct Report<'a> {
    place: Place<'a>,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(place: Place<'a>) -> Self {
        Self { place, findings: Vec::new() }
    }
}

impl Sink for Report<'_> {
    const REPORTS: bool = true;

    fn fault(&mut self, at: &At<'_>, say: impl FnOnce() -> Said) {
        let said = say();
        let mut finding = self.place.finding(said.code, Outcome::Invalid, said.message);
        finding.expected = said.expected;
        finding.help = said.help;
        finding.path = at.to_string();
        finding.span = at.span;
        self.findings.push(finding);
    }

    fn undecided(
        &mut self,
        at: &At<'_>,
        symbols: impl FnOnce() -> Vec<SmolStr>,
        what: impl FnOnce() -> String,
    ) {
        let symbols = symbols();
        // What only AWS-assigned values leave open is taken to fit.
        if symbols.is_empty() {
            return;
        }
        let message = format!("whether {} depends on {}", what(), describe::names(&symbols));
        let mut finding = self.place.finding(UNDECIDED, Outcome::Undecided, message);
        finding.path = at.to_string();
        finding.span = at.span;
        finding.symbols = symbols;
        self.findings.push(finding);
    }

    fn adopt(&mut self, findings: impl FnOnce() -> Vec<Finding>) {
        self.findings.extend(findings());
    }
}

/// Checks values of one resource in one world.
pub(crate) struct Checker<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) catalog: &'a Catalog,
    pub(crate) schema: &'a ResourceSchema,
    pub(crate) world: &'a World<'a>,
    pub(crate) place: Place<'a>,
    /// Steps taken; past [`MOST_STEPS`] nothing more is decided.
    pub(crate) steps: Cell<u32>,
}

/// Schemas that refer to themselves below `anyOf` make a walk exponential in the depth of the value. The
/// largest resources people write take some ten thousand steps.
const MOST_STEPS: u32 = 2_000_000;

impl Checker<'_> {
    /// Whether the walk was given up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps.get() > MOST_STEPS
    }

    /// The whole resource: its schema, and the rules about several properties at once.
    pub(crate) fn whole<S: Sink>(&self, properties: &Value, at: &At<'_>, sink: &mut S) -> Outcome {
        let mut outcome = self.check(properties, self.schema.root(), at, sink);
        // What cfn-lint only warns of has no effect, or is old; it is not invalid.
        for rule in self.schema.rules().iter().filter(|rule| !rule.id.starts_with('W')) {
            if !S::REPORTS && outcome == Outcome::Invalid {
                return outcome;
            }
            outcome = outcome.max(self.rule(properties, rule, rule.at.steps(), at, sink));
        }
        outcome
    }

    /// A rule, at every place below `value` that its path leads to.
    fn rule<S: Sink>(
        &self,
        value: &Value,
        rule: &catalog::Rule,
        path: &[PathStep],
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let value = self.resolve(value);
        match (path.split_first(), &value.kind) {
            (None, _) => self.rule_here(value, rule, at, sink),
            (Some((PathStep::Name(name), rest)), Kind::Map(map)) => match map.get(name) {
                Some(below) => self.rule(below, rule, rest, &at.key(name, below.span, None), sink),
                None => Outcome::Valid,
            },
            (Some((PathStep::Each, rest)), Kind::List(items)) => {
                let each = items.iter().enumerate();
                each.map(|(i, item)| self.rule(item, rule, rest, &at.item(i, item.span, None), sink))
                    .max()
                    .unwrap_or(Outcome::Valid)
            }
            (Some((PathStep::Each, rest)), Kind::Map(map)) => map
                .iter()
                .map(|entry| {
                    self.rule(&entry.value, rule, rest, &at.key(&entry.key, entry.value.span, None), sink)
                })
                .max()
                .unwrap_or(Outcome::Valid),
            // What is not there, or not known as a whole, the schema itself has judged.
            _ => Outcome::Valid,
        }
    }

    fn rule_here<S: Sink>(&self, value: &Value, rule: &catalog::Rule, at: &At<'_>, sink: &mut S) -> Outcome {
        if matches!(value.kind, Kind::Absent) {
            return Outcome::Valid;
        }
        let outcome = self.check(value, rule.node, at, &mut Quiet);
        if S::REPORTS && outcome != Outcome::Valid {
            sink.adopt(|| {
                let mut inner = Report::new(self.place);
                self.check(value, rule.node, at, &mut inner);
                for finding in &mut inner.findings {
                    if finding.outcome == Outcome::Invalid {
                        finding.code = RULE;
                    }
                    finding.help.get_or_insert_with(|| format!("cfn-lint {}: {}", rule.id, rule.title));
                }
                inner.findings
            });
        }
        outcome
    }

    /// The value that a case has in this world.
    pub(crate) fn resolve<'v>(&self, mut value: &'v Value) -> &'v Value {
        while let Kind::Case(case) = &value.kind {
            let truth = self.world.iter().find(|(condition, _)| **condition == case.condition);
            value = if truth.is_none_or(|(_, truth)| *truth) { &case.then } else { &case.otherwise };
        }
        value
    }

    /// The value under `key` in this world.
    pub(crate) fn get<'v>(&self, map: &'v crate::Map, key: &str) -> Option<&'v Value> {
        map.get(key).map(|value| self.resolve(value)).filter(|value| !matches!(value.kind, Kind::Absent))
    }

    /// A value against a node of the schema.
    pub(crate) fn check<S: Sink>(&self, value: &Value, id: NodeId, at: &At<'_>, sink: &mut S) -> Outcome {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.is_exhausted() {
            return Outcome::Undecided;
        }
        let value = self.resolve(value);
        let node = self.schema.node(id);
        if node.never {
            sink.fault(at, || {
                Said::new(super::TOGETHER, format!("{} is not allowed here", describe::subject(at)))
            });
            return Outcome::Invalid;
        }
        if let Kind::Unknown(unknown) = &value.kind
            && let Some(allowed) = &unknown.allowed
            && !allowed.is_empty()
        {
            return self.each_allowed(unknown, allowed, id, at, sink);
        }
        let shape = self.shape(value);
        let mut outcome = scalar::fits_type(value, shape, node.types);
        match outcome {
            Outcome::Invalid => {
                sink.fault(at, || self.wrong_type(value, shape, node.types, at));
                return outcome;
            }
            // One that is one of the allowed values has the right type as well.
            Outcome::Undecided if node.values.is_some() => {}
            Outcome::Undecided => {
                let what = || format!("{} is {}", describe::subject(at), describe::types(node.types));
                sink.undecided(at, || self.symbols(value), what);
            }
            Outcome::Valid => {}
        }
        outcome = outcome.max(self.scalar(value, shape, node, at, sink));
        if !S::REPORTS && outcome == Outcome::Invalid {
            return outcome;
        }
        if let Some(rules) = &node.list {
            outcome = outcome.max(self.list(value, shape, rules, at, sink));
        }
        if let Some(rules) = &node.object {
            outcome = outcome.max(self.object(value, shape, rules, at, sink));
        }
        if !S::REPORTS && outcome == Outcome::Invalid {
            return outcome;
        }
        if let Some(combinators) = &node.combinators {
            outcome = outcome.max(self.combinators(value, combinators, at, sink));
        }
        outcome
    }

    /// The shape of a value; that of a reference is its attribute's.
    fn shape(&self, value: &Value) -> Shape {
        match &value.kind {
            Kind::Reference(reference) => super::reference::shape(self.estate, self.catalog, reference),
            _ => scalar::shape(value),
        }
    }

    fn wrong_type(&self, value: &Value, shape: Shape, types: Types, at: &At<'_>) -> Said {
        if shape == Shape::Null {
            return Said::new(
                NULL_VALUE,
                format!("{} is null, which CloudFormation refuses", describe::subject(at)),
            );
        }
        let message =
            format!("{} is {}, not {}", describe::subject(at), value.describe(), describe::types(types));
        Said::new(WRONG_TYPE, message).expected(describe::types(types))
    }

    /// An unknown that has a list of allowed values: each is checked.
    fn each_allowed<S: Sink>(
        &self,
        unknown: &Unknown,
        allowed: &[Value],
        id: NodeId,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let fits = |value: &&Value| self.check(value, id, at, &mut Quiet) == Outcome::Valid;
        let (good, bad): (Vec<&Value>, Vec<&Value>) = allowed.iter().partition(fits);
        if bad.is_empty() {
            return Outcome::Valid;
        }
        let invalid = |value: &&&Value| self.check(value, id, at, &mut Quiet) == Outcome::Invalid;
        if good.is_empty() && bad.iter().filter(invalid).count() == bad.len() {
            sink.adopt(|| {
                let mut inner = Report::new(self.place);
                bad.iter().take(1).for_each(|value| {
                    self.check(value, id, at, &mut inner);
                });
                for finding in &mut inner.findings {
                    finding.message =
                        format!("no allowed value of `{}` fits: {}", unknown.symbol, finding.message);
                }
                inner.findings
            });
            return Outcome::Invalid;
        }
        let what = || {
            let bad = bad.iter().map(|value| value.describe()).collect::<Vec<_>>().join(", ");
            format!("{} fits (it does not for {bad})", describe::subject(at))
        };
        sink.undecided(at, || vec![unknown.symbol.clone()], what);
        Outcome::Undecided
    }

    /// `enum`, and the rules for texts and numbers.
    fn scalar<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        node: &SchemaNode,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let mut outcome = Outcome::Valid;
        if let Some(values) = &node.values {
            outcome = outcome.max(self.enumerated(value, shape, values, at, sink));
        }
        let as_text = node.types.is_any() || node.types.allows(Types::STRING);
        if let Some(rules) = node.string.as_ref().filter(|_| as_text) {
            outcome = outcome.max(self.text(value, shape, rules, at, sink));
        }
        if let Some(rules) = &node.number {
            outcome = outcome.max(self.number(value, shape, rules, at, sink));
        }
        outcome
    }

    /// Bounds of numbers; a text that spells a number is one.
    fn number<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        rules: &NumberRules,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        match (shape, scalar::numeric(value)) {
            (Shape::Int | Shape::Float | Shape::Text, Some(number)) => {
                let Some(broken) = scalar::broken_number(rules, number) else { return Outcome::Valid };
                sink.fault(at, || {
                    let message = format!("{} is {number}, which is not {broken}", describe::subject(at));
                    Said::new(OUT_OF_BOUNDS, message).expected(broken.clone())
                });
                Outcome::Invalid
            }
            (Shape::SomeNumber | Shape::SomeScalar | Shape::Anything, _) => {
                let what = || format!("{} is within its bounds", describe::subject(at));
                sink.undecided(at, || self.symbols(value), what);
                Outcome::Undecided
            }
            _ => Outcome::Valid,
        }
    }

    /// RDS takes the names of engines in any case; the schemas list them in lower case.
    fn ignores_case(&self, at: &At<'_>) -> bool {
        at.property() == Some("Engine") && self.schema.name().starts_with("AWS::RDS::")
    }

    fn enumerated<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        values: &catalog::Values,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let fits = match (shape, scalar::spelled(value)) {
            (Shape::Bool | Shape::Int | Shape::Float | Shape::Text, Some(text)) => {
                values.allows_text(&text)
                    || (self.ignores_case(at) && values.allows_text(&text.to_ascii_lowercase()))
            }
            (Shape::List | Shape::Object | Shape::Null, _) => {
                values.allowed.iter().any(|allowed| scalar::same(value, &crate::from_json(allowed)))
            }
            _ => match self.sampled(value, |text| Some(values.allows_text(text))) {
                Some(fits) => fits,
                None => {
                    let what =
                        || format!("{} is one of {}", describe::subject(at), describe::allowed(values));
                    sink.undecided(at, || self.symbols(value), what);
                    return Outcome::Undecided;
                }
            },
        };
        if fits {
            return Outcome::Valid;
        }
        sink.fault(at, || {
            let message = format!("{} is {}", describe::subject(at), value.describe());
            let mut said =
                Said::new(NOT_ALLOWED_VALUE, format!("{message}, which is not one of the allowed values"));
            said.help = value.as_str().and_then(|text| {
                diagnostics::did_you_mean(text, values.allowed.iter().filter_map(serde_json::Value::as_str))
            });
            said.expected(format!("one of {}", describe::allowed(values)))
        });
        Outcome::Invalid
    }

    fn text<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        rules: &StringRules,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let judge = |text: &str| {
            let length = scalar::broken_length(rules, text).is_none();
            let pattern = rules.pattern.as_ref().map_or(Some(true), |pattern| pattern.is_match(text));
            let format = rules.format.as_ref().is_none_or(|format| format::fits(format, text));
            if length && format { pattern } else { Some(false) }
        };
        let fits = match (shape, scalar::spelled(value)) {
            (Shape::Bool | Shape::Int | Shape::Float | Shape::Text, Some(text)) => judge(&text),
            (Shape::List | Shape::Object | Shape::Null | Shape::SomeList, _) => return Outcome::Valid,
            _ if rules.pattern.is_none() && rules.max_length.is_none() && rules.min_length.is_none() => {
                Some(true)
            }
            _ => self.sampled(value, judge),
        };
        match fits {
            Some(true) => Outcome::Valid,
            Some(false) => {
                sink.fault(at, || self.broken_text(value, rules, at));
                Outcome::Invalid
            }
            None => {
                let what = || format!("{} has the required form", describe::subject(at));
                sink.undecided(at, || self.symbols(value), what);
                Outcome::Undecided
            }
        }
    }

    fn broken_text(&self, value: &Value, rules: &StringRules, at: &At<'_>) -> Said {
        let subject = describe::subject(at);
        let text = scalar::spelled(value).unwrap_or_default();
        if let Some(broken) =
            scalar::broken_length(rules, &text).filter(|_| !matches!(value.kind, Kind::Join(_)))
        {
            let count = text.chars().count();
            return Said::new(OUT_OF_BOUNDS, format!("{subject} has {count} characters, not {broken}"))
                .expected(broken);
        }
        let format = rules.format.as_ref().filter(|format| !format::fits(format, &text));
        if let Some(format) = format.filter(|_| !matches!(value.kind, Kind::Join(_))) {
            return Said::new(
                PATTERN,
                format!("{subject} is {}, which does not have the form of `{format}`", value.describe()),
            );
        }
        let pattern = rules.pattern.as_ref().map_or("", |pattern| pattern.source());
        Said::new(
            PATTERN,
            format!("{subject} is {}, which does not have the required form", value.describe()),
        )
        .expected(format!("a text that matches `{pattern}`"))
    }

    /// What `judge` says of a joined text, when it says the same of all that it may be.
    fn sampled(&self, value: &Value, judge: impl Fn(&str) -> Option<bool>) -> Option<bool> {
        let Kind::Join(pieces) = &value.kind else { return None };
        let samples = scalar::samples(pieces)?;
        let (first, rest) = samples.split_first()?;
        let verdict = judge(first)?;
        rest.iter().all(|sample| judge(sample) == Some(verdict)).then_some(verdict)
    }
}
