//! Tags that everything carries.
//!
//! Always: `application`, `data-class`, `environment` and `owner` are there; each key stands once; sorted by key.

use blueprint::model::{DataClass, Store, Tags as Written};
use diagnostics::Span;
use estate::{Entry, Kind, Map, SmolStr, Value};

/// Keys that are always there.
pub(crate) const ALWAYS: [&str; 4] = ["application", "data-class", "environment", "owner"];

/// Tags in the order of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Tags(Vec<(SmolStr, SmolStr)>);

impl Tags {
    /// The tags written, and those that must be there. What is written wins: an `owner` of the user's own stays.
    pub(crate) fn new(owner: &str, environment: &SmolStr, written: &Written) -> Self {
        let mut tags = Self(vec![
            (SmolStr::new_static("application"), SmolStr::new_static("foundation")),
            (SmolStr::new_static("data-class"), SmolStr::new_static("internal")),
            (SmolStr::new_static("environment"), environment.clone()),
            (SmolStr::new_static("owner"), SmolStr::new(owner)),
        ]);
        tags.add(written);
        tags
    }

    /// The same with more: a later tag replaces an earlier one of the same key.
    pub(crate) fn and(&self, application: &str, data_class: Option<&'static str>, written: &Written) -> Self {
        let mut tags = self.clone();
        tags.set("application", SmolStr::new(application));
        if let Some(class) = data_class {
            tags.set("data-class", SmolStr::new_static(class));
        }
        tags.add(written);
        tags
    }

    /// The same for a store; what only looks like data of its class is tagged so.
    pub(crate) fn of_store(&self, store: &Store) -> Self {
        let class = store.data_class();
        let mut tags = self.and(store.name.value.as_str(), Some(class.word()), &store.tags);
        if class > DataClass::Internal && !store.real_data {
            tags.set("synthetic-data", SmolStr::new_static("true"));
        }
        tags
    }

    /// The same, holding data of a class.
    pub(crate) fn of_class(&self, class: &'static str) -> Self {
        let mut tags = self.clone();
        tags.set("data-class", SmolStr::new_static(class));
        tags
    }

    fn add(&mut self, written: &Written) {
        for (key, value) in written {
            self.set(key, value.value.clone());
        }
    }

    fn set(&mut self, key: &str, value: SmolStr) {
        match self.0.binary_search_by(|(have, _)| have.as_str().cmp(key)) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (SmolStr::new(key), value)),
        }
    }

    /// As a list of `Key` and `Value`.
    pub(crate) fn list(&self) -> Value {
        Value::new(Kind::List(self.0.iter().map(|(key, value)| one(key, value.into())).collect()))
    }

    /// As a list, with the name that consoles show.
    pub(crate) fn named(&self, name: impl Into<Value>) -> Value {
        let mut list = self.list();
        if let Kind::List(items) = &mut list.kind {
            items.insert(0, one(&SmolStr::new_static("Name"), name.into()));
        }
        list
    }

    /// As a mapping, for the types that take one.
    pub(crate) fn map(&self) -> Value {
        let mut map = Map::with_capacity(self.0.len());
        for (key, value) in &self.0 {
            map.push_new(Entry { key: key.clone(), key_span: Span::NONE, value: value.into() });
        }
        map.into()
    }
}

/// One tag. Every resource has several: they are made with exactly the room that they need.
fn one(key: &SmolStr, value: Value) -> Value {
    let mut map = Map::with_capacity(2);
    for (name, value) in [("Key", key.into()), ("Value", value)] {
        map.push_new(Entry { key: SmolStr::new_static(name), key_span: Span::NONE, value });
    }
    map.into()
}
