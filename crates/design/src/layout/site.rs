//! What components ask of an environment in its region.

use blueprint::model::{Store, StoreId, Target, Workload, WorkloadId};
use estate::{SmolStr, StackId};

use super::Site;
use crate::lock::LockedZone;

impl<'b> Site<'b> {
    /// The name of one of its stacks, unique in its account and region.
    pub(crate) fn stack_name(&self, purpose: &str) -> SmolStr {
        smol_str::format_smolstr!("{}-{purpose}", self.environment.name)
    }

    /// The environment's name.
    pub(crate) fn name(&self) -> &'b str {
        self.environment.name.value.as_str()
    }

    /// Whether real data of a class that is protected may be in it.
    pub(crate) fn holds_real_data(&self) -> bool {
        self.environment.stores.iter().any(|store| store.real_data)
    }

    /// How long its logs are kept where they are looked at, in days.
    pub(crate) fn log_days(&self) -> u32 {
        self.environment.defaults.log_days
    }

    /// The zones that it uses.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (usize, &LockedZone)> {
        (1..).zip(self.network.zones.iter().take(usize::from(self.environment.zones.value)))
    }

    /// Its stores with their stacks.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (StackId, &'b Store)> {
        self.stacks.stores.iter().copied().zip(&self.environment.stores)
    }

    /// Its workloads with their stacks.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = (StackId, &'b Workload)> {
        self.stacks.workloads.iter().copied().zip(&self.environment.workloads)
    }

    /// A store with its stack.
    pub(crate) fn store(&self, id: StoreId) -> Option<(StackId, &'b Store)> {
        Some((*self.stacks.stores.get(id.0)?, self.environment.store(id)?))
    }

    /// A workload with its stack.
    pub(crate) fn workload(&self, id: WorkloadId) -> Option<(StackId, &'b Workload)> {
        Some((*self.stacks.workloads.get(id.0)?, self.environment.workload(id)?))
    }

    /// Whether a workload begins connections that leave the network.
    pub(crate) fn leaves(&self, workload: &Workload) -> bool {
        let at = self.environment.workloads.iter().position(|one| one.name == workload.name);
        self.hub.as_ref().is_some_and(|hub| at.is_some_and(|at| hub.ways.leaves(at)))
    }

    /// Whether any workload does.
    pub(crate) fn any_leaves(&self) -> bool {
        self.hub.as_ref().is_some_and(|hub| hub.ways.leaves.contains(&true))
    }

    /// The number of a workload's address in each gateway subnet, where it is reached from the internet through the hub.
    pub(crate) fn slot(&self, workload: &Workload) -> Option<u32> {
        let at = self.environment.workloads.iter().position(|one| one.name == workload.name)?;
        self.hub.as_ref()?.slots.get(at).copied().flatten()
    }

    /// The workloads that use the store at a position.
    pub(crate) fn users(&self, store: usize) -> impl Iterator<Item = &'b Workload> {
        let target = Target::Store(StoreId(store));
        self.environment
            .workloads
            .iter()
            .filter(move |workload| workload.uses.iter().any(|used| used.target == target))
    }

    /// The path of the roles of a workload: policies name its roles by it before they exist.
    /// Source: IAM User Guide, "IAM identifiers", friendly names and paths.
    pub(crate) fn role_path(&self, workload: &Workload) -> SmolStr {
        smol_str::format_smolstr!("/workloads/{}/{}/", self.environment.name, workload.name)
    }

    /// The path of the role that makes backups.
    pub(crate) fn backup_path(&self) -> SmolStr {
        smol_str::format_smolstr!("/backup/{}/", self.environment.name)
    }
}
