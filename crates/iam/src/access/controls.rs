//! Control policies of an organization, by the accounts that they limit.
//!
//! In: the policies of an estate and what they are attached to. Out: for each account those that may deny, and the levels
//! that allow by a list. Always: what no estate can say (whether AWS's `FullAWSAccess` is still attached) is a document
//! of unknown text.
//!
//! Source: "SCP evaluation", AWS Organizations User Guide: "for a permission to be allowed for a specific account, there
//! must be an explicit Allow statement at every level from the root through each OU in the direct path to the account";
//! `FullAWSAccess` is attached to every root, unit and account when service control policies are enabled.

use std::collections::{BTreeMap, HashMap};

use estate::{AccountId, ResourceRef, Value};
use smol_str::SmolStr;

use super::collect::{AllowList, Collector, Document};
use crate::policy::{Effect, Policy, Sense};

/// Documents by account.
type ByAccount = HashMap<AccountId, Vec<Document>>;

impl<'a> Collector<'_, 'a> {
    /// Service control policies, resource control policies, and levels that allow by a list.
    pub(super) fn controls(&self) -> (ByAccount, ByAccount, BTreeMap<AccountId, Vec<AllowList>>) {
        let (mut service, mut resource) = (ByAccount::new(), ByAccount::new());
        let mut levels: BTreeMap<AccountId, Vec<AllowList>> = BTreeMap::new();
        let estate = self.index.estate();
        for found in self.index.of_kind("AWS::Organizations::Policy") {
            let properties = &found.resource.properties;
            let of_service = properties.get("Type").and_then(Value::as_str) == Some("SERVICE_CONTROL_POLICY");
            let into = match properties.get("Type").and_then(Value::as_str) {
                Some("SERVICE_CONTROL_POLICY") => &mut service,
                Some("RESOURCE_CONTROL_POLICY") => &mut resource,
                _ => continue,
            };
            let Some(content) = properties.get("Content") else { continue };
            let name = properties.get("Name").and_then(Value::as_text).unwrap_or_else(|| found.id.clone());
            let certain = found.resource.condition.is_none();
            let document = self.document(name, content, certain);
            for target in properties.get("TargetIds").map(Value::as_items).unwrap_or_default() {
                let level: SmolStr = target.describe().into();
                for account in self.accounts_under(target) {
                    let documents: &mut Vec<Document> = into.entry(account).or_default();
                    documents.push(document.clone());
                    if of_service {
                        let levels = levels.entry(account).or_default();
                        match levels.iter_mut().find(|known| known.level == level) {
                            Some(known) => known.documents.push(document.clone()),
                            None => {
                                let documents = vec![document.clone()];
                                levels.push(AllowList { level: level.clone(), documents });
                            }
                        }
                    }
                }
            }
        }
        // The management account is not limited by control policies.
        // Source: "Service control policies", AWS Organizations User Guide, "Tasks and entities not restricted by SCPs".
        if let Some(organization) = &estate.organization {
            service.remove(&organization.management);
            resource.remove(&organization.management);
            levels.remove(&organization.management);
        }
        for levels in levels.values_mut() {
            levels.retain(|level| limits(&level.documents));
            for level in levels {
                let why =
                    format!("whether it is still attached to {} is not part of the estate", level.level);
                let span = level.documents.first().map_or(diagnostics::Span::NONE, |first| first.span);
                level.documents.push(Self::unknown("FullAWSAccess", why, span));
            }
        }
        levels.retain(|_, levels| !levels.is_empty());
        (service, resource, levels)
    }

    /// The accounts that a control policy's target covers.
    fn accounts_under(&self, target: &Value) -> Vec<AccountId> {
        let estate = self.index.estate();
        let all = || (0..).map(AccountId).zip(&estate.accounts);
        if let Some(account) = self.account_of(target) {
            return vec![account];
        }
        let Some(found) = self.index.references(target).into_iter().next() else { return Vec::new() };
        match found.resource.kind.as_str() {
            "AWS::Organizations::Organization" => all().map(|(id, _)| id).collect(),
            "AWS::Organizations::OrganizationalUnit" => {
                // Accounts say their parents; units say theirs.
                let under = |place: ResourceRef<'a>| {
                    let mut at = Some(place);
                    let mut steps = 0;
                    while let Some(unit) = at.filter(|_| steps < 16) {
                        if unit == found {
                            return true;
                        }
                        let parent = unit.resource.properties.get("ParentId");
                        at = parent.and_then(|parent| self.index.references(parent).into_iter().next());
                        steps += 1;
                    }
                    false
                };
                let accounts = self.index.of_kind("AWS::Organizations::Account").iter().filter(|account| {
                    let parents = account.resource.properties.get("ParentIds");
                    let parents = parents.map(Value::as_items).unwrap_or_default();
                    parents.iter().flat_map(|parent| self.index.references(parent)).any(under)
                });
                let ids = accounts.filter_map(|account| {
                    let reference = estate::Reference::to(account.stack_id, account.id.clone());
                    self.account_of(&Value::new(estate::Kind::Reference(Box::new(reference))))
                });
                ids.collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether the policies of a level allow by a list: something, and not everything. Where none allows anything,
/// `FullAWSAccess` does, or the account could do nothing at all.
fn limits(documents: &[Document]) -> bool {
    let allowing = |document: &Document| match &document.policy {
        Ok(policy) => policy.statements.iter().any(|statement| statement.effect == Effect::Allow),
        Err(_) => false,
    };
    let everything = |document: &Document| {
        document.certain && document.policy.as_ref().is_ok_and(|policy| allows_everything(policy))
    };
    documents.iter().any(allowing) && !documents.iter().any(everything)
}

fn allows_everything(policy: &Policy) -> bool {
    policy.statements.iter().any(|statement| {
        let actions = statement.actions.sense == Sense::Only
            && statement.actions.patterns.iter().any(|pattern| pattern.text.is_any());
        let resources = statement.resources.as_ref().is_none_or(|set| {
            set.sense == Sense::Only && set.patterns.iter().any(|pattern| pattern.text.is_any())
        });
        statement.effect == Effect::Allow && actions && resources && statement.conditions.is_empty()
    })
}
