//! Carrying a plan out.
//!
//! In: a [`Plan`], the [`Inventory`] it was made against, and a [`Cloud`]. Out: what became of each step. Always: a step begins when all
//! it needs are done, a few at a time and fewer when the cloud says so; what a failed step is needed for is not begun, the rest goes
//! on; every step asks the cloud what is there before it does anything, so that a run that was interrupted is continued by running
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use emit::cloudformation::ManifestParameter;
use plan::{Action, Inventory, Plan, Step, sha256};

use crate::patience::{Patience, Patient};
use crate::{Answer, Cloud, CloudError, Place, ResourceChange, StackRequest, StackState};

/// How to carry a plan out.
#[derive(Debug)]
pub struct Settings {
    /// How many stacks are worked on at a time.
    pub parallel: usize,
    /// How long to wait before asking again how a stack goes.
    pub poll: Duration,
    /// How long a stack may take.
    pub longest: Duration,
    /// How often to try calls.
    pub patience: Patience,
    /// Bring back what differs from the template.
    pub revert_drift: bool,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was done; what changed.
    Changed(Vec<ResourceChange>),
    /// There was nothing to do.
    Nothing,
    /// It failed.
    Failed(StepFailure),
    /// It was not begun, as this step, which it needs, was not done.
    Waits(String),
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// The resource that failed first, with its type, where one did.
    pub resource: Option<(String, String)>,
    /// Why.
    pub why: String,
    /// What the stack is now.
    pub status: Option<String>,
}

/// Something that happens while a plan is carried out.
#[derive(Debug, Clone)]
pub enum Notice<'n> {
    /// It begins.
    Begins {
        /// The step.
        step: &'n Step,
    },
    /// It is over.
    Ends {
        /// The step.
        step: &'n Step,
        /// What became of it.
        done: &'n Done,
        /// How long it took.
        took: Duration,
    },
    /// Fewer steps are worked on at a time, as the cloud throttles.
    Slower {
        /// How many.
        parallel: usize,
    },
}

/// Whoever wants to know how it goes.
pub trait Watch: Sync {
    /// Something happened.
    fn notice(&self, notice: &Notice<'_>);
}

/// What became of all steps, by key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// By key, with the action that was asked.
    pub steps: BTreeMap<String, (Action, Done)>,
}

impl Outcome {
    /// Whether all that was to be done is done.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.steps.values().all(|(_, done)| matches!(done, Done::Changed(_) | Done::Nothing))
    }
}

struct State<'p> {
    /// Steps that are not begun, with what each waits for.
    waiting: BTreeMap<&'p str, (&'p Step, BTreeSet<String>)>,
    done: BTreeMap<String, (Action, Done)>,
    outputs: BTreeMap<String, BTreeMap<String, String>>,
    accounts: BTreeMap<String, String>,
    active: usize,
    allowed: usize,
    throttled: u64,
    smooth: u32,
}

struct Run<'p> {
    cloud: &'p dyn Cloud,
    plan: &'p Plan,
    settings: &'p Settings,
    watch: &'p dyn Watch,
    state: Mutex<State<'p>>,
    changed: Condvar,
}

/// Carries a plan out.
#[must_use]
pub fn carry_out(
    cloud: &dyn Cloud,
    plan: &Plan,
    inventory: &Inventory,
    settings: &Settings,
    watch: &dyn Watch,
) -> Outcome {
    let made_by: BTreeMap<&str, &str> = plan
        .accounts
        .iter()
        .filter_map(|account| Some((account.name.as_str(), account.number_from.as_ref()?.stack.as_str())))
        .collect();
    let here: BTreeSet<&str> = plan.steps.iter().map(|step| step.key.as_str()).collect();
    let waiting = plan.steps.iter().map(|step| {
        let mut needs: BTreeSet<String> = step.after.iter().cloned().collect();
        // Nobody goes to an account before it is there.
        let maker =
            made_by.get(step.account.as_str()).filter(|key| here.contains(**key) && **key != step.key);
        if step.action != Action::Delete {
            needs.extend(maker.map(|key| (*key).to_owned()));
        }
        (step.key.as_str(), (step, needs))
    });
    let numbers = plan.accounts.iter().filter_map(|it| Some((it.name.clone(), it.number.clone()?)));
    let known = inventory.accounts.iter().map(|(name, account)| (name.clone(), account.number.clone()));
    let state = State {
        waiting: waiting.collect(),
        done: BTreeMap::new(),
        outputs: inventory.stacks.iter().map(|(key, stack)| (key.clone(), stack.outputs.clone())).collect(),
        accounts: numbers.chain(known).collect(),
        active: 0,
        allowed: settings.parallel.max(1),
        throttled: 0,
        smooth: 0,
    };
    let patient = Patient::new(cloud, &settings.patience);
    let run =
        Run { cloud: &patient, plan, settings, watch, state: Mutex::new(state), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 0..settings.parallel.max(1).min(plan.steps.len()) {
            scope.spawn(|| run.work());
        }
    });
    let state = run.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    Outcome { steps: state.done }
}

