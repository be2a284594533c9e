//! AWS as a [`Cloud`] to deploy into.
//!
//! In: the standard credential chain and the environment. Out: the calls of `deploy`, made with AWS's own APIs: Organizations, CloudFormation,
//! Cloud Control, CloudTrail, STS, and S3 for what is kept. Always: calls to an account are made by a role that is assumed there; a call that
//! may or may not have taken effect is said to be so; large templates go through the bucket.
//!
//! The client is thin on purpose: five services, some forty calls, two protocols. The reasons against AWS's own crates are in
//! `docs/dependencies.md`.

mod api;
mod changes;
mod credentials;
mod detection;
mod failure;
mod organization;
mod resources;
mod stacks;
mod store;
mod time;
mod wire;

use std::sync::{Arc, OnceLock};

use aws_credential_types::Credentials;
use deploy::{
    Answer, Caller, ChangeSet, Cloud, CloudError, Detected, Entry, FleetInstance, OrganizationChange,
    OrganizationState, Place, ResourceState, StackEvent, StackRequest, StackResource, StackState, TrailEvent,
};
use serde_json::Value;

use crate::credentials::Chain;
use crate::wire::Wire;

/// The role that AWS Organizations makes in the accounts it creates, for the management account.
///
/// Source: AWS Organizations User Guide, "Accessing member accounts in an organization".
pub const ROLE: &str = "OrganizationAccountAccessRole";

/// Environment variables by name: a function, so that tests have their own.
pub type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// How to reach AWS.
pub struct Settings {
    /// The name of the role that is assumed in each account but the caller's own: [`ROLE`].
    pub role: String,
    /// Environment variables; [`Settings::standard`] takes the process's own.
    pub environment: Box<Environment>,
}

impl Settings {
    /// The process's environment, and a role: that of the variable `STEWARD_ROLE`, or [`ROLE`].
    #[must_use]
    pub fn standard() -> Self {
        let role = std::env::var("STEWARD_ROLE").ok().filter(|name| !name.is_empty());
        let environment = Box::new(|key: &str| std::env::var(key).ok());
        Self { role: role.unwrap_or_else(|| ROLE.to_owned()), environment }
    }
}

/// AWS.
#[derive(Debug)]
pub struct Aws {
    wire: Wire,
    chain: Chain,
    role: String,
    caller: OnceLock<Caller>,
    bucket: OnceLock<store::Bucket>,
}

impl Aws {
    /// The way to AWS; nothing is called yet.
    ///
    /// # Errors
    /// Where the environment names a profile or a file of certificates that is not there.
    pub fn open(settings: Settings) -> Answer<Self> {
        let chain = Chain::new(settings.environment)?;
        let wire = Wire::new(chain.region(), chain.environment())?;
        Ok(Self { wire, chain, role: settings.role, caller: OnceLock::new(), bucket: OnceLock::new() })
    }

    fn home(&self) -> &str {
        self.chain.region()
    }

