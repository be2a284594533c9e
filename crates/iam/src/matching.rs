//! Whether the principals of a statement name the caller, and as what.
//!
//! In: a compiled `Principal` or `NotPrincipal` and the caller. Out: [`Whom`]. Must always hold: how the caller is
//! named is kept, because AWS gives a session named by its own ARN more than one named by its role.
//!
//! Sources: "AWS JSON policy elements: Principal", "… NotPrincipal", "Policy evaluation for requests within a single
//! account", IAM User Guide.

use smol_str::SmolStr;

use crate::context::Context;
use crate::policy::{Effect, Principal, PrincipalKind, PrincipalSet, Sense};
use crate::request::Caller;

/// As whom a statement names the caller, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whom {
    /// Not at all.
    Nobody,
    /// What would decide is not known.
    Unknown,
    /// By its account: the account's own policies decide further.
    Account,
    /// By the role of its session, or the user who got the federated session: boundaries and session policies
    /// still limit.
    Behind,
    /// Itself: the user, the session, the service, the identity provider.
    Itself,
    /// Everybody.
    Everybody,
}

/// Compiled principals.
#[derive(Debug, Clone)]
pub struct PrincipalTest {
    sense: Sense,
    wanted: Box<[Wanted]>,
}

/// One principal, taken apart.
#[derive(Debug, Clone)]
struct Wanted {
    kind: PrincipalKind,
    /// The account of an account or ARN.
    account: SmolStr,
    partition: SmolStr,
    /// What the ARN is of, and the name: the last part of a user's or role's path, the role of a session.
    of: Of,
    name: SmolStr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    User,
    Role,
    Session,
    Other,
}

impl Wanted {
    fn new(principal: &Principal) -> Self {
        let kind = principal.kind.clone();
        let text = match &kind {
            PrincipalKind::Account(text) | PrincipalKind::Arn(text) => text.as_str(),
            _ => "",
        };
        let parts = crate::value::arn(text);
        let [_, partition, _, _, account, resource] = parts.unwrap_or(["", "", "", "", text, ""]);
        let (of, path) = resource.split_once('/').unwrap_or(("", resource));
        let last = || path.rsplit('/').next().unwrap_or(path);
        let (of, name) = match of {
            "user" => (Of::User, last()),
            "role" => (Of::Role, last()),
            "assumed-role" => (Of::Session, path.split('/').next().unwrap_or(path)),
            _ => (Of::Other, path),
        };
        Self { account: account.into(), partition: partition.into(), of, name: name.into(), kind }
    }
}

impl PrincipalTest {
    /// Compiles a list of principals.
    #[must_use]
    pub fn new(set: &PrincipalSet) -> Self {
        Self { sense: set.sense, wanted: set.principals.iter().map(Wanted::new).collect() }
    }

    /// Whether it names everybody, or all but some.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sense == Sense::AllBut || self.wanted.iter().any(|wanted| wanted.kind == PrincipalKind::Everyone)
    }

    /// As whom the caller is named. `bounded`: the caller has a permissions boundary.
    #[must_use]
    pub fn names(&self, caller: &Caller, context: &Context, effect: Effect, bounded: bool) -> Whom {
        let named = self.wanted.iter().map(|wanted| names(wanted, caller, context));
        if self.sense == Sense::Only {
            return named.max().unwrap_or(Whom::Nobody);
        }
        // "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions
        // boundary policy attached, regardless of the values specified in the NotPrincipal element."
        if bounded && effect == Effect::Deny {
            return Whom::Everybody;
        }
        let (mut unknown, mut found) = (false, false);
        for whom in named {
            unknown |= whom == Whom::Unknown;
            found |= whom > Whom::Unknown;
        }
        match (found, unknown) {
            (true, _) => Whom::Nobody,
            (false, true) => Whom::Unknown,
            (false, false) => Whom::Everybody,
        }
    }
}

fn names(wanted: &Wanted, caller: &Caller, context: &Context) -> Whom {
    let itself = |same: bool| if same { Whom::Itself } else { Whom::Nobody };
    match (&wanted.kind, caller) {
        (PrincipalKind::Everyone, _) => Whom::Everybody,
        (_, Caller::Anonymous) => Whom::Nobody,
        (PrincipalKind::Open(..), _) => Whom::Unknown,
        (PrincipalKind::Service(name), Caller::Service(asking)) => itself(name.eq_ignore_ascii_case(asking)),
        (PrincipalKind::Federated(name), Caller::Federated(asking, _)) => itself(name == asking),
        (PrincipalKind::CanonicalUser(id), Caller::Other(asking)) => itself(id == asking),
        // Which account has a canonical user id is not in the request.
        (PrincipalKind::CanonicalUser(_), _) => match caller.arn() {
            Some(_) => Whom::Unknown,
            None => Whom::Nobody,
        },
        (PrincipalKind::Account(_), Caller::Federated(..)) => Whom::Nobody,
        (PrincipalKind::Account(_), caller) => match caller.account() {
            Some(account) if account == wanted.account => Whom::Account,
            _ => Whom::Nobody,
        },
        // "The ID appears … because AWS can no longer map the ID back to a valid ARN." The id of a living principal is
        // what `aws:userid` starts with.
        (PrincipalKind::UniqueId(id), _) => match context.get("aws:userid").map(|value| value.texts()) {
            Some([text]) => itself(text.split(':').next() == Some(id.as_str())),
            _ => Whom::Nobody,
        },
        (PrincipalKind::Arn(text), caller) => arn(wanted, text, caller, context),
        _ => Whom::Nobody,
    }
}

fn arn(wanted: &Wanted, text: &SmolStr, caller: &Caller, context: &Context) -> Whom {
    if let Caller::Other(asking) = caller {
        return if text == asking { Whom::Itself } else { Whom::Nobody };
    }
    let Some(own) = caller.arn() else { return Whom::Nobody };
    if own.text == *text {
        return match caller {
            // Whatever its session, a role that asks is a session of that role.
            Caller::Role(_) => Whom::Behind,
            _ => Whom::Itself,
        };
    }
    let same_account = wanted.account == own.account && wanted.partition == own.partition;
    match (caller, wanted.of) {
        // Names of roles are unique in an account, whatever the path and the case.
        (Caller::Session { role, .. }, Of::Role) => {
            let named = same_account && wanted.name.eq_ignore_ascii_case(role);
            if named || told_role(text, context) { Whom::Behind } else { Whom::Nobody }
        }
        (Caller::FederatedUser(_), Of::User) if same_account && wanted.name == own.name => Whom::Behind,
        // A session of the role is named; whether this is it, the request does not say.
        (Caller::Role(_), Of::Session) if same_account && wanted.name == own.name => Whom::Unknown,
        _ => Whom::Nobody,
    }
}

/// Whether the request says that its session is of this role.
fn told_role(role: &SmolStr, context: &Context) -> bool {
    matches!(context.get("aws:principalarn").map(|value| value.texts()), Some([told]) if told == role)
}
