//! What a database's parameter group says about one parameter.
//!
//! In: the property that names the group. Out: a [`Judgement`] of the parameter's value, or what the default of the
//! engine's version means. Always: a group that is not in the estate makes the answer unknown.

use estate::{Resource, ResourceRef, Value};

use crate::{Facts, Judgement, Setting};

/// A parameter to look for.
pub(crate) struct Parameter<'a> {
    /// The group's resource type.
    pub group: &'static str,
    /// The property of the database that names its group.
    pub property: &'static str,
    /// The parameter's name.
    pub name: &'static str,
    /// What is thought of a literal value.
    pub holds: fn(&str) -> bool,
    /// What the default means in a version, given as the name of a default group (`default.postgres15`), a family
    /// (`postgres15`), or `None` where the database's own version counts.
    pub default: &'a dyn Fn(Option<&str>) -> Judgement,
}

impl Parameter<'_> {
    /// Judges the parameter for a database.
    pub(crate) fn of(&self, facts: &Facts<'_>, database: ResourceRef<'_>) -> Judgement {
        Setting::of(database.resource, &[self.property]).judge(|group| {
            let Some(group) = group else { return (self.default)(None) };
            if let Some(found) = facts.index.named(self.group, group) {
                return self.within(found.resource);
            }
            match group.as_str() {
                Some(name) if name.starts_with("default.") => (self.default)(name.strip_prefix("default.")),
                _ => Judgement::Unknown {
                    span: group.span,
                    because: format!("its parameter group ({}) is not in the estate", group.describe()),
                },
            }
        })
    }

    fn within(&self, group: &Resource) -> Judgement {
        let family =
            ["Family", "ParameterGroupFamily"].iter().find_map(|name| group.properties.get(name)?.as_str());
        Setting::of(group, &["Parameters"]).judge(|parameters| match parameters {
            // Redshift lists them.
            Some(list) if list.as_list().is_some() => {
                let of_name =
                    |item: &&Value| item.get("ParameterName").and_then(Value::as_str) == Some(self.name);
                let found = list.as_items().iter().find(of_name).and_then(|item| item.get("ParameterValue"));
                found.map_or_else(|| (self.default)(family), |value| self.value(value))
            }
            Some(map) if map.as_map().is_some() => {
                Setting::below(map, &[self.name]).judge(|value| match value {
                    Some(value) => self.value(value),
                    None => (self.default)(family),
                })
            }
            Some(other) => Judgement::unknown(other),
            None => (self.default)(family),
        })
    }

    fn value(&self, value: &Value) -> Judgement {
        match value.as_text() {
            Some(text) => match (self.holds)(&text) {
                true => Judgement::Holds,
                false => Judgement::Fails { span: value.span, found: format!("`{}: {text}`", self.name) },
            },
            None => Judgement::unknown(value),
        }
    }
}
