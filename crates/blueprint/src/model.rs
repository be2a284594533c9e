//! The blueprint as it is meant: what `design` expands to an estate.
//!
//! Always: every name is resolved to a handle that is valid in this blueprint, `like:` and `overrides:` are
//! applied, every default is filled in, every unsafe choice has its reason (in [`Blueprint::accepted`]).
//! Everything keeps the place that a diagnostic or an origin may point at; a default has the place of what
//! decided it. Lists keep the order of the text, so the same blueprint makes the same estate.

mod identity;
mod network;

pub use identity::{Access, Group, Identity, May, Role};
pub use network::{Destination, Flow, HUB_PREFIX, Hub, Network, Office, Source};

use diagnostics::Span;
use smol_str::SmolStr;

use crate::Spanned;
use crate::cidr::Cidr;
use crate::scalars::{Capacity, Copies, Date, DomainName, Email, Image, Name, Period, RelativePath, Text};
pub use crate::sentence::{Mode, Party, Sentence, Verb};
pub use crate::written::{
    Alarm, AttributeType, CopiesTo, DataClass, DataEvents, Framework, GuardDuty, Guardrail, IdentitySource,
    KeyScope, Lock, Macie, Protocol, RestoreTest, Rule, RunsOn, Size, Tier, Told,
};

/// Declares handles: positions in a list of the blueprint.
macro_rules! handles {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(pub usize);
        )+
    };
}

handles! {
    /// An account: a position in [`Organization::accounts`].
    AccountId,
    /// A unit: a position in [`Organization::units`].
    UnitId,
    /// An environment: a position in [`Blueprint::environments`].
    EnvironmentId,
    /// A store of an environment: a position in [`Environment::stores`].
    StoreId,
    /// A workload of an environment: a position in [`Environment::workloads`].
    WorkloadId,
    /// An office: a position in [`Network::offices`].
    OfficeId,
}

/// A whole blueprint, resolved.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The company in one short word; AWS names begin with it.
    pub name: Spanned<Name>,
    /// The company's name for people.
    pub title: Spanned<Text>,
    /// The company's domain.
    pub domain: Option<Spanned<DomainName>>,
    /// The frameworks that the company answers to, each once.
    pub frameworks: Vec<Spanned<Framework>>,
    /// The people to write to.
    pub contacts: Contacts,
    /// The regions.
    pub regions: Regions,
    /// The address plan.
    pub network: Network,
    /// Units and accounts.
    pub organization: Organization,
    /// The environments, complete with what runs in each.
    pub environments: Vec<Environment>,
    /// Approved flows, one for each pair of somebody who begins and something that is reached.
    pub flows: Vec<Flow>,
    /// The customer-managed keys.
    pub keys: Keys,
    /// The trail and its archive.
    pub logs: Logs,
    /// Copies and tests of backups.
    pub backup: Backup,
    /// People, groups, and what they may do; none where the blueprint says nothing of them.
    pub identity: Option<Identity>,
    /// What watches every account.
    pub detection: Detection,
    /// Sets of AWS Config rules that are asked for, each once.
    pub rules: Vec<Spanned<Rule>>,
    /// Alarms of which the operations contact hears too, each once.
    pub alarms: Vec<Spanned<Alarm>>,
    /// Tags on everything.
    pub tags: Tags,
    /// The user's own CloudFormation templates.
    pub templates: Vec<Template>,
    /// The user's own guarantees.
    pub guarantees: Vec<Guarantee>,
    /// Guarantees that are suspended for something.
    pub exceptions: Vec<Exception>,
    /// Unsafe choices with the reasons given for them.
    pub accepted: Vec<Accepted>,
}

impl Blueprint {
    /// An account by its handle. A handle of this blueprint always has one.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.organization.accounts.get(id.0)
    }

    /// A unit by its handle.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.organization.units.get(id.0)
    }

    /// An environment by its handle.
    #[must_use]
    pub fn environment(&self, id: EnvironmentId) -> Option<&Environment> {
        self.environments.get(id.0)
    }

    /// Whether the company answers to a framework.
    #[must_use]
    pub fn answers_to(&self, framework: Framework) -> bool {
        self.frameworks.iter().any(|one| one.value == framework)
    }

    /// The environments of an account, in order.
    pub fn environments_in(&self, account: AccountId) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(move |environment| environment.account == account)
    }
}

/// The people to write to; each is known.
#[derive(Debug, Clone)]
pub struct Contacts {
    /// Who hears of a breach.
    pub security: Spanned<Email>,
    /// Who hears of an outage.
    pub operations: Spanned<Email>,
}

