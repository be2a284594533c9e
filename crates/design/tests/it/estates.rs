//! The estates that blueprints become.

use std::collections::{BTreeMap, BTreeSet};

use design::{Design, Lock};
use estate::{Estate, Kind, StackId, Target};
use serde_json::Value as Json;

use crate::dump::template;
use crate::source;

/// Every stack's template by its path.
fn templates(estate: &Estate) -> BTreeMap<String, Json> {
    estate.stacks().map(|(id, stack)| (estate.stack_path(id), template(estate, id, stack))).collect()
}

fn example(name: &str) -> Design {
    source::compile(&std::fs::read_to_string(source::example(name)).unwrap(), &Lock::default())
}

#[test]
fn the_small_company_as_a_whole() {
    let design = source::compile(source::SMALL, &Lock::default());
    for (id, stack) in design.estate.stacks() {
        let name = format!("small__{}", design.estate.stack_path(id).replace('/', "__"));
        let text = serde_json::to_string_pretty(&template(&design.estate, id, stack)).unwrap();
        insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!(name, text) });
    }
}

#[test]
fn every_example_compiles_without_a_word() {
    for name in source::EXAMPLES {
        let (design, said) =
            source::try_compile(&std::fs::read_to_string(source::example(name)).unwrap(), &Lock::default());
        assert_eq!(said, Vec::<String>::new(), "{name}");
        assert!(design.unwrap().estate.resource_count() > 300, "{name}");
    }
}

#[test]
fn the_same_blueprint_makes_the_same_estate() {
    for name in source::EXAMPLES {
        assert_eq!(templates(&example(name).estate), templates(&example(name).estate), "{name}");
    }
}

/// The stacks that a stack refers to.
fn references(estate: &Estate) -> BTreeMap<StackId, BTreeSet<StackId>> {
    estate
        .stacks()
        .map(|(id, stack)| {
            let mut to: BTreeSet<StackId> = stack.depends_on.iter().copied().collect();
            for resource in stack.resources.values() {
                resource.properties.walk(&mut |value| {
                    if let Kind::Reference(reference) = &value.kind
                        && let Target::Resource { stack: other, .. } = &reference.target
                        && *other != id
                    {
                        to.insert(*other);
                    }
                });
            }
            (id, to)
        })
        .collect()
}

#[test]
fn stacks_never_refer_to_each_other_in_a_circle() {
    let mutual = source::SMALL.replace("reads: [scans] }", "reads: [scans], uses: [portal] }");
    let mut all: Vec<Design> = source::EXAMPLES.into_iter().map(example).collect();
    all.extend([source::SMALL, &mutual].map(|text| source::compile(text, &Lock::default())));
    for design in all {
        let mut open = references(&design.estate);
        while !open.is_empty() {
            let done: BTreeSet<StackId> =
                open.iter().filter(|(_, to)| to.is_empty()).map(|(id, _)| *id).collect();
            let left: Vec<_> = open.keys().map(|id| design.estate.stack_path(*id)).collect();
            assert!(!done.is_empty(), "{} has a circle among {left:?}", design.estate.name);
            open.retain(|id, _| !done.contains(id));
            open.values_mut().for_each(|to| to.retain(|id| !done.contains(id)));
        }
    }
}

#[test]
fn references_lead_to_resources_and_depends_on_too() {
    for name in source::EXAMPLES {
        let design = example(name);
        for (id, stack) in design.estate.stacks() {
            for (logical_id, resource) in &stack.resources {
                let place = format!("{} {logical_id}", design.estate.stack_path(id));
                for dependency in &resource.depends_on {
                    assert!(
                        stack.resources.contains_key(&dependency.id),
                        "{place} depends on {}",
                        dependency.id
                    );
                }
                resource.properties.walk(&mut |value| {
                    let Kind::Reference(reference) = &value.kind else { return };
                    if let Some((stack, id)) = reference.resource() {
                        assert!(
                            design.estate.resource(stack, id).is_some(),
                            "{place} refers to nothing: {reference}"
                        );
                    }
                });
                assert!(!resource.origin.span.is_none(), "{place} comes from nowhere");
                assert!(!resource.origin.component.is_empty(), "{place} was made by nobody");
            }
        }
    }
}

#[test]
fn what_crosses_accounts_can_be_wired() {
    // What another account needs is known as text: an id, an ARN or a name, never a list.
    let wired = ["Arn", "BackupVaultArn", "CanonicalHostedZoneID", "DNSName", "Id", "RootId", ""];
    for name in source::EXAMPLES {
        let design = example(name);
        for (_, stack) in design.estate.stacks() {
            for resource in stack.resources.values() {
                resource.properties.walk(&mut |value| {
                    let Kind::Reference(reference) = &value.kind else { return };
                    let Some((other, _)) = reference.resource() else { return };
                    let account = design.estate.stack(other).unwrap().account;
                    let attribute = reference.attribute.as_deref().unwrap_or("");
                    assert!(
                        account == stack.account || wired.contains(&attribute),
                        "{} {reference}",
                        stack.name
                    );
                });
            }
        }
    }
}

