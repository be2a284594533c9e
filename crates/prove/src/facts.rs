//! What a check may look at.

use std::sync::OnceLock;

use catalog::Catalog;
use estate::{Estate, Index};
use iam::access::Access;
use reachability::Network;

use crate::Date;
use crate::escalation::{Outcome, outcomes};
use crate::intent::Intent;
use crate::network::Told;

/// What a check needs to know that the estate does not say.
#[derive(Debug, Clone)]
pub struct Options {
    /// The day on which ends of support and expiries are judged.
    pub today: Date,
    /// Keys of tags that every taggable resource that holds or handles data must carry.
    pub required_tags: Vec<String>,
    /// Days for which logs must be kept at the least.
    pub log_retention_days: i64,
    /// Days for which the log files of trails must be kept at the least: the record of who did what.
    pub trail_retention_days: i64,
    /// Days of backups that a stateful resource must have at the least.
    pub backup_days: i64,
    /// What the author says of the traffic, where somebody did.
    pub intent: Option<Intent>,
}

impl Options {
    /// The defaults of an audit, on the given day: log retention of one year (PCI DSS 10.5.1, and what AWS
    /// Security Hub control CloudWatch.16 demands), a week of backups (Security Hub control RDS.26's default
    /// plan frequency and RDS.11's default of seven days).
    #[must_use]
    pub fn on(today: Date) -> Self {
        Self {
            today,
            required_tags: Vec::new(),
            log_retention_days: 365,
            trail_retention_days: 365,
            backup_days: 7,
            intent: None,
        }
    }
}

/// An estate with everything a check may look up in it.
pub struct Facts<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// Its resources by type and name.
    pub index: Index<'a>,
    /// AWS's facts.
    pub catalog: &'a Catalog,
    /// What to judge by.
    pub options: &'a Options,
    access: OnceLock<Access<'a>>,
    network: OnceLock<Network>,
    told: OnceLock<Told>,
    outcomes: OnceLock<Vec<Outcome>>,
}

impl<'a> Facts<'a> {
    /// Everything that may be looked up in an estate.
    #[must_use]
    pub fn new(estate: &'a Estate, catalog: &'a Catalog, options: &'a Options) -> Self {
        Self {
            estate,
            index: Index::new(estate),
            catalog,
            options,
            access: OnceLock::new(),
            network: OnceLock::new(),
            told: OnceLock::new(),
            outcomes: OnceLock::new(),
        }
    }

    /// The network that the estate makes; extracted when first asked for.
    pub fn network(&self) -> &Network {
        self.network.get_or_init(|| Network::of(self.estate))
    }

    /// The network, where a guarantee asked for it.
    pub(crate) fn network_if_asked(&self) -> Option<&Network> {
        self.network.get()
    }

    /// What the network guarantees say; the engine is asked once for all of them.
    pub(crate) fn told(&self) -> &Told {
        self.told.get_or_init(|| Told::of(self))
    }

    /// Every policy with whom and what it is attached to; collected when first asked for.
    pub fn access(&self) -> &Access<'a> {
        self.access.get_or_init(|| Access::of(&self.index))
    }

    /// What every principal can come to, by its position in [`Access::holders`]; searched when first asked for.
    pub(crate) fn outcomes(&self) -> &[Outcome] {
        self.outcomes.get_or_init(|| outcomes(self))
    }
}
