//! A store in one environment.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::Effective;
use crate::Spanned;
use crate::codes::{APPLIES_ELSEWHERE, BAD_VALUE};
use crate::model::{Attribute, Bucket, Environment, Index, Postgresql, Store, StoreKind, Table, Tier};
use crate::reasons::Choice;
use crate::resolve::{Resolver, title};
use crate::scalars::{Capacity, Name, Period};
use crate::written::{self, DataClass, KeyAttribute, Lock};

impl Resolver<'_> {
    pub(super) fn stores(
        &mut self,
        present: Vec<(&Spanned<Name>, Effective<'_, written::Store>)>,
        environment: &mut Environment,
    ) {
        let mut stores = Vec::with_capacity(present.len());
        for (name, written) in present {
            stores.push(self.store(name, &written, environment));
        }
        environment.stores = stores;
    }

    fn store(&mut self, name: &Spanned<Name>, written: &written::Store, environment: &Environment) -> Store {
        let common = &written.common;
        let mut contains: Vec<Spanned<DataClass>> = common.contains.iter().copied().collect();
        if contains.is_empty() {
            contains.push(Spanned::new(DataClass::Internal, common.kind.span));
        }
        contains.sort_by_key(|class| std::cmp::Reverse(class.value));
        contains.dedup_by_key(|class| class.value);
        let class = contains.first().map_or(DataClass::Internal, |class| class.value);
        let real_data = environment.real_data.iter().any(|real| real.value == class);
        let mut choices = Vec::new();
        let mut context = Context {
            environment,
            real: real_data && class > DataClass::Internal,
            class,
            choices: &mut choices,
        };
        let kind = match &written.kind {
            written::StoreKind::Bucket(bucket) => {
                StoreKind::Bucket(self.bucket(bucket, common.kind.span, &mut context))
            }
            written::StoreKind::Table(table) => StoreKind::Table(self.table(table, &mut context)),
            written::StoreKind::Postgresql(database) => {
                StoreKind::Postgresql(self.postgresql(database, common.kind.span, &mut context))
            }
        };
        self.reasons.judge(common.because.as_ref(), &choices, self.diagnostics);
        Store {
            name: name.clone(),
            title: title(common.title.as_ref(), name),
            kind,
            contains,
            real_data,
            tags: self.tags(&common.tags),
            span: common.span,
        }
    }

    fn bucket(&mut self, written: &written::Bucket, place: Span, context: &mut Context<'_>) -> Bucket {
        let lock = written.lock.unwrap_or(Spanned::new(Lock::Compliance, place));
        if written.retain.is_none() && written.lock.is_some() {
            let text = "`lock` says who can shorten `retain`, but nothing is retained";
            self.report(
                Diagnostic::error(APPLIES_ELSEWHERE, lock.span, text)
                    .help("add `retain: …`, or remove `lock`"),
            );
        }
        if lock.value == Lock::Governance && written.retain.is_some() {
            let what = "a role can shorten how long files are retained".into();
            context.choices.push(Choice { field: "lock", span: lock.span, what });
        }
        if let (Some(retain), Some(expires)) = (&written.retain, &written.expires_after)
            && expires.in_days() < retain.in_days()
        {
            let text = format!(
                "files would disappear after {}, but are retained for {}",
                expires.value, retain.value
            );
            let conflict = Diagnostic::error(BAD_VALUE, expires.span, text)
                .related(retain.span, "retained for this long");
            self.report(conflict.help("let them expire later, or retain them for less time"));
        }
        Bucket {
            versions: written.versions.unwrap_or(Spanned::new(Period::days(90), place)),
            retain: written.retain.map(|retain| (retain, lock)),
            expires_after: written.expires_after,
        }
    }

    fn table(&mut self, written: &written::Table, context: &mut Context<'_>) -> Table {
        // Source: Amazon DynamoDB Developer Guide, "Quotas": 20 global secondary indexes per table, names of 3 to 255 characters.
        let mut types: HashMap<SmolStr, (crate::model::AttributeType, Span)> = HashMap::new();
        let mut attribute = |key: &Spanned<KeyAttribute>, resolver: &mut Self| {
            let kind = key.value.r#type;
            let (first, place) = *types.entry(key.value.name.clone()).or_insert((kind, key.span));
            if first != kind {
                let text = format!(
                    "the attribute `{}` is a {first} in one key and a {kind} in another",
                    key.value.name
                );
                resolver.report(Diagnostic::error(BAD_VALUE, key.span, text).related(place, "the other key"));
            }
            Spanned::new(Attribute { name: key.value.name.clone(), kind }, key.span)
        };
        let key = attribute(&written.key, self);
        let sort = written.sort.as_ref().map(|sort| attribute(sort, self));
        let mut indexes = Vec::with_capacity(written.indexes.entries.len());
        for (name, index) in &written.indexes.entries {
            let (key, sort) =
                (attribute(&index.key, self), index.sort.as_ref().map(|sort| attribute(sort, self)));
            self.different_keys(&key, sort.as_ref());
            if name.as_str().len() < 3 {
                self.report(Diagnostic::error(
                    BAD_VALUE,
                    name.span,
                    "the name of an index has at least 3 characters",
                ));
            }
            indexes.push(Index { name: name.clone(), key, sort });
        }
        if let Some((name, _)) = written.indexes.entries.get(20) {
            self.report(Diagnostic::error(
                BAD_VALUE,
                name.span,
                "a table has more than 20 indexes, which DynamoDB refuses",
            ));
        }
        self.different_keys(&key, sort.as_ref());
        Table {
            key,
            sort,
            indexes,
            expires_by: written.expires_by.as_ref().map(|name| Spanned::new(name.value.0.clone(), name.span)),
            backup_days: self.backup(written.backup, context),
            deletion_protection: self.deletion_protection(written.deletion_protection, context),
        }
    }

    fn different_keys(&mut self, key: &Spanned<Attribute>, sort: Option<&Spanned<Attribute>>) {
        if let Some(sort) = sort.filter(|sort| sort.value.name == key.value.name) {
            let text = format!("`{}` is both partition key and sort key", sort.value.name);
            self.report(Diagnostic::error(BAD_VALUE, sort.span, text).related(key.span, "the partition key"));
        }
    }

    fn postgresql(
        &mut self,
        written: &written::Postgresql,
        place: Span,
        context: &mut Context<'_>,
    ) -> Postgresql {
        let environment = context.environment;
        let standby =
            written.standby.unwrap_or(Spanned::new(environment.defaults.standby, environment.tier.span));
        if !standby.value && environment.tier.value == Tier::Production {
            let what = "a production database has no standby in another zone".into();
            context.choices.push(Choice { field: "standby", span: standby.span, what });
        }
        let storage = written.storage.unwrap_or(Spanned::new(Capacity { gib: 100 }, place));
        // Source: Amazon RDS User Guide, "Amazon RDS DB instance storage": PostgreSQL on gp3, 20 GiB to 64 TiB.
        if !(20..=65_536).contains(&storage.gib) {
            let text = format!("Amazon RDS for PostgreSQL has no disk of {}", storage.value);
            self.report(
                Diagnostic::error(BAD_VALUE, storage.span, text).expected("from `20 GiB` to `64 TiB`"),
            );
        }
        Postgresql {
            version: written
                .version
                .map_or(Spanned::new(17, place), |version| version.map(|version| version.0)),
            size: written.size.unwrap_or(Spanned::new(environment.defaults.size, environment.tier.span)),
            storage,
            standby,
            backup_days: self.backup(written.backup, context),
            deletion_protection: self.deletion_protection(written.deletion_protection, context),
        }
    }

    /// How far back a store can be restored.
    /// Sources: Amazon RDS User Guide, "Backup retention period", up to 35 days; Amazon DynamoDB API Reference,
    /// PointInTimeRecoverySpecification, `RecoveryPeriodInDays`, 1 to 35.
    fn backup(&mut self, written: Option<Spanned<Period>>, context: &mut Context<'_>) -> Spanned<u32> {
        let environment = context.environment;
        let default = if context.real {
            35.max(environment.defaults.backup_days)
        } else {
            environment.defaults.backup_days
        };
        let Some(backup) = written else { return Spanned::new(default, environment.tier.span) };
        let days = backup.in_days();
        if days > 35 {
            let text = format!("AWS restores to any second of at most 35 days, not of {}", backup.value);
            self.report(
                Diagnostic::error(BAD_VALUE, backup.span, text).expected("from `1 day` to `35 days`"),
            );
        }
        if context.real && days < default {
            let what = format!("{} data can be restored to only the last {}", context.class, backup.value);
            context.choices.push(Choice { field: "backup", span: backup.span, what });
        }
        Spanned::new(days, backup.span)
    }

    fn deletion_protection(
        &mut self,
        written: Option<Spanned<bool>>,
        context: &mut Context<'_>,
    ) -> Spanned<bool> {
        let environment = context.environment;
        let default = environment.defaults.deletion_protection || context.real;
        let protection = written.unwrap_or(Spanned::new(default, environment.tier.span));
        if default && !protection.value {
            let what = format!("a store of {} data can be deleted by mistake", context.class);
            context.choices.push(Choice { field: "deletion-protection", span: protection.span, what });
        }
        protection
    }
}

/// What the settings of a store are judged by.
struct Context<'a> {
    environment: &'a Environment,
    /// Whether it holds real data above `internal`.
    real: bool,
    class: DataClass,
    choices: &'a mut Vec<Choice>,
}
