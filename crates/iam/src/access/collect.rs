//! Principals, guarded things, and every policy that is attached to them.
//!
//! In: an estate. Out: [`Access`]. Always: an attachment that cannot be resolved is a document of unknown text at
//! whatever it may be attached to; order is the estate's.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diagnostics::{Diagnostics, Span};
use estate::{AccountId, Estate, Index, ResourceRef, StackId, Value};
use smol_str::{SmolStr, format_smolstr};

use crate::policy::Policy;
use crate::symbolic::symbols;

use super::names::{Names, marked};

/// Everything that decides access in an estate.
#[derive(Debug)]
pub struct Access<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// Roles, users and permission sets.
    pub holders: Vec<Holder>,
    /// What can be asked for.
    pub things: Vec<Thing>,
    /// Service control policies by account: all that are attached at the root, a unit above it or itself.
    pub controls: HashMap<AccountId, Vec<Document>>,
    /// Resource control policies by account.
    pub resource_controls: HashMap<AccountId, Vec<Document>>,
    /// Levels of the organization that allow by a list, by account: each has to allow what is asked.
    pub allow_lists: BTreeMap<AccountId, Vec<AllowList>>,
    /// The organization's id as policies refer to it.
    pub organization: Option<String>,
}

/// Service control policies of one level that allow less than everything.
#[derive(Debug, Clone)]
pub struct AllowList {
    /// The root, unit or account that they are attached to.
    pub level: SmolStr,
    /// Those that allow, and AWS's `FullAWSAccess`, of which no estate says whether it is still attached there.
    pub documents: Vec<Document>,
}

/// A policy document where it is attached.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name for people.
    pub name: SmolStr,
    /// What it says, shared by all that AWS's own policies are attached to; why that is not known.
    pub policy: Result<Arc<Policy>, String>,
    /// Whether it is certainly attached.
    pub certain: bool,
    /// Where it is written.
    pub span: Span,
}

/// Who may ask.
#[derive(Debug)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// The resource it is.
    pub stack: StackId,
    /// Its logical id.
    pub id: SmolStr,
    /// Its ARN with symbols marked.
    pub arn: String,
    /// Its account.
    pub account: AccountId,
    /// Policies of its own.
    pub identity: Vec<Document>,
    /// Its permissions boundary.
    pub boundary: Option<Document>,
    /// Its tags, which are `aws:PrincipalTag/…` of whoever assumed it.
    pub tags: Vec<(SmolStr, SmolStr)>,
    /// The groups that a user is in.
    pub groups: Vec<(StackId, SmolStr)>,
    /// Where it is written.
    pub span: Span,
}

/// Kinds of [`Holder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
    /// A permission set of IAM Identity Center, assigned in an account.
    PermissionSet,
}

/// What can be asked for.
#[derive(Debug)]
pub struct Thing {
    /// The resource type.
    pub kind: SmolStr,
    /// Its stack.
    pub stack: StackId,
    /// Its logical id.
    pub id: SmolStr,
    /// Its ARN with symbols marked.
    pub arn: String,
    /// Its account.
    pub account: AccountId,
    /// Policies on it.
    pub policies: Vec<Document>,
    /// Values of its tags `Name` and `application`, by which people know it.
    pub labels: Vec<SmolStr>,
    /// Where it is written.
    pub span: Span,
}

/// Properties that hold a policy on the resource itself.
const OWN: &[(&str, &str)] = &[
    ("AWS::KMS::Key", "KeyPolicy"),
    ("AWS::KMS::ReplicaKey", "KeyPolicy"),
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
    ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ("AWS::Backup::BackupVault", "AccessPolicy"),
    ("AWS::EFS::FileSystem", "FileSystemPolicy"),
    ("AWS::OpenSearchService::Domain", "AccessPolicies"),
    ("AWS::Kinesis::Stream", "ResourcePolicy"),
];

