//! What a principal can do to itself: more rights, fewer limits, a new principal of its own.
//!
//! In: a principal and the ways that its policies name. Out: steps that end a chain. Always: each was asked of every
//! layer; a permissions boundary that does not say everything bounds what can be gained, so that a change of policies
//! within it counts for nothing.

use std::collections::BTreeSet;

use estate::{AccountId, Estate};
use iam::access::{Access, Document, Holder, HolderKind, Thing, rendered};
use iam::policy::Effect;

use super::power::{More, says_everything};
use super::search::Search;
use super::world::{is_named, made_up};
use super::{Gives, Step, WAYS, Way};

const ADMINISTRATOR_POLICY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

impl<'f> Search<'_, 'f, '_> {
    /// What a principal can do to itself.
    pub(super) fn rights(
        &mut self,
        at: usize,
        named: &BTreeSet<&'static str>,
    ) -> Vec<(Step, String, String)> {
        let Some(holder) = self.holder(at) else { return Vec::new() };
        let mut out = Vec::new();
        for way in WAYS.iter().filter(|way| is_named(way, named)) {
            let fix = || format!("take {} away from `{}`, or deny it for itself", way.actions(), holder.id);
            let step = match way.gives {
                Gives::Rights | Gives::Older => self.gives_rights(way, at, at).map(|mut step| {
                    if way.gives == Gives::Older {
                        step.doubt = Some("what older versions of its policy allow is not known".to_owned());
                    }
                    (step, "any rights".to_owned())
                }),
                Gives::Unbounds => self.unbounds(way, holder),
                Gives::Undenies => self.undenies(way, holder),
                Gives::Joins => self.joins(way, holder),
                Gives::Makes => self.makes(way, holder),
                Gives::Organization => self.organization(way, holder),
                Gives::Becomes | Gives::Passes | Gives::Uses => None,
            };
            out.extend(step.map(|(step, gains)| (step, gains, fix())));
        }
        out
    }

