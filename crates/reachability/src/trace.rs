//! Can this reach that? By names or addresses, with the way or all that is in it.
//!
//! In: a [`Network`] and two ends as people write them. Out: a [`Trace`]. Always: a name that means nothing, or several
//! things, is a [`Mistake`] with suggestions and no answer; where an end is many (an environment, the internet), the
//! answer is "reachable" when one of them reaches one of the others, and shows which.

mod certify;
mod ends;
mod flows;
mod opening;

use crate::model::{InterfaceId, Network, is_door};
use crate::simulate::{Doubt, Effect, Flow, Hop, Outcome, Simulator, Verdict};
pub use certify::Certified;
pub use ends::{End, Mistake, Subject};
pub use opening::opening;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// From where.
    pub from: End,
    /// To where.
    pub to: End,
    /// IANA number of the protocol.
    pub protocol: u8,
    /// Destination port; 0 for protocols without.
    pub port: u16,
}

/// An answer with its reasons.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The question.
    pub question: Question,
    /// The answer.
    pub verdict: Verdict,
    /// The flow that was followed and what came of it; `None` where there was none to follow.
    pub followed: Option<(Flow, Outcome)>,
    /// How many pairs of ends there are, and how many were looked at.
    pub pairs: (usize, usize),
    /// The answer's reason in one line.
    pub reason: String,
}

/// Answers questions about one network.
#[derive(Debug)]
pub struct Tracer<'n> {
    simulator: Simulator<'n>,
    names: ends::Names,
}

impl<'n> Tracer<'n> {
    /// Look-ups over a network, made once.
    #[must_use]
    pub fn new(network: &'n Network) -> Self {
        Self { simulator: Simulator::new(network), names: ends::Names::of(network) }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &'n Network {
        self.simulator.network()
    }

    /// The simulator.
    #[must_use]
    pub fn simulator(&self) -> &Simulator<'n> {
        &self.simulator
    }

    /// What a text names. See [`End`].
    ///
    /// # Errors
    /// Where it names nothing, or several things.
    pub fn end(&self, text: &str) -> Result<End, Mistake> {
        self.names.end(self.network(), text)
    }

    /// Answers a question.
    #[must_use]
    pub fn trace(&self, question: Question) -> Trace {
        let mut trace = self.straight(question);
        if trace.verdict == Verdict::Unreachable
            && trace.question.from.subject == Subject::Internet
            && let Some(door) = self.door(&trace.question)
        {
            trace.verdict = Verdict::Unknown;
            trace.reason = format!("not straight, but by the door {door}: it depends on what that forwards");
            trace.followed = None;
        }
        trace
    }

    /// A door from the internet that may reach what is asked for: CloudFront, API Gateway, Global Accelerator.
    fn door(&self, question: &Question) -> Option<String> {
        let network = self.network();
        let doors = network.hosts.iter().enumerate().filter(|(_, host)| is_door(&host.kind));
        doors.map(|(at, host)| (at, host.name.label.to_string())).find_map(|(at, label)| {
            let interfaces = network.interfaces.iter().enumerate();
            let own = interfaces.filter(|(_, interface)| interface.host.at() == at);
            let own = own.map(|(at, _)| InterfaceId::from_position(at)).collect();
            let from = End { text: label.clone(), subject: Subject::Interfaces(own) };
            let behind = self.straight(Question { from, ..question.clone() });
            (behind.verdict != Verdict::Unreachable).then_some(label)
        })
    }

    fn straight(&self, question: Question) -> Trace {
        let network = self.network();
        let flows::Flows { groups, total, looked_at, problem } = flows::flows(&self.simulator, &question);
        let pairs = (total, looked_at);
        if let Some(problem) = problem {
            let verdict = problem.verdict;
            return Trace { question, verdict, followed: None, pairs, reason: problem.reason };
        }
        let mut best: Option<(Verdict, Flow, Outcome, Option<String>)> = None;
        for group in groups {
            let Some(answer) = self.group(group) else { continue };
            let better = best.as_ref().is_none_or(|(known, ..)| rank(answer.0) > rank(*known));
            if better {
                best = Some(answer);
            }
            if best.as_ref().is_some_and(|(verdict, ..)| *verdict == Verdict::Reachable) {
                break;
            }
        }
        let Some((mut verdict, flow, outcome, note)) = best else {
            let reason = "there is nothing to follow between these ends".to_owned();
            return Trace { question, verdict: Verdict::Unknown, followed: None, pairs, reason };
        };
        let mut reason = note.unwrap_or_else(|| reason(network, verdict, &outcome));
        if verdict == Verdict::Unreachable && looked_at < total {
            verdict = Verdict::Unknown;
            reason = format!("only {looked_at} of {total} pairs of ends were looked at");
        }
        Trace { question, verdict, followed: Some((flow, outcome)), pairs, reason }
    }

    /// One pair of ends in all places where they may stand: one answer, where all places agree.
    fn group(&self, group: Vec<Vec<Flow>>) -> Option<(Verdict, Flow, Outcome, Option<String>)> {
        let mut found: Vec<(Verdict, Flow, Outcome)> = Vec::new();
        for place in group {
            let mut best: Option<(Verdict, Flow, Outcome)> = None;
            for flow in place {
                let outcome = self.simulator.run(&flow);
                let verdict = outcome.verdict;
                if best.as_ref().is_none_or(|(known, ..)| rank(verdict) > rank(*known)) {
                    best = Some((verdict, flow, outcome));
                }
                if verdict == Verdict::Reachable {
                    break;
                }
            }
            found.extend(best);
        }
        let first = found.first()?.0;
        if found.iter().all(|(verdict, ..)| *verdict == first) {
            let (verdict, flow, outcome) = found.into_iter().next()?;
            return Some((verdict, flow, outcome, None));
        }
        let note = "it depends on which of its subnets an end stands in".to_owned();
        let shown = found.into_iter().find(|(verdict, ..)| *verdict != Verdict::Reachable)?;
        Some((Verdict::Unknown, shown.1, shown.2, Some(note)))
    }
}

