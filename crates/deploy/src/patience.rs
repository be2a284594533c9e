//! Calls that may do better later.
//!
//! In: a call. Out: its answer, after as many tries as it takes. Always: a refusal is not asked again; waits grow and are spread, so
//! that many that were throttled do not come back at once.
//!
//! Source: AWS Builders' Library, "Timeouts, retries, and backoff with jitter": full jitter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    Answer, Caller, ChangeSet, Cloud, CloudError, Detected, Entry, FleetInstance, OrganizationChange,
    OrganizationState, Place, ResourceState, StackEvent, StackRequest, StackResource, StackState, TrailEvent,
};

/// How often and how long to try.
#[derive(Debug)]
pub struct Patience {
    /// The longest first wait; later ones double.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How many tries there are.
    pub tries: u32,
    chance: AtomicU64,
    throttled: AtomicU64,
}

impl Patience {
    /// Waits of up to half a second, doubling up to twenty, ten tries.
    #[must_use]
    pub fn usual(seed: u64) -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(20), 10, seed)
    }

    /// As said.
    #[must_use]
    pub fn new(first: Duration, longest: Duration, tries: u32, seed: u64) -> Self {
        let (chance, throttled) = (AtomicU64::new(seed | 1), AtomicU64::new(0));
        Self { first, longest, tries, chance, throttled }
    }

    /// How many calls were throttled.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Calls until there is an answer that stays.
    ///
    /// # Errors
    /// The last one.
    pub fn ask<T>(&self, call: impl Fn() -> Answer<T>) -> Answer<T> {
        let mut turn = 0;
        loop {
            let error = match call() {
                Err(error) if error.may_pass() => error,
                answer => return answer,
            };
            turn += 1;
            if turn >= self.tries {
                return Err(error);
            }
            let wish = match &error {
                CloudError::Throttled { retry_after, .. } => {
                    self.throttled.fetch_add(1, Ordering::Relaxed);
                    *retry_after
                }
                _ => None,
            };
            std::thread::sleep(wish.unwrap_or_else(|| self.wait(turn)).min(self.longest));
        }
    }

    /// Any wait up to the longest of this turn.
    fn wait(&self, turn: u32) -> Duration {
        let most = self.first.saturating_mul(1 << turn.min(16)).min(self.longest);
        let step = |old: u64| {
            Some(old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        };
        let old = self.chance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(1);
        let part = u32::try_from(old >> 40).unwrap_or(0) % 1000;
        most.saturating_mul(part) / 1000
    }
}

/// A cloud that is asked again where an answer may do better.
pub struct Patient<'c> {
    cloud: &'c dyn Cloud,
    patience: &'c Patience,
}

impl<'c> Patient<'c> {
    /// A cloud, and how often to ask it.
    #[must_use]
    pub fn new(cloud: &'c dyn Cloud, patience: &'c Patience) -> Self {
        Self { cloud, patience }
    }

    fn ask<T>(&self, call: impl Fn(&dyn Cloud) -> Answer<T>) -> Answer<T> {
        self.patience.ask(|| call(self.cloud))
    }
}

impl Cloud for Patient<'_> {
    fn title(&self) -> String {
        self.cloud.title()
    }
    fn caller(&self) -> Answer<Caller> {
        self.ask(|cloud| cloud.caller())
    }
    fn organization(&self) -> Answer<Option<OrganizationState>> {
        self.ask(|cloud| cloud.organization())
    }
    fn organize(&self, change: &OrganizationChange) -> Answer<String> {
        self.ask(|cloud| cloud.organize(change))
    }
    fn stacks(&self, place: &Place) -> Answer<Vec<StackState>> {
        self.ask(|cloud| cloud.stacks(place))
    }
    fn stack(&self, place: &Place, name: &str) -> Answer<Option<StackState>> {
        self.ask(|cloud| cloud.stack(place, name))
    }
    fn template(&self, place: &Place, name: &str) -> Answer<Arc<str>> {
        self.ask(|cloud| cloud.template(place, name))
    }
    fn stack_resources(&self, place: &Place, name: &str) -> Answer<Vec<StackResource>> {
        self.ask(|cloud| cloud.stack_resources(place, name))
    }
    fn stack_events(&self, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>> {
        self.ask(|cloud| cloud.stack_events(place, name, since))
    }
    fn prepare(&self, place: &Place, request: &StackRequest) -> Answer<ChangeSet> {
        self.ask(|cloud| cloud.prepare(place, request))
    }
    fn execute(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        self.ask(|cloud| cloud.execute(place, stack, change_set))
    }
    fn discard(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        self.ask(|cloud| cloud.discard(place, stack, change_set))
    }
    fn delete_stack(&self, place: &Place, name: &str) -> Answer<()> {
        self.ask(|cloud| cloud.delete_stack(place, name))
    }
    fn fleet(&self, place: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>> {
        self.ask(|cloud| cloud.fleet(place, stack_set))
    }
    fn resource(&self, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>> {
        self.ask(|cloud| cloud.resource(place, kind, id))
    }
    fn shows_defaults(&self) -> bool {
        self.cloud.shows_defaults()
    }
    fn reads_by_identifier(&self) -> bool {
        self.cloud.reads_by_identifier()
    }
    fn begin_detection(&self, place: &Place, stack: &str) -> Answer<Option<String>> {
        self.ask(|cloud| cloud.begin_detection(place, stack))
    }
    fn detected(&self, place: &Place, stack: &str, detection: &str) -> Answer<Vec<Detected>> {
        self.ask(|cloud| cloud.detected(place, stack, detection))
    }
    fn attribute_of(&self, place: &Place, found: &ResourceState, name: &str) -> Answer<Option<Value>> {
        self.ask(|cloud| cloud.attribute_of(place, found, name))
    }
    fn attribute(&self, place: &Place, kind: &str, id: &str, name: &str) -> Answer<Option<Value>> {
        self.ask(|cloud| cloud.attribute(place, kind, id, name))
    }
    fn resources(&self, place: &Place, kind: &str) -> Answer<Vec<String>> {
        self.ask(|cloud| cloud.resources(place, kind))
    }
    fn kinds(&self, place: &Place) -> Answer<Option<Vec<String>>> {
        self.ask(|cloud| cloud.kinds(place))
    }
    fn delete_resource(&self, place: &Place, kind: &str, id: &str) -> Answer<()> {
        self.ask(|cloud| cloud.delete_resource(place, kind, id))
    }
    fn trail(&self, place: &Place, kind: &str, id: &str) -> Answer<Vec<TrailEvent>> {
        self.ask(|cloud| cloud.trail(place, kind, id))
    }
    fn read(&self, key: &str) -> Answer<Option<Entry>> {
        self.ask(|cloud| cloud.read(key))
    }
    fn write(&self, key: &str, text: &str, expected: Option<&str>) -> Answer<String> {
        match self.ask(|cloud| cloud.write(key, text, expected)) {
            // The answer to an earlier try of ours may have been lost: then what is there is what we wrote.
            Err(CloudError::Conflict(why)) => match self.read(key)? {
                Some(entry) if entry.text == text => Ok(entry.version),
                _ => Err(CloudError::Conflict(why)),
            },
            answer => answer,
        }
    }
    fn remove(&self, key: &str, expected: &str) -> Answer<()> {
        self.ask(|cloud| cloud.remove(key, expected))
    }
    fn keys(&self, prefix: &str) -> Answer<Vec<String>> {
        self.ask(|cloud| cloud.keys(prefix))
    }
}
