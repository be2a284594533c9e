//! Packets that go around the firewalls.
//!
//! In: ends. Out: every way on which packets between them and the internet cross no firewall endpoint. Always: firewalls
//! are taken to let nothing through, so that whatever still arrives has avoided them; both directions are asked, and
//! answers on their own, since a way back may differ from the way there.

use super::{Ends, Packet, Reach};
use crate::engine::atoms::OwnerId;
use crate::engine::packets::SOURCE;
use crate::engine::spread::{Mode, Place};

/// Which way packets go around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Around {
    /// From the internet.
    Inbound,
    /// To the internet.
    Outbound,
    /// Answers to what came from the internet through a firewall.
    Answers,
}

/// A packet that crosses no firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    /// Which way.
    pub around: Around,
    /// The packet; for answers the one that is answered.
    pub packet: Packet,
    /// Whether it is certain; otherwise something unknown would have to allow it.
    pub certain: bool,
}

impl Reach<'_> {
    /// Packets between the internet and ends that may cross no firewall: one witness for each way and end.
    pub fn around_firewalls(&mut self, ends: &Ends) -> Vec<Bypass> {
        let mut found = Vec::new();
        let internet = self.internet();
        let from_internet = self.field(SOURCE, &internet);
        let from_ends = self.field(SOURCE, ends);
        for (around, sent) in [(Around::Inbound, from_internet), (Around::Outbound, from_ends)] {
            let [may, must] = [Mode::May, Mode::Must].map(|mode| {
                let mut question = self.question(mode, sent);
                question.avoid_firewalls = true;
                question.proxies = false;
                self.engine.ask_one_way(&question)
            });
            let places: Vec<_> = may.there.places().collect();
            for (place, set) in places {
                let hit = match (around, place) {
                    (Around::Inbound, Place::At(owner)) => ends.owners.contains(&owner),
                    (Around::Outbound, Place::AtInternet) => true,
                    _ => false,
                };
                if !hit {
                    continue;
                }
                let sure = must.there.at(place);
                let sure = self.engine.space.store.and(sure, set);
                let certain = !sure.is_empty();
                if let Some(packet) = self.witness(if certain { sure } else { set }) {
                    found.push(Bypass { around, packet, certain });
                }
            }
        }
        self.answers_around(ends, from_internet, &mut found);
        found
    }

    /// Answers that come home to the internet without a firewall though firewalls are on the way there.
    fn answers_around(
        &mut self,
        ends: &Ends,
        from_internet: crate::engine::bdd::Set,
        found: &mut Vec<Bypass>,
    ) {
        let mut question = self.question(Mode::May, from_internet);
        question.proxies = false;
        question.avoid_firewalls_back = true;
        let outcome = self.engine.ask(&question);
        let home = self.engine.answers_at(&outcome, Place::FromInternet);
        for owner in ends.owners().filter(|owner| *owner != OwnerId(0)) {
            let to = Ends { owners: [owner].into() };
            let to = self.field(crate::engine::packets::DESTINATION, &to);
            let mine = self.engine.space.store.and(home, to);
            if let Some(packet) = self.witness(mine)
                && !found.iter().any(|known| known.packet.to == owner)
            {
                found.push(Bypass { around: Around::Answers, packet, certain: false });
            }
        }
    }
}
