//! Principals: do they belong there, and whom do they let in.
//!
//! In: a statement and the kind of its policy. Out: diagnostics.
//!
//! Sources: "AWS JSON policy elements: Principal", "… NotPrincipal", "The confused deputy problem", IAM User Guide;
//! "Resource control policies (RCPs)", AWS Organizations User Guide.

use diagnostics::{Diagnostic, Diagnostics};

use crate::codes::{
    ALLOWS_ALL_BUT, LIMITED_BY_ACCOUNT, PRINCIPAL_MISPLACED, SPARES_TOO_LITTLE, VERY_WIDE, WRONG_KIND,
};
use crate::lint::Kind;
use crate::policy::{Effect, PrincipalKind, PrincipalSet, Sense, Statement};
use crate::value::arn;

pub fn check(statement: &Statement, kind: Kind, diagnostics: &mut Diagnostics) {
    let set = match (&statement.principals, kind) {
        (None, Kind::Resource | Kind::Trust | Kind::ResourceControl) => {
            let text = format!(
                "this statement names no principal: {} needs one, and matches nobody without",
                kind.describe()
            );
            return diagnostics.push(Diagnostic::error(PRINCIPAL_MISPLACED, statement.span, text));
        }
        (None, _) => return control(statement, kind, diagnostics),
        (Some(set), _) => set,
    };
    control(statement, kind, diagnostics);
    if matches!(kind, Kind::Identity | Kind::ServiceControl) {
        let text = format!("{} has no principal", kind.describe());
        let error = Diagnostic::error(PRINCIPAL_MISPLACED, set.span, text);
        return diagnostics.push(error.help("remove the element: who has the policy is meant"));
    }
    let everyone = set.principals.iter().any(|principal| principal.kind == PrincipalKind::Everyone);
    if kind == Kind::ResourceControl && !(everyone && set.sense == Sense::Only) {
        let error =
            Diagnostic::error(PRINCIPAL_MISPLACED, set.span, "a resource control policy names everybody");
        return diagnostics
            .push(error.expected("\"Principal\": \"*\", with conditions that say who is meant"));
    }
    match (statement.effect, set.sense) {
        (Effect::Allow, Sense::AllBut) => {
            let text = "this Allow is for everybody but those listed, also for who is not signed in";
            diagnostics
                .push(Diagnostic::error(ALLOWS_ALL_BUT, set.span, text).help("list who is to be allowed"));
        }
        (Effect::Allow, Sense::Only) if everyone && kind != Kind::Endpoint => {
            if statement.conditions.is_empty() {
                let text = "this Allow is for everybody, also for who is not signed in";
                let warning = Diagnostic::warning(VERY_WIDE, set.span, text);
                diagnostics.push(warning.help("name the principals, or say who is meant in a condition"));
            }
        }
        (Effect::Allow, Sense::Only) => deputy(statement, kind, diagnostics),
        (Effect::Deny, Sense::AllBut) => spared(set, diagnostics),
        (Effect::Deny, Sense::Only) => {}
    }
}

/// Principals that a Deny leaves out without their account.
fn spared(set: &PrincipalSet, diagnostics: &mut Diagnostics) {
    let accounts: Vec<&str> = set
        .principals
        .iter()
        .filter_map(|principal| match &principal.kind {
            PrincipalKind::Account(text) => Some(arn(text).map_or(text.as_str(), |[.., account, _]| account)),
            _ => None,
        })
        .collect();
    for principal in &set.principals {
        let PrincipalKind::Arn(text) = &principal.kind else { continue };
        let Some([.., account, _]) = arn(text) else { continue };
        if !accounts.contains(&account) {
            let said = format!(
                "this Deny spares `{text}`, but perhaps not the account {account} that it belongs to"
            );
            let warning = Diagnostic::warning(SPARES_TOO_LITTLE, principal.span, said);
            diagnostics.push(
                warning
                    .help("list the account too, or say who is spared in a condition on `aws:PrincipalArn`"),
            );
        }
    }
}

/// A service that may be made to act for somebody else.
fn deputy(statement: &Statement, kind: Kind, diagnostics: &mut Diagnostics) {
    const LIMITS: &[&str] = &["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
    if statement.conditions.iter().any(|condition| LIMITS.contains(&condition.key.as_str())) {
        return;
    }
    let services = statement.principals.iter().flat_map(|set| &set.principals);
    // Services that run your own code assume a role for whoever passed it: `iam:PassRole` guards them.
    let own = ["ec2.", "lambda.", "ecs-tasks.", "ecs.", "eks.", "pods.eks.", "codebuild.", "ssm."];
    for principal in services {
        if let PrincipalKind::Service(name) = &principal.kind
            && !own.iter().any(|own| name.starts_with(own))
            && kind == Kind::Resource
        {
            let text = format!("`{name}` may act here for anybody who uses the service");
            let note = Diagnostic::note(LIMITED_BY_ACCOUNT, principal.span, text);
            diagnostics.push(note.help("say for whom with `aws:SourceArn` or `aws:SourceAccount`"));
        }
    }
}

/// Rules of control policies.
fn control(statement: &Statement, kind: Kind, diagnostics: &mut Diagnostics) {
    if kind != Kind::ResourceControl {
        return;
    }
    if statement.effect == Effect::Allow {
        let text = "a resource control policy of yours only denies: RCPFullAWSAccess allows";
        diagnostics.push(Diagnostic::error(WRONG_KIND, statement.effect_span, text));
    }
    if statement.actions.sense == Sense::AllBut {
        diagnostics.push(Diagnostic::error(
            WRONG_KIND,
            statement.actions.span,
            "a resource control policy takes no `NotAction`",
        ));
    }
    let iam = catalog::Catalog::shared().iam();
    for pattern in &statement.actions.patterns {
        if pattern.text.is_any() && statement.actions.sense == Sense::Only {
            let text = "a resource control policy of yours takes no `*` alone";
            let error = Diagnostic::error(WRONG_KIND, pattern.span, text);
            diagnostics
                .push(error.expected("actions of the services that support resource control policies"));
            continue;
        }
        let Some(service) = pattern.service().and_then(|prefix| iam.service(prefix)) else { continue };
        if !service.supports_rcp {
            let text = format!("{} does not support resource control policies", service.name);
            diagnostics.push(Diagnostic::error(WRONG_KIND, pattern.span, text));
        }
    }
}
