//! The proof of an "unreachable", beside the packets that were followed.
//!
//! In: a question whose packets do not get through. Out: [`Certified`]: the certificate of the engine over all packets, checked.
//! Always: the certificate speaks of every packet of the question, whatever its source port and whatever is not known, and is
//! believed only as far as the checker accepts it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Question, Subject, Tracer};
use crate::certificate::{Checked, Claim, End, Refused};
use crate::engine::Engine;
use crate::model::{Addresses, OfficeId, PortRange, Role};
use crate::simulate::{ICMP, ICMPV6};

/// What became of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certified {
    /// It was checked: no packet of the question is ever answered.
    Checked(Checked),
    /// There is none, and why.
    None(&'static str),
    /// The checker refused it: the answer is not to be believed.
    Refused(Refused),
}

impl Tracer<'_> {
    /// Looks for the certificate that a question's packets are never answered, and checks it.
    #[must_use]
    pub fn certified(&self, engine: &mut Engine<'_>, question: &Question) -> Certified {
        let Some(claim) = self.claim(question) else {
            return Certified::None("an end is no end that the engine over all packets knows");
        };
        let Some(certificate) = engine.certificate(claim) else {
            return Certified::None(
                "the engine over all packets cannot rule it out for every packet and every unknown",
            );
        };
        match certificate.check(self.network()) {
            Ok(checked) => Certified::Checked(checked),
            Err(refused) => Certified::Refused(refused),
        }
    }

    /// What a question's "unreachable" claims; `None` where an end is nobody the model knows.
    fn claim(&self, question: &Question) -> Option<Claim> {
        let from = self.named(&question.from.subject)?;
        let sends = |end: &End| match end {
            End::Interface(id) => {
                self.network().interfaces.get(id.at()).is_some_and(|one| one.role == Role::Host)
            }
            _ => true,
        };
        if !from.iter().all(sends) {
            return None;
        }
        let one = |protocol: u8, port: u16| ((protocol, protocol), PortRange { first: port, last: port });
        let services = match question.protocol {
            // Echo requests. Source: RFC 792; RFC 4443.
            ICMP | ICMPV6 => vec![one(ICMP, 8), one(ICMPV6, 128)],
            6 | 17 => vec![one(question.protocol, question.port)],
            other => vec![((other, other), PortRange::ALL)],
        };
        let to = self.named(&question.to.subject)?;
        Some(Claim { from, to, services, answered: true, ..Claim::default() })
    }

    fn named(&self, subject: &Subject) -> Option<Vec<End>> {
        let ends = match subject {
            Subject::Internet => vec![End::Internet(None)],
            Subject::Office(office) => vec![End::Office(*office)],
            Subject::Interfaces(ids) => ids.iter().map(|id| End::Interface(*id)).collect(),
            Subject::Address(ip) => self.at(*ip),
        };
        (!ends.is_empty()).then_some(ends)
    }

    fn at(&self, ip: IpAddr) -> Vec<End> {
        let mut found: Vec<End> = self.simulator.with_private(ip).map(End::Interface).collect();
        if found.is_empty() {
            found.extend(self.simulator.with_public(ip).map(End::Interface));
        }
        if !found.is_empty() {
            return found;
        }
        for (at, office) in self.network().offices.iter().enumerate() {
            let (Addresses::Known(set) | Addresses::AtLeast(set, _)) = &office.networks;
            if set.contains(ip) {
                return vec![End::Office(OfficeId::from_position(at))];
            }
        }
        let outside = crate::simulate::Addr::exact(ip).is_routed();
        outside.then(|| End::Internet(Some(IpNet::from(ip)))).into_iter().collect()
    }
}
