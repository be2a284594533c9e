//! AWS Organizations' quotas of policies.
//!
//! In: `data/organizations-quotas.json`. Out: [`PolicyQuota`].
//! Must always hold: a number stands in the data file with its source, never in code. A policy type that is not
//! listed has no quota that is known.

use serde::Deserialize;
use smol_str::SmolStr;

/// What AWS Organizations takes of one type of policy.
///
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyQuota {
    /// The type, as `AWS::Organizations::Policy` spells it: `SERVICE_CONTROL_POLICY`.
    pub policy: SmolStr,
    /// Characters of a policy, white space outside of texts not counted.
    pub characters: usize,
    /// Policies that may be attached to the root, a unit or an account; AWS's own that allows everything is one.
    pub per_target: usize,
    /// Policies of the type in an organization.
    pub policies: usize,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    pub(crate) rows: Vec<PolicyQuota>,
}