/// Resources that are a policy on others: type, property of the document, property of whom it is on, their type.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    ("AWS::S3::BucketPolicy", "PolicyDocument", "Bucket", "AWS::S3::Bucket"),
    ("AWS::SQS::QueuePolicy", "PolicyDocument", "Queues", "AWS::SQS::Queue"),
    ("AWS::SNS::TopicPolicy", "PolicyDocument", "Topics", "AWS::SNS::Topic"),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy", "SecretId", "AWS::SecretsManager::Secret"),
];

impl<'a> Access<'a> {
    /// The policies of a group: its own, and those that name it.
    #[must_use]
    pub fn of_group(index: &Index<'a>, group: ResourceRef<'a>) -> Vec<Document> {
        let collector = Collector { index, names: Names::of(index.estate()), aws: RefCell::default() };
        let mut out = collector.holder(group, HolderKind::User).identity;
        for (kind, property) in [
            ("AWS::IAM::Policy", "Groups"),
            ("AWS::IAM::ManagedPolicy", "Groups"),
            ("AWS::IAM::GroupPolicy", "GroupName"),
        ] {
            for found in index.of_kind(kind) {
                let properties = &found.resource.properties;
                let Some(text) = properties.get("PolicyDocument") else { continue };
                let whom = properties.get(property).map(Value::as_items).unwrap_or_default();
                if whom.iter().any(|whom| index.named("AWS::IAM::Group", whom) == Some(group)) {
                    out.push(collector.document(found.id.clone(), text, found.resource.condition.is_none()));
                }
            }
        }
        out
    }

    /// The policy that a property of a resource holds: of a VPC endpoint; `None` where it has none.
    #[must_use]
    pub fn policy_of(index: &Index<'a>, of: ResourceRef<'a>, property: &str) -> Option<Document> {
        let collector = Collector { index, names: Names::of(index.estate()), aws: RefCell::default() };
        let text = of.resource.properties.get(property)?;
        Some(collector.document(of.id.clone(), text, true))
    }

    /// The document of a managed policy of the estate.
    #[must_use]
    pub fn of_managed(index: &Index<'a>, policy: ResourceRef<'a>) -> Option<Document> {
        let collector = Collector { index, names: Names::of(index.estate()), aws: RefCell::default() };
        let text = policy.resource.properties.get("PolicyDocument")?;
        Some(collector.document(policy.id.clone(), text, policy.resource.condition.is_none()))
    }

    /// Collects an estate's.
    #[must_use]
    pub fn of(index: &Index<'a>) -> Self {
        let estate = index.estate();
        let collector = Collector { index, names: Names::of(estate), aws: RefCell::default() };
        let organization = index.of_kind("AWS::Organizations::Organization").first().map(|found| {
            let reference = estate::Reference::attribute(found.stack_id, found.id.clone(), "Id");
            marked(&collector.names.pieces(&Value::new(estate::Kind::Reference(Box::new(reference)))))
        });
        let (controls, resource_controls, allow_lists) = collector.controls();
        Self {
            estate,
            holders: collector.holders(),
            things: collector.things(),
            controls,
            resource_controls,
            allow_lists,
            organization,
        }
    }
}

pub(super) struct Collector<'i, 'a> {
    pub(super) index: &'i Index<'a>,
    names: Names<'a>,
    /// AWS's own policies by ARN, as they are asked for.
    aws: RefCell<HashMap<String, Option<Arc<Policy>>>>,
}

