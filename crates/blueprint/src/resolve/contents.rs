//! What is in each environment: its stores and workloads, with the environment's overlay and its tier's defaults.

use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Span};
use document::{Entry, Kind, Node};
use smol_str::SmolStr;

use super::environments::Environments;
use super::{Names, Resolver};
use crate::Spanned;
use crate::codes::{BAD_VALUE, DUPLICATE_NAME, NEVER_RUNS, PHI_WITHOUT_HIPAA, TOO_MANY};
use crate::model::{Environment, Framework};
use crate::reader::{Decode, Many};
use crate::scalars::{Name, Word};
use crate::written::{self, DataClass, Overrides};

mod store;
mod workload;

/// The most workloads and stores over all environments.
const MOST: usize = 250_000;
/// The most settings of workloads and stores over all environments.
const MOST_SETTINGS: usize = 20_000_000;

/// Everything that is written about a workload or store, once for all environments.
struct Thing<'w, T> {
    name: &'w Spanned<Name>,
    written: &'w T,
    node: Option<&'w Node>,
    /// The environments it asks for; none where it asks for nothing.
    environments: Option<HashSet<usize>>,
    /// In how many environments it exists.
    present: usize,
    /// Whether it asks for an environment that does not exist or could not be read.
    uncertain: bool,
}

