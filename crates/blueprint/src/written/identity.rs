//! People, groups and what they may do, as it is written.

use diagnostics::{Diagnostic, Diagnostics};
use document::{Kind, Node};
use serde_json::{Value, json};

use crate::Spanned;
use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, Many, Named, wrong_type};
use crate::record::{choice, record};
use crate::scalars::{Email, Text, Word};

record! {
    /// People sign in through AWS IAM Identity Center, the one place where that is decided. Nobody has an IAM user.
    pub struct Identity "the identity section" {
        /// Where people and groups come from.
        source as "source": Option<Spanned<IdentitySource>> = "identity-center",
        /// Groups: a list of e-mail addresses, or a group of the source by its name.
        groups as "groups": Named<Group>,
        /// Which group may do what, where.
        access as "access": Many<Access>,
        /// Roles of your own beside those that are built in.
        roles as "roles": Named<Role>,
        /// The people who come in when nothing else works; each time is told to the security contact.
        emergency as "emergency": Option<Spanned<Emergency>>,
    }
    planned {
        "second-factor": "a second factor of our own, without licence per person",
        "temporary": "access that somebody asks for, somebody approves, and that ends by itself",
        "disable": "shutting a person out at once, everywhere, sessions revoked",
        "reviews": "a schedule on which access is looked at",
    }
}

choice! {
    /// Where people and groups come from.
    pub enum IdentitySource "a source of people" {
        /// IAM Identity Center's own directory.
        IdentityCenter = "identity-center",
        /// An identity provider by SAML; people and groups come by SCIM.
        Saml = "saml",
    }
    planned {
        "active-directory": "AWS Managed Microsoft AD or an AD Connector",
    }
}

/// A group: people by their addresses, or a group of the source.
#[derive(Debug, Clone)]
pub enum Group {
    /// These people.
    People(Vec<Spanned<Email>>),
    /// The group that the source knows by this name.
    Directory(Spanned<Text>),
}

record! {
    /// A group that the source of people knows.
    pub struct DirectoryGroup "a group of the directory" {
        /// Its name there.
        directory as "directory": Spanned<Text>,
    }
    planned {}
}

impl Decode for Group {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::List(items) => {
                let people = items
                    .iter()
                    .filter_map(|item| Some(Spanned::new(Email::decode(item, diagnostics)?, item.span)));
                let people: Vec<_> = people.collect();
                if people.is_empty() {
                    diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, "a group without people"));
                    return None;
                }
                Some(Self::People(people))
            }
            Kind::Map(_) => {
                DirectoryGroup::decode(node, diagnostics).map(|group| Self::Directory(group.directory))
            }
            _ => {
                diagnostics.push(wrong_type(node, "a list of e-mail addresses, or `{ directory: NAME }`"));
                None
            }
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let person = Email::schema(definitions);
        let directory = DirectoryGroup::schema(definitions);
        json!({ "anyOf": [{ "type": "array", "items": person }, directory] })
    }
}

record! {
    /// What a group may do, and where.
    pub struct Access "an access" {
        /// The group, one of `groups`.
        group as "group": Spanned<Word>,
        /// What it may do: a role that is built in, or one of `roles`.
        may as "may": Spanned<Word>,
        /// Where: environments, units or accounts, or `everywhere`.
        places as "in": Many<Word>,
        /// How long a session lasts, 1 to 12 hours. Default: that of the role.
        sessions as "sessions": Option<Spanned<Hours>>,
    }
    planned {}
}

record! {
    /// A role of your own: a permission set of IAM Identity Center.
    pub struct Role "a role" {
        /// What it is for.
        title as "title": Option<Spanned<Text>>,
        /// Policies of AWS's own, by name: `ReadOnlyAccess`, `job-function/Billing`.
        managed as "managed": Many<Text>,
        /// Policies of yours that every account has, by name.
        customer_managed as "customer-managed": Many<Text>,
        /// A policy of yours that bounds what it may do, by name.
        boundary as "boundary": Option<Spanned<Text>>,
        /// How long a session lasts, 1 to 12 hours.
        sessions as "sessions": Option<Spanned<Hours>> = "8 hours",
    }
    planned {
        "inline": "a policy written here",
    }
}

record! {
    /// The people who come in when nothing else works.
    pub struct Emergency "the emergency access" {
        /// The people, by their e-mail addresses.
        people as "people": Many<Email>,
    }
    planned {
        "both": "two of them at once",
    }
}

/// A number of hours, 1 to 12.
/// Source: IAM Identity Center User Guide, "Set session duration for AWS accounts".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours(pub u8);

impl Hours {
    const EXPECTED: &'static str = "from `1 hour` to `12 hours`";
}

impl Decode for Hours {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(text) = node.as_str() else {
            diagnostics.push(wrong_type(node, Self::EXPECTED));
            return None;
        };
        let number = text.strip_suffix(" hours").or(text.strip_suffix(" hour"));
        let hours = number.filter(|number| !number.starts_with('0')).and_then(|number| number.parse().ok());
        match hours.filter(|hours| (1..=12).contains(hours)) {
            Some(hours) => Some(Self(hours)),
            None => {
                let message = format!("`{text}` is not a time that a session can last");
                diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(Self::EXPECTED));
                None
            }
        }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^([1-9]|1[0-2]) hours?$", "description": Self::EXPECTED })
    }
}
