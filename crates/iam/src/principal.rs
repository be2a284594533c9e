//! The principals of a policy: who `Principal` and `NotPrincipal` name.
//!
//! In: the element's value. Out: [`Principal`]s, and diagnostics. Must always hold: what is not understood is an
//! error, because a principal taken for another one grants to the wrong person.
//!
//! Source: "AWS JSON policy elements: Principal", IAM User Guide.

use diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use smol_str::SmolStr;

use crate::codes::{BAD_PRINCIPAL, BAD_VALUE, BARE_PRINCIPAL};
use crate::policy::{Principal, PrincipalKind};
use crate::text::{Builder, Segment, Syntax};
use crate::written::{Piece, Shape, Written};

const KEYS: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];

/// Reads the value of `Principal` or `NotPrincipal`.
pub fn read(value: &Written, diagnostics: &mut Diagnostics) -> Vec<Principal> {
    let mut out = Vec::new();
    match &value.shape {
        Shape::Text(text) if text == "*" => {
            let written = text.clone();
            out.push(Principal { kind: PrincipalKind::Everyone, written, span: value.span });
        }
        Shape::Map(entries) => {
            for (key, span, names) in entries {
                let Some(known) = KEYS.iter().copied().find(|known| known.eq_ignore_ascii_case(key)) else {
                    let error = Diagnostic::error(
                        BAD_PRINCIPAL,
                        *span,
                        format!("there is no type of principal `{key}`"),
                    );
                    diagnostics.push(
                        error
                            .expected(format!("one of {}", KEYS.join(", ")))
                            .maybe_help(did_you_mean(key, KEYS.iter().copied())),
                    );
                    continue;
                };
                out.extend(names.items().iter().filter_map(|name| one(known, name, diagnostics)));
            }
        }
        Shape::Text(text) if aws(text).is_some() => {
            let warning = Diagnostic::warning(
                BARE_PRINCIPAL,
                value.span,
                format!("`{text}` stands here without a type"),
            );
            diagnostics.push(warning.help(format!("write {{\"AWS\": \"{text}\"}}")));
            out.extend(one("AWS", value, diagnostics));
        }
        _ => {
            let text = format!("{} is no principal", value.describe());
            let error = Diagnostic::error(BAD_PRINCIPAL, value.span, text);
            diagnostics.push(error.expected("`\"*\"` or a mapping such as {\"AWS\": …}"));
        }
    }
    out
}

fn one(key: &'static str, name: &Written, diagnostics: &mut Diagnostics) -> Option<Principal> {
    let (kind, written) = match &name.shape {
        // YAML writes account numbers without quotes.
        Shape::Text(text) | Shape::Number(text) => (known(key, text), text.clone()),
        Shape::Pieces(pieces) => {
            let mut builder = Builder::default();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => builder.read(text, Syntax { wildcards: false, variables: false }),
                    Piece::Unknown(name) => builder.push(Segment::Unknown(name.clone())),
                }
            }
            let text = builder.finish();
            let written = SmolStr::from(text.to_string());
            (Some(PrincipalKind::Open(SmolStr::new_static(key), text)), written)
        }
        _ => {
            let text = format!("a principal is a text, not {}", name.describe());
            diagnostics.push(Diagnostic::error(BAD_VALUE, name.span, text));
            return None;
        }
    };
    let Some(kind) = kind else {
        let text = format!("`{written}` is no principal of type {key}");
        diagnostics.push(Diagnostic::error(BAD_PRINCIPAL, name.span, text).expected(expected(key)));
        return None;
    };
    Some(Principal { kind, written, span: name.span })
}

fn expected(key: &str) -> &'static str {
    match key {
        "AWS" => "an account number, the ARN of an account, user, role or session, or `*` alone",
        "Service" => "a service principal, such as `lambda.amazonaws.com`",
        "Federated" => "the ARN of an identity provider, or a web identity provider's name",
        _ => "a canonical user id",
    }
}

/// Who a text means that stands under `key`; `None` where it means nobody.
fn known(key: &str, text: &SmolStr) -> Option<PrincipalKind> {
    if text.is_empty() {
        return None;
    }
    match key {
        "AWS" => aws(text),
        // `{"Service": "*"}` and its like match every principal of the type only in name: IAM refuses the partial
        // wildcard, and takes `*` for everybody.
        _ if text == "*" => Some(PrincipalKind::Everyone),
        "Service" => Some(PrincipalKind::Service(text.clone())),
        "Federated" => Some(PrincipalKind::Federated(text.clone())),
        _ => Some(PrincipalKind::CanonicalUser(text.clone())),
    }
}

fn aws(text: &SmolStr) -> Option<PrincipalKind> {
    if text == "*" {
        return Some(PrincipalKind::Everyone);
    }
    if is_account(text) {
        return Some(PrincipalKind::Account(text.clone()));
    }
    if text.len() >= 16 && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
        return Some(PrincipalKind::UniqueId(text.clone()));
    }
    let mut parts = text.splitn(6, ':');
    let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    match (arn, service, resource) {
        ("arn", "iam", "root") if is_account(account) => Some(PrincipalKind::Account(account.into())),
        ("arn", "iam" | "sts" | "cloudfront", resource) if !resource.is_empty() => {
            Some(PrincipalKind::Arn(text.clone()))
        }
        _ => None,
    }
}

/// Whether a text is an account number: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit())
}
