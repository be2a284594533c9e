//! The organization as it is written.

use diagnostics::{Diagnostic, Diagnostics};
use document::{Kind, Node};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::Because;
use crate::Spanned;
use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, Field, Many, Named, Required, Texts, wrong_type};
use crate::record::{choice, record};
use crate::scalars::{Email, Name, Text, Word};

record! {
    /// The AWS Organization. The management account holds it and nothing else; every other account stands in a unit.
    pub struct Organization "the organization" {
        /// How the e-mail addresses of accounts are made: `aws+{account}@example.com`.
        email as "email": Required<EmailPattern>,
        /// The name of the management account. It is not listed under units.
        management as "management": Option<Spanned<Name>> = "management",
        /// The account that watches the others.
        audit as "audit": Option<Spanned<Word>> = "audit",
        /// The account that keeps the logs; may be the audit account.
        log_archive as "log-archive": Option<Spanned<Word>> = "log-archive",
        /// The organizational units.
        units as "units": Named<Unit>,
        /// Guardrails for every account but the management account, beside those that are always there.
        guardrails as "guardrails": Many<Guardrail>,
        /// Guardrails that would always be there and are not. Needs `because:`.
        without as "without": Many<Guardrail>,
        /// Tags with the values that they may have; nothing stands for any value in this spelling.
        tag_policies as "tag-policies": TagValues,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "backup-policies": "backup plans for every account",
        "adopt": "an organization that exists already",
    }
}

record! {
    /// An organizational unit: accounts under the same rules. Units may contain units, five levels deep.
    pub struct Unit "a unit" {
        /// Its name for people, as AWS shows it. Default: its name.
        title as "title": Option<Spanned<Text>>,
        /// Its accounts: a list of names, or a mapping from names to settings.
        accounts as "accounts": Accounts,
        /// Units beneath it.
        units as "units": Named<Unit>,
        /// Guardrails for its accounts and those of the units beneath it, beside those from above.
        guardrails as "guardrails": Many<Guardrail>,
    }
    planned {}
}

choice! {
    /// A guardrail: what nobody in an account can do, whatever the account's own administrators allow.
    pub enum Guardrail "a guardrail" {
        /// No account leaves the organization or is closed from inside.
        LeaveOrganization = "leave-organization",
        /// The root user of an account does nothing.
        Root = "root",
        /// Nobody stops or deletes trails, flow logs, query logs and log groups.
        Trail = "trail",
        /// Nobody stops or changes AWS Config.
        Config = "config",
        /// Nobody turns off GuardDuty, Security Hub, Inspector, Macie or IAM Access Analyzer.
        Detection = "detection",
        /// Nobody deletes backups, or unlocks the vaults that keep them.
        Backups = "backups",
        /// In the account that keeps the logs, nobody changes or empties the archive.
        LogArchive = "log-archive",
        /// Nobody disables a key, orders it deleted, or stops its rotation.
        Keys = "keys",
        /// Nobody changes the roles by which the estate is deployed, or opens another way to sign in.
        Roles = "roles",
        /// Nothing is made outside the estate's regions.
        Regions = "regions",
        /// No IAM users, access keys and passwords.
        NoIamUsers = "no-iam-users",
        /// Instances have version 2 of the instance metadata service.
        Imdsv2 = "imdsv2",
        /// Nothing is shared with everybody, or with accounts outside the organization.
        NoPublicSharing = "no-public-sharing",
        /// Only services that may hold health data under a business associate addendum.
        HipaaEligibleServices = "hipaa-eligible-services",
        /// All three sides of the data perimeter.
        DataPerimeter = "data-perimeter",
        /// Data can be reached only by identities of the organization.
        DataPerimeterIdentity = "data-perimeter-identity",
        /// Identities of the organization write only to resources of the organization.
        DataPerimeterResource = "data-perimeter-resource",
        /// Credentials of workloads work only from networks of the estate.
        DataPerimeterNetwork = "data-perimeter-network",
    }
    planned {}
}

