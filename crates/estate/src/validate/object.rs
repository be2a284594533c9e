//! Mappings against the rules for objects.

use catalog::{Additional, ObjectRules, PathCursor};
use diagnostics::Span;
use smol_str::SmolStr;

use super::scalar::Shape;
use super::walk::{At, Checker, Quiet, Said, Sink};
use super::{MISSING_PROPERTY, OUT_OF_BOUNDS, Outcome, READ_ONLY, TOGETHER, UNKNOWN_PROPERTY, describe};
use crate::{Entry, Kind, Map, Value};

impl Checker<'_> {
    pub(crate) fn object<S: Sink>(
        &self,
        value: &Value,
        shape: Shape,
        rules: &ObjectRules,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let Kind::Map(map) = &value.kind else {
            if shape != Shape::Anything {
                return Outcome::Valid;
            }
            let what = || format!("{} has the right properties", describe::subject(at));
            sink.undecided(at, || self.symbols(value), what);
            return Outcome::Undecided;
        };
        let mut outcome = Outcome::Valid;
        let mut count = 0;
        for entry in map {
            if matches!(self.resolve(&entry.value).kind, Kind::Absent) {
                continue;
            }
            count += 1;
            outcome = outcome.max(self.entry(entry, rules, at, sink));
            if !S::REPORTS && outcome == Outcome::Invalid {
                return outcome;
            }
        }
        outcome = outcome.max(self.counted(count, rules, at, sink));
        for name in &rules.required {
            if self.get(map, name).is_none() {
                sink.fault(at, || self.missing(name, map, rules, at));
                outcome = Outcome::Invalid;
            }
        }
        outcome
            .max(self.together(map, rules, at, sink))
            .max(self.dependent_schemas(value, map, rules, at, sink))
    }

    fn entry<S: Sink>(&self, entry: &Entry, rules: &ObjectRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let value = &entry.value;
        let read_only = at.read_only.and_then(|cursor| self.step(cursor, &entry.key));
        let below = at.key(&entry.key, value.span.or(entry.key_span), read_only);
        if read_only.is_some_and(|cursor| self.schema.read_only().tree().holds(cursor)) {
            let place = at.key(&entry.key, entry.key_span, None);
            sink.fault(&place, || {
                let message =
                    format!("`{}` is set by AWS; {} must not give it", entry.key, describe::subject(at));
                Said::new(READ_ONLY, message)
            });
            return Outcome::Invalid;
        }
        let mut outcome = Outcome::Valid;
        let mut known = false;
        if let Some(node) = rules.property(&entry.key) {
            known = true;
            outcome = outcome.max(self.check(value, node, &below, sink));
        }
        for (pattern, node) in &rules.patterns {
            if pattern.is_match(&entry.key) == Some(true) {
                known = true;
                outcome = outcome.max(self.check(value, *node, &below, sink));
            }
        }
        if !known {
            match rules.additional {
                Additional::Any => {}
                Additional::Schema(node) => outcome = outcome.max(self.check(value, node, &below, sink)),
                Additional::None => {
                    let place = at.key(&entry.key, entry.key_span, None);
                    sink.fault(&place, || self.unknown(&entry.key, rules, at));
                    outcome = Outcome::Invalid;
                }
            }
        }
        if let Some(names) = rules.names {
            let key = Value::at(entry.key_span, Kind::String(entry.key.clone()));
            outcome = outcome.max(self.check(&key, names, &below, sink));
        }
        outcome
    }

    /// One step down the tree of read-only properties: by name, or as a value of a map.
    fn step(&self, cursor: PathCursor, key: &str) -> Option<PathCursor> {
        let tree = self.schema.read_only().tree();
        tree.name(cursor, key).or_else(|| tree.each(cursor))
    }

    fn unknown(&self, key: &str, rules: &ObjectRules, at: &At<'_>) -> Said {
        let owner = describe::owner(at, self.schema.name());
        let mut said = Said::new(UNKNOWN_PROPERTY, format!("{owner} has no property `{key}`"));
        said.help = diagnostics::did_you_mean(key, rules.properties.iter().map(|(name, _)| name.as_str()));
        if rules.properties.is_empty() || rules.properties.len() > 24 {
            return said;
        }
        let names = rules.properties.iter().map(|(name, _)| name.clone()).collect::<Vec<SmolStr>>();
        said.expected(format!("one of {}", describe::names(&names)))
    }

    fn missing(&self, name: &str, map: &Map, rules: &ObjectRules, at: &At<'_>) -> Said {
        let owner = describe::owner(at, self.schema.name());
        let mut said = Said::new(MISSING_PROPERTY, format!("{owner} needs `{name}`"));
        // A misspelled key explains a missing one.
        let odd = map.iter().map(|entry| entry.key.as_str()).filter(|key| rules.property(key).is_none());
        said.help = diagnostics::suggest(name, odd).map(|odd| format!("`{odd}` may be meant to be `{name}`"));
        said
    }

    fn counted<S: Sink>(&self, count: u64, rules: &ObjectRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let least =
            rules.min_properties.filter(|least| count < *least).map(|least| format!("at least {least}"));
        let most = rules.max_properties.filter(|most| count > *most).map(|most| format!("at most {most}"));
        let Some(broken) = least.or(most) else { return Outcome::Valid };
        sink.fault(at, || {
            Said::new(OUT_OF_BOUNDS, format!("{} has {count} entries, not {broken}", describe::subject(at)))
        });
        Outcome::Invalid
    }

    /// Which properties go together.
    fn together<S: Sink>(&self, map: &Map, rules: &ObjectRules, at: &At<'_>, sink: &mut S) -> Outcome {
        let there = |name: &str| self.get(map, name).is_some();
        let owner = || describe::owner(at, self.schema.name());
        let mut outcome = Outcome::Valid;
        let mut fault = |place: &At<'_>, say: &dyn Fn() -> String| {
            sink.fault(place, || Said::new(TOGETHER, say()));
            outcome = Outcome::Invalid;
        };
        if !rules.required_xor.is_empty() {
            let given: Vec<&SmolStr> = rules.required_xor.iter().filter(|name| there(name)).collect();
            match given.as_slice() {
                [] => fault(at, &|| {
                    format!("{} needs one of {}", owner(), describe::names(&rules.required_xor))
                }),
                [_] => {}
                several => fault(at, &|| {
                    format!("{} takes only one of {}", owner(), describe::names(several.iter().copied()))
                }),
            }
        }
        if !rules.required_or.is_empty() && !rules.required_or.iter().any(|name| there(name)) {
            fault(at, &|| {
                format!("{} needs at least one of {}", owner(), describe::names(&rules.required_or))
            });
        }
        for (name, others) in &rules.dependent_required {
            if there(name) {
                for other in others.iter().filter(|other| !there(other)) {
                    fault(&place_of(map, name, at), &|| format!("`{name}` needs `{other}` beside it"));
                }
            }
        }
        for (name, others) in &rules.dependent_excluded {
            if there(name) {
                for other in others.iter().filter(|other| *other != name && there(other)) {
                    fault(&place_of(map, name, at), &|| format!("`{name}` and `{other}` exclude each other"));
                }
            }
        }
        outcome
    }

    fn dependent_schemas<S: Sink>(
        &self,
        value: &Value,
        map: &Map,
        rules: &ObjectRules,
        at: &At<'_>,
        sink: &mut S,
    ) -> Outcome {
        let mut outcome = Outcome::Valid;
        for (name, node) in &rules.dependent_schemas {
            if self.get(map, name).is_some() {
                outcome = outcome.max(self.check(value, *node, at, sink));
            }
        }
        outcome
    }

    /// Whether a value has none of the faults of a node, findings aside.
    pub(crate) fn quietly(&self, value: &Value, node: catalog::NodeId, at: &At<'_>) -> Outcome {
        self.check(value, node, at, &mut Quiet)
    }
}

/// The place of the key `name`.
fn place_of<'p>(map: &'p Map, name: &'p str, at: &'p At<'p>) -> At<'p> {
    let span = map.iter().find(|entry| entry.key == name).map_or(Span::NONE, |entry| entry.key_span);
    at.key(name, span, None)
}
