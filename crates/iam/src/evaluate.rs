//! Whether a request is allowed, by all layers of policies together.
//!
//! In: a [`Request`], the compiled policies of every layer, and what is known of the surroundings. Out: a
//! [`Verdict`]. Must always hold: an explicit deny in any layer that applies wins; every layer that limits must
//! allow; what is not known never becomes "allowed". Deciding allocates nothing.
//!
//! Sources: "Policy evaluation logic", "Policy evaluation for requests within a single account", "Cross-account policy
//! evaluation logic", IAM User Guide; others are named where they count.

use smol_str::SmolStr;

use crate::compiled::Compiled;
use crate::glob::Tri;
use crate::matching::Whom;
use crate::policy::Effect;
use crate::request::{Caller, Request};
use crate::service::{self, Special};

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is allowed.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// No statement allows it, or a layer that limits does not.
    ImplicitlyDenied,
    /// What would decide is not known, or not modelled.
    Unknown,
}

/// The policies that apply to a request. An empty list of policies of identities allows nothing; of the other
/// layers, `None` means that the layer does not limit.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Policies of the user and its groups, or of the role.
    pub identity: Vec<Compiled>,
    /// The policy of the resource: a bucket's, a key's, a role's trust policy.
    pub resource: Option<Compiled>,
    /// The permissions boundary.
    pub boundaries: Option<Vec<Compiled>>,
    /// Session policies.
    pub session: Option<Vec<Compiled>>,
    /// Service control policies of the caller's account, level by level from the root.
    pub service_control: Vec<Level>,
    /// Resource control policies of the resource's account, level by level from the root.
    pub resource_control: Vec<Level>,
    /// The policy of the VPC endpoint that the request comes through.
    pub endpoint: Option<Vec<Compiled>>,
    /// Grants of the KMS key.
    pub grants: Vec<Grant>,
    /// What else is known.
    pub surroundings: Surroundings,
}

/// The control policies attached at one level of an organization: root, unit or account.
#[derive(Debug, Clone)]
pub struct Level {
    /// The level's name.
    pub name: SmolStr,
    /// The policies attached there.
    pub policies: Vec<Compiled>,
}

/// A grant of a KMS key.
///
/// Source: "Grants in AWS KMS", AWS KMS Developer Guide.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its id or name.
    pub name: SmolStr,
    /// Whom it is for: the ARN of a user, role, session or account, or a service.
    pub grantee: SmolStr,
    /// `Decrypt`, `GenerateDataKey` …
    pub operations: Vec<SmolStr>,
    /// `EncryptionContextEquals`, as keys and values; all of the request's context.
    pub context_equals: Option<Vec<(SmolStr, SmolStr)>>,
    /// `EncryptionContextSubset`: the request's context has these, and may have others.
    pub context_subset: Option<Vec<(SmolStr, SmolStr)>>,
}

/// What is known of the surroundings.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The organization's management account, which control policies do not limit.
    pub management_account: Option<SmolStr>,
    /// Whether Block Public Access is on for the bucket or its account (`RestrictPublicBuckets`).
    pub restrict_public_buckets: bool,
}

/// What the statements of one layer say.
#[derive(Debug, Clone, Copy)]
pub struct Says {
    /// Whether one denies.
    pub deny: Tri,
    /// Whether one allows who is named itself, or everybody.
    pub itself: Tri,
    /// Whether one allows who stands behind a session.
    pub behind: Tri,
    /// Whether one allows the caller's account.
    pub account: Tri,
}

impl Says {
    const NOTHING: Self = Self { deny: Tri::No, itself: Tri::No, behind: Tri::No, account: Tri::No };

    /// Whether one allows, as whomever.
    #[must_use]
    pub fn allow(self) -> Tri {
        self.itself.or(self.behind).or(self.account)
    }
}

/// How far each layer got: what [`decide`] combines and an explanation shows.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The policies of the identity; of a root user all is allowed.
    pub identity: Says,
    /// The resource's policy.
    pub resource: Says,
    /// Whether the boundary denies; whether it allows.
    pub boundary: (Tri, Tri),
    /// The same of session policies.
    pub session: (Tri, Tri),
    /// The same of service control policies.
    pub service_control: (Tri, Tri),
    /// The same of resource control policies.
    pub resource_control: (Tri, Tri),
    /// The same of the endpoint's policies.
    pub endpoint: (Tri, Tri),
    /// Whether a grant allows.
    pub grant: Tri,
    /// Whether the caller's own account owns the resource.
    pub same_account: Tri,
    /// Whether identity, resource, boundary and session policies together allow.
    pub core: Tri,
    /// A rule of the service that decides by itself.
    pub special: Option<Special>,
}

