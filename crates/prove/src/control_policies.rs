//! Control policies of an organization: which apply to which account, and what they deny.
//!
//! In: the accounts, units and policies of an estate. Out: for an account the policies on the way from it to the root, and
//! whether one of them denies a request. Always: a policy whose target is not known may be anywhere; it is never taken
//! for one that applies, nor for one that does not.
//!
//! Source: AWS Organizations User Guide, "SCP evaluation": a request in a member account is denied when a policy attached
//! to the account, to a unit above it or to the root denies it; the management account is not affected.

use std::collections::HashMap;

use diagnostics::Span;
use estate::{Kind, ResourceRef, SmolStr, StackId, Target, Value};

use crate::policy::{Decision, Principal, Request, denies, statements};
use crate::text::{Token, Truth, absent, literal};
use crate::{Facts, Judgement, Setting};

/// A place in the tree of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// The root.
    Root,
    /// A unit or account that the estate makes.
    Made(StackId, SmolStr),
    /// One that is named by its id, or by a parameter.
    Named(SmolStr),
}

/// Where policies are attached, and what stands in what.
pub(crate) struct Tree<'a> {
    parents: HashMap<Node, Node>,
    attached: HashMap<Node, Vec<ResourceRef<'a>>>,
    /// Policies that may be attached to anything.
    loose: Vec<ResourceRef<'a>>,
}

/// The policies on the way from an account to the root.
pub(crate) struct Chain<'a> {
    /// In the order of the way up.
    pub policies: Vec<ResourceRef<'a>>,
    /// What else may apply, and why that is not known.
    pub doubt: Option<(Span, String)>,
}

impl<'a> Tree<'a> {
    /// The tree of the policies of a type: `SERVICE_CONTROL_POLICY`.
    pub(crate) fn of(facts: &Facts<'a>, kind: &str) -> Self {
        let mut tree = Self { parents: HashMap::new(), attached: HashMap::new(), loose: Vec::new() };
        for (made, path) in [
            ("AWS::Organizations::OrganizationalUnit", "ParentId"),
            ("AWS::Organizations::Account", "ParentIds"),
        ] {
            for found in facts.index.of_kind(made) {
                let parent = found.resource.properties.get(path);
                let parent = parent.map(|parent| parent.as_items().first().unwrap_or(parent));
                let parent = match parent {
                    None => Some(Node::Root),
                    Some(parent) => node(facts, parent),
                };
                if let Some(parent) = parent {
                    tree.parents.insert(Node::Made(found.stack_id, found.id.clone()), parent);
                }
            }
        }
        for &policy in facts.index.of_kind("AWS::Organizations::Policy") {
            let of_kind =
                Setting::of(policy.resource, &["Type"]).literal(false, |value| value.as_str() == Some(kind));
            match of_kind {
                Judgement::Fails { .. } => continue,
                Judgement::Unknown { .. } => tree.loose.push(policy),
                Judgement::Holds => tree.attach(facts, policy),
            }
        }
        tree
    }

    fn attach(&mut self, facts: &Facts<'a>, policy: ResourceRef<'a>) {
        let targets = targets(facts, policy);
        let certain = policy.resource.condition.is_none();
        if targets.loose || !certain {
            self.loose.push(policy);
        }
        for target in targets.nodes.into_iter().filter(|_| certain) {
            self.attached.entry(target).or_default().push(policy);
        }
    }

    /// The places from an account up to the root.
    pub(crate) fn way_up(&self, account: ResourceRef<'_>) -> Vec<Node> {
        let mut way = vec![Node::Made(account.stack_id, account.id.clone())];
        // Units nest five deep; a circle of references ends here too.
        for _ in 0..8 {
            match way.last().and_then(|node| self.parents.get(node)) {
                Some(Node::Root) | None => break,
                Some(parent) => way.push(parent.clone()),
            }
        }
        way.push(Node::Root);
        way
    }

