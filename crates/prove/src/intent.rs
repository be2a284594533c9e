//! What the author of an estate says of its traffic: what may pass, what must, and guarantees of their own.
//!
//! In: nothing; the front door fills it from a blueprint, and leaves it out where nobody said anything. Out: plain data.
//! Always: a party is named by the words that tags and accounts carry, so that the network found in the resources is
//! what is judged, not what was meant.

use diagnostics::Span;
use estate::SmolStr;

/// What somebody says of an estate.
#[derive(Debug, Clone, Default)]
pub struct Intent {
    /// Environments by name; packets between two of them need an approved flow.
    pub environments: Vec<SmolStr>,
    /// Those of them that people depend on.
    pub production: Vec<SmolStr>,
    /// Those of them that are for developing and for playing.
    pub lower: Vec<SmolStr>,
    /// Those of them that are for playing: nothing of production may be reached from there, approved or not.
    pub sandbox: Vec<SmolStr>,
    /// Workloads that use what holds health information, beside whatever is tagged so.
    pub health: Vec<Party>,
    /// Flows that are approved.
    pub approved: Vec<Intended>,
    /// Flows that must work.
    pub needed: Vec<Intended>,
    /// Workloads, each in its environment: whatever their roles are allowed has a use.
    pub workloads: Vec<Party>,
    /// What workloads use, by requests.
    pub uses: Vec<Usage>,
    /// Guarantees of the user's own.
    pub claims: Vec<Claim>,
}

/// A flow that somebody wants.
#[derive(Debug, Clone)]
pub struct Intended {
    /// Who begins.
    pub from: Party,
    /// What is reached.
    pub to: Party,
    /// TCP ports; empty: any.
    pub ports: Vec<u16>,
    /// What it says, for people: `portal uses records`.
    pub says: String,
    /// Where it is written.
    pub span: Span,
}

/// A use of a store.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Who uses it.
    pub who: Party,
    /// The store.
    pub what: Party,
    /// Whether it reads.
    pub reads: bool,
    /// Whether it writes.
    pub writes: bool,
    /// The user of a database that it is.
    pub user: Option<SmolStr>,
    /// What it says, for people: `portal uses records`.
    pub says: String,
    /// Where it is written.
    pub span: Span,
}

/// A guarantee of the user's own.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its name.
    pub name: SmolStr,
    /// Whether it must be false, the only way, or true.
    pub mode: Mode,
    /// Who acts.
    pub who: Party,
    /// What it does.
    pub act: Act,
    /// To what.
    pub what: Party,
    /// On which TCP port; none means any.
    pub port: Option<u16>,
    /// By which way.
    pub through: Option<Party>,
    /// The sentence as it is written, with its mode: `never: sandbox reaches production`.
    pub says: String,
    /// Where it is written.
    pub span: Span,
}

/// Whether a claim must be false, the only way, or true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Never possible.
    Never,
    /// Possible for nobody else, and no other way.
    Only,
    /// Always possible.
    Always,
}

/// What a claim speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Packets get there.
    Reaches,
    /// Requests are allowed: a word for people, and what each type of resource calls it.
    May(SmolStr),
}

/// Somebody or something that a sentence names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// Everybody on the internet.
    Internet,
    /// Everybody and everything.
    Anyone,
    /// All offices, or the one of this name.
    Offices(Option<SmolStr>),
    /// The firewall on the way.
    Firewall,
    /// Everything in an environment.
    Environment(SmolStr),
    /// Everything in an account.
    Account(SmolStr),
    /// Everything in the accounts of a unit and beneath it, by their names.
    Accounts(SmolStr, Vec<SmolStr>),
    /// A workload or a store, in one environment or in all.
    Application(Option<SmolStr>, SmolStr),
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Internet => f.write_str("internet"),
            Self::Anyone => f.write_str("anyone"),
            Self::Offices(None) => f.write_str("offices"),
            Self::Offices(Some(name)) => write!(f, "offices/{name}"),
            Self::Firewall => f.write_str("firewall"),
            Self::Environment(name) | Self::Account(name) | Self::Accounts(name, _) => f.write_str(name),
            Self::Application(None, name) => f.write_str(name),
            Self::Application(Some(environment), name) => write!(f, "{environment}/{name}"),
        }
    }
}