/// Decides a request.
#[must_use]
pub fn decide(policies: &Policies, request: &Request) -> Verdict {
    stand(policies, request).verdict()
}

/// What every layer says to a request.
#[must_use]
pub fn stand(policies: &Policies, request: &Request) -> Standing {
    let has_identity = has_identity(&request.caller);
    let bounded = has_identity && policies.boundaries.is_some();
    let mut identity = Says::NOTHING;
    if has_identity {
        identity = says(&policies.identity, request, bounded);
        if let Caller::Root(_) = request.caller {
            // "The root user … has complete access to all AWS services and resources in the account": no policy of an
            // identity is attached to it.
            identity = Says { itself: Tri::Yes, ..Says::NOTHING };
        }
    }
    let resource = policies
        .resource
        .as_ref()
        .map_or(Says::NOTHING, |policy| says(std::slice::from_ref(policy), request, bounded));
    let limit = |layer: Option<&Vec<Compiled>>| match layer {
        Some(layer) => {
            let says = says(layer, request, bounded);
            (says.deny, says.allow())
        }
        None => (Tri::No, Tri::Yes),
    };
    let mut standing = Standing {
        identity,
        resource,
        boundary: limit(policies.boundaries.as_ref().filter(|_| has_identity)),
        session: limit(policies.session.as_ref().filter(|_| has_identity)),
        service_control: control(
            &policies.service_control,
            request,
            limited_by_scp(policies, request),
            false,
        ),
        resource_control: control(
            &policies.resource_control,
            request,
            limited_by_rcp(policies, request),
            true,
        ),
        endpoint: limit(policies.endpoint.as_ref()),
        grant: service::granted(policies, request),
        same_account: same_account(request),
        core: Tri::No,
        special: service::special(policies, request),
    };
    standing.core = standing.core(policies, request);
    standing
}

/// Whether policies of identities apply: to users, roles and their sessions.
fn has_identity(caller: &Caller) -> bool {
    caller.arn().is_some()
}

fn same_account(request: &Request) -> Tri {
    match (request.caller.account(), &request.resource_account) {
        (Some(own), Some(owner)) => (own == owner).into(),
        (None, _) => Tri::No,
        (Some(_), None) => Tri::Unknown,
    }
}

/// What the statements of some policies say.
#[must_use]
pub fn says(policies: &[Compiled], request: &Request, bounded: bool) -> Says {
    let mut out = Says::NOTHING;
    let about = policies.iter().filter(|policy| policy.services & request.service_bit != 0);
    for statement in about.flat_map(|policy| {
        policy.statements.iter().filter(|statement| statement.services & request.service_bit != 0)
    }) {
        let (holds, whom) = statement.matches(request, bounded);
        if holds == Tri::No {
            continue;
        }
        let slot = match (statement.effect, whom) {
            (_, Whom::Nobody) => continue,
            (Effect::Deny, _) => &mut out.deny,
            (Effect::Allow, Whom::Account) => &mut out.account,
            (Effect::Allow, Whom::Behind) => &mut out.behind,
            (Effect::Allow, Whom::Unknown | Whom::Itself | Whom::Everybody) => &mut out.itself,
        };
        *slot = slot.or(holds);
    }
    out
}

/// Control policies: each level must allow.
///
/// Sources: "SCP evaluation", "RCP evaluation", AWS Organizations User Guide: "for a permission to be allowed for a
/// specific account, there must be an explicit Allow statement at every level from the root through each OU in the
/// direct path to the account". `RCPFullAWSAccess` is attached at every level and cannot be detached.
fn control(levels: &[Level], request: &Request, applies: bool, always_allows: bool) -> (Tri, Tri) {
    let (mut deny, mut allow) = (Tri::No, Tri::Yes);
    if !applies {
        return (deny, allow);
    }
    for level in levels {
        let says = says(&level.policies, request, false);
        deny = deny.or(says.deny);
        if !always_allows {
            allow = allow.and(says.allow());
        }
    }
    (deny, allow)
}