impl<'p> Run<'p> {
    fn lock(&self) -> MutexGuard<'_, State<'p>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(step) = self.next() {
            self.watch.notice(&Notice::Begins { step });
            let start = Instant::now();
            let done = self.step(step).unwrap_or_else(|error| {
                Done::Failed(StepFailure { resource: None, why: error.to_string(), status: None })
            });
            self.watch.notice(&Notice::Ends { step, done: &done, took: start.elapsed() });
            self.settle(step, done);
        }
    }

    /// A step that can begin; `None` when there is none left.
    fn next(&self) -> Option<&'p Step> {
        let mut state = self.lock();
        loop {
            self.skip(&mut state);
            if state.waiting.is_empty() {
                return None;
            }
            let ready = state.waiting.values().filter(|(_, needs)| needs.is_empty());
            let ready = ready.map(|(step, _)| *step).min_by_key(|step| (step.wave, step.key.as_str()));
            if let Some(step) = ready.filter(|_| state.active < state.allowed) {
                state.waiting.remove(step.key.as_str());
                state.active += 1;
                return Some(step);
            }
            if ready.is_none() && state.active == 0 {
                // What is left waits for each other; a plan has no circles, so this is for plans that were edited.
                for (key, (step, _)) in std::mem::take(&mut state.waiting) {
                    state.done.insert(key.to_owned(), (step.action, Done::Waits(key.to_owned())));
                }
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives up steps that need one that failed.
    fn skip(&self, state: &mut State<'p>) {
        loop {
            let bad = |key: &String| {
                state.done.get(key).is_some_and(|(_, done)| matches!(done, Done::Failed(_) | Done::Waits(_)))
            };
            let lost: Vec<(&Step, String)> = state
                .waiting
                .values()
                .filter_map(|(step, needs)| Some((*step, needs.iter().find(|key| bad(key))?.clone())))
                .collect();
            if lost.is_empty() {
                return;
            }
            for (step, needs) in lost {
                state.waiting.remove(step.key.as_str());
                let done = Done::Waits(needs);
                self.watch.notice(&Notice::Ends { step, done: &done, took: Duration::ZERO });
                state.done.insert(step.key.clone(), (step.action, done));
            }
        }
    }

    fn settle(&self, step: &Step, done: Done) {
        let mut state = self.lock();
        state.active -= 1;
        if !matches!(done, Done::Failed(_)) {
            for (_, needs) in state.waiting.values_mut() {
                needs.remove(&step.key);
            }
        }
        state.done.insert(step.key.clone(), (step.action, done));
        // Half as many while the cloud throttles, one more for every ten that went well.
        let throttled = self.settings.patience.throttled();
        if throttled > state.throttled {
            (state.throttled, state.smooth) = (throttled, 0);
            let fewer = (state.allowed / 2).max(1);
            if fewer < state.allowed {
                state.allowed = fewer;
                self.watch.notice(&Notice::Slower { parallel: fewer });
            }
        } else {
            state.smooth += 1;
            if state.smooth >= 10 && state.allowed < self.settings.parallel {
                state.smooth = 0;
                state.allowed += 1;
            }
        }
        self.changed.notify_all();
    }

    fn place(&self, step: &Step) -> Answer<Place> {
        let state = self.lock();
        let number = state.accounts.get(&step.account).cloned().or_else(|| {
            let account = self.plan.accounts.iter().find(|account| account.name == step.account)?;
            let from = account.number_from.as_ref()?;
            state.outputs.get(&from.stack)?.get(&from.output).cloned()
        });
        let number = number.ok_or_else(|| CloudError::Missing(format!("account {}", step.account)))?;
        Ok(Place::new(number, step.region.clone()))
    }

    fn parameters(&self, list: &[ManifestParameter]) -> Answer<BTreeMap<String, String>> {
        let state = self.lock();
        let mut out = BTreeMap::new();
        for parameter in list {
            let value = match (&parameter.value, &parameter.from, &parameter.account) {
                (Some(value), ..) => Some(value.clone()),
                (None, Some(from), _) => {
                    state.outputs.get(&from.stack).and_then(|it| it.get(&from.output)).cloned()
                }
                (None, None, Some(account)) => state.accounts.get(account).cloned(),
                (None, None, None) => None,
            };
            match value {
                Some(value) => {
                    out.insert(parameter.name.clone(), value);
                }
                None if parameter.optional => {}
                None => {
                    return Err(CloudError::Missing(format!("the value of parameter {}", parameter.name)));
                }
            }
        }
        Ok(out)
    }

    fn step(&self, step: &Step) -> Answer<Done> {
        let place = self.place(step)?;
        let known = self.settled(&place, &step.name)?;
        if step.action == Action::Delete {
            return self.delete(step, &place, known);
        }
        if let Some(stack) = &known
            && stack.status.must_be_recreated()
        {
            self.cloud.delete_stack(&place, &step.name)?;
            if let Some(left) = self.settled(&place, &step.name)? {
                return Ok(failed(self.cloud, &place, &left));
            }
        }
        let parameters = self.parameters(&step.parameters)?;
        let tag = sha256(
            serde_json::to_string(&(&step.template_sha256, &parameters, &step.tags))
                .unwrap_or_default()
                .as_bytes(),
        );
        let request = StackRequest {
            name: step.name.clone(),
            change_set: format!("steward-{}", tag.get(..20).unwrap_or(&tag)),
            template: step.template.clone(),
            parameters,
            tags: step.tags.clone(),
            capabilities: step.capabilities.clone(),
            import: Vec::new(),
            revert_drift: self.settings.revert_drift,
        };
        let set = self.cloud.prepare(&place, &request)?;
        if set.empty {
            self.cloud.discard(&place, &step.name, &set.name)?;
            self.put_out(step, known.as_ref());
            return Ok(Done::Nothing);
        }
        match self.cloud.execute(&place, &step.name, &set.name) {
            // An earlier try has begun it; how it goes is asked below.
            Ok(()) | Err(CloudError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        let Some(stack) = self.settled(&place, &step.name)? else {
            return Err(CloudError::Missing(format!("stack {} after it was changed", step.key)));
        };
        let is_ours = stack.tags.get(plan::TEMPLATE_TAG) == Some(&step.template_sha256);
        if !stack.status.is_good() || !is_ours {
            return Ok(failed(self.cloud, &place, &stack));
        }
        self.put_out(step, Some(&stack));
        Ok(Done::Changed(set.changes))
    }

    fn put_out(&self, step: &Step, stack: Option<&StackState>) {
        if let Some(stack) = stack {
            self.lock().outputs.insert(step.key.clone(), stack.outputs.clone());
        }
    }

    fn delete(&self, step: &Step, place: &Place, known: Option<StackState>) -> Answer<Done> {
        if known.is_none() {
            return Ok(Done::Nothing);
        }
        let resources = self.cloud.stack_resources(place, &step.name).unwrap_or_default();
        self.cloud.delete_stack(place, &step.name)?;
        if let Some(left) = self.settled(place, &step.name)? {
            return Ok(failed(self.cloud, place, &left));
        }
        let gone = |it: crate::StackResource| ResourceChange {
            logical_id: it.logical_id,
            kind: it.kind,
            action: crate::ChangeAction::Remove,
            properties: Vec::new(),
        };
        Ok(Done::Changed(resources.into_iter().map(gone).collect()))
    }

    /// The stack once nobody works on it any more.
    fn settled(&self, place: &Place, name: &str) -> Answer<Option<StackState>> {
        let start = Instant::now();
        loop {
            let stack = self.cloud.stack(place, name)?;
            match stack {
                Some(stack) if stack.status.in_progress() => {
                    if start.elapsed() > self.settings.longest {
                        return Err(CloudError::Conflict(format!("{name} is still {}", stack.status)));
                    }
                    std::thread::sleep(self.settings.poll);
                }
                other => return Ok(other),
            }
        }
    }
}

/// Why a stack is not what it should be: the first thing that failed.
fn failed(cloud: &dyn Cloud, place: &Place, stack: &StackState) -> Done {
    let events = cloud.stack_events(place, &stack.id, None).unwrap_or_default();
    // Of the last change only; what CloudFormation cancelled because of another failure is not a cause.
    let begin = |status: &str| {
        matches!(
            status,
            "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS"
        )
    };
    let from =
        events.iter().rposition(|event| event.logical_id == stack.name && begin(&event.status)).unwrap_or(0);
    let cause = events.get(from..).unwrap_or_default().iter().find(|event| {
        let cancelled = event.reason.as_deref().is_some_and(|reason| reason.contains("cancelled"));
        event.status.ends_with("_FAILED") && event.logical_id != stack.name && !cancelled
    });
    let of_stack = events.get(from..).unwrap_or_default().iter().rev();
    let of_stack =
        of_stack.filter(|event| event.status.ends_with("_FAILED")).find_map(|event| event.reason.clone());
    Done::Failed(StepFailure {
        resource: cause.map(|event| (event.logical_id.clone(), event.kind.clone())),
        why: cause
            .and_then(|event| event.reason.clone())
            .or_else(|| stack.reason.clone())
            .or(of_stack)
            .unwrap_or_else(|| format!("it is {}", stack.status)),
        status: Some(stack.status.to_string()),
    })
}
