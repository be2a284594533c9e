//! AWS's facts: resource schemas, the IAM service reference, regions, lifecycles, quotas, eligible services.
//!
//! In: data files in `data/`, embedded by the compiler; `scripts/refresh-catalog.py` writes the packed ones.
//! Out: [`Catalog::shared`].
//! Must always hold: every fact is data with a source; opening costs microseconds and a type is decoded
//! only when somebody asks for it; nothing changes afterwards, so that any number of threads may read.

mod compile;
mod dialect;
mod encryption;
mod pack;
mod path;
mod pattern;
mod resource;
mod schema;

use std::sync::OnceLock;

use serde_json::Value;

use crate::pack::Pack;

pub use crate::encryption::{EncryptionKind, EncryptionProperty};
pub use crate::path::{PathCursor, PathTree, PropertyPath, Step};
pub use crate::pattern::Pattern;
pub use crate::resource::{Attribute, Lifecycle, Paths, RefMeaning, ResourceSchema, Rule, Tagging};
pub use crate::schema::{
    Additional, Combinators, Conditional, ListRules, NodeId, NumberRules, ObjectRules, Relationship,
    SchemaNode, StringRules, Types, Values,
};

/// Everything Steward knows about AWS without asking AWS.
pub struct Catalog {
    registry: Pack,
    types: Vec<OnceLock<ResourceSchema>>,
}

/// Where a data file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// `cfn-lint`
    pub package: String,
    /// `PyPI` or `npm`
    pub registry: String,
    /// The package's version.
    pub version: String,
    /// An SPDX identifier.
    pub licence: String,
    /// The date of the facts, `YYYY-MM-DD`.
    pub date: String,
}

impl Catalog {
    /// The one catalog of the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Catalog> = OnceLock::new();
        SHARED.get_or_init(Self::open)
    }

    fn open() -> Self {
        let registry = Pack::open(b"STWREG01", include_bytes!("../data/registry.bin"));
        let types = registry.entries().iter().map(|_| OnceLock::new()).collect();
        Self { registry, types }
    }

    /// The schema of a resource type: `AWS::S3::Bucket`. Custom resources (`Custom::Anything`) have the
    /// schema of `AWS::CloudFormation::CustomResource`.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&ResourceSchema> {
        let name = if name.starts_with("Custom::") { "AWS::CloudFormation::CustomResource" } else { name };
        let at = self.registry.position(name)?;
        let entry = self.registry.entries().get(at)?;
        let make = || ResourceSchema::new(entry.name, &self.registry.block(entry));
        Some(self.types.get(at)?.get_or_init(make))
    }

    /// Every resource type, sorted.
    pub fn type_names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.registry.entries().iter().map(|entry| entry.name)
    }

    /// Where the resource schemas come from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        provenance(&self.registry)
    }
}

fn provenance(pack: &Pack) -> Provenance {
    let text = |key: &str| pack.header().get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Provenance {
        package: text("package"),
        registry: text("registry"),
        version: text("version"),
        licence: text("licence"),
        date: text("date"),
    }
}

/// Stops the program: data that this build embeds contradicts the code that this build compiled.
#[allow(clippy::panic, reason = "the data is ours and a test reads all of it; what is wrong here is a bug")]
fn broken(what: &str) -> ! {
    panic!("the embedded catalog is broken: {what}")
}
