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

/// What protects data at rest when nobody chose anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// Nothing.
    Unencrypted,
    /// A key that AWS owns: nobody sees it, nobody can revoke it. A service's own key, such as S3's, as well.
    AwsOwned,
    /// The key `alias/aws/<service>` in the account: its use is logged, its policy is AWS's.
    AwsManaged,
}

/// A property and the values it must have one of, written as text (`true`). Empty: it must be set.
pub type Condition = (PropertyPath, Vec<SmolStr>);

/// Further data of a resource, with a protection of its own.
#[derive(Debug, Clone)]
pub struct Part {
    /// The properties that must name a customer-managed key.
    pub keys: Vec<PropertyPath>,
    /// The booleans that must be true.
    pub switches: Vec<PropertyPath>,
    /// It exists only if all of these hold.
    pub when: Vec<Condition>,
    /// What data it is, for a person.
    pub why: SmolStr,
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
    /// Values of a key that name a key AWS owns, beside `alias/aws/…`, which is always AWS's.
    pub aws_values: Vec<SmolStr>,
    /// The booleans that must be true.
    pub switches: Vec<PropertyPath>,
    /// The booleans that must not be true: they choose AWS's key.
    pub off: Vec<PropertyPath>,
    /// The selectors, each with the values that mean "the key above".
    pub modes: Vec<(PropertyPath, Vec<SmolStr>)>,
    /// When one of these properties is set, the encryption is that of the resource it names.
    pub inherits: Vec<SmolStr>,
    /// A key of its own counts even when it inherits.
    pub own_key_wins: bool,
    /// When no key is set, a resource of one of these types may choose it.
    pub elsewhere: Vec<SmolStr>,
    /// It keeps data only if all of these hold.
    pub when: Vec<Condition>,
    /// It keeps no data if one of these holds.
    pub unless: Vec<Condition>,
    /// Further data it keeps or makes others keep. A row of any class can have parts.
    pub parts: Vec<Part>,
    /// What protects the data when nothing is set, where AWS says so.
    pub without: Option<Without>,
    /// Why it is classed so, for a person.
    pub why: SmolStr,
    /// The AWS page that the row was checked against; a row without one was not.
    pub source: Option<SmolStr>,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

type Texts = indexmap::IndexMap<SmolStr, Vec<SmolStr>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "type")]
    type_name: SmolStr,
    class: Keeping,
    #[serde(default)]
    keys: Vec<SmolStr>,
    #[serde(default)]
    aws_values: Vec<SmolStr>,
    #[serde(default)]
    switches: Vec<SmolStr>,
    #[serde(default)]
    off: Vec<SmolStr>,
    #[serde(default)]
    modes: Texts,
    #[serde(default)]
    inherits: Vec<SmolStr>,
    #[serde(default)]
    own_key_wins: bool,
    #[serde(default)]
    elsewhere: Vec<SmolStr>,
    #[serde(default)]
    when: Texts,
    #[serde(default)]
    unless: Texts,
    #[serde(default)]
    parts: Vec<PartRow>,
    without: Option<Without>,
    why: SmolStr,
    source: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRow {
    #[serde(default)]
    keys: Vec<SmolStr>,
    #[serde(default)]
    switches: Vec<SmolStr>,
    when: Texts,
    why: SmolStr,
}

/// The rows, sorted by type.
pub(crate) fn rows(table: Table) -> Vec<AtRest> {
    let mut rows: Vec<_> = table.rows.into_iter().map(row).collect();
    rows.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    rows
}

fn row(row: Row) -> AtRest {
    AtRest {
        type_name: row.type_name,
        keeping: row.class,
        keys: paths(&row.keys),
        aws_values: row.aws_values,
        switches: paths(&row.switches),
        off: paths(&row.off),
        modes: conditions(row.modes),
        inherits: row.inherits,
        own_key_wins: row.own_key_wins,
        elsewhere: row.elsewhere,
        when: conditions(row.when),
        unless: conditions(row.unless),
        parts: row.parts.into_iter().map(part).collect(),
        without: row.without,
        why: row.why,
        source: row.source,
    }
}

fn part(part: PartRow) -> Part {
    Part {
        keys: paths(&part.keys),
        switches: paths(&part.switches),
        when: conditions(part.when),
        why: part.why,
    }
}

fn paths(list: &[SmolStr]) -> Vec<PropertyPath> {
    list.iter().map(|path| PropertyPath::parse(path)).collect()
}

fn conditions(texts: Texts) -> Vec<Condition> {
    texts.into_iter().map(|(path, values)| (PropertyPath::parse(&path), values)).collect()
}