/// The regions.
#[derive(Debug, Clone)]
pub struct Regions {
    /// Where everything runs.
    pub primary: Spanned<Region>,
    /// Where it goes when the primary is lost. Where there is one, keys are multi-Region keys.
    pub recovery: Option<Spanned<Region>>,
}

/// An AWS region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    /// Its code: `us-east-1`.
    pub name: SmolStr,
    /// How many availability zones a new account can use there.
    pub zones: usize,
}

/// Units and accounts.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The account that holds the organization.
    pub management: AccountId,
    /// The account that watches the others.
    pub audit: AccountId,
    /// The account that keeps the logs.
    pub log_archive: AccountId,
    /// All units; a parent stands before its children.
    pub units: Vec<Unit>,
    /// All accounts; the management account is the first.
    pub accounts: Vec<Account>,
    /// Guardrails for every account but the management account, each once.
    pub guardrails: Vec<Spanned<Guardrail>>,
    /// Tags with the values that they may have, beyond the tags that are always there.
    pub tag_policies: Vec<TagPolicy>,
    /// The place of the section.
    pub span: Span,
}

/// An organizational unit.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// Names from the root to it, with slashes: `applications/production`. Unique.
    pub path: SmolStr,
    /// The unit it stands in; none under the root.
    pub parent: Option<UnitId>,
    /// Guardrails for its accounts beyond those from above, each once.
    pub guardrails: Vec<Spanned<Guardrail>>,
}

/// A tag with the values that it may have.
#[derive(Debug, Clone)]
pub struct TagPolicy {
    /// Its key in the spelling that is demanded.
    pub key: Spanned<SmolStr>,
    /// Its values; none stands for any.
    pub values: Vec<Spanned<SmolStr>>,
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name. Unique.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// Its e-mail address. Unique.
    pub email: Spanned<Email>,
    /// The unit it stands in; none for the management account.
    pub unit: Option<UnitId>,
    /// Its own tags, without those of the blueprint.
    pub tags: Tags,
}

/// An environment with everything in it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name. Unique.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// What it is for.
    pub tier: Spanned<Tier>,
    /// Its account.
    pub account: AccountId,
    /// Its region.
    pub region: Spanned<Region>,
    /// How many availability zones it spreads over; the region has them.
    pub zones: Spanned<u8>,
    /// The domain beneath which it serves.
    pub domain: Option<DomainName>,
    /// Its range, where the blueprint fixes it; otherwise allocated and kept in `estate.lock`.
    pub addresses: Option<Spanned<Cidr>>,
    /// What its tier decides, after what it says itself.
    pub defaults: TierDefaults,
    /// Classes of which real data may be in it; the classes above `internal` that stores hold count as synthetic otherwise.
    pub real_data: Vec<Spanned<DataClass>>,
    /// Its stores, resolved for it.
    pub stores: Vec<Store>,
    /// Its workloads, resolved for it.
    pub workloads: Vec<Workload>,
    /// Tags on everything in it: the blueprint's, its account's and its own.
    pub tags: Tags,
    /// The place of its settings.
    pub span: Span,
}

impl Environment {
    /// A store by its handle.
    #[must_use]
    pub fn store(&self, id: StoreId) -> Option<&Store> {
        self.stores.get(id.0)
    }

    /// A workload by its handle.
    #[must_use]
    pub fn workload(&self, id: WorkloadId) -> Option<&Workload> {
        self.workloads.get(id.0)
    }

    /// Whether anything of it can be reached from the internet, so that it needs a way in.
    #[must_use]
    pub fn is_on_the_internet(&self) -> bool {
        self.workloads.iter().any(|workload| workload.exposure == Exposure::Internet)
    }
}

/// What a tier decides. See `docs/blueprint.md` for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierDefaults {
    /// Availability zones.
    pub zones: u8,
    /// Copies of a workload.
    pub copies: Copies,
    /// Size of a workload or database.
    pub size: Size,
    /// Whether a database has a standby in another zone.
    pub standby: bool,
    /// How far back stores can be restored, in days.
    pub backup_days: u32,
    /// Whether stores, keys and load balancers refuse deletion.
    pub deletion_protection: bool,
    /// How long application and flow logs are kept, in days: a value that CloudWatch Logs accepts.
    pub log_days: u32,
    /// Whether real data may be there without saying so.
    pub real_data: bool,
    /// Whether workloads and stores exist there without asking for it.
    pub populated: bool,
}

/// A data store in one environment.
#[derive(Debug, Clone)]
pub struct Store {
    /// Its name. Unique among stores and workloads.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// What it is.
    pub kind: StoreKind,
    /// The classes of what it holds, most sensitive first; at least one.
    pub contains: Vec<Spanned<DataClass>>,
    /// Whether the most sensitive of it is real here, or synthetic.
    pub real_data: bool,
    /// Its own tags, without those of the environment.
    pub tags: Tags,
    /// The place of its settings.
    pub span: Span,
}

