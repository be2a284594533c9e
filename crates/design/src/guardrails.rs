//! Guardrails: what nobody in an account can do, whatever its own administrators allow.
//!
//! In: for the organization and for each unit its guardrails. Out: one stack in the management account with the service
//! and resource control policies, and the policies that every account has: AI opt-out, EC2 and S3 declared
//! closed, the spelling of tags. Always: a policy is attached to something; guardrails are packed in one order
//! into as few policies as AWS's quotas allow, and what does not fit is refused; the management account, which
//! control policies do not reach, holds nothing but the organization.
//!
//! Sources: AWS Organizations User Guide, "Service control policies (SCPs)", "Resource control policies (RCPs)", "Quotas
//! and service limits", "Tag policy syntax and examples", "AI services opt-out policy syntax and examples",
//! "Declarative policy syntax and examples", "Amazon S3 policy syntax and examples".

mod packing;
mod statements;

use blueprint::model::{Guardrail, Unit};
use diagnostics::{Diagnostic, Diagnostics, Span};
use estate::{Entry, Map, SmolStr, Step, Value, When, value};

use crate::codes::GUARDRAILS_DO_NOT_FIT;
use crate::draft::{Draft, Drawn, Say, account_id, attribute, reference};
use crate::layout::{self, Layout};
use crate::tags::Tags;
use crate::{naming, organization};

use packing::Policy;
use statements::{Form, Kind};

/// The component's name.
pub(crate) const COMPONENT: &str = "guardrails";

/// What the names of the rules begin with by which findings reach a person.
pub(crate) const RULES: &str = "organization-findings";

/// What policies are attached to.
struct Target {
    /// What ids and names begin with: `Root`, `ApplicationsLive`.
    name: SmolStr,
    /// The id that AWS gives it.
    id: Value,
    guardrails: Vec<(Guardrail, Span)>,
}

/// The stack of the guardrails.
pub(crate) fn stack(layout: &Layout<'_>) -> Drawn {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let place = &foundation.management_place;
    let text = smol_str::format_smolstr!("Guardrails of {}", blueprint.title);
    let span = blueprint.organization.span;
    let mut draft = Draft::new(foundation.guardrails, "guardrails", place, COMPONENT, span, text);
    enable(layout, &mut draft);
    let tags = layout.tags(blueprint.organization.management);
    let mut before: Option<SmolStr> = None;
    for target in targets(layout) {
        for kind in [Kind::Service, Kind::Resource] {
            for (at, policy) in (1..).zip(packed(layout, &target, kind)) {
                add(layout, &mut draft, &target, kind, at, &policy, &mut before, &tags);
            }
        }
    }
    for one in managed(layout) {
        draft.at(one.span);
        let properties = value!({
            "Name": smol_str::format_smolstr!("{}-{}", blueprint.name, one.name),
            "Description": one.description,
            "Type": one.kind,
            "TargetIds": [attribute(foundation.organization, organization::ORGANIZATION, "RootId")],
            "Content": one.content,
            "Tags": tags.list(),
        });
        chain(draft.add(one.id, "AWS::Organizations::Policy", properties), one.id.into(), &mut before);
    }
    draft.finish()
}

/// Organizations changes one policy at a time: each waits for the one before it.
fn chain(made: &mut estate::Resource, id: SmolStr, before: &mut Option<SmolStr>) {
    if let Some(before) = before.replace(id) {
        made.after(before);
    }
}

#[expect(clippy::too_many_arguments, reason = "one policy is made of all of these")]
fn add(
    layout: &Layout<'_>,
    draft: &mut Draft,
    target: &Target,
    kind: Kind,
    at: usize,
    policy: &Policy,
    before: &mut Option<SmolStr>,
    tags: &Tags,
) {
    let words: Vec<&str> = policy.guardrails.iter().map(|guardrail| guardrail.word()).collect();
    let span = target.guardrails.iter().find(|(one, _)| policy.guardrails.contains(one));
    draft.at(span.map_or(Span::NONE, |(_, span)| *span));
    let (what, short) = kind.names();
    let properties = value!({
        "Name": smol_str::format_smolstr!("{}-{}-{short}-{at}", layout.blueprint.name, target.name),
        "Description": words.join(", "),
        "Type": kind.word(),
        "TargetIds": [target.id.clone()],
        "Content": { "Version": "2012-10-17", "Statement": policy.statements.clone() },
        "Tags": tags.list(),
    });
    let id = smol_str::format_smolstr!("{}{what}{at}", target.name);
    chain(draft.add(id.clone(), "AWS::Organizations::Policy", properties), id, before);
}

