//! The IAM service reference: what each service's actions, resource types and condition keys are.
//!
//! In: `data/iam.bin`. Out: [`IamReference`].
//! Must always hold: names compare without case, as IAM compares them, and keep the spelling of the
//! reference; a service is decoded when somebody asks for it.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

use std::sync::OnceLock;

use serde_json::Value;
use smol_str::SmolStr;

use crate::Provenance;
use crate::compile::names;
use crate::pack::Pack;

/// Every service that IAM knows.
pub struct IamReference {
    pack: Pack,
    services: Vec<OnceLock<IamService>>,
    global_keys: OnceLock<Box<[ConditionKey]>>,
}

/// A service.
#[derive(Debug)]
pub struct IamService {
    /// `s3`
    pub prefix: SmolStr,
    /// `Amazon S3`
    pub name: SmolStr,
    /// `storage`, when the reference classes it.
    pub category: Option<SmolStr>,
    /// Whether resource control policies apply to it.
    pub supports_rcp: bool,
    /// Its actions, sorted by lower-case name.
    pub actions: Box<[IamAction]>,
    /// Its resource types, sorted by name.
    pub resources: Box<[IamResourceType]>,
    /// Its condition keys, sorted by lower-case name.
    pub condition_keys: Box<[ConditionKey]>,
}

/// What an action does to a service, in AWS's five words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum AccessLevel {
    List,
    Read,
    Tagging,
    Write,
    PermissionsManagement,
}

/// An action: `s3:GetObject`.
#[derive(Debug)]
pub struct IamAction {
    /// `GetObject`
    pub name: SmolStr,
    /// What it does.
    pub access: AccessLevel,
    /// The resource types a statement can limit it to. Empty: only `*`.
    pub resources: Box<[ActionResource]>,
    /// The condition keys that it carries whatever the resource.
    pub condition_keys: Box<[SmolStr]>,
}

/// A resource type of an action.
#[derive(Debug)]
pub struct ActionResource {
    /// The [`IamResourceType::name`].
    pub name: SmolStr,
    /// Whether the action always needs it.
    pub required: bool,
    /// Condition keys that the action carries with this resource type.
    pub condition_keys: Box<[SmolStr]>,
}

/// A resource type: `bucket`.
#[derive(Debug)]
pub struct IamResourceType {
    /// `bucket`
    pub name: SmolStr,
    /// `arn:${Partition}:s3:::${BucketName}`
    pub arn: SmolStr,
    /// Condition keys of the resource.
    pub condition_keys: Box<[SmolStr]>,
}

/// A condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionKey {
    /// `s3:prefix`; a part that varies stands as `${TagKey}`.
    pub name: SmolStr,
    /// `String`, `ARN`, `Bool`, `Numeric`, `Date`, `IPAddress`.
    pub kind: SmolStr,
    /// Whether a request carries several values: `ForAllValues`, `ForAnyValue`.
    pub multivalued: bool,
}

impl IamReference {
    pub(crate) fn open() -> Self {
        let pack = Pack::open(b"STWIAM01", include_bytes!("../data/iam.bin"));
        let services = pack.entries().iter().map(|_| OnceLock::new()).collect();
        Self { pack, services, global_keys: OnceLock::new() }
    }