impl Store {
    /// The most sensitive class of what it holds.
    #[must_use]
    pub fn data_class(&self) -> DataClass {
        self.contains.first().map_or(DataClass::Internal, |class| class.value)
    }
}

/// What a store is.
#[derive(Debug, Clone)]
pub enum StoreKind {
    /// An S3 bucket.
    Bucket(Bucket),
    /// A DynamoDB table.
    Table(Table),
    /// A PostgreSQL database in Amazon RDS.
    Postgresql(Postgresql),
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// How long replaced and deleted files can be brought back.
    pub versions: Spanned<Period>,
    /// How long every file is locked, and by which lock.
    pub retain: Option<(Spanned<Period>, Spanned<Lock>)>,
    /// When files disappear by themselves; not before `retain` ends.
    pub expires_after: Option<Spanned<Period>>,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The partition key.
    pub key: Spanned<Attribute>,
    /// The sort key.
    pub sort: Option<Spanned<Attribute>>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// The time-to-live attribute.
    pub expires_by: Option<Spanned<SmolStr>>,
    /// How far back it can be restored, 1 to 35 days.
    pub backup_days: Spanned<u32>,
    /// Whether deletion is refused.
    pub deletion_protection: Spanned<bool>,
}

/// A key attribute. The same name has the same type throughout a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub kind: AttributeType,
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its partition key.
    pub key: Spanned<Attribute>,
    /// Its sort key.
    pub sort: Option<Spanned<Attribute>>,
}

/// A PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Postgresql {
    /// The major version.
    pub version: Spanned<u32>,
    /// How much machine.
    pub size: Spanned<Size>,
    /// How much disk at first; it grows to at most ten times this.
    pub storage: Spanned<Capacity>,
    /// Whether a standby waits in another zone.
    pub standby: Spanned<bool>,
    /// How far back it can be restored, 1 to 35 days.
    pub backup_days: Spanned<u32>,
    /// Whether deletion is refused.
    pub deletion_protection: Spanned<bool>,
}

/// A workload in one environment.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its name. Unique among stores and workloads.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// How it runs.
    pub runs_on: Spanned<RunsOn>,
    /// Its image; none means the newest in the repository of its own.
    pub image: Option<Spanned<Image>>,
    /// How much machine each copy has.
    pub size: Spanned<Size>,
    /// How many copies run.
    pub copies: Spanned<Copies>,
    /// The port that it listens on.
    pub port: Spanned<u16>,
    /// What it speaks there.
    pub protocol: Spanned<Protocol>,
    /// The path that answers when it is well.
    pub health: Spanned<SmolStr>,
    /// Who can reach it.
    pub exposure: Exposure,
    /// The place that decides `exposure`.
    pub exposed_by: Span,
    /// Its host name; known whenever somebody can reach it.
    pub host: Option<DomainName>,
    /// What it uses, each thing once, in the order of the text.
    pub uses: Vec<Use>,
    /// The workloads of this environment that call it.
    pub called_by: Vec<WorkloadId>,
    /// The place of a flow that reaches it from elsewhere.
    pub reached_by_flow: Option<Span>,
    /// Its environment variables.
    pub settings: Vec<(Spanned<SmolStr>, Spanned<SmolStr>)>,
    /// Its own tags, without those of the environment.
    pub tags: Tags,
    /// The place of its settings.
    pub span: Span,
}

/// Who can reach a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exposure {
    /// Nobody: it listens to no one.
    Nobody,
    /// The workloads that use it (`called_by`), through a load balancer inside, and the sources of flows to it.
    Callers,
    /// Everything in its environment's network, through a load balancer inside.
    Inside,
    /// Everybody, through a load balancer on the internet, over TLS.
    Internet,
}

/// One thing that a workload uses.
#[derive(Debug, Clone)]
pub struct Use {
    /// What it uses.
    pub target: Target,
    /// Whether it reads; a call of a workload does both.
    pub reads: bool,
    /// Whether it writes.
    pub writes: bool,
    /// Where that is written.
    pub span: Span,
}

/// Something that a workload can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A store of the same environment.
    Store(StoreId),
    /// A workload of the same environment.
    Workload(WorkloadId),
}

/// The customer-managed keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// What shares a key.
    pub per: Spanned<KeyScope>,
    /// How often key material changes, in days: 90 to 2560.
    pub rotate_days: Spanned<u32>,
    /// The group that manages keys: a position in [`Identity::groups`].
    pub administrators: Option<Spanned<usize>>,
    /// Days between the order to delete and the deletion: 7 to 30.
    pub deletion_wait_days: Spanned<u32>,
}

