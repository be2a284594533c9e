//! The search for a chain.
//!
//! In: a [`World`] and a principal. Out: an [`Outcome`]. Always: breadth first, so that the shortest chain is shown; steps
//! that depend on what is not known are taken only where no certain chain was found, and make the outcome unknown.
//!
//! What counts: rights that the principal can give itself; and acting as somebody who may do more. Who is named by name
//! (a role in `iam:PassRole` or in a trust policy, a function in `lambda:UpdateFunctionCode`) was given to it on purpose;
//! that counts only where it leads to any rights.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use estate::AccountId;
use iam::access::{Access, Holder, Verdict, Who};
use iam::policy::{Effect, Sense};

use super::allowed::{Allowed, declares};
use super::power::{More, Powers, is_administrator};
use super::world::{World, is_named, made_up};
use super::{Chain, Gives, Outcome, Step, WAYS, Way, name_of};

/// Searches one estate.
pub(crate) struct Search<'w, 'f, 'a> {
    pub(super) world: &'w World<'f, 'a>,
    pub(super) powers: Powers<'f>,
    named: HashMap<usize, BTreeSet<&'static str>>,
    trusted: HashMap<(AccountId, &'static str), Vec<usize>>,
}

/// A principal on the way, and how it was reached.
struct Node {
    at: usize,
    steps: Vec<Step>,
}

/// A step to somebody else.
struct Move {
    to: usize,
    step: Step,
    /// Whether it was given on purpose.
    declared: bool,
    fix: String,
}

/// More chains than this are not followed from one principal.
const MOST_NODES: usize = 400;

impl<'w, 'f, 'a> Search<'w, 'f, 'a> {
    /// Nothing searched yet.
    pub(crate) fn of(world: &'w World<'f, 'a>) -> Self {
        Self {
            world,
            powers: Powers::new(world.facts.catalog.iam()),
            named: HashMap::new(),
            trusted: HashMap::new(),
        }
    }

    /// What a principal can come to.
    pub(crate) fn outcome(&mut self, start: usize) -> Outcome {
        let Some(holder) = self.holder(start) else { return Outcome::Cannot };
        if is_administrator(&holder.identity, holder.boundary.as_ref()) {
            return Outcome::Cannot;
        }
        let unread = holder.identity.iter().find_map(|document| document.policy.as_ref().err());
        match self.chain(start, true) {
            Outcome::Cannot => {}
            Outcome::Unknown(why, _) => match self.chain(start, false) {
                Outcome::Cannot => return Outcome::Unknown(why, None),
                Outcome::Can(chain) | Outcome::Unknown(_, Some(chain)) => {
                    let doubt = chain.steps.iter().find_map(|step| step.doubt.clone());
                    return Outcome::Unknown(doubt.unwrap_or(why), Some(chain));
                }
                Outcome::Unknown(why, None) => return Outcome::Unknown(why, None),
            },
            can => return can,
        }
        match unread {
            Some(why) => Outcome::Unknown(why.clone(), None),
            None => Outcome::Cannot,
        }
    }

    pub(super) fn access(&self) -> &'f Access<'a> {
        self.world.access
    }

