//! The blueprint as it is written: the syntax tree.
//!
//! In: a document. Out: records whose fields are what somebody wrote, with places; nothing inherited, no
//! default applied, no name looked up. The doc comments here are the descriptions of the JSON Schema and what
//! `docs/blueprint.md` says in more words. `planned` lists the part of the language that is refused as not built.

mod backup;
mod environment;
mod identity;
mod network;
mod organization;
mod store;
mod watching;
mod workload;

pub use backup::{Backup, CopiesTo, RestoreTest};
pub use environment::{Environment, Overrides, Tier, overlaid};
pub use identity::{Access, Group, Identity, IdentitySource, Role};
pub use network::{Flow, Hub, Network, Way};
pub use organization::{Account, Guardrail, Organization, Unit};
pub use store::{
    AttributeType, Bucket, DataClass, KeyAttribute, Lock, Postgresql, Store, StoreCommon, StoreKind, Table,
};
pub use watching::{Alarm, Detection, GuardDuty, Macie, Rule, Told};
pub use workload::{Host, Protocol, RunsOn, Size, Workload};

use diagnostics::Diagnostics;
use document::{Kind, Node};
use serde_json::{Value, json};

use crate::Spanned;
use crate::reader::{Decode, Definitions, Field, Many, Named, Planned, Required, Texts, wrong_type};
use crate::record::{choice, record};
use crate::scalars::{Date, DomainName, Email, Name, Number, Period, RelativePath, Text, Word};

/// Every word of the language that is refused as not built yet.
pub fn planned() -> impl Iterator<Item = &'static Planned> {
    [
        Blueprint::PLANNED,
        Framework::PLANNED,
        Contacts::PLANNED,
        Network::PLANNED,
        Hub::PLANNED,
        Way::PLANNED,
        Flow::PLANNED,
        Organization::PLANNED,
        Unit::PLANNED,
        Account::PLANNED,
        Environment::PLANNED,
        StoreCommon::PLANNED,
        store::StoreKindName::PLANNED,
        DataClass::PLANNED,
        Bucket::PLANNED,
        Table::PLANNED,
        Postgresql::PLANNED,
        Workload::PLANNED,
        RunsOn::PLANNED,
        Protocol::PLANNED,
        Keys::PLANNED,
        KeyScope::PLANNED,
        Logs::PLANNED,
        Template::PLANNED,
        Backup::PLANNED,
        CopiesTo::PLANNED,
        RestoreTest::PLANNED,
        Detection::PLANNED,
        Identity::PLANNED,
        IdentitySource::PLANNED,
        Role::PLANNED,
        identity::Emergency::PLANNED,
        Told::PLANNED,
    ]
    .into_iter()
    .flatten()
}