impl<'a> Collector<'_, 'a> {
    pub(super) fn document(&self, name: impl Into<SmolStr>, value: &Value, certain: bool) -> Document {
        let policy = match &value.kind {
            // A document as text of JSON.
            estate::Kind::String(text) => super::parse_text(text),
            _ => {
                let mut diagnostics = Diagnostics::new();
                crate::parse::written(&self.names.written(value), &mut diagnostics).ok_or_else(|| {
                    let first = diagnostics.iter().next().map(|diagnostic| diagnostic.message.to_string());
                    first.unwrap_or_else(|| "it cannot be read".to_owned())
                })
            }
        };
        Document { name: name.into(), policy: policy.map(Arc::new), certain, span: value.span }
    }

    pub(super) fn unknown(name: impl Into<SmolStr>, why: impl Into<String>, span: Span) -> Document {
        Document { name: name.into(), policy: Err(why.into()), certain: true, span }
    }

    fn holders(&self) -> Vec<Holder> {
        let mut out = Vec::new();
        for (kind, what) in [("AWS::IAM::Role", HolderKind::Role), ("AWS::IAM::User", HolderKind::User)] {
            for found in self.index.of_kind(kind) {
                out.push(self.holder(*found, what));
            }
        }
        self.attach_from_outside(&mut out);
        out.extend(self.permission_sets());
        out
    }

    fn holder(&self, found: ResourceRef<'a>, kind: HolderKind) -> Holder {
        let properties = &found.resource.properties;
        let mut identity = Vec::new();
        for policy in properties.get("Policies").map(Value::as_items).unwrap_or_default() {
            let name = policy.get("PolicyName").and_then(Value::as_text).unwrap_or_else(|| "inline".into());
            match policy.get("PolicyDocument") {
                Some(document) => identity.push(self.document(name, document, true)),
                None => identity.push(Self::unknown(name, policy.describe(), policy.span)),
            }
        }
        for arn in properties.get("ManagedPolicyArns").map(Value::as_items).unwrap_or_default() {
            identity.push(self.managed(arn));
        }
        Holder {
            kind,
            stack: found.stack_id,
            id: found.id.clone(),
            arn: self.arn_of(found),
            account: found.stack.account,
            identity,
            boundary: properties.get("PermissionsBoundary").map(|arn| self.managed(arn)),
            tags: literal_tags(properties),
            groups: Vec::new(),
            span: found.resource.origin.span,
        }
    }

    fn arn_of(&self, found: ResourceRef<'a>) -> String {
        let pieces = self.names.arn(found.stack_id, found.id, found.resource);
        pieces.map_or_else(|| symbols::of(found.id).to_string(), |pieces| marked(&pieces))
    }

    /// A managed policy named by its ARN.
    fn managed(&self, arn: &Value) -> Document {
        if let Some(found) = self.index.named("AWS::IAM::ManagedPolicy", arn)
            && let Some(document) = found.resource.properties.get("PolicyDocument")
        {
            return self.document(found.id.clone(), document, found.resource.condition.is_none());
        }
        let text = super::names::shown(&marked(&self.names.pieces(arn)));
        let name: SmolStr = text.rsplit('/').next().unwrap_or(&text).into();
        let mut known = self.aws.borrow_mut();
        let policy = known.entry(text.clone()).or_insert_with(|| super::aws_managed(&text).map(Arc::new));
        match policy.clone() {
            Some(policy) => Document { name, policy: Ok(policy), certain: true, span: arn.span },
            None => Self::unknown(
                name.clone(),
                format!("the text of `{name}` is not part of the estate"),
                arn.span,
            ),
        }
    }

    /// Policies that name who they are attached to.
    fn attach_from_outside(&self, holders: &mut [Holder]) {
        let groups = self.groups_of_users();
        for (kind, lists) in [
            (
                "AWS::IAM::Policy",
                &[("Roles", "AWS::IAM::Role"), ("Users", "AWS::IAM::User"), ("Groups", "AWS::IAM::Group")][..],
            ),
            (
                "AWS::IAM::ManagedPolicy",
                &[("Roles", "AWS::IAM::Role"), ("Users", "AWS::IAM::User"), ("Groups", "AWS::IAM::Group")][..],
            ),
            ("AWS::IAM::RolePolicy", &[("RoleName", "AWS::IAM::Role")][..]),
            ("AWS::IAM::UserPolicy", &[("UserName", "AWS::IAM::User")][..]),
            ("AWS::IAM::GroupPolicy", &[("GroupName", "AWS::IAM::Group")][..]),
        ] {
            for found in self.index.of_kind(kind) {
                let Some(text) = found.resource.properties.get("PolicyDocument") else { continue };
                let document = self.document(found.id.clone(), text, found.resource.condition.is_none());
                for (property, target) in lists {
                    for whom in
                        found.resource.properties.get(property).map(Value::as_items).unwrap_or_default()
                    {
                        let Some(named) = self.index.named(target, whom) else { continue };
                        for holder in holders.iter_mut() {
                            let itself = holder.stack == named.stack_id && holder.id == *named.id;
                            let member = groups
                                .get(&(holder.stack, holder.id.clone()))
                                .is_some_and(|groups| groups.contains(&(named.stack_id, named.id.clone())));
                            if itself || member {
                                holder.identity.push(document.clone());
                            }
                        }
                    }
                }
            }
        }
        for (user, groups) in groups {
            let Some(holder) =
                holders.iter_mut().find(|holder| (holder.stack, &holder.id) == (user.0, &user.1))
            else {
                continue;
            };
            holder.groups.clone_from(&groups);
            for (stack, id) in groups {
                let Some(group) = self.index.get(stack, &id) else { continue };
                let inherited = self.holder(group, HolderKind::User);
                holder.identity.extend(inherited.identity);
            }
        }
    }

    /// The groups of each user, by where they are.
    fn groups_of_users(&self) -> BTreeMap<(StackId, SmolStr), Vec<(StackId, SmolStr)>> {
        let mut out: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut join = |user: ResourceRef<'a>, group: ResourceRef<'a>| {
            let member = (user.stack_id, user.id.clone());
            out.entry(member).or_default().push((group.stack_id, group.id.clone()));
        };
        for user in self.index.of_kind("AWS::IAM::User") {
            for group in user.resource.properties.get("Groups").map(Value::as_items).unwrap_or_default() {
                if let Some(group) = self.index.named("AWS::IAM::Group", group) {
                    join(*user, group);
                }
            }
        }
        for addition in self.index.of_kind("AWS::IAM::UserToGroupAddition") {
            let properties = &addition.resource.properties;
            let Some(group) =
                properties.get("GroupName").and_then(|name| self.index.named("AWS::IAM::Group", name))
            else {
                continue;
            };
            for user in properties.get("Users").map(Value::as_items).unwrap_or_default() {
                if let Some(user) = self.index.named("AWS::IAM::User", user) {
                    join(user, group);
                }
            }
        }
        out
    }

    /// Permission sets, once for each account that they are assigned in.
    ///
    /// Source: "Permission sets", IAM Identity Center User Guide: in each account a role
    /// `AWSReservedSSO_<name>_<suffix>` is made.
    fn permission_sets(&self) -> Vec<Holder> {
        let mut out: Vec<Holder> = Vec::new();
        for assignment in self.index.of_kind("AWS::SSO::Assignment") {
            let properties = &assignment.resource.properties;
            let Some(set) = properties
                .get("PermissionSetArn")
                .and_then(|arn| self.index.references(arn).into_iter().next())
            else {
                continue;
            };
            let account = properties.get("TargetId").and_then(|target| self.account_of(target));
            let Some(account) = account else { continue };
            let number = marked(&[self.names.account(account)]);
            let name = set
                .resource
                .properties
                .get("Name")
                .and_then(Value::as_text)
                .unwrap_or_else(|| set.id.clone());
            let arn = format!(
                "arn:aws:iam::{number}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{name}_{}",
                symbols::of(&format!("{number}/{name}"))
            );
            if out.iter().any(|known| known.arn == arn) {
                continue;
            }
            let mut holder = self.holder(set, HolderKind::PermissionSet);
            let own = &set.resource.properties;
            holder.identity.clear();
            if let Some(inline) = own.get("InlinePolicy") {
                holder.identity.push(self.document("inline", inline, true));
            }
            for arn in own.get("ManagedPolicies").map(Value::as_items).unwrap_or_default() {
                holder.identity.push(self.managed(arn));
            }
            for reference in
                own.get("CustomerManagedPolicyReferences").map(Value::as_items).unwrap_or_default()
            {
                let name = reference.get("Name");
                holder.identity.push(match name {
                    Some(name) => self.managed(name),
                    None => Self::unknown("customer-managed", reference.describe(), reference.span),
                });
            }
            holder.boundary = own.get("PermissionsBoundary").map(|boundary| {
                let named = boundary
                    .get("ManagedPolicyArn")
                    .or_else(|| boundary.get_path(&["CustomerManagedPolicyReference", "Name"]));
                named.map_or_else(
                    || Self::unknown("boundary", boundary.describe(), boundary.span),
                    |arn| self.managed(arn),
                )
            });
            holder.arn = arn;
            holder.account = account;
            out.push(holder);
        }
        out
    }

    /// The account that a value names: by reference, or by number.
    pub(super) fn account_of(&self, value: &Value) -> Option<AccountId> {
        let accounts = || (0..).map(AccountId).zip(&self.index.estate().accounts);
        if let Some(reference) = value.as_reference() {
            if let estate::Target::Account(account) = reference.target {
                return Some(account);
            }
            let (stack, id) = reference.resource()?;
            let made = self.index.get(stack, id)?;
            let name = made.resource.properties.get("AccountName").and_then(Value::as_text)?;
            // The estate's account and the resource that makes it come from the same line.
            let same = |account: &estate::Account| {
                account.name == name
                    || (account.span != Span::NONE && account.span == made.resource.origin.span)
            };
            return accounts().find(|(_, account)| same(account)).map(|(id, _)| id);
        }
        let number = value.as_text()?;
        accounts().find(|(_, account)| account.number.as_ref() == Some(&number)).map(|(id, _)| id)
    }

    fn things(&self) -> Vec<Thing> {
        let mut out = Vec::new();
        let mut places: HashMap<(StackId, SmolStr), usize> = HashMap::new();
        for found in self.index.all() {
            let Some(arn) = self.names.arn(found.stack_id, found.id, found.resource) else { continue };
            let mut policies = Vec::new();
            for (_, property) in OWN.iter().filter(|(kind, _)| *kind == found.resource.kind) {
                if let Some(value) = found.resource.properties.get(property) {
                    policies.push(self.document(format_smolstr!("{}.{property}", found.id), value, true));
                }
            }
            places.insert((found.stack_id, found.id.clone()), out.len());
            let tags = literal_tags(&found.resource.properties);
            let known = tags.into_iter().filter(|(key, _)| matches!(key.as_str(), "Name" | "application"));
            out.push(Thing {
                kind: found.resource.kind.clone(),
                stack: found.stack_id,
                id: found.id.clone(),
                arn: marked(&arn),
                account: found.stack.account,
                policies,
                labels: known.map(|(_, value)| value).collect(),
                span: found.resource.origin.span,
            });
        }
        for (kind, property, whom, target) in OTHERS {
            for found in self.index.of_kind(kind) {
                let properties = &found.resource.properties;
                let Some(value) = properties.get(property) else { continue };
                let document = self.document(found.id.clone(), value, found.resource.condition.is_none());
                for whom in properties.get(whom).map(Value::as_items).unwrap_or_default() {
                    let named = self.index.named(target, whom).or_else(|| {
                        self.index.references(whom).into_iter().find(|found| found.resource.kind == *target)
                    });
                    let at = named.and_then(|named| places.get(&(named.stack_id, named.id.clone())));
                    if let Some(thing) = at.and_then(|at| out.get_mut(*at)) {
                        thing.policies.push(document.clone());
                    }
                }
            }
        }
        out
    }
}

fn literal_tags(properties: &Value) -> Vec<(SmolStr, SmolStr)> {
    let tags = properties.get("Tags").map(Value::as_items).unwrap_or_default();
    let pairs =
        tags.iter().filter_map(|tag| Some((tag.get("Key")?.as_text()?, tag.get("Value")?.as_text()?)));
    pairs.collect()
}
