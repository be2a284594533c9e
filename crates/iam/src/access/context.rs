//! What is known of a request's context before it is made, and policy variables that it settles.
//!
//! In: who asks for what. Out: keys with their values, or their certain absence; texts and conditions in which known
//! variables are filled in. Always: a variable that is not known stays one.

use std::borrow::Cow;

use estate::AccountId;

use crate::policy::{Condition, Statement};
use crate::symbolic::{Given, symbols};
use crate::text::{Segment, Text};

use super::collect::{HolderKind, Thing};
use super::decide::{Question, Who};

impl Question<'_> {
    /// What is known of the context, whoever sends the request.
    ///
    /// Source: "AWS global condition context keys", IAM User Guide: `aws:username` is there for IAM users only.
    pub(super) fn known(&self, thing: &Thing) -> Vec<Given> {
        let account = |account: AccountId| {
            super::names::marked(&[super::names::Names::of(self.access.estate).account(account)])
        };
        let mut pins: Vec<Given> = vec![("aws:ResourceAccount".into(), Some(account(thing.account)))];
        let mut pin = |key: &str, value: String| pins.push((key.into(), Some(value)));
        match self.who {
            Who::Holder(holder) => {
                pin("aws:PrincipalArn", holder.arn.clone());
                pin("aws:PrincipalAccount", account(holder.account));
                pin("aws:PrincipalIsAWSService", "false".into());
                for (key, value) in &holder.tags {
                    pin(&format!("aws:PrincipalTag/{key}"), value.to_string());
                }
                if let Some(organization) = &self.access.organization {
                    pin("aws:PrincipalOrgID", organization.clone());
                }
                let user = holder.kind == HolderKind::User;
                pin("aws:PrincipalType", if user { "User" } else { "AssumedRole" }.to_owned());
                let name = user.then(|| holder.arn.rsplit('/').next().unwrap_or(&holder.arn).to_owned());
                pins.push(("aws:username".into(), name));
            }
            Who::Outsider(name) if is_service(name) => pin("aws:PrincipalIsAWSService", "true".into()),
            Who::Outsider(_) => {}
        }
        if let Some(organization) = &self.access.organization {
            pins.push(("aws:ResourceOrgID".into(), Some(organization.clone())));
        }
        pins
    }

    /// A text in which variables that are known have their values; `None` where one is known to be absent and has no
    /// default: such a text matches nothing.
    pub(super) fn bound<'t>(&self, text: &'t Text) -> Option<Cow<'t, Text>> {
        if text.variables().next().is_none() {
            return Some(Cow::Borrowed(text));
        }
        let mut segments = Vec::with_capacity(text.segments.len());
        for segment in &text.segments {
            let Segment::Variable(variable) = segment else {
                segments.push(segment.clone());
                continue;
            };
            match self.pins.iter().find(|(key, _)| key.eq_ignore_ascii_case(&variable.key)) {
                Some((_, Some(value))) => segments.extend(spelled(value)),
                Some((_, None)) => segments.push(Segment::Literal(variable.default.clone()?)),
                None => segments.push(segment.clone()),
            }
        }
        Some(Cow::Owned(Text { segments }))
    }

    /// The conditions of a statement with the variables that are known.
    pub(super) fn conditions<'d>(&self, statement: &'d Statement) -> Cow<'d, [Condition]> {
        let texts = |condition: &'d Condition| condition.values.iter().map(|value| &value.text);
        if statement.conditions.iter().flat_map(texts).all(|text| text.variables().next().is_none()) {
            return Cow::Borrowed(&statement.conditions);
        }
        let mut conditions = statement.conditions.clone();
        for condition in &mut conditions {
            condition.values.retain_mut(|value| match self.bound(&value.text).map(Cow::into_owned) {
                Some(text) => {
                    value.text = text;
                    true
                }
                None => false,
            });
        }
        Cow::Owned(conditions)
    }
}

/// Whether a name is an AWS service's: `lambda.amazonaws.com`.
fn is_service(name: &str) -> bool {
    name.contains(".amazonaws.com") && !name.contains(':')
}

/// A text with symbols marked, in segments.
fn spelled(marked: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut literal = String::new();
    for c in marked.chars() {
        match symbols::is_one(c).then(|| symbols::name_of(c)).flatten() {
            Some(name) => {
                if !literal.is_empty() {
                    out.push(Segment::Literal(std::mem::take(&mut literal).into()));
                }
                out.push(Segment::Unknown(name.into()));
            }
            None => literal.push(c),
        }
    }
    if !literal.is_empty() {
        out.push(Segment::Literal(literal.into()));
    }
    out
}
