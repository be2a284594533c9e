//! A data store as it is written: what every kind has, and what each kind adds.

use diagnostics::Diagnostics;
use document::{Kind, Node};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{Because, Size};
use crate::Spanned;
use crate::reader::{Decode, Definitions, Fields, Many, Named, Texts, wrong_type};
use crate::record::{Property, choice, object_schema, prose, record};
use crate::scalars::{Capacity, Number, Period, Text, Word};

record! {
    /// Where data is kept. Always encrypted with a customer-managed key, reached over TLS only, never public.
    pub struct StoreCommon "a store" {
        /// What it is.
        kind as "kind": Spanned<StoreKindName>,
        /// What it holds, for people.
        title as "title": Option<Spanned<Text>>,
        /// The most sensitive classes of what it holds. Decides key, tags and evidence.
        contains as "contains": Many<DataClass> = "internal",
        /// The environments that have it. Default: all, except those of tier sandbox.
        environments as "environments": Many<Word>,
        /// Tags on it.
        tags as "tags": Texts,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "tenants": "the attribute or prefix that keeps tenants apart",
        "copies": "copies in other regions and accounts",
    }
}

choice! {
    /// A kind of store.
    pub enum StoreKindName "a kind of store" {
        /// Files: an S3 bucket.
        Bucket = "bucket",
        /// Items by key: a DynamoDB table.
        Table = "table",
        /// Rows: a PostgreSQL database in Amazon RDS.
        Postgresql = "postgresql",
    }
    planned {
        "mysql": "a MySQL database in Amazon RDS",
        "aurora": "an Aurora cluster",
        "redis": "an ElastiCache cluster",
        "kafka": "an Amazon MSK cluster",
        "opensearch": "an OpenSearch domain",
        "file-system": "an EFS file system",
        "queue": "an SQS queue",
        "topic": "an SNS topic",
        "stream": "a Kinesis stream",
        "secret": "a secret in Secrets Manager",
    }
}

choice! {
    /// A class of data, from harmless to what the law protects.
    pub enum DataClass "a class of data" {
        /// Anybody may know it.
        Public = "public",
        /// Of the company, not about people.
        Internal = "internal",
        /// Would harm the company or a customer if it were known.
        Confidential = "confidential",
        /// Accounts, orders and balances.
        Financial = "financial",
        /// About people: personally identifiable information.
        Pii = "pii",
        /// About people's health: protected health information under HIPAA.
        Phi = "phi",
    }
    planned {
        "cardholder": "payment card data",
    }
}

choice! {
    /// Who can shorten a retention that is locked (S3 Object Lock).
    pub enum Lock "a lock" {
        /// Nobody, not even AWS's root user of the account, until it ends.
        Compliance = "compliance",
        /// A role with a special permission.
        Governance = "governance",
    }
    planned {}
}

record! {
    /// Files: an S3 bucket, versioned, private, owner enforced.
    pub struct Bucket "a bucket" {
        /// How long files that were replaced or deleted can be brought back.
        versions as "versions": Option<Spanned<Period>> = "90 days",
        /// How long every file is locked against deletion and change (S3 Object Lock).
        retain as "retain": Option<Spanned<Period>>,
        /// Who can shorten `retain`. `governance` needs `because:`.
        lock as "lock": Option<Spanned<Lock>> = "compliance",
        /// When files disappear by themselves. Default: never.
        expires_after as "expires-after": Option<Spanned<Period>>,
    }
    planned {
        "public": "publishing through CloudFront; a bucket itself is never public",
        "archive-after": "moving old files to Glacier",
        "events": "telling a workload about new files",
    }
}

record! {
    /// Items by key: a DynamoDB table, on demand, with point-in-time recovery.
    pub struct Table "a table" {
        /// The partition key: a name, or `{ name: at, type: number }`.
        key as "key": Spanned<KeyAttribute>,
        /// The sort key.
        sort as "sort": Option<Spanned<KeyAttribute>>,
        /// Global secondary indexes.
        indexes as "indexes": Named<Index>,
        /// The attribute that says when an item disappears (time to live, seconds since 1970).
        expires_by as "expires-by": Option<Spanned<AttributeName>>,
        /// How far back it can be restored to any second, 1 to 35 days. Default: by tier.
        backup as "backup": Option<Spanned<Period>>,
        /// Whether deletion is refused. Default: by tier. Off with real data needs `because:`.
        deletion_protection as "deletion-protection": Option<Spanned<bool>>,
    }
    planned {
        "stream": "telling a workload about changed items",
        "capacity": "provisioned capacity",
    }
}

record! {
    /// A global secondary index.
    pub struct Index "an index" {
        /// The partition key of the index.
        key as "key": Spanned<KeyAttribute>,
        /// The sort key of the index.
        sort as "sort": Option<Spanned<KeyAttribute>>,
    }
    planned {}
}

record! {
    /// Rows: a PostgreSQL database in Amazon RDS, TLS required, sign-in by IAM, backed up every day.
    pub struct Postgresql "a PostgreSQL database" {
        /// The major version.
        version as "version": Option<Spanned<Number<15, 18>>> = 17,
        /// How much machine. Default: by tier.
        size as "size": Option<Spanned<Size>>,
        /// How much disk; grows by itself to ten times this.
        storage as "storage": Option<Spanned<Capacity>> = "100 GiB",
        /// Whether a standby waits in another zone. Default: by tier. Off in production needs `because:`.
        standby as "standby": Option<Spanned<bool>>,
        /// How far back it can be restored to any second, 1 to 35 days. Default: by tier.
        backup as "backup": Option<Spanned<Period>>,
        /// Whether deletion is refused. Default: by tier. Off with real data needs `because:`.
        deletion_protection as "deletion-protection": Option<Spanned<bool>>,
    }
    planned {
        "replicas": "read replicas",
        "parameters": "engine parameters",
        "extensions": "extensions",
    }
}

