//! What AWS refuses to make before something else is there waits for it.
//!
//! Sources: AWS CloudFormation Template Reference, "DependsOn attribute" (what needs an internet gateway depends
//! on its attachment: Elastic IP addresses and routes among others), AWS::EC2::EIP, AWS::EC2::Route (a route to
//! a transit gateway depends on the attachment); AWS CloudTrail API Reference, `CreateTrail`
//! (`InsufficientS3BucketPolicyException`); AWS Config API Reference, `PutDeliveryChannel`
//! (`InsufficientDeliveryPolicyException`).

use estate::{ResourceRef, Value};

use crate::lookup::Attachments;
use crate::waits::Waits;
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "creation-order",
    title: "what AWS makes only after something else waits for it",
    level: Level::Low,
    page: include_str!("../../../../docs/guarantees/creation-order.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut waits = Waits::default();
    let policies = Attachments::of(facts, "AWS::S3::BucketPolicy", &["Bucket"], "AWS::S3::Bucket");
    for (kind, property) in
        [("AWS::CloudTrail::Trail", "S3BucketName"), ("AWS::Config::DeliveryChannel", "S3BucketName")]
    {
        for &writer in facts.index.of_kind(kind) {
            let bucket = writer
                .resource
                .properties
                .get(property)
                .and_then(|name| facts.index.named("AWS::S3::Bucket", name));
            let policies = bucket.map(|bucket| policies.to(bucket)).unwrap_or_default();
            let policies: Vec<_> = policies.iter().map(|policy| policy.resource).collect();
            judge(
                &mut waits,
                writer,
                &policies,
                "the policy of its bucket, without which AWS refuses to make it",
                findings,
            );
        }
    }
    let internet = Attachments::of(
        facts,
        "AWS::EC2::VPCGatewayAttachment",
        &["InternetGatewayId"],
        "AWS::EC2::InternetGateway",
    );
    let mut transit = Attachments::of(
        facts,
        "AWS::EC2::TransitGatewayAttachment",
        &["TransitGatewayId"],
        "AWS::EC2::TransitGateway",
    );
    transit.add(
        facts,
        "AWS::EC2::TransitGatewayVpcAttachment",
        &["TransitGatewayId"],
        "AWS::EC2::TransitGateway",
    );
    for &route in facts.index.of_kind("AWS::EC2::Route") {
        let gateway = |property: &str, kind: &str| {
            route.resource.properties.get(property).and_then(|value| facts.index.named(kind, value))
        };
        if let Some(gateway) = gateway("GatewayId", "AWS::EC2::InternetGateway") {
            judge(
                &mut waits,
                route,
                &attached(&internet, gateway),
                "the attachment of the internet gateway that it leads to",
                findings,
            );
        }
        if let Some(gateway) = gateway("TransitGatewayId", "AWS::EC2::TransitGateway") {
            judge(
                &mut waits,
                route,
                &attached(&transit, gateway),
                "an attachment of the transit gateway that it leads to",
                findings,
            );
        }
    }
    for &address in facts.index.of_kind("AWS::EC2::EIP") {
        address_waits(facts, &mut waits, address, findings);
    }
}

/// The attachments of a gateway.
fn attached<'a>(helpers: &Attachments<'a>, gateway: ResourceRef<'a>) -> Vec<ResourceRef<'a>> {
    helpers.to(gateway).iter().map(|helper| helper.resource).collect()
}

/// An address that something in a VPC uses waits for the VPC's internet gateway, or its users do.
fn address_waits<'a>(
    facts: &Facts<'a>,
    waits: &mut Waits<'a>,
    address: ResourceRef<'a>,
    findings: &mut Findings,
) {
    let stack = address.stack;
    let gates: Vec<ResourceRef<'_>> = facts
        .index
        .of_kind("AWS::EC2::VPCGatewayAttachment")
        .iter()
        .copied()
        .filter(|gate| {
            gate.stack_id == address.stack_id && gate.resource.properties.get("InternetGatewayId").is_some()
        })
        .collect();
    let users: Vec<&str> = stack
        .resources
        .iter()
        .filter(|(_, user)| {
            ["AWS::EC2::NatGateway", "AWS::EC2::EIPAssociation"].contains(&user.kind.as_str())
        })
        .filter(|(_, user)| names(&user.properties, address))
        .map(|(id, _)| id.as_str())
        .collect();
    if users.is_empty() && address.resource.properties.get("InstanceId").is_none() {
        return;
    }
    let mut wait =
        |id: &str| waits.reaches(address.stack_id, stack, id, |id| gates.iter().any(|gate| gate.id == id));
    if !users.is_empty() && !gates.is_empty() && users.iter().all(|user| wait(user)) {
        return findings.proved(address);
    }
    judge(waits, address, &gates, "the attachment of the VPC's internet gateway", findings);
}

fn names(value: &Value, target: ResourceRef<'_>) -> bool {
    let mut found = false;
    value.walk(&mut |value| {
        let of = value.as_reference().and_then(|reference| reference.resource());
        found |= of == Some((target.stack_id, target.id));
    });
    found
}

/// Whether `subject` waits for one of `needed` in its own stack; stacks before it are there anyway.
fn judge<'a>(
    waits: &mut Waits<'a>,
    subject: ResourceRef<'a>,
    needed: &[ResourceRef<'a>],
    what: &str,
    findings: &mut Findings,
) {
    let here: Vec<&ResourceRef<'_>> =
        needed.iter().filter(|needed| needed.stack_id == subject.stack_id).collect();
    let Some(first) = here.first() else { return };
    if waits
        .reaches(subject.stack_id, subject.stack, subject.id, |id| here.iter().any(|needed| needed.id == id))
    {
        return findings.proved(subject);
    }
    if here.iter().all(|needed| needed.resource.condition.is_some()) && subject.resource.condition.is_none() {
        let message =
            format!("whether it waits for {what} cannot be known: that is there only under a condition");
        findings.unknown(subject, subject.resource.origin.span, message);
        return;
    }
    findings
        .violated(subject, subject.resource.origin.span, format!("it does not wait for {what}"))
        .witness(Witness::Event {
            happens: format!("CloudFormation starts on `{}` before `{}` is there", subject.id, first.id),
            follows: "the stack fails and is rolled back, sometimes".into(),
        })
        .fix(format!("DependsOn: {}", first.id))
        .related(first.resource.origin.span, "this must be there first");
}
