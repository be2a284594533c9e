//! Resources: are the ARNs right, and do the actions work on them.
//!
//! In: a statement and the actions it names. Out: diagnostics. Must always hold: "never" is only said where every
//! action of the statement is known to AWS's reference.
//!
//! Sources: "IAM JSON policy elements: Resource", "Identify AWS resources with Amazon Resource Names (ARNs)", IAM User
//! Guide; the Service Authorization Reference.

use std::collections::HashMap;

use catalog::{Catalog, IamAction, IamService};
use diagnostics::{Diagnostic, Diagnostics};

use crate::codes::{BAD_ARN, NEVER_ON_RESOURCE, RESOURCE_UNUSED, WRONG_KIND};
use crate::lint::{Kind, Named, effect};
use crate::open::fits;
use crate::policy::{Effect, ResourcePattern, Sense, Statement};
use crate::principal::is_account;
use crate::text::{Segment, Text};

/// Actions times resources that are looked at in one statement.
const MOST: usize = 200_000;

pub fn check(statement: &Statement, kind: Kind, named: &Named, diagnostics: &mut Diagnostics) {
    let Some(set) = &statement.resources else {
        if kind != Kind::Trust {
            let text = "this statement has neither `Resource` nor `NotResource`";
            diagnostics.push(Diagnostic::error(crate::codes::MISSING_ELEMENT, statement.span, text));
        }
        return;
    };
    if kind == Kind::Trust {
        let error =
            Diagnostic::error(WRONG_KIND, set.span, "a trust policy has no resource: the role is meant");
        diagnostics.push(error.help("remove the element"));
    }
    for pattern in &set.patterns {
        arn(pattern, diagnostics);
    }
    if set.sense == Sense::Only && kind != Kind::Trust {
        meets(statement, named, &set.patterns, diagnostics);
    }
}

/// The parts of the ARN that stand for themselves.
fn arn(pattern: &ResourcePattern, diagnostics: &mut Diagnostics) {
    if !pattern.written.starts_with("arn:") {
        return;
    }
    let parts: Vec<&str> = pattern.written.splitn(6, ':').collect();
    let plain = |text: &&str| !text.contains(['*', '?', '$', '«']);
    let mut say = |text: String, expected: Option<&str>| {
        let error = Diagnostic::warning(BAD_ARN, pattern.span, text);
        diagnostics.push(match expected {
            Some(expected) => error.expected(expected),
            None => error,
        });
    };
    if parts.len() < 6 && !pattern.written.ends_with('*') {
        say(
            format!("`{}` ends before the sixth part of an ARN", pattern.written),
            Some("arn:partition:service:region:account:resource"),
        );
    }
    if let Some(partition) = parts.get(1).filter(|text| plain(text))
        && !partition.starts_with("aws")
    {
        say(format!("there is no partition `{partition}`"), Some("`aws`, `aws-cn`, `aws-us-gov` …"));
    }
    if let Some(service) = parts.get(2)
        && service.contains(['*', '?'])
        && parts.len() > 3
    {
        say(format!("AWS takes no wildcard in the service of an ARN: `{service}`"), None);
    }
    if let Some(account) = parts.get(4).filter(|text| plain(text) && !text.is_empty())
        && !is_account(account)
        && *account != "aws"
        && parts.len() == 6
        && account.bytes().all(|c| c.is_ascii_digit())
    {
        say(format!("`{account}` is no account: it has {} digits", account.len()), Some("twelve digits"));
    }
    if let Some(region) = parts.get(3).filter(|text| plain(text) && !text.is_empty())
        && Catalog::shared().region(region).is_none()
    {
        let codes = Catalog::shared().regions().iter().map(|region| region.code.as_str());
        let near = diagnostics::suggest(region, codes).map(|code| format!("did you mean `{code}`?"));
        let warning = Diagnostic::warning(BAD_ARN, pattern.span, format!("there is no Region `{region}`"));
        diagnostics.push(warning.maybe_help(near));
    }
}

