//! An alarm's action reaches somebody: a topic that is subscribed, that CloudWatch may publish to, and whose
//! key CloudWatch may use.
//!
//! Sources: Amazon SNS Developer Guide, "Example cases for Amazon SNS access control" (a topic without policy
//! of its own lets its account publish; any other must name `cloudwatch.amazonaws.com`) and "Enable compatibility
//! between event sources from AWS services and encrypted topics" (`kms:GenerateDataKey*` and `kms:Decrypt` for the
//! service; the key `alias/aws/sns` cannot be opened to it); AWS re:Post, "Why didn't I receive an SNS
//! notification for my CloudWatch alarm trigger?"; Amazon SNS Developer Guide, "Amazon SNS subscription filter
//! policies" (an alarm's message has no attributes).

use std::collections::{HashMap, HashSet};

use diagnostics::Span;
use estate::{Kind, ResourceRef, SmolStr, StackId, Value};

use crate::delivery::{Answer, ResourcePolicies, arn_of, key_allows, refused, service_context};
use crate::lookup::{Attachments, is_implied};
use crate::policy::{Principal, Request};
use crate::text::{known, shown, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "alarm-reaches-person",
    title: "every alarm reaches a subscribed endpoint through a topic that lets CloudWatch publish",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/alarm-reaches-person.md"),
    check,
};

const SERVICE: &str = "cloudwatch.amazonaws.com";
const KINDS: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];

/// What leads from a topic to people.
struct Wires<'a> {
    policies: ResourcePolicies<'a>,
    subscriptions: Attachments<'a>,
    chats: Attachments<'a>,
    /// Topics that an output hands to somebody else, with that output.
    handed_out: HashMap<(StackId, SmolStr), Span>,
}

/// What one action of an alarm does.
enum Action {
    /// It tells people, or is meant to.
    Tells(Answer),
    /// It moves a machine: scales, recovers, reboots.
    Moves,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    if KINDS.iter().all(|kind| facts.index.of_kind(kind).is_empty()) {
        return;
    }
    let mut chats = Attachments::of(
        facts,
        "AWS::Chatbot::SlackChannelConfiguration",
        &["SnsTopicArns", "*"],
        "AWS::SNS::Topic",
    );
    chats.add(
        facts,
        "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
        &["SnsTopicArns", "*"],
        "AWS::SNS::Topic",
    );
    let wires = Wires {
        policies: ResourcePolicies::of_topics(facts),
        subscriptions: Attachments::of(facts, "AWS::SNS::Subscription", &["TopicArn"], "AWS::SNS::Topic"),
        chats,
        handed_out: handed_out(facts),
    };
    let used = used_by_others(facts);
    for kind in KINDS {
        for &alarm in facts.index.of_kind(kind) {
            judge(facts, &wires, &used, alarm, findings);
        }
    }
}

fn handed_out(facts: &Facts<'_>) -> HashMap<(StackId, SmolStr), Span> {
    let outputs = facts.estate.stacks().flat_map(|(_, stack)| stack.outputs.values());
    let topics = outputs.flat_map(|output| {
        let found = facts.index.references(&output.value).into_iter();
        found
            .filter(|found| found.resource.kind == "AWS::SNS::Topic")
            .map(|found| ((found.stack_id, found.id.clone()), output.span))
    });
    topics.collect()
}

/// Alarms that another resource refers to (a composite alarm, a deployment that rolls back): without action of
/// their own they are that resource's sensor.
fn used_by_others(facts: &Facts<'_>) -> HashSet<(StackId, SmolStr)> {
    let mut used = HashSet::new();
    for found in facts.index.all() {
        for alarm in facts.index.references(&found.resource.properties) {
            if KINDS.contains(&alarm.resource.kind.as_str()) && alarm != found {
                used.insert((alarm.stack_id, alarm.id.clone()));
            }
        }
    }
    // A composite alarm may name its children in plain text.
    let composites = facts.index.of_kind("AWS::CloudWatch::CompositeAlarm");
    if composites.is_empty() {
        return used;
    }
    let alarms = KINDS.iter().flat_map(|kind| facts.index.of_kind(kind));
    let name =
        |alarm: &&ResourceRef<'_>| known(&tokens(facts.estate, alarm.resource.properties.get("AlarmName")?));
    let named: Vec<_> =
        alarms.filter_map(|alarm| Some((name(&alarm).filter(|name| !name.is_empty())?, alarm))).collect();
    for composite in composites {
        let Some(rule) = composite.resource.properties.get("AlarmRule") else { continue };
        let rule = shown(&tokens(facts.estate, rule));
        for (name, alarm) in named.iter().filter(|(_, alarm)| alarm.stack.account == composite.stack.account)
        {
            if rule.contains(name.as_str()) {
                used.insert((alarm.stack_id, alarm.id.clone()));
            }
        }
    }
    used
}

