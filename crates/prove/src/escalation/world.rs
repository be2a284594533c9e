//! What there is to gain rights by, looked up once.
//!
//! In: [`Facts`]. Out: roles, users, groups and running things by account; who trusts whom; which actions of the
//! catalogue each principal's policies name. Always: nothing is decided here; what is left out cannot matter, because no
//! policy names it.

use std::collections::{BTreeSet, HashMap};

use estate::{AccountId, ResourceRef, StackId, Value};
use iam::access::{Access, Document, Holder, HolderKind, Names, Thing, marked};
use iam::policy::{Effect, PrincipalKind, Sense, Statement};
use iam::symbolic::{Given, action_matches};
use smol_str::{SmolStr, format_smolstr};

use crate::Facts;

use super::{Gives, WAYS};

/// An estate prepared for searching.
pub(crate) struct World<'f, 'a> {
    /// The facts.
    pub facts: &'f Facts<'a>,
    /// Everything that decides access.
    pub access: &'f Access<'a>,
    /// By account.
    pub places: HashMap<AccountId, Place>,
    /// Position of things by their resource.
    things: HashMap<(StackId, SmolStr), usize>,
    /// Position of holders by their resource; of permission sets the first.
    pub holders: HashMap<(StackId, SmolStr), usize>,
    /// Roles by the text of who they trust; under `*` those that trust everybody or somebody nobody knows.
    pub trusting: HashMap<String, Vec<usize>>,
    /// Things, beside roles, whose policies name an ARN literally in a statement that allows.
    pub naming: HashMap<String, Vec<usize>>,
    /// Actions of the catalogue by service, in lower case.
    actions: HashMap<&'static str, Vec<(&'static str, String)>>,
}

/// What one account holds.
#[derive(Default)]
pub(crate) struct Place {
    /// Roles, as positions of holders.
    pub roles: Vec<usize>,
    /// Users, as positions of holders.
    pub users: Vec<usize>,
    /// Groups and managed policies, as positions of things.
    pub groups: Vec<usize>,
    /// Managed policies, as positions of things.
    pub policies: Vec<usize>,
    /// What runs: the word of the catalogue, the thing, the holder that is its role.
    pub running: Vec<(&'static str, usize, usize)>,
}

/// Where things that run name their role: word of the catalogue, type, path to a role or an instance profile.
const RUNNING: &[(&str, &str, &[&str])] = &[
    ("AWS::Lambda::Function", "AWS::Lambda::Function", &["Role"]),
    ("AWS::CodeBuild::Project", "AWS::CodeBuild::Project", &["ServiceRole"]),
    ("AWS::Glue::DevEndpoint", "AWS::Glue::DevEndpoint", &["RoleArn"]),
    ("AWS::Glue::Job", "AWS::Glue::Job", &["Role"]),
    ("AWS::SageMaker::NotebookInstance", "AWS::SageMaker::NotebookInstance", &["RoleArn"]),
    ("AWS::EC2::Instance", "AWS::EC2::Instance", &["IamInstanceProfile"]),
    ("AWS::EC2::LaunchTemplate", "AWS::EC2::LaunchTemplate", &["LaunchTemplateData", "IamInstanceProfile"]),
    ("AWS::ECS::TaskDefinition", "AWS::ECS::TaskDefinition", &["TaskRoleArn"]),
    ("AWS::StepFunctions::StateMachine", "AWS::StepFunctions::StateMachine", &["RoleArn"]),
    ("AWS::AppRunner::Service", "AWS::AppRunner::Service", &["InstanceConfiguration", "InstanceRoleArn"]),
    ("AWS::Batch::JobDefinition", "AWS::Batch::JobDefinition", &["ContainerProperties", "JobRoleArn"]),
    ("AWS::EMR::Cluster", "AWS::EMR::Cluster", &["JobFlowRole"]),
    (
        "AWS::BedrockAgentCore::CodeInterpreterCustom",
        "AWS::BedrockAgentCore::CodeInterpreterCustom",
        &["ExecutionRoleArn"],
    ),
];

impl<'f, 'a> World<'f, 'a> {
    /// Prepares.
    pub(crate) fn of(facts: &'f Facts<'a>) -> Self {
        let access = facts.access();
        let mut world = Self {
            facts,
            access,
            places: HashMap::new(),
            things: HashMap::new(),
            holders: HashMap::new(),
            trusting: HashMap::new(),
            naming: HashMap::new(),
            actions: HashMap::new(),
        };
        let pass = ["iam:PassRole", "sts:AssumeRole"];
        let all: BTreeSet<&'static str> =
            WAYS.iter().flat_map(|way| &way.needs).map(|need| need.action).chain(pass).collect();
        for action in all {
            let service = action.split(':').next().unwrap_or_default();
            world.actions.entry(service).or_default().push((action, action.to_lowercase()));
        }
        for (at, thing) in access.things.iter().enumerate() {
            world.things.insert((thing.stack, thing.id.clone()), at);
            let place = world.places.entry(thing.account).or_default();
            match thing.kind.as_str() {
                "AWS::IAM::Group" => place.groups.push(at),
                "AWS::IAM::ManagedPolicy" => place.policies.push(at),
                _ => {}
            }
            for name in named(thing).filter(|_| thing.kind != "AWS::IAM::Role") {
                world.naming.entry(name).or_default().push(at);
            }
        }
        for (at, holder) in access.holders.iter().enumerate() {
            world.holders.entry((holder.stack, holder.id.clone())).or_insert(at);
            let place = world.places.entry(holder.account).or_default();
            match holder.kind {
                HolderKind::Role => place.roles.push(at),
                HolderKind::User => place.users.push(at),
                HolderKind::PermissionSet => {}
            }
            if let Some(trust) = world.thing(holder).filter(|_| holder.kind == HolderKind::Role) {
                let names: BTreeSet<String> = named(trust).collect();
                for name in names {
                    world.trusting.entry(name).or_default().push(at);
                }
            }
        }
        world.run();
        world
    }

