//! What a blueprint says of the traffic, in the words of `prove`.
//!
//! In: a blueprint. Out: an [`Intent`]: its environments, what uses what, and its own guarantees. Always: every sentence
//! that reached here names something of the blueprint; what cannot be reached by packets (a bucket, a table) is no need
//! of the network.

use blueprint::model::{
    Blueprint, DataClass, Destination, Environment, Exposure, Guarantee, Mode, OfficeId, Party as Word,
    Source, StoreKind, Target, Tier, UnitId, Verb, Workload,
};
use estate::SmolStr;
use prove::intent::{Act, Claim, Intended, Intent, Mode as Claimed, Party, Usage};

/// PostgreSQL's port.
const POSTGRESQL: u16 = 5432;
/// Where load balancers listen.
const HTTPS: u16 = 443;

/// What the blueprint says.
pub fn of(blueprint: &Blueprint) -> Intent {
    let of = |tiers: &[Tier]| {
        let all = blueprint.environments.iter().filter(|one| tiers.contains(&one.tier.value));
        all.map(|one| SmolStr::new(one.name.value.as_str())).collect()
    };
    Intent {
        environments: of(&[Tier::Production, Tier::Staging, Tier::Development, Tier::Sandbox]),
        production: of(&[Tier::Production]),
        lower: of(&[Tier::Development, Tier::Sandbox]),
        sandbox: of(&[Tier::Sandbox]),
        health: blueprint.environments.iter().flat_map(health).collect(),
        approved: blueprint.environments.iter().flat_map(public).chain(flows(blueprint)).collect(),
        needed: blueprint.environments.iter().flat_map(needs).chain(flows(blueprint)).collect(),
        workloads: blueprint.environments.iter().flat_map(workloads).collect(),
        uses: blueprint.environments.iter().flat_map(uses).collect(),
        claims: blueprint.guarantees.iter().map(|guarantee| claim(blueprint, guarantee)).collect(),
    }
}

/// Workloads that use a store of health information: it passes through them, whatever they are tagged.
fn health(environment: &Environment) -> Vec<Party> {
    let holds = |target: &Target| match target {
        Target::Store(id) => environment
            .store(*id)
            .is_some_and(|store| store.contains.iter().any(|class| class.value == DataClass::Phi)),
        Target::Workload(_) => false,
    };
    let carries = |workload: &&Workload| workload.uses.iter().any(|used| holds(&used.target));
    let workloads = environment.workloads.iter().filter(carries);
    workloads.map(|workload| part(environment, workload.name.value.as_str())).collect()
}

/// What everybody may reach: an environment may reach another's public door as anybody does.
fn public(environment: &Environment) -> Vec<Intended> {
    let served = environment.workloads.iter().filter(|workload| workload.exposure == Exposure::Internet);
    let open = served.map(|workload| Intended {
        from: Party::Anyone,
        to: part(environment, workload.name.value.as_str()),
        ports: vec![HTTPS],
        says: format!("everybody reaches `{}/{}`", environment.name.value, workload.name.value),
        span: workload.exposed_by,
    });
    open.collect()
}

/// The flows that the blueprint approves between its own parts; what leaves for the internet is the firewall's to judge.
fn flows(blueprint: &Blueprint) -> Vec<Intended> {
    let workload = |environment, id| {
        let environment = blueprint.environment(environment)?;
        Some(part(environment, environment.workload(id)?.name.value.as_str()))
    };
    let approved = blueprint.flows.iter().filter_map(|flow| {
        let from = match flow.from {
            Source::Workload(environment, id) => workload(environment, id)?,
            Source::Office(office) => Party::Offices(Some(office_name(blueprint, office)?)),
        };
        let to = match &flow.to {
            Destination::Workload(environment, id) => workload(*environment, *id)?,
            Destination::Store(environment, id) => {
                let environment = blueprint.environment(*environment)?;
                part(environment, environment.store(*id)?.name.value.as_str())
            }
            Destination::Office(office) => Party::Offices(Some(office_name(blueprint, *office)?)),
            Destination::Internet(_) => return None,
        };
        let says = format!("`{from}` reaches `{to}`");
        Some(Intended { from, to, ports: flow.ports.clone(), says, span: flow.span })
    });
    approved.collect()
}

fn office_name(blueprint: &Blueprint, id: OfficeId) -> Option<SmolStr> {
    blueprint.network.offices.get(id.0).map(|office| office.name.value.as_str().into())
}

/// A workload or store of an environment.
fn part(environment: &Environment, name: &str) -> Party {
    Party::Application(Some(environment.name.value.as_str().into()), name.into())
}