impl Trace {
    /// The hops to show: of the way that passes, or the one with the fewest things in the way.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        let Some((_, outcome)) = &self.followed else { return &[] };
        let stops = |hops: &[Hop]| hops.iter().filter(|hop| hop.effect == Effect::Stops).count();
        let best = outcome.paths.iter().min_by_key(|path| (stops(&path.hops), path.hops.len()));
        best.map_or(&[], |path| &path.hops)
    }

    /// Everything that stops the packet or its reply on the way shown, each once.
    #[must_use]
    pub fn blocks(&self) -> Vec<&Hop> {
        let mut out: Vec<&Hop> = Vec::new();
        for hop in self.hops().iter().filter(|hop| hop.effect == Effect::Stops) {
            if !out.contains(&hop) {
                out.push(hop);
            }
        }
        out
    }

    /// Everything that an answer that is not known depends on.
    #[must_use]
    pub fn doubts(&self) -> Vec<&Doubt> {
        match &self.followed {
            Some((_, outcome)) if self.verdict == Verdict::Unknown => outcome.doubts(),
            _ => Vec::new(),
        }
    }
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Unreachable => 0,
        Verdict::Unknown => 1,
        Verdict::Reachable => 2,
    }
}

fn reason(network: &Network, verdict: Verdict, outcome: &Outcome) -> String {
    match verdict {
        Verdict::Reachable => "there and back".to_owned(),
        Verdict::Unreachable => {
            let blocks = outcome.blocks();
            let first = blocks.first().map_or_else(String::new, |hop| hop_text(hop));
            match blocks.len() {
                0 | 1 => first,
                more => format!("{first}; and {} more", more - 1),
            }
        }
        Verdict::Unknown => {
            let doubts = outcome.doubts();
            let shown: Vec<&str> = doubts.iter().take(3).map(|doubt| doubt.text(network)).collect();
            let more = if doubts.len() > 3 { ", and more" } else { "" };
            format!("it depends on {}{more}", shown.join(", "))
        }
    }
}

/// A hop in one line: `group web: no rule of web-sg lets it in`.
#[must_use]
pub fn hop_text(hop: &Hop) -> String {
    let back = if hop.back { "on the way back, " } else { "" };
    let place = if hop.place.is_empty() { String::new() } else { format!(" {}", hop.place) };
    format!("{back}{}{place}: {}", hop.kind.word(), hop.says)
}
