//! AWS's facts: resource schemas, the IAM service reference, regions, lifecycles, quotas, eligible services.
//!
//! In: data files in `data/`, embedded by the compiler; `scripts/refresh-catalog.py` writes the packed ones.
//! Out: [`Catalog::shared`].
//! Must always hold: every fact is data with a source; opening costs microseconds and a type is decoded
//! only when somebody asks for it; nothing changes afterwards, so that any number of threads may read.

mod compile;
mod dialect;
mod duration;
mod encryption;
mod hipaa;
mod iam;
mod managed;
mod network_quota;
mod organizations;
mod pack;
mod path;
mod pattern;
mod quota;
mod region;
mod resource;
mod schema;
mod stores;
mod support;
mod table;

use std::sync::OnceLock;

use serde_json::Value;

use crate::pack::Pack;

pub use crate::duration::Durations;
pub use crate::encryption::{EncryptionKind, EncryptionProperty};
pub use crate::hipaa::{EligibleService, EligibleServices};
pub use crate::iam::{
    AccessLevel, ActionResource, ConditionKey, IamAction, IamReference, IamResourceType, IamService,
    matches as iam_pattern_matches,
};
pub use crate::managed::ManagedPolicies;
pub use crate::network_quota::NetworkQuota;
pub use crate::organizations::PolicyQuota;
pub use crate::path::{PathCursor, PathTree, PropertyPath, Step};
pub use crate::pattern::Pattern;
pub use crate::quota::Quotas;
pub use crate::region::{Availability, Region};
pub use crate::resource::{Attribute, Lifecycle, Paths, RefMeaning, ResourceSchema, Rule, Tagging};
pub use crate::schema::{
    Additional, Combinators, Conditional, ListRules, NodeId, NumberRules, ObjectRules, Relationship,
    SchemaNode, StringRules, Types, Values,
};

pub use crate::stores::{AtRest, Condition, Keeping, Part, Without};
pub use crate::support::{EngineVersion, Runtime, Support, Versioned};