impl Guardrail {
    /// Those that are there without a word, in the order in which they are packed.
    pub const ALWAYS: &'static [Self] = &[
        Self::LeaveOrganization,
        Self::Root,
        Self::Trail,
        Self::Config,
        Self::Detection,
        Self::Backups,
        Self::LogArchive,
        Self::Keys,
        Self::Roles,
        Self::Regions,
        Self::NoIamUsers,
        Self::Imdsv2,
        Self::NoPublicSharing,
    ];
}

/// Keys of tags with the values that they may have; none stands for any.
#[derive(Debug, Clone, Default)]
pub struct TagValues(pub Vec<(Spanned<SmolStr>, Vec<Spanned<SmolStr>>)>);

impl Field for TagValues {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            diagnostics.push(wrong_type(node, "a mapping from tags to the values that they may have"));
            return Some(Self::default());
        };
        let mut tags = Vec::with_capacity(entries.len());
        for entry in entries {
            let items = match &entry.value.kind {
                Kind::Null => &[],
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.value),
            };
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                match item.as_scalar_text() {
                    Some(text) => values.push(Spanned::new(text, item.span)),
                    None => diagnostics.push(wrong_type(item, "a value of the tag")),
                }
            }
            tags.push((Spanned::new(entry.key.text.clone(), entry.key.span), values));
        }
        Some(Self(tags))
    }

    fn schema(_: &mut Definitions) -> Value {
        let one = json!({ "type": ["string", "number", "boolean"] });
        let many = json!({ "type": "array", "items": one });
        json!({ "type": "object", "additionalProperties": { "anyOf": [one, many, { "type": "null" }] } })
    }

    fn inherit(&mut self, _: &Self) {}
}

record! {
    /// An account.
    pub struct Account "an account" {
        /// Its name for people. Default: its name.
        title as "title": Option<Spanned<Text>>,
        /// Its e-mail address. Default: made of the organization's `email`.
        email as "email": Option<Spanned<Email>>,
        /// Tags on it and on everything in it.
        tags as "tags": Texts,
    }
    planned {
        "id": "adopting an account that exists already",
        "closed": "closing an account",
        "budget": "what it may cost in a month",
    }
}

/// Accounts, as a list of names or as a mapping from names to settings.
#[derive(Debug, Clone, Default)]
pub struct Accounts(pub Named<Account>);

impl Field for Accounts {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            if matches!(node.kind, Kind::Map(_) | Kind::Null) {
                return Named::present(node, diagnostics).map(Self);
            }
            diagnostics
                .push(wrong_type(node, "a list of account names, or a mapping from names to settings"));
            return Some(Self::default());
        };
        let mut named = Named::default();
        for item in items {
            let Some(name) = Name::decode(item, diagnostics) else { continue };
            let plain = Account { span: item.span, title: None, email: None, tags: Texts::default() };
            named.entries.push((Spanned::new(name, item.span), plain));
        }
        Some(Self(named))
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let name = Name::schema(definitions);
        let mapping = Named::<Account>::schema(definitions);
        json!({ "anyOf": [{ "type": "array", "items": name }, mapping] })
    }

    fn inherit(&mut self, _: &Self) {}
}

/// How the e-mail addresses of accounts are made: an address with `{account}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailPattern(SmolStr);

impl EmailPattern {
    const EXPECTED: &'static str =
        "an e-mail address with `{account}` in it, such as aws+{account}@example.com";

    /// The address of the account `name`.
    ///
    /// # Errors
    /// What is wrong with the address that comes out.
    pub fn address(&self, name: &Name) -> Result<Email, String> {
        Email::parse(&self.0.replace("{account}", name.as_str()))
    }
}

impl Decode for EmailPattern {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(text) = node.as_str() else {
            diagnostics.push(wrong_type(node, Self::EXPECTED));
            return None;
        };
        let why = match text.matches("{account}").count() {
            1 => Email::parse(&text.replace("{account}", "a")).err(),
            0 => Some("`{account}` is missing: every AWS account needs an address of its own".into()),
            _ => Some("`{account}` stands in it more than once".into()),
        };
        if let Some(why) = why {
            let message = format!("`{text}` cannot make e-mail addresses: {why}");
            diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(Self::EXPECTED));
            return None;
        }
        Some(Self(text.into()))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": r"^[^@]*\{account\}[^@]*@.+$", "description": Self::EXPECTED })
    }
}
