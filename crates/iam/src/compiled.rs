//! Policies made ready for decisions: patterns in their fastest form, conditions with their values read.
//!
//! In: a [`Policy`] and the layer it stands in. Out: a [`Compiled`] whose statements say whether they match a
//! request. Must always hold: deciding allocates nothing, except for a request about open resources.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::condition::Test;
use crate::glob::{Atom, Pattern, Tri};
use crate::matching::{PrincipalTest, Whom};
use crate::open::{covers, overlaps};
use crate::policy::{ActionPattern, Effect, Policy, ResourcePattern, Sense, Statement};
use crate::request::{Request, service_bit};
use crate::text::{Segment, Text};

/// What kind of policy it is, in the order in which AWS's page lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A policy of the user, group or role.
    Identity,
    /// A policy of the resource: bucket policy, key policy, trust policy …
    Resource,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// The policy of a VPC endpoint.
    Endpoint,
}

/// A policy made ready.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The policy's name, for people.
    pub name: SmolStr,
    /// The bits of all services that a statement is about.
    pub services: u64,
    /// Its statements, in order; shared, so that a policy is cheap to hand on.
    pub statements: Arc<[CompiledStatement]>,
}

/// A statement made ready.
#[derive(Debug, Clone)]
pub struct CompiledStatement {
    /// Its `Sid`, or its number.
    pub name: SmolStr,
    /// What it does.
    pub effect: Effect,
    /// The bits of the services that its actions belong to.
    pub services: u64,
    actions: Patterns,
    resources: Option<Patterns>,
    principals: Option<PrincipalTest>,
    /// Whether the layer asks for principals: a policy of an identity is about who has it.
    asks_whom: bool,
    conditions: Box<[Test]>,
}

#[derive(Debug, Clone)]
struct Patterns {
    sense: Sense,
    patterns: Box<[Pattern]>,
}

impl Compiled {
    /// Makes a policy ready.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, policy: &Policy, layer: Layer) -> Self {
        let statement =
            |(at, one): (usize, &Statement)| CompiledStatement::new(policy.statement_name(at), one, layer);
        Self::of(name.into(), policy.statements.iter().enumerate().map(statement).collect())
    }

    /// A policy of statements that are ready.
    #[must_use]
    pub fn of(name: SmolStr, statements: Arc<[CompiledStatement]>) -> Self {
        let services = statements.iter().fold(0, |all, statement| all | statement.services);
        Self { name, services, statements }
    }
}

impl CompiledStatement {
    fn new(name: SmolStr, statement: &Statement, layer: Layer) -> Self {
        let actions = statement.actions.patterns.iter().map(|pattern| Pattern::new(&pattern.text));
        let resources = statement.resources.as_ref().map(|set| Patterns {
            sense: set.sense,
            patterns: set.patterns.iter().map(|pattern| resource(pattern, layer)).collect(),
        });
        // "You cannot use the Principal element in an identity-based policy." In a control policy it may only be `*`,
        // and an endpoint's policy may leave it out.
        let asks_whom = match layer {
            Layer::Resource => true,
            Layer::Endpoint => statement.principals.is_some(),
            _ => false,
        };
        Self {
            name,
            effect: statement.effect,
            services: services(statement),
            actions: Patterns { sense: statement.actions.sense, patterns: actions.collect() },
            resources,
            principals: statement.principals.as_ref().filter(|_| asks_whom).map(PrincipalTest::new),
            asks_whom,
            conditions: statement.conditions.iter().map(Test::new).collect(),
        }
    }

    /// Whether it matches a request, and as whom it names the caller.
    #[must_use]
    pub fn matches(&self, request: &Request, bounded: bool) -> (Tri, Whom) {
        if !self.names_action(request) {
            return (Tri::No, Whom::Nobody);
        }
        let whom = match &self.principals {
            Some(test) => test.names(&request.caller, &request.context, self.effect, bounded),
            // "Principal is required in resource-based policies": a statement without it is about nobody.
            None if self.asks_whom => Whom::Nobody,
            None => Whom::Everybody,
        };
        if whom == Whom::Nobody {
            return (Tri::No, whom);
        }
        let mut holds = self.names_resource(request);
        if whom == Whom::Unknown {
            holds = holds.and(Tri::Unknown);
        }
        for condition in &self.conditions {
            if holds == Tri::No {
                break;
            }
            holds = holds.and(condition.holds(&request.context));
        }
        (holds, whom)
    }

    /// Whether it is about everybody without a condition that limits who.
    ///
    /// Source: "Blocking public access to your Amazon S3 storage": a policy is public unless it grants to fixed values
    /// of principals, or of `aws:SourceIp`, `aws:SourceArn`, `aws:SourceVpc`, `aws:SourceVpce`, `aws:SourceOwner`,
    /// `aws:SourceAccount`, `aws:userid`, `aws:PrincipalOrgId` and their like.
    #[must_use]
    pub fn is_public(&self) -> bool {
        let everybody = self.principals.as_ref().is_some_and(PrincipalTest::is_open);
        everybody && !self.conditions.iter().any(Test::limits_who)
    }

