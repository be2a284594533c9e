//! Who works on an estate, and what was done to it.
//!
//! In: the store of a [`Cloud`]. Out: a lock that one holds at a time, and records, one for each apply. Always: a record names the hash
//! of the one before, so that one that was changed, taken out or put in between shows; the head names the last.

use std::collections::BTreeMap;

use plan::sha256;
use serde::{Deserialize, Serialize};

use crate::{Answer, Cloud, CloudError, ResourceChange};

/// Who holds the lock of an estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who: the cloud's caller.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub process: u32,
    /// What it does: `apply`.
    pub does: String,
    /// Seconds since 1970 when it began.
    pub since: u64,
}

impl Holder {
    /// By this name a lock is broken.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.process)
    }
}

/// A lock that is held.
#[derive(Debug)]
pub struct Held {
    key: String,
    version: String,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum NotHeld {
    /// Somebody else has it.
    Busy(Holder),
    /// The cloud did not answer.
    Cloud(CloudError),
}

impl From<CloudError> for NotHeld {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

/// Takes the lock of an estate. `gone` says of a holder whether it certainly is no more; `broken` names one whose lock does
/// not count.
///
/// # Errors
/// Where somebody has it, or the cloud does not answer.
pub fn lock(
    cloud: &dyn Cloud,
    estate: &str,
    holder: &Holder,
    gone: impl Fn(&Holder) -> bool,
    broken: Option<&str>,
) -> Result<Held, NotHeld> {
    let key = format!("lock/{estate}");
    let text = serde_json::to_string(holder).unwrap_or_default();
    let known = cloud.read(&key)?;
    let expected = match &known {
        None => None,
        Some(entry) => {
            let other: Option<Holder> = serde_json::from_str(&entry.text).ok();
            match other {
                Some(other) if other != *holder && !gone(&other) && broken != Some(other.name().as_str()) => {
                    return Err(NotHeld::Busy(other));
                }
                _ => Some(entry.version.as_str()),
            }
        }
    };
    match cloud.write(&key, &text, expected) {
        Ok(version) => Ok(Held { key, version }),
        // Somebody was faster, or the answer to our own write was lost.
        Err(CloudError::Conflict(_)) => {
            let entry = cloud.read(&key)?;
            let entry = entry.ok_or_else(|| CloudError::Transient("the lock came and went".to_owned()))?;
            match serde_json::from_str::<Holder>(&entry.text) {
                Ok(other) if other == *holder => Ok(Held { key, version: entry.version }),
                Ok(other) => Err(NotHeld::Busy(other)),
                Err(error) => Err(NotHeld::Cloud(CloudError::refused("Lock", error.to_string()))),
            }
        }
        Err(error) => Err(error.into()),
    }
}

impl Held {
    /// Gives it back.
    ///
    /// # Errors
    /// Where the cloud does not answer, or somebody broke the lock.
    pub fn release(self, cloud: &dyn Cloud) -> Answer<()> {
        cloud.remove(&self.key, &self.version)
    }
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1.
    pub number: u64,
    /// The hash of the record before; empty for the first.
    pub previous: String,
    /// `apply`, `destroy`, `empty`, `repair`.
    pub does: String,
    /// Who.
    pub who: String,
    /// On which machine.
    pub host: String,
    /// Seconds since 1970 when it ended.
    pub at: u64,
    /// The commit of the blueprint, where it is known.
    pub commit: Option<String>,
    /// The hash of the estate.
    pub estate_hash: String,
    /// The verdict of every guarantee that had a subject, by its id.
    pub verdicts: BTreeMap<String, String>,
    /// What was done, by stack.
    pub changes: Vec<StackChange>,
    /// Stacks that failed, with why.
    pub failed: BTreeMap<String, String>,
    /// Stacks that were not begun, as what they need failed.
    pub waiting: Vec<String>,
}

/// What became of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackChange {
    /// `account/region/name`.
    pub stack: String,
    /// `create`, `update`, `delete`.
    pub action: String,
    /// Its resources.
    pub resources: Vec<ResourceChange>,
}

/// The last record, by number and hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    number: u64,
    hash: String,
}

