//! Which resource types keep data at rest, and what protects that data.
//!
//! In: `data/stores.json`, reviewed by hand. Out: [`AtRest`].
//! Must always hold: every type whose schema has an encryption property has a row (a test demands it), so a
//! type that AWS adds is looked at before a refresh of the catalog passes.

use serde::Deserialize;
use smol_str::SmolStr;

use crate::path::PropertyPath;

/// What a resource of a type has to do with data at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeping {
    /// It keeps customer data at rest itself.
    Store,
    /// It keeps nothing itself; its settings encrypt what it writes or launches elsewhere.
    Writer,
    /// It keeps only configuration, credentials or code of the service.
    Settings,
    /// Its encryption properties are about something else.
    None,
}

/// The row of a resource type.
#[derive(Debug, Clone)]
pub struct AtRest {
    /// `AWS::RDS::DBInstance`
    pub type_name: SmolStr,
    /// What the type keeps.
    pub keeping: Keeping,
    /// The properties that must name a customer-managed key. Empty for a store: AWS offers no choice of key.
    pub keys: Vec<PropertyPath>,
    /// The booleans that must be true.
    pub switches: Vec<PropertyPath>,
    /// The selectors, each with the values that mean "the key above".
    pub modes: Vec<(PropertyPath, Vec<SmolStr>)>,
    /// When one of these properties is set, the encryption is that of the resource it names.
    pub inherits: Vec<SmolStr>,
    /// Why it is classed so, for a person.
    pub why: SmolStr,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "type")]
    type_name: SmolStr,
    class: Keeping,
    #[serde(default)]
    keys: Vec<SmolStr>,
    #[serde(default)]
    switches: Vec<SmolStr>,
    #[serde(default)]
    modes: indexmap::IndexMap<SmolStr, Vec<SmolStr>>,
    #[serde(default)]
    inherits: Vec<SmolStr>,
    why: SmolStr,
}

/// The rows, sorted by type.
pub(crate) fn rows(table: Table) -> Vec<AtRest> {
    let paths = |list: Vec<SmolStr>| list.iter().map(|path| PropertyPath::parse(path)).collect();
    let mut rows: Vec<_> = table
        .rows
        .into_iter()
        .map(|row| AtRest {
            type_name: row.type_name,
            keeping: row.class,
            keys: paths(row.keys),
            switches: paths(row.switches),
            modes: row.modes.into_iter().map(|(path, values)| (PropertyPath::parse(&path), values)).collect(),
            inherits: row.inherits,
            why: row.why,
        })
        .collect();
    rows.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    rows
}
