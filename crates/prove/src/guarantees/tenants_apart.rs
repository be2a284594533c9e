//! No tenant reaches what belongs to another.
//!
//! In: every policy of the estate ([`areas`]). What is checked: each principal whose policies cut out a part of something
//! by a variable of the caller acts for one tenant and asks for what is another's ([`attack`]), itself and as every role
//! that it comes to be. The two are symbols: unrelated, and one the beginning or the end of the other.
//!
//! Sources: AWS Well-Architected SaaS Lens, "Tenant isolation"; "Passing session tags in AWS STS", IAM User Guide; "Using
//! attributes for access control", Amazon Cognito Developer Guide; "UserPoolClient", WriteAttributes, AWS CloudFormation
//! Template Reference.

mod areas;
mod attack;

use std::collections::BTreeMap;

use estate::{ResourceRef, SmolStr, Value};
use iam::access::{Access, Holder, Thing, Verdict as Allowed, Who, shown};
use iam::symbolic::Given;

use self::areas::Areas;
use self::attack::{Hit, attack};
use crate::identity::breaks_glass;
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tenants-apart",
    title: "no tenant reaches what belongs to another",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/tenants-apart.md"),
    check,
};

/// Who asks.
const ONE: &str = "tenant-1";

/// Whose it is, and how the two names are to each other.
const OTHERS: &[(&str, bool)] = &[("tenant-2", false), ("tenant-12", true), ("a-tenant-1", true)];

/// Longer chains of roles are not followed: AWS ends them no sooner, but each more is found from its own start.
const MOST_HOPS: usize = 6;

/// A session of a tenant.
struct Session<'x> {
    holder: &'x Holder,
    /// The roles on the way.
    by: Vec<SmolStr>,
    /// For whom it acts, or says to act.
    given: Vec<Given>,
    /// Whether it took the other tenant's name.
    renamed: bool,
    certain: bool,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let access = facts.access();
    let areas = Areas::of(access);
    for &at in &areas.tenants {
        let Some(holder) = access.holders.get(at) else { continue };
        let Some(found) = facts.index.get(holder.stack, &holder.id).filter(|found| !breaks_glass(*found))
        else {
            continue;
        };
        match worst(facts, &areas, holder) {
            None => findings.proved(found),
            Some(failure) => tell(found, &failure, findings),
        }
    }
    if !areas.tenants.is_empty() {
        renaming(facts, &areas, findings);
    }
}

/// A request of one tenant that reaches another's.
struct Failure {
    hit: Hit,
    by: Vec<SmolStr>,
    renamed: bool,
    /// Whether the names of the two hold one another.
    alike: bool,
    owner: &'static str,
    area: String,
}

fn worst(facts: &Facts<'_>, areas: &Areas, holder: &Holder) -> Option<Failure> {
    let mut doubtful: Option<Failure> = None;
    for (owner, alike) in OTHERS {
        let sessions = sessions(facts, areas, holder, owner);
        for session in &sessions {
            for area in &areas.all {
                let Some(mut hit) = attack(facts, session.holder, &session.given, area, owner) else {
                    continue;
                };
                hit.certain &= session.certain;
                let (by, renamed) = (session.by.clone(), session.renamed);
                let failure = Failure { hit, by, renamed, alike: *alike, owner, area: area.says() };
                if failure.hit.certain {
                    return Some(failure);
                }
                doubtful.get_or_insert(failure);
            }
        }
    }
    doubtful
}

/// The sessions that a tenant comes to have: its own, without tags, and those of roles that it may assume.
fn sessions<'x>(facts: &'x Facts<'_>, areas: &Areas, holder: &'x Holder, owner: &str) -> Vec<Session<'x>> {
    let access = facts.access();
    let start = |of: Option<&str>| Session {
        holder,
        by: Vec::new(),
        given: areas.session(of),
        renamed: false,
        certain: true,
    };
    let mut out = vec![start(Some(ONE))];
    if !areas.tags().is_empty() {
        out.push(start(None));
    }
    let roles: BTreeMap<&str, &Holder> =
        access.holders.iter().map(|holder| (holder.arn.as_str(), holder)).collect();
    let askers = access.askers("sts:AssumeRole");
    let trusts: Vec<&Thing> = access.things.iter().filter(|thing| thing.kind == "AWS::IAM::Role").collect();
    let mut next = 0;
    while let Some(Session { holder: from, by, given, renamed, certain }) = out.get(next) {
        let (from, by, given, renamed, certain) = (*from, by.clone(), given.clone(), *renamed, *certain);
        next += 1;
        let at = access.holders.iter().position(|holder| holder.arn == from.arn);
        for thing in trusts.iter().filter(|_| by.len() < MOST_HOPS) {
            let Some(role) = roles.get(thing.arn.as_str()) else { continue };
            if at.is_none_or(|at| access.worth_asking(&askers, thing).binary_search(&at).is_err()) {
                continue;
            }
            for takes in tags_taken(access, areas, from, &given, thing, owner) {
                let took = matches!(takes.of, Some(of) if of == owner) || (renamed && takes.of.is_none());
                let known = out.iter().any(|known| known.holder.arn == role.arn && known.renamed == took);
                if known {
                    continue;
                }
                let mut by = by.clone();
                by.push(role.id.clone());
                let given = areas.session(takes.of);
                let certain = certain && takes.certain;
                out.push(Session { holder: role, by, given, renamed: took, certain });
            }
        }
    }
    out
}

/// A way of assuming a role: for whom, and whether that is certainly allowed.
struct Takes<'o> {
    of: Option<&'o str>,
    certain: bool,
}