fn judge<'a>(
    facts: &Facts<'a>,
    wires: &Wires<'a>,
    used: &HashSet<(StackId, SmolStr)>,
    alarm: ResourceRef<'a>,
    findings: &mut Findings,
) {
    let enabled =
        Setting::of(alarm.resource, &["ActionsEnabled"]).literal(true, |value| value.as_bool() == Some(true));
    let mut moves = false;
    let list = Setting::of(alarm.resource, &["AlarmActions"]);
    let answer = Answer::each(&list, |actions| {
        let items = match actions.map(|actions| (actions, &actions.kind)) {
            None => &[],
            Some((_, Kind::List(items))) => items.as_slice(),
            Some((actions, _)) => return Judgement::unknown(actions).into(),
        };
        let mut best: Option<Answer> = None;
        for item in items {
            let answer = Answer::each(&Setting::below(item, &[]), |item| {
                match item.map(|item| action(facts, wires, alarm, item)) {
                    Some(Action::Tells(answer)) => answer,
                    Some(Action::Moves) => {
                        moves = true;
                        nothing(alarm)
                    }
                    None => nothing(alarm),
                }
            });
            best = Some(match best {
                Some(best) => best.or(|| answer),
                None => answer,
            });
        }
        best.unwrap_or_else(|| nothing(alarm))
    });
    let fails = matches!(answer.judgement, Judgement::Fails { .. });
    let silent =
        list.is_absent() || matches!(&answer.judgement, Judgement::Fails { found, .. } if found == NOTHING);
    // Moving a machine is what some alarms are for, and so is being another resource's sensor.
    if fails && silent && (moves || used.contains(&(alarm.stack_id, alarm.id.clone()))) {
        return;
    }
    tell(alarm, enabled, answer, findings);
}

const NOTHING: &str = "it has no action for the state ALARM";

fn nothing(alarm: ResourceRef<'_>) -> Answer {
    Judgement::Fails { span: alarm.resource.origin.span, found: NOTHING.into() }.into()
}

fn tell(alarm: ResourceRef<'_>, enabled: Judgement, answer: Answer, findings: &mut Findings) {
    let event = Witness::Event {
        happens: format!("alarm `{}` goes off", alarm.id),
        follows: "nobody is told".into(),
    };
    if let Judgement::Fails { span, .. } = enabled {
        let message = "the alarm can reach nobody: its actions are switched off";
        findings.violated(alarm, span, message).witness(event).fix("ActionsEnabled: true");
        return;
    }
    match (answer.judgement, enabled) {
        (Judgement::Holds, Judgement::Unknown { span, because }) => {
            findings.unknown(
                alarm,
                span,
                format!("whether the alarm's actions are enabled cannot be known: {because}"),
            );
        }
        (Judgement::Holds, _) => findings.proved(alarm),
        (Judgement::Fails { span, found }, _) => {
            let others = ["OKActions", "InsufficientDataActions"];
            let elsewhere =
                found == NOTHING && others.iter().any(|name| alarm.resource.properties.get(name).is_some());
            let fix = match () {
                () if found == NOTHING => "AlarmActions: a topic with a subscription".to_owned(),
                () if found.contains("its own Region") => "AlarmActions: a topic of the alarm's own Region".to_owned(),
                () if found.contains("under a key") => {
                    "encrypt the topic under a key of your own whose KeyPolicy allows cloudwatch.amazonaws.com kms:Decrypt and \
                     kms:GenerateDataKey*"
                        .to_owned()
                }
                () if found.contains("subscri") || found.contains("endpoint") => "subscribe somebody to the topic".to_owned(),
                () => "in the topic's policy, allow cloudwatch.amazonaws.com sns:Publish on the topic".to_owned(),
            };
            let detail =
                if elsewhere { "its actions are for other states than ALARM" } else { found.as_str() };
            let finding = findings.violated(alarm, span, format!("the alarm can reach nobody: {detail}"));
            finding.witness(answer.witness.unwrap_or(event)).fix(fix);
            for (span, label) in answer.related {
                finding.related(span, label);
            }
        }
        (Judgement::Unknown { span, because }, _) => {
            let finding = findings.unknown(
                alarm,
                span,
                format!("whether the alarm reaches anybody cannot be known: {because}"),
            );
            for (span, label) in answer.related {
                finding.related(span, label);
            }
        }
    }
}