    /// `changer` gives more rights to `target` in this way.
    pub(super) fn gives_rights(&self, way: &'static Way, changer: usize, target: usize) -> Option<Step> {
        let (who, target) = (self.holder(changer)?, self.holder(target)?);
        // Roles of IAM Identity Center cannot be changed in an account. Source: "Permission sets", its User Guide.
        if who.account != target.account || target.kind == HolderKind::PermissionSet {
            return None;
        }
        // What a boundary lets it have, it has. One that says everything is none.
        if target.boundary.as_ref().is_some_and(|boundary| !says_everything(boundary)) {
            return None;
        }
        let own = self.world.thing(target)?;
        let place = self.world.places.get(&who.account)?;
        let things = |list: &[usize]| -> Vec<&'f Thing> {
            list.iter().filter_map(|at| self.access().things.get(*at)).collect()
        };
        let changed: Vec<&Thing> = match (way.on.first().copied()?, target.kind) {
            ("user", HolderKind::User) | ("role", HolderKind::Role) => vec![own],
            ("group", HolderKind::User) => things(&place.groups)
                .into_iter()
                .filter(|group| target.groups.contains(&(group.stack, group.id.clone())))
                .collect(),
            ("policy", _) => {
                things(&place.policies).into_iter().filter(|one| self.has_attached(target, one)).collect()
            }
            _ => return None,
        };
        for thing in changed {
            let boundary = ("iam:PermissionsBoundary".into(), self.world.boundary(thing));
            let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
            // Whichever policy is attached: one of AWS's own, or one of the account's.
            let policies = if way.id.starts_with("attach") {
                let own = format!("arn:aws:iam::{}:policy/any", self.world.number(who.account));
                vec![Some(ADMINISTRATOR_POLICY.to_owned()), Some(own)]
            } else {
                vec![None]
            };
            for policy in policies {
                let mut given = vec![boundary.clone()];
                given.extend(policy.map(|arn| ("iam:PolicyARN".into(), Some(arn))));
                if let Some(allowed) = self.all(who, &needs, thing, &given) {
                    let text = format!("changes the rights of `{}` ({})", thing.id, way.actions());
                    return Some(allowed.step(way, text));
                }
            }
        }
        None
    }

    /// Whether a managed policy is attached to somebody.
    fn has_attached(&self, holder: &Holder, policy: &Thing) -> bool {
        let found = self.world.facts.index.get(policy.stack, &policy.id);
        let span =
            found.and_then(|found| found.resource.properties.get("PolicyDocument")).map(|text| text.span);
        holder.identity.iter().any(|document| document.name == policy.id && Some(document.span) == span)
    }

    fn unbounds(&mut self, way: &'static Way, holder: &'f Holder) -> Option<(Step, String)> {
        let boundary = holder.boundary.as_ref()?;
        let own = self.own(way, holder)?;
        if self.powers.compared(&holder.identity, std::slice::from_ref(boundary)) == More::No {
            return None;
        }
        let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
        // For a new boundary the key is about that one.
        let about = if way.id.starts_with("put") {
            Some(ADMINISTRATOR_POLICY.to_owned())
        } else {
            self.world.boundary(own)
        };
        let given = [("iam:PermissionsBoundary".into(), about)];
        let allowed = self.all(holder, &needs, own, &given)?;
        let text = format!("rids itself of its permissions boundary ({})", way.actions());
        Some((allowed.step(way, text), format!("what the boundary `{}` withholds", boundary.name)))
    }

    fn undenies(&self, way: &'static Way, holder: &'f Holder) -> Option<(Step, String)> {
        let own = self.own(way, holder)?;
        let managed: Vec<&Thing> =
            self.access().things.iter().filter(|one| one.kind == "AWS::IAM::ManagedPolicy").collect();
        let detaches = way.id.starts_with("detach");
        let denies = holder.identity.iter().find(|document| {
            let denies = document.policy.as_ref().is_ok_and(|policy| {
                policy.statements.iter().any(|statement| statement.effect == Effect::Deny)
            });
            denies && managed.iter().any(|one| one.id == document.name) == detaches
        })?;
        let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
        let given = [("iam:PermissionsBoundary".into(), self.world.boundary(own))];
        let allowed = self.all(holder, &needs, own, &given)?;
        let text = format!("takes the policy `{}` off itself ({})", denies.name, way.actions());
        Some((allowed.step(way, text), format!("what `{}` denies", denies.name)))
    }

    /// The user or role itself, where the way is about its kind.
    fn own(&self, way: &Way, holder: &Holder) -> Option<&'f Thing> {
        let fits = match holder.kind {
            HolderKind::Role => way.on.contains(&"role"),
            HolderKind::User => way.on.contains(&"user"),
            HolderKind::PermissionSet => false,
        };
        fits.then(|| self.world.thing(holder)).flatten()
    }

    fn joins(&mut self, way: &'static Way, holder: &'f Holder) -> Option<(Step, String)> {
        if holder.kind != HolderKind::User {
            return None;
        }
        let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
        for at in self.world.places.get(&holder.account)?.groups.clone() {
            let Some(group) = self.access().things.get(at) else { continue };
            if holder.groups.contains(&(group.stack, group.id.clone())) {
                continue;
            }
            let Some(found) = self.world.facts.index.get(group.stack, &group.id) else { continue };
            let documents = Access::of_group(&self.world.facts.index, found);
            let (doubt, what) = match self.powers.more(&documents, None, holder) {
                More::No => continue,
                More::Yes(what) => (None, what),
                More::Unknown(why) => (Some(why), "its policies".to_owned()),
            };
            let Some(allowed) = self.all(holder, &needs, group, &[]) else { continue };
            let mut step = allowed.step(way, format!("joins the group `{}` ({})", group.id, way.actions()));
            step.doubt = step.doubt.or(doubt);
            return Some((step, format!("the rights of the group `{}` ({what})", group.id)));
        }
        None
    }

    fn makes(&self, way: &'static Way, holder: &'f Holder) -> Option<(Step, String)> {
        let kind = way.on.first().copied()?;
        let generic = format!("arn:aws:iam::{}:{kind}/new", self.world.number(holder.account));
        let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
        for arn in self.instances(holder, needs.first().copied()?, &generic) {
            let thing = made_up(&arn, holder);
            let policy = || ("iam:PolicyARN".into(), Some(ADMINISTRATOR_POLICY.to_owned()));
            let free = [("iam:PermissionsBoundary".into(), None), policy()];
            if let Some(allowed) = self.all(holder, &needs, &thing, &free) {
                let text = format!("makes a {kind} of its own with any policy ({})", way.actions());
                return Some((allowed.step(way, text), "any rights".to_owned()));
            }
            // Only with a boundary: which one, and whether it bounds anything.
            for (boundary, document) in self.demanded_boundaries(holder) {
                if document.as_ref().is_some_and(|document| !says_everything(document)) {
                    continue;
                }
                let given = [("iam:PermissionsBoundary".into(), Some(boundary)), policy()];
                let Some(allowed) = self.all(holder, &needs, &thing, &given) else { continue };
                let text = format!("makes a {kind} of its own with any policy ({})", way.actions());
                let mut step = allowed.step(way, text);
                if document.is_none() {
                    step.doubt = Some("the boundary it has to set is not part of the estate".to_owned());
                }
                return Some((step, "any rights".to_owned()));
            }
        }
        None
    }

    /// The boundaries that a holder's policies ask for, with their text where it is known.
    fn demanded_boundaries(&self, holder: &Holder) -> Vec<(String, Option<Document>)> {
        let policies = holder.identity.iter().filter_map(|document| document.policy.as_ref().ok());
        let conditions =
            policies.flat_map(|policy| &policy.statements).flat_map(|statement| &statement.conditions);
        let asked = conditions.filter(|condition| condition.key == "iam:permissionsboundary");
        let arns: BTreeSet<String> =
            asked.flat_map(|condition| &condition.values).map(|value| rendered(&value.text)).collect();
        let places = self.world.places.get(&holder.account);
        let policies = places.map(|place| place.policies.as_slice()).unwrap_or_default();
        let of = |arn: &str| {
            let things = policies.iter().filter_map(|at| self.access().things.get(*at));
            let thing = things.into_iter().find(|thing| thing.arn == arn)?;
            let found = self.world.facts.index.get(thing.stack, &thing.id)?;
            Access::of_managed(&self.world.facts.index, found)
        };
        arns.into_iter().map(|arn| (arn.clone(), of(&arn))).collect()
    }

    fn organization(&self, way: &'static Way, holder: &'f Holder) -> Option<(Step, String)> {
        let estate: &Estate = self.world.facts.estate;
        let organization = estate.organization.as_ref()?;
        if holder.account != organization.management {
            return None;
        }
        if way.on == ["member"] {
            let members = (0..).map(AccountId).zip(&estate.accounts);
            let (member, account) = members.into_iter().find(|(id, _)| *id != organization.management)?;
            let number = self.world.number(member);
            let mut role =
                made_up(&format!("arn:aws:iam::{number}:role/OrganizationAccountAccessRole"), holder);
            role.account = member;
            role.policies = vec![trusts(&self.world.number(holder.account))?];
            let allowed = self.all(holder, &["sts:AssumeRole"], &role, &[])?;
            let text =
                format!("assumes OrganizationAccountAccessRole of `{}` (sts:AssumeRole)", account.name);
            return Some((allowed.step(way, text), "any rights in every member account".to_owned()));
        }
        let allowed = self.anywhere(holder, way)?;
        let text = format!("changes who may sign in where ({})", way.actions());
        Some((allowed.step(way, text), "any rights in every account".to_owned()))
    }
}

/// A trust policy for an account.
fn trusts(number: &str) -> Option<Document> {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{number}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    iam::access::document("OrganizationAccountAccessRole", &text)
}