/// Everything that has guardrails of its own: the root, the account that keeps the logs, units.
fn targets(layout: &Layout<'_>) -> Vec<Target> {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let all = &blueprint.organization.guardrails;
    let spanned = |guardrail: &blueprint::Spanned<Guardrail>| (guardrail.value, guardrail.span);
    let of_archive = |one: &(Guardrail, Span)| one.0 == Guardrail::LogArchive;
    let (archive, root): (Vec<_>, Vec<_>) = all.iter().map(spanned).partition(of_archive);
    let mut out = vec![
        Target {
            name: SmolStr::new_static("Root"),
            id: attribute(foundation.organization, organization::ORGANIZATION, "RootId"),
            guardrails: root,
        },
        Target {
            name: SmolStr::new_static("LogArchive"),
            id: account_id(layout::account(blueprint.organization.log_archive)),
            guardrails: archive,
        },
    ];
    let unit = |unit: &Unit| Target {
        name: naming::id(&unit.path, "Unit"),
        id: reference(foundation.organization, organization::unit_id(unit)),
        guardrails: unit.guardrails.iter().map(spanned).collect(),
    };
    out.extend(blueprint.organization.units.iter().map(unit));
    out.retain(|target| !target.guardrails.is_empty());
    out
}

fn packed(layout: &Layout<'_>, target: &Target, kind: Kind) -> Vec<Policy> {
    let form = Form {
        regions: &layout.foundation.regions,
        organization: organization::id(layout),
        key_administrators: layout.blueprint.keys.administrators.is_some(),
        partition: layout.foundation.management_place.partition,
    };
    let pieces = target.guardrails.iter().flat_map(|(guardrail, _)| {
        form.statements(*guardrail, kind).into_iter().map(|statement| (*guardrail, statement))
    });
    packing::pack(pieces, kind.quota().map_or(usize::MAX, |quota| quota.characters))
}

/// Refuses guardrails that AWS would not take.
pub(crate) fn check(layout: &Layout<'_>, diagnostics: &mut Diagnostics) {
    for target in targets(layout) {
        for kind in [Kind::Service, Kind::Resource] {
            let Some(quota) = kind.quota() else { continue };
            let policies = packed(layout, &target, kind);
            // The policy of AWS's own that allows everything is one of them.
            let most = quota.per_target.saturating_sub(1);
            let long = policies.iter().any(|policy| policy.size > quota.characters);
            if !long && policies.len() <= most {
                continue;
            }
            let sizes: Vec<String> = policies.iter().map(|policy| policy.size.to_string()).collect();
            let message = format!(
                "the guardrails of `{}` make {} policies of {} characters; AWS takes {most} of {} at the most",
                target.name,
                policies.len(),
                sizes.join(", "),
                quota.characters
            );
            let span = target.guardrails.last().map_or(Span::NONE, |(_, span)| *span);
            let said = Diagnostic::error(GUARDRAILS_DO_NOT_FIT, span, message);
            diagnostics.push(said.help("move guardrails to a unit above or beneath"));
        }
    }
}

/// A policy that every account has, the management account too.
struct Managed {
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    description: &'static str,
    content: Value,
    span: Span,
}

