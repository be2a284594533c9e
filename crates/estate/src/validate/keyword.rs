//! Lists, and combinations of schemas.

use catalog::{Combinators, Conditional, ListRules, NodeId, Types};

use super::scalar::{Shape, same};
use super::walk::{At, Checker, Report, Said, Sink};
use super::{COMBINATION, Finding, NOT_UNIQUE, OUT_OF_BOUNDS, Outcome, describe};
use crate::{Kind, Value};

impl Checker<'_> {
    pub(crate) fn list<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        rules: &ListRules,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let Kind::List(items) = &value.kind else {
            if !matches!(shape, Shape::SomeList | Shape::Anything) {
                return Outcome::Valid;
            }
            return self.unknown_list(value, rules, at, sink);
        };
        let each = at.read_only.and_then(|cursor| self.schema.read_only().tree().each(cursor));
        let mut outcome = Outcome::Valid;
        let mut count = 0;
        for item in items {
            let item = self.resolve(item);
            if matches!(item.kind, Kind::Absent) {
                continue;
            }
            let node = rules.prefix.get(count).copied().or(rules.items);
            if let Some(node) = node {
                outcome = outcome.max(self.check(item, node, &at.item(count, item.span, each), sink));
                if !S::REPORTS && outcome == Outcome::Invalid {
                    return outcome;
                }
            }
            count += 1;
        }
        outcome = outcome.max(self.length(count as u64, rules, at, sink));
        if rules.unique || !rules.unique_keys.is_empty() {
            outcome = outcome.max(self.unique(items, rules, at, sink));
        }
        if let Some(node) = rules.contains {
            outcome = outcome.max(self.contains(items, node, at, sink));
        }
        outcome
    }

    /// A list of which nothing is known but, perhaps, that its items name what exists. A list parameter has
    /// at least one item.
    fn unknown_list<S: Sink>(&self, value: &Value, rules: &ListRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let counted = rules.min_items.is_some_and(|least| least > 1) || rules.max_items.is_some();
        let open = rules.items.is_some_and(|node| !self.is_free(node)) && !self.names_existing(value);
        if !counted && !open && !rules.unique && rules.contains.is_none() {
            return Outcome::Valid;
        }
        let symbols = || match &value.kind {
            Kind::Unknown(unknown) => vec![unknown.symbol.clone()],
            _ => self.symbols(value),
        };
        sink.undecided(at, symbols, || format!("{} has the right items", describe::subject(at)));
        Outcome::Undecided
    }

    /// Whether a schema takes every scalar.
    fn is_free(&self, node: NodeId) -> bool {
        let node = self.schema.node(node);
        (node.types.is_any() || node.types.allows(Types::STRING))
            && !node.never
            && node.values.is_none()
            && node.string.as_ref().is_none_or(|string| {
                string.pattern.is_none() && string.min_length.is_none() && string.max_length.is_none()
            })
            && node.number.is_none()
            && node.object.is_none()
            && node.combinators.is_none()
    }

    fn length<S: Sink>(&self, count: u64, rules: &ListRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let least = rules.min_items.filter(|least| count < *least).map(|least| ("at least", least));
        let most = rules.max_items.filter(|most| count > *most).map(|most| ("at most", most));
        let Some((word, bound)) = least.or(most) else { return Outcome::Valid };
        sink.fault(at, || {
            let message = format!("{} has {count} items, not {word} {bound}", describe::subject(at));
            Said::new(OUT_OF_BOUNDS, message).expected(format!("{word} {bound}"))
        });
        Outcome::Invalid
    }

    /// No two items are the same, or agree in the keys that count.
    fn unique<S: Sink>(&self, items: &[Value], rules: &ListRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let items: Vec<&Value> = items.iter().map(|item| self.resolve(item)).collect();
        let alike = |a: &Value, b: &Value| {
            if rules.unique && rules.unique_keys.is_empty() {
                return same(a, b);
            }
            let (Some(a), Some(b)) = (a.as_map(), b.as_map()) else { return false };
            rules.unique_keys.iter().all(|key| match (self.get(a, key), self.get(b, key)) {
                (Some(a), Some(b)) => same(a, b),
                (None, None) => true,
                _ => false,
            })
        };
        for (i, item) in items.iter().enumerate() {
            if matches!(item.kind, Kind::Absent) {
                continue;
            }
            if let Some(first) = items.iter().take(i).position(|other| alike(other, item)) {
                let place = at.item(i, item.span, None);
                sink.fault(&place, || {
                    let message = format!("item {i} of {} repeats item {first}", describe::subject(at));
                    Said::new(NOT_UNIQUE, message)
                });
                return Outcome::Invalid;
            }
        }
        Outcome::Valid
    }

    fn contains<S: Sink>(&self, items: &[Value], node: NodeId, at: &At<'_>, sink: &mut S) -> Outcome {
        let present =
            items.iter().map(|item| self.resolve(item)).filter(|item| !matches!(item.kind, Kind::Absent));
        let best = present.map(|item| self.quietly(item, node, at)).min().unwrap_or(Outcome::Invalid);
        match best {
            Outcome::Valid => {}
            Outcome::Invalid => {
                let message =
                    || format!("no item of {} is the one that must be there", describe::subject(at));
                sink.fault(at, || Said::new(COMBINATION, message()));
            }
            Outcome::Undecided => {
                let symbols = || items.iter().flat_map(|item| self.symbols(item)).collect();
                sink.undecided(at, symbols, || {
                    format!("{} has the item that must be there", describe::subject(at))
                });
            }
        }
        best
    }

    pub(crate) fn combinators<S: Sink>(
        &self,
        value: &Value,
        combinators: &Combinators,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let mut outcome = Outcome::Valid;
        for node in &combinators.all_of {
            outcome = outcome.max(self.check(value, *node, at, sink));
            if !S::REPORTS && outcome == Outcome::Invalid {
                return outcome;
            }
        }
        if !combinators.any_of.is_empty() {
            outcome = outcome.max(self.any_of(value, &combinators.any_of, at, sink));
        }
        if !combinators.one_of.is_empty() {
            outcome = outcome.max(self.one_of(value, &combinators.one_of, at, sink));
        }
        if let Some(node) = combinators.not {
            outcome = outcome.max(self.not(value, node, at, sink));
        }
        if let Some(conditional) = combinators.conditional {
            outcome = outcome.max(self.conditional(value, conditional, at, sink));
        }
        outcome
    }

    fn any_of<S: Sink>(&self, value: &Value, nodes: &[NodeId], at: &At<'_>, sink: &mut S) -> Outcome {
        let mut best = Outcome::Invalid;
        for node in nodes {
            best = best.min(self.quietly(value, *node, at));
            if best == Outcome::Valid {
                return best;
            }
        }
        self.say_combined(value, nodes, best, at, sink);
        best
    }

    fn one_of<S: Sink>(&self, value: &Value, nodes: &[NodeId], at: &At<'_>, sink: &mut S) -> Outcome {
        let (mut valid, mut undecided) = (0, 0);
        for node in nodes {
            match self.quietly(value, *node, at) {
                Outcome::Valid => valid += 1,
                Outcome::Undecided => undecided += 1,
                Outcome::Invalid => {}
            }
        }
        let outcome = match (valid, undecided) {
            (1, 0) => return Outcome::Valid,
            (2.., _) => {
                sink.fault(at, || self.several_fit(value, nodes, at));
                return Outcome::Invalid;
            }
            (0, 0) => Outcome::Invalid,
            _ => Outcome::Undecided,
        };
        self.say_combined(value, nodes, outcome, at, sink);
        outcome
    }

    /// Says why none of several schemas fits, by the one that comes closest.
    fn say_combined<S: Sink>(
        &self,
        value: &Value,
        nodes: &[NodeId],
        outcome: Outcome,
        at: &At<'_>,
        sink: &mut S,
    ) {
        if !S::REPORTS {
            return;
        }
        if outcome == Outcome::Undecided {
            let what = || format!("{} has one of its allowed shapes", describe::subject(at));
            return sink.undecided(at, || self.symbols(value), what);
        }
        // Several schemas that each demand other properties are one demand.
        let wanted: Option<Vec<String>> = nodes.iter().map(|node| self.only_requires(*node)).collect();
        if let Some(wanted) = wanted {
            let owner = describe::owner(at, self.schema.name());
            return sink
                .fault(at, || Said::new(COMBINATION, format!("{owner} needs {}", wanted.join(", or "))));
        }
        let reported = nodes.iter().map(|node| {
            let mut inner = Report::new(self.place);
            self.check(value, *node, at, &mut inner);
            inner.findings
        });
        let faults = |findings: &Vec<Finding>| {
            let invalid = findings.iter().filter(|finding| finding.outcome == Outcome::Invalid);
            // A fault further down is closer to what was meant than one about the type as a whole.
            (invalid.clone().count(), std::cmp::Reverse(invalid.map(|finding| finding.path.len()).max()))
        };
        if let Some(closest) = reported.min_by_key(faults) {
            sink.adopt(|| closest);
        }
    }

    /// The properties that a schema demands, where it says nothing else.
    fn only_requires(&self, node: NodeId) -> Option<String> {
        let node = self.schema.node(node);
        let plain = node.values.is_none()
            && node.string.is_none()
            && node.number.is_none()
            && node.list.is_none()
            && node.combinators.is_none();
        let object = node.object.as_ref().filter(|_| plain)?;
        let only =
            !object.required.is_empty() && object.patterns.is_empty() && object.required_xor.is_empty();
        only.then(|| describe::joined(&object.required, " and "))
    }

    fn several_fit(&self, value: &Value, nodes: &[NodeId], at: &At<'_>) -> Said {
        let owner = describe::owner(at, self.schema.name());
        let fitting = nodes.iter().filter(|node| self.quietly(value, **node, at) == Outcome::Valid);
        let wanted: Option<Vec<String>> = fitting.map(|node| self.only_requires(*node)).collect();
        Said::new(
            COMBINATION,
            match wanted {
                Some(wanted) => format!("{owner} takes only one of {}", wanted.join(", ")),
                None => format!(
                    "{} has more than one of the shapes of which exactly one is allowed",
                    describe::subject(at)
                ),
            },
        )
    }

    fn not<S: Sink>(&self, value: &Value, node: NodeId, at: &At<'_>, sink: &mut S) -> Outcome {
        match self.quietly(value, node, at) {
            Outcome::Invalid => Outcome::Valid,
            Outcome::Undecided => {
                let what = || format!("{} is not what it must not be", describe::subject(at));
                sink.undecided(at, || self.symbols(value), what);
                Outcome::Undecided
            }
            Outcome::Valid => {
                sink.fault(at, || {
                    let owner = describe::owner(at, self.schema.name());
                    Said::new(
                        COMBINATION,
                        match self.only_requires(node) {
                            Some(names) => format!("{owner} must not have {names}"),
                            None => format!("{} is what it must not be", describe::subject(at)),
                        },
                    )
                });
                Outcome::Invalid
            }
        }
    }

    fn conditional<S: Sink>(
        &self,
        value: &Value,
        conditional: Conditional,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let quiet = |node: Option<NodeId>| node.map_or(Outcome::Valid, |node| self.quietly(value, node, at));
        let branch = match self.quietly(value, conditional.when, at) {
            Outcome::Valid => conditional.then,
            Outcome::Invalid => conditional.otherwise,
            Outcome::Undecided => match (quiet(conditional.then), quiet(conditional.otherwise)) {
                (Outcome::Valid, Outcome::Valid) => return Outcome::Valid,
                // Wrong either way.
                (Outcome::Invalid, Outcome::Invalid) => conditional.then,
                _ => {
                    let what = || format!("{} has the right properties together", describe::subject(at));
                    sink.undecided(at, || self.symbols(value), what);
                    return Outcome::Undecided;
                }
            },
        };
        branch.map_or(Outcome::Valid, |node| self.check(value, node, at, sink))
    }
}