/// Whether service control policies limit the caller.
///
/// Source: "Service control policies", AWS Organizations User Guide: they affect users and roles, and the root user, of
/// member accounts; not the management account, not service-linked roles, and not who is no principal of an account.
#[must_use]
pub fn limited_by_scp(policies: &Policies, request: &Request) -> bool {
    let manages = |account: &str| policies.surroundings.management_account.as_deref() == Some(account);
    has_identity(&request.caller) && !request.service_linked && !request.caller.account().is_some_and(manages)
}

/// Whether resource control policies limit access to the resource.
///
/// Source: "Resource control policies", AWS Organizations User Guide: only for the services of its list; not for
/// resources of the management account, and not for service-linked roles. `s3:ListAllMyBuckets` and its like
/// are actions of such a service.
#[must_use]
pub fn limited_by_rcp(policies: &Policies, request: &Request) -> bool {
    let manages = policies.surroundings.management_account.is_some()
        && policies.surroundings.management_account == request.resource_account;
    !manages && !request.service_linked && request.knows_rcp
}

impl Standing {
    /// Identity, resource, boundary and session policies together.
    fn core(&self, policies: &Policies, request: &Request) -> Tri {
        if !has_identity(&request.caller) {
            // Services, anonymous callers and identities of providers have no policies of their own: the resource
            // must name them, or everybody.
            return self.resource.itself.or(self.grant);
        }
        let within = self.within_account(policies, request);
        let across = self.across_accounts();
        match self.same_account {
            Tri::Yes => within,
            Tri::No => across,
            Tri::Unknown if within == across => within,
            Tri::Unknown => Tri::Unknown,
        }
    }

    /// The caller's own account owns the resource.
    ///
    /// Source: "Policy evaluation for requests within a single account": a resource's policy that names the user or the
    /// session itself, or everybody, grants directly, and implicit denies of identity policies, boundaries and
    /// session policies do not limit it. One that names the role of a session is limited by boundary and session
    /// policies. One that names the account leaves it to the account's identity policies.
    fn within_account(&self, policies: &Policies, request: &Request) -> Tri {
        let limits = self.boundary.1.and(self.session.1);
        let identity = self.identity.allow();
        let own = match service::needs_delegation(policies, request) {
            // Key policies and trust policies: identity policies count only where the resource's policy names the
            // account.
            true => self.resource.account.and(identity),
            false => identity,
        };
        self.resource.itself.or(self.resource.behind.or(own).and(limits)).or(self.grant)
    }

    /// Another account owns the resource.
    ///
    /// Source: "Cross-account policy evaluation logic": the resource's policy must allow, and the identity's policies in
    /// the caller's account must allow too, within boundary and session policies.
    fn across_accounts(&self) -> Tri {
        let limits = self.boundary.1.and(self.session.1);
        self.resource.allow().or(self.grant).and(self.identity.allow()).and(limits)
    }

    /// Whether some layer denies.
    #[must_use]
    pub fn deny(&self) -> Tri {
        let limits =
            [self.boundary, self.session, self.service_control, self.resource_control, self.endpoint];
        limits.iter().fold(self.identity.deny.or(self.resource.deny), |all, (deny, _)| all.or(*deny))
    }

    /// Whether all that must allow does.
    #[must_use]
    pub fn allow(&self) -> Tri {
        self.core.and(self.service_control.1).and(self.resource_control.1).and(self.endpoint.1)
    }

    /// What comes of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.special {
            Some(Special::Always(_)) => return Verdict::Allowed,
            Some(Special::Never(_)) if self.deny() != Tri::Yes => return Verdict::ImplicitlyDenied,
            Some(Special::Public(_)) if self.allow() == Tri::Yes && self.same_account != Tri::Yes => {
                return Verdict::ExplicitlyDenied;
            }
            _ => {}
        }
        match (self.deny(), self.allow()) {
            (Tri::Yes, _) => Verdict::ExplicitlyDenied,
            (_, Tri::No) => Verdict::ImplicitlyDenied,
            (Tri::No, Tri::Yes) => Verdict::Allowed,
            _ => Verdict::Unknown,
        }
    }
}

impl Verdict {
    /// `Allowed`, `ExplicitlyDenied`, `ImplicitlyDenied`, `Unknown`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ExplicitlyDenied => "ExplicitlyDenied",
            Self::ImplicitlyDenied => "ImplicitlyDenied",
            Self::Unknown => "Unknown",
        }
    }
}
