//! A request: who, does what, to what, under which circumstances.
//!
//! In: an ARN or name of the principal, an action, a resource, condition keys. Out: a [`Request`] that is ready to
//! be decided. Must always hold: what the request itself tells (`aws:PrincipalArn` …) is in its context, unless
//! the caller says otherwise.
//!
//! Source: "AWS global condition context keys", IAM User Guide.

use catalog::Catalog;
use smol_str::{SmolStr, format_smolstr};

use crate::context::{Context, key_hash};
use crate::principal::is_account;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// The action as it was given.
    pub action: SmolStr,
    /// The action in lower case, as actions are compared.
    pub action_lower: SmolStr,
    /// The resource's ARN, or `*`.
    pub resource: SmolStr,
    /// The account that owns the resource; `None` where neither the ARN nor the caller says.
    pub resource_account: Option<SmolStr>,
    /// Whether the action knows no resource types, so that only `*` in a policy covers it.
    pub only_any_resource: bool,
    /// Whether the resource holds a `*`: it stands for resources that are not named one by one.
    pub open_resource: bool,
    /// The bit of the action's service in the masks of compiled statements; see [`service_bit`].
    pub service_bit: u64,
    /// Whether the caller is a service-linked role or a session of one.
    pub service_linked: bool,
    /// Whether resource control policies know the action's service.
    pub knows_rcp: bool,
    /// The condition keys.
    pub context: Context,
}

/// Who asks.
///
/// Source: "AWS JSON policy elements: Principal", IAM User Guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody who is signed in.
    Anonymous,
    /// An AWS service: `lambda.amazonaws.com`.
    Service(SmolStr),
    /// The root user of an account.
    Root(Arn),
    /// An IAM user.
    User(Arn),
    /// A role; which of its sessions is left open.
    Role(Arn),
    /// A session of a role.
    Session {
        /// `arn:aws:sts::…:assumed-role/role/session`
        arn: Arn,
        /// The role's name, without path.
        role: SmolStr,
    },
    /// A session that an IAM user got by `GetFederationToken`.
    FederatedUser(Arn),
    /// An identity from a SAML or OIDC provider that has no AWS credentials yet.
    Federated(SmolStr, Option<SmolStr>),
    /// Something else with an ARN, or a canonical user id.
    Other(SmolStr),
}

/// The ARN of a principal, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// The whole.
    pub text: SmolStr,
    /// `aws`, `aws-cn`, `aws-us-gov`
    pub partition: SmolStr,
    /// The account.
    pub account: SmolStr,
    /// The last part of the resource: the name of the user, role or session.
    pub name: SmolStr,
}

impl Caller {
    /// Reads who asks: an ARN, a service's name, `anonymous`. `None` for an empty text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return None;
        }
        if trimmed.eq_ignore_ascii_case("anonymous") || trimmed == "*" {
            return Some(Self::Anonymous);
        }
        let mut parts = trimmed.splitn(6, ':');
        let (arn, partition, service, _region, account, resource) =
            (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(partition), Some(service), Some(account), Some(resource)) =
            (partition, service, account, resource)
        else {
            return Some(Self::named(trimmed));
        };
        if arn != "arn" {
            return Some(Self::Other(trimmed.into()));
        }
        let name = resource.rsplit('/').next().unwrap_or(resource);
        let arn = Arn {
            text: trimmed.into(),
            partition: partition.into(),
            account: account.into(),
            name: name.into(),
        };
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        Some(match (service, kind) {
            ("iam", "root") => Self::Root(arn),
            ("iam", "user") => Self::User(arn),
            ("iam", "role") => Self::Role(arn),
            ("sts", "assumed-role") => {
                let role = rest.split('/').next().unwrap_or(rest).into();
                Self::Session { arn, role }
            }
            ("sts", "federated-user") => Self::FederatedUser(arn),
            ("iam", "saml-provider" | "oidc-provider") => Self::Federated(arn.text, Some(arn.account)),
            _ => Self::Other(trimmed.into()),
        })
    }

    /// Who a name without colons is.
    fn named(text: &str) -> Self {
        const WEB_IDENTITY: &[&str] = &[
            "cognito-identity.amazonaws.com",
            "www.amazon.com",
            "graph.facebook.com",
            "accounts.google.com",
        ];
        if is_account(text) {
            let whole = format_smolstr!("arn:aws:iam::{text}:root");
            let (partition, name) = (SmolStr::new_static("aws"), SmolStr::new_static("root"));
            return Self::Root(Arn { text: whole, partition, account: text.into(), name });
        }
        if WEB_IDENTITY.contains(&text) {
            return Self::Federated(text.into(), None);
        }
        if text.contains('.') { Self::Service(text.into()) } else { Self::Other(text.into()) }
    }

    /// The ARN, for callers that belong to an account.
    #[must_use]
    pub fn arn(&self) -> Option<&Arn> {
        match self {
            Self::Root(arn) | Self::User(arn) | Self::Role(arn) | Self::FederatedUser(arn) => Some(arn),
            Self::Session { arn, .. } => Some(arn),
            Self::Anonymous | Self::Service(_) | Self::Federated(..) | Self::Other(_) => None,
        }
    }

    /// The account it belongs to.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Federated(_, account) => account.as_deref(),
            Self::Other(text) => text.split(':').nth(4).filter(|account| is_account(account)),
            _ => self.arn().map(|arn| arn.account.as_str()),
        }
    }

    /// Whether it is a service-linked role or a session of one.
    ///
    /// Source: "Create a service-linked role", IAM User Guide: the path is `/aws-service-role/`, the name starts with
    /// `AWSServiceRoleFor`.
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        match self {
            Self::Role(arn) => arn.text.contains(":role/aws-service-role/"),
            Self::Session { role, .. } => role.starts_with("AWSServiceRoleFor"),
            _ => false,
        }
    }

    /// For a message: the ARN or name.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Service(name) | Self::Federated(name, _) | Self::Other(name) => name,
            _ => self.arn().map_or("", |arn| arn.text.as_str()),
        }
    }
}