fn head(cloud: &dyn Cloud, estate: &str) -> Answer<(Head, Option<String>)> {
    let entry = cloud.read(&format!("head/{estate}"))?;
    let found = entry.as_ref().and_then(|entry| serde_json::from_str(&entry.text).ok()).unwrap_or_default();
    Ok((found, entry.map(|entry| entry.version)))
}

fn key(estate: &str, number: u64) -> String {
    format!("record/{estate}/{number:08}")
}

/// Writes a record after all others; its number and the hash before it are put in.
///
/// # Errors
/// As any call.
pub fn record(cloud: &dyn Cloud, estate: &str, mut record: Record) -> Answer<Record> {
    let (head, version) = head(cloud, estate)?;
    (record.number, record.previous) = (head.number + 1, head.hash);
    let text = serde_json::to_string(&record).unwrap_or_default();
    let at = key(estate, record.number);
    // A record that a killed run wrote without its head is written over.
    let before = cloud.read(&at)?.map(|entry| entry.version);
    cloud.write(&at, &text, before.as_deref())?;
    let new = Head { number: record.number, hash: sha256(text.as_bytes()) };
    cloud.write(
        &format!("head/{estate}"),
        &serde_json::to_string(&new).unwrap_or_default(),
        version.as_deref(),
    )?;
    Ok(record)
}

/// The records of an estate, the first first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// What can be read.
    pub records: Vec<Record>,
    /// What shows that somebody tampered with them, in words.
    pub broken: Vec<String>,
}

/// All records of an estate, and whether each follows the one before.
///
/// # Errors
/// As any call.
pub fn history(cloud: &dyn Cloud, estate: &str) -> Answer<History> {
    let (head, _) = head(cloud, estate)?;
    let mut out = History::default();
    let mut previous = String::new();
    for number in 1..=head.number {
        let Some(entry) = cloud.read(&key(estate, number))? else {
            out.broken.push(format!("record {number} is gone"));
            previous.clear();
            continue;
        };
        let hash = sha256(entry.text.as_bytes());
        match serde_json::from_str::<Record>(&entry.text) {
            Ok(record) => {
                if record.previous != previous || record.number != number {
                    out.broken.push(format!("record {number} does not follow the one before it"));
                }
                out.records.push(record);
            }
            Err(error) => out.broken.push(format!("record {number} cannot be read: {error}")),
        }
        previous = hash;
    }
    if head.number > 0 && previous != head.hash {
        out.broken.push(format!("record {} is not what was written", head.number));
    }
    Ok(out)
}

/// What is kept of an estate between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// For each stack the stacks it was deployed after.
    pub after: BTreeMap<String, Vec<String>>,
    /// The hash of the estate that was applied last.
    pub estate_hash: String,
    /// The commit that was applied last.
    pub commit: Option<String>,
    /// Regions that it was ever deployed in.
    pub regions: Vec<String>,
    /// The name of the management account.
    pub management: Option<String>,
    /// The names of accounts that AWS calls otherwise, by what it calls them.
    #[serde(default)]
    pub titles: BTreeMap<String, String>,
    /// In which part of a stack that was split each resource is, so that it stays there.
    #[serde(default)]
    pub placement: BTreeMap<String, BTreeMap<estate::SmolStr, u32>>,
}

/// What is kept of an estate; nothing before the first apply.
///
/// # Errors
/// As any call.
pub fn kept(cloud: &dyn Cloud, estate: &str) -> Answer<Kept> {
    let entry = cloud.read(&format!("estate/{estate}"))?;
    Ok(entry.and_then(|entry| serde_json::from_str(&entry.text).ok()).unwrap_or_default())
}

/// Keeps it.
///
/// # Errors
/// As any call.
pub fn keep(cloud: &dyn Cloud, estate: &str, kept: &Kept) -> Answer<()> {
    let key = format!("estate/{estate}");
    let version = cloud.read(&key)?.map(|entry| entry.version);
    cloud.write(&key, &serde_json::to_string(kept).unwrap_or_default(), version.as_deref()).map(drop)
}

/// The names of estates that something is kept of.
///
/// # Errors
/// As any call.
pub fn estates(cloud: &dyn Cloud) -> Answer<Vec<String>> {
    let keys = cloud.keys("estate/")?;
    Ok(keys.iter().filter_map(|key| key.strip_prefix("estate/")).map(str::to_owned).collect())
}