    /// The first condition that fails, where conditions alone keep the statement from matching.
    #[must_use]
    pub fn fails_only_by_conditions(&self, request: &Request, bounded: bool) -> Option<String> {
        if !self.names_action(request) || self.names_resource(request) != Tri::Yes {
            return None;
        }
        let named = self
            .principals
            .as_ref()
            .map(|test| test.names(&request.caller, &request.context, self.effect, bounded));
        if named == Some(Whom::Nobody) || (self.asks_whom && named.is_none()) {
            return None;
        }
        let failed = self.conditions.iter().find(|condition| condition.holds(&request.context) == Tri::No)?;
        Some(failed.describe(&request.context))
    }

    fn names_action(&self, request: &Request) -> bool {
        if self.services & request.service_bit == 0 {
            return false;
        }
        let listed = self.actions.patterns.iter().any(|pattern| {
            // Actions hold no variables; what is not known may be the action.
            pattern.matches(&request.action_lower, &request.context) != Tri::No
        });
        listed == (self.actions.sense == Sense::Only)
    }

    fn names_resource(&self, request: &Request) -> Tri {
        let Some(set) = &self.resources else { return Tri::Yes };
        let mut listed = Tri::No;
        for pattern in &set.patterns {
            listed = listed.or(self.covers(pattern, set.sense, request));
            if listed == Tri::Yes {
                break;
            }
        }
        if set.sense == Sense::Only { listed } else { listed.not() }
    }

    /// Whether a pattern covers the request's resource. Where the request leaves open which resource it is about
    /// (`*` in its ARN), an Allow counts when it is about some of them, a Deny when it is about all.
    fn covers(&self, pattern: &Pattern, sense: Sense, request: &Request) -> Tri {
        if !request.open_resource || *pattern == Pattern::Any {
            return pattern.matches(&request.resource, &request.context);
        }
        if request.only_any_resource && request.resource == "*" {
            // "Actions that do not support resource-level permissions": only `*` covers them.
            return Tri::No;
        }
        match (self.effect, sense) {
            (Effect::Allow, Sense::Only) | (Effect::Deny, Sense::AllBut) => {
                overlaps(pattern, &request.resource, &request.context)
            }
            (Effect::Deny, Sense::Only) | (Effect::Allow, Sense::AllBut) => {
                covers(pattern, &request.resource, &request.context)
            }
        }
    }
}

/// The bits of the services that a statement may be about.
fn services(statement: &Statement) -> u64 {
    if statement.actions.sense == Sense::AllBut {
        return u64::MAX;
    }
    let bit = |pattern: &ActionPattern| match pattern.service() {
        Some(prefix) if !pattern.text.has_unknowns() => service_bit(&prefix.to_lowercase()),
        _ => u64::MAX,
    };
    statement.actions.patterns.iter().fold(0, |all, pattern| all | bit(pattern))
}

/// The pattern of a resource. An ARN that ends before its sixth part is completed with `*`.
///
/// Source: "IAM JSON policy elements: Resource": wildcards in an ARN, and incomplete ARNs. In policies of resources
/// and endpoints an incomplete ARN without wildcard stays as it is and matches nothing.
fn resource(pattern: &ResourcePattern, layer: Layer) -> Pattern {
    let literal_start =
        matches!(pattern.text.segments.first(), Some(Segment::Literal(text)) if text.starts_with("arn:"));
    let colons = pattern.text.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => text.matches(':').count(),
        _ => 0,
    });
    let colons: usize = colons.sum();
    let plain = !pattern.text.has_wildcards() && pattern.text.variables().next().is_none();
    let stays = plain && matches!(layer, Layer::Resource | Layer::Endpoint);
    if !literal_start || colons >= 5 || stays || pattern.text.has_unknowns() {
        return Pattern::new(&pattern.text);
    }
    if matches!(pattern.text.segments.last(), Some(Segment::AnyRun)) {
        // A run at the end takes the colons that follow too.
        return Pattern::new(&pattern.text);
    }
    let mut segments = pattern.text.segments.clone();
    for _ in colons..5 {
        segments.push(Segment::Literal(":".into()));
        segments.push(Segment::AnyRun);
    }
    Pattern::new(&Text { segments })
}

/// The atoms of a pattern.
#[must_use]
pub fn atoms(pattern: &Pattern) -> Vec<Atom> {
    match pattern {
        Pattern::Any => vec![Atom::AnyRun],
        Pattern::Exact(text) => vec![Atom::Literal(text.clone())],
        Pattern::Prefix(text) => vec![Atom::Literal(text.clone()), Atom::AnyRun],
        Pattern::Glob(atoms) => atoms.to_vec(),
    }
}
