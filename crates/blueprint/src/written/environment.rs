//! An environment as it is written.

use diagnostics::Diagnostics;
use document::{Entry, Kind, Node};
use serde_json::{Map, Value, json};

use super::{Because, Bucket, DataClass, Postgresql, StoreCommon, Table, Workload};
use crate::Spanned;
use crate::cidr::Cidr;
use crate::reader::{Definitions, Field, Many, Texts, wrong_type};
use crate::record::{choice, record};
use crate::scalars::{DomainName, Number, Text, Word};

record! {
    /// An environment: an account, a network of three subnet tiers over several zones, and what runs there.
    pub struct Environment "an environment" {
        /// What it is for people.
        title as "title": Option<Spanned<Text>>,
        /// What it is for: decides zones, sizes, standby, backups and whether real data may be there. Required unless
        /// `like` says it.
        tier as "tier": Option<Spanned<Tier>>,
        /// Another environment whose settings it has, except those written here. Never taken over: `account`,
        /// `domain`, `addresses`, `contains` and `because`.
        like as "like": Option<Spanned<Word>>,
        /// Its account. Default: the account with the same name.
        account as "account": Option<Spanned<Word>>,
        /// Its region: `primary`, `recovery` or a region's name.
        region as "region": Option<Spanned<Word>> = "primary",
        /// Classes of real data that may be in it although its tier says otherwise. Needs `because:`; refused in a sandbox.
        contains as "contains": Many<DataClass>,
        /// How many availability zones it spreads over, 2 to 6. Fewer than its tier says needs `because:`.
        zones as "zones": Option<Spanned<Number<2, 6>>>,
        /// The domain of what it serves. Default: its name beneath the company's domain.
        domain as "domain": Option<Spanned<DomainName>>,
        /// Its address range, where that is fixed already. Default: allocated from the address plan.
        addresses as "addresses": Option<Spanned<Cidr>>,
        /// Workloads and stores that are not in it.
        without as "without": Many<Word>,
        /// Settings of workloads and stores that differ here, by name.
        overrides as "overrides": Overrides,
        /// Tags on everything in it.
        tags as "tags": Texts,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "recovery": "none, backup, pilot-light or warm-standby in the recovery region",
        "empty": "a schedule on which a playground is emptied",
        "budget": "what it may cost in a month",
        "hub": "whether it joins the hub network",
        "maintenance": "when it may be changed",
    }
}

choice! {
    /// What an environment is for. `docs/blueprint.md` has the table of what each tier decides.
    pub enum Tier "a tier" {
        /// People depend on it: three zones, standby databases, real data.
        Production = "production",
        /// A rehearsal of production: the same shape, smaller, synthetic data, protected from deletion.
        Staging = "staging",
        /// For developers: the same shape, the smallest sizes, synthetic data.
        Development = "development",
        /// A playground: nothing runs there unless it asks to, and no real data is ever there.
        Sandbox = "sandbox",
    }
    planned {}
}

/// The overlay of an environment: for each workload or store the settings that differ. They are read when the
/// thing they change is known.
#[derive(Debug, Clone, Default)]
pub struct Overrides(pub Vec<Entry>);

impl Field for Overrides {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Self(entries.clone())),
            Kind::Null => Some(Self::default()),
            _ => {
                diagnostics
                    .push(wrong_type(node, "a mapping from workloads and stores to settings that differ"));
                Some(Self::default())
            }
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = definitions.reference("Override", |definitions| {
            let mut properties = Map::new();
            let all = Workload::properties(definitions)
                .into_iter()
                .chain(StoreCommon::properties(definitions))
                .chain(Bucket::properties(definitions))
                .chain(Table::properties(definitions))
                .chain(Postgresql::properties(definitions))
                .filter(|property| !Self::FIXED.contains(&property.name));
            for property in all {
                let Value::Object(mut schema) = property.schema else { continue };
                schema.remove("default");
                let description = schema.remove("description").unwrap_or(Value::Null);
                let schema = json!({ "description": description, "anyOf": [schema, { "type": "null" }] });
                properties.entry(property.name).or_insert(schema);
            }
            json!({
                "title": "what differs here",
                "description": "Settings of a workload or store that differ in this environment. Nothing (`~`) brings the default back.",
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            })
        });
        json!({ "type": ["object", "null"], "additionalProperties": one })
    }

    /// What an environment says about a workload or store adds to what the one it is like says, field by field.
    fn inherit(&mut self, base: &Self) {
        for inherited in &base.0 {
            match self.0.iter_mut().find(|own| own.key.text == inherited.key.text) {
                Some(own) => own.value = overlaid(&inherited.value, &own.value),
                None => self.0.push(inherited.clone()),
            }
        }
    }
}

impl Overrides {
    /// What cannot differ between environments: what a thing is, what it holds, and where it exists.
    pub const FIXED: &'static [&'static str] = &["kind", "contains", "environments"];
}

/// `base` with the entries of `overlay`: mappings are combined entry by entry, anything else is replaced.
/// Terminates and stays within the stack because documents have bounded depth.
pub fn overlaid(base: &Node, overlay: &Node) -> Node {
    let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &overlay.kind) else { return overlay.clone() };
    let mut entries = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match above.iter().find(|over| over.key.text == entry.key.text) {
            Some(over) => {
                entries.push(Entry { key: over.key.clone(), value: overlaid(&entry.value, &over.value) });
            }
            None => entries.push(entry.clone()),
        }
    }
    let added = above.iter().filter(|over| !below.iter().any(|entry| entry.key.text == over.key.text));
    entries.extend(added.cloned());
    Node { span: overlay.span, tag: overlay.tag.clone(), kind: Kind::Map(entries) }
}