impl Resolver<'_> {
    pub fn contents(
        &mut self,
        written: &written::Blueprint,
        root: &Node,
        frameworks: &[Spanned<Framework>],
        environments: &mut Environments,
    ) {
        self.names_of_things(written, environments);
        self.health_data(written, frameworks);
        if !self.few_enough(root, written, environments) {
            return;
        }
        let mut stores = self.things(
            &written.stores.entries,
            root.get("stores"),
            |store| &store.common.environments,
            environments,
        );
        let mut workloads = self.things(
            &written.workloads.entries,
            root.get("workloads"),
            |workload| &workload.environments,
            environments,
        );
        let mut names = Names::new("store or workload");
        for (name, _) in &written.stores.entries {
            names.add(name.as_str(), 0, name.span);
        }
        for (name, _) in &written.workloads.entries {
            names.add(name.as_str(), 0, name.span);
        }
        let broken = written.stores.broken.iter().chain(&written.workloads.broken);
        names.broken.extend(broken.map(|name| SmolStr::new(name.as_str())));
        // Whoever uses something that asks for an environment in vain is not to blame.
        let uncertain_stores = stores.iter().filter(|thing| thing.uncertain).map(|thing| thing.name);
        let uncertain_workloads = workloads.iter().filter(|thing| thing.uncertain).map(|thing| thing.name);
        names
            .broken
            .extend(uncertain_stores.chain(uncertain_workloads).map(|name| SmolStr::new(name.as_str())));
        let mut missing = HashSet::new();
        for index in 0..environments.resolved.len() {
            self.fill(index, &mut stores, &mut workloads, &mut names, environments, &mut missing);
        }
        let absent_stores =
            stores.iter().filter(|thing| thing.present == 0 && !thing.uncertain).map(|thing| thing.name);
        let absent_workloads =
            workloads.iter().filter(|thing| thing.present == 0 && !thing.uncertain).map(|thing| thing.name);
        if environments.names.broken.is_empty() {
            for name in absent_stores.chain(absent_workloads) {
                let text = format!("`{name}` exists in no environment");
                let never = Diagnostic::warning(NEVER_RUNS, name.span, text);
                self.report(never.help("name an environment under its `environments:`, or remove it"));
            }
        }
    }

    /// Workloads, stores and environments share one space of names, because sentences refer to all of them.
    fn names_of_things(&mut self, written: &written::Blueprint, environments: &Environments) {
        let mut first: HashMap<&str, Span> = environments
            .resolved
            .iter()
            .map(|environment| (environment.name.as_str(), environment.name.span))
            .collect();
        let stores = written.stores.entries.iter().map(|(name, _)| (name, "a store"));
        let workloads = written.workloads.entries.iter().map(|(name, _)| (name, "a workload"));
        for (name, what) in stores.chain(workloads) {
            self.check_name(name, what, 24);
            if let Some(before) = first.get(name.as_str()) {
                let text = format!("`{name}` names two things; a sentence about it would mean both");
                let twice =
                    Diagnostic::error(DUPLICATE_NAME, name.span, text).related(*before, "the other one");
                self.report(
                    twice.help(
                        "rename one of them: environments, stores and workloads share one space of names",
                    ),
                );
            } else {
                first.insert(name.as_str(), name.span);
            }
        }
    }

    fn health_data(&mut self, written: &written::Blueprint, frameworks: &[Spanned<Framework>]) {
        if frameworks.iter().any(|framework| framework.value == Framework::Hipaa) {
            return;
        }
        let phi = written
            .stores
            .entries
            .iter()
            .flat_map(|(_, store)| store.common.contains.iter())
            .find(|class| class.value == DataClass::Phi);
        if let Some(phi) = phi {
            let text = "health data is kept, but `hipaa` is not among the frameworks";
            self.report(
                Diagnostic::warning(PHI_WITHOUT_HIPAA, phi.span, text).help("add `hipaa` to `frameworks:`"),
            );
        }
    }

    fn few_enough(&mut self, root: &Node, written: &written::Blueprint, environments: &Environments) -> bool {
        let count = |section: &str| root.get(section).map_or(0, Node::count);
        let things = written.stores.entries.len() + written.workloads.entries.len();
        let settings = count("stores") + count("workloads");
        let many = environments.resolved.len();
        let fits = things.saturating_mul(many) <= MOST && settings.saturating_mul(many) <= MOST_SETTINGS;
        if !fits {
            let text = format!(
                "{things} workloads and stores in {many} environments are more than Steward builds in one estate"
            );
            self.report(
                Diagnostic::error(TOO_MANY, root.span, text).expected(format!("at most {MOST} in all")),
            );
        }
        fits
    }

    fn things<'w, T>(
        &mut self,
        entries: &'w [(Spanned<Name>, T)],
        section: Option<&'w Node>,
        asks: impl Fn(&T) -> &Many<Word>,
        environments: &mut Environments,
    ) -> Vec<Thing<'w, T>> {
        let nodes: HashMap<&str, &Node> = section
            .and_then(Node::as_map)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.text.as_str(), &entry.value))
            .collect();
        let mut things = Vec::with_capacity(entries.len());
        for (name, written) in entries {
            let asked = asks(written);
            let found: HashSet<usize> =
                asked.iter().filter_map(|word| environments.names.find(word, self.diagnostics)).collect();
            let uncertain = asked.iter().any(|word| environments.names.get(word.as_str()).is_none());
            things.push(Thing {
                name,
                written,
                node: nodes.get(name.as_str()).copied(),
                environments: asked.0.is_some().then_some(found),
                present: 0,
                uncertain,
            });
        }
        things
    }

    /// Puts into one environment what belongs there.
    fn fill<'w>(
        &mut self,
        index: usize,
        stores: &mut [Thing<'w, written::Store>],
        workloads: &mut [Thing<'w, written::Workload>],
        names: &mut Names,
        environments: &mut Environments,
        missing: &mut HashSet<(Span, SmolStr)>,
    ) {
        let (Some(environment), Some(effective), Some(own)) = (
            environments.resolved.get_mut(index),
            environments.effective.get(index),
            environments.own_overrides.get(index),
        ) else {
            return;
        };
        let without: HashSet<&str> = effective.without.iter().map(|word| word.as_str()).collect();
        for word in effective.without.iter() {
            if !names.has(word.as_str()) {
                self.report(names.unknown(word.as_str(), word.span));
            }
        }
        let overrides: HashMap<&str, &Entry> =
            effective.overrides.0.iter().map(|entry| (entry.key.text.as_str(), entry)).collect();
        let mut overridden = 0;
        let mut present_stores = Vec::new();
        for thing in stores.iter_mut().filter(|thing| thing.exists_in(index, environment, &without)) {
            thing.present += 1;
            let over = overrides.get(thing.name.as_str());
            overridden += usize::from(over.is_some());
            let Some(written) = self.overlaid(thing.written, thing.node, over.copied()) else { continue };
            present_stores.push((thing.name, written));
        }
        let mut present_workloads = Vec::new();
        for thing in workloads.iter_mut().filter(|thing| thing.exists_in(index, environment, &without)) {
            thing.present += 1;
            let over = overrides.get(thing.name.as_str());
            overridden += usize::from(over.is_some());
            let Some(written) = self.overlaid(thing.written, thing.node, over.copied()) else { continue };
            present_workloads.push((thing.name, written));
        }
        if overridden < overrides.len() {
            let present: HashSet<&str> = present_stores
                .iter()
                .map(|(name, _)| name.as_str())
                .chain(present_workloads.iter().map(|(name, _)| name.as_str()))
                .collect();
            self.idle_overrides(&effective.overrides, &present, own, names, &environment.name);
        }
        self.stores(present_stores, environment);
        self.workloads(present_workloads, environment, names, missing);
    }

    /// An override of something that the environment does not have. One that was taken over from another
    /// environment is silent: that environment has it.
    fn idle_overrides(
        &mut self,
        overrides: &Overrides,
        present: &HashSet<&str>,
        own: &HashSet<SmolStr>,
        names: &mut Names,
        environment: &Spanned<Name>,
    ) {
        for entry in overrides
            .0
            .iter()
            .filter(|entry| own.contains(&entry.key.text) && !present.contains(entry.key.text.as_str()))
        {
            let word = entry.key.text.as_str();
            if names.broken.contains(word) {
                continue;
            }
            if !names.has(word) {
                self.report(names.unknown(word, entry.key.span));
                continue;
            }
            let text = format!("`{word}` is overridden, but does not exist in `{environment}`");
            self.report(
                Diagnostic::error(BAD_VALUE, entry.key.span, text)
                    .help("remove the override, or let it exist there"),
            );
        }
    }

    /// What is written about a thing, with what the environment says differently about it.
    fn overlaid<'t, T: Decode>(
        &mut self,
        written: &'t T,
        node: Option<&Node>,
        over: Option<&Entry>,
    ) -> Option<Effective<'t, T>> {
        let (Some(node), Some(over)) = (node, over) else { return Some(Effective::AsWritten(written)) };
        let Kind::Map(entries) = &over.value.kind else {
            self.report(crate::reader::wrong_type(&over.value, "a mapping: the settings that differ here"));
            return None;
        };
        for fixed in entries.iter().filter(|entry| Overrides::FIXED.contains(&entry.key.text.as_str())) {
            let text = format!("`{}` cannot differ between environments", fixed.key.text);
            let help = match fixed.key.text.as_str() {
                "environments" => "use `without:` of the environment",
                "contains" => "what an environment may hold is its own `contains:`",
                _ => "make it a thing of its own",
            };
            self.report(Diagnostic::error(BAD_VALUE, fixed.key.span, text).help(help));
        }
        let mut merged = written::overlaid(node, &over.value);
        if let Kind::Map(entries) = &mut merged.kind {
            // Nothing brings the default back; what is fixed stays as it was.
            entries.retain(|entry| entry.value.kind != Kind::Null);
            for fixed in Overrides::FIXED {
                match (entries.iter().position(|entry| entry.key.text == *fixed), node.entry(fixed)) {
                    (Some(at), Some(base)) => {
                        if let Some(slot) = entries.get_mut(at) {
                            slot.clone_from(base);
                        }
                    }
                    (Some(at), None) => drop(entries.remove(at)),
                    (None, Some(base)) => entries.push(base.clone()),
                    (None, None) => {}
                }
            }
        }
        T::decode(&merged, self.diagnostics).map(Effective::Overlaid)
    }
}

impl<T> Thing<'_, T> {
    fn exists_in(&self, index: usize, environment: &Environment, without: &HashSet<&str>) -> bool {
        let asked =
            self.environments.as_ref().map_or(environment.defaults.populated, |asked| asked.contains(&index));
        asked && !without.contains(self.name.as_str())
    }
}

/// A thing as it is in one environment.
enum Effective<'t, T> {
    /// The same as everywhere.
    AsWritten(&'t T),
    /// With the environment's overlay.
    Overlaid(T),
}

impl<T> std::ops::Deref for Effective<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::AsWritten(written) => written,
            Self::Overlaid(written) => written,
        }
    }
}