/// What an action does.
///
/// Source: Amazon CloudWatch User Guide, "Alarm actions" and API reference, `PutMetricAlarm`, `AlarmActions`.
fn action<'a>(facts: &Facts<'a>, wires: &Wires<'a>, alarm: ResourceRef<'a>, value: &Value) -> Action {
    if let Some(topic) = facts.index.named("AWS::SNS::Topic", value) {
        return Action::Tells(topic_reaches(facts, wires, alarm, topic, value.span));
    }
    let text = shown(&tokens(facts.estate, value));
    let of = |part: &str| text.contains(part);
    let referred = facts.index.references(value);
    let scales = referred.iter().any(|found| found.resource.kind.ends_with("::ScalingPolicy"));
    if scales || of(":automate:") || of(":swf:") || of(":autoscaling:") || of("scalingPolicy") {
        return Action::Moves;
    }
    let because = match () {
        () if of(":ssm:") || of(":ssm-incidents:") => {
            "who reads what Systems Manager opens is not modelled".to_owned()
        }
        () if of(":lambda:")
            || referred.iter().any(|found| found.resource.kind == "AWS::Lambda::Function") =>
        {
            "whether the function tells anybody is not modelled".to_owned()
        }
        () if of(":sns:") => format!("the topic {} is not in this estate", value.describe()),
        () => format!("its action is {}", value.describe()),
    };
    Action::Tells(Judgement::Unknown { span: value.span, because }.into())
}

fn topic_reaches<'a>(
    facts: &Facts<'a>,
    wires: &Wires<'a>,
    alarm: ResourceRef<'a>,
    topic: ResourceRef<'a>,
    action: Span,
) -> Answer {
    let mut answer = same_region(alarm, topic)
        .and(|| may_publish(facts, wires, alarm, topic))
        .and(|| key_opens(facts, alarm, topic))
        .and(|| is_subscribed(wires, topic));
    if !action.is_none() {
        answer.related.insert(0, (action, format!("the action: topic `{}`", topic.id)));
    }
    answer
}

/// `PutMetricAlarm` refuses actions of other Regions ("Invalid region … specified").
fn same_region(alarm: ResourceRef<'_>, topic: ResourceRef<'_>) -> Answer {
    match (&alarm.stack.region, &topic.stack.region) {
        (Some(a), Some(b)) if a != b => {
            let found = format!(
                "topic `{}` is in {b}, and CloudWatch takes actions of its own Region, {a}, only",
                topic.id
            );
            Judgement::Fails { span: topic.resource.origin.span, found }.into()
        }
        _ => Judgement::Holds.into(),
    }
}

/// Whether CloudWatch may publish to a topic on behalf of an alarm.
fn may_publish<'a>(
    facts: &Facts<'a>,
    wires: &Wires<'a>,
    alarm: ResourceRef<'a>,
    topic: ResourceRef<'a>,
) -> Answer {
    if wires.policies.to(topic).next().is_none() && wires.policies.perhaps(topic).is_none() {
        // The policy that SNS gives a new topic lets everything of its own account publish, no one else.
        if alarm.stack.account == topic.stack.account {
            return Judgement::Holds.into();
        }
        let span = topic.resource.origin.span;
        let found = format!("topic `{}` is in another account and has no policy", topic.id);
        return Judgement::Fails { span, found }.into();
    }
    let mut context = service_context(facts, SERVICE, alarm, arn_of(facts, alarm, "Arn"));
    context.push(("aws:SourceOwner", crate::delivery::account_of(facts, alarm.stack_id)));
    let request = Request {
        principal: Principal::Service(SERVICE),
        action: "sns:Publish",
        resource: tokens(facts.estate, &estate::Reference::to(topic.stack_id, topic.id.clone()).into()),
        context,
    };
    let mut answer = wires.policies.allow(facts, topic, alarm, &request);
    if let Judgement::Fails { found, .. } = &mut answer.judgement {
        *found = format!("the policy of topic `{}` does not let CloudWatch publish ({found})", topic.id);
        answer.witness = Some(refused(&request));
    }
    answer
}

