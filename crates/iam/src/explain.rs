//! Why a request is allowed or not: the deciding statements of each layer, in words.
//!
//! In: the policies and the request that were decided. Out: the verdict with its reasons, in the order in which
//! AWS's page goes through the layers. Must always hold: the verdict is that of [`crate::evaluate::decide`].

use smol_str::{SmolStr, format_smolstr};

use crate::compiled::{Compiled, CompiledStatement};
use crate::evaluate::{Level, Policies, Standing, Verdict, limited_by_rcp, limited_by_scp, stand};
use crate::glob::Tri;
use crate::matching::Whom;
use crate::policy::Effect;
use crate::request::{Caller, Request};
use crate::service::{Special, allows, needs_delegation};

/// The most statements that are named per layer.
const MOST_NAMED: usize = 8;

/// A verdict with its reasons.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What comes of the request.
    pub verdict: Verdict,
    /// Why: the deciding statements and layers.
    pub because: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The layer: `identity policy`, `service control policy` …
    pub layer: &'static str,
    /// The level of the organization, for control policies.
    pub level: Option<SmolStr>,
    /// The policy's name, where one statement is meant.
    pub policy: Option<SmolStr>,
    /// The statement's `Sid` or number.
    pub statement: Option<SmolStr>,
    /// What the statement does.
    pub effect: Option<Effect>,
    /// The reason in words.
    pub says: String,
}

const IDENTITY: &str = "identity policy";
const RESOURCE: &str = "resource policy";
const BOUNDARY: &str = "permissions boundary";
const SESSION: &str = "session policy";
const SERVICE_CONTROL: &str = "service control policy";
const RESOURCE_CONTROL: &str = "resource control policy";
const ENDPOINT: &str = "endpoint policy";
const SERVICE: &str = "service";

/// Decides a request and says why.
#[must_use]
pub fn explain(policies: &Policies, request: &Request) -> Decision {
    let standing = stand(policies, request);
    let verdict = standing.verdict();
    let mut writer = Writer { policies, request, standing, out: Vec::new() };
    match (standing.special, verdict) {
        (Some(Special::Always(why) | Special::Public(why)), Verdict::Allowed | Verdict::ExplicitlyDenied)
            if matches!(standing.special, Some(Special::Always(_))) || standing.deny() != Tri::Yes =>
        {
            let counts =
                matches!(standing.special, Some(Special::Always(_))) || verdict == Verdict::ExplicitlyDenied;
            if counts {
                writer.say(SERVICE, why);
            } else {
                writer.allowed();
            }
        }
        (Some(Special::Never(why)), Verdict::ImplicitlyDenied) => writer.say(SERVICE, why),
        (_, Verdict::Allowed) => writer.allowed(),
        (_, Verdict::ExplicitlyDenied) => writer.denied(),
        (_, Verdict::ImplicitlyDenied) => writer.lacking(),
        (_, Verdict::Unknown) => writer.unknown(),
    }
    Decision { verdict, because: writer.out }
}

struct Writer<'a> {
    policies: &'a Policies,
    request: &'a Request,
    standing: Standing,
    out: Vec<Reason>,
}

impl<'a> Writer<'a> {
    fn say(&mut self, layer: &'static str, says: impl Into<String>) {
        let says = says.into();
        self.out.push(Reason { layer, level: None, policy: None, statement: None, effect: None, says });
    }

    fn bounded(&self) -> bool {
        self.request.caller.arn().is_some() && self.policies.boundaries.is_some()
    }

