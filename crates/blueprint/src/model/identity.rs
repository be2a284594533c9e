//! People as they are meant: groups, roles of the user's own, and who may do what where.
//!
//! Always: a group that is referred to exists; accounts stand for the environments and units that were written.

use diagnostics::Span;
use smol_str::SmolStr;

use super::{AccountId, IdentitySource};
use crate::Spanned;
use crate::scalars::{Email, Name, Text};

/// People, groups, and what they may do.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Where people and groups come from.
    pub source: Spanned<IdentitySource>,
    /// The groups.
    pub groups: Vec<Group>,
    /// Roles of the user's own.
    pub roles: Vec<Role>,
    /// Which group may do what, where.
    pub access: Vec<Access>,
    /// Who comes in when nothing else works.
    pub emergency: Vec<Spanned<Email>>,
    /// The place of the section.
    pub span: Span,
}

/// A group of people.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name. Unique.
    pub name: Spanned<Name>,
    /// Its people, where IAM Identity Center's own directory holds them.
    pub people: Vec<Spanned<Email>>,
    /// Its name in the source, where that holds its people.
    pub directory: Option<Spanned<Text>>,
}

/// A role of the user's own.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name. Unique, and none of the built-in ones.
    pub name: Spanned<Name>,
    /// What it is for.
    pub title: SmolStr,
    /// Policies of AWS's own, by name.
    pub managed: Vec<Spanned<Text>>,
    /// Policies of the accounts, by name.
    pub customer_managed: Vec<Spanned<Text>>,
    /// The policy of the accounts that bounds it, by name.
    pub boundary: Option<Spanned<Text>>,
    /// How long a session lasts, in hours.
    pub hours: u8,
}

/// What a group may do, in some accounts.
#[derive(Debug, Clone)]
pub struct Access {
    /// The group: a position in [`Identity::groups`].
    pub group: usize,
    /// What it may do.
    pub may: May,
    /// The accounts, each once.
    pub accounts: Vec<AccountId>,
    /// How long a session lasts, in hours, where that is said here.
    pub hours: Option<u8>,
    /// Where it is written.
    pub span: Span,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum May {
    /// Everything but using data and changing what guards it.
    Administer,
    /// Running what is there.
    Operate,
    /// Building: everything but identities, networks and keys.
    Develop,
    /// Looking at settings, not at data.
    Read,
    /// Looking at settings and at the archive of logs.
    Audit,
    /// Managing keys without using them.
    ManageKeys,
    /// A role of the user's own: a position in [`Identity::roles`].
    Own(usize),
}
