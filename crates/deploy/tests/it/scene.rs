//! A small estate of templates, and a local cloud for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deploy::engine::{self, Notice, Outcome, Settings, Watch};
use deploy::local::LocalCloud;
use deploy::patience::Patience;
use deploy::{Cloud, Depth, ledger};
use emit::cloudformation::{Manifest, ManifestAccount, ManifestParameter, ManifestStack, OutputOf};
use plan::{Desired, Inventory, Plan, Selector, sha256};
use serde_json::{Value, json};

/// Watches nothing.
pub struct Blind;

impl Watch for Blind {
    fn notice(&self, _: &Notice<'_>) {}
}

/// A cloud in a file of its own, which goes with it.
pub struct Scene {
    pub path: PathBuf,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Scene {
    pub fn new() -> Self {
        let name =
            format!("steward-deploy-{}-{}.db", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { path: std::env::temp_dir().join(name) }
    }

    pub fn cloud(&self) -> LocalCloud {
        LocalCloud::open(&self.path, "tester").unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            let _ = std::fs::remove_file(path);
        }
    }
}

pub fn settings(parallel: usize) -> Settings {
    Settings {
        parallel,
        poll: Duration::from_millis(1),
        longest: Duration::from_secs(20),
        patience: Patience::new(Duration::from_micros(10), Duration::from_millis(1), 60, 7),
        revert_drift: false,
    }
}

fn stack(account: &str, name: &str, wave: u32, after: &[&str], template: &Value) -> (ManifestStack, String) {
    let text = template.to_string();
    let key =
        |name: &str| if name.contains('/') { name.to_owned() } else { format!("{account}/us-east-1/{name}") };
    let parameters = template.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    // A parameter is called as the stack and the output that it comes from: `base.Topic`.
    let parameters = parameters.map(|(name, written)| {
        let from = written["Description"].as_str().and_then(|from| from.rsplit_once('.'));
        ManifestParameter {
            name: name.clone(),
            from: from.map(|(stack, output)| OutputOf { stack: key(stack), output: output.to_owned() }),
            account: None,
            value: None,
            supply: None,
            optional: false,
        }
    });
    let stack = ManifestStack {
        key: key(name),
        account: account.to_owned(),
        region: Some("us-east-1".to_owned()),
        name: name.to_owned(),
        wave,
        template: format!("{account}/{name}.json"),
        sha256: sha256(text.as_bytes()),
        bytes: text.len(),
        resources: template["Resources"].as_object().map_or(0, serde_json::Map::len),
        upload: false,
        capabilities: vec!["CAPABILITY_NAMED_IAM".to_owned()],
        tags: BTreeMap::from([("steward:estate".to_owned(), "small".to_owned())]),
        after: after.iter().map(|name| key(name)).collect(),
        steps: Vec::new(),
        parameters: parameters.collect(),
        outputs: template["Outputs"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
        nested_in: None,
        nests: false,
        brought: false,
    };
    (stack, text)
}

/// Three stacks in the management account and two in one that it makes. `days` is a property in the middle.
pub fn small(days: u32) -> Desired {
    let organization = json!({
        "Resources": {
            "Organization": { "Type": "AWS::Organizations::Organization", "DeletionPolicy": "Retain", "Properties": { "FeatureSet": "ALL" } },
            "Unit": { "Type": "AWS::Organizations::OrganizationalUnit", "DeletionPolicy": "Retain",
                      "Properties": { "Name": "work", "ParentId": { "Fn::GetAtt": ["Organization", "RootId"] } } },
            "Member": { "Type": "AWS::Organizations::Account", "DeletionPolicy": "Retain",
                        "Properties": { "AccountName": "member", "Email": "aws+member@example.com", "ParentIds": [{ "Ref": "Unit" }] } },
        },
        "Outputs": { "MemberId": { "Value": { "Fn::GetAtt": ["Member", "AccountId"] } }, "UnitId": { "Value": { "Ref": "Unit" } } },
    });
    let base = json!({
        "Resources": {
            "Key": { "Type": "AWS::KMS::Key", "Properties": { "EnableKeyRotation": true } },
            "Topic": { "Type": "AWS::SNS::Topic", "Properties": { "KmsMasterKeyId": { "Ref": "Key" } } },
        },
        "Outputs": { "Topic": { "Value": { "Ref": "Topic" } } },
    });
    let fleet = json!({
        "Parameters": { "UnitId": { "Type": "String", "Description": "organization.UnitId" } },
        "Resources": {
            "Everywhere": { "Type": "AWS::CloudFormation::StackSet", "Properties": {
                "StackSetName": "everywhere", "PermissionModel": "SERVICE_MANAGED",
                "StackInstancesGroup": [{ "DeploymentTargets": { "OrganizationalUnitIds": [{ "Ref": "UnitId" }] }, "Regions": ["us-east-1"] }],
                "TemplateBody": "{\"Resources\":{\"Group\":{\"Type\":\"AWS::Logs::LogGroup\",\"Properties\":{\"RetentionInDays\":30}}}}" } },
        },
    });
    let data = json!({
        "Parameters": { "Topic": { "Type": "String", "Description": "management/us-east-1/base.Topic" } },
        "Resources": {
            "Logs": { "Type": "AWS::Logs::LogGroup", "Properties": { "RetentionInDays": days, "Tags": [{ "Key": "topic", "Value": { "Ref": "Topic" } }] } },
            "Store": { "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {} },
        },
        "Outputs": { "Store": { "Value": { "Ref": "Store" } } },
    });
    let service = json!({
        "Parameters": { "Store": { "Type": "String", "Description": "data.Store" } },
        "Resources": {
            "Role": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] },
                      "Description": { "Fn::Sub": "reads ${Store} in ${AWS::AccountId}" } } },
        },
    });
    let stacks = [
        stack("management", "organization", 1, &[], &organization),
        stack("management", "base", 1, &[], &base),
        stack("management", "fleet", 2, &["organization"], &fleet),
        stack("member", "data", 2, &["management/us-east-1/base"], &data),
        stack("member", "service", 3, &["data"], &service),
    ];
    let account = |name: &str, from: Option<OutputOf>| ManifestAccount {
        name: name.to_owned(),
        title: None,
        number: None,
        number_from: from,
        environment: None,
    };
    let member =
        OutputOf { stack: "management/us-east-1/organization".to_owned(), output: "MemberId".to_owned() };
    let manifest = Manifest {
        generator: "test".to_owned(),
        version: 1,
        estate: "small".to_owned(),
        accounts: vec![account("management", None), account("member", Some(member))],
        regions: vec!["us-east-1".to_owned()],
        waves: Vec::new(),
        stacks: stacks.iter().map(|(stack, _)| stack.clone()).collect(),
        placement: BTreeMap::new(),
        files: Vec::new(),
    };
    let templates = stacks.into_iter().map(|(stack, text)| (stack.template, Arc::from(text))).collect();
    let hash = sha256(manifest.text().as_bytes());
    Desired { manifest, templates, management: Some("management".to_owned()), hash }
}