/// Under which names a role may be assumed: without a tag, and with the other tenant's.
fn tags_taken<'o>(
    access: &Access<'_>,
    areas: &Areas,
    from: &Holder,
    given: &[Given],
    role: &Thing,
    owner: &'o str,
) -> Vec<Takes<'o>> {
    let may = |action: &str, tag: Option<&str>| {
        let tags = areas.tags().into_iter();
        let tags = tags.map(|key| (SmolStr::from(format!("aws:RequestTag/{key}")), tag.map(str::to_owned)));
        let given: Vec<Given> = given.iter().cloned().chain(tags).collect();
        match access.can_given(Who::Holder(from), action, role, &given).verdict {
            Allowed::No => None,
            Allowed::Yes | Allowed::When(_) => Some(true),
            Allowed::Unknown(_) => Some(false),
        }
    };
    let mut out = Vec::new();
    if let Some(certain) = may("sts:AssumeRole", None) {
        out.push(Takes { of: None, certain });
    }
    if !areas.tags().is_empty()
        && let (Some(assumes), Some(tags)) =
            (may("sts:AssumeRole", Some(owner)), may("sts:TagSession", Some(owner)))
    {
        out.push(Takes { of: Some(owner), certain: assumes && tags });
    }
    out
}

fn tell(found: ResourceRef<'_>, failure: &Failure, findings: &mut Findings) {
    let Failure { hit, by, renamed, alike, owner, area } = failure;
    let through = match by.as_slice() {
        [] => String::new(),
        by => {
            format!(", as {}", by.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", then "))
        }
    };
    let because = hit.because.as_ref();
    let span = because.map_or(found.resource.origin.span, |because| because.span);
    let action = &hit.action;
    let finding = if hit.certain {
        let text = format!("a session of `{ONE}` may {action} what belongs to `{owner}`{through}");
        findings.violated(found, span, text)
    } else {
        let text = format!(
            "whether a session of `{ONE}` may {action} what belongs to `{owner}`{through} depends on what is not known: {}",
            hit.circumstances
        );
        findings.unknown(found, span, text)
    };
    let fix = if *renamed {
        "let a session pass on only its own name: `aws:RequestTag/…` equal to `${aws:PrincipalTag/…}`, on sts:TagSession \
         and sts:AssumeRole; or mark the tag as transitive"
            .to_owned()
    } else if !hit.told {
        format!("take {action} out of the statement: it carries nothing that tells whose the data is")
    } else if *alike {
        "part the variable from what follows it, and from what stands before it, by a character that no tenant's name holds"
            .to_owned()
    } else {
        format!("narrow what the statement allows to `{area}`")
    };
    let mut circumstances = vec![format!("a session of {ONE}{}", through.replace('`', ""))];
    circumstances.extend(Some(hit.circumstances.clone()).filter(|text| !text.is_empty()));
    finding
        .witness(Witness::Request {
            principal: format!("{} ({ONE})", found.id),
            action: action.clone(),
            resource: hit.resource.clone(),
            circumstances: circumstances.join("; "),
        })
        .fix(fix);
    if let Some(because) = because {
        finding.related(because.span, shown(&because.statement));
    }
}

/// Attributes that a user pool has from the start and lets its users write.
///
/// Source: "Working with user attributes", Amazon Cognito Developer Guide.
const STANDARD: &[&str] = &[
    "address",
    "birthdate",
    "email",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "website",
    "zoneinfo",
];

/// No user writes the attribute that says whose they are.
fn renaming(facts: &Facts<'_>, areas: &Areas, findings: &mut Findings) {
    let tags = areas.tags();
    let mut claims: Vec<(SmolStr, SmolStr)> = Vec::new();
    for found in facts.index.of_kind("AWS::Cognito::IdentityPoolPrincipalTag") {
        let map = found.resource.properties.get("PrincipalTags").and_then(Value::as_map);
        for entry in map.into_iter().flatten().filter(|entry| tags.contains(&entry.key)) {
            if let Some(claim) = entry.value.as_text() {
                claims.push((entry.key.clone(), claim));
            }
        }
    }
    for client in facts.index.of_kind("AWS::Cognito::UserPoolClient").iter().filter(|_| !claims.is_empty()) {
        let written = client.resource.properties.get("WriteAttributes");
        let items = written.map(Value::as_items).unwrap_or_default();
        let open = items.iter().find(|item| item.as_text().is_none());
        let writes = |claim: &SmolStr| match written {
            Some(_) => items.iter().any(|item| item.as_text().as_ref() == Some(claim)),
            None => STANDARD.contains(&claim.as_str()),
        };
        let span = written.map_or(client.resource.origin.span, |value| value.span);
        match (claims.iter().find(|(_, claim)| writes(claim)), open) {
            (Some((tag, claim)), _) => {
                let text = format!("its users may write `{claim}`, which becomes the session tag `{tag}`");
                findings
                    .violated(*client, span, text)
                    .witness(Witness::Request {
                        principal: format!("a user of {}", client.id),
                        action: "UpdateUserAttributes".to_owned(),
                        resource: claim.to_string(),
                        circumstances: "then signs in again, as another tenant".to_owned(),
                    })
                    .fix(format!("list `WriteAttributes` without `{claim}`"));
            }
            (None, Some(item)) => {
                findings.unknown(
                    *client,
                    item.span,
                    format!("what its users may write is {}", item.describe()),
                );
            }
            (None, None) => findings.proved(*client),
        }
    }
}
