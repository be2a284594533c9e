//! The plain values of the language: names, durations, sizes, addresses of people and of machines.
//!
//! Each type is one line of text that either means something or is refused with what would have been
//! accepted; its pattern is in the JSON Schema, so an editor refuses the same.

mod amounts;

pub use amounts::{Capacity, Copies, Date, Number, Period, PeriodUnit};

use std::fmt;

use diagnostics::{Diagnostic, Diagnostics};
use document::Node;
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, wrong_type};

/// Reads a value that is written as one line of text (or a number) and described by a pattern.
macro_rules! from_text {
    ($name:ident) => {
        impl Decode for $name {
            fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
                let Some(text) = node.as_str() else {
                    diagnostics.push(wrong_type(node, Self::EXPECTED));
                    return None;
                };
                match Self::parse(text) {
                    Ok(value) => Some(value),
                    Err(why) => {
                        let message = format!("`{text}` is not {}: {why}", Self::WHAT);
                        diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(Self::EXPECTED));
                        None
                    }
                }
            }

            fn schema(definitions: &mut Definitions) -> Value {
                definitions.reference(stringify!($name), |_| {
                    json!({ "title": Self::WHAT, "description": Self::EXPECTED, "type": "string", "pattern": Self::PATTERN })
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.text())
            }
        }
    };
}

use from_text;

/// A name of something in the blueprint: it becomes part of bucket names, DNS labels and tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(SmolStr);

impl Name {
    /// What it must look like.
    pub const EXPECTED: &'static str =
        "small letters, digits and single hyphens, beginning with a letter and ending with a letter or digit";
    const WHAT: &'static str = "a name";
    /// As a regular expression.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