    /// What runs with which role.
    fn run(&mut self) {
        let mut found: Vec<(AccountId, &'static str, usize, usize)> = Vec::new();
        for (word, kind, path) in RUNNING {
            for one in self.facts.index.of_kind(kind) {
                let Some(value) = one.resource.properties.get_path(path) else { continue };
                let Some(thing) = self.things.get(&(one.stack_id, one.id.clone())) else { continue };
                for role in self.roles_of(value) {
                    found.push((one.stack.account, *word, *thing, role));
                }
            }
        }
        // Who runs a command in a container needs that the service lets it, and that the role may speak to Session Manager.
        for service in self.facts.index.of_kind("AWS::ECS::Service") {
            let properties = &service.resource.properties;
            let exec =
                properties.get("EnableExecuteCommand").is_some_and(|value| value.as_bool() != Some(false));
            let Some(definition) = properties.get("TaskDefinition").filter(|_| exec) else { continue };
            for one in self.facts.index.references(definition) {
                let Some(value) = one.resource.properties.get("TaskRoleArn") else { continue };
                let Some(thing) = self.things.get(&(one.stack_id, one.id.clone())) else { continue };
                for role in self.roles_of(value) {
                    found.push((one.stack.account, "AWS::ECS::TaskDefinition+exec", *thing, role));
                }
            }
        }
        for (account, word, thing, role) in found {
            let place = self.places.entry(account).or_default();
            place.running.push((word, thing, role));
            if word == "AWS::EC2::Instance" {
                place.running.push(("AWS::EC2::Instance+ssm", thing, role));
            }
        }
    }

    /// The roles that a value names, directly or through an instance profile.
    fn roles_of(&self, value: &Value) -> Vec<usize> {
        let index = &self.facts.index;
        let direct: Vec<ResourceRef<'_>> = match index.named("AWS::IAM::Role", value) {
            Some(found) => vec![found],
            None => {
                let mut out = Vec::new();
                let profiles = match index.named("AWS::IAM::InstanceProfile", value) {
                    Some(profile) => vec![profile],
                    None => index.references(value),
                };
                for profile in profiles {
                    let roles = profile.resource.properties.get("Roles").map(Value::as_items);
                    let roles = roles.unwrap_or_default().iter();
                    out.extend(roles.filter_map(|role| index.named("AWS::IAM::Role", role)));
                }
                out
            }
        };
        let positions = direct.iter().filter_map(|role| self.holders.get(&(role.stack_id, role.id.clone())));
        positions.copied().collect()
    }

    /// A holder as something that can be asked for.
    pub(crate) fn thing(&self, holder: &Holder) -> Option<&'f Thing> {
        let access: &'f Access<'a> = self.access;
        self.things.get(&(holder.stack, holder.id.clone())).and_then(|at| access.things.get(*at))
    }

    /// The account's number as policies write it.
    pub(crate) fn number(&self, account: AccountId) -> String {
        marked(&[Names::of(self.facts.estate).account(account)])
    }