    pub(super) fn holder(&self, at: usize) -> Option<&'f Holder> {
        self.access().holders.get(at)
    }

    fn named(&mut self, at: usize) -> BTreeSet<&'static str> {
        if let Some(known) = self.named.get(&at) {
            return known.clone();
        }
        let named = self.holder(at).map(|holder| self.world.names(holder)).unwrap_or_default();
        self.named.insert(at, named.clone());
        named
    }

    /// A chain of certain steps, or of any.
    fn chain(&mut self, start: usize, certain: bool) -> Outcome {
        let Some(first) = self.holder(start) else { return Outcome::Cannot };
        let mut doubt: Option<String> = None;
        let mut seen = HashSet::from([start]);
        let mut queue = VecDeque::from([Node { at: start, steps: Vec::new() }]);
        let mut reached: Vec<(usize, Vec<Step>)> = Vec::new();
        while let Some(node) = queue.pop_front() {
            if seen.len() > MOST_NODES {
                return Outcome::Unknown("there are too many ways to follow".to_owned(), None);
            }
            let named = self.named(node.at);
            if named.is_empty() {
                continue;
            }
            for (step, gains, fix) in self.rights(node.at, &named) {
                if certain && step.doubt.is_some() {
                    doubt = doubt.or(step.doubt);
                    continue;
                }
                let mut steps = node.steps.clone();
                steps.push(step);
                return Outcome::Can(Chain { steps, gains, fix });
            }
            for one in self.moves(node.at, &named) {
                if certain && one.step.doubt.is_some() {
                    doubt = doubt.or(one.step.doubt);
                    continue;
                }
                if !seen.insert(one.to) {
                    continue;
                }
                let Some(target) = self.holder(one.to) else { continue };
                let administrator = is_administrator(&target.identity, target.boundary.as_ref());
                let mut steps = node.steps.clone();
                let assumed = one.step.way == ASSUME;
                steps.push(one.step);
                let only_assumed = steps.iter().all(|step| step.way == ASSUME);
                let more = match (administrator, one.declared) {
                    // Who is named by an administrators' role is an administrator.
                    (true, true) if assumed && only_assumed && steps.len() == 1 => continue,
                    (true, _) => More::Yes("everything".to_owned()),
                    (false, true) => More::No,
                    (false, false) => match self.named_alone(one.to, start) {
                        Some(what) => More::Yes(what),
                        None => self.powers.more(&target.identity, target.boundary.as_ref(), first),
                    },
                };
                match more {
                    More::Yes(what) => {
                        let gains = format!("the rights of `{}` ({what})", target.id);
                        return Outcome::Can(Chain { steps, gains, fix: one.fix });
                    }
                    More::Unknown(why) if certain => doubt = doubt.or(Some(why)),
                    More::Unknown(why) => {
                        let gains = format!("the rights of `{}`", target.id);
                        return Outcome::Unknown(why, Some(Chain { steps, gains, fix: one.fix }));
                    }
                    More::No => {}
                }
                reached.push((one.to, steps.clone()));
                queue.push_back(Node { at: one.to, steps });
            }
        }
        if let Some(chain) = self.through_others(start, &reached, certain, &mut doubt) {
            return Outcome::Can(chain);
        }
        doubt.map_or(Outcome::Cannot, |why| Outcome::Unknown(why, None))
    }

    /// Somebody who can be reached is given more rights by another who can.
    fn through_others(
        &mut self,
        start: usize,
        reached: &[(usize, Vec<Step>)],
        certain: bool,
        doubt: &mut Option<String>,
    ) -> Option<Chain> {
        let changers = std::iter::once((start, Vec::new())).chain(reached.iter().cloned());
        let changers: Vec<(usize, Vec<Step>)> = changers.collect();
        for (changer, steps) in &changers {
            let named = self.named(*changer);
            for way in WAYS.iter().filter(|way| way.gives == Gives::Rights && is_named(way, &named)) {
                for (target, how) in reached.iter().filter(|(target, _)| target != changer) {
                    let Some(step) = self.gives_rights(way, *changer, *target) else { continue };
                    if certain && step.doubt.is_some() {
                        *doubt = doubt.take().or(step.doubt);
                        continue;
                    }
                    let mut steps = steps.clone();
                    steps.push(step);
                    steps.extend(how.iter().cloned());
                    let gains = format!("any rights, as `{}`", name_of(self.access(), *target));
                    let fix =
                        format!("take {} away from `{}`", way.actions(), name_of(self.access(), *changer));
                    return Some(Chain { steps, gains, fix });
                }
            }
        }
        None
    }

    /// Steps to somebody else.
    fn moves(&mut self, at: usize, named: &BTreeSet<&'static str>) -> Vec<Move> {
        let Some(holder) = self.holder(at) else { return Vec::new() };
        let mut out = Vec::new();
        let world = self.world;
        let place = world.places.get(&holder.account);
        for way in WAYS.iter().filter(|way| is_named(way, named)) {
            let needs: Vec<&'static str> = way.needs.iter().map(|need| need.action).collect();
            match way.gives {
                Gives::Becomes => {
                    let role = way.on == ["role"];
                    let targets = place.map(|place| if role { &place.roles } else { &place.users });
                    for to in targets.into_iter().flatten().filter(|to| **to != at) {
                        let Some(thing) = self.holder(*to).and_then(|target| world.thing(target)) else {
                            continue;
                        };
                        let Some(allowed) = self.all(holder, &needs, thing, &[]) else { continue };
                        let text = format!("takes over `{}` ({})", thing.id, way.actions());
                        let fix =
                            format!("take {} on `{}` away from `{}`", way.actions(), thing.id, holder.id);
                        out.push(Move { to: *to, step: allowed.step(way, text), declared: false, fix });
                    }
                }
                Gives::Passes => out.extend(self.passes(way, at, holder)),
                Gives::Uses => out.extend(self.uses(way, at, holder)),
                _ => {}
            }
        }
        out.extend(self.assumes(at, holder, named));
        out
    }

    fn passes(&mut self, way: &'static Way, at: usize, holder: &'f Holder) -> Vec<Move> {
        let mut out = Vec::new();
        let mut started: Option<Option<Allowed>> = None;
        for service in &way.on {
            for to in self.trusted_by(holder.account, service) {
                let Some(thing) = self.holder(to).and_then(|target| self.world.thing(target)) else {
                    continue;
                };
                if to == at {
                    continue;
                }
                let given = [("iam:PassedToService".into(), Some((*service).to_owned()))];
                let Some(mut allowed) = self.all(holder, &["iam:PassRole"], thing, &given) else { continue };
                let rest = started.get_or_insert_with(|| self.anywhere(holder, way));
                let Some(rest) = rest else { return out };
                allowed.and(rest);
                let text = format!("passes `{}` to {service} ({})", thing.id, way.actions());
                let fix = format!(
                    "let `{}` pass only the roles it needs, by ARN, with iam:PassedToService",
                    holder.id
                );
                let declared = declares(holder, "iam:passrole", &thing.arn);
                out.push(Move { to, step: allowed.step(way, text), declared, fix });
            }
        }
        out
    }

    /// Roles of an account that trust a service.
    fn trusted_by(&mut self, account: AccountId, service: &'static str) -> Vec<usize> {
        if let Some(known) = self.trusted.get(&(account, service)) {
            return known.clone();
        }
        let world = self.world;
        let roles = world.trusting.get(service).into_iter().chain(world.trusting.get("*")).flatten().copied();
        let roles: Vec<usize> = roles
            .filter(|at| {
                let role = self.holder(*at).filter(|holder| holder.account == account);
                let trust = role.and_then(|role| world.thing(role));
                trust.is_some_and(|trust| {
                    let actions = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"];
                    let can = |action| world.access.can(Who::Outsider(service), action, trust);
                    actions.into_iter().any(|action| can(action).verdict != Verdict::No)
                })
            })
            .collect();
        self.trusted.insert((account, service), roles.clone());
        roles
    }

    fn uses(&mut self, way: &'static Way, at: usize, holder: &'f Holder) -> Vec<Move> {
        let mut out = Vec::new();
        let Some(on) = way.on.first().copied() else { return out };
        let mut push =
            |to: usize, allowed: Allowed, thing: &iam::access::Thing, declared: bool, role: &str| {
                let text = format!("runs as `{role}` through `{}` ({})", thing.id, way.actions());
                let fix = format!("limit {} of `{}` to what it has to change", way.actions(), holder.id);
                out.push(Move { to, step: allowed.step(way, text), declared, fix });
            };
        if on.contains(".amazonaws.com") {
            let Some(allowed) = self.anywhere(holder, way) else { return out };
            for to in self.trusted_by(holder.account, on) {
                let Some(thing) = self.holder(to).and_then(|target| self.world.thing(target)) else {
                    continue;
                };
                if to != at {
                    push(to, allowed.clone(), thing, false, &thing.id);
                }
            }
            return out;
        }
        let running: Vec<(usize, usize)> =
            self.world.places.get(&holder.account).map_or(Vec::new(), |place| {
                let all = place.running.iter().filter(|(word, ..)| *word == on);
                all.map(|(_, thing, role)| (*thing, *role)).collect()
            });
        for (thing, to) in running {
            let Some(thing) = self.access().things.get(thing) else { continue };
            let role = self.holder(to);
            if to == at || role.is_none_or(|role| !self.answers_session_manager(on, role)) {
                continue;
            }
            let own: Vec<&'static str> =
                way.needs.iter().filter(|need| !need.anywhere).map(|need| need.action).collect();
            let Some(mut allowed) = self.all(holder, &own, thing, &[]) else { continue };
            let Some(rest) = self.anywhere(holder, way) else { continue };
            allowed.and(&rest);
            let declared =
                own.first().is_some_and(|action| declares(holder, &action.to_lowercase(), &thing.arn));
            push(to, allowed, thing, declared, &name_of(self.access(), to));
        }
        out
    }

    /// Session Manager and ECS Exec work only where the role may open its channels.
    /// Source: "Step 1: Complete Session Manager prerequisites", AWS Systems Manager User Guide; "ECS Exec", Amazon ECS
    /// Developer Guide.
    fn answers_session_manager(&self, on: &str, role: &Holder) -> bool {
        if !on.contains('+') {
            return true;
        }
        let thing = made_up("arn:aws:ssmmessages:us-east-1:000000000000:channel", role);
        let can = |action| self.access().can(Who::Holder(role), action, &thing).verdict != Verdict::No;
        can("ssmmessages:CreateControlChannel") || can("ec2messages:GetMessages")
    }

    fn assumes(&self, at: usize, holder: &'f Holder, named: &BTreeSet<&'static str>) -> Vec<Move> {
        let number = self.world.number(holder.account);
        let root = format!("arn:aws:iam::{number}:root");
        let mut candidates: BTreeSet<usize> = BTreeSet::new();
        let by_name = self.world.trusting.get(&holder.arn).into_iter().flatten();
        candidates.extend(by_name.copied());
        if named.contains("sts:AssumeRole") {
            for key in [number.as_str(), root.as_str(), "*"] {
                candidates.extend(self.world.trusting.get(key).into_iter().flatten().copied());
            }
        }
        candidates.remove(&at);
        let mut out = Vec::new();
        for to in candidates {
            let Some(thing) = self.holder(to).and_then(|target| self.world.thing(target)) else { continue };
            let Some(allowed) = self.all(holder, &["sts:AssumeRole"], thing, &[]) else { continue };
            let trusts_it = self.world.trusting.get(&holder.arn).is_some_and(|roles| roles.contains(&to));
            let declared = trusts_it || declares(holder, "sts:assumerole", &thing.arn);
            let step = Step {
                text: format!("assumes `{}` (sts:AssumeRole)", thing.id),
                way: ASSUME,
                because: allowed.because,
                doubt: allowed.doubt,
            };
            let fix = format!("name in the trust policy of `{}` who may assume it", thing.id);
            out.push(Move { to, step, declared, fix });
        }
        out
    }

    /// What the policy of some resource lets somebody do that it does not let another.
    fn named_alone(&self, who: usize, than: usize) -> Option<String> {
        let (who, than) = (self.holder(who)?, self.holder(than)?);
        for at in self.world.naming.get(&who.arn)? {
            let thing = self.access().things.get(*at)?;
            let policies = thing.policies.iter().filter_map(|document| document.policy.as_ref().ok());
            let statements = policies.flat_map(|policy| &policy.statements);
            let allows = statements.filter(|statement| {
                let names = |set: &iam::policy::PrincipalSet| {
                    set.principals.iter().any(|one| iam::access::principal_text(&one.kind) == who.arn)
                };
                statement.effect == Effect::Allow
                    && statement.actions.sense == Sense::Only
                    && statement.principals.as_ref().is_some_and(names)
            });
            for pattern in allows.flat_map(|statement| &statement.actions.patterns) {
                let action = pattern.written.replace('*', "");
                let can = |holder| self.access().can(Who::Holder(holder), &action, thing).verdict;
                if !pattern.written.contains('*') && can(than) == Verdict::No && can(who) != Verdict::No {
                    return Some(format!("{action} on `{}`", thing.id));
                }
            }
        }
        None
    }
}

/// The name of the step by which a role is assumed.
const ASSUME: &str = "assume-role";