record! {
    /// A whole regulated company on AWS, described. Everything that is not said is the secure choice; an unsafe
    /// choice is written down with its reason (`because:`).
    pub struct Blueprint "the blueprint" {
        /// More files of this blueprint. Their sections are merged into this one; a thing is said in one file only.
        include as "include": Many<RelativePath>,
        /// The company in one short word: AWS names begin with it. At most 20 characters; cannot be changed later.
        name as "name": Required<Name>,
        /// The company's name for people. Default: `name`.
        title as "title": Option<Spanned<Text>>,
        /// The company's domain. What is served to the internet gets its host names and certificates beneath it.
        domain as "domain": Option<Spanned<DomainName>>,
        /// The frameworks that the company answers to. They decide how long is kept what, and what evidence is made.
        frameworks as "frameworks": Many<Framework>,
        /// The people to whom alarms and outages are told.
        contacts as "contacts": Required<Contacts>,
        /// Where the company is at home, and where it goes when that region is lost.
        regions as "regions": Required<Regions>,
        /// The address plan.
        network as "network": Option<Spanned<Network>>,
        /// The AWS Organization: units and the accounts in them.
        organization as "organization": Required<Organization>,
        /// The environments: production, staging and so on, each in an account and a network of its own.
        environments as "environments": Named<Environment>,
        /// Where data is kept: buckets, tables, databases.
        stores as "stores": Named<Store>,
        /// What runs: services and workers.
        workloads as "workloads": Named<Workload>,
        /// Approved ways between environments, offices and the internet. Everything else stays closed.
        flows as "flows": Many<Flow>,
        /// The customer-managed keys that encrypt every store.
        keys as "keys": Option<Spanned<Keys>>,
        /// The organization's audit trail and the archive that nobody can empty.
        logs as "logs": Option<Spanned<Logs>>,
        /// Backups: where copies go, and how often one is restored.
        backup as "backup": Option<Spanned<Backup>>,
        /// People, groups, and what they may do.
        identity as "identity": Option<Spanned<Identity>>,
        /// What watches every account in every region, and who is told.
        detection as "detection": Option<Spanned<Detection>>,
        /// Rules of AWS Config beside those that judge every account.
        rules as "rules": Many<Rule>,
        /// Alarms on the audit trail of which the operations contact hears too; the security contact hears of all.
        alarms as "alarms": Many<Alarm>,
        /// Tags on everything. `owner`, `environment`, `application` and `data-class` are always there.
        tags as "tags": Texts,
        /// CloudFormation templates of your own. They join the estate and are proved together with the rest.
        templates as "templates": Named<Template>,
        /// What must hold, in sentences: `never: sandbox reaches production`.
        guarantees as "guarantees": Many<Guarantee>,
        /// Guarantees that are suspended for something, with owner, reason and end.
        exceptions as "exceptions": Many<Exception>,
    }
    planned {
        "recovery": "drills, objectives and failover between regions",
        "delivery": "pipelines for developers and for infrastructure",
        "operations": "the management console, jobs, patching, drift",
        "machines": "instances that are kept and patched, golden images",
        "clusters": "Kubernetes clusters and their policies",
        "sites": "static sites behind CloudFront",
        "directory": "Active Directory behind sign-in",
        "cost": "budgets per application and environment",
        "reviews": "scheduled reviews and penetration tests",
    }
}

choice! {
    /// A framework of controls.
    pub enum Framework "a framework" {
        /// The HIPAA Security Rule, 45 CFR Part 164 Subpart C. Logs are kept six years.
        Hipaa = "hipaa",
        /// SOC 2, the AICPA Trust Services Criteria. Logs are kept one year, the longest period of a Type II report.
        Soc2 = "soc2",
        /// The CIS AWS Foundations Benchmark.
        Cis = "cis",
        /// NIST Special Publication 800-53.
        Nist80053 = "nist-800-53",
    }
    planned {
        "pci-dss": "the payment card standard",
        "iso-27001": "ISO/IEC 27001",
        "fedramp": "FedRAMP baselines",
        "well-architected": "the Well-Architected pillars as a review",
    }
}

record! {
    /// The people to whom alarms and outages are told.
    pub struct Contacts "contacts" {
        /// Who hears of a breach, first.
        security as "security": Required<Email>,
        /// Who hears of an outage. Default: the security contact.
        operations as "operations": Option<Spanned<Email>>,
    }
    planned {
        "billing": "who hears of cost; AWS's alternate contact for billing",
        "privacy": "who answers for personal and health data",
        "on-call": "a rota that alarms page",
    }
}

record! {
    /// The regions of the estate. All others are for nobody.
    pub struct Regions "regions" {
        /// Where everything runs.
        primary as "primary": Required<Word>,
        /// Where it goes when the primary region is lost. Keys become multi-Region keys, so that data can follow, and
        /// every environment's addresses are reserved there too.
        recovery as "recovery": Option<Spanned<Word>>,
    }
    planned {}
}

record! {
    /// The customer-managed KMS keys. Every store is encrypted with one; there is no word to turn that off.
    pub struct Keys "keys" {
        /// How many keys an environment has: one for each class of data, or one for each store.
        per as "per": Option<Spanned<KeyScope>> = "class",
        /// How often the key material changes, 90 days to 7 years. Longer than a year needs `because:`.
        rotate as "rotate": Option<Spanned<Period>> = "1 year",
        /// The group that manages keys in every account and cannot decrypt with any.
        administrators as "administrators": Option<Spanned<Word>>,
        /// Days between the order to delete a key and its deletion. Fewer than 30 needs `because:`.
        deletion_wait_days as "deletion-wait-days": Option<Spanned<Number<7, 30>>> = 30,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "store": "external key stores and CloudHSM",
    }
}

choice! {
    /// What shares a key.
    pub enum KeyScope "a scope of keys" {
        /// One key for each class of data in each environment.
        Class = "class",
        /// One key for each store in each environment.
        Store = "store",
    }
    planned {
        "tenant": "one key for each tenant",
    }
}