/// A store as it is written.
#[derive(Debug, Clone)]
pub struct Store {
    /// What every kind has.
    pub common: StoreCommon,
    /// What its kind adds.
    pub kind: StoreKind,
}

/// What each kind of store adds.
#[derive(Debug, Clone)]
pub enum StoreKind {
    /// Files.
    Bucket(Bucket),
    /// Items.
    Table(Table),
    /// Rows.
    Postgresql(Postgresql),
}

impl Decode for Store {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::open(node, "a store", diagnostics)?;
        let common = StoreCommon::read(&mut fields, diagnostics);
        let Some(common) = common else {
            // Without its kind nobody knows which of the other fields it may have.
            let all = [Bucket::FIELDS, Table::FIELDS, Postgresql::FIELDS];
            for field in all.into_iter().flatten() {
                let _unread = fields.take::<Anything>(field, diagnostics);
            }
            fields.finish(diagnostics);
            return None;
        };
        let others = [
            (StoreKindName::Bucket, Bucket::FIELDS, "a bucket"),
            (StoreKindName::Table, Table::FIELDS, "a table"),
            (StoreKindName::Postgresql, Postgresql::FIELDS, "a PostgreSQL database"),
        ];
        for (_, names, owner) in others.into_iter().filter(|(kind, ..)| *kind != common.kind.value) {
            fields.elsewhere(names.iter().map(|name| (*name, owner)));
        }
        let kind = match common.kind.value {
            StoreKindName::Bucket => Bucket::read(&mut fields, diagnostics).map(StoreKind::Bucket),
            StoreKindName::Table => Table::read(&mut fields, diagnostics).map(StoreKind::Table),
            StoreKindName::Postgresql => {
                Postgresql::read(&mut fields, diagnostics).map(StoreKind::Postgresql)
            }
        };
        fields.finish(diagnostics)?;
        Some(Self { common, kind: kind? })
    }

    fn schema(definitions: &mut Definitions) -> Value {
        definitions.reference("Store", |definitions| {
            let kinds = [
                (StoreKindName::Bucket, Bucket::properties(definitions)),
                (StoreKindName::Table, Table::properties(definitions)),
                (StoreKindName::Postgresql, Postgresql::properties(definitions)),
            ];
            let kinds = kinds.map(|(kind, own)| {
                let mut properties = StoreCommon::properties(definitions);
                let constant = Property { name: "kind", schema: json!({ "const": kind.word() }), required: true };
                properties.retain(|property| property.name != "kind");
                properties.insert(0, constant);
                properties.extend(own);
                object_schema(kind.word(), prose(&[]), properties)
            });
            json!({
                "title": "a store",
                "description": "Where data is kept. Always encrypted with a customer-managed key, reached over TLS only, never public.",
                "type": "object",
                "required": ["kind"],
                "oneOf": kinds,
            })
        })
    }
}

/// A field that is accepted unread: its record cannot be understood anyway, and says so elsewhere.
struct Anything;

impl crate::reader::Field for Anything {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self)
    }

    fn present(_: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({})
    }

    fn inherit(&mut self, _: &Self) {}
}

/// The name of an attribute of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributeName(pub SmolStr);

impl AttributeName {
    const EXPECTED: &'static str = "the name of an attribute: letters, digits, `.`, `-` and `_`";
    const PATTERN: &'static str = "^[A-Za-z][A-Za-z0-9_.-]{0,254}$";

    fn parse(text: &str) -> Option<Self> {
        let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let good = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(inner)
            && text.len() <= 255;
        good.then(|| Self(text.into()))
    }
}

impl Decode for AttributeName {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let name = node.as_str().and_then(Self::parse);
        if name.is_none() {
            diagnostics.push(wrong_type(node, Self::EXPECTED));
        }
        name
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": Self::PATTERN })
    }
}

choice! {
    /// The type of a key attribute.
    pub enum AttributeType "a type of attribute" {
        /// Text.
        String = "string",
        /// A number.
        Number = "number",
        /// Bytes.
        Binary = "binary",
    }
    planned {}
}

/// A key attribute: `key: customer`, or `sort: { name: at, type: number }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyAttribute {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub r#type: AttributeType,
}

record! {
    /// A key attribute that is not text.
    pub struct LongKeyAttribute "a key attribute" {
        /// The name of the attribute.
        name as "name": Spanned<AttributeName>,
        /// The type of its values.
        r#type as "type": Option<Spanned<AttributeType>> = "string",
    }
    planned {}
}

impl Decode for KeyAttribute {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        if let Kind::Map(_) = node.kind {
            let long = LongKeyAttribute::decode(node, diagnostics)?;
            let r#type = long.r#type.map_or(AttributeType::String, |kind| kind.value);
            return Some(Self { name: long.name.value.0, r#type });
        }
        AttributeName::decode(node, diagnostics)
            .map(|name| Self { name: name.0, r#type: AttributeType::String })
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let short = AttributeName::schema(definitions);
        let long = LongKeyAttribute::schema(definitions);
        json!({ "anyOf": [short, long] })
    }
}