/// Whether actions and resources ever come together.
fn meets(statement: &Statement, named: &Named, patterns: &[ResourcePattern], diagnostics: &mut Diagnostics) {
    if patterns.iter().any(|pattern| pattern.text.is_any() || pattern.text.has_unknowns()) {
        return;
    }
    let texts: Vec<Text> = patterns.iter().map(|pattern| completed(&pattern.text)).collect();
    let mut fit = Fit { texts: &texts, known: HashMap::new(), used: vec![false; patterns.len()], left: MOST };
    for (pattern, found) in statement.actions.patterns.iter().zip(&named.by_pattern) {
        let mut met = found.is_empty();
        // No short cut: what each action works on counts for the resources too.
        for (service, action) in found {
            met |= fit.meets(service, action);
        }
        if fit.left == 0 {
            return;
        }
        if met || named.open {
            continue;
        }
        let single = found.first().filter(|_| found.len() == 1).map(|(_, action)| *action);
        let only_any = found.iter().all(|(_, action)| action.resources.is_empty());
        let text = match (single, only_any) {
            (_, true) => format!("`{}` works on no single resource: only `*` covers it", pattern.written),
            _ => format!("`{}` never works on the resources of this statement", pattern.written),
        };
        let diagnostic = match statement.effect {
            Effect::Deny => Diagnostic::error(
                NEVER_ON_RESOURCE,
                pattern.span,
                format!("{text}, so this Deny has no effect for it"),
            ),
            Effect::Allow => Diagnostic::warning(
                NEVER_ON_RESOURCE,
                pattern.span,
                format!("{text}, so this {} grants nothing of it", effect(statement)),
            ),
        };
        let help = match (single, only_any) {
            (_, true) => Some("move it to a statement with \"Resource\": \"*\"".to_owned()),
            (Some(action), _) => found.first().and_then(|(service, _)| forms(service, action)),
            _ => None,
        };
        diagnostics.push(diagnostic.maybe_help(help));
    }
    if !named.complete() {
        return;
    }
    for (pattern, used) in patterns.iter().zip(&fit.used) {
        if !used {
            let text = format!("no action of this statement works on `{}`", pattern.written);
            diagnostics.push(Diagnostic::warning(RESOURCE_UNUSED, pattern.span, text));
        }
    }
}

/// The forms of ARN that an action works on.
fn forms(service: &IamService, action: &IamAction) -> Option<String> {
    let forms: Vec<&str> = action
        .resources
        .iter()
        .filter_map(|resource| service.resource(&resource.name))
        .map(|kind| kind.arn.as_str())
        .take(3)
        .collect();
    (!forms.is_empty()).then(|| format!("it works on {}", forms.join(", ")))
}

/// Which resources fit which types, each pair looked at once.
struct Fit<'a> {
    texts: &'a [Text],
    known: HashMap<(&'a str, &'a str), bool>,
    used: Vec<bool>,
    left: usize,
}

impl Fit<'_> {
    fn meets(&mut self, service: &'static IamService, action: &'static IamAction) -> bool {
        let mut met = false;
        for resource in &action.resources {
            let key = (service.prefix.as_str(), resource.name.as_str());
            if let Some(fits) = self.known.get(&key) {
                met |= *fits;
                continue;
            }
            let Some(kind) = service.resource(&resource.name) else {
                // The reference does not say which ARN it has.
                self.used.fill(true);
                return true;
            };
            let mut any = false;
            for (text, used) in self.texts.iter().zip(&mut self.used) {
                self.left = self.left.saturating_sub(1);
                if self.left > 0 && fits(text, &kind.arn) {
                    any = true;
                    *used = true;
                }
            }
            self.known.insert(key, any);
            met |= any;
        }
        met
    }
}

/// An ARN with fewer than six parts has `*` for the rest.
fn completed(text: &Text) -> Text {
    let colons: usize = text
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => text.matches(':').count(),
            _ => 0,
        })
        .sum();
    let mut segments = text.segments.clone();
    if colons < 5 {
        segments.push(Segment::AnyRun);
    }
    Text { segments }
}