/// What the workloads of an environment have to reach, and who has to reach them.
fn needs(environment: &Environment) -> Vec<Intended> {
    let mut out = Vec::new();
    let workload = |workload: &Workload| part(environment, workload.name.value.as_str());
    for from in &environment.workloads {
        if from.exposure == Exposure::Internet {
            out.push(Intended {
                from: Party::Internet,
                to: workload(from),
                ports: vec![HTTPS],
                says: format!("the internet reaches `{}/{}`", environment.name.value, from.name.value),
                span: from.exposed_by,
            });
        }
        for used in &from.uses {
            let (to, port) = match used.target {
                Target::Store(id) => match environment.store(id) {
                    Some(store) if matches!(store.kind, StoreKind::Postgresql(_)) => {
                        (store.name.value.as_str(), POSTGRESQL)
                    }
                    _ => continue,
                },
                Target::Workload(id) => match environment.workload(id) {
                    Some(workload) => (workload.name.value.as_str(), HTTPS),
                    None => continue,
                },
            };
            out.push(Intended {
                from: workload(from),
                to: part(environment, to),
                ports: vec![port],
                says: format!("`{0}/{1}` uses `{0}/{to}`", environment.name.value, from.name.value),
                span: used.span,
            });
        }
    }
    out
}

fn workloads(environment: &Environment) -> impl Iterator<Item = Party> + '_ {
    environment.workloads.iter().map(|workload| part(environment, workload.name.value.as_str()))
}

/// What the workloads of an environment use by requests: a call of another workload needs no permission.
fn uses(environment: &Environment) -> Vec<Usage> {
    let mut out = Vec::new();
    for from in &environment.workloads {
        for used in &from.uses {
            let Target::Store(id) = used.target else { continue };
            let Some(store) = environment.store(id) else { continue };
            let name = from.name.value.as_str();
            let is_database = matches!(store.kind, StoreKind::Postgresql(_));
            out.push(Usage {
                who: part(environment, name),
                what: part(environment, store.name.value.as_str()),
                reads: used.reads,
                writes: used.writes,
                user: is_database.then(|| design::database_user(&from.name.value)),
                says: format!("`{0}/{name}` uses `{0}/{1}`", environment.name.value, store.name.value),
                span: used.span,
            });
        }
    }
    out
}

fn claim(blueprint: &Blueprint, guarantee: &Guarantee) -> Claim {
    let sentence = &guarantee.sentence;
    let mode = match guarantee.mode {
        Mode::Never => Claimed::Never,
        Mode::Only => Claimed::Only,
        Mode::Always => Claimed::Always,
    };
    let act = match sentence.verb {
        Verb::Reaches => Act::Reaches,
        other => Act::May(SmolStr::new_static(other.word())),
    };
    let mut says =
        format!("{}: {} {} {}", guarantee.mode.word(), sentence.who, sentence.verb.word(), sentence.what);
    if let Some(port) = sentence.port {
        says.push_str(&format!(" on {port}"));
    }
    if let Some(through) = &sentence.through {
        says.push_str(&format!(" through {through}"));
    }
    Claim {
        name: guarantee.name.clone(),
        mode,
        who: party(blueprint, &sentence.who),
        act,
        what: party(blueprint, &sentence.what),
        port: sentence.port,
        through: sentence.through.as_ref().map(|word| party(blueprint, word)),
        says: format!("`{says}`"),
        span: guarantee.span,
    }
}

/// What a word of a sentence stands for: an environment before a unit before an account, as docs/blueprint.md says.
fn party(blueprint: &Blueprint, word: &Word) -> Party {
    let word = word.0.as_str();
    match word {
        "internet" => return Party::Internet,
        "anyone" | "everyone" => return Party::Anyone,
        "offices" => return Party::Offices(None),
        "firewall" => return Party::Firewall,
        _ => {}
    }
    if let Some((environment, part)) = word.split_once('/') {
        return match environment {
            "offices" => Party::Offices(Some(part.into())),
            environment => Party::Application(Some(environment.into()), part.into()),
        };
    }
    if blueprint.environments.iter().any(|one| one.name.value.as_str() == word) {
        return Party::Environment(word.into());
    }
    let units = (0..).map(UnitId).zip(&blueprint.organization.units);
    if let Some((unit, _)) = units.into_iter().find(|(_, unit)| unit.name.value.as_str() == word) {
        let accounts = (0..).map(blueprint::model::AccountId).zip(&blueprint.organization.accounts);
        let within = accounts.filter(|(id, _)| crate::pipeline::is_in(blueprint, *id, unit));
        return Party::Accounts(
            word.into(),
            within.map(|(_, account)| account.name.value.as_str().into()).collect(),
        );
    }
    if blueprint.organization.accounts.iter().any(|account| account.name.value.as_str() == word) {
        return Party::Account(word.into());
    }
    Party::Application(None, word.into())
}