    /// Reads it, or says in a few words why it cannot be one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("it does not begin with a small letter".into());
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
        {
            return Err(format!("`{bad}` is not allowed in it"));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err("a hyphen stands between two letters or digits".into());
        }
        if text.len() > 63 {
            return Err("it has more than 63 characters".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Name);

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(SmolStr);

impl Email {
    const EXPECTED: &'static str = "an e-mail address, such as security@example.com";
    const WHAT: &'static str = "an e-mail address";
    const PATTERN: &'static str =
        r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$";

    /// Reads it. An account's e-mail address has at most 64 characters.
    /// Source: AWS Organizations API Reference, CreateAccount, `Email`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((local, host)) = text.rsplit_once('@') else { return Err("it has no `@`".into()) };
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
        if local.is_empty() || !local.chars().all(allowed) {
            return Err("what stands before the `@` is not allowed".into());
        }
        DomainName::parse(host).map_err(|why| format!("after the `@`, {why}"))?;
        if text.len() > 64 {
            return Err("it has more than 64 characters".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Email);

/// A fully qualified domain name, without the dot at its end, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainName(SmolStr);

impl DomainName {
    const EXPECTED: &'static str = "a domain name in small letters, such as portal.example.com";
    const WHAT: &'static str = "a domain name";
    const PATTERN: &'static str = r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$";

    /// Reads it; capital letters become small.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut labels = 0;
        for label in text.split('.') {
            labels += 1;
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if label.is_empty() || label.len() > 63 || !label.chars().all(inner) {
                return Err(format!("`{label}` is not a label of a domain name"));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(format!("the label `{label}` begins or ends with a hyphen"));
            }
        }
        let top = text.rsplit('.').next().unwrap_or_default();
        if labels < 2 || top.len() < 2 || !top.chars().all(|c| c.is_ascii_alphabetic()) {
            return Err("it does not end in a top-level domain".into());
        }
        if text.len() > 253 {
            return Err("it has more than 253 characters".into());
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The name of `label` beneath this domain.
    #[must_use]
    pub fn beneath(&self, label: &str) -> Self {
        Self(format!("{label}.{}", self.0).into())
    }

    /// Whether this is `other` or lies beneath it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.strip_suffix(other.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(DomainName);

/// A domain name, or every name beneath one: `.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainPattern(SmolStr);

impl DomainPattern {
    const EXPECTED: &'static str =
        "a domain name such as `api.example.com`, or `.example.com` for all names beneath it";
    const WHAT: &'static str = "a domain name";
    const PATTERN: &'static str = r"^\.?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$";

    /// Reads it; capital letters become small.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('*') {
            return Err("all names beneath a domain are written with a dot before it".into());
        }
        DomainName::parse(text.strip_prefix('.').unwrap_or(text))?;
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// Its text, with the dot before it where all names beneath are meant.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means every name beneath a domain, rather than one name.
    #[must_use]
    pub fn is_suffix(&self) -> bool {
        self.0.starts_with('.')
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(DomainPattern);

/// An IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(std::net::Ipv4Addr);

impl Address {
    const EXPECTED: &'static str = "an IPv4 address such as `203.0.113.10`";
    const WHAT: &'static str = "an IPv4 address";
    const PATTERN: &'static str = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "it does not have four numbers from 0 to 255".to_owned())
    }

    /// The address.
    #[must_use]
    pub fn ip(self) -> std::net::Ipv4Addr {
        self.0
    }

    fn text(self) -> std::net::Ipv4Addr {
        self.0
    }
}

from_text!(Address);

/// A container image: a repository with a tag or digest, in a registry where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Image(SmolStr);

impl Image {
    const EXPECTED: &'static str =
        "an image with its tag or digest, such as `123456789012.dkr.ecr.us-east-1.amazonaws.com/portal:1.4`";
    const WHAT: &'static str = "a container image";
    const PATTERN: &'static str =
        r"^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[a-f0-9]{64})$";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (repository, version) = match text.split_once("@sha256:") {
            Some((repository, digest)) => {
                let hex = digest.len() == 64
                    && digest.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9'));
                (repository, hex)
            }
            None => {
                let (repository, tag) = text.rsplit_once(':').ok_or("it has neither tag nor digest")?;
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let rest = tag.chars().all(|c| word(c) || c == '.' || c == '-') && tag.len() <= 128;
                (repository, tag.starts_with(word) && rest)
            }
        };
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._/:-".contains(c);
        let first = repository.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !version {
            return Err("its tag or digest is malformed".into());
        }
        if !first || !repository.chars().all(inner) || text.len() > 512 {
            return Err("its repository is malformed".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Image);

/// A line or paragraph for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(SmolStr);

impl Text {
    const EXPECTED: &'static str = "some words, at most 1000 characters";
    const WHAT: &'static str = "text for people";
    const PATTERN: &'static str = r"\S";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("nothing is written".into());
        }
        if text.chars().count() > 1000 {
            return Err("it has more than 1000 characters".into());
        }
        Ok(Self(text.trim().into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Text);

/// A path of a file inside the blueprint's folder, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePath(SmolStr);

impl RelativePath {
    const EXPECTED: &'static str = "a relative path, such as `environments/production.yaml`";
    const WHAT: &'static str = "a path inside the blueprint's folder";
    const PATTERN: &'static str = r"^[^/\\:*?<>|][^\\:*?<>|]*$";

    /// Reads it. Whether it stays inside the folder is judged where it is resolved.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > 1024 {
            return Err("it is empty or longer than 1024 bytes".into());
        }
        if text.starts_with('/') {
            return Err("it is absolute".into());
        }
        match text.chars().find(|c| c.is_control() || "\\:*?<>|".contains(*c)) {
            Some(bad) => Err(format!("`{}` is not allowed in it", bad.escape_default())),
            None => Ok(Self(text.into())),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(RelativePath);

/// A word that is looked up elsewhere: the name of an environment, a store, a region. Anything is accepted
/// here; whoever looks it up reports what does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word(SmolStr);

impl Word {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for Word {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let word = node.as_str().filter(|text| !text.is_empty()).map(|text| Self(text.into()));
        if word.is_none() {
            diagnostics.push(wrong_type(node, "a word"));
        }
        word
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}