impl Request {
    /// A request. `account` is who owns the resource; without it the ARN's account counts, and for `*` the caller's.
    #[must_use]
    pub fn new(
        caller: Caller,
        action: &str,
        resource: &str,
        account: Option<&str>,
        context: Context,
    ) -> Self {
        let named = resource.split(':').nth(4).filter(|account| is_account(account));
        let own = caller.account().filter(|_| resource == "*");
        let resource_account = account.or(named).or(own).map(SmolStr::from);
        let (prefix, name) = action.split_once(':').unwrap_or((action, ""));
        let service = Catalog::shared().iam().service(prefix);
        let known = service.and_then(|service| service.action(name));
        let mut request = Self {
            service_bit: service_bit(&prefix.to_lowercase()),
            service_linked: caller.is_service_linked(),
            caller,
            action: action.into(),
            action_lower: action.to_lowercase().into(),
            resource: resource.into(),
            resource_account,
            only_any_resource: known.is_some_and(|action| action.resources.is_empty()),
            open_resource: resource.contains('*'),
            knows_rcp: service.is_some_and(|service| service.supports_rcp),
            context,
        };
        request.tell();
        request
    }

    /// Adds the condition keys that the request itself tells.
    fn tell(&mut self) {
        let context = &mut self.context;
        if let Some(account) = &self.resource_account {
            context.set_default("aws:resourceaccount", account.clone());
        }
        if let Some(arn) = self.caller.arn() {
            context.set_default("aws:principalaccount", arn.account.clone());
        }
        let kind = match &self.caller {
            Caller::Anonymous => "Anonymous",
            Caller::Root(_) => "Account",
            Caller::User(_) => "User",
            Caller::Role(_) | Caller::Session { .. } => "AssumedRole",
            Caller::FederatedUser(_) => "FederatedUser",
            Caller::Service(name) => {
                context.set_default("aws:principalisawsservice", "true");
                context.set_default("aws:principalservicename", name.clone());
                return;
            }
            Caller::Federated(..) | Caller::Other(_) => return,
        };
        context.set_default("aws:principaltype", kind);
        context.set_default("aws:principalisawsservice", "false");
        match &self.caller {
            // "For IAM roles, the request context returns the ARN of the role, not the ARN of the user that assumed
            // the role." A role's path is not in the ARN of its sessions: `/` is taken, and where the name says
            // that the path is another one, nothing.
            Caller::Session { arn, role } => {
                if !role.starts_with("AWSReservedSSO_") && !role.starts_with("AWSServiceRoleFor") {
                    let text = format_smolstr!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account);
                    context.set_default("aws:principalarn", text);
                }
            }
            Caller::User(arn) => {
                context.set_default("aws:principalarn", arn.text.clone());
                context.set_default("aws:username", arn.name.clone());
            }
            caller => {
                if let Some(arn) = caller.arn() {
                    context.set_default("aws:principalarn", arn.text.clone());
                }
            }
        }
    }
}

/// One bit of 64 for a service's prefix in lower case: two services may share one, so that a bit that is not set rules
/// a statement out, and one that is set says nothing.
#[must_use]
pub fn service_bit(prefix: &str) -> u64 {
    1 << (key_hash(prefix) >> 58)
}
