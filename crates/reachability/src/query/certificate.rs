//! Certificates of "unreachable".
//!
//! In: two classes of ends. Out: the [`Certificate`] that no packet from one to the other is answered. Always: `None` where
//! the answer is another, or where it rests on what no closed set says: that a firewall certainly sees only one way of a
//! connection, and ends it.

use super::{Ends, Reach};
use crate::certificate::{Certificate, Claim, End};
use crate::engine::atoms::Owner;

impl Reach<'_> {
    /// The certificate that nothing passes from some ends to others and is answered.
    pub fn certificate(&mut self, from: &Ends, to: &Ends) -> Option<Certificate> {
        let claim = Claim {
            from: self.named(from),
            to: self.named(to),
            answered: true,
            cut_attachments: self.cuts.attachments.clone(),
            cut_peerings: self.cuts.peerings.clone(),
            cut_gateways: self.cuts.gateways.clone(),
            ..Claim::default()
        };
        self.engine.certificate(claim)
    }

    /// The certificate that nothing that some ends send ever arrives at others.
    pub fn one_way_certificate(&mut self, from: &Ends, to: &Ends) -> Option<Certificate> {
        let claim = Claim {
            from: self.named(from),
            to: self.named(to),
            cut_attachments: self.cuts.attachments.clone(),
            cut_peerings: self.cuts.peerings.clone(),
            cut_gateways: self.cuts.gateways.clone(),
            ..Claim::default()
        };
        self.engine.certificate(claim)
    }

    fn named(&self, ends: &Ends) -> Vec<End> {
        let mut out = Vec::new();
        for owner in ends.owners() {
            match self.engine.space.atoms.owners.get(owner.at()) {
                Some(Owner::Internet) => out.push(End::Internet(None)),
                Some(Owner::Office(office)) => out.push(End::Office(*office)),
                Some(Owner::Interfaces(members)) => out.extend(members.iter().map(|at| End::Interface(*at))),
                None => {}
            }
        }
        out
    }
}