    /// Where the reference comes from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        crate::provenance(&self.pack)
    }

    /// Every service prefix, sorted.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.pack.entries().iter().map(|entry| entry.name)
    }

    /// The service with this prefix: `s3`.
    #[must_use]
    pub fn service(&self, prefix: &str) -> Option<&IamService> {
        let at = self.pack.position(prefix).or_else(|| self.pack.position(&prefix.to_ascii_lowercase()))?;
        self.at(at)
    }

    fn at(&self, at: usize) -> Option<&IamService> {
        let entry = self.pack.entries().get(at)?;
        Some(self.services.get(at)?.get_or_init(|| IamService::new(entry.name, &self.pack.block(entry))))
    }

    /// The action `name` of the service `prefix`.
    #[must_use]
    pub fn action(&self, prefix: &str, name: &str) -> Option<&IamAction> {
        self.service(prefix)?.action(name)
    }

    /// The actions that a policy's pattern names: `s3:Get*`, `*`, `ec2:*Vpc?`. A pattern without a colon other
    /// than `*` names nothing.
    #[must_use]
    pub fn actions_matching(&self, pattern: &str) -> Vec<(&IamService, &IamAction)> {
        let (prefix, name) = match pattern.split_once(':') {
            Some(parts) => parts,
            None if pattern == "*" => ("*", "*"),
            None => return Vec::new(),
        };
        let entries = self.pack.entries().iter().enumerate();
        let services =
            entries.filter(|(_, entry)| matches(prefix, entry.name)).filter_map(|(at, _)| self.at(at));
        services
            .flat_map(|service| {
                let named = service.actions.iter().filter(|action| matches(name, &action.name));
                named.map(move |action| (service, action))
            })
            .collect()
    }

    /// The condition keys that AWS defines for all services: `aws:SourceArn`.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    #[must_use]
    pub fn global_condition_keys(&self) -> &[ConditionKey] {
        self.global_keys.get_or_init(|| listed(self.pack.header(), "global_keys", condition_key))
    }
}

impl IamService {
    fn new(prefix: &str, block: &Value) -> Self {
        Self {
            prefix: prefix.into(),
            name: text(block, "name"),
            category: block.get("category").and_then(Value::as_str).map(SmolStr::from),
            supports_rcp: block.get("rcp") == Some(&Value::Bool(true)),
            actions: listed(block, "actions", action),
            resources: listed(block, "resources", |kind| IamResourceType {
                name: text(kind, "n"),
                arn: text(kind, "arn"),
                condition_keys: names(kind.get("k")),
            }),
            condition_keys: listed(block, "keys", condition_key),
        }
    }

    /// The action `name`.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&IamAction> {
        let wanted = name.to_ascii_lowercase();
        let at =
            self.actions.binary_search_by(|action| action.name.to_ascii_lowercase().cmp(&wanted)).ok()?;
        self.actions.get(at)
    }

    /// The resource type `name`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&IamResourceType> {
        let at = self.resources.binary_search_by(|kind| kind.name.as_str().cmp(name)).ok()?;
        self.resources.get(at)
    }
}

/// Whether a pattern of IAM (`*`, `?`, no case) matches `text`. The time is at most the product of the lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted.eq_ignore_ascii_case(&c) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

fn action(value: &Value) -> IamAction {
    IamAction {
        name: text(value, "n"),
        access: match value.get("a").and_then(Value::as_str) {
            Some("List") => AccessLevel::List,
            Some("Read") => AccessLevel::Read,
            Some("Tagging") => AccessLevel::Tagging,
            Some("Permissions management") => AccessLevel::PermissionsManagement,
            // What the reference does not class is taken for the stronger.
            _ => AccessLevel::Write,
        },
        resources: listed(value, "t", |kind| ActionResource {
            name: text(kind, "n"),
            required: kind.get("r") == Some(&Value::Bool(true)),
            condition_keys: names(kind.get("k")),
        }),
        condition_keys: names(value.get("k")),
    }
}

fn condition_key(value: &Value) -> ConditionKey {
    let kind = text(value, "t");
    let single = kind.strip_prefix("ArrayOf").map(SmolStr::from);
    ConditionKey { name: text(value, "n"), multivalued: single.is_some(), kind: single.unwrap_or(kind) }
}

fn listed<T>(block: &Value, key: &str, read: impl Fn(&Value) -> T) -> Box<[T]> {
    block.get(key).and_then(Value::as_array).into_iter().flatten().map(read).collect()
}

fn text(block: &Value, key: &str) -> SmolStr {
    block.get(key).and_then(Value::as_str).unwrap_or_default().into()
}