fn managed(layout: &Layout<'_>) -> Vec<Managed> {
    let span = layout.blueprint.organization.span;
    let assign = |value: Value| value!({ "@@assign": value });
    let mut all = vec![Managed {
        id: "AiOptOut",
        name: "ai-opt-out",
        kind: "AISERVICES_OPT_OUT_POLICY",
        description: "No AI service of AWS keeps or learns from our content",
        content: value!({
            "services": {
                "@@operators_allowed_for_child_policies": ["@@none"],
                "default": {
                    "@@operators_allowed_for_child_policies": ["@@none"],
                    "opt_out_policy": {
                        "@@operators_allowed_for_child_policies": ["@@none"],
                        "@@assign": "optOut",
                    },
                },
            },
        }),
        span,
    }];
    let holds = |guardrail: Guardrail| {
        layout.blueprint.organization.guardrails.iter().any(|one| one.value == guardrail)
    };
    let sharing = holds(Guardrail::NoPublicSharing);
    let metadata = holds(Guardrail::Imdsv2).then(|| {
        value!({
            "http_tokens": assign("required".into()),
            "http_put_response_hop_limit": assign("2".into()),
            "http_endpoint": assign("enabled".into()),
        })
    });
    all.push(Managed {
        id: "Ec2Declared",
        name: "ec2-declared",
        kind: "DECLARATIVE_POLICY_EC2",
        description: "Images and snapshots are never public, instances have metadata version 2, no serial console",
        content: value!({
            "ec2_attributes": {
                "exception_message": assign("Refused by a guardrail of the organization.".into()),
                "serial_console_access": { "status": assign("disabled".into()) },
                "image_block_public_access": sharing.then(|| value!({ "state": assign("block_new_sharing".into()) })),
                "snapshot_block_public_access": sharing.then(|| value!({ "state": assign("block_all_sharing".into()) })),
                "instance_metadata_defaults": metadata,
            },
        }),
        span,
    });
    if sharing {
        all.push(Managed {
            id: "S3Closed",
            name: "s3-closed",
            kind: "S3_POLICY",
            description: "No bucket of any account is ever public",
            content: value!({ "s3_attributes": { "public_access_block_configuration": assign("all".into()) } }),
            span,
        });
    }
    if layout.blueprint.detection.inspector.value {
        all.push(inspector(layout));
    }
    all.push(Managed {
        id: "TagSpelling",
        name: "tags",
        kind: "TAG_POLICY",
        description: "How tags are spelled, and what they may say",
        content: tag_policy(layout),
        span,
    });
    all
}

/// Amazon Inspector scans machines, images and functions of every account in every region of the estate.
fn inspector(layout: &Layout<'_>) -> Managed {
    let regions = || value!({ "enable_in_regions": { "@@assign": layout.foundation.regions.clone() } });
    Managed {
        id: "InspectorEverywhere",
        name: "inspector",
        kind: "INSPECTOR_POLICY",
        description: "Amazon Inspector scans every account in every region of the estate",
        content: value!({
            "inspector": {
                "enablement": {
                    "ec2_scanning": regions(),
                    "ecr_scanning": regions(),
                    "lambda_standard_scanning": {
                        "enable_in_regions": { "@@assign": layout.foundation.regions.clone() },
                        "lambda_code_scanning": regions(),
                    },
                },
            },
        }),
        span: layout.blueprint.detection.inspector.span,
    }
}

/// Tags that are always there, those of the blueprint, and those with values of their own.
fn tag_policy(layout: &Layout<'_>) -> Value {
    let blueprint = layout.blueprint;
    let written = blueprint.organization.tag_policies.iter();
    let mut tags: Vec<(SmolStr, Vec<SmolStr>)> = written
        .map(|one| (one.key.value.clone(), one.values.iter().map(|value| value.value.clone()).collect()))
        .collect();
    let always = crate::tags::ALWAYS.into_iter().map(SmolStr::new_static);
    for key in always.chain(blueprint.tags.iter().map(|(key, _)| key.value.clone())) {
        if !tags.iter().any(|(there, _)| there.eq_ignore_ascii_case(&key)) {
            tags.push((key, Vec::new()));
        }
    }
    tags.sort();
    let mut map = Map::with_capacity(tags.len());
    for (key, values) in tags {
        let values = (!values.is_empty()).then(|| value!({ "@@assign": values }));
        let one = value!({ "tag_key": { "@@assign": &key }, "tag_value": values });
        map.push_new(Entry { key: key.to_ascii_lowercase().into(), key_span: Span::NONE, value: one });
    }
    value!({ "tags": Value::from(map) })
}

/// CloudFormation cannot turn a type of policy on.
/// Source: AWS Organizations User Guide, "Enabling a policy type".
fn enable(layout: &Layout<'_>, draft: &mut Draft) {
    let mut kinds: Vec<&str> = targets(layout)
        .iter()
        .flat_map(|target| [Kind::Service, Kind::Resource].map(|kind| (kind, packed(layout, target, kind))))
        .filter(|(_, policies)| !policies.is_empty())
        .map(|(kind, _)| kind.word())
        .chain(managed(layout).iter().map(|one| one.kind))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    kinds.retain(|kind| seen.insert(*kind));
    let management = layout.management_name();
    let command = format!(
        "root=$(aws organizations list-roots --profile {management} --query 'Roots[0].Id' --output text)\n\
         for type in {}; do\n  aws organizations enable-policy-type --profile {management} --root-id \"$root\" --policy-type \"$type\"\ndone",
        kinds.join(" ")
    );
    draft.step(Step {
        when: When::Before,
        what: SmolStr::new_static("turn the types of policies on, which CloudFormation has no resource for (one that is on already says so)"),
        command: command.into(),
    });
}