    /// The policies of an account.
    pub(crate) fn chain(&self, account: ResourceRef<'a>) -> Chain<'a> {
        let way = self.way_up(account);
        let policies = way.iter().filter_map(|node| self.attached.get(node)).flatten().copied().collect();
        let foreign = way.iter().any(|node| matches!(node, Node::Named(_)))
            || !self.parents.contains_key(&Node::Made(account.stack_id, account.id.clone()));
        let doubt = match self.loose.first() {
            Some(policy) => Some((
                policy.resource.origin.span,
                format!("it is not known what the policy `{}` is attached to", policy.id),
            )),
            None if foreign => Some((
                account.resource.origin.span,
                "the account stands in a unit that is not in this estate".to_owned(),
            )),
            None => None,
        };
        Chain { policies, doubt }
    }
}

/// What a policy is attached to.
pub(crate) struct Targets {
    /// The places that are known.
    pub nodes: Vec<Node>,
    /// Whether there may be others.
    pub loose: bool,
}

/// What a policy is attached to.
pub(crate) fn targets(facts: &Facts<'_>, policy: ResourceRef<'_>) -> Targets {
    let mut out = Targets { nodes: Vec::new(), loose: false };
    for alternative in policy.resource.properties.alternatives_under(&["TargetIds"], &policy.resource.guard())
    {
        let Some(list) = alternative.value else { continue };
        let certain = alternative.guard.is_always() || policy.resource.condition.is_some();
        match &list.kind {
            Kind::List(items) if certain => {
                for item in items {
                    match node(facts, item) {
                        Some(node) => out.nodes.push(node),
                        None => out.loose = true,
                    }
                }
            }
            Kind::List(items) if items.is_empty() => {}
            _ => out.loose = true,
        }
    }
    out
}

/// The place that a value names.
pub(crate) fn node(facts: &Facts<'_>, value: &Value) -> Option<Node> {
    match &value.kind {
        Kind::Reference(reference) => match &reference.target {
            Target::Resource { stack, id } => {
                let found = facts.index.get(*stack, id)?;
                match (found.resource.kind.as_str(), reference.attribute.as_deref()) {
                    ("AWS::Organizations::Organization", Some("RootId")) => Some(Node::Root),
                    ("AWS::Organizations::OrganizationalUnit", None | Some("Id"))
                    | ("AWS::Organizations::Account", None | Some("AccountId")) => {
                        Some(Node::Made(*stack, id.clone()))
                    }
                    _ => None,
                }
            }
            Target::Account(id) => made(facts, facts.estate.account(*id)?.name.as_str()),
            Target::Pseudo { .. } => None,
        },
        Kind::String(text) if text.starts_with("r-") => Some(Node::Root),
        Kind::String(text) => Some(Node::Named(text.clone())),
        Kind::Unknown(unknown) => Some(Node::Named(unknown.symbol.clone())),
        _ => None,
    }
}

/// The resource that makes an account: by its name, or by a logical id that is made of its name.
pub(crate) fn made(facts: &Facts<'_>, name: &str) -> Option<Node> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let accounts = facts.index.of_kind("AWS::Organizations::Account");
    let named = |found: &&ResourceRef<'_>| {
        found.resource.properties.get("AccountName").and_then(Value::as_str) == Some(name)
    };
    let called = |found: &&ResourceRef<'_>| letters(found.id) == format!("{}account", letters(name));
    let found = accounts.iter().find(named).or_else(|| accounts.iter().find(called))?;
    Some(Node::Made(found.stack_id, found.id.clone()))
}

/// Somebody of a member account who asks for something.
pub(crate) struct Attempt<'t> {
    /// The end of the ARN: `role/anybody`, `root`.
    pub who: &'t str,
    /// The action.
    pub action: &'t str,
    /// The resource's ARN.
    pub resource: Vec<Token>,
    /// The region that the request names.
    pub region: &'t str,
}

impl<'t> Attempt<'t> {
    /// A role of the account that has every right there, on any resource, in a region that is used.
    pub(crate) fn by_administrator(action: &'t str) -> Self {
        let resource = vec![Token::Symbol("resource".into())];
        Self { who: "role/administrator", action, resource, region: "us-east-1" }
    }

    /// Who asks, for people.
    pub(crate) fn principal(&self) -> String {
        format!("arn:aws:iam::ACCOUNT:{}", self.who)
    }

    fn request(&self) -> Request<'t> {
        let mut arn = literal("arn:aws:iam::");
        arn.push(Token::Symbol("member account".into()));
        arn.extend(literal(":"));
        arn.extend(literal(self.who));
        Request {
            principal: Principal::Bearer,
            action: self.action,
            resource: self.resource.clone(),
            context: vec![
                ("aws:PrincipalArn", arn),
                ("aws:RequestedRegion", literal(self.region)),
                ("aws:PrincipalIsAWSService", literal("false")),
                ("aws:ViaAWSService", literal("false")),
                ("aws:AssumedRoot", absent()),
                ("aws:CalledVia", absent()),
                ("ec2:RoleDelivery", absent()),
            ],
        }
    }
}

/// Whether a policy of the chain certainly denies an attempt, and the statement that does.
pub(crate) fn denied<'a>(
    facts: &Facts<'_>,
    chain: &Chain<'a>,
    attempt: &Attempt<'_>,
) -> (Judgement, Option<&'a Value>) {
    let request = attempt.request();
    let mut doubt = chain.doubt.clone();
    for policy in &chain.policies {
        let Some(content) = policy.resource.properties.get("Content") else { continue };
        let certain = statements(content).and_then(|all| {
            let denying = all.into_iter().filter(|statement| statement.effect() == Some(false));
            denying
                .filter(|statement| statement.applies(facts.estate, &request) == Truth::Yes)
                .map(|one| one.value)
                .next()
        });
        if certain.is_some() {
            return (Judgement::Holds, certain);
        }
        if let Decision::Unknown(span, because) = denies(facts.estate, content, &request) {
            doubt = doubt.or(Some((span, because)));
        }
    }
    let judgement = match doubt {
        Some((span, because)) => Judgement::Unknown { span, because },
        None => {
            Judgement::Fails { span: Span::NONE, found: "no policy on the way to the root denies it".into() }
        }
    };
    (judgement, None)
}