/// Everything Steward knows about AWS without asking AWS.
pub struct Catalog {
    registry: Pack,
    /// Boxed, so that opening need not reserve room for what nobody asks for.
    types: Vec<OnceLock<Box<ResourceSchema>>>,
    refs: OnceLock<Vec<resource::RefRow>>,
    iam: OnceLock<IamReference>,
    regions: OnceLock<Vec<Region>>,
    runtimes: OnceLock<Vec<Runtime>>,
    engines: OnceLock<support::Engines>,
    quotas: OnceLock<Quotas>,
    network_quotas: OnceLock<Vec<NetworkQuota>>,
    durations: OnceLock<Durations>,
    hipaa: OnceLock<EligibleServices>,
    policies: OnceLock<Vec<PolicyQuota>>,
    stores: OnceLock<Vec<AtRest>>,
    managed_policies: OnceLock<ManagedPolicies>,
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
        Self {
            registry,
            types,
            refs: OnceLock::new(),
            iam: OnceLock::new(),
            regions: OnceLock::new(),
            runtimes: OnceLock::new(),
            engines: OnceLock::new(),
            quotas: OnceLock::new(),
            network_quotas: OnceLock::new(),
            durations: OnceLock::new(),
            hipaa: OnceLock::new(),
            policies: OnceLock::new(),
            stores: OnceLock::new(),
            managed_policies: OnceLock::new(),
        }
    }

    /// The schema of a resource type: `AWS::S3::Bucket`. Custom resources (`Custom::Anything`) have the
    /// schema of `AWS::CloudFormation::CustomResource`.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&ResourceSchema> {
        let name = if name.starts_with("Custom::") { "AWS::CloudFormation::CustomResource" } else { name };
        let at = self.registry.position(name)?;
        let entry = self.registry.entries().get(at)?;
        let make = || {
            let refs = self
                .refs
                .get_or_init(|| table::parse::<resource::RefTable>(include_str!("../data/refs.json")).rows);
            let row = refs.iter().find(|row| row.type_name == entry.name);
            Box::new(ResourceSchema::new(entry.name, &self.registry.block(entry), row))
        };
        Some(self.types.get(at)?.get_or_init(make))
    }

    /// Every resource type, sorted.
    pub fn type_names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.registry.entries().iter().map(|entry| entry.name)
    }

    /// AWS's own managed policies.
    #[must_use]
    pub fn managed_policies(&self) -> &ManagedPolicies {
        self.managed_policies.get_or_init(ManagedPolicies::open)
    }

    /// Where the resource schemas come from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        provenance(&self.registry)
    }

    /// Whether a Region's registry has a resource type. `Unknown` also for a type or Region nobody knows.
    #[must_use]
    pub fn availability(&self, type_name: &str, region: &str) -> Availability {
        let asked = self.registry.header().get("regions").and_then(Value::as_array);
        let bit = asked.and_then(|asked| asked.iter().position(|known| known == region));
        let entry = self.registry.position(type_name).and_then(|at| self.registry.entries().get(at));
        match (bit, entry) {
            (Some(bit), Some(entry)) if entry.mask >> bit & 1 == 1 => Availability::Available,
            (Some(_), Some(_)) => Availability::Absent,
            _ => Availability::Unknown,
        }
    }

    /// The IAM service reference.
    #[must_use]
    pub fn iam(&self) -> &IamReference {
        self.iam.get_or_init(IamReference::open)
    }

    /// Every Region, sorted by code.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        self.regions
            .get_or_init(|| table::parse::<region::Regions>(include_str!("../data/regions.json")).rows)
    }

    /// The Region with this code.
    #[must_use]
    pub fn region(&self, code: &str) -> Option<&Region> {
        self.regions().iter().find(|region| region.code == code)
    }

    /// Every Lambda runtime, sorted.
    #[must_use]
    pub fn runtimes(&self) -> &[Runtime] {
        self.runtimes.get_or_init(|| {
            table::parse::<support::Runtimes>(include_str!("../data/lambda-runtimes.json")).rows
        })
    }

    /// The Lambda runtime with this identifier.
    #[must_use]
    pub fn runtime(&self, identifier: &str) -> Option<&Runtime> {
        self.runtimes().iter().find(|runtime| runtime.runtime == identifier)
    }

    fn engines(&self) -> &support::Engines {
        self.engines.get_or_init(|| table::parse(include_str!("../data/engines.json")))
    }

    /// Every engine version of which AWS states the support.
    #[must_use]
    pub fn engine_versions(&self) -> &[EngineVersion] {
        &self.engines().rows
    }

    /// Which properties of the type name an engine and its version, if the catalog knows its versions.
    #[must_use]
    pub fn versioned(&self, type_name: &str) -> Option<&Versioned> {
        self.engines().types.iter().find(|row| row.type_name == type_name)
    }

    /// The support of the engine version that a resource of `type_name` names, with the values of its
    /// [`Versioned`] properties.
    #[must_use]
    pub fn engine_version(
        &self,
        type_name: &str,
        engine: Option<&str>,
        version: &str,
    ) -> Option<&EngineVersion> {
        let versioned = self.versioned(type_name)?;
        let (engine, version) = match engine.or(versioned.engine.as_deref()) {
            Some(engine) => (engine, version),
            None => version.split_once('_')?,
        };
        self.engines().version(&versioned.service, engine, version)
    }

    /// A quota of networks by its id.
    #[must_use]
    pub fn network_quota(&self, id: &str) -> Option<&NetworkQuota> {
        let all = self.network_quotas.get_or_init(|| {
            table::parse::<network_quota::Table>(include_str!("../data/network-quotas.json")).into()
        });
        all.iter().find(|quota| quota.id == id)
    }

    /// How long resources have taken to be made.
    #[must_use]
    pub fn durations(&self) -> &Durations {
        self.durations
            .get_or_init(|| table::parse::<duration::Table>(include_str!("../data/durations.json")).into())
    }

    /// CloudFormation's quotas.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        self.quotas.get_or_init(|| table::parse::<quota::Table>(include_str!("../data/quotas.json")).into())
    }

    /// AWS's HIPAA Eligible Services Reference.
    #[must_use]
    pub fn hipaa(&self) -> &EligibleServices {
        self.hipaa.get_or_init(|| table::parse(include_str!("../data/hipaa-eligible-services.json")))
    }

    /// What AWS Organizations takes of a type of policy: `SERVICE_CONTROL_POLICY`.
    #[must_use]
    pub fn policy_quota(&self, policy: &str) -> Option<&PolicyQuota> {
        let rows = self.policies.get_or_init(|| {
            table::parse::<organizations::Table>(include_str!("../data/organizations-quotas.json")).rows
        });
        rows.iter().find(|row| row.policy == policy)
    }

    /// Every type whose schema has an encryption property, sorted.
    #[must_use]
    pub fn stores(&self) -> &[AtRest] {
        self.stores.get_or_init(|| stores::rows(table::parse(include_str!("../data/stores.json"))))
    }

    /// What a type has to do with data at rest; `None` when its schema has no encryption property.
    #[must_use]
    pub fn at_rest(&self, type_name: &str) -> Option<&AtRest> {
        let stores = self.stores();
        let at = stores.binary_search_by(|row| row.type_name.as_str().cmp(type_name)).ok()?;
        stores.get(at)
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
