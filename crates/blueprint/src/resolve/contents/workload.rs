//! A workload in one environment.

use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::Effective;
use crate::Spanned;
use crate::codes::{BAD_VALUE, DUPLICATE_NAME, NEEDS_DOMAIN, UNKNOWN_NAME, USES_MISSING};
use crate::model::{Environment, Exposure, StoreId, Target, Tier, Use, Workload, WorkloadId};
use crate::reasons::Choice;
use crate::resolve::{Names, Resolver, title};
use crate::scalars::{DomainName, Name, Word};
use crate::written::{self, Host, Protocol};

/// The things of one environment by name.
type Here = HashMap<SmolStr, Target>;

impl Resolver<'_> {
    pub(super) fn workloads(
        &mut self,
        present: Vec<(&Spanned<Name>, Effective<'_, written::Workload>)>,
        environment: &mut Environment,
        names: &mut Names,
        missing: &mut HashSet<(Span, SmolStr)>,
    ) {
        let mut here: Here = HashMap::new();
        for (index, store) in environment.stores.iter().enumerate() {
            here.insert(store.name.as_str().into(), Target::Store(StoreId(index)));
        }
        for (index, (name, _)) in present.iter().enumerate() {
            here.insert(name.as_str().into(), Target::Workload(WorkloadId(index)));
        }
        let mut called_by: Vec<Vec<WorkloadId>> = vec![Vec::new(); present.len()];
        let mut uses = Vec::with_capacity(present.len());
        for (index, (name, written)) in present.iter().enumerate() {
            let used = self.uses(name, written, &environment.name, &here, names, missing);
            for target in used.iter().filter_map(|one| match one.target {
                Target::Workload(id) => Some(id),
                Target::Store(_) => None,
            }) {
                if let Some(callers) = called_by.get_mut(target.0) {
                    callers.push(WorkloadId(index));
                }
            }
            uses.push(used);
        }
        let mut workloads = Vec::with_capacity(present.len());
        for (((name, written), uses), called_by) in present.iter().zip(uses).zip(called_by) {
            workloads.push(self.workload(name, written, environment, uses, called_by, names));
        }
        environment.workloads = workloads;
        self.unique_hosts(environment);
    }

    fn workload(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Workload,
        environment: &Environment,
        uses: Vec<Use>,
        called_by: Vec<WorkloadId>,
        names: &Names,
    ) -> Workload {
        let reached_by_flow = self.reached_by_flow(&environment.name, name);
        let (exposure, exposed_by) = self.exposure(written, &called_by, reached_by_flow, names);
        let tier = environment.tier;
        let size = written.size.unwrap_or(Spanned::new(environment.defaults.size, tier.span));
        let copies = written.copies.unwrap_or(Spanned::new(environment.defaults.copies, tier.span));
        let protocol = written.protocol.unwrap_or(Spanned::new(Protocol::Https, written.span));
        let port = written.port.map_or(Spanned::new(8443, written.span), |port| {
            port.map(|port| u16::try_from(port.0).unwrap_or(8443))
        });
        let mut choices = Vec::new();
        if protocol.value == Protocol::Http {
            let what = "the last hop to the workload is in the clear".into();
            choices.push(Choice { field: "protocol", span: protocol.span, what });
        }
        if copies.least < 2 && tier.value == Tier::Production && exposure != Exposure::Nobody {
            let what = format!(
                "only {} copy of a workload that others depend on must run in production",
                copies.least
            );
            choices.push(Choice { field: "copies", span: copies.span, what });
        }
        self.reasons.judge(written.because.as_ref(), &choices, self.diagnostics);
        Workload {
            name: name.clone(),
            title: title(written.title.as_ref(), name),
            runs_on: written.runs_on,
            image: written.image.clone(),
            size,
            copies,
            port,
            protocol,
            health: written.health.as_ref().map_or(Spanned::new("/health".into(), written.span), |path| {
                Spanned::new(path.value.0.clone(), path.span)
            }),
            exposure,
            exposed_by,
            host: self.host(name, written, environment, exposure, exposed_by),
            uses,
            called_by,
            reached_by_flow,
            settings: self.settings(written),
            tags: self.tags(&written.tags),
            span: written.span,
        }
    }

    /// The place of a flow that names it as what it reaches.
    fn reached_by_flow(&self, environment: &Name, name: &Name) -> Option<Span> {
        if self.reached.is_empty() {
            return None;
        }
        self.reached.get(format!("{}/{}", environment.as_str(), name.as_str()).as_str()).copied()
    }

    fn exposure(
        &mut self,
        written: &written::Workload,
        called_by: &[WorkloadId],
        reached_by_flow: Option<Span>,
        names: &Names,
    ) -> (Exposure, Span) {
        let (mut exposure, mut place) = match reached_by_flow {
            _ if !called_by.is_empty() => (Exposure::Callers, written.span),
            Some(flow) => (Exposure::Callers, flow),
            None => (Exposure::Nobody, written.span),
        };
        for word in written.reached_from.iter() {
            let wider = match word.as_str() {
                "internet" => Exposure::Internet,
                "inside" => Exposure::Inside,
                other if names.has(other) => {
                    let text = format!("`{other}` reaches a workload by using it");
                    self.report(
                        Diagnostic::error(BAD_VALUE, word.span, text)
                            .help(format!("write the name of this workload under `uses:` of `{other}`")),
                    );
                    continue;
                }
                "offices" => {
                    let text = "`offices` reach a workload by a flow";
                    self.report(
                        Diagnostic::error(BAD_VALUE, word.span, text)
                            .help("write `{ from: offices, to: ENVIRONMENT/WORKLOAD }` under `flows:`"),
                    );
                    continue;
                }
                other => {
                    let text = format!("`{other}` is not a place from which a workload can be reached");
                    let unknown =
                        Diagnostic::error(UNKNOWN_NAME, word.span, text).expected("one of internet, inside");
                    self.report(unknown.maybe_help(diagnostics::did_you_mean(other, ["internet", "inside"])));
                    continue;
                }
            };
            if wider > exposure {
                (exposure, place) = (wider, word.span);
            }
        }
        (exposure, place)
    }

    fn host(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Workload,
        environment: &Environment,
        exposure: Exposure,
        exposed_by: Span,
    ) -> Option<DomainName> {
        if exposure == Exposure::Nobody {
            if let Some(host) = &written.host {
                let text = format!("`{name}` has a host name, but nobody reaches it");
                self.report(
                    Diagnostic::error(BAD_VALUE, host.span, text)
                        .help("add `reached-from:`, or remove `host`"),
                );
            }
            return None;
        }
        let Some(domain) = &environment.domain else {
            let text = format!("`{name}` is served over TLS, but there is no domain for its certificate");
            self.report(
                Diagnostic::error(NEEDS_DOMAIN, exposed_by, text)
                    .help("add `domain: example.com` at the top of the blueprint"),
            );
            return None;
        };
        let host = match written.host.as_ref().map(|host| &host.value) {
            Some(Host::Apex) => domain.clone(),
            Some(Host::Label(label)) => domain.beneath(label.as_str()),
            None => domain.beneath(name.as_str()),
        };
        // Source: AWS Certificate Manager User Guide, "Quotas": the first name of a certificate has at most 64 characters.
        if host.as_str().len() > 64 {
            let text = format!("no certificate can be issued for {host}: it has more than 64 characters");
            self.report(
                Diagnostic::error(BAD_VALUE, name.span, text).help("choose a shorter `host:` or `domain:`"),
            );
        }
        Some(host)
    }

    fn unique_hosts(&mut self, environment: &Environment) {
        let mut first: HashMap<&DomainName, Span> = HashMap::new();
        for workload in &environment.workloads {
            let Some(host) = &workload.host else { continue };
            if let Some(before) = first.get(host) {
                let text = format!("two workloads are served at {host}");
                self.report(
                    Diagnostic::error(DUPLICATE_NAME, workload.name.span, text)
                        .related(*before, "the other one"),
                );
            } else {
                first.insert(host, workload.name.span);
            }
        }
    }

    /// What a workload uses, each thing once.
    fn uses(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Workload,
        environment: &Spanned<Name>,
        here: &Here,
        names: &mut Names,
        missing: &mut HashSet<(Span, SmolStr)>,
    ) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        let mut places: HashMap<Target, usize> = HashMap::new();
        let lists = [
            (&written.uses, true, true, "uses"),
            (&written.reads, true, false, "reads"),
            (&written.writes, false, true, "writes"),
        ];
        for (words, reads, writes, field) in lists {
            for word in words.iter() {
                let Some(target) = self.target(name, word, field, environment, here, names, missing) else {
                    continue;
                };
                match places.get(&target).and_then(|at| uses.get_mut(*at)) {
                    Some(there) => {
                        (there.reads, there.writes) = (there.reads || reads, there.writes || writes)
                    }
                    None => {
                        places.insert(target, uses.len());
                        uses.push(Use { target, reads, writes, span: word.span });
                    }
                }
            }
        }
        uses
    }

    #[expect(clippy::too_many_arguments, reason = "one line of a blueprint, and everything it is judged by")]
    fn target(
        &mut self,
        name: &Spanned<Name>,
        word: &Spanned<Word>,
        field: &str,
        environment: &Spanned<Name>,
        here: &Here,
        names: &mut Names,
        missing: &mut HashSet<(Span, SmolStr)>,
    ) -> Option<Target> {
        let target = here.get(word.as_str()).copied();
        match target {
            None if names.broken.contains(word.as_str()) => None,
            None if !names.has(word.as_str()) => {
                let unknown = names.unknown(word.as_str(), word.span);
                if missing.insert((word.span, "".into())) {
                    self.report(unknown);
                }
                None
            }
            None => {
                // One environment is enough to show it: the others are missing it for the same line.
                if missing.insert((word.span, word.as_str().into())) {
                    let text = format!("`{name}` {field} `{word}`, which does not exist in `{environment}`");
                    let absent = Diagnostic::error(USES_MISSING, word.span, text)
                        .related(environment.span, "in this environment");
                    self.report(absent.help("let both exist in the same environments"));
                }
                None
            }
            Some(Target::Workload(_)) if word.as_str() == name.as_str() => {
                self.report(
                    Diagnostic::error(BAD_VALUE, word.span, format!("`{name}` uses itself"))
                        .help("remove it"),
                );
                None
            }
            Some(Target::Workload(_)) if field != "uses" => {
                let text = format!(
                    "`{word}` is a workload, which is called, not {}",
                    if field == "reads" { "read" } else { "written" }
                );
                self.report(Diagnostic::error(BAD_VALUE, word.span, text).help("write it under `uses:`"));
                None
            }
            found => found,
        }
    }

    fn settings(&mut self, written: &written::Workload) -> Vec<(Spanned<SmolStr>, Spanned<SmolStr>)> {
        for (key, _) in &written.settings.0 {
            let first = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !first || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let text = format!("`{}` is not the name of an environment variable", key.value);
                self.report(
                    Diagnostic::error(BAD_VALUE, key.span, text)
                        .expected("letters, digits and `_`, not beginning with a digit"),
                );
            }
        }
        written.settings.0.clone()
    }
}
