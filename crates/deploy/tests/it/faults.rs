//! A cloud that fails: throttles, errors, answers that are lost. Whatever happens, it ends as if nothing had.

use std::sync::Arc;
use std::sync::Mutex;

use deploy::engine;
use deploy::ledger;
use deploy::{
    Answer, Caller, ChangeSet, Cloud, CloudError, Entry, FleetInstance, OrganizationChange,
    OrganizationState, Place, ResourceState, StackEvent, StackRequest, StackResource, StackState, TrailEvent,
};
use serde_json::Value;

use crate::scene::{Blind, Scene, apply, census, keep, planned, settings, small, there};

/// Fails about every third call, before or after it took effect.
struct Faulty<'c> {
    cloud: &'c dyn Cloud,
    chance: Mutex<u64>,
    faults: Mutex<u32>,
}

impl Faulty<'_> {
    fn call<T>(&self, call: impl Fn() -> Answer<T>) -> Answer<T> {
        let roll = {
            let mut chance = self.chance.lock().unwrap();
            *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*chance >> 40) % 12
        };
        if roll < 4 {
            *self.faults.lock().unwrap() += 1;
        }
        match roll {
            0 => Err(CloudError::Throttled { message: "Rate exceeded".to_owned(), retry_after: None }),
            1 => Err(CloudError::Transient("500 Internal Server Error".to_owned())),
            // It was done, and nobody heard of it.
            2 => call().and(Err(CloudError::Transient("connection reset".to_owned()))),
            3 => {
                std::thread::sleep(std::time::Duration::from_micros(200));
                call()
            }
            _ => call(),
        }
    }
}

impl Cloud for Faulty<'_> {
    fn title(&self) -> String {
        self.cloud.title()
    }
    fn caller(&self) -> Answer<Caller> {
        self.call(|| self.cloud.caller())
    }
    fn organization(&self) -> Answer<Option<OrganizationState>> {
        self.call(|| self.cloud.organization())
    }
    fn organize(&self, change: &OrganizationChange) -> Answer<String> {
        self.call(|| self.cloud.organize(change))
    }
    fn stacks(&self, place: &Place) -> Answer<Vec<StackState>> {
        self.call(|| self.cloud.stacks(place))
    }
    fn stack(&self, place: &Place, name: &str) -> Answer<Option<StackState>> {
        self.call(|| self.cloud.stack(place, name))
    }
    fn template(&self, place: &Place, name: &str) -> Answer<Arc<str>> {
        self.call(|| self.cloud.template(place, name))
    }
    fn stack_resources(&self, place: &Place, name: &str) -> Answer<Vec<StackResource>> {
        self.call(|| self.cloud.stack_resources(place, name))
    }
    fn stack_events(&self, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>> {
        self.call(|| self.cloud.stack_events(place, name, since))
    }
    fn prepare(&self, place: &Place, request: &StackRequest) -> Answer<ChangeSet> {
        self.call(|| self.cloud.prepare(place, request))
    }
    fn execute(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        self.call(|| self.cloud.execute(place, stack, change_set))
    }
    fn discard(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        self.call(|| self.cloud.discard(place, stack, change_set))
    }
    fn delete_stack(&self, place: &Place, name: &str) -> Answer<()> {
        self.call(|| self.cloud.delete_stack(place, name))
    }
    fn fleet(&self, place: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>> {
        self.call(|| self.cloud.fleet(place, stack_set))
    }
    fn resource(&self, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>> {
        self.call(|| self.cloud.resource(place, kind, id))
    }
    fn shows_defaults(&self) -> bool {
        self.cloud.shows_defaults()
    }
    fn attribute(&self, place: &Place, kind: &str, id: &str, name: &str) -> Answer<Option<Value>> {
        self.call(|| self.cloud.attribute(place, kind, id, name))
    }
    fn resources(&self, place: &Place, kind: &str) -> Answer<Vec<String>> {
        self.call(|| self.cloud.resources(place, kind))
    }
    fn kinds(&self, place: &Place) -> Answer<Option<Vec<String>>> {
        self.call(|| self.cloud.kinds(place))
    }
    fn delete_resource(&self, place: &Place, kind: &str, id: &str) -> Answer<()> {
        self.call(|| self.cloud.delete_resource(place, kind, id))
    }
    fn trail(&self, place: &Place, kind: &str, id: &str) -> Answer<Vec<TrailEvent>> {
        self.call(|| self.cloud.trail(place, kind, id))
    }
    fn read(&self, key: &str) -> Answer<Option<Entry>> {
        self.call(|| self.cloud.read(key))
    }
    fn write(&self, key: &str, text: &str, expected: Option<&str>) -> Answer<String> {
        self.call(|| self.cloud.write(key, text, expected))
    }
    fn remove(&self, key: &str, expected: &str) -> Answer<()> {
        self.call(|| self.cloud.remove(key, expected))
    }
    fn keys(&self, prefix: &str) -> Answer<Vec<String>> {
        self.call(|| self.cloud.keys(prefix))
    }
}

#[test]
fn a_cloud_that_fails_ends_as_one_that_does_not() {
    let wanted = {
        let scene = Scene::new();
        let cloud = scene.cloud();
        assert!(apply(&cloud, &small(30)).is_good());
        assert!(apply(&cloud, &small(90)).is_good());
        census(&cloud).len()
    };
    let mut faults = 0;
    for seed in 1..=40 {
        let scene = Scene::new();
        let cloud = scene.cloud();
        let faulty = Faulty { cloud: &cloud, chance: Mutex::new(seed), faults: Mutex::new(0) };
        for days in [30, 90] {
            let desired = small(days);
            // What the command asks before is asked of the patient cloud; here the engine is what is tried.
            let inventory = there(&cloud, &desired);
            let plan = planned(&desired, &inventory);
            keep(&cloud, &plan);
            let outcome = engine::carry_out(&faulty, &plan, &inventory, &settings(4), &Blind);
            assert!(outcome.is_good(), "seed {seed}: {outcome:?}");
        }
        faults += *faulty.faults.lock().unwrap();
        assert_eq!(census(&cloud).len(), wanted, "seed {seed}: nothing lost or doubled");
        assert!(planned(&small(90), &there(&cloud, &small(90))).steps.is_empty(), "seed {seed}");
    }
    println!("{faults} faults");
    assert!(faults > 300, "{faults}");
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let scene = Scene::new();
    let desired = small(30);
    std::thread::scope(|scope| {
        for process in 0..2 {
            let (scene, desired) = (&scene, &desired);
            scope.spawn(move || {
                let cloud = scene.cloud();
                let holder = ledger::Holder {
                    who: "ana".to_owned(),
                    host: "here".to_owned(),
                    process,
                    does: "apply".to_owned(),
                    since: 0,
                };
                let held = loop {
                    match ledger::lock(&cloud, "small", &holder, |_| false, None) {
                        Ok(held) => break held,
                        Err(_) => std::thread::sleep(std::time::Duration::from_millis(2)),
                    }
                };
                assert!(apply(&cloud, desired).is_good());
                held.release(&cloud).unwrap();
            });
        }
    });
    let cloud = scene.cloud();
    assert!(planned(&desired, &there(&cloud, &desired)).steps.is_empty());
    assert_eq!(census(&cloud).iter().filter(|line| line.contains("base/Key")).count(), 1);
}