    /// Actions of the catalogue that a holder's policies name; all of them where a policy's text is not known.
    pub(crate) fn names(&self, holder: &Holder) -> BTreeSet<&'static str> {
        let mut out = BTreeSet::new();
        let documents = holder.identity.iter().filter_map(|document| document.policy.as_ref().ok());
        let allows = documents
            .flat_map(|policy| &policy.statements)
            .filter(|statement| statement.effect == Effect::Allow);
        for statement in allows {
            self.named_by(statement, &mut out);
        }
        out
    }

    fn named_by(&self, statement: &Statement, out: &mut BTreeSet<&'static str>) {
        let patterns = &statement.actions.patterns;
        if statement.actions.sense == Sense::AllBut {
            for (action, lower) in self.actions.values().flatten() {
                if !patterns.iter().any(|pattern| action_matches(&pattern.text, lower)) {
                    out.insert(action);
                }
            }
            return;
        }
        for pattern in patterns {
            let service = pattern.written.split(':').next().unwrap_or_default();
            let plain = !service.contains(['*', '?']) && pattern.written.contains(':');
            let lower = service.to_ascii_lowercase();
            let services = self.actions.iter().filter(|(name, _)| !plain || **name == lower);
            for (action, lower) in services.flat_map(|(_, actions)| actions) {
                if action_matches(&pattern.text, lower) || pattern.text.has_unknowns() {
                    out.insert(action);
                }
            }
        }
    }

    /// The tags of a resource as condition keys, as far as some policy asks for them.
    pub(crate) fn tags(&self, asked: &[SmolStr], thing: &Thing) -> Vec<Given> {
        let Some(found) = self.facts.index.get(thing.stack, &thing.id) else { return Vec::new() };
        let Some(tags) = literal_tags(found) else { return Vec::new() };
        let given = asked.iter().filter_map(|key| {
            let (_, tag) = key.split_once('/')?;
            let value = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
            Some((key.clone(), value.map(|(_, value)| value.to_string())))
        });
        given.collect()
    }

    /// A boundary's ARN as policies write it; `None`: there is none.
    pub(crate) fn boundary(&self, thing: &Thing) -> Option<String> {
        let found = self.facts.index.get(thing.stack, &thing.id)?;
        let value = found.resource.properties.get("PermissionsBoundary")?;
        Some(marked(&Names::of(self.facts.estate).pieces(value)))
    }
}

/// Tags of a resource where all of them are written out.
fn literal_tags(found: ResourceRef<'_>) -> Option<Vec<(SmolStr, SmolStr)>> {
    let Some(tags) = found.resource.properties.get("Tags") else { return Some(Vec::new()) };
    match tags.as_map() {
        Some(map) => map.iter().map(|entry| Some((entry.key.clone(), entry.value.as_text()?))).collect(),
        None => tags
            .as_list()?
            .iter()
            .map(|tag| Some((tag.get("Key")?.as_text()?, tag.get("Value")?.as_text()?)))
            .collect(),
    }
}

/// Keys of tags of resources that a holder's policies ask for.
pub(crate) fn asked_tags(access: &Access<'_>, holder: &Holder) -> Vec<SmolStr> {
    let none: &[Document] = &[];
    let controls = access.controls.get(&holder.account).map_or(none, Vec::as_slice);
    let documents = holder.identity.iter().chain(&holder.boundary).chain(controls);
    let policies = documents.filter_map(|document| document.policy.as_ref().ok());
    let conditions =
        policies.flat_map(|policy| &policy.statements).flat_map(|statement| &statement.conditions);
    let keys = conditions.map(|condition| &condition.key).filter(|key| key.contains(":resourcetag/"));
    let keys: BTreeSet<&SmolStr> = keys.collect();
    keys.into_iter().cloned().collect()
}

/// Whom statements on a thing that allow name; `*` for everybody and for whoever is not known.
fn named(thing: &Thing) -> impl Iterator<Item = String> + '_ {
    let policies = thing.policies.iter().map(|document| document.policy.as_ref());
    policies.flat_map(|policy| {
        let Ok(policy) = policy else { return vec!["*".to_owned()] };
        let allows = policy.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        let sets = allows.filter_map(|statement| statement.principals.as_ref());
        sets.flat_map(|set| {
            let wide = (set.sense == Sense::AllBut).then(|| "*".to_owned());
            wide.into_iter().chain(set.principals.iter().filter_map(|principal| match &principal.kind {
                PrincipalKind::Everyone => Some("*".to_owned()),
                PrincipalKind::Arn(text)
                | PrincipalKind::Account(text)
                | PrincipalKind::Service(text)
                | PrincipalKind::Federated(text) => Some(text.to_string()),
                PrincipalKind::Open(_, text) => Some(iam::access::rendered(text)),
                PrincipalKind::CanonicalUser(_) | PrincipalKind::UniqueId(_) => None,
            }))
        })
        .collect::<Vec<String>>()
    })
}

/// A resource that does not exist yet, or of which only the name matters.
pub(crate) fn made_up(arn: &str, holder: &Holder) -> Thing {
    Thing {
        kind: SmolStr::default(),
        stack: holder.stack,
        id: format_smolstr!("{}", iam::access::shown(arn)),
        arn: arn.to_owned(),
        account: holder.account,
        policies: Vec::new(),
        labels: Vec::new(),
        span: holder.span,
    }
}

/// Whether a way is worth trying: each of its actions is named by some policy of the holder.
pub(crate) fn is_named(way: &super::Way, named: &BTreeSet<&'static str>) -> bool {
    way.needs.iter().all(|need| named.contains(need.action))
        && (way.gives != Gives::Passes || named.contains("iam:PassRole"))
}