pub fn there(cloud: &dyn Cloud, desired: &Desired) -> Inventory {
    deploy::inventory(cloud, "small", Some(&desired.manifest), Some("management"), Depth::Resources).unwrap()
}

pub fn planned(desired: &Desired, inventory: &Inventory) -> Plan {
    plan::order(desired, inventory, &Selector::all(), &BTreeMap::new(), &std::collections::BTreeSet::new())
        .unwrap()
}

/// Applies as the command does, without its screen.
pub fn apply(cloud: &dyn Cloud, desired: &Desired) -> Outcome {
    let inventory = there(cloud, desired);
    let plan = planned(desired, &inventory);
    keep(cloud, &plan);
    engine::carry_out(cloud, &plan, &inventory, &settings(4), &Blind)
}

pub fn keep(cloud: &dyn Cloud, plan: &Plan) {
    let mut kept = ledger::kept(cloud, "small").unwrap();
    kept.after.extend(plan.after.clone());
    kept.regions = vec!["us-east-1".to_owned()];
    kept.management = Some("management".to_owned());
    ledger::keep(cloud, "small", &kept).unwrap();
}

/// Everything that the cloud has, in words.
pub fn census(cloud: &LocalCloud) -> Vec<String> {
    let word = |it: deploy::local::Found| {
        let of = it.of.map_or_else(|| "nobody's".to_owned(), |(stack, id)| format!("{stack}/{id}"));
        format!("{} {} {of} {}", it.place.region, it.kind, it.properties)
    };
    let mut all: Vec<String> = cloud.find("").unwrap().into_iter().map(word).collect();
    all.sort();
    all
}