#[test]
fn adding_an_account_and_environment_changes_only_what_belongs_to_it() {
    let before = source::compile(source::SMALL, &Lock::default());
    let more = source::SMALL
        .replace("live: { accounts: [production] }", "live: { accounts: [extra, production] }")
        .replace(
            "  production: { tier: production }",
            "  extra: { tier: staging }\n  production: { tier: production }",
        );
    let after = source::compile(&more, &before.lock);
    let (old, new) = (templates(&before.estate), templates(&after.estate));
    let changed: BTreeSet<&str> = new
        .iter()
        .filter(|(path, text)| old.get(*path) != Some(text))
        .map(|(path, _)| path.as_str())
        .collect();
    let foreign: Vec<_> = changed.iter().filter(|path| !path.starts_with("extra/")).collect();
    // The trail of data events names the new stores, if they hold real data: these do not.
    assert_eq!(foreign, [&"management/us-east-1/organization"]);
    let resources = |all: &BTreeMap<String, Json>| {
        all["management/us-east-1/organization"]["Resources"].as_object().unwrap().clone()
    };
    let (old, mut new) = (resources(&old), resources(&new));
    assert!(new.remove("ExtraAccount").is_some());
    assert_eq!(old, new, "the new account comes last, whatever its place in the blueprint");
    assert!(old.keys().all(|id| !id.is_empty()));
}

#[test]
fn every_stateful_resource_outlives_its_stack() {
    let stateful = [
        "AWS::Backup::BackupVault",
        "AWS::CloudTrail::Trail",
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::Logs::LogGroup",
        "AWS::Organizations::Account",
        "AWS::Organizations::Organization",
        "AWS::Organizations::OrganizationalUnit",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
    ];
    let mut seen = BTreeSet::new();
    let design = source::compile(source::SMALL, &Lock::default());
    for (_, stack) in design.estate.stacks() {
        for (id, resource) in &stack.resources {
            if let Some(kind) = stateful.iter().find(|kind| resource.kind == **kind) {
                seen.insert(*kind);
                assert!(
                    resource.deletion_policy.is_some() && resource.update_replace_policy.is_some(),
                    "{id}"
                );
            }
        }
    }
    assert_eq!(seen.len(), stateful.len(), "{seen:?}");
}

#[test]
fn everything_taggable_has_the_required_tags() {
    let required = ["application", "data-class", "environment", "owner"];
    let design = source::compile(source::SMALL, &Lock::default());
    let mut without = BTreeSet::new();
    for (stack_id, stack) in design.estate.stacks() {
        let template = template(&design.estate, stack_id, stack);
        for (id, resource) in &stack.resources {
            let schema =
                catalog::Catalog::shared().resource_type(&resource.kind).expect("the catalog has the type");
            let tagging = schema.tagging().filter(|tagging| tagging.taggable);
            // A changed tag replaces it, and meanwhile nothing is recorded.
            if resource.kind == "AWS::Route53Resolver::ResolverQueryLoggingConfig" {
                continue;
            }
            let Some(path) = tagging.and_then(|tagging| tagging.property.as_ref()) else { continue };
            let text = serde_json::to_string(&template["Resources"][id.as_str()]["Properties"]).unwrap();
            let has = |tag: &&str| {
                text.contains(&format!("\"Key\":\"{tag}\"")) || text.contains(&format!("\"{tag}\":"))
            };
            if !required.iter().all(has) {
                without.insert(format!("{} at {path:?}", resource.kind));
            }
        }
    }
    assert_eq!(without, BTreeSet::new());
}

#[test]
fn a_sandbox_has_a_network_and_nothing_in_it() {
    let text = source::SMALL.replace("  production: { tier: production }", "  production: { tier: sandbox }");
    let design = source::compile(
        &text.replace("stores:", "x-stores:").replace("workloads:\n  portal", "x-workloads:\n  portal"),
        &Lock::default(),
    );
    let kinds: BTreeSet<String> = design
        .estate
        .stacks()
        .filter(|(_, stack)| stack.name.starts_with("production-"))
        .flat_map(|(_, stack)| stack.resources.values().map(|resource| resource.kind.to_string()))
        .collect();
    assert!(kinds.contains("AWS::EC2::VPC"));
    assert!(!kinds.contains("AWS::EC2::InternetGateway"), "nothing is served, so there is no way in");
    assert!(!kinds.iter().any(|kind| kind.starts_with("AWS::ECS") || kind.starts_with("AWS::RDS")));
}

#[test]
fn whoever_administers_a_key_cannot_use_it() {
    let mut keys = 0;
    for (_, template) in source::EXAMPLES.into_iter().flat_map(|name| templates(&example(name).estate)) {
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let Some(statements) = resource["Properties"]["KeyPolicy"]["Statement"].as_array() else {
                continue;
            };
            keys += 1;
            for statement in statements.iter().filter(|statement| statement["Condition"].is_null()) {
                let text = statement["Action"].to_string();
                let uses = ["crypt", "GenerateDataKey", "CreateGrant", "kms:*", "DisableKeyRotation"];
                assert!(uses.iter().all(|word| !text.contains(word)), "{id}: {statement}");
            }
        }
    }
    assert!(keys > 50);
}

