//! The organization as it is written.

use diagnostics::{Diagnostic, Diagnostics};
use document::{Kind, Node};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::Spanned;
use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, Field, Named, Required, Texts, wrong_type};
use crate::record::record;
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
    }
    planned {
        "guardrails": "service and resource control policies for every account",
        "tag-policies": "required spellings of tags",
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
    }
    planned {
        "guardrails": "service and resource control policies for its accounts",
    }
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
