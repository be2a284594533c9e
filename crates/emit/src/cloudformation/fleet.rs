//! Stack sets: the template that a stack set deploys everywhere stands in the stack set itself.
//!
//! In: a stack set, and the stack of the estate that it deploys. Out: the properties `TemplateBody` and `Parameters`. Always:
//! what is deployed is the template of the very stack that was judged; what it needs from elsewhere, the stack set
//! hands it.
//!
//! Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet.

use std::borrow::Cow;

use estate::SmolStr;

use super::Format;
use super::expression::Expression;
use super::lower::{Lowering, Place};
use super::template::draft;
use crate::TOO_LARGE;

/// The properties of a resource, with the template where it is a stack set of the estate.
pub(crate) fn with_template<'a>(
    lowering: &mut Lowering<'a>,
    id: &'a str,
    properties: Option<Expression<'a>>,
    place: &Place<'_>,
) -> Option<Expression<'a>> {
    let around = lowering.around;
    let Some(fleet) = around.fleets.get(&(lowering.stack_id, SmolStr::new(id))) else { return properties };
    let Some(stack) = around.estate.stack(*fleet) else { return properties };
    let mut inner = draft(around, *fleet, stack, None, Format::Json);
    lowering.problems.append(&mut inner.lowering.problems);
    let text = inner.text(stack, "", &[], Format::Json);
    let most = around.catalog.quotas().template_body_request_bytes;
    let body = compact(&text);
    if body.len() > most {
        let what = format!("the template that `{id}` deploys has {} bytes, more than {most}", body.len());
        lowering.problem(TOO_LARGE, place, what);
    }
    let needs = std::mem::take(&mut inner.lowering.parameters);
    let parameter = |(name, need): (&String, _)| {
        Expression::map([
            ("ParameterKey", Expression::text(name.clone())),
            ("ParameterValue", lowering.handed(need)),
        ])
    };
    let parameters: Vec<Expression<'a>> = needs.iter().map(parameter).collect();
    let mut entries = match properties {
        Some(Expression::Map(entries)) => entries,
        _ => Vec::new(),
    };
    if !parameters.is_empty() {
        entries.push((Cow::Borrowed("Parameters"), Expression::List(parameters)));
    }
    entries.push((Cow::Borrowed("TemplateBody"), Expression::text(body)));
    Some(Expression::Map(entries))
}

/// JSON without white space: a stack set's template has a quota of its own.
fn compact(text: &[u8]) -> String {
    // What was just written is JSON.
    let tree: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    tree.to_string()
}