/// The organization's trail and its archive.
#[derive(Debug, Clone)]
pub struct Logs {
    /// How long the archive keeps it.
    pub retain: Spanned<Period>,
    /// Who can shorten that.
    pub lock: Spanned<Lock>,
    /// Of which buckets and tables every reading and writing is recorded.
    pub data_events: Spanned<DataEvents>,
}

impl Logs {
    /// The classes of data that are recorded.
    #[must_use]
    pub fn recorded(&self) -> &'static [DataClass] {
        match self.data_events.value {
            DataEvents::Phi => &[DataClass::Phi],
            DataEvents::Personal => &[DataClass::Phi, DataClass::Pii, DataClass::Financial],
            DataEvents::Nowhere => &[],
        }
    }
}

/// Copies and tests of backups.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The account that holds copies and nothing else.
    pub isolated_account: Option<Spanned<AccountId>>,
    /// Whether copies go to the recovery region.
    pub to_recovery: bool,
    /// How often a backup of every store is restored.
    pub restore_test: Spanned<RestoreTest>,
    /// Who can take the lock off a vault.
    pub lock: Spanned<Lock>,
    /// The place of the section.
    pub span: Span,
}

impl May {
    /// Those that are built in, with their words.
    pub const BUILT_IN: &'static [(&'static str, Self)] = &[
        ("administer", Self::Administer),
        ("operate", Self::Operate),
        ("develop", Self::Develop),
        ("read", Self::Read),
        ("audit", Self::Audit),
        ("manage-keys", Self::ManageKeys),
    ];
}

/// What watches every account.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Which protections of GuardDuty are on.
    pub guardduty: Spanned<GuardDuty>,
    /// Whether Amazon Inspector scans.
    pub inspector: Spanned<bool>,
    /// Where Amazon Macie looks.
    pub macie: Spanned<Macie>,
    /// Who hears of high and critical findings.
    pub high: Spanned<Told>,
    /// Who hears of medium findings.
    pub others: Spanned<Told>,
    /// The place of the section.
    pub span: Span,
}

/// Tags, each key once, sorted by key.
pub type Tags = Vec<(Spanned<SmolStr>, Spanned<SmolStr>)>;

/// One of the user's own CloudFormation templates.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its name. Unique.
    pub name: Spanned<Name>,
    /// Its path relative to the blueprint's folder, normalised, which it does not leave.
    pub file: Spanned<RelativePath>,
    /// Its account.
    pub account: AccountId,
    /// The environment it belongs to, where it belongs to one.
    pub environment: Option<EnvironmentId>,
    /// Its region.
    pub region: Spanned<Region>,
    /// Values for its parameters.
    pub parameters: Vec<(Spanned<SmolStr>, Spanned<SmolStr>)>,
    /// Tags on its resources.
    pub tags: Tags,
    /// The place of its settings.
    pub span: Span,
}

/// A guarantee of the user's own.
#[derive(Debug, Clone)]
pub struct Guarantee {
    /// Its name in reports. Unique.
    pub name: SmolStr,
    /// Never, only or always.
    pub mode: Mode,
    /// What it says.
    pub sentence: Sentence,
    /// Why it must hold.
    pub because: Option<Spanned<Text>>,
    /// Where it is written.
    pub span: Span,
}

/// A guarantee that is suspended for something.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The id of the guarantee. Whether there is one is for `prove` to say.
    pub guarantee: Spanned<SmolStr>,
    /// What it is suspended for; empty means everything.
    pub subjects: Vec<Spanned<Subject>>,
    /// Why.
    pub because: Spanned<Text>,
    /// Who answers for it.
    pub owner: Spanned<Email>,
    /// The last day on which it counts.
    pub until: Spanned<Date>,
    /// Where it is written.
    pub span: Span,
}

/// What an exception can be for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account.
    Account(AccountId),
    /// A unit with all accounts beneath it.
    Unit(UnitId),
    /// An environment.
    Environment(EnvironmentId),
    /// A store or workload, by name, in one environment or in all.
    Part(Option<EnvironmentId>, Name),
    /// One of the user's own templates.
    Template(Name),
    /// Resources by the path that a verdict shows, `account/region/stack/resource`, where `*` stands for any text.
    Resources(SmolStr),
}

/// An unsafe choice with the reason that was given for it.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// What was chosen, one sentence.
    pub choice: String,
    /// Where it was chosen.
    pub span: Span,
    /// Why.
    pub because: Spanned<SmolStr>,
}