    fn who(&self) -> Answer<&Caller> {
        if let Some(known) = self.caller.get() {
            return Ok(known);
        }
        let tree = self.query(None, "sts", "GetCallerIdentity", &[])?;
        let account = tree.text("Account").ok_or_else(|| tree.lacks("Account"))?;
        let identity = tree.text("Arn").ok_or_else(|| tree.lacks("Arn"))?;
        Ok(self.caller.get_or_init(|| Caller { account, identity }))
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    fn partition(&self) -> Answer<&str> {
        Ok(self.who()?.identity.split(':').nth(1).unwrap_or("aws"))
    }

    /// Credentials for an account; `None`: the caller's own.
    fn credentials(&self, account: Option<&str>) -> Answer<Credentials> {
        match account {
            Some(account) if account != self.who()?.account => {
                let arn = format!("arn:{}:iam::{account}:role/{}", self.partition()?, self.role);
                self.chain.role(&self.wire, &arn)
            }
            _ => self.chain.own(&self.wire),
        }
    }
}

/// What says that a thing is not there, as `None`.
fn absent<T>(answer: Answer<T>, codes: &[&str]) -> Answer<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CloudError::Refused { code, .. }) if codes.contains(&code.as_str()) => Ok(None),
        Err(CloudError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Cloud for Aws {
    fn title(&self) -> String {
        match self.wire.elsewhere() {
            Some(endpoint) => format!("AWS as {endpoint} plays it"),
            None => "AWS".to_owned(),
        }
    }

    fn caller(&self) -> Answer<Caller> {
        self.who().cloned()
    }

    fn organization(&self) -> Answer<Option<OrganizationState>> {
        organization::state(self)
    }

    fn organize(&self, change: &OrganizationChange) -> Answer<String> {
        organization::organize(self, change)
    }

    fn stacks(&self, place: &Place) -> Answer<Vec<StackState>> {
        stacks::all(self, place)
    }

    fn stack(&self, place: &Place, name: &str) -> Answer<Option<StackState>> {
        stacks::one(self, place, name)
    }

    fn template(&self, place: &Place, name: &str) -> Answer<Arc<str>> {
        stacks::template(self, place, name)
    }

    fn stack_resources(&self, place: &Place, name: &str) -> Answer<Vec<StackResource>> {
        stacks::resources(self, place, name)
    }

    fn stack_events(&self, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>> {
        stacks::events(self, place, name, since)
    }

    fn prepare(&self, place: &Place, request: &StackRequest) -> Answer<ChangeSet> {
        changes::prepare(self, place, request)
    }

    fn execute(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        changes::execute(self, place, stack, change_set)
    }

    fn discard(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        changes::discard(self, place, stack, change_set)
    }

    fn delete_stack(&self, place: &Place, name: &str) -> Answer<()> {
        stacks::delete(self, place, name)
    }

    fn fleet(&self, place: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>> {
        stacks::fleet(self, place, stack_set)
    }

    fn resource(&self, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>> {
        resources::one(self, place, kind, id)
    }

    fn shows_defaults(&self) -> bool {
        true
    }

    fn reads_by_identifier(&self) -> bool {
        true
    }

    fn begin_detection(&self, place: &Place, stack: &str) -> Answer<Option<String>> {
        detection::begin(self, place, stack).map(Some)
    }

    fn detected(&self, place: &Place, stack: &str, detection: &str) -> Answer<Vec<Detected>> {
        detection::found(self, place, stack, detection)
    }

    fn attribute_of(&self, _: &Place, found: &ResourceState, name: &str) -> Answer<Option<Value>> {
        Ok(found.properties.pointer(&format!("/{}", name.replace('.', "/"))).cloned())
    }

    fn attribute(&self, place: &Place, kind: &str, id: &str, name: &str) -> Answer<Option<Value>> {
        resources::attribute(self, place, kind, id, name)
    }

    fn resources(&self, place: &Place, kind: &str) -> Answer<Vec<String>> {
        resources::all(self, place, kind)
    }

    fn kinds(&self, _: &Place) -> Answer<Option<Vec<String>>> {
        // No API of AWS says at once of which types there are resources.
        Ok(None)
    }

    fn delete_resource(&self, place: &Place, kind: &str, id: &str) -> Answer<()> {
        resources::delete(self, place, kind, id)
    }

    fn trail(&self, place: &Place, _: &str, id: &str) -> Answer<Vec<TrailEvent>> {
        resources::trail(self, place, id)
    }

    fn read(&self, key: &str) -> Answer<Option<Entry>> {
        store::read(self, key)
    }

    fn write(&self, key: &str, text: &str, expected: Option<&str>) -> Answer<String> {
        store::write(self, key, text, expected)
    }

    fn remove(&self, key: &str, expected: &str) -> Answer<()> {
        store::remove(self, key, expected)
    }

    fn keys(&self, prefix: &str) -> Answer<Vec<String>> {
        store::keys(self, prefix)
    }
}