fn key_opens<'a>(facts: &Facts<'a>, alarm: ResourceRef<'a>, topic: ResourceRef<'a>) -> Answer {
    Answer::each(&Setting::of(topic.resource, &["KmsMasterKeyId"]), |key| match key {
        None => Judgement::Holds.into(),
        Some(key) => {
            let context = service_context(facts, SERVICE, alarm, arn_of(facts, alarm, "Arn"));
            let mut answer =
                key_allows(facts, key, SERVICE, &["kms:GenerateDataKey", "kms:Decrypt"], &context);
            if let Judgement::Fails { found, .. } = &mut answer.judgement {
                *found = format!(
                    "topic `{}` is encrypted under a key that CloudWatch may not use ({found})",
                    topic.id
                );
            }
            answer
        }
    })
}

/// Whether somebody is subscribed to a topic.
fn is_subscribed<'a>(wires: &Wires<'a>, topic: ResourceRef<'a>) -> Answer {
    let here = topic.resource.origin.span;
    let none =
        Judgement::Fails { span: here, found: format!("nobody is subscribed to topic `{}`", topic.id) };
    let mut best = Answer { judgement: none, witness: None, related: vec![(here, "the topic".into())] };
    for subscription in
        topic.resource.properties.alternatives_under(&["Subscription", "*"], &topic.resource.guard())
    {
        let Some(value) = subscription.value else { continue };
        let judgement = match value.as_map() {
            Some(_) => endpoint(value)
                .and(|| certain(is_implied(&subscription.guard, &topic.resource.guard()), value.span)),
            None => Judgement::unknown(value),
        };
        best = best.or(|| judgement.into());
    }
    for helper in wires.subscriptions.to(topic) {
        let properties = &helper.resource.resource.properties;
        let filter = properties.get("FilterPolicy").map_or(Judgement::Holds, |filter| Judgement::Unknown {
            span: filter.span,
            because: "a filter policy may drop what CloudWatch sends".into(),
        });
        let always = is_implied(&helper.guard, &topic.resource.guard());
        let judgement =
            endpoint(properties).and(|| filter).and(|| certain(always, helper.resource.resource.origin.span));
        best = best.or(|| judgement.into());
    }
    for helper in wires.chats.to(topic) {
        let always = is_implied(&helper.guard, &topic.resource.guard());
        best = best.or(|| certain(always, helper.resource.resource.origin.span).into());
    }
    if let Some(span) = wires.handed_out.get(&(topic.stack_id, topic.id.clone())) {
        let because = format!(
            "nothing in the estate subscribes to topic `{}`, but an output hands it to somebody else",
            topic.id
        );
        best = best.or(|| Judgement::Unknown { span: *span, because }.into());
    }
    let loose = wires.subscriptions.perhaps(topic).or_else(|| wires.chats.perhaps(topic));
    match loose {
        Some(loose) => best.or(|| {
            let because = format!("which topic `{}` subscribes to is not known", loose.id);
            Judgement::Unknown { span: loose.resource.origin.span, because }.into()
        }),
        None => best,
    }
}

fn certain(always: bool, span: Span) -> Judgement {
    match always {
        true => Judgement::Holds,
        false => {
            Judgement::Unknown { span, because: "the subscription exists only under a condition".into() }
        }
    }
}

/// Whether a subscription is somebody's. An address that a parameter will give is one: SNS takes no
/// subscription without.
fn endpoint(subscription: &Value) -> Judgement {
    Setting::below(subscription, &["Protocol"]).judge(|protocol| {
        match protocol.map(|value| (value, value.as_str())) {
            Some((_, Some("email" | "email-json" | "sms" | "https" | "http" | "application"))) => {
                let mut addresses = subscription.alternatives(&["Endpoint"]).into_iter();
                let missing =
                    addresses.find(|address| address.value.is_none_or(|value| value.as_str() == Some("")));
                match missing.map(|missing| {
                    (missing.value.map_or(subscription.span, |value| value.span), missing.guard)
                }) {
                    None => Judgement::Holds,
                    Some((span, guard)) if guard.is_always() => {
                        Judgement::Fails { span, found: "the endpoint of its subscription is empty".into() }
                    }
                    Some((span, guard)) => {
                        Judgement::Unknown { span, because: format!("its subscription is empty {guard}") }
                    }
                }
            }
            Some((value, Some(protocol))) => Judgement::Unknown {
                span: value.span,
                because: format!("whether what is subscribed by `{protocol}` tells anybody is not modelled"),
            },
            Some((value, None)) => Judgement::unknown(value),
            None => {
                Judgement::Fails { span: subscription.span, found: "its subscription has no protocol".into() }
            }
        }
    })
}
