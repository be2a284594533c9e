//! AWS's own managed policies.
//!
//! In: `data/managed-policies.bin`. Out: [`ManagedPolicies`]. Must always hold: a document is as AWS published it in
//! its default version on the day of the data; AWS changes them without notice, so an answer that rests on one names it.

use serde_json::Value;

use crate::Provenance;
use crate::pack::Pack;

/// Every policy that AWS manages.
pub struct ManagedPolicies {
    pack: Pack,
}

impl ManagedPolicies {
    pub(crate) fn open() -> Self {
        Self { pack: Pack::open(b"STWMPO01", include_bytes!("../data/managed-policies.bin")) }
    }

    /// The document of a policy by its ARN in any partition:
    /// `arn:aws:iam::aws:policy/service-role/AWSConfigRole`. `None` where AWS has none of that name.
    #[must_use]
    pub fn document(&self, arn: &str) -> Option<Value> {
        let path = arn.split_once(":iam::aws:policy")?.1;
        let entry = self.pack.entries().get(self.pack.position(path)?)?;
        self.pack.block(entry).get_mut("d").map(Value::take)
    }

    /// Every policy's path and name, sorted: `/service-role/AWSConfigRole`.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.pack.entries().iter().map(|entry| entry.name)
    }

    /// Where the policies come from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        crate::provenance(&self.pack)
    }
}