    /// The policies of each layer that applies, with the level's name.
    fn layers(&self) -> Vec<(&'static str, Option<SmolStr>, &'a [Compiled])> {
        let policies = self.policies;
        let mut out: Vec<(&'static str, Option<SmolStr>, &'a [Compiled])> = Vec::new();
        let levels = |layer, levels: &'a [Level]| {
            levels.iter().map(move |level| (layer, Some(level.name.clone()), level.policies.as_slice()))
        };
        if limited_by_scp(policies, self.request) {
            out.extend(levels(SERVICE_CONTROL, &policies.service_control));
        }
        if limited_by_rcp(policies, self.request) {
            out.extend(levels(RESOURCE_CONTROL, &policies.resource_control));
        }
        if let Some(resource) = &policies.resource {
            out.push((RESOURCE, None, std::slice::from_ref(resource)));
        }
        if self.request.caller.arn().is_some() {
            out.push((IDENTITY, None, &policies.identity));
            out.extend(policies.boundaries.as_ref().map(|layer| (BOUNDARY, None, layer.as_slice())));
            out.extend(policies.session.as_ref().map(|layer| (SESSION, None, layer.as_slice())));
        }
        out.extend(policies.endpoint.as_ref().map(|layer| (ENDPOINT, None, layer.as_slice())));
        out
    }

    /// Names the statements of some layers that match in a way.
    fn name(
        &mut self,
        wanted: impl Fn(&'static str, Effect, Tri, Whom) -> bool,
        says: impl Fn(Effect, Whom) -> String,
    ) {
        for (layer, level, policies) in self.layers() {
            let mut named = 0;
            for (policy, statement) in statements(policies) {
                let (holds, whom) = statement.matches(self.request, self.bounded());
                if !wanted(layer, statement.effect, holds, whom) || named == MOST_NAMED {
                    continue;
                }
                named += 1;
                self.out.push(Reason {
                    layer,
                    level: level.clone(),
                    policy: Some(policy.clone()),
                    statement: Some(statement.name.clone()),
                    effect: Some(statement.effect),
                    says: says(statement.effect, whom),
                });
            }
        }
    }

    fn denied(&mut self) {
        let text = format!("denies {}", self.asked());
        self.name(|_, effect, holds, _| effect == Effect::Deny && holds == Tri::Yes, |_, _| text.clone());
    }

    fn allowed(&mut self) {
        if let Caller::Root(_) = self.request.caller {
            self.say(IDENTITY, "the account's root user needs no identity policy");
        }
        self.grants();
        let text = format!("allows {}", self.asked());
        self.name(
            |_, effect, holds, _| effect == Effect::Allow && holds == Tri::Yes,
            |_, whom| match whom {
                Whom::Account => format!("{text} for the account, whose identity policies decide"),
                _ => text.clone(),
            },
        );
    }

    fn grants(&mut self) {
        let Some(operation) = self.request.action_lower.strip_prefix("kms:") else { return };
        let granting = self.policies.grants.iter().filter(|grant| allows(grant, operation, self.request));
        let named: Vec<_> = granting.map(|grant| grant.name.clone()).collect();
        for name in named {
            self.say(SERVICE, format!("the grant {name} of the key allows the operation"));
        }
    }

    /// What keeps the request from being allowed, layer by layer.
    fn lacking(&mut self) {
        let standing = self.standing;
        if standing.service_control.1 != Tri::Yes {
            self.levels_lacking();
        }
        if standing.endpoint.1 != Tri::Yes {
            self.say(ENDPOINT, format!("no statement of the endpoint's policies allows {}", self.asked()));
        }
        if standing.core != Tri::Yes {
            self.core_lacking();
        }
        self.near_misses();
    }

    fn levels_lacking(&mut self) {
        for level in &self.policies.service_control {
            let says = crate::evaluate::says(&level.policies, self.request, false);
            if says.allow() != Tri::Yes {
                let text =
                    format!("no policy attached here allows {}; every level must", self.request.action);
                let level = Some(level.name.clone());
                self.out.push(Reason {
                    layer: SERVICE_CONTROL,
                    level,
                    policy: None,
                    statement: None,
                    effect: None,
                    says: text,
                });
            }
        }
    }

    fn core_lacking(&mut self) {
        let (standing, asked) = (self.standing, self.asked());
        if self.request.caller.arn().is_none() {
            let who = match self.request.caller {
                Caller::Anonymous => "anonymous callers",
                Caller::Service(_) => "the service",
                _ => "the identity",
            };
            let text = format!("no statement of the resource's policy allows {who} {asked}");
            return self.say(RESOURCE, text);
        }
        let identity = standing.identity.allow();
        if identity != Tri::Yes {
            let none = if self.policies.identity.is_empty() { " (there is none)" } else { "" };
            self.say(IDENTITY, format!("no identity policy allows {asked}{none}"));
        }
        let across = standing.same_account != Tri::Yes;
        if across && standing.resource.allow() != Tri::Yes {
            let none = if self.policies.resource.is_none() { " (there is none)" } else { "" };
            self.say(
                RESOURCE,
                format!("the resource is another account's, and its policy does not allow the caller{none}"),
            );
        }
        if !across && needs_delegation(self.policies, self.request) && standing.resource.allow() != Tri::Yes {
            let what =
                if self.request.action_lower.starts_with("kms:") { "key policy" } else { "trust policy" };
            self.say(
                RESOURCE,
                format!("the {what} names neither the caller nor its account for {}", self.request.action),
            );
        } else if !across
            && standing.resource.allow() != Tri::Yes
            && self.policies.resource.is_some()
            && identity != Tri::Yes
        {
            self.say(RESOURCE, format!("the resource's policy does not allow {asked} either"));
        }
        for (layer, allow) in [(BOUNDARY, standing.boundary.1), (SESSION, standing.session.1)] {
            if allow != Tri::Yes {
                self.say(layer, format!("no {layer} allows {asked}"));
            }
        }
    }

    /// Allows that would count but for their conditions.
    fn near_misses(&mut self) {
        for (layer, level, policies) in self.layers() {
            let close = statements(policies).filter_map(|(policy, statement)| {
                let failed = statement.fails_only_by_conditions(self.request, self.bounded())?;
                (statement.effect == Effect::Allow).then_some((policy, statement, failed))
            });
            let close: Vec<_> = close.take(MOST_NAMED).collect();
            for (policy, statement, failed) in close {
                self.out.push(Reason {
                    layer,
                    level: level.clone(),
                    policy: Some(policy.clone()),
                    statement: Some(statement.name.clone()),
                    effect: Some(statement.effect),
                    says: format!("would allow it, but its condition does not hold: {failed}"),
                });
            }
        }
    }

    fn unknown(&mut self) {
        self.name(
            |_, _, holds, _| holds == Tri::Unknown,
            |effect, _| format!("may {} it: what would decide is not known", effect.word().to_lowercase()),
        );
        if self.standing.same_account == Tri::Unknown {
            self.say(RESOURCE, "which account owns the resource is not said, and it decides");
        }
    }

    fn asked(&self) -> SmolStr {
        format_smolstr!("{} on {}", self.request.action, self.request.resource)
    }
}

fn statements(policies: &[Compiled]) -> impl Iterator<Item = (&SmolStr, &CompiledStatement)> {
    policies
        .iter()
        .flat_map(|policy| policy.statements.iter().map(move |statement| (&policy.name, statement)))
}
