//! Ways in which a principal gains rights that nobody gave it, and whether one is open in an estate.
//!
//! In: [`Facts`]. Out: for each principal [`Outcome`]: none, a chain, or what it depends on. Always: a step counts only
//! where every layer lets it (identity, boundary, control policies, trust), for some context; "none" is said only when
//! every way of the catalogue was refuted for every resource of the estate; what stands outside the estate is not looked at.
//!
//! The catalogue is data, `data/escalation.csv`, with its sources.

mod allowed;
mod power;
mod rights;
mod search;
mod world;

use std::sync::LazyLock;

use diagnostics::Span;
use iam::access::Access;
use smol_str::SmolStr;

use crate::Facts;

pub(crate) use search::Search;
pub(crate) use world::World;

/// What a way gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Any rights, for the user, role, group or policy changed.
    Rights,
    /// The rights of an older version of a policy, which nobody knows.
    Older,
    /// What a permissions boundary withholds.
    Unbounds,
    /// What a statement of its own denies.
    Undenies,
    /// The rights of a group.
    Joins,
    /// To act as the user or role.
    Becomes,
    /// A new user or role with any rights.
    Makes,
    /// To act, through a service, as a role that is passed to it.
    Passes,
    /// To act as the role of something that is there.
    Uses,
    /// Rights in other accounts of the organization.
    Organization,
}

/// An action that a way needs.
#[derive(Debug)]
pub(crate) struct Need {
    /// As AWS spells it: `iam:PassRole`.
    pub action: &'static str,
    /// Whether any resource will do; else it must be the one that the way is about.
    pub anywhere: bool,
}

/// A way to gain rights.
#[derive(Debug)]
pub(crate) struct Way {
    /// Its id in the catalogue.
    pub id: &'static str,
    /// What it gives.
    pub gives: Gives,
    /// By or on what: services, a resource type, `user`, `role`.
    pub on: Vec<&'static str>,
    /// What it needs, beside `iam:PassRole` where a role is passed.
    pub needs: Vec<Need>,
}

impl Way {
    /// Its actions for people.
    pub(crate) fn actions(&self) -> String {
        let pass = (self.gives == Gives::Passes).then_some("iam:PassRole");
        let all = pass.into_iter().chain(self.needs.iter().map(|need| need.action));
        all.collect::<Vec<_>>().join(" + ")
    }
}

/// Every known way, in the order of the data.
pub(crate) static WAYS: LazyLock<Vec<Way>> =
    LazyLock::new(|| include_str!("../data/escalation.csv").lines().filter_map(way).collect());

fn way(line: &'static str) -> Option<Way> {
    let mut fields = line.splitn(5, ',').map(str::trim);
    let (id, gives, on, actions) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let gives = match gives {
        "rights" => Gives::Rights,
        "older" => Gives::Older,
        "unbounds" => Gives::Unbounds,
        "undenies" => Gives::Undenies,
        "joins" => Gives::Joins,
        "becomes" => Gives::Becomes,
        "makes" => Gives::Makes,
        "passes" => Gives::Passes,
        "uses" => Gives::Uses,
        "organization" => Gives::Organization,
        _ => return None,
    };
    let needs = actions.split_whitespace().map(|text| match text.strip_suffix("@any") {
        Some(action) => Need { action, anywhere: true },
        None => Need { action: text, anywhere: false },
    });
    Some(Way { id, gives, on: on.split_whitespace().collect(), needs: needs.collect() })
}

/// A step of a chain.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// In words: `passes `Worker` to lambda.amazonaws.com (iam:PassRole + lambda:CreateFunction + …)`.
    pub text: String,
    /// The way's id; `assume-role` for a role that is assumed.
    pub way: &'static str,
    /// The statements that allow it.
    pub because: Vec<(Span, String)>,
    /// What it depends on that is not known.
    pub doubt: Option<String>,
}

/// What came of a principal.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It cannot raise itself in any known way.
    Cannot,
    /// It can.
    Can(Chain),
    /// It depends on this, which is not known; with the chain where there is one.
    Unknown(String, Option<Chain>),
}

/// How a principal raises itself.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What it has in the end: `any rights`, `the rights of `Worker``.
    pub gains: String,
    /// What takes the chain apart with the least change.
    pub fix: String,
}

/// The name of a holder for people: `application/Deployer`.
pub(crate) fn name_of(access: &Access<'_>, at: usize) -> SmolStr {
    access.holders.get(at).map_or(SmolStr::new_static("?"), |holder| holder.id.clone())
}

/// What every principal of an estate can come to, by its position in [`Access::holders`].
pub(crate) fn outcomes(facts: &Facts<'_>) -> Vec<Outcome> {
    let world = World::of(facts);
    let mut search = Search::of(&world);
    (0..world.access.holders.len()).map(|at| search.outcome(at)).collect()
}