#[test]
fn what_only_looks_like_data_is_tagged_so() {
    let check = |environment: &str, expected: bool| {
        let text = source::SMALL.replace("production: { tier: production }", environment);
        let all = templates(&source::compile(&text, &Lock::default()).estate);
        let table = all["production/us-east-1/production-data-sessions"].to_string();
        assert_eq!(table.contains("synthetic-data"), expected, "{environment}");
    };
    check("production: { tier: production }", false);
    check("production: { tier: staging }", true);
    check("production: { tier: staging, contains: pii, because: Copied for a rehearsal. }", false);
}

#[test]
fn a_template_of_the_users_own_has_its_place() {
    let text = format!(
        "{}templates: {{ legacy: {{ file: legacy.yaml, environment: production }} }}\n",
        source::SMALL
    );
    let files = blueprint::MemoryFiles::new().with("estate.yaml", text).with("legacy.yaml", "Resources: {}");
    let (mut sources, mut diagnostics) = (<_>::default(), <_>::default());
    let blueprint =
        blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics).expect("no mistakes");
    let design = design::compile(&blueprint, &Lock::default(), &mut diagnostics).expect("it compiles");
    let places = design::template_places(&blueprint);
    assert_eq!(places.len(), 1);
    assert_eq!(design.estate.account(places[0].account).unwrap().name, "production");
    assert_eq!((places[0].region.as_str(), places[0].stack_name.as_str()), ("us-east-1", "template-legacy"));
}

#[test]
fn an_image_from_the_internet_is_refused() {
    let with = |image: &str| {
        source::try_compile(
            &source::SMALL.replace("copies: 2,", &format!("copies: 2, image: \"{image}\",")),
            &Lock::default(),
        )
    };
    let (design, said) = with("public.ecr.aws/nginx/nginx:1.29");
    assert!(design.is_none() && said.iter().any(|one| one.starts_with("DSN0005")), "{said:?}");
    let (design, said) = with("111122223333.dkr.ecr.us-east-1.amazonaws.com/renderer:7");
    assert!(design.is_some(), "{said:?}");
}

#[test]
fn people_get_rights_through_groups_and_administrators_use_no_key() {
    let identity = "\
identity:
  groups: { ops: [ana@acme.example], custodians: [ben@acme.example] }
  access:
    - { group: ops, may: administer, in: everywhere, sessions: 1 hour }
    - { group: ops, may: operate, in: live }
  emergency: { people: [ana@acme.example] }
keys: { administrators: custodians }
";
    let design = source::compile(&format!("{}{identity}", source::SMALL), &Lock::default());
    let all = templates(&design.estate);
    let resources = all["management/us-east-1/identity"]["Resources"].as_object().unwrap();
    let of = |kind: &str| {
        let found = resources.iter().filter(|(_, one)| one["Type"] == kind);
        let mut ids: Vec<&str> = found.map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(of("AWS::IdentityStore::Group"), ["CustodiansGroup", "EmergencyGroup", "OpsGroup"]);
    let sets = [
        "Administrator1hPermissions",
        "EmergencyPermissions",
        "KeyAdministratorPermissions",
        "SystemAdministratorPermissions",
    ];
    assert_eq!(of("AWS::SSO::PermissionSet"), sets);
    // Three member accounts for three of them, the one of the unit for the fourth.
    assert_eq!(of("AWS::SSO::Assignment").len(), 10);
    for id in sets.iter().filter(|id| !id.starts_with("Emergency")) {
        let inline = resources[*id]["Properties"]["InlinePolicy"].to_string();
        assert!(inline.contains("Deny") && inline.contains("kms:Decrypt"), "{id}: {inline}");
    }
    let guardrails = all["management/us-east-1/guardrails"].to_string();
    assert!(guardrails.contains("AWSReservedSSO_KeyAdministrator_"));
    assert!(all["management/us-east-1/trail"].to_string().contains("EmergencyAccessAlarm"));
    let identity = design.estate.stacks().find(|(_, stack)| stack.name == "identity").unwrap().1;
    assert!(identity.steps.iter().any(|step| step.what.contains("turn IAM Identity Center on")));
}

#[test]
fn a_guardrail_is_left_out_with_a_reason_only_and_is_then_not_there() {
    let without = source::SMALL.replace(
        "organization:\n",
        "organization:\n  without: imdsv2\n  because: An appliance speaks version 1 only.\n",
    );
    let design = source::compile(&without, &Lock::default());
    let text = templates(&design.estate)["management/us-east-1/guardrails"].to_string();
    assert!(!text.contains("MetadataHttpTokens") && text.contains("cloudtrail:StopLogging"));
    let with = templates(&source::compile(source::SMALL, &Lock::default()).estate);
    assert!(with["management/us-east-1/guardrails"].to_string().contains("MetadataHttpTokens"));
}