record! {
    /// The organization's trail: all accounts, all regions, validated, encrypted, and kept where nobody can delete it.
    pub struct Logs "logs" {
        /// How long the archive keeps the trail. Default: what the frameworks ask, six years for HIPAA, else one year.
        retain as "retain": Option<Spanned<Period>>,
        /// Whether anybody at all can shorten it. `governance` needs `because:`.
        lock as "lock": Option<Spanned<Lock>> = "compliance",
        /// Of which buckets and tables every single reading and writing is recorded. Only real data counts: that of test
        /// environments is not worth its price. `nowhere` needs `because:` where a bucket or table holds health data.
        data_events as "data-events": Option<Spanned<DataEvents>> = "phi",
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "applications": "application logs by Fluent Bit into OpenSearch",
        "search": "dashboards and queries over the archive",
        "readers": "auditors who may read the archive",
    }
}

choice! {
    /// Of which buckets and tables every single reading and writing is recorded.
    pub enum DataEvents "a choice of what is recorded" {
        /// Of those that hold health data.
        Phi = "phi",
        /// Of those that hold health, personal or financial data.
        Personal = "personal",
        /// Of none. Needs `because:` where one holds health data.
        Nowhere = "nowhere",
    }
    planned {}
}

record! {
    /// A CloudFormation template of your own.
    pub struct Template "a template" {
        /// The template, a path inside the blueprint's folder.
        file as "file": Spanned<RelativePath>,
        /// The environment it belongs to. Either this or `account` is written.
        environment as "environment": Option<Spanned<Word>>,
        /// The account it belongs to.
        account as "account": Option<Spanned<Word>>,
        /// The region: `primary`, `recovery` or a region's name.
        region as "region": Option<Spanned<Word>> = "primary",
        /// Values for its parameters. One that is missing here and has no default in the template is unknown to every proof.
        parameters as "parameters": Texts,
        /// Tags on its resources.
        tags as "tags": Texts,
    }
    planned {
        "environments": "the same template in several environments",
    }
}

record! {
    /// A sentence that must hold: exactly one of `never`, `only` and `always`.
    pub struct Guarantee "a guarantee" {
        /// What must never be possible: `sandbox reaches production`, `anyone reads records`.
        never as "never": Option<Spanned<Text>>,
        /// The only way it may be possible: `internet reaches portal through firewall`, `portal reads records`.
        only as "only": Option<Spanned<Text>>,
        /// What must always be possible: `portal reaches records on 5432`.
        always as "always": Option<Spanned<Text>>,
        /// A name for reports. Default: made of the sentence.
        name as "name": Option<Spanned<Name>>,
        /// Why it must hold; shown with its verdict.
        because as "because": Option<Spanned<Text>>,
    }
    planned {}
}

record! {
    /// A guarantee that is suspended for something. After `until` it is violated again.
    pub struct Exception "an exception" {
        /// The guarantee, by its id.
        guarantee as "guarantee": Spanned<Word>,
        /// What it is suspended for: environments, units, accounts, stores, workloads, templates, `environment/name`, or
        /// resources by the path that a verdict shows, with `*` for any text.
        r#for as "for": Many<Word>,
        /// Why it is suspended; shown in the report and in the evidence.
        because as "because": Spanned<Text>,
        /// Who answers for it.
        owner as "owner": Spanned<Email>,
        /// The last day on which it counts.
        until as "until": Spanned<Date>,
    }
    planned {}
}

/// Why unsafe choices are right here: one reason, or one for each choice where there are several.
#[derive(Debug, Clone)]
pub enum Because {
    /// The reason for the one unsafe choice.
    One(Text),
    /// The field of each unsafe choice with its reason.
    Each(Vec<(Spanned<smol_str::SmolStr>, Spanned<smol_str::SmolStr>)>),
}

impl Decode for Because {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => {
                let Texts(reasons) = Texts::present(node, diagnostics)?;
                Some(Self::Each(reasons))
            }
            Kind::String(_) => Text::decode(node, diagnostics).map(Self::One),
            _ => {
                diagnostics.push(wrong_type(node, "a reason, or a mapping from unsafe fields to reasons"));
                None
            }
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let text = Text::schema(definitions);
        json!({ "anyOf": [text, { "type": "object", "additionalProperties": { "type": "string" } }] })
    }
}
